"""The same against older MLflow, each in an environment of its own, with a store of its own making."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.mlflow, pytest.mark.full, pytest.mark.timeout(1_800)]

VERSIONS = ("1.0.0", "1.30.1", "2.5.0", "2.22.2", "3.0.1", "3.6.0")
WHOLE = frozenset({"1.0.0"})
"""Those there is no ``mlflow-skinny`` of."""
KNOWN = {
    # It looked for each run it found by its id, wherever the first of that id is, and refused ids that are none.
    "1.0.0": {
        "root: a link to another experiment", "experiment: copied and numbered anew", "run: copied as .bak",
        "run: meta.yaml moved into another folder", "run: copied to another experiment",
        "experiment: stray hidden folder", "experiment: a link to one with a broken metric",
        # A param of several lines was an error then.
        "run: params a link to metrics", "run: params a link to the store",
    },
    # The worst is at the link, not at the experiment the case is about.
    "1.30.1": {"experiment: a link to one with a broken metric"},
}  # fmt: skip
"""Cases by version of which the doctor may say something else than this MLflow does (in which order a directory
is listed decides some), and why."""


def environment(version: str, folder: Path) -> str:
    """The Python of an environment with this MLflow, or skip with the reason."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    # setuptools: some of these still import pkg_resources. Before 1.13 there was no skinny one, and the protocol
    # files are older than protobuf takes them since.
    install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    wanted = [f"mlflow=={version}", "protobuf<3.21"] if version in WHOLE else [f"mlflow-skinny=={version}"]
    done = subprocess.run([*install, *wanted, "setuptools<80"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot install MLflow {version}: {done.stderr.strip()[-300:]}")
    done = subprocess.run([python, "-c", "import mlflow"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this Python cannot run MLflow {version}: {done.stderr.strip()[-300:]}")
    return python


@pytest.mark.parametrize("version", VERSIONS)
def test_doctor_says_what_an_older_mlflow_does(
    version: str, start_oracle: Any, judge: Any, all_cases: list[Any], record_property: Any, tmp_path: Path
) -> None:
    oracle = start_oracle(environment(version, tmp_path / "environment"))
    assert oracle.version == version
    with oracle.copy() as store:
        assert oracle.doctor(store) == []
    tried = agreeing = 0
    problems: list[str] = []
    for case in all_cases:
        if case.applies_to(oracle.names):
            tried += 1
            found = compare(oracle, judge, case)
            agreeing += not found
            if case.name not in KNOWN.get(version, ()):
                problems += found
    record_property(f"cases tried with MLflow {version}", tried)
    record_property(f"in full agreement (of cases tried with MLflow {version})", agreeing)
    assert not problems, "\n".join(problems)


def compare(oracle: Any, judge: Any, case: Any) -> list[str]:
    """What MLflow and the doctor disagree on: the impact at the place of the case."""
    with oracle.copy(case.below) as store:
        case.break_it(store, oracle.names)
        findings = oracle.doctor(store)
        answer = oracle.mlflow(store)
    real = judge.worst(judge.impacts(answer))
    place = case.place(oracle.names)
    here = [one for one in findings if judge.is_near(one["path"], place)]
    said = min((one["impact"] for one in here), key=judge.ORDER.index, default="silent")
    if said == real:
        return []
    calls = [call for call in answer["calls"] if call["outcome"] != "ok"]
    return [f"{case.name}: MLflow {real}, doctor {said}; {calls[:2]}; {here[:2]}"]
