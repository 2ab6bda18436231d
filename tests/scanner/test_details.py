"""Everything one run holds, bounded whatever somebody put there."""

from __future__ import annotations

import math
import os

import pytest

from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.scanner import details as details_module
from mlruns_tui.scanner import metrics
from mlruns_tui.scanner import one_run as one_run_module
from mlruns_tui.scanner.metrics import MAX_POINTS, parse_line, thinned
from mlruns_tui.scanner.store import open_store


@pytest.fixture
def one_run(store, run_ids):
    store.experiment("1")
    path = store.run("1", 1)
    return path, f"experiment/1/run/{run_ids(1)}"


def show(store, key):
    return open_store(str(store.root)).details(key)


def metric(found, name):
    return next(one for one in found.metrics if one.name == name)


def test_params_tags_and_artifacts(store, one_run):
    path, key = one_run
    store.write(f"{path}/params/opt/betas/b1", "0.9")
    store.write(f"{path}/params/empty", "")
    store.write(f"{path}/params/many lines", "a\nb")
    store.write(f"{path}/params/binary", b"\xff\x1b[31m")
    store.write(f"{path}/tags/mlflow.source.name", "train.py")
    store.write(f"{path}/tags/mlflow.source.git.commit", "4f9b2ce")
    store.write(f"{path}/artifacts/deep/er/big.bin", b"x" * 5000)
    (store.root / path / "artifacts" / "link").symlink_to("/etc/passwd")
    found = show(store, key)
    assert found.key == key
    assert found.params == (
        ("binary", "\\xff\\x1b[31m"), ("empty", ""), ("lr", "0.1"), ("many lines", "a\\nb"), ("opt/betas/b1", "0.9"),
    )  # fmt: skip
    assert dict(found.tags)["mlflow.user"] == "alice"
    assert (found.source, found.commit) == ("train.py", "4f9b2ce")
    assert found.artifact_uri == f"{store.uri}/{path}/artifacts"
    assert [(one.path, one.size_bytes, one.files, one.is_dir, one.link) for one in found.artifacts] == [
        ("deep", 5000, 1, True, ""),
        ("deep/er", 5000, 1, True, ""),
        ("deep/er/big.bin", 5000, 1, False, ""),
        ("model.bin", 100, 1, False, ""),
        ("link", 0, 0, False, "/etc/passwd"),
    ]
    assert found.messages == ()


def test_a_metric_with_all_its_kinds_of_lines(store, one_run):
    path, key = one_run
    lines = [
        "10 0.5 0",
        "20 nan 1",
        "30 -inf 2",
        "40 0.25",
        "50 2e3 4 train abc",
        "60 inf 5",
        "nonsense",
        "70 1 2 3",
        "",
    ]
    store.write(f"{path}/metrics/train/loss", "\n".join(lines) + "\n")
    found = metric(show(store, key), "train/loss")
    assert found.error == "3 lines cannot be read, first line 7"
    assert found.count == 6
    assert (found.last, found.lowest, found.highest, found.lowest_step, found.highest_step) == (
        math.inf,
        0.25,
        2000,
        0,
        4,
    )
    assert repr(found.points) == repr(
        ((0, 10, 0.5), (1, 20, math.nan), (2, 30, -math.inf), (0, 40, 0.25), (4, 50, 2000.0), (5, 60, math.inf))
    )


@pytest.mark.parametrize(
    ("content", "count", "error"),
    [
        (b"", 0, "is empty"),
        (b"1 2 3", 1, ""),
        (b"\xff\xfe\x00\n1 2 3\n", 1, "1 line cannot be read, first line 1"),
        (b"1 2 3\n" + b"9" * 5_000_000 + b"\n4 5 6\n", 2, "1 line cannot be read, first line 2"),
        (b"1 2 3 train set abc\n", 0, "1 line cannot be read, first line 1"),
        (b"1 2 " + b"9" * 30 + b"\n", 0, "1 line cannot be read, first line 1"),
    ],
)
def test_a_metric_file_of_any_content(store, one_run, content, count, error):
    path, key = one_run
    store.write(f"{path}/metrics/odd", content)
    found = metric(show(store, key), "odd")
    assert (found.count, found.error) == (count, error)


@pytest.mark.parametrize(
    ("line", "point"),
    [(b"1 2 3", (3, 1, 2.0)), (b"1 2", (0, 1, 2.0)), (b" 1 2 3 \r", (3, 1, 2.0)), (b"1 2 3 d e", (3, 1, 2.0)),
     (b"1 2 3 4", None), (b"1", None), (b"", None), (b"1  2", None), (b"a b c", None), (b"1.5 2 3", None)],
)  # fmt: skip
def test_a_line_of_a_metric(line, point):
    assert parse_line(line) == point


def test_a_long_metric_is_thinned_and_keeps_its_extremes(store, one_run):
    path, key = one_run
    values = [math.sin(step / 500) for step in range(50_000)]
    values[31_234], values[12_345] = 99.0, -99.0
    store.write(f"{path}/metrics/long", "".join(f"{step} {value} {step}\n" for step, value in enumerate(values)))
    found = metric(show(store, key), "long")
    assert (found.count, found.lowest_step, found.highest_step) == (50_000, 12_345, 31_234)
    assert MAX_POINTS // 2 < len(found.points) <= MAX_POINTS
    assert {(12_345, 12_345, -99.0), (31_234, 31_234, 99.0)} <= set(found.points)
    assert found.points[0][0] == 0
    assert found.points[-1][0] == 49_999
    assert [point[0] for point in found.points] == sorted(point[0] for point in found.points)


def test_thinning_survives_points_that_are_no_numbers():
    points = [(step, step, math.nan) for step in range(100)]
    assert len(thinned(points, 10)) <= 10
    assert thinned(points[:5], 10) == points[:5]


def test_only_so_much_is_read(store, one_run, monkeypatch):
    path, key = one_run
    line = "1 2 3\n"
    store.write(f"{path}/metrics/large", line * 400_000)
    store.write(f"{path}/metrics/larger", line * 400_000)
    monkeypatch.setattr(metrics, "MAX_READ", 1 << 20)
    monkeypatch.setattr(details_module, "MAX_METRIC_BYTES", 1 << 20)
    monkeypatch.setattr(details_module, "MAX_NAMES", 3)
    monkeypatch.setattr(details_module, "MAX_ARTIFACTS", 2)
    monkeypatch.setattr(one_run_module, "MAX_S", 600.0)
    for number in range(5):
        store.write(f"{path}/params/p{number}", "x")
        store.write(f"{path}/artifacts/a{number}", "x" * number)
    found = show(store, key)
    assert metric(found, "large").error == "only its first 1 MiB were read"
    assert 170_000 < metric(found, "large").count < 180_000
    assert "not read" in metric(found, "loss").error
    assert len(found.params) == 3
    assert [one.path for one in found.artifacts] == ["model.bin", "a4"]
    assert found.messages == (
        "params: only the first 3 are shown", "artifacts: the largest 2 of 6 are shown",
    )  # fmt: skip


def test_what_is_broken_is_said_and_the_rest_shown(store, one_run):
    path, key = one_run
    store.write(f"{path}/meta.yaml", "")
    os.mkfifo(store.root / path / "params" / "fifo")
    os.mkfifo(store.root / path / "metrics" / "fifo")
    (store.root / path / "tags" / "link").symlink_to("/etc/passwd")
    found = show(store, key)
    assert found.params == (("lr", "0.1"),)
    assert found.tags == (("mlflow.user", "alice"),)
    assert metric(found, "fifo").error == "is not a regular file"
    assert metric(found, "loss").count == 2
    assert found.messages == (
        "meta.yaml is empty (0 bytes)",
        "params/fifo cannot be read: not a regular file",
        "tags/link cannot be read: a symbolic link",
    )


def test_a_run_with_nothing_in_it_has_nothing(store, run_ids):
    store.experiment("1")
    store.folder(f"1/{run_ids(1)}")
    found = show(store, f"experiment/1/run/{run_ids(1)}")
    assert (found.params, found.tags, found.metrics, found.artifacts) == ((), (), (), ())
    assert found.messages == ("meta.yaml is missing",)


@pytest.mark.parametrize("key", ["experiment/1/run/gone", "experiment/1", "nonsense", "stray/1/run/x", "trash/1/run/x"])
def test_a_run_that_is_not_there_is_said(store, one_run, key):
    with pytest.raises(MlrunsError) as raised:
        show(store, key)
    assert raised.value.code == "no-such-run"


def test_a_runs_rows_are_shown_from_the_database(store, database, run_ids):
    database.experiment(1)
    database.run(1, 1)
    database.run(1, 2)
    database.insert("params", key="lr", value="0.1", run_uuid=run_ids(1))
    database.insert("tags", key="mlflow.source.name", value="train.py", run_uuid=run_ids(1))
    rows = [(0.5, 1, 0, 0), (0.0, 2, 1, 1), (1.7976931348623157e308, 3, 2, 0), (-1.7976931348623157e308, 4, 3, 0)]
    for value, time, step, nan in rows:
        database.insert("metrics", key="loss", value=value, timestamp=time, run_uuid=run_ids(1), step=step, is_nan=nan)
    store.write(f"1/{run_ids(1)}/artifacts/model.bin", b"x" * 7)
    for scanned in (False, True):
        reader = open_store(str(store.root))
        if scanned:
            for _ in reader.scan():
                pass
        found = reader.details(f"experiment/1/run/{run_ids(1)}")
        assert found.params == (("lr", "0.1"),)
        assert found.source == "train.py"
        (loss,) = found.metrics
        assert repr(loss.points) == repr(((0, 1, 0.5), (1, 2, math.nan), (2, 3, math.inf), (3, 4, -math.inf)))
        assert [(one.path, one.size_bytes) for one in found.artifacts] == [("model.bin", 7)]
        assert reader.details(f"experiment/1/run/{run_ids(2)}").artifacts == ()
        with pytest.raises(MlrunsError):
            reader.details(f"experiment/1/run/{run_ids(3)}")


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("{store}/1/{run}/artifacts", ""),
        ("{plain}/1/{run}/artifacts", ""),
        ("./mlruns/1/{run}/artifacts", ""),
        ("", ""),
        ("mlflow-artifacts:/1/{run}/artifacts", "its artifacts are kept by a tracking server; shown is what is in this store"),
        (
            "file:///data/original/mlruns/1/{run}/artifacts",
            "its metadata names the place this store was copied or moved from, "
            "file:///data/original/mlruns/1/{run}/artifacts: that is never followed",
        ),
        (
            "s3://key:secret@bucket/x",
            "its artifacts are elsewhere, s3://key:…@bucket/x: not followed, not counted, and they stay when the run goes",
        ),
        (
            "file:///data/outside/{run}/artifacts",
            "its artifacts are elsewhere, file:///data/outside/{run}/artifacts: "
            "not followed, not counted, and they stay when the run goes",
        ),
        ("mlflow-artifacts:/7/other/artifacts", "its artifacts are elsewhere, mlflow-artifacts:/7/other/artifacts: not followed, not counted, and they stay when the run goes"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["", ".trash/"])
def test_artifacts_that_are_not_here_are_said_and_not_followed(store, run_ids, uri, said, place):
    values = {"store": store.uri, "plain": store.root, "run": run_ids(1)}
    store.experiment("2")
    store.experiment("1", place.rstrip("/")) if place else store.experiment("1")
    store.run(f"{place}1", 1, artifact_uri=uri.format(**values))
    key = f"{'trash' if place else 'experiment'}/1/run/{run_ids(1)}"
    expected = [said.format(**values)] if said else []
    assert [one for one in show(store, key).messages if "meta" in one or "artifacts" in one] == expected
