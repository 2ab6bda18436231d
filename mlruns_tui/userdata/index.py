"""The last complete snapshot of a store, kept for the next start. A cache: it may be removed at any time.

It is shown at once while the store is read again behind it, and decides nothing. Only this user can read it.
"""

from __future__ import annotations

import marshal
import os
from collections.abc import Iterator, Mapping
from operator import attrgetter
from struct import Struct
from typing import Any, Final

from mlruns_tui.disk import look
from mlruns_tui.model.quick import quick_run, quick_size
from mlruns_tui.model.store import Experiment, Reference, RegisteredModel, Run, Size, Snapshot, StoreInfo, Stray

from .places import cache_directory, store_name, write_privately

FORMAT: Final = 2
"""Anything else that is found is passed over."""
MAX_BYTES: Final = 1 << 30
_SUM_BYTES: Final = 16
_LENGTH: Final = Struct("<Q")
Seen = tuple[int, int, int]
"""Of a directory: inode, and the times in ns its entries and its own record changed."""

_SIZE: Final = attrgetter(*Size.__match_args__)


def _values(kind: Any, *left_out: str) -> tuple[list[str], Any]:
    names = [name for name in kind.__match_args__ if name not in left_out]
    return names, attrgetter(*names)


_RUN_NAMES, _RUN = _values(Run, "experiment_id", "place", "path", "size")
_EXPERIMENT_NAMES, _EXPERIMENT = _values(Experiment, "size")
_STRAY_NAMES, _STRAY = _values(Stray, "size")
_MODEL_NAMES, _MODEL = _values(RegisteredModel, "size")
_REFERENCE_NAMES, _REFERENCE = _values(Reference)
_SHAPE: Final = [_RUN_NAMES, _EXPERIMENT_NAMES, _STRAY_NAMES, _MODEL_NAMES, _REFERENCE_NAMES]
"""Written down too: fields that came or went make it another format."""


def save_index(snapshot: Snapshot, seen: Mapping[str, Seen]) -> None:
    """Keep a complete snapshot; ``seen``: what its experiments' directories are, by path. Raises OSError."""
    write_privately(_folder(), store_name(snapshot.store), _pieces(snapshot, seen))


def _pieces(snapshot: Snapshot, seen: Mapping[str, Seen]) -> Iterator[bytes]:
    """What is written: first all but the runs, then those of one experiment after the other, so that no more than
    one is in memory a second time."""
    store = snapshot.store
    yield _piece(
        (
            FORMAT,
            _SHAPE,
            (store.root, store.identity.inode, store.kind, store.database),
            dict(seen),
            [(_EXPERIMENT(one), _size(one.size)) for one in snapshot.experiments],
            list(snapshot.runs),
            [(_STRAY(one), _size(one.size)) for one in snapshot.strays],
            [(_MODEL(one), _size(one.size)) for one in snapshot.models],
            [_REFERENCE(one) for one in snapshot.references],
            (snapshot.backup_bytes, _SIZE(snapshot.total)),
        )
    )
    for runs in snapshot.runs.values():
        yield _piece([(_RUN(run), run.experiment_id, run.place, run.path, _size(run.size)) for run in runs])


def _piece(value: Any) -> bytes:
    data = marshal.dumps(value)
    return _LENGTH.pack(len(data)) + _sum(data) + data


def _values_in(data: bytes) -> Iterator[Any]:
    """The values of all pieces. Raises ValueError for one that is torn: it must not reach marshal, which trusts
    what it reads."""
    at, view = 0, memoryview(data)
    while at < len(data):
        begin = at + _LENGTH.size + _SUM_BYTES
        if begin > len(data):
            raise ValueError("torn")
        (length,) = _LENGTH.unpack_from(data, at)
        at = begin + length
        if at > len(data) or _sum(view[begin:at]) != view[begin - _SUM_BYTES : begin]:
            raise ValueError("torn")
        yield marshal.loads(view[begin:at])


def load_index(store: StoreInfo) -> tuple[Snapshot, dict[str, Seen]] | None:
    """What was kept of this store, and of which directories; None when there is nothing that can be used."""
    try:
        data = look.read_small(os.path.join(_folder(), store_name(store)), limit=MAX_BYTES)
        pieces = _values_in(data)
        kept = next(pieces, None)
        if kept is None or kept[:2] != (FORMAT, _SHAPE) or kept[2][:2] != (store.root, store.identity.inode):
            return None
        _, _, _, seen, experiments, keys, strays, models, references, (backup_bytes, total) = kept
        snapshot = Snapshot(
            store=store,
            experiments=_named(Experiment, _EXPERIMENT_NAMES, experiments),
            runs={key: tuple(map(_run, inside)) for key, inside in zip(keys, pieces, strict=True)},
            strays=_named(Stray, _STRAY_NAMES, strays),
            models=_named(RegisteredModel, _MODEL_NAMES, models),
            references=tuple(Reference(*one) for one in references),
            backup_bytes=backup_bytes,
            total=Size(*total),
        )
    except (OSError, ValueError, TypeError, EOFError, LookupError):
        return None
    return snapshot, seen


def _sum(data: bytes | memoryview) -> bytes:
    from hashlib import blake2b

    return blake2b(data, digest_size=_SUM_BYTES).digest()


def _folder() -> str:
    return os.path.join(cache_directory(), "index")


def _size(size: Size | None) -> Any:
    return None if size is None else _SIZE(size)


def _named(kind: Any, names: list[str], kept: Any) -> tuple[Any, ...]:
    return tuple(kind(**dict(zip(names, one, strict=True)), size=quick_size(size)) for one, size in kept)


def _run(kept: Any) -> Run:
    """Positional, for a name a field would take four times as long."""
    (
        run_id, state, reason, name, status, stage, user_id, start, end, deleted, record, parent, keep, owner, trouble,
    ), experiment_id, place, path, size = kept  # fmt: skip
    return quick_run(
        experiment_id, run_id, place, state, reason, name, status, stage, user_id, start, end, deleted, record, path,
        parent, keep, owner, quick_size(size), trouble,
    )  # fmt: skip
