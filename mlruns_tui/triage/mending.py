"""Findings and a fresh look become a plan of repairs. Pure.

A repair is refused where somebody may be at work: a run that was written to lately, a file somebody has
open, what belongs to another user. Whatever is taken out or replaced stays in the backup.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from mlruns_tui.model.mending import Holdings, Look, Spot
from mlruns_tui.model.plan import Plan, PlanItem, Protection, RefusedItem, Step
from mlruns_tui.model.store import Identity, Reference, StoreInfo
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import RECOVERED_TAG, TRASH_NAME, ProtectionKind

from . import rebuilding
from .mend_able import IN_AN_UNREAD_EXPERIMENT, counted, inside_words, why_no_experiment, why_unjudged
from .mend_caution import Caution
from .mend_entry import Entry, experiment_path_key, place_of
from .mend_metadata import mended, rewritten
from .metatext import dump, edited
from .plan_head import PlanRequest, plan_of, totals_of, unseen_writers

_MARK = "meta.yaml was lost and rebuilt by mlruns-tui from what was logged; status and times are the likeliest"
_SECOND_NS = 1_000_000_000


def plan_repair(
    store: StoreInfo,
    look: Look,
    references: tuple[Reference, ...],
    names: Mapping[str, str],
    request: PlanRequest,
) -> Plan:
    """The plan that mends these places. ``names``: by experiment key; see ``check_names``."""
    maker = _Maker(store, look, references, names, request)
    # Metadata of experiments first: what is in one is only worth mending where that can be read.
    for spot in sorted(look.spots, key=lambda one: (one.wanted.kind != "experiment", one.wanted.after)):
        maker.add(spot)
    maker.pair(look.spots)
    items = _in_order(maker.items)
    said = list(maker.messages)
    if items:
        said += unseen_writers(look.unchecked_processes, look.in_container, store)
    return plan_of(store, request, items, maker.refused, totals_of(items), said)


def _in_order(items: Iterable[PlanItem]) -> list[PlanItem]:
    """By path, but what comes after another item behind all of those, and halves beside each other."""
    by_key = {one.key: one for one in items}

    def place(one: PlanItem) -> tuple[int, str, str]:
        other = by_key.get(one.partner, one)
        depth, above = 0, one
        while above.after in by_key:
            depth, above = depth + 1, by_key[above.after]
        return depth, min(one.path, other.path), one.path

    return sorted(by_key.values(), key=place)


class _Maker:
    def __init__(
        self,
        store: StoreInfo,
        look: Look,
        references: tuple[Reference, ...],
        names: Mapping[str, str],
        request: PlanRequest,
    ) -> None:
        self._store = store
        self._look = look
        self._caution = Caution(store, look, references, request)
        self._names = names
        self._request = request
        self._taken = {*look.names.values(), *names.values()}
        self._given = set(names.values())
        """Names this plan gives to experiments."""
        self._halves: dict[str, str] = {}
        """By path of metadata that is exchanged, that of the other."""
        self._keys: dict[str, str] = {}
        """Of the items there are by path."""
        self.items: list[PlanItem] = []
        self.refused: list[RefusedItem] = []
        self.messages: list[str] = []

    def add(self, spot: Spot) -> None:
        """Plan the repair of one place, or note why it must not be."""
        if spot.wanted.after and spot.wanted.after not in self._keys:
            return
        if not spot.experiment_is_read and f"{spot.experiment}/meta.yaml" not in self._keys:
            self._refuse(spot, "unreadable", IN_AN_UNREAD_EXPERIMENT)
            return
        if spot.traces.unjudged:
            self._refuse(spot, "unreadable", why_unjudged(spot))
            return
        protected = self._caution.protections(spot)
        if protected:
            self._refuse_for(spot, protected)
            return
        {
            "out": self._out, "folder": self._folder, "bytes": self._bytes, "experiment": self._experiment,
        }.get(spot.wanted.kind, self._metadata)(spot)  # fmt: skip

    def _refuse(self, spot: Spot, kind: ProtectionKind, why: str) -> None:
        self._refuse_for(spot, [Protection(kind, why)])

    def _refuse_for(self, spot: Spot, protected: list[Protection]) -> None:
        place, size = place_of(spot.wanted), spot.survey.size if spot.survey is not None else None
        one = RefusedItem(
            place.key, place.kind, place.experiment_id, place.run_id, self._name(spot, place), spot.wanted.path,
            size.size_bytes if size else 0, size.files if size else 0, spot.wanted.findings[0].code, tuple(protected),
        )  # fmt: skip
        self.refused.append(one)

    # What is done.

    def _out(self, spot: Spot) -> None:
        if spot.survey is None:
            self._is_fine(spot)
            return
        only_here = _only_here(spot.holds)
        if only_here and not self._request.options.strays_with_runs:
            why = f"holds {only_here}: mlruns-tui repair --strays-with-runs takes it out all the same"
            self._refuse(spot, "holds-runs", why)
            return
        said = [only_here] if only_here else []
        if spot.holds.versions:
            said.append(counted(spot.holds.versions, "model version"))
        if spot.survey.entries > 1:
            said.append(counted(spot.survey.size.files, "file"))
        self._item(spot, ", ".join(["moved out", *said]), (Step("move-out", spot.wanted.path),))

    def _folder(self, spot: Spot) -> None:
        replaced = "; what is in its place moved out" if spot.survey is not None else ""
        times = spot.run.size.newest_ns if spot.run is not None else 0
        self._item(spot, f"an empty directory made{replaced}", (Step("make-directory", spot.wanted.path, "", times),))

    def _bytes(self, spot: Spot) -> None:
        if spot.survey is None or not spot.drop:
            self._is_fine(spot)
            return
        if spot.lines and spot.dropped == spot.lines:
            what = "moved out: it has no line MLflow can read"
            self._item(spot, what, (Step("move-out", spot.wanted.path),))
            return
        said = []
        if spot.dropped:
            said.append(f"{spot.dropped:,} of {spot.lines:,} lines taken out")
        if spot.shortened:
            said.append(f"{spot.shortened:,} of {spot.lines:,} lines without the dataset MLflow cannot read")
        what = ", ".join(said) or "the broken character at its end taken out"
        times = spot.survey.size.newest_ns + _SECOND_NS
        self._item(spot, what, (Step("drop-bytes", spot.wanted.path, spot.drop, times),))

    def _experiment(self, spot: Spot) -> None:
        traces, path = spot.traces, spot.wanted.path
        folder, experiment_id = path.rpartition("/")[0], path.split("/")[-2]
        trashed = path.startswith(f"{TRASH_NAME}/")
        if why := why_no_experiment(spot):
            self._refuse(spot, "unreadable", why)
            return
        name = self._experiment_name(spot, folder, experiment_id)
        meta = rebuilding.experiment(traces, experiment_id, name, self._store.root, trashed=trashed)
        if traces.usable:
            what = mended(spot, meta)
        else:
            what = f"meta.yaml rebuilt from {inside_words(traces) or 'the name of its folder'}, named {safe(name, 200)}"
        self._put(spot, what, meta, name)

    def _experiment_name(self, spot: Spot, folder: str, experiment_id: str) -> str:
        given = self._names.get(experiment_path_key(spot.wanted.path))
        if given is not None:
            return given
        stated = spot.traces.stated.get("name")
        others = {*self._given, *(name for path, name in self._look.names.items() if path != folder)}
        # Metadata with another experiment's id has its name from there as well.
        own = spot.traces.usable and "experiment-id-mismatch" not in {one.code for one in spot.wanted.findings}
        if isinstance(stated, str) and stated and (own or stated not in others):
            self._given.add(stated)
            self._taken.add(stated)
            return stated
        # The one MLflow itself names.
        first = "Default" if experiment_id == "0" and "Default" not in self._taken else f"recovered-{experiment_id}"
        name, again = first, 1
        while name in self._taken:
            again += 1
            name = f"recovered-{experiment_id}-{again}"
        self._taken.add(name)
        return name

    def _metadata(self, spot: Spot) -> None:
        made = rewritten(spot, self._store.root)
        if isinstance(made, str):
            self._refuse(spot, "unreadable", made)
            return
        if made.text and spot.exchange is not None:
            self._put_text(spot, made.what, made.text, made.name)
            self._halves[spot.wanted.path] = spot.exchange.path
            return
        self._put(spot, made.what, made.meta, made.name)
        if spot.wanted.kind == "run" and not spot.traces.usable and spot.wanted.path in self._keys:
            self._mark(spot, safe(made.name))

    def _mark(self, spot: Spot, name: str) -> None:
        """The tag that says where the metadata came from."""
        if spot.traces.marked or spot.parent is None:
            return
        run = spot.wanted.path.rpartition("/")[0]
        times = spot.run.size.newest_ns if spot.run is not None else 0
        tags = spot.traces.tags_identity
        if tags is not None:
            step = Step("put-file", f"{run}/tags/{RECOVERED_TAG}", _MARK, times)
        else:
            step = Step("make-directory", f"{run}/tags", f"{RECOVERED_TAG}\n{_MARK}", times)
        wanted = replace(spot.wanted, path=step.path, after=spot.wanted.path)
        marked = replace(spot, wanted=wanted, survey=None, parent=tags or spot.parent)
        self._item(marked, f"tag {RECOVERED_TAG} set", (step,), name)

    def _put(self, spot: Spot, what: str, meta: Mapping[str, Any], name: str) -> None:
        try:
            traces = spot.traces
            text = edited(traces.text, traces.stated, meta) if traces.text else dump(meta)
            text.encode("utf-8")
        except (UnicodeError, ValueError, TypeError, RecursionError):
            why = "its name, or something it says, cannot be written to a file as it is"
            self._refuse(spot, "unreadable", why)
            return
        self._put_text(spot, what, text, name)

    def _put_text(self, spot: Spot, what: str, text: str, name: str) -> None:
        times = spot.run.size.newest_ns if spot.run is not None else 0
        if spot.survey is not None:
            times = max(times, spot.survey.size.newest_ns) + _SECOND_NS
        self._item(spot, what, (Step("put-file", spot.wanted.path, text, times),), safe(name))

    def pair(self, spots: Iterable[Spot]) -> None:
        """Tie the halves of exchanges together; a half whose other half is left alone is left alone as well."""
        by_path = {spot.wanted.path: spot for spot in spots}
        items = {item.path: item for item in self.items}
        for path, other in self._halves.items():
            if other in items and self._halves.get(other) == path:
                items[path] = replace(items[path], partner=self._keys[other])
            else:
                del items[path]
                self._refuse(by_path[path], "unreadable", "the run whose meta.yaml it has is left alone")
        self.items = list(items.values())

    def _is_fine(self, spot: Spot) -> None:
        self.messages.append(f"{safe(spot.wanted.path, 200)}: nothing is wrong there any more")

    def _item(self, spot: Spot, what: str, steps: tuple[Step, ...], name: str = "") -> None:
        place, survey = place_of(spot.wanted), spot.survey
        if survey is not None and steps[0].kind != "move-out":
            steps = (Step("move-out", spot.wanted.path), *steps)
        newest = survey.size.newest_ns if survey is not None else 0
        above = "" if spot.experiment_is_read else f"{spot.experiment}/meta.yaml"
        self._keys[spot.wanted.path] = place.key
        self.items.append(
            PlanItem(
                key=place.key,
                kind=place.kind,
                action="repair",
                experiment_id=place.experiment_id,
                run_id=place.run_id,
                name=name or self._name(spot, place),
                path=spot.wanted.path,
                reason=spot.wanted.findings[0].what,
                rule=spot.wanted.findings[0].code,
                size_bytes=survey.size.size_bytes if survey is not None else 0,
                allocated_bytes=survey.size.allocated_bytes if survey is not None else 0,
                files=survey.size.files if survey is not None else 0,
                entries=survey.entries if survey is not None else 0,
                identity=survey.identity if survey is not None else spot.parent or Identity(0, 0),
                fingerprint=survey.fingerprint if survey is not None else "",
                newest_ns=spot.run.size.newest_ns if spot.run is not None else newest,
                steps=steps,
                what=what,
                after=self._keys.get(spot.wanted.after or above, ""),
            )
        )

    def _name(self, spot: Spot, place: Entry) -> str:
        if place.kind == "experiment":
            stated = self._look.names.get(spot.wanted.path.rpartition("/")[0], "")
            return safe(stated) or place.experiment_id
        if place.kind == "run":
            return (spot.traces.name and safe(spot.traces.name)) or place.run_id
        return safe(spot.wanted.path.rpartition("/")[2])


def _only_here(holds: Holdings) -> str:
    """``3 runs and 1 logged model that exist nowhere else``; empty when there are none."""
    found = ((holds.runs, "run"), (holds.models, "logged model"))
    said = " and ".join(counted(number, word) for number, word in found if number)
    return said and f"{said} that exist{'s' * (holds.runs + holds.models == 1)} nowhere else"
