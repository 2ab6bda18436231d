"""One reading of a whole store, told while it goes on.

In the order somebody wants to know: which experiments there are and how many runs, then the runs, then
sizes. What has no metadata is judged only when everything that could claim it has been read.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

from mlruns_tui.disk import look
from mlruns_tui.model.protocols import Stop
from mlruns_tui.model.store import Experiment, Run, Size, Snapshot, StoreInfo, experiment_key
from mlruns_tui.model.text import safe

from . import database, detect, layout
from .database import Contents
from .deciding import Decision, Knowledge, decide
from .draft import Draft
from .files import (
    Folder,
    Listing,
    RunsRead,
    link_experiment,
    list_store,
    read_experiment,
    read_runs,
    reread_run,
)
from .gathering import Gathered, gather
from .measuring import Measuring
from .pulse import Halted, Pulse
from .registry import Inside
from .sqlite import Unreadable

TELL_EVERY_S = 0.1
DOUBT_S = 0.25
"""How long after the first look doubtful metadata is read again; MLflow itself waits 0.3 s for it."""
_NOTHING_KNOWN = (
    "directories without meta.yaml and no database beside them: nothing here is called orphaned; "
    "name the database with --database"
)


class Scan:
    """State of one reading. Iterate ``snapshots`` once."""

    def __init__(self, store: StoreInfo, root_fd: int | None, given: str | None, previous: Snapshot | None, stop: Stop):
        self.draft = Draft(store, previous)
        self.gathered: Gathered | None = None
        self._root_fd = root_fd
        self._given = given
        self._pulse = Pulse(stop)
        self._listing = Listing()
        self._reads: dict[str, RunsRead] = {}
        self._found = detect.Found()
        self._contents: list[Contents] = []
        self._owner = ""
        self._doubts: dict[str, tuple[float, Experiment | Run]] = {}
        """Entries whose metadata may have been read in the middle of a rewrite, by key: when, and what
        they are if it was not."""

    def snapshots(self) -> Iterator[Snapshot]:
        """Snapshots at most some ten a second, each more complete; the last is ``complete`` or ``stopped``."""
        told = 0.0
        try:
            for urgent in self._steps():
                now = time.monotonic()
                if urgent or now - told >= TELL_EVERY_S:
                    told = now
                    yield self.draft.snapshot()
            self.draft.stage = "complete"
        except Halted:
            for _, entry in self._doubts.values():
                self._put_back(entry)
            self.draft.stage = "stopped"
        yield self.draft.snapshot()

    def _steps(self) -> Iterator[bool]:
        """The reading itself. Yields where a snapshot may be taken, True where one should be."""
        if self._root_fd is not None:
            self._list(self._root_fd)
        self._find_databases()
        self._show_listing()
        yield True
        self.draft.stage = "runs"
        if self._root_fd is not None:
            yield from self._read_runs(self._root_fd)
        self._read_databases()
        yield False
        self._judge()
        self.draft.stage = "sizes"
        yield True
        if self._root_fd is not None:
            measuring = Measuring(self.draft, self._root_fd, self._pulse)
            for _ in measuring.experiments():
                yield False
            for _ in measuring.around():
                yield False
            self._look_again(self._root_fd)
        else:
            self._without_root()
        self._conclude()

    def _list(self, root_fd: int) -> None:
        self._listing = list_store(root_fd, self._pulse)
        self.draft.say(self._listing.messages)
        for folder in self._listing.folders:
            if folder.has_meta:
                self._pulse()
                read_experiment(folder, root_fd)

    def _find_databases(self) -> None:
        root = self.draft.store.root
        self._found = detect.find_databases(root, self._given, self._pulse)
        self._owner = detect.owner(self._found, self._given, self._listing, root, self._pulse)

    def _show_listing(self) -> None:
        """Experiments with their numbers of runs, as far as names alone tell."""
        rows: dict[str, Experiment] = {}
        if self._owner in self._found.paths:
            rows = self._ask(self._owner, brief=True).experiments
        for row in rows.values():
            self.draft.put_experiment(row)
        for folder in self._listing.folders:
            runs = sum(map(layout.is_hex32, folder.subdirectories)) + len(folder.links)
            shown = folder.experiment
            if shown is None and folder.place == "root" and folder.name in rows:
                shown = replace(rows[folder.name], path=folder.path)
                runs = shown.runs
            elif shown is None and (layout.is_number(folder.name) or layout.is_hex32(folder.name)):
                shown = Experiment(folder.name, folder.place, path=folder.path)
            if shown is not None:
                shown = replace(shown, runs=runs, owner=folder.owner)
                self.draft.put_experiment(self._doubtful(shown) if folder.doubt else shown)
        for place, name in self._listing.links:
            self.draft.put_experiment(link_experiment(place, name))

    def _ask(self, path: str, *, brief: bool = False) -> Contents:
        """Read a database; one that fails is said, and then makes everything without metadata stay."""
        try:
            return (database.read_experiments if brief else database.read)(path, self._pulse)
        except Unreadable as error:
            self._found.blind = self._found.blind or path
            self._found.messages.append(f"{safe(path)} {error}: whatever has no meta.yaml is left alone, it may be its")
            return Contents(path)

    def _doubtful(self, entry: Experiment) -> Experiment:
        """The entry as if nothing was wrong with it, until it is read again."""
        self._doubts.setdefault(entry.key, (time.monotonic(), entry))
        return replace(entry, state="ok", reason="")

    def _read_runs(self, root_fd: int) -> Iterator[bool]:
        for folder in self._listing.folders:
            if folder.error:
                continue
            before = self.draft.runs_read
            read = RunsRead()
            for read in read_runs(folder, root_fd, self._pulse):
                self.draft.runs_read = before + len(read.runs)
                yield False
            self._reads[folder.path] = read
            key = experiment_key(folder.place, folder.name)
            if self.draft.experiment(key) is not None:
                shown = [
                    *read.runs,
                    *(Run(folder.name, one, folder.place, path=f"{folder.path}/{one}") for one in read.missing),
                ]
                doubts = set(read.doubts)
                shown = [replace(one, state="ok", reason="") if one.run_id in doubts else one for one in shown]
                shown.sort(key=lambda run: run.run_id)
                self.draft.put_runs(key, shown)

    def _read_databases(self) -> None:
        self._contents = [self._ask(path) for path in self._found.paths]

    def _judge(self) -> None:
        """Say what each directory is, now that everything that could claim it is known."""
        draft = self.draft
        owner = next((one for one in self._contents if one.path == self._owner), None)
        self.gathered = gather(draft.store, self._root_fd, self._listing, self._reads, self._contents, self._pulse)
        known = Knowledge(
            self.gathered.needs.claims,
            time.time_ns(),
            bool(self._found.blind),
            owner.label if owner is not None else "",
            owner.experiments if owner is not None else {},
            owner.runs if owner is not None else {},
        )
        for folder in self._listing.folders:
            assert self._root_fd is not None
            self._pulse()
            read = self._reads.get(folder.path, RunsRead())
            inside = self.gathered.inside.get(folder.path, Inside())
            self._take(folder, read, decide(folder, read, inside, known, self._root_fd, self._pulse))
        if owner is not None:
            there = {one.name for one in self._listing.folders if one.place == "root"}
            for row in owner.experiments.values():
                if row.experiment_id not in there:
                    runs = owner.runs.get(row.experiment_id, [])
                    draft.put_experiment(replace(row, runs=len(runs)))
                    draft.put_runs(row.key, runs)
        draft.runs_read = sum(1 for _ in draft.all_runs())
        draft.models = list(self.gathered.registry.models)
        draft.say(self._found.messages)
        draft.say(self.gathered.messages)
        for path in self._listing.passed_over:
            draft.strays[path] = detect.passed_over(path)
        self._name_kind(owner is not None)

    def _take(self, folder: Folder, read: RunsRead, decision: Decision) -> None:
        draft = self.draft
        key = experiment_key(folder.place, folder.name)
        for stray in decision.strays:
            draft.strays[stray.path] = stray
        if decision.experiment is None:
            draft.drop_experiment(key)
            return
        experiment = decision.experiment
        draft.put_experiment(self._doubtful(experiment) if folder.doubt else experiment)
        doubts = set(read.doubts)
        runs = decision.runs
        for index, run in enumerate(runs):
            if run.run_id in doubts and run.state == "malformed":
                self._doubts[run.key] = (time.monotonic(), run)
                runs[index] = replace(run, state="ok", reason="")
        draft.put_runs(key, runs)

    def _name_kind(self, in_database: bool) -> None:
        draft = self.draft
        experiments = draft.experiments()
        in_files = any(one.record == "file" and one.state in ("ok", "malformed") for one in experiments)
        unclaimed = any(one.state == "unclaimed" for one in experiments) or any(
            run.state == "unclaimed" for run in draft.all_runs()
        )
        kind = detect.store_kind(in_files, in_database, unclaimed)
        draft.store = replace(draft.store, kind=kind, database=self._owner)
        if unclaimed and not in_database and not self._found.blind:
            draft.say([_NOTHING_KNOWN])

    def _look_again(self, root_fd: int) -> None:
        """Read doubtful metadata a second time, and look once more for that of orphans."""
        if self._doubts:
            until = max(when for when, _ in self._doubts.values()) + DOUBT_S
            while (left := until - time.monotonic()) > 0:
                self._pulse()
                time.sleep(min(left, 0.02))
        for _, entry in list(self._doubts.values()):
            if isinstance(entry, Run):
                self._reread_run(entry, root_fd)
            else:
                self._reread_experiment(entry, root_fd)
        self._doubts.clear()
        for experiment in self.draft.experiments():
            if experiment.state == "orphaned":
                self._pulse()
                self._confirm_orphan(experiment, root_fd)

    def _reread_experiment(self, entry: Experiment, root_fd: int) -> None:
        folder = next((one for one in self._listing.folders if one.path == entry.path), None)
        now = self.draft.experiment(entry.key)
        if folder is None or now is None:
            return
        read_experiment(folder, root_fd)
        if folder.experiment is not None and folder.experiment.state == "ok":
            self.draft.put_experiment(_with_facts(folder.experiment, now))
        else:
            self._put_back(folder.experiment or entry)

    def _reread_run(self, entry: Run, root_fd: int) -> None:
        folder = next((one for one in self._listing.folders if entry.path == f"{one.path}/{entry.run_id}"), None)
        again = reread_run(folder, entry.run_id, root_fd) if folder is not None else None
        self._put_back(again if again is not None else entry)

    def _put_back(self, entry: Experiment | Run) -> None:
        """Give a doubtful entry the state it turned out to have, keeping what was measured."""
        if isinstance(entry, Experiment):
            now = self.draft.experiment(entry.key)
            if now is not None:
                self.draft.put_experiment(replace(now, state=entry.state, reason=entry.reason))
            return
        key = experiment_key(entry.place, entry.experiment_id)
        for index, run in enumerate(self.draft.runs_of(key)):
            if run.run_id == entry.run_id:
                kept = replace(entry, parent=run.parent, keep=run.keep, owner=run.owner, size=run.size)
                self.draft.put_run(key, index, kept)
                return

    def _confirm_orphan(self, experiment: Experiment, root_fd: int) -> None:
        if "unreadable" in experiment.trouble:
            reason = "meta.yaml is missing, and part of it cannot be read"
            self.draft.put_experiment(replace(experiment, state="malformed", reason=reason))
            return
        try:
            there = look.exists(layout.join(experiment.path, layout.META), root_fd)
        except OSError:
            there = True
        if there:
            reason = "meta.yaml was written while the store was read"
            self.draft.put_experiment(replace(experiment, state="malformed", reason=reason))

    def _without_root(self) -> None:
        """A database whose artifacts are elsewhere, or that has none: nothing takes any space here."""
        for experiment in self.draft.experiments():
            for index, run in enumerate(self.draft.runs_of(experiment.key)):
                self.draft.put_run(experiment.key, index, replace(run, size=Size()))
            self.draft.put_experiment(replace(experiment, size=Size()))

    def _conclude(self) -> None:
        assert self.gathered is not None
        registry = self.gathered.registry
        self.draft.references = self.gathered.needs.all(self.draft.all_runs(), registry)


def _with_facts(experiment: Experiment, now: Experiment) -> Experiment:
    """What metadata says at last, with what was counted and measured meanwhile."""
    return replace(
        experiment,
        runs=now.runs,
        readable_inside=now.readable_inside,
        keep=now.keep,
        owner=now.owner,
        size=now.size,
        trouble=now.trouble,
    )
