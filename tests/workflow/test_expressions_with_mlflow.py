"""Generated expressions over generated runs: what MLflow accepts is accepted and finds the same runs."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.model.clock import now_ms
from mlruns_tui.triage.expression import BadExpression, parse
from mlruns_tui.workflow.filtering import find_runs
from mlruns_tui.workflow.reading import open_reader, read_all

pytestmark = pytest.mark.mlflow

RUNS = 36
TEXTS = (
    "resnet",
    "ResNet",
    "res_net",
    "r%",
    "",
    " ",
    "a'b",
    'a"b',
    "two\nlines",
    "모델",
    "x\\y",
    "0.1",
    "resnet50",
    "%",
)
NAMES = ("best run", "run-1", "Run-2", "모델", "x", "100%", "a_b")
METRICS = ("loss", "val/acc", "f1 score", "모", "top-5", "val.loss")
PARAMS = ("model", "lr", "opt/name", "batch size", "max_depth", "a.b", "from")
TAGS = ("team", "mlflow.note.content", "keep it", "mlflow.parentRunId")
NUMBERS = ("0", "1", "-1", "0.5", ".5", "5.", "1e3", "1.5e-3", "-2.5", "99999999999999999999", "1e400", "0.25")
START = 1_600_000_000_000


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_store(root: Path, dice: random.Random) -> None:
    """A file store as MLflow lays it out, with everything a filter can ask for, also missing or odd."""
    import yaml

    def meta(path: str, **values: Any) -> None:
        _write(root / path / "meta.yaml", yaml.safe_dump(values, allow_unicode=True))

    meta("1", artifact_location=f"file://{root}/1", experiment_id="1", lifecycle_stage="active", name="exp",
         creation_time=START, last_update_time=START)  # fmt: skip
    for number in range(4):
        name = dice.choice(("mnist", "MNIST", "train_x", "모"))
        meta(f"1/datasets/{number:032x}", name=name, digest=f"d{number}", source="s", source_type="local",
             schema="{}", profile="{}")  # fmt: skip
    for number in range(RUNS):
        run_id = f"{dice.getrandbits(128):032x}"
        run = f"1/{run_id}"
        meta(run, run_id=run_id, run_uuid=run_id, experiment_id="1", run_name=dice.choice(NAMES),
             user_id=dice.choice(("alice", "bob", "")), status=dice.randint(1, 5), lifecycle_stage="active",
             start_time=START + number * 1000, end_time=dice.choice((None, START + 5_000, START + 99_000)),
             artifact_uri=f"file://{root}/1/{run_id}/artifacts", tags=[], source_name="", source_type=4,
             source_version="", entry_point_name="", deleted_time=None)  # fmt: skip
        for part in ("metrics", "params", "tags"):
            (root / run / part).mkdir(parents=True)
        for name in dice.sample(METRICS, dice.randint(0, len(METRICS))):
            points = [
                f"{START + dice.randint(0, 5)} {dice.choice(('0.5', '1', 'nan', 'inf', '-inf', '-1', '0.25', '1e3'))}"
                + dice.choice(("", f" {dice.randint(0, 3)}", f" {dice.randint(0, 3)} mnist d0"))
                for _ in range(dice.randint(1, 5))
            ]
            _write(root / run / "metrics" / name, "\n".join(points) + "\n")
        for part, names in (("params", PARAMS), ("tags", TAGS)):
            for name in dice.sample(names, dice.randint(0, len(names))):
                _write(root / run / part / name, dice.choice(TEXTS))
        for at in dice.sample(range(4), dice.randint(0, 2)):
            tags = {"mlflow.data.context": dice.choice(("train", "eval"))} if dice.random() < 0.8 else {}
            meta(f"{run}/inputs/{at:032x}", source_type="DATASET", source_id=f"{at:032x}", destination_type="RUN",
                 destination_id=run_id, tags=tags)  # fmt: skip


class Speaker:
    """Says expressions in MLflow's grammar, spelled in every way it takes."""

    def __init__(self, dice: random.Random, run_ids: list[str]) -> None:
        self.dice = dice
        self.run_ids = run_ids

    def expression(self) -> str:
        parts = [self.clause() for _ in range(self.dice.choice((1, 1, 1, 2, 2, 3)))]
        text = parts[0]
        for part in parts[1:]:
            text += self.dice.choice((" and ", " AND ", "  And\t", " ", "\nand ", " and and ")) + part
        return self.dice.choice(("", "", "", " ", "and ")) + text + self.dice.choice(("", "", "", " ", " and"))

    def clause(self) -> str:
        kinds = (self.metric, self.text, self.text, self.attribute, self.time, self.run_id, self.dataset)
        return self.dice.choice(kinds)()

    def key(self, heads: tuple[str, ...], names: tuple[str, ...]) -> str:
        head, name = self.dice.choice(heads), self.dice.choice(names)
        head = f"`{head}`" if self.dice.random() < 0.1 else head
        bare = name.replace(".", "").replace("_", "").isalnum() and name != "from"
        quote = self.dice.choice(("", "", "`", '"', "'") if bare else ("`", '"', "`"))
        return f"{head}.{quote}{name}{quote}"

    def between(self) -> str:
        return self.dice.choice((" ", " ", "  ", "\t"))

    def metric(self) -> str:
        gap = self.dice.choice(("", " ", "  "))
        operator = self.dice.choice((">", ">=", "=", "!=", "<", "<="))
        return f"{self.key(('metrics', 'metric'), METRICS)}{gap}{operator}{gap}{self.dice.choice(NUMBERS)}"

    def literal(self, texts: tuple[str, ...] = TEXTS) -> str:
        text = self.dice.choice(texts)
        if self.dice.random() < 0.3 and text:
            text = self.dice.choice((f"%{text[1:]}", f"{text[:-1]}%", f"%{text[1:-1]}%", "_" * len(text), text.upper()))
        quote = '"' if "'" in text else "'" if '"' in text else self.dice.choice("'\"")
        return f"{quote}{text}{quote}"

    def compared(self, texts: tuple[str, ...] = TEXTS) -> str:
        operator = self.dice.choice(("=", "!=", "LIKE", "like", "ILIKE", "iLike"))
        gap = self.between() if operator.isalpha() else self.dice.choice(("", " "))
        return f"{gap}{operator}{gap}{self.literal(texts)}"

    def text(self) -> str:
        which = self.dice.random() < 0.5
        key = (
            self.key(("params", "param", "parameter", "parameters"), PARAMS)
            if which
            else self.key(("tags", "tag"), TAGS)
        )
        if self.dice.random() < 0.2:
            return key + self.between() + self.dice.choice(("IS NULL", "is null", "IS NOT NULL", "is not null"))
        return key + self.compared()

    def head(self, name: str) -> str:
        return self.dice.choice(("", "", "attributes.", "attribute.", "attr.", "run.", "`attributes`.")) + name

    def attribute(self) -> str:
        name, texts = self.dice.choice((
            ("run_name", NAMES), ("`run name`", NAMES), ('"Run Name"', NAMES), ("`Run name`", NAMES),
            ("status", ("FINISHED", "FAILED", "KILLED", "RUNNING", "SCHEDULED", "finished")),
            ("user_id", ("alice", "bob", "Alice")), ("artifact_uri", ("file:///", "artifacts", "/artifacts")),
        ))  # fmt: skip
        return self.head(name) + self.compared(texts)

    def time(self) -> str:
        name = self.dice.choice(("start_time", "end_time", "created", "Created"))
        operator = self.dice.choice((">", ">=", "=", "!=", "<", "<="))
        value = self.dice.choice((str(START + 5_000), str(START + 5_000.5), "16e11", "-1", "0", str(START + 20_000)))
        return f"{self.head(name)} {operator} {value}"

    def run_id(self) -> str:
        if self.dice.random() < 0.4:
            return self.head("run_id") + self.compared(tuple(self.run_ids[:3]))
        inside = ", ".join(f"'{one}'" for one in self.dice.sample(self.run_ids, self.dice.randint(1, 4)))
        inside = self.dice.choice((inside, inside + ",", inside.replace(", ", ","), f" {inside} ")).replace(",,", ",")
        return f"{self.head('run_id')} {self.dice.choice(('IN', 'in', 'NOT IN', 'not in'))} ({inside})"

    def dataset(self) -> str:
        name = self.dice.choice(("name", "digest", "context"))
        texts = {"name": ("mnist", "MNIST", "모"), "digest": ("d0", "d1"), "context": ("train", "eval")}[name]
        key = f"{self.dice.choice(('dataset', 'datasets'))}.{name}"
        if self.dice.random() < 0.5:
            return key + self.compared(texts)
        return f"{key} {self.dice.choice(('IN', 'NOT IN'))} ({', '.join(repr(one) for one in texts)})"

    def broken(self) -> str:
        """An expression with something knocked out or put in; a few of these MLflow still takes."""
        text = list(self.expression())
        for _ in range(self.dice.randint(1, 3)):
            at = self.dice.randrange(len(text) + 1)
            if self.dice.random() < 0.5 and at < len(text):
                del text[at]
            else:
                text.insert(at, self.dice.choice(" '\"`.()=<>!%_,;aZ09-and"))
        return "".join(text)


@dataclass
class Judges:
    """MLflow's answer and ours to one expression: run ids, or None where it is refused."""

    mlflow: Callable[[str], frozenset[str] | None]
    search: Callable[[str], frozenset[str]]
    ours: Callable[[str], frozenset[str] | None]
    run_ids: list[str]


def _is_written(key: str, text: str) -> bool:
    """As a name is meant to be: it has letters, no quote, and with a space in it stands in quotes."""
    if not key or set(key) & set("'\"`"):
        return False
    return not set(key) & set(" \t\n") or any(f"{quote}{key}{quote}" in text for quote in "'\"`")


@pytest.fixture(scope="session")
def judges(tmp_path_factory: pytest.TempPathFactory) -> Judges:
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from mlflow.utils.search_utils import SearchUtils

    root = tmp_path_factory.mktemp("expressions") / "mlruns"
    write_store(root, random.Random(6))
    copy = root.parent / "copy"
    shutil.copytree(root, copy)
    client = MlflowClient(str(copy), str(copy))
    # All that the file store does with a filter is to put its runs through this one function.
    runs = list(client.search_runs(["1"], max_results=1000))
    assert len(runs) == RUNS

    def mlflow(text: str) -> frozenset[str] | None:
        try:
            clauses = SearchUtils.parse_search_filter(text)
            # It validates as it goes and skips what it needs not know: each clause is asked for itself.
            if any(not _is_written(one["key"], text) for one in clauses):
                return None  # it took a space, or the clause in front, for part of a name
            answers = [[SearchUtils._does_run_match_clause(run, one) for one in clauses] for run in runs]
        except (MlflowException, ValueError, TypeError, SyntaxError, AttributeError, KeyError):
            return None
        return frozenset(run.info.run_id for run, found in zip(runs, answers, strict=True) if all(found))

    def search(text: str) -> frozenset[str]:
        return frozenset(run.info.run_id for run in client.search_runs(["1"], text, max_results=1000))

    reader = open_reader(str(root))
    snapshot = read_all(reader)

    def ours(text: str) -> frozenset[str] | None:
        try:
            expression = parse(text)
        except BadExpression:
            return None
        found = find_runs(reader, snapshot, expression, now_ms())
        assert not found.unknown
        return frozenset(key.rpartition("/")[2] for key in found.keys)

    return Judges(mlflow, search, ours, sorted(run.run_id for run in snapshot.all_runs()))


def _agree(judges: Judges, seed: int, number: int) -> int:
    """How many MLflow accepted; all of them found the same runs."""
    speaker = Speaker(random.Random(seed), judges.run_ids)
    accepted = matched = 0
    for _ in range(number):
        text = speaker.expression()
        expected = judges.mlflow(text)
        if expected is None:  # a text in double quotes without an "and" after it is one of these
            continue
        found = judges.ours(text)
        assert found is not None, f"refused: {text!r}"
        assert found == expected, text
        accepted += 1
        matched += bool(expected)
    assert accepted > number * 0.9
    assert matched > number // 5
    return accepted


def _as_lenient(judges: Judges, seed: int, number: int) -> int:
    """Broken expressions: whatever MLflow still takes is taken and means the same; how many that were."""
    speaker = Speaker(random.Random(seed), judges.run_ids)
    accepted = 0
    for _ in range(number):
        text = speaker.broken()
        expected = judges.mlflow(text)
        found = judges.ours(text)
        if expected is not None:
            accepted += 1
            assert found is not None, f"refused: {text!r}"
            assert found == expected, text
    return accepted


def test_generated_expressions_find_what_mlflow_finds(judges: Judges, record_property: Any) -> None:
    accepted = _agree(judges, 1, 1_000)
    record_property(f"generated expressions on {RUNS} runs, the same runs found as by MLflow", accepted)


def test_expressions_with_a_slip_that_mlflow_lets_pass_mean_the_same(judges: Judges, record_property: Any) -> None:
    accepted = _as_lenient(judges, 2, 1_000)
    assert accepted > 100
    record_property("expressions with a slip that MLflow lets pass, of 1,000, the same runs found", accepted)


def test_a_whole_search_says_the_same_as_its_filter(judges: Judges) -> None:
    speaker = Speaker(random.Random(3), judges.run_ids)
    for _ in range(10):
        text = speaker.expression()
        assert judges.search(text) == judges.ours(text), text


@pytest.mark.full
@pytest.mark.parametrize("seed", range(10, 14))
def test_many_more_generated_expressions_agree(judges: Judges, seed: int, record_property: Any) -> None:
    record_property("generated expressions, many more", _agree(judges, seed, 3_000))
    accepted = _as_lenient(judges, seed, 3_000)
    assert accepted > 300
    record_property("expressions with a slip, many more", accepted)
