"""The palette: every command of the table by name, and every experiment and run by its own."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from textual import work
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.css.query import NoMatches

from mlruns_tui.report.words import size_text

from . import commands
from .commands import Command
from .screens.main import MainScreen
from .widgets.cells import DIM, FAINT, KEY, cut, line, signs_of

ORDER = ("act", "mark", "look", "rest", "move")
"""Groups of commands as they are listed before anything is typed."""
MOST_JUMPS = 50
"""So many places are offered; a few more letters find the others."""
JUMP_SCORE = 0.4
LOOSE_SCORE = 0.3
"""The most for a command that only has the letters somewhere: after every name that holds them as typed, for
Enter on the name of a run must not mark anything."""


_gather = CommandPalette._gather_commands.__wrapped__  # type: ignore[attr-defined]


class Palette(CommandPalette):
    """Textual's, but it may be left at once: there a search that starts after its list is gone ends the app."""

    @work(exclusive=True, group=CommandPalette._GATHER_COMMANDS_GROUP)
    async def _gather_commands(self, search_value: str) -> None:
        with suppress(NoMatches):
            await _gather(self, search_value)

    def _watch__list_visible(self) -> None:
        with suppress(NoMatches):
            super()._watch__list_visible()

    async def _watch__show_busy(self) -> None:
        with suppress(NoMatches):
            await super()._watch__show_busy()


class StoreCommands(Provider):
    """Commands that are off are listed too, with the reason: choosing one says it."""

    @property
    def _main(self) -> MainScreen | None:
        return self.screen if isinstance(self.screen, MainScreen) else None

    def _display(self, command: Command, main: MainScreen) -> tuple[Content, str]:
        reason = command.enabled(main.state)
        ascii_only = signs_of(self.app).border == "ascii"
        keys = " ".join(commands.key_label(key, ascii_only) for key in commands.keys_of(command, main.keymap))
        title = command.title.rstrip("…")
        pieces = [
            (title, FAINT if reason is not None else ""),
            ("  ", ""),
            (keys, FAINT if reason is not None else KEY),
        ]
        return line(pieces), f"not now: {reason}" if reason is not None else command.help

    async def discover(self) -> Hits:
        main = self._main
        if main is None:
            return
        for command in sorted(commands.COMMANDS, key=lambda one: ORDER.index(one.group)):
            display, words = self._display(command, main)
            yield DiscoveryHit(display, partial(main.run_command, command.id), text=command.title, help=words)

    async def search(self, query: str) -> Hits:
        main = self._main
        if main is None:
            return
        matcher = self.matcher(query)
        typed = query.casefold().split()
        for command in commands.COMMANDS:
            said = f"{command.title} {command.help}"
            score = matcher.match(said)
            if score > 0:
                display, words = self._display(command, main)
                as_typed = all(word in said.casefold() for word in typed)
                place = 1 + score if as_typed else LOOSE_SCORE * score / (1 + score)
                yield Hit(place, display, partial(main.run_command, command.id), text=command.title, help=words)
        for hit in self._places(query.casefold(), main):
            yield hit

    def _places(self, query: str, main: MainScreen) -> list[Hit]:
        """Experiments and runs whose name or id holds the text as typed."""
        found: list[Hit] = []
        snapshot = main.state.snapshot
        for experiment in snapshot.experiments:
            name = experiment.name or experiment.experiment_id
            if query in name.casefold() or query in experiment.experiment_id.casefold():
                found.append(_hit("experiment", name, experiment.size, partial(main.moving.jump, experiment.key, "")))
        for key, runs in snapshot.runs.items():
            for run in runs:
                if len(found) >= MOST_JUMPS:
                    return found
                if query in run.name.casefold() or query in run.run_id.casefold():
                    jump = partial(main.moving.jump, key, run.key)
                    found.append(_hit("run", run.name or run.run_id, run.size, jump))
        return found


def _hit(kind: str, name: str, size: object, jump: object) -> Hit:
    from mlruns_tui.model.store import Size

    shown = cut(name, 60).rstrip()
    figure = f"  {size_text(size.size_bytes)}" if isinstance(size, Size) else ""
    display = line([(f"go to {kind}  ", DIM), (shown, ""), (figure, DIM)])
    return Hit(JUMP_SCORE, display, jump, text=shown)  # type: ignore[arg-type]
