"""Small stores with everything a tree can hold, plans for them, and a checker that knows nothing of cleanup."""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import importlib
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.disk import look
from mlruns_tui.model import codec
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.plan import Plan, PlanItem, PlanTotals, Step
from mlruns_tui.model.store import Identity
from mlruns_tui.model.words import VAULT_NAME

PAST_NS = 1_700_000_000_123_456_789
Manifest = dict[bytes, tuple[Any, ...]]


def manifest(top: str | Path, skip: Sequence[bytes] = ()) -> Manifest:
    """Everything below ``top`` (itself as ``.``): type, mode, owner, time, size, content, link text, xattrs, twins."""
    top = os.fsencode(top)
    found: Manifest = {}
    twins: dict[tuple[int, int], list[bytes]] = {}

    def note(path: bytes, name: bytes) -> None:
        status = os.lstat(path)
        kind = stat.S_IFMT(status.st_mode)
        content: Any = None
        if kind == stat.S_IFREG:
            with open(path, "rb") as file:
                content = hashlib.sha256(file.read()).hexdigest()
            if status.st_nlink > 1:
                twins.setdefault((status.st_dev, status.st_ino), []).append(name)
        elif kind == stat.S_IFLNK:
            content = os.readlink(path)
        attributes: tuple[Any, ...] = ()
        with contextlib.suppress(OSError):
            attributes = tuple(
                (one, os.getxattr(path, one, follow_symlinks=False))
                for one in sorted(os.listxattr(path, follow_symlinks=False))
            )
        size = status.st_size if kind == stat.S_IFREG else 0
        holes = status.st_blocks if kind == stat.S_IFREG else 0
        found[name] = (
            status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns, size, holes, content, attributes,
        )  # fmt: skip

    note(top, b".")
    for folder, directories, files in os.walk(top):
        relative = os.path.relpath(folder, top)
        prefix = b"" if relative == b"." else relative + b"/"
        directories[:] = [one for one in directories if prefix + one not in skip]
        for one in directories + files:
            if prefix + one not in skip:
                note(os.path.join(folder, one), prefix + one)
    for names in twins.values():
        for name in names:
            found[name] = (*found[name], tuple(sorted(names)))
    return found


def differences(before: Manifest, after: Manifest) -> list[str]:
    """What is not the same, in words a failing test can show."""
    said = [f"missing: {name!r}" for name in before.keys() - after.keys()]
    said += [f"new: {name!r}" for name in after.keys() - before.keys()]
    said += [
        f"changed: {name!r}: {before[name]} -> {after[name]}"
        for name in before.keys() & after.keys()
        if before[name] != after[name]
    ]
    return sorted(said)


def age(top: str | Path, mtime_ns: int = PAST_NS) -> None:
    """Give everything below ``top`` and itself an old time, each another one."""
    names = [os.fsencode(top)]
    for folder, directories, files in os.walk(os.fsencode(top), topdown=False):
        names = [os.path.join(folder, one) for one in files + directories] + names
    for at, name in enumerate(names):
        os.utime(name, ns=(mtime_ns, mtime_ns + at * 1_000_000_007), follow_symlinks=False)


class Store:
    """A file store made by hand: what cleanup moves has no need to be MLflow's."""

    vault_name = VAULT_NAME

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True)
        self._plans = 0

    @property
    def vault(self) -> Path:
        return self.root / VAULT_NAME

    def experiment(self, experiment_id: str, runs: Sequence[str] = (), *, rich: bool = False) -> Path:
        """An experiment with these runs."""
        path = self.root / experiment_id
        path.mkdir(parents=True, exist_ok=True)
        (path / "meta.yaml").write_text(f"experiment_id: '{experiment_id}'\nname: e{experiment_id}\n")
        for run in runs:
            self.run(path / run, rich=rich)
        return path

    def run(self, path: Path, *, rich: bool = False) -> Path:
        """A run of a few files, or one with everything a tree can hold."""
        for folder in ("artifacts", "metrics", "params", "tags"):
            (path / folder).mkdir(parents=True)
        (path / "meta.yaml").write_bytes(b"run_id: %s\nstatus: 3\n" % os.fsencode(path.name))
        (path / "metrics" / "loss").write_text("1 0.5 0\n2 0.25 1\n")
        (path / "tags" / "mlflow.runName").write_bytes(b"run " + os.fsencode(path.name))
        if rich:
            art = path / "artifacts"
            (art / "model.bin").write_bytes(bytes(range(256)) * 64)
            os.link(art / "model.bin", art / "model-again.bin")
            os.symlink("model.bin", art / "inside")
            os.symlink("/etc/passwd", art / "outside")
            os.symlink("../nowhere", art / "dangling")
            with open(art / "sparse", "wb") as file:
                file.write(b"head")
                file.truncate(1 << 20)
            (art / "private").write_text("secret")
            os.chmod(art / "private", 0o640)
            (art / "empty").mkdir()
            with open(os.fsencode(art) + b"/\xff\n\x1b[31m", "wb") as file:
                file.write(b"odd name")
            with contextlib.suppress(OSError):
                os.setxattr(art / "private", "user.note", b"kept")
        return path

    def age(self) -> None:
        age(self.root)

    def item(self, path: str | Path, kind: str = "") -> PlanItem:
        """A plan item for a path relative to the root, as a fresh look sees it."""
        path = os.fsdecode(os.fsencode(path))
        root_fd = os.open(self.root, os.O_RDONLY)
        parent_fd = look.open_path(root_fd, os.path.dirname(path))
        found = look.survey(parent_fd, os.path.basename(path))
        os.close(parent_fd)
        os.close(root_fd)
        parts = path.split("/")
        run = len(parts) > 1
        return PlanItem(
            key=f"experiment/{parts[0]}/run/{parts[1]}" if run else f"experiment/{parts[0]}",
            kind="run" if run else "experiment",
            action="remove",
            experiment_id=parts[0],
            run_id=parts[1] if run else "",
            name=f"name of {parts[-1]}",
            path=path,
            reason="ended 63 d ago",
            rule="old",
            size_bytes=found.size.size_bytes,
            allocated_bytes=found.size.allocated_bytes,
            files=found.size.files,
            entries=found.entries,
            identity=found.identity,
            fingerprint=found.fingerprint,
            newest_ns=found.size.newest_ns,
            steps=(Step("move-out", path),),
        )

    def plan(self, *paths: str | Path, backup: bool = True, plan_id: str = "") -> Plan:
        """A plan that removes these."""
        self._plans += 1
        status = os.stat(self.root)
        items = tuple(self.item(path) for path in paths)
        return Plan(
            id=plan_id or f"20261122-{self._plans:04}-{os.urandom(2).hex()}",
            created_ms=time.time_ns() // 1_000_000,
            store_root=str(self.root),
            store_given=str(self.root),
            store_identity=Identity(status.st_dev, status.st_ino),
            user=look.user_name(os.geteuid()),
            host=socket.gethostname(),
            items=items,
            refused=(),
            totals=PlanTotals(
                runs=len(items),
                size_bytes=sum(item.size_bytes for item in items),
                allocated_bytes=sum(item.allocated_bytes for item in items),
                files=sum(item.files for item in items),
            ),
            backup=backup,
            rules=("old > 30 d",),
        )

    def manifest(self) -> Manifest:
        """The whole store but its vault."""
        return manifest(self.root, [os.fsencode(VAULT_NAME)])

    def twin(self, path: Path) -> Path:
        """A copy, as exact as rsync makes it."""
        subprocess.run(["rsync", "-aHAX", f"{self.root}/", f"{path}/"], check=True)
        return path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Experiments 1 (three runs, two of them rich) and 2 (one run), old."""
    made = Store(tmp_path / "mlruns")
    made.experiment("1", ["a" * 32, "b" * 32], rich=True)
    made.run(made.root / "1" / ("c" * 32))
    made.experiment("2", ["d" * 32])
    made.age()
    return made


@pytest.fixture
def store_class() -> type[Store]:
    return Store


@pytest.fixture
def new_store(tmp_path: Path) -> Callable[[str], Store]:
    """Makes an empty store of that name."""
    return lambda name: Store(tmp_path / name)


NINE = [f"1/{n:032x}" for n in range(1, 10)]


@pytest.fixture
def runs(new_store: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """A store of nine runs, for which other processes are thought worth while to take trees apart."""
    from mlruns_tui.cleanup import removers

    monkeypatch.setattr(removers, "MANY_ENTRIES", 1)
    # The tests have threads which do not matter to what is forked here.
    monkeypatch.setattr(removers, "is_single_threaded", lambda: True)
    store = new_store("mlruns")
    store.experiment("1", [run[2:] for run in NINE], rich=True)
    store.age()
    return store


@pytest.fixture
def moved(runs: Any) -> Plan:
    """All nine, moved to a backup."""
    from mlruns_tui.cleanup.apply import apply

    plan: Plan = runs.plan(*NINE)
    assert apply(plan).state == "moved"
    return plan


@pytest.fixture
def tree_manifest() -> Callable[..., Manifest]:
    return manifest


@pytest.fixture
def compare() -> Callable[[Manifest, Manifest], list[str]]:
    return differences


@pytest.fixture
def make_old() -> Callable[..., None]:
    return age


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}


WORKER = ("-m", "mlruns_tui.cleanup.worker")


class Worker:
    """The worker's process, with its answer."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.messages: list[dict[str, Any]] = []

    @property
    def answer(self) -> dict[str, Any]:
        """Its last word."""
        return self.messages[-1]

    def read(self) -> dict[str, Any]:
        """The next message; blocks until there is one."""
        assert self.process.stdout is not None
        self.messages.append(json.loads(self.process.stdout.readline()))
        return self.messages[-1]

    def finish(self) -> int:
        assert self.process.stdout is not None
        self.messages += [json.loads(line) for line in self.process.stdout]
        code = self.process.wait()
        self.process.stdout.close()
        return code


@pytest.fixture
def start_worker() -> Iterator[Callable[..., Worker]]:
    """Starts the worker on a request, below a command such as strace if one is given."""
    started: list[Worker] = []

    def start(request: dict[str, Any], *before: str, program: Sequence[str] = WORKER, **options: Any) -> Worker:
        process = subprocess.Popen(
            [*before, sys.executable, *program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            start_new_session=True,
            **options,
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.close()
        started.append(Worker(process))
        return started[-1]

    yield start
    for worker in started:
        if worker.process.poll() is None:
            worker.process.kill()
            worker.process.wait()
        if worker.process.stdout and not worker.process.stdout.closed:
            worker.process.stdout.close()


@pytest.fixture
def apply_request() -> Callable[[Plan], dict[str, Any]]:
    return lambda plan: {"do": "apply", "plan": codec.encode(plan)}


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Where other users come in, a folder they can reach: pytest's own is below one that every run of pytest by this
    user closes to others when it starts, also in the middle of a test."""
    if "as_user" not in request.fixturenames:
        yield tmp_path
        return
    open_to_all = Path(tempfile.mkdtemp(prefix="mlruns-tui-test-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
    open_to_all.chmod(0o711)
    yield open_to_all
    shutil.rmtree(open_to_all)


@pytest.fixture
def as_user(tmp_path: Path) -> Callable[..., Any]:
    """Runs a function as an ordinary user in a process of its own; what it returns comes back as JSON.

    Forked, not started: an ordinary user need not be able to reach this interpreter's files.
    """
    if os.geteuid() != 0:
        pytest.skip("needs root, to become another user")
    for above in [tmp_path, *tmp_path.parents]:
        mode = above.stat().st_mode
        if above != Path("/") and not mode & 0o001:
            os.chmod(above, mode | 0o011)

    def run(function: Callable[[], Any], uid: int = 65534, gid: int = 65534) -> Any:
        for name in ("ascii", "idna"):
            codecs.lookup(name)  # loaded while their files can still be reached
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.setgroups([])
                os.setgid(gid)
                os.setuid(uid)
                answer = {"returned": function()}
            except MlrunsError as error:
                answer = {"code": error.code, "message": error.message, "hint": error.hint}
            except BaseException as error:
                answer = {"raised": f"{type(error).__name__}: {error}"}
            with open(writing, "wb") as file:
                file.write(json.dumps(answer).encode())
            os._exit(0)
        os.close(writing)
        with open(reading, "rb") as file:
            answer = json.loads(file.read())
        os.waitpid(pid, 0)
        assert "raised" not in answer, answer["raised"]
        return answer.get("returned", answer)

    return run


def what_rsync_would_change(one: Path, other: Path) -> list[str]:
    """To make the second tree the first, in words of rsync; the vault is left out."""
    done = subprocess.run(
        ["rsync", "-aHAXSnic", "--delete", f"--exclude=/{VAULT_NAME}", f"{one}/", f"{other}/"],
        check=True,
        capture_output=True,
    )
    return [repr(line) for line in done.stdout.splitlines()]


@pytest.fixture
def rsync_differences() -> Callable[[Path, Path], list[str]]:
    """What rsync would change to make the second tree the first; the vault is left out."""
    if shutil.which("rsync") is None:
        pytest.skip("needs rsync, which this machine does not have")
    return what_rsync_would_change


@pytest.fixture
def open_for_writing() -> Iterator[Callable[[Path], subprocess.Popen[bytes]]]:
    """Another process that has a file open for writing; it writes a line for each line it is sent."""
    started: list[subprocess.Popen[bytes]] = []
    script = (
        "import sys\n"
        "file = open(sys.argv[1], 'ab', buffering=0)\n"
        "print('open', flush=True)\n"
        "for line in sys.stdin:\n"
        "    file.write(line.encode())\n"
        "    print('written', flush=True)\n"
    )

    def start(path: Path) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/"
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def faults() -> Any:
    """The modules in ``harness``, as one."""
    name = "crash_harness"
    if name not in sys.modules:
        package = types.ModuleType(name)
        package.__path__ = [str(Path(__file__).with_name("harness"))]
        sys.modules[name] = package
        for part in ("tracing", "cases", "running", "judging", "operations"):
            vars(package).update(vars(importlib.import_module(f"{name}.{part}")))
    return sys.modules[name]


@pytest.fixture(scope="session")
def tracer(faults: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Runs programs below strace."""
    if shutil.which("strace") is None:
        pytest.skip("needs strace, which this machine does not have")
    made = faults.Tracer(tmp_path_factory.mktemp("tracer"))
    yield made
    made.close()


@pytest.fixture
def harness(
    faults: Any,
    tracer: Any,
    tmp_path: Path,
    make_broken: Callable[..., Store],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """Hurts operations (see ``harness/``)."""
    # As in the worker's process: asking every process of this machine costs more than all else.
    monkeypatch.setattr(look, "open_files", lambda device: look.NO_OPEN_FILES)
    helpers = types.SimpleNamespace(
        manifest=manifest,
        differences=differences,
        make_broken=make_broken,
        rsync_differences=what_rsync_would_change,
        other_disk=lambda: request.getfixturevalue("other_disk"),
    )
    return faults.Harness(tracer, faults.OPERATIONS, Store, helpers, tmp_path)


@pytest.fixture
def nothing_lost(faults: Any, record_property: Callable[[str, object], None]) -> Callable[[Any], None]:
    """Adds tallies up, prints the figures at the end of the run, and wants no loss."""

    def judged(tallies: Any) -> None:
        whole, kinds = faults.total(tallies)
        record_property("fault points tried", whole.tried)
        record_property("fault points where something was lost", len(whole.lost))
        record_property("fault points where undo was not exact", len(whole.inexact))
        for (op, fault), number in kinds.items():
            record_property(f"fault points: {op} × {faults.sort_of(fault)}", number)
            record_property(f"fault points: all of them × {fault}", number)
        assert whole.tried > 0
        assert (whole.lost, whole.inexact) == ([], [])

    return judged


@pytest.fixture
def broken_store(make_broken: Callable[..., Store], tmp_path: Path) -> Callable[[str], Store]:
    """Makes a store that is broken in each way a repair mends."""
    return lambda name: make_broken(tmp_path / name)


@pytest.fixture
def make_broken() -> Callable[..., Store]:
    """The same: metadata lost and empty, folders, lines and params MLflow cannot use, a stray. With ``more`` runs
    that have a line MLflow cannot use."""

    def make(path: Path, more: int = 0) -> Store:
        store = Store(path)
        for experiment_id in ("1", "2"):
            store.experiment(experiment_id)
            (store.root / experiment_id / "meta.yaml").write_text(
                f"artifact_location: file://{store.root}/{experiment_id}\ncreation_time: 1700000000000\n"
                f"experiment_id: '{experiment_id}'\nlast_update_time: 1700000000000\nlifecycle_stage: active\n"
                f"name: e{experiment_id}\n"
            )
        for experiment_id, run_id in (
            ("1", "f1" * 16), ("2", "a1" * 16), ("2", "b1" * 16), ("2", "c1" * 16), ("2", "d1" * 16),
        ):  # fmt: skip
            run = store.run(store.root / experiment_id / run_id)
            (run / "params" / "lr").write_text("0.1")
            (run / "metrics" / "loss").write_text("1700000000000 0.5 0\n")
            (run / "meta.yaml").write_text(
                f"artifact_uri: file://{run}/artifacts\nend_time: 1700000009000\nentry_point_name: ''\n"
                f"experiment_id: '{experiment_id}'\nlifecycle_stage: active\nrun_id: {run_id}\nrun_name: r\n"
                f"run_uuid: {run_id}\nsource_name: ''\nsource_type: 4\nsource_version: ''\n"
                "start_time: 1700000000000\nstatus: 3\ntags: []\nuser_id: alice\n"
            )
        two = store.root / "2"
        (store.root / "1" / "meta.yaml").unlink()
        (two / ("a1" * 16) / "meta.yaml").write_bytes(b"")
        (two / ("b1" * 16) / "artifacts").rmdir()
        shutil.rmtree(two / ("b1" * 16) / "params")
        loss = two / ("c1" * 16) / "metrics" / "loss"
        loss.write_bytes(b"1700000000000 0.5 0\ngarbage\n1700000001000 0.2 2\n")
        loss.chmod(0o640)
        (two / ("c1" * 16) / "params" / "bad").write_bytes(b"caf\xe9")
        (two / ("d1" * 16) / "meta.yaml").write_bytes(b"artifact_uri: file:///x\nend_ti")
        shutil.rmtree(two / ("d1" * 16) / "tags")
        for number in range(more):
            run_id = f"{number:032x}"
            shutil.copytree(two / ("c1" * 16), two / run_id)
            meta = two / run_id / "meta.yaml"
            meta.write_text(meta.read_text().replace("c1" * 16, run_id))
        (store.root / ".git").mkdir()
        (store.root / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
        store.age()
        return store

    return make
