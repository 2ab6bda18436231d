"""meta.yaml is read fast and safely, and as PyYAML reads it wherever both accept."""

from __future__ import annotations

import contextlib
import time

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mlruns_tui.scanner import metadata
from mlruns_tui.scanner.metadata import Unusable, parse

RUN = b"""artifact_uri: file:///data/mlruns/1/8c1f03d2a7be4c59b0e1b7d17a92c310/artifacts
end_time: 1795377398044
entry_point_name: ''
experiment_id: '635247712150100981'
lifecycle_stage: active
run_id: 8c1f03d2a7be4c59b0e1b7d17a92c310
run_name: model-run
source_name: ''
source_type: 4
start_time: null
status: 3
tags: []
user_id: root
"""


def test_what_mlflow_writes_needs_no_yaml_library(monkeypatch):
    monkeypatch.setattr(metadata, "_parse_yaml", lambda text: pytest.fail("the slow way was taken"))
    found = parse(RUN)
    assert found == yaml.load(RUN, yaml.CSafeLoader)
    assert parse(b"artifact_location: file:///d/1\nexperiment_id: '1'\nname: main/with slash\ntags: {}\n")["tags"] == {}


@pytest.mark.parametrize(
    "value",
    [
        "0b1101", "0b12", "0x1f", "0xfg", "012", "08", "1e5", "1.5", "1_000", "1:30", "12:30:45", "2024-01-01",
        "2024-01-01 10:00:00", "yes", "No", "ON", "y", "~", "null", "Null", ".5", ".inf", "-.inf", ".nan", "+5", "-5",
        "-", "- a", "=", "<<", "a: b", "a:", ":a", "a #b", "a#b", "#b", "'it''s'", "'a' b", '"a\\n"', '"a"', "'", '"',
        "[1, 2]", "{a: 1}", "[", "{}", "[]", "*a", "&a b", "!x y", "!!str 5", "|", ">", "%a", "@a", "`a", "a\tb",
        "é", "日本", "\u2028", "\x85", "\ufeff", "😀", "a\u200bb", "  a  ", "9" * 30, "0", "00", "0123456789", "a, b",
        "5e10abc", "12345678901234567890123456789012", "0b110100101010101010101010101010", "Off", "TRUE", "nulls", "truex",
        "https://x/y?z=1#f", "C:\\x", "a'b", 'a"b', "?", "? a", "--- a", "...", "1.", "1.e+5", "0.1e-3",
    ],
)  # fmt: skip
def test_a_value_means_what_pyyaml_says(value):
    data = f"key: {value}\nother: x\n".encode()
    try:
        expected = yaml.load(data, yaml.CSafeLoader)
    except Exception:
        expected = None
    try:
        found = parse(data)
    except Unusable:
        found = None
    if found is not None:
        assert repr(found) == repr(expected)
    elif isinstance(expected, dict):
        assert "&" in value or "*" in value, f"refused although PyYAML reads {expected!r}"


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.text("0123456789abcdefx._:-+'\"#e [] {},&*!|>%@~", max_size=12),
)
documents = st.dictionaries(
    st.one_of(st.sampled_from(["name", "run_id", "status", "tags", "yes"]), st.text(max_size=8)),
    st.one_of(scalars, st.lists(scalars, max_size=3), st.dictionaries(st.text(max_size=5), scalars, max_size=3)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=300, deadline=None, database=None)
@given(documents)
def test_whatever_a_dumper_writes_is_read_back_the_same(document):
    data = yaml.safe_dump(document, allow_unicode=True, default_flow_style=False).encode("utf-8", "surrogatepass")
    try:
        expected = yaml.load(data, yaml.CSafeLoader)
    except Exception:
        return
    assert repr(parse(data)) == repr(expected)


@settings(max_examples=500, deadline=None, database=None)
@given(st.text("ab01:'\"#-[]{}, \n_~&*!|>.ex", max_size=40))
def test_hand_edited_text_is_never_read_as_something_else(text):
    try:
        found = parse(text.encode())
    except Unusable:
        return
    assert repr(found) == repr(yaml.load(text, yaml.CSafeLoader))


@settings(max_examples=300, deadline=None, database=None)
@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_but_unusable(data):
    try:
        assert isinstance(parse(data), dict)
    except Unusable as error:
        assert error.reason


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty (0 bytes)"),
        (b"# nothing\n", "is empty (no key in it)"),
        (b"null\n", "is empty (no key in it)"),
        (b"- a\n", "is not a mapping but a list"),
        (b"abc\n", "is not a mapping but plain text"),
        (b"7\n", "is not a mapping but a number"),
        (b"2024-01-01\n", "is not a mapping but a single value"),
        (b"a: b\nlifecy", "cannot be parsed as YAML (line 3)"),
        (b"a: [1\n", "cannot be parsed as YAML (line 2)"),
        (b"a: \xe9\n", "is not UTF-8 (byte 3)"),
        (b"a: b\0c\n", "cannot be parsed as YAML (ReaderError)"),
        (b"a: 2026-13-45\n", "cannot be parsed as YAML (ValueError)"),
        (b"a: &x {c: d}\nb: {<<: *x}\n", "holds YAML aliases in merged mappings, which MLflow never writes"),
        (b"a: 1\n---\nb: 2\n", "holds more than one document"),
        (b"a: " + b"[" * 100 + b"]" * 100, "is nested too deeply"),
        (b"a: !!python/object/apply:os.system ['true']\n", "cannot be parsed as YAML (line 1)"),
    ],
)
def test_the_reason_is_said_in_words(data, reason):
    with pytest.raises(Unusable) as raised:
        parse(data)
    assert raised.value.reason == reason


def test_without_pyyaml_the_reason_says_so(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(Unusable, match="cannot be parsed without PyYAML"):
        parse(b"a: {b: 1}\n")
    assert parse(RUN)["status"] == 3


def test_a_long_note_that_begins_with_a_digit_is_text():
    note = "3 of these runs were " + "good " * 2000
    assert parse(b"tags:\n  note: " + note.encode() + b"\n") == {"tags": {"note": note.strip()}}


MIB = 1 << 20
HOSTILE = {
    "deep lists": b"[" * 20_000,
    "deep maps": b"a: " + b"{b: " * 20_000,
    "deep dashes": b"- " * 60_000,
    "alias bomb": b"a: &a [x,x]\n" + b"".join(b"k%d: &k%d [*a,*a]\n" % (n, n) for n in range(30)),
    "a number of 100,000 digits": b"a: " + b"9" * 100_000,
    "a negative number": b"a: -" + b"9" * 100_000,
    "base sixty": b"a: 1" + b":1" * 100_000,
    "tagged number": b'a: !!int "' + b"9" * 100_000 + b'"\n',
    "many keys": b"".join(b"k%d: 1\n" % n for n in range(100_000)),
    "many list entries": b"a: [" + b"1," * 200_000 + b"]\n",
    "duplicate keys": b"a: 1\n" * 200_000,
    "one long word": b"a: " + b"x" * (MIB - 10),
    "one long quotation": b"a: '" + b"x" * (MIB - 10) + b"'",
    "doubled quotes": b"a: '" + b"''" * (MIB // 2 - 10) + b"'",
    "an open quotation": b"a: '" + b"''" * (MIB // 2 - 10),
    "escapes": b'a: "' + b"\\n" * 250_000 + b'"\n',
    "words": b"a: " + b"x y " * 130_000,
    "lines": b"a: " + b"x\n  " * 120_000,
    "a long key": b"k" * (MIB - 10) + b": v\n",
    "comments": b"#x\n" * 300_000,
    "blank lines": b"\n" * (MIB - 10),
    "spaces": b" " * (MIB - 10),
    "tabs": b"a:" + b"\t" * (MIB - 10),
    "folded": b"a: >\n" + b"  x\n\n" * 100_000,
    "sets": b"a: !!set {" + b"a," * 1_900 + b"}\n",
    "binary": b'a: !!binary "' + b"A" * 400_000 + b'"\n',
    "questions": b"? " * 200_000,
    "colons": b"a:\n" + b" :" * 200_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_hostile_file_takes_longer_than_a_blink(name):
    best = 9.0
    for _ in range(3):
        began = time.thread_time()
        with contextlib.suppress(Unusable):
            parse(HOSTILE[name])
        best = min(best, time.thread_time() - began)
    # Of the processor: what else the machine does is not the parser's fault.
    assert best < 0.05


def test_aliases_are_read_and_none_of_them_is_expanded():
    assert parse(b"a: &x 1\nb: *x\n") == {"a": 1, "b": 1}
    found = parse(HOSTILE["alias bomb"] + b"run_id: abc\n")
    assert found["run_id"] == "abc"
    assert found["k0"] == [["x", "x"], ["x", "x"]]
    assert found["k29"] == [["x", "x"]] * 2 or len(repr(found["k29"])) < 100
    assert isinstance(parse(b"a: &a [*a]\n")["a"], list)


@pytest.mark.parametrize("digits", [4_300, 4_301, 10_000])
def test_a_whole_number_is_read_as_long_as_python_takes_it(digits):
    data = b"a: " + b"9" * digits + b"\n"
    if digits <= 4_300:
        assert parse(data) == {"a": 10**digits - 1}
    else:
        with pytest.raises(Unusable) as raised:
            parse(data)
        assert raised.value.kind == "unparsable"
