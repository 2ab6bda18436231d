"""The checks on stores made by hand: what does not need MLflow to be known."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlruns_tui.model.errors import UsageError
from mlruns_tui.model.findings import Symptom
from mlruns_tui.scanner.checks import check_store
from mlruns_tui.scanner.checks.columns import Column, refused
from mlruns_tui.scanner.checks.order import Descending, unsortable
from mlruns_tui.scanner.checks.times import timestamp_ms
from mlruns_tui.workflow.diagnosing import diagnose, installed_mlflow_version
from mlruns_tui.workflow.reading import open_reader, read_all

Look = Callable[[], list[Symptom]]


def state(root: Path) -> list[tuple[str, int, int, int]]:
    found = []
    for folder, folders, files in os.walk(root):
        for name in (".", *folders, *files):
            status = os.lstat(os.path.join(folder, name))
            found.append((os.path.join(folder, name), status.st_mode, status.st_mtime_ns, status.st_ctime_ns))
    return found


def test_a_healthy_store_has_no_symptom(symptoms: Look) -> None:
    assert symptoms() == []


def test_looking_changes_nothing(store: Path) -> None:
    before = state(store)
    diagnose(open_reader(str(store)))
    assert state(store) == before


def test_every_entry_is_checked_however_broken_the_one_before(store: Path, run: Path, symptoms: Look) -> None:
    for number in range(20):
        copy = store / f"{number + 2}"
        copy.mkdir()
        (copy / "meta.yaml").write_bytes(random.Random(number).randbytes(number * 40))
    (store / "1" / "z").mkdir()
    codes = [one.code for one in symptoms()]
    assert len([one for one in codes if one.startswith("experiment-meta-")]) == 20
    assert "experiment-stray" in codes


def test_stopping_keeps_what_was_found(store: Path) -> None:
    for number in range(50):
        (store / f".hidden{number}").mkdir()
    calls = 0

    def stop() -> bool:
        nonlocal calls
        calls += 1
        return True

    fd = os.open(store, os.O_RDONLY)
    try:
        assert len(list(check_store(fd, str(store), stop))) < 50
    finally:
        os.close(fd)
    assert calls == 1


def test_what_was_mended_meanwhile_is_no_symptom(store: Path, run: Path) -> None:
    meta = run / "meta.yaml"
    content = meta.read_text()
    meta.write_text("")
    fd = os.open(store, os.O_RDONLY)
    try:
        found = []
        for symptom in check_store(fd, str(store)):
            # The registry is the last thing looked at: the writer has finished by then.
            if symptom.code == "registry-present":
                meta.write_text(content)
            found.append(symptom.code)
    finally:
        os.close(fd)
    assert "run-meta-empty" not in found


def test_a_name_with_control_characters_is_made_safe_in_what_is_said(store: Path, symptoms: Look) -> None:
    (store / "a\x1b[31m\nb").mkdir()
    (found,) = symptoms()
    assert found.code == "root-name-refused"
    assert "\x1b" not in found.detail
    assert os.fsencode(found.path) == b"a\x1b[31m\nb"


def test_a_link_to_what_has_no_metadata_is_what_mlflow_takes_it_for(
    store: Path, symptoms: Look, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (store / "7").symlink_to(elsewhere)
    (store / "8").symlink_to("models")
    (store / "1" / "link").symlink_to(elsewhere)
    (store / "models" / "x").symlink_to(elsewhere)
    found = {one.path: one.code for one in symptoms()}
    assert found == {
        "7": "link-to-no-experiment", "8": "link-to-no-experiment", "1/link": "link-to-no-run",
        "models/x": "registry-stray",
    }  # fmt: skip


def test_a_link_to_another_kind_of_metadata_is_told_of(store: Path, run: Path, symptoms: Look) -> None:
    (store / "7").symlink_to(f"1/{run.name}")
    (store / "8").symlink_to("1")
    (store / "1" / "link").symlink_to("../1")
    found = {one.path: one.code for one in symptoms()}
    assert found["7"] == "link-to-other-metadata"
    assert found["8"] == "link-to-an-experiment"
    assert found["1/link"] == "link-to-other-metadata-in-an-experiment"


def test_a_link_into_the_store_is_told_of(store: Path, symptoms: Look) -> None:
    (store / "7").symlink_to("1")
    (store / "8").symlink_to(".")
    assert {(one.code, one.path) for one in symptoms()} >= {("link-to-an-experiment", "7"), ("link-to-the-store", "8")}


def test_the_same_run_in_two_places_is_told_of_at_both(store: Path, run: Path, symptoms: Look) -> None:
    other = store / "2"
    shutil.copytree(store / "1", other)
    (other / "meta.yaml").write_text((other / "meta.yaml").read_text().replace("'1'", "'2'").replace("t 1", "t 2"))
    paths = {one.path for one in symptoms() if one.code == "run-id-twice"}
    assert paths == {f"1/{run.name}", f"2/{run.name}"}


def test_a_lost_reference_is_told_of_unless_something_was_not_looked_into(
    store: Path, run: Path, symptoms: Look
) -> None:
    (run / "tags" / "mlflow.parentRunId").write_text("ff" * 16)
    assert [one.code for one in symptoms()] == ["run-of-a-lost-parent"]
    (store / "9").symlink_to("/usr")
    assert [one.code for one in symptoms()] == ["link-to-no-experiment", "run-of-a-lost-parent"]
    (store / "1" / "models").symlink_to("/proc/self")
    codes = [one.code for one in symptoms()]
    assert "link-not-followed" in codes
    assert "run-of-a-lost-parent" not in codes


def test_artifacts_of_a_database_are_no_finding(tmp_path: Path) -> None:
    root = tmp_path / "mlruns"
    (root / "1" / ("ab" * 16) / "artifacts").mkdir(parents=True)
    (root / "1" / ("ab" * 16) / "artifacts" / "model.pkl").write_text("x")
    assert diagnose(open_reader(str(root))) == ()


def test_a_directory_that_may_be_a_databases_is_never_to_be_removed(store: Path) -> None:
    folder = store / "5" / ("ab" * 16) / "artifacts"
    folder.mkdir(parents=True)
    (folder / "model.pkl").write_text("x")
    (found,) = diagnose(open_reader(str(store)), "3.17.2")
    assert (found.code, found.impact, found.remedy) == ("experiment-artifacts-only", "warns", "none")
    assert found.message.endswith("Artifacts in it may be in use.")


def test_a_scan_that_was_made_already_is_used(store: Path) -> None:
    (store / ".git").mkdir()
    reader = open_reader(str(store))
    snapshot = read_all(reader)
    assert diagnose(reader, snapshot=snapshot) == diagnose(reader)


def test_the_installed_version_is_known_without_importing_it() -> None:
    import sys

    before = "mlflow" in sys.modules
    assert installed_mlflow_version()[0].isdigit()
    assert ("mlflow" in sys.modules) == before


def test_a_version_that_is_none_is_refused(store: Path) -> None:
    with pytest.raises(UsageError, match="no version of MLflow"):
        diagnose(open_reader(str(store)), "newest")


keys = st.one_of(
    st.none(), st.integers(-3, 3), st.floats(allow_nan=False), st.text(max_size=2), st.lists(st.integers())
)


@given(st.lists(st.tuples(keys, keys), max_size=6))
def test_entries_are_blamed_exactly_when_sorting_fails(rows: list[tuple[object, object]]) -> None:
    listing = [(Descending(first), second) for first, second in rows]
    try:
        sorted(listing)
        fails = False
    except TypeError:
        fails = True
    assert bool(unsortable(listing, ["number", "str"])) == fails


def test_the_odd_one_is_blamed() -> None:
    assert unsortable([(Descending(1),), (Descending("x"),), (Descending(2),)], ["number"]) == [(1, 0)]
    assert unsortable([(Descending("x"),), (Descending(1),)], ["number"]) == [(0, 0)]
    assert unsortable([("a",), (None,)], ["str"]) == [(1, 0)]
    assert unsortable([(Descending(1),), (Descending(None),)], ["number"]) == []


@pytest.mark.parametrize(
    ("value", "column", "reason"),
    [
        (5, Column(), ""),
        (None, Column(), ""),
        (None, Column(required=True), "is null"),
        (float("nan"), Column(required=True), "is null"),
        (1 << 63, Column(), "does not fit 64 bits"),
        ([], Column(), "is a list"),
        ({}, Column(), "is a mapping"),
        ("\ud800", Column(), "holds half a character"),
        ("zombie", Column(choices=frozenset({"active"})), "is ‘zombie’"),
        (1, Column(choices=frozenset({"active"})), "is 1"),
    ],
)
def test_what_a_column_refuses(value: object, column: Column, reason: str) -> None:
    assert refused(value, column) == reason


@pytest.mark.mlflow
@given(
    st.one_of(
        st.datetimes().map(lambda one: one.isoformat() + "Z"),
        st.datetimes().map(lambda one: one.isoformat() + "+05:30"),
        st.text("0123456789-:.TZ+t ", max_size=30),
        st.from_regex(
            r"20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{0,10})?(Z|[+-][0-9]{2}:?[0-9]{2})?"
        ),
    )
)
def test_times_are_read_as_protocol_buffers_read_them(text: str) -> None:
    timestamps = pytest.importorskip("google.protobuf.timestamp_pb2")
    theirs = timestamps.Timestamp()
    try:
        theirs.FromJsonString(text)
        expected = theirs.ToMilliseconds()
    except ValueError:
        expected = None
    assert timestamp_ms(text) == expected


@pytest.mark.parametrize("touched", ["", "metrics/loss", "artifacts/deep/model.pt", "."])
def test_a_running_run_nobody_wrote_to_for_long_is_silent(store: Path, run: Path, symptoms: Look, touched: str) -> None:
    meta = (run / "meta.yaml").read_text().replace("status: 3", "status: 1").replace("1700000001000", "null")
    (run / "meta.yaml").write_text(meta)
    (run / "artifacts" / "deep").mkdir()
    (run / "artifacts" / "deep" / "model.pt").write_text("x")
    then = time.time() - 41.5 * 86_400
    for path in (*run.rglob("*"), run):
        os.utime(path, (then, then))
    if touched:
        os.utime(run / touched)
    found = [(one.code, one.detail) for one in symptoms()]
    assert found == ([] if touched else [("run-silent", "41 d")])


def test_a_run_whose_output_or_input_is_a_lost_model_is_told_of(store: Path, run: Path, symptoms: Look) -> None:
    for folder, kind, target in (("outputs", "RUN_OUTPUT", "MODEL_OUTPUT"), ("inputs", "MODEL", "RUN")):
        place = run / folder / "m-gone"
        place.mkdir(parents=True)
        (place / "meta.yaml").write_text(
            f"destination_id: m-gone\ndestination_type: {target}\nsource_id: m-gone\nsource_type: {kind}\n"
            "step: 0\ntags: {}\n"
        )
    lost = {"output-of-a-lost-model", "input-of-a-lost-model"}
    assert lost <= {one.code for one in symptoms()}
    (store / "1" / "models" / "m-gone").mkdir(parents=True)
    assert not lost & {one.code for one in symptoms()}
