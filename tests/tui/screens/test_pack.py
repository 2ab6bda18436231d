"""Packing and verifying from the backups screen, down to the disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.demo.store import write_demo
from mlruns_tui.tui.screens.backups import BackupsScreen
from mlruns_tui.tui.screens.pack import PackDialog
from mlruns_tui.tui.screens.progress import ResultScreen
from mlruns_tui.tui.widgets.row_list import RowList
from mlruns_tui.workflow import changing
from mlruns_tui.workflow.asking import plan_cleanup
from mlruns_tui.workflow.reading import open_reader, read_all


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo store one batch of which was moved out."""
    root = tmp_path_factory.mktemp("demo") / "mlruns"
    write_demo(str(root))
    root = root if (root / ".trash").exists() else next(root.glob("**/.trash")).parent
    reader = open_reader(str(root))
    plan = plan_cleanup(reader, read_all(reader), days_old=60, orphans=False)
    assert changing.follow(changing.start_apply(plan)).state == "moved"
    return root


async def _until(pilot: Any, condition: Callable[[], bool]) -> None:
    for _ in range(3_000):
        await pilot.pause(0.01)
        if condition():
            return
    raise AssertionError(pilot.app.screen_stack)


def _archives(store: Path) -> list[Path]:
    return sorted(store.glob(".mlruns-tui.trash/batches/*/pack/*.tar.zst"))


@pytest.mark.parametrize("size", [(80, 24)])
async def test_a_batch_is_packed_verified_and_its_damage_told(
    store: Path, bare: Any, lines_of: Any, size: tuple[int, int]
) -> None:
    backups = BackupsScreen(str(store))
    app = bare(backups)
    async with app.run_test(size=size) as pilot:

        def on_screen() -> bool:
            on_top = app.screen is backups and backups.is_mounted
            return on_top and backups.query_one("#batches", RowList).current is not None

        def ended() -> bool:
            return on_screen() and backups._work.view is not None and backups._work.view.ended

        await _until(pilot, on_screen)
        await pilot.press("p")
        await _until(pilot, lambda: isinstance(app.screen, PackDialog))
        await _until(pilot, lambda: "become about" in "\n".join(lines_of(app)))
        await pilot.press("escape")
        await _until(pilot, on_screen)
        assert _archives(store) == []
        await pilot.press("p")
        await _until(pilot, lambda: isinstance(app.screen, PackDialog))
        await pilot.press("y")
        await _until(pilot, ended)
        await _until(pilot, lambda: on_screen() and backups.query_one("#batches", RowList).current.state == "packed")
        assert _archives(store)
        packing = backups._work.view
        await pilot.press("V")
        # Checking may be over before anybody looks.
        await _until(pilot, lambda: ended() and backups._work.view is not packing)
        assert backups._work.view.troubles == ()
        archive = _archives(store)[0]
        os.truncate(archive, archive.stat().st_size // 2)
        await pilot.press("V")
        await _until(pilot, lambda: isinstance(app.screen, ResultScreen))
        await _until(pilot, lambda: "failed" in "\n".join(lines_of(app)))
