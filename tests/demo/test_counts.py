"""How many of what is in the store, counted by walking over it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

DAY = 86_400_000


def ended_days_ago(run, now_ms):
    return (now_ms - run.meta["end_time"]) / DAY


def old_runs(on_disk, now_ms):
    """Active runs that began or ended over 30 days ago."""
    return {
        run_id
        for run_id, run in on_disk.runs.items()
        if run.active and (now_ms - (run.meta["end_time"] or run.meta["start_time"])) / DAY > 30
    }


def why_kept(on_disk, old):
    """Reasons by run id, worked out from the files alone."""
    kept = {}
    for version in on_disk.versions:
        if version["current_stage"] == "Deleted_Internal":
            continue
        named = {version["run_id"]} | set(re.findall("[0-9a-f]{32}", version["storage_location"]))
        kept.update(dict.fromkeys(named & old, "model-version"))
    for run_id in old:
        run = on_disk.runs[run_id]
        if run.meta["status"] == 1:
            kept[run_id] = "running"
        if "keep" in run.tags:
            kept[run_id] = "keep-tag"
    found = True
    while found:
        found = False
        for run_id, run in on_disk.runs.items():
            parent = run.tags.get("mlflow.parentRunId")
            if parent in old and parent not in kept and (run_id not in old or run_id in kept):
                kept[parent] = "parent"
                found = True
    return kept


def test_root_holds_17_experiment_directories_of_which_two_lack_metadata(demo, on_disk):
    assert len(on_disk.experiments) == 17
    bare = {name for name, meta in on_disk.experiments.items() if meta is None}
    assert bare == set(demo.orphan_ids)
    assert len(bare) == 2
    assert all(re.fullmatch("[0-9]{18}", name) for name in on_disk.experiments if name != "0")


def test_experiments_are_named_by_the_directory_they_are_in(demo, on_disk):
    healthy = {name: meta for name, meta in on_disk.experiments.items() if meta}
    assert all(meta["experiment_id"] == name for name, meta in healthy.items())
    assert demo.experiment_ids == {meta["name"]: name for name, meta in healthy.items()}
    assert demo.experiment_ids["Default"] == "0"


def test_healthy_experiments_hold_1293_runs_whose_metadata_names_them(demo, on_disk):
    assert len(on_disk.runs) == 1293
    for run_id, run in on_disk.runs.items():
        assert run.meta["run_id"] == run_id
        assert run.meta["experiment_id"] == run.experiment_id
        assert run.tags["mlflow.runName"] == run.meta["run_name"]
        assert re.fullmatch("[0-9a-f]{32}", run_id)
    assert demo.run_paths == {run_id: str(run.path.relative_to(on_disk.root)) for run_id, run in on_disk.runs.items()}


def test_143_finished_runs_are_over_30_days_old_and_needed_by_nothing(demo, on_disk):
    old = old_runs(on_disk, demo.now_ms)
    goes = old - why_kept(on_disk, old).keys()
    assert len(goes) == 143
    assert goes == set(demo.old_run_ids)
    assert all(on_disk.runs[run_id].ended for run_id in goes)


def test_27_runs_as_old_are_kept_for_the_reasons_given(demo, on_disk):
    kept = why_kept(on_disk, old_runs(on_disk, demo.now_ms))
    assert kept == demo.protected
    reasons = sorted(kept.values())
    assert {reason: reasons.count(reason) for reason in reasons} == {
        "keep-tag": 12,
        "model-version": 4,
        "parent": 9,
        "running": 2,
    }
    assert all(on_disk.runs[one].tags["keep"] == "paper" for one, why in kept.items() if why == "keep-tag")


def test_no_logged_model_was_made_by_a_run_that_goes(demo, on_disk):
    assert len(on_disk.logged_models) >= 5
    assert not {model["source_run_id"] for model in on_disk.logged_models} & set(demo.old_run_ids)
    assert all(model["source_run_id"] in on_disk.runs for model in on_disk.logged_models)


def test_no_run_is_near_the_age_of_30_days(demo, on_disk):
    for run in on_disk.runs.values():
        end = run.meta["end_time"]
        ages = [(demo.now_ms - (end or run.meta["start_time"])) / DAY]
        if run.meta.get("deleted_time"):
            ages.append((demo.now_ms - run.meta["deleted_time"]) / DAY)
        assert all(age <= 27 or age >= 32 for age in ages), run.path


def test_whole_families_go_and_so_do_old_children_of_kept_parents(demo, on_disk):
    goes = set(demo.old_run_ids)
    children = {}
    for run_id, run in on_disk.runs.items():
        if "mlflow.parentRunId" in run.tags:
            children.setdefault(run.tags["mlflow.parentRunId"], []).append(run_id)
    whole = [parent for parent, ones in children.items() if parent in goes and set(ones) <= goes]
    assert len(whole) >= 5
    kept_parents = [one for one, why in demo.protected.items() if why == "parent"]
    for parent in kept_parents:
        assert set(children[parent]) & goes
        assert set(children[parent]) - goes
    assert any(parent in children for ones in children.values() for parent in ones), "nested twice"
    assert set(children) <= set(on_disk.runs)


def test_a_few_dozen_runs_are_deleted_and_all_lately(demo, on_disk):
    deleted = {run_id: run for run_id, run in on_disk.runs.items() if not run.active}
    assert set(deleted) == set(demo.deleted_run_ids)
    assert len(deleted) == 37
    for run in deleted.values():
        assert run.meta["end_time"] < run.meta["deleted_time"] < demo.now_ms
        assert ended_days_ago(run, demo.now_ms) < 27


def test_runs_end_in_every_way_and_some_are_running(demo, on_disk):
    statuses = [run.meta["status"] for run in on_disk.runs.values()]
    assert min(statuses.count(3), statuses.count(4), statuses.count(5)) > 30
    running = {run_id for run_id, run in on_disk.runs.items() if run.meta["status"] == 1}
    assert running == set(demo.running_run_ids)
    assert len(running) == 7
    assert all(on_disk.runs[one].meta["end_time"] is None for one in running)
    live = on_disk.runs[demo.live_run_id].meta
    assert live["start_time"] == demo.now_ms - 2 * 3_600_000


def test_a_deleted_version_names_a_run_that_goes_and_does_not_keep_it(demo, on_disk):
    gone = [version for version in on_disk.versions if version["current_stage"] == "Deleted_Internal"]
    assert len(gone) == 1
    assert gone[0]["run_id"] in demo.old_run_ids


def test_kept_versions_are_of_both_kinds(demo, on_disk):
    old = [one for one in on_disk.versions if one["run_id"] in demo.protected]
    inside = [one for one in old if one["source"].endswith(f"/{one['run_id']}/artifacts/model")]
    logged = [one for one in old if one["source"] == f"models:/{one['model_id']}"]
    assert len(inside) == 2
    assert len(logged) == 2
    for one in inside:
        run = on_disk.runs[one["run_id"]]
        assert (run.path / "artifacts/model/MLmodel").is_file()
        assert one["source"] == (run.path / "artifacts/model").as_uri()
    for one in logged:
        model = next(model for model in on_disk.logged_models if model["model_id"] == one["model_id"])
        assert model["source_run_id"] == one["run_id"]
        folder = on_disk.root / model["experiment_id"] / "models" / one["model_id"]
        assert (folder / "artifacts/MLmodel").is_file()
        assert one["storage_location"] == (folder / "artifacts").as_uri()


def test_orphans_hold_traces_of_an_experiment_but_no_run_or_metadata(demo):
    root = Path(demo.root)
    large, small = (root / name for name in demo.orphan_ids)
    for folder in (large, small):
        names = [name for _, folders, files in os.walk(folder) for name in (*folders, *files)]
        assert not (folder / "meta.yaml").exists()
        assert names.count("meta.yaml") == len(list(folder.glob("datasets/*/meta.yaml")))
        elsewhere = [one.name for one in folder.rglob("*") if one.parent != folder / "datasets"]
        assert not any(re.fullmatch("(m-|tr-)?[0-9a-f]{32}", name) for name in elsewhere)
        assert not any(one.is_file() for one in folder.iterdir())
        assert any((folder / "tags").iterdir())
    assert not any((large / "models").iterdir())
    assert len(list((large / "datasets").iterdir())) == 4
    assert sum(one.stat().st_size for one in large.rglob("*") if one.is_file()) > 3_000_000
    assert sum(one.stat().st_size for one in small.rglob("*") if one.is_file()) < 1_000


def test_nothing_in_the_store_names_an_orphan(demo):
    needles = [name.encode() for name in demo.orphan_ids]
    for base, _, files in os.walk(demo.root):
        for name in files:
            path = Path(base, name)
            if path.stat().st_size < 100_000:
                data = path.read_bytes()
                assert not any(needle in data for needle in needles), path


def test_another_experiments_artifacts_are_in_the_claimed_folder(demo, on_disk):
    host, _, folder = demo.claimed_folder.partition("/")
    assert folder == "shared-artifacts"
    assert on_disk.experiments[host]["artifact_location"] == (on_disk.root / host).as_uri()
    place = on_disk.root / demo.claimed_folder
    assert demo.claimed_by != host
    assert on_disk.experiments[demo.claimed_by]["artifact_location"] == place.as_uri()
    runs = [run for run in on_disk.runs.values() if run.experiment_id == demo.claimed_by]
    assert len(runs) == 24
    for run in runs:
        files = place / run.run_id / "artifacts"
        assert run.meta["artifact_uri"] == files.as_uri()
        assert any(files.iterdir())
        assert not any((run.path / "artifacts").iterdir())
        assert ended_days_ago(run, demo.now_ms) < 27
    assert {one.name for one in place.iterdir()} == {run.run_id for run in runs}


def test_the_trash_holds_one_experiment_with_deleted_runs(demo):
    trash = Path(demo.root, ".trash")
    assert [one.name for one in trash.iterdir()] == list(demo.trashed_experiment_ids)
    runs = [one.name for one in (trash / demo.trashed_experiment_ids[0]).iterdir() if len(one.name) == 32]
    assert sorted(runs) == sorted(demo.trashed_run_ids)
    assert len(runs) == 9


def test_files_and_bytes_are_counted_right(demo):
    sizes = [os.lstat(os.path.join(base, name)).st_size for base, _, files in os.walk(demo.root) for name in files]
    assert (len(sizes), sum(sizes)) == (demo.files, demo.size_bytes)
    assert 60_000_000 < demo.size_bytes < 200_000_000


def test_names_include_other_scripts_emoji_and_markup_lookalikes(on_disk):
    names = [run.meta["run_name"] for run in on_disk.runs.values()]
    for part in ("이탈예측", "テスト", "🔥", "[/]", "lr[0.1]", "[bold]"):
        assert any(part in name for name in names), part


@pytest.mark.parametrize("name", ["음성인식-베이스라인", "llm-sft-qlora", "smoke-tests", "Default"])
def test_an_experiment_is_there_by_name(demo, name):
    assert name in demo.experiment_ids
