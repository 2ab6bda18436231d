"""The whole demo store as one value, from a seed and a time."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from .population import Population
from .recipes import BORROWS, RECIPES, TRASHED, Recipe
from .values import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Content,
    Dataset,
    DemoExperiment,
    DemoRun,
    LoggedModel,
    ModelVersion,
    Orphan,
    RegisteredModel,
    Trace,
)

SHARED = "shared-artifacts"
_TRASHED_AGO = 19 * DAY
_RENAMED = "gpt2-wikitext"
"""MLflow copies an experiment's tags into its ``meta.yaml`` when it is renamed."""


def build(seed: int, now_ms: int) -> Content:
    """Everything that will be in the store; the same for the same arguments."""
    random = Random(f"{seed}/ids")
    ids = {recipe.name: str(random.randrange(10**17, 10**18)) for recipe in (*RECIPES, TRASHED)}
    ids["Default"] = "0"
    experiments = [_experiment(recipe, ids, seed, now_ms) for recipe in RECIPES]
    registry, versions = _registry(experiments, now_ms)
    experiments = [_with_versions(experiment, versions) for experiment in experiments]
    trashed = _trashed(ids[TRASHED.name], seed, now_ms)
    orphans = _orphans(random, now_ms)
    return Content(
        now_ms=now_ms,
        seed=seed,
        experiments=tuple(experiments),
        trashed=(trashed,),
        orphans=orphans,
        registry=registry,
        claimed_folder=f"{ids[BORROWS[1]]}/{SHARED}",
    )


def _experiment(recipe: Recipe, ids: dict[str, str], seed: int, now_ms: int) -> DemoExperiment:
    experiment_id = ids[recipe.name]
    people = Population(recipe, experiment_id, seed, now_ms)
    runs = people.live_together()
    created = runs[0].start_ms - 5 * MINUTE
    return DemoExperiment(
        experiment_id=experiment_id,
        name=recipe.name,
        location=f"{ids[BORROWS[1]]}/{SHARED}" if recipe.name == BORROWS[0] else experiment_id,
        created_ms=created,
        updated_ms=created + 3 * DAY if recipe.name == _RENAMED else created,
        tags=recipe.tags,
        runs=runs,
        datasets=(people.dataset,) if people.dataset else (),
        models=tuple(people.models),
        traces=_traces(runs, seed) if recipe.name == "llm-sft-qlora" else (),
    )


def _trashed(experiment_id: str, seed: int, now_ms: int) -> DemoExperiment:
    deleted = now_ms - _TRASHED_AGO
    runs = Population(TRASHED, experiment_id, seed, now_ms).trashed_together(deleted)
    return DemoExperiment(
        experiment_id=experiment_id,
        name=TRASHED.name,
        location=experiment_id,
        created_ms=runs[0].start_ms - HOUR,
        updated_ms=deleted,
        tags=TRASHED.tags,
        runs=runs,
        trashed=True,
    )


def _orphans(random: Random, now_ms: int) -> tuple[Orphan, ...]:
    """Two experiments whose ``meta.yaml`` and runs are gone: one with the datasets its runs had used."""
    first, second = (str(random.randrange(10**17, 10**18)) for _ in range(2))
    old, older = now_ms - 41 * DAY, now_ms - 203 * DAY
    return (
        Orphan(
            experiment_id=first,
            newest_ms=old,
            tags=(("mlflow.note.content", "feature store v1, moved to s3"), ("team", "growth")),
            datasets=tuple(
                (_features(2022 + at, columns), old - (4 - at) * DAY)
                for at, columns in enumerate((11_900, 12_300, 12_700, 13_000))
            ),
            folders=("models",),
        ),
        Orphan(second, older, (("owner", "jiho"),), (), ()),
    )


def _features(year: int, columns: int) -> Dataset:
    """A table so wide that its schema is nearly the largest MLflow takes (1 MiB)."""
    names = tuple(f"daily_mean_of_signal_{at:05d}" for at in range(columns))
    source = f"s3://feature-store/v1/features_{year}.parquet"
    return Dataset(f"features_{year}", f"{year * 7919:08x}", source, 48_211, names)


# the model registry


def _registry(
    experiments: list[DemoExperiment], now_ms: int
) -> tuple[tuple[RegisteredModel, ...], dict[str, list[tuple[str, int]]]]:
    """The registered models, and for each logged model the versions made from it."""
    runs = {run.name: run for experiment in experiments for run in experiment.runs}
    models = {model.run_id: model for experiment in experiments for model in experiment.models}

    def version(number: int, run_name: str, stage: str = "None", description: str | None = None) -> ModelVersion:
        run = runs[run_name]
        made = run.last_write_ms + 20 * MINUTE
        return _version(number, run, models.get(run.run_id), made, stage, description)

    churn = (
        version(1, "lgbm-final-v1", "Archived"),
        version(2, "lgbm-final-v2", "Production", "the one in the monthly report"),
        version(3, "lgbm-final-v3", "Staging"),
        replace(version(4, "lgbm-holdout-leak", "Deleted_Internal"), updated_ms=now_ms - 30 * DAY),
    )
    registered = (
        _registered(
            "churn-scorer",
            churn,
            "Probability that a customer leaves within 30 days.",
            (("team", "growth"), ("model/kind", "lightgbm")),
            (("champion", 3), ("champion-prev", 2)),
        ),
        _registered(
            "resnet50-classifier",
            (version(1, "r50-lars-bs4096-v1"), version(2, "r50-ema-distill")),
            None,
            (),
            (("candidate", 2),),
        ),
        _registered("sst2-sentiment", (version(1, "sst2-best-ensemble"),), None, (), (("demo", 1),)),
        _registered("한국어-받아쓰기", (version(1, "whisper-small-zeroth-final"),), "whisper-small, zeroth", (), ()),
        _prompt(now_ms),
    )
    made_from: dict[str, list[tuple[str, int]]] = {}
    for model in registered:
        for one in model.versions:
            if one.model_id:
                made_from.setdefault(one.model_id, []).append((model.name, one.version))
    return registered, made_from


def _version(
    number: int, run: DemoRun, model: LoggedModel | None, made: int, stage: str, description: str | None
) -> ModelVersion:
    return ModelVersion(
        version=number,
        created_ms=made,
        updated_ms=made if stage == "None" else made + 9 * MINUTE,
        run_id=run.run_id,
        files=(
            f"{run.experiment_id}/models/{model.model_id}/artifacts"
            if model
            else f"{run.experiment_id}/{run.run_id}/artifacts/model"
        ),
        model_id=model.model_id if model else None,
        stage=stage,
        description=description,
        tags=(("reviewed", "yes"),) if description else (),
    )


def _registered(
    name: str,
    versions: tuple[ModelVersion, ...],
    description: str | None,
    tags: tuple[tuple[str, str], ...],
    aliases: tuple[tuple[str, int], ...],
) -> RegisteredModel:
    return RegisteredModel(
        name=name,
        created_ms=versions[0].created_ms - 4 * SECOND,
        updated_ms=max(version.updated_ms for version in versions),
        description=description,
        tags=tags,
        aliases=aliases,
        versions=versions,
    )


def _prompt(now_ms: int) -> RegisteredModel:
    """A prompt: to MLflow's registry a model without files."""
    texts = ("Summarise the ticket: {{ticket}}", "Summarise the ticket in {{language}}, two lines:\n{{ticket}}")
    versions = tuple(
        ModelVersion(
            version=number,
            created_ms=now_ms - (40 - 15 * number) * DAY,
            updated_ms=now_ms - (40 - 15 * number) * DAY,
            run_id=None,
            files="",
            tags=(("_mlflow_prompt_type", "text"), ("mlflow.prompt.is_prompt", "true"), ("mlflow.prompt.text", text)),
        )
        for number, text in enumerate(texts, 1)
    )
    return _registered("summarise-ticket", versions, None, (("mlflow.prompt.is_prompt", "true"),), (("production", 2),))


def _with_versions(experiment: DemoExperiment, versions: dict[str, list[tuple[str, int]]]) -> DemoExperiment:
    models = tuple(replace(model, versions=tuple(versions.get(model.model_id, ()))) for model in experiment.models)
    return replace(experiment, models=models)


def _traces(runs: tuple[DemoRun, ...], seed: int) -> tuple[Trace, ...]:
    """Questions somebody asked a fine-tuned model while its run was active."""
    random = Random(f"{seed}/traces")
    run = next(run for run in runs if run.name == "qwen2.5-7b-r32-final")
    asked = (
        ("How do I cancel?", "Open Settings, then Plan, then Cancel."),
        ("환불은 언제 되나요?", "영업일 기준 3~5일 안에 처리됩니다."),
        ("Is there a student plan?", "Yes, with a valid student card."),
        ("Why was I charged twice?", "The second charge is a hold and drops off in two days."),
    )
    return tuple(
        Trace(
            trace_id=f"tr-{random.getrandbits(128):032x}",
            experiment_id=run.experiment_id,
            run_id=run.run_id,
            user=run.user,
            script="finetune/ask.py",
            time_ms=run.last_write_ms - (len(asked) - number) * MINUTE,
            duration_ms=random.randint(300, 2400),
            question=question,
            answer=answer,
            assessment_id=f"a-{random.getrandbits(128):032x}" if number % 2 else "",
        )
        for number, (question, answer) in enumerate(asked)
    )
