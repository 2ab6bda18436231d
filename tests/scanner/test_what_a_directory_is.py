"""Orphaned, unclaimed, claimed, malformed or foreign: losing somebody's live artifacts is the worst case."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from mlruns_tui.scanner.store import open_store


def states(snapshot):
    return {one.key: one.state for one in snapshot.experiments}


def strays(snapshot):
    return {one.path: one.kind for one in snapshot.strays}


# --- orphans ----------------------------------------------------------------------------------------


def test_a_directory_that_lost_its_metadata_is_orphaned_and_its_runs_are_still_listed(store, read, experiment, run):
    store.experiment("1")
    store.run("123456789012345678", 1)
    store.grow_old()
    snapshot = read(store)
    orphan = experiment(snapshot, "123456789012345678")
    assert (orphan.state, orphan.reason, orphan.runs, orphan.readable_inside) == ("orphaned", "no meta.yaml", 1, 1)
    assert run(snapshot, 1).state == "ok"


@pytest.mark.parametrize("name", ["7", "123456789012345678", "0123456789abcdef0123456789abcdef"])
def test_an_empty_directory_with_the_name_of_an_experiment_is_orphaned(store, read, experiment, name):
    store.experiment("1")
    store.folder(name)
    store.grow_old()
    assert experiment(read(store), name).state == "orphaned"


def test_directories_only_hold_nothing(store, read, experiment, run_ids):
    store.experiment("1")
    store.folder(f"7/{run_ids(1)}/artifacts/a/b")
    store.grow_old()
    orphan = experiment(read(store), "7")
    assert (orphan.state, orphan.readable_inside) == ("orphaned", 0)


def test_readable_inside_counts_runs_logged_models_and_traces_and_nothing_empty(store, read, experiment, run_ids):
    store.experiment("1")
    store.run("7", 1)
    store.run("7", 2)
    store.write(f"7/{run_ids(2)}/meta.yaml", "")
    for part in ("params", "metrics", "artifacts"):
        shutil.rmtree(store.root / "7" / run_ids(2) / part)
    store.logged_model("7", 3)
    store.write("7/models/m-broken/meta.yaml", "- a\n")
    store.write("7/traces/tr-1/trace_info.yaml", "trace_id: tr-1\ntrace_location:\n  type: X\n")
    store.write("7/traces/tr-2/trace_info.yaml", "")
    store.grow_old()
    orphan = experiment(read(store), "7")
    assert (orphan.state, orphan.runs, orphan.readable_inside) == ("orphaned", 2, 3)


@pytest.mark.parametrize(
    "broken",
    [
        {"meta.yaml": b""},
        {"meta.yaml": b"- a\n", "params": None, "metrics": None},
        {"meta.yaml": None, "metrics": None, "artifacts": None},
    ],
)
def test_a_run_in_an_orphan_whose_data_is_there_is_readable(store, read, experiment, broken):
    store.experiment("1")
    path = store.root / store.run("7", 1)
    for name, content in broken.items():
        if content is not None:
            (path / name).write_bytes(content)
        elif name == "meta.yaml":
            (path / name).unlink()
        else:
            shutil.rmtree(path / name)
    store.grow_old()
    found = experiment(read(store), "7")
    assert (found.state, found.readable_inside) == ("orphaned", 1)


@pytest.mark.parametrize("changes", [{"experiment_id": "5"}, {"user_id": None}])
def test_complete_runs_of_an_orphan_are_readable_although_their_ids_disagree(store, read, experiment, changes):
    store.experiment("1")
    for number in range(5):
        path = store.root / store.run("6", number + 1, **changes)
        for part in ("params", "metrics", "artifacts"):
            shutil.rmtree(path / part)
    store.grow_old()
    found = experiment(read(store), "6")
    assert (found.state, found.runs, found.readable_inside) == ("orphaned", 5, 5)


FOREIGN = {
    "a package": ("src", ["src/pkg/tags/__init__.py"]),
    "node modules": ("node_modules", ["node_modules/foo/params/i.js"]),
    "hydra": ("hydra", ["hydra/expA/params/x.yaml"]),
    "recipes": ("recipes", ["recipes/numpy/meta.yaml"]),
    "reports": ("reports", ["reports/v1/metrics/auc.csv", "reports/v1/final.pdf"]),
    "data of a year": ("2024", ["2024/datasets/train.csv"]),
    "datasets in folders": ("2024", ["2024/datasets/0123456789abcdef0123456789abcdef/train.csv"]),
    "a thesis": ("2023", ["2023/tags/x", "2023/thesis.tex"]),
    "projects": ("2022", ["2022/notes.txt", "2022/projectA/metrics/x.csv"]),
    "one project": ("2022", ["2022/tags/x", "2022/projectA/metrics/x.csv"]),
    "a file beside broken runs": ("7", ["7/0123456789abcdef0123456789abcdef/params/a", "7/nohup.out"]),
    "a cache": ("7", ["7/tags/x", "7/0123456789abcdef0123456789abcdef/blob"]),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_somebodys_folder_is_a_stray_whatever_its_parts_are_called(store, read, case):
    name, files = FOREIGN[case]
    store.experiment("1")
    for file in files:
        store.write(file, "name: x\n")
    store.grow_old()
    snapshot = read(store)
    assert states(snapshot) == {"experiment/1": "ok"}
    assert strays(snapshot) == {name: "foreign"}


@pytest.mark.parametrize("size", [10, 3 << 20])
def test_tags_make_an_orphan_only_as_small_files(store, read, size):
    store.experiment("1")
    store.write("7/tags/team/of", "x" * size)
    store.grow_old()
    assert (states(read(store)).get("experiment/7") == "orphaned") == (size == 10)


def test_tags_that_hold_a_link_make_no_orphan(store, read):
    store.experiment("1")
    store.folder("7/tags")
    (store.root / "7/tags/note").symlink_to("/etc/hostname")
    store.grow_old()
    assert strays(read(store)) == {"7": "foreign"}


def test_datasets_as_mlflow_writes_them_make_an_orphan(store, read):
    store.experiment("1")
    store.write("7/datasets/0123456789abcdef0123456789abcdef/meta.yaml", "name: x\n")
    store.grow_old()
    assert states(read(store))["experiment/7"] == "orphaned"


def test_runs_in_a_folder_with_foreign_files_are_shown_and_the_folder_is_no_orphan(store, read, experiment):
    store.experiment("1")
    store.run("7", 1)
    store.write("7/nohup.out", "x")
    store.grow_old()
    found = experiment(read(store), "7")
    assert (found.state, found.runs) == ("malformed", 1)
    assert found.reason == "meta.yaml is missing, and nohup.out in it is not MLflow's"


def test_a_text_name_is_an_orphan_only_when_it_holds_what_looks_like_runs(store, read, experiment):
    store.experiment("1")
    store.run("my-experiment", 1)
    store.folder("emptiness")
    store.grow_old()
    snapshot = read(store)
    assert experiment(snapshot, "my-experiment").state == "orphaned"
    assert strays(snapshot) == {"emptiness": "foreign"}


def test_an_orphan_in_the_trash_is_one_there(store, read, experiment):
    store.experiment("1")
    store.run(".trash/7", 1)
    store.grow_old()
    orphan = experiment(read(store), "trash/7")
    assert (orphan.state, orphan.place, orphan.path) == ("orphaned", "trash", ".trash/7")


def test_nothing_is_called_orphaned_before_everything_that_could_claim_it_was_read(store):
    store.experiment("1")
    store.run("7", 1)
    store.grow_old()
    seen = {}
    for snapshot in open_store(str(store.root)).scan():
        found = snapshot.experiment("experiment/7")
        seen.setdefault(snapshot.progress.stage, found and (found.state, found.reason))
    assert seen["listing"] == ("ok", "")
    assert seen["complete"] == ("orphaned", "no meta.yaml")


def test_a_directory_made_a_moment_ago_is_being_created_not_orphaned(store, read, experiment, run):
    store.experiment("1")
    store.run("7", 1)
    store.grow_old()
    os.utime(store.root / "7")
    (store.root / "7" / "0123456789abcdef0123456789abcdef").mkdir()
    snapshot = read(store)
    fresh = experiment(snapshot, "7")
    assert (fresh.state, fresh.reason) == ("malformed", "meta.yaml is missing; being created?")
    made = run(snapshot, "0123456789abcdef0123456789abcdef")
    assert (made.state, made.status, made.reason) == ("ok", "UNKNOWN", "meta.yaml is missing; being created?")


def test_a_directory_from_the_future_counts_as_fresh(store, read, experiment):
    store.experiment("1")
    store.folder("7")
    store.grow_old()
    os.utime(store.root / "7", (time.time() + 9000, time.time() + 9000))
    assert experiment(read(store), "7").state == "malformed"


def test_metadata_written_while_the_store_is_read_saves_its_experiment(store):
    store.experiment("1")
    store.run("7", 1)
    store.grow_old()
    snapshot = None
    for snapshot in open_store(str(store.root)).scan():
        if snapshot.progress.stage == "sizes":
            store.experiment("7")
    found = snapshot.experiment("experiment/7")
    assert (found.state, found.reason) == ("malformed", "meta.yaml was written while the store was read")


# --- what cannot be looked at -----------------------------------------------------------------------


def test_what_cannot_be_looked_at_is_never_orphaned(open_project, make_store, as_somebody, read, experiment, run):
    store = make_store(open_project / "mlruns")
    store.experiment("1")
    store.run("1", 1)
    store.experiment("2")
    store.run("2", 2)
    store.run("7", 7)
    store.run("8", 8)
    store.grow_old()
    store.root.joinpath("7").chmod(0)
    store.root.joinpath("8", next(iter(os.listdir(store.root / "8")))).chmod(0)
    store.root.joinpath("2").chmod(0)
    os.chmod(store.root / "1" / os.listdir(store.root / "1")[0], 0o755)
    with as_somebody():
        snapshots = list(open_store(str(store.root)).scan())
    for snapshot in snapshots:
        assert "orphaned" not in states(snapshot).values()
    for identifier in ("2", "7"):
        closed = experiment(snapshot, identifier)
        assert closed.state == "malformed"
        assert closed.reason.startswith("cannot be read: permission denied (owner ")
        assert closed.reason.endswith(", mode 0)")
        assert closed.trouble == ("unreadable",)
        assert closed.size is None
    partly = experiment(snapshot, "8")
    assert partly.state == "malformed"
    assert partly.trouble == ("unreadable",)
    assert experiment(snapshot, "1").state == "ok"
    assert run(snapshot, 1).state == "ok"


def test_an_orphan_part_of_which_turns_out_closed_while_sizing_is_none(
    open_project, make_store, as_somebody, read, experiment
):
    store = make_store(open_project / "mlruns")
    store.experiment("1")
    path = store.run("7", 1)
    store.grow_old()
    (store.root / path / "artifacts").chmod(0)
    with as_somebody():
        snapshot = read(store)
    found = experiment(snapshot, "7")
    assert (found.state, found.reason) == ("malformed", "meta.yaml is missing, and part of it cannot be read")


def test_closed_metadata_is_malformed_and_protected(open_project, make_store, as_somebody, read, experiment, run):
    store = make_store(open_project / "mlruns")
    store.experiment("1")
    path = store.run("1", 1)
    store.run("1", 2)
    store.grow_old()
    (store.root / path / "meta.yaml").chmod(0)
    with as_somebody():
        snapshot = read(store)
    closed = run(snapshot, 1)
    assert (closed.state, closed.reason) == ("malformed", "meta.yaml cannot be read: permission denied")
    assert closed.trouble == ("unreadable",)
    assert run(snapshot, 2).state == "ok"


# --- a database's artifacts -------------------------------------------------------------------------


def sql_artifacts(store, run_ids, experiment="1"):
    store.write(f"{experiment}/{run_ids(1)}/artifacts/model/weights.bin", b"w" * 10)
    store.write(f"{experiment}/models/m-{run_ids(2)}/artifacts/MLmodel", "x")
    store.write(f"{experiment}/traces/tr-{run_ids(3)}/artifacts/traces.json", "{}")


def test_a_servers_artifacts_without_their_database_are_unclaimed(store, read, experiment, run, run_ids, tmp_path):
    sql_artifacts(store, run_ids)
    store.grow_old()
    os.rename(store.root, store.root.parent / "mlartifacts")
    snapshot = read(store.root.parent / "mlartifacts")
    found = experiment(snapshot, "1")
    assert (found.state, found.readable_inside) == ("unclaimed", 0)
    assert run(snapshot, 1).state == "unclaimed"
    assert snapshot.store.kind == "unclaimed"
    assert "no database beside them" in snapshot.messages[0]


@pytest.mark.parametrize("part", ["run", "models", "traces"])
def test_each_kind_of_artifacts_alone_is_enough(store, read, experiment, run_ids, part):
    sql_artifacts(store, run_ids)
    for name in {"models", "traces", run_ids(1)} - {run_ids(1) if part == "run" else part}:
        os.rename(store.root / "1" / name, store.root.parent / name)
    store.grow_old()
    assert experiment(read(store), "1").state == "unclaimed"


def test_unclaimed_wins_over_orphaned_directory_by_directory(store, read, run_ids):
    store.experiment("0", artifact_location="mlflow-artifacts:/0")
    sql_artifacts(store, run_ids, "1")
    sql_artifacts(store, run_ids, "2")
    store.run("3", 9)
    store.folder("4")
    store.grow_old()
    snapshot = read(store)
    assert states(snapshot) == {
        "experiment/0": "ok",
        "experiment/1": "unclaimed",
        "experiment/2": "unclaimed",
        "experiment/3": "orphaned",
        "experiment/4": "orphaned",
    }
    assert snapshot.store.kind == "mixed"


def test_a_databases_run_in_a_file_experiment_is_unclaimed(store, read, run, run_ids):
    store.experiment("0")
    store.run("0", 1)
    store.write(f"0/{run_ids(2)}/artifacts/weights.bin", b"live")
    store.folder(f"0/{run_ids(3)}/params")
    store.folder(f"0/{run_ids(4)}")
    store.grow_old()
    snapshot = read(store)
    assert {number: run(snapshot, number).state for number in (1, 2, 3, 4)} == {
        1: "ok",
        2: "unclaimed",
        3: "malformed",
        4: "malformed",
    }
    assert snapshot.store.kind == "mixed"


# --- claimed by somebody's artifact location --------------------------------------------------------


def custom(store, location, folder="777", identifier="5"):
    """An experiment whose artifacts are somewhere else, here in ``folder``."""
    store.experiment(identifier, artifact_location=location)
    store.run(identifier, 50, artifact_uri=f"{location}/{'0' * 8}/artifacts")
    store.write(f"{folder}/00000000/artifacts/weights.bin", b"live")
    store.grow_old()


@pytest.mark.parametrize("folder", ["777", "0123456789abcdef0123456789abcdef", "my-artifacts", "with space"])
def test_a_directory_that_is_somebodys_artifact_location_is_a_stray_not_an_experiment(store, read, folder):
    custom(store, f"{store.uri}/{folder}".replace(" ", "%20"), folder)
    snapshot = read(store)
    assert states(snapshot) == {"experiment/5": "ok"}
    assert strays(snapshot) == {folder: "claimed"}
    assert snapshot.strays[0].reason == "experiment experiment 5 keeps files here"
    assert snapshot.strays[0].size.files == 1


def variants(store):
    root = str(store.root)
    return {
        "percent-encoded": f"file://{root}/%37%37%37",
        "a plain path": f"{root}/777",
        "dots": f"file://{root}/5/../777",
        "double slash": f"file:{root}//777/",
        "one slash": f"file:{root}/777",
        "with a host": f"file://localhost{root}/777",
        "relative to the project": "mlruns/777",
        "relative to the store": "./777",
        "served": "mlflow-artifacts:/777",
        "served by a host": "mlflow-artifacts://gpu01:5000/777",
        "over http": "http://gpu01:5000/api/2.0/mlflow-artifacts/artifacts/777",
        "below it": f"file://{root}/777/deep/down",
        "with a query": f"file://{root}/777?x=1",
        "with a fragment": f"file://{root}/777#a",
        "served with a query": "mlflow-artifacts:/777?x=1",
        "relative from further above": f"./proj/{os.path.basename(root)}/777",
    }


@pytest.mark.parametrize("name", variants(type("S", (), {"root": Path("/r")})()))
def test_an_artifact_location_claims_however_it_is_written(store, read, name):
    custom(store, variants(store)[name])
    snapshot = read(store)
    assert strays(snapshot) == {"777": "claimed"}, name


@pytest.mark.parametrize("lead", ["{root}/777/shared", "../../777/shared"])
def test_where_the_linked_artifacts_of_a_run_lead_is_claimed(store, read, lead):
    store.experiment("1")
    path = store.run("1", 1)
    shutil.rmtree(store.root / path / "artifacts")
    (store.root / path / "artifacts").symlink_to(lead.format(root=store.root))
    store.write("777/shared/weights.bin", "live")
    store.grow_old()
    snapshot = read(store)
    assert strays(snapshot) == {"777": "claimed"}
    claims = [(one.target, one.by_path) for one in snapshot.references if one.kind == "claim"]
    assert claims == [("777/shared", path)]


def test_an_artifact_location_claims_through_a_linked_prefix(store, read, tmp_path):
    (tmp_path / "short").symlink_to(store.root.parent)
    custom(store, f"file://{tmp_path}/short/mlruns/777")
    assert strays(read(store)) == {"777": "claimed"}


def test_an_artifact_location_claims_through_a_link_inside_the_store(store, read):
    (store.root / "link").symlink_to("777")
    custom(store, f"{store.uri}/link")
    assert strays(read(store))["777"] == "claimed"


def test_dots_behind_a_link_lead_where_the_kernel_goes(store, read, tmp_path):
    store.folder("777/inner")
    (tmp_path / "link").symlink_to(store.root / "777" / "inner")
    custom(store, f"file://{tmp_path}/link/..")
    assert strays(read(store)) == {"777": "claimed"}


def test_a_store_opened_through_a_link_still_knows_its_own_name(store, read, tmp_path):
    (tmp_path / "short").symlink_to(store.root)
    custom(store, f"file://{tmp_path}/short/777")
    assert strays(read(tmp_path / "short")) == {"777": "claimed"}


def test_in_a_moved_store_the_old_root_still_means_this_one(store, read):
    store.experiment("1", artifact_location="file:///data/original/mlruns/1")
    custom(store, "file:///data/original/mlruns/777")
    assert strays(read(store)) == {"777": "claimed"}


def test_a_claim_lies_deep_below_a_directory(store, read):
    custom(store, f"{store.uri}/777/a/b", "777/a/b")
    assert strays(read(store)) == {"777": "claimed"}


@pytest.mark.parametrize("key", ["source", "storage_location"])
def test_a_model_versions_files_claim_their_directory(store, read, key):
    store.experiment("1")
    store.write("777/MLmodel", "x")
    store.version(**{key: f"{store.uri}/777"})
    store.grow_old()
    snapshot = read(store)
    assert strays(snapshot) == {"777": "claimed"}
    assert snapshot.strays[0].reason == "version 1 of scorer keeps files here"


def test_a_runs_own_artifact_uri_claims_another_directory(store, read):
    store.experiment("1")
    store.run("1", 1, artifact_uri=f"{store.uri}/777/x/artifacts")
    store.write("777/x/artifacts/weights.bin", b"live")
    store.grow_old()
    assert strays(read(store)) == {"777": "claimed"}


def test_a_logged_models_location_claims_another_directory(store, read):
    store.experiment("1")
    store.logged_model("1", 1, artifact_location=f"{store.uri}/777/models/m-1/artifacts")
    store.write("777/models/m-1/artifacts/MLmodel", "x")
    store.grow_old()
    assert strays(read(store)) == {"777": "claimed"}


def test_runs_of_another_experiment_do_not_become_runs_of_the_one_they_are_stored_in(store, read, run_ids, experiment):
    store.experiment("1")
    store.run("1", 1)
    store.experiment("2", artifact_location=f"{store.uri}/1")
    store.run("2", 2, artifact_uri=f"{store.uri}/1/{run_ids(2)}/artifacts")
    store.write(f"1/{run_ids(2)}/artifacts/weights.bin", b"live")
    store.grow_old()
    snapshot = read(store)
    assert experiment(snapshot, "1").runs == 1
    assert strays(snapshot) == {f"1/{run_ids(2)}": "claimed"}
    claims = [(one.target, one.by_path) for one in snapshot.references if one.kind == "claim"]
    assert claims == [("1", "2")]


def test_a_location_that_is_the_root_itself_claims_what_is_not_a_number(store, read, run_ids):
    store.experiment("1", artifact_location=store.uri)
    store.run("1", 1, artifact_uri=f"{store.uri}/{run_ids(1)}/artifacts")
    store.write(f"{run_ids(1)}/artifacts/weights.bin", b"live")
    store.write(f"{run_ids(2)}/params/lr", "deleted run's")
    store.grow_old()
    assert strays(read(store)) == {run_ids(1): "claimed", run_ids(2): "claimed"}


def test_a_trashed_experiment_still_claims_the_place_it_had(store, read):
    store.experiment("7", ".trash", artifact_location=f"{store.uri}/7")
    store.experiment("1")
    store.write("7/0123/artifacts/late.bin", b"written after the move")
    store.grow_old()
    snapshot = read(store)
    assert strays(snapshot) == {"7": "claimed"}
    assert [one for one in snapshot.references if one.kind == "claim"] == []


def test_a_copy_does_not_keep_the_original_from_being_removed(store, read, experiment, run_ids):
    store.experiment("1")
    store.run("1", 1)
    store.experiment("1-copy", experiment_id="1", artifact_location=f"{store.uri}/1")
    store.run("1-copy", 1, experiment_id="1", artifact_uri=f"{store.uri}/1/{run_ids(1)}/artifacts")
    store.grow_old()
    snapshot = read(store)
    assert experiment(snapshot, "1-copy").state == "malformed"
    assert snapshot.references == ()


def test_an_experiment_does_not_claim_itself(store, read, experiment):
    store.experiment("1")
    store.run("1", 1)
    store.run("7", 2)
    store.grow_old()
    snapshot = read(store)
    assert experiment(snapshot, "7").state == "orphaned"
    assert snapshot.references == ()


def test_what_is_inside_an_orphan_does_not_claim_it(store, read, experiment):
    store.experiment("1")
    store.run("7", 2, artifact_uri=f"{store.uri}/7/shared/artifacts")
    store.logged_model("7", 3, artifact_location=f"{store.uri}/7/elsewhere")
    store.grow_old()
    assert experiment(read(store), "7").state == "orphaned"


def test_a_copied_run_does_not_keep_the_original_from_being_removed(store, read, run_ids):
    store.experiment("1")
    store.run("1", 1)
    store.run("1", 2, id="copy-of-it", run_id=run_ids(1), artifact_uri=f"{store.uri}/1/{run_ids(1)}/artifacts")
    store.grow_old()
    assert read(store).references == ()


def test_a_claimed_directory_full_of_runs_is_shown_as_the_experiment_it_was(store, read, experiment):
    store.run("7", 1)
    store.experiment("1")
    store.version(source=f"{store.uri}/7/{os.listdir(store.root / '7')[0]}/artifacts/model")
    store.grow_old()
    snapshot = read(store)
    found = experiment(snapshot, "7")
    assert (found.state, found.runs) == ("malformed", 1)
    assert found.reason == "meta.yaml is missing; version 1 of scorer keeps files here"


# --- strays -----------------------------------------------------------------------------------------


def test_what_is_no_experiment_is_a_stray(store, read):
    store.experiment("1")
    for name in (".git", "lost+found", "__pycache__", ".ipynb_checkpoints", "@eaDir", "with space", "x" * 65):
        store.write(f"{name}/file", "x")
    store.write("42/notes.txt", "id-shaped, with foreign content")
    store.write("other.trash/file", "x")
    store.grow_old()
    snapshot = read(store)
    assert states(snapshot) == {"experiment/1": "ok"}
    assert set(strays(snapshot).values()) == {"foreign"}
    assert len(snapshot.strays) == 9
    assert all(one.size.files == 1 for one in snapshot.strays)


@pytest.mark.parametrize("name", ["backups", ".backups", "backup", "mlruns_backup", "backups-2024"])
def test_backups_of_clean_up_scripts_are_known_as_such(store, read, name):
    store.experiment("1")
    store.write(f"{name}/20240101_000000/123456789012345678/meta.yaml", "experiment_id: '1'\n")
    store.grow_old()
    assert strays(read(store)) == {name: "old-backups"}


def test_an_empty_backups_folder_is_one_too(store, read):
    store.experiment("1")
    store.folder("backups")
    assert strays(read(store)) == {"backups": "old-backups"}


def test_our_own_backups_are_counted_apart(store, read, experiment):
    store.experiment("1")
    store.run("1", 1)
    store.grow_old()
    before = read(store)
    store.write(".mlruns-tui.trash/batches/b/data/0/meta.yaml", "x" * 1000)
    store.write("1/abc.mlruns-tui.trash/meta.yaml", "x" * 100)
    store.write(".trash/5.mlruns-tui.trash/meta.yaml", "x" * 10)
    after = read(store)
    assert after.backup_bytes == 1110
    assert (after.total.size_bytes, after.total.files) == (before.total.size_bytes, before.total.files)
    assert experiment(after, "1").size.files == experiment(before, "1").size.files
    assert {one.path: one.size.size_bytes for one in after.strays} == {
        ".mlruns-tui.trash": 1000,
        "1/abc.mlruns-tui.trash": 100,
        ".trash/5.mlruns-tui.trash": 10,
    }
    assert {one.kind for one in after.strays} == {"own"}
    assert experiment(after, "1").runs == 1
    assert len(after.experiments) == 1


def test_directories_in_the_places_of_runs_that_are_none_are_strays(store, read, experiment, run):
    store.experiment("1")
    store.write("1/checkpoints/c.bin", "x")
    store.write("1/.ipynb_checkpoints/n", "x")
    store.run("1", 1, id="named-by-hand")
    store.grow_old()
    snapshot = read(store)
    assert strays(snapshot) == {"1/checkpoints": "foreign", "1/.ipynb_checkpoints": "foreign"}
    assert run(snapshot, "named-by-hand").state == "ok"
    assert experiment(snapshot, "1").runs == 1


def test_links_are_shown_and_never_followed(store, read, experiment, run, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "big").write_bytes(b"x" * 5000)
    store.experiment("1")
    path = store.run("1", 1)
    (store.root / "2").symlink_to(outside)
    (store.root / "3").symlink_to(".")
    (store.root / "4").symlink_to("nowhere")
    (store.root / "5").symlink_to("5")
    (store.root / "6").symlink_to(outside / "big")
    (store.root / "1" / "linkedrun").symlink_to(outside)
    (store.root / path / "artifacts" / "etc").symlink_to("/etc")
    (store.root / path / "artifacts" / "loop").symlink_to("..")
    store.grow_old()
    snapshot = read(store)
    assert [one.experiment_id for one in snapshot.experiments] == ["1", "2", "3"]
    for identifier in ("2", "3"):
        link = experiment(snapshot, identifier)
        assert (link.state, link.trouble, link.size.files) == ("ok", ("link",), 0)
    linked = run(snapshot, "linkedrun")
    assert (linked.trouble, linked.size.files, linked.status) == (("link",), 0, "UNKNOWN")
    assert run(snapshot, 1).size.files == 5
    assert run(snapshot, 1).trouble == ()
    assert snapshot.total.files == 6
