"""Trees for the tests of disk."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def deep() -> Iterator[Callable[[Path, int], None]]:
    """Makes a directory with that many levels below it, one in the other, and removes what is left of it."""
    made: list[Path] = []

    def make(path: Path, levels: int) -> None:
        path.mkdir()
        made.append(path)
        fd = os.open(path, os.O_RDONLY)
        for _ in range(levels):
            os.mkdir("d", dir_fd=fd)
            below = os.open("d", os.O_RDONLY, dir_fd=fd)
            os.close(fd)
            fd = below
        os.close(fd)

    yield make
    for path in made:
        subprocess.run(["rm", "-rf", path], check=True)  # Python's own rmtree gives up on such depths
