"""Who needs whom, read from the registry, the logged models and the runs' tags."""

from __future__ import annotations

import shutil

import pytest

from mlruns_tui.scanner import gathering
from mlruns_tui.scanner.store import open_store


def facts(snapshot):
    return {(one.kind, one.target_kind, one.target, one.by, one.by_path, one.destroys) for one in snapshot.references}


VERSION = "models/scorer/version-1/meta.yaml"


def test_a_child_needs_its_parent(store, read, run_ids):
    store.experiment("1")
    store.experiment("2")
    store.run("1", 1)
    child = store.run("2", 2, run_name="child", tags={"mlflow.parentRunId": run_ids(1)})
    store.run("1", 3, tags={"mlflow.parentRunId": run_ids(3)})
    by = f"child ({run_ids(2)})"
    assert facts(read(store)) == {("parent", "run", run_ids(1), by, child, False)}


def test_a_version_whose_files_are_in_its_run_dies_with_it(store, read, run_ids):
    store.experiment("1")
    path = store.run("1", 1)
    store.version(run_id=run_ids(1), source=f"{store.uri}/{path}/artifacts/model")
    assert facts(read(store)) == {("model-version", "run", run_ids(1), "version 1 of scorer", VERSION, True)}


def test_a_version_is_named_with_its_aliases_and_its_stage(store, read, run_ids):
    store.experiment("1")
    for number in (1, 2, 3):
        path = store.run("1", number)
        stage = ("None", "Production", "Archived")[number - 1]
        store.version("churn", number, source=f"{store.uri}/{path}/artifacts/model", current_stage=stage)
    for alias, number in (("champion", 1), ("challenger", 3), ("b", 3), ("c", 3), ("d", 3), ("lost", 9)):
        store.write(f"models/churn/aliases/{alias}", str(number))
    assert {one.target: one.by for one in read(store).references} == {
        run_ids(1): "version 1 of churn (alias champion)",
        run_ids(2): "version 2 of churn (stage Production)",
        run_ids(3): "version 3 of churn (alias b, alias c, alias challenger, 1 more, stage Archived)",
    }


def test_a_version_of_a_logged_model_loses_only_its_origin_with_the_run(store, read, run_ids):
    store.experiment("1")
    store.run("1", 1)
    model = store.logged_model("1", 7, source_run_id=run_ids(1), name="net")
    place = f"{store.uri}/1/models/{model}/artifacts"
    store.version(run_id=run_ids(1), source=f"models:/{model}", storage_location=place, model_id=model)
    assert facts(read(store)) == {
        ("logged-model", "run", run_ids(1), "logged model net", f"1/models/{model}/meta.yaml", False),
        ("model-version", "run", run_ids(1), "version 1 of scorer", VERSION, False),
        ("model-version", "logged-model", model, "version 1 of scorer", VERSION, True),
        ("model-version", "experiment", "1", "version 1 of scorer", VERSION, True),
    }


@pytest.mark.parametrize("key", ["source", "storage_location", "model_id"])
def test_each_way_of_naming_a_logged_model_is_enough(store, read, key):
    store.experiment("1")
    model = store.logged_model("1", 7)
    value = {
        "source": f"models:/{model}",
        "storage_location": f"{store.uri}/1/models/{model}/artifacts",
        "model_id": model,
    }
    store.version(**{key: value[key]})
    targets = {(one.target_kind, one.target, one.destroys) for one in read(store).references}
    assert targets == {("logged-model", model, True), ("experiment", "1", True)}


def test_deleted_versions_and_deleted_logged_models_need_nothing(store, read, run_ids):
    store.experiment("1")
    path = store.run("1", 1)
    store.logged_model("1", 7, source_run_id=run_ids(1), lifecycle_stage="deleted")
    store.version(run_id=run_ids(1), source=f"{store.uri}/{path}/artifacts/m", current_stage="Deleted_Internal")
    assert facts(read(store)) == set()


def test_prompts_and_models_elsewhere_need_nothing_here(store, read):
    store.experiment("1")
    store.version("prompt", 1)
    store.version("elsewhere", 1, source="s3://bucket/1/x/artifacts/m", run_id=None)
    store.version("there", 1, source="file:///somewhere/else/model")
    snapshot = read(store)
    assert facts(snapshot) == set()
    assert [(one.name, one.versions, one.state) for one in snapshot.models] == [
        ("elsewhere", 1, "ok"),
        ("prompt", 1, "ok"),
        ("there", 1, "ok"),
    ]


@pytest.mark.parametrize(
    "prefix", ["file:///data/original/mlruns", "/data/original/mlruns", "dbfs:/x", "mlflow-artifacts:"]
)
def test_in_a_moved_store_the_tail_of_a_location_tells_the_run(store, read, run_ids, prefix):
    store.experiment("1")
    store.run("1", 1)
    store.version(source=f"{prefix}/1/{run_ids(1)}/artifacts/model")
    targets = {(one.target_kind, one.target, one.destroys) for one in read(store).references}
    assert targets == {("run", run_ids(1), True)}


def test_a_version_of_a_run_in_a_trashed_experiment_still_needs_it(store, read, run_ids):
    store.experiment("5", ".trash")
    store.run(".trash/5", 1)
    store.experiment("1")
    store.version(source=f"{store.uri}/5/{run_ids(1)}/artifacts/model")
    targets = {(one.target_kind, one.target, one.destroys) for one in read(store).references}
    assert targets == {("run", run_ids(1), True)}


def test_a_logged_model_whose_files_are_in_a_run_dies_with_it(store, read, run_ids):
    store.experiment("1")
    path = store.run("1", 1)
    store.logged_model("1", 7, artifact_location=f"{store.uri}/{path}/artifacts/model", name="net")
    kinds = {(one.kind, one.target, one.destroys) for one in read(store).references}
    assert kinds == {("logged-model", run_ids(1), True)}


def test_files_of_a_version_that_are_nobodys_run_are_a_claim_on_their_path(store, read):
    store.experiment("1")
    store.write("1/exported/model/MLmodel", "x")
    store.version(source=f"{store.uri}/1/exported/model")
    snapshot = read(store)
    assert facts(snapshot) == {("claim", "path", "1/exported/model", "version 1 of scorer", VERSION, True)}
    assert [(one.path, one.kind) for one in snapshot.strays] == [("1/exported", "claimed")]


def test_a_run_that_keeps_its_artifacts_in_another_run_is_a_claim_on_it(store, read, run_ids):
    store.experiment("1")
    other = store.run("1", 1)
    store.run("1", 2, artifact_uri=f"{store.uri}/{other}/artifacts/shared")
    assert facts(read(store)) == {
        ("claim", "path", f"{other}/artifacts/shared", f"run {run_ids(2)}", f"1/{run_ids(2)}", True)
    }


def test_a_broken_registry_hides_nothing_and_keeps_every_run(store, read, run_ids):
    store.experiment("1")
    path = store.run("1", 1)
    store.version("good", 1, source=f"{store.uri}/{path}/artifacts/model")
    store.version("bad", 1)
    store.version("bad", 2)
    store.write("models/bad/meta.yaml", "")
    store.write("models/bad/version-1/meta.yaml", "- a\n")
    (store.root / "models/bad/version-2/meta.yaml").unlink()
    store.folder("models/empty")
    store.write("models/bad/aliases/champion", "2\n")
    store.write("models/good/aliases/broken-link/x", "2\n")
    snapshot = read(store)
    shown = [(one.name, one.versions, one.state, one.reason, one.aliases) for one in snapshot.models]
    assert shown == [
        ("bad", 2, "malformed", "meta.yaml is empty (0 bytes)", (("champion", "2"),)),
        ("empty", 0, "malformed", "meta.yaml is missing", ()),
        ("good", 1, "ok", "", ()),
    ]
    why = "models/bad/version-1/meta.yaml: meta.yaml is not a mapping but a list"
    assert facts(snapshot) == {
        ("model-version", "run", run_ids(1), "version 1 of good", "models/good/version-1/meta.yaml", True),
        ("model-version", "any", "", why, "models", False),
    }
    assert snapshot.messages == (
        "models/bad/version-1/meta.yaml: meta.yaml is not a mapping but a list; what this version needs is not known",
        "models/bad/version-2/meta.yaml is missing: what this version needs is not known",
        f"{why}: which runs registered models need is not known, all are kept",
    )


@pytest.mark.parametrize("closed", ["models", "models/scorer", "models/scorer/version-1/meta.yaml"])
def test_a_registry_that_cannot_be_looked_at_keeps_every_run(
    open_project, make_store, as_somebody, read, run_ids, closed
):
    store = make_store(open_project / "mlruns")
    store.experiment("1")
    store.run("1", 1)
    store.run("1", 2)
    store.version()
    (store.root / closed).chmod(0)
    with as_somebody():
        snapshot = read(store)
    (store.root / closed).chmod(0o755)
    assert [(one.kind, one.target_kind, one.target) for one in snapshot.references] == [("model-version", "any", "")]
    assert any("permission denied" in one and "all are kept" in one for one in snapshot.messages)


def unknown(snapshot):
    return {(one.kind, one.target) for one in snapshot.references if one.target_kind == "any"}


VERSION_DAMAGE = {
    "empty": b"",
    "bad YAML": b"{",
    "cut off between two lines": b"aliases: []\ncreation_timestamp: 1\n",
    "an alias of nothing": b"source: x\nrun_id: *a\n",
    "missing": None,
}


def test_a_run_named_through_an_alias_in_the_record_of_a_version_is_the_one_it_needs(store, read, run_ids):
    store.experiment("1")
    store.run("1", 1)
    store.run("1", 2)
    store.version()
    (store.root / VERSION).write_text(f"user_id: &a {run_ids(1)}\nsource: x\nrun_id: *a\n")
    store.grow_old()
    references = read(store).references
    assert {(one.kind, one.target_kind, one.target) for one in references} == {("model-version", "run", run_ids(1))}


@pytest.mark.parametrize("damage", VERSION_DAMAGE)
def test_a_damaged_record_of_a_version_keeps_every_run(store, read, damage):
    store.experiment("1")
    store.run("1", 1)
    store.version()
    meta = store.root / VERSION
    if VERSION_DAMAGE[damage] is None:
        meta.unlink()
    else:
        meta.write_bytes(VERSION_DAMAGE[damage])
    store.grow_old()
    assert unknown(read(store)) == {("model-version", "")}


@pytest.mark.parametrize("damage", VERSION_DAMAGE)
def test_a_damaged_record_of_a_logged_model_keeps_the_runs_of_its_experiment(store, read, damage):
    store.experiment("1")
    store.run("1", 1)
    store.experiment("2")
    model = store.logged_model("1", 7)
    meta = store.root / f"1/models/{model}/meta.yaml"
    if VERSION_DAMAGE[damage] is None:
        meta.unlink()
    else:
        meta.write_bytes(VERSION_DAMAGE[damage])
    store.grow_old()
    assert unknown(read(store)) == {("logged-model", "1")}


def test_a_record_that_is_whole_a_moment_later_needs_what_it_says(store, read, run_ids, monkeypatch):
    store.experiment("1")
    path = store.run("1", 1)
    store.version(source=f"{store.uri}/{path}/artifacts/model")
    model = store.logged_model("1", 7, source_run_id=run_ids(1))
    records = [store.root / VERSION, store.root / f"1/models/{model}/meta.yaml"]
    kept = [one.read_bytes() for one in records]
    for one in records:
        one.write_bytes(b"")

    def finish(seconds):
        for one, content in zip(records, kept, strict=True):
            one.write_bytes(content)

    monkeypatch.setattr(gathering.time, "sleep", finish)
    snapshot = read(store)
    assert {(one.kind, one.target) for one in snapshot.references} == {
        ("model-version", run_ids(1)),
        ("logged-model", run_ids(1)),
    }
    assert snapshot.messages == ()


@pytest.mark.parametrize("link", ["models/scorer", "models/scorer/version-1"])
def test_a_linked_part_of_the_registry_keeps_every_run(store, read, tmp_path, link):
    store.experiment("1")
    store.run("1", 1)
    store.version()
    shutil.move(store.root / link, tmp_path / "moved")
    (store.root / link).symlink_to(tmp_path / "moved")
    assert unknown(read(store)) == {("model-version", "")}


def closed_store(open_project, make_store):
    store = make_store(open_project / "mlruns")
    store.experiment("1")
    store.experiment("3")
    paths = [store.run("1", 1), store.run("1", 2), store.run("3", 3)]
    store.logged_model("3", 7)
    store.experiment("5", ".trash")
    store.folder("lost+found")
    return store, paths


@pytest.mark.parametrize(
    ("closed", "needs"),
    [
        ("3/models", ("logged-model", "")),
        ("3", ("parent", "")),
        (".trash", ("parent", "")),
        (".trash/5", ("parent", "")),
        ("run", ("parent", "1")),
        ("run/tags", ("parent", "1")),
        ("run/tags/mlflow.parentRunId", ("parent", "1")),
        ("lost+found", None),
        ("run/artifacts", None),
    ],
)
@pytest.mark.parametrize("fresh", [False, True])
def test_a_place_of_references_that_cannot_be_read_may_need_any_run(
    open_project, make_store, as_somebody, read, closed, needs, fresh
):
    store, paths = closed_store(open_project, make_store)
    store.write(f"{paths[1]}/tags/mlflow.parentRunId", paths[0].rpartition("/")[2])
    place = store.root / closed.replace("run", paths[1], 1)
    open_store(str(store.root)).inspect([])  # loads what nobody else may load
    place.chmod(0)
    with as_somebody():
        opened = open_store(str(store.root))
        seen = list(opened.scan())[-1] if not fresh else opened.inspect([])
    place.chmod(0o755)
    assert unknown(seen) == ({needs} if needs else set())


def test_the_registry_the_environment_names_needs_what_its_versions_name(
    store, read, run_ids, make_database, tmp_path, monkeypatch
):
    store.experiment("1")
    path = store.run("1", 1)
    registry = make_database(tmp_path / "registry.db", "/nowhere")
    registry.insert("registered_models", name="scorer")
    registry.insert("model_versions", name="scorer", version=1, source=f"{store.uri}/{path}/artifacts/m", run_id="")
    registry.close()
    assert read(store).references == ()
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", f"sqlite:///{tmp_path}/registry.db")
    targets = {(one.kind, one.target, one.destroys) for one in read(store).references}
    assert targets == {("model-version", run_ids(1), True)}


def test_a_registry_on_a_server_that_cannot_be_read_keeps_every_run(store, read, monkeypatch):
    store.experiment("1")
    store.run("1", 1)
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "postgresql://alice:secret@db/registry")
    for seen in (read(store), open_store(str(store.root)).inspect([])):
        (found,) = seen.references
        assert (found.kind, found.target_kind, found.target) == ("model-version", "any", "")
        assert found.by == "the model registry at postgresql://alice:…@db/registry cannot be read"


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("http://alice:secret@host:5000", "http://alice:…@host:5000"),
        ("databricks-uc", "databricks-uc"),
        ("file:///another/mlruns", "file:///another/mlruns"),
        ("/another/mlruns", "/another/mlruns"),
    ],
)
def test_a_registry_behind_http_or_in_another_file_store_is_said_and_keeps_every_run(
    store, read, monkeypatch, uri, said
):
    store.experiment("1")
    store.run("1", 1)
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", uri)
    snapshot = read(store)
    (found,) = snapshot.references
    assert (found.kind, found.target_kind, found.by) == (
        "model-version",
        "any",
        f"the model registry at {said} is not read",
    )
    assert snapshot.messages == (f"{found.by}: which runs its models need is not known, all are kept",)


def test_the_registry_of_the_store_itself_is_read(store, read, run_ids, monkeypatch):
    store.experiment("1")
    path = store.run("1", 1)
    store.version(source=f"{store.uri}/{path}/artifacts/model")
    for uri in (str(store.root), f"file://{store.root}"):
        monkeypatch.setenv("MLFLOW_REGISTRY_URI", uri)
        snapshot = read(store)
        assert [one.target for one in snapshot.references] == [run_ids(1)]
        assert snapshot.messages == ()
