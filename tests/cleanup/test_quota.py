"""A store whose owner has no quota left: whatever makes or grows something below it fails, renames do not.

Refused by the process itself, because few kernels of test machines have quotas; the codes are the kernel's.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.pack import pack
from mlruns_tui.cleanup.purge import purge
from mlruns_tui.cleanup.restore import undo
from mlruns_tui.model.errors import MlrunsError

A, C = f"1/{'a' * 32}", f"1/{'c' * 32}"


class Quota:
    """Below ``root`` nothing more is taken; ``left`` bytes still are."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self.refused: set[str] = set()

    def check(self, what: str, path: str) -> None:
        if path == self._root or path.startswith(f"{self._root}/"):
            self.refused.add(what)
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))


def _at(path: Any, dir_fd: int | None) -> str:
    above = os.readlink(f"/proc/self/fd/{dir_fd}") if dir_fd is not None else os.getcwd()
    return os.path.join(above, os.fsdecode(path))


@pytest.fixture
def exhaust(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], Quota]]:
    with monkeypatch.context() as patched:

        def begin(root: Path) -> Quota:
            quota = Quota(root)
            opened, made, wrote, reserved = os.open, os.mkdir, os.write, os.posix_fallocate

            def open_(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
                if flags & os.O_CREAT:
                    at = _at(path, dir_fd)
                    if not os.path.lexists(at):
                        quota.check("create", at)
                return opened(path, flags, mode, dir_fd=dir_fd)

            def mkdir(path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
                quota.check("mkdir", _at(path, dir_fd))
                made(path, mode, dir_fd=dir_fd)

            def write(fd: int, data: Any) -> int:
                quota.check("write", os.readlink(f"/proc/self/fd/{fd}"))
                return wrote(fd, data)

            def fallocate(fd: int, offset: int, length: int) -> None:
                quota.check("fallocate", os.readlink(f"/proc/self/fd/{fd}"))
                reserved(fd, offset, length)

            patched.setattr(os, "open", open_)
            patched.setattr(os, "mkdir", mkdir)
            patched.setattr(os, "write", write)
            patched.setattr(os, "posix_fallocate", fallocate)
            return quota

        yield begin


def test_without_quota_and_without_a_vault_items_are_moved_and_brought_back(
    store: Any, exhaust: Any, compare: Any
) -> None:
    before = store.manifest()
    quota = exhaust(store.root)
    batch = apply(store.plan(A, C))
    assert [one.outcome for one in batch.items] == ["done"] * 2, batch
    assert any("plan and journal are kept in" in said for said in batch.messages)
    assert quota.refused
    assert undo(str(store.root)).state == "restored"
    assert compare(before, store.manifest()) == []


def test_without_quota_and_with_a_vault_items_are_moved_and_brought_back(
    store: Any, exhaust: Any, compare: Any
) -> None:
    before = store.manifest()
    first = apply(store.plan("2"))
    assert first.state == "moved"
    quota = exhaust(store.root)
    batch = apply(store.plan(A, C))
    assert [one.outcome for one in batch.items] == ["done"] * 2, batch
    assert quota.refused
    assert undo(str(store.root)).state == "restored"
    # The older batch, whose journal takes no more either.
    from mlruns_tui.cleanup.restore import restore

    assert restore(str(store.root), first.id).state == "restored"
    assert compare(before, store.manifest()) == []


def test_without_quota_a_purge_frees_and_a_packing_changes_nothing(store: Any, exhaust: Any) -> None:
    batch = apply(store.plan(A, C))
    exhaust(store.root)
    try:
        packed = pack(str(store.root), batch.id, None, 0)
    except MlrunsError as error:
        assert "no folder for archives could be made" in error.message
        assert "purge a batch first" in error.hint
    else:
        assert [one.place for one in packed.items] == ["moved", "moved"]
        assert all("Purge a batch first" in one.error for one in packed.items)
    assert not list(store.vault.glob("batches/*/pack/*"))
    purged = purge(str(store.root), batch.id)
    assert [one.outcome for one in purged.items] == ["done", "done"]
    assert purged.freed_bytes == sum(one.item.allocated_bytes for one in batch.items)


def test_without_quota_deleting_at_once_makes_its_own_room(store: Any, exhaust: Any) -> None:
    quota = exhaust(store.root)
    batch = apply(store.plan(A, C, backup=False))
    assert [one.place for one in batch.items] == ["purged", "purged"]
    assert quota.refused
    assert not (store.root / A).exists()
