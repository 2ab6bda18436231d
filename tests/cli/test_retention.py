"""``cleanup --keep-backups``: one's own older backups go for good, shown before like everything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mlruns_tui.cli.backups import purge as purging
from mlruns_tui.model.errors import LockedError
from mlruns_tui.workflow import recovering

Run = Callable[..., Any]
ORPHAN = "617283940118264051"


@pytest.fixture
def old_batch(run: Run, store: Any) -> str:
    """Id of a batch of an orphan."""
    batch = run("cleanup", store.path, "--force", "--json").json["result"]["batch"]
    assert isinstance(batch, str)
    return batch


def state(run: Run, store: Any, batch: str) -> str:
    listed = run("backups", "list", store.path, "--json").json["batches"]
    return next(one["state"] for one in listed if one["batch"] == batch)


def test_a_dry_run_shows_them_and_changes_nothing(run: Run, store: Any, old_batch: str, tree: Any) -> None:
    before = tree(store.root)
    words = ("cleanup", store.path, "--days-old", "30", "--keep-backups", "0", "--dry-run")
    shown = run(*words)
    assert shown.code == 0
    assert "1 backup of yours older than 0 s: 1 item deleted for good" in shown.out
    assert old_batch in shown.out
    document = run(*words, "--json").json
    assert [one["batch"] for one in document["purges"]] == [old_batch]
    assert document["purged"] == []
    assert tree(store.root) == before


def test_the_older_ones_go_and_the_new_one_stays(run: Run, store: Any, old_batch: str) -> None:
    done = run("cleanup", store.path, "--days-old", "30", "--keep-backups", "0", "--force", "--json")
    assert done.code == 0
    new = done.json["result"]["batch"]
    assert [one["batch"] for one in done.json["purged"]] == [old_batch]
    assert done.json["purged"][0]["totals"]["freed_bytes"] > 0
    assert state(run, store, old_batch) == "purged"
    assert state(run, store, new) == "moved"
    assert run("undo", store.path).code == 0
    assert (store.root / "1" / store.old_runs()[0]).is_dir()


def test_they_go_where_nothing_else_is_to_be_removed(run: Run, store: Any, old_batch: str) -> None:
    done = run("cleanup", store.path, "--keep-backups", "0", "--force")
    assert done.code == 0
    assert "1 old backup purged, 1 experiment." in done.out
    assert state(run, store, old_batch) == "purged"
    again = run("cleanup", store.path, "--keep-backups", "0", "--force", "--quiet")
    assert (again.code, again.out, again.err) == (0, "", "")


def test_younger_ones_are_kept(run: Run, store: Any, old_batch: str) -> None:
    done = run("cleanup", store.path, "--keep-backups", "14d", "--force", "--json")
    assert (done.json["purges"], done.json["purged"]) == ([], [])
    assert state(run, store, old_batch) == "moved"


def test_other_peoples_are_never_among_them(
    run: Run, store: Any, old_batch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovering.os, "geteuid", lambda: 54321)
    assert run("cleanup", store.path, "--keep-backups", "0", "--dry-run", "--json").json["purges"] == []
    assert run("backups", "purge", store.path, "--older-than", "0", "--force").out == "Nothing to purge.\n"
    monkeypatch.undo()
    assert state(run, store, old_batch) == "moved"


def test_without_a_terminal_the_option_is_named_and_nothing_goes(run: Run, store: Any, old_batch: str) -> None:
    done = run("cleanup", store.path, "--keep-backups", "0")
    assert done.code == 2
    assert "1 older backup would go" in done.err
    assert "add --force" in done.err
    assert state(run, store, old_batch) == "moved"


def test_at_a_terminal_the_number_of_items_must_be_typed(
    run: Run, store: Any, old_batch: str, in_terminal: Run
) -> None:
    words = ("cleanup", store.path, "--keep-backups", "0")
    refused = in_terminal(*words, answers=(("to delete:", "y\n"),))
    assert refused.code == 2
    assert state(run, store, old_batch) == "moved"
    done = in_terminal(*words, answers=(("to delete:", "1\n"),))
    assert done.code == 0
    assert state(run, store, old_batch) == "purged"


def test_what_was_purged_before_somebody_came_between_is_said(
    run: Run, store: Any, old_batch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = run("cleanup", store.path, "--days-old", "30", "--force", "--json").json["result"]["batch"]
    start_purge = purging.start_purge

    def locked_for_the_older(root: str, batch_id: str, *more: Any) -> Any:
        if batch_id == old_batch:
            raise LockedError("locked", "bob on gpu02 has been cleaning this store since 20:24", hint="wait")
        return start_purge(root, batch_id, *more)

    monkeypatch.setattr(purging, "start_purge", locked_for_the_older)
    done = run("backups", "purge", store.path, "--older-than", "0", "--force")
    assert done.code == 11
    assert "4 runs deleted for good" in done.out
    assert f"stopped before batch {old_batch}: bob on gpu02" in done.err
    assert (state(run, store, second), state(run, store, old_batch)) == ("purged", "moved")
