"""In a real terminal: find runs by an expression, look at a curve, mark them, apply; checked on the disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.terminal

WHERE = "experiment = 'tabular-churn' and metrics.val_auc > 0.92 and age > 30d and not protected"


def names(document: dict[str, Any]) -> set[str]:
    return {one["run_id"] for one in document["runs"]}


@pytest.mark.parametrize(("width", "height"), [(140, 40), (80, 24)])
def test_found_by_expression_looked_at_marked_and_moved(
    terminal: Callable[..., Any],
    demo: tuple[Path, Any],
    json_of: Callable[..., dict[str, Any]],
    width: int,
    height: int,
) -> None:
    root, _ = demo
    document = json_of("list", str(root), "--where", WHERE)
    (experiment,) = document["experiments"]
    wanted = names(document)
    assert len(wanted) > 5
    inside = sorted(path.name for path in (root / experiment["path"]).iterdir())
    screen = terminal(str(root), width=width, height=height)
    screen.wait(lambda text: "1,293 runs" in text and "resnet50" in text, "all is read")
    screen.keys("f")
    screen.type(WHERE)
    screen.wait(
        lambda text: f" {len(wanted)} of " in text and "runs match" in text and "reading values" not in text,
        "all is read",
    )
    screen.keys("Enter")
    screen.wait_for("with a match", "tabular-churn")
    screen.keys("G")
    screen.wait_for(f"{len(wanted)} of {experiment['runs']} shown")
    screen.keys("2", "i")
    screen.wait_for("val_auc", f"run 1 of {len(wanted)}")
    screen.keys("Down", "Down")
    screen.wait_for("best 0.9")
    screen.keys("Escape")
    screen.wait_for("with a match")
    screen.keys("a", "d")
    screen.wait_for("nothing has changed yet", f"{len(wanted)} item")
    screen.keys("Right", "Enter")
    screen.wait_for(f"{1_293 - len(wanted):,} runs")
    screen.keys("q")
    assert screen.wait_for_end() == 0
    there = {path.name for path in (root / experiment["path"]).iterdir()}
    assert there == set(inside) - wanted
    assert names(json_of("list", str(root), "--where", WHERE)) == set()
    json_of("undo", str(root))
    assert names(json_of("list", str(root), "--where", WHERE)) == wanted
    assert sorted(path.name for path in (root / experiment["path"]).iterdir()) == inside
