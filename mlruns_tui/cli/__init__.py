"""The command line: one command a file, each imported when it is called."""

import gc
import io
import os
import sys


def main(argv: list[str] | None = None) -> int:
    """Run one command; its exit code. What needs no other module is answered here, before any is loaded."""
    # What is loaded to read the command line is no garbage; collecting begins with the command.
    gc.disable()
    _fill_standard_streams()
    arguments = sys.argv[1:] if argv is None else argv
    if sys.platform == "win32":
        sys.stderr.write(
            "mlruns-tui: Windows is not supported: moving and locking here rely on POSIX file systems. "
            "WSL 2 works, with the store on a Linux disk.\n"
        )
        return 2
    if arguments and arguments[0] in ("--version", "-V"):
        import mlruns_tui

        try:
            sys.stdout.write(f"mlruns-tui {mlruns_tui.__version__}\n")
            sys.stdout.flush()
        except OSError as error:
            from .run import unwritten

            return unwritten(error)
        return 0
    from .opening import is_plain, open_plainly

    if not is_plain(arguments):
        from .run import run

        return run(arguments)
    try:
        return open_plainly(arguments)
    except (Exception, KeyboardInterrupt) as error:
        from .run import ended_by

        return ended_by(error, arguments)


def _fill_standard_streams() -> None:
    """Where a standard stream is closed, no file of a store may get its number, and nobody is told anything."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)
    if sys.stdin is None:
        sys.stdin = io.StringIO()
    if sys.stdout is None:
        sys.stdout = io.StringIO()
    if sys.stderr is None:
        sys.stderr = io.StringIO()
