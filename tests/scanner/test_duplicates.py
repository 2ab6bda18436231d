"""Runs with the same artifacts: told by every byte, by nothing less, and read only as far as they are alike."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.disk import look
from mlruns_tui.model.duplicates import Comparing, Duplicates
from mlruns_tui.scanner import duplicates as module
from mlruns_tui.scanner.process import ReaderProcess
from mlruns_tui.scanner.store import open_store

BIG = bytes(range(256)) * 1024 * 4


class Place:
    """A store of one experiment whose runs get artifacts."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "1").mkdir(parents=True)
        (root / "1" / "meta.yaml").write_text(
            "artifact_location: file:///x/1\nexperiment_id: '1'\nlifecycle_stage: active\nname: one\n"
        )
        self.runs = 0

    def run(self, **files: bytes) -> str:
        run_id = f"{self.runs:032x}"
        self.runs += 1
        folder = self.root / "1" / run_id
        (folder / "artifacts").mkdir(parents=True)
        (folder / "meta.yaml").write_text(
            f"artifact_uri: file:///x/1/{run_id}/artifacts\nend_time: 1700000000000\nexperiment_id: '1'\n"
            f"lifecycle_stage: active\nrun_id: {run_id}\nrun_name: r{run_id}\nstart_time: 1600000000000\nstatus: 3\n"
            "user_id: alice\nrun_uuid: x\nentry_point_name: ''\nsource_name: ''\nsource_type: 4\nsource_version: ''\n"
            "tags: []\n"
        )
        for name, data in files.items():
            path = folder / "artifacts" / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return f"experiment/1/run/{run_id}"

    def folder(self, key: str) -> Path:
        return self.root / "1" / key.rpartition("/")[2] / "artifacts"

    def find(self, *keys: str, **how: Any) -> Duplicates:
        return open_store(str(self.root)).duplicates(keys, **how)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "mlruns")


def test_same_names_and_bytes_are_one_group_whatever_else_the_runs_are(place: Place) -> None:
    keys = [place.run(model__weights=BIG, note=b"1") for _ in range(3)]
    other = place.run(model__weights=BIG[:-1] + b"x", note=b"1")
    assert place.find(*keys, other) == Duplicates((tuple(keys),))


@pytest.mark.parametrize(
    "files",
    [
        {"model__weights": BIG, "note": b"2"},  # another byte in a small file
        {"model__weights": BIG, "notes": b"1"},  # another name
        {"weights": BIG, "note": b"1"},  # another folder
        {"model__weights": BIG, "note": b"1", "more": b""},  # an empty file more
        {"model__weights": BIG[:500_000] + b"x" + BIG[500_001:], "note": b"1"},  # a byte in the middle
    ],
)
def test_anything_less_is_not_the_same(place: Place, files: dict[str, bytes]) -> None:
    one, other = place.run(model__weights=BIG, note=b"1"), place.run(**files)
    assert place.find(one, other) == Duplicates()


def test_runs_without_a_byte_of_artifacts_are_like_no_other(place: Place) -> None:
    keys = [place.run(), place.run(), place.run(empty=b""), place.run(empty=b"")]
    os.rmdir(place.folder(keys[0]))
    assert place.find(*keys) == Duplicates()


def test_empty_folders_and_links_count_and_links_are_not_followed(place: Place, tmp_path: Path) -> None:
    keys = [place.run(note=b"1") for _ in range(5)]
    (place.folder(keys[1]) / "empty").mkdir()
    (tmp_path / "outside").write_bytes(b"secret")
    for key, target in zip(keys[2:], ("a", "a", str(tmp_path / "outside")), strict=True):
        (place.folder(key) / "link").symlink_to(target)
    assert place.find(*keys).groups == ((keys[2], keys[3]),)


def test_what_cannot_be_compared_is_named_and_stops_nobody(place: Place) -> None:
    keys = [place.run(note=b"1") for _ in range(4)]
    os.mkfifo(place.folder(keys[1]) / "pipe")
    os.rename(place.folder(keys[2]), place.folder(keys[2]).with_name("elsewhere"))
    place.folder(keys[2]).symlink_to(place.folder(keys[0]))
    found = place.find(*keys, "experiment/1/run/" + "f" * 32, "stray/x", "experiment/1")
    assert found.groups == ((keys[0], keys[3]),)
    assert set(found.unread) == {keys[1], keys[2], "experiment/1/run/" + "f" * 32}


def test_files_that_differ_at_their_ends_are_not_read_whole(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    size = 4 * module.CHUNK
    keys = [place.run(weights=bytes([at]) * size) for at in range(6)]
    read: list[int] = []
    real = module._read
    monkeypatch.setattr(module, "_read", lambda fd, length, offset: read.append(length) or real(fd, length, offset))
    assert place.find(*keys) == Duplicates()
    assert sum(read) == 6 * 2 * module.END


def test_how_far_it_is_never_goes_back_and_ends_with_all(place: Place) -> None:
    keys = [place.run(weights=BIG) for _ in range(3)]
    told: list[Comparing] = []
    place.find(*keys, tell=told.append)
    assert [one.listed for one in told] == sorted(one.listed for one in told)
    assert (told[-1].read_bytes, told[-1].to_read_bytes) == (3 * len(BIG), 3 * len(BIG))


def test_it_stops_in_the_middle_of_a_file_and_says_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlruns_tui.scanner.pulse.ASK_EVERY_S", 0)
    keys = [place.run(weights=BIG * 3) for _ in range(2)]
    told: list[Comparing] = []
    found = place.find(*keys, tell=told.append, stop=lambda: bool(told and told[-1].read_bytes))
    assert found == Duplicates(stopped=True)


def test_a_file_that_grows_meanwhile_is_not_taken_for_the_same(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [place.run(note=b"same") for _ in range(2)]
    real = look.walk

    def walk(*words: Any) -> Any:
        for entry in real(*words):
            yield entry
            with open(place.folder(keys[1]) / "note", "ab") as file:
                file.write(b"!")

    monkeypatch.setattr(look, "walk", walk)
    assert place.find(*keys).groups == ()


def test_a_process_answers_other_questions_meanwhile_and_can_be_stopped(place: Place) -> None:
    keys = [place.run(weights=BIG * 20) for _ in range(3)]
    with ReaderProcess.fork(open_store(str(place.root))) as reader:
        list(reader.scan())
        assert reader.duplicates(keys) == Duplicates((tuple(keys),))
        stop, found = threading.Event(), []
        thread = threading.Thread(target=lambda: found.append(reader.duplicates(keys * 200, stop=stop.is_set)))
        thread.start()
        assert reader.details(keys[0]).artifacts[0].path == "weights"
        stop.set()
        thread.join(30)
        assert found and found[0].stopped
        assert reader.duplicates([]) == Duplicates()
