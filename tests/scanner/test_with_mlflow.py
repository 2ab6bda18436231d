"""What MLflow lists, we list: the same ids, names, states and times, in its files and in its database."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.scanner.store import open_store

pytestmark = pytest.mark.mlflow


def fill(uri: str, artifacts: str) -> None:
    """A bit of everything, written by MLflow itself."""
    from mlflow import MlflowClient

    client = MlflowClient(uri, uri)
    main = client.create_experiment("main/with slash")
    client.create_experiment("empty")
    outside = client.create_experiment("elsewhere", artifact_location=f"{artifacts}/custom-place")
    trashed = client.create_experiment("trashed")
    parent = client.create_run(main, run_name="parent")
    child = client.create_run(main, run_name="child", tags={"mlflow.parentRunId": parent.info.run_id})
    client.create_run(main, run_name="grandchild", tags={"mlflow.parentRunId": child.info.run_id})
    for step in range(5):
        client.log_metric(parent.info.run_id, "train/loss", 1 / (step + 1), step=step, timestamp=1000 + step)
    client.log_metric(parent.info.run_id, "odd", float("nan"))
    client.log_param(parent.info.run_id, "opt/lr", "0.1")
    client.set_tag(parent.info.run_id, "keep", "")
    client.log_text(parent.info.run_id, "hello" * 100, "notes/readme.txt")
    client.set_terminated(parent.info.run_id, "FAILED")
    deleted = client.create_run(main, run_name="deleted")
    client.delete_run(deleted.info.run_id)
    stored = client.create_run(outside, run_name="elsewhere")
    client.log_text(stored.info.run_id, "x", "a.txt")
    client.create_run(trashed)
    client.delete_experiment(trashed)
    model = client.create_logged_model(main, "net", source_run_id=parent.info.run_id)
    gone = client.create_logged_model(main, "gone", source_run_id=deleted.info.run_id)
    client.delete_logged_model(gone.model_id)
    client.create_registered_model("scorer")
    client.create_model_version("scorer", f"models:/{model.model_id}", run_id=parent.info.run_id)
    path = f"{client.get_run(child.info.run_id).info.artifact_uri}/model"
    client.create_model_version("scorer", path, run_id=child.info.run_id)
    client.create_model_version("scorer", path, run_id=deleted.info.run_id)
    client.delete_model_version("scorer", "3")
    client.set_registered_model_alias("scorer", "champion", "1")


def listed(uri: str) -> dict[str, Any]:
    """Experiments and runs as MLflow lists them. It changes what it opens, so give it a copy."""
    from mlflow import MlflowClient
    from mlflow.entities import ViewType

    client = MlflowClient(uri, uri)
    found = {}
    for one in client.search_experiments(view_type=ViewType.ALL):
        runs = client.search_runs([one.experiment_id], run_view_type=ViewType.ALL, max_results=1000)
        found[one.experiment_id] = (one, {run.info.run_id: run for run in runs})
    return found


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, dict[str, Any]]]:
    """By kind: a project directory, and what MLflow lists in a copy of it."""
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    stores = {}
    for kind, name in (("file", "mlruns"), ("sqlite", "mlflow.db")):
        project = tmp_path_factory.mktemp(kind) / "project"
        (project / "mlruns").mkdir(parents=True)
        before = Path.cwd()
        os.chdir(project)
        try:
            prefix = "sqlite:///" if kind == "sqlite" else "file://"
            if kind == "file":
                (project / "mlruns").rmdir()
            fill(f"{prefix}{project}/{name}", f"file://{project}/mlruns")
            copy = project.parent / "copy"
            shutil.copytree(project, copy)
            stores[kind] = (project, listed(f"{prefix}{copy}/{name}"))
        finally:
            os.chdir(before)
    return stores


@pytest.mark.parametrize("kind", ["file", "sqlite"])
def test_the_same_experiments_and_runs(made, kind):
    project, expected = made[kind]
    *_, snapshot = open_store(str(project)).scan()
    assert snapshot.store.kind == ("file" if kind == "file" else "database")
    ours = {one.experiment_id: one for one in snapshot.experiments}
    assert set(ours) == set(expected)
    for identifier, (theirs, runs) in expected.items():
        one = ours[identifier]
        assert (one.state, one.reason, one.trouble) == ("ok", "", ())
        assert (one.name, one.artifact_location) == (theirs.name, theirs.artifact_location)
        assert (one.creation_time, one.last_update_time) == (theirs.creation_time, theirs.last_update_time)
        assert one.lifecycle_stage == theirs.lifecycle_stage
        assert (one.place == "trash") is (kind == "file" and theirs.lifecycle_stage == "deleted")
        mine = {run.run_id: run for run in snapshot.runs[one.key]}
        assert set(mine) == set(runs)
        assert one.runs == len(runs)
        for run_id, run in runs.items():
            found, info = mine[run_id], run.info
            assert (found.state, found.reason) == ("ok", "")
            assert (found.name, found.status, found.lifecycle_stage) == (
                info.run_name,
                info.status,
                info.lifecycle_stage,
            )
            assert (found.start_time, found.end_time, found.user_id) == (info.start_time, info.end_time, info.user_id)
            assert found.parent == run.data.tags.get("mlflow.parentRunId", "")
            assert found.keep == ("keep=" if run.data.tags.get("keep") == "" else "")
            assert (found.deleted_time is not None) is (info.lifecycle_stage == "deleted")


@pytest.mark.parametrize("kind", ["file", "sqlite"])
def test_the_same_details(made, kind):
    project, expected = made[kind]
    reader = open_store(str(project))
    *_, snapshot = reader.scan()
    runs = {run.info.run_id: run for _, found in expected.values() for run in found.values()}
    for one in snapshot.all_runs():
        found, theirs = reader.details(one.key), runs[one.run_id]
        assert dict(found.params) == theirs.data.params
        assert dict(found.tags) == theirs.data.tags
        assert repr({series.name: series.last for series in found.metrics}) == repr(
            dict(sorted(theirs.data.metrics.items()))
        )
        assert found.artifact_uri == theirs.info.artifact_uri
        # A database has no folder for a run whose artifacts would be missed in it.
        elsewhere = kind == "file" and "/custom-place/" in found.artifact_uri
        assert bool(found.messages) == elsewhere
        assert all("not followed" in message for message in found.messages)
    parent = next(run for run in snapshot.all_runs() if run.name == "parent")
    loss = next(one for one in reader.details(parent.key).metrics if one.name == "train/loss")
    assert loss.points == tuple((step, 1000 + step, 1 / (step + 1)) for step in range(5))


@pytest.mark.parametrize("kind", ["file", "sqlite"])
def test_what_needs_what(made, kind):
    project, _ = made[kind]
    *_, snapshot = open_store(str(project)).scan()
    runs = {run.name: run.run_id for run in snapshot.all_runs() if run.name in ("parent", "child", "deleted")}
    main = next(one.experiment_id for one in snapshot.experiments if one.name == "main/with slash")
    found = {(one.kind, one.target_kind, one.target, one.destroys) for one in snapshot.references}
    models = {target for kind_, target_kind, target, _ in found if target_kind == "logged-model"}
    (model,) = models
    assert found == {
        ("parent", "run", runs["parent"], False),
        ("parent", "run", runs["child"], False),
        ("logged-model", "run", runs["parent"], False),
        ("model-version", "run", runs["parent"], False),
        ("model-version", "logged-model", model, True),
        ("model-version", "experiment", main, True),
        ("model-version", "run", runs["child"], True),
        ("claim", "path", "custom-place", True),
    }
    assert [(one.name, one.versions, one.aliases) for one in snapshot.models] == [("scorer", 3, (("champion", "1"),))]


@pytest.mark.parametrize("kind", ["file", "sqlite"])
def test_the_place_of_custom_artifacts_is_claimed_and_no_experiment(made, kind):
    project, _ = made[kind]
    *_, snapshot = open_store(str(project)).scan()
    strays = {one.path: (one.kind, one.size.files) for one in snapshot.strays}
    assert strays == {"custom-place": ("claimed", 1)}
    assert snapshot.messages == ()


@pytest.mark.parametrize("kind", ["file", "sqlite"])
def test_a_moved_project_reads_the_same(made, kind, tmp_path):
    project, expected = made[kind]
    moved = tmp_path / "moved" / "project"
    shutil.copytree(project, moved)
    *_, snapshot = open_store(str(moved)).scan()
    assert {one.experiment_id for one in snapshot.experiments} == set(expected)
    assert {one.state for one in (*snapshot.experiments, *snapshot.all_runs())} == {"ok"}
    assert {one.path: one.kind for one in snapshot.strays} == {"custom-place": "claimed"}
    assert snapshot.store.kind == ("file" if kind == "file" else "database")


def test_a_database_that_went_missing_leaves_only_what_must_stay(made, tmp_path):
    project, _ = made["sqlite"]
    copy = tmp_path / "copy" / "mlruns"
    shutil.copytree(project / "mlruns", copy)
    *_, snapshot = open_store(str(copy)).scan()
    assert snapshot.store.kind == "unclaimed"
    assert {one.state for one in snapshot.experiments} == {"unclaimed"}
    assert snapshot.experiments


def test_without_its_meta_yaml_an_experiment_is_orphaned_and_mlflow_agrees_it_is_none(made, tmp_path):
    project, expected = made["file"]
    copy = tmp_path / "copy" / "mlruns"
    shutil.copytree(project / "mlruns", copy)
    empty = next(identifier for identifier, (one, _) in expected.items() if one.name == "empty")
    (copy / empty / "meta.yaml").unlink()
    os.utime(copy / empty, (1, 1))
    *_, snapshot = open_store(str(copy)).scan()
    states = {one.experiment_id: one.state for one in snapshot.experiments}
    assert states.pop(empty) == "orphaned"
    assert set(states.values()) == {"ok"}
    theirs = listed(f"file://{copy}")
    assert set(theirs) == set(states)
