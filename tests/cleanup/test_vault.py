"""Looking at what is kept: without a vault, with a broken one, and never changing anything."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cleanup import statedir
from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.purge import purge
from mlruns_tui.cleanup.restore import restore, undo
from mlruns_tui.cleanup.vault import batches, show
from mlruns_tui.model.errors import DamagedError, MlrunsError, UsageError
from mlruns_tui.model.words import VAULT_NAME

A, C = "1/" + "a" * 32, "1/" + "c" * 32


def test_a_store_without_a_vault_has_no_batches(store: Any, compare: Any) -> None:
    before = store.manifest()
    assert batches(str(store.root)) == ()
    assert compare(before, store.manifest()) == []
    assert not store.vault.exists()


def test_no_store_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name in ("missing", "file"):
        with pytest.raises(UsageError) as caught:
            batches(str(tmp_path / name))
        assert caught.value.code == "no-such-store"


def test_batches_are_looked_up_on_the_disk_newest_first(store: Any) -> None:
    first, second, third = apply(store.plan(A)), apply(store.plan(C)), apply(store.plan("2"))
    purge(str(store.root), second.id)
    undo(str(store.root))
    listed = batches(str(store.root))
    assert [(one.id, one.state) for one in listed] == [
        (third.id, "restored"), (second.id, "purged"), (first.id, "moved"),
    ]  # fmt: skip
    assert listed[2] == show(str(store.root), first.id)
    assert listed[2].size_bytes == listed[2].items[0].item.size_bytes
    assert listed[2].rules == ("old > 30 d",)
    assert listed[2].uid == os.geteuid()
    assert listed[2].finished_ms is not None
    assert listed[2].finished_ms >= listed[2].created_ms


def test_skipped_items_keep_their_reason(store: Any) -> None:
    plan = store.plan(A, C)
    shutil.rmtree(store.root / A)
    batch = apply(plan)
    kept = show(str(store.root), batch.id)
    assert [(one.outcome, one.error) for one in kept.items] == [(one.outcome, one.error) for one in batch.items]


def test_data_removed_by_hand_is_missing(store: Any) -> None:
    batch = apply(store.plan(A, C))
    shutil.rmtree(store.root / batch.items[0].now_at)
    assert [one.place for one in show(str(store.root), batch.id).items] == ["missing", "moved"]
    assert show(str(store.root), batch.id).state == "partly"
    shutil.rmtree(store.vault / "batches" / batch.id / "data")
    assert show(str(store.root), batch.id).state == "missing"
    with pytest.raises(MlrunsError) as caught:
        undo(str(store.root))
    assert caught.value.code == "broken-batch"


def test_without_its_journal_a_batch_is_still_found_and_put_back(store: Any, compare: Any) -> None:
    before = store.manifest()
    batch = apply(store.plan(A, C))
    os.unlink(store.vault / "batches" / batch.id / "journal")
    (listed,) = batches(str(store.root))
    assert [one.place for one in listed.items] == ["moved", "moved"]
    assert undo(str(store.root)).state == "restored"
    assert compare(before, store.manifest()) == []


def test_a_disk_mounted_under_another_number_is_the_same_store(store: Any, compare: Any) -> None:
    """After a restart the kernel may number the disks in another order."""
    before = store.manifest()
    first = apply(store.plan(A))
    undo(str(store.root))
    second = apply(store.plan(C))
    for batch in (first, second):
        folder = store.vault / "batches" / batch.id
        number = f'"device":{os.stat(store.root).st_dev}'
        text = (folder / "plan.json").read_text()
        assert text.count(number) == 2
        (folder / "plan.json").write_text(text.replace(number, '"device":12345'))
        (folder / "journal").unlink()
    listed = {one.id: one.items[0] for one in batches(str(store.root))}
    # Without a journal "restored" and "never moved" are one: what counts is that it was recognised.
    assert (listed[first.id].place, listed[first.id].now_at) == ("in-place", A)
    assert listed[second.id].place == "moved"
    assert restore(str(store.root), second.id).state == "restored"
    assert compare(before, store.manifest()) == []


def edit(**values: Any) -> Any:
    def change(text: str) -> str:
        data = json.loads(text)
        data["plan"]["items"][0].update(values)
        return json.dumps(data)

    return change


BROKEN = {
    "empty": lambda text: "",
    "truncated": lambda text: text[: len(text) // 2],
    "not JSON": lambda text: "plan",
    "a list": lambda text: "[]",
    "nested deeply": lambda text: "[" * 100_000,
    "newer format": lambda text: text.replace('"format":1', '"format":2'),
    "unknown field": lambda text: text.replace('"uid":', '"gid":1,"uid":'),
    "another batch's": lambda text: text.replace('"plan":{"id":"2026', '"plan":{"id":"2027'),
    "out of the store": edit(path="../../etc", steps=[{"kind": "move-out", "path": "../../etc"}]),
    "absolute": edit(path="/etc", steps=[{"kind": "move-out", "path": "/etc"}]),
    "the store itself": edit(path="", steps=[{"kind": "move-out", "path": ""}]),
    "the vault": edit(path=VAULT_NAME, steps=[{"kind": "move-out", "path": VAULT_NAME}]),
    "steps elsewhere": edit(steps=[{"kind": "move-out", "path": "2"}]),
    "wrong type": edit(size_bytes="many"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_plan_is_a_row_that_says_so_and_its_data_stay(store: Any, how: str, tree_manifest: Any) -> None:
    good = apply(store.plan(C))
    bad = apply(store.plan(A))
    file = store.vault / "batches" / bad.id / "plan.json"
    file.write_text(BROKEN[how](file.read_text()))
    kept = tree_manifest(store.vault / "batches" / bad.id)
    rows = {one.id: one for one in batches(str(store.root))}
    assert rows[good.id].state == "moved"
    assert (rows[bad.id].state, rows[bad.id].items) == ("missing", ())
    assert "its plan cannot be used" in rows[bad.id].messages[0]
    assert "what it keeps was left as it is" in rows[bad.id].messages[0]
    for call in (restore, purge, show):
        with pytest.raises(DamagedError):
            call(str(store.root), bad.id)
    with pytest.raises(DamagedError):
        undo(str(store.root))
    assert tree_manifest(store.vault / "batches" / bad.id) == kept
    # It stands in nobody's way.
    assert restore(str(store.root), good.id).state == "restored"
    assert apply(store.plan(C)).state == "moved"


def test_strange_things_among_the_batches_do_not_hide_the_others(store: Any) -> None:
    batch = apply(store.plan(A))
    folder = store.vault / "batches"
    (folder / "file").write_text("")
    (folder / "empty").mkdir()
    (folder / os.fsdecode(b"\xff\x1b[31m")).mkdir()
    os.symlink("/", folder / "link")
    os.mkfifo(folder / "fifo")
    (folder / "fifos").mkdir()
    os.mkfifo(folder / "fifos" / "plan.json")
    listed = batches(str(store.root))
    assert {one.state for one in listed if one.id != batch.id} == {"missing"}
    assert [one.state for one in listed if one.id == batch.id] == ["moved"]
    assert all(one.id.isprintable() for one in listed)


@pytest.mark.parametrize("kind", ["link", "file"])
def test_a_vault_that_is_no_folder_is_refused_and_nothing_is_changed(
    store: Any, tmp_path: Path, kind: str, compare: Any, tree_manifest: Any
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if kind == "link":
        os.symlink(elsewhere, store.vault)
    else:
        store.vault.write_text("")
    before, there = store.manifest(), tree_manifest(elsewhere)
    plan = store.plan(A)
    for call in (lambda: batches(str(store.root)), lambda: apply(plan), lambda: undo(str(store.root))):
        with pytest.raises(MlrunsError) as caught:
            call()
        assert caught.value.code == "bad-vault"
    assert compare(before, store.manifest()) == []
    assert tree_manifest(elsewhere) == there


def test_a_vault_of_a_newer_version_is_left_alone(store: Any) -> None:
    apply(store.plan(A))
    (store.vault / "vault.json").write_text('{"format": 2}')
    with pytest.raises(MlrunsError) as caught:
        undo(str(store.root))
    assert caught.value.code == "newer-vault"
    assert batches(str(store.root))[0].state == "moved"


@pytest.mark.parametrize("remove", ["vault.json", "README", "lock", "reserve", ".gitignore", "batches"])
def test_a_vault_that_lost_a_part_still_works(store: Any, remove: str) -> None:
    (store.root / "first").mkdir()
    apply(store.plan("first"))
    undo(str(store.root))
    if (store.vault / remove).is_dir():
        shutil.rmtree(store.vault / remove)
    else:
        os.unlink(store.vault / remove)
    assert apply(store.plan(A)).state == "moved"
    assert undo(str(store.root)).state == "restored"


def test_the_vault_is_not_for_others_unless_the_store_is(store: Any) -> None:
    os.chmod(store.root, 0o755)
    batch = apply(store.plan(A))
    assert os.stat(store.vault).st_mode & 0o7777 == 0o750
    assert os.stat(store.vault / "batches" / batch.id).st_mode & 0o7777 == 0o750
    assert os.stat(store.vault / "batches" / batch.id / "plan.json").st_mode & 0o7777 == 0o640


def test_members_of_the_stores_group_share_the_vault_whatever_the_umask(store: Any) -> None:
    os.chmod(store.root, 0o2770)
    before = os.umask(0o077)
    try:
        batch = apply(store.plan(A))
    finally:
        os.umask(before)
    modes = {
        name: os.stat(store.vault / name).st_mode & 0o7777 for name in (".", "batches", "lock", f"batches/{batch.id}")
    }
    assert modes == {".": 0o2770, "batches": 0o2770, "lock": 0o660, f"batches/{batch.id}": 0o2750}


def test_looking_makes_no_call_that_changes_anything(store: Any, strace: str, tmp_path: Path) -> None:
    apply(store.plan(A))
    log = tmp_path / "log"
    script = "import sys\nfrom mlruns_tui.cleanup.vault import batches, show\n[show(sys.argv[1], b.id) for b in batches(sys.argv[1])]"
    calls = (
        "?rename,?renameat,?renameat2,?mkdir,?mkdirat,?unlink,?unlinkat,?rmdir,?write,?pwrite64,?ftruncate,?fsync,"
        "?utimensat,?fchmod,?chmod,?chown,?fchown,?flock,?fallocate,?symlinkat,?linkat,openat"
    )
    subprocess.run(
        [strace, "-f", "-qq", "-o", log, "-e", f"trace={calls}", sys.executable, "-B", "-c", script, store.root],
        check=True,
    )
    lines = log.read_text(errors="replace").splitlines()
    assert any(VAULT_NAME in line for line in lines)
    changing = [
        line for line in lines if "openat(" not in line or "O_CREAT" in line or "O_RDWR" in line or "O_WRONLY" in line
    ]
    assert changing == []


def test_a_batch_whose_plan_is_in_the_state_directory_is_listed(store: Any, compare: Any) -> None:
    before = store.manifest()
    batch = apply(store.plan(A))
    folder = Path(statedir.path(str(store.root)))
    folder.mkdir(parents=True)
    (folder / batch.id).mkdir()
    for name in ("plan.json", "journal"):
        shutil.move(store.vault / "batches" / batch.id / name, folder / batch.id / name)
    (listed,) = batches(str(store.root))
    assert (listed.state, listed.vault) == ("moved", str(folder / batch.id))
    assert undo(str(store.root)).state == "restored"
    assert compare(before, store.manifest()) == []


def test_what_a_lost_plan_left_beside_the_experiments_is_a_row(store: Any) -> None:
    os.rename(store.root / C, store.root / f"20261122-0000-0000-0{VAULT_NAME}")
    (listed,) = batches(str(store.root))
    assert (listed.id, listed.state) == ("20261122-0000-0000", "missing")
    assert "made on a full disk" in listed.messages[0]
