"""The metadata a run, a registered or a logged model, a version or an output gets: what it says, and in words what
is done to it. Pure. Experiments, which need a name nobody else has, are in ``mending``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from mlruns_tui.model.mending import Exchange, MendKind, Spot, Traces
from mlruns_tui.model.text import safe

from . import rebuilding
from .mend_words import changes

_RUN_ID: Final = re.compile(r"[a-zA-Z0-9][\w\-]{0,255}")
"""What MLflow takes for a run's id (``_validate_run_id``)."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A metadata file as it is to be."""

    meta: Mapping[str, Any]
    what: str
    """``meta.yaml mended: status: 99 → 3``."""
    name: str = ""
    """Of what it is about, not yet safe to show."""
    text: str = ""
    """The file, where it is not to be made from ``meta``."""


def rewritten(spot: Spot, root: str) -> Rewritten | str:
    """The metadata of a place in the store at ``root``, or why it cannot be told, in words."""
    return _MAKERS[spot.wanted.kind](spot, root)


def mended(spot: Spot, meta: Mapping[str, Any]) -> str:
    """Of a file that can be read: which values become others."""
    return f"meta.yaml mended: {changes(spot.traces.stated, meta)}"


def _run(spot: Spot, root: str) -> Rewritten | str:
    traces, parts = spot.traces, spot.wanted.path.split("/")
    experiment_id, run_id = parts[-3], parts[-2]
    if spot.exchange is not None:
        return spot.exchange.why_not or _exchanged(spot.exchange, run_id)
    if "run-exchanged" in {one.code for one in spot.wanted.findings}:
        return "its meta.yaml is that of another run, which has a third one's: nothing tells how they were mixed up"
    if _is_copy(spot, experiment_id, "run_id", run_id):
        return "another directory is the same run: one of the two is a copy"
    if not _RUN_ID.fullmatch(run_id):
        return "its directory has a name MLflow takes for no run's: nothing tells its id"
    meta = rebuilding.run(_with_times(spot), experiment_id, run_id, rebuilding.uri(root, *parts[:-1]))
    name = str(meta.get("run_name") or traces.name or "")
    if traces.usable:
        return Rewritten(meta, mended(spot, meta), name)
    status = next(word for word, number in rebuilding.STATUSES.items() if number == meta["status"])
    return Rewritten(meta, f"meta.yaml rebuilt from what was logged, as {status}", name)


def _exchanged(exchange: Exchange, run_id: str) -> Rewritten:
    """The metadata that names this run, from the other one's folder, as it is there."""
    other = exchange.path.split("/")[-2]
    return Rewritten({}, f"meta.yaml exchanged with that of run {safe(other, 80)}", run_id, exchange.text)


def _with_times(spot: Spot) -> Traces:
    """Where nothing was logged, the run's own times tell when it was."""
    run = spot.run
    if spot.traces.made_ms or run is None:
        return spot.traces
    moment = run.size.newest_ns // 1_000_000
    return replace(spot.traces, made_ms=moment, ended_ms=moment)


def _registered_model(spot: Spot, root: str) -> Rewritten | str:
    name = spot.wanted.path.split("/")[-2]
    meta = rebuilding.registered_model(spot.traces, name)
    rebuilt = "meta.yaml rebuilt from its directory; its description is lost"
    return Rewritten(meta, mended(spot, meta) if spot.traces.usable else rebuilt, name)


def _version(spot: Spot, root: str) -> Rewritten | str:
    model, version = spot.wanted.path.split("/")[-3:-1]
    number = version.removeprefix("version-")
    if not spot.traces.usable or not number.isdecimal() or len(number) > 18:
        return "nothing tells what it was made from"
    meta = rebuilding.version(spot.traces, model, int(number))
    return Rewritten(meta, mended(spot, meta), f"{model} {number}")


def _logged_model(spot: Spot, root: str) -> Rewritten | str:
    parts = spot.wanted.path.split("/")
    experiment_id, model_id = parts[-4], parts[-2]
    if _is_copy(spot, experiment_id, "model_id", model_id):
        return "another directory is the same logged model: one of the two is a copy"
    lost = "logged-model-meta-missing" in {one.code for one in spot.wanted.findings}
    if lost and not (spot.traces.artifacts or spot.traces.logged):
        return "nothing in it tells what it was"
    meta = rebuilding.logged_model(spot.traces, experiment_id, model_id, rebuilding.uri(root, *parts[:-1]))
    name = str(meta["name"])
    rebuilt = f"meta.yaml rebuilt, named {safe(name, 200)}"
    return Rewritten(meta, mended(spot, meta) if spot.traces.usable else rebuilt, name)


def _output(spot: Spot, root: str) -> Rewritten | str:
    run_id, _, model_id = spot.wanted.path.split("/")[-4:-1]
    meta = rebuilding.output(spot.traces, run_id, model_id)
    return Rewritten(meta, mended(spot, meta) if spot.traces.usable else "meta.yaml rebuilt from its directory's name")


def _is_copy(spot: Spot, experiment_id: str, key: str, own_id: str) -> bool:
    """Whether mending it would make two of one: the same is elsewhere, and this file does not say it belongs here."""
    stated = spot.traces.stated
    says_so = (
        str(stated.get("experiment_id", experiment_id)) == experiment_id and str(stated.get(key, own_id)) == own_id
    )
    return spot.is_repeated and not (spot.traces.usable and says_so)


_MAKERS: Final[Mapping[MendKind, Callable[[Spot, str], Rewritten | str]]] = {
    "run": _run, "registered-model": _registered_model, "version": _version, "logged-model": _logged_model,
    "output": _output,
}  # fmt: skip
