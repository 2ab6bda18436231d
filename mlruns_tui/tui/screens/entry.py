"""Details of an experiment, a registered model or a stray: what it is, who needs it, what is wrong in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from mlruns_tui.model.clock import now_ms
from mlruns_tui.model.findings import Finding
from mlruns_tui.tui.state import UiState
from mlruns_tui.tui.widgets.cells import DIM, FAINT, line, signs_of, stack
from mlruns_tui.tui.widgets.ending import end
from mlruns_tui.tui.widgets.entry_words import Entry, entry_lines, entry_verdict
from mlruns_tui.tui.widgets.lines import KeyLine, SplitLine, crumbs
from mlruns_tui.tui.widgets.panel import Panel, Words
from mlruns_tui.tui.widgets.parts import has_parts
from mlruns_tui.tui.widgets.run_words import finding_lines, needed_lines
from mlruns_tui.workflow.repairing import repairable

MOST_FINDINGS = 40
"""So many are spelled out; the list of findings has all of them."""


class EntryScreen(Screen["str | None"]):
    """Shows one entry of the store's tree. Ends with a command of the main screen, or None."""

    CSS_PATH = "../styles/entry.tcss"
    AUTO_FOCUS = "#findings"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,i", "back", "back", show=False),
        Binding("space", "mark", "mark", show=False),
        Binding("e", "repair", "repair", show=False),
        Binding("F", "findings", "findings", show=False),
    ]

    def __init__(
        self,
        key: str,
        entry: Entry,
        state: Callable[[], UiState],
        *,
        toggle: Callable[[str], str],
        repair: Callable[[Sequence[Finding]], None],
        unreachable: Callable[[], str] = str,
    ) -> None:
        """``toggle``: mark or unmark by key, gives a sentence about it. ``repair``: show what a repair would do.
        ``unreachable``: why the store cannot be read now."""
        super().__init__()
        self.key = key
        self.entry = entry
        self._state = state
        self._toggle, self._repair = toggle, repair
        self._unreachable = unreachable

    def compose(self) -> ComposeResult:
        yield SplitLine(id="head")
        yield SplitLine(id="verdict")
        with Horizontal(id="page"):
            with Vertical(id="left"):
                with Panel(id="entry-panel"), Words(id="entry"):
                    yield Static(id="entry-words")
                with Panel(id="needed-panel"), Words(id="needed"):
                    yield Static(id="needed-words")
            with Vertical(id="right"), Panel(id="findings-panel"), Words(id="findings"):
                yield Static(id="findings-words")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self._show()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    def on_screen_resume(self) -> None:
        self._show()

    @property
    def _found(self) -> tuple[Finding, ...]:
        return self._state().findings_of(self.key)

    def _show(self) -> None:
        if not has_parts(self, "#head", "#verdict", "#entry-words", "#needed-words", "#findings-words", "#keys"):
            return
        state, signs = self._state(), signs_of(self.app)
        kept, found = state.kept(self.key), self._found
        mark = state.marks.by_key.get(self.key)
        name = getattr(self.entry, "name", "") or self.key.partition("/")[2]
        self.query_one("#head", SplitLine).show(line(crumbs(signs, name)))
        said = entry_verdict(self.entry, kept, mark.reason if mark else "", signs, self._unreachable())
        self.query_one("#verdict", SplitLine).show(said)
        self._put("entry", "what it is", entry_lines(self.entry, self._inside("entry"), now_ms(), signs))
        self._put("needed", "needed by", needed_lines(kept, state.snapshot, self._inside("needed"), signs))
        self._put("findings", f"findings {len(found):,}" if found else "findings", self._finding_lines(found))
        self.query_one("#findings-panel").set_class(any(one.impact.startswith("breaks") for one in found), "-bad")
        self._show_keys(state)

    def _finding_lines(self, found: Sequence[Finding]) -> list[Content]:
        state, signs = self._state(), signs_of(self.app)
        if not found:
            known = state.diagnosis is not None
            return [line([("nothing wrong found here" if known else "not looked through yet", DIM)])]
        lines = finding_lines(found[:MOST_FINDINGS], self._inside("findings"), signs, whole_path=True)
        if len(found) > MOST_FINDINGS:
            lines.append(line([(f"{signs.unknown} {len(found) - MOST_FINDINGS:,} more: F lists all", DIM)]))
        if state.diagnosis is not None and not state.diagnosis.contents:
            lines += [Content(), line([("F looks into metrics, params and tags too", FAINT)])]
        return lines

    def _show_keys(self, state: UiState) -> None:
        keys = [("Esc", "back")]
        if not state.read_only:
            keys.append(("Space", "unmark" if self.key in state.marks else "mark"))
            if repairable(self._found):
                keys.append(("e", "repair"))
        self.query_one(KeyLine).set_keys([*keys, ("Tab", "panel"), ("F", "all findings")])

    def _inside(self, name: str) -> int:
        return max(24, self.query_one(f"#{name}").content_size.width - 2)

    def _put(self, name: str, title: str, lines: list[Content]) -> None:
        self.query_one(f"#{name}-panel", Panel).set_title(title)
        self.query_one(f"#{name}-words", Static).update(stack(lines))

    # Keys.

    def action_back(self) -> None:
        end(self, None)

    def action_findings(self) -> None:
        end(self, "look.findings")

    def action_mark(self) -> None:
        if self._state().read_only:
            self.notify("opened read-only", markup=False)
        else:
            self.notify(self._toggle(self.key), markup=False)
            self._show()

    def action_repair(self) -> None:
        found = repairable(self._found)
        if self._state().read_only:
            self.notify("opened read-only", markup=False)
        elif found:
            self._repair(found)
        else:
            self.notify("nothing to repair here", markup=False)
