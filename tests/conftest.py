"""What every test may rely on: a quiet environment, and tests that say why they cannot run here.

**Figures.** What a test counted or measured is printed at the end of the run, by area (the folder below
``tests``) and name, however many processes ran the tests::

    record_property("crash points tried", 118)

Every property whose value is a number is a figure, all others are left alone. Figures of one name in one area
are summed; where the name ends in ``(worst)`` the largest is kept. ``agreeing (of cases tried)`` also gets its
percentage of the area's figure ``cases tried``. ``points: apply × killed`` is a cell of a table: the row
``points: apply`` has its sum and all of its cells. A test that fails after it recorded a figure is counted too.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
for name in ("MLFLOW_TRACKING_URI", "MLFLOW_BACKEND_STORE_URI", "NO_COLOR", "FORCE_COLOR"):
    os.environ.pop(name, None)

# The same examples each time, so that a change is judged by what it changed. Others: --hypothesis-profile=random.
# A busy machine is slow: that is no failure of what is tested.
_patient = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("same", _patient, derandomize=True)
hypothesis.settings.register_profile("random", _patient, derandomize=False)
hypothesis.settings.load_profile("same")


def _fast_folder() -> None:
    """Stores of thousands of small files are made in memory where there is room: some disks create files
    ten times slower after large trees were removed. ``TMPDIR`` or ``--basetemp`` overrule this."""
    memory = "/dev/shm"
    if os.environ.get("TMPDIR") or not os.access(memory, os.W_OK):
        return
    status = os.statvfs(memory)
    # As many files as the largest stores have, several times over: inodes run out before bytes do.
    if status.f_bavail * status.f_frsize > 6 << 30 and status.f_favail > 1_000_000:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", memory)


_fast_folder()

_seconds: dict[str, float] = {}
_skipped: list[str] = []
_figures: dict[str, dict[str, float]] = {}
WORST = "(worst)"
_SHARE_OF = " (of "


def area(nodeid: str) -> str:
    """``tests/triage/test_x.py::test_y`` belongs to ``triage``."""
    parts = nodeid.split("::")[0].split("/")
    return parts[1] if len(parts) > 2 else parts[-1]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _seconds[area(report.nodeid)] = _seconds.get(area(report.nodeid), 0.0) + report.duration
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)
    # The last report of a test has what all of its fixtures recorded.
    if report.when == "teardown":
        _add_figures(_figures.setdefault(area(report.nodeid), {}), report.user_properties)


def _add_figures(kept: dict[str, float], properties: list[tuple[str, object]]) -> None:
    for name, value in properties:
        if isinstance(value, int | float) and not isinstance(value, bool):
            before = kept.get(name)
            if before is None:
                kept[name] = value
            else:
                kept[name] = max(before, value) if name.endswith(WORST) else before + value


def figure_lines(figures: dict[str, float]) -> list[str]:
    """The figures of one area as they are printed, in the order of their names."""
    lines = []
    tables: dict[str, dict[str, float]] = {}
    for name, value in sorted(figures.items()):
        row, cross, column = name.partition(" × ")
        if cross:
            tables.setdefault(row, {})[column] = value
            continue
        whole = figures.get(name.partition(_SHARE_OF)[2].removesuffix(")"), 0)
        lines.append(f"{_number(value):>12}  {name}" + (f": {100 * value / whole:.4g} %" if whole else ""))
    for row, cells in tables.items():
        parts = ", ".join(f"{column} {_number(value)}" for column, value in cells.items())
        lines.append(f"{_number(sum(cells.values())):>12}  {row}: {parts}")
    return lines


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3g}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was counted and measured, and where the time went, so that a slow area is seen before it hurts."""
    for name, figures in sorted(_figures.items()):
        if figures:
            terminalreporter.section(f"figures: {name}")
            for line in figure_lines(figures):
                terminalreporter.write_line(line)
    terminalreporter.section("seconds by area (of all processes)")
    for name, seconds in sorted(_seconds.items(), key=lambda pair: -pair[1]):
        terminalreporter.write_line(f"{seconds:8.1f}  {name}")
    if _skipped:
        terminalreporter.write_line(f"{len(_skipped)} skipped for want of a tool or a right; -ra above says why")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Where every tool is installed, a skip is a failure."""
    if _skipped and os.environ.get("MLRUNS_TUI_NO_SKIP") and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--shard", metavar="I/N", help="only the I-th of N parts of the tests, so that a long run can be done in steps"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`full` tests run only with ``-m full``, which then runs everything, or ``-m "full and …"``: all of that."""
    wanted = config.option.markexpr
    if wanted == "full" or wanted.startswith("full and "):
        config.option.markexpr = wanted.removeprefix("full").removeprefix(" and ")
    else:
        _leave_out(config, items, lambda item: "full" in item.keywords)
    if config.option.shard:
        number, _, parts = config.option.shard.partition("/")
        if not (number.isdecimal() and parts.isdecimal() and 0 < int(number) <= int(parts)):
            raise pytest.UsageError(f"--shard {config.option.shard}: not a part like 1/4")
        # By name, not by number: every part is the same wherever and whenever it runs.
        _leave_out(config, items, lambda item: zlib.crc32(item.nodeid.encode()) % int(parts) != int(number) - 1)


def _leave_out(config: pytest.Config, items: list[pytest.Item], unwanted: Callable[[pytest.Item], bool]) -> None:
    config.hook.pytest_deselected(items=[item for item in items if unwanted(item)])
    items[:] = [item for item in items if not unwanted(item)]


@pytest.fixture(autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the state, cache or configuration of the user who runs it."""
    home = tmp_path_factory.mktemp("home")
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(home / name.split("_")[1].lower()))
    return home


def need(tool: str) -> str:
    """Path of a program, or skip with the reason."""
    found = shutil.which(tool)
    if found is None:
        pytest.skip(f"needs {tool}, which this machine does not have")
    return found


@pytest.fixture
def tmux() -> str:
    return need("tmux")


@pytest.fixture
def strace() -> str:
    return need("strace")


@pytest.fixture
def rsync() -> str:
    return need("rsync")


@pytest.fixture(scope="session")
def command() -> list[str]:
    """How the program is started, whether or not its script is on the PATH."""
    return [sys.executable, "-m", "mlruns_tui"]


HOLD_WORKER = """
import os, signal, sys
if "mlruns_tui.cleanup.worker" in sys.orig_argv and os.environ.get("HOLD_BEFORE"):
    from mlruns_tui.cleanup import steps
    from mlruns_tui.disk import change

    left = [int(os.environ["HOLD_BEFORE"])]

    def held(call):
        def wait(*args, **kwargs):
            left[0] -= 1
            if not left[0]:
                stops = os.open(os.environ["HOLD_STOPS"], os.O_RDWR | os.O_NONBLOCK)
                before = signal.getsignal(signal.SIGTERM)
                signal.signal(signal.SIGTERM, lambda *told: (before(*told), os.write(stops, b"x")))
                with open(os.environ["HOLD_TOLD"], "w") as told:
                    told.write(str(os.getpid()))
                open(os.environ["HOLD_GO"]).close()
            return call(*args, **kwargs)
        return wait

    steps.MoveOut.do = held(steps.MoveOut.do)
    steps.MoveOut.undo = held(steps.MoveOut.undo)
    change.remove_tree = held(change.remove_tree)
"""


class HeldWorker:
    """Workers started with ``environment`` wait before their N-th change, until they are let on or killed."""

    def __init__(self, folder: Path, before: int) -> None:
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(HOLD_WORKER)
        self._told, self._go, self._stops = folder / "told", folder / "go", folder / "stops"
        for fifo in (self._told, self._go, self._stops):
            os.mkfifo(fifo)
        self.environment = {
            "PYTHONPATH": os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH", "")))),
            "HOLD_BEFORE": str(before),
            "HOLD_TOLD": str(self._told),
            "HOLD_GO": str(self._go),
            "HOLD_STOPS": str(self._stops),
        }

    def wait(self) -> int:
        """The worker's process id, once it waits."""
        return int(self._read(self._told, "no worker came so far"))

    def wait_until_told_to_stop(self) -> None:
        self._read(self._stops, "nobody told it to stop")

    @staticmethod
    def _read(fifo: Path, missing: str) -> bytes:
        fd = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        try:
            assert select.select([fd], [], [], 60)[0], missing
            return os.read(fd, 100)
        finally:
            os.close(fd)

    def let_on(self) -> None:
        self._go.write_text("")


@pytest.fixture
def hold_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], HeldWorker]:
    """Every worker this test starts from then on waits before its N-th change."""

    def hold(before: int) -> HeldWorker:
        held = HeldWorker(tmp_path / f"held-{before}-{len(list(tmp_path.iterdir()))}", before)
        for name, value in held.environment.items():
            monkeypatch.setenv(name, value)
        return held

    return hold


@pytest.fixture(scope="session")
def ordinary_user() -> list[str]:
    """A prefix that runs a command as a user whom permissions bind, also where the tests run as root.

    A user namespace keeps this user's files his own (so that Python can be read wherever it is) and takes
    root's power over everybody's away.
    """
    if os.geteuid() != 0:
        return []
    prefix = [need("unshare"), "--user", "--map-user=65534", "--map-group=65534"]
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs user namespaces to become a user who is denied")
    return prefix


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    """An empty folder on another file system than ``tmp_path`` is on."""
    for place in ("/dev/shm", tempfile.gettempdir(), "/var/tmp", str(Path.home())):
        if os.access(place, os.W_OK) and os.stat(place).st_dev != tmp_path.stat().st_dev:
            folder = Path(tempfile.mkdtemp(prefix="mlruns-tui-test-", dir=place))
            yield folder
            shutil.rmtree(folder, ignore_errors=True)
            return
    pytest.skip("needs a second file system to write to")
