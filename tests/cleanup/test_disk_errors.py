"""The disk refuses one call, any one: nothing is lost, undo is exact, and what is said is a sentence."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_spec = importlib.util.spec_from_file_location("crash_harness", Path(__file__).with_name("test_crash.py"))
assert _spec is not None
assert _spec.loader is not None
harness = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(harness)

ERRORS = {
    "renameat2": ["EIO", "EACCES", "ENOSPC", "EXDEV", "ESTALE", "EBUSY"],
    "fsync": ["EIO", "ENOSPC"],
    "write": ["EIO", "ENOSPC", "EDQUOT"],
    "mkdirat": ["ENOSPC", "EACCES", "EROFS"],
    "openat": ["ENOSPC", "EACCES"],
    "fchmod": ["EPERM"],
    "fallocate": ["ENOSPC", "EOPNOTSUPP"],
    "unlinkat": ["EBUSY", "EACCES", "EIO"],
    "pwrite64": ["ENOSPC", "EIO"],
    "ftruncate": ["EIO"],
}
DRIVER = harness.DRIVER.replace("worker.carry_out(", "answer = ask(").replace(
    "import json, sys",
    """import json, sys
from mlruns_tui.model.errors import MlrunsError
def ask(*arguments):
    try:
        batch = worker.carry_out(*arguments)
        for one in batch.items:
            assert one.outcome in (None, "done") or one.error.endswith((".", "!")), one.error
    except MlrunsError as error:
        assert error.message and "Traceback" not in error.message
""",
)


@pytest.fixture(autouse=True)
def _needs_strace() -> None:
    if shutil.which("strace") is None:
        pytest.skip("needs strace, which this machine does not have")


@pytest.fixture
def run_errors(
    tmp_path: Path, new_store: Callable[[str], Any], tree_manifest: Any, compare: Any, record_property: Any
) -> Any:
    def run(op: str, kinds: list[str], first_only: bool) -> Any:
        log, tally = tmp_path / "log", harness.Tally()
        counted = harness.points(harness.Case(new_store, tree_manifest, tmp_path, op, 3, "counted", driver=DRIVER), log)
        for kind, number in [point for point in counted if point[0] in kinds]:
            for error in ERRORS[kind][: 1 if first_only else None]:
                name = f"s{kind}{number}{error}"
                case = harness.Case(new_store, tree_manifest, tmp_path, op, 3, name, driver=DRIVER)
                code = case.strace(log, "-e", f"trace=?{kind}", "-e", f"inject={kind}:error={error}:when={number}")
                assert "(INJECTED)" in log.read_text(errors="replace")
                where = f"{op} with {error} at {kind} {number}"
                assert code == 0, f"{where}: not said in a sentence\n{case.stderr}"
                tally.tried += 1
                if op == "purge":
                    harness.check_purge(case, where, compare, tally)
                else:
                    harness.check_whole(case, where, compare, tally)
                shutil.rmtree(case.store.root)
        record_property("points", tally.tried)
        assert tally.tried > 0
        assert (tally.lost, tally.inexact) == ([], [])

    return run


@pytest.mark.parametrize("op", ["apply", "undo"])
@pytest.mark.parametrize("kind", ["renameat2", "fsync"])
def test_one_refused_call_loses_nothing(run_errors: Any, op: str, kind: str) -> None:
    run_errors(op, [kind], first_only=True)


@pytest.mark.full
@pytest.mark.parametrize(
    ("op", "kind"),
    [("apply", kind) for kind in ERRORS]
    + [("undo", kind) for kind in ERRORS if kind not in ("mkdirat", "unlinkat", "fchmod")]
    + [("purge", kind) for kind in ERRORS if kind not in ("mkdirat", "fchmod")],
)
def test_any_refused_call_loses_nothing(run_errors: Any, op: str, kind: str) -> None:
    run_errors(op, [kind], first_only=False)
