"""The installed MLflow reads a copy of the store: all of it, without a warning that is not meant.

MLflow is asked once, in one fixture; each test looks at one part of its answers. The copy's artifact
URIs still point at the original, which MLflow only lists.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.mlflow


@contextmanager
def logged_warnings():
    """Messages at WARNING and above from any logger (MLflow's file store uses the root one)."""
    messages: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())

    handler = Keep(logging.WARNING)
    loggers = [logging.getLogger(), logging.getLogger("mlflow")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield messages
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


@dataclass
class Answers:
    """What MLflow said of the copy."""

    copy: Path
    active: list[Any] = field(default_factory=list)
    every: list[Any] = field(default_factory=list)
    warned_with_orphans: list[str] = field(default_factory=list)
    warned_without: list[str] = field(default_factory=list)
    runs: dict[str, Any] = field(default_factory=dict)
    registered: dict[str, Any] = field(default_factory=dict)
    versions: list[Any] = field(default_factory=list)
    champion: Any = None
    prompts: list[Any] = field(default_factory=list)
    logged_models: list[Any] = field(default_factory=list)
    traces: list[Any] = field(default_factory=list)
    listed: dict[str, list[Any]] = field(default_factory=dict)
    made: SimpleNamespace = field(default_factory=SimpleNamespace)


def all_pages(call, **arguments):
    found, token = [], None
    while True:
        page = call(page_token=token, **arguments)
        found += page
        token = page.token
        if not token:
            return found


@pytest.fixture(scope="module")
def answers(demo, tmp_path_factory):
    copy = tmp_path_factory.mktemp("copy") / "mlruns"
    subprocess.run(["cp", "-a", demo.root, str(copy)], check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        # Some of MLflow's calls use the default store, whatever their client was given.
        patch.setenv("MLFLOW_TRACKING_URI", copy.as_uri())
        patch.chdir(copy.parent)
        yield ask(demo, copy)


def ask(demo, copy):
    import mlflow
    from mlflow.entities import ViewType

    client = mlflow.MlflowClient(tracking_uri=copy.as_uri(), registry_uri=copy.as_uri())
    found = Answers(copy)
    with logged_warnings() as found.warned_with_orphans:
        client.search_experiments(view_type=ViewType.ALL)
    for orphan in demo.orphan_ids:
        shutil.rmtree(copy / orphan)
    with logged_warnings() as found.warned_without:
        found.active = client.search_experiments()
        found.every = client.search_experiments(view_type=ViewType.ALL)
        ids = list(demo.experiment_ids.values())
        runs = all_pages(client.search_runs, experiment_ids=ids, run_view_type=ViewType.ALL, max_results=1000)
        found.runs = {run.info.run_id: run for run in runs}
        assert len(runs) == len(found.runs)
        found.registered = {
            model.name: model
            for model in client.search_registered_models(filter_string="tag.`mlflow.prompt.is_prompt` != 'true'")
        }
        found.prompts = client.search_registered_models(filter_string="tag.`mlflow.prompt.is_prompt` = 'true'")
        found.versions = [one for name in found.registered for one in client.search_model_versions(f"name='{name}'")]
        found.champion = client.get_model_version_by_alias("churn-scorer", "champion")
        found.logged_models = client.search_logged_models(experiment_ids=ids)
        found.traces = client.search_traces(locations=[demo.experiment_ids["llm-sft-qlora"]])
        shown = [*list(demo.protected)[:5], *demo.old_run_ids[:5], demo.live_run_id]
        shown += [run.info.run_id for run in runs if run.info.experiment_id == demo.claimed_by][:3]
        found.listed = {run_id: client.list_artifacts(run_id) for run_id in shown}
    found.made = make_one_of_each(client, copy)
    return found


def make_one_of_each(client, copy):
    """MLflow writes an experiment, runs, models and a dataset into the copy: the pattern for ours."""
    from mlflow.entities import Dataset, DatasetInput, LoggedModelOutput, Metric

    experiment = client.create_experiment("made-by-mlflow", tags={"team": "x"})
    ended, deleted, running = (client.create_run(experiment, run_name=name).info.run_id for name in ("a", "b", "c"))
    for run_id in (ended, deleted):
        client.log_batch(run_id, metrics=[Metric("loss", 0.25, 1_795_377_600_000, 3)])
        client.set_terminated(run_id)
    client.delete_run(deleted)
    dataset = Dataset("d", "1234", "local", "{}", "{}", "{}")
    client.log_inputs(running, [DatasetInput(dataset, [])])
    model = client.create_logged_model(experiment, name="model", source_run_id=running)
    client.log_outputs(running, [LoggedModelOutput(model.model_id, 0)])
    client.finalize_logged_model(model.model_id, "READY")
    client.create_registered_model("made-by-mlflow")
    files = (copy / experiment / ended / "artifacts").as_uri()
    client.create_model_version("made-by-mlflow", files, ended)
    top = copy / experiment
    return SimpleNamespace(
        experiment=read(top / "meta.yaml"),
        ended=read(top / ended / "meta.yaml"),
        deleted=read(top / deleted / "meta.yaml"),
        running=read(top / running / "meta.yaml"),
        metric=(top / ended / "metrics" / "loss").read_text(),
        dataset=read(next((top / "datasets").glob("*/meta.yaml"))),
        input=read(next((top / running / "inputs").glob("*/meta.yaml"))),
        output=read(next((top / running / "outputs").glob("*/meta.yaml"))),
        logged_model=read(top / "models" / model.model_id / "meta.yaml"),
        registered=read(copy / "models/made-by-mlflow/meta.yaml"),
        version=read(copy / "models/made-by-mlflow/version-1/meta.yaml"),
        folders=sorted(one.name for one in (top / ended).iterdir()),
    )


def read(path):
    return yaml.safe_load(Path(path).read_text("utf-8"))


def test_listing_experiments_warns_of_the_two_orphans_only(demo, answers):
    assert len(answers.warned_with_orphans) == 2
    for orphan in demo.orphan_ids:
        assert any(f"Malformed experiment '{orphan}'" in message for message in answers.warned_with_orphans)


def test_without_the_orphans_reading_everything_warns_of_nothing(answers):
    assert answers.warned_without == []


def test_experiments_have_their_names_and_one_is_deleted(demo, answers):
    assert {one.name: one.experiment_id for one in answers.active} == demo.experiment_ids
    extra = [one for one in answers.every if one.lifecycle_stage == "deleted"]
    assert [one.experiment_id for one in extra] == list(demo.trashed_experiment_ids)
    assert len(answers.every) == 16
    tags = next(one.tags for one in answers.active if one.name == "tabular-churn")
    assert tags == {"team": "growth", "owner/on-call": "alice"}


def test_search_runs_returns_every_run(demo, answers):
    assert answers.runs.keys() == demo.run_paths.keys()
    deleted = {run_id for run_id, run in answers.runs.items() if run.info.lifecycle_stage == "deleted"}
    assert deleted == set(demo.deleted_run_ids)


def test_status_times_and_uris_are_read_as_written(answers, on_disk):
    words = {1: "RUNNING", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
    for run_id, run in answers.runs.items():
        meta = on_disk.runs[run_id].meta
        assert run.info.status == words[meta["status"]]
        assert (run.info.start_time, run.info.end_time) == (meta["start_time"], meta["end_time"])
        assert run.info.artifact_uri == meta["artifact_uri"]
        assert run.info.run_name == meta["run_name"]


def test_params_tags_and_metrics_are_read_as_written(answers, on_disk):
    for run_id in list(answers.runs)[::17]:
        run, path = answers.runs[run_id], on_disk.runs[run_id].path
        for kind, seen in (("params", run.data.params), ("tags", run.data.tags)):
            files = {
                str(Path(base, name).relative_to(path / kind)): Path(base, name).read_text("utf-8")
                for base, _, names in os.walk(path / kind)
                for name in names
            }
            assert seen == files
        metrics = {}
        for base, _, names in os.walk(path / "metrics"):
            for name in names:
                last = Path(base, name).read_text().splitlines()[-1].split(" ")
                metrics[str(Path(base, name).relative_to(path / "metrics"))] = last[1]
        assert {name: float(value) for name, value in metrics.items() if value != "nan"} == {
            name: value for name, value in run.data.metrics.items() if metrics[name] != "nan"
        }
        assert metrics.keys() == run.data.metrics.keys()


def test_some_runs_have_datasets(answers):
    named = [one.dataset.name for run in answers.runs.values() for one in run.inputs.dataset_inputs]
    assert len(named) > 100
    assert {"coco-2017", "imagenet-1k"} <= set(named)


def test_children_name_runs_that_mlflow_finds(answers):
    parents = [run.data.tags.get("mlflow.parentRunId") for run in answers.runs.values()]
    named = [parent for parent in parents if parent]
    assert len(named) > 200
    assert set(named) <= answers.runs.keys()


def test_the_registry_has_models_versions_aliases_and_a_prompt(demo, answers):
    assert {*answers.registered, *(one.name for one in answers.prompts)} == set(demo.registered_models)
    assert [one.name for one in answers.prompts] == ["summarise-ticket"]
    assert answers.registered["churn-scorer"].aliases == {"champion": "3", "champion-prev": "2"}
    assert answers.registered["churn-scorer"].tags == {"team": "growth", "model/kind": "lightgbm"}
    assert int(answers.champion.version) == 3
    assert answers.champion.run_id in answers.runs


def test_a_deleted_version_is_not_listed(answers):
    churn = sorted(int(one.version) for one in answers.versions if one.name == "churn-scorer")
    assert churn == [1, 2, 3]
    assert all(one.run_id in answers.runs for one in answers.versions)


def test_kept_versions_are_those_of_protected_runs(demo, answers):
    named = {one.run_id for one in answers.versions}
    kept = {run_id for run_id, why in demo.protected.items() if why == "model-version"}
    assert kept <= named
    assert not named & set(demo.old_run_ids)


def test_logged_models_are_found_with_their_source_run(answers):
    assert len(answers.logged_models) == 6
    for model in answers.logged_models:
        run = answers.runs[model.source_run_id]
        assert [one.model_id for one in run.outputs.model_outputs] == [model.model_id]
        assert model.status == "READY"
        assert all(metric.run_id == model.source_run_id for metric in model.metrics)
        assert model.metrics


def test_traces_are_found_with_run_and_assessments(answers):
    assert len(answers.traces) == 4
    for trace in answers.traces:
        assert trace.info.request_metadata["mlflow.sourceRun"] in answers.runs
    assert sum(len(trace.info.assessments) for trace in answers.traces) == 2
    assert {len(trace.data.spans) for trace in answers.traces} == {1}


def test_artifacts_are_listed_where_they_are(demo, answers):
    for run_id, listed in answers.listed.items():
        place = Path(demo.root, demo.run_paths[run_id], "artifacts")
        if answers.runs[run_id].info.experiment_id == demo.claimed_by:
            place = Path(demo.root, demo.claimed_folder, run_id, "artifacts")
        assert sorted(one.path for one in listed) == sorted(os.listdir(place))
        assert listed


def shape(values):
    """Field names and the types of their values; a null tells nothing about a type."""
    return {key: type(value).__name__ if value is not None else "null" for key, value in values.items()}


def alike(ours, theirs):
    ours, theirs = shape(ours), shape(theirs)
    return ours.keys() == theirs.keys() and all(
        ours[key] == theirs[key] or "null" in (ours[key], theirs[key]) for key in ours
    )


def test_metadata_has_the_fields_mlflow_writes(demo, answers, on_disk):
    made, root = answers.made, on_disk.root
    fresh = on_disk.experiments[demo.experiment_ids["tabular-churn"]]
    assert alike(fresh, made.experiment)
    assert alike(on_disk.runs[demo.old_run_ids[0]].meta, made.ended)
    assert alike(on_disk.runs[demo.deleted_run_ids[0]].meta, made.deleted)
    assert alike(on_disk.runs[demo.live_run_id].meta, made.running)
    assert shape(on_disk.runs[demo.live_run_id].meta) == shape(made.running)
    assert alike(on_disk.logged_models[0], made.logged_model)
    assert alike(read(root / "models/churn-scorer/meta.yaml"), made.registered)
    assert all(alike(version, made.version) for version in on_disk.versions)
    assert alike(read(next(root.glob("*/datasets/*/meta.yaml"))), made.dataset)
    assert alike(read(next(root.glob("*/*/inputs/*/meta.yaml"))), made.input)
    assert alike(read(next(root.glob("*/*/outputs/*/meta.yaml"))), made.output)


def test_a_run_directory_looks_like_mlflows(demo, answers, on_disk):
    plain = next(
        run
        for run in on_disk.runs.values()
        if run.run_id in demo.old_run_ids and not run.path.joinpath("inputs").exists()
    )
    assert sorted(one.name for one in plain.path.iterdir()) == answers.made.folders
    time, value, step = answers.made.metric.split(" ")
    assert (time, value, step) == ("1795377600000", "0.25", "3\n")
