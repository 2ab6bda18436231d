"""From findings to a repair that is shown first, and from there to the worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from mlruns_tui.model.findings import Finding
from mlruns_tui.model.plan import Plan
from mlruns_tui.model.protocols import Reader
from mlruns_tui.report.words import plural

if TYPE_CHECKING:
    from ..screens.main import MainScreen
    from ..screens.repair import RepairAnswer


class Repairing:
    """``e``, from the lists and from every screen that shows findings."""

    def __init__(self, screen: MainScreen, reader: Reader) -> None:
        self.screen = screen
        self.reader = reader

    def handlers(self) -> Mapping[str, Callable[[], None]]:
        return {"repair": lambda: self.review(self.screen.state.repairable_here)}

    def review(self, findings: Sequence[Finding]) -> None:
        """Look at these places afresh, show what a repair would do, and do it when told so."""
        if not self.screen.changing.idle or self.screen.state.planning:
            self.screen.app.notify("repair: wait, something else is being changed", markup=False)
            return
        found = tuple(findings)

        def preview() -> Plan:
            from mlruns_tui.workflow.repairing import preview_repair

            return preview_repair(self.reader, found)

        self.screen.changing.look_afresh(
            plural(len(found), "broken place"),
            preview,
            lambda plan: self._show(plan, found),
        )

    def _show(self, plan: Plan, findings: tuple[Finding, ...]) -> None:
        from mlruns_tui.workflow.repairing import preview_repair

        from ..screens.repair import RepairScreen

        screen = RepairScreen(
            plan,
            self.screen.state.snapshot,
            lambda names: preview_repair(self.reader, findings, names=names),
            space=self.screen.reading.space,
        )
        self.screen.app.push_screen(screen, self._answered)

    def _answered(self, answer: RepairAnswer | None) -> None:
        from mlruns_tui.workflow.repairing import start_repair

        if answer is not None and not answer.plan.empty:
            self.screen.changing.begin(lambda: start_repair(answer.plan), "the repair goes on", repairs=True)
