"""``cleanup`` by status, deletion, silence, rank and tag: the rules of the screen's menu, ending at the disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
ORPHAN = "617283940118264051"
VISION = [f"1{at:031x}" for at in range(3)]
TEXT = [f"2{at:031x}" for at in range(3)]
"""Ended 90, 60 and 1 days ago."""
FAILED, KILLED, SILENT = "a" * 32, "b" * 32, "c" * 32


def going(document: dict[str, Any]) -> set[str]:
    return {item["run_id"] or item["experiment_id"] for item in document["plan"]["items"]}


def there(store: Any) -> set[str]:
    """Names of all run and experiment folders of the store, ours aside."""
    top = {one.name for one in store.root.iterdir() if not one.name.startswith(".")}
    return top | {run.name for one in ("1", "2") for run in (store.root / one).iterdir() if run.is_dir()}


def edit(folder: Path, **fields: object) -> None:
    path = folder / "meta.yaml"
    lines = [line for line in path.read_text().splitlines() if line.partition(":")[0] not in fields]
    path.write_text("\n".join([*lines, *(f"{name}: {value}" for name, value in fields.items())]) + "\n")


def metric(store: Any, experiment: str, run_id: str, days: float, *values: float) -> None:
    folder = store.root / experiment / run_id
    lines = [f"{at} {value} {at}" for at, value in enumerate(values)]
    (folder / "metrics" / "val_loss").write_text("\n".join(lines) + "\n")
    store.age(folder, days)


@pytest.fixture
def busy(store: Any) -> Any:
    store.run("1", FAILED, "failed", 5, status=4)
    store.run("2", KILLED, "killed", 50, status=5)
    store.run("2", SILENT, "silent", 20, status=1)
    return store


def test_runs_that_ended_so_go_and_nothing_else(run: Run, busy: Any) -> None:
    before = there(busy)
    done = run("cleanup", busy.path, "--status", "failed, KILLED", "--force", "--json")
    assert done.code == 0
    assert {one["rule"]: one["reason"] for one in done.json["plan"]["items"]} == {
        "failed": "failed",
        "killed": "killed",
    }
    assert before - there(busy) == {FAILED, KILLED}
    assert run("undo", busy.path).code == 0
    assert there(busy) == before


def test_status_and_age_narrow_each_other(run: Run, busy: Any) -> None:
    words = ["cleanup", busy.path, "--days-old", "30", "--dry-run", "--json"]
    assert going(run(*words, "--status", "killed").json) == {KILLED}
    assert going(run(*words, "--status", "failed").json) == set()
    assert going(run(*words, "--status", "finished").json) == {*VISION[:2], *TEXT[:2]}
    assert going(run(*words, "--status", "killed", "--orphans").json) == {KILLED, ORPHAN}
    assert going(run(*words, "--status", "killed", "--where", "metrics.loss > 1").json) == set()


def test_silent_runs_go_although_they_say_running(run: Run, busy: Any) -> None:
    assert going(run("cleanup", busy.path, "--stale-running", "30", "--dry-run", "--json").json) == set()
    done = run("cleanup", busy.path, "--stale-running", "14", "--force", "--json")
    assert [one["rule"] for one in done.json["plan"]["items"]] == ["stale-running"]
    assert SILENT not in there(busy)


def test_both_silent_and_failed_may_be_asked_for(run: Run, busy: Any) -> None:
    words = ["cleanup", busy.path, "--stale-running", "14", "--status", "failed", "--dry-run", "--json"]
    assert going(run(*words).json) == {SILENT, FAILED}
    assert going(run(*words, "--experiment", "1").json) == {FAILED}


class TestDeleted:
    @pytest.fixture
    def deleted(self, busy: Any) -> Any:
        now = int(busy.now * 1000)
        for run_id, days in ((VISION[0], 3), (VISION[1], 40)):
            edit(busy.root / "1" / run_id, lifecycle_stage="deleted", deleted_time=now - days * 86_400_000)
            busy.age(busy.root / "1" / run_id, days)
        busy.experiment(".trash/7", "gone")
        edit(
            busy.root / ".trash" / "7",
            experiment_id="'7'",
            lifecycle_stage="deleted",
            last_update_time=now - 40 * 86_400_000,
        )
        busy.age(busy.root / ".trash" / "7", 40)
        return busy

    def test_runs_and_experiments_that_mlflow_deleted_go(self, run: Run, deleted: Any) -> None:
        done = run("cleanup", deleted.path, "--deleted", "--force", "--json")
        assert going(done.json) == {"7", VISION[0], VISION[1]}
        assert not (deleted.root / ".trash" / "7").exists()
        assert {VISION[2], ORPHAN, FAILED} <= there(deleted)

    def test_their_age_counts_from_the_deletion(self, run: Run, deleted: Any) -> None:
        words = ["cleanup", deleted.path, "--deleted", "--days-old", "30", "--no-orphans", "--dry-run", "--json"]
        assert going(run(*words).json) == {"7", VISION[1]}

    def test_status_run_and_expression_leave_experiments_alone(self, run: Run, deleted: Any) -> None:
        words = ["cleanup", deleted.path, "--deleted", "--dry-run", "--json"]
        assert going(run(*words, "--status", "finished").json) == {VISION[0], VISION[1]}
        assert going(run(*words, "--run", VISION[1]).json) == {VISION[1]}
        assert "7" not in going(run(*words, "--where", "metrics.loss < 1").json)


class TestKeeping:
    def test_the_last_of_each_experiment_stay_and_that_is_said(self, run: Run, store: Any) -> None:
        words = ["cleanup", store.path, "--days-old", "30"]
        done = run(*words, "--keep-last", "2", "--dry-run", "--json").json
        assert going(done) == {ORPHAN, VISION[0], TEXT[0]}
        assert "2 runs stay: among the last 2 of their experiment" in done["messages"]
        text = run(*words, "--keep-last", "2", "--force")
        assert text.code == 0 and "2 runs stay: among the last 2 of their experiment" in text.out
        assert {VISION[1], TEXT[1]} <= there(store) and VISION[0] not in there(store)

    def test_alone_all_the_others_go_and_no_orphan(self, run: Run, store: Any) -> None:
        done = run("cleanup", store.path, "--keep-last", "1", "--experiment", "vision", "--force", "--json")
        assert going(done.json) == {VISION[0], VISION[1]}
        assert {ORPHAN, VISION[2], *TEXT} <= there(store)

    def test_the_best_stay_at_the_end_that_was_said(self, run: Run, store: Any) -> None:
        # The last value counts, as MLflow means it: the first run ends worst.
        metric(store, "1", VISION[0], 90, 0.1, 0.9)
        metric(store, "1", VISION[1], 60, 0.5)
        metric(store, "1", VISION[2], 1, 0.7)
        words = ["cleanup", store.path, "--experiment", "1", "--dry-run", "--json"]
        assert going(run(*words, "--keep-best", "1:val_loss:min").json) == {VISION[0], VISION[2]}
        assert going(run(*words, "--keep-best", "1:val_loss:max").json) == {VISION[1], VISION[2]}
        both = run(*words, "--keep-best", "1:val_loss:min", "--keep-best", "1:val_loss:max")
        assert going(both.json) == {VISION[2]}
        narrowed = run(*words, "--days-old", "30", "--keep-best", "1:val_loss:min")
        assert going(narrowed.json) == {VISION[0]}

    def test_a_metric_that_cannot_be_read_keeps_its_run(self, run: Run, store: Any) -> None:
        metric(store, "1", VISION[1], 60, 0.5)
        (store.root / "1" / VISION[0] / "metrics" / "val_loss").write_text("nonsense\n")
        store.age(store.root / "1" / VISION[0], 90)
        words = ["cleanup", store.path, "--days-old", "30", "--no-orphans", "--keep-best", "1:val_loss:min"]
        done = run(*words, "--experiment", "1", "--dry-run", "--json")
        assert going(done.json) == set()

    def test_a_metric_nobody_has_is_refused_and_nothing_goes(self, run: Run, store: Any) -> None:
        before = there(store)
        done = run("cleanup", store.path, "--days-old", "30", "--keep-best", "3:val_los:min", "--force")
        assert done.code == 2
        assert "no run here has the metric val_los; nothing was changed" in done.err
        assert there(store) == before

    @pytest.mark.parametrize(
        ("tag", "stays"), [("stage", True), ("stage=prod", True), ("stage=dev", False), ("no", False)]
    )
    def test_a_tag_keeps_by_name_or_by_value(self, run: Run, store: Any, tag: str, stays: bool) -> None:
        store.run("1", FAILED, "tagged", 70, stage="prod")
        done = run("cleanup", store.path, "--days-old", "30", "--keep-tag", tag, "--force", "--json").json
        assert (FAILED in there(store)) is stays
        refused = {one["run_id"]: one["protected"] for one in done["plan"]["refused"]}
        if stays:
            assert refused[FAILED] == [{"kind": "keep-tag", "reason": "tagged stage = prod"}]
        assert VISION[0] not in there(store)

    def test_a_tag_that_cannot_be_read_keeps(self, run: Run, store: Any) -> None:
        folder = store.run("1", FAILED, "odd", 70)
        (folder / "tags" / "stage").write_bytes(b"\xff\xfe")
        store.age(folder, 70)
        run("cleanup", store.path, "--days-old", "30", "--keep-tag", "stage=prod", "--force")
        assert FAILED in there(store)

    def test_a_kept_child_keeps_its_parent(self, run: Run, store: Any) -> None:
        store.run("1", FAILED, "parent", 70)
        store.run("1", KILLED, "child", 70, stage="prod", **{"mlflow.parentRunId": FAILED})
        run("cleanup", store.path, "--days-old", "30", "--keep-tag", "stage", "--force")
        assert {FAILED, KILLED} <= there(store)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--status", "running"], "--stale-running DAYS asks for those"),
        (["--status", ""], "is not finished, failed or killed"),
        (["--stale-running", "0"], "0"),
        (["--keep-last", "0"], "0"),
        (["--keep-best", "val_loss"], "does not begin with a number"),
        (["--keep-best", "0:val_loss:min"], "does not begin with a number"),
        (["--keep-best", "3:val_loss"], "is not N:METRIC:min or N:METRIC:max"),
        (["--keep-best", "3::min"], "is not N:METRIC:min or N:METRIC:max"),
        (["--keep-best", "9" * 5000 + ":m:min"], "does not begin with a number"),
        (["--keep-best", "³:m:min"], "does not begin with a number"),
        (["--keep-tag", "=x"], "a tag has a name"),
        (["--keep-tag", "x", "--unsafe-keep-tag"], "contradict each other"),
        (["--experiment", "1", "--keep-tag", "x"], "nothing is asked for"),
        (["--keep-last", "1", "--experiment", "nowhere"], "no experiment here is named nowhere"),
    ],
)
def test_what_makes_no_sense_is_said_and_changes_nothing(run: Run, store: Any, words: list[str], said: str) -> None:
    before = there(store)
    done = run("cleanup", store.path, *words, "--force")
    assert done.code == 2
    assert said in done.err
    assert there(store) == before


def test_metrics_with_colons_can_be_named(run: Run, store: Any) -> None:
    for run_id, value in zip(VISION, ("3", "1", "2"), strict=True):
        (store.root / "1" / run_id / "metrics" / "eval:loss").write_text(f"1 {value} 1\n")
        store.age(store.root / "1" / run_id, 60)
    words = ["cleanup", store.path, "--experiment", "1", "--keep-best", "2:eval:loss:min", "--dry-run", "--json"]
    assert going(run(*words).json) == {VISION[0]}


def test_the_menu_of_the_screen_marks_what_the_command_takes(run: Run, busy: Any) -> None:
    from mlruns_tui.scanner.store import open_store
    from mlruns_tui.triage.protection import Facts, Options
    from mlruns_tui.tui.marking import rule_figures
    from mlruns_tui.tui.rule_menu import Entry, Known, rule_of

    reader = open_store(busy.path)
    *_, snapshot = reader.scan()
    facts = Facts(snapshot, int(busy.now * 1000), Options())
    pairs: list[tuple[Entry, list[str]]] = [
        (Entry("old", 30), ["--days-old", "30", "--no-orphans"]),
        (Entry("failed"), ["--status", "failed"]),
        (Entry("killed"), ["--status", "killed"]),
        (Entry("stale-running", 7), ["--stale-running", "7"]),
        (Entry("deleted"), ["--deleted"]),
        (Entry("all-but-last", 2), ["--keep-last", "2"]),
        (Entry("orphaned"), []),
    ]
    for entry, words in pairs:
        rule = rule_of(entry, Known(complete=True))
        assert rule is not None
        wanted = {key.rpartition("/")[2] for key in rule_figures(facts, rule).keys}
        assert going(run("cleanup", busy.path, *words, "--dry-run", "--json").json) == wanted, entry.id
