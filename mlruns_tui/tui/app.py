"""The application: themes, keys, the first screen, and what becomes of an error nobody expected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from textual.app import App, SystemCommand
from textual.screen import Screen

from mlruns_tui.model.protocols import Reader

from . import signs
from .palette import StoreCommands
from .screens.main import MainScreen
from .theme import DARK, THEMES, own_variables


class MlrunsApp(App[int]):
    """Shows one store. Its return value is the number of marks that were left."""

    TITLE = "mlruns-tui"
    # The first screen does not bring its own: Textual loads only the styles of screens that are pushed.
    CSS_PATH = ["styles/app.tcss", "styles/main.tcss"]  # noqa: RUF012
    COMMANDS = {StoreCommands}  # noqa: RUF012
    ENABLE_COMMAND_PALETTE = True

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
        self._own_keys = dict(keymap or {})
        for one in THEMES:
            self.register_theme(one)
        self.theme = theme if theme in self.available_themes else DARK.name
        if self._own_keys:
            self.set_keymap(self._own_keys)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return own_variables(self.current_theme)

    def get_default_screen(self) -> Screen[Any]:
        return MainScreen(self.reader, read_only=self.read_only, keymap=self._own_keys)

    @property
    def main(self) -> MainScreen | None:
        """The main screen, whatever lies over it."""
        return next((screen for screen in self.screen_stack if isinstance(screen, MainScreen)), None)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """None of Textual's own: the palette lists our command table."""
        return ()

    async def action_quit(self) -> None:
        """Textual's ``ctrl+q`` asks and counts like our ``q``."""
        main = self.main
        if main is not None and self.screen is main:
            main.run_command("quit")
        else:
            self.exit(0 if main is None else len(main.state.marks))

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
    """Show the store until the user leaves. Options as for ``MlrunsApp``. Returns the marks that were left.

    Raises RuntimeError when the screen itself broke; the store is as the last finished work left it.
    """
    app = MlrunsApp(reader, **options)
    left = app.run(mouse=app.mouse)
    if app.return_code:
        raise RuntimeError("the screen broke; nothing in the store was changed by that")
    return left or 0
