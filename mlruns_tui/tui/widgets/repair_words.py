"""What is said about a plan of repairs: its items as lines, one of them in full, and what happens."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from textual.content import Content

from mlruns_tui.model.plan import Plan, PlanItem, RefusedItem
from mlruns_tui.model.store import Snapshot, experiment_key
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import TRASH_NAME, VAULT_NAME, Place
from mlruns_tui.report.words import elide, plural, size_text
from mlruns_tui.tui.signs import Signs
from mlruns_tui.workflow.reading import Space

from .cells import DIM, FAINT, KEY, Piece, cut, fit, line, width_of, wrap
from .plan_words import has_backups

MOST_LINES: Final = 14
"""Lines of a rebuilt file that are shown."""
MOST_REFUSED: Final = 3
"""Places that stay for the same reason, by path."""


def in_order(plan: Plan) -> list[PlanItem]:
    """As they are listed: what is about whole experiments or the store first, then by place."""
    return sorted(plan.items, key=lambda item: (bool(item.run_id), item.path))


def rebuilt(plan: Plan) -> frozenset[str]:
    """Keys of the experiments that get a name made up for them, which the user may choose instead."""
    return frozenset(
        item.key
        for item in plan.items
        if item.kind == "experiment" and not item.run_id and item.name == f"recovered-{item.experiment_id}"
    )


def key_of_experiment(item: PlanItem) -> str:
    """Key of the experiment the place of an item is in; empty outside of any."""
    place: Place = "trash" if item.path.startswith(f"{TRASH_NAME}/") else "root"
    return experiment_key(place, item.experiment_id) if item.experiment_id else ""


def key_of_run(item: PlanItem) -> str:
    return f"{key_of_experiment(item)}/run/{item.run_id}" if item.run_id else ""


def places_of(plan: Plan, snapshot: Snapshot) -> dict[str, str]:
    """Names of the experiments and runs of these items by key, as far as the snapshot has them."""
    wanted = {key_of_run(item) for item in plan.items} | {key_of_experiment(item) for item in plan.items}
    found = {one.key: one.name or one.experiment_id for one in snapshot.experiments if one.key in wanted}
    for container in tuple(found):
        found.update((run.key, run.name or run.run_id) for run in snapshot.runs.get(container, ()) if run.key in wanted)
    return found


@dataclass(frozen=True, slots=True)
class RepairPainter:
    """Draws the items: where, what is wrong, what is done."""

    signs: Signs
    places: Mapping[str, str]
    """Names of experiments and runs by key."""
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
            [mark, ("  ", ""), (fit(self._short_place(item, where - 1), where - 1) + " ", style or "bold"),
             (cut(item.reason, wrong - 1) + " ", DIM), (cut(done, width - 3 - where - wrong), style)]
        )  # fmt: skip

    def place(self, item: PlanItem) -> str:
        """``smoke-tests``, ``smoke-tests › run-7``, ``smoke-tests › datasets/4e1f…``, or the path."""
        experiment = self.places.get(key_of_experiment(item), "") or item.experiment_id
        if not experiment:
            return item.path
        if not item.run_id:
            inner = item.path.removeprefix(f"{TRASH_NAME}/").partition("/")[2]
            return experiment if inner in ("", "meta.yaml") else f"{experiment} {self.signs.path} {safe(inner)}"
        return f"{experiment} {self.signs.path} {self.places.get(key_of_run(item), item.run_id)}"

    def _short_place(self, item: PlanItem, cells: int) -> str:
        """The same in so many cells: of both names something is left."""
        place = self.place(item)
        experiment, sign, run = place.partition(f" {self.signs.path} ")
        if not sign or width_of(place) <= cells:
            return place
        room = max(8, cells - 3 - width_of(run), cells * 2 // 5)
        short = elide(safe(experiment), room)
        return f"{short}{sign}{elide(run, max(8, cells - 3 - width_of(short)))}"


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


def item_lines(item: PlanItem, place: str, can_rename: bool, width: int) -> list[Content]:
    """One repair in full: where, what is wrong, what is done, and the file as it will be."""
    lines = [line([(part, "bold")]) for part in wrap(place, width)]
    lines += [Content(), *_labelled("path", item.path, width), *_labelled("wrong", item.reason, width)]
    lines += _labelled("done", item.what or "mended", width)
    if can_rename:
        lines += [*_labelled("name", item.name, width), line([(" " * 7, ""), ("n", KEY), (" another name", DIM)])]
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
    plan: Plan, snapshot: Snapshot, left_out: tuple[int, int], space: Space | None, width: int, signs: Signs
) -> list[Content]:
    """What a repair does to the disk, what stays, and how to take it back. ``left_out``: places the user leaves
    out, and those that are of no use without them."""
    lines = _labelled("writes", "only what the list says; everything else stays as it is", width)
    backup = f"{VAULT_NAME}/batches/{plan.id}"
    free = f", {size_text(space.bytes_free)} free" if space is not None else ""
    lines += _labelled("backup", f"{backup} on the same disk{free}", width)
    lines += _labelled("back", f"z here, or mlruns-tui undo {plan.store_given}", width)
    by_hand, with_them = left_out
    if by_hand:
        more = f", and {with_them:,} that {'are' if with_them > 1 else 'is'} of no use without" if with_them else ""
        lines += _labelled("left", f"{by_hand:,} left out by you{more}", width)
    said = [*plan.messages]
    if not plan.empty and not has_backups(snapshot):
        said.append(f"the first backup in this store: mirrors of it (rsync --delete, git) must exclude {VAULT_NAME}")
    if plan.refused:
        lines += [
            Content(),
            line([(f"{signs.protected} ", "$secondary"), (f"{len(plan.refused):,} stay as they are", "")]),
        ]
        lines += _refused(plan.refused, width, signs)
    for one_said in said:
        first, *rest = wrap(one_said, width - 2)
        lines += [Content(), line([(f"{signs.warns} ", "$warning bold"), first])]
        lines += [line(["  " + part]) for part in rest]
    return lines


def _refused(items: Sequence[RefusedItem], width: int, signs: Signs) -> list[Content]:
    """Why some stay, those with the same reasons together, a few of them by path."""
    by_reason: dict[str, list[RefusedItem]] = {}
    for one in items:
        by_reason.setdefault("; ".join(protection.reason for protection in one.protected), []).append(one)
    lines: list[Content] = []
    for reason, found in by_reason.items():
        lines += [line([f"  {part}"]) for part in wrap(reason, width - 2)]
        for one in found[:MOST_REFUSED]:
            lines += [line([(f"    {part}", DIM)]) for part in wrap(one.path or one.key, width - 4)]
        if len(found) > MOST_REFUSED:
            lines.append(line([(f"    {signs.unknown} {len(found) - MOST_REFUSED:,} more", DIM)]))
    return lines
