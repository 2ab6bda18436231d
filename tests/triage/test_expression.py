"""What is beyond MLflow's own filters: sizes, ages, or, not, what is not known, and errors that point."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from mlruns_tui.model.findings import Finding
from mlruns_tui.model.store import Run, Size
from mlruns_tui.model.values import RunValues, Wanted
from mlruns_tui.triage.expression import BadExpression, Context, compile_expression, parse
from mlruns_tui.triage.expression.knowing import context_of
from mlruns_tui.triage.protection import Facts, Options


def found(make: Any, text: str, run: Run, **values: Any) -> bool | None:
    """Whether this run, old and quiet as the builder makes it, matches."""
    known = {run.key: RunValues(run.key, **values)} if values else {}
    context = Context(
        make.NOW, known, {run.key: "warns"}, {"1": "churn"}, lambda one: ("keep-tag",), lambda uid: "root"
    )
    return compile_expression(parse(text), context)(run)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("size > 3", True), ("size > 3GB", False), ("size = 100", True), ("size < '1MB'", True), ("size < 1kB", True),
        ("size < 0.1KiB", True), ("files = 3", True), ("age > 30d", True), ("age > 9w", False), ("age < 2mo", False),
        ("age >= 60d", True), ("idle > 1439h and idle < 1441h", True), ("duration = 1s", True), ("duration < 1min", True),
        ("status = FINISHED", True), ("status in (FAILED, KILLED)", False), ("status not in ('FAILED')", True),
        ("status = FAILED or age > 30d", True), ("not (status = FAILED or age > 30d)", False),
        ("not status = FAILED and age > 1d", True), ("not not status = FINISHED", True),
        ("impact", True), ("impact = warns", True), ("impact > silent", True), ("impact >= breaks-run", False),
        ("protected", True), ("not protected", False), ("protected = keep-tag", True), ("protected != running", True),
        ("protected != keep-tag", False), ("protected is null", False), ("protected in (parent, running)", False),
        ("owner = root", True), ("experiment = 'churn'", True), ("experiment like 'ch%'", True),
        ("experiment_id = 1", True), ("lifecycle_stage = active", True), ("run_name is null", True),
        ("start_time < 2100-01-01", True), ("end_time > '2100-01-01 12:30'", False), ("name = x", False),
        ("status not like 'F%'", False), ("", True), ("and", True), ("status == FINISHED", True),
        ("status <> FINISHED", False), ("STATUS = FINISHED", None), ("(((status = FINISHED)))", True),
    ],
)  # fmt: skip
def test_what_mlflow_does_not_know(make: Any, text: str, expected: bool | None) -> None:
    if expected is None:
        with pytest.raises(BadExpression):
            parse(text)
    else:
        assert found(make, text, make.run()) is expected


def test_numbers_in_params_compare_as_numbers_only_without_quotes(make: Any) -> None:
    run = make.run()
    assert found(make, "params.lr < 0.5", run, params={"lr": "0.1"}) is True
    assert found(make, "params.lr = 0.10", run, params={"lr": "1e-1"}) is True
    assert found(make, "params.lr = '0.10'", run, params={"lr": "1e-1"}) is False
    assert found(make, "params.lr > 0", run, params={"lr": "auto"}) is False
    assert found(make, "params.lr > 0", run) is None
    assert found(make, "params.lr > 0", run, params={"other": "1"}) is False


def test_what_was_not_read_neither_matches_nor_its_opposite(make: Any) -> None:
    run = replace(make.run(), size=None)
    for text in ("size > 1", "not size > 1", "metrics.loss < 1", "not metrics.loss < 1", "tags.a is null", "idle > 1d"):
        assert found(make, text, run) is None
    assert found(make, "size > 1 or status = FINISHED", run) is True
    assert found(make, "size > 1 and status = FAILED", run) is False
    assert found(make, "not metrics.loss < 1", run, unreadable=frozenset({"metrics.loss"})) is None
    assert found(make, "not metrics.loss < 1", run, metrics={"loss": 3.0}) is True
    assert found(make, "not metrics.loss < 1", run, metrics={"acc": 3.0}) is True
    assert found(make, "dataset.name = 'x'", run, unreadable=frozenset({"datasets"})) is None


def test_only_what_is_asked_about_is_wanted() -> None:
    text = "metrics.a < 1 and (params.`b c` = 'x' or not tags.t is null) and metrics.a > 0 and dataset.name = 'd'"
    assert parse(text).wanted == Wanted(("a",), ("b c",), ("t",), datasets=True)
    assert parse("artifact_uri like 's3%'").wanted == Wanted(artifact_uri=True)
    assert not parse("size > 3GB and protected").wanted
    assert parse("size > 3GB and protected").attributes == {"size", "protected"}


@pytest.mark.parametrize(
    ("text", "at", "says"),
    [
        ("metrics.val_loss < 0.3 and parms.model = 'resnet'", 27, 'no field "parms"; did you mean params?'),
        ("stats = FAILED", 0, "did you mean status?"),
        ("attributes.statsu = 'x'", 0, "did you mean status?"),
        ("size > 3 apples", 9, 'no field "apples"'),
        ("age > 30", 6, "with its unit"),
        ("size > big", 7, "a size such as 3GB"),
        ("metrics.a < 'x'", 12, "a number without quotes"),
        ("metrics.a", 9, "not the end"),
        ("metrics", 0, "Write metrics.name"),
        ("metrics. < 1", 8, "is missing"),
        ("metrics.a < ", 12, "expected a value, not the end"),
        ("metrics.a like '%'", 10, "does not go with metrics.a"),
        ("params.a = params.b", 11, "looks like a field"),
        ("params.a = null", 11, "is null"),
        ("(status = FAILED", 0, "never closed"),
        ("status = FAILED)", 15, "expected and, or, or the end"),
        ("()", 0, "nothing between"),
        ("status = FAILED or", 18, "both sides"),
        ("not", 3, "after it"),
        ("run_id in ()", 10, "empty"),
        ("run_id in 'a'", 10, "in parentheses"),
        ("run_id is 'a'", 10, "null only"),
        ("dataset.foo = 'x'", 0, "name, digest and context"),
        ("impact = terrible", 9, "one of breaks-store"),
        ("start_time > yesterday", 13, "a date such as"),
        ("start_time > 2026-13-45", 13, "a date such as"),
        ("params.a rlike 'x'", 9, "expected a comparison"),
        ("status = 'open", 9, "expected a value"),
        ("x" * 10_001, 10_000, "longer"),
        ("(" * 60, 50, "deep"),
        ("not " * 60, 200, "deep"),
        ("\x1b[31m = 1", 0, "\\x1b"),
        ("1 > metrics.a", 0, "expected a field"),
    ],
)  # fmt: skip
def test_an_error_points_at_its_place(text: str, at: int, says: str) -> None:
    with pytest.raises(BadExpression) as error:
        parse(text)
    assert says in str(error.value)
    assert error.value.at == at
    assert "\x1b" not in str(error.value)


def test_no_pattern_takes_long(make: Any) -> None:
    pattern = "%a" * 200 + "%b"
    run = replace(make.run(), name="a" * 5_000)
    started = time.process_time()
    assert found(make, f"run_name like '{pattern}'", run) is False
    assert found(make, f"run_name ilike '{pattern}%'", run) is False
    assert time.process_time() - started < 5


def test_every_text_is_an_expression_or_points_into_itself() -> None:
    import random

    dice = random.Random(4)
    pieces = ["metrics", ".", "a", "`", "'", '"', "(", ")", " ", "and", "or", "not", "in", "is", "null", "like", "=", "<",
              "!", "1e3", "size", "3GB", ",", "\\", "%", "\x00", "모", "-", "protected", "\n"]  # fmt: skip
    for _ in range(20_000):
        text = "".join(dice.choice(pieces) for _ in range(dice.randint(0, 12)))
        try:
            parse(text)
        except BadExpression as error:
            assert 0 <= error.at <= len(text)
            assert str(error)


def test_protection_and_impact_come_from_what_is_known_of_the_store(make: Any) -> None:
    kept, free = make.run(run_id="a", keep="keep=1"), make.run(run_id="b")
    child = make.run(run_id="c", parent="d", keep="keep=1")
    parent = make.run(run_id="d")
    snapshot = make.snapshot([kept, free, child, parent])
    findings = (
        Finding("x", "warns", "1/b/meta.yaml", "m", experiment_id="1", run_id="b"),
        Finding("y", "breaks-run", "1/b/meta.yaml", "m", experiment_id="1", run_id="b"),
        Finding("z", "breaks-store", "1/meta.yaml", "m", experiment_id="1"),
    )
    snapshot = replace(snapshot, findings=findings)
    context = context_of(snapshot, {}, Facts(snapshot, make.NOW, Options()))
    protected = compile_expression(parse("protected"), context)
    assert [run.run_id for run in snapshot.all_runs() if protected(run)] == ["a", "c", "d"]
    by_child = compile_expression(parse("protected = parent"), context)
    assert [run.run_id for run in snapshot.all_runs() if by_child(run)] == ["d"]
    broken = compile_expression(parse("impact = breaks-run"), context)
    assert [run.run_id for run in snapshot.all_runs() if broken(run)] == ["b"]
    assert [run.run_id for run in snapshot.all_runs() if compile_expression(parse("impact"), context)(run)] == ["b"]


def test_a_run_known_to_be_empty_is_smaller_than_anything(make: Any) -> None:
    assert found(make, "size < 1 and files = 0", make.run(size=Size())) is True
    assert found(make, "idle > 1s or not idle > 1s", make.run(size=Size())) is True
