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

MUTATING_OS = {
    "rename", "renames", "replace", "unlink", "remove", "removedirs", "rmdir", "mkdir", "makedirs", "mkfifo", "mknod",
    "link", "symlink", "truncate", "ftruncate", "write", "pwrite", "writev", "pwritev", "fsync", "fdatasync", "utime",
    "chmod", "fchmod", "lchmod", "chown", "fchown", "lchown", "setxattr", "removexattr", "sendfile",
    "copy_file_range", "posix_fallocate", "splice",
}  # fmt: skip
MUTATING_PATH = {
    "write_text", "write_bytes", "touch", "symlink_to", "hardlink_to", "unlink", "rmdir", "mkdir", "rename", "chmod",
}  # fmt: skip
MUTATING_SHUTIL = {"rmtree", "move", "copy", "copy2", "copyfile", "copytree", "copymode", "copystat", "chown"}
PIPES = {
    # Writing to a pipe between our own processes changes no file system.
    "scanner/process.py",
    "cleanup/worker.py",
}


def sources() -> list[Path]:
    found = sorted(PACKAGE.rglob("*.py"))
    assert len(found) > 30
    return found


def is_open_flag_mutating(call: ast.Call) -> bool:
    names = {node.attr for node in ast.walk(call) if isinstance(node, ast.Attribute)}
    return bool(names & {"O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND", "O_TMPFILE"})


def mutating_calls(path: Path) -> list[str]:
    """Calls in a source file that alter a file system, as ``line: text``."""
    found = []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        text = ast.unparse(function)
        if isinstance(function, ast.Attribute):
            owner, name = ast.unparse(function.value), function.attr
            bad = (
                (owner == "os" and (name in MUTATING_OS or (name == "open" and is_open_flag_mutating(node))))
                or (owner == "shutil" and name in MUTATING_SHUTIL)
                or (owner == "tempfile")
                or (name in MUTATING_PATH and owner not in ("os", "change", "self", "formatter"))
            )
        else:
            bad = False
        if text in ("open", "io.open", "os.fdopen") or text.endswith(".open"):
            mode = next((word.value for word in node.keywords if word.arg == "mode"), None)
            position = 0 if text.endswith(".open") and text not in ("io.open", "os.open") else 1
            if mode is None and len(node.args) > position:
                mode = node.args[position]
            if isinstance(mode, ast.Constant) and isinstance(mode.value, str) and set(mode.value) & set("wax+"):
                bad = True
        if bad:
            found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)[:100]}")
    return found


def test_only_disk_change_alters_a_file_system() -> None:
    allowed_pipes = PIPES
    found = [
        call
        for path in sources()
        if path != PACKAGE / "disk" / "change.py"
        for call in mutating_calls(path)
        if not (str(path.relative_to(PACKAGE)) in allowed_pipes and "os.write(" in call)
    ]
    assert found == []


def test_the_search_for_mutating_calls_finds_them(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    for line in (
        "os.rename(a, b)",
        "shutil.rmtree(a)",
        "Path(a).write_text('')",
        "open(a, 'w')",
        "open(a, mode='ab')",
        "os.open(a, os.O_RDWR)",
        "path.open('x')",
        "(a / b).mkdir()",
    ):
        bad.write_text(f"import os\n{line}\n")
        assert mutating_calls_of(bad), line
    bad.write_text("open(a)\nos.open(a, os.O_RDONLY)\nx.replace('a', 'b')\n")
    assert not mutating_calls_of(bad)


def mutating_calls_of(path: Path) -> list[str]:
    global ROOT
    before, ROOT = ROOT, path.parent
    try:
        return mutating_calls(path)
    finally:
        ROOT = before


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
