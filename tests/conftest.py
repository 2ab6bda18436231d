"""What every test may rely on: a quiet environment, and tests that say why they cannot run here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
for name in ("MLFLOW_TRACKING_URI", "MLFLOW_BACKEND_STORE_URI", "NO_COLOR", "FORCE_COLOR"):
    os.environ.pop(name, None)


def _fast_folder() -> None:
    """Stores of thousands of small files are made in memory where there is room: some disks create files
    ten times slower after large trees were removed. ``TMPDIR`` or ``--basetemp`` overrule this."""
    memory = "/dev/shm"
    if os.environ.get("TMPDIR") or not os.access(memory, os.W_OK):
        return
    status = os.statvfs(memory)
    if status.f_bavail * status.f_frsize > 6 << 30:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", memory)


_fast_folder()

_seconds: dict[str, float] = {}
_skipped: list[str] = []


def area(nodeid: str) -> str:
    """``tests/triage/test_x.py::test_y`` belongs to ``triage``."""
    parts = nodeid.split("::")[0].split("/")
    return parts[1] if len(parts) > 2 else parts[-1]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _seconds[area(report.nodeid)] = _seconds.get(area(report.nodeid), 0.0) + report.duration
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Where the time went, so that a slow area is seen before it hurts."""
    terminalreporter.section("seconds by area (of all processes)")
    for name, seconds in sorted(_seconds.items(), key=lambda pair: -pair[1]):
        terminalreporter.write_line(f"{seconds:8.1f}  {name}")
    if _skipped:
        terminalreporter.write_line(f"{len(_skipped)} skipped for want of a tool or a right; -ra above says why")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Where every tool is installed, a skip is a failure."""
    if _skipped and os.environ.get("MLRUNS_TUI_NO_SKIP") and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`full` tests run only with ``-m full``, which then runs everything."""
    if config.option.markexpr == "full":
        config.option.markexpr = ""
        return
    if not config.option.markexpr:
        kept = [item for item in items if "full" not in item.keywords]
        config.hook.pytest_deselected(items=[item for item in items if "full" in item.keywords])
        items[:] = kept


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
