"""The command line: one command a file, each imported when it is called."""

import sys


def main(argv: "list[str] | None" = None) -> int:
    """Run one command; its exit code. What needs no other module is answered here, before any is loaded."""
    arguments = sys.argv[1:] if argv is None else argv
    if sys.platform == "win32":
        sys.stderr.write(
            "mlruns-tui: Windows is not supported: moving and locking here rely on POSIX file systems. "
            "WSL 2 works, with the store on a Linux disk.\n"
        )
        return 2
    if arguments and arguments[0] in ("--version", "-V"):
        import mlruns_tui

        sys.stdout.write(f"mlruns-tui {mlruns_tui.__version__}\n")
        return 0
    from .run import run

    return run(arguments)
