"""Repair everything that can be in a store broken in every way at once: MLflow then lists it without a warning,
but for what only a clean-up or its owner can settle; and all of it can be taken back, byte for byte."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.mlflow

SAMPLE = 19
"""Of the cases every so many-th is in the store of the default run: MLflow takes minutes for all of them."""

LEFT = {
    # Nothing readable is inside, or a copy of what is elsewhere: for the clean-up.
    "experiment-meta-missing", "run-meta-missing",
    "run-found-first", "run-experiment-mismatch", "run-id-mismatch", "run-id-refused", "experiment-stray",
    "logged-model-meta-missing", "logged-model-experiment-mismatch",
    # The metadata of one entry in another's place: which of the two is right, only somebody knows who knows them.
    "run-id-of-sibling", "run-meta-of-sibling", "run-exchanged", "run-listed-by-another", "trace-meta-of-another",
    "logged-model-meta-of-another", "registered-model-meta-of-another", "version-meta-of-another",
    # In use by a database, perhaps.
    "experiment-artifacts-only",
    # Only somebody with the right to can open them.
    "experiment-closed", "experiment-no-list", "experiment-no-enter", "experiment-meta-unreadable",
    "experiment-meta-closed", "experiment-tag-unreadable", "run-closed", "run-no-list", "run-meta-unreadable",
    "run-meta-closed", "run-param-unreadable", "run-metric-unreadable", "run-tag-unreadable", "inputs-closed",
    "input-meta-unreadable", "outputs-closed", "output-meta-unreadable", "dataset-meta-unreadable", "datasets-closed",
    "registered-model-closed", "registered-model-no-enter", "registered-model-no-list",
    "registered-model-meta-unreadable", "registered-model-meta-closed", "registered-model-tag-unreadable",
    "registered-model-alias-unreadable", "version-closed", "version-no-enter", "version-no-list",
    "version-meta-unreadable", "version-meta-closed", "version-tag-unreadable", "logged-models-closed",
    "logged-models-no-enter", "logged-model-closed", "logged-model-no-list", "logged-model-meta-unreadable",
    "logged-model-meta-closed", "logged-model-param-unreadable", "logged-model-metric-unreadable",
    "logged-model-tag-unreadable", "traces-closed", "traces-no-enter", "trace-closed", "trace-no-list",
    "trace-info-unreadable", "trace-info-closed", "trace-tag-unreadable", "trace-metadata-unreadable",
    "assessments-closed", "assessment-unreadable", "trash-closed", "trash-no-enter", "registry-closed",
    "registry-no-enter", "store-unreadable",
    # A folder nobody may enter, where MLflow finds nothing.
    "input-meta-missing", "output-meta-missing", "dataset-meta-missing",
    # A link is somebody's decision.
    "link-to-the-store", "link-to-an-experiment", "link-to-an-experiment-without-metadata",
    "link-to-a-run-elsewhere", "link-to-a-logged-model-elsewhere",
    # Which of the two is to stay, only its owner knows.
    "experiment-id-in-both",
    # A folder of this name works with older versions.
    "experiment-called-artifacts",
}  # fmt: skip
"""Codes of what may be left above ``silent``, beside all that is only seen through a link."""
SEEN_THROUGH_A_LINK = re.compile(r"\. \S.* is a link to ", re.DOTALL)
"""How the message of such a finding ends: where the link leads is a sentence of its own."""


def tree(root: Path) -> dict[str, tuple[Any, ...]]:
    """Everything but our backups: mode, time, size, content."""
    found: dict[str, tuple[Any, ...]] = {}
    for folder, folders, files in os.walk(os.fsencode(root)):
        folders[:] = [one for one in folders if one != b".mlruns-tui.trash"]
        for name in [b".", *folders, *files]:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            content = b""
            if stat.S_ISREG(status.st_mode):
                with open(path, "rb") as file:
                    content = hashlib.sha256(file.read()).digest()
            elif stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)
            key = os.fsdecode(os.path.relpath(path, os.fsencode(root)))
            found[key] = (status.st_mode, status.st_mtime_ns, content)
    return found


@pytest.mark.parametrize(
    # MLflow looks through every experiment for each run it is asked for: minutes for a thousand of them.
    "step",
    [SAMPLE, pytest.param(1, marks=[pytest.mark.full, pytest.mark.timeout(1_800)])],
)
def test_repaired_mlflow_lists_it_without_a_warning_and_undo_gives_the_broken_store_back(
    oracle: Any,
    mendable_cases: list[Any],
    merging: Any,
    judge: Any,
    tmp_path: Path,
    step: int,
    record_property: Any,
) -> None:
    cases = mendable_cases[::step]
    root = tmp_path / "mlruns"
    merging.merge(cases, oracle.store, oracle.names, root, tmp_path)
    try:
        broken = [one for one in oracle.doctor(root) if one["impact"] != "silent"]
        before = tree(root)
        done = oracle.repair(root)
        outcomes = [item for batch in done["batches"] for item in batch["items"]]
        assert [one for one in outcomes if one["outcome"] != "done"] == []
        # One repair settles it: no code needs a second one but that of a name only a person can give.
        assert done["rounds"][1:] == [[]]
        left = oracle.doctor(root)
        above_silent = [one for one in left if one["impact"] != "silent"]
        # What a link leads to is somebody else's: it is shown and never changed.
        through_links = [one for one in above_silent if SEEN_THROUGH_A_LINK.search(one["message"])]
        assert {one["remedy"] for one in through_links} <= {"none"}
        strange = {
            (one["code"], one["path"]) for one in above_silent if one["code"] not in LEFT and one not in through_links
        }
        assert strange == set()
        record_property("findings above silent, before", len(broken))
        record_property("repairs", len(outcomes))
        record_property("findings above silent, after", len(above_silent))
        assert len(outcomes) > len(cases) // 2
        copy = tmp_path / "asked" / "mlruns"
        copy.parent.mkdir()
        subprocess.run(["cp", "-a", root, copy], check=True)  # pipes and our backups as well
        said = oracle.mlflow(copy)
        # Whatever MLflow still minds, doctor names as left.
        assert judge.missed(said, left) == []
        assert not [one for one in above_silent if one["impact"] == "breaks-store" and one["remedy"] == "repair"]
        oracle.take_back(root, [batch["id"] for batch in done["batches"]])
        after = tree(root)
        assert {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)} == set()
    finally:
        merging.open_up(tmp_path)
