"""A file the user asked for is there whole, or nothing of it is; never over another one, never in a store."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlruns_tui.disk import change
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.store import Identity, StoreInfo
from mlruns_tui.userdata.exports import export_folder, free_name, why_not_here, write_export


@pytest.fixture
def store(tmp_path: Path) -> StoreInfo:
    root = tmp_path / "mlruns"
    root.mkdir()
    return StoreInfo(str(root), str(root), "file", Identity(1, 2))


def test_it_is_written_whole_with_the_users_own_mode(store: StoreInfo, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    assert write_export(store, str(path), [b"a", b"bc"]) == 3
    assert path.read_bytes() == b"abc"
    assert path.stat().st_mode & 0o777 == 0o644
    assert sorted(os.listdir(tmp_path)) == ["mlruns", "out.csv"]


def test_nothing_is_overwritten_not_even_what_appears_meanwhile(store: StoreInfo, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"

    def meanwhile() -> Iterator[bytes]:
        yield b"ours"
        path.write_bytes(b"theirs")

    with pytest.raises(MlrunsError, match="one already"):
        write_export(store, str(path), meanwhile())
    assert path.read_bytes() == b"theirs"
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MlrunsError, match="one already"):
        write_export(store, str(path), [b"x"])
    assert sorted(os.listdir(tmp_path)) == ["mlruns", "out.csv"]


def test_an_error_on_the_way_leaves_nothing(store: StoreInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_export(store, str(tmp_path / "out.csv"), broken())
    monkeypatch.setattr(change, "write_all", _full)
    with pytest.raises(MlrunsError, match="no space left on device; nothing is left of it") as raised:
        write_export(store, str(tmp_path / "out.csv"), [b"x"])
    assert "another disk" in raised.value.hint
    assert os.listdir(tmp_path) == ["mlruns"]


def _full(fd: int, data: bytes) -> None:
    raise OSError(28, "No space left on device")


def test_a_full_device_and_a_missing_directory_are_said(store: StoreInfo, tmp_path: Path) -> None:
    with pytest.raises(MlrunsError, match="no such file or directory"):
        write_export(store, str(tmp_path / "none" / "out.csv"), [b"x"])
    with pytest.raises(MlrunsError, match="file name too long"):
        write_export(store, str(tmp_path / ("x" * 300 + ".csv")), [b"x"])


def test_a_directory_one_may_not_write_to_is_said(ordinary_user: list[str], tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    code = (
        "import sys\nfrom mlruns_tui.userdata.exports import *\n"
        "from mlruns_tui.model.store import Identity, StoreInfo\n"
        "try: write_export(StoreInfo('/s', '/s', 'file', Identity(1, 2)), sys.argv[1], [b'x'])\n"
        "except Exception as error: print(type(error).__name__, error.message, error.hint)"
    )
    command = [*ordinary_user, sys.executable, "-c", code, str(closed / "out.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert os.listdir(closed) == []
    assert "permission denied; nothing is left of it" in done.stdout
    assert "you may write to" in done.stdout


def test_no_store_gets_an_export(store: StoreInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = tmp_path / "mlruns" / "3"
    inside.mkdir()
    (tmp_path / "link").symlink_to(inside)
    other = tmp_path / "other" / "9"
    other.mkdir(parents=True)
    (other / "meta.yaml").touch()
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for folder in (inside, inside.parent, tmp_path / "link", other):
        with pytest.raises(MlrunsError, match=r"is in (the|a) store"):
            write_export(store, str(folder / "out.csv"), [b"x"])
        monkeypatch.chdir(folder)
        assert export_folder(store) == str(home)
    assert os.listdir(inside) == []
    assert not why_not_here(store, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert export_folder(store) == str(tmp_path)


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    (tmp_path / "a-2.csv").touch()
    assert free_name(str(tmp_path), "a", ".csv") == "a-3.csv"
    assert free_name(str(tmp_path), "b", ".csv") == "b.csv"
