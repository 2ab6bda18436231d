"""The findings: what is wrong, worst first, why, what helps, and where it is; looked for behind the screen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest

from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.findings import Finding
from mlruns_tui.tui.screens.findings import FindingsScreen
from mlruns_tui.tui.screens.help import HelpScreen
from mlruns_tui.tui.screens.main import MainScreen
from mlruns_tui.tui.screens.review import ReviewScreen

Start = Callable[..., AbstractAsyncContextManager[Any]]
CHURN_RUN = "00000101".ljust(32, "0")


def finding(code: str, impact: Any, path: str, experiment: str = "", run: str = "", **more: Any) -> Finding:
    what = more.pop("what", code.replace("-", " "))
    message = f"{what[:1].upper()}{what[1:]}. MLflow does something about {code}."
    return Finding(code, impact, path, message, None, experiment, run, what=what, **more)


def run_id(make: Any, experiment: str, at: int) -> str:
    return str(make.snapshot.runs[f"experiment/{experiment}"][at].run_id)


@pytest.fixture
def found(make: Any) -> tuple[Finding, ...]:
    """Some of every kind: what a repair mends, what must go, what needs a person, many alike."""
    sick = [run_id(make, "102", at) for at in range(5)]
    return (
        finding("experiment-lifecycle-missing", "breaks-store", "103/meta.yaml", "103", remedy="repair",
                cause="Written or edited by hand."),
        finding("closed", "breaks-experiment", "101", "101", remedy="none", migration="fails"),
        finding("orphan", "warns", "617283940118273051/meta.yaml", "617283940118273051", remedy="remove"),
        finding("experiment-meta-missing", "warns", "837465019283746512/meta.yaml", "837465019283746512", remedy="repair",
                migration="orphans-runs", runs=3),
        *(finding("run-folder-missing", "hidden", f"102/{one}/params", "102", one, remedy="repair") for one in sick),
        finding("lost-run", "silent", "models/churn-scorer/version-1/meta.yaml", remedy="none"),
    )  # fmt: skip


@pytest.fixture
def reader(make: Any, found: tuple[Finding, ...]) -> Any:
    return make.reader([replace(make.snapshot, findings=found)])


class Check:
    """A check whose steps the test lets through."""

    def __init__(self, found: tuple[Finding, ...]) -> None:
        self.found = found
        self.asked: list[bool] = []
        self.gate = threading.Event()
        self.error: MlrunsError | None = None
        self.tell: Callable[[int], None] = print

    def __call__(self, reader: Any, version: str, stop: Any, snapshot: Any, *, contents: bool, tell: Any) -> Any:
        self.asked.append(contents)
        self.tell = tell
        if not contents:
            return self.found[:2]
        while not self.gate.wait(0.005):
            if stop():
                return self.found[2:4]
        if self.error is not None:
            raise self.error
        return self.found


@pytest.fixture
def check(found: tuple[Finding, ...], surroundings: None, monkeypatch: pytest.MonkeyPatch) -> Check:
    made = Check(found)
    monkeypatch.setattr("mlruns_tui.workflow.diagnosing.diagnose", made)
    return made


async def opened(it: Any, key: str = "F") -> FindingsScreen:
    await it.press(key)
    screen = await it.on(FindingsScreen)
    await it.until(lambda: not it.state.checking, "all looked into")
    await it.pilot.pause()
    return screen  # type: ignore[no-any-return]


def what(screen: FindingsScreen) -> list[str]:
    return [row.first.code for row in screen._rows]


async def test_they_are_listed_worst_first_and_alike_ones_fold(journey: Start, reader: Any) -> None:
    async with journey(reader) as it:
        screen = await opened(it)
        order = [
            "experiment-lifecycle-missing",
            "closed",
            "orphan",
            "experiment-meta-missing",
            "run-folder-missing",
            "lost-run",
        ]
        assert what(screen) == order
        assert "run folder missing ×5" in it.text
        assert "10, worst first" in it.text
        assert "proven" not in it.text and "MLflow" in it.text


async def test_the_row_under_the_cursor_is_explained(journey: Start, reader: Any) -> None:
    async with journey(reader) as it:
        await opened(it)
        for said in ("experiment lifecycle missing.", "103/meta.yaml", "smoke-tests", "MLflow does something about",
                     "Written or edited by hand.", "e shows what would be done", "1 run,"):  # fmt: skip
            assert said in it.text or said[:1].upper() + said[1:] in it.text, said
        await it.press("G")
        await it.until_text("it needs a person", "models/churn-scorer/version-1/meta.yaml")


async def test_enter_shows_it_in_the_tree_and_the_table(journey: Start, reader: Any, make: Any) -> None:
    async with journey(reader) as it:
        await opened(it)
        await it.press("down", "enter")
        await it.until(lambda: it.state.cursor_key == "experiment/101", "the experiment")
        await opened(it)
        await it.press("end", "up", "enter")
        wanted = f"experiment/102/run/{run_id(make, '102', 0)}"
        await it.until(lambda: it.state.run is not None and it.state.cursor_key == wanted, "the run")
        assert it.state.panel == "runs"
        await opened(it)
        await it.press("end", "enter")
        await it.until(lambda: it.state.entry is not None and it.state.entry.key == "model/churn-scorer", "the model")


async def test_the_tree_has_the_same_findings_as_badges(journey: Start, reader: Any) -> None:
    async with journey(reader) as it:
        assert {key for key, one in it.main.shown.badges.items() if one.impact.startswith("breaks")} >= {
            "experiment/103",
            "experiment/101",
        }
        assert any("smoke-tests" in line and "!!" in line for line in it.lines)
        assert "10 findings" in it.text


async def test_only_what_stands_in_the_way_of_a_migration(journey: Start, reader: Any) -> None:
    async with journey(reader) as it:
        screen = await opened(it)
        assert "m only what would stop a migration (2)" in it.text
        await it.press("m")
        assert what(screen) == ["closed", "experiment-meta-missing"]
        await it.until_text("not ready", "1 makes it fail, 1 would be lost silently, 3 runs", "1 of 2 can be repaired")
        await it.press("m")
        assert len(what(screen)) == 6


async def test_a_store_without_findings_is_ready_and_says_so(journey: Start, make: Any) -> None:
    async with journey(make.reader([replace(make.snapshot, findings=())])) as it:
        await opened(it)
        await it.until_text("Nothing wrong found. MLflow", "ready  mlflow migrate-filestore carries all of it over")
        await it.press("m")
        await it.until_text("Nothing stands in the way of a migration.")
        await it.press("e", "space", "a", "enter", "y", "r", "c", "slash", "escape", "escape")
        await it.until(lambda: isinstance(it.app.screen, MainScreen), "back")


async def test_a_database_has_no_findings_and_says_why(journey: Start, make: Any) -> None:
    store = replace(make.snapshot.store, kind="database")
    async with journey(make.reader([replace(make.snapshot, store=store, findings=())])) as it:
        await opened(it)
        await it.until_text("metadata is in a database", "are all in use", "nothing to migrate")


async def test_the_filter_narrows_by_what_where_and_remedy(journey: Start, reader: Any) -> None:
    async with journey(reader) as it:
        screen = await opened(it)
        await it.press("slash", *"warns")
        assert what(screen) == ["orphan", "experiment-meta-missing"]
        await it.press("enter", "down")
        assert screen.current is not None and screen.current.first.code == "experiment-meta-missing"
        await it.press("slash", *" zzz")
        await it.until_text("Nothing matches")
        await it.press("escape")
        assert len(what(screen)) == 6
        await it.press("escape")
        await it.until(lambda: isinstance(it.app.screen, MainScreen), "back")


async def test_space_marks_for_removal_what_only_removal_helps(journey: Start, reader: Any) -> None:
    async with journey(reader) as it:
        await opened(it)
        await it.press("down", "down", "space")
        assert set(it.state.marks.by_key) == {"experiment/617283940118273051"}
        await it.press("up")
        await it.until_text("d reviews it: it is marked for removal")
        await it.press("d")
        review = await it.on(ReviewScreen)
        assert [item.key for item in review.plan.items] == ["experiment/617283940118273051"]


async def test_space_chooses_for_repair_what_can_be_repaired_and_keeps_it(journey: Start, reader: Any) -> None:
    async with journey(reader) as it:
        screen = await opened(it)
        await it.press("space")
        assert len(screen.chosen) == 1
        await it.press("escape")
        screen = await opened(it)
        assert "1 chosen for repair" in it.text
        await it.press("a")
        assert {row.first.code for row in screen._rows if row.key in screen.chosen} == {
            "experiment-lifecycle-missing", "experiment-meta-missing", "run-folder-missing",
        }  # fmt: skip
        await it.press("a")
        assert not screen.chosen
        assert not it.state.marks


async def test_what_needs_a_person_is_not_marked(journey: Start, reader: Any) -> None:
    async with journey(reader) as it:
        screen = await opened(it)
        await it.press("down", "space", "e")
        await it.until_toast("this needs a person")
        await it.until_toast("nothing to repair here: the remedy is none")
        assert not screen.chosen and not it.state.marks


async def test_a_read_only_screen_marks_and_repairs_nothing(journey: Start, reader: Any) -> None:
    async with journey(reader, read_only=True) as it:
        screen = await opened(it)
        await it.press("space", "a", "e")
        await it.until_toast("opened read-only")
        assert not screen.chosen
        assert isinstance(it.app.screen, FindingsScreen)


async def test_the_path_is_copied_absolute(journey: Start, reader: Any) -> None:
    async with journey(reader) as it:
        await opened(it)
        await it.press("y")
        assert it.app.clipboard == "/data/mlruns/103/meta.yaml"


async def test_help_opens_and_its_command_runs_in_the_main_screen(journey: Start, reader: Any) -> None:
    async with journey(reader) as it:
        await opened(it)
        await it.press("question_mark")
        await it.until(lambda: isinstance(it.app.screen, HelpScreen), "the help")
        await it.press(*"mark orphaned", "enter")
        await it.until(lambda: isinstance(it.app.screen, MainScreen) and len(it.state.marks) == 1, "marked")


async def test_enter_in_panel_4_opens_them_too_and_the_sidebar_counts_them(journey: Start, reader: Any) -> None:
    async with journey(reader) as it:
        assert any("F  findings" in line and line.rstrip(" │").endswith("10") for line in it.lines)
        await it.press("4")
        await opened(it, "enter")


# The check behind the screen.


async def test_metadata_is_checked_after_every_reading_and_contents_when_asked(
    journey: Start, make: Any, check: Check
) -> None:
    async with journey(make.reader()) as it:
        assert check.asked == [False]
        assert it.state.findings == check.found[:2]
        await it.press("F")
        await it.until(lambda: check.asked == [False, True], "the deep check")
        screen = await it.on(FindingsScreen)
        check.tell(17)
        await it.until_text("looking into every metric, param and tag", "17 of 46 runs", "c stop")
        assert len(screen._rows) == 2
        check.gate.set()
        await it.until(lambda: len(screen._rows) == 6, "the rest")
        await it.press("escape", "r")
        await it.until(lambda: check.asked == [False, True, True], "again with contents")


async def test_a_check_that_is_stopped_keeps_what_is_known(journey: Start, make: Any, check: Check) -> None:
    async with journey(make.reader()) as it:
        await it.press("F")
        await it.until(lambda: check.asked == [False, True], "the deep check")
        await it.press("c")
        await it.until(lambda: not it.state.checking, "the end of it")
        assert set(it.state.findings) == set(check.found[:4])
        await it.until_text("stopped before the end, r goes through all of it")
        check.gate.set()
        await it.press("r")
        await it.until(lambda: it.state.findings == check.found, "all of it")


async def test_leaving_the_list_does_not_stop_the_check(journey: Start, make: Any, check: Check) -> None:
    async with journey(make.reader()) as it:
        await it.press("F")
        await it.until(lambda: len(check.asked) == 2, "the deep check")
        await it.press("escape", "2", "down")
        check.gate.set()
        await it.until(lambda: it.state.findings == check.found, "all of it")
        assert len(it.main.shown.badges) > 2


async def test_reading_again_gives_the_check_up_and_starts_another(journey: Start, make: Any, check: Check) -> None:
    async with journey(make.reader()) as it:
        await it.press("F")
        await it.until(lambda: len(check.asked) == 2, "the deep check")
        await it.press("escape", "R")
        await it.until(lambda: check.asked == [False, True, True], "the next one")
        check.gate.set()
        await it.until(lambda: it.state.findings == check.found, "all of it")


async def test_a_check_that_fails_is_said_and_nothing_else_suffers(journey: Start, make: Any, check: Check) -> None:
    check.error = MlrunsError("odd", "the reader process ended", hint="R starts it again")
    check.gate.set()
    async with journey(make.reader()) as it:
        await it.press("F")
        await it.until_toast("the store could not be checked: the reader process ended; R starts it again")
        await it.until_text("smoke-tests", "experiment lifecycle missing")
        await it.press("escape", "2", "down")
        assert it.state.findings == check.found[:2]


async def test_before_all_is_read_the_list_says_so(journey: Start, make: Any) -> None:
    reader = make.reader([make.partly, make.snapshot], held=True)
    async with journey(reader, read=False) as it:
        reader.let_on()
        await it.until(lambda: it.state.snapshot.experiments, "the first rows")
        await it.press("F")
        await it.until_text("once all is read, it is looked through", "Nothing found so far.")
        reader.let_on(5)
        await it.until_text("4, worst first")


# How it looks.


@pytest.mark.parametrize(
    "size", [(80, 24), (79, 24), (120, 30), (140, 40), (200, 60)], ids=lambda one: f"{one[0]}x{one[1]}"
)
async def test_at_every_size_borders_close(
    journey: Start, reader: Any, size: tuple[int, int], closed_borders: Any
) -> None:
    async with journey(reader, size=size) as it:
        await opened(it)
        closed_borders(it.app)
        assert "? help" in it.lines[-1]
        assert "breaks-store" in it.text and "smoke-tests" in it.text
        await it.press("m")
        closed_borders(it.app)
        assert "not ready" in it.text


async def test_in_ascii_no_sign_is_outside_of_it(journey: Start, reader: Any) -> None:
    async with journey(reader, ascii_signs=True) as it:
        await opened(it)
        await it.press("a")
        assert all(line.isascii() or "×" in line for line in it.lines), [
            line for line in it.lines if not line.isascii()
        ]


async def test_hostile_names_and_texts_are_only_text(
    journey: Start, make: Any, all_hostile: tuple[str, ...], no_controls: Any
) -> None:
    snapshot = make.hostile_snapshot()
    found = tuple(
        Finding(f"odd-{at}", "warns", f"8{at}/{name[:300]}", f"Odd {name[:300]}. It warns.", 3, f"8{at}",
                name[:40], "repair" if at % 2 else "remove", "fails", f"odd {name[:300]}", f"cause {name[:300]}", at)
        for at, name in enumerate(all_hostile)
    )  # fmt: skip
    async with journey(make.reader([replace(snapshot, findings=found)])) as it:
        screen = await opened(it)
        for _ in screen._rows:
            no_controls(it.app)
            await it.press("space")
        await it.press("a", "m", "slash", "[", "/", "enter")
        no_controls(it.app)
        assert it.app.is_running
