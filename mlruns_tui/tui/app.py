"""The application: themes, keys, the first screen, and what becomes of an error nobody expected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from rich.segment import Segment
from textual import events
from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.color import Color
from textual.filter import LineFilter
from textual.screen import Screen

from mlruns_tui.model.errors import Exit, UsageError
from mlruns_tui.model.protocols import Reader
from mlruns_tui.model.text import safe

from . import clipboard, signs
from .collecting import CollectingAtRest
from .palette import Palette, StoreCommands
from .screens.main import MainScreen
from .tasks import TaskStarted
from .theme import ANSI_DARK, DARK, THEMES, own_variables
from .typing_ahead import KeysInOrder


class AsciiOnly(LineFilter):
    """Writes the few signs that stand inside sentences in ASCII, whoever drew them."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(signs.ascii_text(text), style, control) for text, style, control in segments]


class MlrunsApp(App[int]):
    """Shows one store. Its return value is the number of marks that were left."""

    TITLE = "mlruns-tui"
    # The first screen does not bring its own: Textual loads only the styles of screens that are pushed.
    CSS_PATH = ["styles/app.tcss", "styles/main.tcss"]  # noqa: RUF012
    COMMANDS = {StoreCommands}  # noqa: RUF012
    ENABLE_COMMAND_PALETTE = True
    # On every screen, not only on the main one; the user's own keys for it hold for both.
    BINDINGS = [Binding("ctrl+p,colon", "command_palette", "palette", show=False, id="palette")]  # noqa: RUF012

    def __init__(
        self,
        reader: Reader,
        *,
        read_only: bool = False,
        ascii_signs: bool = False,
        theme: str | None = None,
        mouse: bool = True,
        keymap: Mapping[str, str] | None = None,
    ) -> None:
        """``theme``: a name, ours or Textual's; an unknown one is passed over. ``keymap``: the user's own keys by
        command id, comma between."""
        super().__init__()
        self.reader = reader
        self.read_only = read_only
        self.signs = signs.choose(ascii_signs)
        self.mouse = mouse
        self._ascii_only = AsciiOnly()
        self._own_keys = dict(keymap or {})
        self._may_style = False
        self._keys = KeysInOrder(self, self._check_bindings, super().on_event)
        self.collecting = CollectingAtRest(self)
        for one in (*THEMES, ANSI_DARK):
            self.register_theme(one)
        self.theme = theme if theme in self.available_themes else DARK.name
        if self._own_keys:
            self.set_keymap(self._own_keys)

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            self.collecting.key()
            await self._keys.take(event)
        else:
            await super().on_event(event)

    def get_line_filters(self) -> Sequence[LineFilter]:
        filters = super().get_line_filters()
        return [*filters, self._ascii_only] if self.signs is signs.ASCII else filters

    def refresh_css(self, animate: bool = True) -> None:
        """A theme chosen before the first screen has nothing to style anew: that would read all styles twice."""
        if self._may_style:
            super().refresh_css(animate)
        else:
            self.stylesheet.set_variables(self.get_css_variables())

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return own_variables(self.current_theme)

    def get_default_screen(self) -> Screen[Any]:
        self._may_style = True
        self._keys.hold()
        return MainScreen(self.reader, read_only=self.read_only, keymap=self._own_keys, ready=self._keys.let_in)

    def on_task_started(self, event: TaskStarted) -> None:
        """A screen over the main one started work: the main one follows it from now on."""
        if self.main is not None:
            self.main.changing.adopt(event.view)

    @property
    def main(self) -> MainScreen | None:
        """The main screen, whatever lies over it."""
        return next((screen for screen in self.screen_stack if isinstance(screen, MainScreen)), None)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """None of Textual's own: the palette lists our command table."""
        return ()

    def action_command_palette(self) -> None:
        if self.use_command_palette and not isinstance(self.screen, Palette):
            self.push_screen(Palette(id="--command-palette"))

    async def action_quit(self) -> None:
        """Textual's ``ctrl+q`` asks and counts like our ``q``."""
        main = self.main
        if main is not None and self.screen is main:
            main.run_command("quit")
        else:
            self.exit(0 if main is None else len(main.state.marks))

    def copy_to_clipboard(self, text: str) -> None:
        """Textual's stops at bytes of a path that are no UTF-8, and screen drops what it writes."""
        self._clipboard = text
        if self._driver is not None:
            self._driver.write(clipboard.sequence(text))

    def switch_mouse(self) -> bool | None:
        """The mouse off or on again: True when on now, None where the terminal's driver cannot."""
        driver = self._driver
        name = "_disable_mouse_support" if self.mouse else "_enable_mouse_support"
        switch = getattr(driver, name, None)
        if switch is None or not hasattr(driver, "_mouse"):
            return None
        # The driver only writes its sequences while it believes the mouse to be on.
        driver._mouse = True  # type: ignore[union-attr]
        switch()
        self.mouse = not self.mouse
        driver._mouse = self.mouse  # type: ignore[union-attr]
        return self.mouse


def run_app(reader: Reader, **options: Any) -> int:
    """Show the store until the user leaves. Options as for ``MlrunsApp``, but an unknown theme raises UsageError.

    Returns the exit code: 0, or 1 when the screen itself broke (Textual has said how by then); the store
    is as the last finished work left it, and work in the worker goes on. Prints nothing itself.
    """
    app = MlrunsApp(reader, **options)
    _check_theme(options.get("theme"), app)
    app.collecting.start()
    app.run(mouse=app.mouse)
    # Leaving after the error, in what is left of the screen, sets the code anew.
    return int(Exit.FAILED if app.return_code or app._exception is not None else Exit.DONE)


def _check_theme(theme: str | None, app: MlrunsApp) -> None:
    if theme and theme not in app.available_themes:
        near = get_close_matches(theme, app.available_themes, 1, 0.5)
        names = ", ".join(one.name for one in THEMES)
        raise UsageError(
            "usage",
            f"there is no theme “{safe(theme, 60)}”",
            hint=f"did you mean {near[0]}? Ours: {names}" if near else f"ours: {names}",
        )
