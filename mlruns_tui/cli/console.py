"""Where a command's words go: data to stdout, the rest to stderr, progress only to a terminal."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from typing import Any, TextIO

import click

from mlruns_tui.report.json_values import dump


def is_interactive() -> bool:
    """Whether somebody can be asked: questions and answers both go to a terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def width() -> int | None:
    """Cells of a line on a terminal; None where the output is piped and lines may be as long as they need."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def colored(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def say(lines: Iterable[str] | str) -> None:
    """Lines to stdout, whatever the locale can show."""
    for line in [lines] if isinstance(lines, str) else lines:
        click.echo(_showable(line, sys.stdout), color=colored(sys.stdout))


def tell(line: str) -> None:
    """A line to stderr."""
    click.echo(_showable(line, sys.stderr), err=True, color=colored(sys.stderr))


def heading(line: str) -> str:
    """Bold where there are colours."""
    return click.style(line, bold=True) if colored(sys.stdout) else line


def put_json(document: Any) -> None:
    """One document; indented for a person at a terminal."""
    click.echo(dump(document, 2 if sys.stdout.isatty() else None))


def put_ndjson(items: Iterable[Any]) -> None:
    """One item a line."""
    for item in items:
        click.echo(dump(item))


def _showable(text: str, stream: TextIO) -> str:
    encoding = stream.encoding or "ascii"
    return text.encode(encoding, "backslashreplace").decode(encoding)


class Progress:
    """A line on stderr that replaces itself; silent where stderr is no terminal."""

    def __init__(self, wanted: bool = True) -> None:
        self._on = wanted and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._shown = False

    def show(self, text: str) -> None:
        if self._on:
            cells = shutil.get_terminal_size().columns - 1
            sys.stderr.write("\r" + _showable(text[:cells], sys.stderr) + "\x1b[K")
            sys.stderr.flush()
            self._shown = True

    def end(self) -> None:
        """Take the line away."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False
