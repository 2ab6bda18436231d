"""The worker as a process: what it is asked, what it answers, what it outlives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cleanup import worker as workers
from mlruns_tui.cleanup.vault import batches
from mlruns_tui.model import codec
from mlruns_tui.model.batch import ApplyEvent, Batch
from mlruns_tui.model.errors import Exit

A, B, C = "1/" + "a" * 32, "1/" + "b" * 32, "1/" + "c" * 32


def test_it_applies_undoes_restores_and_purges(store: Any, start_worker: Any, apply_request: Any, compare: Any) -> None:
    before = store.manifest()
    plan = store.plan(A, C)
    root = str(store.root)

    def ask(request: dict[str, Any]) -> Batch:
        worker = start_worker(request)
        assert worker.finish() == 0
        for message in worker.messages[:-1]:
            codec.decode(ApplyEvent, message["event"])
        return codec.decode(Batch, worker.answer["batch"])

    assert ask(apply_request(plan)).state == "moved"
    assert ask({"do": "undo", "root": root}).state == "restored"
    assert compare(before, store.manifest()) == []
    second = ask(apply_request(store.plan(A, C)))
    key = second.items[0].item.key
    assert (
        ask({"do": "restore", "root": root, "batch": second.id, "keys": [key], "on_conflict": "swap"}).state == "partly"
    )
    assert (
        ask({"do": "purge", "root": root, "batch": second.id, "keys": None, "lock_timeout_s": 2}).count("purged") == 1
    )


@pytest.mark.parametrize(
    "request_text",
    [
        b"", b"\n", b"nonsense\n", b"[]\n", b"{}\n", b'{"do":"dance","root":"/tmp","batch":"x"}\n', b'{"do":"apply"}\n',
        b'{"do":"apply","plan":{"id":"x"}}\n', b'{"do":"undo"}\n', b'{"do":"undo","root":7}\n',
        b'{"do":"restore","root":"/tmp","batch":"x","keys":"all"}\n', b'{"do":"undo","root":"/tmp","lock_timeout_s":"long"}\n',
        b'{"do":"restore","root":"/tmp","batch":"x","on_conflict":"merge"}\n', b"[" * 100_000 + b"\n",
    ],
)  # fmt: skip
def test_a_request_it_does_not_understand_is_an_error_not_a_crash(request_text: bytes) -> None:
    done = subprocess.run(
        [sys.executable, "-B", "-m", "mlruns_tui.cleanup.worker"], input=request_text, capture_output=True, check=False
    )
    error = json.loads(done.stdout)["error"]
    assert (error["code"], error["exit_code"], done.returncode) == ("bad-request", Exit.USAGE, Exit.USAGE)
    assert done.stderr == b""


def test_errors_carry_everything_a_message_needs(store: Any, start_worker: Any) -> None:
    worker = start_worker({"do": "undo", "root": str(store.root)})
    assert worker.finish() == Exit.FAILED
    assert set(worker.answer["error"]) == {"code", "message", "path", "hint", "exit_code"}
    assert worker.answer["error"]["code"] == "nothing-to-undo"
    stale = json.loads(json.dumps({"do": "apply", "plan": codec.encode(store.plan(A))}))
    stale["plan"]["store_identity"]["inode"] += 1
    worker = start_worker(stale)
    assert worker.finish() == Exit.STALE
    assert (store.root / A).is_dir()


def test_a_relative_root_is_taken_from_where_it_was_started(store: Any, start_worker: Any, apply_request: Any) -> None:
    start_worker(apply_request(store.plan(A))).finish()
    worker = start_worker({"do": "undo", "root": "mlruns"}, cwd=store.root.parent)
    assert worker.finish() == 0
    assert (store.root / A).is_dir()


def test_started_inside_an_item_it_is_not_its_own_obstacle(store: Any, start_worker: Any, apply_request: Any) -> None:
    worker = start_worker(apply_request(store.plan(A)), cwd=store.root / A)
    assert worker.finish() == 0
    assert worker.answer["batch"]["items"][0]["outcome"] == "done"


@pytest.fixture
def held_up(store: Any, start_worker: Any, apply_request: Any, tmp_path: Path) -> Any:
    """A worker that stopped itself between its first and its second item, until SIGCONT."""
    script = tmp_path / "holding.py"
    script.write_text(
        "import os, signal, sys\n"
        "from mlruns_tui.cleanup import steps, worker\n"
        "do = steps.MoveOut.do\n"
        "def held(self, ground):\n"
        "    if self.n == 1:\n"
        "        os.kill(os.getpid(), signal.SIGSTOP)\n"
        "    return do(self, ground)\n"
        "steps.MoveOut.do = held\n"
        "sys.exit(worker.main())\n"
    )

    def start(*paths: str) -> Any:
        worker = start_worker(apply_request(store.plan(*paths)), program=[str(script)])
        _, status = os.waitpid(worker.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        return worker, worker.process.pid

    return start


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_asked_to_stop_it_ends_after_the_item_at_hand(store: Any, held_up: Any, name: str) -> None:
    worker, pid = held_up(A, B, C)
    os.kill(pid, getattr(signal, name))
    os.kill(pid, signal.SIGCONT)
    worker.finish()
    outcomes = [one["outcome"] for one in worker.answer["batch"]["items"]]
    assert outcomes[0] == "done"
    assert outcomes[-1] is None
    (listed,) = batches(str(store.root))
    assert listed.state == "moved"


@pytest.mark.parametrize("name", ["SIGHUP", "SIGPIPE"])
def test_a_hang_up_does_not_stop_it(store: Any, held_up: Any, name: str) -> None:
    worker, pid = held_up(A, B, C)
    os.kill(pid, getattr(signal, name))
    os.kill(pid, signal.SIGCONT)
    worker.finish()
    assert [one["outcome"] for one in worker.answer["batch"]["items"]] == ["done"] * 3


def test_a_reader_that_went_away_does_not_stop_it(store: Any, held_up: Any) -> None:
    worker, pid = held_up(A, B, C)
    worker.process.stdout.close()
    os.kill(pid, signal.SIGCONT)
    worker.process.wait()
    (listed,) = batches(str(store.root))
    assert [one.outcome for one in listed.items] == ["done"] * 3
    assert listed.finished_ms is not None


def test_a_reader_that_does_not_read_does_not_hold_it_up() -> None:
    reading, writing = os.pipe()
    pipe = workers.Pipe(writing)
    event = ApplyEvent("item", "move", "b", 1, 9, 0, 0, name="x" * 2000, outcome="failed")
    for _ in range(500):
        pipe.tell(event)
    data = os.read(reading, 1 << 20)
    lines = data.splitlines()
    assert 0 < len(lines) < 500
    for line in lines:
        assert json.loads(line)["event"]["outcome"] == "failed"
    os.close(reading)
    pipe.tell(event)
    pipe.finish({"batch": None})
    os.close(writing)


def progress_told(items: int, skipped: int) -> list[dict[str, Any]]:
    """Events that came through a pipe nobody read meanwhile."""
    reading, writing = os.pipe()
    pipe = workers.Pipe(writing)
    for n in range(1, items + 1):
        outcome = "skipped" if n == skipped else "done"
        pipe.tell(ApplyEvent("item", "move", "b", n, items, 0, 0, outcome=outcome))
    os.close(writing)
    with open(reading, "rb") as file:
        return [json.loads(line)["event"] for line in file]


def test_routine_progress_is_thinned_out_and_trouble_is_not() -> None:
    told = progress_told(items=workers.ALWAYS_TOLD + 100, skipped=workers.ALWAYS_TOLD + 50)
    assert [one["done"] for one in told if one["outcome"] == "skipped"] == [workers.ALWAYS_TOLD + 50]
    assert told[-1]["done"] == workers.ALWAYS_TOLD + 100
    assert len(told) < workers.ALWAYS_TOLD + 20


def test_every_item_of_a_small_batch_is_told() -> None:
    assert [one["done"] for one in progress_told(items=150, skipped=3)] == list(range(1, 151))
