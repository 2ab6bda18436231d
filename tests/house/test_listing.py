"""Cleanup holds directories open while names come and go in them, and asks again what is in them."""

from __future__ import annotations

import re
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "mlruns_tui"


def test_cleanup_lists_directories_in_the_one_way_that_is_true_on_every_file_system() -> None:
    """``os.listdir`` of an open directory tells on btrfs what was in it when it was opened."""
    files = sorted((PACKAGE / "cleanup").glob("*.py"))
    assert len(files) > 30
    lists = re.compile(r'(listdir|scandir)\((?!"/proc/)')
    assert [file.name for file in files if lists.search(file.read_text())] == []
