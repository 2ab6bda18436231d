"""The house rules that no type checker sees."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "mlruns_tui"
ROOT = PACKAGE.parent
STDLIB_ROOMS = ("model", "disk", "scanner", "triage", "cleanup")


def sources() -> list[Path]:
    found = sorted(PACKAGE.rglob("*.py"))
    assert len(found) > 30
    return found


def test_only_tracking_names_mlflow_in_an_import() -> None:
    found = []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            if any(name.split(".")[0] in ("mlflow", "mlflow_skinny") for name in names):
                found.append(str(path.relative_to(PACKAGE)))
    assert {name.split("/")[0] for name in found} <= {"tracking"}


def test_the_lower_rooms_use_the_standard_library_only_at_module_level() -> None:
    for room in STDLIB_ROOMS:
        for path in sorted((PACKAGE / room).rglob("*.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                names: list[str] = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    names = [node.module or ""]
                for name in names:
                    top = name.split(".")[0]
                    assert top == "mlruns_tui" or top in sys.stdlib_module_names, f"{path}: {name}"


def loaded_after(code: str) -> set[str]:
    script = f"{code}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


@pytest.mark.parametrize(
    ("code", "never"),
    [
        ("import mlruns_tui.cli", {"textual", "rich", "mlflow", "sqlite3"}),
        ("import mlruns_tui", {"textual", "rich", "mlflow", "click", "yaml"}),
        ("import mlruns_tui.cleanup.worker", {"textual", "rich", "mlflow", "click", "yaml", "humanize"}),
        (
            "import mlruns_tui.scanner.reader, mlruns_tui.scanner.process",
            {"textual", "rich", "mlflow", "click", "yaml"},
        ),
        ("import mlruns_tui.tui.app, mlruns_tui.tui.screens.main", {"mlflow"}),
    ],
)
def test_importing_a_room_loads_only_what_it_may(code: str, never: set[str]) -> None:
    loaded = loaded_after(code)
    assert not loaded & never


def test_the_top_level_holds_only_what_was_agreed() -> None:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    top = {line.split("/")[0] for line in done.stdout.splitlines()}
    allowed = {"mlruns_tui", "tests", "pyproject.toml", "README.md", "screenshots", "LICENSE", "CHANGELOG.md"}
    assert {name for name in top if not name.startswith(".")} <= allowed


def test_a_long_module_says_why() -> None:
    for path in sources():
        lines = path.read_text(encoding="utf-8").splitlines()
        if len(lines) > 350:
            docstring = ast.get_docstring(ast.parse("\n".join(lines))) or ""
            assert "one room" in docstring or "Long because" in docstring, f"{path.name}: {len(lines)} lines"
