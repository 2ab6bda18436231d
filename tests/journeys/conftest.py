"""A real terminal to drive, a demo store to work on, and the installed MLflow to ask afterwards."""

from __future__ import annotations

import json
import os
import select
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.demo.store import write_demo

DEADLINE_S = 100


class Terminal:
    """One program in one tmux pane. Waiting is for output: whenever some arrives, the screen is looked at."""

    def __init__(self, tmux: str, folder: Path, command: list[str], width: int, height: int) -> None:
        self._tmux = [tmux, "-f", "/dev/null", "-S", str(folder / "tmux.sock")]
        self._fifo = folder / "output"
        os.mkfifo(self._fifo)
        environment = {
            **{name: value for name, value in os.environ.items() if name not in ("TMUX", "COLUMNS", "LINES")},
            "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8",
            "LANG": "C.UTF-8",
        }
        gate = folder / "gate"
        os.mkfifo(gate)
        # The program starts when its output is being read, so that nothing is missed. The shell keeps its exit
        # code: tmux forgets now and then that a pane whose output is piped has died.
        self._status = folder / "status"
        script = f"read _ < {gate}; {shlex.join(command)}; printf '%s\\n' $? > {self._status}"
        subprocess.run(
            [*self._tmux, "new-session", "-d", "-x", str(width), "-y", str(height), "bash", "-c", script],
            check=True,
            env=environment,
        )
        self.run("set-option", "-g", "remain-on-exit", "on")
        self.run("set-option", "-g", "status", "off")
        self.run("resize-window", "-x", str(width), "-y", str(height))
        self.output = bytearray()
        """Everything the program wrote to its terminal, as far as it was waited for."""
        self._fd = os.open(self._fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.run("pipe-pane", f"exec cat > {self._fifo}")
        gate.write_text("go\n")

    def run(self, *arguments: str) -> str:
        done = subprocess.run([*self._tmux, *arguments], check=True, capture_output=True, text=True)
        return done.stdout

    def keys(self, *keys: str) -> None:
        """Type keys by tmux's names: ``o``, ``Enter``, ``Escape``, ``Space``."""
        self.run("send-keys", *keys)

    def type(self, text: str) -> None:
        self.run("send-keys", "-l", text)

    def screen(self) -> str:
        return self.run("capture-pane", "-p")

    def wait(self, accept: Callable[[str], bool], what: str = "") -> str:
        """The first screen that is accepted. Fails with the screen when none is within the deadline."""
        end = time.monotonic() + DEADLINE_S
        while True:
            screen = self.screen()
            if accept(screen):
                return screen
            left = end - time.monotonic()
            if left <= 0:
                pytest.fail(f"never on the screen: {what}\n{screen}")
            # Output of the program ends the wait; the bound is for a screen drawn between look and wait.
            ready, _, _ = select.select([self._fd], [], [], min(left, 1.0))
            if ready and not self._read():
                select.select([], [], [], 0.05)

    def _read(self) -> bool:
        """Take in what was written; False when there is nothing."""
        try:
            data = os.read(self._fd, 1 << 16)
        except BlockingIOError:
            return False
        self.output += data
        return bool(data)

    def drain(self) -> bytes:
        """Everything the program wrote, to the last byte; the terminal is gone afterwards."""
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)
        while True:
            ready, _, _ = select.select([self._fd], [], [], DEADLINE_S)
            assert ready, "the end of the output never came"
            if not self._read():
                return bytes(self.output)

    def wait_for(self, *texts: str) -> str:
        return self.wait(lambda screen: all(text in screen for text in texts), " and ".join(texts))

    def wait_for_end(self) -> int:
        """The exit code of the program."""
        self.wait(lambda _: self._status.exists() and self._status.read_text() != "", "the end of the program")
        return int(self._status.read_text())

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)
        os.close(self._fd)


@pytest.fixture
def terminal(tmux: str, tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*arguments: str, width: int = 140, height: int = 40) -> Terminal:
        folder = tmp_path / f"terminal-{len(opened)}"
        folder.mkdir()
        opened.append(Terminal(tmux, folder, [sys.executable, "-m", "mlruns_tui", *arguments], width, height))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.fixture(scope="session")
def pristine_demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A demo store nobody changes, with its facts."""
    root = tmp_path_factory.mktemp("demo") / "mlruns"
    return root, write_demo(str(root))


@pytest.fixture
def demo(tmp_path: Path) -> tuple[Path, Any]:
    """A demo store to work on, with its facts, and a byte-exact copy made before (``before``)."""
    root = tmp_path / "work" / "mlruns"
    root.parent.mkdir()
    facts = write_demo(str(root))
    subprocess.run(["cp", "-a", str(root), str(tmp_path / "before")], check=True)
    return root, facts


def run_json(command: list[str], *arguments: str, code: int = 0) -> dict[str, Any]:
    done = subprocess.run([*command, *arguments, "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr + done.stdout[-2000:]
    document = json.loads(done.stdout)
    assert isinstance(document, dict)
    return document


@pytest.fixture
def json_of(command: list[str]) -> Callable[..., dict[str, Any]]:
    def of(*arguments: str, code: int = 0) -> dict[str, Any]:
        return run_json(command, *arguments, code=code)

    return of


ASK_MLFLOW = """
import json, logging, sys, warnings
warnings.simplefilter("ignore")
said = []
class Keep(logging.Handler):
    def emit(self, record):
        if record.levelno >= logging.WARNING:
            said.append(record.getMessage()[:200])
import mlflow
from mlflow.entities import ViewType
logging.getLogger("mlflow").addHandler(Keep())
logging.getLogger("mlflow.store.tracking.file_store").addHandler(Keep())
client = mlflow.MlflowClient(sys.argv[1])
experiments = client.search_experiments(view_type=ViewType.ACTIVE_ONLY)
runs = []
for experiment in experiments:
    token = None
    while True:
        page = client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL, max_results=1000, page_token=token)
        runs += [run.info.run_id for run in page]
        token = page.token
        if not token:
            break
print(json.dumps({"experiments": [e.experiment_id for e in experiments], "runs": runs, "said": said}))
"""


@pytest.fixture
def ask_mlflow(tmp_path: Path) -> Callable[[Path], dict[str, Any]]:
    """What the installed MLflow lists, asked on a copy without our vault: opening a store changes it."""

    def ask(root: Path) -> dict[str, Any]:
        copy = tmp_path / "asked" / "mlruns"
        shutil.rmtree(copy.parent, ignore_errors=True)
        copy.parent.mkdir()
        subprocess.run(["cp", "-a", str(root), str(copy)], check=True)
        done = subprocess.run(
            [sys.executable, "-c", ASK_MLFLOW, copy.as_uri()],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        answer = json.loads(done.stdout.splitlines()[-1])
        assert isinstance(answer, dict)
        return answer

    return ask


@pytest.fixture
def differences(rsync: str) -> Callable[[Path, Path], str]:
    """What rsync would change to make the second tree the first: bytes, modes, owners, times, links."""

    def compare(before: Path, after: Path) -> str:
        done = subprocess.run(
            [rsync, "-aHAXnic", "--delete", "--exclude=/.mlruns-tui.trash", f"{before}/", f"{after}/"],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    return compare
