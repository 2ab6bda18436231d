"""``mlruns-tui repair``: findings, plan, question, result."""

from __future__ import annotations

from collections.abc import Sequence

import click

from mlruns_tui.model.batch import Batch
from mlruns_tui.model.errors import Exit, UsageError
from mlruns_tui.model.findings import Finding
from mlruns_tui.model.plan import Plan
from mlruns_tui.model.protocols import Reader
from mlruns_tui.model.text import safe
from mlruns_tui.report.repair_document import repair_document, repair_fields
from mlruns_tui.report.repair_text import left_lines, plan_lines, result_lines
from mlruns_tui.report.words import plural
from mlruns_tui.workflow.asking import check_changeable
from mlruns_tui.workflow.diagnosing import diagnose
from mlruns_tui.workflow.reading import open_reader
from mlruns_tui.workflow.repairing import experiment_keys, preview_repair, repairable, start_repair

from .asking import confirm, needs_force
from .console import is_interactive, put_json, say, tell, width
from .options import (
    database_option,
    duration_ms,
    examples,
    force_option,
    json_options,
    lock_option,
    quiet_option,
    store_argument,
)
from .working import finish


def _names(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """``ID=NAME`` pairs."""
    found: dict[str, str] = {}
    for value in values:
        experiment_id, equals, name = value.partition("=")
        if not equals or not experiment_id or not name:
            raise click.BadParameter(f"{value!r} is not ID=NAME", ctx, param)
        if experiment_id in found:
            raise click.BadParameter(f"experiment {experiment_id} is named twice", ctx, param)
        found[experiment_id] = name
    return found


@click.command(
    "repair",
    epilog=examples(
        "mlruns-tui repair ./mlruns --dry-run",
        "mlruns-tui repair ./mlruns --only 3/meta.yaml --name 3=churn-2024",
        "mlruns-tui repair ./mlruns --only run-metric-line-unreadable",
        "mlruns-tui repair /data/mlruns --force --quiet        # in a crontab",
    ),
)
@store_argument
@click.option("-n", "--dry-run", is_flag=True, help="Show the plan, change nothing.")
@click.option(
    "--only",
    multiple=True,
    metavar="CODE|PATH",
    help="Only findings of this code, or at or below this path; repeatable.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="ID=NAME",
    callback=_names,
    help="Name of an experiment whose meta.yaml is rebuilt, or whose name another one has; repeatable.",
)
@click.option(
    "--min-idle",
    "min_idle_ms",
    metavar="TIME",
    callback=duration_ms,
    help="Quiet time asked of runs that may be alive: 1h, 24h on a network file system.",
)
@click.option(
    "--strays-with-runs",
    is_flag=True,
    help="Also move out of the store what MLflow cannot list and what holds runs that exist nowhere else.",
)
@force_option("Do it")
@lock_option
@quiet_option
@json_options("repair")
@database_option
def command(
    store: str | None,
    dry_run: bool,
    only: tuple[str, ...],
    names: dict[str, str],
    min_idle_ms: int | None,
    strays_with_runs: bool,
    force: bool,
    lock_timeout_ms: int,
    quiet: bool,
    as_json: bool,
    database: str | None,
) -> int:
    """Mend what is broken where that is mechanical and certain: rebuild lost metadata, make missing folders, take
    out what MLflow trips over.

    The plan is shown first. Nothing is deleted: what is taken out or replaced is kept in a backup, and
    mlruns-tui undo gives back the store as it was, byte for byte. Runs that may be alive are left alone.
    """
    reader = open_reader(store, database)
    in_database = reader.store.kind in ("database", "unclaimed")
    messages = ["its metadata is in a database: there is nothing to repair in its files"] if in_database else []
    findings = diagnose(reader)
    chosen = _chosen(findings, only)
    plan = preview_repair(
        reader,
        chosen,
        names={_key(reader, one): name for one, name in names.items()},
        min_idle_ms=min_idle_ms,
        strays_with_runs=strays_with_runs,
    )
    if plan.items and not dry_run:
        check_changeable(reader.store)
    if as_json and (dry_run or plan.empty):
        put_json(repair_document(plan, reader.store, None, None, dry_run=dry_run, messages=messages))
        return Exit.DONE
    if not as_json and not (quiet and (force or plan.empty)):
        say(plan_lines(plan, width()))
        for message in messages:
            tell(f"mlruns-tui: {message}")
    if dry_run or plan.empty:
        return Exit.DONE
    if not force:
        _ask(plan, as_json)
    batch, interrupted = finish(start_repair(plan, lock_timeout_ms / 1000), quiet=quiet)
    left = diagnose(reader)
    if as_json:
        put_json(repair_document(plan, reader.store, batch, left, dry_run=False, messages=messages))
    else:
        say([*result_lines(plan, batch), *left_lines(left, len(repairable(left)), plan.store_given)])
        for message in batch.messages:
            tell(f"mlruns-tui: {message}")
    return _exit_code(batch, interrupted)


def _chosen(findings: Sequence[Finding], only: tuple[str, ...]) -> tuple[Finding, ...]:
    """The findings asked for. Raises UsageError for a word that names none, or none a repair is for."""
    if not only:
        return tuple(findings)
    chosen: dict[int, Finding] = {}
    for word in only:
        path = word.strip("/")
        about = [
            (at, one)
            for at, one in enumerate(findings)
            if path and (one.code == word or one.path == path or one.path.startswith(f"{path}/"))
        ]
        if not about:
            raise UsageError(
                "no-such-finding",
                f"nothing is wrong at, and no finding has the code ‘{safe(word, 200)}’; nothing was changed",
                hint="mlruns-tui doctor --json lists codes and paths",
            )
        if not repairable([one for _, one in about]) and not any(
            one.code == "experiment-name-twice" for _, one in about
        ):
            remedy = about[0][1].remedy
            raise UsageError(
                "not-repairable",
                f"a repair is not for ‘{safe(word, 200)}’: {about[0][1].message}",
                hint="mlruns-tui cleanup removes it" if remedy == "remove" else "",
            )
        chosen.update(about)
    return tuple(chosen[at] for at in sorted(chosen))


def _key(reader: Reader, experiment_id: str) -> str:
    """Key of the experiment with this id, in the root or in MLflow's trash. Raises UsageError."""
    keys = experiment_keys(reader.store, experiment_id)
    if not keys:
        raise UsageError(
            "no-such-experiment", f"there is no experiment {safe(experiment_id, 100)}; nothing was changed"
        )
    return keys[0]


def _ask(plan: Plan, as_json: bool) -> None:
    """Return when it may be done. Raises UsageError."""
    number = len(plan.items)
    if as_json or not is_interactive():
        raise needs_force(f"{plural(number, 'repair')} would be done, and nobody can be asked", repair_fields(plan))
    confirm(f"Do {plural(number, 'repair')}?")


def _exit_code(batch: Batch, interrupted: bool) -> Exit:
    outcomes = [one.outcome for one in batch.items]
    if interrupted:
        return Exit.INTERRUPTED
    if "failed" in outcomes:
        return Exit.SOME_FAILED
    if outcomes and "done" not in outcomes and "skipped" in outcomes:
        return Exit.STALE
    return Exit.DONE
