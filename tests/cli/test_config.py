"""``config path`` and ``config show``, and that the screen opens with what the file says unless told otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.tui.commands import COMMANDS

Run = Callable[..., Any]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.yaml"
    monkeypatch.setenv("MLRUNS_TUI_CONFIG", str(path))
    return path


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = []

    def open_screen(store: str | None, database: str | None, **options: Any) -> int:
        seen.append(options)
        return 0

    monkeypatch.setattr("mlruns_tui.cli.screen.has_terminal", lambda: True)
    monkeypatch.setattr("mlruns_tui.cli.screen.open_screen", open_screen)
    return seen


def test_path_prints_the_path_alone_and_makes_nothing(run: Run, file: Path) -> None:
    done = run("config", "path")
    assert (done.code, done.out, done.err) == (0, f"{file}\n", "")
    assert not file.exists()


def test_show_without_a_file_lists_every_setting_and_command_as_default(run: Run, file: Path) -> None:
    document = run("config", "show", "--json").json
    assert document["path"] == str(file)
    assert document["exists"] is False
    assert {one["source"] for one in document["settings"]} == {"default"}
    assert [one["command"] for one in document["keys"]] == [one.id for one in COMMANDS]
    assert "not there: all defaults" in run("config", "show").out


def test_show_says_where_each_value_comes_from(run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("theme: nord\nmouse: false\nkeys: {undo: [f9, ctrl+z], mark.all: ''}\n")
    monkeypatch.setenv("MLRUNS_TUI_THEME", "mlruns-light")
    document = run("config", "show", "--json").json
    assert {one["name"]: (one["value"], one["source"]) for one in document["settings"]} == {
        "theme": ("mlruns-light", "MLRUNS_TUI_THEME"),
        "mouse": (False, "file"),
        "ascii": (False, "default"),
        "read_only": (False, "default"),
    }
    keys = {one["command"]: (one["keys"], one["source"]) for one in document["keys"]}
    assert keys["undo"] == (["f9", "ctrl+z"], "file")
    assert keys["mark.all"] == ([], "file")


def test_the_screen_opens_with_the_file_and_options_come_before_it(
    run: Run, file: Path, opened: list[dict[str, Any]]
) -> None:
    file.write_text("theme: nord\nmouse: false\nascii: true\nread_only: true\nkeys: {undo: f9}\n")
    assert run("./mlruns").code == 0
    assert run("./mlruns", "--theme", "mlruns-dark", "--mouse").code == 0
    assert opened == [
        {"theme": "nord", "mouse": False, "ascii_signs": True, "read_only": True, "keymap": {"undo": "f9"}},
        {"theme": "mlruns-dark", "mouse": True, "ascii_signs": True, "read_only": True, "keymap": {"undo": "f9"}},
    ]


def test_a_wrong_file_is_one_line_and_opens_nothing(run: Run, file: Path, opened: list[dict[str, Any]]) -> None:
    file.write_text("mouse: true\ntheem: nord\n")
    for words in (["./mlruns"], ["config", "show"]):
        done = run(*words)
        assert (done.code, done.out) == (2, "")
        assert done.err == (
            f"mlruns-tui: {file}: line 2 of the settings: there is no setting “theem” (did you mean theme?)\n"
        )
    assert opened == []
    assert run("config", "path").code == 0


def test_a_wrong_file_stops_no_other_command(start: Run, file: Path, tmp_path: Path) -> None:
    file.write_text("theem: nord\n")
    assert start("demo", "--no-tui", "--path", str(tmp_path / "demo")).code == 0
    assert start("list", str(tmp_path / "demo" / "mlruns")).code == 0


def test_the_readmes_example_is_accepted(run: Run, file: Path) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    file.write_text(readme.partition("```yaml\n")[2].partition("```")[0])
    assert "f9" in run("config", "show").out
