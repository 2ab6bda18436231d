"""``E`` writes what the table shows into a file of the user's own, whole or not at all."""

from __future__ import annotations

import csv
import json
import os
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.triage.columns import Column
from mlruns_tui.tui.screens.export import ExportScreen

Start = Callable[..., AbstractAsyncContextManager[Any]]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


async def opened(it: Any, experiment: str = "tabular-churn") -> Any:
    if it.state.entry is None or it.state.entry.name != experiment or it.state.panel != "runs":
        await it.to_runs(experiment)
    await it.until(lambda: not it.main.columns._busy, "the columns")
    await it.press("E")
    return await it.on(ExportScreen)


async def typed(it: Any, text: str) -> None:
    (await it.on(ExportScreen)).query_one("#path").value = text
    await it.press("enter")


async def done(it: Any) -> None:
    await it.until(lambda: it.app.screen is it.main, "written")
    await it.until(lambda: "written to" in it.main.row_text, "said")


async def told(it: Any, text: str) -> None:
    """Until the dialog says this, wherever the length of the path breaks its lines."""
    screen = await it.on(ExportScreen)
    await it.until(lambda: text in " ".join(str(screen.query_one("#note").content).split()), text)


class Rows:
    """The table's rows, and the threads that asked for one of them."""

    def __init__(self, rows: Any) -> None:
        self.rows, self.threads = rows, set()

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Any:
        self.threads.add(threading.get_ident())
        return iter(self.rows)

    def __getitem__(self, at: Any) -> Any:
        return self.rows[at]


async def test_runs_are_collected_behind_the_screen(journey: Start) -> None:
    async with journey() as it:
        await it.to_runs("tabular-churn")
        rows = Rows(it.main.shown.runs)
        it.main.showing.shown = replace(it.main.shown, runs=rows)
        it.main.looking.export()
        screen = await it.on(ExportScreen)
        assert rows.threads and threading.get_ident() not in rows.threads
        assert [run.key for run in screen._runs] == [row.run.key for row in rows.rows]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


async def test_enter_writes_the_shown_rows_and_columns_where_it_proposed(journey: Start, here: Path) -> None:
    async with journey() as it:
        await it.to_runs("tabular-churn")
        columns = (Column("size"), Column("started"), Column("metrics.n"), Column("params.lr"), Column("status"))
        it.main.set_state(replace(it.state.filtered("hist"), columns=columns))
        await opened(it)
        assert "│ 2 runs, 5 columns" in it.text
        await it.press("enter")
        await done(it)
        path = here / "tabular-churn-runs.csv"
        assert os.listdir(here) == [path.name]
        first, second = rows_of(path)
        run = it.main.shown.runs[0].run
        assert list(first) == [
            "experiment_id", "run_id", "name", "size_bytes", "start_time", "metrics.n", "params.lr", "status",
        ]  # fmt: skip
        assert (first["run_id"], first["size_bytes"]) == (run.run_id, str(run.size.size_bytes))
        assert first["name"] == "xgb-hist-256"
        assert first["metrics.n"] == "256.0"
        assert (first["params.lr"], first["status"]) == ("0.1", "FINISHED")
        assert first["start_time"].endswith("Z")
        assert second["metrics.n"] == "128.0"
        assert f"2 runs, 5 columns written to {path}" in it.main.row_text.replace("…", "")


async def test_json_is_the_document_of_list_with_the_values(journey: Start, here: Path) -> None:
    async with journey() as it:
        await opened(it)
        await typed(it, "out.json")
        await done(it)
        document = json.loads((here / "out.json").read_text())
        assert (document["document"], document["version"]) == ("list", 1)
        assert [one["name"] for one in document["experiments"]] == ["tabular-churn"]
        assert [one["run_id"] for one in document["runs"]] == [row.run.run_id for row in it.main.shown.runs]
        assert document["runs"][0]["values"]["size_bytes"] == 96_200_000
        assert document["runs"][0]["protected"][0]["kind"] == "model-version"
        assert set(document["columns"]) == set(document["runs"][0]["values"])


async def test_a_file_that_is_there_is_left_and_the_next_proposal_is_another(journey: Start, here: Path) -> None:
    taken = here / "tabular-churn-runs.csv"
    taken.write_text("mine")
    async with journey() as it:
        screen = await opened(it)
        assert screen.query_one("#path").value.endswith("tabular-churn-runs-2.csv")
        await typed(it, taken.name)
        await told(it, "there is one already")
        assert taken.read_text() == "mine"
        assert os.listdir(here) == [taken.name]
        await typed(it, "other.csv")
        await done(it)
        assert len(rows_of(here / "other.csv")) == 32


async def test_a_name_or_place_that_will_not_do_is_said_and_can_be_mended(journey: Start, here: Path) -> None:
    async with journey() as it:
        await opened(it)
        await typed(it, "runs.xlsx")
        await told(it, "must end in .csv or .json")
        await typed(it, "nowhere/runs.csv")
        await told(it, "no such file or directory")
        await typed(it, "/data/mlruns/101/runs.csv")
        await told(it, "is not written: it is in")
        await it.press("escape")
        await it.until(lambda: it.app.screen is it.main, "closed")
        assert os.listdir(here) == []


async def test_giving_up_while_values_are_read_leaves_nothing(journey: Start, make: Any, here: Path) -> None:
    reader = make.reader()
    async with journey(reader) as it:
        await it.to_runs("tabular-churn")
        it.main.set_state(replace(it.state, columns=(Column("metrics.n"),)))
        screen = await opened(it)
        values, asked = reader.values, []

        def slow(keys: Any, wanted: Any) -> Any:
            asked.append(keys)
            screen._stop.wait(10)
            return values(keys, wanted)

        reader.values = slow
        await it.press("enter")
        await it.until(lambda: asked, "asked")
        await it.press("escape")
        await it.until(lambda: it.app.screen is it.main, "closed")
        await it.until(lambda: len(asked) == 1 and not os.listdir(here), "nothing")


async def test_nothing_shown_is_nothing_to_export(journey: Start) -> None:
    async with journey() as it:
        await it.to_runs("tabular-churn")
        it.main.set_state(it.state.filtered("no such run"))
        await it.press("E")
        assert "no run is shown" in it.main.row_text
        assert it.app.screen is it.main


async def test_hostile_names_are_written_as_they_are(journey: Start, make: Any, here: Path) -> None:
    async with journey(make.reader([make.hostile_snapshot()])) as it:
        await opened(it, "hostile")
        await it.press("enter")
        await done(it)
        names = {row["name"] for row in rows_of(here / "hostile-runs.csv")}
        assert {"[/foo]", "[@click=app.quit]x[/]", "$accent $background on red", "two\nlines"} <= names


async def test_it_loads_nothing_before_it_is_asked_for() -> None:
    import subprocess
    import sys

    code = (
        "import sys, mlruns_tui.tui.app, mlruns_tui.tui.screens.main\n"
        "late = ('exporting', 'exports', 'screens.export', 'previewing', 'run_preview', 'scanner.glance')\n"
        "print([one for one in sys.modules if one.startswith('mlruns_tui') and one.endswith(late)])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
