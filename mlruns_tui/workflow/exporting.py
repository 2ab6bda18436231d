"""What is shown, for a file of the user's own: everything the columns need is read, then it is written at once."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mlruns_tui.disk.look import user_name
from mlruns_tui.model.errors import UsageError
from mlruns_tui.model.plan import Protection
from mlruns_tui.model.protocols import Reader, Stop
from mlruns_tui.model.store import Experiment, Run, Snapshot, StoreInfo
from mlruns_tui.model.text import safe
from mlruns_tui.model.values import RunValues
from mlruns_tui.triage.columns import kind_of, wanted_of
from mlruns_tui.triage.judging import why_kept
from mlruns_tui.triage.protection import Facts, Options
from mlruns_tui.userdata.exports import export_folder, free_name, write_export

from .filtering import read_values

__all__ = ["Gathered", "full_path", "gather", "proposed_path", "write_export"]

_MOST_STEM = 60


@dataclass(frozen=True, slots=True)
class Gathered:
    """Everything an export tells of its runs."""

    values: Mapping[str, RunValues]
    """By run key."""
    owners: Mapping[int, str]
    protected: Mapping[str, tuple[Protection, ...]]
    unreadable: int
    """Values that are there and could not be read."""


def proposed_path(store: StoreInfo, experiment: Experiment) -> str:
    """A path to propose for the runs of an experiment, where there is none yet; the home directory as ``~``."""
    name = experiment.name or experiment.experiment_id
    stem = re.sub(r"[^\w.-]+", "-", safe(name)).strip("-._")[:_MOST_STEM] or "experiment"
    folder = export_folder(store)
    path = os.path.join(folder, free_name(folder, f"{stem}-runs", ".csv"))
    home = os.path.expanduser("~")
    return "~" + path.removeprefix(home) if path.startswith(home.rstrip("/") + "/") else path


def full_path(typed: str, formats: Sequence[str]) -> str:
    """The absolute path of what was typed. Raises UsageError for an ending that is none of ``formats``."""
    path = os.path.expanduser(typed.strip())
    if os.path.splitext(path)[1].lower() not in formats:
        raise UsageError("usage", f"the name must end in {' or '.join(formats)}", path=path)
    return os.path.abspath(path)


def gather(
    reader: Reader,
    snapshot: Snapshot,
    runs: Sequence[Run],
    columns: Sequence[str],
    at_ms: int,
    stop: Stop,
    tell: Callable[[int], None],
) -> Gathered:
    """Read what the columns show of these runs; ``tell`` hears of how many so far. Raises MlrunsError."""
    found: dict[str, RunValues] = {}
    names = [one for one in columns if kind_of(one)]

    def portion(more: Mapping[str, RunValues]) -> None:
        found.update(more)
        tell(len(found))

    read_values(reader, [run.key for run in runs], wanted_of(names), stop, portion)
    owners = {user: user_name(user) for user in {run.owner for run in runs} if user >= 0} if "owner" in columns else {}
    facts = Facts(snapshot, at_ms, Options())
    protected = {}
    for key in () if stop() else [*(run.key for run in runs), *_containers(snapshot, runs)]:
        own = facts.protections(key)
        if not own and (kept := why_kept(facts, key, (), own)) is not None:
            own = [kept]
        if own:
            protected[key] = tuple(own)
    lost = sum(name in one.unreadable for one in found.values() for name in names)
    return Gathered(found, owners, protected, lost)


def _containers(snapshot: Snapshot, runs: Sequence[Run]) -> list[str]:
    return [one.key for one in snapshot.experiments if any(run.experiment_id == one.experiment_id for run in runs[:1])]
