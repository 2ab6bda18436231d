"""Modification times: a store written now looks as if it had been written over two years."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DAY = 86_400_000


def mtimes(top):
    """Of everything in a tree, the top included, in milliseconds."""
    found = {str(top): os.lstat(top).st_mtime_ns // 1_000_000}
    for base, folders, files in os.walk(top):
        for name in (*folders, *files):
            path = os.path.join(base, name)
            found[path] = os.lstat(path).st_mtime_ns // 1_000_000
    return found


@pytest.fixture(scope="module")
def times(demo):
    return mtimes(demo.root)


def test_nothing_is_newer_than_now(demo, times):
    newest = max(times, key=times.__getitem__)
    assert times[newest] <= demo.now_ms, newest


def test_everything_in_an_old_run_is_as_old_as_its_end(demo, on_disk):
    for run_id in (*demo.old_run_ids, *demo.protected):
        run = on_disk.runs[run_id]
        found = mtimes(run.path)
        latest = run.meta["end_time"] or run.meta["start_time"] + DAY
        # A tag set by hand may come an hour after the end.
        assert max(found.values()) <= latest + 3_600_000, run.path
        assert min(found.values()) >= run.meta["start_time"]
        assert demo.now_ms - max(found.values()) > 30 * DAY


def test_a_run_was_written_between_its_start_and_its_last_change(on_disk, demo):
    for run in on_disk.runs.values():
        end = run.meta["end_time"]
        last = run.meta.get("deleted_time") or end or demo.now_ms
        for path, mtime in mtimes(run.path).items():
            late = path.endswith("/tags") or "/tags/" in path
            assert run.meta["start_time"] <= mtime <= last + (3_600_000 if late else 0), path


def test_metadata_was_last_written_at_the_end_or_when_deleted(on_disk):
    for run in on_disk.runs.values():
        last = run.meta.get("deleted_time") or run.meta["end_time"] or run.meta["start_time"]
        assert (run.path / "meta.yaml").stat().st_mtime_ns == last * 1_000_000


def test_a_metric_file_is_as_old_as_its_last_point(on_disk):
    for run in list(on_disk.runs.values())[::20]:
        for base, _, files in os.walk(run.path / "metrics"):
            for name in files:
                path = Path(base, name)
                last = path.read_text().splitlines()[-1].split(" ")[0]
                assert path.stat().st_mtime_ns // 1_000_000 == int(last)


def test_orphans_have_been_quiet_for_41_and_203_days(demo):
    quiet = [(demo.now_ms - max(mtimes(Path(demo.root, one)).values())) / DAY for one in demo.orphan_ids]
    assert quiet == [41.0, 203.0]


def test_only_the_live_run_was_written_to_just_now(demo, on_disk):
    fresh = {
        run_id
        for run_id, run in on_disk.runs.items()
        if run.meta["status"] == 1 and demo.now_ms - max(mtimes(run.path).values()) < 3_600_000
    }
    assert fresh == {demo.live_run_id}
    newest = max(mtimes(on_disk.runs[demo.live_run_id].path).values())
    assert demo.now_ms - newest < 60_000


def test_an_experiments_directory_is_as_new_as_its_newest_run(demo, on_disk):
    for experiment_id, meta in on_disk.experiments.items():
        if meta:
            starts = [run.meta["start_time"] for run in on_disk.runs.values() if run.experiment_id == experiment_id]
            assert Path(demo.root, experiment_id).stat().st_mtime_ns // 1_000_000 >= max(starts)


def test_the_root_is_not_as_new_as_the_writing(demo, times):
    assert demo.now_ms - times[demo.root] > DAY
