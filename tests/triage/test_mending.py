"""What a repair is for, and what a rebuilt file says: pure."""

from __future__ import annotations

import pytest
import yaml

from mlruns_tui.model.findings import Finding
from mlruns_tui.model.mending import Traces
from mlruns_tui.triage import rebuilding
from mlruns_tui.triage.impact import FACTS
from mlruns_tui.triage.mendable import ENTRIES, PLACES, repairable, wanted
from mlruns_tui.triage.metatext import dump

RUN = "a1" * 16


def finding(code: str, path: str, remedy: str = "repair") -> Finding:
    return Finding(code, "warns", path, "…", remedy=remedy)  # type: ignore[arg-type]


def test_every_code_a_repair_is_for_is_in_the_table_and_says_so() -> None:
    mended = set(PLACES) | ENTRIES
    assert mended <= set(FACTS)
    assert {code for code, row in FACTS.items() if row.remedy == "repair"} == mended


def test_what_must_stay_is_never_mended_whatever_its_code() -> None:
    spared = finding("root-stray", "artifacts", remedy="none")
    assert repairable([spared]) == () and wanted([spared]) == ()


def test_what_lies_in_something_that_is_moved_out_is_no_place_of_its_own() -> None:
    found = wanted([finding("root-stray", "backups"), finding("run-param-not-utf8", f"backups/1/{RUN}/params/x")])
    assert [(one.kind, one.path) for one in found] == [("out", "backups")]


def test_several_findings_about_one_file_are_one_place() -> None:
    path = f"1/{RUN}/metrics/loss"
    found = wanted([finding("run-metric-line-unreadable", path), finding("run-metric-line-repeated", path)])
    assert [(one.kind, one.path, len(one.findings)) for one in found] == [("bytes", path, 2)]


def test_of_an_input_its_directory_goes_and_an_output_is_rebuilt() -> None:
    inside = f"1/{RUN}"
    assert [(one.kind, one.path) for one in wanted([finding("input-meta-empty", f"{inside}/inputs/x/meta.yaml")])] == [
        ("out", f"{inside}/inputs/x")
    ]
    model = f"{inside}/outputs/m-{RUN}/meta.yaml"
    assert [(one.kind, one.path) for one in wanted([finding("output-meta-empty", model)])] == [("output", model)]


def test_a_second_experiment_of_a_name_is_only_renamed_where_somebody_says_so() -> None:
    twice = finding("experiment-name-twice", "7/meta.yaml", remedy="none")
    assert wanted([twice]) == ()
    assert [one.path for one in wanted([twice], ["7"])] == ["7/meta.yaml"]


def test_what_a_torn_file_still_says_is_kept() -> None:
    stated = {"lifecycle_stage": "deleted", "end_time": 1700000009000, "artifact_uri": "s3://bucket/x"}
    meta = rebuilding.run(Traces(stated=stated, made_ms=1700000000000, ended_ms=1700000005000), "1", RUN, "file:///r")
    assert (meta["lifecycle_stage"], meta["end_time"], meta["artifact_uri"]) == (
        "deleted", 1700000009000, "s3://bucket/x",
    )  # fmt: skip
    assert (meta["run_id"], meta["experiment_id"], meta["start_time"]) == (RUN, "1", 1700000000000)


@pytest.mark.parametrize(
    ("stated", "artifacts", "status"),
    [("FINISHED", False, 3), ("failed", True, 4), (99, True, 3), (99, False, 5), ([3], False, 5), (4, True, 4)],
)
def test_a_status_is_what_it_says_or_what_the_run_left(stated: object, artifacts: bool, status: int) -> None:
    traces = Traces(stated={"status": stated}, usable=True, artifacts=artifacts)
    assert rebuilding.run(traces, "1", RUN, "file:///r")["status"] == status


def test_of_a_file_that_can_be_read_nothing_else_changes() -> None:
    stated = {
        "artifact_location": "s3://b/1", "creation_time": 1700000000000, "experiment_id": "9", "lifecycle_stage": "active",
        "name": "x", "tags": {"a": "b"}, "unknown": 1.5,
    }  # fmt: skip
    meta = rebuilding.experiment(Traces(stated=stated, usable=True), "1", "x", "/r", trashed=False)
    assert {key for key in meta if meta[key] != stated.get(key)} == {"experiment_id"}


@pytest.mark.parametrize(
    "value", ["plain words", "", "0123", "no", "12e45", "1:30", "~", "ü'ser: #x", "a\nb", "\x1b[31m", "x" * 300, "null"]
)
def test_a_written_value_is_read_again_as_it_was(value: str) -> None:
    assert yaml.safe_load(dump({"name": value, "n": 1, "none": None, "tags": []})) == {
        "name": value, "n": 1, "none": None, "tags": [],
    }  # fmt: skip


def test_a_version_whose_file_is_too_much_to_read_and_says_nothing_of_it_goes_whole() -> None:
    path = "models/net/version-1/meta.yaml"
    codes = ["version-meta-unjudged", "version-key-missing", "version-number-missing"]
    some = [finding(code, path, "none" if code.endswith("unjudged") else "repair") for code in codes]
    assert [(one.kind, one.path) for one in wanted(some)] == [("version", path)]
    none = [*some, finding("version-key-missing", path)]
    assert [(one.kind, one.path) for one in wanted(none)] == [("out", "models/net/version-1")]
