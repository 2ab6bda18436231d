"""Exact values, and no formula a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import pytest

from mlruns_tui.model.store import Identity, Run, Size, Snapshot, StoreInfo
from mlruns_tui.model.values import RunValues
from mlruns_tui.report.exporting import csv_pieces, json_pieces
from mlruns_tui.report.schemas import SCHEMAS

RUN = Run("7", "a" * 32, name="one", status="FAILED", user_id="bob", start_time=1_000, end_time=62_500, path="7/a",
          size=Size(1234, 4096, 3, 5_000_000_000))  # fmt: skip


def table(run: Run, columns: list[str], values: RunValues | None = None) -> dict[str, str]:
    data = b"".join(csv_pieces([run], columns, {} if values is None else {run.key: values}, {}, 65_000))
    (row,) = csv.DictReader(io.StringIO(data.decode(), newline=""))
    return row


def test_sizes_are_bytes_times_iso_and_durations_seconds() -> None:
    row = table(RUN, ["size", "started", "ended", "age", "idle", "duration", "files", "status", "id"])
    assert row == {
        "experiment_id": "7", "run_id": "a" * 32, "name": "one", "size_bytes": "1234", "files": "3",
        "start_time": "1970-01-01T00:00:01.000Z", "end_time": "1970-01-01T00:01:02.500Z", "age_seconds": "2.5",
        "idle_seconds": "60.0", "duration_seconds": "61.5", "status": "FAILED",
    }  # fmt: skip


def test_what_is_not_known_is_empty() -> None:
    row = table(replace(RUN, size=None, end_time=None), ["size", "ended", "metrics.a"])
    assert (row["size_bytes"], row["end_time"], row["metrics.a"]) == ("", "", "")


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\tx", "\r=x", "-"])
def test_a_text_that_would_be_a_formula_is_text(text: str) -> None:
    assert table(replace(RUN, name=text), [])["name"] == "'" + text
    assert table(RUN, ["params.p"], RunValues(RUN.key, params={"p": text}))["params.p"] == "'" + text


@pytest.mark.parametrize("text", ["-0.5", "+3", "-1e-5", "0.1", "a=b", "two\nlines", 'quote "x", y', "", "이탈예측"])
def test_numbers_and_other_texts_are_as_they_are(text: str) -> None:
    assert table(RUN, ["params.p"], RunValues(RUN.key, params={"p": text}))["params.p"] == text


def test_metrics_have_every_digit_and_a_negative_one_is_no_text() -> None:
    values = RunValues(RUN.key, metrics={"a": 0.1 + 0.2, "b": -1.5, "c": float("nan"), "d": float("-inf")})
    row = table(RUN, ["metrics.a", "metrics.b", "metrics.c", "metrics.d"], values)
    assert [row[f"metrics.{one}"] for one in "abcd"] == ["0.30000000000000004", "-1.5", "nan", "-inf"]


def test_bytes_that_are_no_utf8_are_escaped() -> None:
    assert table(replace(RUN, name="\udcff"), [])["name"] == "\\xff"


def test_json_keeps_types_and_has_no_number_json_lacks(check: Any) -> None:
    snapshot = Snapshot(StoreInfo("/s", "/s", "file", Identity(1, 2)))
    values = RunValues(RUN.key, metrics={"a": 0.5, "b": float("nan")}, params={"p": "=1"})
    columns = ["size", "metrics.a", "metrics.b", "params.p", "metrics.none"]
    pieces: Any = json_pieces(snapshot, [], [RUN], columns, {RUN.key: values}, {}, {}, 65_000)
    document = json.loads(b"".join(pieces))
    assert document["runs"][0]["values"] == {
        "size_bytes": 1234, "metrics.a": 0.5, "metrics.b": "nan", "params.p": "=1", "metrics.none": None,
    }  # fmt: skip
    assert document["runs"][0]["size_bytes"] == 1234
    assert document["columns"] == ["size_bytes", "metrics.a", "metrics.b", "params.p", "metrics.none"]
    check(document)
    fields = SCHEMAS["list"]["properties"]
    assert "columns" in fields and "values" in fields["runs"]["items"]["properties"]
    assert not {"columns", "runs"} & set(SCHEMAS["list"]["required"]), "list itself has none"
