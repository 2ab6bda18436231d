"""A process that is asked, one JSON line each way, what MLflow makes of a store, and what we say of it.

Run with the Python of any environment that has an MLflow: it builds the healthy store with it, opens
copies, and runs its migration. Long-lived, because importing MLflow takes seconds. It never sleeps:
MLflow waits before it reads an empty file again, which would only cost time here.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import json
import logging
import os
import re
import shutil
import signal
import stat
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_ENABLE_ASYNC_LOGGING"] = "false"
os.environ["GIT_PYTHON_REFRESH"] = "quiet"
warnings.simplefilter("ignore")

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import steady  # noqa: E402

# isort: split
import healthy  # noqa: E402
import mlflow  # noqa: E402
from mlflow.entities import ViewType  # noqa: E402
from mlflow.tracking import MlflowClient  # noqa: E402

time.sleep = lambda seconds: None

RESERVED = {"tags", "datasets", "traces", "models", "meta.yaml"}
EXPERIMENT_ID = re.compile(r"^[a-zA-Z0-9][\w\-]{0,63}$")
"""What MLflow takes for an id; it is asked about no other."""
PATIENCE_S = 60
"""Of processor time, which a loaded machine gives later, and does not count otherwise."""


class Hung(BaseException):
    """MLflow does not answer: it waits for something nobody will ever write."""


def open_or_hang(file: Any, *more: Any, **named: Any) -> Any:
    """``open`` that says at once what the real one would wait for: a writer of a FIFO."""
    if isinstance(file, str | bytes | os.PathLike):
        with contextlib.suppress(OSError, ValueError):
            if stat.S_ISFIFO(os.stat(file).st_mode):
                raise Hung(f"waits for a writer of {file!r}")
    return really_open(file, *more, **named)


really_open = builtins.open
builtins.open = io.open = open_or_hang


class Heard(logging.Handler):
    """Every record at WARNING or above, whoever logged it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record.getMessage()[:300])


heard = Heard()
logging.getLogger().addHandler(heard)
for name in ("mlflow", "alembic", "sqlalchemy"):
    logger = logging.getLogger(name)
    logger.handlers = [heard] if name == "mlflow" else []
    logger.propagate = False


@contextlib.contextmanager
def bounded(seconds: int) -> Iterator[None]:
    def ring(number: int, frame: Any) -> None:
        raise Hung

    signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


class Interview:
    """Asks one store everything and writes down, call by call, what came of it."""

    def __init__(self, store: str) -> None:
        self.store = store
        self.calls: list[dict[str, str]] = []
        self.listed: dict[str, list[str]] = {}
        self.there: dict[str, int] = {}
        """How many directories are in the place of what a call lists."""

    def ask(self, call: str, entry: str, question: Callable[[], Any], name: Callable[[Any], str] | None = None) -> None:
        heard.records.clear()
        outcome, what = "ok", ""
        try:
            with bounded(PATIENCE_S):
                answer = question()
                if name is not None:
                    self.listed[f"{call} {entry}".strip()] = [str(name(one)) for one in answer]
        except BaseException as error:
            outcome, what = "raise", f"{type(error).__name__}: {str(error)[:300]}"
        else:
            if heard.records:
                outcome, what = "warn", heard.records[0]
        self.calls.append({"call": call, "entry": entry, "outcome": outcome, "what": what})

    def everything(self) -> dict[str, Any]:
        uri = Path(self.store).as_uri()
        mlflow.set_tracking_uri(uri)
        self.ask("open", "", lambda: healthy.client_of(uri))
        if self.calls[-1]["outcome"] != "ok":
            return {"calls": self.calls, "listed": {}, "there": {}}
        client = healthy.client_of(uri)
        experiments = [name for name in directories(self.store) if name != "models" and not name.endswith(".trash")]
        # A folder of this name in the trash is not asked about: that would be asking for the registry.
        trashed = [name for name in directories(os.path.join(self.store, ".trash")) if name != "models"]
        self.there["search_experiments ALL"] = len(
            [name for name in there(self.store) if name in experiments] + there(os.path.join(self.store, ".trash"))
        )
        # Before 1.28 all of them were listed.
        search = getattr(client, "search_experiments", None) or client.list_experiments
        self.ask("search_experiments ACTIVE", "", lambda: search(view_type=ViewType.ACTIVE_ONLY), experiment_id)
        self.ask("search_experiments ALL", "", lambda: search(view_type=ViewType.ALL), experiment_id)
        self.ask("get_experiment_by_name", "", lambda: client.get_experiment_by_name("a name nobody has"))
        for experiment in dict.fromkeys(filter(EXPERIMENT_ID.match, experiments + trashed)):
            self.about_experiment(client, experiment)
        self.ask("open", "", lambda: opened_registry(client))
        if self.calls[-1]["outcome"] == "ok" and opened_registry(client):
            self.about_registry(client)
        return {"calls": self.calls, "listed": self.listed, "there": self.there}

    def about_registry(self, client: MlflowClient) -> None:
        registry = os.path.join(self.store, "models")
        models = [f"{registry}/{name}" for name in there(registry)]
        versions = [f"{one}/{name}" for one in models for name in there(one) if name.startswith("version-")]
        self.there["search_registered_models"] = sum(not is_prompt(one) for one in models)
        self.there["search_model_versions"] = sum(not (is_deleted(one) or is_prompt(one)) for one in versions)
        self.ask("search_registered_models", "", client.search_registered_models, lambda one: one.name)
        self.ask(
            "search_model_versions",
            "",
            lambda: client.search_model_versions(""),
            lambda one: f"{one.name} {one.version}",
        )

    def about_experiment(self, client: MlflowClient, experiment: str) -> None:
        self.ask("get_experiment", experiment, lambda: client.get_experiment(experiment))
        self.ask(
            "search_runs", experiment, lambda: client.search_runs([experiment], run_view_type=ViewType.ALL), run_id
        )
        if hasattr(client, "search_logged_models"):
            self.ask(
                "search_logged_models",
                experiment,
                lambda: client.search_logged_models([experiment]),
                lambda one: one.model_id,
            )
        if hasattr(client, "search_traces"):
            self.ask("search_traces", experiment, lambda: trace_infos(client, experiment), trace_id)
        places = [os.path.join(self.store, experiment), os.path.join(self.store, ".trash", experiment)]
        runs = [name for place in places for name in directories(place) if name not in RESERVED]
        first = next((place for place in places if os.path.isdir(place)), self.store)
        self.there[f"search_runs {experiment}"] = sum(name not in RESERVED for name in there(first))
        for folder, call in (("models", "search_logged_models"), ("traces", "search_traces")):
            inside = there(os.path.join(first, folder))
            self.there[f"{call} {experiment}"] = sum(
                folder == "traces"
                or not (name in RESERVED - {"meta.yaml"} or is_deleted(os.path.join(first, folder, name)))
                for name in inside
            )
        for run in dict.fromkeys(runs):
            self.ask("get_run", f"{experiment}/{run}", lambda run=run: client.get_run(run))


def opened_registry(client: MlflowClient) -> bool:
    """Whether there is a registry: before 2.1 the file store had none."""
    if not hasattr(client, "_get_registry_client"):
        return False
    try:
        client._get_registry_client()
    except Exception as error:
        if "not supported by the store" in str(error):
            return False
        raise
    return True


def directories(path: str) -> list[str]:
    try:
        return [name for name in os.listdir(path) if os.path.isdir(os.path.join(path, name))]
    except OSError:
        return []


def is_deleted(folder: str) -> bool:
    """Left out of listings because somebody deleted it with MLflow."""
    try:
        with open(os.path.join(folder, "meta.yaml"), "rb") as file:
            data = file.read()
    except (OSError, Hung):
        return False
    return b"lifecycle_stage: deleted" in data or b"current_stage: Deleted_Internal" in data


def is_prompt(folder: str) -> bool:
    try:
        with open(os.path.join(folder, "tags", "mlflow.prompt.is_prompt"), "rb") as file:
            return file.read() == b"true"
    except (OSError, Hung):
        return False


def there(path: str) -> list[str]:
    """Directories that are in a place, also where MLflow may only read their names, and links to some."""
    try:
        with os.scandir(path) as found:
            return [one.name for one in found if is_folder(one)]
    except OSError:
        return []


def is_folder(one: os.DirEntry[str]) -> bool:
    try:
        return one.is_dir()
    except OSError:
        # A link round in a circle.
        return False


def experiment_id(one: Any) -> str:
    return one.experiment_id


def run_id(one: Any) -> str:
    return one.info.run_id


def trace_infos(client: MlflowClient, experiment: str) -> list[Any]:
    """Only the records: what the spans of a trace hold is no business of the file store."""
    store = client._tracking_client.store
    return list(store.search_traces([experiment])[0])


def trace_id(one: Any) -> str:
    return getattr(one, "trace_id", None) or one.request_id


def migrate(store: str, scratch: str) -> dict[str, Any]:
    """What ``mlflow migrate-filestore`` makes of a store: fails, or which runs it carried over."""
    import mlflow.store.db.utils as database
    from mlflow.store.fs2db import migrate as migration
    from sqlalchemy import create_engine, text

    template = os.path.join(scratch, "template.db")
    if not os.path.exists(template):
        engine = create_engine(f"sqlite:///{template}.new")
        database._initialize_tables(engine)
        engine.dispose()
        os.rename(f"{template}.new", template)
    # The tables were made once; making them anew takes four seconds.
    database._initialize_tables = lambda engine: None
    target = os.path.join(scratch, f"migrated-{os.getpid()}.db")
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(target + suffix)
    shutil.copyfile(template, target)
    try:
        with bounded(PATIENCE_S), open(os.devnull, "w") as sink, contextlib.redirect_stdout(sink):
            migration(Path(store), f"sqlite:///{target}", progress=False)
    except BaseException as error:
        return {"outcome": "fails", "what": f"{type(error).__name__}: {str(error)[:400]}"}
    engine = create_engine(f"sqlite:///{target}")
    with engine.connect() as connection:
        orphans = connection.execute(
            text("SELECT run_uuid FROM runs WHERE experiment_id NOT IN (SELECT experiment_id FROM experiments)")
        ).scalars()
        left = list(orphans)
        runs = list(connection.execute(text("SELECT run_uuid FROM runs")).scalars())
    engine.dispose()
    return {"outcome": "orphans-runs" if left else "ok", "what": " ".join(left), "runs": runs}


def doctor(store: str, version: str) -> dict[str, Any]:
    from mlruns_tui.model.codec import encode
    from mlruns_tui.workflow.diagnosing import diagnose
    from mlruns_tui.workflow.reading import open_reader

    began = time.process_time()
    findings = diagnose(open_reader(store), version)
    return {"findings": encode(findings), "seconds": time.process_time() - began}


def repair(store: str, version: str, *, rename: bool) -> dict[str, Any]:
    """Repair what can be, and once more, for which there should be nothing left. ``rename``: then an experiment
    whose name another one has as well gets its id after it. ``rounds``: the codes mended, by round."""
    from mlruns_tui.model.codec import encode
    from mlruns_tui.workflow.diagnosing import diagnose
    from mlruns_tui.workflow.reading import open_reader
    from mlruns_tui.workflow.repairing import preview_repair, start_repair

    batches, rounds = [], []
    for names in (False, False, True) if rename else (False, False):
        reader = open_reader(store)
        findings = diagnose(reader, version)
        twice = [one.path.split("/")[:-1] for one in findings if one.code == "experiment-name-twice"] if names else []
        keys = [("trash/" if parts[0] == ".trash" else "experiment/") + parts[-1] for parts in twice]
        plan = preview_repair(
            reader, findings, names={key: key.replace("/", " ") for key in keys}, min_idle_ms=0, strays_with_runs=True
        )
        rounds.append([f"{one.rule} {one.path}" for one in plan.items])
        if not plan.empty:
            batches.append(encode(start_repair(plan).result()))
    return {"batches": batches, "rounds": rounds, "refused": encode(plan.refused)}


def take_back(store: str, batches: list[str]) -> dict[str, Any]:
    from mlruns_tui.model.codec import encode
    from mlruns_tui.workflow.changing import start_restore

    return {"batches": [encode(start_restore(store, one).result()) for one in reversed(batches)]}


def answer(question: dict[str, Any]) -> dict[str, Any]:
    verb = question.pop("verb")
    if verb == "version":
        return {"version": mlflow.__version__}
    if verb == "build":
        with steady.steady():
            return healthy.build(question["store"])
    if verb == "mlflow":
        return Interview(question["store"]).everything()
    if verb == "migrate":
        return migrate(question["store"], question["scratch"])
    if verb == "doctor":
        return doctor(question["store"], question["version"])
    if verb == "repair":
        return repair(question["store"], question["version"], rename=bool(question.get("rename")))
    if verb == "take back":
        return take_back(question["store"], question["batches"].split())
    raise ValueError(verb)


def main() -> None:
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line))
        except BaseException:
            reply = {"error": traceback.format_exc()}
        out.write(json.dumps(reply) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
