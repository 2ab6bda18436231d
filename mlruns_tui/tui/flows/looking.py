"""Looking: filter, sort, details, help, palette, theme, mouse, copying, leaving."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from mlruns_tui.model.clock import now_ms
from mlruns_tui.model.protocols import Reader
from mlruns_tui.model.store import Experiment, RegisteredModel, Run, Stray

from ..clipboard import sent
from ..messages import Returned
from ..widgets.cells import cut

if TYPE_CHECKING:
    from ..screens.main import MainScreen


class Looking:
    """Commands that change what is seen, and nothing else."""

    def __init__(self, screen: MainScreen, reader: Reader) -> None:
        self.screen = screen
        self.reader = reader
        self.turned: set[str] = set()
        """Metrics of which the details show the other end as the best, from visit to visit."""

    def handlers(self) -> Mapping[str, Callable[[], None]]:
        return {
            "look.filter": self.filter,
            "sort.size": lambda: self.sort("size"),
            "sort.name": lambda: self.sort("name"),
            "sort.written": lambda: self.sort("idle"),
            "sort.files": lambda: self.sort("files"),
            "look.details": self.details,
            "look.compare": self.compare,
            "copy.id": self.copy_id,
            "copy.path": self.copy_path,
            "export": self.export,
            "mouse": self.mouse,
            "theme": self.theme,
            "look.overview": self.overview,
            "palette": self.screen_palette,
            "help": self.help,
            "back": self.back,
            "quit": self.quit,
        }

    def filter(self) -> None:
        """``/``: the list in use shows only what matches."""
        self.screen.change(prompt="filter")
        self.screen.filter.open(self.screen.state.text_filter)

    def sort(self, key: str) -> None:
        self.screen.set_state(self.screen.state.sorted_by(key))

    def details(self) -> None:
        state = self.screen.state
        if state.list_panel == "tree" and state.entry is not None and state.entry.entry is not None:
            self._entry_details(state.entry.key, state.entry.entry)
            return
        if state.run is not None:
            self._run_details(state.run.key, [row.run.key for row in self.screen.shown.runs])

    def _run_details(self, key: str, among: Sequence[str]) -> None:
        from ..screens.details import DetailsScreen

        state = self.screen.state
        screen = DetailsScreen(
            self.reader,
            key,
            among,
            state.snapshot,
            marked=self._why_marked,
            protections=lambda key: self.screen.state.kept(key),
            toggle=self.screen.mark_keys.toggle_item,
            turned=self.turned,
            findings=lambda key: self.screen.state.findings_of(key),
            repair=None if state.read_only else self.screen.repairing.review,
            unreachable=lambda: self.screen.reading.unreachable,
        )
        self.screen.app.push_screen(screen, self._back_from_details)

    def compare(self) -> None:
        """``=``: the runs of the range, or all marked ones, side by side."""
        from ..screens.compare import CompareScreen

        runs = self._to_compare()
        if len(runs) < 2:
            self.screen.say("compare: one run is nothing to compare; stretch the range, or mark another")
            return
        self.screen.mark_keys.drop_range()
        state = self.screen.state
        keys = [run.key for run in runs]
        screen = CompareScreen(
            self.reader,
            runs,
            marked=lambda key: key in self.screen.state.marks,
            toggle=None if state.read_only else self.screen.mark_keys.toggle_item,
            open_details=lambda key: self._run_details(key, keys),
            turned=self.turned,
            now_ms=now_ms(),
        )
        self.screen.app.push_screen(screen, self._back_from_details)

    def _to_compare(self) -> list[Run]:
        state, rows = self.screen.state, self.screen.run_table
        if rows.range_from is not None and state.list_panel == "runs":
            return [rows.rows[at].run for at in rows.selected]
        known = {run.key: run for run in state.snapshot.all_runs()}
        marked = [known[key] for key in state.marks.by_key if key in known]
        if len(marked) == 1 and state.list_panel == "runs" and state.run is not None and state.run not in marked:
            marked.append(state.run)
        return marked

    def _entry_details(self, key: str, entry: Experiment | Stray | RegisteredModel) -> None:
        from ..screens.entry import EntryScreen

        def left(command: str | None) -> None:
            self.screen.focus_panel()
            if command is not None:
                self.screen.run_command(command)

        screen = EntryScreen(
            key,
            entry,
            lambda: self.screen.state,
            toggle=self.screen.mark_keys.toggle_item,
            repair=self.screen.repairing.review,
            unreachable=lambda: self.screen.reading.unreachable,
        )
        self.screen.app.push_screen(screen, left)

    def _why_marked(self, key: str) -> str:
        mark = self.screen.state.marks.by_key.get(key)
        return "" if mark is None else mark.reason

    def _back_from_details(self, _: None = None) -> None:
        self.screen.focus_panel()

    def _item(self) -> Run | Experiment | Stray | RegisteredModel | None:
        state = self.screen.state
        if state.list_panel == "runs":
            return state.run
        return state.entry.entry if state.entry is not None else None

    def copy_id(self) -> None:
        item = self._item()
        if isinstance(item, Run):
            self._copy(item.run_id)
        elif isinstance(item, Experiment):
            self._copy(item.experiment_id)
        elif isinstance(item, RegisteredModel):
            self._copy(item.name)
        elif item is not None:
            self._copy(item.path)

    def copy_path(self) -> None:
        item = self._item()
        if item is None or not item.path:
            self.screen.say("copy the path: it has no directory here")
            return
        self._copy(os.path.join(self.reader.store.root, item.path))

    def _copy(self, text: str) -> None:
        self.screen.app.copy_to_clipboard(text)
        self.screen.say(sent(cut(text, 60).rstrip()))

    def export(self) -> None:
        """``E``: the rows and columns of the run table into a file."""
        screen, state = self.screen, self.screen.state
        rows, experiment = screen.shown.runs, state.experiment
        if not rows or experiment is None:
            screen.say("export: no run is shown; Esc clears a filter")
            return
        columns = [one.name for one in state.columns]
        columns = columns or [name for name, _ in screen.run_table.layout_now.columns if name != "name"]

        def written(words: str) -> None:
            with suppress(RuntimeError):  # the program may be closing
                screen.post_message(Returned(lambda: screen.say(words)))

        def proposed(found: tuple[str, list[Run]]) -> None:
            from ..screens.export import ExportScreen

            path, runs = found
            # Whoever went on meanwhile does not want to be asked any more.
            if screen.app.screen is screen:
                opened = ExportScreen(self.reader, state.snapshot, experiment, runs, columns, path, written)
                screen.app.push_screen(opened, lambda _: screen.focus_panel())

        def propose() -> tuple[str, list[Run]]:
            from mlruns_tui.workflow.exporting import proposed_path

            # Rows are made when they are asked for: a hundred thousand of them are no work for one frame.
            return proposed_path(self.reader.store, experiment), [row.run for row in rows]

        screen.work(propose, proposed, "export")

    def overview(self) -> None:
        """``W``: space, ages, rules, findings and the disk, drawn."""
        from ..screens.overview import OverviewScreen, Seen
        from ..screens.rules import facts_for

        screen, state = self.screen, self.screen.state
        facts = facts_for(state.snapshot, state.judged.facts if state.judged else None, now_ms())

        def back(command: str | None) -> None:
            screen.focus_panel()
            if command:
                screen.run_command(command)

        seen = Seen(lambda: screen.state, facts, screen.reading.space, screen.remembering.visit)
        screen.app.push_screen(OverviewScreen(seen), back)

    def mouse(self) -> None:
        from ..app import MlrunsApp

        app = self.screen.app
        on = app.switch_mouse() if isinstance(app, MlrunsApp) else None
        words = {True: "mouse on", False: "mouse off: the terminal selects text again"}
        self.screen.say("mouse: this terminal's cannot be switched" if on is None else words[on])

    def theme(self) -> None:
        """The next theme, ours first."""
        app = self.screen.app
        names = sorted(app.available_themes, key=lambda name: (not name.startswith("mlruns-"), name))
        app.theme = names[(names.index(app.theme) + 1) % len(names)] if app.theme in names else names[0]
        self.screen.say(f"theme {app.theme}")

    def screen_palette(self) -> None:
        self.screen.app.action_command_palette()

    def help(self) -> None:
        from ..screens.help import HelpScreen

        def chosen(command: str | None) -> None:
            if command is not None:
                self.screen.run_command(command)

        self.screen.app.push_screen(HelpScreen(self.screen.keymap, self.screen.state), chosen)

    def back(self) -> None:
        """Esc: close what is open, innermost first; it never quits."""
        screen, state = self.screen, self.screen.state
        if state.prompt:
            if state.prompt == "filter":
                screen.set_state(state.filtered(""))
            elif state.prompt == "expression":
                screen.expressing.clear()
            screen.close_prompt()
        elif screen.changing.give_up_planning() or screen.mark_keys.drop_range():
            return
        elif state.zoomed:
            screen.change(zoomed=False)
        elif screen.folded and state.panel == "marked":
            screen.moving.to_panel("runs")
        elif state.text_filter:
            screen.set_state(state.filtered(""))
        elif state.expression:
            screen.expressing.clear()
        elif state.reading:
            screen.reading.stop()
        else:
            screen.say("nothing to go back from; q quits")

    def quit(self) -> None:
        """Leave. Work in the worker goes on without the window, and that is said first."""
        task = self.screen.changing.task
        if task is None or task.ended:
            self.leave()
            return
        from ..screens.dialogs import QuitDialog

        event = task.latest
        done, total = (event.done, event.total) if event is not None else (0, 0)
        words = self.screen.state.task.removeprefix("the ").removesuffix(" goes on")
        self.screen.app.push_screen(QuitDialog(words, done, total), lambda yes: self.leave() if yes else None)

    def leave(self) -> None:
        self.screen.reading.close()
        self.screen.remembering.leave()
        self.screen.arranging.leave()
        self.screen.app.exit(len(self.screen.state.marks))
