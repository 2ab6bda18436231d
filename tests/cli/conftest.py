"""Small stores made by hand, and the program run in this process, in another one, and in a terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

DAY_S = 86_400
DEADLINE_S = 60
CTRL_C = b"\x03"


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


class Store:
    """A file store: experiment 1 (``vision``) and 2 (``text``) of three runs each, two of them old, and an orphan."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.now = time.time()
        for number, name in ((1, "vision"), (2, "text")):
            self.experiment(str(number), name)
            for at, days in enumerate((90, 60, 1)):
                self.run(str(number), f"{number}{at:031x}", f"{name}-{at}", days)
        orphan = root / "617283940118264051" / ("f" * 32) / "tags"
        orphan.mkdir(parents=True)
        (orphan.parent / "artifacts").mkdir()
        (orphan / "left").write_text("over")
        self.age(root / "617283940118264051", 40)

    def experiment(self, experiment_id: str, name: str) -> None:
        folder = self.root / experiment_id
        folder.mkdir(parents=True)
        (folder / "meta.yaml").write_text(
            f"artifact_location: file://{folder}\ncreation_time: 1700000000000\nexperiment_id: '{experiment_id}'\n"
            f"last_update_time: 1700000000000\nlifecycle_stage: active\nname: {name}\n"
        )

    def run(self, experiment_id: str, run_id: str, name: str, days: float, status: int = 3, **tags: str) -> Path:
        folder = self.root / experiment_id / run_id
        for part in ("artifacts", "metrics", "params", "tags"):
            (folder / part).mkdir(parents=True)
        ended = int((self.now - days * DAY_S) * 1000)
        (folder / "meta.yaml").write_text(
            f"artifact_uri: file://{folder}/artifacts\nend_time: {ended if status in (3, 4, 5) else 'null'}\n"
            f"entry_point_name: ''\nexperiment_id: '{experiment_id}'\nlifecycle_stage: active\nrun_id: {run_id}\n"
            f"run_name: {name}\nsource_name: ''\nsource_type: 4\nsource_version: ''\nstart_time: {ended - 60_000}\n"
            f"status: {status}\ntags: []\nuser_id: alice\n"
        )
        (folder / "artifacts" / "model.bin").write_bytes(b"x" * 5000)
        (folder / "metrics" / "loss").write_text(f"{ended} 0.5 1\n")
        for tag, value in tags.items():
            (folder / "tags" / tag).write_text(value)
        self.age(folder, days)
        return folder

    def age(self, folder: Path, days: float) -> None:
        then = self.now - days * DAY_S
        for path in (*folder.rglob("*"), folder):
            os.utime(path, (then, then))

    def old_runs(self) -> list[str]:
        return [f"{number}{at:031x}" for number in (1, 2) for at in (0, 1)]

    @property
    def path(self) -> str:
        return str(self.root)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "project" / "mlruns")


@pytest.fixture
def make_store(tmp_path: Path) -> Callable[[Path], Store]:
    return Store


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """Runs one command in this process, without a terminal."""
    for name in [name for name in os.environ if name.startswith("MLRUNS_TUI_")]:
        monkeypatch.delenv(name)

    def of(*arguments: str) -> Done:
        from mlruns_tui.cli import main

        capfd.readouterr()
        code = main([str(word) for word in arguments])
        told = capfd.readouterr()
        return Done(int(code), told.out, told.err)

    return of


@pytest.fixture
def start(command: list[str]) -> Callable[..., Done]:
    """Runs one command in a process of its own, without a terminal."""

    def of(*arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None, text: str = "") -> Done:
        done = subprocess.run(
            [*command, *map(str, arguments)],
            input=text, capture_output=True, text=True, check=False, cwd=cwd, env={**os.environ, **(env or {})},
        )  # fmt: skip
        return Done(done.returncode, done.stdout, done.stderr)

    return of


@pytest.fixture
def in_terminal(command: list[str]) -> Callable[..., Done]:
    """Runs one command in a terminal; each answer is typed when its question is on the screen."""

    def of(*arguments: str, answers: tuple[tuple[str, str], ...] = (), env: Mapping[str, str] | None = None) -> Done:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [*command, *map(str, arguments)], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            preexec_fn=lambda: _controlling(theirs), env={**os.environ, "TERM": "xterm", **(env or {})},
        )  # fmt: skip
        os.close(theirs)
        shown, pressed, waiting = b"", b"", list(answers)
        end = time.monotonic() + DEADLINE_S
        try:
            while True:
                ready, _, _ = select.select([ours], [], [], 1)
                assert time.monotonic() < end, f"still waiting after {DEADLINE_S} s: {shown.decode()}"
                if not ready:
                    # Python misses a Ctrl-C that comes between its last look and the read it blocks in.
                    if pressed == CTRL_C:
                        os.write(ours, CTRL_C)
                    continue
                try:
                    shown += os.read(ours, 65536)
                except OSError:
                    break
                while waiting and waiting[0][0] in shown.decode(errors="replace"):
                    pressed = waiting.pop(0)[1].encode()
                    os.write(ours, pressed)
        finally:
            os.close(ours)
            if process.poll() is None and time.monotonic() > end:
                process.kill()
        text = shown.decode().replace("\r\n", "\n")
        return Done(process.wait(DEADLINE_S), text, text)

    return of


def _controlling(terminal: int) -> None:
    """Make it the terminal whose Ctrl-C reaches the process, also where our own parent ignores that."""
    import fcntl
    import signal
    import termios

    signal.signal(signal.SIGINT, signal.default_int_handler)

    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def listing(folder: Path) -> list[tuple[str, int, int]]:
    """Every path below a folder, with size and modification time."""
    return sorted(
        (str(path), status.st_size, status.st_mtime_ns)
        for path in folder.rglob("*")
        if (status := path.lstat()) is not None
    )


@pytest.fixture
def tree() -> Callable[[Path], list[tuple[str, int, int]]]:
    return listing


@pytest.fixture
def same(rsync: str) -> Callable[[Path, Path], bool]:
    """Whether two trees are the same to every byte, mode, owner, date and link, our vault aside."""

    def compare(first: Path, second: Path) -> bool:
        done = subprocess.run(
            [rsync, "-aHAXnic", "--delete", "--exclude=/.mlruns-tui.trash", f"{first}/", f"{second}/"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout == ""
        return True

    return compare


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Path], Path]:
    """A byte-exact copy of a tree."""

    def of(root: Path) -> Path:
        target = tmp_path / "copy of" / root.name
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(exist_ok=True)
        subprocess.run(["cp", "-a", str(root), str(target)], check=True)
        return target

    return of
