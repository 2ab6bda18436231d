"""Each way to break a store, alone in one made by the installed MLflow: what we say is what MLflow does."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.mlflow

MIGRATIONS = ("fails", "orphans-runs", "ok")


def is_worse(judge: Any, one: str, other: str) -> bool:
    return bool(judge.ORDER.index(one) < judge.ORDER.index(other))


def compare(oracle: Any, judge: Any, case: Any) -> list[str]:
    """Everything MLflow and the doctor disagree on for one case."""
    with oracle.copy(case.below) as store:
        case.break_it(store, oracle.names)
        findings = oracle.doctor(store)
        migration = oracle.migration(store) if oracle.migrates else None
        answer = oracle.mlflow(store)
    real = judge.worst(judge.impacts(answer))
    place = case.place(oracle.names)
    here = [one for one in findings if judge.is_near(one["path"], place)]
    said = min((one["impact"] for one in here), key=judge.ORDER.index, default="silent")
    problems = []
    if said != real:
        calls = [call for call in answer["calls"] if call["outcome"] != "ok"]
        problems.append(f"{case.name}: MLflow {real}, doctor {said}; {calls[:3]}; {here[:3]}")
    # A defect may be told of elsewhere too: the run a copy was made of. It never breaks more there.
    worse = [one for one in findings if one not in here and is_worse(judge, one["impact"], real)]
    problems += [f"{case.name}: {one['impact']} at {one['path']}, where nothing was done" for one in worse]
    problems += [f"{case.name}: {one}" for one in judge.missed(answer, findings) + judge.invented(answer, findings)]
    if migration is not None:
        stated = min((one["migration"] for one in findings), key=MIGRATIONS.index, default="ok")
        if stated != migration["outcome"]:
            problems.append(f"{case.name}: migration {migration['outcome']} ({migration['what']}), doctor {stated}")
    return problems


def test_doctor_says_what_mlflow_does(
    case: Any, oracle: Any, judge: Any, harmless: frozenset[str], record_property: Any
) -> None:
    if not case.applies_to(oracle.names):
        pytest.skip(f"MLflow {oracle.version} knows nothing of this")
    problems = compare(oracle, judge, case)
    record_property("cases tried", 1)
    record_property("MLflow or its migration minds (of cases tried)", int(case.name not in harmless))
    record_property("in full agreement (of cases tried)", int(not problems))
    assert not problems, "\n".join(problems)


def test_there_are_cases_for_every_place(all_cases: list[Any]) -> None:
    assert len({case.name for case in all_cases}) == len(all_cases) >= 110
    tops = {case.name.split(":")[0] for case in all_cases}
    assert tops >= {
        "root", "trash", "experiment", "experiment tag", "run", "metric", "param", "tag", "input", "output", "dataset",
        "registry", "registered model", "version", "alias", "logged model", "trace", "assessment",
    }  # fmt: skip


def test_the_list_of_harmless_cases_names_cases(all_cases: list[Any], harmless: frozenset[str]) -> None:
    assert harmless <= {case.name for case in all_cases}
