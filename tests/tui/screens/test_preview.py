"""``p`` in the details: the beginning of an artifact, read from the disk, harmless whatever is in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.model.details import ArtifactEntry
from mlruns_tui.tui.screens.details import DetailsScreen
from mlruns_tui.tui.screens.preview import PreviewScreen
from mlruns_tui.tui.widgets.row_list import RowList
from mlruns_tui.workflow.reading import open_reader

Lines = Callable[[Any], list[str]]
RUN = "a" * 32
KEY = f"experiment/1/run/{RUN}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    experiment = tmp_path / "mlruns" / "1"
    found = experiment / RUN / "artifacts"
    found.mkdir(parents=True)
    (experiment / "meta.yaml").write_text("experiment_id: '1'\nname: e\nlifecycle_stage: active\n")
    (experiment / RUN / "meta.yaml").write_text(f"run_id: {RUN}\nexperiment_id: '1'\nstatus: 3\n")
    return found


@pytest.fixture
def preview(folder: Path, bare: Any) -> Any:
    """Makes an app that previews one artifact of the run, written before."""

    def make(name: str, data: bytes | None) -> Any:
        if data is not None:
            (folder / name).write_bytes(data)
        entry = ArtifactEntry(name, len(data or b""), 1, False)
        return bare(PreviewScreen(open_reader(str(folder.parents[2])), KEY, "lgbm-final", entry, str(folder)))

    return make


async def _read(app: Any, pilot: Any) -> None:
    while not isinstance(app.screen, PreviewScreen) or app.screen._found is None:
        await pilot.pause(0.01)
    await pilot.pause()


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_text_stands_there_line_by_line(preview: Any, lines_of: Lines, size: tuple[int, int]) -> None:
    app = preview("notes.md", b"# a title\n[red]no markup[/red]\n\x1b]0;t\x07\n" + "이탈예측 끝\n".encode())
    async with app.run_test(size=size) as pilot:
        await _read(app, pilot)
        text = "\n".join(lines_of(app))
        for words in (
            "lgbm-final › notes.md",
            "# a title",
            "[red]no markup[/red]",
            "\\x1b]0;t\\x07",
            "이탈예측 끝",
            "text 4 lines",
        ):
            assert words in text, text


async def test_long_lines_move_sideways_and_back(preview: Any, lines_of: Lines) -> None:
    app = preview("wide.csv", b"start " + b"x" * 300 + b" end")
    async with app.run_test(size=(80, 24)) as pilot:
        await _read(app, pilot)
        assert "start" in "\n".join(lines_of(app))
        for _ in range(40):
            await pilot.press("right")
        await pilot.pause()
        assert "end" in "\n".join(lines_of(app))
        assert "start" not in "\n".join(lines_of(app))
        for _ in range(40):
            await pilot.press("h")
        await pilot.pause()
        assert "start" in "\n".join(lines_of(app))


async def test_what_is_gone_is_said(preview: Any, lines_of: Lines) -> None:
    app = preview("gone.txt", None)
    async with app.run_test(size=(80, 24)) as pilot:
        await _read(app, pilot)
        assert "gone.txt is not there any more" in "\n".join(lines_of(app))


async def test_an_image_is_told_by_its_size(preview: Any, lines_of: Lines) -> None:
    app = preview("a.gif", b"GIF89a\x10\x00\x20\x00" + b"\0" * 9)
    async with app.run_test(size=(80, 24)) as pilot:
        await _read(app, pilot)
        text = "\n".join(lines_of(app))
        assert "GIF image, 16 × 32" in text and "nothing more to show" in text


async def test_from_the_details_p_and_enter_open_it_and_escape_comes_back(
    journey: Any, make: Any, folder: Path
) -> None:
    (folder / "report.txt").write_text("all is well")
    async with journey(open_reader(str(folder.parents[2]))) as it:
        it.main.moving.jump("experiment/1", KEY)
        await it.until(lambda: it.state.run is not None, "the run")
        await it.press("i")
        await it.until_text("report.txt")
        details = await it.on(DetailsScreen)
        details.query_one("#artifacts", RowList).focus()
        for key in ("p", "enter"):
            await it.press(key)
            await it.until_text("all is well")
            await it.press("escape")
            await it.until(lambda: it.app.screen is details, "the details")
        assert (folder / "report.txt").read_text() == "all is well"
