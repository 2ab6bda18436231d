"""Random damage to a store: what disks, editors, people and programs do to files, one deed at a time."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

JUNK = (
    b"",
    b"\n",
    b"hello\n",
    b"- a\n- b\n",
    b"{}\n",
    b"null\n",
    b"\0" * 64,
    b"caf\xe9 au lait\n",
    b"a: [b\n",
    b"1\n",
    b"1700000000000 0.5 7\n",
)
VALUES = ("null", "''", "5", "-1", "1.5", "true", "word", "[1]", "{a: 1}", "2024-01-01", "'5'", "1e400", "9" * 25)
NAMES = (".hidden", "a b", "x.bak", "copy", "0", "meta.yaml", "tags", "a?b", "café", "7" * 20, "version-9", "x.yaml")


_HERE = re.compile(rb"/[^\s'\"]*/healthy/mlruns")
"""Where the healthy store was made, as its files say it: of another length on every machine."""


def entries(store: Path, names: Mapping[str, Any]) -> list[str]:
    """Every path of a healthy store, in an order that goes by what it is the place of: ids differ from build to
    build and from version to version."""
    roles = {str(value): key for key, value in names.items() if isinstance(value, str) and key != "version"}
    found = []
    for folder, folders, files in os.walk(store):
        found += [os.path.relpath(os.path.join(folder, name), store) for name in (*folders, *files)]
    return sorted(found, key=lambda path: ([roles.get(part, part) for part in path.split("/")], path))


def mutate(store: Path, path: str, deed: str, number: int) -> str:
    """Do one thing to one path; what was done, or nothing where it could not be."""
    place = store / path
    if not os.path.lexists(place) or place.is_symlink():
        return ""
    try:
        return DEEDS[deed](place, number)
    except (OSError, IndexError, ValueError, ZeroDivisionError, shutil.Error):
        return ""


def _delete(place: Path, number: int) -> str:
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink()
    return "deleted"


def _truncate(place: Path, number: int) -> str:
    data, here = _elsewhere(place.read_bytes())
    place.write_bytes(_back(data[: number % (len(data) + 1)], here))
    return f"cut to {number % (len(data) + 1)} of {len(data)} bytes"


def _replace(place: Path, number: int) -> str:
    junk = JUNK[number % len(JUNK)]
    if place.is_dir():
        shutil.rmtree(place)
    place.write_bytes(junk)
    return f"replaced by {junk!r}"


def _flip(place: Path, number: int) -> str:
    text, here = _elsewhere(place.read_bytes())
    data = bytearray(text)
    at = number % len(data)
    data[at] ^= 1 << (number // len(data) % 8)
    place.write_bytes(_back(bytes(data), here))
    return f"bit flipped at {at}"


def _elsewhere(data: bytes) -> tuple[bytes, bytes]:
    """The same with a short name for the place where the store was made, and that place: what is cut or flipped
    at a certain byte is the same on every machine then."""
    found = _HERE.search(data)
    return (data, b"") if found is None else (data.replace(found[0], b"/HERE"), found[0])


def _back(data: bytes, here: bytes) -> bytes:
    return data.replace(b"/HERE", here) if here else data


def _rename(place: Path, number: int) -> str:
    name = NAMES[number % len(NAMES)]
    if os.path.lexists(place.with_name(name)):
        return ""
    os.rename(place, place.with_name(name))
    return f"renamed to {name}"


def _copy(place: Path, number: int) -> str:
    target = place.with_name(NAMES[number % len(NAMES)])
    if os.path.lexists(target):
        return ""
    (shutil.copytree if place.is_dir() else shutil.copyfile)(place, target)
    return f"copied to {target.name}"


def _close(place: Path, number: int) -> str:
    mode = (0, 0o111, 0o444, 0o200)[number % 4]
    os.chmod(place, mode)
    return f"mode {mode:o}"


def _drop_line(place: Path, number: int) -> str:
    lines = place.read_bytes().splitlines(True)
    gone = lines.pop(number % len(lines))
    place.write_bytes(b"".join(lines))
    return f"line {gone!r} dropped"


def _repeat_line(place: Path, number: int) -> str:
    lines = place.read_bytes().splitlines(True)
    at = number % len(lines)
    lines.insert(at, lines[at])
    place.write_bytes(b"".join(lines))
    return f"line {lines[at]!r} repeated"


def _set_value(place: Path, number: int) -> str:
    lines = place.read_text().splitlines()
    at = number % len(lines)
    key, colon, _ = lines[at].partition(":")
    value = VALUES[number // len(lines) % len(VALUES)]
    lines[at] = f"{key}{colon} {value}"
    place.write_text("\n".join(lines) + "\n")
    return f"{lines[at]!r}"


def _folder(place: Path, number: int) -> str:
    _delete(place, number)
    place.mkdir()
    return "an empty folder now"


def _stray(place: Path, number: int) -> str:
    if not place.is_dir():
        return ""
    target = place / NAMES[number % len(NAMES)]
    if os.path.lexists(target):
        return ""
    if number // len(NAMES) % 2:
        target.mkdir()
    else:
        target.write_bytes(JUNK[number // len(NAMES) % len(JUNK)])
    return f"{target.name} put into it"


def _link(place: Path, number: int) -> str:
    _delete(place, number)
    place.symlink_to("/nowhere/at/all")
    return "a link to nothing now"


def _beside(place: Path, number: int) -> Path:
    """What has the same name in the directory beside, or, of what there is none, another entry beside it."""
    others = [one / place.name for one in sorted(place.parent.parent.iterdir()) if one != place.parent]
    found = [one for one in others if os.path.lexists(one) and one.is_dir() == place.is_dir()]
    found += [one for one in sorted(place.parent.iterdir()) if one != place and one.is_dir() == place.is_dir()]
    return found[number % len(found)]


def _exchange(place: Path, number: int) -> str:
    other, between = _beside(place, number), place.with_name("between")
    os.rename(place, between)
    os.rename(other, place)
    os.rename(between, other)
    return f"exchanged with {other}"


def _put_over(place: Path, number: int) -> str:
    other = _beside(place, number)
    if place.is_dir() or other.is_symlink():
        return ""
    place.unlink()
    (os.link if number & 1 << 16 else shutil.copyfile)(other, place)
    return f"that of {other} put over it"


def _double(place: Path, number: int) -> str:
    """A copy under another id of the same form."""
    name = place.name[:-4] + f"{number % 0xFFFF:04d}"[-4:] if len(place.name) > 16 else f"{number % 99 + 2}"
    target = place.with_name(name)
    if os.path.lexists(target) or not place.is_dir():
        return ""
    shutil.copytree(place, target)
    return f"copied to {name}"


def _case(place: Path, number: int) -> str:
    name = place.name.upper() if place.name != place.name.upper() else place.name.lower()
    if os.path.lexists(place.with_name(name)):
        return ""
    os.rename(place, place.with_name(name))
    return f"renamed to {name}"


def _odd_name(place: Path, number: int) -> str:
    odd = (
        b"a\nb",
        b"\xff",
        b"a\tb",
        b"x\xc2\xa0",
        b" ",
        b"..x",
        b"a:b",
        b"a%b",
        b"\xef\xbc\x91",
        b"\xe2\x80\xae",
        b"~",
    )
    name = os.fsdecode(odd[number % len(odd)])
    if os.path.lexists(place.with_name(name)):
        return ""
    if number & 1 << 16:
        os.rename(place, place.with_name(name))
    else:
        (shutil.copytree if place.is_dir() else shutil.copyfile)(place, place.with_name(name))
    return f"now {name!r}"


def _crlf(place: Path, number: int) -> str:
    ends = (b"\r\n", b"\r", b"\n\n", b"\x0b\n", b"\xc2\x85", b"\xe2\x80\xa8", b"\x1c\n", b" \n", b"\t\n")
    end = ends[number % len(ends)]
    place.write_bytes(place.read_bytes().replace(b"\n", end))
    return f"lines end in {end!r}"


def _pipe(place: Path, number: int) -> str:
    if place.is_dir():
        return ""
    place.unlink()
    os.mkfifo(place)
    return "a FIFO now"


def _link_beside(place: Path, number: int) -> str:
    other = _beside(place, number)
    # Of a trash or registry that is a link we say so, and follow it nowhere.
    if not place.is_dir() or place.name in (".trash", "models"):
        return ""
    _delete(place, number)
    place.symlink_to(other)
    return f"a link to {other} now"


DEEDS = {
    "delete": _delete,
    "truncate": _truncate,
    "replace": _replace,
    "flip": _flip,
    "rename": _rename,
    "copy": _copy,
    "close": _close,
    "drop a line": _drop_line,
    "repeat a line": _repeat_line,
    "set a value": _set_value,
    "make a folder": _folder,
    "add a stray": _stray,
    "link": _link,
    "exchange": _exchange,
    "put over": _put_over,
    "double": _double,
    "change case": _case,
    "odd name": _odd_name,
    "other line ends": _crlf,
    "pipe": _pipe,
    "link beside": _link_beside,
}


def applicable(deeds: Sequence[str]) -> list[str]:
    return [deed for deed in deeds if deed in DEEDS]
