"""Sizes of everything in a store, entry by entry: runs first, then what is around them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from mlruns_tui.disk import look
from mlruns_tui.model.quick import measured_run
from mlruns_tui.model.store import Experiment, Run, Size, Stray
from mlruns_tui.model.words import TRASH_NAME

from . import layout
from .crew import Crew
from .draft import Draft
from .keep import UNUSABLE, keeps
from .pulse import Pulse
from .sizes import (
    closed_tags_words,
    measure,
    measure_files,
    measure_row,
    measure_run_row,
    read_tag,
    unreadable,
)
from .tally import Ledger, Measured
from .tasks import Part, Row, Task, Work

MEASURE = "measure"
MEASURE_RUN = "measure run"
WORKS: dict[str, Work] = {MEASURE: measure_row, MEASURE_RUN: measure_run_row}


_NO_TAGS: Final = ("", "", "")


def sized_run(run: Run, size: Size, tags: tuple[str, str, str], owner: int, trouble: tuple[str, ...]) -> Run:
    """The same run, with what looking through its directory showed. ``tags``: what its parent, what keeps it, its
    name, as far as its tags say."""
    name, parent, keep = run.name, run.parent, run.keep
    if run.record == "file":
        parent, keep, named = tags
        name = name or named
    return measured_run(run, name, parent, keep, owner, size, trouble)


@dataclass(slots=True)
class _Open:
    """An experiment whose directory is being gone through."""

    experiment: Experiment
    runs: dict[str, int]
    """By name, the places in the draft of the runs that have a directory in it."""
    elsewhere: list[int]
    """Places of the runs that have none in it."""
    whole: Ledger
    owner: int = -1
    left: int = 0
    """Directories in it that were not looked through yet."""
    around: set[str] = field(default_factory=set)


class Measuring:
    """Goes through a whole store once. Every step fills in the draft; ``total`` grows as it goes."""

    def __init__(self, draft: Draft, root_fd: int, pulse: Pulse, crew: Crew) -> None:
        self._draft = draft
        self._root_fd = root_fd
        self._pulse = pulse
        self._crew = crew
        self._device = os.fstat(root_fd).st_dev
        self._sum = Ledger()

    def experiments(self) -> Iterator[None]:
        """Every experiment that has a directory, and every stray that stands in the place of one."""
        for part in self._crew.work(self._tasks(), self._draft.number_of_runs()):
            self._take(part)
            self._draft.total = self._sum.size()
            yield

    def _tasks(self) -> Iterator[Task]:
        for experiment in self._draft.experiments():
            if "link" in experiment.trouble or not experiment.path:
                self._without_directory(experiment)
            elif experiment.size is None:
                yield from self._open(experiment)

    def _without_directory(self, experiment: Experiment) -> None:
        for index, run in enumerate(self._draft.runs_of(experiment.key)):
            self._draft.put_run(experiment.key, index, replace(run, size=Size()))
            self._draft.runs_sized += 1
        self._draft.rest(experiment.key)
        status = self._lstat(experiment.path) if experiment.path else None
        size = Size(newest_ns=status.st_mtime_ns) if status is not None else Size()
        owner = status.st_uid if status is not None else -1
        self._draft.put_experiment(replace(experiment, size=size, owner=owner))

    def _lstat(self, path: str) -> os.stat_result | None:
        try:
            return os.stat(path, dir_fd=self._root_fd, follow_symlinks=False)
        except OSError:
            return None

    def _open(self, experiment: Experiment) -> Iterator[Task]:
        """List an experiment's directory: what is to be gone through in it."""
        draft = self._draft
        try:
            fd = look.open_path(self._root_fd, experiment.path)
        except OSError:
            draft.put_experiment(replace(experiment, trouble=_with(experiment.trouble, {"unreadable"})))
            return
        try:
            own = os.fstat(fd)
            if own.st_dev != self._device:
                draft.put_experiment(replace(experiment, trouble=_with(experiment.trouble, {"other-device"})))
                return
            opened = _Open(experiment, {}, [], Ledger(), own.st_uid)
            opened.whole.newest_ns = own.st_mtime_ns
            opened.whole.trouble.update(experiment.trouble)
            measured, below = measure_files(fd, self._device, self._pulse)
        finally:
            os.close(fd)
        opened.whole.add(measured)
        self._sum.add(measured)
        there = set(below)
        for index, run in enumerate(draft.runs_of(experiment.key)):
            if run.path and run.run_id in there and run.path == f"{experiment.path}/{run.run_id}":
                opened.runs[run.run_id] = index
            else:
                opened.elsewhere.append(index)
        runs = draft.runs_of(experiment.key)
        named: list[str] = []
        nameless: list[str] = []
        for name, index in opened.runs.items():
            (named if runs[index].name else nameless).append(name)
        opened.around = there.difference(opened.runs)
        opened.left = len(there)
        if not there:
            self._close(opened)
        tasks = (
            Task(MEASURE_RUN, experiment.path, named, (self._device, False), opened),
            Task(MEASURE_RUN, experiment.path, nameless, (self._device, True), opened),
            Task(MEASURE, experiment.path, sorted(opened.around), self._device, opened),
        )
        yield from (one for one in tasks if one.names)

    def _take(self, part: Part) -> None:
        opened: _Open = part.task.owner
        if part.error is not None:
            # The folder itself went away, or was closed, since it was listed.
            is_gone = isinstance(part.error, FileNotFoundError)
            part.rows = [(0, 0, 0, 0, -1, None if is_gone else unreadable(part.error))] * part.missed
        is_run = part.task.work == MEASURE_RUN
        names = part.task.names[part.start : part.start + len(part.rows)]
        for name, row in self._take_plain(opened, names, part.rows) if is_run else zip(names, part.rows, strict=True):
            measured = Measured(row)
            if is_run:
                self._run(opened, name, measured)
            elif not self._around(name, f"{opened.experiment.path}/{name}", measured):
                continue
            opened.whole.add(measured)
            self._sum.add(measured)
        opened.left -= len(part.rows)
        if not opened.left:
            self._close(opened)

    def _take_plain(self, opened: _Open, names: list[str], rows: list[Row]) -> list[tuple[str, Row]]:
        """Take the runs of which there is nothing to say but sizes, nearly all of them; the others are returned."""
        left: list[tuple[str, Row]] = []
        runs, places = self._draft.runs_of(opened.experiment.key), opened.runs
        total = allocated = files = newest = count = 0
        for name, row in zip(names, rows, strict=True):
            size_bytes, allocated_bytes, number, newest_ns, owner, more = row
            if more is not None or owner < 0:
                left.append((name, row))
                continue
            index = places[name]
            run = runs[index]
            total += size_bytes
            allocated += allocated_bytes
            files += number
            if newest_ns > newest:
                newest = newest_ns
            count += 1
            size = Size(size_bytes, allocated_bytes, number, newest_ns)
            runs[index] = sized_run(run, size, _NO_TAGS, owner, run.trouble)
        for whole in (opened.whole, self._sum):
            whole.add_plain(total, allocated, files, newest)
        self._draft.runs_sized += count
        self._draft.put_runs(opened.experiment.key, runs)
        return left

    def _run(self, opened: _Open, name: str, measured: Measured) -> None:
        key, index = opened.experiment.key, opened.runs[name]
        run = self._draft.runs_of(key)[index]
        trouble = _with(run.trouble, measured.trouble) if measured.trouble else run.trouble
        if measured.closed:
            self._draft.closed_tags[run.path] = closed_tags_words(run.path, measured.closed)
        if measured.owner < 0:
            status = self._lstat(run.path)
            owner = status.st_uid if status is not None else -1
            self._draft.put_run(key, index, replace(run, trouble=trouble, owner=owner))
        else:
            tags = (measured.parent, measured.keep, measured.name) if measured.tags else _NO_TAGS
            self._draft.put_run(key, index, sized_run(run, measured.size(), tags, measured.owner, trouble))
        self._draft.runs_sized += 1

    def _close(self, opened: _Open) -> None:
        """All of an experiment was gone through."""
        experiment, key = opened.experiment, opened.experiment.key
        keep = experiment.keep
        if experiment.record == "file":
            keep = self._keep(experiment.path)
        for index in opened.elsewhere:
            self._run_elsewhere(key, index)
        trouble = _with(experiment.trouble, opened.whole.trouble)
        size = opened.whole.size()
        self._draft.put_experiment(replace(experiment, size=size, owner=opened.owner, trouble=trouble, keep=keep))
        self._draft.rest(key)

    def _keep(self, path: str) -> str:
        """What keeps the experiment in the folder ``path``."""
        try:
            fd = look.open_path(self._root_fd, path)
        except OSError:
            return ""
        try:
            value = read_tag(fd, "tags/keep")
        except NotADirectoryError:
            return ""
        except OSError:
            value = UNUSABLE
        finally:
            os.close(fd)
        return keeps(value) if value is not None else ""

    def _run_elsewhere(self, key: str, index: int) -> None:
        """A run without a directory here: a link, a row of a database, or gone since the listing."""
        run = self._draft.runs_of(key)[index]
        status = self._lstat(run.path) if run.path else None
        newest, owner = (status.st_mtime_ns, status.st_uid) if status is not None else (0, run.owner)
        self._draft.put_run(key, index, replace(run, size=Size(newest_ns=newest), owner=owner))
        self._draft.runs_sized += 1

    def _around(self, name: str, path: str, measured: Measured) -> bool:
        """Note a directory that is no run; whether it counts. Our own are counted apart."""
        if layout.is_own(name):
            self._draft.backup_bytes += measured.size_bytes
            self._draft.strays[path] = Stray(path, "own", "backups of this program", measured.size())
            return False
        stray = self._draft.strays.get(path)
        if stray is not None:
            self._draft.strays[path] = replace(stray, size=measured.size())
        return True

    def around(self) -> Iterator[None]:
        """Everything else: files in the root and the trash, the registry, strays, our own backups."""
        experiments = {one.path for one in self._draft.experiments()}
        yield from self._place(self._root_fd, "", experiments)
        try:
            fd = look.open_directory(TRASH_NAME, self._root_fd)
        except OSError:
            return
        try:
            yield from self._place(fd, TRASH_NAME, experiments)
        finally:
            os.close(fd)

    def _place(self, fd: int, prefix: str, experiments: set[str]) -> Iterator[None]:
        tally, below = measure_files(fd, self._device, self._pulse)
        self._count(tally)
        for name in sorted(below):
            path = layout.join(prefix, name)
            if path in experiments or path == TRASH_NAME:
                continue
            if path == layout.REGISTRY:
                self._registry(fd)
            else:
                measured = measure(fd, name, self._device, self._pulse)
                if self._around(name, path, measured):
                    self._count(measured)
            yield

    def _registry(self, root_fd: int) -> None:
        try:
            fd = look.open_directory(layout.REGISTRY, root_fd)
        except OSError:
            return
        try:
            tally, below = measure_files(fd, self._device, self._pulse)
            self._count(tally)
            sizes = {}
            for name in below:
                one = measure(fd, name, self._device, self._pulse)
                self._count(one)
                sizes[f"{layout.REGISTRY}/{name}"] = one.size()
        finally:
            os.close(fd)
        self._draft.models = [replace(one, size=sizes.get(one.path)) for one in self._draft.models]

    def _count(self, measured: Measured) -> None:
        self._sum.add(measured)
        self._draft.total = self._sum.size()


def _with(trouble: tuple[str, ...], more: set[str] | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*trouble, *sorted(more))))
