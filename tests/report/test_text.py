"""What a person reads in a shell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mlruns_tui.model.batch import Batch
from mlruns_tui.model.store import Run, Size
from mlruns_tui.report import backups_text, documents, listing, plan_text
from mlruns_tui.report.tables import Column, table
from mlruns_tui.report.words import cell_len, items_text, parse_duration, run_sentence, status_word, undo_command

DAY = 86_400_000
NOW = 1_795_000_000_000


def facts(make: Any) -> listing.Facts:
    return listing.Facts(make.snapshot(), {}, make.NOW)


def test_columns_stand_under_each_other_by_cells() -> None:
    lines = table([Column("name"), Column("size", right=True)], [("이탈예측", "9 B"), ("plain", "1,024 B")])
    assert [cell_len(line) for line in lines] == [cell_len(lines[0])] * 3
    assert lines[1] == "이탈예측      9 B"


def test_a_narrow_line_costs_the_middle_of_names_only() -> None:
    columns = [Column("name", gives_way=True), Column("id")]
    rows = [("a-very-long-name-indeed-v2", "0123456789abcdef")]
    lines = table(columns, rows, width=32)
    assert cell_len(lines[1]) <= 32
    assert "0123456789abcdef" in lines[1]
    assert "…" in lines[1]
    assert table(columns, rows)[1].startswith("a-very-long-name-indeed-v2")


def test_the_heading_says_what_a_store_holds(make: Any) -> None:
    snapshot = make.snapshot()
    lines = listing.store_heading(snapshot, documents.store_totals(snapshot))
    assert lines[0] == "/data/mlruns  file store"
    assert lines[1] == "3 experiments (1 orphaned), 4 runs (1 deleted), 8.0 MB in 90 files"
    assert lines[2] == "in MLflow's trash: 1 run and 1 experiment"
    assert lines[3] == "backups: 5.0 kB, counted apart"


@pytest.mark.parametrize(
    ("sort", "reverse", "order"),
    [
        ("runs", False, ["big", "small"]),
        ("runs", True, ["small", "big"]),
        ("name", False, ["big", "small"]),
        ("name", True, ["small", "big"]),
        ("oldest", False, ["small", "big"]),
        ("user", False, ["small", "big"]),
    ],
)
def test_experiments_are_sorted_by_any_column(make: Any, sort: str, reverse: bool, order: list[str]) -> None:
    entries = [
        make.experiment("5", name="small", runs=1, creation_time=1),
        make.experiment("6", name="big", runs=9, creation_time=2),
    ]
    arranged = listing.arrange(entries, listing.EXPERIMENT_FIELDS, sort, reverse, facts(make))
    assert [one.name for one in arranged] == order


def test_every_column_can_show_and_sort_every_entry(make: Any) -> None:
    snapshot = make.snapshot()
    for entries, fields in (
        (snapshot.experiments, listing.EXPERIMENT_FIELDS),
        ([*snapshot.all_runs(), make.run("z", size=None, start_time=None, end_time=None)], listing.RUN_FIELDS),
    ):
        lines = listing.listing_table(entries, fields, list(fields), facts(make))
        assert len(lines) == len(entries) + 1
        for name in fields:
            assert len(listing.arrange(entries, fields, name, False, facts(make))) == len(entries)


def test_the_review_says_what_goes_what_stays_and_how_to_take_it_back(make: Any) -> None:
    text = "\n".join(plan_text.plan_lines(make.plan(), make.snapshot(), 212_000_000_000))
    assert "nothing has changed yet" in text
    assert "1 run and 1 experiment go to a backup: 2.0 MB in 24 files. Nothing of it is deleted." in text
    assert "1 of 2 runs" in text
    assert "ended 60 d ago" in text
    assert "orphaned: no meta.yaml, quiet for 3 d" in text
    assert "stays (1)" in text
    assert "tagged keep = paper; its child run c is kept" in text
    assert "now 0 B (moved on the same disk), after a purge 2.0 MB" in text
    assert ".mlruns-tui.trash/batches/20261122-2026-a3f1, on the same disk, 212 GB free" in text
    assert "mlruns-tui undo /data/mlruns" in text


def test_the_review_says_what_becomes_of_child_runs(make: Any) -> None:
    children = tuple(f"experiment/1/run/{name}" for name in "bcd")
    parent = make.plan_item("experiment/1/run/a", children=children)
    family = [make.plan_item(key) for key in children]

    def said(*items: Any) -> str:
        return " ".join(plan_text.plan_lines(make.plan(*items), make.snapshot(), None, 200)[3:]).replace("  ", "")

    assert "ended 60 d ago, its 3 child runs go too" in said(parent, *family)
    assert "ended 60 d ago, 3 child runs stay without a parent" in said(parent)
    assert "ended 60 d ago, 1 child run goes too, 2 child runs stay without a parent" in said(parent, family[0])
    assert "child run" not in said(*family).partition("stays (")[0]


def test_a_kept_parent_names_the_option_that_takes_the_family(make: Any) -> None:
    assert "--with-descendants takes the whole family" in "\n".join(
        plan_text.plan_lines(make.plan(), make.snapshot(), None)
    )


def test_without_a_backup_the_review_promises_nothing(make: Any) -> None:
    text = "\n".join(plan_text.plan_lines(make.plan(backup=False), make.snapshot(), None))
    assert "deleted for good" in text
    assert "Nothing brings them back" in text
    assert "undo" not in text.replace("undone", "")


def test_a_long_plan_is_cut_and_says_so(make: Any) -> None:
    items = [make.plan_item(f"experiment/1/run/r{at:02}", size_bytes=1000 - at) for at in range(30)]
    lines = plan_text.plan_lines(make.plan(*items), make.snapshot(), None)
    shown = [line for line in lines if line.startswith("  run r")]
    assert len(shown) == plan_text.SHOWN_PER_EXPERIMENT
    assert shown[0].startswith("  run r00")
    assert any("… 20 more" in line for line in lines)


def test_a_move_says_that_nothing_was_freed(make: Any) -> None:
    plan = make.plan()
    lines = plan_text.result_lines(plan, make.batch(plan))
    assert lines[0] == "1 run and 1 experiment moved to a backup, 2.0 MB. Undo: mlruns-tui undo /data/mlruns"
    assert "No disk space is freed yet" in lines[1]


def test_failed_and_skipped_items_are_named_with_their_reason(make: Any) -> None:
    plan = make.plan()
    lines = plan_text.result_lines(plan, make.batch(plan, "failed", None))
    assert lines[0] == "Nothing was removed."
    assert lines[1:3] == ["1 item failed:", "  run a1: permission denied; left where it was"]
    assert len(lines) == 3


def test_freed_space_is_shown_beside_what_the_disk_says() -> None:
    assert plan_text.freed_sentence(4_800_000_000, 4_800_000_000) == "4.8 GB freed; the disk says 4.8 GB."
    assert (
        plan_text.freed_sentence(4_800_000_000, 3_100_000_000)
        == "4.8 GB freed; the disk says 3.1 GB: something else wrote 1.7 GB meanwhile."
    )
    assert plan_text.freed_sentence(5, None) == "5 B freed."


def test_batches_are_listed_with_what_they_hold_now(make: Any) -> None:
    batch = make.batch(make.plan())
    lines = backups_text.batches_lines([batch], make.NOW + 8 * make.DAY)
    assert lines[0] == "1 batch, 2.0 MB on disk, counted apart from the store"
    assert lines[3].split("  ")[0] == "20261122-2026-a3f1"
    assert "8 d ago" in lines[3]
    assert backups_text.batches_lines([], make.NOW)[0].startswith("No backups.")


def test_an_unfinished_batch_says_what_settles_it(make: Any) -> None:
    batch: Batch = make.replace(make.batch(make.plan()), state="unfinished")
    assert "settles it" in backups_text.batches_lines([batch], make.NOW)[-1]


def test_one_batch_is_shown_item_by_item(make: Any) -> None:
    lines = backups_text.batch_lines(make.batch(make.plan(), "done", "failed"))
    assert lines[3] == "items     1 moved, 1 in-place"
    assert lines[-2].split() == [
        "run", "a1", "1", "a1", "ended", "60", "d", "ago", "moved", "12", "1.0", "MB",
    ]  # fmt: skip


def test_counts_read_as_a_person_says_them() -> None:
    assert items_text(143, 2) == "143 runs and 2 experiments"
    assert items_text(1, 0) == "1 run"
    assert items_text(0, 1) == "1 experiment"
    assert items_text(0, 0) == "0 runs"


def test_the_undo_command_survives_a_shell() -> None:
    assert undo_command("/data/my runs") == "mlruns-tui undo '/data/my runs'"


@pytest.mark.parametrize(
    ("text", "ms"),
    [("90s", 90_000), ("30min", 1_800_000), ("30m", 1_800_000), ("1h", 3_600_000), ("1.5h", 5_400_000), ("0", 0),
     ("30d", 2_592_000_000), ("2w", 1_209_600_000), (" 10 s ", 10_000)],
)  # fmt: skip
def test_a_length_of_time_has_a_unit(text: str, ms: int) -> None:
    assert parse_duration(text) == ms


@pytest.mark.parametrize("text", ["", "5", "-1h", "1mo", "h", "1h30m", "nan", "9" * 40 + "d"])
def test_a_length_of_time_without_one_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="unit"):
        parse_duration(text)


def test_an_endless_name_does_not_push_the_other_columns_away() -> None:
    columns = [Column("name", gives_way=True), Column("id"), Column("user")]
    name = "n" * 4990 + "-v2"
    lines = table(columns, [(name, "0123456789abcdef", "alice"), ("plain", "0", "u" * 5000)])
    assert max(cell_len(line) for line in lines) < 400
    cells = lines[1].split()
    assert cells[0].startswith("nnn")
    assert "…" in cells[0]
    assert cells[0].endswith("-v2")
    assert cells[1:] == ["0123456789abcdef", "alice"]
    assert lines[2].split()[:2] == ["plain", "0"]
    whole = "w" * 150
    assert whole in table(columns, [(whole, "0", "alice")])[1]


def test_a_killed_trainer_is_running_and_silent(make: Any) -> None:
    then = NOW - 41 * DAY
    run = Run("1", "a", status="RUNNING", start_time=then - DAY, size=Size(1, 1, 1, then * 1_000_000))
    assert run_sentence(run, NOW) == "RUNNING, silent 41 d, started 42 d ago"
    assert status_word(run, NOW) == "running?"
    alive = replace(run, size=Size(1, 1, 1, (NOW - 60_000) * 1_000_000))
    assert run_sentence(alive, NOW) == "running, started 42 d ago"
