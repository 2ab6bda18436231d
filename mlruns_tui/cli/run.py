"""Finding the command, running it, and turning whatever stops it into one line and an exit code."""

from __future__ import annotations

import contextlib
import io
import os
import sys

import click

from mlruns_tui.model.errors import Exit, MlrunsError, UsageError
from mlruns_tui.model.text import safe

from .console import put_json, tell
from .group import program

DEBUG = "MLRUNS_TUI_DEBUG"


def run(arguments: list[str]) -> int:
    """Run one command; its exit code."""
    try:
        code = program.main(args=list(arguments), prog_name="mlruns-tui", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:
        return ended_by(error, arguments)
    return code if isinstance(code, int) else Exit.DONE


def ended_by(error: BaseException, arguments: list[str]) -> int:
    """Say what stopped a command; its exit code."""
    if isinstance(error, MlrunsError):
        return _stopped(error, arguments)
    if isinstance(error, click.ClickException):
        return _stopped(_usage(error), arguments)
    if isinstance(error, KeyboardInterrupt | EOFError | click.Abort):
        return _stopped(Interrupted(), arguments)
    if isinstance(error, BrokenPipeError) or (isinstance(error, OSError) and _is_output(error)):
        return unwritten(error)
    return _broken(error, arguments)


class Interrupted(MlrunsError):
    """Ctrl-C where nothing was being changed."""

    exit_code = Exit.INTERRUPTED

    def __init__(self, message: str = "interrupted; nothing was changed") -> None:
        super().__init__("interrupted", message)


def _usage(error: click.ClickException) -> UsageError:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "mlruns-tui"
    return UsageError("usage", safe(error.format_message()), hint=f"{' '.join(command.split())} --help")


def _stopped(error: MlrunsError, arguments: list[str]) -> int:
    if _wants_json(arguments):
        from mlruns_tui.report.json_values import error_document

        plan = getattr(error, "plan", None)
        put_json(error_document(error, {"plan": plan} if plan is not None else None))
    else:
        tell(f"mlruns-tui: {_sentence(error)}")
    _details(error)
    return error.exit_code


def _sentence(error: MlrunsError) -> str:
    path = safe(error.path)
    where = f"{path}: " if path and path not in error.message else ""
    hint = f" ({error.hint})" if error.hint else ""
    return f"{where}{error.message}{hint}".replace("\n", " ")


def _wants_json(arguments: list[str]) -> bool:
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in options or "--ndjson" in options


def _is_output(error: OSError) -> bool:
    """Whether it was raised where lines are written out, ours and the help's."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code is click.echo.__code__


def unwritten(error: OSError) -> int:
    """Stdout takes no more: its reader has enough, the disk is full, or broke."""
    if isinstance(error, BrokenPipeError):
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdout.fileno())
        return Exit.FAILED
    # What is left for it would be tried again at the end of the process, and complained about.
    sys.stdout = io.StringIO()
    why = error.strerror or str(error)
    failed = MlrunsError(
        "output-failed",
        f"the output could not be written: {why}; it is not complete, and nothing in the store depends on it",
    )
    with contextlib.suppress(OSError):
        tell(f"mlruns-tui: {_sentence(failed)}")
    return failed.exit_code


def _broken(error: BaseException, arguments: list[str]) -> int:
    """A fault of this program's own: said as such, without a traceback unless asked for one."""
    what = safe(f"{type(error).__name__}: {error}", 300)
    hint = "" if os.environ.get(DEBUG) else f"{DEBUG}=1 shows where; please report it with that"
    internal = MlrunsError("internal-error", f"a fault of the program itself: {what}", hint=hint)
    internal.__cause__ = error
    return _stopped(internal, arguments)


def _details(error: MlrunsError) -> None:
    if os.environ.get(DEBUG):
        import traceback

        cause = error.__cause__ or error
        traceback.print_exception(type(cause), cause, cause.__traceback__)
