"""Layouts MLflow and people make that are no defect: nothing worse than silent is said of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mlruns_tui.workflow.diagnosing import diagnose
from mlruns_tui.workflow.reading import open_reader

OTHER = "0b" * 16


def _nested(store: Path, run: Path) -> None:
    for part, text in (("params", "0.1"), ("metrics", "1700000000000 0.5 0\n"), ("tags", "x")):
        for name in ("train/loss/최종", "a b", "opt.betas/b1"):
            (run / part / name).parent.mkdir(parents=True, exist_ok=True)
            (run / part / name).write_text(text)


def _uri(uri: str) -> Callable[[Path, Path], None]:
    def put(store: Path, run: Path) -> None:
        for meta, key in ((run / "meta.yaml", "artifact_uri"), (store / "1" / "meta.yaml", "artifact_location")):
            lines = [f"{key}: {uri}" if line.startswith(key) else line for line in meta.read_text().splitlines()]
            meta.write_text("\n".join(lines) + "\n")

    return put


def _kept_elsewhere(*below: str) -> Callable[[Path, Path], None]:
    def put(store: Path, run: Path) -> None:
        place = store.joinpath(*(one.replace("RUN", run.name) for one in below))
        elsewhere = store.parent / "elsewhere" / place.name
        elsewhere.parent.mkdir()
        shutil.move(place, elsewhere)
        place.symlink_to(elsewhere)

    return put


def _hard_links(store: Path, run: Path) -> None:
    (run / "artifacts" / "model.bin").write_bytes(b"x" * 5000)
    os.link(run / "artifacts" / "model.bin", run / "artifacts" / "best.bin")
    os.link(run / "params" / "lr", run / "params" / "learning rate")


def _from_git(store: Path, run: Path) -> None:
    """Empty directories of the store, not of the runs, were dropped."""
    (store / ".trash").rmdir()
    (store / "models").rmdir()


def _own_vault(store: Path, run: Path) -> None:
    shutil.copytree(store / "1", store / ".mlruns-tui.trash" / "batches" / "x" / "data" / "1" / "1")


def _strays_mlflow_skips(store: Path, run: Path) -> None:
    for place in (store, store / ".trash", store / "1", store / "models"):
        (place / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
        (place / "notes.txt").write_text("x")


LAYOUTS = {
    "nested names": _nested,
    "artifacts in an object store": _uri("s3://bucket/1/artifacts"),
    "artifacts behind a server": _uri("mlflow-artifacts:/1"),
    "artifacts outside": _uri("file:///nowhere/at/all"),
    "a relative location": _uri("./mlruns/1"),
    "an experiment kept elsewhere": _kept_elsewhere("1"),
    "a run kept elsewhere": _kept_elsewhere("1", "RUN"),
    "artifacts kept elsewhere": _kept_elsewhere("1", "RUN", "artifacts"),
    "the trash kept elsewhere": _kept_elsewhere(".trash"),
    "the registry kept elsewhere": _kept_elsewhere("models"),
    "hard links": _hard_links,
    "without empty folders": _from_git,
    "with our own backups": _own_vault,
    "strays MLflow skips": _strays_mlflow_skips,
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_nothing_worse_than_silent_is_said_of_it(
    store: Path, run: Path, layout: Callable[[Path, Path], None], record_property: Callable[[str, object], None]
) -> None:
    layout(store, run)
    alarms = [one for one in diagnose(open_reader(str(store))) if one.impact != "silent" or one.migration != "ok"]
    record_property("healthy layouts", 1)
    record_property("false alarms on healthy layouts", len(alarms))
    assert alarms == []


@pytest.mark.parametrize("through_a_link", [False, True])
def test_a_copied_store_is_as_healthy_as_its_original(store: Path, run: Path, through_a_link: bool) -> None:
    copy = store.parent / "copy" / "mlruns"
    shutil.copytree(store, copy)
    if through_a_link:
        (store.parent / "link").symlink_to(copy)
        copy = store.parent / "link"
    assert diagnose(open_reader(str(copy))) == ()


def test_artifacts_of_a_database_that_is_not_there_are_none_of_its_business(tmp_path: Path) -> None:
    root = tmp_path / "mlruns"
    (root / "1" / OTHER / "artifacts").mkdir(parents=True)
    (root / "1" / OTHER / "artifacts" / "model.pkl").write_text("x")
    reader = open_reader(str(root))
    assert reader.store.kind == "unclaimed"
    assert diagnose(reader) == ()


def test_artifacts_of_a_database_beside_experiments_in_files_are_never_to_be_removed(store: Path, run: Path) -> None:
    (store / "2" / OTHER / "artifacts").mkdir(parents=True)
    (store / "2" / OTHER / "artifacts" / "model.pkl").write_text("x")
    reader = open_reader(str(store))
    assert reader.store.kind == "mixed"
    (found,) = diagnose(reader)
    # MLflow does warn of it, which is said; it is somebody's all the same.
    assert (found.path, found.impact, found.remedy) == ("2", "warns", "none")
    assert "may be in use" in found.message
