"""The shape of a row of the table code → what MLflow does, and the words its columns are written in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from mlruns_tui.model.words import Impact

Version: TypeAlias = tuple[int, ...]
Remedy = Literal["remove", "repair", "none"]
Migration = Literal["ok", "fails", "orphans-runs"]
Area = Literal["experiments", "models", "runs", "logged models", "traces", "run", "nothing"]
"""What listing, search or entry an impact is about, for the sentence that says so."""

STORE: Final = "breaks-store"
EXPERIMENT: Final = "breaks-experiment"
RUN: Final = "breaks-run"
WARNS: Final = "warns"
HIDDEN: Final = "hidden"
SILENT: Final = "silent"

FIRST: Final[Version] = (0,)
NEWEST_KNOWN: Final = "3.17.2"

Since: TypeAlias = tuple[Version, Impact | None]
"""From this version of MLflow on; None: no defect there at all."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known of one code."""

    impact: tuple[Since, ...]
    """Ascending; the last one not newer than the version holds."""
    what: str
    """What is wrong in a few words; ``{}`` stands for the symptom's detail."""
    area: Area = "runs"
    migration: Migration = "ok"
    """``orphans-runs`` only where the symptom counts runs."""
    remedy: Remedy = "none"
    remedy_alone: Remedy | None = None
    """The remedy when no run hangs on it; None: the same."""
    alone: Impact | None = None
    """The impact when no run needs it …"""
    alone_before: Version = FIRST
    """… with MLflow older than this; 0: it makes no difference."""
    hides: Literal["", "inside", "all", "assessments"] = ""
    """MLflow reads nothing else of the entry: ``inside`` its metadata file was read, ``all`` not even that.
    ``assessments``: of a trace only those are not read, but those of the trace whose id it states."""
    skips: bool = False
    """The migration reads nothing else of the entry."""
    cause: str = ""
    unseen: bool = False
    """Nobody here looked at what it is about."""


ALWAYS: Final[Version] = (10_000,)


def fact(
    impact: Impact | tuple[Since, ...] | None,
    what: str,
    area: Area = "runs",
    *,
    migration: Migration = "ok",
    remedy: Remedy = "none",
    remedy_alone: Remedy | None = None,
    alone: Impact | None = None,
    alone_before: Version = FIRST,
    hides: Literal["", "inside", "all", "assessments"] = "",
    skips: bool = False,
    cause: str = "",
) -> Fact:
    """A row; ``impact`` alone stands for every version."""
    steps = impact if isinstance(impact, tuple) else ((FIRST, impact),)
    return Fact(steps, what, area, migration, remedy, remedy_alone, alone, alone_before, hides, skips, cause)


def since(*steps: Since) -> tuple[Since, ...]:
    """Impacts from version to version, the oldest first."""
    return steps


def parse_version(text: str) -> Version:
    """``3.17.2rc1`` → (3, 17, 2). Raises ValueError for a text that starts with no number."""
    parts: list[int] = []
    for part in text.strip().removeprefix("v").split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits or len(digits) > 9:
            break
        parts.append(int(digits))
        if digits != part:
            break
    if not parts:
        raise ValueError(f"{text!r:.40} is no version of MLflow")
    return tuple(parts)
