"""A metadata file that is mended keeps every line that says what it said."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from mlruns_tui.triage.mend_words import changes
from mlruns_tui.triage.metatext import dump, edited

FILE = (
    "# written by hand\n"
    "zone:   {a: [1, 2],  b: 0x1F}\n"
    "status: 99   # what is this?\n"
    "\n"
    "# times\n"
    "start_time: 1_700\n"
    "future:\n"
    "- {deep: yes}\n"
    "- 2024-01-01\n"
    "note: |\n"
    "  two\n"
    "  lines\n"
)


def mended(text: str, **values: Any) -> str:
    before = yaml.safe_load(text)
    return edited(text, before, {**{key: one for key, one in before.items() if isinstance(key, str)}, **values})


def test_only_the_line_of_a_changed_key_is_another() -> None:
    assert mended(FILE, status=3) == FILE.replace("status: 99 ", "status: 3 ")


def test_a_value_of_several_lines_is_replaced_whole() -> None:
    assert mended(FILE, note="one") == FILE.replace("note: |\n  two\n  lines\n", "note: one\n")
    assert mended(FILE, future=None) == FILE.replace("future:\n- {deep: yes}\n- 2024-01-01\n", "future: null\n")


def test_a_key_that_goes_takes_its_lines_and_leaves_the_remarks() -> None:
    before = yaml.safe_load(FILE)
    after = {key: value for key, value in before.items() if key != "status"}
    assert edited(FILE, before, after) == FILE.replace("status: 99   # what is this?\n", "")


def test_a_new_key_comes_where_keys_are_in_order_else_last() -> None:
    assert mended("a: 1\nc: 2\n", b="x") == "a: 1\nb: x\nc: 2\n"
    assert mended("# x\na: 1\nc: 0x2  # two\n", b="x") == "# x\na: 1\nb: x\nc: 0x2  # two\n"
    assert mended("c: 1\na: 2", b="x") == "c: 1\na: 2\nb: x\n"


@pytest.mark.parametrize("text", ["a: 1\r\nb: 2\r\nc: [x,  y]\r\n", "\ufeffa: 1\r\nb: 2\r\nc: [x,  y]"])
def test_line_ends_and_a_mark_of_byte_order_stay(text: str) -> None:
    end = "" if text.endswith("\n") else "\r\n"
    assert mended(text, b="no") == text.replace("b: 2", "b: 'no'") + end


def test_what_a_key_that_is_no_text_says_stays() -> None:
    assert mended("7: seven\nb: 2\ntrue: x\n", b=3) == "7: seven\nb: 3\ntrue: x\n"


@pytest.mark.parametrize(
    "text",
    ["{a: 1, b: 2}\n", "? a\n: 1\n? b\n: 2\n", "a: 1\nb: 2\nb: 2\n", "  a: 1\n  b: 2\n", "a: 1\nb: 2\n...\n"],
)
def test_another_form_is_written_anew_and_says_the_same(text: str) -> None:
    before = yaml.safe_load(text)
    after = {**before, "b": 3, "d": "x"}
    assert yaml.safe_load(edited(text, before, after)) == after


@pytest.mark.parametrize(
    "value", ["a: b", "- x", "#no", "", "1e5", "~", "'", '"', "ü", "\x1b[31m", "x" * 5000, "a\nb", " "]
)
def test_a_name_that_needs_quotes_gets_them(value: str) -> None:
    assert yaml.safe_load(mended(FILE, status=value))["status"] == value
    assert mended(FILE, status=value).replace("\r", "").count("future:") == 1


def test_a_value_that_only_looks_the_same_is_another() -> None:
    assert mended("a: 1\nb: true\n", a=True) == "a: true\nb: true\n"
    assert mended("a: '1'\n", a=1) == "a: 1\n"
    assert mended("a: .nan\nb: 1\n", b=2) == "a: .nan\nb: 2\n"


def test_of_every_change_the_old_and_the_new_value_are_said() -> None:
    before = {"status": 99, "gone": [1], "same": 1, "id": 4, "name": None, 7: "x"}
    after = {"status": 3, "same": 1, "id": "4", "name": "n\x1b", "user_id": ""}
    assert changes(before, after) == (
        "gone taken out, was [1], id: 4 → '4', name: null → n\\x1b, status: 99 → 3, user_id added: ''"
    )
    assert changes(after, after) == "written anew"


def test_what_is_said_of_a_change_is_bounded() -> None:
    before = {f"k{number}" * 100: "v" * 100_000 for number in range(100)}
    assert len(changes(before, dict.fromkeys(before, 1))) < 3_000


def test_a_file_without_a_text_is_what_dump_makes() -> None:
    assert edited("", {}, {"b": 1, "a": "x"}) == dump({"a": "x", "b": 1})


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


def test_aliases_stay_and_are_never_written_out() -> None:
    text = f"{BOMB}status: 99\n"
    before = {**{f"a{n}": [None] for n in range(12)}, "status": 99}
    assert edited(text, before, {**before, "status": 3}) == f"{BOMB}status: 3\n"


def test_where_they_would_have_to_be_nothing_is_written() -> None:
    text = "{" + BOMB.replace("\n", ", ") + "status: 99}\n"
    before = {**{f"a{n}": [None] for n in range(12)}, "status": 99}
    with pytest.raises(ValueError, match="aliases"):
        edited(text, before, {**before, "status": 3})
