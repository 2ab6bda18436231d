"""Single items from the backups screen: purged, put back, put aside, swapped; each ends at the disk."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.tui.screens.backups import BackupsScreen
from mlruns_tui.tui.screens.dialogs import UndoDialog
from mlruns_tui.tui.screens.for_good import PurgeDialog
from mlruns_tui.tui.screens.restore import ConflictDialog
from mlruns_tui.tui.widgets.row_list import RowList
from mlruns_tui.workflow import changing
from mlruns_tui.workflow.asking import plan_cleanup
from mlruns_tui.workflow.reading import open_reader, read_all

DAY_S = 86_400
FIRST, SECOND, THIRD = (letter * 32 for letter in "abc")


def meta(root: Path, path: str, **fields: Any) -> None:
    (root / path).mkdir(parents=True, exist_ok=True)
    (root / path / "meta.yaml").write_text("".join(f"{name}: {value}\n" for name, value in fields.items()))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """An experiment whose three old runs were moved to a backup."""
    root = tmp_path / "mlruns"
    meta(root, "7", artifact_location=f"file://{root}/7", experiment_id="'7'", lifecycle_stage="active", name="sweep",
         creation_time=1, last_update_time=1)  # fmt: skip
    ended = int((time.time() - 90 * DAY_S) * 1000)
    for at, run_id in enumerate((FIRST, SECOND, THIRD)):
        folder = root / "7" / run_id
        meta(root, f"7/{run_id}", artifact_uri=f"file://{folder}/artifacts", end_time=ended, start_time=ended - 1,
             entry_point_name="''", experiment_id="'7'", lifecycle_stage="active", run_id=run_id, run_name=f"run-{at}",
             source_name="''", source_type=4, source_version="''", status=3, tags="[]", user_id="alice")  # fmt: skip
        (folder / "artifacts").mkdir()
        (folder / "artifacts" / "noise.bin").write_bytes(os.urandom(50_000))
        for path in (*folder.rglob("*"), folder):
            os.utime(path, (ended / 1000, ended / 1000))
    reader = open_reader(str(root))
    plan = plan_cleanup(reader, read_all(reader), days_old=60, orphans=False)
    assert changing.follow(changing.start_apply(plan)).count("moved") == 3
    return root


class Screen:
    """The backups screen of a store, driven by keys."""

    def __init__(self, app: Any, pilot: Any, lines_of: Any) -> None:
        self.app, self.pilot, self._lines_of = app, pilot, lines_of
        self.backups: BackupsScreen = app.first
        """By name: while something is being done, its progress is on top for a moment."""

    @property
    def text(self) -> str:
        return "\n".join(self._lines_of(self.app))

    async def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(3_000):
            await self.pilot.pause(0.01)
            if condition():
                return
        raise AssertionError(f"{self.app.screen_stack}\n{self.text}")

    def counts(self) -> dict[str, int]:
        batch = self.backups.query_one("#batches", RowList).current if self.listed() else None
        places = ("moved", "packed", "restored", "purged")
        return {place: batch.count(place) for place in places if batch.count(place)} if batch else {}

    def listed(self) -> bool:
        backups = self.backups
        on_top = self.app.screen is backups and backups.is_mounted
        return on_top and backups.query_one("#batches", RowList).current is not None

    async def choose(self, *names: str) -> None:
        """Open the batch's contents and pick these items with Space."""
        await self.until(self.listed)
        self.backups.query_one("#kept").focus()
        rows = self.backups.query_one("#kept", RowList)
        await self.pilot.press("g")
        if not any(row.kind == "item" for row in rows.rows):
            await self.pilot.press("enter")
        await self.until(lambda: any(row.kind == "item" for row in rows.rows))
        for name in names:
            rows.cursor = next(at for at, row in enumerate(rows.rows) if row.name == name)
            await self.pilot.press("space")
        await self.until(lambda: len(self.backups._contents.chosen) == len(names))


def kept(store: Path) -> set[str]:
    """Ids of the runs the vault has as trees."""
    found = store.glob(".mlruns-tui.trash/batches/*/data/*/meta.yaml")
    return {line.split()[1] for path in found for line in path.read_text().splitlines() if line.startswith("run_id:")}


async def test_single_items_are_purged_after_their_number_was_typed(store: Path, bare: Any, lines_of: Any) -> None:
    app = bare(BackupsScreen(str(store)))
    async with app.run_test(size=(140, 40)) as pilot:
        it = Screen(app, pilot, lines_of)
        await it.choose("run-0", "run-2")
        await it.until(lambda: "purge 2 items…" in it.text)
        await pilot.press("P")
        await it.until(lambda: isinstance(app.screen, PurgeDialog))
        await it.until(lambda: "Purge 2 items of batch" in it.text)
        assert "2 runs (held 101 kB, frees 1" in it.text
        assert "Nothing brings them back." in it.text
        await pilot.press("3", "enter")
        await it.until(it.listed)
        assert kept(store) == {FIRST, SECOND, THIRD}
        # What was chosen stays chosen.
        await pilot.press("P", "2", "enter")
        await it.until(lambda: it.counts() == {"moved": 1, "purged": 2})
    assert kept(store) == {SECOND}


async def test_single_items_of_an_archive_are_purged_and_the_rest_comes_back(
    store: Path, bare: Any, lines_of: Any
) -> None:
    (batch,) = changing.batches(str(store))
    changing.follow(changing.start_pack(str(store), batch.id, None, 0))
    app = bare(BackupsScreen(str(store)))
    async with app.run_test(size=(80, 24)) as pilot:
        it = Screen(app, pilot, lines_of)
        await it.choose("run-1")
        await pilot.press("P")
        await it.until(lambda: isinstance(app.screen, PurgeDialog))
        await it.until(lambda: "frees about" in it.text)
        await pilot.press("1", "enter")
        await it.until(lambda: it.counts() == {"packed": 2, "purged": 1})
        await pilot.press("u")
        await it.until(lambda: isinstance(app.screen, UndoDialog))
        await pilot.press("y")
        await it.until(lambda: it.counts() == {"restored": 2, "purged": 1})
    assert sorted(path.name for path in (store / "7").iterdir() if path.is_dir()) == [FIRST, THIRD]
    assert not list(store.glob(".mlruns-tui.trash/batches/*/pack/*.tar.zst"))


@pytest.mark.parametrize("key", ["escape", "y", "a", "x"])
async def test_one_item_whose_place_is_taken_is_asked_about(store: Path, bare: Any, lines_of: Any, key: str) -> None:
    mine = store / "7" / FIRST
    mine.mkdir()
    (mine / "mine").write_text("x")
    app = bare(BackupsScreen(str(store)))
    async with app.run_test(size=(80, 24)) as pilot:
        it = Screen(app, pilot, lines_of)
        await it.choose("run-0", "run-1")
        await pilot.press("u")
        await it.until(lambda: isinstance(app.screen, ConflictDialog))
        await it.until(lambda: f"run-0: 7/{FIRST} exists again" in it.text.replace("\n", " "))
        await pilot.press(key)
        if key == "escape":
            await it.until(it.listed)
            assert len(kept(store)) == 3
        elif key == "y":
            await it.until(lambda: "its place is taken" in it.text)
            assert kept(store) == {FIRST, THIRD}
        elif key == "a":
            await it.until(lambda: it.counts() == {"moved": 1, "restored": 2})
            (aside,) = store.glob(f"{FIRST}-restored-*.trash")
            assert (aside / "meta.yaml").is_file()
        else:
            await it.until(lambda: it.counts() == {"moved": 2, "restored": 2})
            assert (mine / "meta.yaml").is_file()
            (swapped,) = store.glob(".mlruns-tui.trash/batches/*/data/*/mine")
            assert swapped.read_text() == "x"
    assert (mine / "mine").exists() == (key != "x")


async def test_what_was_put_aside_goes_to_its_place_once_that_is_free(store: Path, bare: Any, lines_of: Any) -> None:
    (store / "7" / FIRST).mkdir()
    (batch,) = changing.batches(str(store))
    changing.follow(changing.start_restore(str(store), batch.id, None, "rename"))
    (store / "7" / FIRST).rmdir()
    app = bare(BackupsScreen(str(store)))
    async with app.run_test(size=(80, 24)) as pilot:
        it = Screen(app, pilot, lines_of)
        await it.until(it.listed)
        await pilot.press("enter")
        await it.until(lambda: isinstance(app.screen, UndoDialog))
        await it.until(lambda: "1 run, " in it.text)
        await pilot.press("y")
        await it.until(lambda: (store / "7" / FIRST / "meta.yaml").is_file())
        await it.until(it.listed)
    assert not list(store.glob("*.trash/meta.yaml"))


async def test_an_archive_nobody_can_read_is_said_and_purged(store: Path, bare: Any, lines_of: Any) -> None:
    (batch,) = changing.batches(str(store))
    changing.follow(changing.start_pack(str(store), batch.id, None, 0))
    next(store.glob(".mlruns-tui.trash/batches/*/pack/*.manifest")).unlink()
    app = bare(BackupsScreen(str(store)))
    async with app.run_test(size=(140, 40)) as pilot:
        it = Screen(app, pilot, lines_of)
        await it.until(it.listed)
        await it.until(lambda: "is damaged: what is in" in it.text)
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, BackupsScreen)
        await pilot.press("P")
        await it.until(lambda: isinstance(app.screen, PurgeDialog))
        await it.until(lambda: "3 runs and 1 archive nobody can read" in it.text)
        await pilot.press("3", "enter")
        await it.until(lambda: it.counts() == {"purged": 3})
    assert not list(store.glob(".mlruns-tui.trash/batches/*/pack/*"))


async def test_a_missing_item_is_shown_as_failed_not_as_back(store: Path, bare: Any, lines_of: Any) -> None:
    shutil.rmtree(next(store.glob(".mlruns-tui.trash/batches/*/data/0")))
    app = bare(BackupsScreen(str(store)))
    async with app.run_test(size=(80, 24)) as pilot:
        it = Screen(app, pilot, lines_of)
        await it.until(it.listed)
        await pilot.press("enter")
        await it.until(lambda: isinstance(app.screen, UndoDialog))
        await pilot.press("y")
        await it.until(lambda: "its folder in the backup is gone" in it.text)
    assert sum((store / "7" / run_id).is_dir() for run_id in (FIRST, SECOND, THIRD)) == 2


async def test_read_only_chooses_and_purges_nothing(store: Path, bare: Any, lines_of: Any) -> None:
    app = bare(BackupsScreen(str(store), True))
    async with app.run_test(size=(140, 40)) as pilot:
        it = Screen(app, pilot, lines_of)
        await it.until(it.listed)
        await it.until(lambda: "opened read-only" in it.text)
        for key in ("P", "p", "u", "enter", "tab", "space", "P", "u", "p"):
            await pilot.press(key)
        await pilot.pause()
        assert isinstance(app.screen, BackupsScreen)
        await pilot.press("V")
        await it.until(lambda: it.backups._work.view is not None and it.backups._work.view.ended)
        await it.until(it.listed)
    assert kept(store) == {FIRST, SECOND, THIRD}
