"""Ten thousand broken metadata files: no crash, no hang, and the same answer as PyYAML gives MLflow."""

from __future__ import annotations

import io
import os
import random
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlruns_tui.scanner.checks.documents import Document, judge, read, whole_characters

BUDGET_S = 0.05
BASES = (
    b"artifact_location: file:///x/1\ncreation_time: 1700000000000\nexperiment_id: '1'\n"
    b"last_update_time: 1700000000000\nlifecycle_stage: active\nname: vision/resnet-50\n",
    b"artifact_uri: file:///x/1/0a/artifacts\nend_time: null\nentry_point_name: ''\nexperiment_id: '426'\n"
    b'lifecycle_stage: active\nrun_id: 0a1e5b\nrun_name: it\'s a "name", #1: yes\nsource_type: 4\n'
    b"start_time: 1700000000000\nstatus: 3\ntags: []\nuser_id: bj\xc3\xb6rn\n",
    b"aliases: []\ncreation_timestamp: 1700000000000\ncurrent_stage: None\ndescription: |\n  two\n  lines\n"
    b"name: scorer\nsource: models:/m-0a\nversion: 2\n",
    b"request_time: '2026-01-01T00:00:00.123Z'\nstate: OK\ntrace_id: tr-0a\ntrace_location:\n"
    b"  mlflow_experiment:\n    experiment_id: '1'\n  type: MLFLOW_EXPERIMENT\n",
)
PIECES = (
    b"\n", b"\r\n", b"\r", b"\t", b" ", b"  ", b":", b": ", b"#", b" #", b"'", b'"', b"-", b"- ", b"? ", b"&a ", b"*a",
    b"!!str ", b"!!int ", b"!!binary ", b"!x ", b"|", b">", b"%YAML 1.1\n---\n", b"---\n", b"...\n", b"[", b"]", b"{",
    b"}", b",", b"\0", b"\xff", b"\xc3", b"\xe2\x82\xac", b"\xf0\x9f\x98\x80", b"\xef\xbb\xbf", b"\xc2\x85",
    b"\xe2\x80\xa8", b"~", b"null", b"true", b"No", b"on", b"0x1F", b"0b11", b"010", b"0o7", b"1_000", b"1:30",
    b"1e3", b"1.5", b".inf", b".nan", b"-.5", b"+7", b"2024-01-01", b"2024-13-45", b"2024-01-01 10:00:00Z",
    b"9" * 30, b"9" * 5_000, b"<<: {a: 1}\n", b"=", b"<<", b"@", b"`", b"\\", b"\x7f", b"\x1b[31m", b"a: b: c\n",
)  # fmt: skip


def mutated(rng: random.Random) -> bytes:
    """One metadata file with one to four deeds done to it."""
    data = bytearray(rng.choice(BASES))
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        deed = rng.randrange(8)
        if deed == 0:
            data[at:at] = rng.choice(PIECES)
        elif deed == 1:
            del data[at : at + rng.randint(1, 20)]
        elif deed == 2 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif deed == 3:
            del data[at:]
        elif deed == 4:
            lines = bytes(data).splitlines(True)
            rng.shuffle(lines)
            data = bytearray(b"".join(lines))
        elif deed == 5:
            _set_value(data, rng)
        elif deed == 6:
            data += rng.choice(BASES)
        else:
            piece = rng.choice(PIECES)
            data[at:at] = piece * rng.randint(2, 40)
    return bytes(data)


def _set_value(data: bytearray, rng: random.Random) -> None:
    lines = bytes(data).split(b"\n")
    at = rng.randrange(len(lines))
    lines[at] = lines[at].partition(b":")[0] + b": " + rng.choice(PIECES) + rng.choice((b"", b" ", *PIECES))
    data[:] = b"\n".join(lines)


def as_mlflow_reads(data: bytes) -> Any:
    """What ``read_yaml`` returns. Raises whatever it raises."""
    import codecs

    with codecs.getreader("utf-8")(io.BytesIO(data)) as reader:
        return yaml.load(reader, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def examine(data: bytes) -> tuple[str, str, float]:
    """What is not as it should be (empty for nothing), our verdict, and the seconds of processor time it took."""
    began = time.thread_time()
    ours = judge(data)
    took = time.thread_time() - began
    problem = f"took {took:.3f} s" if took > BUDGET_S else compare(data, ours)
    return problem, ours.state, took


def compare(data: bytes, ours: Document) -> str:
    if ours.state == "unjudged":
        return ""
    try:
        theirs: Any = as_mlflow_reads(data)
    except Exception as error:
        return "" if ours.state == "unparsable" else f"{ours.state}, PyYAML refuses: {type(error).__name__}"
    expected = "empty" if theirs is None else "ok" if isinstance(theirs, dict) else "not-a-mapping"
    if ours.state != expected:
        return f"{ours.state}, PyYAML: {expected}"
    # By their texts: nan is not equal to itself, and 1 is not True.
    return "" if expected != "ok" or repr(ours.value) == repr(theirs) else f"{ours.value!r} is not {theirs!r}"


def fuzz(count: int, seed: int, record_property: Any) -> dict[str, int]:
    rng = random.Random(seed)
    judge(BASES[2])
    states: dict[str, int] = {}
    slowest = 0.0
    for _ in range(count):
        data = mutated(rng)
        problem, state, took = examine(data)
        assert not problem, f"{data!r}: {problem}"
        states[state] = states.get(state, 0) + 1
        slowest = max(slowest, took)
    record_property("mutated metadata files read as PyYAML reads them", count)
    record_property("ms of processor time for one of them (worst)", slowest * 1000)
    return states


def test_two_thousand_mutated_files_are_read_as_pyyaml_reads_them(record_property: Any) -> None:
    states = fuzz(2_000, 20_261_122, record_property)
    assert states["ok"] > 200
    assert states["unparsable"] > 200


@pytest.mark.full
@pytest.mark.parametrize("seed", range(5))
def test_ten_thousand_mutated_files_are_read_as_pyyaml_reads_them(seed: int, record_property: Any) -> None:
    fuzz(2_000, seed, record_property)


def _bomb() -> bytes:
    lines = [b"a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [b"a%d: &a%d [%s]" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 30)]
    return b"\n".join(lines) + b"\n"


def _merge_bomb() -> bytes:
    lines = [b"a0: &a0 {k: v}"]
    lines += [b"a%d: &a%d {<<: [%s]}" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 12)]
    return b"\n".join(lines) + b"\n"


@pytest.mark.parametrize(
    "data",
    [
        _bomb(),
        _merge_bomb(),
        b"a: " + b"[" * 100_000,
        b"a: " + b"[" * 100_000 + b"]" * 100_000,
        b"a: " + b"{a: " * 50_000,
        b"- " * 100_000,
        b"? " * 100_000,
        b"\n".join(b" " * n + b"a:" for n in range(700)),
        b"a: " + b"9" * 500_000,
        b"a: " + b"1:" * 100_000 + b"1",
        b"a: 0x" + b"f" * 200_000,
        b"a: !!int '" + b"1" * 200_000 + b"'",
        b"a: !!float " + b"1" * 200_000,
        b"a: !!timestamp " + b"1" * 200_000,
        b"a: !!python/object/apply:os.system [true]\n",
        b"a: !!binary " + b"A" * 400_000,
        b"a: '" + b"''" * 200_000 + b"'",
        b'a: "' + b"\\u0041" * 60_000 + b'"',
        b"a" * 900_000,
        b"a: b\n" * 100_000,
        b"".join(b"k%d: v\n" % n for n in range(60_000)),
        b"\t" * 500_000,
        b"\0" * 900_000,
        b"\xff" * 900_000,
        b"\xef\xbb\xbf" * 100_000,
        b"#" * 900_000,
        b"\n" * 900_000,
        b"a: |\n" + b"  x\n" * 100_000,
        b"---\n" * 100_000,
        b"%TAG ! tag:x,2000:\n" * 20_000 + b"---\n",
        b"&a " * 100_000,
        b"a: &a [*a]\n",
        b"a: " + b"\xf0\x9f\x98\x80" * 100_000,
        b"".join(b"%s: x\n" % (b"a" * 1_000) for _ in range(500)),
    ],
    ids=range(34),
)
def test_a_hostile_file_costs_no_more_than_a_blink(data: bytes, record_property: Any) -> None:
    judge(BASES[2])
    began = time.thread_time()
    found = judge(data)
    took = time.thread_time() - began
    record_property("hostile metadata files (bombs, depth, huge numbers, tabs, marks, NUL)", 1)
    record_property("ms of processor time for a hostile one (worst)", took * 1000)
    assert took < BUDGET_S, f"{took:.3f} s for {data[:60]!r} … ({len(data):,} bytes): {found.state} {found.reason}"


def test_what_is_no_small_file_is_not_read(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "mark").write_bytes(b"\xef\xbb\xbfa: b\n")
    device = os.open("/dev", os.O_RDONLY)
    assert read("null", device).state == "empty"
    os.close(device)
    (tmp_path / "loop").symlink_to("loop")
    with (tmp_path / "sparse").open("wb") as out:
        out.truncate(1 << 30)
    with (tmp_path / "text").open("wb") as out:
        out.write(b"a: b\n" * 20_000)
        out.truncate(1 << 30)
    with (tmp_path / "long").open("wb") as out:
        out.write(b"a: b\n" * 400_000)
    with socket.socket(socket.AF_UNIX) as endpoint:
        # A path of its own length: the limit is 107 bytes.
        here = os.getcwd()
        os.chdir(tmp_path)
        endpoint.bind("socket")
        os.chdir(here)
        expected = {
            "pipe": "pipe", "folder": "folder", "mark": "ok", "zero": "pipe", "loop": "missing", "sparse": "unparsable",
            "text": "unjudged", "long": "unjudged", "socket": "folder", "gone": "missing", "folder/gone": "missing",
            "text/meta.yaml": "missing",
        }  # fmt: skip
        for name, state in expected.items():
            began = time.thread_time()
            assert read(name, folder).state == state, name
            assert time.thread_time() - began < 1
    os.close(folder)


def test_a_file_that_grows_is_read_as_it_was() -> None:
    assert whole_characters(b"") == (b"", False)
    assert judge(b"").state == "empty"
    assert judge(b"name: caf\xc3").value == {"name": "caf"}
    assert judge(b"name: caf\xc3").cut
