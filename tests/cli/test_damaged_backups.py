"""What the commands say and do where a backup is damaged: never that it holds nothing, and never exit code 0."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.disk import change

Run = Callable[..., Any]


@pytest.fixture
def cleaned(run: Run, store: Any) -> str:
    """Id of a batch that took four runs and an orphan."""
    batch = run("cleanup", store.path, "--days-old", "30", "--force", "--json").json["result"]["batch"]
    assert isinstance(batch, str)
    return batch


def folder(store: Any, batch: str) -> Path:
    return Path(store.root) / ".mlruns-tui.trash" / "batches" / batch


def taken(path: Path) -> int:
    """Disk space of the files below a folder, as ``du`` counts it."""
    return sum(one.lstat().st_blocks * 512 for one in path.rglob("*") if not one.is_dir())


@pytest.fixture
def unreadable(run: Run, store: Any, cleaned: str) -> str:
    """The batch is packed, and the manifest of its archive is garbage."""
    run("backups", "pack", store.path, cleaned, "--min-gain", "0", "--force")
    (manifest,) = folder(store, cleaned).glob("pack/*.manifest")
    manifest.write_text("garbage")
    return cleaned


class TestAnArchiveNobodyCanRead:
    def test_putting_back_and_undo_say_which_with_exit_5(self, run: Run, store: Any, unreadable: str) -> None:
        done = run("backups", "restore", store.path, unreadable)
        assert done.code == 5
        assert "5 items failed" in done.out
        assert "/pack/0-1.tar.zst, whose manifest cannot be read" in done.out
        undone = run("undo", store.path)
        assert undone.code == 5
        assert "all of it is missing: what is in .mlruns-tui.trash/batches/" in undone.err
        document = run("backups", "restore", store.path, unreadable, store.old_runs()[0], "--json")
        assert document.code == 5
        (item,) = document.json["result"]["batches"][0]["items"]
        assert (item["outcome"], item["run_id"]) == ("failed", store.old_runs()[0])

    def test_it_is_listed_with_what_is_damaged_and_its_space(self, run: Run, store: Any, unreadable: str) -> None:
        listed = run("backups", "list", store.path)
        assert (
            f"{unreadable}: what is in .mlruns-tui.trash/batches/{unreadable}/pack/0-1.tar.zst is not kn" in listed.out
        )
        (batch,) = run("backups", "list", store.path, "--json").json["batches"]
        assert batch["allocated_bytes"] == taken(folder(store, unreadable) / "pack") > 0
        assert "5 of 5 items may be in there" in batch["damage"]
        assert run("backups", "verify", store.path).code == 5

    def test_one_item_is_not_purged_from_it_and_the_way_is_said(self, run: Run, store: Any, unreadable: str) -> None:
        done = run("backups", "purge", store.path, unreadable, store.old_runs()[0], "--force")
        assert done.code == 5
        assert "Purge all of the batch to delete that." in done.out
        assert list(folder(store, unreadable).glob("pack/*.tar.zst"))

    def test_purging_all_of_it_says_so_asks_and_deletes_it(
        self, run: Run, in_terminal: Run, store: Any, unreadable: str
    ) -> None:
        held = taken(folder(store, unreadable) / "pack")
        refused = run("backups", "purge", store.path, unreadable)
        assert refused.code == 2
        assert "4 runs and 1 experiment and 1 archive nobody can read (held " in refused.err
        assert list(folder(store, unreadable).glob("pack/*.tar.zst"))
        asked = in_terminal("backups", "purge", store.path, unreadable, answers=(("Type 5 (the items)", "4\r"),))
        assert asked.code == 2
        done = in_terminal("backups", "purge", store.path, unreadable, answers=(("Type 5 (the items)", "5\r"),))
        assert done.code == 0, done.out
        assert "4 runs and 1 experiment deleted for good." in done.out
        assert taken(folder(store, unreadable) / "pack") == 0
        (batch,) = run("backups", "list", store.path, "--json").json["batches"]
        assert (batch["state"], batch["allocated_bytes"], batch["damage"]) == ("purged", 0, None)
        assert held > 0
        again = run("backups", "purge", store.path, unreadable, "--force")
        assert (again.code, again.out) == (0, f"Batch {unreadable} holds nothing any more: 5 deleted for good.\n")

    def test_without_its_manifest_it_is_purged_as_well(self, run: Run, store: Any, unreadable: str) -> None:
        next(folder(store, unreadable).glob("pack/*.manifest")).unlink()
        held = taken(folder(store, unreadable) / "pack")
        done = run("backups", "purge", store.path, unreadable, "--force", "--json")
        assert done.code == 0
        assert done.json["result"]["batches"][0]["totals"]["freed_bytes"] == held
        assert not list(folder(store, unreadable).glob("*/*.tar.zst"))

    def test_beside_it_what_is_whole_comes_back(self, run: Run, store: Any, cleaned: str) -> None:
        first = store.old_runs()[0]
        run("backups", "pack", store.path, cleaned, first, "--min-gain", "0", "--force")
        next(folder(store, cleaned).glob("pack/*.manifest")).write_text("")
        done = run("undo", store.path, "--json")
        assert done.code == 5
        items = done.json["result"]["batches"][0]["items"]
        assert sorted(one["outcome"] for one in items) == ["done"] * 4 + ["failed"]
        assert [one["run_id"] for one in items if one["outcome"] == "failed"] == [first]


class TestAFolderSomebodyRemoved:
    def test_undo_puts_back_the_others_and_names_it_with_exit_5(self, run: Run, store: Any, cleaned: str) -> None:
        shutil.rmtree(folder(store, cleaned) / "data" / "0")
        done = run("undo", store.path)
        assert done.code == 5
        assert "3 runs and 1 experiment are back" in done.out
        assert "1 item failed:\n  vision-0: its folder in the backup is gone" in done.out
        again = run("undo", store.path)
        assert again.code == 5
        assert "1 of 5 items is missing" in again.err

    def test_there_is_nothing_to_purge_and_that_is_no_failure(self, run: Run, store: Any, cleaned: str) -> None:
        shutil.rmtree(folder(store, cleaned) / "data")
        done = run("backups", "purge", store.path, cleaned, "--force")
        assert (done.code, done.out) == (0, f"Batch {cleaned} holds nothing any more: 5 missing.\n")


class TestAPlanThatCannotBeUsed:
    @pytest.fixture
    def planless(self, store: Any, cleaned: str) -> str:
        (folder(store, cleaned) / "plan.json").write_text("?")
        return cleaned

    @pytest.mark.parametrize(
        "words",
        [["restore"], ["purge", "--force"], ["purge"], ["pack", "--force"], ["verify"], ["restore", "some-item"]],
    )
    def test_every_command_on_it_says_so_with_exit_5_and_changes_nothing(
        self, run: Run, store: Any, planless: str, tree: Callable[[Path], Any], words: list[str]
    ) -> None:
        before = tree(store.root)
        done = run("backups", words[0], store.path, planless, *words[1:], "--json")
        assert done.code == 5
        error = done.json["error"]
        assert (error["code"], error["path"]) == ("broken-batch", str(folder(store, planless)))
        assert "its plan cannot be used" in error["message"]
        assert tree(store.root) == before

    def test_its_space_is_counted_and_the_others_are_purged_by_age(self, run: Run, store: Any, planless: str) -> None:
        (batch,) = run("backups", "list", store.path, "--json").json["batches"]
        assert batch["allocated_bytes"] == taken(folder(store, planless))
        assert "its plan cannot be used" in batch["damage"]
        second = run("cleanup", store.path, "--days-old", "0", "--min-idle", "0s", "--force", "--json")
        assert second.code == 0, second.out
        made = second.json["result"]["batch"]
        done = run("backups", "purge", store.path, "--older-than", "0s", "--force", "--json")
        assert done.code == 5
        assert [one["batch"] for one in done.json["result"]["batches"]] == [made]
        assert any(planless in message for message in done.json["messages"])


def test_an_item_that_never_was_in_the_batch_is_refused_and_close_ones_are_named(
    run: Run, store: Any, cleaned: str
) -> None:
    first = store.old_runs()[0]
    for command in ("purge", "restore", "pack", "verify"):
        done = run("backups", command, store.path, cleaned, first[:-1], *(["--force"] if command == "purge" else []))
        assert done.code == 2
        assert f"no such item: batch {cleaned} never had {first[:-1]}" in done.err
        assert f"did you mean {first} (vision-0)" in done.err
    named = run("backups", "restore", store.path, cleaned, "Vision-1", "--json")
    assert named.code == 2
    assert "(vision-1)" in named.json["error"]["hint"]
    assert "did you mean" not in run("backups", "restore", store.path, cleaned, "unlike/anything").err


def test_an_item_that_is_back_already_is_said_to_be_and_the_batch_is_not_called_empty(
    run: Run, store: Any, cleaned: str
) -> None:
    first = store.old_runs()[0]
    assert run("backups", "restore", store.path, cleaned, first).code == 0
    again = run("backups", "restore", store.path, cleaned, first)
    said = f"vision-0 is not in the backup {cleaned} any more: back in the store."
    assert (again.code, again.out) == (0, f"Nothing was put back. {said}\n")
    purged = run("backups", "purge", store.path, cleaned, first, "--force")
    assert (purged.code, purged.out) == (0, f"{said}\n")
    assert run("backups", "list", store.path, "--json").json["batches"][0]["items"]["moved"] == 4


def test_undo_pressed_twice_after_a_part_was_purged_has_nothing_to_do(run: Run, store: Any, cleaned: str) -> None:
    assert run("backups", "purge", store.path, cleaned, store.old_runs()[0], "--force").code == 0
    assert run("undo", store.path).code == 0
    again = run("undo", store.path)
    assert again.code == 0
    assert "was put back or purged already, all of it" in again.err


def test_an_archive_that_cannot_be_read_where_it_must_be_copied_is_damage(run: Run, store: Any, cleaned: str) -> None:
    run("backups", "pack", store.path, cleaned, "--min-gain", "0", "--force")
    (archive,) = folder(store, cleaned).glob("pack/*.tar.zst")
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 1
    archive.write_bytes(data)
    done = run("backups", "purge", store.path, cleaned, store.old_runs()[0], "--force", "--json")
    assert done.code == 5
    assert archive.exists()
    assert run("backups", "purge", store.path, cleaned, "--force").code == 0
    assert not archive.exists()


def test_an_archive_that_cannot_be_deleted_stays_and_is_said(
    run: Run, store: Any, unreadable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlruns_tui.cleanup.purge import purge

    def refused(*_: object) -> None:
        raise PermissionError(1, "operation not permitted")

    monkeypatch.setattr(change, "remove_file", refused)
    batch = purge(store.path, unreadable)
    assert any("could not be deleted" in one for one in batch.messages)
    assert batch.count("missing") + batch.count("packed") == 5
    monkeypatch.undo()
    assert json.loads(run("backups", "list", store.path, "--json").out)["batches"][0]["allocated_bytes"] > 0


def test_what_somebody_else_keeps_closed_is_said_and_is_no_damage(
    run: Run, store: Any, command: list[str], ordinary_user: list[str]
) -> None:
    closed = run("cleanup", store.path, "--no-orphans", "--days-old", "80", "--force", "--json").json["result"]["batch"]
    folder(store, closed).chmod(0)

    def by_him(*words: str) -> Any:
        return subprocess.run([*ordinary_user, *command, *words], capture_output=True, text=True, check=False)

    try:
        listed = by_him("backups", "list", store.path)
        assert (listed.returncode, "cannot be read: permission denied" in listed.stdout) == (0, True), listed
        verified = by_him("backups", "verify", store.path)
        assert verified.returncode == 0, verified
        assert f"{closed}: belongs to" in verified.stderr
        for words in (("purge", store.path, closed, "--force"), ("restore", store.path, closed)):
            refused = by_him("backups", *words)
            assert refused.returncode == 1
            assert "permission denied; nothing was changed" in refused.stderr
            assert "ask " in refused.stderr
    finally:
        folder(store, closed).chmod(0o700)
    assert run("backups", "restore", store.path, closed).code == 0
