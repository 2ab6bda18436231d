"""Programs run below ``strace``, quickly: one process has the worker loaded and forks for every run.

Starting Python below ``strace`` costs ten times what most operations do. So the fork stops itself, ``strace``
takes hold of it, and only what happens from then on is counted, or hurt: the operation's own calls. A helper the
operation forks can be taken hold of in the same way, alone; then the worker and the other helpers run free.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NURSERY = """
import json, os, signal, sys, traceback
from mlruns_tui.cleanup import apply, dying, packing, removers, worker
from mlruns_tui.cleanup.archive import library
from mlruns_tui.disk import look
library()
# Neither the processes on this machine nor its speed must decide which call is the N-th.
look.open_files = lambda device: look.NO_OPEN_FILES
assert apply.GROUP_S and dying.GROUP_S and packing.TURN_S
apply.GROUP_S = dying.GROUP_S = packing.TURN_S = 3600.0
# One process does it all, if it is not about several.
assert removers.MANY_ENTRIES
removers.MANY_ENTRIES = 1 << 40
fork = os.fork
def counting(asked):
    forked = 0
    def fork_and_tell():
        nonlocal forked
        forked += 1
        child = fork()
        if child == 0:
            told = os.open(asked["helpers"], os.O_WRONLY | os.O_APPEND)
            os.write(told, str(os.getpid()).encode() + b" ")
            os.close(told)
            if forked == asked["followed"]:
                told = os.open(asked["fifo"], os.O_WRONLY)
                os.write(told, str(os.getpid()).encode() + b" ")
                os.close(told)
                os.kill(os.getpid(), signal.SIGSTOP)
        return child
    return fork_and_tell
for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            for fd, path, flags in ((0, asked["request"], os.O_RDONLY), (1, asked["out"], os.O_WRONLY | os.O_APPEND),
                                    (2, asked["err"], os.O_WRONLY | os.O_APPEND)):
                opened = os.open(path, flags)
                os.dup2(opened, fd)
                os.close(opened)
            os.environ.update(asked["environment"])
            program = compile(asked["program"], "<worker>", "exec")
            sys.argv = ["-c", asked["request"]]
            sys.stdin = open(0)
            if asked["followed"] >= 0:
                os.fork = counting(asked)
            os.kill(os.getpid(), signal.SIGSTOP)
            exec(program, {"__name__": "__main__"})
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    os.waitpid(child, os.WUNTRACED)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

EVERYTHING = -1
FORKS_WITHIN_S = 10


@dataclass(frozen=True)
class Ran:
    """How a program ended. ``code`` is negative for the signal that ended it."""

    code: int
    stdout: str
    stderr: str
    log: str
    """What strace saw, a call a line."""


class Tracer:
    """Runs programs on a request below strace."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._nursery = subprocess.Popen(
            [sys.executable, "-B", "-c", NURSERY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

        self._fifo = base / "helper.fifo"
        os.mkfifo(self._fifo)
        # Open for both: neither side ever waits for the other.
        self._forked = os.open(self._fifo, os.O_RDWR)
        self.helpers: list[int] = []
        """Process numbers of what the last program forked, where it was followed."""

    def run(
        self,
        program: str,
        request: Path,
        *options: str,
        followed: int = EVERYTHING,
        stopped: Callable[[int, int], None] | None = None,
    ) -> Ran:
        """Run a program (Python) whose first argument and standard input are the file ``request``.

        ``followed``: what strace takes hold of, ``EVERYTHING``, the worker alone (0) or the helper that is forked as
        the first, the second … ``stopped``: called with the worker's number and that
        process' own when a stop signal has reached it; then it goes on.
        """
        files = {name: self._base / f"worker.{name}" for name in ("out", "err", "log", "helpers")}
        for file in files.values():
            file.write_bytes(b"")
        environment = {name: value for name, value in os.environ.items() if name.startswith("XDG_")}
        worker = pid = int(
            self._ask(
                program=program,
                request=str(request),
                out=str(files["out"]),
                err=str(files["err"]),
                helpers=str(files["helpers"]),
                fifo=str(self._fifo),
                followed=followed,
                environment=environment,
            )
        )
        if followed > 0:
            pid = self._helper_of(worker)
        # Not quiet: it says when it has hold of the process.
        follow = ["-f"] if followed == EVERYTHING else []
        strace = subprocess.Popen(
            ["strace", *follow, "-o", str(files["log"]), *options, "-p", str(pid)], stderr=subprocess.PIPE, text=True
        )
        assert strace.stderr is not None
        said = strace.stderr.readline()
        if "attached" not in said:
            for one in {worker, pid}:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)
            self._answer()
            raise RuntimeError(f"strace cannot trace: {said}{strace.communicate()[1]}")
        try:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
            if stopped is not None:
                self._when_stopped(pid, strace, files["log"], lambda: stopped(worker, pid))
        finally:
            strace.communicate()
            code = int(self._answer())
        read = {name: file.read_bytes().decode(errors="replace") for name, file in files.items()}
        self.helpers = [int(one) for one in read["helpers"].split()]
        return Ran(code, read["out"], read["err"], read["log"])

    @staticmethod
    def _when_stopped(pid: int, strace: subprocess.Popen[str], log: Path, act: Callable[[], None]) -> None:
        """Wait until the process has received a stop signal; after ``act`` it goes on."""
        while b"--- stopped by" not in log.read_bytes().partition(b"--- SIGSTOP {")[2]:
            if strace.poll() is not None:
                raise RuntimeError("it ended before it was stopped")
            os.sched_yield()
        try:
            act()
        finally:
            os.kill(pid, signal.SIGCONT)

    def _helper_of(self, worker: int) -> int:
        """Let the worker go, and wait for the helper that has stopped itself."""
        os.kill(worker, signal.SIGCONT)
        if not select.select([self._forked], [], [], FORKS_WITHIN_S)[0]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
            self._answer()
            raise RuntimeError("the worker does not fork so many helpers")
        helper = int(os.read(self._forked, 100))
        while state_of(helper) != "T":
            os.sched_yield()
        return helper

    def _ask(self, **request: Any) -> str:
        assert self._nursery.stdin is not None
        self._nursery.stdin.write(json.dumps(request) + "\n")
        self._nursery.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        assert self._nursery.stdout is not None
        line = self._nursery.stdout.readline()
        if not line:
            raise RuntimeError(f"the process that runs workers ended: {self._nursery.wait()}")
        return line

    def close(self) -> None:
        os.close(self._forked)
        self._nursery.communicate()


def state_of(pid: int) -> str:
    """The letter ``ps`` shows, empty for one that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def holds_something(pid: int) -> bool:
    """Whether a process has any descriptor: one that has let go of them all can change nothing and locks nothing."""
    try:
        return bool(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return False


def who_is_in(root: Path) -> set[int]:
    """The processes, but for this one, that have something open at or below a directory."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        # It may have ended meanwhile.
        with contextlib.suppress(OSError):
            for one in os.listdir(process / "fd"):
                with contextlib.suppress(OSError):
                    target = Path(os.readlink(process / "fd" / one))
                    if target == root or root in target.parents:
                        found.add(int(process.name))
    return found - {os.getpid()}
