"""A fresh look at what a repair would change, and at what lost metadata can be rebuilt from.

Nothing here decides: ``triage.mending`` does. Links are not followed, sizes are bounded.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from mlruns_tui.disk import look
from mlruns_tui.model.evidence import Survey
from mlruns_tui.model.mending import Look, Spot, Wanted
from mlruns_tui.model.store import Identity, StoreInfo
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import TRASH_NAME

from . import layout
from .badlines import bad_bytes
from .checks import documents
from .mend_copies import experiments, with_copies
from .mend_exchanged import with_exchanged
from .mend_traces import moments, traces_of
from .mend_users import users_of
from .root import open_root

_FINAL: Final = (3, 4, 5)


def look_at(store: StoreInfo, wanted: Sequence[Wanted], *, brief: bool = False) -> Look:
    """Every place a repair is about, as it is now. ``brief``: of metadata files only what tells whether they can be
    rebuilt at all. Raises StaleError when the root is gone or another one."""
    root_fd = open_root(store)
    if root_fd is None:
        return Look((), {}, os.geteuid())
    try:
        if brief:
            spots = with_exchanged([_brief(one, root_fd) for one in wanted], root_fd)
            return Look(with_copies(spots, root_fd), {}, os.geteuid())
        held = look.open_files(store.identity.device)
        return _Looker(root_fd, store.root, held).all(wanted)
    finally:
        os.close(root_fd)


class _Looker:
    def __init__(self, root_fd: int, root: str, held: look.OpenFiles) -> None:
        self._fd = root_fd
        self._root = root
        self._held = held
        self._runs: dict[str, tuple[Survey, bool]] = {}
        self._read: dict[str, bool] = {}

    def all(self, wanted: Sequence[Wanted]) -> Look:
        spots = with_copies(with_exchanged([self._spot(one) for one in wanted], self._fd), self._fd)
        users = users_of([one.path for one in wanted if one.kind == "out"], self._fd)
        spots = tuple(replace(one, users=users.get(one.wanted.path, ())) for one in spots)
        names: dict[str, str] = {}
        for path in experiments(self._fd):
            meta = documents.read(f"{path}/{layout.META}", self._fd)
            if isinstance(meta.value.get("name"), str):
                names[path] = meta.value["name"]
        return Look(spots, names, os.geteuid(), self._held.unchecked, look.in_container())

    def _spot(self, wanted: Wanted) -> Spot:
        above, _, name = wanted.path.rpartition("/")
        try:
            look.split(wanted.path)
            parent_fd = look.open_path(self._fd, above)
        except OSError as error:
            return Spot(wanted, error=_why(error))
        try:
            status = os.fstat(parent_fd)
            spot = Spot(
                wanted,
                Identity(status.st_dev, status.st_ino),
                status.st_uid,
                parent_changed_ns=status.st_mtime_ns,
            )
            spot = self._what_is_there(spot, parent_fd, name)
            run, is_over = self._run(wanted)
            experiment = _experiment_of(wanted)
            is_read = not experiment or self._is_read(experiment)
            spot = replace(spot, run=run, run_is_over=is_over, experiment=experiment, experiment_is_read=is_read)
            if wanted.kind == "bytes" and spot.survey is not None:
                return self._with_bytes(spot, parent_fd, name)
            if wanted.kind not in ("out", "folder", "bytes"):
                return replace(spot, traces=traces_of(wanted, parent_fd, self._fd))
            return spot
        except OSError as error:
            return Spot(wanted, error=_why(error))
        finally:
            os.close(parent_fd)

    def _what_is_there(self, spot: Spot, parent_fd: int, name: str) -> Spot:
        try:
            survey = look.survey(parent_fd, name, self._held)
        except FileNotFoundError:
            writable = os.access(".", os.W_OK | os.X_OK, dir_fd=parent_fd, effective_ids=_EFFECTIVE)
            return replace(spot, locked="" if writable else "no permission to write to its directory")
        status = os.stat(name, dir_fd=parent_fd, follow_symlinks=False)
        return replace(spot, survey=survey, locked=look.why_not_movable(parent_fd, name, status))

    def _run(self, wanted: Wanted) -> tuple[Survey | None, bool]:
        """The run something lies in, and whether it says that it ended. Raises OSError."""
        run_id = next((one.run_id for one in wanted.findings if one.run_id), "")
        parts = wanted.path.split("/")
        if not run_id or run_id not in parts[:-1]:
            return None, False
        path = "/".join(parts[: parts.index(run_id) + 1])
        if path not in self._runs:
            above, _, name = path.rpartition("/")
            fd = look.open_path(self._fd, above)
            try:
                meta = documents.read(f"{name}/{layout.META}", fd).value
                is_over = meta.get("status") in _FINAL and bool(moments(meta.get("end_time")))
                self._runs[path] = look.survey(fd, name, self._held), is_over
            finally:
                os.close(fd)
        return self._runs[path]

    def _is_read(self, experiment: str) -> bool:
        if experiment not in self._read:
            state = documents.read(f"{experiment}/{layout.META}", self._fd).state
            self._read[experiment] = state in ("ok", "elsewhere", "unjudged")
        return self._read[experiment]

    @staticmethod
    def _with_bytes(spot: Spot, parent_fd: int, name: str) -> Spot:
        codes = {one.code for one in spot.wanted.findings}
        of_model = any(code.startswith("logged-model") for code in codes)
        found = bad_bytes(name, parent_fd, codes, of_model=of_model)
        return replace(
            spot, drop=found.text, dropped=found.dropped, shortened=found.shortened, lines=found.lines, error=found.why
        )


def _brief(wanted: Wanted, root_fd: int) -> Spot:
    """A metadata file: what it says, and of an experiment's what else there is."""
    try:
        fd = look.open_path(root_fd, wanted.path.rpartition("/")[0])
    except OSError as error:
        return Spot(wanted, error=_why(error))
    try:
        status = os.fstat(fd)
        traces = traces_of(wanted, fd, root_fd, brief=True)
        return Spot(wanted, Identity(status.st_dev, status.st_ino), status.st_uid, traces=traces)
    except OSError as error:
        return Spot(wanted, error=_why(error))
    finally:
        os.close(fd)


_EFFECTIVE = os.access in os.supports_effective_ids


def _experiment_of(wanted: Wanted) -> str:
    """Path of the experiment that holds the place."""
    parts = wanted.path.split("/")
    depth = 2 if parts[0] == TRASH_NAME else 1
    own = wanted.kind == "experiment" or not wanted.findings[0].experiment_id
    return "" if own or len(parts) <= depth else "/".join(parts[:depth])


def _why(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "it is not there any more"
    return f"cannot be looked at: {safe(look.words(error))}"
