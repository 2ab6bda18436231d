"""Repair: shown before it is done, done by the worker, taken back byte for byte. It ends at the disk."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlruns_tui.tui.screens.findings import FindingsScreen
from mlruns_tui.tui.screens.main import MainScreen
from mlruns_tui.tui.screens.repair import RepairScreen
from mlruns_tui.workflow import changing, diagnosing
from mlruns_tui.workflow.reading import open_reader

Start = Callable[..., AbstractAsyncContextManager[Any]]
LONG_AGO = 1_700_000_100
REAL = (diagnosing.diagnose, changing.batches)

EXPERIMENT = """\
artifact_location: file:///x/{id}
creation_time: 1700000000000
experiment_id: '{id}'
last_update_time: 1700000000000
lifecycle_stage: active
name: {name}
"""
RUN = """\
artifact_uri: file:///x/{experiment}/{id}/artifacts
end_time: 1700000001000
entry_point_name: ''
experiment_id: '{experiment}'
lifecycle_stage: active
run_id: {id}
run_name: {name}
run_uuid: {id}
source_name: ''
source_type: 4
source_version: ''
start_time: 1700000000000
status: 3
tags: []
user_id: me
"""


def run_id(number: int) -> str:
    # Digits alone would be a number to YAML.
    return f"{number:x}".rjust(32, "a")


def write_run(root: Path, experiment: str, number: int) -> Path:
    run = root / experiment / run_id(number)
    for folder in ("artifacts", "metrics", "params", "tags"):
        (run / folder).mkdir(parents=True)
    (run / "meta.yaml").write_text(RUN.format(id=run.name, experiment=experiment, name=f"run-{number}"))
    (run / "metrics" / "loss").write_text("1700000000000 0.5 0\n1700000000001 0.25 1\n")
    (run / "params" / "lr").write_text("0.1")
    (run / "tags" / "mlflow.runName").write_text(f"run-{number}")
    return run


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A healthy experiment 0, an orphan 7 with three runs, and one run with a broken metric line."""
    root = tmp_path / "mlruns"
    for experiment in ("0", "7", "8"):
        for number in range(3):
            write_run(root, experiment, int(experiment) * 10 + number + 1)
    (root / ".trash").mkdir()
    (root / "0" / "meta.yaml").write_text(EXPERIMENT.format(id="0", name="Default"))
    (root / "8" / "meta.yaml").write_text(EXPERIMENT.format(id="8", name="churn"))
    (root / "8" / run_id(81) / "metrics" / "loss").write_text("1700000000000 0.5 0\nnonsense\n1700000000001 0.25 1\n")
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            os.utime(os.path.join(folder, name), (LONG_AGO, LONG_AGO))
    os.utime(root, (LONG_AGO, LONG_AGO))
    return root


def everything(root: Path) -> dict[str, tuple[Any, ...]]:
    """Every entry of the store without our own folder: type and mode, times, content."""
    found = {}
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name != ".mlruns-tui.trash"]
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            status = os.lstat(path)
            digest = hashlib.sha256(Path(path).read_bytes()).hexdigest() if name in files else ""
            found[os.path.relpath(path, root)] = (status.st_mode, status.st_mtime_ns, digest)
    return found


@pytest.fixture
def on_disk(journey: Start, root: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The app over the real store, with nothing of it stood in for."""

    def start(**options: Any) -> Any:
        monkeypatch.setattr("mlruns_tui.workflow.diagnosing.diagnose", REAL[0])
        monkeypatch.setattr("mlruns_tui.workflow.changing.batches", REAL[1])
        return journey(open_reader(str(root)), **options)

    return start


async def to_repair(it: Any, *keys: str) -> RepairScreen:
    """From the list of findings, after these keys, to what a repair would do."""
    await it.press("F")
    findings = await it.on(FindingsScreen)
    await it.until(lambda: not it.state.checking and len(findings._rows) == 2, "both findings")
    await it.press(*keys, "e")
    screen = await it.on(RepairScreen)
    await it.pilot.pause()
    return screen  # type: ignore[no-any-return]


async def until_repaired(it: Any, rows: int) -> None:
    await it.until(lambda: it.state.has_result and not it.state.task, "repaired")
    await it.until_read()
    await it.until(lambda: len(it.state.findings) == rows, f"{rows} findings left")


async def test_an_orphan_gets_its_metadata_back_and_z_takes_it_back(on_disk: Any, root: Path) -> None:
    before = everything(root)
    async with on_disk() as it:
        screen = await to_repair(it, "down")
        assert [item.path for item in screen.plan.items] == ["7/meta.yaml"]
        await it.until_text("nothing has changed yet", "meta.yaml rebuilt from 3 runs", "name: recovered-7", "Cancel")
        assert everything(root) == before
        await it.press("right", "enter")
        await until_repaired(it, 1)
        meta = yaml.safe_load((root / "7" / "meta.yaml").read_text())
        assert (meta["name"], meta["experiment_id"], meta["lifecycle_stage"]) == ("recovered-7", "7", "active")
        await it.until_toast("1 place repaired. z undo")
        findings = await it.on(FindingsScreen)
        assert [row.first.code for row in findings._rows] == ["run-metric-line-unreadable"]
        assert any(one.name == "recovered-7" and one.state == "ok" for one in it.state.snapshot.experiments)
        await it.press("z")
        await it.until_text("Put back 1 repaired place")
        await it.press("enter")
        await until_repaired(it, 2)
        await it.until_toast("1 repaired place is as before, every byte and date.")
    assert everything(root) == before


async def test_all_that_can_be_repaired_is_and_nothing_is_left(on_disk: Any, root: Path) -> None:
    before = everything(root)
    async with on_disk() as it:
        screen = await to_repair(it, "a")
        assert {item.path for item in screen.plan.items} == {"7/meta.yaml", f"8/{run_id(81)}/metrics/loss"}
        await it.press("m")
        await until_repaired(it, 0)
        await it.until_text("Nothing wrong found.", "ready")
    assert (root / "8" / run_id(81) / "metrics" / "loss").read_text() == "1700000000000 0.5 0\n1700000000001 0.25 1\n"
    changed = {path for path, one in everything(root).items() if before.get(path, one) != one or path not in before}
    assert changed <= {"7", "7/meta.yaml", "8", f"8/{run_id(81)}/metrics", f"8/{run_id(81)}/metrics/loss"}


async def test_cancel_has_the_focus_and_changes_nothing(on_disk: Any, root: Path) -> None:
    before = everything(root)
    async with on_disk() as it:
        await to_repair(it, "a")
        await it.press("enter")
        await it.until(lambda: isinstance(it.app.screen, FindingsScreen), "back")
    assert everything(root) == before
    assert not (root / ".mlruns-tui.trash").exists()


async def test_a_rebuilt_experiment_gets_the_name_that_was_typed(on_disk: Any, root: Path) -> None:
    async with on_disk() as it:
        screen = await to_repair(it, "a")
        await it.press("down", "home", "n")
        await it.until_text("Enter takes it")
        await it.press(*["backspace"] * 20, *"Default", "enter")
        await it.until_text("an experiment called", "exists")
        await it.press(*["backspace"] * 20, *"saved [red]", "enter")
        await it.until(lambda: any("saved [red]" in item.what for item in screen.plan.items), "another plan")
        assert len(screen.plan.items) == 2
        await it.press("escape")
        await it.until(lambda: isinstance(it.app.screen, FindingsScreen), "back: nothing was asked any more")
        screen = await to_repair_again(it)
        await it.press("down", "home", "n", *["backspace"] * 20, *"saved", "enter")
        await it.until(lambda: any("saved" in item.what for item in screen.plan.items), "another plan")
        await it.press("m")
        await until_repaired(it, 0)
    assert yaml.safe_load((root / "7" / "meta.yaml").read_text())["name"] == "saved"


async def to_repair_again(it: Any) -> RepairScreen:
    await it.press("e")
    return await it.on(RepairScreen)  # type: ignore[no-any-return]


async def test_what_is_left_out_stays_broken(on_disk: Any, root: Path) -> None:
    async with on_disk() as it:
        screen = await to_repair(it, "a")
        await it.press("down", "home", "space")
        assert [item.path for item in screen.plan.items] == [f"8/{run_id(81)}/metrics/loss"]
        await it.until_text("Repair 1 place", "left out")
        await it.press("m")
        await until_repaired(it, 1)
    assert not (root / "7" / "meta.yaml").exists()


async def test_e_in_the_tree_repairs_what_is_under_the_cursor(on_disk: Any, root: Path) -> None:
    async with on_disk() as it:
        it.main.moving.jump_to("experiment/7")
        await it.until(lambda: it.state.cursor_key == "experiment/7", "the orphan")
        await it.press("e")
        screen = await it.on(RepairScreen)
        assert [item.path for item in screen.plan.items] == ["7/meta.yaml"]
        await it.press("m")
        await until_repaired(it, 0)
        assert isinstance(it.app.screen, MainScreen)
        assert "e  repair" in it.text
    assert (root / "7" / "meta.yaml").exists()


async def test_e_says_when_there_is_nothing_to_repair(on_disk: Any) -> None:
    async with on_disk() as it:
        it.main.moving.jump_to("experiment/0")
        await it.until(lambda: it.state.cursor_key == "experiment/0", "a healthy one")
        await it.press("e")
        await it.until_text("repair: nothing to repair here")


async def test_what_is_in_use_is_refused_with_the_reason(on_disk: Any, root: Path) -> None:
    (root / "7" / run_id(71) / "metrics" / "loss").touch()
    async with on_disk() as it:
        screen = await to_repair(it, "down")
        if screen.plan.empty:
            await it.until_text("Nothing to repair: it must stay as it is", "1 stays as it is", "of quiet are asked")
            await it.press("m", "right", "enter")
        assert screen.plan.empty or screen.plan.items[0].path == "7/meta.yaml"


@pytest.mark.parametrize("size", [(80, 24), (120, 30), (140, 40)], ids=lambda one: f"{one[0]}x{one[1]}")
async def test_at_every_size_borders_close(on_disk: Any, size: tuple[int, int], closed_borders: Any) -> None:
    async with on_disk(size=size) as it:
        await to_repair(it, "a")
        closed_borders(it.app)
        assert "Cancel" in it.text and "Repair 2 places" in it.text and "Esc back" in it.lines[-1]
        await it.press("down", "home", "n")
        await it.until_text("Enter takes it")
        closed_borders(it.app)


async def test_what_is_of_no_use_without_what_is_left_out_is_shown_as_left_out(on_disk: Any, root: Path) -> None:
    broken = root / "7" / run_id(72) / "meta.yaml"
    times = os.stat(broken.parent)
    broken.write_text(broken.read_text().replace("status: 3", "status: what"))
    for path in (broken, broken.parent):
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    async with on_disk() as it:
        await it.press("F")
        findings = await it.on(FindingsScreen)
        await it.until(lambda: not it.state.checking and len(findings._rows) == 4, "all findings")
        await it.press("a", "e")
        screen = await it.on(RepairScreen)
        await it.pilot.pause()
        assert {item.path for item in screen.plan.items} == {
            "7/meta.yaml", f"7/{run_id(72)}/meta.yaml", f"8/{run_id(81)}/metrics/loss",
        }  # fmt: skip
        await it.press("down", "home", "space")
        assert [item.path for item in screen.plan.items] == [f"8/{run_id(81)}/metrics/loss"]
        await it.until_text("Repair 1 place", "1 left out by you, and 1 that is of no use")
        assert it.text.count(" left out ") >= 2
        await it.press("m")
        await until_repaired(it, 3)
    assert "what" in broken.read_text() and not (root / "7" / "meta.yaml").exists()
