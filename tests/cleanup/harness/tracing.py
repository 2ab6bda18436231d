"""Programs run below ``strace``, quickly: one process has the worker loaded and forks for every run.

Starting Python below ``strace`` costs ten times what most operations do. So the fork stops itself, ``strace``
takes hold of it, and only what happens from then on is counted, or hurt: the operation's own calls.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NURSERY = """
import json, os, signal, sys, traceback
from mlruns_tui.cleanup import apply, packing, worker
from mlruns_tui.cleanup.archive import library
from mlruns_tui.disk import look
library()
# Neither the processes on this machine nor its speed must decide which call is the N-th.
look.open_files = lambda device: look.NO_OPEN_FILES
assert apply.GROUP_S and packing.TURN_S
apply.GROUP_S = packing.TURN_S = 3600.0
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

    def run(self, program: str, request: Path, *options: str) -> Ran:
        """Run a program (Python) whose first argument and standard input are the file ``request``."""
        files = {name: self._base / f"worker.{name}" for name in ("out", "err", "log")}
        for file in files.values():
            file.write_bytes(b"")
        environment = {name: value for name, value in os.environ.items() if name.startswith("XDG_")}
        pid = int(
            self._ask(
                program=program,
                request=str(request),
                out=str(files["out"]),
                err=str(files["err"]),
                environment=environment,
            )
        )
        # Not quiet: it says when it has hold of the process.
        strace = subprocess.Popen(
            ["strace", "-f", "-o", str(files["log"]), *options, "-p", str(pid)], stderr=subprocess.PIPE, text=True
        )
        assert strace.stderr is not None
        said = strace.stderr.readline()
        if "attached" not in said:
            os.kill(pid, signal.SIGKILL)
            self._answer()
            raise RuntimeError(f"strace cannot trace: {said}{strace.communicate()[1]}")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
        strace.communicate()
        code = int(self._answer())
        read = {name: file.read_bytes().decode(errors="replace") for name, file in files.items()}
        return Ran(code, read["out"], read["err"], read["log"])

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
        self._nursery.communicate()
