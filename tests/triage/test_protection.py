"""What must stay, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mlruns_tui.model.store import Reference
from mlruns_tui.triage.judging import judge
from mlruns_tui.triage.protection import Facts, Options
from mlruns_tui.triage.rules import Old, Orphaned, choose

HOUR = 3_600_000


def verdict(
    make: Any, snapshot: Any, rules: Any = (Old(30),), options: Options | None = None, evidence: Any = None
) -> Any:
    return judge(Facts(snapshot, make.NOW, options or Options(), evidence), choose(snapshot, rules, make.NOW))


def kinds(found: Any) -> dict[str, list[str]]:
    return {key.rsplit("/", 1)[-1]: [one.kind for one in protections] for key, protections in found.stays.items()}


def ids(found: Any) -> set[str]:
    return {key.rsplit("/", 1)[-1] for key in found.goes}


def test_old_takes_runs_that_ended_before_the_limit_and_no_others(make: Any) -> None:
    snapshot = make.snapshot(
        [
            make.run(run_id="old", ended=30.01),
            make.run(run_id="young", ended=29.99),
            make.run(run_id="deleted", lifecycle_stage="deleted", deleted_time=1),
            make.run(run_id="broken", state="malformed"),
            make.run(run_id="trashed", place="trash"),
            make.run(run_id="timeless", start_time=None, end_time=None),
        ]
    )
    found = verdict(make, snapshot)
    assert ids(found) == {"old"}
    assert not found.stays


def test_a_running_run_is_asked_for_by_its_start_and_kept(make: Any) -> None:
    found = verdict(make, make.snapshot([make.run(run_id="r", ended=None)]))
    assert kinds(found) == {"r": ["running"]}


@pytest.mark.parametrize("status", ["SCHEDULED", "UNKNOWN"])
def test_a_run_without_a_final_status_is_kept(make: Any, status: str) -> None:
    found = verdict(make, make.snapshot([make.run(run_id="r", ended=None, status=status)]))
    assert kinds(found) == {"r": ["running"]}


def test_a_lifted_protection_lets_the_item_go(make: Any) -> None:
    snapshot = make.snapshot([make.run(run_id="r", ended=None)])
    assert ids(verdict(make, snapshot, options=Options(lifted=frozenset({"running"})))) == {"r"}


@pytest.mark.parametrize("kind", ["open-by-writer", "link", "other-device", "unreadable", "claimed", "anything"])
def test_what_guards_the_disk_cannot_be_lifted(kind: str) -> None:
    with pytest.raises(ValueError, match=kind):
        Options(lifted=frozenset({kind}))


@pytest.mark.parametrize(
    ("reference", "kind"),
    [
        (Reference("model-version", "run", "r", "version 2 of churn", "models/churn/version-2", True), "model-version"),
        (Reference("model-version", "path", "1/r/artifacts/model", "version 2 of churn", "models/churn", True), "model-version"),
        (Reference("logged-model", "run", "r", "logged model lgbm", "2/models/m-1"), "logged-model"),
        (Reference("claim", "path", "1/r/artifacts", "experiment other", "2"), "claimed"),
    ],
)  # fmt: skip
def test_what_somebody_needs_stays(make: Any, reference: Reference, kind: str) -> None:
    snapshot = make.snapshot([make.run(run_id="r"), make.run(run_id="other")], references=[reference])
    found = verdict(make, snapshot)
    assert kinds(found) == {"r": [kind]}
    assert reference.by in found.stays["experiment/1/run/r"][0].reason
    assert ids(found) == {"other"}


@pytest.mark.parametrize(
    ("kind", "destroys", "reason"),
    [
        ("model-version", True, "churn is kept in this run: removing it destroys the model"),
        ("model-version", False, "churn is made from this run: it would lose its origin"),
        ("logged-model", True, "churn is kept in this run: removing it destroys the model"),
        ("logged-model", False, "churn comes from this run: it would lose its origin"),
    ],
)
def test_what_would_be_destroyed_is_told_apart_from_what_would_lose_its_origin(
    make: Any, kind: Any, destroys: bool, reason: str
) -> None:
    reference = Reference(kind, "run", "r", "churn", "models/churn", destroys)
    found = verdict(make, make.snapshot([make.run(run_id="r")], references=[reference]))
    assert [one.reason for one in found.stays["experiment/1/run/r"]] == [reason]


def test_an_experiment_that_holds_a_model_says_that_it_would_be_destroyed(make: Any) -> None:
    reference = Reference(
        "model-version", "experiment", "1", "version 2 of churn (alias champion)", "models/churn", True
    )
    facts = Facts(make.snapshot([make.run(run_id="r")], references=[reference]), make.NOW, Options())
    assert [one.reason for one in facts.protections("experiment/1")] == [
        "version 2 of churn (alias champion) is in this experiment: removing it destroys the model"
    ]


def _of_experiment(make: Any, *references: Reference) -> list[str]:
    snapshot = make.snapshot([make.run(run_id="r"), make.run(run_id="s")], references=list(references))
    return [one.reason for one in Facts(snapshot, make.NOW, Options()).protections("experiment/1")]


def test_a_logged_model_goes_with_the_experiment_it_is_in_and_loses_more_than_its_origin(make: Any) -> None:
    own = Reference("logged-model", "run", "r", "logged model lgbm", "1/models/m-1")
    assert _of_experiment(make, own) == ["logged model lgbm is in this experiment: removing it destroys the model"]


def test_a_logged_model_of_another_experiment_loses_its_origin_only(make: Any) -> None:
    other = Reference("logged-model", "run", "r", "logged model lgbm", "2/models/m-1")
    (reason,) = _of_experiment(make, other)
    assert reason.endswith("logged model lgbm comes from this run: it would lose its origin")


def test_a_version_kept_inside_a_run_is_destroyed_with_its_experiment(make: Any) -> None:
    inside = Reference("model-version", "run", "r", "version 1 of churn", "models/churn/version-1", True)
    (reason,) = _of_experiment(make, inside)
    assert reason.endswith("version 1 of churn is kept in this run: removing it destroys the model")


def test_of_an_experiment_what_is_destroyed_is_said_before_what_loses_its_origin(make: Any) -> None:
    version = "version 2 of churn"
    made = Reference("model-version", "run", "r", version, "models/churn/version-2")
    kept = Reference("model-version", "experiment", "1", version, "models/churn/version-2", True)
    destroyed = [f"{version} is in this experiment: removing it destroys the model"]
    assert _of_experiment(make, made, kept) == destroyed
    older = Reference("model-version", "run", "s", "version 1 of churn", "models/churn/version-1", True)
    (reason,) = _of_experiment(make, made, older)
    assert reason.endswith("version 1 of churn is kept in this run: removing it destroys the model")


@pytest.mark.parametrize("kind", ["model-version", "logged-model", "parent"])
@pytest.mark.parametrize(("target", "kept"), [("", {"r", "s"}), ("1", {"r"})])
def test_what_cannot_be_read_may_need_every_run_it_could_name(
    make: Any, kind: Any, target: str, kept: set[str]
) -> None:
    reference = Reference(kind, "any", target, "models cannot be read: permission denied", "models")
    snapshot = make.snapshot([make.run("1", "r"), make.run("2", "s")], references=[reference])
    facts = Facts(snapshot, make.NOW, Options())
    found = {run.run_id: facts.protections(run.key) for run in snapshot.all_runs()}
    assert {name for name, protections in found.items() if protections} == kept
    (protection,) = found["r"]
    assert (protection.kind, protection.reason) == (
        kind,
        "models cannot be read: permission denied: it may need this run",
    )
    lifted = Facts(snapshot, make.NOW, Options(lifted=frozenset({kind})))
    assert not lifted.protections("experiment/1/run/r")


def test_a_run_does_not_need_itself(make: Any) -> None:
    reference = Reference("claim", "path", "1/r/artifacts", "run r", "1/r")
    assert ids(verdict(make, make.snapshot([make.run(run_id="r")], references=[reference]))) == {"r"}


def test_a_path_that_only_starts_alike_protects_nothing(make: Any) -> None:
    reference = Reference("claim", "path", "1/rr/artifacts", "experiment other", "2")
    assert ids(verdict(make, make.snapshot([make.run(run_id="r")], references=[reference]))) == {"r"}


@pytest.mark.parametrize(("keep", "stays"), [("keep=paper", True), ("", False)])
def test_a_keep_tag_keeps(make: Any, keep: str, stays: bool) -> None:
    found = verdict(make, make.snapshot([make.run(run_id="r", keep=keep)]))
    assert kinds(found) == ({"r": ["keep-tag"]} if stays else {})


def test_a_keep_tag_on_the_experiment_keeps_its_runs(make: Any) -> None:
    snapshot = make.snapshot([make.run(run_id="r")], [make.experiment("1", keep="keep=all")])
    assert kinds(verdict(make, snapshot)) == {"r": ["keep-tag"]}


def test_a_parent_stays_while_a_child_stays_up_to_the_top(make: Any) -> None:
    snapshot = make.snapshot(
        [
            make.run(run_id="top"),
            make.run(run_id="middle", parent="top"),
            make.run(run_id="leaf", parent="middle", ended=2),
            make.run(run_id="sibling", parent="top"),
        ]
    )
    found = verdict(make, snapshot)
    assert kinds(found) == {"top": ["parent"], "middle": ["parent"]}
    assert ids(found) == {"sibling"}


def test_a_whole_old_family_goes(make: Any) -> None:
    snapshot = make.snapshot([make.run(run_id="p"), make.run(run_id="c", parent="p", experiment="2")])
    assert ids(verdict(make, snapshot)) == {"p", "c"}


def test_parents_that_name_each_other_do_not_hang(make: Any) -> None:
    snapshot = make.snapshot(
        [make.run(run_id="a", parent="b"), make.run(run_id="b", parent="a"), make.run(run_id="s", parent="s")]
    )
    assert ids(verdict(make, snapshot)) == {"a", "b", "s"}


def test_a_child_that_is_kept_for_another_reason_keeps_its_parent(make: Any) -> None:
    snapshot = make.snapshot([make.run(run_id="p"), make.run(run_id="c", parent="p", keep="keep=1")])
    assert kinds(verdict(make, snapshot)) == {"p": ["parent"], "c": ["keep-tag"]}


def test_orphans_go_unless_something_readable_is_inside(make: Any) -> None:
    snapshot = make.snapshot(
        [],
        [
            make.experiment("11", state="orphaned"),
            make.experiment("12", state="orphaned", readable_inside=512),
            make.experiment("13", state="unclaimed"),
            make.experiment("14", state="malformed"),
        ],
    )
    found = verdict(make, snapshot, [Orphaned()])
    assert ids(found) == {"11"}
    assert "512 readable runs" in found.stays["experiment/12"][0].reason
    lifted = verdict(make, snapshot, [Orphaned(with_runs=True)], Options(orphans_with_runs=True))
    assert ids(lifted) == {"11", "12"}


def test_a_claimed_orphan_stays(make: Any) -> None:
    reference = Reference("claim", "path", "11/deep/artifacts", "experiment shared", "2")
    snapshot = make.snapshot([], [make.experiment("11", state="orphaned")], [reference])
    assert kinds(verdict(make, snapshot, [Orphaned()])) == {"11": ["claimed"]}


def by_hand(make: Any, snapshot: Any, *keys: str, options: Options | None = None) -> Any:
    from mlruns_tui.triage.rules import Choice

    return judge(Facts(snapshot, make.NOW, options or Options()), {key: Choice(key, "mark", "by hand") for key in keys})


def test_an_experiment_is_protected_by_everything_inside_it(make: Any) -> None:
    snapshot = make.snapshot(
        [
            make.run(run_id="kept", keep="keep=1"),
            make.run(run_id="alive", ended=None),
            make.run(experiment="2", run_id="x"),
        ]
    )
    found = by_hand(make, snapshot, "experiment/1")
    assert sorted(kinds(found)["1"]) == ["keep-tag", "running"]


def test_an_experiment_whose_runs_were_not_read_stays(make: Any) -> None:
    from dataclasses import replace

    snapshot = make.snapshot([make.run(run_id="x")])
    blind = replace(snapshot, runs={})
    assert kinds(by_hand(make, blind, "experiment/1")) == {"1": ["unreadable"]}


def test_the_default_experiment_stays_but_not_its_runs(make: Any) -> None:
    snapshot = make.snapshot([make.run(experiment="0", run_id="r"), make.run(experiment="5", run_id="s")])
    assert kinds(by_hand(make, snapshot, "experiment/0")) == {"0": ["default-experiment"]}
    assert ids(by_hand(make, snapshot, "experiment/0/run/r")) == {"r"}


def test_the_last_numbered_experiment_stays(make: Any) -> None:
    snapshot = make.snapshot([make.run(experiment="5", run_id="r"), make.run(experiment="6", run_id="s")])
    found = by_hand(make, snapshot, "experiment/5", "experiment/6")
    assert len(found.goes) == 1
    assert list(kinds(found).values()) == [["last-experiment"]]


def test_a_run_inside_an_experiment_that_goes_is_no_item_of_its_own(make: Any) -> None:
    snapshot = make.snapshot([make.run(run_id="r"), make.run(experiment="2", run_id="s")])
    assert ids(by_hand(make, snapshot, "experiment/1", "experiment/1/run/r")) == {"1"}


def test_what_is_in_a_database_stays(make: Any) -> None:
    snapshot = make.snapshot([make.run(run_id="r", record="database")], [make.experiment("1", record="database")])
    assert "claimed" in kinds(verdict(make, snapshot))["r"]
    assert "claimed" in kinds(by_hand(make, snapshot, "experiment/1"))["1"]


@pytest.mark.parametrize(
    ("run", "newest_days", "network", "stays"),
    [
        ({}, 59 / 86_400, False, True),
        ({}, 61 / 86_400, False, False),
        ({"ended": 0.5 / 24}, 0.4 / 24, False, True),
        ({"ended": 2.0 / 24}, 2.0 / 24, False, False),
        ({"ended": 2.0 / 24}, 2.0 / 24, True, True),
        ({"ended": 30}, 2.0 / 24, True, False),
        ({"state": "malformed", "status": "UNKNOWN", "ended": 30}, 0.9 / 24, False, True),
        ({"state": "malformed", "status": "UNKNOWN", "ended": 30}, 1.1 / 24, False, False),
        ({}, -0.1, False, True),
    ],
)
def test_quiet_time_is_asked_by_what_the_run_is(
    make: Any, run: Any, newest_days: float, network: bool, stays: bool
) -> None:
    snapshot = make.snapshot([make.run(run_id="r", **run)], network=network)
    evidence = make.evidence(snapshot, r=make.survey(newest_days))
    from mlruns_tui.triage.rules import Choice

    found = judge(
        Facts(snapshot, make.NOW, Options(), evidence), {"experiment/1/run/r": Choice("experiment/1/run/r", "mark", "")}
    )
    assert kinds(found) == ({"r": ["too-fresh"]} if stays else {})


def test_fresh_evidence_overrules_the_scan(make: Any) -> None:
    snapshot = make.snapshot([make.run(run_id=name) for name in ("ok", "open", "gone", "linked", "mine", "stuck")])
    evidence = make.evidence(
        snapshot,
        open=make.survey(writers=(make.writer,)),
        gone=None,
        linked=make.survey(trouble=("link",)),
        mine=make.survey(owner=1000),
    )
    stuck = evidence.items["experiment/1/run/stuck"]
    evidence.items["experiment/1/run/stuck"] = replace(stuck, movable="no permission")
    found = verdict(make, snapshot, evidence=replace(evidence, user=1001))
    assert kinds(found)["open"][0] == "open-by-writer"
    assert kinds(found)["gone"] == ["unreadable"]
    assert kinds(found)["linked"][0] == "link"
    assert "other-owner" in kinds(found)["ok"]
    as_root = verdict(make, snapshot, evidence=evidence)
    assert ids(as_root) == {"ok", "mine"}
    assert kinds(as_root)["stuck"] == ["unreadable"]


def test_long_chains_are_judged_in_bounded_time(make: Any) -> None:
    runs = [make.run(run_id="0")]
    runs += [make.run(run_id=str(number), parent=str(number - 1)) for number in range(1, 5_000)]
    runs.append(make.run(run_id="leaf", parent="4999", ended=1))
    found = verdict(make, make.snapshot(runs))
    assert not found.goes
    assert len(found.stays) == 5_000


@pytest.mark.parametrize(("user", "stays"), [(0, False), (1000, True)])
def test_what_holds_files_of_another_user_stays_unless_root_asks(make: Any, user: int, stays: bool) -> None:
    snapshot = make.snapshot([make.run(run_id="r")])
    evidence = make.evidence(snapshot, r=make.survey(owner=1000, other_owners=True))
    found = verdict(make, snapshot, evidence=replace(evidence, user=user))
    assert kinds(found) == ({"r": ["other-owner"]} if stays else {})


@pytest.mark.parametrize(
    ("idle_days", "reason"),
    [
        (41, "RUNNING, silent 41 d: it never ended and may be alive"),
        (0.25, "RUNNING, silent 6 h: it never ended and may be alive"),
        (0.01, "RUNNING: it never ended and may be alive"),
    ],
)
@pytest.mark.parametrize("fresh", [True, False])
def test_a_run_nobody_ended_says_how_long_it_is_silent(make: Any, idle_days: float, reason: str, fresh: bool) -> None:
    newest = make.survey(idle_days).size
    snapshot = make.snapshot([make.run(run_id="r", ended=None, size=newest)])
    evidence = make.evidence(snapshot, r=make.survey(idle_days)) if fresh else None
    found = Facts(snapshot, make.NOW, Options(), evidence).protections("experiment/1/run/r")
    assert [one.reason for one in found if one.kind == "running"] == [reason]
