"""Random damage to a healthy store: whatever MLflow minds, we say; whatever we say, MLflow minds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.mlflow

MIGRATIONS = ("fails", "orphans-runs", "ok")
DEEDS = (
    "delete", "truncate", "replace", "flip", "rename", "copy", "close", "drop a line", "repeat a line", "set a value",
    "make a folder", "add a stray", "link", "exchange", "put over", "double", "change case", "odd name",
    "other line ends", "pipe", "link beside",
)  # fmt: skip
"""What is done, by the names in ``mutating.py``."""

mutations = st.lists(
    st.tuples(st.integers(0, 10_000), st.sampled_from(DEEDS), st.integers(0, 1 << 20)), min_size=1, max_size=3
)
"""Which path (modulo their number), what is done, and a number that says how."""
quick = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
long = settings(quick, max_examples=600, derandomize=False, print_blob=True)


def examine(oracle: Any, judge: Any, damage: Any, done: Sequence[tuple[int, str, int]]) -> list[str] | None:
    """What MLflow and we disagree on after this damage; None when nothing could be done."""
    with oracle.copy() as store:
        told = []
        for at, deed, number in done:
            path = oracle.paths[at % len(oracle.paths)]
            said = damage.mutate(store, path, deed, number)
            if said:
                told.append(f"{path}: {said}")
        if not told:
            return None
        findings = oracle.doctor(store)
        migration = oracle.migration(store) if oracle.migrates else None
        answer = oracle.mlflow(store)
    problems = judge.missed(answer, findings) + judge.invented(answer, findings)
    if migration is not None:
        stated = min((one["migration"] for one in findings), key=MIGRATIONS.index, default="ok")
        if stated != migration["outcome"]:
            problems.append(f"migration {migration['outcome']} ({migration['what'][:200]}), doctor {stated}")
    return [f"{told}: {problem}" for problem in problems]


def test_the_deeds_are_known(damage: Any) -> None:
    assert set(DEEDS) == set(damage.DEEDS)


def _try(oracle: Any, judge: Any, damage: Any, how: settings) -> int:
    tried = 0

    @how
    @given(mutations)
    # A trashed experiment under the name of an active one: only the listing of all shows that it is missing.
    @example([(1, "rename", 1480)])
    def agrees(done: list[tuple[int, str, int]]) -> None:
        nonlocal tried
        problems = examine(oracle, judge, damage, done)
        if problems is None:
            return
        tried += 1
        assert not problems, "\n".join(problems)

    agrees()
    return tried


def test_random_damage_is_told_as_mlflow_takes_it(oracle: Any, judge: Any, damage: Any, record_property: Any) -> None:
    tried = _try(oracle, judge, damage, quick)
    assert tried > 30
    record_property("random damages tried by Hypothesis, all in agreement", tried)


@pytest.mark.full
@pytest.mark.timeout(3_600)
def test_much_random_damage_is_told_as_mlflow_takes_it(
    oracle: Any, judge: Any, damage: Any, record_property: Any
) -> None:
    tried = _try(oracle, judge, damage, long)
    assert tried > 300
    record_property("random damages tried by Hypothesis, all in agreement", tried)
