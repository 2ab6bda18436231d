"""Slimming and packing from the screen, down to the disk and back."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cleanup.pack import pack
from mlruns_tui.tui.screens.details import DetailsScreen
from mlruns_tui.tui.screens.for_good import PurgeDialog
from mlruns_tui.tui.screens.pack import PackDialog
from mlruns_tui.tui.screens.progress import ResultScreen
from mlruns_tui.tui.screens.review import ReviewScreen
from mlruns_tui.workflow import changing, diagnosing
from mlruns_tui.workflow.reading import open_reader

Start = Callable[..., AbstractAsyncContextManager[Any]]
REAL = diagnosing.diagnose, changing.batches
AT_MS = 1_760_000_000_000


def run_id(number: int) -> str:
    # Digits alone would be a number to YAML.
    return f"{number:x}".rjust(32, "a")


def write_run(root: Path, number: int, artifacts: bool = True) -> Path:
    folder = root / "1" / run_id(number)
    for part in ("artifacts/model" if artifacts else "artifacts", "metrics", "params", "tags"):
        (folder / part).mkdir(parents=True)
    (folder / "meta.yaml").write_text(
        f"artifact_uri: file://{folder}/artifacts\nend_time: {AT_MS}\nexperiment_id: '1'\nlifecycle_stage: active\n"
        f"run_id: {folder.name}\nrun_name: run-{number}\nstart_time: {AT_MS - 1000}\nstatus: 3\nuser_id: me\n"
    )
    (folder / "metrics" / "loss").write_text(f"{AT_MS} 0.5 0\n{AT_MS} 0.25 1\n")
    (folder / "params" / "lr").write_text("0.1")
    if artifacts:
        (folder / "artifacts" / "model" / "log.txt").write_bytes(b"step 1 loss 0.5\n" * 20_000)
        (folder / "artifacts" / "model" / "weights").write_bytes(random.Random(number).randbytes(5_000))
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Five finished runs; a registered version is made from the fourth, the fifth has no artifacts."""
    root = tmp_path / "mlruns"
    (root / "1").mkdir(parents=True)
    (root / "1" / "meta.yaml").write_text(
        f"artifact_location: file://{root}/1\nexperiment_id: '1'\nlifecycle_stage: active\nname: vision\n"
        f"creation_time: {AT_MS}\nlast_update_time: {AT_MS}\n"
    )
    for number in range(1, 6):
        write_run(root, number, artifacts=number != 5)
    version = root / "models" / "scorer" / "version-1"
    version.mkdir(parents=True)
    (version.parent / "meta.yaml").write_text(
        f"name: scorer\ncreation_timestamp: {AT_MS}\nlast_updated_timestamp: {AT_MS}\ndescription: ''\n"
    )
    (version / "meta.yaml").write_text(
        f"name: scorer\nversion: 1\ncreation_timestamp: {AT_MS}\nlast_updated_timestamp: {AT_MS}\n"
        f"current_stage: None\nstatus: READY\nrun_id: {run_id(4)}\n"
        f"source: file://{root}/1/{run_id(4)}/artifacts/model\n"
    )
    for folder, folders, files in os.walk(root, topdown=False):
        for name in (*files, *folders):
            os.utime(os.path.join(folder, name), (AT_MS / 1000, AT_MS / 1000))
    return root


def everything(root: Path) -> dict[str, tuple[Any, ...]]:
    """Every entry of the store but its backups: mode, time, content."""
    found: dict[str, tuple[Any, ...]] = {}
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


async def to_review(it: Any, *keys: str) -> ReviewScreen:
    await it.press(*keys)
    screen = await it.on(ReviewScreen)
    await it.pilot.pause()
    return screen  # type: ignore[no-any-return]


async def until_done(it: Any) -> None:
    await it.until(lambda: it.state.has_result and not it.state.task, "done")
    await it.until_read()


def sizes(it: Any) -> dict[str, int]:
    runs = it.state.snapshot.runs["experiment/1"]
    return {run.name: run.size.size_bytes for run in runs if run.size is not None}


async def test_slimmed_runs_lose_their_artifacts_and_nothing_else_and_z_brings_them_back(
    on_disk: Any, root: Path
) -> None:
    before = everything(root)
    async with on_disk() as it:
        was = sizes(it)
        screen = await to_review(it, "2", *["space"] * 4, "j", "space", "S")
        # The fourth is needed by a model version and not marked, the fifth has none.
        assert [item.path for item in screen.plan.items] == [f"1/{run_id(n)}/artifacts" for n in (1, 2, 3)]
        await it.until_text(
            "3 runs lose their artifacts, keep params, metrics and tags", "Slim 3 runs", "Remove instead"
        )
        await it.until_text("1 run has no artifacts and is left out")
        assert everything(root) == before
        await it.press("m")
        await until_done(it)
        await it.until_toast("the artifacts of 3 runs moved to a backup")
        await it.until_toast("frees nothing yet: p pack, P purge. z undo")
        for number in (1, 2, 3):
            run = root / "1" / run_id(number)
            assert sorted(path.name for path in run.iterdir()) == [
                "artifacts",
                "meta.yaml",
                "metrics",
                "params",
                "tags",
            ]
            assert not list((run / "artifacts").iterdir())
            assert (run / "params" / "lr").read_text() == "0.1"
        assert (root / "1" / run_id(4) / "artifacts" / "model" / "weights").exists()
        assert it.marked == {"run-5"}
        await it.until(lambda: sizes(it).get("run-1", 1 << 30) < 2_000, "the new size")
        assert sizes(it)["run-4"] == was["run-4"]
        await it.press("z")
        await it.until_text("Put back the artifacts of 3 runs")
        await it.press("enter")
        await it.until_toast("the artifacts of 3 runs are back, every byte and date as before.")
        await until_done(it)
        await it.until(lambda: sizes(it) == was, "the old sizes")
    assert everything(root) == before


async def test_in_the_review_S_goes_from_removing_to_slimming_and_back(on_disk: Any, root: Path) -> None:
    async with on_disk() as it:
        screen = await to_review(it, "2", "space", "space", "d")
        assert {item.action for item in screen.plan.items} == {"remove"}
        assert "Slim instead…" in it.text
        screen.query_one("#goes").focus()
        await it.press("down", "space")
        assert len(screen.plan.items) == 1
        left = {item.key for item in screen._whole.items} - {item.key for item in screen.plan.items}
        await it.press("S")
        await it.until(lambda: isinstance(it.app.screen, ReviewScreen) and it.app.screen is not screen, "the other")
        slim = it.app.screen
        assert {item.action for item in slim._whole.items} == {"slim"}
        assert {item.key for item in slim._whole.items} - {item.key for item in slim.plan.items} == left
        await it.until_text("Slim 1 run", "1 run loses its artifacts", "Remove instead…")
        await it.press("S")
        await it.until(lambda: isinstance(it.app.screen, ReviewScreen) and it.app.screen is not slim, "back again")
        assert {item.action for item in it.app.screen.plan.items} == {"remove"}
        await it.press("escape")
        assert it.marked == {"run-1", "run-2"}
    assert not (root / ".mlruns-tui.trash").exists()


async def test_what_a_model_version_needs_is_not_slimmed_and_says_why(on_disk: Any, root: Path) -> None:
    async with on_disk() as it:
        await it.press("2", "j", "j", "j", "space")
        assert "version 1 of scorer" in it.main.row_text
        await it.press("S")
        assert "slim: artifacts only: nothing marked" in it.main.row_text


async def test_slimming_for_good_asks_for_the_number(on_disk: Any, root: Path) -> None:
    async with on_disk() as it:
        await to_review(it, "2", "space", "S")
        await it.press("D")
        await it.until_text("1 run loses its artifacts", "for good", "Slim 1 run for good")
        await it.press("m", "1", "enter")
        await until_done(it)
        await it.until(lambda: not list((root / "1" / run_id(1) / "artifacts").iterdir()), "gone")
        assert (root / "1" / run_id(1) / "metrics" / "loss").exists()


async def test_from_the_result_one_key_packs_and_undo_brings_back(on_disk: Any, root: Path) -> None:
    before = everything(root)
    async with on_disk() as it:
        await to_review(it, "2", "space", "space", "d")
        await it.press("m")
        await until_done(it)
        await it.until_toast("2 runs moved to a backup")
        await it.press("p")
        await it.until(lambda: isinstance(it.app.screen, PackDialog), "what it would gain")
        assert "2 items:" in it.text and "become about" in it.text
        await it.press("enter")
        await it.until_toast("2 runs packed and read back.")
        await until_done(it)
        assert len(list(root.glob(".mlruns-tui.trash/batches/*/pack/*.tar.zst"))) == 1
        assert not list(root.glob(".mlruns-tui.trash/batches/*/data/*"))
        await it.until(lambda: it.state.last_batch.state == "packed", "known as packed")
        await it.press("p")
        assert "pack the last batch: the last batch is packed already" in it.main.row_text
        await it.press("b")
        await it.until_text("packed", "backups")
        await it.press("escape", "z")
        await it.until_text("It is packed: unpacking needs")
        await it.press("enter")
        await it.until_toast("2 runs are back, every byte and date as before.")
    assert everything(root) == before


async def test_from_the_result_screen_p_packs_and_P_asks_for_the_number(on_disk: Any, root: Path) -> None:
    async with on_disk() as it:
        await to_review(it, "2", "space", "d")
        await it.press("m")
        await until_done(it)
        await it.press("w")
        await it.until(lambda: isinstance(it.app.screen, ResultScreen), "the result")
        await it.until_text("p pack it", "P purge it", "0 B so far")
        await it.press("p")
        await it.until(lambda: isinstance(it.app.screen, PackDialog), "what it would gain")
        await it.press("escape")
        await it.until(lambda: it.app.screen is it.main, "the main screen")
        await it.press("P")
        await it.until(lambda: isinstance(it.app.screen, PurgeDialog), "the number")
        await it.press("1", "enter")
        await it.until_toast("freed")
        await it.until(lambda: not list(root.glob(".mlruns-tui.trash/batches/*/data/*")), "gone for good")
        await until_done(it)
        await it.until(lambda: it.state.last_batch.state == "purged", "known as purged")
        await it.press("p")
        assert "nothing of the last batch is in a backup" in it.main.row_text


@pytest.mark.parametrize("size", [(80, 24), (140, 40), (200, 60)])
async def test_at_every_size_the_review_of_a_slimming_is_whole(
    on_disk: Any, size: tuple[int, int], closed_borders: Any
) -> None:
    async with on_disk(size=size) as it:
        await to_review(it, "2", "space", "space", "S")
        await it.until_text("artifacts go", "Slim 2 runs")
        closed_borders(it.app)


async def test_details_are_as_they_were_but_for_the_artifacts(on_disk: Any, root: Path) -> None:
    async with on_disk() as it:
        await to_review(it, "2", "space", "S")
        await it.press("m")
        await until_done(it)
        await it.to_run("run-1")
        await it.press("i")
        await it.until(lambda: isinstance(it.app.screen, DetailsScreen), "the details")
        await it.until_text("loss", "0.25")


async def test_the_backups_say_which_disk_a_batch_is_on_and_that_it_is_not_there(
    on_disk: Any, root: Path, other_disk: Path
) -> None:
    async with on_disk() as it:
        before = everything(root)
        await to_review(it, "2", "space", "d")
        await it.press("m")
        await until_done(it)
        (batch,) = changing.batches(str(root))
        pack(str(root), batch.id, backup_dir=str(other_disk))
        await it.press("b")
        await it.until(lambda: f"is packed in {other_disk}" in " ".join(it.text.replace("│", " ").split()), "where")
        hidden = other_disk.with_name(other_disk.name + "-x")
        other_disk.rename(hidden)
        await it.press("r")
        await it.until_text("is not there now")
        await it.until_text("1 item on a disk that is not there")
        await it.press("enter")
        await it.until_toast("its disk is not there now: mount it")
        hidden.rename(other_disk)
        await it.press("r")
        await it.until(lambda: "is not there now" not in it.text, "there again")
        await it.press("enter", "enter")
        await it.until_toast("1 run is back, every byte and date as before.")
        assert everything(root) == before
