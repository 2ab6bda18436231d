"""One reading of a whole store, told while it goes on.

In the order somebody wants to know: which experiments there are and how many runs, then the runs, then
sizes. What has no metadata is judged only when everything that could claim it has been read.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

from mlruns_tui.model.protocols import Stop
from mlruns_tui.model.store import Experiment, Run, Size, Snapshot, StoreInfo, experiment_key
from mlruns_tui.model.text import safe

from . import database, detect, files, layout, measuring
from .crew import Crew
from .database import Contents
from .deciding import Decision, Knowledge, decide
from .doubts import Doubts
from .draft import Draft
from .files import RunsRead, read_experiment
from .gathering import Gathered, gather
from .listing import Folder, Listing, link_experiment, list_store
from .measuring import Measuring
from .packed import PackedRuns
from .pulse import Halted, Pulse
from .registry import Inside
from .sqlite import Unreadable
from .tasks import Row

TELL_EVERY_S = 0.1
_NOTHING_KNOWN = (
    "Directories without meta.yaml and no database beside them. Nothing here is called orphaned; "
    "name the database with --database."
)
_SOMETHING_UNKNOWN = (
    "Some directories hold only artifacts, of a database that is not beside them. They are left alone; "
    "name the database with --database."
)


class Scan:
    """State of one reading. Iterate ``snapshots`` once."""

    def __init__(
        self,
        store: StoreInfo,
        root_fd: int | None,
        given: str | None,
        previous: Snapshot | None,
        stop: Stop,
        listing: Listing | None = None,
        processes: int | None = None,
        small: bool = False,
    ):
        """``listing``: of the root, if there is one already; ``processes``: see ``Crew``; ``small``: see ``Draft``."""
        self.draft = Draft(store, previous, small)
        self._small = small
        self.gathered: Gathered | None = None
        self._root_fd = root_fd
        self._given = given
        self._pulse = Pulse(stop)
        self._listing = listing or Listing()
        self._is_listed = listing is not None
        self._reads: dict[str, RunsRead] = {}
        self._found = detect.Found()
        self._contents: list[Contents] = []
        self._owner = ""
        self._doubts = Doubts(self.draft)
        self._crew: Crew | None = None
        self._processes = processes

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
            self._doubts.believe()
            self.draft.stage = "stopped"
        finally:
            if self._crew is not None:
                self._crew.close()
                self.draft.say(self._crew.troubles)
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
            self._crew = Crew(self._root_fd, self._pulse, files.WORKS | measuring.WORKS, self._processes)
            yield from self._read_runs(self._crew)
        self._read_databases()
        yield False
        self._judge()
        self.draft.stage = "sizes"
        yield True
        if self._root_fd is not None and self._crew is not None:
            sizes = Measuring(self.draft, self._root_fd, self._pulse, self._crew)
            for _ in sizes.experiments():
                yield False
            for _ in sizes.around():
                yield False
            self._doubts.look_again(self._listing.folders, self._root_fd, self._pulse)
        else:
            self._without_root()
        self._conclude()

    def _list(self, root_fd: int) -> None:
        if not self._is_listed:
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
        if self._owner in self._found.brief:
            rows = self._found.brief[self._owner].experiments
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
                self.draft.put_experiment(self._doubts.experiment(shown) if folder.doubt else shown)
        for place, name in self._listing.links:
            link = link_experiment(place, name)
            self.draft.put_experiment(link)
            self.draft.put_runs(link.key, [])

    def _ask(self, path: str) -> Contents | None:
        """Read a database; one that fails is said, and then makes everything without metadata stay."""
        try:
            return database.read(path, self._pulse)
        except Unreadable as error:
            self._found.blind = self._found.blind or path
            self._found.messages.append(f"{safe(path)} {error}: whatever has no meta.yaml is left alone, it may be its")
            return None

    def _read_runs(self, crew: Crew) -> Iterator[bool]:
        folders = [one for one in self._listing.folders if not one.error]
        waiting: dict[str, tuple[list[Row], int]] = {}
        for folder in folders:
            number = len(folder.subdirectories)
            if number:
                waiting[folder.path] = [()] * number, number
            else:
                self._take_runs(folder, [])
        tasks = (files.reading_task(one) for one in folders if one.subdirectories)
        for part in crew.work(tasks, sum(len(one.subdirectories) for one in folders)):
            folder = part.task.owner
            rows, left = waiting[folder.path]
            if part.error is not None:
                files.not_listed(folder, part.error)
            rows[part.start : part.start + len(part.rows)] = part.rows
            left -= len(part.rows) or part.missed
            waiting[folder.path] = rows, left
            self.draft.runs_read += len(part.rows)
            if not left:
                del waiting[folder.path]
                self._take_runs(folder, rows)
            yield False

    def _take_runs(self, folder: Folder, rows: list[Row]) -> None:
        """All directories of a folder were looked at."""
        read = RunsRead() if folder.gone or folder.error else files.runs_read(folder, rows)
        self._reads[folder.path] = read
        key = experiment_key(folder.place, folder.name)
        if self.draft.experiment(key) is not None:
            shown = [
                *self._doubts.runs(read.runs, read.doubts),
                *(Run(folder.name, one, folder.place, path=f"{folder.path}/{one}") for one in read.missing),
            ]
            shown.sort(key=lambda run: run.run_id)
            self.draft.put_runs(key, shown)
            self.draft.rest(key)
        if self._small:
            read.runs = cast("list[Run]", PackedRuns(read.runs))

    def _read_databases(self) -> None:
        read = (self._ask(path) for path in self._found.paths)
        self._contents = [one for one in read if one is not None]

    def _judge(self) -> None:
        """Say what each directory is, now that everything that could claim it is known."""
        draft = self.draft
        owner = next((one for one in self._contents if one.path == self._owner), None)
        self.gathered = gather(draft.store, self._root_fd, self._listing, self._reads, self._contents, self._pulse)
        if self._found.closed:
            self.gathered.needs.may_need("model-version", "", self._found.closed, self._found.blind)
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
            if folder.gone:
                draft.drop_experiment(experiment_key(folder.place, folder.name))
                continue
            read = self._reads.get(folder.path, RunsRead())
            if self._small:
                # Looked through several times, and not needed after.
                read = replace(read, runs=list(read.runs))
            inside = self.gathered.inside.get(folder.path, Inside())
            self._take(folder, read, decide(folder, read, inside, known, self._root_fd, self._pulse))
        if owner is not None:
            there = {one.name for one in self._listing.folders if one.place == "root"}
            for row in owner.experiments.values():
                if row.experiment_id not in there:
                    runs = owner.runs.get(row.experiment_id, [])
                    draft.put_experiment(replace(row, runs=len(runs)))
                    draft.put_runs(row.key, runs)
        # Each run is made anew with its size: those without it would stay beside them until the end.
        self._reads.clear()
        draft.runs_read = draft.number_of_runs()
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
        draft.put_experiment(self._doubts.experiment(experiment) if folder.doubt else experiment)
        draft.put_runs(key, self._doubts.runs(decision.runs, read.doubts))
        draft.rest(key)

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
            draft.say([_NOTHING_KNOWN if kind == "unclaimed" else _SOMETHING_UNKNOWN])

    def _without_root(self) -> None:
        """A database whose artifacts are elsewhere, or that has none: nothing takes any space here."""
        for experiment in self.draft.experiments():
            for index, run in enumerate(self.draft.runs_of(experiment.key)):
                self.draft.put_run(experiment.key, index, replace(run, size=Size()))
            self.draft.put_experiment(replace(experiment, size=Size()))

    def _conclude(self) -> None:
        assert self.gathered is not None
        for path, by in self.draft.closed_tags.items():
            self.gathered.needs.may_need("parent", path.rpartition("/")[0], by, path)
        self.draft.references = self.gathered.needs.all(self.draft.all_runs())
