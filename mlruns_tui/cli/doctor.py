"""``mlruns-tui doctor``: what is broken in a store."""

from __future__ import annotations

import click

from mlruns_tui.model.errors import Exit
from mlruns_tui.model.text import safe
from mlruns_tui.report import documents
from mlruns_tui.report.findings_text import findings_lines
from mlruns_tui.report.remedies_text import clean_up_lines
from mlruns_tui.workflow.diagnosing import diagnose, installed_mlflow_version
from mlruns_tui.workflow.reading import open_reader
from mlruns_tui.workflow.repairing import repairable

from .console import put_json, put_ndjson, say, tell, width
from .options import database_option, examples, json_options, store_argument


@click.command(
    "doctor",
    epilog=examples(
        "mlruns-tui doctor ./mlruns",
        "mlruns-tui doctor ./mlruns --migration",
        "mlruns-tui doctor ./mlruns --json | jq '.findings[] | select(.impact == \"breaks-store\") | .path'",
    ),
)
@store_argument
@click.option("--migration", is_flag=True, help="Only what mlflow migrate-filestore would fail on or lose.")
@click.option("--mlflow-version", metavar="X.Y.Z", help="As this version behaves; default: the installed one.")
@json_options("doctor", ndjson=True)
@database_option
def command(
    store: str | None, migration: bool, mlflow_version: str | None, as_json: bool, ndjson: bool, database: str | None
) -> int:
    """What is broken in a store, worst first, and what MLflow does because of it.

    Reads every metric, param and tag; changes nothing. Exit 10 when anything worse than silent was found.
    """
    reader = open_reader(store, database)
    version = mlflow_version or installed_mlflow_version()
    findings = diagnose(reader, version)
    if migration:
        findings = tuple(one for one in findings if one.migration != "ok")
    messages = []
    if reader.store.kind in ("database", "unclaimed"):
        messages.append("its metadata is in a database: directories without meta.yaml are in use there, no finding")
    else:
        messages.append("a model registry behind http or in another file store is not read, only the one in this store")
    if ndjson:
        put_ndjson(documents.finding_item(one) for one in findings)
    elif as_json:
        put_json(documents.doctor_document(reader.store, findings, version, messages))
    else:
        say(findings_lines(findings, version, width()))
        if mended := len(repairable(findings)):
            say(f"A repair is for {mended:,} of them: mlruns-tui repair {safe(reader.store.given)} --dry-run")
        say(clean_up_lines(findings, reader.store.given))
        for message in messages:
            tell(f"mlruns-tui: {message}")
    return Exit.FINDINGS if any(one.impact != "silent" for one in findings) else Exit.DONE
