"""Symptoms that may be a moment of somebody's writing: looked at once more, after everything else.

MLflow truncates a run's metadata before it writes it anew, and makes a directory before the file in it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from mlruns_tui.disk import look
from mlruns_tui.model.findings import Symptom

from . import documents

_CODE = re.compile(rf"(?:.*-meta|.*-info|assessment)-({'|'.join(sorted(documents.TRANSIENT))})")
MAX_KEPT = 10_000
"""Symptoms held back at most; in a store with more of them nobody is writing all of these."""


class Doubts:
    """Holds back what a second look may find mended."""

    def __init__(self, root_fd: int) -> None:
        self._root_fd = root_fd
        self._kept: list[tuple[Symptom, str]] = []

    def keep(self, symptom: Symptom) -> bool:
        """Whether this one is looked at again, at the end."""
        if len(self._kept) >= MAX_KEPT or not symptom.path.endswith(".yaml"):
            return False
        match = _CODE.fullmatch(symptom.code)
        if match is None:
            return False
        self._kept.append((symptom, match[1]))
        return True

    def settled(self) -> Iterator[Symptom]:
        """Those that are as they were."""
        for symptom, state in self._kept:
            folder, _, name = symptom.path.rpartition("/")
            try:
                fd = look.open_path(self._root_fd, folder)
            except FileNotFoundError:
                continue
            except OSError:
                yield symptom
                continue
            try:
                now = documents.read(name, fd, follow=True).state
                if state == ("missing" if now == "closed" else now):
                    yield symptom
            finally:
                os.close(fd)
