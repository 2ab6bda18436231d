"""``demo``: a store to try things on, and the main job done to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

WITHOUT_MLFLOW = """
import importlib.abc, sys
class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("mlflow", "mlflow_skinny", "sqlalchemy", "pandas", "numpy"):
            raise AssertionError(f"{name} was imported")
sys.meta_path.insert(0, Refuse())
from mlruns_tui.cli import main
for words in (
    ["list", STORE, "--runs", "--json"], ["cleanup", STORE, "--days-old", "30", "--force", "--json"],
    ["backups", "list", STORE, "--json"], ["undo", STORE, "--json"],
):
    code = main(words)
    assert code == 0, (words, code)
"""


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, command: list[str]) -> tuple[Path, str]:
    """Where ``demo --path`` wrote its store, and what it said."""
    folder = tmp_path_factory.mktemp("demo") / "not there yet"
    done = subprocess.run(
        [*command, "demo", "--no-tui", "--path", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "mlruns", done.stdout


def test_it_says_where_the_store_is_and_how_to_remove_it(demo: tuple[Path, str]) -> None:
    root, said = demo
    assert root.is_dir()
    assert said.splitlines()[0].startswith(f"{root}: a demo store, ")
    assert f"rm -r '{root}'" in said


def test_it_holds_what_was_promised(run: Run, demo: tuple[Path, str]) -> None:
    totals = run("list", str(demo[0]), "--json").json["totals"]
    assert (totals["experiments"], totals["orphaned_experiments"], totals["runs"]) == (17, 2, 1293)


def test_the_main_job_takes_exactly_what_is_old_or_orphaned_and_gives_it_back(
    run: Run, demo: tuple[Path, str], tmp_path: Path, same: Callable[[Path, Path], bool]
) -> None:
    work = tmp_path / "mlruns"
    subprocess.run(["cp", "-a", str(demo[0]), str(work)], check=True)
    done = run("cleanup", str(work), "--days-old", "30", "--force", "--json").json
    assert (done["result"]["deleted_runs_count"], done["result"]["total_deleted_experiments"]) == (143, 2)
    assert {item["outcome"] for item in done["result"]["items"]} == {"done"}
    refused = done["plan"]["refused"]
    assert refused
    assert all(one["reason"] for item in refused for one in item["protected"])
    totals = run("list", str(work), "--json").json["totals"]
    assert (totals["experiments"], totals["orphaned_experiments"], totals["runs"]) == (15, 0, 1150)
    assert run("undo", str(work)).code == 0
    assert same(demo[0], work)


def test_nothing_of_it_needs_mlflow(demo: tuple[Path, str], tmp_path: Path) -> None:
    work = tmp_path / "mlruns"
    subprocess.run(["cp", "-a", str(demo[0]), str(work)], check=True)
    script = f"STORE = {str(work)!r}\n{WITHOUT_MLFLOW}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_another_seed_makes_another_store(run: Run, tmp_path: Path) -> None:
    document = run("demo", "--path", tmp_path, "--seed", "8", "--json").json
    assert document["demo"]["path"] == str(tmp_path / "mlruns")
    assert document["demo"]["seed"] == 8
    files = [path for path in (tmp_path / "mlruns").rglob("*") if path.is_file()]
    assert document["demo"]["files"] == len(files)


def test_a_directory_in_use_is_refused_and_left_alone(run: Run, tmp_path: Path, tree: Callable[[Path], Any]) -> None:
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns" / "mine").write_text("x")
    before = tree(tmp_path)
    done = run("demo", "--no-tui", "--path", tmp_path)
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert tree(tmp_path) == before


def test_without_a_terminal_nothing_is_written(start: Run, tmp_path: Path) -> None:
    done = start("demo", env={"TMPDIR": str(tmp_path)})
    assert done.code == 2
    assert "add --no-tui" in done.err
    assert list(tmp_path.iterdir()) == []


def test_without_a_path_it_is_in_a_private_temporary_folder(start: Run, tmp_path: Path) -> None:
    done = start("demo", "--no-tui", env={"TMPDIR": str(tmp_path)})
    assert done.code == 0
    folder = next(tmp_path.iterdir())
    assert folder.stat().st_mode & 0o777 == 0o700
    assert f"rm -r {folder}" in done.out
    shutil.rmtree(folder)
    assert not os.listdir(tmp_path)
