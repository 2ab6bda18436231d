"""Runs that have each other's metadata: exchanged back where what was logged says so, and only both."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture
def two(store: Any) -> tuple[Any, Path, Path]:
    """Two old runs of one experiment, as MLflow names them in metadata and tags."""
    for meta in store.root.glob("*/*/meta.yaml"):
        meta.write_text(meta.read_text().replace(f"run_id: {meta.parent.name}", f"run_id: '{meta.parent.name}'"))
    first, second = (store.root / "1" / name for name in store.old_runs()[:2])
    for number, run in enumerate((first, second)):
        lines = [one for one in (run / "meta.yaml").read_text().splitlines() if not one.startswith("run_name:")]
        (run / "meta.yaml").write_text("\n".join([*lines, f"run_name: run-{number}"]) + "\n")
        (run / "tags").mkdir(exist_ok=True)
        (run / "tags" / "mlflow.runName").write_text(f"run-{number}")
    store.age(store.root, 50)
    return store, first, second


def swap(one: Path, other: Path) -> None:
    spare = one.with_name("spare")
    one.rename(spare)
    other.rename(one)
    spare.rename(other)


def about(done: Any, *runs: Path) -> list[dict[str, Any]]:
    return [one for one in done.json["findings"] if one["run_id"] in {run.name for run in runs}]


def test_exchanged_metadata_is_exchanged_back_and_undo_exchanges_it_again(
    run: Run, two: Any, copy_of: Any, same: Any
) -> None:
    store, first, second = two
    whole = [(one / "meta.yaml").read_bytes() for one in (first, second)]
    swap(first / "meta.yaml", second / "meta.yaml")
    store.age(store.root, 50)
    before = copy_of(store.root)
    assert {one["remedy"] for one in about(run("doctor", store.root, "--json"), first, second)} == {"repair"}
    done = run("repair", store.root, "--force")
    assert (done.code, "2 repairs done." in done.out) == (0, True), done.out
    assert [(one / "meta.yaml").read_bytes() for one in (first, second)] == whole
    assert not about(run("doctor", store.root, "--json"), first, second)
    assert run("undo", store.root).code == 0
    assert same(before, store.root)


def test_asked_for_one_of_the_two_both_are_mended(run: Run, two: Any) -> None:
    store, first, second = two
    swap(first / "meta.yaml", second / "meta.yaml")
    store.age(store.root, 50)
    items = run("repair", store.root, "--dry-run", "--json", "--only", f"1/{first.name}").json["plan"]["items"]
    assert {one["path"] for one in items} == {f"1/{one.name}/meta.yaml" for one in (first, second)}
    assert {one["what"] for one in items} == {
        f"meta.yaml exchanged with that of run {one.name}" for one in (first, second)
    }


def test_exchanged_across_experiments_they_are_exchanged_back(run: Run, two: Any) -> None:
    store, first, _ = two
    other = store.root / "2" / store.old_runs()[2]
    (other / "tags").mkdir(exist_ok=True)
    (other / "tags" / "mlflow.user").write_text("somebody")
    text = (other / "meta.yaml").read_text()
    line = next(one for one in text.splitlines() if one.startswith("user_id:"))
    (other / "meta.yaml").write_text(text.replace(line, "user_id: somebody"))
    whole = [(one / "meta.yaml").read_bytes() for one in (first, other)]
    swap(first / "meta.yaml", other / "meta.yaml")
    store.age(store.root, 50)
    assert run("repair", store.root, "--force").code == 0
    assert [(one / "meta.yaml").read_bytes() for one in (first, other)] == whole


def refused(run: Run, store: Any, *runs: Path) -> set[str]:
    """Why nothing of these runs is mended."""
    plan = run("repair", store.root, "--dry-run", "--json").json["plan"]
    assert plan["items"] == []
    told = about(run("doctor", store.root, "--json"), *runs)
    assert {one["remedy"] for one in told} == {"none"}
    why = {one["protected"][0]["reason"] for one in plan["refused"]}
    assert all(any(reason in one["message"] for reason in why) for one in told)
    return why


def test_where_the_folders_were_exchanged_it_says_so_and_leaves_both(run: Run, two: Any) -> None:
    store, first, second = two
    swap(first, second)
    why = refused(run, store, first, second)
    assert all(one.endswith("the folders were exchanged, and must be renamed by hand") for one in why)


def test_where_nothing_logged_tells_which_it_was_it_says_so_and_leaves_both(run: Run, two: Any) -> None:
    store, first, second = two
    for one in (first, second):
        for logged in (*(one / "tags").iterdir(), *(one / "metrics").iterdir()):
            logged.unlink()
    swap(first / "meta.yaml", second / "meta.yaml")
    store.age(store.root, 50)
    assert all(one.startswith("nothing logged tells whether") for one in refused(run, store, first, second))


def test_a_run_with_the_metadata_of_a_third_is_not_guessed_at(run: Run, two: Any) -> None:
    store, first, second = two
    third = store.root / "1" / ("e" * 32)
    shutil.copytree(second, third)
    (third / "meta.yaml").write_text((first / "meta.yaml").read_text())
    (first / "meta.yaml").write_text((second / "meta.yaml").read_text())
    (second / "meta.yaml").write_text((second / "meta.yaml").read_text().replace(second.name, third.name))
    store.age(store.root, 50)
    assert any("a third one's" in one for one in refused(run, store, first, second, third))


def test_metadata_overwritten_with_that_of_another_is_rebuilt_from_what_the_run_logged(
    run: Run, two: Any, copy_of: Any, same: Any
) -> None:
    store, first, second = two
    kept = (first / "meta.yaml").read_bytes()
    shutil.copyfile(first / "meta.yaml", second / "meta.yaml")
    store.age(store.root, 50)
    before = copy_of(store.root)
    assert run("repair", store.root, "--force").code == 0
    text = (second / "meta.yaml").read_text()
    assert f"run_id: {second.name}" in text.replace("'", "") and "run_name: run-1" in text
    assert (second / "tags" / "mlruns-tui.recovered").exists()
    assert (first / "meta.yaml").read_bytes() == kept
    assert run("undo", store.root).code == 0
    assert same(before, store.root)


def test_half_an_exchange_is_never_done(run: Run, two: Any) -> None:
    """A program has a file of one of the two open: both stay."""
    store, first, second = two
    swap(first / "meta.yaml", second / "meta.yaml")
    store.age(store.root, 50)
    fd = os.open(second / "tags" / "mlflow.runName", os.O_WRONLY)
    try:
        done = run("repair", store.root, "--dry-run", "--json").json["plan"]
    finally:
        os.close(fd)
    assert done["items"] == []
    assert {one["path"]: one["protected"][0]["kind"] for one in done["refused"]} == {
        f"1/{first.name}/meta.yaml": "unreadable",
        f"1/{second.name}/meta.yaml": "open-by-writer",
    }
