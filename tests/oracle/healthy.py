"""A healthy store made by whatever MLflow runs this, with at least one of everything its version knows.

Returns the names a case needs: ids differ from build to build.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient


def client_of(uri: str) -> MlflowClient:
    """A client of one store for runs and models alike; 1.0 had no registry."""
    try:
        return MlflowClient(tracking_uri=uri, registry_uri=uri)
    except TypeError:
        return MlflowClient(tracking_uri=uri)


def build(store: str) -> dict[str, Any]:
    uri = Path(store).as_uri()
    mlflow.set_tracking_uri(uri)
    if hasattr(mlflow, "set_registry_uri"):
        mlflow.set_registry_uri(uri)
    client = client_of(uri)
    names: dict[str, Any] = {"version": mlflow.__version__}
    keeps_tags = hasattr(client, "set_experiment_tag")
    first = client.create_experiment("vision/resnet", **({"tags": {"team": "vision"}} if keeps_tags else {}))
    second = client.create_experiment("tabular churn")
    gone = client.create_experiment("old tries")
    if keeps_tags:
        client.set_experiment_tag(first, "notes/why", "because")
        names["experiment_tags"] = True
    names.update(first=first, second=second, gone=gone)

    parent = _run(client, first, "parent")
    child = _run(client, first, "child", {"mlflow.parentRunId": parent})
    plain = _run(client, second, "plain")
    other = _run(client, second, "other")
    names.update(parent=parent, child=child, plain=plain, other=other, old=_run(client, gone, "old"))
    deleted = _run(client, second, "deleted")
    client.delete_run(deleted)
    names["deleted"] = deleted

    if hasattr(client, "log_inputs"):
        _dataset(client, child)
        names["inputs"] = True
    if hasattr(client, "create_logged_model"):
        names["model"] = _logged_model(client, first, parent, "net")
        names["model2"] = _logged_model(client, first, parent, "net2")
    if _keeps_models(client):
        _registry(client, names, store)
        names["registry"] = True
    if hasattr(mlflow, "start_span"):
        _traces(client, first, names, store)
    client.delete_experiment(gone)
    return names


def _run(client: MlflowClient, experiment: str, name: str, tags: dict[str, str] | None = None) -> str:
    run = client.create_run(experiment, tags={"mlflow.runName": name, **(tags or {})})
    run_id: str = run.info.run_id
    now = int(time.time() * 1000)
    client.log_batch(
        run_id,
        [Metric("loss", 1.0 / (step + 1), now + step, step) for step in range(3)] + [Metric("val/acc", 0.5, now, 0)],
        [Param("lr", "0.1"), Param("opt/name", "adam"), Param("empty", "")],
        [RunTag("note", "first try")],
    )
    client.set_terminated(run_id)
    return run_id


def _dataset(client: MlflowClient, run_id: str) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(name="train", digest="abc123", source_type="local", source='{"uri": "data.csv"}', schema="{}")
    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])


def _logged_model(client: MlflowClient, experiment: str, run_id: str, name: str) -> str:
    from mlflow.entities import LoggedModelOutput

    model = client.create_logged_model(
        experiment, name=name, source_run_id=run_id, params={"depth": "3"}, tags={"kind": "test"}
    )
    client.finalize_logged_model(model.model_id, "READY")
    now = int(time.time() * 1000)
    client.log_metric(run_id, f"score-{name}", 0.9, timestamp=now, model_id=model.model_id)
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 0)])
    model_id: str = model.model_id
    return model_id


def _keeps_models(client: MlflowClient) -> bool:
    """Before 2.1 the file store had no registry."""
    if not hasattr(client, "search_registered_models"):
        return False
    try:
        client.search_registered_models()
    except mlflow.MlflowException:
        return False
    return True


def _registry(client: MlflowClient, names: dict[str, Any], store: str) -> None:
    client.create_registered_model("scorer", tags={"owner": "us"}, description="scores")
    client.create_registered_model("ranker")
    for _ in range(2):
        if "model" in names:
            client.create_model_version("scorer", f"models:/{names['model']}", names["parent"])
        else:
            source = Path(store, names["first"], names["parent"], "artifacts", "model")
            source.mkdir(exist_ok=True)
            client.create_model_version("scorer", source.as_uri(), names["parent"])
    client.set_model_version_tag("scorer", "1", "checked", "yes")
    if hasattr(client, "set_registered_model_alias"):
        client.set_registered_model_alias("scorer", "champion", "2")


def _traces(client: MlflowClient, experiment: str, names: dict[str, Any], store: str) -> None:
    mlflow.set_experiment(experiment_id=experiment)
    for number in range(2):
        with mlflow.start_span(f"ask {number}") as span:
            span.set_inputs({"q": "why"})
            span.set_outputs({"a": "because"})
    if hasattr(mlflow, "flush_trace_async_logging"):
        mlflow.flush_trace_async_logging(terminate=False)
    place = Path(store, experiment, "traces")
    traces = sorted(os.listdir(place), key=lambda one: (place / one / "tags" / "mlflow.traceName").read_text())
    names.update(trace=traces[0], trace2=traces[1])
    if hasattr(mlflow, "log_feedback"):
        try:
            mlflow.log_feedback(trace_id=traces[0], name="good", value=True)
            mlflow.log_expectation(trace_id=traces[0], name="answer", value="because")
        except Exception:
            # 3.0 and 3.1 keep assessments in databases only.
            return
        names["assessments"] = sorted(os.listdir(os.path.join(store, experiment, "traces", traces[0], "assessments")))
