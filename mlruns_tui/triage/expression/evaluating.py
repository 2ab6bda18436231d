"""Whether a run matches: True, False, or None where what decides it is not known.

As in MLflow a comparison with something a run does not have is false, ``!=`` too, and ``not`` turns that
round. What was not read, or could not be, is neither: nothing is chosen because of it.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from mlruns_tui.model.store import Run
from mlruns_tui.model.text import safe
from mlruns_tui.model.values import DatasetUse, RunValues
from mlruns_tui.model.words import Impact

from ..rules import age_ms, idle_ms
from . import fields
from .tree import Compare, Expression, Field, Node, Not, Or

Test = Callable[[Run], "bool | None"]


class Unknown(Exception):
    """What a clause asks for is not known of this run."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a run is looked up in."""

    now_ms: int
    values: Mapping[str, RunValues] = field(default_factory=dict)
    """By run key; a run that is missing here was not read."""
    impacts: Mapping[str, Impact] = field(default_factory=dict)
    """The worst finding by run key."""
    experiments: Mapping[str, str] = field(default_factory=dict)
    """Names by directory name."""
    protected: Callable[[Run], Sequence[str]] = lambda run: ()
    """Kinds of what protects a run."""
    owner: Callable[[int], str] = str
    """Name of a user id."""


def compile_expression(expression: Expression, context: Context) -> Test:
    """A test for runs, with this knowledge."""
    return _test(expression.node, context)


def _test(node: Node, context: Context) -> Test:
    if isinstance(node, Compare):
        return _clause(node, context)
    if isinstance(node, Not):
        inner = _test(node.part, context)

        def inverse(run: Run) -> bool | None:
            found = inner(run)
            return None if found is None else not found

        return inverse
    parts = [_test(part, context) for part in node.parts]
    decisive = isinstance(node, Or)

    def joined(run: Run) -> bool | None:
        unknown = False
        for part in parts:
            found = part(run)
            if found is decisive:
                return decisive
            unknown = unknown or found is None
        return None if unknown else not decisive

    return joined


_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def _clause(clause: Compare, context: Context) -> Test:
    look = _looker(clause.field, context)
    several = clause.field.source == "dataset" or clause.field == Field("run", "protected")
    compare = _comparison(clause)

    def test(run: Run) -> bool | None:
        try:
            found = look(run)
        except Unknown:
            return None
        if clause.operator == "IS NULL":
            return not found if several else found is None
        if clause.operator in ("IS NOT NULL", "ANY"):
            return bool(found) if several else found is not None
        if clause.field == Field("run", "protected"):
            return _of_kinds(clause, found)
        if several:
            return any(compare(one) for one in found)
        return found is not None and compare(found)

    return test


def _of_kinds(clause: Compare, kinds: Sequence[str]) -> bool:
    """``protected != 'running'``: by nothing of that kind, whatever else protects it."""
    negated = clause.operator in ("!=", "NOT IN", "NOT LIKE", "NOT ILIKE")
    plain = {"!=": "=", "NOT IN": "IN", "NOT LIKE": "LIKE", "NOT ILIKE": "ILIKE"}.get(clause.operator, clause.operator)
    compare = _comparison(Compare(clause.field, plain, clause.value))  # type: ignore[arg-type]
    return any(map(compare, kinds)) is not negated


def _comparison(clause: Compare) -> Callable[[Any], bool]:
    value: Any = clause.value
    own = clause.field.source == "run"
    if own and isinstance(value, str):
        # Attributes are kept as they can be shown.
        value = safe(value)
    elif own and isinstance(value, tuple):
        value = tuple(safe(one) for one in value)
    word = clause.operator
    if word in ("LIKE", "NOT LIKE", "ILIKE", "NOT ILIKE"):
        pattern = like(value, word.endswith("ILIKE"))
        wanted = not word.startswith("NOT")
        return lambda found: (pattern.match(found) is not None) is wanted
    if word in ("IN", "NOT IN"):
        members = frozenset(value)
        return (lambda found: found in members) if word == "IN" else (lambda found: found not in members)
    if word not in _COMPARE:
        return lambda found: False
    compare = _COMPARE[word]
    kind = fields.kind_of(clause.field)
    if kind == "impact":
        rank = fields.impact_rank(value)
        return lambda found: compare(fields.impact_rank(found), rank)
    if kind == "param" and not isinstance(value, str):
        return lambda found: (number := fields.metric_number(found.strip())) is not None and compare(number, value)
    return lambda found: compare(found, value)


def like(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    """``%`` is any text, ``_`` any character, neither a line's end, as in MLflow's file store.

    Each stretch between two ``%`` is taken where it first fits and never elsewhere again, so that no
    pattern takes longer than its length times the text's.
    """
    parts = re.split("%+", pattern)
    escaped = ["".join("." if letter == "_" else re.escape(letter) for letter in part) for part in parts]
    made = escaped[0]
    for number, part in enumerate(escaped[1:-1], 1):
        made += f"(?=(?P<p{number}>.*?{part}))(?P=p{number})"
    if len(escaped) == 1:
        made += "$"
    elif escaped[-1]:
        made += f".*{escaped[-1]}$"
    return re.compile(made, re.IGNORECASE if ignore_case else 0)


def _looker(wanted: Field, context: Context) -> Callable[[Run], Any]:
    """How to find a field of a run; the function raises Unknown."""
    if wanted.source == "run":
        return _attribute(wanted.name, context)
    values, name = context.values, wanted.name

    def read(run: Run) -> RunValues:
        found = values.get(run.key)
        if found is None:
            raise Unknown
        return found

    if wanted.source == "dataset":

        def datasets(run: Run) -> list[str]:
            found = read(run)
            if "datasets" in found.unreadable:
                raise Unknown
            return [text for one in found.datasets for text in _dataset_texts(one, name)]

        return datasets
    part = {"metric": "metrics", "param": "params", "tag": "tags"}[wanted.source]
    label = f"{part}.{name}"

    def value(run: Run) -> Any:
        found = read(run)
        if label in found.unreadable:
            raise Unknown
        return getattr(found, part).get(name)

    return value


def _dataset_texts(one: DatasetUse, name: str) -> Sequence[str]:
    if name == "context":
        return one.contexts
    return (one.name,) if name == "name" else (one.digest,)


def _attribute(name: str, context: Context) -> Callable[[Run], Any]:
    def sized(run: Run) -> Any:
        if run.size is None:
            raise Unknown
        return run.size

    def idle(run: Run) -> int | None:
        newest = sized(run).newest_ns
        return idle_ms(newest, context.now_ms) if newest else None

    def ran(run: Run) -> int | None:
        return None if run.start_time is None or run.end_time is None else run.end_time - run.start_time

    def owner(run: Run) -> str:
        if run.owner < 0:
            raise Unknown
        return context.owner(run.owner)

    def artifact_uri(run: Run) -> str | None:
        found = context.values.get(run.key)
        if found is None or "artifact_uri" in found.unreadable:
            raise Unknown
        return None if found.artifact_uri is None else safe(found.artifact_uri)

    lookers: dict[str, Callable[[Run], Any]] = {
        "run_id": lambda run: run.run_id,
        "run_name": lambda run: run.name or None,
        "user_id": lambda run: run.user_id,
        "status": lambda run: run.status,
        "start_time": lambda run: run.start_time,
        "end_time": lambda run: run.end_time,
        "lifecycle_stage": lambda run: run.lifecycle_stage,
        "experiment_id": lambda run: run.experiment_id,
        "experiment": lambda run: context.experiments.get(run.experiment_id) or None,
        "state": lambda run: run.state,
        "size": lambda run: sized(run).size_bytes,
        "files": lambda run: sized(run).files,
        "age": lambda run: age_ms(run, context.now_ms),
        "idle": idle,
        "duration": ran,
        "impact": lambda run: context.impacts.get(run.key),
        "protected": context.protected,
        "owner": owner,
        "artifact_uri": artifact_uri,
    }
    return lookers[name]
