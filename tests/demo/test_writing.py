"""Where a demo store may be written, that it is the same each time, and what a failure leaves."""

from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from mlruns_tui.demo.content import build
from mlruns_tui.demo.store import write_demo
from mlruns_tui.disk import change
from mlruns_tui.model.errors import MlrunsError, UsageError

NOW = 1_795_377_600_000


def contents(root):
    """Digest of every entry's bytes, mode and time, with the root's own path taken out."""
    found = {}
    own = [Path(root).as_uri().encode()[7:], str(root).encode()]
    for base, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = os.path.join(base, name)
            status = os.lstat(path)
            data = b""
            if name in files:
                data = Path(path).read_bytes()
                for text in own if status.st_size < 50_000 else ():
                    data = data.replace(text, b"ROOT")
            digest = hashlib.blake2b(data).hexdigest()
            found[os.path.relpath(path, root)] = (digest, status.st_mode, status.st_mtime_ns)
    return found


@pytest.fixture(scope="module")
def again(demo, tmp_path_factory):
    """The store of the session written once more, into an empty directory that was there before."""
    root = tmp_path_factory.mktemp("again") / "store"
    root.mkdir(mode=0o750)
    before = root.stat()
    return before, write_demo(str(root), seed=demo.seed, now_ms=demo.now_ms)


def test_the_same_seed_and_time_write_the_same_store(demo, again):
    _, second = again
    one, two = contents(demo.root), contents(second.root)
    assert one.keys() == two.keys()
    assert [path for path in one if one[path] != two[path]] == []
    assert os.stat(demo.root).st_mtime_ns == os.stat(second.root).st_mtime_ns
    facts = replace(second, root=demo.root, size_bytes=demo.size_bytes)
    assert facts == demo


def test_an_empty_directory_is_used_as_it_is(again):
    before, demo = again
    root = Path(demo.root)
    assert (root.stat().st_ino, root.stat().st_mode) == (before.st_ino, before.st_mode)
    assert (root / "0" / "meta.yaml").is_file()


@pytest.mark.parametrize("seed", [0, 1, 99, 12345])
def test_any_seed_gives_the_same_numbers_and_other_ids(seed):
    content, other = build(seed, NOW), build(7, NOW)
    runs = content.runs
    assert len(runs) == 1293
    fates = [run.fate for run in runs.values()]
    assert {fate: fates.count(fate) for fate in ("goes", "keep-tag", "parent", "model-version", "running", "live")} == {
        "goes": 143,
        "keep-tag": 12,
        "parent": 9,
        "model-version": 4,
        "running": 2,
        "live": 1,
    }
    assert not runs.keys() & other.runs.keys()


def test_times_move_with_now():
    early, late = build(7, NOW), build(7, NOW + 86_400_000)
    assert early.runs.keys() == late.runs.keys()
    for run_id, run in early.runs.items():
        assert late.runs[run_id].start_ms - run.start_ms == 86_400_000


def test_a_directory_with_something_in_it_is_refused_and_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty") as caught:
        write_demo(str(tmp_path))
    assert caught.value.path == str(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_a_link_and_a_missing_parent_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to("target")
    before = sorted(os.listdir(tmp_path))
    for name in ("file", "link", "no/such/parent"):
        with pytest.raises(UsageError) as caught:
            write_demo(str(tmp_path / name))
        assert caught.value.path == str(tmp_path / name)
        assert caught.value.hint
    assert sorted(os.listdir(tmp_path)) == before
    assert not os.listdir(tmp_path / "target")


@pytest.mark.parametrize("exists", [False, True])
def test_a_full_disk_takes_back_what_was_written(tmp_path, monkeypatch, exists):
    root = tmp_path / "mlruns"
    if exists:
        root.mkdir()
    written = []
    create = change.create_file

    def fails_later(dir_fd, name, data, mode=0o644, *, sync=True):
        if len(written) == 300:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)
        create(dir_fd, name, data, mode, sync=sync)
        written.append(name)

    monkeypatch.setattr(change, "create_file", fails_later)
    with pytest.raises(MlrunsError, match="no space left on device") as caught:
        write_demo(str(root), now_ms=NOW)
    assert caught.value.code == "demo-not-written"
    assert "removed again" in caught.value.message
    assert len(written) == 300
    assert root.exists() == exists
    assert not exists or not os.listdir(root)
