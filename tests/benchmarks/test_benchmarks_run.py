"""The benchmark command works: what it prints, not how fast anything is."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a module of this folder by name."""
    monkeypatch.syspath_prepend(str(HERE))

    def load(name: str) -> ModuleType:
        return importlib.import_module(name)

    return load


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HERE / "run.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_a_tiny_run_prints_the_machine_and_a_ratio_for_every_measure(tmp_path: Path) -> None:
    stores, document = tmp_path / "stores", tmp_path / "table.json"
    stores.mkdir()
    done = run(
        "--only", "scan", "table", "answers", "move", "--sizes", "10k", "--scale", "0.003", "--runs", "1",
        "--dir", stores, "--json", document, "--profile",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cores" in done.stdout and "Python 3." in done.stdout and "textual" in done.stdout
    written = json.loads(document.read_text())
    rows = written["rows"]
    assert len(rows) == 5, done.stdout
    for row in rows:
        assert row["ratio"] == pytest.approx(row["ours"] / row["reference"])
        assert row["met"] == ("yes" if row["ratio"] <= row["target"] else "NO")
        assert not row["why"] or row["met"] == "NO"
        assert row["why"] or row["met"] == "yes" or not row["measure"].startswith("full scan, warm")
        line = next(line for line in done.stdout.splitlines() if line.startswith(row["measure"]))
        assert f"{row['ratio']:.3f}" in line and line.endswith(row["met"])
        # Python without our program has no place to show.
        assert row["measure"].startswith("--") or "of processor time in" in row["profile"][0]
    assert list(stores.iterdir()) == [], "the stores are removed again"


def test_what_was_not_asked_for_or_is_not_there_yet_stands_in_the_table_without_a_figure(tmp_path: Path) -> None:
    document = tmp_path / "table.json"
    done = run("--only", "mlflow", "growth", "--sizes", "10k", "--dir", tmp_path, "--json", document)
    assert done.returncode == 0, done.stderr
    rows = json.loads(document.read_text())["rows"]
    assert [(row["ratio"], row["met"]) for row in rows] == [(None, "—")] * 2
    assert all("left out" in row["note"] for row in rows)


def test_an_unknown_measure_or_size_is_refused() -> None:
    assert run("--only", "nonsense").returncode == 2
    assert run("--sizes", "huge").returncode == 2


def test_a_measured_command_that_fails_fails_the_run(module: Any, capsys: pytest.CaptureFixture[str]) -> None:
    command = module("run")
    failed = module("measuring").CommandFailed

    def broken(bench: object) -> Any:
        raise failed("exit 3 from du")
        yield

    command.MEASURES["scan"], kept = broken, command.MEASURES["scan"]
    try:
        rows, said = command.measure(None, ["scan"])
    finally:
        command.MEASURES["scan"] = kept
    assert said is True
    assert rows[0].ratio is None
    assert "failed: exit 3 from du" in capsys.readouterr().out


def test_the_ratio_is_the_median_of_the_pairs_not_the_ratio_of_the_medians(module: Any) -> None:
    pairs = module("measuring").Pairs([(1.0, 1.0), (2.0, 4.0), (30.0, 10.0)])
    assert pairs.ratio == 1.0
    assert (pairs.ours, pairs.reference) == (2.0, 4.0)
    assert pairs.row("x", "y", 1.0).met == "yes"
    assert pairs.row("x", "y", 0.9).met == "NO"


def test_the_canvas_shows_what_a_terminal_would(module: Any) -> None:
    canvas = module("terminal").Canvas(12, 3)
    output = "\x1b[?1049h\x1b[1;1H\x1b[1;38;2;1;2;3mname\x1b[0m\x1b[2;3H음성x\x1b]0;title\x07\x1b[3;1Hlast".encode()
    for byte in output:
        canvas.feed(bytes([byte]))
    assert [line.rstrip() for line in canvas.lines] == ["name", "  음성x", "last"]


def test_a_frame_ends_where_the_program_says_so(module: Any, tmp_path: Path) -> None:
    script = tmp_path / "paints.py"
    script.write_text(
        "import sys, termios, tty\n"
        "tty.setraw(0)\n"
        "sys.stdout.write('\\x1b[?2026$p'); sys.stdout.flush()\n"
        "answer = sys.stdin.buffer.raw.read(11)\n"
        "known = 'known' if answer == b'\\x1b[?2026;2$y' else repr(answer)\n"
        "sys.stdout.write(f'\\x1b[?2026h\\x1b[1;1H{known}\\x1b[?2026l\\x1b[2;1Hno frame yet'); sys.stdout.flush()\n"
        "sys.stdin.read(1)\n"
    )
    with module("terminal").Terminal([sys.executable, str(script)], {"PATH": "/usr/bin"}) as terminal:
        frame = terminal.frame(30)
        assert frame is not None
        assert frame.lines[0].strip() == "known"
        assert frame.at > terminal.started


def test_the_latency_shim_makes_every_entry_of_the_store_wait(tmp_path: Path) -> None:
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs gcc, which this machine does not have")
    shim, store = tmp_path / "latency.so", tmp_path / "store"
    build = [compiler, "-O2", "-shared", "-fPIC", "-D_LARGEFILE64_SOURCE", "-o", shim, HERE / "latency.c", "-ldl"]
    subprocess.run(build, check=True, capture_output=True)
    for at in range(10):
        (store / f"folder-{at}").mkdir(parents=True)
        (store / f"folder-{at}" / "file").write_text("x")
    reading = (
        "import os, sys\nfor at, _, files in os.walk(sys.argv[1]):\n    [open(f'{at}/{one}').read() for one in files]"
    )
    for command in (["du", "-s", store], [sys.executable, "-c", reading, store]):
        environment = {"LD_PRELOAD": str(shim), "LATENCY_US": "5000", "LATENCY_ROOT": str(store)}
        started = time.perf_counter()
        subprocess.run(command, env=environment, check=True, capture_output=True)
        # Ten directories are opened and listed, ten files looked at: each waits at least its five milliseconds.
        assert time.perf_counter() - started >= 30 * 0.005


def test_rows_measured_again_replace_their_own_in_the_readme_and_no_others() -> None:
    sys.path.insert(0, str(Path(__file__).parent))
    try:
        import readme
    finally:
        sys.path.pop(0)
    old = {
        "reference_name": "du -s",
        "ours": 1.0,
        "reference": 2.0,
        "unit": "s",
        "ratio": 0.5,
        "target": 1.0,
        "met": "yes",
    }
    text = f"before\n<!-- speed -->\n{readme.HEAD}<!-- /speed -->\nafter\n"
    text = readme.with_rows(text, [old | {"measure": "a scan"}, old | {"measure": "a move"}])
    again = readme.with_rows(text, [old | {"measure": "a scan", "ratio": 2.25}, {"measure": "a pack", "ratio": None}])
    assert again == text.replace("| a scan | du -s | 1 s | 2 s | 0.5 |", "| a scan | du -s | 1 s | 2 s | 2.2 |")
    assert again.count("| a move |") == 1


def test_a_sampled_process_says_where_it_was_and_so_do_its_copies(module: Any, tmp_path: Path) -> None:
    script = tmp_path / "works.py"
    script.write_text(
        "import os, time\n"
        "def busy():\n    end = time.process_time() + 0.1\n    while time.process_time() < end: pass\n"
        "def idle():\n    time.sleep(0.1)\n"
        "if not os.fork():\n    busy(); os._exit(0)\n"
        "busy(); idle(); os.wait()\n"
    )
    where = module("where")
    with where.Sampling(tmp_path) as sampling:
        began = time.perf_counter()
        subprocess.run([sys.executable, str(script)], env=sampling.environment, check=True)
        lines = sampling.profile([where.Span(began, time.perf_counter())])
        assert lines[0].endswith("in 2 processes")
        assert lines[1].endswith("  __main__.busy")
        assert "__main__.idle" in lines[-1]
        assert sampling.profile([where.Span(0, 1)]) == ()
    assert not sampling.path.exists()
