"""Every command of the main screen, once: its id, keys, words, and when it is possible.

Bindings, key line, sidebar, palette, help and README are made from this table. Users give a command other
keys by its id. No Textual here: a command that is off says why, and that is tested without a screen.
Long because it is one table, with the reason beside each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal

from mlruns_tui.model.late import dataclass
from mlruns_tui.model.store import Experiment

from .state import UiState

CommandGroup = Literal["move", "mark", "act", "look", "rest"]
Enabled = Callable[[UiState], "str | None"]


def always(state: UiState) -> str | None:
    return None


def _something_marked(state: UiState) -> str | None:
    return None if state.marks else "nothing marked"


def _may_change(state: UiState) -> str | None:
    if state.read_only:
        return "opened read-only"
    if state.task:
        return f"wait: {state.task}"
    return "still looking at the marked items" if state.planning else None


def _review(state: UiState) -> str | None:
    return _may_change(state) or _something_marked(state)


def _slim(state: UiState) -> str | None:
    if (reason := _review(state)) is not None:
        return reason
    runs = state.snapshot.runs
    if any("/run/" in mark.key or runs.get(mark.key) for mark in state.marks):
        return None
    return "no run is marked: only runs have artifacts"


def _orphaned(state: UiState) -> str | None:
    if not state.snapshot.complete:
        return "once all is read" if state.reading else "only once all is read: R reads on"
    # What was judged may be older than the rows: nothing is orphaned in it before all was read.
    if state.judged is None or not state.judged.facts.snapshot.complete:
        return "once all is read"
    if not any(one.state == "orphaned" for one in state.snapshot.experiments):
        return "nothing is orphaned here"
    return None


def _old(state: UiState) -> str | None:
    return None if state.snapshot.runs else "no runs read yet"


def _undo(state: UiState) -> str | None:
    if (reason := _may_change(state)) is not None:
        return reason
    if state.batches is None:
        return "looking for backups"
    batch = state.last_batch
    if batch is None:
        return "nothing to take back"
    return {
        "purged": "the last batch was purged: nothing is left of it",
        "restored": "the last batch is back already",
        "missing": "the backup of the last batch is not there any more",
    }.get(batch.state)


def _in_batch(state: UiState) -> str | None:
    """About the trees my newest batch still keeps."""
    if (reason := _may_change(state)) is not None:
        return reason
    if state.batches is None:
        return "looking for backups"
    batch = state.last_batch
    if batch is None:
        return "no backup of yours"
    if batch.state == "unfinished":
        return "the last batch stopped half-way: b settles it"
    if batch.count("moved") or batch.count("packed"):
        return None
    return "nothing of the last batch is in a backup"


def _pack(state: UiState) -> str | None:
    if (reason := _in_batch(state)) is not None:
        return reason
    moved = [one.item for one in state.last_batch.items if one.place == "moved"] if state.last_batch else []
    if not moved:
        return "the last batch is packed already"
    return None if any(item.action != "repair" for item in moved) else "a repair is not packed"


def _on_run(state: UiState) -> str | None:
    return None if state.run is not None else "no run under the cursor"


def _compare(state: UiState) -> str | None:
    marked = sum("/run/" in key for key in state.marks.by_key)
    if marked >= 2 or (state.anchor and state.list_panel == "runs"):
        return None
    if marked == 1 and state.list_panel == "runs" and state.run is not None and state.run.key not in state.marks:
        return None
    return "mark two runs first, or start a range of them"


def _on_details(state: UiState) -> str | None:
    if state.list_panel == "tree" and state.entry is not None:
        return None if state.entry.entry is not None else "this is a group: go to one of its entries"
    return _on_run(state)


def _on_row(state: UiState) -> str | None:
    if state.cursor_key and not state.cursor_key.startswith("group/"):
        return None
    return "nothing under the cursor"


def _mark(state: UiState) -> str | None:
    if state.panel == "marked":
        return "Backspace takes a mark away here" if state.marks else "first 1 or 2: go to what is to be marked"
    if state.panel == "findings":
        return "Enter opens the findings"
    if state.list_panel == "tree" and not isinstance(state.entry.entry if state.entry else None, Experiment):
        return "only experiments and runs are marked"
    return None if state.cursor_key else "nothing under the cursor"


def _mark_back(state: UiState) -> str | None:
    return None if state.marks_before is not None else "no mark was changed yet"


def _task(state: UiState) -> str | None:
    return None if state.task or state.has_result else "nothing is running"


def _read(state: UiState) -> str | None:
    return "reading already: Esc stops it" if state.reading else None


def _repair(state: UiState) -> str | None:
    if (reason := _may_change(state)) is not None:
        return reason
    if state.diagnosis is None:
        return "not looked through yet"
    return None if state.repairable_here else "nothing to repair here"


def _family(state: UiState) -> str | None:
    if (reason := _mark(state)) is not None:
        return reason
    return None if state.snapshot.complete else "once all is read: children may be anywhere"


def _on_table(state: UiState) -> str | None:
    return None if state.runs else "no runs in the table"


def _zoomed(state: UiState) -> str | None:
    return None if state.zoomed else "nothing is zoomed"


@dataclass(frozen=True, slots=True)
class Command:
    """One thing the user can do."""

    id: str
    keys: str
    """Textual's names of the keys, comma between."""
    title: str
    """In the sidebar and the palette."""
    help: str
    """In the help; neighbours with the same help share a line there."""
    group: CommandGroup
    enabled: Enabled = always
    """None when it is possible in this state, else why not."""
    short: str = ""
    """Its word in the key line; empty: not there. Neighbours with the same word share it."""
    keep: int = 0
    """In a narrow key line the lowest goes first."""


def not_now(command: Command, state: UiState) -> str | None:
    """Why a command is not done now, None when it is: its own reason, or a review that is about to open."""
    reason = command.enabled(state)
    if reason is None and state.planning and command.id.split(".")[0] not in _WHILE_PLANNING:
        return "wait for the review, Esc gives it up"
    return reason


_WHILE_PLANNING = ("move", "panel", "zoom", "sort", "back", "quit", "mouse", "theme")
"""What a review that opens meanwhile is not in the way of."""

COMMANDS: Final[tuple[Command, ...]] = (
    Command("move.up", "up,k", "one row up", "one row", "move"),
    Command("move.down", "down,j", "one row down", "one row", "move"),
    Command("move.left", "left,h", "close, or go to the store", "close, open", "move"),
    Command("move.right", "right,l", "open, or go to the runs", "close, open", "move"),
    Command("move.first", "g,home", "first row", "first, last", "move"),
    Command("move.last", "G,end", "last row", "first, last", "move"),
    Command("move.half_down", "ctrl+d", "half a page down", "half a page", "move"),
    Command("move.half_up", "ctrl+u", "half a page up", "half a page", "move"),
    Command("move.page_down", "pagedown", "a page down", "a page", "move"),
    Command("move.page_up", "pageup", "a page up", "a page", "move"),
    Command("panel.tree", "1", "go to the store", "panels", "move"),
    Command("panel.runs", "2", "go to the runs", "panels", "move"),
    Command("panel.marked", "3", "go to the marks and actions", "panels", "move"),
    Command("panel.findings", "4", "go to the findings", "panels", "move"),
    Command("panel.next", "tab", "next panel", "panels", "move"),
    Command("panel.previous", "shift+tab", "panel before", "panels", "move"),
    Command("zoom.in", "plus", "zoom this panel", "zoom this panel, back", "move"),
    Command("zoom.out", "underscore", "back from the zoom", "zoom this panel, back", "move", _zoomed),
    Command("open", "enter", "open", "open", "move"),
    Command("mark.toggle", "space", "mark this row", "mark, go down", "mark", _mark, "mark", 90),
    Command("mark.range", "v", "mark a range", "start a range, again ends it", "mark", _mark, "range", 50),
    Command("mark.range_down", "shift+down", "stretch a range down", "stretch a range", "mark", _mark),
    Command("mark.range_up", "shift+up", "stretch a range up", "stretch a range", "mark", _mark),
    Command("mark.all", "a", "mark all shown", "mark all shown", "mark"),
    Command("mark.family", "V", "mark with descendants", "mark with all runs below it", "mark", _family),
    Command("mark.invert", "A", "turn marks round", "turn marks round", "mark"),
    Command("mark.clear", "U", "clear the marks", "clear the marks", "mark", _something_marked),
    Command("mark.back", "u", "take back the last marking", "marks as they were before", "mark", _mark_back),
    Command("mark.orphaned", "o", "mark orphaned", "mark orphaned", "mark", _orphaned, "orphaned", 80),
    Command("mark.old", "O", "mark old…", "mark old (asks days, 30)", "mark", _old, "old", 80),
    Command("mark.rules", "x", "more rules…", "more rules: failed, silent, all but the best", "mark", _old),
    Command("mark.drop_line", "backspace", "unmark this line", "unmark a line of panel 3", "mark", _something_marked),
    Command("look.filter", "slash", "filter", "filter by text, ! inverts", "look", short="filter", keep=70),
    Command("look.expression", "f", "filter expression", "filter by an expression", "look"),
    Command("look.compare", "equals_sign", "compare", "compare marked runs, or a range", "look", _compare),
    Command("look.overview", "W", "overview", "overview: space, ages, rules, disk", "look", _old),
    Command("sort.size", "s", "sort by size", "sort: size name written files", "look", short="sort", keep=30),
    Command("sort.name", "n", "sort by name", "sort: size name written files", "look", short="sort", keep=30),
    Command("sort.written", "m", "sort by last write", "sort: size name written files", "look", short="sort", keep=30),
    Command("sort.files", "c", "sort by files", "sort: size name written files", "look", short="sort", keep=30),
    Command("look.details", "i", "details", "details", "look", _on_details, "details", 60),
    Command("columns", "C", "columns…", "columns: which, order, width", "look", _on_table),
    Command("columns.left", "less_than_sign", "columns to the left", "more columns, left and right", "look", _on_table),
    Command(
        "columns.right", "greater_than_sign", "columns to the right", "more columns, left and right", "look", _on_table
    ),
    Command(
        "sort.previous_column", "left_square_bracket", "sort by the column before", "sort by the column beside", "look"
    ),
    Command("sort.next_column", "right_square_bracket", "sort by the next column", "sort by the column beside", "look"),
    Command("look.findings", "F", "findings", "findings: what is broken, what helps", "look", always),
    Command("review", "d", "review and apply…", "review, then move to a backup", "act", _review, "review", 55),
    Command("review.no_backup", "D", "the same, no backup…", "review, then delete for good", "act", _review),
    Command("slim", "S", "slim: artifacts only…", "slim: keep figures, drop files", "act", _slim),
    Command("repair", "e", "repair…", "repair the marked, or what is here", "act", _repair),
    Command("undo", "z", "undo the last batch", "undo the last batch", "act", _undo, "undo", 20),
    Command("pack", "p", "pack the last batch…", "pack or purge the last batch", "act", _pack),
    Command("purge", "P", "purge the last batch…", "pack or purge the last batch", "act", _in_batch),
    Command("backups", "b", "backups", "backups", "act"),
    Command("log", "L", "log", "log: who removed what and why", "act"),
    Command("task", "w", "what is running", "what is running", "act", _task),
    Command("read.again", "r", "read again what changed", "read what changed, or all again", "rest", _read),
    Command("read.all", "R", "read all again", "read what changed, or all again", "rest", _read),
    Command("copy.id", "y", "copy the id", "copy id, copy path", "rest", _on_row),
    Command("copy.path", "Y", "copy the path", "copy id, copy path", "rest", _on_row),
    Command("export", "E", "export what is shown…", "export what is shown", "rest", _on_table),
    Command("mouse", "M", "mouse off, on", "mouse off, on", "rest"),
    Command("theme", "T", "next theme", "theme", "rest"),
    Command("palette", "ctrl+p,colon", "all commands by name", "all commands by name", "rest"),
    Command("help", "question_mark,f1", "help", "this help", "rest", short="help", keep=100),
    Command("back", "escape", "back", "back; never quits", "rest"),
    Command("quit", "q", "quit", "quit", "rest", short="quit", keep=10),
)

BY_ID: Final[Mapping[str, Command]] = {command.id: command for command in COMMANDS}

SIDEBAR_MARKED: Final = (
    ("review", "review.no_backup", "slim", "mark.clear"),
    ("mark.orphaned", "mark.old", "mark.rules", "mark.range"),
    ("look.details", "look.findings", "backups"),
    ("repair", "undo"),
)
SIDEBAR_UNMARKED: Final = (
    ("mark.orphaned", "mark.old", "mark.rules", "mark.range"),
    ("look.details", "look.findings", "backups"),
    ("repair", "review", "undo"),
)

_KEY_NAMES = {
    "equals_sign": "=",
    "slash": "/", "question_mark": "?", "plus": "+", "underscore": "_", "colon": ":", "space": "Space",
    "escape": "Esc", "enter": "Enter", "tab": "Tab", "shift+tab": "shift+Tab", "backspace": "Backspace",
    "home": "Home", "end": "End", "pageup": "PgUp", "pagedown": "PgDn", "f1": "F1", "up": "↑", "down": "↓",
    "left": "←", "right": "→", "shift+up": "shift+↑", "shift+down": "shift+↓", "comma": ",", "full_stop": ".",
    "less_than_sign": "<", "greater_than_sign": ">", "left_square_bracket": "[", "right_square_bracket": "]",
}  # fmt: skip
_ASCII_ARROWS = str.maketrans({"↑": "up", "↓": "down", "←": "left", "→": "right"})


def key_label(key: str, ascii_only: bool = False) -> str:
    """A key as it is written on the screen: ``/`` for Textual's ``slash``."""
    label = _KEY_NAMES.get(key, key)
    return label.translate(_ASCII_ARROWS) if ascii_only else label


def keys_of(command: Command, keymap: Mapping[str, str]) -> tuple[str, ...]:
    """The keys of a command, the user's own instead of ours where there are some."""
    return tuple(key.strip() for key in keymap.get(command.id, command.keys).split(",") if key.strip())


def first_key(command_id: str, keymap: Mapping[str, str], ascii_only: bool = False) -> str:
    """The key to show beside a command; empty when the user took all its keys away."""
    keys = keys_of(BY_ID[command_id], keymap)
    return key_label(keys[0], ascii_only) if keys else ""


def key_line(keymap: Mapping[str, str], ascii_only: bool = False) -> list[tuple[str, str, tuple[str, ...], int]]:
    """Entries of the key line: keys, word, ids of the commands, how long to keep it."""
    entries: list[tuple[str, str, tuple[str, ...], int]] = []
    shown = [command for command in COMMANDS if command.short]
    for command in sorted(shown, key=_key_line_place):
        keys = keys_of(command, keymap)[:1]
        if not keys:
            continue
        label = key_label(keys[0], ascii_only)
        label = label.lower() if label == "Space" else label
        if entries and entries[-1][1] == command.short:
            before = entries.pop()
            entries.append((f"{before[0]} {label}", before[1], (*before[2], command.id), before[3]))
        else:
            entries.append((label, command.short, (command.id,), command.keep))
    return entries


_KEY_LINE_ORDER = ("mark", "range", "orphaned", "old", "filter", "sort", "details", "review", "undo", "help", "quit")


def _key_line_place(command: Command) -> int:
    return _KEY_LINE_ORDER.index(command.short)


def help_lines(
    group: CommandGroup, keymap: Mapping[str, str], ascii_only: bool = False
) -> list[tuple[str, str, tuple[Command, ...]]]:
    """Lines of the help for one group: keys, text, the commands on that line."""
    lines: list[tuple[str, str, tuple[Command, ...]]] = []
    for command in (one for one in COMMANDS if one.group == group):
        if lines and lines[-1][1] == command.help:
            lines[-1] = ("", command.help, (*lines[-1][2], command))
        else:
            lines.append(("", command.help, (command,)))
    return [(_keys_together(commands, keymap, ascii_only), text, commands) for _, text, commands in lines]


def _keys_together(commands: Iterable[Command], keymap: Mapping[str, str], ascii_only: bool) -> str:
    """First keys of all commands, then their second keys: ``↑ ↓  j k``."""
    by_command = [keys_of(command, keymap) for command in commands]
    longest = max((len(keys) for keys in by_command), default=0)
    return "  ".join(
        " ".join(key_label(keys[at], ascii_only) for keys in by_command if at < len(keys)) for at in range(longest)
    )
