"""The palette: every command of the table by name, and every experiment and run by its own.

Over another screen what that screen itself can do comes first; a command of the table leaves it, as Esc would, and
is done on the main one.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from textual import work
from textual.app import App
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.css.query import NoMatches
from textual.screen import Screen

from mlruns_tui.model.late import dataclass
from mlruns_tui.report.words import size_text

from . import commands
from .screens.main import MainScreen
from .widgets.cells import DIM, KEY, cut, line, signs_of

ORDER = ("act", "mark", "look", "rest", "move")
"""Groups of commands as they are listed before anything is typed."""
MOST_JUMPS = 50
"""So many places are offered; a few more letters find the others."""
JUMP_SCORE = 0.4
ONLY_MAIN = ("move.", "open", "back", "palette", "help")
"""Commands that over another screen mean something of its own, or nothing."""
PASSING = ("app.command_palette", "screen.copy_text", "app.help_quit", "app.focus_next", "app.focus_previous")
"""Of Textual's own, which every screen has."""
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


Doing = Callable[[], Coroutine[Any, Any, None] | None]


@dataclass(frozen=True, slots=True)
class Offer:
    """One line of the list that is no place to go to."""

    title: str
    display: Content
    words: str
    """Below it: what it does, or why it cannot now."""
    said: str
    """What is searched."""
    doing: Doing


class StoreCommands(Provider):
    """Commands that are off are listed too, with the reason: choosing one says it."""

    @property
    def _main(self) -> MainScreen | None:
        return next((screen for screen in self.app.screen_stack if isinstance(screen, MainScreen)), None)

    def _offers(self, main: MainScreen) -> Iterator[Offer]:
        """Those of the screen in use first."""
        taken: set[str] = set()
        if self.screen is not main:
            for words, keys, action in _own(self.screen):
                taken.update(keys)
                doing = partial(self.screen.run_action, action)
                yield Offer(words, self._display(words, keys), "on this screen", words, doing)
        for command in sorted(commands.COMMANDS, key=lambda one: ORDER.index(one.group)):
            own_keys = commands.keys_of(command, main.keymap)
            if self.screen is not main and (command.id.startswith(ONLY_MAIN) or taken.intersection(own_keys)):
                continue
            reason = command.enabled(main.state)
            display = self._display(command.title.rstrip("…"), own_keys, off=reason is not None)
            words = f"not now: {reason}" if reason is not None else command.help
            run = self._on_main(main, partial(main.run_command, command.id))
            yield Offer(command.title, display, words, f"{command.title} {command.help}", run)

    def _display(self, title: str, keys: Sequence[str], off: bool = False) -> Content:
        ascii_only = signs_of(self.app).border == "ascii"
        labels = " ".join(commands.key_label(key, ascii_only) for key in keys)
        return line([(title, ""), ("  ", ""), (labels, DIM if off else KEY)])

    def _on_main(self, main: MainScreen, then: Callable[[], None]) -> Callable[[], None]:
        return then if self.screen is main else partial(_leave, self.app, main, then)

    async def discover(self) -> Hits:
        main = self._main
        if main is None:
            return
        for one in self._offers(main):
            yield DiscoveryHit(one.display, one.doing, text=one.title, help=one.words)

    async def search(self, query: str) -> Hits:
        main = self._main
        if main is None:
            return
        matcher = self.matcher(query)
        typed = query.casefold().split()
        for one in self._offers(main):
            score = matcher.match(one.said)
            if score > 0:
                as_typed = all(word in one.said.casefold() for word in typed)
                place = 1 + score if as_typed else LOOSE_SCORE * score / (1 + score)
                yield Hit(place, one.display, one.doing, text=one.title, help=one.words)
        for hit in self._places(query.casefold(), main):
            yield hit

    def _places(self, query: str, main: MainScreen) -> list[Hit]:
        """Experiments and runs whose name or id holds the text as typed."""
        found: list[Hit] = []
        snapshot = main.state.snapshot
        for experiment in snapshot.experiments:
            name = experiment.name or experiment.experiment_id
            if query in name.casefold() or query in experiment.experiment_id.casefold():
                found.append(
                    _hit(
                        "experiment",
                        name,
                        experiment.size,
                        self._on_main(main, partial(main.moving.jump, experiment.key, "")),
                    )
                )
        for key, runs in snapshot.runs.items():
            for run in runs:
                if len(found) >= MOST_JUMPS:
                    return found
                if query in run.name.casefold() or query in run.run_id.casefold():
                    jump = self._on_main(main, partial(main.moving.jump, key, run.key))
                    found.append(_hit("run", run.name or run.run_id, run.size, jump))
        return found


def _own(screen: Screen[Any]) -> list[tuple[str, list[str], str]]:
    """What a screen does by its own keys: words, keys, action; each action once."""
    found: dict[str, tuple[str, list[str], str]] = {}
    for key, binding in screen._bindings:
        if binding.description and binding.action not in PASSING:
            found.setdefault(binding.action, (binding.description, [], binding.action))[1].append(key)
    return list(found.values())


def _leave(app: App[Any], main: MainScreen, then: Callable[[], None]) -> None:
    """Answer what lies over the main screen as Esc does there, the upper first; then do it."""
    if app.screen is main or main not in app.screen_stack:
        then()
        return
    app.screen.dismiss(None)
    app.call_later(_leave, app, main, then)


def _hit(kind: str, name: str, size: object, jump: object) -> Hit:
    from mlruns_tui.model.store import Size

    shown = cut(name, 60).rstrip()
    figure = f"  {size_text(size.size_bytes)}" if isinstance(size, Size) else ""
    display = line([(f"go to {kind}  ", DIM), (shown, ""), (figure, DIM)])
    return Hit(JUMP_SCORE, display, jump, text=shown)  # type: ignore[arg-type]
