"""The program as a whole: what it loads, how it refuses, what it says about itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cli.group import COMMANDS

Run = Callable[..., Any]
VERSION = re.compile(r"mlruns-tui \d+\.\d+.*\n")


def loaded(code: str) -> set[str]:
    """Names of the modules a clean interpreter holds after ``code``."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_version_is_told_before_click_is_loaded() -> None:
    modules = loaded("from mlruns_tui.cli import main\nassert main(['--version']) == 0")
    assert not {name.split(".")[0] for name in modules} & {"click", "textual", "mlflow", "yaml", "humanize"}
    assert "importlib.metadata" not in modules


def test_the_version_is_the_packages_own(start: Run) -> None:
    import importlib.metadata

    assert start("--version").out == f"mlruns-tui {importlib.metadata.version('mlruns-tui')}\n"
    assert start("-V").code == 0


def test_help_needs_neither_textual_nor_mlflow_nor_yaml() -> None:
    for words in (
        ["--help"],
        ["cleanup", "--help"],
        ["list", "--help"],
        ["backups", "purge", "--help"],
        ["demo", "-h"],
    ):
        modules = loaded(f"from mlruns_tui.cli import main\nassert main({words!r}) == 0")
        assert not {name.split(".")[0] for name in modules} & {"textual", "rich", "mlflow", "yaml", "sqlite3"}, words


def test_importing_the_package_loads_nothing_but_itself() -> None:
    # What is part of the interpreter costs nothing.
    before = loaded("") | set(sys.builtin_module_names)
    assert {name for name in loaded("import mlruns_tui") - before if "mlruns_tui" not in name} == set()
    assert {name for name in loaded("import mlruns_tui.cli") - before if "mlruns_tui" not in name} == set()


def test_without_a_terminal_the_help_is_shown_and_nothing_hangs(start: Run, tmp_path: Path) -> None:
    done = start(cwd=tmp_path)
    assert done.code == 2
    assert done.out == ""
    assert "Usage: mlruns-tui [OPTIONS] [STORE]" in done.err
    assert "needs a terminal" in done.err.splitlines()[-1]


def test_help_lists_every_command_that_exists_and_no_other(start: Run) -> None:
    done = start("--help")
    assert done.code == 0
    told = done.out.partition("Commands:")[2].partition("Options")[0]
    assert re.findall(r"^  (\w+)  ", told, re.MULTILINE) == list(COMMANDS)
    assert {"list", "doctor", "cleanup", "undo", "backups", "config", "demo"} <= set(COMMANDS)
    assert all(start(name, "--help").code == 0 for name in COMMANDS)
    assert "_MLRUNS_TUI_COMPLETE=bash_source" in done.out
    assert "Exit codes" in done.out


@pytest.mark.parametrize(
    "words",
    [["list"], ["cleanup"], ["undo"], ["backups", "list"], ["backups", "show"], ["backups", "restore"],
     ["backups", "purge"], ["demo"]],
)  # fmt: skip
def test_every_command_has_examples_json_and_a_schema(run: Run, words: list[str]) -> None:
    helped = run(*words, "--help")
    assert helped.code == 0
    assert "Examples:" in helped.out
    assert f"mlruns-tui {' '.join(words)}" in helped.out
    assert "--json" in helped.out
    schema = run(*words, "--schema")
    assert schema.code == 0
    assert schema.json["title"] == f"mlruns-tui {words[0] if words[0] != 'undo' else 'backups'}"
    if words != ["demo"]:
        assert "--database" in helped.out


@pytest.mark.parametrize(
    "words",
    [["list", "--nonsense"], ["cleanup", "--days-old", "many"], ["cleanup", "--days-old", "-1"], ["list", "a", "b"],
     ["cleanup", "--min-idle", "5"], ["list", "--columns", "colour"], ["backups", "nonsense"], ["list", ""],
     ["cleanup", "--unsafe-link"], ["cleanup", "--lock-timeout", "soon"], ["--theme"], ["demo", "--seed", "x"]],
)  # fmt: skip
def test_wrong_use_costs_one_line_and_exit_2(start: Run, words: list[str]) -> None:
    done = start(*words)
    assert done.code == 2
    assert done.out == ""
    assert len(done.err.splitlines()) == 1, done.err
    assert done.err.startswith("mlruns-tui: ")
    assert "Traceback" not in done.err


@pytest.mark.parametrize("words", [["list", "--nonsense"], ["cleanup", "--days-old", "x"], ["undo", "/nowhere"]])
def test_wrong_use_is_a_document_where_json_is_asked_for(start: Run, words: list[str]) -> None:
    done = start(*words, "--json")
    assert done.code == 2
    assert done.json["document"] == "error"
    assert done.json["version"] == 1
    assert done.json["error"].keys() == {"code", "message", "path", "hint"}
    assert done.err == ""


def test_backups_alone_says_what_there_is(start: Run) -> None:
    done = start("backups")
    assert done.code == 2
    assert done.out == ""
    assert "restore" in done.err


def test_windows_is_refused_with_a_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    done = run("list")
    assert done.code == 2
    assert "Windows is not supported" in done.err
    assert "WSL" in done.err


def test_a_fault_of_our_own_is_one_line_and_a_way_to_the_rest(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr("mlruns_tui.cli.listing.read_store", broken)
    done = run("list")
    assert done.code == 1
    assert len(done.err.splitlines()) == 1
    assert "a fault of the program itself: KeyError: 'x'" in done.err
    assert "MLRUNS_TUI_DEBUG=1" in done.err
    assert run("list", "--json").json["error"]["code"] == "internal-error"
    monkeypatch.setenv("MLRUNS_TUI_DEBUG", "1")
    assert "Traceback" in run("list").err


def test_ctrl_c_while_reading_changes_nothing_and_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mlruns_tui.cli.cleanup.read_store", interrupted)
    done = run("cleanup")
    assert done.code == 130
    assert done.err.strip() == "mlruns-tui: interrupted; nothing was changed"


def test_a_first_word_that_is_no_command_is_the_store(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[Any, ...]] = []

    def open_screen(store: str | None, database: str | None, **options: Any) -> int:
        opened.append((store, database, options))
        return 0

    monkeypatch.setattr("mlruns_tui.cli.screen.has_terminal", lambda: True)
    monkeypatch.setattr("mlruns_tui.cli.screen.open_screen", open_screen)
    monkeypatch.setenv("MLRUNS_TUI_CONFIG", "/nowhere/config.yaml")
    plain = {"read_only": False, "ascii_signs": False, "theme": None, "mouse": True, "keymap": {}}
    assert run("./list").code == 0
    assert run("--read-only", "--ascii", "/data/mlruns", "--no-mouse", "--theme", "mlruns-light").code == 0
    assert run("--database", "sqlite:///x.db").code == 0
    assert run().code == 0
    monkeypatch.setenv("MLRUNS_TUI_READ_ONLY", "1")
    monkeypatch.setenv("MLRUNS_TUI_DATABASE", "sqlite:///y.db")
    assert run("store").code == 0
    assert opened == [
        ("./list", None, plain),
        (
            "/data/mlruns",
            None,
            {**plain, "read_only": True, "ascii_signs": True, "theme": "mlruns-light", "mouse": False},
        ),
        (None, "sqlite:///x.db", plain),
        (None, None, plain),
        ("store", "sqlite:///y.db", {**plain, "read_only": True}),
    ]


@pytest.mark.parametrize("words", [["clenup", "./mlruns"], ["lists"], ["backup"]])
def test_a_misspelt_command_is_answered_with_the_right_one(start: Run, tmp_path: Path, words: list[str]) -> None:
    done = start(*words, cwd=tmp_path)
    assert done.code == 2
    assert re.fullmatch(
        r"mlruns-tui: \w+ is neither .*\(did you mean mlruns-tui (list|cleanup|backups)\?\)\n", done.err
    )


def test_a_directory_that_is_gone_is_told(command: list[str], tmp_path: Path) -> None:
    for words in ("list", "undo", "backups list", "backups show 20200101-0000-0000"):
        script = f"mkdir here && cd here && rmdir ../here && exec {subprocess.list2cmdline(command)} {words}"
        done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert done.stderr.endswith("mlruns-tui: the current directory does not exist any more (name the store)\n")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_do_no_harm(command: list[str], store: Any, closed: str) -> None:
    line = f"{subprocess.list2cmdline(command)} cleanup {store.path} --force {closed}"
    assert subprocess.run(["bash", "-c", line], capture_output=True, check=False).returncode == 0
    assert not (store.root / "617283940118264051").exists()


def test_a_wrong_path_is_told_before_the_screen_opens(in_terminal: Run, tmp_path: Path) -> None:
    done = in_terminal(str(tmp_path / "nowhere"))
    assert done.code == 2
    assert "no such directory" in done.out
    assert "\x1b[?1049h" not in done.out


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("mlruns-tui ba", {"backups"}), ("mlruns-tui backups re", {"restore"}), ("mlruns-tui cleanup --days", {"--days-old"}),
     ("mlruns-tui --read", {"--read-only"}), ("mlruns-tui list --sor", {"--sort"})],
)  # fmt: skip
def test_the_shell_completes_commands_and_options(start: Run, typed: str, expected: set[str]) -> None:
    words = typed.split(" ")
    done = start(env={"_MLRUNS_TUI_COMPLETE": "bash_complete", "COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1)})
    assert expected <= {line.partition(",")[2] for line in done.out.splitlines()}, done.out + done.err


def test_output_cut_short_by_its_reader_is_no_error_message(command: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        f"{subprocess.list2cmdline(command)} list --schema | true",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [(["nosuchcmd", "--json"], "nosuchcmd is neither a command nor a store"),
     (["nosuchcmd", "--runs"], "nosuchcmd is neither a command nor a store"),
     (["--json", "nosuchcmd"], "nosuchcmd is neither a command nor a store"),
     (["backups", "--json"], "no such command: --json stands where list, show, restore, pack, verify or purge must"),
     (["backups", "nosuchcmd", "--json"], "No such command 'nosuchcmd'.")],
)  # fmt: skip
def test_options_of_a_command_that_is_none_do_not_hide_what_is_wrong(
    start: Run, tmp_path: Path, words: list[str], said: str
) -> None:
    done = start(*words, cwd=tmp_path)
    assert done.code == 2
    if "--json" in words:
        assert done.json["error"]["message"] == said
    else:
        assert done.err.startswith(f"mlruns-tui: {said} (")


def test_a_store_that_is_there_is_not_taken_for_a_command(start: Run, store: Any) -> None:
    done = start("mlruns", "--json", cwd=store.root.parent)
    assert done.code == 2
    assert done.json["error"]["message"] == "No such option '--json'."


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "words", [["list"], ["list", "--json"], ["list", "--ndjson"], ["--help"], ["list", "--schema"], ["--version"]]
)
def test_a_full_disk_under_the_output_is_said_in_one_line(
    command: list[str], store: Any, words: list[str], unbuffered: str
) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*command, *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=store.root.parent,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )  # fmt: skip
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("mlruns-tui: the output could not be written: No space left on device; ")
    assert "fault" not in done.stderr


def test_another_errors_full_disk_is_not_taken_for_the_outputs(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mlruns_tui.cli.listing.read_store", full)
    done = run("list")
    assert done.code == 1
    assert "a fault of the program itself: OSError" in done.err


@pytest.mark.parametrize(
    ("arguments", "environ", "plain"),
    [
        ([], {}, True),
        (["mlruns"], {}, True),
        (["./list"], {}, True),
        (["data/mlruns"], {"MLRUNS_TUI_DEBUG": "1", "MLRUNS_TUI_CONFIG": "/x"}, True),
        (["list"], {}, False),
        (["lists"], {}, False),
        (["--ascii"], {}, False),
        (["sqlite:///x.db"], {}, True),
        (["mlruns", "--ascii"], {}, False),
        (["mlruns"], {"MLRUNS_TUI_READ_ONLY": "1"}, False),
        ([], {"_MLRUNS_TUI_COMPLETE": "bash_complete"}, False),
    ],
)
def test_only_a_bare_store_opens_the_screen_without_a_look_at_options(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], environ: dict[str, str], plain: bool
) -> None:
    from mlruns_tui.cli import opening

    monkeypatch.setattr(opening, "has_terminal", lambda: True)
    assert opening.is_plain(arguments, environ) is plain
    monkeypatch.setattr(opening, "has_terminal", lambda: False)
    assert not opening.is_plain(arguments, environ)
