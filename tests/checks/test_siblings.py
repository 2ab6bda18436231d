"""Entries whose metadata is another one's: a copy is one only where nothing would be lost with it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mlruns_tui.model.findings import Symptom
from mlruns_tui.scanner.checks.context import Store
from mlruns_tui.scanner.checks.sameness import holds_nothing_new
from mlruns_tui.triage.impact import find

Look = Callable[[], list[Symptom]]
OTHER, THIRD = "0b" * 16, "0c" * 16


@pytest.fixture
def other(run: Path) -> Path:
    """A second healthy run, which logged something else."""
    place = run.with_name(OTHER)
    shutil.copytree(run, place)
    (place / "meta.yaml").write_text((run / "meta.yaml").read_text().replace(run.name, OTHER))
    (place / "metrics" / "loss").write_text("1700000000000 0.25 0\n")
    return place


def told(symptoms: Look) -> dict[str, tuple[str, str]]:
    """By run: the code and what MLflow makes of it."""
    return {one.run_id: (one.code, one.impact) for one in find(symptoms()) if one.code != "run-id-twice"}


def test_exchanged_metadata_breaks_both_runs_and_neither_is_to_be_removed(
    run: Path, other: Path, symptoms: Look
) -> None:
    mine, theirs = (run / "meta.yaml").read_text(), (other / "meta.yaml").read_text()
    (run / "meta.yaml").write_text(theirs)
    (other / "meta.yaml").write_text(mine)
    assert told(symptoms) == {run.name: ("run-exchanged", "breaks-run"), OTHER: ("run-exchanged", "breaks-run")}
    assert "remove" not in {one.remedy for one in find(symptoms())}


@pytest.mark.parametrize("how", [shutil.copyfile, os.link])
def test_metadata_put_over_anothers_hides_that_one_which_is_no_copy(
    run: Path, other: Path, symptoms: Look, how: Callable[[Path, Path], object]
) -> None:
    (other / "meta.yaml").unlink()
    how(run / "meta.yaml", other / "meta.yaml")
    assert told(symptoms) == {OTHER: ("run-meta-of-sibling", "hidden")}
    assert "remove" not in {one.remedy for one in find(symptoms())}


def test_a_whole_copy_may_go(run: Path, symptoms: Look) -> None:
    shutil.copytree(run, run.with_name(OTHER))
    assert told(symptoms) == {OTHER: ("run-id-of-sibling", "hidden")}
    assert [one.remedy for one in find(symptoms()) if one.code == "run-id-of-sibling"] == ["remove"]


@pytest.mark.parametrize("more", ["metrics/acc", "artifacts/model.bin", "note.txt"])
def test_a_copy_with_something_of_its_own_is_none(run: Path, symptoms: Look, more: str) -> None:
    shutil.copytree(run, run.with_name(OTHER))
    (run.with_name(OTHER) / more).write_text("1 2 3\n")
    assert told(symptoms) == {OTHER: ("run-meta-of-sibling", "hidden")}


def test_a_copy_of_a_run_that_went_on_is_none_for_its_metadata(run: Path, symptoms: Look) -> None:
    shutil.copytree(run, run.with_name(OTHER))
    meta = run / "meta.yaml"
    meta.write_text(meta.read_text().replace("status: 3", "status: 4"))
    assert told(symptoms) == {OTHER: ("run-meta-of-sibling", "hidden")}


def test_a_run_whose_own_folder_says_nothing_is_listed_and_cannot_be_opened(
    run: Path, other: Path, symptoms: Look
) -> None:
    (run / "meta.yaml").rename(other / "meta.yaml")
    found = {(one.code, one.impact, one.run_id) for one in find(symptoms())}
    assert ("run-listed-by-another", "breaks-run", run.name) in found
    assert ("run-meta-of-sibling", "hidden", OTHER) in found


def test_metadata_handed_round_hides_the_first_and_breaks_those_in_between(
    run: Path, other: Path, symptoms: Look
) -> None:
    third = run.with_name(THIRD)
    shutil.copytree(other, third)
    text = (other / "meta.yaml").read_text()
    (third / "meta.yaml").write_text(text.replace(OTHER, THIRD))
    (other / "meta.yaml").write_text(text.replace(OTHER, THIRD))
    (run / "meta.yaml").write_text(text)
    assert told(symptoms) == {run.name: ("run-meta-of-sibling", "hidden"), OTHER: ("run-exchanged", "breaks-run")}


@pytest.fixture
def same(tmp_path: Path) -> Callable[[], bool]:
    """Whether ``copy`` holds nothing that ``original`` has not."""
    for name in ("copy", "original"):
        (tmp_path / name / "a" / "b").mkdir(parents=True)

    def ask() -> bool:
        fd = os.open(tmp_path, os.O_RDONLY)
        try:
            return holds_nothing_new("copy", "original", Store(fd, str(tmp_path), lambda: None))
        finally:
            os.close(fd)

    return ask


SIZES = (1, 65_535, 65_536, 65_537, 1 << 20, (1 << 20) + 1, 3 << 20)


@pytest.mark.parametrize("size", SIZES)
def test_files_of_any_size_are_compared_at_both_ends(tmp_path: Path, same: Callable[[], bool], size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    (tmp_path / "original" / "a" / "x").write_bytes(data[:size])
    (tmp_path / "copy" / "a" / "x").write_bytes(data[:size])
    assert same()
    for at in {0, size - 1}:
        changed = bytearray(data[:size])
        changed[at] ^= 1
        (tmp_path / "copy" / "a" / "x").write_bytes(bytes(changed))
        assert not same()


@pytest.mark.parametrize("at", range(0, 1 << 20, 60_000))
def test_a_file_of_a_megabyte_is_compared_whole(tmp_path: Path, same: Callable[[], bool], at: int) -> None:
    data = bytearray(1 << 20)
    (tmp_path / "original" / "x").write_bytes(bytes(data))
    data[at] = 1
    (tmp_path / "copy" / "x").write_bytes(bytes(data))
    assert not same()


def test_links_are_compared_by_what_they_say_and_other_things_are_new(tmp_path: Path, same: Callable[[], bool]) -> None:
    (tmp_path / "copy" / "link").symlink_to("/one")
    (tmp_path / "original" / "link").symlink_to("/one")
    assert same()
    (tmp_path / "original" / "link").unlink()
    (tmp_path / "original" / "link").symlink_to("/two")
    assert not same()
    (tmp_path / "copy" / "link").unlink()
    os.mkfifo(tmp_path / "copy" / "pipe")
    os.mkfifo(tmp_path / "original" / "pipe")
    assert not same()


def test_a_folder_in_place_of_a_file_is_new_only_with_something_in_it(tmp_path: Path, same: Callable[[], bool]) -> None:
    (tmp_path / "original" / "x").write_text("x")
    (tmp_path / "copy" / "x").mkdir()
    assert same()
    (tmp_path / "copy" / "x" / "y").write_text("y")
    assert not same()


def test_an_experiment_that_went_on_under_another_number_is_no_copy(store: Path, run: Path, symptoms: Look) -> None:
    shutil.copytree(store / "1", store / "2")
    assert "experiment-copy" in {one.code for one in symptoms()}
    with (store / "2" / run.name / "metrics" / "loss").open("a") as metric:
        metric.write("1700000000001 0.4 1\n")
    codes = {one.code for one in symptoms()}
    assert "experiment-id-mismatch" in codes
    assert "experiment-copy" not in codes
