"""``--unsafe-KIND``: one protection set aside, for one plan."""

from __future__ import annotations

from typing import Any, Final

import click

from mlruns_tui.model.words import LIFTABLE

UNSAFE: Final = {
    "model-version": "runs a registered model version is made from",
    "logged-model": "runs a logged model comes from",
    "parent": "parents of runs that stay",
    "running": "runs that never ended and may be alive",
    "too-fresh": "what was written to a moment ago",
    "other-owner": "what belongs to another user",
    "keep-tag": "what is tagged to be kept",
    "default-experiment": "experiment 0, which MLflow never makes again",
    "last-experiment": "the last one, so that MLflow switches to a database",
    "unclaimed": "artifacts of a database that was not found",
}


def unsafe_options(function: Any) -> Any:
    """The options, each a flag named ``unsafe_KIND``."""
    for kind in sorted(LIFTABLE, reverse=True):
        function = click.option(f"--unsafe-{kind}", f"unsafe_{kind.replace('-', '_')}", is_flag=True, hidden=True)(
            function
        )
    return function
