"""An experiment whose metadata is lost, found and rebuilt by keyboard alone; MLflow has it back, and so it can go."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.terminal, pytest.mark.mlflow]


@pytest.fixture
def lost(demo: tuple[Path, Any], tmp_path: Path) -> tuple[Path, str, int]:
    """A demo store in which the metadata of one experiment is gone: its root, the experiment, how many runs it has."""
    root, _facts = demo
    numbers = sorted(one.name for one in root.iterdir() if one.name.isdigit() and (one / "meta.yaml").exists())
    name = max((one for one in numbers if one != "0"), key=lambda one: len(list((root / one).iterdir())))
    place = root / name
    times = os.stat(place)
    (place / "meta.yaml").unlink()
    os.utime(place, ns=(times.st_atime_ns, times.st_mtime_ns))
    shutil.rmtree(tmp_path / "before")
    subprocess.run(["cp", "-a", str(root), str(tmp_path / "before")], check=True)
    return root, name, sum(len(one.name) == 32 for one in place.iterdir())


def test_an_orphan_is_repaired_mlflow_has_it_back_and_z_takes_it_back(
    lost: tuple[Path, str, int],
    tmp_path: Path,
    terminal: Callable[..., Any],
    json_of: Callable[..., dict[str, Any]],
    ask_mlflow: Callable[[Path], dict[str, Any]],
    differences: Callable[[Path, Path], str],
) -> None:
    root, name, runs = lost
    number = len(json_of("doctor", str(root), code=10)["findings"])
    before = ask_mlflow(root)
    assert name not in before["experiments"]
    screen = terminal(str(root), width=120, height=36)
    screen.wait_for("read in", f"{number} findings")
    screen.keys("F")
    screen.wait_for(f"{number}, worst first", "no meta.yaml", f"{runs} runs")
    screen.wait(lambda shown: "looking into" not in shown, "all looked into")
    screen.type("/repair")
    screen.wait_for("row 1 of 1")
    screen.keys("Enter")
    screen.keys("e")
    screen.wait_for("nothing has changed yet", f"rebuilt from {runs} runs", "Repair 1 place")
    assert differences(tmp_path / "before", root) == ""
    screen.keys("Right", "Enter")
    screen.wait_for("Nothing matches repair")
    screen.wait(lambda shown: f"{number - 1}, worst first" in shown, "what is left")

    answer = ask_mlflow(root)
    assert set(answer["experiments"]) == {*before["experiments"], name}
    assert len(answer["runs"]) == len(before["runs"]) + runs
    assert not [one for one in answer["said"] if name in one]

    screen.keys("z")
    screen.wait_for("Put back 1 repaired place")
    screen.keys("Enter")
    screen.wait_for(f"{number} findings")
    assert differences(tmp_path / "before", root) == ""
    screen.keys("q")
    assert screen.wait_for_end() == 0
