"""What tests count is printed at the end, however many processes ran them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

COUNTED = """
import pytest

@pytest.fixture
def slow(record_property):
    yield
    record_property("seconds (worst)", 1.5)

@pytest.mark.parametrize("n", [1, 2, 3])
def test_counts(n, record_property, slow):
    record_property("cases tried", 2)
    record_property("seconds (worst)", n / 4)
    record_property("agreeing (of cases tried)", 2 if n < 3 else 1)
    record_property("slowest", "a word")
    record_property("was it so", True)
"""


@pytest.mark.parametrize("processes", ["0", "2"])
def test_figures_are_summed_over_all_processes(processes: str, tmp_path: Path) -> None:
    for folder in ("one", "other"):
        (tmp_path / "tests" / folder).mkdir(parents=True)
        (tmp_path / "tests" / folder / f"test_{folder}.py").write_text(COUNTED)
    shutil.copyfile(ROOT / "tests" / "conftest.py", tmp_path / "tests" / "conftest.py")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib -p no:cacheprovider\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", processes, "tests"],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = done.stdout.partition("figures: one")[2]
    first, _, second = figures.partition("figures: other")
    for shown in (first, second.partition("seconds by area")[0]):
        assert [" ".join(line.split()) for line in shown.splitlines() if line[:4] == "    "] == [
            "5 agreeing (of cases tried): 83.33 %",
            "6 cases tried",
            "1.5 seconds (worst)",
        ]
