"""``f``: runs that match an expression. What it asks about is read behind the screen, what is shown first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from mlruns_tui.model.clock import now_ms
from mlruns_tui.model.protocols import Reader
from mlruns_tui.model.store import Snapshot
from mlruns_tui.model.values import RunValues, ValueNames, Wanted
from mlruns_tui.report.words import plural
from mlruns_tui.triage.protection import Facts, Options

from ..messages import Returned
from ..shown import SMALL
from ..state import UiState
from ..widgets.cells import DIM, Piece
from .reading import error_words

if TYPE_CHECKING:
    from mlruns_tui.triage.expression import Expression
    from mlruns_tui.workflow.filtering import Matches

    from ..screens.main import MainScreen

QUIET_S = 0.3
"""Values are read when the text has not changed for so long: half a name is no name."""
MOST_HISTORY = 100
ASKED_FOR_NAMES = 200
"""Runs whose names of metrics, params and tags are offered."""


class Expressing:
    """The expression in force, the values it was judged with, and who matches."""

    def __init__(self, screen: MainScreen, reader: Reader) -> None:
        self.screen = screen
        self.reader = reader
        self._expression: Expression | None = None
        """The last text that was one; None: no filter."""
        self._wanted = Wanted()
        """What ``_values`` holds of each run."""
        self._values: dict[str, RunValues] = {}
        self._fresh: set[str] = set()
        """Keys whose values were read since the store was last looked at."""
        self._stop = threading.Event()
        self._reading = False
        self._matching = self._again = False
        self._changes = 0
        self._trouble = ""
        self._recalled = False

    def handlers(self) -> Mapping[str, Callable[[], None]]:
        return {"look.expression": self.ask}

    def ask(self) -> None:
        """Open the prompt with what is in force."""
        self.screen.change(prompt="expression")
        self.screen.expression.open(self.screen.state.expression)
        self._recall()

    def _recall(self) -> None:
        """Expressions of earlier times and names to complete, looked up the first time."""
        if self._recalled:
            return
        from mlruns_tui.workflow.filtering import value_names
        from mlruns_tui.workflow.remembering import recall_expressions

        self._recalled = True
        prompt = self.screen.expression

        def known(earlier: tuple[str, ...]) -> None:
            now = prompt.history
            prompt.history = (*(one for one in earlier if one not in now), *now)[-MOST_HISTORY:]

        self.screen.work(recall_expressions, known, "history", failed=lambda error: None)
        state = self.screen.state
        keys = [run.key for run in (*(state.runs or ()), *state.snapshot.all_runs())][:ASKED_FOR_NAMES]

        def named(names: ValueNames) -> None:
            prompt.complete(names)

        self.screen.work(lambda: value_names(self.reader, keys), named, "names", failed=lambda error: None)

    # The text.

    def take(self, text: str, kept: bool) -> None:
        """The text as typed, or ``kept`` with Enter."""
        if kept:
            self._keep(text)
        else:
            self._take(text)

    def _take(self, text: str) -> None:
        """Judged at once; its values are read when the keys are still."""
        from mlruns_tui.triage.expression import BadExpression, parse

        if text == self.screen.state.expression and self._expression is not None:
            self._say()
            return
        self._changes += 1
        if not text.strip():
            self.clear()
            self.screen.expression.say([])
            return
        try:
            expression = parse(text)
        except BadExpression as error:
            self.screen.expression.say([(str(error), "")], error.at)
            return
        self._expression = expression
        self._trouble = ""
        self.screen.change(expression=text)
        change = self._changes
        if expression.wanted:
            self.screen.set_timer(QUIET_S, lambda: self._read() if change == self._changes else None)
        self._match()

    def _keep(self, text: str) -> None:
        """Enter: what is wrong must be mended first."""
        from mlruns_tui.triage.expression import BadExpression, parse

        try:
            parse(text)
        except BadExpression as error:
            self.screen.expression.say([(str(error), "bold")], error.at)
            return
        self._take(text)
        if text.strip():
            history = [one for one in self.screen.expression.history if one != text]
            self.screen.expression.history = tuple([*history, text][-MOST_HISTORY:])
            from mlruns_tui.workflow.remembering import add_expression

            self.screen.work(lambda: add_expression(text), lambda kept: None, "history", failed=lambda error: None)
        self.screen.close_prompt()
        self._read()

    def clear(self) -> None:
        """No expression any more."""
        self._stop.set()
        self._changes += 1
        self._expression = None
        self._trouble = ""
        if self.screen.state.expression or self.screen.state.matches is not None:
            self.screen.change(expression="", matches=None)

    def notice(self, before: UiState) -> None:
        """Another state. When the store is being read again, values are too; the old ones stay until then."""
        state = self.screen.state
        anew = state.reading and not before.reading
        if anew:
            self._stop.set()
            self._fresh = set()
        elif before.snapshot is state.snapshot:
            return
        if self._expression is not None:
            self._read()
            self._match()

    # The values.

    def _read(self) -> None:
        """Read what is missing, the runs on the screen first. One reading at a time."""
        expression = self._expression
        if expression is None or not expression.wanted:
            return
        if self._wanted + expression.wanted != self._wanted:
            # Names still in use are read again with the new ones: a run is one open directory either way.
            self._wanted, self._values, self._fresh = expression.wanted, {}, set()
            self._stop.set()
        if self._reading and not self._stop.is_set():
            return
        state = self.screen.state
        first = [run.key for run in state.runs or ()]
        keys = [key for key in dict.fromkeys([*first, *_keys(state.snapshot)]) if key not in self._fresh]
        if not keys:
            return
        self._stop = stop = threading.Event()
        wanted, values, fresh = self._wanted, self._values, self._fresh
        self._reading = True

        def portion(more: Mapping[str, RunValues]) -> None:
            values.update(more)
            fresh.update(more)
            with suppress(RuntimeError):  # the program may be closing
                self.screen.post_message(Returned(self._match))

        def work() -> None:
            from mlruns_tui.workflow.filtering import read_values

            read_values(self.reader, keys, wanted, stop.is_set, portion)

        def done(_: object) -> None:
            if stop is self._stop:
                self._reading = False
                self._match()
                if not stop.is_set():
                    self._read()

        def failed(error: Exception) -> None:
            if stop is self._stop:
                self._reading = False
                self._trouble = error_words(error)
                self._stop.set()
                self._say()

        self.screen.work(work, done, "values", failed=failed)

    # Who matches.

    def _match(self) -> None:
        """Work out who matches; once more afterwards if something came meanwhile."""
        expression, state = self._expression, self.screen.state
        if expression is None:
            return
        if self._matching:
            self._again = True
            return
        self._matching = True
        snapshot, values = state.snapshot, dict(self._values)
        judged = state.judged
        facts = judged.facts if judged is not None and judged.facts.snapshot is snapshot else None

        def work() -> Matches:
            from mlruns_tui.workflow.filtering import matching

            known = facts or Facts(snapshot, now_ms(), Options())
            return matching(expression, snapshot.all_runs(), known, values)

        def done(found: Matches) -> None:
            self._matching = False
            if self._expression is not None:
                self.screen.change(matches=found)
                self._say()
            if self._again:
                self._again = False
                self._match()

        def failed(error: Exception) -> None:
            self._matching = self._again = False
            self.screen.saying.complain(f"filter: {error_words(error)}")

        small = sum(map(len, snapshot.runs.values())) <= SMALL
        self.screen.work(work, done, "filter", small=small, failed=failed)

    def _say(self) -> None:
        if self._expression is not None and self.screen.expression.text == self._expression.text:
            self.screen.expression.say(self.words())

    def words(self) -> list[Piece]:
        """How many match, and what is not known yet."""
        state = self.screen.state
        if state.matches is None or self._expression is None:
            return [("…", DIM)]
        here = sum(run.key in state.matches.keys for run in state.runs or ())
        total = sum(map(len, state.snapshot.runs.values()))
        number = len(state.matches.keys)
        pieces: list[Piece] = [(f"{number:,} of {plural(total, 'run')}", "bold"), (f" match, {here:,} here", "")]
        if self._trouble:
            pieces.append((f"   not all could be read: {self._trouble}", "$error"))
        elif self._expression.wanted and len(self._fresh) < total:
            pieces.append((f"   reading values, {len(self._fresh):,} of {total:,}", DIM))
        elif state.matches.unknown:
            pieces.append(
                (f"   {plural(state.matches.unknown, 'run')} cannot be told: values or size not read", "$warning")
            )
        return pieces


def _keys(snapshot: Snapshot) -> list[str]:
    return [run.key for runs in snapshot.runs.values() for run in runs]
