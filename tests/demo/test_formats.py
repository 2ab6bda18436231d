"""The files are what MLflow's own writer would have made of the same values."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from mlruns_tui.demo import curves, formats
from mlruns_tui.demo.values import Curve

DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def dumped(values):
    return yaml.dump(values, Dumper=DUMPER, default_flow_style=False, allow_unicode=True, sort_keys=True).encode()


@pytest.mark.parametrize(
    "value",
    [
        "0",
        "635247712150100981",
        "12345678901234567890123456789012",
        "12e45678901234567890123456789012",
        "1e456789012345678901234567890123",
        "0b010101010101010101010101010101",
        "0b0101010101010101010101010101ab",
        "0777777777777777777777777777777a",
        "d571418a95994c838271f4d07e28ef7e",
        "m-6b6e3e1c61134a7ebb6e51502438788c",
        "",
        "no",
        "null",
        "False",
        "~",
        "bob",
        "1.5e+3",
        "12:30:45",
        "2026-11-22",
        "file:///data/mlruns/0",
        "file:///a%20b/%EC%8B%A4/0/",
        "file:///a~b",
        "models:/m-6b6e3e1c61134a7ebb6e51502438788c",
        "lr[0.1]",
        "[bold]not markup[/bold]",
        "sft [/] no system prompt",
        "key: value # not a comment",
        "🔥 best so far",
        "이탈예측-최종-수정2",
        " leading and trailing ",
        "two\nlines",
        "tab\there",
        'sst2 + "quotes" & <tags>',
        "'single'",
        "a long text of many words " * 12,
        "lgbm {no smote}",
        "100% data, no mixup",
        "ctx1024 / rope?",
        None,
        0,
        1795377393611,
        True,
        {},
        [],
        {"b": "2", "a": {"c": None}},
    ],
)
def test_a_value_is_written_as_pyyaml_writes_it(value):
    assert formats.dump({"name": value, "a_key": 1}) == dumped({"name": value, "a_key": 1})


def test_every_yaml_file_of_the_store_is_a_fixed_point_of_pyyaml(demo):
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    files = [path for path in Path(demo.root).rglob("*.yaml") if path.name != "config.yaml"]
    assert len(files) > 1293
    for path in files:
        data = path.read_bytes()
        assert dumped(yaml.load(data, Loader=loader)) == data, path


def test_only_deleted_runs_have_a_deletion_time(on_disk):
    for run in on_disk.runs.values():
        assert ("deleted_time" in run.meta) == (run.meta["lifecycle_stage"] == "deleted")


def test_uris_are_percent_encoded(demo, on_disk):
    assert " " in demo.root
    for run in on_disk.runs.values():
        uri = run.meta["artifact_uri"]
        assert uri.isascii()
        assert uri.startswith(Path(demo.root).as_uri() + "/")
        assert uri.endswith(f"/{run.run_id}/artifacts")


def curve(**changes):
    given = {
        "name": "loss", "shape": "settle", "first": 2.0, "last": 0.5, "wobble": 0.01, "points": 40, "every": 5,
        "begin_ms": 1_000, "end_ms": 40_000, "noise_at": 3,
    }  # fmt: skip
    return Curve(**(given | changes))


def points(curve):
    return [line.split(" ") for line in curves.render(curve).decode().splitlines()]


def test_a_metric_line_is_time_value_step():
    lines = points(curve())
    assert len(lines) == 40
    assert [int(step) for _, _, step in lines] == list(range(0, 200, 5))
    times = [int(time) for time, _, _ in lines]
    assert times == sorted(times)
    assert (times[0], times[-1]) == (1_000, 40_000)


def test_a_loss_falls_fast_and_settles():
    values = [float(value) for _, value, _ in points(curve())]
    assert abs(values[0] - 2.0) < 0.1
    assert values[0] - values[10] > 3 * abs(values[29] - values[39])
    assert abs(values[-1] - 0.5) < 0.1


def test_a_curve_that_diverges_ends_in_nan():
    values = [value for _, value, _ in points(curve(diverges=True))]
    assert values[-4:] == ["nan"] * 4
    assert "nan" not in values[:-4]


def test_a_single_point_is_the_last_value():
    assert points(curve(points=1, wobble=0.0, shape="cosine")) == [["1000", "0.5", "0"]]


def test_points_measured_on_a_dataset_name_it():
    assert points(curve(points=2, dataset=("coco", "abc")))[1][3:] == ["coco", "abc"]


def test_some_metrics_of_the_store_name_their_dataset(demo, on_disk):
    runs = [run for run in on_disk.runs.values() if run.experiment_id == demo.experiment_ids["detr-coco"]]
    named = [run for run in runs if (run.path / "inputs").exists()]
    assert named
    for run in runs:
        fields = {len(line.split(" ")) for line in (run.path / "metrics/map").read_text().splitlines()}
        assert fields == ({5} if run in named else {3})
