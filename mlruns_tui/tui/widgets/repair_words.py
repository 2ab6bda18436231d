"""What is said about a plan of repairs: its items as lines, one of them in full, and what happens."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from textual.content import Content

from mlruns_tui.model.plan import Plan, PlanItem, RefusedItem
from mlruns_tui.model.store import Snapshot, container_key
from mlruns_tui.model.words import VAULT_NAME
from mlruns_tui.report.words import plural, size_text
from mlruns_tui.tui.signs import Signs
from mlruns_tui.workflow.reading import Space

from .cells import DIM, FAINT, KEY, Piece, cut, fit, line, wrap
from .plan_words import has_backups

MOST_LINES: Final = 14
"""Lines of a rebuilt file that are shown."""


def new_name(item: PlanItem) -> str:
    """The name the experiment gets that this item rebuilds from nothing; empty where no name is made up."""
    is_experiment = item.kind == "experiment" and not item.run_id
    return item.name if is_experiment and item.name.startswith("recovered-") else ""


@dataclass(frozen=True, slots=True)
class RepairPainter:
    """Draws the items: where, what is wrong, what is done."""

    signs: Signs
    places: Mapping[str, str]
    """Names of experiments by key."""
    left_out: Collection[str]

    def header(self, width: int) -> Content:
        where, wrong = _columns(width)
        return line([(f"   {fit('where', where)}", DIM), (fit("what is wrong", wrong), DIM), ("what is done", DIM)])

    def __call__(self, item: PlanItem, width: int) -> Content:
        where, wrong = _columns(width)
        goes = item.key not in self.left_out
        style = "" if goes else FAINT
        done = (item.what or "mended") if goes else "left out"
        mark: Piece = (self.signs.repair, "$accent") if goes else (" ", "")
        return line(
            [mark, ("  ", ""), (fit(self.place(item), where - 1) + " ", style or "bold"),
             (cut(item.reason, wrong - 1) + " ", DIM), (cut(done, width - 3 - where - wrong), style)]
        )  # fmt: skip

    def place(self, item: PlanItem) -> str:
        """``smoke-tests``, ``smoke-tests › run-7``, or the path."""
        experiment = self.places.get(container_key(item.key), "") or item.experiment_id
        if not item.run_id:
            return item.name or experiment or item.path
        return f"{experiment} {self.signs.path} {item.name or item.run_id}" if experiment else item.path


def _columns(width: int) -> tuple[int, int]:
    rest = max(20, width - 3)
    return rest * 30 // 100, rest * 32 // 100


def counted(items: Sequence[PlanItem]) -> str:
    """``3 places in 2 experiments``."""
    experiments = len({item.experiment_id for item in items if item.experiment_id})
    inside = f" in {plural(experiments, 'experiment')}" if experiments else ""
    return plural(len(items), "place") + inside


def headline(plan: Plan) -> Content:
    """The whole truth in one line."""
    if plan.empty:
        return line([("Nothing is repaired.", "bold"), (f"  {nothing_words(plan)}.", DIM)])
    many = len(plan.items) != 1
    return line(
        [(counted(plan.items), "$accent bold"), (f" {'are' if many else 'is'} repaired.", ""),
         ("  What is there now goes to a backup; ", DIM), ("z", KEY), (" brings it back, byte for byte.", "")]
    )  # fmt: skip


def nothing_words(plan: Plan, left_out: int = 0) -> str:
    if left_out:
        return "Nothing to repair: all of it is left out"
    number = len(plan.refused)
    if not number:
        return "Nothing to repair: it is mended already"
    return "Nothing to repair: " + (f"all {number:,} must stay as they are" if number > 1 else "it must stay as it is")


def item_lines(item: PlanItem, place: str, width: int) -> list[Content]:
    """One repair in full: where, what is wrong, what is done, and the file as it will be."""
    lines = [line([(part, "bold")]) for part in wrap(place, width)]
    lines += [Content(), *_labelled("path", item.path, width), *_labelled("wrong", item.reason, width)]
    lines += _labelled("done", item.what or "mended", width)
    if name := new_name(item):
        lines += [*_labelled("name", name, width), line([(" " * 7, ""), ("n", KEY), (" another name", DIM)])]
    text = next((step.content for step in item.steps if step.kind == "put-file" and step.content), "")
    if text:
        shown = text.splitlines()
        lines += [Content(), line([(f"{item.path.rpartition('/')[2]} as it will be", DIM)])]
        lines += [
            line([(f"{number:>4} ", FAINT), ("│ ", FAINT), (cut(one, max(8, width - 8)).rstrip(), "$success")])
            for number, one in enumerate(shown[:MOST_LINES], 1)
        ]
        if len(shown) > MOST_LINES:
            lines.append(line([(f"       {plural(len(shown) - MOST_LINES, 'more line')}", DIM)]))
    return lines


def _labelled(label: str, text: str, width: int) -> list[Content]:
    first, *rest = wrap(text, max(8, width - 7))
    return [line([(f"{label:<7}", DIM), first]), *(line([" " * 7 + part]) for part in rest)]


def what_happens(
    plan: Plan, snapshot: Snapshot, left_out: int, space: Space | None, width: int, signs: Signs
) -> list[Content]:
    """What a repair does to the disk, what stays, and how to take it back."""
    lines = _labelled("writes", "only what the list says; everything else stays as it is", width)
    backup = f"{VAULT_NAME}/batches/{plan.id}"
    free = f", {size_text(space.bytes_free)} free" if space is not None else ""
    lines += _labelled("backup", f"{backup} on the same disk{free}", width)
    lines += _labelled("back", f"z here, or mlruns-tui undo {plan.store_given}", width)
    if left_out:
        lines += _labelled("left", f"{left_out:,} left out by you", width)
    said = [*plan.messages]
    if not plan.empty and not has_backups(snapshot):
        said.append(f"the first backup in this store: mirrors of it (rsync --delete, git) must exclude {VAULT_NAME}")
    if plan.refused:
        lines += [
            Content(),
            line([(f"{signs.protected} ", "$secondary"), (f"{len(plan.refused):,} stay as they are", "")]),
        ]
        for one in plan.refused:
            lines += _refused(one, width)
    for one_said in said:
        first, *rest = wrap(one_said, width - 2)
        lines += [Content(), line([(f"{signs.warns} ", "$warning bold"), first])]
        lines += [line(["  " + part]) for part in rest]
    return lines


def _refused(item: RefusedItem, width: int) -> list[Content]:
    reasons = "; ".join(one.reason for one in item.protected)
    lines = [line(["  " + part]) for part in wrap(item.path or item.key, width - 2)]
    return [*lines, *(line([("    " + part, DIM)]) for part in wrap(reasons, width - 4))]
