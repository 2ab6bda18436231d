"""Looking: bounded, never through a link, and every change is seen."""

from __future__ import annotations

import hashlib
import mmap
import os
import shutil
import socket
import stat
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlruns_tui.disk import look
from mlruns_tui.model.evidence import Survey


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    fd = os.open(tmp_path, os.O_RDONLY)
    yield tmp_path, fd
    os.close(fd)


@pytest.fixture
def tree(folder: tuple[Path, int]) -> Path:
    """A run with files, a hard link, links and a directory that is empty."""
    run = folder[0] / "run"
    (run / "metrics").mkdir(parents=True)
    (run / "empty").mkdir()
    (run / "meta.yaml").write_text("status: 3\n")
    (run / "metrics" / "loss").write_bytes(b"x" * 10_000)
    os.link(run / "metrics" / "loss", run / "again")
    os.symlink("/etc/passwd", run / "link")
    return run


def seen(folder: tuple[Path, int], name: str = "run") -> Survey:
    return look.survey(folder[1], name)


@pytest.mark.usefixtures("tree")
def test_a_tree_is_measured_links_once_and_not_followed(folder: tuple[Path, int]) -> None:
    found = seen(folder)
    assert (found.size.size_bytes, found.size.files, found.entries) == (10_010, 2, 7)
    assert found.size.allocated_bytes == sum(
        os.stat(folder[0] / "run" / name).st_blocks * 512 for name in ("meta.yaml", "again")
    )
    assert found.size.newest_ns == max(
        os.lstat(path).st_mtime_ns for path in [folder[0] / "run", *(folder[0] / "run").rglob("*")]
    )
    assert (found.trouble, found.other_owners, found.owner) == ((), False, os.geteuid())


CHANGES: dict[str, Callable[[Path], object]] = {
    "a file grows": lambda run: (run / "metrics" / "loss").open("ab").write(b"x"),
    "a byte changes and the time is put back": lambda run: rewrite(run / "meta.yaml"),
    "a file is new": lambda run: (run / "empty" / "new").write_text(""),
    "a directory is new": lambda run: (run / "empty" / "new").mkdir(),
    "a file is gone": lambda run: (run / "meta.yaml").unlink(),
    "a file has another name": lambda run: (run / "meta.yaml").rename(run / "meta.yml"),
    "a file has another mode": lambda run: (run / "meta.yaml").chmod(0o600),
    "a file has another time": lambda run: os.utime(run / "meta.yaml", ns=(1, 1)),
    "a file was replaced by its copy": lambda run: replace(run / "meta.yaml"),
    "a link points elsewhere": lambda run: relink(run / "link"),
    "the top has another mode": lambda run: run.chmod(0o700),
    "the top has another time": lambda run: os.utime(run, ns=(1, 1)),
    "a directory became a link": lambda run: (run / "empty").rmdir() or os.symlink("metrics", run / "empty"),
}


def rewrite(path: Path) -> None:
    status = os.stat(path)
    path.write_text("status: 4\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def replace(path: Path) -> None:
    shutil.copy2(path, path.with_name("copy"))
    os.rename(path.with_name("copy"), path)


def relink(path: Path) -> None:
    path.unlink()
    os.symlink("/etc/shadow", path)


@pytest.mark.parametrize("what", CHANGES)
def test_any_change_inside_gives_another_fingerprint(folder: tuple[Path, int], tree: Path, what: str) -> None:
    before = seen(folder)
    CHANGES[what](tree)
    assert seen(folder).fingerprint != before.fingerprint


def test_looking_and_moving_leave_the_fingerprint(folder: tuple[Path, int], tree: Path) -> None:
    before = seen(folder)
    (tree / "meta.yaml").read_text()
    (folder[0] / "vault").mkdir()
    os.rename(tree, folder[0] / "vault" / "0")
    vault = os.open(folder[0] / "vault", os.O_RDONLY)
    after = look.survey(vault, "0")
    os.close(vault)
    assert (after.fingerprint, after.identity) == (before.fingerprint, before.identity)


def test_the_fingerprint_is_the_one_backups_of_earlier_versions_know(
    folder: tuple[Path, int], deep: Callable[[Path, int], None]
) -> None:
    path, fd = folder
    deep(path / "run", 120)
    for name in (b"run/\xff", b"run/d/b c", b"run/d/a", "run/d/d/\u00e9".encode()):
        Path(os.fsdecode(os.fsencode(path) + b"/" + name)).write_bytes(name)
    (path / "run" / "link").symlink_to("d")
    top = os.stat(path / "run")
    digest = hashlib.blake2b(digest_size=20)
    record = struct.Struct("<IQqqqII")
    digest.update(record.pack(top.st_mode, top.st_ino, 0, top.st_mtime_ns, 0, top.st_uid, top.st_gid))
    for entry in look.walk(fd, "run"):
        one = entry.status
        size = 0 if stat.S_ISDIR(one.st_mode) else one.st_size
        times = one.st_mtime_ns, one.st_ctime_ns
        digest.update(os.fsencode(entry.path))
        digest.update(record.pack(one.st_mode, one.st_ino, size, *times, one.st_uid, one.st_gid))
    assert seen(folder).fingerprint == digest.hexdigest()


def test_a_tree_deeper_than_any_path_is_measured(folder: tuple[Path, int], deep: Callable[[Path, int], None]) -> None:
    deep(folder[0] / "run", 5_000)
    before = len(os.listdir("/proc/self/fd"))
    found = seen(folder)
    assert (found.entries, found.trouble) == (5_001, ())
    assert len(os.listdir("/proc/self/fd")) == before


def test_an_item_that_is_a_link_or_a_file_is_told(folder: tuple[Path, int]) -> None:
    os.symlink("/etc", folder[0] / "link")
    (folder[0] / "file").write_bytes(b"abc")
    assert (seen(folder, "link").trouble, seen(folder, "link").size.files) == (("link",), 0)
    assert (seen(folder, "file").size.size_bytes, seen(folder, "file").trouble) == (3, ())
    with pytest.raises(FileNotFoundError):
        seen(folder, "missing")


def test_leftovers_of_open_files_on_nfs_are_counted(folder: tuple[Path, int], tree: Path) -> None:
    (tree / ".nfs000000000001").write_text("")
    assert seen(folder).silly_renames == 1


# Reading small files.


def test_a_small_file_is_read(folder: tuple[Path, int]) -> None:
    (folder[0] / "meta.yaml").write_bytes(b"\x00\xff")
    (folder[0] / "empty").write_bytes(b"")
    assert look.read_small("meta.yaml", folder[1]) == b"\x00\xff"
    assert look.read_small("empty", folder[1]) == b""
    assert look.read_small("meta.yaml", folder[1], 2) == b"\x00\xff"


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    os.chdir(path.parent)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path.name)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_fifo, "not a regular file"),
        (_socket, "not a regular file"),
        (lambda path: os.symlink("/etc/passwd", path), "a symbolic link"),
        (lambda path: os.symlink("/dev/zero", path), "a symbolic link"),
        (lambda path: path.mkdir(), "a directory"),
        (lambda path: path.open("wb").truncate(1 << 40), "1,099,511,627,776 bytes are too many"),
    ],
    ids=["fifo", "socket", "link", "link to a device", "directory", "huge"],
)
def test_anything_else_is_refused_at_once_and_in_words(
    folder: tuple[Path, int], make: Callable[[Path], None], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder[0])
    make(folder[0] / "meta.yaml")
    with pytest.raises(look.NotReadable) as caught:
        look.read_small("meta.yaml", folder[1])
    assert said in str(caught.value.strerror)


def test_a_read_that_ends_early_is_not_the_end_of_the_file(
    folder: tuple[Path, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bad block in the middle, or a network: the first call gives what came before it."""
    (folder[0] / "meta.yaml").write_bytes(b"a: 1\nb: 2\n")
    read = os.read
    monkeypatch.setattr(os, "read", lambda fd, size: read(fd, min(size, 3)))
    assert look.read_small("meta.yaml", folder[1]) == b"a: 1\nb: 2\n"


# Paths.


@pytest.mark.parametrize("path", ["..", ".", "a/..", "../a", "/", "/a", "a//b", "a/", "a/./b", "a\0b"])
def test_a_path_that_could_lead_out_is_refused(folder: tuple[Path, int], path: str) -> None:
    with pytest.raises(look.NotReadable):
        look.split(path)
    with pytest.raises(look.NotReadable):
        look.open_path(folder[1], path)


def test_a_path_is_opened_step_by_step_and_never_through_a_link(folder: tuple[Path, int]) -> None:
    path, fd = folder
    (path / "a" / "b").mkdir(parents=True)
    os.symlink("a", path / "link")
    opened = look.open_path(fd, "a/b")
    assert os.fstat(opened).st_ino == os.stat(path / "a" / "b").st_ino
    os.close(opened)
    for wrong in ("link", "link/b"):
        with pytest.raises(OSError, match="Not a directory"):
            look.open_path(fd, wrong)


# Who writes.

HOLD = """
import mmap, os, sys
how, path = sys.argv[1:]
if how == "write":
    file = open(path, "ab")
elif how == "read":
    file = open(path, "rb")
elif how == "map":
    fd = os.open(path, os.O_RDWR)
    held = mmap.mmap(fd, 0)
    os.close(fd)
elif how == "stand":
    os.chdir(path)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holding() -> Iterator[Callable[[str, Path], subprocess.Popen[bytes]]]:
    """Another process that holds something of a tree."""
    started: list[subprocess.Popen[bytes]] = []

    def start(how: str, path: Path) -> subprocess.Popen[bytes]:
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", HOLD, how, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        )
        assert started[-1].stdout is not None
        assert started[-1].stdout.readline() == b"ready\n"
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("how", "where", "seen_as"),
    [
        ("write", "metrics/loss", "metrics/loss"),
        ("map", "metrics/loss", "metrics/loss"),
        ("stand", "metrics", "metrics"),
    ],
)
def test_who_writes_maps_or_stands_in_a_tree_is_found_also_after_it_was_moved(
    folder: tuple[Path, int],
    tree: Path,
    holding: Callable[..., subprocess.Popen[bytes]],
    how: str,
    where: str,
    seen_as: str,
) -> None:
    assert mmap.PAGESIZE
    process = holding(how, tree / where)
    device = os.stat(tree).st_dev
    (writer,) = {one.pid: one for one in look.survey(folder[1], "run", look.open_files(device)).writers}.values()
    assert (writer.pid, writer.path) == (process.pid, str(tree / seen_as))
    assert writer.command.startswith("python")
    os.rename(tree, folder[0] / "moved")
    (writer,) = {one.pid: one for one in look.survey(folder[1], "moved", look.open_files(device)).writers}.values()
    assert writer.path == str(folder[0] / "moved" / seen_as)


def test_who_only_reads_is_no_writer(
    folder: tuple[Path, int], tree: Path, holding: Callable[..., subprocess.Popen[bytes]]
) -> None:
    holding("read", tree / "metrics" / "loss")
    assert look.survey(folder[1], "run", look.open_files(os.stat(tree).st_dev)).writers == ()


def test_a_writer_elsewhere_is_not_held_against_a_tree(
    folder: tuple[Path, int], tree: Path, holding: Callable[..., subprocess.Popen[bytes]]
) -> None:
    (folder[0] / "other").write_text("x")
    holding("write", folder[0] / "other")
    assert look.survey(folder[1], "run", look.open_files(os.stat(tree).st_dev)).writers == ()


def test_space_is_what_the_file_system_says(folder: tuple[Path, int]) -> None:
    found, said = look.space(folder[1]), os.statvfs(folder[0])
    assert found.bytes_total == said.f_blocks * said.f_frsize
    assert found.inodes_total == said.f_files
    assert 0 < found.bytes_free <= found.bytes_total


def test_an_error_is_told_in_lower_case_words() -> None:
    assert look.words(PermissionError(13, "Permission denied")) == "permission denied"
    assert look.words(OSError("Odd")) == "odd"


def test_an_open_directory_is_listed_as_it_is_now_wherever_it_was_read_to(tmp_path: Path) -> None:
    """Whoever read it last may have left its place in the middle; and btrfs goes by what was there at the beginning."""
    for n in range(3_000):
        (tmp_path / f"a-name-of-some-length-{n:06}").touch()
    fd = os.open(tmp_path, os.O_RDONLY)
    with os.scandir(fd) as half_read:
        next(half_read)
        (tmp_path / "new").touch()
        assert len(look.names(fd)) == 3_001
    os.close(fd)
