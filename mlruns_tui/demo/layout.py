"""Which file of a file store holds what, and when MLflow would have written it.

A directory's time is when an entry was last made in it: a rewritten file does not touch it.
"""

from __future__ import annotations

from collections.abc import Iterator

from . import curves, formats, trace_formats
from .blobs import Blobs
from .values import DAY, SECOND, Content, DemoExperiment, DemoRun, Entry, LoggedModel, Orphan, RegisteredModel


class _Tree:
    """Files below one directory; directories come into being as they are needed, parents first."""

    def __init__(self, top: str, born_ms: int) -> None:
        self.top = top
        self._folders = {top: born_ms}
        self._files: list[Entry] = []

    def folder(self, path: str, born_ms: int) -> None:
        """An entry made at ``born_ms`` appears in the folder ``path`` (relative to the top); or just the folder."""
        self._touch(f"{self.top}/{path}", born_ms)

    def seen_at(self, born_ms: int) -> None:
        """An entry of somebody else's appears in the top."""
        self._touch(self.top, born_ms)

    def file(self, path: str, data: bytes, mtime_ms: int, born_ms: int | None = None) -> None:
        """``born_ms``: when it was made, if it was written to afterwards."""
        full = f"{self.top}/{path}"
        self._files.append(Entry(full, data, mtime_ms))
        self._touch(full.rpartition("/")[0], mtime_ms if born_ms is None else born_ms)

    def _touch(self, folder: str, born_ms: int) -> None:
        known = self._folders.get(folder)
        if known is None:
            self._touch(folder.rpartition("/")[0], born_ms)
        if known is None or born_ms > known:
            self._folders[folder] = born_ms

    def entries(self) -> Iterator[Entry]:
        for path, mtime_ms in self._folders.items():
            yield Entry(path, None, mtime_ms)
        yield from self._files


def entries(content: Content, root_uri: str) -> Iterator[Entry]:
    """Every file and directory of the store, a directory before what is in it; made one by one."""
    blobs = Blobs(content.seed)
    born = min(experiment.created_ms for experiment in content.experiments)
    yield Entry(".trash", None, max((one.updated_ms for one in content.trashed), default=born))
    for orphan in content.orphans:
        yield from _orphan(orphan)
    for experiment in (*content.experiments, *content.trashed):
        yield from _experiment(experiment, content, blobs, root_uri)
    for experiment in (*content.experiments, *content.trashed):
        for run in experiment.runs:
            yield from _run(run, experiment, blobs, root_uri)
    yield from _registry(content, root_uri)


def root_mtime_ms(content: Content) -> int:
    """When the last experiment was made in the root or left it."""
    return max(
        max(experiment.created_ms for experiment in content.experiments),
        max((experiment.updated_ms for experiment in content.trashed), default=0),
    )


def _experiment(experiment: DemoExperiment, content: Content, blobs: Blobs, root_uri: str) -> Iterator[Entry]:
    tree = _Tree(experiment.path, experiment.created_ms)
    tree.file("meta.yaml", formats.experiment_meta(experiment, root_uri), experiment.updated_ms)
    for key, value in experiment.tags:
        tree.file(f"tags/{key}", value.encode(), experiment.created_ms)
    for run in experiment.runs:
        tree.seen_at(run.start_ms)
    for dataset in experiment.datasets:
        first = min(run.start_ms for run in experiment.runs if run.dataset)
        tree.file(f"datasets/{formats.dataset_id(dataset)}/meta.yaml", formats.dataset_meta(dataset), first)
    for model in experiment.models:
        _logged_model(tree, model, blobs, root_uri)
    for trace in experiment.traces:
        path, made = f"traces/{trace.trace_id}", trace.time_ms + trace.duration_ms
        tree.file(f"{path}/trace_info.yaml", trace_formats.trace_info(trace), made)
        tree.file(f"{path}/artifacts/traces.json", trace_formats.spans(trace), made)
        tree.file(f"{path}/tags/mlflow.artifactLocation", f"{root_uri}/{tree.top}/{path}/artifacts".encode(), made)
        tree.file(f"{path}/tags/mlflow.traceName", b"answer", made)
        for key, value in trace_formats.trace_metadata(trace).items():
            tree.file(f"{path}/request_metadata/{key}", value.encode(), made)
        if trace.assessment_id:
            tree.file(
                f"{path}/assessments/{trace.assessment_id}.yaml", trace_formats.assessment(trace), made + 60 * SECOND
            )
    yield from tree.entries()
    yield from _lent(experiment, content)


def _lent(experiment: DemoExperiment, content: Content) -> Iterator[Entry]:
    """The folder in this experiment where another one keeps its artifacts."""
    for other in content.experiments:
        if other is not experiment and other.location.startswith(f"{experiment.experiment_id}/"):
            yield Entry(other.location, None, max(run.start_ms for run in other.runs))


def _run(run: DemoRun, experiment: DemoExperiment, blobs: Blobs, root_uri: str) -> Iterator[Entry]:
    path = f"{experiment.path}/{run.run_id}"
    start = run.start_ms
    tree = _Tree(path, start)
    elsewhere = experiment.location != experiment.experiment_id
    # MLflow writes where the run's artifacts were when it ran: a trashed experiment's URIs keep that.
    place = f"{experiment.location}/{run.run_id}/artifacts"
    for folder in ("artifacts", "metrics", "params", "tags"):
        tree.folder(folder, start)
    rewritten = run.deleted_ms or run.end_ms or start
    tree.file("meta.yaml", formats.run_meta(run, place, root_uri), rewritten, start)
    for key, value in run.params:
        tree.file(f"params/{key}", value.encode(), start + SECOND)
    for key, value, set_ms in run.tags:
        tree.file(f"tags/{key}", value.encode(), set_ms)
    for curve in run.curves:
        tree.file(f"metrics/{curve.name}", curves.render(curve), curve.end_ms, curve.begin_ms)
    if run.dataset:
        dataset = formats.dataset_id(run.dataset)
        tree.file(f"inputs/{formats.input_id(dataset, run.run_id)}/meta.yaml", formats.input_meta(dataset), start)
    for model_id in run.outputs:
        tree.file(f"outputs/{model_id}/meta.yaml", formats.output_meta(model_id), run.last_write_ms)
    files = _Tree(f"{experiment.location}/{run.run_id}", start) if elsewhere else tree
    for artifact in run.artifacts:
        model = formats.ml_model(run.run_id, "model", artifact.mtime_ms) if artifact.kind == "MLmodel" else b""
        data = blobs.make(artifact, run.params, run.curves, model)
        files.file(f"artifacts/{artifact.path}", data, artifact.mtime_ms)
    yield from tree.entries()
    if elsewhere:
        yield from files.entries()


def _logged_model(tree: _Tree, model: LoggedModel, blobs: Blobs, root_uri: str) -> None:
    path, made = f"models/{model.model_id}", model.created_ms
    for folder in ("metrics", "params"):
        tree.folder(f"{path}/{folder}", made)
    tree.file(f"{path}/meta.yaml", formats.logged_model_meta(model, root_uri), made + 900)
    for artifact in model.artifacts:
        where = f"{root_uri}/{tree.top}/{path}/artifacts"
        text = formats.ml_model(model.run_id, where, made, model.model_id) if artifact.kind == "MLmodel" else b""
        tree.file(f"{path}/artifacts/{artifact.path}", blobs.make(artifact, model=text), made)
    for key, final in model.metrics:
        tree.file(f"{path}/metrics/{key}", f"{made} {final} 0 {model.run_id}\n".encode(), made)
    tags = {"mlflow.source.name": model.script, "mlflow.source.type": "LOCAL", "mlflow.user": model.user}
    for key, value in tags.items():
        tree.file(f"{path}/tags/{key}", value.encode(), made)
    if model.versions:
        named = ", ".join(f'{{"name": "{name}", "version": {number}}}' for name, number in model.versions)
        tree.file(f"{path}/tags/mlflow.modelVersions", f"[{named}]".encode(), made + 1200 * SECOND)


def _orphan(orphan: Orphan) -> Iterator[Entry]:
    tree = _Tree(orphan.experiment_id, orphan.newest_ms - 30 * DAY)
    for folder in orphan.folders:
        tree.folder(folder, orphan.newest_ms - 30 * DAY)
    for key, value in orphan.tags:
        tree.file(f"tags/{key}", value.encode(), orphan.newest_ms)
    for dataset, made in orphan.datasets:
        tree.file(f"datasets/{formats.dataset_id(dataset)}/meta.yaml", formats.dataset_meta(dataset), made)
    yield from tree.entries()


def _registry(content: Content, root_uri: str) -> Iterator[Entry]:
    yield Entry("models", None, max(model.created_ms for model in content.registry))
    for model in content.registry:
        yield from _registered_model(model, root_uri)


def _registered_model(model: RegisteredModel, root_uri: str) -> Iterator[Entry]:
    tree = _Tree(f"models/{model.name}", model.created_ms)
    tree.file("meta.yaml", formats.registered_model_meta(model), model.updated_ms, model.created_ms)
    for key, value in model.tags:
        tree.file(f"tags/{key}", value.encode(), model.created_ms)
    for alias, number in model.aliases:
        tree.file(f"aliases/{alias}", str(number).encode(), model.updated_ms)
    for version in model.versions:
        path = f"version-{version.version}"
        tree.file(f"{path}/meta.yaml", formats.version_meta(model, version, root_uri), version.updated_ms)
        for key, value in version.tags:
            tree.file(f"{path}/tags/{key}", value.encode(), version.created_ms)
    yield from tree.entries()
