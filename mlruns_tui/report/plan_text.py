"""A plan and what became of it, as text: the review for a shell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mlruns_tui.model.batch import Batch, BatchItem
from mlruns_tui.model.forecast import Forecast
from mlruns_tui.model.plan import Children, Plan, PlanItem, RefusedItem, children_of
from mlruns_tui.model.store import Snapshot, container_key
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import VAULT_NAME

from .tables import Column, table
from .words import count_text, items_text, plural, size_text, undo_command

SHOWN_PER_EXPERIMENT = 10
SHOWN_REFUSED = 40
SHOWN_PROBLEMS = 10
_MEANS = {
    "orphaned": "orphaned means: no meta.yaml, and no database claims it.",
    "old": "old means: active, ended longer ago than asked, and needed by nothing.",
}


def headline(plan: Plan) -> str:
    """What will happen, in one sentence."""
    what = items_text(plan.totals.runs, plan.totals.experiments)
    alone = plan.totals.runs + plan.totals.experiments == 1
    if any(item.action == "slim" for item in plan.items):
        what = slim_words(what, all(item.action == "slim" for item in plan.items))
        alone = False
    much = f"{size_text(plan.totals.size_bytes)} in {plural(plan.totals.files, 'file')}"
    if plan.backup:
        return f"{what} {'goes' if alone else 'go'} to a backup: {much}. Nothing of it is deleted."
    return (
        f"{what} {'is' if alone else 'are'} deleted for good: {much}. Nothing brings {'it' if alone else 'them'} back."
    )


def slim_words(what: str, alone: bool) -> str:
    """``the artifacts of 143 runs``; not ``alone``: of some of them, others go as a whole."""
    return f"the artifacts of {what}" if alone else f"{what} (of some only the artifacts)"


def plan_lines(
    plan: Plan,
    snapshot: Snapshot,
    bytes_free: int | None,
    width: int | None = None,
    forecast: Forecast | None = None,
) -> list[str]:
    """The whole review: what goes and why, what stays and why, what is freed, how to take it back. ``forecast``: what
    was moved is packed next."""
    lines = [f"{safe(plan.store_root)}  nothing has changed yet"]
    if plan.empty:
        lines.append("Nothing to remove.")
    else:
        lines += [headline(plan), "", *_going(plan, snapshot, width)]
    if plan.refused:
        lines += ["", *_staying(plan.refused, width)]
    if not plan.empty:
        lines += ["", *_consequences(plan, bytes_free, forecast)]
    lines += [f"note                {message}" for message in plan.messages]
    return lines


def _going(plan: Plan, snapshot: Snapshot, width: int | None) -> list[str]:
    groups: dict[str, list[PlanItem]] = {}
    for item in plan.items:
        groups.setdefault(container_key(item.key), []).append(item)
    children = children_of(plan)
    rows: list[tuple[str, str, str, str, str]] = []
    for key, items in sorted(groups.items(), key=lambda pair: -sum(item.size_bytes for item in pair[1])):
        rows += _group(key, items, snapshot, children)
    columns = (
        Column("goes", gives_way=True),
        Column("why", gives_way=True),
        Column("items", right=True),
        Column("files", right=True),
        Column("size", right=True),
    )
    lines = table(columns, rows, width)
    means = [_MEANS[rule] for rule in dict.fromkeys(item.rule for item in plan.items) if rule in _MEANS]
    return lines + ([""] if means else []) + means


def _group(
    key: str, items: Sequence[PlanItem], snapshot: Snapshot, children: Mapping[str, Children]
) -> list[tuple[str, str, str, str, str]]:
    size, files = sum(item.size_bytes for item in items), sum(item.files for item in items)
    first = items[0]
    if first.kind != "run":
        inside = f", with {plural(first.runs_inside, 'run')}" if first.runs_inside else ""
        why = first.reason + inside + children_words(children.get(first.key))
        return [(item_label(first), why, "1", count_text(files), size_text(size))]
    experiment = snapshot.experiment(key)
    name = (experiment.name if experiment else "") or safe(first.experiment_id)
    total = len(snapshot.runs.get(key, ()))
    rows = [
        (name, f"{len(items):,} of {plural(total, 'run')}", count_text(len(items)), count_text(files), size_text(size))
    ]
    by_size = sorted(items, key=lambda item: -item.size_bytes)
    rows += [
        (
            f"  {item_label(item)}",
            item.reason + children_words(children.get(item.key)),
            "",
            count_text(item.files),
            size_text(item.size_bytes),
        )
        for item in by_size[:SHOWN_PER_EXPERIMENT]
    ]
    rest = by_size[SHOWN_PER_EXPERIMENT:]
    if rest:
        rows.append((f"  … {len(rest):,} more", "", "", "", size_text(sum(item.size_bytes for item in rest))))
    return rows


def children_words(children: Children | None) -> str:
    """What becomes of the child runs of an item, to go on its reason: ``, its 4 child runs go too``."""
    if children is None:
        return ""
    if not children.staying:
        return f", its {_going_children(children.going)}"
    staying = f"{plural(children.staying, 'child run')} {'stays' if children.staying == 1 else 'stay'} without a parent"
    return f", {_going_children(children.going)}, {staying}" if children.going else f", {staying}"


def _going_children(number: int) -> str:
    return f"{plural(number, 'child run')} {'goes' if number == 1 else 'go'} too"


def _staying(refused: Sequence[RefusedItem], width: int | None) -> list[str]:
    rows = []
    for one in refused[:SHOWN_REFUSED]:
        kinds = ", ".join(dict.fromkeys(protection.kind for protection in one.protected))
        reasons = "; ".join(protection.reason for protection in one.protected)
        rows.append((item_label(one), kinds, reasons))
    if any(kind.kind == "parent" for one in refused if one.kind == "run" for kind in one.protected):
        means = [
            "",
            "A parent stays while a child run of it stays: --run ID --with-descendants takes the whole family.",
        ]
    else:
        means = []
    rest = len(refused) - len(rows)
    columns = (Column(f"stays ({len(refused):,})", gives_way=True), Column("kept by"), Column("why", gives_way=True))
    lines = table(columns, rows, width)
    return [*lines, *([f"… {rest:,} more (--json lists all)"] if rest else []), *means]


def _consequences(plan: Plan, bytes_free: int | None, forecast: Forecast | None) -> list[str]:
    allocated = size_text(plan.totals.allocated_bytes)
    if not plan.backup:
        return [f"disk space freed    {allocated} at once, for good", "backup              none: this cannot be undone"]
    free = f", {size_text(bytes_free)} free" if bytes_free is not None else ""
    if forecast is not None:
        return [*_packing(plan, forecast), f"to take it back     {undo_command(plan.store_root)}"]
    return [
        f"disk space freed    now 0 B (moved on the same disk), after a purge {allocated}",
        f"backup              {VAULT_NAME}/batches/{plan.id}, on the same disk{free}",
        f"to take it back     {undo_command(plan.store_root)}",
    ]


def _packing(plan: Plan, forecast: Forecast) -> list[str]:
    """What is freed and where the backup goes, where it is packed at once."""
    before, after = size_text(forecast.before_bytes), size_text(forecast.after_bytes)
    lines = [f"disk space freed    about {size_text(max(forecast.freed_bytes, 0))}, once it is packed"]
    vault = f"{VAULT_NAME}/batches/{plan.id}"
    if forecast.backup_dir:
        short = "" if forecast.after_bytes <= forecast.bytes_free else ": not enough"
        where = f"in {safe(forecast.backup_dir)}, {size_text(forecast.bytes_free)} free there{short}"
        lines.append(f"backup              {before} packed into about {after} {where}")
        lines.append(f"                    each read back there before the original goes; {vault} remembers where")
    else:
        lines.append(f"backup              {vault}, {before} packed into about {after}")
    if forecast.poor:
        number, size = plural(len(forecast.poor), "item"), size_text(sum(one.allocated_bytes for one in forecast.poor))
        lines.append(f"not packed          {number} of {size} would gain less than {forecast.min_gain_percent} %, as ")
        lines[-1] += "model weights do: --backup-dir packs to another disk, --slim or backups purge frees it"
    lines += [f"not packed          {one.name or safe(one.key)}: {one.why_not}" for one in forecast.unable[:3]]
    if len(forecast.unable) > 3:
        lines.append(f"                    and {len(forecast.unable) - 3:,} more that no archive can hold exactly")
    return lines


def item_label(item: PlanItem | RefusedItem) -> str:
    if isinstance(item, PlanItem) and item.what:
        return safe(item.path)
    return item.name or safe(item.run_id or item.experiment_id or item.path)


def result_lines(
    plan: Plan, batch: Batch, bytes_freed_measured: int | None = None, *, packed: bool = False
) -> list[str]:
    """What was done, read from the batch. ``packed``: what became of that is said next."""
    done = [one for one in batch.items if one.outcome == "done"]
    lines = []
    what = items_text(sum(one.item.kind == "run" for one in done), sum(one.item.kind != "run" for one in done))
    size = size_text(sum(one.item.size_bytes for one in done))
    if any(one.item.action == "slim" for one in done):
        what = slim_words(what, all(one.item.action == "slim" for one in done))
    if not done:
        lines.append("Nothing was removed.")
    elif plan.backup:
        lines.append(f"{what} moved to a backup, {size}. Undo: {undo_command(plan.store_root)}")
        if not packed:
            lines.append(
                "No disk space is freed yet: the backup takes the same. mlruns-tui backups pack or purge frees it."
            )
    else:
        lines.append(f"{what} deleted for good, {size}.")
        lines.append(freed_sentence(batch.freed_bytes, bytes_freed_measured))
    return lines + outcome_lines(batch.items)


def freed_sentence(freed: int, measured: int | None) -> str:
    """``4.8 GB freed; the disk says 4.8 GB.``"""
    if freed < 0:
        return f"It takes {size_text(-freed)} more than before."
    if measured is None:
        return f"{size_text(freed)} freed."
    said = f"{size_text(freed)} freed; the disk says {size_text(max(measured, 0))}"
    missing = freed - measured
    if missing > max(freed // 20, 1 << 20):
        return f"{said}: something else wrote {size_text(missing)} meanwhile."
    return f"{said}."


def outcome_lines(items: Iterable[BatchItem]) -> list[str]:
    """What failed and what was skipped, with the reasons."""
    lines: list[str] = []
    items = list(items)
    for outcome in ("failed", "skipped"):
        here = [one for one in items if one.outcome == outcome]
        if here:
            lines.append(f"{plural(len(here), 'item')} {outcome}:")
            errors = {one.error for one in here}
            if len(errors) == 1 and len(here) > 2 and here[0].away:
                lines.append(f"  all: {here[0].error}")
                continue
            lines += [f"  {item_label(one.item)}: {one.error or 'left where it was'}" for one in here[:SHOWN_PROBLEMS]]
            if len(here) > SHOWN_PROBLEMS:
                lines.append(f"  … {len(here) - SHOWN_PROBLEMS:,} more (--json lists all)")
    return lines
