"""What a repair is of no use without: it comes after that, and stays undone where that was not done."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.restore import undo
from mlruns_tui.model.batch import Batch
from mlruns_tui.model.plan import Plan
from mlruns_tui.workflow.diagnosing import diagnose
from mlruns_tui.workflow.reading import open_reader
from mlruns_tui.workflow.repairing import preview_repair

RUN = "2/" + "a1" * 16
TAG = f"{RUN}/tags/mlruns-tui.recovered"


def plan_of(root: Path) -> Plan:
    reader = open_reader(str(root))
    return preview_repair(reader, diagnose(reader, "3.17.2"), min_idle_ms=0)


def told(batch: Batch) -> dict[str, tuple[str | None, str]]:
    return {one.item.path: (one.outcome, one.error) for one in batch.items}


@pytest.fixture
def broken(broken_store: Callable[[str], Any]) -> Any:
    return broken_store("mlruns")


def test_what_comes_after_another_is_behind_it_in_the_plan(broken: Any) -> None:
    items = plan_of(broken.root).items
    at = {item.key: number for number, item in enumerate(items)}
    followers = [item for item in items if item.after]
    assert TAG in {item.path for item in followers}
    assert all(at[item.after] < at[item.key] for item in followers)


def test_where_that_fails_it_stays_undone_and_says_why(
    broken: Any, compare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, write = broken.manifest(), os.write
    plan = plan_of(broken.root)

    def lose_metadata(fd: int, data: Any) -> int:
        return len(data) if bytes(data).startswith(b"artifact_") else write(fd, data)

    monkeypatch.setattr(os, "write", lose_metadata)
    batch = apply(plan)
    monkeypatch.undo()
    assert told(batch)[f"{RUN}/meta.yaml"][0] == "failed"
    why = f"of no use without the repair of {RUN}/meta.yaml, which was not done. It is where it was."
    assert told(batch)[TAG] == ("skipped", why)
    assert not (broken.root / TAG).exists()
    undo(str(broken.root))
    assert compare(before, broken.manifest()) == []


def test_where_that_was_changed_since_the_plan_it_stays_undone(broken: Any) -> None:
    plan = plan_of(broken.root)
    (broken.root / RUN / "meta.yaml").write_text("mended: by hand\n")
    batch = apply(plan)
    assert told(batch)[f"{RUN}/meta.yaml"][0] == "skipped"
    assert told(batch)[TAG][0] == "skipped"
    assert not (broken.root / TAG).exists()


def test_stopped_between_the_two_the_rest_waits_for_the_other(broken: Any) -> None:
    """Whenever somebody stops it: a mark without the metadata it is about is never left."""
    number = len(plan_of(broken.root).items)
    for after in range(1, 2 * number + 2, 3):
        calls = iter([False] * after)
        batch = apply(plan_of(broken.root), stop=partial(next, calls, True))
        outcome = {path: what for path, (what, _) in told(batch).items()}
        assert not (outcome[TAG] == "done" and outcome[f"{RUN}/meta.yaml"] != "done"), after
        if any(what == "done" for what in outcome.values()):
            undo(str(broken.root))
