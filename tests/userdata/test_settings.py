"""The settings file: what it may say, and that anything else is an error with its line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from textual.keys import _character_to_key

from mlruns_tui.model.errors import UsageError
from mlruns_tui.tui import commands
from mlruns_tui.userdata.key_names import key_name
from mlruns_tui.userdata.settings import MAX_BYTES, Settings, read_settings, settings_path

COMMANDS = {"undo": "z", "sort.size": "s", "mark.all": "a", "look.findings": "F,4", "palette": "ctrl+p,colon"}


def settings(tmp_path: Path, text: str | bytes) -> Settings:
    path = tmp_path / "config.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_settings(str(path), COMMANDS)


def error(tmp_path: Path, text: str | bytes) -> UsageError:
    with pytest.raises(UsageError) as caught:
        settings(tmp_path, text)
    assert caught.value.path == str(tmp_path / "config.yaml")
    assert caught.value.hint
    return caught.value


def test_where_the_file_is() -> None:
    assert settings_path({"MLRUNS_TUI_CONFIG": "/etc/x.yaml", "XDG_CONFIG_HOME": "/c"}) == "/etc/x.yaml"
    assert settings_path({"XDG_CONFIG_HOME": "/c"}) == "/c/mlruns-tui/config.yaml"
    home = os.path.expanduser("~/.config/mlruns-tui/config.yaml")
    assert settings_path({}) == settings_path({"XDG_CONFIG_HOME": "not/absolute"}) == home


def test_no_file_is_all_defaults(tmp_path: Path) -> None:
    assert read_settings(str(tmp_path / "none.yaml"), COMMANDS) == Settings()


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "keys:\n"])
def test_an_empty_file_says_nothing(tmp_path: Path, text: str) -> None:
    found = settings(tmp_path, text)
    assert (found.theme, found.mouse, found.ascii, found.read_only, found.keys) == (None, True, False, False, {})


def test_every_setting_is_taken(tmp_path: Path) -> None:
    text = "theme: mlruns-light\nmouse: false\nascii: true\nread_only: true\nkeys: {undo: [f9, ctrl+z], mark.all: ''}\n"
    assert settings(tmp_path, text) == Settings(
        "mlruns-light",
        False,
        True,
        True,
        {"undo": "f9,ctrl+z", "mark.all": ""},
        frozenset({"theme", "mouse", "ascii", "read_only", "keys"}),
    )


@pytest.mark.parametrize(
    ("value", "keys"),
    [
        ("9", "9"),
        ("','", "comma"),
        ("x,y", "x,y"),
        ("[x, y]", "x,y"),
        ("G", "G"),
        ("", ""),
        ("ü", "ü"),
        ("'?'", "question_mark"),
        ("'='", "equals_sign"),
        ("'[, <'", "left_square_bracket,less_than_sign"),
        ("ctrl+/", "ctrl+slash"),
    ],
)
def test_how_keys_are_written(tmp_path: Path, value: str, keys: str) -> None:
    assert settings(tmp_path, f"keys:\n  undo: {value}\n").keys == {"undo": keys}


def test_two_commands_may_swap_their_keys(tmp_path: Path) -> None:
    assert settings(tmp_path, "keys: {undo: s, sort.size: z}").keys == {"undo": "s", "sort.size": "z"}


def test_a_link_to_the_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "dotfiles.yaml").write_text("theme: nord\n")
    (tmp_path / "config.yaml").symlink_to("dotfiles.yaml")
    assert read_settings(str(tmp_path / "config.yaml"), COMMANDS).theme == "nord"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("mouse: true\ntheem: x\n", 2, "no setting “theem”"),
        ("keys:\n  undo: x\n  udno: y\n", 3, "no command “udno”"),
        ("keys:\n  undo: a b\n", 2, "“a b” is no key"),
        ("keys:\n  undo: 'ctrl+'\n", 2, "is no key"),
        ("keys:\n  undo: none\n", 2, "“none” is no key"),
        ("keys:\n  undo: f25\n", 2, "“f25” is no key"),
        ("keys:\n  undo: latin_small_letter_a\n", 2, "is no key"),
        ("keys:\n  undo: s\n", 2, "s is the key of sort.size already"),
        ("keys:\n  undo: [x]\n  mark.all: [q, x]\n", 3, "x is the key of undo already"),
        ("theme: 3\n", 1, "theme must be a name"),
        ("mouse: sometimes\n", 1, "mouse must be true or false"),
        ("\nkeys: [undo]\n", 2, "keys must be commands and their keys"),
        ("theme: a\ntheme: b\n", 2, "stands there twice"),
        ("- theme\n", 1, "must hold settings"),
        ("theme: [\n", 2, "is not YAML"),
        ("a: *unknown\n", 1, "is not YAML"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    found = error(tmp_path, text)
    assert found.message.startswith(f"line {line} of the settings: ")
    assert words in found.message


@pytest.mark.parametrize(
    "text",
    [b"\xff\xfe\x00", b"theme: \x00", b"[" * 50_000, b"!!python/object/apply:os.system ['x']", b"? {a: b}\n: c\n"],
)
def test_hostile_files_are_errors_without_a_traceback(tmp_path: Path, text: bytes) -> None:
    assert error(tmp_path, text).code == "bad-settings"


def test_too_large_a_file_a_folder_and_a_pipe_are_not_read(tmp_path: Path) -> None:
    assert "too many" in error(tmp_path, b"#" * (MAX_BYTES + 1)).message
    for make in (os.mkdir, os.mkfifo):
        path = tmp_path / make.__name__
        make(path)
        with pytest.raises(UsageError, match="cannot be read"):
            read_settings(str(path), COMMANDS)


def test_the_nearest_name_is_offered(tmp_path: Path) -> None:
    assert error(tmp_path, "thme: x\n").hint == "did you mean theme?"
    assert error(tmp_path, "zzzz: x\n").hint == "mlruns-tui config show lists all there are"


@pytest.mark.parametrize("sign", "!\"#$%&'()*+-./:;<=>?@[\\]^_`{|}~§")
def test_a_sign_is_called_as_the_screen_is_told_it(sign: str) -> None:
    assert key_name(sign) == _character_to_key(sign)
    assert key_name(_character_to_key(sign)) == _character_to_key(sign)


def test_every_key_of_the_table_has_its_own_name() -> None:
    for command in commands.COMMANDS:
        assert [key_name(key) for key in command.keys.split(",")] == command.keys.split(",")


def test_a_sign_that_is_another_commands_key_is_refused(tmp_path: Path) -> None:
    told = {"columns": "C", "look.compare": "equals_sign"}
    (tmp_path / "config.yaml").write_text("keys:\n  columns: '='\n")
    with pytest.raises(UsageError, match=r"equals_sign is the key of look\.compare already"):
        read_settings(str(tmp_path / "config.yaml"), told)
