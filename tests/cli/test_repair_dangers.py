"""What a repair must never do: believe half a line, take an experiment for a copy, make one run into two."""

from __future__ import annotations

import shutil
from collections.abc import Callable
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
    (sound.root / "7" / ("e" * 32)).mkdir()
    sound.age(sound.root, 50)
    run("repair", sound.root, "--force")
    assert (sound.root / "7" / ("e" * 32)).is_dir()


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


@pytest.mark.parametrize(
    "location", ["file:///data", "file:///data/ml", "/data/mlruns/3", "file:///data/mlruns/3/abc", "file:/"]
)
def test_a_run_never_keeps_its_files_in_a_folder_of_others(location: str) -> None:
    own = "file:///data/mlruns/3/abcd"
    made = rebuilding.run(Traces(stated={"artifact_uri": location}, usable=True), "3", "abcd", own)
    assert made["artifact_uri"] == f"{own}/artifacts"
