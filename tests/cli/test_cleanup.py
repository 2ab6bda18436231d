"""``cleanup`` and ``undo``: what is asked, what is done, and the exit code that says so."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.model.batch import ApplyEvent, Batch, BatchItem
from mlruns_tui.model.errors import DamagedError, LockedError, StaleError

Run = Callable[..., Any]
ORPHAN = "617283940118264051"


def removed(document: dict[str, Any]) -> set[str]:
    items = document["result"]["items"] if document.get("result") else document["plan"]["items"]
    return {item["run_id"] or item["experiment_id"] for item in items}


def test_orphans_go_on_their_own_and_old_runs_where_asked(run: Run, store: Any) -> None:
    assert removed(run("cleanup", store.path, "--dry-run", "--json").json) == {ORPHAN}
    old = run("cleanup", store.path, "--days-old", "30", "--dry-run", "--json").json
    assert removed(old) == {ORPHAN, *store.old_runs()}
    runs = run("cleanup", store.path, "--days-old", "30", "--no-orphans", "--dry-run", "--json").json
    assert removed(runs) == set(store.old_runs())


def test_cleanup_moves_and_undo_brings_every_byte_back(
    run: Run, store: Any, copy_of: Callable[[Path], Path], same: Callable[[Path, Path], bool]
) -> None:
    before = copy_of(store.root)
    done = run("cleanup", store.path, "--days-old", "30", "--force")
    assert done.code == 0
    assert "4 runs and 1 experiment go to a backup: " in done.out
    assert "4 runs and 1 experiment moved to a backup, " in done.out
    assert f"Undo: mlruns-tui undo {store.path}" in done.out
    assert "No disk space is freed yet" in done.out
    assert not (store.root / ORPHAN).exists()
    assert len(list((store.root / "1").iterdir())) == 2
    undone = run("undo", store.path)
    assert undone.code == 0
    assert "4 runs and 1 experiment are back, every byte and date as before." in undone.out
    assert same(before, store.root)


def test_the_document_says_what_was_done(run: Run, store: Any) -> None:
    document = run("cleanup", store.path, "--days-old", "30", "--force", "--json").json
    result = document["result"]
    assert document["dry_run"] is False
    assert {item["outcome"] for item in result["items"]} == {"done"}
    assert (result["total_deleted_experiments"], result["deleted_runs_count"]) == (1, 4)
    assert result["totals"]["freed_bytes"] == 0
    assert result["totals"]["moved_bytes"] > 0
    assert all(os.path.isdir(store.root / item["now_at"]) for item in result["items"])
    assert result["undo_command"] == f"mlruns-tui undo {store.path}"


def test_nothing_to_do_is_success(run: Run, store: Any) -> None:
    run("cleanup", store.path, "--days-old", "30", "--force")
    again = run("cleanup", store.path, "--days-old", "30", "--force")
    assert again.code == 0
    assert "Nothing to remove." in again.out
    quiet = run("cleanup", store.path, "--days-old", "30", "--force", "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")


def test_what_is_needed_stays_with_the_reason(run: Run, store: Any) -> None:
    store.run("1", "c" * 32, "paper", 80, keep="paper")
    store.run("2", "d" * 32, "alive", 70, status=1)
    done = run("cleanup", store.path, "--days-old", "30", "--no-orphans", "--force", "--json")
    refused = {item["run_id"]: item["protected"] for item in done.json["plan"]["refused"]}
    assert refused["c" * 32][0]["kind"] == "keep-tag"
    assert "paper" in refused["c" * 32][0]["reason"]
    assert refused["d" * 32][0]["kind"] == "running"
    text = run("cleanup", store.path, "--days-old", "30", "--force")
    assert text.code == 0
    assert "stays (2)" in text.out
    assert (store.root / "1" / ("c" * 32)).is_dir()


def test_an_unsafe_option_lifts_the_one_protection_it_names(run: Run, store: Any) -> None:
    store.run("1", "c" * 32, "paper", 80, keep="paper")
    store.run("2", "d" * 32, "alive", 70, status=1)
    words = ["cleanup", store.path, "--days-old", "30", "--no-orphans", "--dry-run", "--json"]
    assert "c" * 32 in removed(run(*words, "--unsafe-keep-tag").json)
    assert "d" * 32 not in removed(run(*words, "--unsafe-keep-tag").json)
    assert "d" * 32 in removed(run(*words, "--unsafe-running").json)


def test_a_family_goes_whole_where_its_descendants_are_asked_for(run: Run, store: Any) -> None:
    top, child, grandchild = "c" * 32, "d" * 32, "e" * 32
    store.run("1", top, "grid", 2)
    store.run("2", child, "fold", 2, **{"mlflow.parentRunId": top})
    store.run("1", grandchild, "step", 2, **{"mlflow.parentRunId": child})
    words = ["cleanup", store.path, "--run", top, "--dry-run", "--json"]
    alone = run(*words).json["plan"]
    assert not alone["items"]
    assert [one["kind"] for one in alone["refused"][0]["protected"]] == ["parent"]
    family = run(*words, "--with-descendants").json["plan"]
    assert {one["run_id"]: one["children"] for one in family["items"]} == {
        top: {"going": 1, "staying": 0},
        child: {"going": 1, "staying": 0},
        grandchild: {"going": 0, "staying": 0},
    }
    lifted = run(*words, "--unsafe-parent").json["plan"]
    assert [(one["run_id"], one["children"]) for one in lifted["items"]] == [(top, {"going": 0, "staying": 1})]
    # A scope narrows the family too: what is outside stays, and with it everybody above.
    scoped = run(*words, "--with-descendants", "--experiment", "1").json["plan"]
    assert [one["run_id"] for one in scoped["items"]] == [grandchild]
    assert [one["run_id"] for one in scoped["refused"]] == [top]
    done = run("cleanup", store.path, "--run", top, "--with-descendants", "--force")
    assert done.code == 0
    assert "named by its id, its 1 child run goes too" in done.out
    assert not (store.root / "2" / child).exists()


@pytest.mark.parametrize("words", [[], ["--days-old", "30"], ["--run", "c" * 32, "--days-old", "30"]])
def test_descendants_are_asked_for_with_a_run_only(run: Run, store: Any, words: list[str]) -> None:
    refused = run("cleanup", store.path, *words, "--with-descendants")
    assert refused.code == 2
    assert "--with-descendants goes with --run ID" in refused.err


class TestScope:
    def test_experiments_are_named_by_name_id_or_glob(self, run: Run, store: Any) -> None:
        words = ["cleanup", store.path, "--days-old", "30", "--dry-run", "--json"]
        vision, text = set(store.old_runs()[:2]), set(store.old_runs()[2:])
        assert removed(run(*words, "--experiment", "vision").json) == vision
        assert removed(run(*words, "--experiment", "2").json) == text
        assert removed(run(*words, "--experiment", "v*").json) == vision
        assert removed(run(*words, "--experiment", "vision", "--experiment", "t?xt").json) == vision | text
        assert removed(run(*words, "--experiment", "no*").json) == set()

    def test_orphans_are_off_in_a_scope_unless_asked_for(self, run: Run, store: Any) -> None:
        words = ["cleanup", store.path, "--experiment", "61*", "--dry-run", "--json"]
        assert removed(run(*words, "--orphans").json) == {ORPHAN}
        assert removed(run(*words, "--orphans-with-runs").json) == {ORPHAN}
        done = run(*words)
        assert done.code == 2
        assert "--experiment only says where" in done.json["error"]["message"]

    def test_runs_named_by_id_go_whatever_their_age(self, run: Run, store: Any) -> None:
        young = f"1{2:031x}"
        done = run("cleanup", store.path, "--run", young, "--force", "--json")
        assert [(item["run_id"], item["outcome"]) for item in done.json["result"]["items"]] == [(young, "done")]
        assert done.json["plan"]["items"][0]["rule"] == "mark"

    def test_with_an_age_named_runs_are_narrowed(self, run: Run, store: Any) -> None:
        words = ["cleanup", store.path, "--days-old", "30", "--dry-run", "--json"]
        young = f"1{2:031x}"
        assert removed(run(*words, "--run", young, "--run", store.old_runs()[0]).json) == {store.old_runs()[0]}

    def test_a_run_in_another_experiment_is_outside(self, run: Run, store: Any) -> None:
        done = run("cleanup", store.path, "--run", store.old_runs()[0], "--experiment", "text", "--dry-run")
        assert done.code == 2
        assert "no run in these experiments" in done.err

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--experiment", "visoin", "--days-old", "1"], "did you mean vision?"),
            (["--run", "b" * 32], "no run in this store has the id"),
            (["--no-orphans"], "--no-orphans leaves nothing to remove"),
            (["--run", "a", "--orphans"], "--run names runs"),
            (["--no-orphans", "--orphans-with-runs"], "contradict"),
        ],
    )
    def test_what_cannot_be_meant_is_refused(self, run: Run, store: Any, words: list[str], said: str) -> None:
        done = run("cleanup", store.path, *words, "--force")
        assert done.code == 2
        assert said in done.err
        assert (store.root / ORPHAN).is_dir()

    def test_a_run_id_that_is_there_twice_must_be_told_apart(self, run: Run, store: Any) -> None:
        store.run("2", store.old_runs()[0], "copied", 50)
        words = ["cleanup", store.path, "--run", store.old_runs()[0], "--dry-run", "--json"]
        assert run(*words).json["error"]["code"] == "ambiguous-run"
        assert [item["experiment_id"] for item in run(*words, "--experiment", "2").json["plan"]["items"]] == ["2"]


class TestAsking:
    def test_without_a_terminal_the_plan_is_shown_and_the_option_named(self, start: Run, store: Any) -> None:
        done = start("cleanup", store.path, "--days-old", "30", text="y\n")
        assert done.code == 2
        assert "4 runs and 1 experiment go to a backup" in done.out
        assert "add --force" in done.err
        assert (store.root / ORPHAN).is_dir()
        assert not (store.root / ".mlruns-tui.trash").exists()

    def test_with_json_the_error_holds_the_plan(self, run: Run, store: Any) -> None:
        done = run("cleanup", store.path, "--json")
        assert done.code == 2
        assert done.json["document"] == "error"
        assert done.json["error"]["code"] == "confirmation-needed"
        assert done.json["plan"]["totals"]["experiments"] == 1

    def test_the_default_answer_is_no(self, in_terminal: Run, store: Any) -> None:
        for answer in ("\n", "n\n", "nope\nn\n"):
            done = in_terminal("cleanup", store.path, answers=(("[y/N]", answer),))
            assert done.code == 2
            assert "nothing was changed" in done.out
        assert (store.root / ORPHAN).is_dir()

    def test_yes_does_it(self, in_terminal: Run, store: Any) -> None:
        done = in_terminal("cleanup", store.path, "--days-old", "30", answers=(("[y/N]", "y\n"),))
        assert done.code == 0
        assert "Move 4 runs and 1 experiment to a backup? [y/N]" in done.out
        assert "moved to a backup" in done.out
        assert not (store.root / ORPHAN).exists()

    def test_ctrl_c_at_the_question_changes_nothing(self, in_terminal: Run, store: Any) -> None:
        done = in_terminal("cleanup", store.path, answers=(("[y/N]", "\x03"),))
        assert done.code == 130
        assert "nothing was changed" in done.out
        assert (store.root / ORPHAN).is_dir()

    def test_for_good_the_number_must_be_typed(self, in_terminal: Run, store: Any) -> None:
        words = ["cleanup", store.path, "--days-old", "30", "--no-backup"]
        for answer in ("y\n", "\n", "4\n"):
            done = in_terminal(*words, answers=(("to delete:", answer),))
            assert done.code == 2
            assert (store.root / ORPHAN).is_dir()
        done = in_terminal(*words, answers=(("to delete:", "5\n"),))
        assert done.code == 0
        assert "4 runs and 1 experiment deleted for good" in done.out
        assert "freed; the disk says" in done.out
        assert not (store.root / ORPHAN).exists()


@pytest.mark.parametrize("verb", [["cleanup", "--force"], ["cleanup", "--days-old", "3"]])
def test_a_store_that_cannot_be_changed_is_refused_in_one_line(
    command: list[str], ordinary_user: list[str], store: Any, tree: Callable[[Path], Any], verb: list[str]
) -> None:
    for folder in (store.root, *store.root.iterdir()):
        folder.chmod(0o555)
    before = tree(store.root)
    try:
        done = subprocess.run(
            [*ordinary_user, *command, verb[0], store.path, *verb[1:]], capture_output=True, text=True, check=False
        )
        dry = subprocess.run(
            [*ordinary_user, *command, "cleanup", store.path, "--dry-run"], capture_output=True, text=True, check=False
        )
    finally:
        store.root.chmod(0o755)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert store.path in done.stderr
    assert dry.returncode == 0
    assert tree(store.root) == before


class FakeTask:
    """A worker's task with a result known beforehand."""

    def __init__(self, result: Batch | Exception, during: Callable[[], None] = lambda: None) -> None:
        self._result = result
        self._during = during
        self.stopped = 0

    def events(self) -> Iterator[ApplyEvent]:
        yield ApplyEvent("start", "move", "b", 0, 2, 0, 100)
        self._during()
        yield ApplyEvent("end", "move", "b", 2, 2, 100, 100)

    def result(self) -> Batch:
        if isinstance(self._result, Exception):
            raise self._result
        return self._result

    def stop(self) -> None:
        self.stopped += 1


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[FakeTask]]:
    """Replaces the worker by one whose items end with these outcomes, or that raises."""

    def of(*outcomes: str | None, error: Exception | None = None, during: Callable[[], None] = lambda: None) -> Any:
        made: list[FakeTask] = []

        def start_apply(plan: Any, lock_timeout_s: float = 0) -> FakeTask:
            items = tuple(
                BatchItem(
                    item, "moved" if outcome == "done" else "in-place", outcome, "why" if outcome != "done" else ""
                )  # type: ignore[arg-type]
                for item, outcome in zip(plan.items, outcomes, strict=False)
            )
            batch = Batch(plan.id, plan.created_ms, "alice", "gpu01", 0, "moved", items)
            made.append(FakeTask(error or batch, during))
            return made[-1]

        monkeypatch.setattr("mlruns_tui.cli.cleanup.start_apply", start_apply)
        return made

    return of


class TestExitCodes:
    """What a script can rely on, whatever the worker met."""

    words = ("--days-old", "30", "--force")

    @pytest.mark.parametrize(
        ("outcomes", "code"),
        [
            (["done"] * 5, 0),
            (["done", "skipped", "done", "done", "done"], 0),
            (["done", "failed", "done", "done", "done"], 3),
            (["failed"] * 5, 3),
            (["skipped"] * 5, 4),
            (["done", "skipped", "failed", "done", "done"], 3),
        ],
    )
    def test_outcomes(self, run: Run, store: Any, worker: Any, outcomes: list[str], code: int) -> None:
        worker(*outcomes)
        done = run("cleanup", store.path, *self.words)
        assert done.code == code
        assert run("cleanup", store.path, *self.words, "--json").code == code

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (StaleError("other-store", "another directory is there"), 4),
            (LockedError("locked", "bob has been at it since 20:24"), 11),
            (DamagedError("damaged", "a backup differs"), 5),
        ],
    )
    def test_errors_of_the_worker(self, run: Run, store: Any, worker: Any, error: Exception, code: int) -> None:
        worker(error=error)
        done = run("cleanup", store.path, *self.words)
        assert done.code == code
        assert done.err == f"mlruns-tui: {error}\n"
        document = run("cleanup", store.path, *self.words, "--json")
        assert document.code == code
        assert document.json["document"] == "error"

    def test_ctrl_c_stops_after_the_item_at_hand_and_says_what_was_done(
        self, run: Run, store: Any, worker: Any
    ) -> None:
        tasks = worker("done", "done", None, None, None, during=lambda: os.kill(os.getpid(), signal.SIGINT))
        done = run("cleanup", store.path, *self.words)
        assert done.code == 130
        assert tasks[0].stopped == 1
        assert "2 runs moved to a backup" in done.out
        assert "interrupted" in done.err
        document = run("cleanup", store.path, *self.words, "--json")
        assert document.code == 130
        assert document.json["result"]["more"] is True

    def test_ctrl_c_works_as_before_afterwards(self, run: Run, store: Any, worker: Any) -> None:
        before = signal.getsignal(signal.SIGINT)
        worker(*["done"] * 5)
        run("cleanup", store.path, *self.words)
        assert signal.getsignal(signal.SIGINT) is before

    def test_quiet_says_a_change_in_a_line(self, run: Run, store: Any, worker: Any) -> None:
        worker(*["done"] * 5)
        done = run("cleanup", store.path, *self.words, "--quiet")
        assert done.out.splitlines()[0].startswith("4 runs and 1 experiment moved to a backup")
        assert done.err == ""

    def test_ndjson_is_outcomes_and_refusals_one_a_line(self, run: Run, store: Any, worker: Any) -> None:
        store.run("1", "c" * 32, "paper", 80, keep="paper")
        worker(*["done"] * 5)
        lines = run("cleanup", store.path, *self.words, "--ndjson").lines
        assert [line.get("outcome") for line in lines] == ["done"] * 5 + [None]
        assert lines[-1]["protected"][0]["kind"] == "keep-tag"


def test_options_come_from_the_environment(run: Run, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLRUNS_TUI_CLEANUP_DAYS_OLD", "30")
    monkeypatch.setenv("MLRUNS_TUI_CLEANUP_ORPHANS", "0")
    monkeypatch.setenv("MLRUNS_TUI_CLEANUP_EXPERIMENT", "vision text")
    assert removed(run("cleanup", store.path, "--dry-run", "--json").json) == set(store.old_runs())
    monkeypatch.setenv("MLRUNS_TUI_CLEANUP_EXPERIMENT", "vision")
    assert removed(run("cleanup", store.path, "--dry-run", "--json").json) == set(store.old_runs()[:2])
    monkeypatch.setenv("MLRUNS_TUI_CLEANUP_RUN", store.old_runs()[0])
    monkeypatch.setenv("MLRUNS_TUI_CLEANUP_JSON", "1")
    assert removed(run("cleanup", store.path, "--dry-run").json) == {store.old_runs()[0]}
    monkeypatch.setenv("MLRUNS_TUI_CLEANUP_MIN_IDLE", "soon")
    assert run("cleanup", store.path, "--dry-run").code == 2
    monkeypatch.setenv("MLRUNS_TUI_BACKUPS_PURGE_OLDER_THAN", "soon")
    assert run("backups", "purge", store.path).code == 2
