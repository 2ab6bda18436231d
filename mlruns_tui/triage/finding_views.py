"""What a list of findings shows, as values: like ones folded, filtered, worst first. No widget, no text style."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlruns_tui.model.findings import Finding
from mlruns_tui.model.late import dataclass
from mlruns_tui.model.store import Experiment, Run, Size, Snapshot, experiment_key, run_key
from mlruns_tui.model.words import IMPACTS, TRASH_NAME, Place

from .ordering import natural, text_filter


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One line: one finding, or several of the same kind in one experiment, model or folder."""

    key: str
    """The same for the same findings after another check."""
    findings: tuple[Finding, ...]
    where: str
    """Name of the experiment or registered model, else the path."""
    size_bytes: int = 0
    """Of what it is about, as far as known."""

    @property
    def first(self) -> Finding:
        return self.findings[0]

    @property
    def what(self) -> str:
        """What is wrong, in few words: of all of them when they are alike, else of the first."""
        return self.first.what or self.first.message


def keys_of(finding: Finding) -> list[str]:
    """Keys of the entries it is about: an experiment or stray, the run in it, a registered model."""
    place: Place = "trash" if finding.path.split("/", 1)[0] == TRASH_NAME else "root"
    if not finding.experiment_id:
        top, _, rest = finding.path.partition("/")
        return [f"model/{rest.partition('/')[0]}" if top == "models" and rest else f"stray/{finding.path}"]
    keys = [experiment_key(place, finding.experiment_id), f"stray/{finding.path}"]
    return [*keys, run_key(place, finding.experiment_id, finding.run_id)] if finding.run_id else keys


def entry_key(finding: Finding) -> str:
    """Key of what it is about: its run, else its experiment, else a registered model or a stray."""
    keys = keys_of(finding)
    return keys[-1] if finding.run_id else keys[0]


def of_entries(findings: Iterable[Finding], keys: Iterable[str]) -> tuple[Finding, ...]:
    """Those about one of these entries, or about something in one of them."""
    wanted = frozenset(keys)
    return tuple(one for one in findings if not wanted.isdisjoint(keys_of(one)))


def finding_rows(
    findings: Sequence[Finding], snapshot: Snapshot, text: str = "", migration_only: bool = False
) -> list[FindingRow]:
    """Worst impact first, then what takes most space, then by name. ``text``: every word must be in what is
    shown of it; ``migration_only``: only what stands in the way of ``mlflow migrate-filestore``."""
    entries = {one.key: one for one in snapshot.experiments}
    sizes = _Sizes(snapshot)
    matches = text_filter(text)
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for one in findings:
        if migration_only and one.migration == "ok":
            continue
        container = keys_of(one)[0]
        if matches(one.what, one.message, one.path, one.code, one.impact, one.remedy, _where(one, entries)):
            groups.setdefault((one.code, one.impact, one.migration, one.remedy, container), []).append(one)
    rows = []
    for parts, found in groups.items():
        size = max(sizes.of(entry_key(one)) for one in found)
        rows.append(FindingRow(" ".join(parts), tuple(found), _where(found[0], entries), size))
    rows.sort(key=lambda row: (IMPACTS.index(row.first.impact), -row.size_bytes, natural(row.where), row.first.path))
    return rows


def _where(finding: Finding, entries: dict[str, Experiment]) -> str:
    experiment = entries.get(keys_of(finding)[0])
    if experiment is not None:
        return experiment.name or experiment.experiment_id
    top, _, rest = finding.path.partition("/")
    return rest.partition("/")[0] if top == "models" and rest else finding.path


class _Sizes:
    """Bytes by key of an entry, runs of an experiment looked up when first asked for."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._known = {one.key: _bytes(one.size) for one in snapshot.experiments}
        self._known.update((one.key, _bytes(one.size)) for one in snapshot.strays)
        self._known.update((f"model/{one.name}", _bytes(one.size)) for one in snapshot.models)
        self._read: set[str] = set()

    def of(self, key: str) -> int:
        container, inside, _ = key.partition("/run/")
        if inside and container not in self._read:
            self._read.add(container)
            self._known.update((run.key, _bytes(run.size)) for run in self._snapshot.runs.get(container, ()))
        return self._known.get(key, 0)


def _bytes(size: Size | None) -> int:
    return size.size_bytes if size is not None else 0


def entry_of(key: str, snapshot: Snapshot) -> Experiment | Run | None:
    """The experiment or run of this key, if the snapshot has it."""
    container, inside, _ = key.partition("/run/")
    if not inside:
        return snapshot.experiment(key)
    return next((run for run in snapshot.runs.get(container, ()) if run.key == key), None)


@dataclass(frozen=True, slots=True)
class MigrationCount:
    """How ready a store is for ``mlflow migrate-filestore``."""

    findings: int = 0
    """Those that stand in the way."""
    fails: int = 0
    """Of these, how many the migration stops at."""
    loses: int = 0
    """… and how many it leaves behind without a word."""
    lost_runs: int = 0
    """Runs that would be without their experiment afterwards."""
    repairable: int = 0

    @property
    def ready(self) -> bool:
        return not self.findings


def migration_count(findings: Iterable[Finding]) -> MigrationCount:
    stops = [one for one in findings if one.migration != "ok"]
    return MigrationCount(
        len(stops),
        sum(one.migration == "fails" for one in stops),
        sum(one.migration != "fails" for one in stops),
        sum(one.runs for one in stops if one.migration != "fails"),
        sum(one.remedy == "repair" for one in stops),
    )


def merged(found: Sequence[Finding], before: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings of a check that was stopped, completed by those known before; in the usual order."""
    together = {(one.code, one.path, one.line): one for one in (*before, *found)}
    return tuple(
        sorted(
            together.values(),
            key=lambda one: (IMPACTS.index(one.impact), one.migration == "ok", one.path, one.line or 0),
        )
    )
