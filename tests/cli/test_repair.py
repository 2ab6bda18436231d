"""``repair`` shows its plan, asks, mends, and is taken back byte for byte."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture
def sound(store: Any) -> Any:
    """The store with ids that are text to YAML as well."""
    for meta in store.root.glob("*/*/meta.yaml"):
        meta.write_text(meta.read_text().replace(f"run_id: {meta.parent.name}", f"run_id: '{meta.parent.name}'"))
    store.age(store.root, 50)
    return store


@pytest.fixture
def broken(sound: Any) -> Any:
    """Experiment 1 without meta.yaml, a run of 2 with an empty one, a stray folder, a bad metric line: all old."""
    store = sound
    (store.root / "1" / "meta.yaml").unlink()
    run = store.root / "2" / store.old_runs()[2]
    (run / "meta.yaml").write_bytes(b"")
    loss = store.root / "2" / store.old_runs()[3] / "metrics" / "loss"
    loss.write_bytes(loss.read_bytes() + b"garbage\n")
    (store.root / ".git").mkdir()
    (store.root / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    store.age(store.root, 50)
    return store


def test_a_dry_run_says_what_would_be_done_and_changes_nothing(run: Run, broken: Any, tree: Any) -> None:
    before = tree(broken.root)
    done = run("repair", broken.root, "--dry-run")
    assert done.code == 0
    assert "meta.yaml rebuilt from 3 runs, named recovered-1" in done.out
    assert "1 of 2 lines taken out" in done.out
    assert ".git" in done.out and "moved out, 1 file" in done.out
    assert f"mlruns-tui undo {broken.root}" in done.out
    assert tree(broken.root) == before


def test_without_a_terminal_it_names_the_option_and_changes_nothing(run: Run, broken: Any, tree: Any) -> None:
    before = tree(broken.root)
    done = run("repair", broken.root)
    assert done.code == 2
    assert "--force" in done.err
    assert tree(broken.root) == before
    refused = run("repair", broken.root, "--json")
    assert refused.code == 2
    assert refused.json["error"]["code"] == "confirmation-needed"
    assert len(refused.json["plan"]["items"]) == 5


def test_mended_and_taken_back_byte_for_byte(run: Run, broken: Any, copy_of: Any, same: Any) -> None:
    before = copy_of(broken.root)
    done = run("repair", broken.root, "--force", "--name", "1=churn 2024")
    assert done.code == 0, done.err
    assert "MLflow has nothing to complain of" not in done.out  # the orphan is for cleanup
    assert "name: churn 2024" in (broken.root / "1" / "meta.yaml").read_text()
    assert not (broken.root / ".git").exists()
    left = run("doctor", broken.root, "--json").json["findings"]
    assert {one["code"] for one in left if one["impact"] != "silent"} == {"experiment-meta-missing", "run-meta-missing"}
    listed = run("backups", "show", broken.root, os.listdir(broken.root / ".mlruns-tui.trash" / "batches")[0])
    assert "meta.yaml rebuilt from 3 runs" in listed.out
    undone = run("undo", broken.root)
    assert undone.code == 0
    assert "5 repairs taken back" in undone.out
    assert same(before, broken.root)


def test_the_document_fits_its_schema_and_says_what_was_done(run: Run, broken: Any) -> None:
    schema = run("repair", "--schema").json
    planned = run("repair", broken.root, "--dry-run", "--json").json
    assert set(planned) == set(schema["properties"])
    assert set(planned["plan"]) == set(schema["properties"]["plan"]["properties"])
    assert planned["result"] is None and planned["dry_run"] is True
    done = run("repair", broken.root, "--force", "--json").json
    assert {one["outcome"] for one in done["result"]["items"]} == {"done"}
    assert done["plan"]["totals"]["items"] == done["result"]["totals"]["items"] == 5
    assert done["left"] == 2
    assert {one["action"] for one in done["plan"]["items"]} == {"repair"}
    assert all(one["what"] for one in done["plan"]["items"])


def test_only_what_is_named_is_mended(run: Run, broken: Any) -> None:
    done = run("repair", broken.root, "--force", "--only", "root-name-refused", "--json").json
    assert [one["path"] for one in done["result"]["items"]] == [".git"]
    done = run("repair", broken.root, "--force", "--only", "2", "--json").json
    assert {one["path"].split("/")[0] for one in done["result"]["items"]} == {"2"}
    assert not (broken.root / "1" / "meta.yaml").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--only", "no/such/place"), "no-such-finding"),
        (("--only", "617283940118264051/meta.yaml"), "not-repairable"),
        (("--name", "77=x"), "no-such-experiment"),
        (("--name", "2=x"), "no-such-repair"),
        (("--name", "1=text"), "name-taken"),
        (("--name", "1= "), "bad-name"),
        (("--name", "1=a\x1b[31m"), "bad-name"),
        (("--name", "../..=x"), "no-such-experiment"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_anything_happens(
    run: Run, broken: Any, tree: Any, words: tuple[str, ...], code: str
) -> None:
    before = tree(broken.root)
    done = run("repair", broken.root, "--force", "--json", *words)
    assert done.code == 2
    assert done.json["error"]["code"] == code
    assert tree(broken.root) == before


def test_a_healthy_store_needs_nothing(run: Run, sound: Any, tree: Any) -> None:
    before = tree(sound.root)
    done = run("repair", sound.root, "--force")
    # The orphan with the shell of a run in it is for the clean-up, and doctor says so.
    assert (done.code, "Nothing to repair." in done.out) == (0, True)
    told = run("doctor", sound.root, "--json").json["findings"]
    assert {one["remedy"] for one in told if one["impact"] != "silent"} == {"remove"}
    going = run("cleanup", sound.root, "--dry-run", "--json").json["plan"]["items"]
    assert {one["path"] for one in going} == {one["path"].split("/")[0] for one in told if one["remedy"] == "remove"}
    assert tree(sound.root) == before


def test_from_cron_it_mends_and_speaks_only_then(start: Run, broken: Any) -> None:
    done = start("repair", broken.path, "--force", "--quiet")
    assert done.code == 0, done.err
    assert done.out.startswith("5 repairs done.")
    again = start("repair", broken.path, "--force", "--quiet")
    assert (again.code, again.out, again.err) == (0, "", "")


def test_a_run_that_may_be_alive_is_left_alone_and_said(run: Run, broken: Any) -> None:
    folder = broken.root / "2" / broken.old_runs()[2]
    os.utime(folder / "metrics" / "loss")
    done = run("repair", broken.root, "--force")
    assert done.code == 0
    assert "too-fresh" in done.out and "60 min of quiet are asked" in done.out
    assert (folder / "meta.yaml").read_bytes() == b""


def test_on_a_terminal_enter_means_no(in_terminal: Run, broken: Any, tree: Any) -> None:
    before = tree(broken.root)
    done = in_terminal("repair", broken.path, answers=(("Do 5 repairs?", "\n"),))
    assert done.code == 2
    assert tree(broken.root) == before


def test_a_store_that_may_not_be_written_to_is_left_alone(
    broken: Any, ordinary_user: list[str], command: list[str], tree: Any
) -> None:
    before = tree(broken.root)
    broken.root.chmod(0o555)
    done = subprocess.run(
        [*ordinary_user, *command, "repair", broken.path, "--force"], capture_output=True, text=True, check=False
    )
    broken.root.chmod(0o755)
    assert done.returncode == 2, done.stderr
    assert "no permission to write" in done.stderr
    assert tree(broken.root) == before
