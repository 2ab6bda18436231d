"""What archives and manifests say of a member: the short way for ordinary ones, against the long one and ``tarfile``."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlruns_tui.cleanup import members, tarformat
from mlruns_tui.cleanup.members import Member

NAMES = st.text(st.characters(min_codepoint=1, max_codepoint=0x2FFF), min_size=1, max_size=120)
ORDINARY = st.text(st.sampled_from("abc/._-0123"), min_size=1, max_size=110)
NUMBERS = st.sampled_from((0, 1, 0o777, 1_000, 0o7777777, 0o10000000, 4_294_967_294)) | st.integers(0, 1 << 32)
SIZES = st.sampled_from((0, 1, 511, 512, 0o77777777777, 0o100000000000)) | st.integers(0, 1 << 40)
TIMES = st.integers(-(10**18), 10**20) | st.integers(10**18, 2 * 10**18)


def member(kind: str, path: str, mode: int, ids: tuple[int, int], mtime_ns: int, size: int) -> Member:
    return Member(kind, path, mode, *ids, mtime_ns, size if kind == "f" else 0, "0/first" if kind == "h" else "")


MEMBERS = st.builds(
    member,
    st.sampled_from("dflh"),
    st.builds("{}/{}".format, st.integers(0, 10**6), NAMES | ORDINARY),
    st.integers(0, 0o7777),
    st.tuples(NUMBERS, NUMBERS),
    TIMES,
    SIZES,
)


@given(MEMBERS)
def test_an_ordinary_members_header_is_made_the_short_way_and_is_the_same(one: Member) -> None:
    assert tarformat.header(one) == tarformat.any_header(one)


@given(MEMBERS | st.builds(lambda one: replace(one, path='7/caf\udce9\n\x1b"\\'), MEMBERS))
def test_an_ordinary_members_line_is_made_the_short_way_and_is_the_same(one: Member) -> None:
    assert members.dump(one) == members.any_line(one)


@pytest.mark.parametrize("path", ["7", "0/a", "12/a/..b/.c/...", "3/new\nline", "3/caf\udce9"])
def test_a_line_gives_the_member_it_was_made_of(path: str) -> None:
    one = Member("f", path, 0o640, 5, 6, -7, 8, sha256="ab", xattrs=(("user.note", b"\0"),), segments=((0, 4), (8, 0)))
    assert members.load(members.dump(one)) == one


@pytest.mark.parametrize(
    "path", ["", "a/b", "7/", "/7", "7//b", "7/.", "7/../b", "7/b/..", "7/a\0b", "-7/a", "٧/a", "7\n"]
)
def test_a_path_that_leads_out_of_its_item_is_refused(path: str) -> None:
    for kind, own, link in (("f", path, ""), ("h", "7/b", path)):
        fields = [kind, own, 0o640, 0, 0, 0, 0, link, [], None, ""]
        with pytest.raises(ValueError, match=r"item"):
            members.load(json.dumps(fields).encode() + b"\n")


@pytest.mark.parametrize("at", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("value", [True, 1.0, "1", None, -1])
def test_a_number_that_is_none_is_refused(at: int, value: object) -> None:
    fields = ["f", "7/a", 0o640, 0, 0, 0, 0, "", [], None, ""]
    fields[at] = value
    line = json.dumps(fields).encode()
    if (at, value) == (5, -1):
        assert members.load(line).mtime_ns == -1
        return
    with pytest.raises(ValueError, match="a number is missing"):
        members.load(line)


@given(st.lists(MEMBERS, max_size=5))
def test_python_s_tarfile_reads_what_headers_say(found: list[Member]) -> None:
    small = [one for one in found if one.size < 10_000]
    content = b"".join(
        tarformat.header(one) + b"x" * tarformat.data_size(one) + tarformat.padding(tarformat.data_size(one))
        for one in small
    )
    with tarfile.open(fileobj=io.BytesIO(content + tarformat.END), mode="r:") as archive:
        read = [(one.mode, one.uid, one.gid, one.size if one.isreg() else 0) for one in archive]
    assert read == [(one.mode, one.uid, one.gid, one.size) for one in small]
