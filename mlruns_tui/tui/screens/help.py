"""All keys, from the command table: typing searches them, Enter runs one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from .. import commands, render
from ..commands import Command, CommandGroup
from ..signs import Signs
from ..state import UiState
from ..widgets.cells import DIM, FAINT, KEY, Piece, fit, line, signs_of, stack, width_of, wrap
from ..widgets.lines import KeyLine, SplitLine
from ..widgets.panel import Panel

GROUPS: tuple[tuple[CommandGroup, str], ...] = (
    ("mark", "mark"), ("act", "act"), ("look", "look"), ("rest", "the rest"), ("move", "move"),
)  # fmt: skip
KEY_CELLS = 16
"""Most cells for the keys of a line; more are cut from the right, whole keys at a time."""
TEXT_CELLS = 42
"""Cells of a line in a box, in the narrowest window with three columns."""


@dataclass(frozen=True, slots=True)
class HelpBox:
    """One framed box: a title and its lines."""

    id: str
    title: str
    lines: tuple[Content, ...]


class HelpScreen(Screen["str | None"]):
    """Ends with the id of a command to run, or None."""

    CSS_PATH = "../styles/help.tcss"
    AUTO_FOCUS = "#page"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False),
        Binding("enter", "run", show=False),
        Binding("down", "step(1)", show=False),
        Binding("up", "step(-1)", show=False),
        Binding("backspace", "erase", show=False),
        Binding("f1", "back", show=False),
    ]

    def __init__(self, keymap: Mapping[str, str], state: UiState) -> None:
        super().__init__()
        self._keymap = keymap
        self._state = state
        self._typed = ""
        self._at = 0

    def compose(self) -> ComposeResult:
        yield SplitLine(id="head")
        with VerticalScroll(id="page"), Horizontal(id="columns"):
            for column in range(3):
                yield VerticalScroll(id=f"column-{column}", classes="column", can_focus=False)
        with VerticalScroll(id="found-page"), Panel(id="found-panel"):
            yield Static(id="found")
        yield KeyLine(id="keys")

    async def on_mount(self) -> None:
        signs = signs_of(self.app)
        for column, boxes in enumerate(help_columns(self._keymap, signs)):
            holder = self.query_one(f"#column-{column}")
            for box in boxes:
                panel = Panel(Static(stack(box.lines)), id=f"box-{box.id}")
                await holder.mount(panel)
                panel.set_title(box.title)
        self._show()

    @property
    def matches(self) -> list[Command]:
        """Commands that hold every typed word."""
        words = self._typed.casefold().split()
        found = []
        for command in commands.COMMANDS:
            keys = " ".join(commands.key_label(key) for key in commands.keys_of(command, self._keymap))
            text = f"{command.title} {command.help} {command.id} {keys}".casefold()
            if all(word in text for word in words):
                found.append(command)
        return found

    def _show(self) -> None:
        signs = signs_of(self.app)
        self.set_class(bool(self._typed), "-searching")
        where: list[Piece] = [("mlruns-tui", KEY), (f"  {signs.path} ", FAINT), ("help", "bold")]
        said = f"   searching: {self._typed}" if self._typed else "   every key; type to search"
        self.query_one("#head", SplitLine).show(line([*where, (said, DIM)]), line([("Esc", KEY), (" back", DIM)]))
        keys = [("type", "search the commands"), ("Enter", "run the chosen one"), ("Esc", "back")]
        self.query_one(KeyLine).set_keys(keys)
        if self._typed:
            self._show_matches(signs)

    def _show_matches(self, signs: Signs) -> None:
        found = self.matches
        self._at = max(0, min(self._at, len(found) - 1))
        lines: list[Content] = []
        for at, command in enumerate(found):
            keys = " ".join(commands.key_label(key) for key in commands.keys_of(command, self._keymap))
            reason = command.enabled(self._state)
            note = f"   not now: {reason}" if reason is not None else f"   {command.id}"
            pieces: list[Piece] = [(f"{signs.cursor if at == self._at else ' '} ", "$primary"), (fit(keys, 18), KEY)]
            pieces += [(command.title.rstrip("…"), "bold" if at == self._at else ""), (note, FAINT)]
            lines.append(line(pieces))
        if not lines:
            lines.append(line([(f"No command matches {self._typed}. ", DIM), ("Esc", KEY), (" clears.", DIM)]))
        self.query_one("#found-panel", Panel).set_title("commands", f"{len(found)}")
        self.query_one("#found", Static).update(stack(lines))
        self.query_one("#found-page").scroll_to(y=max(0, self._at - 5), animate=False)

    def on_key(self, event: events.Key) -> None:
        if event.character is None or not event.is_printable:
            return
        if event.character == "?" and not self._typed:
            self.action_back()
        else:
            self._typed += event.character
            self._at = 0
            self._show()
        event.stop()
        event.prevent_default()

    def action_erase(self) -> None:
        self._typed = self._typed[:-1]
        self._show()

    def action_step(self, by: int) -> None:
        if self._typed:
            self._at += by
            self._show()
        else:
            self.query_one("#page").scroll_relative(y=by, animate=False)

    def action_run(self) -> None:
        found = self.matches if self._typed else []
        if found:
            self.dismiss(found[self._at].id)

    def action_back(self) -> None:
        if self._typed:
            self._typed = ""
            self._show()
        else:
            self.dismiss(None)


def help_columns(keymap: Mapping[str, str], signs: Signs) -> tuple[tuple[HelpBox, ...], ...]:
    """Three columns of boxes: what to do and the signs, the keys that act, the keys that look."""
    boxes = {group: _keys_box(group, title, keymap, signs) for group, title in GROUPS}
    return (
        (_steps_box(keymap, signs), boxes["move"], _signs_box(signs), _words_box()),
        (boxes["mark"], boxes["act"], boxes["rest"]),
        (boxes["look"], _own_keys_box(), _trouble_box(keymap, signs)),
    )


def _keys_box(group: CommandGroup, title: str, keymap: Mapping[str, str], signs: Signs) -> HelpBox:
    rows = []
    for keys, text, _ in commands.help_lines(group, keymap, signs.border == "ascii"):
        if keys.count("shift+") > 1:
            # One shift for both arrows, or they push the words out of the box.
            first, *others = keys.split(" ")
            keys = " ".join([first, *(key.removeprefix("shift+") for key in others)])
        while width_of(keys) > KEY_CELLS - 2 and " " in keys:
            keys = keys.rpartition(" ")[0].rstrip()
        rows.append((keys, text))
    width = min(KEY_CELLS, max(9, 2 + max(width_of(keys) for keys, _ in rows)))
    lines: list[Content] = []
    for keys, text in rows:
        for at, part in enumerate(wrap(text, TEXT_CELLS - width)):
            lines.append(line([(fit(keys if at == 0 else "", width), KEY), (part, "")]))
    return HelpBox(group, title, tuple(lines))


def _steps_box(keymap: Mapping[str, str], signs: Signs) -> HelpBox:
    def key(command: str) -> Piece:
        return (commands.first_key(command, keymap, signs.border == "ascii"), KEY)

    return HelpBox(
        "steps",
        "in four steps",
        (
            line([("1 ", KEY), ("Look. ", "bold"), ("Nothing changes while you look.", DIM)]),
            line(
                [("2 ", KEY), ("Mark ", "bold"), ("with ", DIM), key("mark.orphaned"), (", ", DIM), key("mark.old"),
                 (" or ", DIM), key("mark.toggle"), (".", DIM)]
            ),
            line([("3 ", KEY), ("Review ", "bold"), ("with ", DIM), key("review"), (": what goes, and why.", DIM)]),
            line([("4 ", KEY), ("Change your mind ", "bold"), ("with ", DIM), key("undo"), (", even next week.", DIM)]),
            Content(),
            line([("Free the disk:  ", DIM), key("backups"), (" then purge.", DIM)]),
        ),
    )  # fmt: skip


def _signs_box(signs: Signs) -> HelpBox:
    rows: list[list[Piece]] = [
        [(signs.remove, render.MARK), (" goes whole  ", ""), (signs.part, render.MARK), (" a part goes", "")],
        [(signs.protected, render.PROTECTED), (" protected, the row line says why", "")],
        [],
        [(signs.finished, DIM), (" finished    ", ""), (signs.failed, render.ERROR), (" failed  ", ""),
         (signs.killed, render.WARNING), (" killed", "")],
        [(signs.running, render.SUCCESS), (" running     ", ""), (signs.silent, render.WARNING),
         (" running? silent", "")],
        [(signs.deleted, DIM), (" deleted     ", ""), (signs.unknown, FAINT), (" not read yet", "")],
        [],
        [(fit(signs.breaks_store, 2), "$error bold"), (" breaks the store   ", ""), (signs.breaks, render.ERROR),
         (" breaks a part", "")],
        [(fit(signs.warns, 2), render.WARNING), (" warns              ", ""), (signs.hidden, DIM),
         (" hidden or silent", "")],
    ]  # fmt: skip
    return HelpBox("signs", "signs", tuple(line(row) for row in rows))


WORDS = (
    ("age", "since its end; rules use it"),
    ("idle", "since the last write, for safety"),
    ("protected", "something needs it: no rule marks it, and Space on it says why"),
    ("orphaned", "no metadata, claimed by nothing"),
    ("backup", "what is removed goes there first"),
    ("purge", "deletes a backup, for good"),
)


def _words_box() -> HelpBox:
    lines: list[Content] = []
    for word, meaning in WORDS:
        for at, text in enumerate(wrap(meaning, TEXT_CELLS - 10)):
            lines.append(line([(fit(word if at == 0 else "", 10), "bold"), (text, DIM)]))
    return HelpBox("words", "words", tuple(lines))


def _own_keys_box() -> HelpBox:
    return HelpBox(
        "own-keys",
        "keys of your own",
        (
            line([("Each command has a name;", DIM)]),
            line([("type here to see the names.", DIM)]),
        ),
    )


def _trouble_box(keymap: Mapping[str, str], signs: Signs) -> HelpBox:
    ascii_only = signs.border == "ascii"
    theme = commands.first_key("theme", keymap, ascii_only)
    mouse = commands.first_key("mouse", keymap, ascii_only)
    palette = commands.first_key("palette", keymap, ascii_only)
    rows = (
        ("signs as boxes", "--ascii", ""),
        ("colours hard to tell", theme, "blue and orange"),
        ("no colours wanted", "NO_COLOR=1", ""),
        ("cannot select text", mouse, "mouse off"),
        ("keys swallowed", palette, "by name"),
    )
    lines = [line([(fit(what, 21), DIM), (key, KEY), (f" {words}", "")]) for what, key, words in rows]
    script = (
        Content(),
        line([("From a script", "bold")]),
        line(["mlruns-tui cleanup STORE --dry-run"]),
        line([("does the same; --help shows how.", DIM)]),
    )
    return HelpBox("trouble", "if something looks wrong", (*lines, *script))
