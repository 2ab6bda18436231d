"""In a real terminal: find runs by an expression, look at a curve, mark, slim, pack; checked on the disk, undone."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.terminal

WHERE = "experiment = 'tabular-churn' and metrics.val_auc > 0.92 and age > 30d and size > 20kB and not protected"


def files(top: Path) -> dict[str, str]:
    """Digest of every file below, by its path."""
    found = (path for path in sorted(top.rglob("*")) if path.is_file())
    return {str(path.relative_to(top)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


@pytest.mark.parametrize(("width", "height"), [(140, 40), (80, 24)])
def test_found_by_expression_looked_at_marked_slimmed_packed_and_taken_back(
    terminal: Callable[..., Any],
    demo: tuple[Path, Any],
    json_of: Callable[..., dict[str, Any]],
    width: int,
    height: int,
) -> None:
    root, _ = demo
    document = json_of("list", str(root), "--where", WHERE)
    wanted = [root / one["path"] for one in document["runs"]]
    before = {run: files(run) for run in wanted}
    with_artifacts = [run for run in wanted if (run / "artifacts").is_dir() and any((run / "artifacts").iterdir())]
    assert len(with_artifacts) > 5
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
    screen.wait_for(f"{len(wanted)} of ")
    screen.keys("2", "i")
    screen.wait_for("val_auc", f"run 1 of {len(wanted)}")
    screen.keys("Down", "Down")
    screen.wait_for("best 0.9")
    screen.keys("Escape")
    screen.wait_for("with a match")
    screen.keys("a", "S")
    number = len(with_artifacts)
    screen.wait_for("nothing has changed yet", f"Slim {number} run", "artifacts")
    assert {run: files(run) for run in wanted} == before
    screen.keys("Right", "Enter")
    # A narrow window folds what the toast says.
    screen.wait(
        lambda text: "frees" in text and not any(list((run / "artifacts").iterdir()) for run in with_artifacts), "done"
    )
    for run in with_artifacts:
        kept = {name: digest for name, digest in before[run].items() if not name.startswith("artifacts/")}
        assert files(run) == kept and any(name.startswith("metrics/") for name in kept)
    (batch,) = json_of("backups", "list", str(root))["batches"]
    assert (batch["state"], batch["items"]["moved"]) == ("moved", number)
    held = root / ".mlruns-tui.trash" / "batches" / batch["batch"]
    assert {digest for one in (held / "data").iterdir() for digest in files(one).values()} == {
        digest for run in with_artifacts for name, digest in before[run].items() if name.startswith("artifacts/")
    }
    screen.keys("p")
    screen.wait_for(f"Pack {number} items", "become about")
    screen.keys("Enter")
    screen.wait(lambda text: "read back" in text and not any((held / "data").iterdir()), "packed")
    (archive, *_) = held.glob("pack/*.tar.zst")
    subprocess.run(["tar", "--zstd", "-tf", archive], check=True, capture_output=True)
    assert not list((held / "data").iterdir())
    screen.keys("z")
    screen.wait_for(f"the artifacts of {number} runs", "It is packed")
    screen.keys("Enter")
    screen.wait(lambda text: "every byte" in text, "back")
    screen.keys("q")
    assert screen.wait_for_end() == 0
    assert {run: files(run) for run in wanted} == before
