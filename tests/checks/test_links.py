"""What is behind a link is judged as MLflow judges it, and said to be behind one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mlruns_tui.model.findings import Symptom
from mlruns_tui.scanner.checks import context
from mlruns_tui.workflow.diagnosing import diagnose
from mlruns_tui.workflow.reading import open_reader

Look = Callable[[], list[Symptom]]


def _elsewhere(place: Path) -> Path:
    """Moved out of the store, with a link in its place."""
    store = next(one for one in place.parents if (one / ".trash").exists())
    target = store.parent / "elsewhere" / place.name
    target.parent.mkdir(exist_ok=True)
    shutil.move(place, target)
    place.symlink_to(target)
    return target


@pytest.mark.parametrize(
    ("folder", "code"),
    [
        ("metrics", "run-metric-not-utf8"),
        ("params", "run-param-not-utf8"),
        ("tags", "run-tag-not-utf8"),
        ("inputs", "input-stray"),
        ("outputs", "output-stray"),
    ],
)
def test_what_is_in_a_folder_of_a_run_that_is_a_link_is_judged(
    store: Path, run: Path, symptoms: Look, folder: str, code: str
) -> None:
    (run / folder).mkdir(exist_ok=True)
    target = _elsewhere(run / folder)
    (target / "bad").write_bytes(b"\xff")
    path = str((run / folder).relative_to(store))
    assert {(one.code, one.path) for one in symptoms()} == {("folder-elsewhere", path), (code, f"{path}/bad")}
    (bad,) = (one for one in diagnose(open_reader(str(store)), "3.17.2") if one.path == f"{path}/bad")
    assert (bad.impact, bad.remedy) == ("breaks-experiment", "none")
    assert bad.message.endswith(f"{path} is a link to {target}.".capitalize())


@pytest.mark.parametrize(
    ("folder", "symptom"),
    [("models", ("logged-model-meta-missing", "meta.yaml")), ("traces", ("trace-info-missing", "trace_info.yaml"))],
)
def test_what_is_in_a_folder_of_an_experiment_that_is_a_link_is_judged(
    store: Path, symptoms: Look, folder: str, symptom: tuple[str, str]
) -> None:
    (store / "1" / folder / "x").mkdir(parents=True)
    _elsewhere(store / "1" / folder)
    found = {(one.code, one.path) for one in symptoms() if not one.code.startswith("experiment-folder-")}
    assert found == {("folder-elsewhere", f"1/{folder}"), (symptom[0], f"1/{folder}/x/{symptom[1]}")}


def test_metadata_behind_a_link_is_judged_and_said_to_be_there(store: Path, run: Path) -> None:
    target = _elsewhere(run / "meta.yaml")
    assert diagnose(open_reader(str(store)), "3.17.2") == ()
    target.write_text(target.read_text().replace("status: 3", "status: 99"))
    found = [one for one in diagnose(open_reader(str(store)), "3.17.2") if one.impact == "breaks-experiment"]
    assert [(one.code, one.remedy) for one in found] == [("run-status-refused", "none")]
    assert found[0].message.endswith(f"It is a link to {target}.")


def test_a_link_to_the_folder_beside_it_is_read_as_what_it_is_taken_for(store: Path, run: Path, symptoms: Look) -> None:
    shutil.rmtree(run / "metrics")
    (run / "metrics").symlink_to("params")
    (bad,) = (one for one in symptoms() if one.code == "run-metric-line-unreadable")
    assert bad.path == f"1/{run.name}/metrics/lr"
    assert bad.link == f"1/{run.name}/metrics is a link to 1/{run.name}/params"


def test_an_experiment_and_a_run_kept_elsewhere_are_judged(store: Path, run: Path, symptoms: Look) -> None:
    target = _elsewhere(run)
    (target / "params" / "bad").write_bytes(b"\xff")
    other = _elsewhere(store / "1")
    (other / "meta.yaml").write_text("")
    assert {(one.code, one.path, one.link.rpartition(" ")[2]) for one in symptoms()} == {
        ("link-out-of-the-store", "1", ""),
        ("experiment-meta-empty", "1/meta.yaml", str(other)),
        ("run-link-out-of-the-store", f"1/{run.name}", str(other)),
        ("run-param-not-utf8", f"1/{run.name}/params/bad", str(target)),
    }


def test_the_trash_and_the_registry_kept_elsewhere_are_judged(store: Path, symptoms: Look) -> None:
    for name in (".trash", "models"):
        target = store.parent / "kept" / name
        target.parent.mkdir(exist_ok=True)
        shutil.move(store / name, target)
        (store / name).symlink_to(target)
        (target / "x").mkdir()
    assert {(one.code, one.path) for one in symptoms()} == {
        ("folder-elsewhere", ".trash"),
        ("trash-stray", ".trash/x"),
        ("folder-elsewhere", "models"),
        ("registry-stray", "models/x"),
    }


@pytest.mark.parametrize("target", [".", "..", "1", "models", ".trash", "itself", "/", "/proc/self", "/usr/bin"])
@pytest.mark.parametrize(
    "place", [".trash", "models", "7", "1/models", "1/traces", "1/tags", "1/link", "1/RUN/metrics"]
)
def test_links_in_circles_end(
    store: Path, run: Path, symptoms: Look, place: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "MOST_FILES", 500)
    monkeypatch.setattr(context, "MOST_BYTES", 1 << 20)
    link = store / place.replace("RUN", run.name)
    if os.path.lexists(link):
        shutil.rmtree(link)
    link.symlink_to(link.name if target == "itself" else target if target[0] == "/" else store / target)
    path = place.replace("RUN", run.name)
    found = symptoms()
    assert target == "itself" or any(one.path == path or one.path.startswith(path + "/") for one in found)


def test_what_is_read_through_links_is_bounded(
    store: Path, run: Path, symptoms: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = _elsewhere(run / "params")
    for number in range(100):
        (target / f"p{number}").write_bytes(b"\xff")
    assert len([one for one in symptoms() if one.code == "run-param-not-utf8"]) == 100
    monkeypatch.setattr(context, "MOST_FILES", 10)
    codes = [one.code for one in symptoms()]
    assert codes.count("run-param-not-utf8") < 20
    assert "link-not-followed" in codes
