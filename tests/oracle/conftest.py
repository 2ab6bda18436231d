"""The oracle: a healthy store made by MLflow, and a process that asks MLflow."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import cases_experiments  # noqa: E402
import cases_links  # noqa: E402
import cases_models  # noqa: E402
import cases_numbers  # noqa: E402
import cases_runs  # noqa: E402
import cases_text  # noqa: E402
import judging  # noqa: E402
import merging as merging_module  # noqa: E402
import mutating  # noqa: E402
from breaking import Case  # noqa: E402

CASES: list[Case] = [
    *cases_experiments.CASES,
    *cases_runs.CASES,
    *cases_models.CASES,
    *cases_links.CASES,
    *cases_numbers.CASES,
    *cases_text.CASES,
]
HARMLESS = frozenset((HERE / "harmless.txt").read_text(encoding="utf-8").splitlines())
"""Names of the cases MLflow and its migration do not mind: of those, every run takes a sample."""
SAMPLE = 5
LONG_AGO_S = 1_700_000_000


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        shown = [
            pytest.param(case, id=case.name, marks=[pytest.mark.full] if _is_spare(number, case) else [])
            for number, case in enumerate(CASES)
        ]
        metafunc.parametrize("case", shown)


def _is_spare(number: int, case: Case) -> bool:
    return case.name in HARMLESS and number % SAMPLE != 0


class Speaker:
    """A process with MLflow in it that is asked in turn. See ``speaker.py``."""

    def __init__(self, python: str, prefix: list[str], folder: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), *sys.path])}
        if python != sys.executable:
            environment["PYTHONPATH"] = str(HERE.parents[1])
        folder.mkdir(exist_ok=True)
        self._log = (folder / "log").open("w")
        self._process = subprocess.Popen(
            [*prefix, python, str(HERE / "speaker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            cwd=folder,
            env=environment,
        )
        self._folder = folder

    def ask(self, verb: str, **more: str) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"verb": verb, **more}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the MLflow process ended:\n{(self._folder / 'log').read_text()[-3000:]}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()
        self._log.close()


class Oracle:
    """One MLflow, and a healthy store of its own making to break copies of."""

    def __init__(self, speaker: Speaker, folder: Path) -> None:
        self._speaker = speaker
        self._folder = folder
        self._number = 0
        self.store = folder / "healthy" / "mlruns"
        self.store.parent.mkdir()
        self.names = speaker.ask("build", store=str(self.store))
        self.version: str = self.names["version"]
        self.migrates = tuple(map(int, self.version.split(".")[:2])) >= (3, 10)
        self.paths = mutating.entries(self.store, self.names)

    @contextmanager
    def copy(self, below: str = "") -> Iterator[Path]:
        """A copy to break, gone afterwards whatever its modes are then."""
        self._number += 1
        top = self._folder / f"copy-{self._number}"
        store = top / below / "mlruns"
        shutil.copytree(self.store, store, symlinks=True)
        try:
            yield store
        finally:
            merging_module.open_up(top)
            shutil.rmtree(top)

    def doctor(self, store: Path) -> list[dict[str, Any]]:
        """Our findings, as dictionaries. What was broken a moment ago is no run in the making here."""
        return self.diagnosis(store)[0]

    def diagnosis(self, store: Path) -> tuple[list[dict[str, Any]], float]:
        """The same, and the seconds of processor time it took."""
        self.settle(store)
        answer = self._speaker.ask("doctor", store=str(store), version=self.version)
        return answer["findings"], answer["seconds"]

    @staticmethod
    def settle(store: Path) -> None:
        """Let it be long ago that anything was made."""
        for folder in (store, *store.glob("*"), *store.glob("*/*"), *store.glob(".trash/*/*")):
            if os.path.isdir(folder) and not os.path.islink(folder):
                os.utime(folder, (LONG_AGO_S, LONG_AGO_S))

    def mlflow(self, store: Path) -> dict[str, Any]:
        """Call by call what MLflow does. Opening a store changes it: ask last."""
        return self._speaker.ask("mlflow", store=str(store))

    def repair(self, store: Path, *, rename: bool = False) -> dict[str, Any]:
        """Every repair there is, as ``batches``, and what was ``refused`` at the end."""
        more = {"rename": "yes"} if rename else {}
        return self._speaker.ask("repair", store=str(store), version=self.version, **more)

    def take_back(self, store: Path, batches: list[str]) -> dict[str, Any]:
        """The newest first."""
        return self._speaker.ask("take back", store=str(store), batches=" ".join(batches))

    def migration(self, store: Path) -> dict[str, Any]:
        """``outcome`` of migrate-filestore, and ``what`` it said."""
        return self._speaker.ask("migrate", store=str(store), scratch=str(self._folder))


@pytest.fixture(scope="session")
def start_oracle(ordinary_user: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Starts an oracle with the MLflow of a Python; as a user who may be denied."""
    started: list[Speaker] = []

    def start(python: str = sys.executable) -> Oracle:
        folder = tmp_path_factory.mktemp("oracle")
        speaker = Speaker(python, ordinary_user, folder / "working")
        started.append(speaker)
        return Oracle(speaker, folder)

    yield start
    for speaker in started:
        speaker.close()


@pytest.fixture(scope="session")
def oracle(start_oracle: Any) -> Oracle:
    """The installed MLflow."""
    made: Oracle = start_oracle()
    return made


@pytest.fixture(scope="session")
def all_cases() -> list[Case]:
    return CASES


@pytest.fixture(scope="session")
def harmless() -> frozenset[str]:
    return HARMLESS


@pytest.fixture(scope="session")
def mendable_cases(oracle: Oracle) -> list[Case]:
    """Cases that break something where the store has it, and not through a link: there nothing is mended."""
    return [
        case
        for case in CASES
        if case.name not in HARMLESS
        and case.applies_to(oracle.names)
        and not case.below
        and ": a link to" not in case.name
    ]


@pytest.fixture(scope="session")
def judge() -> Any:
    """The module that turns MLflow's answers into impacts."""
    return judging


@pytest.fixture(scope="session")
def merging() -> Any:
    """The module that puts many broken stores into one."""
    return merging_module


@pytest.fixture(scope="session")
def damage() -> Any:
    """The module that damages stores at random."""
    return mutating
