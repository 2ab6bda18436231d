"""From a recipe to its runs: who they are, when they ran, how they ended, what they logged."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from mlruns_tui.model.words import Status

from .formats import stamp
from .recipes import Family, Goal, Recipe, Special
from .values import DAY, HOUR, MINUTE, SECOND, Artifact, Curve, Dataset, DemoRun, Fate, LoggedModel

_OLD = ((32.5, 60, 40), (60, 90, 24), (90, 180, 20), (180, 365, 11), (365, 760, 5))
_YOUNG = ((0.1, 1, 3), (1, 3, 10), (3, 7, 20), (7, 14, 30), (14, 21, 22), (21, 26, 15))
_RECENT = ((3, 14, 55), (14, 25, 45))
"""Days since the end, from and to, and how many of a hundred; all well away from 30."""

_ENDINGS: tuple[Status, ...] = ("FINISHED", "FAILED", "KILLED")
_ADJECTIVES = ("bold", "calm", "dapper", "eager", "gifted", "hushed", "merry", "nimble", "rare", "salty", "wise")
_ANIMALS = ("boar", "carp", "crane", "finch", "gnu", "hound", "koi", "lynx", "mole", "newt", "shark", "stork")


class Population:
    """Makes the runs (and logged models) of one experiment; everything random comes from ``seed``."""

    def __init__(self, recipe: Recipe, experiment_id: str, seed: int, now_ms: int) -> None:
        self._recipe = recipe
        self._experiment_id = experiment_id
        self._random = Random(f"{seed}/{recipe.name}")
        self._now = now_ms
        self._names: dict[str, int] = {}
        self._commits = [f"{self._random.getrandbits(160):040x}" for _ in range(8)]
        self._old_names = list(reversed(recipe.old_names))
        self._young_names = list(reversed(recipe.young_names))
        self._runs: list[DemoRun] = []
        self.models: list[LoggedModel] = []
        self.dataset = Dataset(*recipe.dataset) if recipe.dataset else None

    def live_together(self) -> tuple[DemoRun, ...]:
        """The runs of an experiment in the root, as many and as old as its recipe says, oldest first."""
        for special in self._recipe.specials:
            self._special(special)
        for family in self._recipe.families:
            self._family(family)
        goes = sum(run.fate == "goes" for run in self._runs)
        for _ in range(self._recipe.goes - goes):
            self._single("goes", self._days(_OLD))
        for _ in range(self._recipe.deleted):
            self._single("deleted", self._days(_RECENT))
        for _ in range(self._recipe.runs - len(self._runs)):
            self._single("young", self._days(_YOUNG))
        return tuple(sorted(self._runs, key=lambda run: (run.start_ms, run.run_id)))

    def trashed_together(self, deleted_ms: int) -> tuple[DemoRun, ...]:
        """The runs of an experiment that was deleted, and they with it, at ``deleted_ms``."""
        for _ in range(self._recipe.runs):
            self._single("trashed", self._random.uniform(20.5, 25), deleted_ms=deleted_ms)
        return tuple(sorted(self._runs, key=lambda run: (run.start_ms, run.run_id)))

    # how long ago, how long

    def _days(self, buckets: Sequence[tuple[float, float, int]]) -> float:
        low, high, _ = self._random.choices(buckets, [bucket[2] for bucket in buckets])[0]
        return self._random.uniform(low, high)

    def _duration(self) -> int:
        low, high = self._recipe.minutes
        return int(low * (high / low) ** self._random.random() * MINUTE) + self._random.randrange(MINUTE)

    def _ago(self, days: float) -> int:
        return self._now - int(days * DAY)

    # one run, or a family

    def _single(self, fate: Fate, days: float, *, deleted_ms: int | None = None) -> None:
        names = self._old_names if fate == "goes" else self._young_names
        wanted = names.pop() if names and fate in ("goes", "young") else ""
        end = self._ago(days)
        status = self._status()
        if fate == "deleted":
            deleted_ms = end + int(self._random.uniform(0.02, 0.8) * (self._now - end))
        self._add(wanted, fate, status, end - self._duration(), end, deleted_ms=deleted_ms)

    def _status(self) -> Status:
        return self._random.choices(_ENDINGS, (85, 10, 5))[0]

    def _special(self, special: Special) -> None:
        end: int | None = self._ago(special.days)
        if special.fate == "live":
            start, wrote, end = self._now - 2 * HOUR, self._now - 20 * SECOND, None
        elif special.fate == "running":
            start = self._ago(special.days)
            wrote, end = start + min(self._duration(), 5 * HOUR), None
        elif special.status == "RUNNING":
            wrote = self._ago(special.days)
            start, end = wrote - self._duration(), None
        else:
            wrote = self._ago(special.days)
            start = wrote - self._duration()
        run = self._add(special.name, special.fate, special.status, start, end, wrote=wrote)
        if special.model == "in-run":
            self._runs[-1] = _with_model_inside(run)
        elif special.model == "logged":
            self._runs[-1] = self._with_logged_model(run)

    def _family(self, family: Family) -> None:
        """Children run a third of their time beside the one before; the parent ends after the last."""
        spans: list[tuple[int, int]] = []
        begin = 0
        for _ in range(family.children):
            length = self._duration()
            spans.append((begin, begin + length))
            begin += length // 3 + SECOND
        last = max(end for _, end in spans)
        parent_end = self._ago(family.days)
        shift = parent_end - last - 3 * SECOND
        old = family.days > 30
        fate: Fate = ("parent" if family.added else "goes") if old else "young"
        date = time.strftime("%Y-%m-%d", time.gmtime(shift / 1000))
        parent = self._add(family.name.format(date=date), fate, "FINISHED", shift - 2 * SECOND, parent_end, leads=True)
        for number, (start, end) in enumerate(spans):
            child_fate: Fate = "goes" if old else "young"
            child = self._add("", child_fate, self._status(), shift + start, shift + end, parent=parent)
            for fold in range(family.folds if number == 0 else 0):
                length = max((end - start) // (family.folds + 1), MINUTE // 2)
                at = shift + start + fold * length
                self._add(f"{child.name}-fold{fold}", child_fate, "FINISHED", at, at + length, parent=child)
        for _ in range(family.added):
            end = self._ago(self._random.uniform(2, 20))
            self._add("", "young", "FINISHED", end - self._duration(), end, parent=parent)

    def _add(
        self,
        wanted: str,
        fate: Fate,
        status: Status,
        start: int,
        end: int | None,
        *,
        wrote: int | None = None,
        deleted_ms: int | None = None,
        parent: DemoRun | None = None,
        leads: bool = False,
    ) -> DemoRun:
        random, recipe = self._random, self._recipe
        params = tuple((name, random.choice(values.split())) for name, values in recipe.params)
        name = self._name(wanted, dict(params))
        user = parent.user if parent else random.choice(recipe.users)
        written = wrote if wrote is not None else end if end is not None else start
        done = 1.0 if status == "FINISHED" else 0.9 if fate == "live" else random.uniform(0.15, 0.85)
        tags = [
            ("mlflow.runName", name, start),
            ("mlflow.source.git.commit", random.choice(self._commits), start),
            ("mlflow.source.name", recipe.script, start),
            ("mlflow.source.type", "LOCAL", start),
            ("mlflow.user", user, start),
        ]
        if parent:
            tags.append(("mlflow.parentRunId", parent.run_id, start))
        # Set by hand, an hour after the end.
        if fate == "keep-tag":
            tags.append(("keep", "paper", written + HOUR))
        if leads and fate != "young":
            tags.append(("mlflow.note.content", f"{name}: see the children for the curves.", written + HOUR))
        dataset = self.dataset if random.random() < 0.3 and not leads else None
        run = DemoRun(
            run_id=uuid.UUID(int=random.getrandbits(128), version=4).hex,
            experiment_id=self._experiment_id,
            name=name,
            user=user,
            status=status,
            fate=fate,
            start_ms=start,
            end_ms=end,
            deleted_ms=deleted_ms,
            last_write_ms=written,
            params=() if leads else params,
            tags=tuple(tags),
            curves=self._curves(start, written, done, status, leads, dataset),
            artifacts=self._artifacts(start, written, done, leads),
            parent_id=parent.run_id if parent else "",
            dataset=dataset,
        )
        self._runs.append(run)
        return run

    def _name(self, wanted: str, params: dict[str, str]) -> str:
        template = self._recipe.template
        if wanted:
            name = wanted
        elif template:
            name = template.format_map({key.replace("/", "_"): value for key, value in params.items()})
        else:
            random = self._random
            name = f"{random.choice(_ADJECTIVES)}-{random.choice(_ANIMALS)}-{random.randrange(1000)}"
        seen = self._names[name] = self._names.get(name, 0) + 1
        return f"{name}-{seen}" if seen > 1 else name

    # what it logged

    def _curves(
        self, start: int, written: int, done: float, status: Status, leads: bool, dataset: Dataset | None
    ) -> tuple[Curve, ...]:
        random, recipe = self._random, self._recipe
        goals: tuple[Goal, ...] = recipe.goals[-1:] if leads else recipe.goals
        low, high = recipe.points
        detailed = random.random() < 0.02 and not leads
        total = random.randrange(240, 620) if detailed else random.randint(low, high)
        points = 1 if leads else max(1, int(total * done))
        every = 1 if detailed else random.choice((1, 1, 5, 50))
        begin = min(start + max((written - start) // (points + 1), SECOND), written) if points > 1 else written
        lost = status == "FAILED" and random.random() < 0.3
        luck = random.gauss(0, 0.6)
        return tuple(
            Curve(
                name=goal.name,
                shape=goal.shape,
                first=goal.last if leads else goal.first,
                last=round(goal.last + goal.spread * (luck + random.gauss(0, 0.3)), 7),
                wobble=goal.wobble,
                points=points,
                every=every,
                begin_ms=begin,
                end_ms=written,
                noise_at=random.randrange(4096),
                diverges=lost and "loss" in goal.name,
                dataset=(dataset.name, dataset.digest) if dataset and goal.on_dataset else None,
            )
            for goal in goals
        )

    def _artifacts(self, start: int, written: int, done: float, leads: bool) -> tuple[Artifact, ...]:
        random = self._random
        if leads:
            return (Artifact("summary.json", "report", 0, 0, written),)
        kilobytes = min(self._recipe.kilobytes * random.lognormvariate(-0.12, 0.5), 4000)
        span = written - start
        made = []
        for file in self._recipe.files:
            # A run that broke off early left its settings but no result.
            if done < 0.4 and file.kind in ("image", "report", "table"):
                continue
            at = 0.05 if file.kind in ("config", "requirements", "vocabulary") else random.uniform(0.7, 1.0)
            size = int(kilobytes * 1000 * file.share * (0.5 + done / 2))
            made.append(Artifact(file.path, file.kind, size, random.randrange(1 << 30), start + int(at * span)))
        return tuple(made)

    def _with_logged_model(self, run: DemoRun) -> DemoRun:
        model_id = f"m-{uuid.UUID(int=self._random.getrandbits(128), version=4).hex}"
        made = run.last_write_ms - 2 * SECOND
        self.models.append(
            LoggedModel(
                model_id=model_id,
                experiment_id=self._experiment_id,
                run_id=run.run_id,
                name="model",
                created_ms=made,
                artifacts=_model_files("", made, run.artifacts[0].size or 20_000),
                metrics=tuple((curve.name, curve.last) for curve in run.curves if curve.shape == "settle"),
                user=run.user,
                script=self._recipe.script,
            )
        )
        return replace(run, outputs=(model_id,))


def _model_files(folder: str, made: int, size: int) -> tuple[Artifact, ...]:
    return (
        Artifact(f"{folder}MLmodel", "MLmodel", 0, 0, made),
        Artifact(f"{folder}model.bin", "weights", size, made % (1 << 20), made),
        Artifact(f"{folder}requirements.txt", "requirements", 0, 0, made),
    )


def _with_model_inside(run: DemoRun) -> DemoRun:
    """The 2.x way: the model's files and their record are part of the run."""
    made = run.last_write_ms - 2 * SECOND
    history = {
        "run_id": run.run_id,
        "artifact_path": "model",
        "utc_time_created": stamp(made),
        "model_uuid": run.run_id[::-1],
        "flavors": {"python_function": {"loader_module": "mlflow.sklearn", "python_version": "3.10.13"}},
    }
    return replace(
        run,
        artifacts=run.artifacts + _model_files("model/", made, run.artifacts[0].size),
        tags=(*run.tags, ("mlflow.log-model.history", json.dumps([history]), made)),
    )
