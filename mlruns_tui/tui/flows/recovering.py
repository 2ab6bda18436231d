"""Work of earlier sessions: what is at work is followed, what was killed is said; and the log of everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from mlruns_tui.model.batch import Batch
from mlruns_tui.model.protocols import Reader
from mlruns_tui.report.words import time_text

from ..tasks import TaskView

if TYPE_CHECKING:
    from ..screens.main import MainScreen


class Recovering:
    """Nothing here settles anything: it is said, and the user chooses."""

    def __init__(self, screen: MainScreen, reader: Reader) -> None:
        self.screen = screen
        self.reader = reader
        self._told: set[str] = set()
        """Batches spoken of already."""

    def handlers(self) -> Mapping[str, Callable[[], None]]:
        return {"log": self.log}

    def notice(self, batches: Sequence[Batch]) -> None:
        """The batches were looked up: follow the one at work, and say once which one stopped half-way."""
        from mlruns_tui.report.backups_text import whole_words
        from mlruns_tui.report.recover import op_word
        from mlruns_tui.workflow import recovering

        if not batches or not self.screen.changing.idle:
            return
        running = recovering.at_work(batches)
        if running is not None and running.id not in self._told:
            self._told.add(running.id)
            self._follow(running)
            return
        stopped = next((one for one in recovering.unsettled(batches) if one.id not in self._told), None)
        if stopped is not None:
            self._told.add(stopped.id)
            day = time_text(stopped.created_ms).partition(" ")[0]
            whole = whole_words(stopped)
            self.screen.saying.warn(
                f"The {op_word(stopped.open_op or 'apply')} of {day} stopped half-way. {whole[0].upper()}{whole[1:]}. "
                "b, then Enter on it: go on, take it back, or leave it."
            )

    def _follow(self, batch: Batch) -> None:
        from mlruns_tui.report.recover import op_word
        from mlruns_tui.workflow import recovering

        began = batch.history[-1]
        work = op_word(batch.open_op)
        view = TaskView(recovering.Watch(self.reader.store.root, batch), self.screen.changing.experiment_names())
        self.screen.changing.attach(view, f"the {work} goes on")
        self.screen.saying.warn(
            f"{began.user}'s {work} of {time_text(began.began_ms).partition(' ')[2]} is at work here, on {began.host} "
            f"(pid {began.pid}). w shows it."
        )

    def staying(self, batch: Batch) -> dict[str, str]:
        """Why items an interrupted clean-up had not come to must stay by now. Takes its time: for a thread."""
        from mlruns_tui.workflow import reading, recovering

        snapshot = self.screen.state.snapshot
        if not snapshot.complete:
            snapshot = reading.read_all(self.reader)
        return recovering.staying(self.reader, snapshot, batch)

    def log(self) -> None:
        """``L``: who removed what, when, why."""
        from ..screens.log import LogScreen

        store = self.reader.store
        names = {one.experiment_id: one.name for one in self.screen.state.snapshot.experiments if one.name}
        self.screen.app.push_screen(LogScreen(store.root, store.given, experiments=names))
