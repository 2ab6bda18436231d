"""``doctor`` names what is broken, exits 10 for it, and finds nothing where nothing is."""

from __future__ import annotations

import os
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
    done = run("doctor", root)
    assert done.code == 0
    assert done.out.startswith("Nothing wrong found")


@pytest.mark.parametrize("version", ["x", "three", "", "-1.0"])
def test_a_version_that_is_none_is_refused(run: Run, demo: tuple[Path, Any], version: str) -> None:
    assert run("doctor", demo[0], "--mlflow-version", version or "..").code == 2
