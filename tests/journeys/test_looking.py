"""Looking changes nothing, on any store, and a wrong path costs one clear line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MUTATING = (
    "rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,link,linkat,symlink,symlinkat,truncate,ftruncate,"
    "chmod,fchmod,fchmodat,chown,fchown,lchown,fchownat,utime,utimes,utimensat,futimesat,setxattr,fsetxattr,"
    "mknod,mknodat,fallocate,creat"
)


def changes_below(trace: str, place: Path) -> list[str]:
    """Lines of an strace log that alter something at or below a path."""
    found = []
    for line in trace.splitlines():
        call = line.split("(", 1)[0].split()[-1] if "(" in line else ""
        if str(place) not in line:
            continue
        if call in ("open", "openat") and not re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC", line):
            continue
        found.append(line)
    return found


@pytest.mark.parametrize(
    "arguments",
    [["list", "STORE"], ["list", "STORE", "--runs", "--json"], ["cleanup", "STORE", "--days-old", "30", "--dry-run"],
     ["backups", "list", "STORE"]],
)  # fmt: skip
def test_looking_makes_no_mutating_call_in_the_store(
    pristine_demo: tuple[Path, Any], tmp_path: Path, strace: str, arguments: list[str]
) -> None:
    root, _ = pristine_demo
    log = tmp_path / "trace"
    command = [sys.executable, "-m", "mlruns_tui", *(str(root) if word == "STORE" else word for word in arguments)]
    done = subprocess.run(
        [strace, "-ff", "-y", "-qq", "-o", str(log), "-e", f"trace=open,openat,{MUTATING}", *command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # One file a process: a call of one is never cut in two by another's.
    trace = "\n".join(one.read_text(errors="replace") for one in tmp_path.glob("trace.*"))
    assert str(root) in trace
    assert changes_below(trace, root.parent) == []


@pytest.fixture
def refused(command: list[str]) -> Callable[[str, str], str]:
    """The line on stderr of a command that must be refused with exit 2."""

    def run(verb: str, path: str, **options: Any) -> str:
        done = subprocess.run([*command, verb, path], capture_output=True, text=True, check=False, **options)
        assert done.returncode == 2, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        assert done.stdout == ""
        return done.stderr

    return run


def listing(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*"))


@pytest.mark.parametrize("verb", ["list", "cleanup", "undo"])
def test_a_path_that_is_no_store_is_refused_in_one_line(refused: Callable[..., str], tmp_path: Path, verb: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "project" / ".git").mkdir(parents=True)
    (tmp_path / "project" / "train.py").write_text("x")
    before = listing(tmp_path)
    for path, words in (
        (tmp_path / "missing", "no such directory"),
        (tmp_path / "file", "is a file"),
        (tmp_path / "empty", "not an MLflow store"),
        (tmp_path / "project", "not an MLflow store"),
        (Path("/"), "not an MLflow store"),
        (Path("/etc"), "not an MLflow store"),
    ):
        line = refused(verb, str(path))
        assert words in line
        assert str(path) in line
    assert listing(tmp_path) == before


def test_a_home_directory_is_no_store(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / ".bashrc").write_text("")
    (tmp_path / "work").mkdir()
    line = refused("list", str(tmp_path), env={**os.environ, "HOME": str(tmp_path)})
    assert "not an MLflow store" in line


def test_a_misspelt_path_is_answered_with_the_right_one(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "mlruns" / "0").mkdir(parents=True)
    assert "mlruns" in refused("list", "./mlrun", cwd=tmp_path).split("mlrun:", 1)[1]


def test_a_store_that_cannot_be_read_is_refused(
    refused: Callable[..., str], tmp_path: Path, ordinary_user: list[str], command: list[str]
) -> None:
    root = tmp_path / "mlruns"
    (root / "0").mkdir(parents=True)
    root.chmod(0)
    done = subprocess.run([*ordinary_user, *command, "list", str(root)], capture_output=True, text=True, check=False)
    root.chmod(0o700)
    assert done.returncode == 2
    assert "permission denied" in done.stderr


def test_a_read_only_store_can_be_looked_at_but_not_changed(
    pristine_demo: tuple[Path, Any], tmp_path: Path, ordinary_user: list[str], command: list[str]
) -> None:
    root = tmp_path / "mlruns"
    subprocess.run(["cp", "-a", str(pristine_demo[0]), str(root)], check=True)
    for folder in (root, *(path for path in root.rglob("*") if path.is_dir())):
        folder.chmod(0o555)
    before = listing(root)
    looked = subprocess.run([*ordinary_user, *command, "list", str(root)], capture_output=True, text=True, check=False)
    assert looked.returncode == 0, looked.stderr
    cleaned = subprocess.run(
        [*ordinary_user, *command, "cleanup", str(root), "--days-old", "30", "--force"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" not in cleaned.stderr
    assert "permission" in cleaned.stdout + cleaned.stderr
    assert listing(root) == before
    for folder in (root, *(path for path in root.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
