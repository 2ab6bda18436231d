"""``list``: what is in a store, for people and for scripts."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def test_experiments_are_listed_with_runs_and_state(run: Run, store: Any) -> None:
    done = run("list", store.path)
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == f"{store.path}  file store"
    assert lines[1].startswith("3 experiments (1 orphaned), 7 runs (0 deleted), ")
    rows = {line.split()[0]: line.split() for line in lines[4:]}
    assert rows["vision"][1:3] == ["1", "3"]
    assert rows["617283940118264051"][-1] == "orphaned"


def test_json_counts_what_is_there(run: Run, store: Any) -> None:
    document = run("list", store.path, "--runs", "--json").json
    totals = document["totals"]
    assert (totals["experiments"], totals["orphaned_experiments"], totals["runs"]) == (3, 1, 7)
    files = [path for path in store.root.rglob("*") if path.is_file()]
    assert totals["files"] == len(files)
    assert totals["size_bytes"] == sum(path.stat().st_size for path in files)
    assert len(document["runs"]) == 7
    run_item = next(one for one in document["runs"] if one["run_name"] == "vision-0")
    assert run_item["path"] == f"1/{store.old_runs()[0]}"
    assert run_item["status"] == "FINISHED"
    assert run_item["user_id"] == "alice"
    assert run_item["protected"] == []


def test_ndjson_is_the_same_items_one_a_line(run: Run, store: Any) -> None:
    document = run("list", store.path, "--runs", "--json").json
    assert run("list", store.path, "--runs", "--ndjson").lines == document["experiments"] + document["runs"]


def test_a_run_says_what_would_protect_it(run: Run, store: Any) -> None:
    store.run("1", "c" * 32, "alive", 3, status=1)
    store.run("1", "d" * 32, "child", 70, **{"mlflow.parentRunId": store.old_runs()[0]})
    runs = {one["run_id"]: one for one in run("list", store.path, "--runs", "--json").json["runs"]}
    assert [one["kind"] for one in runs["c" * 32]["protected"]] == ["running"]
    assert [one["kind"] for one in runs[store.old_runs()[0]]["protected"]] == ["parent"]
    assert runs["d" * 32]["protected"] == []


def test_columns_and_order_are_as_asked(run: Run, store: Any) -> None:
    done = run("list", store.path, "--columns", "state,name", "--sort", "name", "--reverse")
    names = [line.split()[-1] for line in done.out.splitlines()[4:]]
    assert names == ["vision", "text", "617283940118264051"]
    assert done.out.splitlines()[3].split() == ["state", "name"]


def test_runs_are_sorted_by_age(run: Run, store: Any) -> None:
    done = run("list", store.path, "--runs", "--sort", "age", "--json")
    ended = [one["end_time"] for one in done.json["runs"]]
    assert ended[:-1] == sorted(ended[:-1])
    assert ended[-1] is None


def test_without_a_store_the_one_here_is_meant(start: Run, store: Any) -> None:
    done = start("list", "--json", cwd=store.root.parent)
    assert done.json["store"]["uri"] == f"file://{store.path}"


def test_a_project_directory_stands_for_its_store(run: Run, store: Any) -> None:
    assert run("list", str(store.root.parent), "--json").json["store"]["uri"] == f"file://{store.path}"


def test_names_cannot_act_on_the_terminal(run: Run, store: Any) -> None:
    store.run("1", "e" * 32, '"\\x1b]0;owned\\x07\\u202e"', 5)
    done = run("list", store.path, "--runs")
    assert "owned" in done.out
    assert not {"\x1b", "\x07", "\u202e"} & set(done.out)


def test_no_colour_without_a_terminal_or_with_no_color(run: Run, in_terminal: Run, store: Any) -> None:
    assert "\x1b" not in run("list", store.path).out
    assert "\x1b[1m" in in_terminal("list", store.path).out
    shown = in_terminal("list", store.path, env={"NO_COLOR": "1"}).out
    assert "\x1b[1m" not in shown
    assert "vision" in shown


def test_paths_that_are_not_utf8_are_listed_whatever_the_locale(start: Run, store: Any) -> None:
    odd = os.fsdecode(os.fsencode(store.root.parent) + b"/caf\xe9")
    os.rename(store.path, odd)
    for env in ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"PYTHONIOENCODING": "ascii"}):
        done = start("list", odd, "--runs", "--json", env=env)
        assert done.code == 0, done.err
        assert done.out.isascii()
        assert done.json["store"]["uri"].endswith("/caf%E9")
        text = start("list", odd, "--runs", env=env)
        assert text.code == 0, text.err
        assert "caf\\xe9" in text.out


def test_looking_changes_nothing(run: Run, store: Any, tree: Callable[[Path], Any]) -> None:
    before = tree(store.root.parent)
    for words in (["list", "--runs"], ["cleanup", "--days-old", "30", "--dry-run"], ["backups", "list"]):
        assert run(*words, store.path).code == 0
    assert tree(store.root.parent) == before


@pytest.mark.parametrize("verb", [["list"], ["cleanup", "--force"], ["undo"], ["backups", "list"]])
def test_a_wrong_path_is_refused_and_nothing_is_made(
    start: Run, tmp_path: Path, tree: Callable[[Path], Any], verb: list[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    home = tmp_path / "home"
    home.mkdir()
    (home / ".profile").write_text("")
    before = tree(tmp_path)
    for path in (tmp_path / "nowhere", tmp_path / "file", tmp_path / "empty", Path("/"), home):
        done = start(*verb, str(path), env={"HOME": str(home)})
        assert done.code == 2, (path, done)
        assert done.out == ""
        assert len(done.err.splitlines()) == 1
        assert str(path) in done.err
    assert tree(tmp_path) == before


def test_a_store_that_cannot_be_read_is_refused(command: list[str], ordinary_user: list[str], store: Any) -> None:
    import subprocess

    store.root.chmod(0)
    try:
        done = subprocess.run(
            [*ordinary_user, *command, "list", store.path], capture_output=True, text=True, check=False
        )
    finally:
        store.root.chmod(0o755)
    assert done.returncode == 2
    assert "permission denied" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_batch_that_stopped_half_way_is_told_with_what_settles_it(run: Run, store: Any) -> None:
    assert run("cleanup", store.path, "--days-old", "30", "--force").code == 0
    assert run("list", store.path, "--json").json["messages"] == []
    (journal,) = store.root.glob(".mlruns-tui.trash/batches/*/journal*")
    lines = journal.read_bytes().splitlines(keepends=True)
    assert b'"end"' in lines[-1]
    journal.write_bytes(b"".join(lines[:-1]))
    batch = journal.parent.name
    said = f"batch {batch} is not finished: it stopped half-way; mlruns-tui recover {store.path} goes on with it or takes it back"
    assert run("list", store.path, "--json").json["messages"] == [said]
    done = run("list", store.path)
    assert done.code == 0
    assert done.err == f"mlruns-tui: {said}\n"
    assert run("undo", store.path).code == 0
    assert run("list", store.path).err == ""
