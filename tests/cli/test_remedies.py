"""The remedy that is named is the one that works, and the last line says which command it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
ORPHAN = "812"
MODEL = """artifact_location: file:///nowhere/812/models/{0}/artifacts
creation_timestamp: 1600000000000
experiment_id: '812'
last_updated_timestamp: 1600000000000
model_id: {0}
model_type: null
name: scorer
source_run_id: null
status: 2
"""
TRACE = "execution_time_ms: 3\nexperiment_id: '812'\nrequest_id: {0}\nstatus: OK\ntimestamp_ms: 1600000000000\n"


@pytest.fixture
def orphan(store: Any) -> tuple[Any, Path]:
    """A store with nothing else wrong, and the folder of an experiment without metadata."""
    for other in store.root.iterdir():
        if other.is_dir() and other.name.isdigit() and not (other / "meta.yaml").exists():
            other.rename(store.root.parent / other.name)
    for meta in store.root.glob("*/*/meta.yaml"):
        meta.write_text(meta.read_text().replace(f"run_id: {meta.parent.name}", f"run_id: '{meta.parent.name}'"))
    folder = store.root / ORPHAN
    folder.mkdir()
    return store, folder


def remedies(run: Run, store: Any) -> dict[str, str]:
    """By path, of what is above silent."""
    told = run("doctor", store.root, "--json").json["findings"]
    return {one["path"]: one["remedy"] for one in told if one["impact"] != "silent"}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def a_model(folder: Path) -> str:
    model = "m-" + "5" * 32
    write(folder / "models" / model / "meta.yaml", MODEL.format(model))
    return "1 logged model"


def a_trace(folder: Path) -> str:
    trace = "tr-" + "6" * 32
    write(folder / "traces" / trace / "trace_info.yaml", TRACE.format(trace))
    return "1 trace"


def a_broken_run(folder: Path) -> str:
    write(folder / ("7" * 32) / "params" / "lr", "0.1")
    return "what 1 broken run logged"


@pytest.mark.parametrize("fill", [a_model, a_trace, a_broken_run])
def test_an_orphan_with_anything_readable_is_rebuilt_and_never_cleaned_up(
    run: Run, orphan: Any, copy_of: Any, same: Any, fill: Callable[[Path], str]
) -> None:
    store, folder = orphan
    words = fill(folder)
    store.age(store.root, 50)
    assert remedies(run, store)[f"{ORPHAN}/meta.yaml"] == "repair"
    assert run("cleanup", store.root, "--dry-run", "--json").json["plan"]["items"] == []
    before = copy_of(store.root)
    plan = run("repair", store.root, "--dry-run", "--json").json["plan"]
    what = {one["path"]: one["what"] for one in plan["items"]}
    assert what[f"{ORPHAN}/meta.yaml"] == f"meta.yaml rebuilt from {words}, named recovered-{ORPHAN}"
    assert run("repair", store.root, "--force").code == 0
    assert remedies(run, store) == {}
    assert run("undo", store.root).code == 0
    assert same(before, store.root)


def test_an_orphan_with_the_shells_of_runs_is_for_the_clean_up_with_all_that_is_in_it(run: Run, orphan: Any) -> None:
    store, folder = orphan
    write(folder / ("7" * 32) / "meta.yaml", "")
    (folder / ("7" * 32) / "params").mkdir()
    store.age(store.root, 50)
    assert set(remedies(run, store).values()) == {"remove"}
    told = run("doctor", store.root).out
    assert f"The clean-up is for 1 experiment: mlruns-tui cleanup {store.root} --dry-run" in told
    assert "go by id" not in told and "A repair is for" not in told
    assert run("cleanup", store.root, "--force").code == 0
    assert remedies(run, store) == {}


def test_a_folder_with_a_number_for_a_name_and_something_else_in_it_is_moved_out(run: Run, orphan: Any) -> None:
    store, folder = orphan
    (folder / "notes.txt").write_text("hello")
    store.age(store.root, 50)
    assert remedies(run, store) == {ORPHAN: "repair"}
    assert run("repair", store.root, "--force").code == 0
    assert not folder.exists()
    assert remedies(run, store) == {}


def test_an_experiment_with_nothing_but_broken_metadata_is_rebuilt(run: Run, orphan: Any) -> None:
    store, folder = orphan
    (folder / "meta.yaml").write_text("name: kept\nlifecycle_stage: active\nexperiment_id: '8")
    store.age(store.root, 50)
    assert remedies(run, store) == {f"{ORPHAN}/meta.yaml": "repair"}
    assert run("repair", store.root, "--force").code == 0
    assert "name: kept" in (folder / "meta.yaml").read_text()
    assert remedies(run, store) == {}


def test_after_a_repair_it_names_what_removes_the_rest_and_not_to_run_it_again(run: Run, orphan: Any) -> None:
    store, folder = orphan
    (store.root / ".git").mkdir()
    shell = store.root / "1" / ("9" * 32)
    shell.mkdir()
    store.age(store.root, 50)
    done = run("repair", store.root, "--force").out
    assert "1 repair done." in done and "run it again" not in done
    assert f"The clean-up is for 1 experiment: mlruns-tui cleanup {store.root} --dry-run" in done
    assert f"1 run without a use goes by id: mlruns-tui cleanup {store.root} --run {shell.name} --dry-run" in done
    going = run("cleanup", store.root, "--run", shell.name, "--dry-run", "--json").json["plan"]["items"]
    assert [one["path"] for one in going] == [f"1/{shell.name}"]
    assert folder.exists()
