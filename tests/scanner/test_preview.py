"""The beginning of an artifact: what kind it is, bounded, never followed, never raising anything but our own error."""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.scanner import preview as module
from mlruns_tui.scanner.preview import MAX_HEAD, MAX_LINES
from mlruns_tui.workflow.reading import open_reader

RUN = "a" * 32
KEY = f"experiment/1/run/{RUN}"
Show = Callable[..., Any]


def png(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def zipped(names: list[str]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in names:
            # A date that stands still: the bytes are part of the name of a test.
            archive.writestr(zipfile.ZipInfo(name), b"x" * 7)
    return data.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    experiment = tmp_path / "mlruns" / "1"
    found = experiment / RUN / "artifacts"
    found.mkdir(parents=True)
    (experiment / "meta.yaml").write_text("experiment_id: '1'\nname: e\nlifecycle_stage: active\n")
    (experiment / RUN / "meta.yaml").write_text(f"run_id: {RUN}\nexperiment_id: '1'\nstatus: 3\n")
    return found


@pytest.fixture
def show(folder: Path) -> Show:
    reader = open_reader(str(folder.parents[2]))

    def of(name: str, data: bytes | None = None) -> Any:
        if data is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        return reader.preview(KEY, name)

    return of


@pytest.mark.parametrize(
    ("name", "data", "kind", "what"),
    [
        ("a.png", png(640, 480), "image", "PNG image, 640 × 480"),
        ("a.gif", b"GIF89a" + struct.pack("<HH", 3, 4) + b"\0" * 9, "image", "GIF image, 3 × 4"),
        ("cut.png", png(1, 1)[:12], "image", "PNG image"),
        (
            "a.jpg",
            b"\xff\xd8\xff\xe0\0\x10JFIF" + b"\0" * 10 + b"\xff\xc0\0\x11\x08" + struct.pack(">HH", 200, 300) + b"\0" * 9,
            "image",
            "JPEG image, 300 × 200",
        ),
        ("a.bmp", b"BM" + b"\0" * 12 + b"\x28\0\0\0" + struct.pack("<ii", 10, -20) + b"\0" * 9, "image", "BMP image, 10 × 20"),
        ("empty", b"", "nothing", "an empty file"),
        ("model.pkl", b"\x80\x04\x95\0\xff\0", "bytes", "not text"),
        ("weights.zip", zipped(["data.pkl", "data/0"]), "archive", "zip archive of 2 files"),
        ("broken.zip", zipped(["a"])[:30], "archive", "damaged zip archive"),
        ("notes.md", "# 이탈예측\n".encode(), "text", "text"),
    ],
)  # fmt: skip
def test_what_kind_of_file_it_is(show: Show, name: str, data: bytes, kind: str, what: str) -> None:
    found = show(name, data)
    assert (found.kind, found.what, found.size_bytes, found.path) == (kind, what, len(data), name)


def test_text_is_shown_line_by_line_and_made_harmless(show: Show) -> None:
    found = show("log.txt", b"one\n\ttwo\x1b[31m\r\nthree \xe2\x80\xaeevil")
    assert found.lines == ("one", "    two\\x1b[31m", "three \\u202eevil")
    assert not found.cut


def test_json_is_laid_out_and_broken_json_stands_as_it_is(show: Show) -> None:
    value = {"b": [1, {"c": None}], "a": "한"}
    assert json.loads("\n".join(show("x.json", json.dumps(value).encode()).lines)) == value
    assert len(show("x.json").lines) > 5
    assert show("y.json", b'{"a": ').kind == "text"
    assert show("deep.json", b"[" * 100_000).kind == "text"


def test_only_the_head_of_a_large_file_is_read(show: Show, folder: Path) -> None:
    with open(folder / "huge.log", "wb") as file:
        file.write(b"line\n" * 100)
        file.truncate(5 << 40)
    found = show("huge.log")
    assert found.size_bytes == 5 << 40
    assert found.cut
    many = show("many.txt", b"x\n" * (MAX_HEAD // 2 + 5))
    assert (len(many.lines), many.cut) == (MAX_LINES, True)
    assert show("half.txt", "é".encode() * MAX_HEAD).kind == "text"


@pytest.mark.parametrize("name", ["../meta.yaml", "/etc/passwd", "a/../../meta.yaml", "", ".", "gone", "gone/too"])
def test_nothing_but_artifacts_is_read(show: Show, name: str) -> None:
    with pytest.raises(MlrunsError) as caught:
        show(name)
    assert caught.value.code in ("no-such-artifact", "unreadable-artifact")


def test_links_pipes_and_folders_are_not_read(show: Show, folder: Path) -> None:
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "away").symlink_to("/etc")
    os.mkfifo(folder / "pipe")
    (folder / "sub").mkdir()
    for name in ("link", "away/passwd", "pipe", "sub"):
        with pytest.raises(MlrunsError, match="cannot be read"):
            show(name)


def test_a_name_that_is_not_utf8_is_found_by_its_exact_path(folder: Path) -> None:
    (folder / os.fsdecode(b"caf\xe9\x1b.txt")).write_text("here")
    reader = open_reader(str(folder.parents[2]))
    entry = next(one for one in reader.details(KEY).artifacts if not one.is_dir)
    assert entry.path == "caf\\xe9\\x1b.txt"
    assert reader.preview(KEY, entry.exact).lines == ("here",)


@given(
    st.sampled_from(
        [b"", b"BM", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF0000WEBPVP8X", b"RIFF0000WEBPVP8 ", b"PK\x03\x04",
         b"\x93NUMPY"]
    ),
    st.binary(max_size=80),
)  # fmt: skip
def test_no_bytes_make_it_fail(head: bytes, rest: bytes) -> None:
    found = module._describe("x.json", head + rest, len(head + rest))
    assert all(line.isprintable() for line in found.lines)
