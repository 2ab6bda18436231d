"""The table code → what MLflow does: complete, well-formed, and true to the versions it was taken from."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import get_args

import pytest

import mlruns_tui.scanner.checks as checks
from mlruns_tui.model.findings import Symptom
from mlruns_tui.model.words import IMPACTS
from mlruns_tui.scanner.checks.documents import State
from mlruns_tui.scanner.checks.folders import Access
from mlruns_tui.triage.impact import FACTS, NEWEST_KNOWN, find, impact_of, parse_version, unminded
from mlruns_tui.triage.impact_contents import CONTENTS

SOURCES = sorted(Path(checks.__file__).parent.glob("*.py"))
STATES = [one for one in get_args(State) if one != "ok"]
RUN = "0a" * 16


def said(
    code: str, path: str = "1/meta.yaml", version: str = NEWEST_KNOWN, runs: int = 1, experiment: str = "1"
) -> str:
    """The impact of one symptom alone; empty for no finding."""
    found = find([Symptom(code, path, experiment_id=experiment, runs=runs)], version)
    return found[0].impact if found else ""


def spoken() -> tuple[set[str], set[str]]:
    """Codes and patterns of codes in the sources of the checks: what is given to ``says`` and its kind."""
    codes, patterns = set(), set()
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = [re.escape(one.value) if isinstance(one, ast.Constant) else "(.+)" for one in node.values]
                if "-" in "".join(parts):
                    patterns.add("".join(parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                codes.add(node.value)
    return codes, patterns


def test_every_code_of_the_table_is_said_somewhere() -> None:
    codes, patterns = spoken()
    unsaid = [
        code for code in FACTS if code not in codes and not any(re.fullmatch(pattern, code) for pattern in patterns)
    ]
    assert unsaid == []


def outright(node: ast.expr) -> set[str]:
    """The codes an argument is written out as; none for one that is put together."""
    if isinstance(node, ast.IfExp):
        return outright(node.body) | outright(node.orelse)
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def test_every_code_the_checks_say_outright_is_in_the_table() -> None:
    called: set[str] = set()
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                called |= outright(node.args[0]) if name in ("says", "Repeats", "Listing") else set()
    assert len(called) > 60
    assert called <= FACTS.keys()


@pytest.mark.parametrize(
    ("prefix", "impossible"),
    [
        ("experiment-meta", ()),
        ("run-meta", ()),
        ("logged-model-meta", ("closed",)),
        ("registered-model-meta", ()),
        ("version-meta", ()),
        ("trace-info", ("closed",)),
        ("input-meta", ("closed",)),
        ("output-meta", ("closed",)),
        ("dataset-meta", ("closed",)),
        ("assessment", ("missing", "closed")),
    ],
)
def test_every_state_of_a_metadata_file_is_in_the_table(prefix: str, impossible: tuple[str, ...]) -> None:
    for state in STATES:
        if state not in impossible:
            assert f"{prefix}-{state}" in FACTS


@pytest.mark.parametrize("prefix", ["experiment", "registered-model", "version"])
def test_every_way_not_to_get_into_a_folder_is_in_the_table(prefix: str) -> None:
    for access in get_args(Access):
        if access not in ("open", "gone"):
            assert f"{prefix}-{access}" in FACTS


def test_every_defect_of_a_file_is_known_for_every_owner() -> None:
    defects = ("name-refused", "name-not-utf8", "name-with-colon", "not-utf8", "unreadable", "dangling", "pipe")
    owners = {code.rpartition("-name-refused")[0] for code in CONTENTS if code.endswith("-name-refused")}
    assert len(owners) == 12
    assert {f"{owner}-{defect}" for owner in owners for defect in defects} <= FACTS.keys()


def test_rows_are_well_formed() -> None:
    for code, fact in FACTS.items():
        versions = [since for since, _ in fact.impact]
        assert versions == sorted(versions), code
        assert versions[0] == (0,), code
        assert all(impact is None or impact in IMPACTS for _, impact in fact.impact), code
        assert fact.what, code
        assert fact.what.count("{}") <= 1, code
        assert not fact.what.endswith("."), code
        assert not fact.cause or fact.cause.endswith("."), code


def test_words_stay_within_a_column() -> None:
    # The list of findings gives them thirty columns; a few long ones are cut there.
    long = [code for code, fact in FACTS.items() if len(fact.what) > 70]
    assert long == []


@pytest.mark.parametrize(
    ("code", "by_version"),
    [
        # Asked of these very versions (``tests/oracle`` does so again).
        ("run-folder-missing", {"1.30.1": "", "2.22.2": "", "3.6.0": "", "3.17.2": "breaks-run"}),
        ("run-meta-missing", {"1.30.1": "warns", "2.5.0": "warns", "2.22.2": "hidden", "3.17.2": "hidden"}),
        ("run-id-missing", {"1.30.1": "", "2.22.2": "", "3.0.1": "breaks-experiment", "3.17.2": "breaks-experiment"}),
        ("run-uuid-missing", {"2.5.0": "breaks-experiment", "2.22.2": "", "3.17.2": ""}),
        ("experiment-meta-empty", {"2.22.2": "breaks-store", "3.0.1": "breaks-store", "3.6.0": "warns"}),
        ("experiment-id-mismatch", {"1.30.1": "breaks-store", "2.5.0": "warns", "3.17.2": "warns"}),
        ("experiment-lifecycle-missing", {"1.30.1": "", "2.5.0": "breaks-store", "3.17.2": "breaks-store"}),
        ("run-param-name-with-colon", {"1.30.1": "breaks-experiment", "2.5.0": "breaks-experiment", "2.22.2": ""}),
        ("run-metric-line-with-dataset", {"2.22.2": "breaks-experiment", "3.0.1": ""}),
        ("registered-model-name-refused", {"3.6.0": "", "3.17.2": "breaks-store"}),
        ("registry-present", {"1.30.1": "warns", "2.5.0": "", "3.17.2": ""}),
        ("assessment-issue", {"2.22.2": "", "3.6.0": "breaks-experiment", "3.17.2": ""}),
        ("root-name-refused", {"1.0.0": "breaks-store", "3.17.2": "breaks-store", "99.0": "breaks-store"}),
    ],
)
def test_impact_by_version(code: str, by_version: dict[str, str]) -> None:
    assert {version: said(code, version=version) for version in by_version} == by_version


def test_findings_come_worst_first() -> None:
    symptoms = [
        Symptom("run-meta-missing", f"1/{RUN}/meta.yaml", experiment_id="1", run_id=RUN),
        Symptom("alias-of-a-missing-version", "models/a/aliases/b"),
        Symptom("root-name-refused", ".git"),
        Symptom("run-metric-empty", "1/b/metrics/m", experiment_id="1", run_id="b"),
        Symptom("experiment-meta-missing", "2/meta.yaml", experiment_id="2"),
        Symptom("run-folder-missing", "1/c/metrics", experiment_id="1", run_id="c"),
    ]
    assert [one.impact for one in find(symptoms)] == list(IMPACTS)


def test_what_mlflow_never_comes_to_is_silent() -> None:
    inside = Symptom("run-metric-empty", "1/a/metrics/m", experiment_id="1", run_id="a")
    missing = Symptom("run-meta-missing", "1/a/meta.yaml", experiment_id="1", run_id="a")
    elsewhere = Symptom("run-experiment-mismatch", "1/a/meta.yaml", experiment_id="1", run_id="a")
    status = Symptom("run-status-refused", "1/a/meta.yaml", experiment_id="1", run_id="a")
    assert {one.code: one.impact for one in find([inside, missing])} == {
        "run-meta-missing": "hidden", "run-metric-empty": "silent"
    }  # fmt: skip
    # What is in the metadata itself was read before MLflow turned away.
    assert {one.code: one.impact for one in find([elsewhere, status, inside])} == {
        "run-status-refused": "breaks-experiment", "run-experiment-mismatch": "warns", "run-metric-empty": "silent"
    }  # fmt: skip


def test_a_trashed_copy_of_an_active_experiment_is_never_read() -> None:
    twice = Symptom("experiment-id-in-both", ".trash/1", experiment_id="1")
    empty = Symptom("run-meta-empty", ".trash/1/a/meta.yaml", experiment_id="1", run_id="a")
    active = Symptom("run-meta-empty", "1/a/meta.yaml", experiment_id="1", run_id="a")
    assert [(one.path, one.impact) for one in find([twice, empty, active])] == [
        ("1/a/meta.yaml", "breaks-experiment"), (".trash/1", "hidden"), (".trash/1/a/meta.yaml", "silent"),
    ]  # fmt: skip


def test_runs_are_orphaned_by_a_migration_only_where_there_are_any() -> None:
    def migration(runs: int, experiment: str = "1") -> str:
        symptom = Symptom("experiment-meta-missing", f"{experiment}/meta.yaml", experiment_id=experiment, runs=runs)
        return find([symptom])[0].migration

    assert migration(3) == "orphans-runs"
    assert migration(0) == "ok"
    # No number, no experiment to the migration.
    assert migration(3, "churn") == "ok"
    assert migration(3, "1_000") == "orphans-runs"


def test_a_migration_does_not_fail_on_what_it_skips() -> None:
    line = Symptom("run-metric-line-unreadable", "1/a/metrics/m", 1, "1", "a")
    inner = Symptom("input-tags-refused", "1/a/inputs/x/meta.yaml", None, "1", "a")
    empty = Symptom("run-meta-empty", "1/a/meta.yaml", None, "1", "a")
    assert [one.migration for one in find([line])] == ["fails"]
    assert {one.code: one.migration for one in find([line, inner, empty])} == {
        "run-metric-line-unreadable": "ok", "input-tags-refused": "fails", "run-meta-empty": "ok"
    }  # fmt: skip


def test_the_remedy_depends_on_what_would_be_lost() -> None:
    def remedy(runs: int) -> str:
        return find([Symptom("experiment-meta-missing", "1/meta.yaml", experiment_id="1", runs=runs)])[0].remedy

    assert remedy(3) == "repair"
    assert remedy(0) == "remove"


def test_a_dataset_nobody_needs_harms_nobody() -> None:
    assert said("dataset-key-missing", "1/datasets/x/meta.yaml", runs=2) == "breaks-experiment"
    assert said("dataset-key-missing", "1/datasets/x/meta.yaml", runs=0) == "silent"


def test_messages_say_what_is_wrong_and_what_mlflow_does() -> None:
    (found,) = find([Symptom("experiment-key-missing", "1/meta.yaml", experiment_id="1", detail="name")])
    assert found.what == "name is missing"
    assert found.message == "Name is missing. Listing experiments stops with an error: MLflow shows none at all."
    assert found.cause
    (found,) = find([Symptom("experiment-meta-missing", "1/meta.yaml", experiment_id="1", runs=1)])
    assert found.message.endswith("migrate-filestore leaves its 1 run without an experiment.")


def test_unknown_codes_are_left_to_whoever_knows_them() -> None:
    assert find([Symptom("from-the-future", "x")]) == ()


@pytest.mark.parametrize(
    ("text", "version"),
    [("3.17.2", (3, 17, 2)), ("2.22.0rc1", (2, 22, 0)), ("3.18.dev0", (3, 18)), ("v3", (3,)), (" 1.30.1 ", (1, 30, 1))],
)
def test_versions(text: str, version: tuple[int, ...]) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize("text", ["", "newest", ".1", "-3", "9" * 5_000])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no version"):
        parse_version(text)


def test_a_version_newer_than_known_is_taken_for_the_newest() -> None:
    for code in FACTS:
        symptom = Symptom(code, "1/meta.yaml", experiment_id="1", runs=1)
        assert impact_of(symptom, parse_version("3.99")) == impact_of(symptom, parse_version(NEWEST_KNOWN))


def test_of_what_was_not_looked_at_nobody_says_that_mlflow_notices_nothing() -> None:
    for code in ("run-meta-elsewhere", "run-meta-unjudged", "text-unjudged"):
        (one,) = find([Symptom(code, "1/a/meta.yaml", experiment_id="1", run_id="a", detail="very large")])
        assert one.message.endswith("What MLflow makes of it is not known."), one.message


@pytest.mark.parametrize("version", ["1.0.0", "2.9.0", "2.22.0", "3.0.1", "3.17.2"])
def test_what_is_never_minded_becomes_no_finding_and_changes_none(version: str) -> None:
    never = unminded(version)
    for code in FACTS:
        found = [find([Symptom(code, "1/meta.yaml", runs=runs)], version) for runs in (0, 1, 7)]
        assert (any(found) or FACTS[code].skips) == (code not in never), code
