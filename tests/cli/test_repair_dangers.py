"""What a repair must never do: believe half a line, take an experiment for a copy, make one run into two."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlruns_tui.model.mending import Traces
from mlruns_tui.triage import rebuilding

Run = Callable[..., Any]


@pytest.fixture
def sound(store: Any) -> Any:
    """The store with metadata as MLflow writes it, keys in their order and locations in it; all old."""
    for meta in sorted(store.root.glob("*/meta.yaml")) + sorted(store.root.glob("*/*/meta.yaml")):
        said = yaml.safe_load(meta.read_text())
        own = meta.parent.as_uri()
        if meta.parent.parent == store.root:
            said |= {"artifact_location": own, "experiment_id": meta.parent.name}
        else:
            said |= {"artifact_uri": f"{own}/artifacts", "run_id": meta.parent.name}
        meta.write_text(yaml.safe_dump(said))
    store.age(store.root, 50)
    return store


def meta_of(path: Any) -> Any:
    return yaml.safe_load((path / "meta.yaml").read_text())


@pytest.mark.parametrize("cut", [5, 12, 25])
def test_a_location_cut_in_its_line_is_not_believed(run: Run, sound: Any, tree: Any, cut: int) -> None:
    folder = sound.root / "2" / sound.old_runs()[2]
    experiment = sound.root / "1"
    for path, key in ((folder, "artifact_uri"), (experiment, "artifact_location")):
        text = (path / "meta.yaml").read_text()
        assert text.startswith(key)
        (path / "meta.yaml").write_text(text[: text.index("\n") - cut])
    sound.age(sound.root, 50)
    before = tree(sound.root)
    assert run("repair", sound.root, "--force").code == 0
    assert meta_of(folder)["artifact_uri"] == f"{folder.as_uri()}/artifacts"
    assert meta_of(folder)["status"] != 1
    assert (folder / "tags" / "mlruns-tui.recovered").exists()
    assert meta_of(experiment)["artifact_location"] == experiment.as_uri()
    assert run("undo", sound.root).code == 0
    assert [one for one in tree(sound.root) if "/.mlruns-tui.trash" not in one[0]] == before


def test_an_experiment_with_its_neighbours_metadata_is_no_copy(run: Run, sound: Any) -> None:
    shutil.copy(sound.root / "1" / "meta.yaml", sound.root / "2" / "meta.yaml")
    sound.age(sound.root, 50)
    runs = sorted(one.name for one in (sound.root / "2").iterdir())
    assert run("repair", sound.root, "--force").code == 0
    assert sorted(one.name for one in (sound.root / "2").iterdir()) == runs
    said, other = meta_of(sound.root / "2"), meta_of(sound.root / "1")
    assert said["experiment_id"] == "2"
    assert said["name"] != other["name"]
    assert said["artifact_location"] == (sound.root / "2").as_uri()
    findings = run("doctor", sound.root, "--json").json["findings"]
    assert {one["code"] for one in findings if one["experiment_id"] in ("1", "2")} == set()


def test_two_experiments_with_each_others_metadata_both_stay(run: Run, sound: Any) -> None:
    metas = [sound.root / one / "meta.yaml" for one in ("1", "2")]
    first, second = (meta.read_text() for meta in metas)
    metas[0].write_text(second)
    metas[1].write_text(first)
    sound.age(sound.root, 50)
    assert run("repair", sound.root, "--force").code == 0
    assert [meta_of(meta.parent)["experiment_id"] for meta in metas] == ["1", "2"]
    assert len({meta_of(meta.parent)["name"] for meta in metas}) == 2


def test_an_experiment_that_holds_a_run_its_original_has_not_is_no_copy(run: Run, sound: Any) -> None:
    shutil.copytree(sound.root / "1", sound.root / "7", symlinks=True)
    params = sound.root / "7" / ("e" * 32) / "params"
    params.mkdir(parents=True)
    (params / "lr").write_text("0.1")
    sound.age(sound.root, 50)
    run("repair", sound.root, "--force")
    assert (params / "lr").read_text() == "0.1"


def test_a_real_copy_is_moved_out(run: Run, sound: Any) -> None:
    shutil.copytree(sound.root / "1", sound.root / "7", symlinks=True)
    sound.age(sound.root, 50)
    assert run("repair", sound.root, "--force").code == 0
    assert not (sound.root / "7").exists()


def test_a_copied_run_without_readable_metadata_is_not_made_a_second_run(run: Run, sound: Any) -> None:
    name = sound.old_runs()[0]
    here = next(one for one in ("1", "2") if (sound.root / one / name).exists())
    copy = sound.root / ("2" if here == "1" else "1") / name
    shutil.copytree(sound.root / here / name, copy, symlinks=True)
    (copy / "meta.yaml").write_bytes(b"")
    sound.age(sound.root, 50)
    done = run("repair", sound.root, "--force")
    assert "one of the two is a copy" in done.out
    assert (copy / "meta.yaml").read_bytes() == b""


def test_a_trash_that_is_a_file_stops_nothing(run: Run, sound: Any) -> None:
    (sound.root / ".trash").write_text("x")
    sound.age(sound.root, 50)
    assert run("repair", sound.root, "--force").code == 0
    assert not (sound.root / ".trash").exists()


def model(folder: Path, experiment_id: str, model_id: str, /, **stated: Any) -> Path:
    """A logged model as MLflow 3 writes it."""
    place = folder / experiment_id / "models" / model_id
    (place / "artifacts").mkdir(parents=True)
    said = {
        "artifact_location": f"{place.as_uri()}/artifacts", "creation_timestamp": 1700000000000,
        "experiment_id": experiment_id, "last_updated_timestamp": 1700000000000, "model_id": model_id,
        "model_type": None, "name": "net", "source_run_id": None, "status": 2, "status_message": None, **stated,
    }  # fmt: skip
    (place / "meta.yaml").write_text(yaml.safe_dump(said))
    return place


@pytest.mark.parametrize(
    ("experiment_id", "copy_id", "defect"),
    [
        ("2", "m-" + "a" * 32, {}),
        ("2", "m-" + "a" * 32, {"status": 99}),
        ("2", "m-" + "a" * 32, None),
        ("1", "m-" + "b" * 32, {"status": 99}),
        ("1", "m-" + "b" * 32, None),
        ("2", "m-" + "b" * 32, {}),
    ],
)
def test_a_copied_logged_model_is_not_made_a_second_one(
    run: Run, sound: Any, experiment_id: str, copy_id: str, defect: Any
) -> None:
    model(sound.root, "1", "m-" + "a" * 32)
    copy = model(sound.root, experiment_id, copy_id, model_id="m-" + "a" * 32, experiment_id="1")
    (copy / "artifacts" / "MLmodel").write_text(f"model_id: m-{'a' * 32}\n")
    meta = copy / "meta.yaml"
    meta.write_text(yaml.safe_dump(yaml.safe_load(meta.read_text()) | defect) if defect is not None else "")
    sound.age(sound.root, 50)
    before = meta.read_bytes()
    done = run("repair", sound.root, "--force", "--json").json
    assert meta.read_bytes() == before
    refused = {one["path"]: one["protected"][0]["reason"] for one in done["plan"]["refused"]}
    why = "another directory is the same logged model: one of the two is a copy"
    assert refused[f"{experiment_id}/models/{copy_id}/meta.yaml"] == why


def test_a_logged_model_that_was_only_moved_is_mended(run: Run, sound: Any) -> None:
    moved = model(sound.root, "2", "m-" + "a" * 32, experiment_id="1")
    sound.age(sound.root, 50)
    done = run("repair", sound.root, "--force")
    assert "experiment_id: 1 → 2" in done.out
    assert meta_of(moved)["experiment_id"] == "2"


def test_a_run_copied_under_another_name_is_not_made_a_second_run(run: Run, sound: Any) -> None:
    name = sound.old_runs()[0]
    copy = sound.root / "1" / f"{name[:-4]}_bak"
    shutil.copytree(sound.root / "1" / name, copy, symlinks=True)
    (copy / "meta.yaml").write_text((copy / "meta.yaml").read_text().replace("status: 3", "status: 33"))
    sound.age(sound.root, 50)
    before = (copy / "meta.yaml").read_bytes()
    done = run("repair", sound.root, "--force")
    assert "one of the two is a copy" in done.out
    assert (copy / "meta.yaml").read_bytes() == before


def test_two_copies_of_a_run_that_is_gone_are_not_made_two_runs(run: Run, sound: Any) -> None:
    name = sound.old_runs()[0]
    copies = [sound.root / "1" / f"{name[:-4]}_{which}" for which in "ab"]
    for copy in copies:
        shutil.copytree(sound.root / "1" / name, copy, symlinks=True)
        (copy / "meta.yaml").write_text((copy / "meta.yaml").read_text().replace("status: 3", "status: 33"))
    shutil.rmtree(sound.root / "1" / name)
    sound.age(sound.root, 50)
    assert "one of the two is a copy" in run("repair", sound.root, "--force").out
    assert [meta_of(copy)["run_id"] for copy in copies] == [name, name]


@pytest.mark.parametrize("where", ["vision.bak", "backups/2024/1", "lost+found/mlruns/1", ".trash/vision (copy)"])
def test_a_stray_that_holds_the_only_runs_stays_until_it_is_told_to_go(
    run: Run, sound: Any, same: Any, copy_of: Any, where: str
) -> None:
    place = sound.root / where
    place.parent.mkdir(parents=True, exist_ok=True)
    (sound.root / "1").rename(place)
    sound.age(sound.root, 50)
    before = copy_of(sound.root)
    done = run("repair", sound.root, "--force")
    assert "holds 3 runs that exist nowhere else" in done.out and "--strays-with-runs" in done.out
    assert place.exists()
    told = run("repair", sound.root, "--force", "--strays-with-runs")
    assert told.code == 0
    assert "moved out, 3 runs that exist nowhere else, " in told.out
    assert not place.exists()
    assert run("undo", sound.root).code == 0
    assert same(before, sound.root)


def test_a_stray_whose_runs_are_in_the_store_as_well_is_moved_out(run: Run, sound: Any) -> None:
    shutil.copytree(sound.root / "1", sound.root / "vision.bak", symlinks=True)
    sound.age(sound.root, 50)
    assert run("repair", sound.root, "--force").code == 0
    assert not (sound.root / "vision.bak").exists()


def test_of_two_strays_with_the_same_runs_neither_counts_for_the_other(run: Run, sound: Any) -> None:
    (sound.root / "1").rename(sound.root / "vision.bak")
    shutil.copytree(sound.root / "vision.bak", sound.root / "vision.old", symlinks=True)
    sound.age(sound.root, 50)
    run("repair", sound.root, "--force")
    assert (sound.root / "vision.bak").exists() and (sound.root / "vision.old").exists()


def test_a_stray_with_a_run_whose_namesake_is_unreadable_stays(run: Run, sound: Any) -> None:
    shutil.copytree(sound.root / "1", sound.root / "vision.bak", symlinks=True)
    (sound.root / "1" / sound.old_runs()[0] / "meta.yaml").write_bytes(b"")
    sound.age(sound.root, 50)
    assert "holds 1 run that exists nowhere else" in run("repair", sound.root, "--dry-run").out


def test_a_stray_with_the_only_copy_of_a_logged_model_stays(run: Run, sound: Any) -> None:
    model(sound.root, "old models", "m-" + "a" * 32)
    sound.age(sound.root, 50)
    assert "holds 1 logged model that exists" in run("repair", sound.root, "--dry-run").out


FOREIGN = (
    "# kept by the platform team\r\n"
    "zone: {region:   eu,  racks: [0x1F, 2]}\r\n"
    "experiment_id: '1'\r\n"
    "lifecycle_stage:   retired  # by hand\r\n"
    'name: "vision"\r\n'
    "artifact_location: s3://bucket/vision\r\n"
    "future_key:\r\n"
    "- since: 2031-01-01\r\n"
    "  3: three\r\n"
)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_of_a_file_that_can_be_read_every_other_byte_stays(run: Run, sound: Any, mark: str) -> None:
    meta = sound.root / "1" / "meta.yaml"
    text = mark + FOREIGN.replace("experiment_id: '1'", "experiment_id: '77'")
    meta.write_bytes(text.encode())
    sound.age(sound.root, 50)
    done = run("repair", sound.root, "--force")
    assert done.code == 0
    assert "experiment_id: 77 → 1" in done.out
    wanted = mark + FOREIGN.replace("  retired  #", "active  #")
    assert meta.read_bytes().decode() == wanted
    log = run("log", sound.root).out
    assert "experiment_id: 77 → 1" in log and "lifecycle_stage: retired → active" in log
    assert run("undo", sound.root).code == 0
    assert meta.read_bytes() == text.encode()


def test_a_torn_file_with_foreign_line_ends_still_says_what_it_said(run: Run, sound: Any) -> None:
    folder = sound.root / "2" / sound.old_runs()[2]
    text = (folder / "meta.yaml").read_text().replace("status: 3", "status: 4")
    cut = text[: text.index("tags:") + 3]
    (folder / "meta.yaml").write_bytes(b"\xef\xbb\xbf" + cut.replace("\n", "\r\n").encode())
    sound.age(sound.root, 50)
    assert "as FAILED" in run("repair", sound.root, "--force").out
    said = meta_of(folder)
    assert (said["status"], said["run_name"]) == (4, "text-0")
    assert said["artifact_uri"] == f"{folder.as_uri()}/artifacts"


@pytest.mark.parametrize(
    "location", ["file:///data", "file:///data/ml", "/data/mlruns/3", "file:///data/mlruns/3/abc", "file:/"]
)
def test_a_run_never_keeps_its_files_in_a_folder_of_others(location: str) -> None:
    own = "file:///data/mlruns/3/abcd"
    made = rebuilding.run(Traces(stated={"artifact_uri": location}, usable=True), "3", "abcd", own)
    assert made["artifact_uri"] == f"{own}/artifacts"


@pytest.fixture
def entangled(sound: Any) -> Any:
    """An experiment without metadata, and all else broken inside it: one thing is behind the other."""
    root = sound.root
    (root / "1" / "meta.yaml").unlink()
    first, second = (root / "1" / name for name in sound.old_runs()[:2])
    (first / "meta.yaml").write_bytes(b"")
    (first / "metrics" / "loss").write_bytes(b"1 2\ngarbage\n")
    (first / "metrics" / ".DS_Store").write_bytes(b"\0\xff")
    (first / "params").rmdir()
    (second / "meta.yaml").write_text((second / "meta.yaml").read_text().replace("status: 3", "status: what"))
    (root / "1" / "datasets" / "d1").mkdir(parents=True)
    (root / "1" / "datasets" / "d1" / "meta.yaml").write_bytes(b"")
    for run_folder in (first, second):
        for name, text in (("one", INPUT), ("two", "")):
            (run_folder / "inputs" / name).mkdir(parents=True)
            (run_folder / "inputs" / name / "meta.yaml").write_text(text)
    broken = model(root, "1", "m-" + "c" * 32)
    (broken / "meta.yaml").write_bytes(b"")
    sound.age(root, 50)
    return sound


INPUT = "destination_id: x\ndestination_type: RUN\nsource_id: d1\nsource_type: DATASET\ntags: {}\n"


def test_one_repair_settles_what_one_broken_thing_hides_behind_another(
    run: Run, entangled: Any, copy_of: Any, same: Any
) -> None:
    before = copy_of(entangled.root)
    done = run("repair", entangled.root, "--force")
    assert done.code == 0
    again = run("repair", entangled.root, "--dry-run", "--json").json["plan"]
    assert again["items"] == []
    assert again["refused"] == []
    left = run("doctor", entangled.root, "--json").json["findings"]
    assert not [one for one in left if one["experiment_id"] == "1" and one["impact"] != "silent"]
    assert run("undo", entangled.root).code == 0
    assert same(before, entangled.root)


def test_what_only_follows_a_repair_is_not_done_without_it(run: Run, entangled: Any) -> None:
    inputs = run("repair", entangled.root, "--dry-run", "--json", "--only", "1").json["plan"]["items"]
    assert sum("/inputs/one" in one["path"] for one in inputs) == 2
    (entangled.root / "1" / "datasets" / "d1" / "meta.yaml").touch()
    fresh = run("repair", entangled.root, "--dry-run", "--json").json["plan"]
    assert "1/datasets/d1" in {one["path"] for one in fresh["refused"]}
    assert not [one for one in fresh["items"] if "/inputs/one" in one["path"]]


def test_through_a_link_nothing_is_mended_and_what_it_leads_to_stays(
    run: Run, sound: Any, tmp_path: Path, tree: Any
) -> None:
    elsewhere, dangling = (sound.root / "2" / name for name in sound.old_runs()[2:])
    outside = tmp_path / "outside.yaml"
    outside.write_text((elsewhere / "meta.yaml").read_text().replace("status: 3", "status: 99"))
    for folder, target in ((elsewhere, outside), (dangling, tmp_path / "nowhere")):
        (folder / "meta.yaml").unlink()
        (folder / "meta.yaml").symlink_to(target)
        os.utime(folder, (1_700_000_000, 1_700_000_000))
    before, text = tree(sound.root), outside.read_text()
    assert run("repair", sound.root, "--force", "--min-idle", "0s").code == 0
    assert outside.read_text() == text
    assert (elsewhere / "meta.yaml").is_symlink()
    assert meta_of(dangling)["run_id"] == dangling.name and not (dangling / "meta.yaml").is_symlink()
    assert run("undo", sound.root).code == 0
    assert os.readlink(dangling / "meta.yaml") == str(tmp_path / "nowhere")
    assert [one for one in tree(sound.root) if "/.mlruns-tui.trash" not in one[0]] == before


def test_where_a_trainer_has_a_file_open_its_run_stays_and_the_rest_is_mended(run: Run, sound: Any) -> None:
    folder = sound.root / "2" / sound.old_runs()[2]
    (folder / "meta.yaml").write_bytes(b"")
    meta = sound.root / "1" / "meta.yaml"
    meta.write_text(meta.read_text().replace("lifecycle_stage: active\n", ""))
    sound.age(sound.root, 50)
    with subprocess.Popen(["sleep", "600"], stdout=(folder / "metrics" / "loss").open("a")) as trainer:
        try:
            done = run("repair", sound.root, "--force")
        finally:
            trainer.kill()
    assert "open-by-writer" in done.out and "in use by sleep" in done.out
    assert (folder / "meta.yaml").read_bytes() == b""
    assert "lifecycle_stage added: active" in done.out and meta_of(meta.parent)["lifecycle_stage"] == "active"


def test_the_log_names_what_was_mended_and_not_what_could_not_be(run: Run, sound: Any) -> None:
    for name in ("1", "2"):
        meta = sound.root / name / "meta.yaml"
        meta.write_text(meta.read_text().replace("lifecycle_stage: active", "lifecycle_stage: gone"))
    sound.age(sound.root, 50)
    plan = run("repair", sound.root, "--dry-run", "--json").json["plan"]
    assert {one["what"] for one in plan["items"]} == {"meta.yaml mended: lifecycle_stage: gone → active"}
    run("repair", sound.root, "--force", "--only", "2")
    log = run("log", sound.root).out
    assert "2/meta.yaml (meta.yaml mended: lifecycle_stage: gone → active)" in log and "1/meta.yaml" not in log
    shown = run("log", sound.root, "--json").json["batches"][0]["contents"]
    assert [one["what"] for one in shown] == ["meta.yaml mended: lifecycle_stage: gone → active"]
