"""Questions on a terminal; without one, the option that answers them."""

from __future__ import annotations

from typing import Any

import click

from mlruns_tui.model.errors import UsageError


class ConfirmationNeeded(UsageError):
    """Nobody can be asked; ``plan`` is what would be confirmed, for the error document."""

    def __init__(self, message: str, hint: str, plan: dict[str, Any] | None = None) -> None:
        super().__init__("confirmation-needed", message, hint=hint)
        self.plan = plan


def needs_force(what: str, plan: dict[str, Any] | None = None) -> ConfirmationNeeded:
    """The error for a command that must not go on unasked."""
    return ConfirmationNeeded(f"{what}; nothing was changed", "add --force to do it", plan)


def confirm(question: str) -> None:
    """Raises UsageError unless the answer is yes; Enter is no."""
    if not click.confirm(question, default=False, err=True):
        raise _declined()


def type_number(question: str, number: int) -> None:
    """The number must be typed, because it must be read first. Raises UsageError for any other answer."""
    answer: str = click.prompt(question, default="", show_default=False, err=True)
    if answer.strip().replace(",", "") != str(number):
        raise _declined()


def _declined() -> UsageError:
    return UsageError("declined", "nothing was changed")
