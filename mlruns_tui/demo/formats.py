"""Metadata as MLflow 3.17 writes it to a file store (``mlflow.utils.yaml_utils``, ``FileStore``).

Mappings are dumped in key order by PyYAML's safe dumper. The many plain values are written without it,
in the same form; everything else goes through it.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping
from typing import Any

import yaml

from mlruns_tui.model.words import Status

from .values import Dataset, DemoExperiment, DemoRun, LoggedModel, ModelVersion, RegisteredModel

_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
# Texts that need no quotes whatever the dumper: words of six characters or more (shorter ones could be
# ``no`` or ``false``), hex ids with a letter in them (``12e45`` has no dot: not a float), local URIs.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]{5,60}|m-[0-9a-f]{32}|file:///[A-Za-z0-9_./%-]*[A-Za-z0-9]")
_HEX = re.compile(r"(?!0b)(?=[0-9]*[a-f])[0-9a-f]{32}")
_DIGITS = re.compile(r"[0-9]{1,18}")

STATUS: Mapping[Status, int] = {"RUNNING": 1, "SCHEDULED": 2, "FINISHED": 3, "FAILED": 4, "KILLED": 5}
"""``status`` in a run's ``meta.yaml``."""

_READY = 2
"""``status`` of a logged model."""


def dump(values: Mapping[str, Any]) -> bytes:
    """``values`` as MLflow's ``write_yaml`` writes them."""
    return "".join(_line(key, values[key]) for key in sorted(values)).encode()


def _line(key: str, value: Any) -> str:
    if value is None:
        return f"{key}: null\n"
    if type(value) is int:
        return f"{key}: {value}\n"
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) or _HEX.fullmatch(value):
            return f"{key}: {value}\n"
        if _DIGITS.fullmatch(value):
            return f"{key}: '{value}'\n"
        if not value:
            return f"{key}: ''\n"
    if value == []:
        return f"{key}: []\n"
    text = yaml.dump({key: value}, Dumper=_DUMPER, default_flow_style=False, allow_unicode=True, sort_keys=True)
    return str(text)


def experiment_meta(experiment: DemoExperiment, root_uri: str) -> bytes:
    """``EXP/meta.yaml``; deleting or renaming an experiment copies its tags into it."""
    values: dict[str, Any] = {
        "artifact_location": f"{root_uri}/{experiment.location}",
        "creation_time": experiment.created_ms,
        "effective_trace_archival_retention": None,
        "experiment_id": experiment.experiment_id,
        "last_update_time": experiment.updated_ms,
        "lifecycle_stage": "deleted" if experiment.trashed else "active",
        "name": experiment.name,
        "trace_location": None,
        "workspace": "default",
    }
    if experiment.updated_ms != experiment.created_ms:
        values["tags"] = dict(experiment.tags)
    return dump(values)


def run_meta(run: DemoRun, artifacts: str, root_uri: str) -> bytes:
    """``RUN/meta.yaml``. ``artifacts``: where its artifacts are, relative to the root.

    ``deleted_time`` is there only when deleted: giving a run its name, at its start, rewrites the file without it.
    """
    values: dict[str, Any] = {
        "artifact_uri": f"{root_uri}/{artifacts}",
        "end_time": run.end_ms,
        "entry_point_name": "",
        "experiment_id": run.experiment_id,
        "lifecycle_stage": "active" if run.deleted_ms is None else "deleted",
        "run_id": run.run_id,
        "run_name": run.name,
        "source_name": "",
        "source_type": 4,
        "source_version": "",
        "start_time": run.start_ms,
        "status": STATUS[run.status],
        "tags": [],
        "user_id": run.user,
    }
    if run.deleted_ms is not None:
        values["deleted_time"] = run.deleted_ms
    return dump(values)


def dataset_id(dataset: Dataset) -> str:
    """Name of its folder in ``EXP/datasets``: MD5 of name and digest."""
    return hashlib.md5((dataset.name + dataset.digest).encode(), usedforsecurity=False).hexdigest()


def input_id(source_id: str, run_id: str) -> str:
    """Name of an input's folder in ``RUN/inputs``: MD5 of its source's id and the run's."""
    return hashlib.md5((source_id + run_id).encode(), usedforsecurity=False).hexdigest()


def dataset_meta(dataset: Dataset) -> bytes:
    """``EXP/datasets/<id>/meta.yaml``."""
    columns = [{"type": "double", "name": name, "required": True} for name in dataset.columns]
    schema = {"mlflow_colspec": columns or [{"type": "string", "name": "item", "required": True}]}
    return dump(
        {
            "digest": dataset.digest,
            "name": dataset.name,
            "profile": json.dumps({"num_rows": dataset.rows, "num_elements": dataset.rows * max(len(columns), 1)}),
            "schema": json.dumps(schema),
            "source": json.dumps({"uri": dataset.source}),
            "source_type": "local",
        }
    )


def input_meta(source_id: str) -> bytes:
    """``RUN/inputs/<id>/meta.yaml`` of a dataset; MLflow repeats the source as destination."""
    return dump(
        {
            "destination_id": source_id,
            "destination_type": "RUN",
            "source_id": source_id,
            "source_type": "DATASET",
            "tags": {"mlflow.data.context": "training"},
        }
    )


def output_meta(model_id: str) -> bytes:
    """``RUN/outputs/<model id>/meta.yaml``."""
    return dump(
        {
            "destination_id": model_id,
            "destination_type": "MODEL_OUTPUT",
            "source_id": model_id,
            "source_type": "RUN_OUTPUT",
            "step": 0,
            "tags": {},
        }
    )


def logged_model_meta(model: LoggedModel, root_uri: str) -> bytes:
    """``EXP/models/m-…/meta.yaml``."""
    return dump(
        {
            "artifact_location": f"{root_uri}/{model.experiment_id}/models/{model.model_id}/artifacts",
            "creation_timestamp": model.created_ms,
            "experiment_id": model.experiment_id,
            "last_updated_timestamp": model.created_ms + 900,
            "model_id": model.model_id,
            "model_type": None,
            "name": model.name,
            "source_run_id": model.run_id,
            "status": _READY,
            "status_message": None,
        }
    )


def ml_model(run_id: str, artifact_path: str, made_ms: int, model_id: str = "") -> bytes:
    """An ``MLmodel`` file; with ``model_id`` as 3.x writes it, else as 2.22 does."""
    values: dict[str, Any] = {
        "artifact_path": artifact_path,
        "flavors": {
            "python_function": {
                "env": {"virtualenv": "requirements.txt"},
                "loader_module": "mlflow.sklearn",
                "model_path": "model.bin",
                "python_version": "3.10.13",
            }
        },
        "mlflow_version": "3.17.2" if model_id else "2.22.2",
        "model_size_bytes": 0,
        "model_uuid": model_id or run_id[::-1],
        "prompts": None,
        "run_id": run_id,
        "utc_time_created": stamp(made_ms),
    }
    if model_id:
        values["model_id"] = model_id
    return dump(values)


def stamp(ms: int) -> str:
    """``2026-11-22 19:56:06.314000``, UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(ms / 1000)) + f".{ms % 1000:03d}000"


def registered_model_meta(model: RegisteredModel) -> bytes:
    """``ROOT/models/<name>/meta.yaml``; its aliases are a copy of the files in ``aliases/``."""
    return dump(
        {
            "aliases": {alias: str(version) for alias, version in model.aliases},
            "creation_timestamp": model.created_ms,
            "deployment_job_id": None,
            "deployment_job_state": None,
            "description": model.description,
            "last_updated_timestamp": model.updated_ms,
            "name": model.name,
            "workspace": "default",
        }
    )


def version_meta(model: RegisteredModel, version: ModelVersion, root_uri: str) -> bytes:
    """``ROOT/models/<name>/version-<N>/meta.yaml``: made from a logged model, from files inside a run, or a prompt."""
    files = f"{root_uri}/{version.files}" if version.files else "dummy-source"
    return dump(
        {
            "creation_timestamp": version.created_ms,
            "current_stage": version.stage,
            "deployment_job_state": None,
            "description": version.description,
            "last_updated_timestamp": version.updated_ms,
            "model_id": version.model_id,
            "name": model.name,
            "run_id": version.run_id,
            "run_link": None,
            "source": f"models:/{version.model_id}" if version.model_id else files,
            "status": "READY",
            "status_message": None,
            "storage_location": files,
            "user_id": None,
            "version": version.version,
            "workspace": "default",
        }
    )
