"""``cleanup --pack``, ``--backup-dir`` and ``--free``, and ``backups pack --backup-dir``."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.report.words import size_text

Run = Callable[..., Any]


@pytest.fixture
def weights(store: Any) -> str:
    """Id of an old run whose artifacts do not shrink."""
    run_id = store.old_runs()[0]
    folder = store.root / "1" / run_id
    (folder / "artifacts" / "weights").write_bytes(random.Random(1).randbytes(300_000))
    store.age(folder, 90)
    assert isinstance(run_id, str)
    return run_id


def without_vault(tree: Callable[[Path], Any], store: Any) -> list[Any]:
    """Everything in the store but its backups."""
    return [one for one in tree(store.root) if ".mlruns-tui.trash" not in str(one[0])]


def archives(where: Path) -> list[Path]:
    return sorted(where.rglob("*.tar.zst"))


def test_what_packing_brings_is_said_before_it_is_done(run: Run, store: Any, weights: str) -> None:
    done = run("cleanup", store.path, "--days-old", "30", "--pack", "--dry-run")
    assert done.code == 0
    assert "disk space freed    about" in done.out and "once it is packed" in done.out
    assert "not packed          1 item of" in done.out
    assert "--backup-dir packs to another disk, --slim or backups purge frees it" in done.out
    told = run("cleanup", store.path, "--days-old", "30", "--pack", "--dry-run", "--json").json
    assert told["result"] is None
    assert [one["packs"] for one in told["packing"]["gains"]].count(False) == 1
    assert told["packing"]["freed_bytes"] < told["plan"]["totals"]["allocated_bytes"]
    assert not (store.root / ".mlruns-tui.trash").exists()


def test_what_goes_is_packed_by_the_same_command(
    run: Run, store: Any, weights: str, tree: Callable[[Path], Any]
) -> None:
    before = without_vault(tree, store)
    done = run("cleanup", store.path, "--days-old", "30", "--pack", "--force")
    assert done.code == 0, done.err
    assert "4 runs and 1 experiment moved to a backup" in done.out
    assert "3 runs and 1 experiment packed and read back" in done.out
    assert " % only. It stays in the backup as it is." in done.out
    assert "No disk space is freed" not in done.out
    (batch,) = run("backups", "list", store.path, "--json").json["batches"]
    assert (batch["items"]["packed"], batch["items"]["moved"]) == (4, 1)
    assert run("undo", store.path).code == 0
    assert without_vault(tree, store) == before


def test_its_json_has_both_the_cleaning_and_the_packing(run: Run, store: Any, weights: str) -> None:
    told = run("cleanup", store.path, "--days-old", "30", "--pack", "--force", "--json").json
    assert {one["outcome"] for one in told["result"]["items"]} == {"done"}
    assert told["result"]["totals"]["runs"] == 4
    assert sorted(one["outcome"] for one in told["packed"]["items"]) == ["done"] * 4 + ["skipped"]
    assert told["packed"]["totals"]["freed_bytes"] == told["result"]["totals"]["freed_bytes"] > 0
    assert told["result"]["totals"]["moved_bytes"] > 300_000


def test_the_backup_goes_to_another_disk_and_everything_finds_it_there(
    run: Run, store: Any, weights: str, other_disk: Path, tree: Callable[[Path], Any]
) -> None:
    before = without_vault(tree, store)
    plan = run("cleanup", store.path, "--days-old", "30", "--backup-dir", other_disk, "--dry-run")
    assert f"in {other_disk}" in plan.out and "free there" in plan.out
    assert "not packed" not in plan.out
    assert not list(other_disk.iterdir())
    done = run("cleanup", store.path, "--days-old", "30", "--backup-dir", other_disk, "--force")
    assert done.code == 0, done.err
    assert "4 runs and 1 experiment packed and read back" in done.out and f"in {other_disk}" in done.out
    assert archives(other_disk) and not archives(store.root)
    told = run("backups", "list", store.path)
    assert f"is packed in {other_disk}" in told.out
    (batch,) = run("backups", "list", store.path, "--json").json["batches"]
    assert (batch["state"], batch["backup_dirs"], batch["away_dirs"]) == ("packed", [str(other_disk)], [])
    assert "nothing differs" in run("backups", "verify", store.path).out
    shown = run("backups", "show", store.path, batch["batch"], "--json").json["batches"][0]["contents"]
    assert {one["backup_dir"] for one in shown} == {str(other_disk)}
    assert run("undo", store.path).code == 0
    assert without_vault(tree, store) == before
    assert not list(other_disk.iterdir())


def test_what_an_expired_backup_frees_is_told_of_the_disk_it_is_on(run: Run, store: Any, other_disk: Path) -> None:
    first, *_ = store.old_runs()
    made = run("cleanup", store.path, "--run", first, "--backup-dir", other_disk, "--force", "--json").json
    words = ("cleanup", store.path, "--days-old", "30", "--keep-backups", "0")
    (packed,) = archives(other_disk)
    gone = sum(one.stat().st_blocks * 512 for one in packed.parent.iterdir())
    assert (
        f"  frees 0 B here, and {size_text(gone)} in {other_disk}; nothing brings them back"
        in run(*words, "--dry-run").out
    )
    away = other_disk.with_name("unmounted")
    (other_disk / packed.relative_to(other_disk).parts[0]).rename(away)
    assert f"what is in {other_disk} stays: that is not there now" in run(*words, "--dry-run").out
    away.rename(other_disk / packed.relative_to(other_disk).parts[0])
    done = run(*words, "--force")
    assert done.code == 0, done
    assert "Nothing of it is deleted." in done.out
    assert "1 old backup purged, 1 run. 0 B freed." in done.out
    assert f"{made['result']['batch']}: {gone:,} bytes freed in {other_disk}" in done.err
    assert not packed.exists()


def test_while_its_disk_is_away_every_command_says_where_it_is(run: Run, store: Any, other_disk: Path) -> None:
    assert run("cleanup", store.path, "--days-old", "30", "--backup-dir", other_disk, "--force").code == 0
    hidden = other_disk.with_name(other_disk.name + "-x")
    other_disk.rename(hidden)
    try:
        listed = run("backups", "list", store.path)
        assert f"{other_disk} is not there now: mount it" in listed.out
        undone = run("undo", store.path)
        assert undone.code == 1
        assert f"the backup is on {other_disk}, which is not there now" in undone.err
        assert "mount it" in undone.err
        verified = run("backups", "verify", store.path)
        assert verified.code == 5
        assert "5 not there to be read" in verified.out and "damaged" not in verified.out
        (batch,) = run("backups", "list", store.path, "--json").json["batches"]
        purged = run("backups", "purge", store.path, batch["batch"], "--force")
        assert purged.code == 3
        assert "not there now" in purged.out
        again = run("cleanup", store.path, "--orphans", "--backup-dir", other_disk, "--dry-run")
        assert again.code == 2 and "does not exist" in again.err
        other_disk.mkdir()
        other = run("cleanup", store.path, "--days-old", "0", "--backup-dir", other_disk, "--force")
        assert other.code == 2
        assert f"the archives of batch {batch['batch']} are not in {other_disk}" in other.err
        other_disk.rmdir()
    finally:
        hidden.rename(other_disk)
    assert run("undo", store.path).code == 0


def test_a_batch_that_was_moved_is_packed_to_another_disk_later(run: Run, store: Any, other_disk: Path) -> None:
    batch = run("cleanup", store.path, "--days-old", "30", "--force", "--json").json["result"]["batch"]
    plan = run("backups", "pack", store.path, batch, "--backup-dir", other_disk, "--dry-run")
    assert "5 items can be packed: " in plan.out and f"in {other_disk}, where" in plan.out
    told = run("backups", "pack", store.path, batch, "--backup-dir", other_disk, "--dry-run", "--json").json
    assert told["backup_dir"] == str(other_disk)
    done = run("backups", "pack", store.path, batch, "--backup-dir", other_disk, "--force")
    assert done.code == 0 and f"in {other_disk}" in done.out
    assert archives(other_disk)
    purged = run("backups", "purge", store.path, batch, "--force", "--json")
    assert purged.code == 0
    assert not list(other_disk.iterdir())


@pytest.mark.parametrize("command", ["cleanup", "pack"])
def test_a_directory_that_will_not_do_is_refused_before_anything_moves(
    run: Run, store: Any, other_disk: Path, tmp_path: Path, tree: Callable[[Path], Any], command: str
) -> None:
    words = ["cleanup", store.path, "--days-old", "30"]
    if command == "pack":
        batch = run(*words, "--force", "--json").json["result"]["batch"]
        words = ["backups", "pack", store.path, batch]
    before = tree(store.root)
    (other_disk / "file").touch()
    (other_disk / "link").symlink_to(other_disk)
    for where, why in (
        (other_disk / "nothing", "does not exist"),
        (other_disk / "file", "is not a directory"),
        (other_disk / "link", "is a link"),
        (other_disk / "link/", "is a link"),
        (tmp_path, "is on the same file system as the store"),
        (store.root / "1", "is inside the store"),
        ("", "it is empty"),
        ("x\0y", ""),
        ("/dev/null", "is not a directory"),
        ("/" + "long" * 2_000, ""),
    ):
        done = run(*words, "--backup-dir", str(where), "--force")
        assert done.code == 2, (where, done)
        assert why in done.err and "Traceback" not in done.err, done.err
        assert tree(store.root) == before, where


def test_a_directory_of_somebody_else_is_refused(
    start: Callable[..., Any], store: Any, other_disk: Path, ordinary_user: list[str]
) -> None:
    os.chmod(other_disk, 0o555)
    code = (
        "import sys; from mlruns_tui.workflow.packing import check_backup_dir\n"
        "from mlruns_tui.model.errors import UsageError\n"
        "try: check_backup_dir(sys.argv[1], sys.argv[2])\n"
        "except UsageError as error: print(error.message)"
    )
    import sys

    done = subprocess.run(
        [*ordinary_user, sys.executable, "-c", code, store.path, str(other_disk)],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert "is not yours to write to (owner" in done.stdout, done


def test_without_the_room_nothing_begins(
    run: Run, store: Any, other_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlruns_tui.workflow import packing
    from mlruns_tui.workflow.reading import Space

    monkeypatch.setattr(packing, "space_of", lambda path: Space(10, 100, 10, 100))
    plan = run("cleanup", store.path, "--days-old", "30", "--backup-dir", other_disk, "--dry-run")
    assert plan.code == 0 and "10 B free there: not enough" in plan.out
    done = run("cleanup", store.path, "--days-old", "30", "--backup-dir", other_disk, "--force")
    assert done.code == 2
    assert f"{other_disk} has 10 bytes free" in done.err and "nothing was changed" in done.err
    assert not (store.root / ".mlruns-tui.trash").exists()


def test_no_more_goes_than_is_needed_longest_idle_first(run: Run, store: Any, other_disk: Path) -> None:
    one = 20_480
    for words in (["--no-backup"], ["--backup-dir", other_disk]):
        told = run("cleanup", store.path, "--days-old", "30", "--free", "20kB", *words, "--dry-run", "--json").json
        names = [each["name"] for each in told["plan"]["items"]]
        assert names and set(names) <= {"vision-0", "text-0"}, "90 days idle, before 60"
        assert any("enough is freed without" in each for each in told["messages"])
    done = run("cleanup", store.path, "--days-old", "30", "--free", "20kB", "--backup-dir", other_disk, "--force",
               "--json").json  # fmt: skip
    assert 0 < done["packing"]["freed_bytes"] < 3 * one
    assert run("list", store.path, "--runs", "--json").json["totals"]["runs"] < 7


def test_what_cannot_be_freed_is_said(run: Run, store: Any) -> None:
    done = run("cleanup", store.path, "--days-old", "30", "--free", "5GB", "--pack", "--dry-run")
    assert done.code == 0
    assert "of the 5,000,000,000 bytes asked for can be freed by this" in done.out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--pack", "--no-backup"], "--pack makes a backup and --no-backup none"),
        (["--backup-dir", "/mnt", "--no-backup"], "--backup-dir makes a backup"),
        (["--free", "1GB"], "add --pack, --backup-dir DIR or --no-backup"),
        (["--free", "much", "--pack"], "is no size"),
        (["--free", "0", "--pack"], "nothing is nothing to free"),
        (["--free", "-1GB", "--pack"], "is no size"),
    ],
)
def test_options_that_make_no_sense_together_are_refused(
    run: Run, store: Any, tree: Callable[[Path], Any], words: list[str], why: str
) -> None:
    before = tree(store.root)
    done = run("cleanup", store.path, "--days-old", "30", "--force", *words)
    assert done.code == 2
    assert why in done.err
    assert tree(store.root) == before


def test_a_packing_that_cannot_begin_leaves_what_was_moved_and_says_so(
    run: Run, store: Any, other_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlruns_tui.cli import cleanup

    real = cleanup.start_apply

    def taken_away(*args: Any, **more: Any) -> Any:
        shutil.rmtree(other_disk)
        return real(*args, **more)

    monkeypatch.setattr(cleanup, "start_apply", taken_away)
    done = run("cleanup", store.path, "--days-old", "30", "--backup-dir", other_disk, "--force")
    assert done.code == 3
    assert "4 runs and 1 experiment moved to a backup" in done.out
    assert "moved, but not packed" in done.err and "does not exist" in done.err
    assert run("undo", store.path).code == 0


def test_in_a_terminal_the_question_says_where_to(
    in_terminal: Callable[..., Any], store: Any, other_disk: Path
) -> None:
    done = in_terminal(
        "cleanup", store.path, "--days-old", "30", "--backup-dir", other_disk,
        answers=((f"and pack it in {other_disk}?", "y\r"),),
    )  # fmt: skip
    assert done.code == 0
    assert archives(other_disk)


def test_an_item_that_cannot_be_read_fails_and_the_exit_code_says_so(
    store: Any, command: list[str], ordinary_user: list[str]
) -> None:
    folder = store.root / "1" / store.old_runs()[0]
    (folder / "artifacts" / "closed").write_bytes(b"large\n" * 50_000)
    (folder / "artifacts" / "closed").chmod(0)
    store.age(folder, 90)

    def by_him(*words: str) -> Any:
        return subprocess.run([*ordinary_user, *command, *words], capture_output=True, text=True, check=False)

    moved = by_him("cleanup", store.path, "--no-orphans", "--days-old", "30", "--force", "--json")
    assert moved.returncode == 0, moved
    batch = json.loads(moved.stdout)["result"]["batch"]
    done = by_him("backups", "pack", store.path, batch, "--min-gain", "0", "--force")
    assert done.returncode == 3, done
    assert "3 runs packed" in done.stdout
    assert "artifacts/closed cannot be read (permission denied). It stays in the backup as it is." in done.stdout
    assert len(archives(store.root)) == 1
