"""Names are completed where one is being typed, and nowhere else."""

from __future__ import annotations

import pytest

from mlruns_tui.model.values import ValueNames
from mlruns_tui.triage.expression import parse
from mlruns_tui.triage.expression.completing import completion

NAMES = ValueNames(("train_loss", "val loss", "val_auc", "val_loss"), ("lr", "lr decay", "\\x1bodd"), ("team",))


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("metrics.v", "al_auc"),
        ("metrics.val_l", "oss"),
        ("metrics.val_loss", ""),
        ("metrics.`val ", "loss`"),
        ('metrics."val ', 'loss"'),
        ("params.l", "r"),
        ("tags.", "team"),
        ("status = FAILED and (met", "rics."),
        ("si", "ze"),
        ("attributes.sta", "tus"),
        ("not pro", "tected"),
        ("", ""),
        ("metrics.val_loss <", ""),
        ("metrics.val_loss <0.", ""),
        ("params.model = 'si", ""),
        ("params.model = 'x' and si", "ze"),
        ("nothing.v", ""),
        ("metrics.zzz", ""),
        ("params.`\\", ""),
        ("a.b.c.d`\"'((", ""),
    ],
)
def test_the_end_of_the_text_is_completed(text: str, rest: str) -> None:
    assert completion(text, NAMES) == rest


@pytest.mark.parametrize("text", ["metrics.v", "metrics.`val ", "params.l", "tags.", "si", "attributes.run_n"])
def test_what_is_completed_is_an_expression(text: str) -> None:
    whole = text + completion(text, NAMES)
    assert parse(f"{whole} > 1" if "tags" not in whole and "run_n" not in whole else f"{whole} = 'x'")
