"""Nothing in the README is only words: commands parse, keys exist, figures come from the program."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from mlruns_tui.tui.commands import help_lines

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
GROUPS = (("move", "move"), ("mark", "mark"), ("act", "act"), ("look", "look"), ("rest", "the rest"))
MARKS = re.compile(r"(<!-- keys:.*?-->\n)(.*?)(<!-- /keys -->)", re.DOTALL)


def key_table() -> str:
    lines = ["", "| | key | does |", "|---|---|---|"]
    for group, title in GROUPS:
        for keys, text, _ in help_lines(group, {}):
            shown = " ".join(f"`{key}`" for key in keys.split())
            lines.append(f"| {title} | {shown} | {text} |")
            title = ""
    return "\n".join([*lines, "", ""])


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def test_the_keys_are_those_of_the_command_table() -> None:
    """``UPDATE_README=1`` writes them instead."""
    text = README.read_text(encoding="utf-8")
    assert MARKS.search(text)
    wanted = MARKS.sub(lambda match: match[1] + key_table() + match[3], text)
    if os.environ.get("UPDATE_README"):
        README.write_text(wanted, encoding="utf-8")
    assert README.read_text(encoding="utf-8") == wanted


def commands() -> list[list[str]]:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    text = README.read_text(encoding="utf-8")
    inline = [found for found in re.findall(r"`(mlruns-tui [^`]*)`", text) if "[" not in found]
    found = []
    for line in [*lines, *inline]:
        for part in re.split(r"&&", line):
            words = shlex.split(part)
            if words and words[0].rsplit("/", 1)[-1] == "mlruns-tui":
                found.append(words[1:])
    return found


@pytest.mark.parametrize("arguments", commands(), ids=" ".join)
def test_every_command_is_understood(arguments: list[str], command: list[str]) -> None:
    done = subprocess.run([*command, *arguments, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Usage: " in done.stdout
    for option in (word for word in arguments if word.startswith("--")):
        assert option.split("=")[0] in done.stdout
    verb = next((word for word in arguments if word.isalpha()), "")
    if verb in ("list", "doctor", "cleanup", "undo", "backups", "demo"):
        assert verb in done.stdout.split("\n\n")[0]


def test_the_two_commands_at_the_top_come_first() -> None:
    first, second = blocks("sh")[:2]
    assert first.strip().endswith("mlruns-tui demo")
    assert "-m pytest" in second


def test_the_python_example_names_what_exists() -> None:
    import mlruns_tui

    (example,) = blocks("python")
    compile(example, "README", "exec")
    for name in re.findall(r"import (.*)", example)[0].split(", "):
        assert callable(getattr(mlruns_tui, name))


def test_every_picture_exists() -> None:
    for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README.read_text(encoding="utf-8")):
        assert (ROOT / path).is_file(), path


def test_no_path_of_a_machine_and_no_registry_is_named_in_the_project() -> None:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    hosts = [
        "py" + "pi.org",
        "python" + "hosted.org",
        "deb." + "debian.org",
        "registry." + "npmjs.org",
        "/ro" + "ot/",
        "/wo" + "rk/",
    ]
    for name in done.stdout.split("\0"):
        path = ROOT / name
        if name and path.is_file() and path.suffix not in (".png", ".gz", ".db"):
            text = path.read_text(encoding="utf-8", errors="replace")
            assert not [host for host in hosts if host in text], name
