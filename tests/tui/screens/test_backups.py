"""Backups: what each batch holds, and the way back for all of it or for chosen items."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from mlruns_tui.model.batch import ApplyEvent, Batch
from mlruns_tui.model.errors import LockedError
from mlruns_tui.tui.screens.backups import BackupsScreen
from mlruns_tui.tui.screens.dialogs import UndoDialog
from mlruns_tui.tui.screens.for_good import PurgeDialog
from mlruns_tui.tui.screens.progress import ResultScreen
from mlruns_tui.tui.tasks import TaskStarted
from mlruns_tui.tui.widgets.row_list import RowList
from mlruns_tui.workflow import changing

Lines = Callable[[Any], list[str]]


def _text(lines: list[str]) -> str:
    return "\n".join(lines)


class Vault:
    """Stands for the worker: what batches there are, and what was asked of it."""

    def __init__(self, build: Any, usual: SimpleNamespace, fake_work: Any) -> None:
        items = usual.plan.items
        self.items = items
        self.batches: tuple[Batch, ...] = (
            build.batch(items, id="newest"),
            build.batch(
                items, "in-place", id="stopped", state="unfinished",
                outcomes={items[0].key: ("moved", "done", "")}, created_ms=build.now - 13 * build.day,
            ),
            build.batch(items[:2], "restored", id="back-again"),
            build.batch(items[:2], "purged", id="for-good"),
        )  # fmt: skip
        self.asked: list[tuple[Any, ...]] = []
        self.conflicts: list[str] = []
        self.error: Exception | None = None
        self._build = build
        self._fake_work = fake_work

    def restore(self, root: str, batch_id: str, keys: Any = None, on_conflict: str = "skip") -> Any:
        self.conflicts.append(on_conflict)
        return self._work("restore", root, batch_id, keys)

    def purge(self, root: str, batch_id: str, keys: Any = None) -> Any:
        return self._work("purge", root, batch_id, keys)

    def _work(self, what: Any, root: str, batch_id: str, keys: Any) -> Any:
        if self.error is not None and not isinstance(self.error, LockedError):
            raise self.error
        self.asked.append((what, root, batch_id, keys))
        place = "restored" if what == "restore" else "purged"
        items = [item for item in self.items if keys is None or item.key in keys]
        events = [
            ApplyEvent("item", what, batch_id, at + 1, len(items), 1, 1, key=item.key, outcome="done")
            for at, item in enumerate(items)
        ]
        end: Any = self.error or self._build.batch(items, place, id=batch_id, freed_bytes=7)
        if self.error is None:
            self.batches = tuple(end if one.id == batch_id else one for one in self.batches)
        return self._fake_work([] if self.error else events, end)


@pytest.fixture
def vault(build: Any, usual: SimpleNamespace, fake_work: Any, monkeypatch: pytest.MonkeyPatch) -> Vault:
    made = Vault(build, usual, fake_work)
    monkeypatch.setattr(changing, "batches", lambda root: made.batches)
    monkeypatch.setattr(changing, "start_restore", made.restore)
    monkeypatch.setattr(changing, "start_purge", made.purge)
    return made


@pytest.fixture
def app(vault: Vault, build: Any, bare: Any, usual: SimpleNamespace) -> Any:
    names = {usual.churn.key: "tabular-churn", usual.bert.key: "bert-sst2-sweep"}
    return bare(BackupsScreen("/data/mlruns", experiments=names, at_ms=build.now))


async def _until(app: Any, pilot: Any, condition: Callable[[], bool]) -> None:
    for _ in range(400):
        await _settled(app, pilot)
        if condition():
            return
    raise AssertionError(app.screen_stack)


async def _settled(app: Any, pilot: Any) -> None:
    await pilot.pause()
    await app.workers.wait_for_complete()
    await pilot.pause()


async def test_batches_are_listed_with_state_and_size(app: Any, lines_of: Lines) -> None:
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        text = _text(lines_of(app))
        for words in ("2 batches hold", "● moved", "▲ unfinished   1 of 5", "↩ restored", "⌫ purged", "4 shown", "tabular-churn",
                      "old (4), orphaned (1)", "all 5 items present", "restoring puts 4 runs and 1 experiment back"):  # fmt: skip
            assert words in text, words


async def test_an_unfinished_batch_is_explained_and_enter_settles_it(app: Any, vault: Vault, lines_of: Lines) -> None:
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        assert "Every item is whole: 1 in the backup, 4" in _text(lines_of(app))
        await pilot.press("down", "P")
        await pilot.pause()
        assert not isinstance(app.screen, PurgeDialog)
        await pilot.press("enter")
        await pilot.pause()
        assert "Settle batch stopped" in _text(lines_of(app))
        await pilot.press("enter")
        await _settled(app, pilot)
        assert vault.asked == [("restore", "/data/mlruns", "stopped", None)]


async def test_enter_asks_then_restores_all_of_the_batch_and_looks_again(
    app: Any, vault: Vault, lines_of: Lines
) -> None:
    told: list[Any] = []
    async with app.run_test(size=(140, 40), message_hook=told.append) as pilot:
        await _settled(app, pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, UndoDialog)
        await pilot.press("enter")
        await _until(app, pilot, lambda: "1 batch holds" in lines_of(app)[0])
        assert vault.asked == [("restore", "/data/mlruns", "newest", None)]
        assert any(isinstance(one, TaskStarted) for one in told)
        assert app.screen.query_one("#batches", RowList).rows[0].state == "restored"


async def test_cancel_restores_nothing(app: Any, vault: Vault) -> None:
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        await pilot.press("enter", "right", "enter")
        await _settled(app, pilot)
        await pilot.press("enter", "escape")
        await _settled(app, pilot)
        assert vault.asked == []


async def test_space_chooses_items_and_only_those_are_restored(app: Any, vault: Vault, lines_of: Lines) -> None:
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        await pilot.press("space")
        assert app.screen.focused.id == "kept"
        rows = app.screen.query_one("#kept", RowList).rows
        at = next(at for at, row in enumerate(rows) if row.name == "tabular-churn")
        await pilot.press(*["down"] * at, "enter")
        await pilot.pause()
        await pilot.press("down", "space")
        await pilot.pause()
        text = _text(lines_of(app))
        assert "1 chosen" in text and "restore 1 item" in text
        await pilot.press("u")
        await pilot.pause()
        assert "Put back 1 item of batch newest" in _text(lines_of(app))
        await pilot.press("y")
        await _settled(app, pilot)
        (asked,) = vault.asked
        assert asked[:3] == ("restore", "/data/mlruns", "newest")
        assert asked[3] == [vault.items[1].key]


async def test_escape_first_gives_up_the_choice_then_leaves(app: Any) -> None:
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        await pilot.press("tab", "space", "escape")
        assert app.answers == []
        await pilot.press("escape")
        assert app.answers == [None]


async def test_purge_wants_the_number_of_items(app: Any, vault: Vault) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await _settled(app, pilot)
        await pilot.press("P", "4", "enter")
        await _settled(app, pilot)
        assert vault.asked == []
        await pilot.press("P", "5", "enter")
        await _settled(app, pilot)
        assert vault.asked == [("purge", "/data/mlruns", "newest", None)]


@pytest.mark.parametrize("keys", [("enter",), ("P",), ("u",), ("tab", "space"), ("tab", "u")])
async def test_of_a_batch_that_holds_nothing_nothing_can_be_restored_or_purged(
    app: Any, vault: Vault, keys: tuple[str, ...], lines_of: Lines
) -> None:
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        await pilot.press("down", "down", "down")
        await pilot.pause()
        assert "nothing is left in it" in _text(lines_of(app))
        await pilot.press(*keys)
        await _settled(app, pilot)
        assert isinstance(app.screen, BackupsScreen) and vault.asked == []


async def test_read_only_shows_everything_and_changes_nothing(
    vault: Vault, build: Any, bare: Any, lines_of: Lines
) -> None:
    app = bare(BackupsScreen("/data/mlruns", read_only=True, at_ms=build.now))
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        assert "opened read-only" in _text(lines_of(app))
        await pilot.press("enter", "P", "tab", "space", "u")
        await _settled(app, pilot)
        assert isinstance(app.screen, BackupsScreen) and vault.asked == []


async def test_no_backups_says_what_would_be_here(vault: Vault, app: Any, lines_of: Lines) -> None:
    vault.batches = ()
    async with app.run_test(size=(80, 24)) as pilot:
        await _settled(app, pilot)
        assert "No backups. What you remove with d is kept here until you purge it." in _text(lines_of(app))
        await pilot.press("enter", "P", "u", "space", "tab", "space")
        assert isinstance(app.screen, BackupsScreen)


async def test_a_vault_that_cannot_be_read_is_said(app: Any, lines_of: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(root: str) -> tuple[Batch, ...]:
        raise PermissionError(13, "permission denied", root)

    monkeypatch.setattr(changing, "batches", broken)
    async with app.run_test(size=(80, 24)) as pilot:
        await _settled(app, pilot)
        assert "The backups could not be looked up" in _text(lines_of(app))


async def test_a_worker_that_cannot_be_started_is_said(app: Any, vault: Vault) -> None:
    vault.error = OSError(12, "cannot allocate memory")
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        await pilot.press("enter", "enter")
        await _settled(app, pilot)
        assert any("could not be started" in one.message for one in app._notifications)


async def test_an_error_of_the_worker_is_shown_with_what_to_do(app: Any, vault: Vault, lines_of: Lines) -> None:
    vault.error = LockedError("locked", "bob has been cleaning this store since 20:24", hint="wait for it")
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        await pilot.press("enter", "enter")
        await _until(app, pilot, lambda: isinstance(app.screen, ResultScreen))
        assert "bob has been cleaning this store since 20:24" in _text(lines_of(app))


async def test_r_looks_again_and_the_cursor_stays_on_its_batch(app: Any, vault: Vault, build: Any) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await _settled(app, pilot)
        await pilot.press("down")
        vault.batches = (build.batch(vault.items, id="even-newer"), *vault.batches)
        await pilot.press("r")
        await _settled(app, pilot)
        assert app.screen.query_one("#batches", RowList).current.id == "stopped"


async def test_the_digits_go_to_the_panels(app: Any) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await _settled(app, pilot)
        await pilot.press("2")
        assert app.screen.focused.id == "kept"
        await pilot.press("1")
        assert app.screen.focused.id == "batches"


async def test_whatever_comes_before_the_parts_are_made_or_after_is_passed_over(app: Any, vault: Vault) -> None:
    early = BackupsScreen("/data/mlruns")
    async with app.run_test(size=(80, 24)) as pilot:
        await _settled(app, pilot)
        shown = app.screen
        for size in ((100, 30), (80, 24), (140, 40), (80, 24)):
            await pilot.resize_terminal(*size)
        shown.dismiss()
        shown.on_resize()
        await _settled(app, pilot)
        assert app.screen is not shown
        for screen in (early, shown):
            with screen.prevent():
                screen._show()
                screen._show_actions()
                screen._take(BackupsScreen.Loaded(vault.batches, ""))
