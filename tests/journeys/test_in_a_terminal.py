"""The main job by keyboard alone, in a real terminal, ending at the disk."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.terminal


def is_read(screen: str) -> bool:
    """The figure beside the key comes from the whole store."""
    return re.search(r"(o orphaned|mark orphaned) +2\b", screen) is not None and "1,293 runs" in screen


@pytest.mark.mlflow
@pytest.mark.parametrize(("width", "height"), [(80, 24), (140, 40)])
def test_mark_review_apply_and_take_it_back(
    demo: tuple[Path, Any],
    tmp_path: Path,
    terminal: Callable[..., Any],
    json_of: Callable[..., dict[str, Any]],
    ask_mlflow: Callable[[Path], dict[str, Any]],
    differences: Callable[[Path, Path], str],
    width: int,
    height: int,
) -> None:
    root, _facts = demo
    screen = terminal(str(root), width=width, height=height)
    screen.wait(is_read, "all read and judged")
    screen.keys("o")
    screen.wait_for("2 experiments")
    screen.keys("O")
    screen.wait_for("30", "143 runs")
    screen.keys("Enter")
    screen.wait_for("marked 143;")
    screen.keys("d")
    screen.wait_for("nothing has changed yet", "145 items", "Cancel")
    assert differences(tmp_path / "before", root) == ""
    # The focus is on Cancel: Enter would go back. The button to its right applies.
    screen.keys("Right", "Enter")
    screen.wait_for("1,150 runs")

    totals = json_of("list", str(root))["totals"]
    assert (totals["experiments"], totals["orphaned_experiments"], totals["runs"]) == (15, 0, 1150)
    answer = ask_mlflow(root)
    assert len(answer["runs"]) == len(set(answer["runs"])) == 1150
    assert len(answer["experiments"]) == 15
    assert answer["said"] == []

    screen.keys("z")
    screen.wait_for("Put back")
    screen.keys("Enter")
    screen.wait_for("read in", "17 experiments, 1,293 runs")
    assert differences(tmp_path / "before", root) == ""
    screen.keys("q")
    assert screen.wait_for_end() == 0


def test_enter_on_cancel_changes_nothing_and_keeps_the_marks(
    demo: tuple[Path, Any],
    tmp_path: Path,
    terminal: Callable[..., Any],
    differences: Callable[[Path, Path], str],
) -> None:
    root, _facts = demo
    screen = terminal(str(root))
    screen.wait(is_read, "all read and judged")
    screen.keys("o")
    screen.wait_for("2 experiments")
    screen.keys("d")
    screen.wait_for("nothing has changed yet")
    screen.keys("Enter")
    screen.wait_for("2 experiments", "marked")
    assert differences(tmp_path / "before", root) == ""
    assert not (root / ".mlruns-tui.trash").exists()
