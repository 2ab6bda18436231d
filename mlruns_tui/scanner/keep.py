"""The tag a user sets on a run or experiment that must stay."""

from __future__ import annotations

from typing import Final

from mlruns_tui.model.text import safe

KEEP_TAG: Final = "keep"
_NOT_KEPT: Final = frozenset({"false", "0", "no"})


UNUSABLE: Final = "(cannot be read)"
"""Stands for the value of a tag that is there, but is no small readable file: it may say anything."""


def keeps(value: str) -> str:
    """``keep=VALUE`` when a tag ``keep`` with this value keeps its run, else empty.

    An empty value keeps: somebody set the tag. Only a plain denial does not.
    """
    value = value.strip()
    return "" if value.lower() in _NOT_KEPT else f"{KEEP_TAG}={safe(value, 200)}"
