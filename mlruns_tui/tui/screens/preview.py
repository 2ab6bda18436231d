"""The beginning of one artifact, over the details of its run."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen

from mlruns_tui.model.details import ArtifactEntry, ArtifactPreview
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.protocols import Reader
from mlruns_tui.report.words import plural, size_text
from mlruns_tui.tui.widgets.cells import DIM, fit, line, signs_of, wrap
from mlruns_tui.tui.widgets.ending import end
from mlruns_tui.tui.widgets.lines import KeyLine, SplitLine, crumbs
from mlruns_tui.tui.widgets.panel import Panel
from mlruns_tui.tui.widgets.parts import has_parts
from mlruns_tui.tui.widgets.row_list import RowList

from ..background import in_background
from ..clipboard import sent
from ..messages import Returned

PAN = 16
"""Cells one step to the side moves."""


class PreviewScreen(Screen[None]):
    """Reads on a thread; shows text as it stands, laid out JSON, the size of an image, or bytes."""

    CSS_PATH = "../styles/preview.tcss"
    AUTO_FOCUS = "#lines"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,p,q", "back", "back", show=False),
        Binding("right,l", "pan(1)", "to the right", show=False),
        Binding("left,h", "pan(-1)", "to the left", show=False),
        Binding("y", "copy", "copy the path", show=False),
    ]

    def __init__(self, reader: Reader, run_key: str, run_name: str, entry: ArtifactEntry, folder: str) -> None:
        """``folder``: where the run's artifacts are, for the clipboard; empty when that is not known."""
        super().__init__()
        self._reader = reader
        self._key = run_key
        self._run = run_name
        self._entry = entry
        self._folder = folder
        self._found: ArtifactPreview | MlrunsError | None = None
        self._panned = 0

    def compose(self) -> ComposeResult:
        yield SplitLine(id="head")
        with Panel(id="lines-panel"):
            yield RowList[str](self._paint, tail=self._tail, keep_cursor=False, id="lines")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self._show()
        exact = self._entry.exact or self._entry.path
        in_background(self, lambda: self._reader.preview(self._key, exact), self._take, self._fail, "preview")

    @on(Returned)
    def _returned(self, event: Returned) -> None:
        event.stop()
        event.call()

    def _take(self, found: ArtifactPreview) -> None:
        self._found = found
        self._show()

    def _fail(self, error: Exception) -> None:
        self._found = error if isinstance(error, MlrunsError) else _unknown(error)
        self._show()

    def _show(self) -> None:
        if not has_parts(self, "#head", "#lines", "#lines-panel", "#keys"):
            return
        found, unknown = self._found, signs_of(self.app).unknown
        self.query_one("#head", SplitLine).show(
            line(crumbs(signs_of(self.app), self._run, self._entry.path)),
            line([(size_text(self._entry.size_bytes), DIM)]),
        )
        rows = found.lines if isinstance(found, ArtifactPreview) else ()
        what = found.what if isinstance(found, ArtifactPreview) else "not read" if found is not None else unknown
        panel = self.query_one("#lines-panel", Panel)
        counted = isinstance(found, ArtifactPreview) and found.kind in ("text", "json")
        panel.set_title(what, plural(len(rows), "line") if counted else "")
        panel.set_foot("only the beginning" if isinstance(found, ArtifactPreview) and found.cut else "")
        self.query_one(RowList).set_rows(rows)
        keys = [("Esc", "back"), (signs_of(self.app).up_down, "line"), (signs_of(self.app).left_right, "sideways")]
        self.query_one(KeyLine).set_keys([*keys, ("g G", "first, last"), ("y", "copy path")])

    def _paint(self, row: str, width: int) -> Content:
        return line([(fit(row[self._panned :], width), "")])

    def _tail(self, width: int) -> list[Content]:
        """What stands there instead of lines."""
        found = self._found
        if isinstance(found, MlrunsError):
            return _said(" ".join(filter(None, (f"{found.message}.", found.hint))), width)
        if found is None or found.lines:
            return []
        return _said("There is nothing more to show of it here. y copies its path.", width)

    def action_pan(self, by: int) -> None:
        rows = self.query_one(RowList)
        widest = max((len(row) for row in rows.rows), default=0)
        self._panned = max(0, min(self._panned + by * PAN, widest - PAN))
        rows.refresh()

    def action_copy(self) -> None:
        path = "/".join(filter(None, (self._folder, self._entry.path)))
        self.app.copy_to_clipboard(path)
        self.notify(sent(fit(path, 60).rstrip()), markup=False)

    def action_back(self) -> None:
        end(self, None)


def _unknown(error: Exception) -> MlrunsError:
    return MlrunsError("preview-failed", f"it could not be read: {type(error).__name__}: {error}")


def _said(text: str, width: int) -> list[Content]:
    return [line([(one, DIM)]) for one in wrap(text, width)]
