"""In a real terminal: one run comes back from last week's backup, the rest of it and today's stay; checked on the disk."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.terminal

WEEK_MS = 7 * 86_400_000


def made_a_week_ago(root: Path, batch: str) -> None:
    """As if the batch had been made then: its plan says when."""
    file = root / ".mlruns-tui.trash" / "batches" / batch / "plan.json"
    document = json.loads(file.read_text())
    document["plan"]["created_ms"] = int(time.time() * 1000) - WEEK_MS - 3_600_000
    file.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("width", "height", "packed"), [pytest.param(140, 40, False, marks=pytest.mark.full), (80, 24, True)]
)
def test_one_run_is_put_back_from_last_weeks_backup(
    terminal: Callable[..., Any],
    demo: tuple[Path, Any],
    json_of: Callable[..., dict[str, Any]],
    differences: Callable[[Path, Path], str],
    width: int,
    height: int,
    packed: bool,
) -> None:
    root, _ = demo
    before = root.parent.parent / "before"
    json_of("cleanup", str(root), "--days-old", "30", "--experiment", "tabular-churn", "--force")
    (old,) = json_of("backups", "list", str(root))["batches"]
    made_a_week_ago(root, old["batch"])
    if packed:
        json_of("backups", "pack", str(root), old["batch"], "--min-gain", "0", "--force")
    json_of("cleanup", str(root), "--days-old", "30", "--no-orphans", "--force")
    contents = json_of("backups", "show", str(root), old["batch"])["batches"][0]["contents"]
    assert len(contents) > 10
    screen = terminal(str(root), width=width, height=height)
    screen.wait(lambda text: " runs" in text and "bytes" not in text and "tabular-churn" in text, "all is read")
    screen.keys("b")
    screen.wait_for("7 d ago", old["batch"])
    screen.keys("Down")
    screen.wait(lambda text: f" {old['batch']}  {'packed' if packed else 'moved'} 7 d ago" in text, "last week's batch")
    screen.keys("Space")
    screen.keys("Enter")
    screen.wait_for("▾ tabular-churn")
    screen.keys("Down", "Down", "Space")
    screen.wait_for("1 chosen", "restore 1 item")
    screen.keys("u")
    screen.wait_for(f"Put back 1 item of batch {old['batch']} (7 d ago")
    screen.keys("Enter")
    screen.wait_for("partly", f"{len(contents) - 1} of {len(contents)}", "put back")
    screen.keys("Escape")
    screen.wait(lambda text: "backups" not in text.splitlines()[0], "the lists")
    screen.keys("q")
    assert screen.wait_for_end() == 0
    now = json_of("backups", "show", str(root), old["batch"])["batches"][0]
    (back,) = [one for one in now["contents"] if one["place"] == "restored"]
    assert now["items"]["packed" if packed else "moved"] == len(contents) - 1
    assert differences(before / back["path"], root / back["path"]) == ""
    for one in now["contents"]:
        assert (root / one["path"]).exists() == (one is back)
    newest = json_of("backups", "list", str(root))["batches"][0]
    assert newest["items"]["moved"] == sum(newest["items"].values()) > 50
    # What remains comes back as well, and then all is as it was.
    json_of("backups", "restore", str(root), old["batch"])
    json_of("undo", str(root))
    assert differences(before, root) == ""
