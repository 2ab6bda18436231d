"""What is said of items that were put aside, and of those an interrupted deletion had deleted."""

from __future__ import annotations

from typing import Any

from mlruns_tui.model.batch import Batch
from mlruns_tui.report import backups_text


def batch_of(make: Any, *fields: dict[str, Any]) -> Batch:
    """A batch of the plan's items, each with these fields."""
    batch: Batch = make.batch(make.plan())
    items = tuple(make.replace(one, **more) for one, more in zip(batch.items, fields, strict=True))
    return make.replace(batch, items=items)  # type: ignore[no-any-return]


def test_what_was_deleted_before_it_stopped_is_never_counted_as_back(make: Any) -> None:
    lost = {"place": "purged", "outcome": "failed", "error": "It was deleted for good", "now_at": ""}
    path = make.plan().items[1].path
    lines = backups_text.restored_lines(batch_of(make, lost, {"place": "restored", "outcome": "done", "now_at": path}))
    assert lines == [
        "1 experiment is back, every byte and date as before.",
        "1 run was deleted for good before it stopped; nothing brings it back.",
    ]
    assert backups_text.restored_lines(batch_of(make, lost, lost)) == [
        "Nothing was put back.",
        "1 run and 1 experiment were deleted for good before it stopped; nothing brings them back.",
    ]


def test_what_was_put_aside_is_said_to_be_aside_and_not_back(make: Any) -> None:
    paths = [one.path for one in make.plan().items]
    aside = {"place": "restored", "outcome": "done", "now_at": "a1-restored-20261122-2026-a3f1.trash"}
    batch = batch_of(make, aside, {"place": "restored", "outcome": "done", "now_at": paths[1]})
    assert backups_text.restored_lines(batch) == [
        "1 experiment is back, every byte and date as before.",
        f"put aside as {aside['now_at']} in the store's root, because {paths[0]} exists",
    ]
    shown = backups_text.batch_lines(batch)
    assert "put aside" in shown[-3]
    assert shown[-1] == (
        f"put aside as {aside['now_at']} in the store's root; backups restore takes it to {paths[0]} "
        "once that name is free"
    )


def test_an_interrupted_deletion_is_not_said_to_have_left_every_item_whole(make: Any) -> None:
    moved = {"place": "moved"}
    stopped = make.replace(batch_of(make, {"place": "purged", "outcome": None}, moved), state="unfinished")
    assert "1 item deleted for good, the others are whole" in backups_text.batches_lines([stopped], make.NOW)[-1]
    whole = make.replace(batch_of(make, moved, moved), state="unfinished")
    assert "every item is whole" in backups_text.batches_lines([whole], make.NOW)[-1]
