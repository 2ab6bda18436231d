"""Entries whose metadata names another entry of the same listing. MLflow lists such a one under the id it states:
the other one is then seen twice, or each as the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from mlruns_tui.model.findings import Symptom

from .. import layout
from . import columns
from .context import Owner, Store
from .sameness import holds_nothing_new

Kind = Literal["exchanged", "copy", "covered", "elsewhere"]
"""``exchanged``: another one states its id, so both are seen, each with something of the other. ``copy``: of the
one it states, with nothing in it that the other has not. ``covered``: the other one is seen twice and this one
not at all. ``elsewhere``: nobody in this listing has the id it states."""


@dataclass(slots=True)
class Siblings:
    """What the entries of one listing say they are; each is named by its directory."""

    own: set[str] = field(default_factory=set)
    """Those that state their own id, and those nobody can know of."""
    strangers: dict[str, str] = field(default_factory=dict)
    """Those that state another id, and which."""

    def add(self, name: str, stated: str) -> None:
        if name == stated:
            self.own.add(name)
        else:
            self.strangers[name] = stated

    def judged(self, above: str, store: Store) -> Iterator[tuple[str, str, Kind]]:
        """Each stranger, the id it states, and what it is; ``above`` is the path of the directory they are in."""
        listed = set(self.strangers.values())
        for name, stated in self.strangers.items():
            store.pulse()
            if name in listed:
                yield name, stated, "exchanged"
            elif stated in self.own:
                copy = holds_nothing_new(layout.join(above, name), layout.join(above, stated), store)
                yield name, stated, "copy" if copy else "covered"
            else:
                yield name, stated, "covered" if stated in self.strangers else "elsewhere"

    def check(self, above: str, file: str, codes: dict[Kind, str], owner: Owner, store: Store) -> Iterator[Symptom]:
        """Each stranger's symptom at its metadata ``file``, by the code for its kind; none for a kind without."""
        for name, stated, kind in self.judged(above, store):
            if kind in codes:
                yield owner.says(codes[kind], layout.join(above, f"{name}/{file}"), columns.shown(stated))


def check_runs(siblings: Siblings, path: str, owner: Owner, store: Store) -> Iterator[Symptom]:
    """The runs of the experiment at ``path``, all strangers of which name a directory in it.

    MLflow reads metrics, params and tags of what it lists from the directory of the stated id, and opens a
    run only where its directory and its metadata agree (``_list_run_infos``; ``_get_run_info``, 3.8 and later).
    """
    for name, stated, kind in siblings.judged(path, store):
        code = {"exchanged": "run-exchanged", "copy": "run-id-of-sibling"}.get(kind, "run-meta-of-sibling")
        place = layout.join(path, f"{name}/{layout.META}")
        yield Owner(owner.experiment_id, name).says(code, place, columns.shown(stated))
    by = {stated: name for name, stated in siblings.strangers.items()}
    for name in sorted(by.keys() - siblings.own - siblings.strangers.keys()):
        says = Owner(owner.experiment_id, name).says
        yield says("run-listed-by-another", layout.join(path, name), columns.shown(by[name]))
