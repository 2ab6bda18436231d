"""A second look at metadata that may have been read in the middle of a rewrite, and at orphans.

MLflow truncates metadata before it writes it anew, and makes a directory before its metadata: what
looks broken for a moment is believed only when it still does a moment later.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace

from mlruns_tui.disk import look
from mlruns_tui.model.store import Experiment, Run, experiment_key

from . import layout
from .being_made import BEING_MADE, is_being_made
from .draft import Draft
from .files import read_experiment, reread_run
from .listing import Folder
from .pulse import Pulse

_LATER_S = 0.25
"""How long after the first look; MLflow itself retries an empty file for 0.3 s."""


class Doubts:
    """Entries that are shown as if nothing was wrong with them until they were read again."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._entries: dict[str, Experiment | Run] = {}
        """By key: what they are if the first look was right."""
        self._newest = 0.0

    def experiment(self, entry: Experiment) -> Experiment:
        """What to show of an experiment in doubt."""
        self._note(entry.key, entry)
        return replace(entry, state="ok", reason="")

    def runs(self, runs: Sequence[Run], in_doubt: Sequence[str]) -> list[Run]:
        """What to show of these runs, some of which (by id) are in doubt."""
        names = set(in_doubt)
        shown = []
        for run in runs:
            if run.run_id in names and run.state == "malformed":
                self._note(run.key, run)
                run = replace(run, state="ok", reason="")
            shown.append(run)
        return shown

    def _note(self, key: str, entry: Experiment | Run) -> None:
        if key not in self._entries:
            self._newest = time.monotonic()
        self._entries[key] = entry

    def believe(self) -> None:
        """There is no time for a second look: the first one counts."""
        for entry in self._entries.values():
            self._settle(entry)
        self._entries.clear()

    def look_again(self, folders: Sequence[Folder], root_fd: int, pulse: Pulse) -> None:
        """Read everything in doubt once more, and look once more for the metadata of orphans."""
        while self._entries and (left := self._newest + _LATER_S - time.monotonic()) > 0:
            pulse()
            time.sleep(min(left, 0.02))
        by_path = {one.path: one for one in folders}
        for entry in self._entries.values():
            pulse()
            if isinstance(entry, Run):
                folder = by_path.get(entry.path.rpartition("/")[0])
                again = reread_run(folder, entry.run_id, root_fd, pulse) if folder is not None else None
                self._settle(_unless_being_made(again or entry, root_fd))
            elif (folder := by_path.get(entry.path)) is not None:
                read_experiment(folder, root_fd)
                self._settle(folder.experiment or entry)
        self._entries.clear()
        for experiment in self._draft.experiments():
            if experiment.state == "orphaned":
                pulse()
                self._confirm(experiment, root_fd)

    def _settle(self, entry: Experiment | Run) -> None:
        """Give an entry what its metadata turned out to say, keeping what was counted and measured."""
        draft = self._draft
        if isinstance(entry, Experiment):
            now = draft.experiment(entry.key)
            if now is not None:
                draft.put_experiment(
                    replace(
                        entry,
                        runs=now.runs,
                        readable_inside=now.readable_inside,
                        keep=now.keep,
                        owner=now.owner,
                        size=now.size,
                        trouble=now.trouble,
                    )
                )
            return
        key = experiment_key(entry.place, entry.experiment_id)
        for index, run in enumerate(draft.runs_of(key)):
            if run.run_id == entry.run_id:
                kept = replace(
                    entry, parent=run.parent, keep=run.keep, owner=run.owner, size=run.size, trouble=run.trouble
                )
                draft.put_run(key, index, kept)
                return

    def _confirm(self, experiment: Experiment, root_fd: int) -> None:
        """An orphan is one only when all of it could be looked at and its metadata is still missing."""
        if "unreadable" in experiment.trouble:
            reason = "meta.yaml is missing, and part of it cannot be read"
            self._draft.put_experiment(replace(experiment, state="malformed", reason=reason))
            return
        try:
            there = look.exists(layout.join(experiment.path, layout.META), root_fd)
        except OSError:
            there = True
        if there:
            reason = "meta.yaml was written while the store was read"
            self._draft.put_experiment(replace(experiment, state="malformed", reason=reason))


def _unless_being_made(run: Run, root_fd: int) -> Run:
    """A run MLflow has not finished creating is none that is broken."""
    if run.state != "malformed":
        return run
    try:
        fd = look.open_path(root_fd, run.path)
    except OSError:
        return run
    try:
        return replace(run, state="ok", reason=BEING_MADE) if is_being_made(fd) else run
    finally:
        os.close(fd)
