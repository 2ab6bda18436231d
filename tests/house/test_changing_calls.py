"""No file but ``disk/change.py`` calls, hands on or hides anything that alters a file system.

Names are followed through imports and aliases, a function that is only handed on counts as called, flags must be
visibly read-only, and the ways round (a shell, ``eval``, ``getattr`` on a module, the C library, temporary files,
databases) are closed: each may be used where the table of exceptions says what for, and nowhere else.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "mlruns_tui"
OS_CHANGES = {
    "rename", "renames", "replace", "unlink", "remove", "removedirs", "rmdir", "mkdir", "makedirs", "mkfifo", "mknod",
    "link", "symlink", "truncate", "ftruncate", "write", "pwrite", "writev", "pwritev", "fsync", "fdatasync", "utime",
    "chmod", "fchmod", "lchmod", "chown", "fchown", "lchown", "chflags", "lchflags", "setxattr", "removexattr",
    "sendfile", "copy_file_range", "posix_fallocate", "splice", "sync", "chroot", "mkdtemp",
}  # fmt: skip
OS_PROCESSES = {"system", "popen", "startfile", "posix_spawn", "posix_spawnp"} | {
    f"{way}{how}" for way in ("exec", "spawn") for how in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")
}
ANY_OF = {
    "shutil": {"copy", "copy2", "copyfile", "copyfileobj", "copymode", "copystat", "copytree", "move", "rmtree", "chown",
               "make_archive", "unpack_archive"},
    "builtins": {"exec", "eval", "__import__", "compile"},
    "asyncio": {"create_subprocess_exec", "create_subprocess_shell"},
    "importlib": {"reload"},
    "pty": {"spawn", "fork"},
    "posix": OS_CHANGES | OS_PROCESSES | {"open"},
    "os": OS_CHANGES | OS_PROCESSES,
    "fcntl": {"lockf"},
    "runpy": {"run_path", "run_module"},
}  # fmt: skip
WHOLE_MODULES = {
    "tempfile", "subprocess", "sqlite3", "ctypes", "mmap", "zipfile", "tarfile", "shelve", "dbm", "fileinput", "ftplib",
    "multiprocessing", "distutils", "pickle", "cffi", "code", "codeop", "gzip", "bz2", "lzma",
}  # fmt: skip
"""Modules that can alter files in too many ways to name each."""
BY_ANY_NAME = {
    "write_text", "write_bytes", "touch", "symlink_to", "hardlink_to", "unlink", "rmdir", "mkdir", "lchmod", "rename",
    "FileHandler", "RotatingFileHandler", "savefig", "tofile", "to_csv",
}  # fmt: skip
"""Methods (of ``Path`` first of all) that alter files, whatever they are called on."""
OPENERS = ("builtins.open", "io.open", "codecs.open", "os.fdopen")
READ_ONLY = {"O_RDONLY", "O_DIRECTORY", "O_NOFOLLOW", "O_CLOEXEC", "O_NONBLOCK", "O_NOCTTY", "O_PATH", "O_NOATIME"}
EXCEPTIONS = {
    ("cleanup/worker.py", "os.write"): "the pipe to whoever started the worker",
    ("cleanup/removers.py", "os.write"): "pipes between the program's own processes",
    ("cli/group.py", ".write_text"): "click's help, not a file",
    ("cli/working.py", "os.write"): "standard error, from a signal handler",
    ("disk/helpers.py", "os.write"): "the pipe a helper answers by",
    ("disk/together.py", "os.write"): "a pipe between the program's own processes",
    ("model/late.py", "builtins.exec"): "writes an __init__ out of a class's own fields, as dataclasses does",
    ("scanner/channel.py", "pickle"): "a pipe between the program's own processes",
    ("scanner/giving_back.py", "ctypes"): "asks the C library for memory alone: malloc_trim",
    ("scanner/preview.py", "zipfile"): "looks into bytes in memory",
    ("scanner/sqlite.py", "sqlite3"): "opens with mode=ro or immutable=1 alone: see the test below",
    ("workflow/task.py", "subprocess"): "starts the worker",
}
"""Where something of the kind is used, and what for. One that is not needed any more fails as well."""
OWN = {"change", "self._change"}
"""``disk.change`` under the names it is imported by; its functions are what everybody else must use."""


class Finder(ast.NodeVisitor):
    """What alters a file system in one source file, as ``line: name``."""

    def __init__(self, tree: ast.Module) -> None:
        self.found: list[tuple[int, str]] = []
        self.names: dict[str, str] = {}
        self.flags: dict[str, ast.expr] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self.names[alias.asname or alias.name.split(".")[0]] = (
                        alias.name if alias.asname else alias.name.split(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    self.names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        for statement in tree.body:
            target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
            value = getattr(statement, "value", None)
            if isinstance(target, ast.Name) and isinstance(statement, ast.Assign | ast.AnnAssign) and value is not None:
                self.flags[target.id] = value
                # ``remove = os.unlink`` and the like.
                meant = self.meaning(value)
                if "." in meant:
                    self.names[target.id] = meant
        self.visit(tree)

    def meaning(self, node: ast.expr) -> str:
        """``os.unlink`` for whatever that is called in this file; empty when it cannot be told."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, f"builtins.{node.id}")
        if isinstance(node, ast.Attribute):
            owner = self.meaning(node.value)
            return f"{owner}.{node.attr}" if owner else ""
        return ""

    def note(self, node: ast.AST, name: str) -> None:
        self.found.append((getattr(node, "lineno", 0), name))

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name.split(".")[0] in WHOLE_MODULES:
                self.note(node, alias.name.split(".")[0])

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = (node.module or "").split(".")[0]
        if not node.level and module in WHOLE_MODULES:
            self.note(node, module)
        for alias in node.names:
            if not node.level and (alias.name in ANY_OF.get(node.module or "", ()) or alias.name == "*"):
                self.note(node, f"{node.module}.{alias.name}")

    def visit_Name(self, node: ast.Name) -> None:
        self.judge(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if not self.judge(node):
            self.visit(node.value)

    def judge(self, node: ast.Name | ast.Attribute) -> bool:
        module, _, name = self.meaning(node).rpartition(".")
        if name in ANY_OF.get(module, ()):
            self.note(node, f"{module}.{name}")
            return True
        if isinstance(node, ast.Attribute) and name_of(node) in BY_ANY_NAME and ast.unparse(node.value) not in OWN:
            self.note(node, f".{node.attr}")
            return True
        return False

    def visit_Call(self, node: ast.Call) -> None:
        name = self.meaning(node.func)
        if name in OPENERS or (
            isinstance(node.func, ast.Attribute)
            and node.func.attr == "open"
            and name not in ("os.open", "webbrowser.open")
        ):
            self.judge_mode(node, 0 if name not in OPENERS else 1)
        if name == "os.open" and not self.is_read_only(node.args[1] if len(node.args) > 1 else None):
            self.note(node, "os.open for writing")
        if name in ("builtins.getattr", "builtins.vars") and self.meaning(node.args[0]) in {
            *ANY_OF,
            "shutil",
            "pathlib",
        }:
            known = isinstance(node.args[-1], ast.Constant) or (
                len(node.args) > 1 and isinstance(node.args[1], ast.Constant)
            )
            attribute = node.args[1].value if known and isinstance(node.args[1], ast.Constant) else ""
            if not known or attribute in ANY_OF.get(self.meaning(node.args[0]), ()):
                self.note(node, f"getattr on {self.meaning(node.args[0])}")
        # ``Path.replace`` takes one thing, ``str.replace`` two, ``dataclasses.replace`` keywords.
        if (
            isinstance(node.func, ast.Attribute)
            and node.func.attr == "replace"
            and len(node.args) == 1
            and not node.keywords
        ):
            self.note(node, ".replace with one argument")
        self.generic_visit(node)

    def judge_mode(self, node: ast.Call, position: int) -> None:
        mode = next((word.value for word in node.keywords if word.arg == "mode"), None)
        if mode is None and len(node.args) > position:
            mode = node.args[position]
        if any(word.arg == "opener" for word in node.keywords):
            self.note(node, "open with an opener")
        elif isinstance(mode, ast.Constant) and isinstance(mode.value, str):
            if set(mode.value) & set("wax+"):
                self.note(node, "open for writing")
        elif mode is not None and position == 1:
            self.note(node, "open in a way that cannot be seen")

    def is_read_only(self, flags: ast.expr | None) -> bool:
        if isinstance(flags, ast.BinOp) and isinstance(flags.op, ast.BitOr):
            return self.is_read_only(flags.left) and self.is_read_only(flags.right)
        if isinstance(flags, ast.Name) and flags.id in self.flags:
            return self.is_read_only(self.flags[flags.id])
        if isinstance(flags, ast.Call) and self.meaning(flags.func) == "builtins.getattr":
            return isinstance(flags.args[1], ast.Constant) and flags.args[1].value in READ_ONLY
        return flags is not None and self.meaning(flags).removeprefix("os.") in READ_ONLY


def name_of(node: ast.Attribute) -> str:
    return node.attr


def changing(source: str) -> list[str]:
    return [name for _, name in Finder(ast.parse(source)).found]


def test_only_disk_change_alters_a_file_system() -> None:
    found, used = [], set()
    for path in sorted(PACKAGE.rglob("*.py")):
        where = path.relative_to(PACKAGE).as_posix()
        if where == "disk/change.py":
            continue
        for line, name in Finder(ast.parse(path.read_text(encoding="utf-8"))).found:
            if (where, name) in EXCEPTIONS:
                used.add((where, name))
            else:
                found.append(f"{where}:{line}: {name}")
    assert found == []
    assert EXCEPTIONS.keys() == used


def test_databases_are_only_opened_to_read() -> None:
    tree = ast.parse((PACKAGE / "scanner" / "sqlite.py").read_text(encoding="utf-8"))
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "connect"
    ]
    assert calls
    for call in calls:
        assert any(
            word.arg == "uri" and isinstance(word.value, ast.Constant) and word.value.value for word in call.keywords
        )
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert any("mode=ro" in text or "immutable=1" in text for text in texts)
    assert not any("mode=rw" in text for text in texts)


@pytest.mark.parametrize(
    "line",
    [
        "import os\nos.rename(a, b)",
        "import os as system\nsystem.unlink(a)",
        "from os import unlink\nunlink(a)",
        "from os import unlink as look\nlook(a)",
        "import os\nremove = os.rmdir\nremove(a)",
        "import os\ncall(fd, os.rmdir, name)",
        "import os\nmap(os.unlink, names)",
        "import posix\nposix.unlink(a)",
        "import shutil\nshutil.rmtree(a)",
        "from shutil import rmtree",
        "from shutil import *",
        "import os\nos.open(a, os.O_RDWR)",
        "import os\nos.open(a, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)",
        "import os\nos.open(a, flags)",
        "import os\n_NEW = os.O_RDONLY | os.O_CREAT\nos.open(a, _NEW)",
        "import os\nos.open(a, 66)",
        "open(a, 'w')",
        "open(a, mode='ab')",
        "open(a, 'r+')",
        "open(a, mode)",
        "open(a, opener=made)",
        "import os\nos.fdopen(fd, 'wb')",
        "import io\nio.open(a, 'x')",
        "path.open('w')",
        "from pathlib import Path\nPath(a).write_text('')",
        "(a / b).mkdir()",
        "path.touch()",
        "path.rename(other)",
        "path.replace(other)",
        "path.unlink(missing_ok=True)",
        "import tempfile\ntempfile.mkstemp()",
        "from tempfile import NamedTemporaryFile",
        "import subprocess\nsubprocess.run(['rm', a])",
        "import os\nos.system('rm x')",
        "import os\nos.execv(a, b)",
        "import sqlite3\nsqlite3.connect(a)",
        "import ctypes\nctypes.CDLL(None).unlink(a)",
        "import os\ngetattr(os, 'un' + 'link')(a)",
        "import os\ngetattr(os, 'unlink')(a)",
        "eval('os.unlink(a)')",
        "__import__('os').unlink(a)",
        "import logging\nlogging.FileHandler(a)",
        "import zipfile",
        "import asyncio\nasyncio.create_subprocess_exec('rm')",
        "import os\nos.sendfile(a, b, 0, 1)",
    ],
)
def test_what_alters_files_is_found_however_it_is_written(line: str) -> None:
    assert changing(line), line


@pytest.mark.parametrize(
    "line",
    [
        "open(a)",
        "open(a, 'rb')",
        "import os\nos.open(a, os.O_RDONLY | os.O_NOFOLLOW)",
        "import os\n_LOOK = os.O_RDONLY | os.O_CLOEXEC\nos.open(a, _LOOK, dir_fd=fd)",
        "text.replace('a', 'b')",
        "from dataclasses import replace\nreplace(plan, items=())",
        "from mlruns_tui.disk import change\nchange.rename(a, b, c, d)",
        "import os\nos.stat(a)\nos.listdir(a)",
        "items.remove(one)",
        "import os\ngetattr(os, 'O_PATH', None)",
    ],
)
def test_what_alters_none_is_left_alone(line: str) -> None:
    assert changing(line) == [], line
