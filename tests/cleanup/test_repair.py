"""Repairs of every kind are done as planned and taken back byte for byte; nobody's work is overwritten."""

from __future__ import annotations

import dataclasses
import errno
import os
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.purge import purge
from mlruns_tui.cleanup.restore import restore, undo
from mlruns_tui.cleanup.vault import batches
from mlruns_tui.disk import change
from mlruns_tui.model import codec
from mlruns_tui.model.batch import Batch
from mlruns_tui.model.errors import UsageError
from mlruns_tui.model.plan import Plan, Step
from mlruns_tui.workflow.diagnosing import diagnose
from mlruns_tui.workflow.reading import open_reader
from mlruns_tui.workflow.repairing import preview_repair

LOST = "1"
"""Experiment without metadata."""
RUN = "a1" * 16
KINDS = {
    f"{LOST}/meta.yaml",
    f"2/{RUN}/meta.yaml",
    f"2/{RUN}/tags/mlruns-tui.recovered",
    f"2/{'b1' * 16}/artifacts",
    f"2/{'b1' * 16}/params",
    f"2/{'c1' * 16}/metrics/loss",
    f"2/{'c1' * 16}/params/bad",
    f"2/{'d1' * 16}/meta.yaml",
    f"2/{'d1' * 16}/tags",
    ".git",
}


def plan_of(root: Path, **more: Any) -> Plan:
    return preview_repair(open_reader(str(root)), diagnose(open_reader(str(root)), "3.17.2"), min_idle_ms=0, **more)


def outcomes(batch: Batch) -> dict[str, tuple[str | None, str]]:
    return {one.item.path: (one.outcome, one.error) for one in batch.items}


@pytest.fixture
def broken(broken_store: Callable[[str], Any]) -> Any:
    return broken_store("mlruns")


def test_what_the_disk_gives_back_otherwise_than_it_was_written_is_not_put_into_the_store(
    broken: Any, compare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that says it wrote, and did not: a metadata file of no content must not replace anything."""
    before, write = broken.manifest(), os.write

    def lose_metadata(fd: int, data: Any) -> int:
        return len(data) if bytes(data).startswith(b"artifact_") else write(fd, data)

    plan = plan_of(broken.root)
    monkeypatch.setattr(os, "write", lose_metadata)
    batch = apply(plan)
    monkeypatch.undo()
    told = outcomes(batch)
    assert {path for path, (outcome, _) in told.items() if outcome == "failed"} == {
        path for path in KINDS if path.endswith("meta.yaml")
    }
    assert told[f"2/{RUN}/meta.yaml"][1] == "the disk gave back something else than was written. It is where it was."
    assert (broken.root / "2" / RUN / "meta.yaml").read_bytes() == b""
    undo(str(broken.root))
    assert compare(before, broken.manifest()) == []
    assert not list(broken.vault.glob("batches/*/data/*"))


def test_a_name_in_the_backup_that_cannot_be_changed_makes_no_repair_fail_that_was_done(
    broken: Any, compare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, rename = broken.manifest(), change.rename

    def refuse(source_fd: int, source: str, target_fd: int, target: str) -> None:
        if source_fd == target_fd and {source, target} == {"new", "old"}:
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        rename(source_fd, source, target_fd, target)

    plan = plan_of(broken.root)
    monkeypatch.setattr(change, "rename", refuse)
    batch = apply(plan)
    assert {outcome for outcome, _ in outcomes(batch).values()} == {"done"}
    monkeypatch.undo()
    undo(str(broken.root))
    assert compare(before, broken.manifest()) == []


def test_every_kind_is_mended_and_taken_back_byte_for_byte(broken: Any, compare: Any) -> None:
    before = broken.manifest()
    plan = plan_of(broken.root)
    assert {one.path for one in plan.items} == KINDS
    batch = apply(plan)
    assert {outcome for outcome, _ in outcomes(batch).values()} == {"done"}
    assert batch.state == "moved"
    assert not [one for one in diagnose(open_reader(str(broken.root)), "3.17.2") if one.impact != "silent"]
    assert (
        broken.root / "2" / ("c1" * 16) / "metrics" / "loss"
    ).read_bytes() == b"1700000000000 0.5 0\n1700000001000 0.2 2\n"
    assert undo(str(broken.root)).state == "restored"
    assert compare(before, broken.manifest()) == []
    assert not list(broken.vault.glob("batches/*/data/*")), "what was made is of no use any more"


def test_a_repair_can_be_done_again_after_it_was_taken_back(broken: Any) -> None:
    apply(plan_of(broken.root))
    undo(str(broken.root))
    again = apply(plan_of(broken.root))
    assert {outcome for outcome, _ in outcomes(again).values()} == {"done"}


def test_what_is_made_belongs_to_its_neighbours(broken: Any) -> None:
    run = broken.root / "2" / ("b1" * 16)
    run.chmod(0o770)
    apply(plan_of(broken.root))
    assert stat.S_IMODE((run / "artifacts").stat().st_mode) == 0o770
    loss = broken.root / "2" / ("c1" * 16) / "metrics" / "loss"
    assert stat.S_IMODE(loss.stat().st_mode) == 0o640, "the mode of the file it replaces"


def test_a_repair_makes_no_run_look_young(broken: Any) -> None:
    newest = max(one.stat().st_mtime_ns for one in (broken.root / "2").rglob("*"))
    apply(plan_of(broken.root))
    assert max(one.stat().st_mtime_ns for one in (broken.root / "2").rglob("*")) <= newest + 2_000_000_000


def test_one_repair_of_a_batch_is_taken_back_alone(broken: Any) -> None:
    plan = plan_of(broken.root)
    apply(plan)
    key = next(one.key for one in plan.items if one.path == f"{LOST}/meta.yaml")
    restore(str(broken.root), plan.id, [key])
    assert not (broken.root / LOST / "meta.yaml").exists()
    assert (broken.root / "2" / RUN / "meta.yaml").stat().st_size > 0
    assert batches(str(broken.root))[0].state == "partly"


@pytest.mark.parametrize(
    "path", [f"{LOST}/meta.yaml", f"2/{RUN}/meta.yaml", f"2/{'c1' * 16}/metrics/loss", f"2/{'d1' * 16}/tags"]
)
def test_what_was_changed_since_stays_and_the_rest_is_taken_back(broken: Any, path: str) -> None:
    apply(plan_of(broken.root))
    changed = broken.root / path
    if changed.is_dir():
        (changed / "more").write_text("somebody's")
    else:
        changed.write_bytes(changed.read_bytes() + b"# somebody's\n")
    kept = changed.read_bytes() if changed.is_file() else b""
    result = outcomes(undo(str(broken.root)))
    assert result[path][0] == "skipped" and "changed since it was repaired" in result[path][1]
    assert changed.is_dir() or changed.read_bytes() == kept
    assert {outcome for one, (outcome, _) in result.items() if one != path} == {"done"}


def test_what_was_changed_since_is_swapped_where_asked_for_and_kept(broken: Any, compare: Any) -> None:
    before = broken.manifest()
    plan = plan_of(broken.root)
    apply(plan)
    changed = broken.root / "2" / RUN / "meta.yaml"
    changed.write_bytes(b"name: mine\n")
    batch = restore(str(broken.root), plan.id, None, "swap")
    assert {outcome for outcome, _ in outcomes(batch).values()} == {"done"}
    os.utime(changed.parent, ns=(before[f"2/{RUN}".encode()][3],) * 2)
    assert compare(before, broken.manifest()) == []
    assert b"name: mine\n" in [one.read_bytes() for one in broken.vault.glob("batches/*/data/*/*") if one.is_file()]


def test_removed_by_hand_since_it_is_taken_back_all_the_same(broken: Any, compare: Any) -> None:
    before = broken.manifest()
    apply(plan_of(broken.root))
    (broken.root / LOST / "meta.yaml").unlink()
    (broken.root / "2" / RUN / "meta.yaml").unlink()
    undo(str(broken.root))
    for path in (LOST, f"2/{RUN}"):
        os.utime(broken.root / path, ns=(before[path.encode()][3],) * 2)
    assert compare(before, broken.manifest()) == []


def test_what_changed_since_the_plan_is_left_alone(broken: Any) -> None:
    plan = plan_of(broken.root)
    (broken.root / LOST / "meta.yaml").write_text("name: back again\n")
    loss = broken.root / "2" / ("c1" * 16) / "metrics" / "loss"
    with loss.open("ab") as file:
        file.write(b"1700000002000 0.1 3\n")
    (broken.root / "2" / ("b1" * 16) / "params").mkdir()
    result = outcomes(apply(plan))
    for path in (f"{LOST}/meta.yaml", f"2/{'c1' * 16}/metrics/loss", f"2/{'b1' * 16}/params"):
        assert result[path][0] == "skipped", path
    assert (broken.root / LOST / "meta.yaml").read_text() == "name: back again\n"
    assert loss.read_bytes().endswith(b"0.1 3\n")
    assert result[f"2/{RUN}/meta.yaml"][0] == "done"


def test_a_run_written_to_since_the_plan_is_left_alone(broken: Any) -> None:
    plan = plan_of(broken.root)
    (broken.root / "2" / RUN / "params" / "late").write_text("1")
    result = outcomes(apply(plan))
    assert result[f"2/{RUN}/meta.yaml"][0] == "skipped" and "written to" in result[f"2/{RUN}/meta.yaml"][1]
    assert (broken.root / "2" / RUN / "meta.yaml").read_bytes() == b""


def test_a_run_with_a_file_open_for_writing_is_refused_by_the_plan_and_by_the_worker(
    broken: Any, open_for_writing: Callable[[Path], subprocess.Popen[bytes]]
) -> None:
    plan = plan_of(broken.root)
    process = open_for_writing(broken.root / "2" / RUN / "params" / "lr")
    refused = {one.path: one.protected[0].kind for one in plan_of(broken.root).refused}
    assert refused[f"2/{RUN}/meta.yaml"] == "open-by-writer"
    result = outcomes(apply(plan))
    assert result[f"2/{RUN}/meta.yaml"][0] == "skipped" and f"pid {process.pid}" in result[f"2/{RUN}/meta.yaml"][1]


def test_what_belongs_to_another_user_is_left_to_him(broken: Any, as_user: Callable[..., Any]) -> None:
    plan_of(broken.root)  # everything is imported while it can be
    made, kinds = as_user(
        lambda: (
            len(plan_of(broken.root).items),
            sorted({why.kind for one in plan_of(broken.root).refused for why in one.protected}),
        )
    )
    assert made == 0
    assert "other-owner" in kinds


def test_a_run_that_was_written_to_lately_is_left_alone_and_one_that_ended_is_not(broken: Any) -> None:
    lost, over = broken.root / "2" / RUN, broken.root / "2" / ("c1" * 16)
    minutes_ago = time.time() - 600
    for path in (lost / "params" / "lr", over / "params" / "lr"):
        os.utime(path, (minutes_ago, minutes_ago))
    reader = open_reader(str(broken.root))
    plan = preview_repair(reader, diagnose(reader, "3.17.2"))
    refused = {one.path: one.protected[0].kind for one in plan.refused}
    assert refused == {f"2/{RUN}/meta.yaml": "too-fresh"}
    assert f"2/{'c1' * 16}/metrics/loss" in {one.path for one in plan.items}


def test_a_write_between_the_look_and_the_exchange_is_kept(broken: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(broken.root)
    loss = broken.root / "2" / ("c1" * 16) / "metrics" / "loss"
    exchange = change.exchange

    def late(source_fd: int, source: str, target_fd: int, target: str) -> None:
        if target == "loss" and not loss.read_bytes().endswith(b"0.1 3\n"):
            with loss.open("ab") as file:
                file.write(b"1700000002000 0.1 3\n")
        exchange(source_fd, source, target_fd, target)

    monkeypatch.setattr(change, "exchange", late)
    result = outcomes(apply(plan))
    assert result[f"2/{'c1' * 16}/metrics/loss"][0] == "skipped"
    assert loss.read_bytes().endswith(b"0.1 3\n") and b"garbage" in loss.read_bytes()


def test_where_the_system_cannot_exchange_names_it_takes_two_renames(
    broken: Any, compare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(*_: Any) -> None:
        raise OSError(errno.EOPNOTSUPP, "this file system cannot swap two names")

    monkeypatch.setattr(change, "exchange", cannot)
    before = broken.manifest()
    assert {outcome for outcome, _ in outcomes(apply(plan_of(broken.root))).values()} == {"done"}
    assert undo(str(broken.root)).state == "restored"
    assert compare(before, broken.manifest()) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES])
@pytest.mark.parametrize("call", ["create_file", "exchange", "make_directory"])
def test_an_error_of_the_disk_fails_one_place_and_leaves_it_as_it_was(
    broken: Any, compare: Any, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    before = broken.manifest()
    plan = plan_of(broken.root)
    real = getattr(change, call)

    def failing(*args: Any, **more: Any) -> Any:
        if args[1] == "new":
            raise OSError(code, os.strerror(code))
        return real(*args, **more)

    monkeypatch.setattr(change, call, failing)
    batch = apply(plan)
    failed = [one for one in batch.items if one.outcome == "failed"]
    assert failed and all(one.error.endswith(("where it was.", "the backup.")) for one in failed)
    assert any(one.outcome == "done" for one in batch.items), "the others go on"
    monkeypatch.undo()
    undo(str(broken.root))
    assert compare(before, broken.manifest()) == []


def test_purged_it_stays_mended_for_good(broken: Any) -> None:
    plan = plan_of(broken.root)
    apply(plan)
    mended = broken.manifest()
    purge(str(broken.root), plan.id)
    assert broken.manifest() == mended
    assert batches(str(broken.root))[0].state == "purged"
    assert not list(broken.vault.glob("batches/*/data/*"))


def test_in_a_copied_store_it_is_taken_back_as_well(broken: Any, tmp_path: Path, compare: Any) -> None:
    before = broken.manifest()
    plan = plan_of(broken.root)
    apply(plan)
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-a", broken.root, copy], check=True)
    result = outcomes(undo(str(copy)))
    assert {outcome for outcome, _ in result.values()} == {"done"}
    undo(str(broken.root))
    assert compare(before, broken.manifest()) == []
    subprocess.run(["diff", "-r", "--exclude=.mlruns-tui.trash", broken.root, copy], check=True)


@pytest.mark.parametrize(
    "steps",
    [
        (),
        (Step("put-file", "elsewhere", "x"),),
        (Step("drop-bytes", "1/meta.yaml", "0-3"),),
        (Step("move-out", "1/meta.yaml"), Step("drop-bytes", "1/meta.yaml", "3-0")),
        (Step("move-out", "1/meta.yaml"), Step("drop-bytes", "1/meta.yaml", "5-9,0-3")),
        (Step("make-directory", "1/meta.yaml", "../../etc/passwd\nx"),),
        (Step("put-file", "1/meta.yaml", "x"), Step("move-out", "1/meta.yaml")),
        (Step("erase-rows", "1/meta.yaml"),),
    ],
)
def test_a_plan_somebody_edited_is_refused_whole(broken: Any, steps: tuple[Step, ...]) -> None:
    plan = plan_of(broken.root)
    before = broken.manifest()
    bad = dataclasses.replace(plan.items[0], path="1/meta.yaml", steps=steps)
    with pytest.raises(UsageError):
        apply(dataclasses.replace(plan, items=(bad,)))
    assert broken.manifest() == before


def test_a_plan_survives_its_way_to_the_worker(broken: Any) -> None:
    plan = plan_of(broken.root)
    assert codec.loads(Plan, codec.dumps(plan)) == plan
