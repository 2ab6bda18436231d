"""``demo``: a store to try things on, and the main job done to it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

Run = Callable[..., Any]

WITHOUT_MLFLOW = """
import contextlib, importlib.abc, io, json, sys
class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("mlflow", "mlflow_skinny", "sqlalchemy", "pandas", "numpy"):
            raise AssertionError(f"{name} was imported")
sys.meta_path.insert(0, Refuse())
from mlruns_tui.cli import main
said = []
for words in (
    ["list", STORE, "--runs"], ["cleanup", STORE, "--days-old", "30", "--force"], ["list", STORE],
    ["backups", "list", STORE], ["undo", STORE],
):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = main([*words, "--json"])
    assert code == 0, (words, code, out.getvalue()[:500])
    said.append(json.loads(out.getvalue()))
print(json.dumps(said))
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


def test_the_main_job_needs_no_mlflow_takes_exactly_what_it_should_and_gives_it_back(
    demo: tuple[Path, str], tmp_path: Path, same: Callable[[Path, Path], bool]
) -> None:
    work = tmp_path / "mlruns"
    subprocess.run(["cp", "-a", str(demo[0]), str(work)], check=True)
    script = f"STORE = {str(work)!r}\n{WITHOUT_MLFLOW}"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    listed, done, after, backups, undone = json.loads(run.stdout)

    totals = listed["totals"]
    assert (totals["experiments"], totals["orphaned_experiments"], totals["runs"]) == (17, 2, 1293)
    assert len(listed["runs"]) == totals["runs"] + totals["trash_runs"]
    assert (done["result"]["deleted_runs_count"], done["result"]["total_deleted_experiments"]) == (143, 2)
    assert {item["outcome"] for item in done["result"]["items"]} == {"done"}
    refused = done["plan"]["refused"]
    assert {"model-version", "parent", "keep-tag", "running"} <= {one["protected"][0]["kind"] for one in refused}
    assert all(one["reason"] for item in refused for one in item["protected"])
    totals = after["totals"]
    assert (totals["experiments"], totals["orphaned_experiments"], totals["runs"]) == (15, 0, 1150)
    assert backups["batches"][0]["items"]["moved"] == 145
    assert undone["batches"][0]["items"]["restored"] == 145
    assert same(demo[0], work)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, make_store: Callable[[Path], Any]) -> list[tuple[str, int]]:
    """Writes a small store instead; what it was asked for."""
    asked: list[tuple[str, int]] = []

    def write(root: str, *, seed: int = 7, now_ms: int | None = None) -> Any:
        asked.append((root, seed))
        make_store(Path(root))
        return SimpleNamespace(root=root, files=21, size_bytes=33_000)

    monkeypatch.setattr("mlruns_tui.demo.store.write_demo", write)
    return asked


def test_another_seed_makes_another_store(run: Run, tmp_path: Path, small: list[tuple[str, int]]) -> None:
    document = run("demo", "--path", tmp_path / "a" / "b", "--seed", "8", "--json").json
    assert small == [(str(tmp_path / "a" / "b" / "mlruns"), 8)]
    assert document["demo"]["path"] == small[0][0]
    assert document["demo"]["seed"] == 8


def test_without_a_path_it_is_in_a_private_temporary_folder(
    run: Run, tmp_path: Path, small: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    done = run("demo", "--no-tui")
    assert done.code == 0
    folder = Path(small[0][0]).parent
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o777 == 0o700
    assert f"rm -r {folder}\n" in done.out


def test_it_is_opened_and_what_is_left_is_said(
    run: Run, tmp_path: Path, small: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("mlruns_tui.cli.demo.has_terminal", lambda: True)
    monkeypatch.setattr("mlruns_tui.cli.demo.open_screen", lambda root: opened.append(root) or 0)
    done = run("demo", "--path", tmp_path)
    assert done.code == 0
    assert opened == [str(tmp_path / "mlruns")]
    assert f"rm -r {tmp_path}/mlruns" in done.out.splitlines()[-1]


def test_a_directory_in_use_is_refused_and_left_alone(run: Run, tmp_path: Path, tree: Callable[[Path], Any]) -> None:
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns" / "mine").write_text("x")
    before = tree(tmp_path)
    done = run("demo", "--no-tui", "--path", tmp_path)
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert tree(tmp_path) == before


def test_without_a_terminal_it_is_written_and_what_comes_next_is_said(start: Run, tmp_path: Path) -> None:
    done = start("demo", env={"TMPDIR": str(tmp_path)})
    assert done.code == 0
    (root,) = tmp_path.glob("*/mlruns")
    for words in (f"mlruns-tui {root}", f"list {root}", f"cleanup {root} --days-old 30", f"undo {root}"):
        assert words in done.out
