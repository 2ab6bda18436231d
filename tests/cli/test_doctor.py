"""``doctor`` names what is broken, exits 10 for it, and finds nothing where nothing is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.demo.store import write_demo

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    root = tmp_path_factory.mktemp("doctor") / "mlruns"
    return root, write_demo(str(root))


def test_the_orphans_of_the_demo_are_found_and_nothing_in_use_is(run: Run, demo: tuple[Path, Any]) -> None:
    root, facts = demo
    done = run("doctor", root, "--json")
    assert done.code == 10
    document = done.json
    found = {(one["code"], one["experiment_id"]) for one in document["findings"] if one["impact"] == "warns"}
    assert found == {("experiment-meta-missing", one) for one in facts.orphan_ids}
    assert document["summary"]["warns"] == 2
    assert sum(document["summary"].values()) == len(document["findings"])
    claimed = (
        os.path.relpath(facts.claimed_folder, root) if os.path.isabs(facts.claimed_folder) else facts.claimed_folder
    )
    in_use = [one for one in document["findings"] if one["path"].startswith(claimed)]
    assert all(one["remedy"] == "none" for one in in_use)


def test_the_text_says_what_where_and_what_helps(run: Run, demo: tuple[Path, Any]) -> None:
    root, facts = demo
    done = run("doctor", root)
    assert done.code == 10
    assert f"{facts.orphan_ids[0]}/meta.yaml" in done.out
    assert "a warning at every listing" in done.out


def test_a_metric_line_mlflow_cannot_read_is_named_with_its_line(run: Run, tmp_path: Path) -> None:
    root = tmp_path / "mlruns"
    facts = write_demo(str(root))
    metrics = next(
        path for path in (root / facts.run_paths[facts.old_run_ids[0]] / "metrics").rglob("*") if path.is_file()
    )
    good = metrics.read_bytes().splitlines(keepends=True)
    metrics.write_bytes(b"".join([*good[:1], b"garbage\n", *good[1:]]))
    found = [one for one in run("doctor", root, "--json").json["findings"] if one["line"] is not None]
    assert [(one["path"], one["line"]) for one in found] == [(str(metrics.relative_to(root)), 2)]
    assert found[0]["impact"] == "breaks-experiment"
    assert found[0]["migration"] == "fails"
    only = run("doctor", root, "--migration", "--json").json["findings"]
    assert [one["path"] for one in only] == [str(metrics.relative_to(root))]


def test_a_healthy_store_gives_nothing_and_exit_0(run: Run, demo: tuple[Path, Any], tmp_path: Path) -> None:
    root = tmp_path / "mlruns"
    facts = write_demo(str(root))
    for one in facts.orphan_ids:
        (root / one).rename(tmp_path / one)
    # Trainers killed long ago are said, and nothing else.
    done = run("doctor", root, "--json")
    assert done.code == 0
    assert {(one["code"], one["impact"]) for one in done.json["findings"]} == {("run-silent", "silent")}
    for one in done.json["findings"]:
        shutil.rmtree(root / one["path"])
    done = run("doctor", root)
    assert done.code == 0
    assert done.out.startswith("Nothing wrong found")


@pytest.mark.parametrize("version", ["x", "three", "", "-1.0"])
def test_a_version_that_is_none_is_refused(run: Run, demo: tuple[Path, Any], version: str) -> None:
    assert run("doctor", demo[0], "--mlflow-version", version or "..").code == 2


def test_registries_elsewhere_are_said_not_to_be_read(run: Run, demo: tuple[Path, Any]) -> None:
    said = "a model registry behind http or in another file store is not read, only the one in this store"
    assert said in run("doctor", demo[0], "--json").json["messages"]
    assert said in run("doctor", demo[0]).err


def test_a_killed_trainer_is_named_with_how_long_it_is_silent(run: Run, demo: tuple[Path, Any]) -> None:
    found = [one for one in run("doctor", demo[0], "--json").json["findings"] if one["code"] == "run-silent"]
    assert found
    assert all(one["impact"] == "silent" and one["message"].startswith("RUNNING, silent ") for one in found)


@pytest.mark.parametrize("who", ["user", "container"])
def test_writers_nobody_can_see_are_said_in_the_plan(
    ordinary_user: list[str], command: list[str], tmp_path: Path, who: str
) -> None:
    """Where this user may not see what others have open, the plan says so; so does one made in a container."""
    root = tmp_path / "mlruns"
    facts = write_demo(str(root))
    plan = [*command, "cleanup", str(root), "--days-old", "30", "--dry-run", "--json"]
    prefix = ordinary_user if who == "user" else ["unshare", "--fork", "--pid", "--mount-proc"]
    if who == "container" and subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to make a process namespace")
    # Somebody else's process; where the tests do not run as root there are plenty.
    other = subprocess.Popen(["sleep", "300"], user=54_321) if os.geteuid() == 0 else None
    try:
        done = subprocess.run([*prefix, *plan], capture_output=True, text=True, check=False)
    finally:
        if other is not None:
            other.kill()
            other.wait()
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert len(document["plan"]["items"]) > len(facts.orphan_ids)
    said = " ".join(document["messages"])
    assert "status and quiet time decide" in said
    words = (
        "of other users could not be checked for open files" if who == "user" else "programs outside of this container"
    )
    assert words in said
