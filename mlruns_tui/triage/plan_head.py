"""What every plan has, whatever it does: who asked for it and how, its totals, who could not be seen."""

from __future__ import annotations

from collections.abc import Sequence

from mlruns_tui.model.late import dataclass
from mlruns_tui.model.plan import Plan, PlanItem, PlanTotals, RefusedItem
from mlruns_tui.model.store import StoreInfo

from .protection import Options


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """Who asks, when, and how it is to be done."""

    plan_id: str
    now_ms: int
    user: str
    host: str
    backup: bool = True
    rules: tuple[str, ...] = ()
    """What was asked for, in words."""
    options: Options = Options()


def plan_id(now_utc: str, random_hex: str) -> str:
    """``20261122-2026-a3f1`` from ``20261122-2026`` (UTC) and random hex digits."""
    return f"{now_utc}-{random_hex}"


def plan_of(
    store: StoreInfo,
    request: PlanRequest,
    items: Sequence[PlanItem],
    refused: Sequence[RefusedItem],
    totals: PlanTotals,
    messages: Sequence[str],
) -> Plan:
    """The plan of these items for this store, as this was asked for."""
    return Plan(
        id=request.plan_id,
        created_ms=request.now_ms,
        store_root=store.root,
        store_given=store.given,
        store_identity=store.identity,
        user=request.user,
        host=request.host,
        items=tuple(items),
        refused=tuple(refused),
        totals=totals,
        backup=request.backup,
        rules=request.rules,
        min_idle_ms=request.options.quiet_ms(store.network),
        lifted=tuple(sorted(request.options.lifted)),
        messages=tuple(messages),
    )


def totals_of(items: Sequence[PlanItem]) -> PlanTotals:
    """What these items add up to."""
    return PlanTotals(
        experiments=sum(item.kind == "experiment" and item.action != "repair" for item in items),
        runs=sum(item.kind == "run" and item.action != "repair" for item in items),
        runs_inside=sum(item.runs_inside for item in items),
        size_bytes=sum(item.size_bytes for item in items),
        allocated_bytes=sum(item.allocated_bytes for item in items),
        files=sum(item.files for item in items),
    )


def unseen_writers(unchecked_processes: int, in_container: bool, store: StoreInfo) -> list[str]:
    """Who may be writing without anybody here being able to see it, in sentences."""
    decide = "status and quiet time decide"
    said = []
    if unchecked_processes > 0:
        number = unchecked_processes
        said.append(
            f"{number:,} process{'es' * (number != 1)} of other users could not be checked for open files; {decide}"
        )
    if unchecked_processes < 0:
        said.append(f"open files cannot be checked on this system; {decide}")
    if in_container:
        said.append(f"programs outside of this container cannot be seen; {decide}")
    if store.network:
        kind = f" ({store.file_system})" if store.file_system else ""
        said.append(f"the store is on a network file system{kind}: programs on other hosts cannot be seen; {decide}")
    return said
