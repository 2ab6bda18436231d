"""Sizes of everything in a store, entry by entry: runs first, then what is around them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

from mlruns_tui.disk import look
from mlruns_tui.model.store import Experiment, Run, Size, Stray
from mlruns_tui.model.words import TRASH_NAME

from . import layout
from .draft import Draft
from .keep import UNUSABLE, keeps
from .pulse import Pulse
from .sizes import Ledger, RunMeasure, Tally, closed_tags_words, measure, measure_files, measure_run, read_tag


def sized_run(run: Run, size: Size, measured: RunMeasure | None, trouble: tuple[str, ...]) -> Run:
    """The same run, with what looking through its directory showed. Faster than ``dataclasses.replace``."""
    from_files = measured is not None and run.record == "file"
    name = run.name
    if not name and from_files and measured is not None:
        name = measured.name
    return Run(
        run.experiment_id,
        run.run_id,
        run.place,
        run.state,
        run.reason,
        name,
        run.status,
        run.lifecycle_stage,
        run.user_id,
        run.start_time,
        run.end_time,
        run.deleted_time,
        run.record,
        run.path,
        measured.parent if from_files and measured is not None else run.parent,
        measured.keep if from_files and measured is not None else run.keep,
        measured.tally.owner if measured is not None else run.owner,
        size,
        trouble,
    )


class Measuring:
    """Goes through a whole store once. Every step fills in the draft; ``total`` grows as it goes."""

    def __init__(self, draft: Draft, root_fd: int, pulse: Pulse) -> None:
        self._draft = draft
        self._root_fd = root_fd
        self._pulse = pulse
        self._ledger = Ledger(os.fstat(root_fd).st_dev)
        # Our own backups share files with nobody else's count.
        self._own_ledger = Ledger(self._ledger.device)
        self._sum = Tally()

    def experiments(self) -> Iterator[None]:
        """Every experiment that has a directory, and every stray that stands in the place of one."""
        for experiment in self._draft.experiments():
            if "link" in experiment.trouble or not experiment.path:
                self._without_directory(experiment)
                yield
            elif experiment.size is None:
                yield from self._experiment(experiment)

    def _without_directory(self, experiment: Experiment) -> None:
        for index, run in enumerate(self._draft.runs_of(experiment.key)):
            self._draft.put_run(experiment.key, index, replace(run, size=Size()))
            self._draft.runs_sized += 1
        status = self._lstat(experiment.path) if experiment.path else None
        size = Size(newest_ns=status.st_mtime_ns) if status is not None else Size()
        owner = status.st_uid if status is not None else -1
        self._draft.put_experiment(replace(experiment, size=size, owner=owner))

    def _lstat(self, path: str) -> os.stat_result | None:
        try:
            return os.stat(path, dir_fd=self._root_fd, follow_symlinks=False)
        except OSError:
            return None

    def _experiment(self, experiment: Experiment) -> Iterator[None]:
        draft, key = self._draft, experiment.key
        waiting = {run.path: index for index, run in enumerate(draft.runs_of(key)) if run.path}
        nowhere = [index for index, run in enumerate(draft.runs_of(key)) if not run.path]
        self._ledger.begin_container()
        whole = Tally(trouble=set(experiment.trouble))
        try:
            fd = look.open_path(self._root_fd, experiment.path)
        except OSError:
            draft.put_experiment(replace(experiment, trouble=_with(experiment.trouble, {"unreadable"})))
            return
        try:
            own = os.fstat(fd)
            if own.st_dev != self._ledger.device:
                draft.put_experiment(replace(experiment, trouble=_with(experiment.trouble, {"other-device"})))
                return
            whole.newest_ns = own.st_mtime_ns
            tally, below = measure_files(fd, self._ledger, self._pulse)
            whole.add(tally)
            for name in sorted(below):
                path = f"{experiment.path}/{name}"
                index = waiting.pop(path, None)
                if index is not None:
                    whole.add(self._run(key, index, fd, name))
                    yield
                else:
                    whole.add(self._around(fd, name, path))
            keep = experiment.keep
            if experiment.record == "file":
                try:
                    value = read_tag(fd, "tags/keep")
                except NotADirectoryError:
                    value = None
                except OSError:
                    value = UNUSABLE
                keep = keeps(value) if value is not None else ""
            for index in (*waiting.values(), *nowhere):
                self._run_elsewhere(key, index, fd)
        finally:
            os.close(fd)
        sized = whole.less(self._ledger.container_twice)
        self._count(whole)
        trouble = _with(experiment.trouble, whole.trouble)
        draft.put_experiment(replace(experiment, size=sized.size(), owner=own.st_uid, trouble=trouble, keep=keep))
        yield

    def _run(self, key: str, index: int, fd: int, name: str) -> Tally:
        run = self._draft.runs_of(key)[index]
        measured = measure_run(fd, name, self._ledger, self._pulse)
        trouble = _with(run.trouble, measured.tally.trouble)
        if measured.closed:
            self._draft.closed_tags[run.path] = closed_tags_words(run.path, measured.closed[0])
        if measured.tally.owner < 0:
            self._draft.put_run(key, index, replace(run, trouble=trouble, owner=_owner(fd, name)))
        else:
            self._draft.put_run(key, index, sized_run(run, measured.tally.size(), measured, trouble))
        self._draft.runs_sized += 1
        return measured.tally

    def _run_elsewhere(self, key: str, index: int, fd: int) -> None:
        """A run without a directory here: a link, a row of a database, or gone since the listing."""
        run = self._draft.runs_of(key)[index]
        newest, owner = 0, run.owner
        if run.path:
            try:
                status = os.stat(run.run_id, dir_fd=fd, follow_symlinks=False)
                newest, owner = status.st_mtime_ns, status.st_uid
            except OSError:
                pass
        self._draft.put_run(key, index, replace(run, size=Size(newest_ns=newest), owner=owner))
        self._draft.runs_sized += 1

    def _around(self, parent_fd: int, name: str, path: str) -> Tally:
        """A directory that is no run. Our own are counted apart."""
        if layout.is_own(name):
            self._backup(parent_fd, name, path)
            return Tally()
        tally = measure(parent_fd, name, self._ledger, self._pulse)
        stray = self._draft.strays.get(path)
        if stray is not None:
            self._draft.strays[path] = replace(stray, size=tally.size())
        return tally

    def _backup(self, parent_fd: int, name: str, path: str) -> None:
        tally = measure(parent_fd, name, self._own_ledger, self._pulse)
        self._draft.backup_bytes += tally.size_bytes
        self._draft.strays[path] = Stray(path, "own", "backups of this program", tally.size())

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
        tally, below = measure_files(fd, self._ledger, self._pulse)
        self._count(tally)
        for name in sorted(below):
            path = layout.join(prefix, name)
            if path in experiments or path == TRASH_NAME:
                continue
            if path == layout.REGISTRY:
                self._registry(fd)
            else:
                self._count(self._around(fd, name, path))
            yield

    def _registry(self, root_fd: int) -> None:
        try:
            fd = look.open_directory(layout.REGISTRY, root_fd)
        except OSError:
            return
        try:
            tally, below = measure_files(fd, self._ledger, self._pulse)
            self._count(tally)
            sizes = {}
            for name in below:
                one = measure(fd, name, self._ledger, self._pulse)
                self._count(one)
                sizes[f"{layout.REGISTRY}/{name}"] = one.size()
        finally:
            os.close(fd)
        self._draft.models = [replace(one, size=sizes.get(one.path)) for one in self._draft.models]

    def _count(self, tally: Tally) -> None:
        self._sum.add(tally)
        self._draft.total = self._sum.less(self._ledger.store_twice).size()


def _with(trouble: tuple[str, ...], more: set[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*trouble, *sorted(more))))


def _owner(fd: int, name: str) -> int:
    try:
        return os.stat(name, dir_fd=fd, follow_symlinks=False).st_uid
    except OSError:
        return -1
