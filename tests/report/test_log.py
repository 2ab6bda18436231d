"""What the log and the way back from a crash say, as text and as documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mlruns_tui.model.batch import Batch, Operation
from mlruns_tui.report import log, recover

Check = Callable[[dict[str, Any]], None]


def done(make: Any, *more: Operation, **fields: Any) -> Batch:
    """A batch of one run and one experiment that was applied, and what followed."""
    batch: Batch = make.batch(make.plan())
    first = Operation("apply", make.NOW, "alice", "gpu01", make.NOW + 2000, 2, 2_000_000, 71)
    return make.replace(batch, history=(first, *more), **fields)  # type: ignore[no-any-return]


def at(batch: Batch, *places: str, make: Any, **fields: Any) -> Batch:
    items = tuple(make.replace(one, place=place) for one, place in zip(batch.items, places, strict=True))
    return make.replace(batch, items=items, **fields)  # type: ignore[no-any-return]


def test_a_batch_says_who_on_which_host_what_why_where_and_the_way_back(make: Any) -> None:
    text = "\n".join(log.log_lines([done(make)], "my runs"))
    assert "batch 20261122-2026-a3f1  moved" in text
    assert "alice on gpu01: moved to a backup: 2 items, 2.0 MB" in text
    assert "why       orphaned; old, ended over 30 d ago – old (1), orphaned (1)" in text
    assert "what      1 run of 1; 77 whole" in text
    assert "now       2 in the backup" in text
    assert "get back  mlruns-tui backups restore 'my runs' 20261122-2026-a3f1" in text


def test_what_was_put_back_and_purged_stays_in_the_log(make: Any) -> None:
    back = Operation("restore", make.NOW + 5000, "bob", "gpu02", make.NOW + 6000, 1, 1_000_000, 72)
    gone = Operation("purge", make.NOW + 7000, "root", "gpu02", make.NOW + 8000, 1, 1_000_000, 73)
    text = "\n".join(
        log.log_lines([at(done(make, back, gone), "restored", "purged", make=make, state="partly")], "/data")
    )
    assert "bob on gpu02: put back: 1 item, 1.0 MB" in text
    assert "root on gpu02: deleted for good: 1 item, 1.0 MB" in text
    assert "now       1 back, 1 deleted for good" in text
    assert "get back  nothing is left in the backup" in text
    purged = at(done(make, gone), "purged", "purged", make=make, state="purged")
    assert log.log_lines([purged], "/data")[-1].endswith("nothing brings it back")


def test_one_without_a_backup_says_so(make: Any) -> None:
    batch = at(done(make), "purged", "purged", make=make, state="purged", backup=False)
    assert "deleted for good, no backup: 2 items" in "\n".join(log.log_lines([batch], "/data"))


def test_what_stopped_and_what_is_at_work_are_told_apart(make: Any) -> None:
    open_ = Operation("apply", make.NOW, "alice", "gpu01", None, 1, 1_000_000, 71)
    stopped = make.replace(done(make), history=(open_,), open_op="apply", state="unfinished")
    text = "\n".join(log.log_lines([stopped], "/data"))
    assert "moved to a backup (stopped half-way): 1 item, 1.0 MB" in text
    assert "mlruns-tui recover /data 20261122-2026-a3f1" in text
    running = make.replace(stopped, running=True)
    text = "\n".join(log.log_lines([running], "/data"))
    assert "moved to a backup (at work now): 1 item, 1.0 MB" in text
    assert "get back  when it has ended" in text


def test_a_removed_run_that_is_back_by_itself_is_reported_and_not_counted_as_back(make: Any) -> None:
    batch = done(make)
    batch = make.replace(batch, items=(make.replace(batch.items[0], taken=True), batch.items[1]))
    text = "\n".join(log.log_lines([batch], "/data"))
    assert "1 removed item is at its place again" in text
    assert "it is not put back" in text
    assert "now       2 in the backup" in text
    assert log.log_entry(batch, "/data")["taken"] == 1


HOSTILE = "\x1b[31mred\x07\u202e\udcff\n[/]"


def test_nothing_foreign_acts_on_the_terminal(make: Any) -> None:
    plan = make.plan(make.plan_item("experiment/1/run/a1", name="x", rule=HOSTILE, experiment_id=HOSTILE))
    batch = make.replace(make.batch(plan), user=HOSTILE, host=HOSTILE, rules=(HOSTILE,), id=HOSTILE)
    batch = make.replace(batch, history=(Operation(HOSTILE, make.NOW, HOSTILE, HOSTILE, None, 1, 1),))
    for lines in (
        log.log_lines([batch], f"/data/{HOSTILE}"),
        recover.unsettled_lines(make.replace(batch, open_op="apply"), batch.items, f"/d/{HOSTILE}", mine=True),
        recover.unsettled_lines(make.replace(batch, open_op=HOSTILE), (), "/d", mine=False),
    ):
        for line in lines:
            assert not any(character in line for character in "\x1b\x07\u202e\udcff\n"), line


def test_a_batch_that_cannot_be_read_is_a_row_and_its_reason(make: Any, check: Check) -> None:
    broken = Batch("20261122-2026-a3f1", make.NOW, "bob", "", 7, "missing", (), messages=("belongs to bob",))
    text = "\n".join(log.log_lines([broken], "/data"))
    assert "by        bob" in text
    assert "belongs to bob" in text
    check(log.log_document(make.INFO, [broken]))


def test_the_documents_follow_their_schemas(make: Any, check: Check) -> None:
    stopped = make.replace(done(make), open_op="apply", state="unfinished")
    check(log.log_document(make.INFO, [done(make), stopped]))
    check(recover.recover_document(make.INFO, [stopped], {stopped.id: stopped.items[:1]}))
    check(recover.recover_document(make.INFO, [stopped], {}, did="continue", results=[stopped]))
    check(recover.recover_document(make.INFO, [make.replace(stopped, running=True)], {}))


@pytest.mark.parametrize(
    ("op", "backup", "said"),
    [
        ("apply", True, "moves the rest to the backup as well: 1 run, 1.0 MB"),
        ("apply", False, "deletes for good, as was asked for"),
        ("purge", True, "deletes the rest for good"),
        ("restore", True, "puts the rest back"),
    ],
)
def test_each_way_says_what_it_does(make: Any, op: str, backup: bool, said: str) -> None:
    batch = at(done(make), "in-place", "moved", make=make, open_op=op, backup=backup, state="unfinished")
    told = recover.choices(batch, batch.items[:1])
    assert told["continue"].startswith(said)
    assert told["undo"] == "puts back what is in the backup: 1 experiment, 1.0 MB"
    assert recover.choices(make.replace(batch, running=True), ()) == {}
