"""Values come back from JSON as they were, or are refused with the field's name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlruns_tui.model.batch import ApplyEvent, Batch, BatchItem
from mlruns_tui.model.codec import decode, dumps, encode, loads
from mlruns_tui.model.plan import Plan, PlanItem, PlanTotals, Protection, RefusedItem, Step
from mlruns_tui.model.store import Identity

ITEM = PlanItem(
    "experiment/1/run/a", "run", "remove", "1", "a\udcff", "name\n", "1/a\udcff", "why", "old",
    1, 2, 3, 4, Identity(5, 6), "f", 7, (Step("move-out", "1/a\udcff"),),
)  # fmt: skip
PLAN = Plan(
    "id", 1, "/data/\udcfe", "mlruns", Identity(1, 2), "alice", "gpu01", (ITEM,),
    (RefusedItem("k", "run", "1", "b", "n", "1/b", 1, 1, "old", (Protection("keep-tag", "x"),)),), PlanTotals(0, 1),
)  # fmt: skip
VALUES = [
    PLAN,
    Batch("b", 1, "u", "h", 0, "moved", (BatchItem(ITEM, "moved", "done"), BatchItem(ITEM, "missing"))),
    ApplyEvent("item", "move", "b", 1, 2, 3, 4, outcome="failed", error="no"),
]


@pytest.mark.parametrize("value", VALUES)
def test_values_survive_the_way_there_and_back(value: Any) -> None:
    text = dumps(value)
    assert text.isascii()
    assert "\n" not in text
    assert loads(type(value), text) == value


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"id": 5}, "Plan.id"),
        ({"unknown": 1}, "unknown"),
        ({"created_ms": True}, "created_ms"),
        ({"items": {}}, "items"),
        ({"items": [{}]}, r"items\[0\]"),
        ({"store_identity": None}, "store_identity"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(change: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        decode(Plan, {**encode(PLAN), **change})


@pytest.mark.parametrize(
    ("broken", "where"),
    [
        ({"size_bytes": "1"}, r"^Plan\.items\[1\]\.size_bytes: not a int"),
        ({"identity": [5, 6]}, r"^Plan\.items\[1\]\.identity: not a mapping"),
        (
            {"steps": [encode(Step("move-out", "x")), {"kind": "move-out"}]},
            r"^Plan\.items\[1\]\.steps\[1\]: \w+ is missing",
        ),
    ],
)
def test_the_way_to_what_does_not_fit_is_told(broken: dict[str, Any], where: str) -> None:
    data = encode(PLAN)
    data["items"].append({**data["items"][0], **broken})
    with pytest.raises(ValueError, match=where):
        decode(Plan, data)


def test_what_is_no_value_of_ours_is_not_written() -> None:
    with pytest.raises(TypeError, match="set"):
        encode({"a": {1, 2}})
    with pytest.raises(TypeError, match="type"):
        encode([Plan])


def test_a_missing_field_without_default_is_refused() -> None:
    data = encode(PLAN)
    del data["store_root"]
    with pytest.raises(ValueError, match="store_root"):
        decode(Plan, data)


def test_an_unknown_word_is_refused() -> None:
    data = encode(PLAN)
    data["items"][0]["action"] = "shred"
    with pytest.raises(ValueError, match="shred"):
        decode(Plan, data)


def test_absurd_nesting_is_refused_not_a_crash() -> None:
    with pytest.raises(ValueError, match="deep"):
        loads(Plan, "[" * 200_000 + "]" * 200_000)


def test_json_from_elsewhere_is_plain_json() -> None:
    assert json.loads(dumps(PLAN))["items"][0]["run_id"] == "a\udcff"
