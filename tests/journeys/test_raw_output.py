"""What reaches the terminal, byte by byte: whatever a store's names hold, only sequences the screen itself writes."""

from __future__ import annotations

import base64
import os
import re
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.terminal

HOSTILE = (
    "plain",
    "\x1b[31mred",
    "\x1b]0;PWNED\x07",
    "\x1b]52;c;UFdORUQ=\x07",
    "\x1bP+q544e\x1b\\",
    "\x1b[2J\x1b[H",
    "\x1bc",
    "\x9b31mC1",
    "\x9d0;PWNED\x9c",
    "\x90q\x9c",
    "bell\x07 back\x08space\x0e shift\x0f",
    "two\nlines",
    "carriage\rreturn",
    "a\ttab\x0bvertical\x0cform",
    "\x7f delete \x00nul"[:8],
    "\u202egnp.exe\u2066x",
    "\u2028line\u2029paragraph",
    "[/] [red]x[/red] [@click=app.quit]x[/]",
    "이탈예측-최종-정말-최종-진짜정2",
    "e\u0301a\u0300\u0323 👩‍👩‍👧‍👦 👍🏽",
    "x" * 200,
)
NOT_UTF8 = b"\xff\xfe\x1b[5m"
STRANGE = [name for name in HOSTILE if name != "plain"]

# What Textual and a terminal's own modes are made of; nothing else may be written.
CSI = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]")
OSC = re.compile(rb"\x1b\](\d+);([^\x07\x1b]*)(?:\x07|\x1b\\)")
DCS = re.compile(rb"\x1bP[^\x1b]*\x1b\\")
SHORT = re.compile(rb"\x1b(?:[=>78]|[()][AB0])")
FINALS = set(b"HfABCDGdJKmhlqrsutnXc") | {ord("p")}
PLAIN_CONTROLS = {0x0A, 0x0D, 0x08}


def strange_output(data: bytes, copied: tuple[str, ...] = ()) -> list[str]:
    """What a terminal would act on that is none of the screen's own business, each with what stands around it."""
    found = []
    text = bytearray()
    at = 0

    def odd(what: str) -> None:
        found.append(f"{what} at {at}: {data[max(0, at - 30) : at + 40]!r}")

    while at < len(data):
        byte = data[at]
        if byte == 0x1B:
            if match := CSI.match(data, at):
                if match.group()[-1] not in FINALS:
                    odd("an unknown CSI sequence")
            elif match := OSC.match(data, at):
                if match.group(1) not in (b"52", b"22"):
                    odd("an OSC sequence")
                elif match.group(1) == b"52" and match.group(2).decode() not in copied:
                    odd("a clipboard nobody filled")
            elif not (match := SHORT.match(data, at) or (DCS.match(data, at) if at < 4000 else None)):
                odd("an escape that is no sequence")
            at = match.end() if match else at + 1
            continue
        if (byte < 0x20 and byte not in PLAIN_CONTROLS) or byte == 0x7F:
            odd("a control character")
        else:
            text.append(byte)
        at += 1
    for number, character in enumerate(text.decode("utf-8", "replace")):
        category = unicodedata.category(character)
        if (category in ("Cc", "Cs", "Zl", "Zp") and ord(character) not in PLAIN_CONTROLS) or (
            category == "Cf" and character not in "\u200c\u200d"
        ):
            found.append(f"{character!r} as text number {number}")
    return found


def quoted(text: str) -> str:
    """As a YAML scalar that says exactly this."""
    escaped = "".join(
        character if character.isprintable() and character not in '"\\' else f"\\U{ord(character):08x}"
        for character in text
    )
    return f'"{escaped}"'


def file_name(text: str) -> str:
    return text.replace("\0", "").replace("/", "|")[:80] or "none"


def write(path: str | bytes, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)


def hostile_store(root: Path) -> None:
    """A file store with such names everywhere a name can stand: metadata, tags, params, files, folders."""
    now = time.time_ns() // 1_000_000
    day = 86_400_000
    for number, name in enumerate(HOSTILE, 1):
        at = f"{root}/{number}"
        write(
            f"{at}/meta.yaml",
            f"artifact_location: {quoted('file:///x/' + name)}\ncreation_time: {now}\nexperiment_id: '{number}'\n"
            f"last_update_time: {now}\nlifecycle_stage: active\nname: {quoted(name)}\n",
        )
    for number, name in enumerate(HOSTILE):
        run_id = f"{number:032x}"
        at = f"{root}/1/{run_id}"
        write(
            f"{at}/meta.yaml",
            f"artifact_uri: {quoted('file:///x/' + name)}\nend_time: {now - 40 * day}\nentry_point_name: ''\n"
            f"experiment_id: '1'\nlifecycle_stage: active\nrun_id: '{run_id}'\nrun_name: {quoted(name)}\n"
            f"source_name: {quoted(name)}\nsource_type: 4\nsource_version: {quoted(name)}\n"
            f"start_time: {now - 41 * day}\nstatus: 3\ntags: []\nuser_id: {quoted(name)}\n",
        )
        for other in HOSTILE:
            write(f"{at}/metrics/{file_name(other)}", f"{now} 0.5 0\n{now} 0.25 1\n")
            write(f"{at}/params/{file_name(other)}", other)
            write(f"{at}/tags/{file_name(other)}", other)
            write(f"{at}/artifacts/{file_name(other)}", f"text of {other}\n{name}\n")
        write(f"{at}/tags/mlflow.runName", name)
        os.makedirs(os.fsencode(at) + b"/artifacts/" + NOT_UTF8)
    for name in STRANGE:
        write(f"{root}/{file_name(name)}/odd", name)
        write(f"{root}/models/{file_name(name)}/meta.yaml", f"name: {quoted(name)}\ncreation_timestamp: 1\n")
    # Broken where a finding quotes it.
    for number, name in enumerate(STRANGE, 100):
        write(f"{root}/{number}/meta.yaml", f"experiment_id: '{number}'\nname: {quoted(name)}\n{name}\n")
        write(f"{root}/1/{number:032x}/meta.yaml", f"run_id: {quoted(name)}\nstatus: {quoted(name)}\n")
    os.makedirs(os.fsencode(root) + b"/" + NOT_UTF8)


def make_old(root: Path) -> None:
    """Nobody wrote to it for days, so that it may go."""
    then = time.time() - 5 * 86_400
    for folder, folders, files in os.walk(os.fsencode(root), topdown=False):
        for name in (*folders, *files):
            os.utime(os.path.join(folder, name), (then, then))
    os.utime(root, (then, then))


def look_everywhere(screen: Any) -> None:
    """Every screen there is, and rows with every name."""

    def main(text: str) -> bool:
        return "? help" in text and "2 runs" in text

    def visit(key: str, *words: str, then: tuple[str, ...] = ()) -> None:
        screen.keys(key)
        screen.wait_for(*words)
        for one in then:
            screen.keys(one)
        screen.keys("Escape")
        screen.wait(lambda text: main(text) and words[-1] not in text, f"back from {key}")

    screen.wait(lambda text: re.search(r"read in|orphaned", text) is not None and main(text), "read")
    # The tree, every group open, then a run's table with every name.
    for _ in range(12):
        # On what is open already Right goes on to the next panel.
        screen.keys("1", "G", "Right", "Up")
    screen.keys("1", "g", *["C-d"] * 8, "g", "Down")
    screen.keys("2", *["Down"] * 12, *[">"] * 4, *["<"] * 4, "n", "n")
    screen.keys("y", "Y", "1", "g", "Down", "2", "g")
    visit("C", "columns of the runs", then=("Space", "G", *["C-u"] * 6, "Space"))
    visit("i", "run id", then=("Tab", "Down", "Tab", "Down", "Tab", "Down", "Tab", "Tab"))
    visit("x", "mark by rule")
    visit("W", "where the space is")
    visit("F", "worst first", then=("Down", *["C-d"] * 4, "2", "C-d"))
    visit("L", "› log")
    visit("b", "› backups")
    visit("?", "in four steps")
    screen.keys(":")
    screen.wait_for("not now")
    screen.type("go")
    screen.wait_for("go to")
    screen.keys("Escape")
    screen.wait(lambda text: main(text) and "go to" not in text, "back from the palette")
    screen.keys("1", "i")
    screen.wait(lambda text: not main(text), "the entry")
    screen.keys("Escape")
    screen.wait(main, "back from the entry")
    # A clean-up and its way back.
    screen.keys("2", "g", "a")
    screen.wait(lambda text: re.search(r"(\d+) runs?", text) is not None and "●" in text, "marks")
    visit("d", "nothing has changed yet", then=("C-d", "Tab", "C-d"))
    screen.keys("d")
    screen.wait_for("nothing has changed yet")
    screen.keys("Right", "Enter")
    screen.wait(lambda text: main(text) and "z undo" in text and "●" not in text, "done")
    visit("b", "› backups", then=("Tab", "Down", "C-d"))
    visit("L", "› log", then=("Down",))
    screen.keys("z")
    screen.wait_for("Put back")
    screen.keys("Enter")
    screen.wait(lambda text: main(text) and "Put back" not in text and "read in" in text, "put back")
    screen.keys("T", "T")
    screen.wait_for("theme ")
    screen.keys("q")


@pytest.mark.parametrize(
    ("width", "height"), [(140, 40), pytest.param(80, 24, marks=pytest.mark.full)], ids=["140", "80"]
)
def test_nothing_but_the_screens_own_sequences_is_written(
    tmp_path: Path,
    terminal: Callable[..., Any],
    record_property: Callable[[str, object], None],
    width: int,
    height: int,
) -> None:
    root = tmp_path / "mlruns"
    hostile_store(root)
    make_old(root)
    screen = terminal(str(root), width=width, height=height)
    look_everywhere(screen)
    assert "PWNED" not in screen.run("list-panes", "-a", "-F", "#{pane_title} #{window_name}")
    assert screen.wait_for_end() == 0
    data = screen.drain()
    record_property("bytes of terminal output looked through", len(data))
    assert len(data) > 50_000
    copied = tuple(found.decode() for found in re.findall(rb"\x1b\]52;([^\x07\x1b]*)", data))
    assert len(copied) == 2
    assert all(base64.b64decode(one.partition(";")[2]).decode().isprintable() for one in copied), "what y and Y copied"
    assert strange_output(data, copied) == []


def test_copying_reaches_the_terminal(pristine_demo: tuple[Path, Any], terminal: Callable[..., Any]) -> None:
    root = pristine_demo[0]
    screen = terminal(str(root))
    screen.wait_for("read in", "finished")
    screen.keys("2", "y")
    screen.wait_for("sent to tmux; it passes it on with set-clipboard on")
    screen.keys("Y")
    screen.wait_for(f" {str(root)[:20]}", "sent to tmux")
    screen.keys("q")
    assert screen.wait_for_end() == 0
    copied = re.findall(rb"\x1b\]52;c;([^\x07\x1b]*)\x07", screen.drain())
    run_id, path = (base64.b64decode(one).decode() for one in copied)
    assert len(run_id) == 32
    assert path.startswith(f"{root}/")
    assert path.endswith(f"/{run_id}")


@pytest.mark.parametrize(
    "bad",
    ["\x1b]0;PWNED\x07", "\x1b[5i", "\x07", "\x9b31m", "\x9d0;x\x9c", "\u202e", "\x1bc", "\x0e", "\x7f", "\u2028"],
)
def test_the_look_through_finds_what_a_terminal_would_act_on(bad: str) -> None:
    assert strange_output(b"\x1b[1;1H\x1b[38;2;1;2;3mfine\x1b[0m" + bad.encode())
    assert not strange_output("\x1b[?1049h\x1b[2;3Hschön 한글 👩‍👩‍👧‍👦\r\n".encode())
