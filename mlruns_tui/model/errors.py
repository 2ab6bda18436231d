"""The one error of the program, and what each kind of it means to a shell.

A damaged run is never an error: it is a value in the snapshot. Errors are for what stops a command.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes, the same for every command."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    SOME_FAILED = 3
    STALE = 4
    DAMAGED = 5
    FINDINGS = 10
    LOCKED = 11
    INTERRUPTED = 130


class MlrunsError(Exception):
    """Something that stops a command.

    ``code`` is a stable word for scripts (``no-such-store``), ``message`` says what happened and what
    was left as it was, ``path`` where, ``hint`` what to do next.
    """

    exit_code: Exit = Exit.FAILED

    def __init__(self, code: str, message: str, *, path: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.path = path
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.code, self.message, self.path, self.hint))


def _rebuild(kind: type[MlrunsError], code: str, message: str, path: str, hint: str) -> MlrunsError:
    return kind(code, message, path=path, hint=hint)


class UsageError(MlrunsError):
    """The command cannot be carried out as given: a wrong path, a wrong option, nothing was touched."""

    exit_code = Exit.USAGE


class StaleError(MlrunsError):
    """The store is no longer the one the plan was made for; nothing was done."""

    exit_code = Exit.STALE


class LockedError(MlrunsError):
    """Somebody else changes the store, or an unfinished batch must be settled first."""

    exit_code = Exit.LOCKED


class DamagedError(MlrunsError):
    """A backup does not hold what its manifest says."""

    exit_code = Exit.DAMAGED
