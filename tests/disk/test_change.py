"""Every call that alters a disk: never replaces, never follows a link, cleans up after itself."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlruns_tui.disk import change


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """An empty directory and a descriptor on it."""
    fd = os.open(tmp_path, os.O_RDONLY)
    yield tmp_path, fd
    os.close(fd)


@pytest.fixture(params=["the kernel's flag", "without it"])
def renaming(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to rename without replacing."""
    if request.param == "without it":
        monkeypatch.setattr(change, "_renameat2", lambda: None)


@pytest.mark.usefixtures("renaming")
def test_a_directory_is_renamed_whole(folder: tuple[Path, int]) -> None:
    path, fd = folder
    (path / "a" / "b").mkdir(parents=True)
    (path / "a" / "b" / "file").write_text("x")
    inode = os.stat(path / "a").st_ino
    change.rename(fd, "a", fd, "c")
    assert (os.stat(path / "c").st_ino, (path / "c" / "b" / "file").read_text()) == (inode, "x")


@pytest.mark.usefixtures("renaming")
@pytest.mark.parametrize("there", ["empty directory", "directory", "file", "link", "dangling link"])
def test_nothing_is_ever_replaced_by_a_rename(folder: tuple[Path, int], there: str) -> None:
    path, fd = folder
    (path / "a").mkdir()
    target = path / "taken"
    if "directory" in there:
        target.mkdir()
        if there == "directory":
            (target / "file").write_text("x")
    elif there == "file":
        target.write_text("x")
    else:
        os.symlink("a" if there == "link" else "nowhere", target)
    before = os.lstat(target)
    with pytest.raises(FileExistsError):
        change.rename(fd, "a", fd, "taken")
    assert (os.lstat(target).st_ino, (path / "a").is_dir()) == (before.st_ino, True)


@pytest.mark.usefixtures("renaming")
def test_a_missing_source_and_a_directory_into_itself_are_errors(folder: tuple[Path, int]) -> None:
    path, fd = folder
    with pytest.raises(FileNotFoundError):
        change.rename(fd, "missing", fd, "b")
    (path / "a").mkdir()
    inside = os.open(path / "a", os.O_RDONLY)
    with pytest.raises(OSError, match="Invalid argument"):
        change.rename(fd, "a", inside, "b")
    os.close(inside)
    assert os.listdir(path) == ["a"]


@pytest.mark.parametrize("there", ["nothing", "empty directory", "directory", "file", "link", "link to a directory"])
def test_a_directory_goes_over_an_empty_one_or_to_nothing_and_over_nothing_else(
    folder: tuple[Path, int], there: str
) -> None:
    path, fd = folder
    (path / "a").mkdir()
    (path / "a" / "file").write_text("x")
    (path / "other").mkdir()
    target = path / "there"
    if "link" in there:
        os.symlink("other" if "directory" in there else "nowhere", target)
    elif there == "file":
        target.write_text("y")
    elif there != "nothing":
        target.mkdir()
        if there == "directory":
            (target / "mine").write_text("y")
    if there in ("nothing", "empty directory"):
        change.replace_empty(fd, "a", fd, "there")
        assert ((target / "file").read_text(), (path / "a").exists()) == ("x", False)
        return
    before = os.lstat(target)
    with pytest.raises(FileExistsError):
        change.replace_empty(fd, "a", fd, "there")
    assert (os.lstat(target).st_ino, os.listdir(path / "a")) == (before.st_ino, ["file"])
    assert os.listdir(path / "other") == []


def test_two_names_are_exchanged(folder: tuple[Path, int]) -> None:
    path, fd = folder
    (path / "a").mkdir()
    (path / "b").write_text("x")
    change.exchange(fd, "a", fd, "b")
    assert ((path / "a").read_text(), (path / "b").is_dir()) == ("x", True)


def test_an_exchange_the_system_cannot_do_is_said_and_changes_nothing(
    folder: tuple[Path, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, fd = folder
    (path / "a").mkdir()
    (path / "b").write_text("x")
    monkeypatch.setattr(change, "_renameat2", lambda: None)
    with pytest.raises(OSError, match="cannot swap") as caught:
        change.exchange(fd, "a", fd, "b")
    assert caught.value.errno == errno.EOPNOTSUPP
    assert (path / "b").read_text() == "x"


def test_a_file_is_made_whole_or_not_at_all(folder: tuple[Path, int], monkeypatch: pytest.MonkeyPatch) -> None:
    path, fd = folder
    change.create_file(fd, "good", b"content", 0o640)
    assert (path / "good").read_bytes() == b"content"
    with pytest.raises(FileExistsError):
        change.create_file(fd, "good", b"other")
    os.symlink(path / "elsewhere", path / "link")
    with pytest.raises(FileExistsError):
        change.create_file(fd, "link", b"other")
    assert not (path / "elsewhere").exists()

    def full(_: int, __: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(change, "write_all", full)
    with pytest.raises(OSError, match="No space"):
        change.create_file(fd, "bad", b"content")
    assert not (path / "bad").exists()


def test_a_given_owner_makes_the_mode_exact_whatever_the_umask(folder: tuple[Path, int]) -> None:
    path, fd = folder
    before = os.umask(0o077)
    try:
        change.create_file(fd, "shared", b"", 0o664, owner=(-1, -1))
        change.create_file(fd, "own", b"", 0o664)
    finally:
        os.umask(before)
    assert os.stat(path / "shared").st_mode & 0o777 == 0o664
    assert os.stat(path / "own").st_mode & 0o777 == 0o600


def test_writing_goes_on_until_every_byte_is_out() -> None:
    reading, writing = os.pipe()
    data = os.urandom(1 << 20)
    script = "import sys; sys.stdout.write(str(len(sys.stdin.buffer.read())))"
    reader = subprocess.Popen([sys.executable, "-c", script], stdin=reading, stdout=subprocess.PIPE)
    os.close(reading)
    change.write_all(writing, data)
    os.close(writing)
    assert reader.communicate()[0] == str(len(data)).encode()


def test_reserved_space_is_taken_at_once_and_the_file_looks_no_longer(folder: tuple[Path, int]) -> None:
    path, fd = folder
    file = change.open_append(fd, "file")
    if not change.reserve_space(file, 256 << 10):
        pytest.skip("this file system cannot reserve space")
    assert (os.fstat(file).st_size, os.fstat(file).st_blocks * 512 >= 256 << 10) == (0, True)
    change.write_all(file, b"appended")
    assert (path / "file").read_bytes() == b"appended"
    os.close(file)


def test_times_of_a_link_are_its_own(folder: tuple[Path, int]) -> None:
    path, fd = folder
    (path / "file").write_text("")
    os.symlink("file", path / "link")
    before = os.stat(path / "file").st_mtime_ns
    change.set_times(fd, "link", 1_000_000_007)
    assert (os.lstat(path / "link").st_mtime_ns, os.stat(path / "file").st_mtime_ns) == (1_000_000_007, before)


# The lock.

TRY = """
import os, sys
from mlruns_tui.disk import change
fd = os.open(sys.argv[1], os.O_RDONLY)
print(change.take_lock(fd, "lock") is not None, change.lock_directory(fd))
"""


def others_get(path: Path) -> str:
    done = subprocess.run([sys.executable, "-B", "-c", TRY, path], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_lock_is_held_until_closed_and_survives_another_descriptor_of_the_file(folder: tuple[Path, int]) -> None:
    path, fd = folder
    held = change.take_lock(fd, "lock")
    assert held is not None
    with open(path / "lock") as other:
        other.read()
    assert others_get(path) == "False True"
    assert change.take_lock(fd, "lock") is None
    os.close(held)
    assert others_get(path) == "True True"


def test_a_locked_directory_is_locked_for_others(folder: tuple[Path, int]) -> None:
    path, fd = folder
    assert change.lock_directory(fd)
    assert others_get(path) == "True False"


def test_a_lock_file_replaced_while_it_was_taken_is_not_believed(
    folder: tuple[Path, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, fd = folder
    flock = change.fcntl.flock
    replaced: list[bool] = []

    def replace_first(file: int, how: int) -> None:
        flock(file, how)
        if not replaced:
            replaced.append(True)
            (path / "lock").unlink()
            (path / "lock").write_text("")

    monkeypatch.setattr(change.fcntl, "flock", replace_first)
    held = change.take_lock(fd, "lock")
    assert held is not None
    assert os.fstat(held).st_ino == os.stat(path / "lock").st_ino
    os.close(held)


def test_a_lock_is_never_taken_through_a_link(folder: tuple[Path, int]) -> None:
    path, fd = folder
    os.symlink("elsewhere", path / "lock")
    with pytest.raises(OSError, match="symbolic links"):
        change.take_lock(fd, "lock")
    assert not (path / "elsewhere").exists()


def test_the_text_of_a_lock_is_replaced_whole(folder: tuple[Path, int]) -> None:
    path, fd = folder
    held = change.take_lock(fd, "lock")
    assert held is not None
    change.overwrite(held, b"a long text of the first holder")
    change.overwrite(held, b"short")
    os.close(held)
    assert (path / "lock").read_bytes() == b"short"


# Removing trees.


def test_a_tree_is_removed_and_links_are_not_followed(folder: tuple[Path, int]) -> None:
    path, fd = folder
    (path / "outside").mkdir()
    (path / "outside" / "precious").write_text("keep")
    tree = path / "tree"
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "a" / "file").write_text("x")
    os.symlink(path / "outside", tree / "out")
    os.symlink("../outside", tree / "up")
    os.symlink("nowhere", tree / "dangling")
    os.mkfifo(tree / "fifo")
    (tree / os.fsdecode(b"\xff\n\x1b")).write_text("x")
    change.remove_tree(fd, "tree")
    assert os.listdir(path) == ["outside"]
    assert (path / "outside" / "precious").read_text() == "keep"


def test_each_name_that_goes_is_told_with_the_names_its_file_had(folder: tuple[Path, int]) -> None:
    path, fd = folder
    tree = path / "tree"
    tree.mkdir()
    (tree / "twice").write_bytes(b"x" * 5000)
    os.link(tree / "twice", tree / "again")
    (tree / "elsewhere").write_bytes(b"x" * 5000)
    os.link(tree / "elsewhere", path / "kept")
    twice, elsewhere = os.stat(tree / "twice").st_ino, os.stat(tree / "elsewhere").st_ino
    told: list[tuple[int, int]] = []
    change.remove_tree(fd, "tree", lambda status: told.append((status.st_ino, status.st_nlink)))
    assert sorted(told) == sorted([(twice, 2), (twice, 1), (elsewhere, 2)])
    assert os.listdir(path) == ["kept"]


def test_a_tree_five_thousand_levels_deep_is_removed(
    folder: tuple[Path, int], deep: Callable[[Path, int], None]
) -> None:
    path, fd = folder
    deep(path / "tree", 5_000)
    before = len(os.listdir("/proc/self/fd"))
    change.remove_tree(fd, "tree")
    assert os.listdir(path) == []
    assert len(os.listdir("/proc/self/fd")) == before


def test_many_full_directories_are_listed_once_each(folder: tuple[Path, int], monkeypatch: pytest.MonkeyPatch) -> None:
    path, fd = folder
    for n in range(200):
        (path / "tree" / str(n)).mkdir(parents=True)
        (path / "tree" / str(n) / "file").write_text("")
    listed: list[int] = []
    scandir = os.scandir
    monkeypatch.setattr(change.os, "scandir", lambda at: listed.append(at) or scandir(at))
    change.remove_tree(fd, "tree")
    assert len(listed) == 201


def test_the_first_error_ends_it_and_a_second_call_goes_on(
    folder: tuple[Path, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, fd = folder
    (path / "tree" / "a").mkdir(parents=True)
    for n in range(5):
        (path / "tree" / "a" / str(n)).write_text("")
    unlink = os.unlink
    left = [2]

    def busy(*arguments: object, **options: object) -> None:
        left[0] -= 1
        if not left[0]:
            raise OSError(errno.EBUSY, "Device or resource busy")
        unlink(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(change.os, "unlink", busy)
    with pytest.raises(OSError, match="busy"):
        change.remove_tree(fd, "tree")
    assert len(os.listdir(path / "tree" / "a")) == 4
    change.remove_tree(fd, "tree")
    assert os.listdir(path) == []


def test_a_link_is_no_tree(folder: tuple[Path, int]) -> None:
    path, fd = folder
    (path / "real").mkdir()
    (path / "real" / "file").write_text("x")
    os.symlink("real", path / "link")
    with pytest.raises(OSError, match="Not a directory"):
        change.remove_tree(fd, "link")
    assert (path / "real" / "file").read_text() == "x"


@pytest.mark.root
def test_what_is_mounted_inside_is_not_touched(folder: tuple[Path, int]) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a file system")
    path, fd = folder
    point = path / "tree" / "mounted"
    point.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(point)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount a file system here: {done.stderr.strip()}")
    try:
        (point / "precious").write_text("keep")
        with pytest.raises(OSError) as caught:
            change.remove_tree(fd, "tree")
        assert caught.value.errno in (errno.EXDEV, errno.EBUSY)
        assert (point / "precious").read_text() == "keep"
    finally:
        subprocess.run(["umount", point], check=True)


def test_a_directory_that_cannot_be_synced_is_no_error_but_a_bad_disk_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(number: int) -> Callable[[int], None]:
        def fsync(_: int) -> None:
            raise OSError(number, os.strerror(number))

        return fsync

    monkeypatch.setattr(change.os, "fsync", fails(errno.EINVAL))
    change.sync(0)
    monkeypatch.setattr(change.os, "fsync", fails(errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        change.sync(0)
