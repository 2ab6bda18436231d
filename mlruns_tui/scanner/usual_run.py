"""The ``meta.yaml`` of a run exactly as MLflow writes it, taken in at one go.

Nine of ten files of a store look so, and a scan reads all of them. Whatever differs in the least (another
key, another order, quotes, a date out of range) is left to ``metadata`` and ``records``, which decide; what
is taken here is what they would say.
"""

from __future__ import annotations

import re
from typing import Final

from .tasks import Row

_WORD = r"(?!(?i:yes|no|on|off|true|false|null)\n)[A-Za-z_][\w.\-]{0,250}"
"""Plain text in YAML 1.1: the words it takes for something else are left out, in any case."""
_USUAL: Final = re.compile(
    r"artifact_uri: ((?:file://)?/[\w./%@+=~\-]{1,3000})\n"
    r"(?:deleted_time: ([1-9]\d{0,13})\n)?"
    r"end_time: (null|[1-9]\d{0,13})\n"
    r"entry_point_name: ''\n"
    r"experiment_id: '(\d{1,64})'\n"
    r"lifecycle_stage: (active|deleted)\n"
    r"run_id: ('?)([0-9a-f]{32})\6\n"
    rf"run_name: ({_WORD})\n"
    r"(?:run_uuid: (?:'[0-9a-f]{32}'|[0-9a-f]{32})\n)?"
    rf"source_name: (?:''|/?{_WORD})\n"
    r"source_type: \d\n"
    r"source_version: (?:''|[0-9a-f]{40})\n"
    r"start_time: ([1-9]\d{0,13})\n"
    r"status: ([1-5])\n"
    r"tags: \[\]\n"
    rf"user_id: ({_WORD})\n",
    re.ASCII,
)
_STATUS: Final = {"1": "RUNNING", "2": "SCHEDULED", "3": "FINISHED", "4": "FAILED", "5": "KILLED"}
_NUMBER: Final = re.compile(r"[0-9]+|0b[01]+")
"""What of 32 hexadecimal digits YAML takes for a number where they are not quoted."""


def usual_run(data: bytes, experiment_id: str, name: str) -> Row | None:
    """The fields of the run in the directory ``name``, or None where somebody must look closer."""
    try:
        found = _USUAL.fullmatch(data.decode("ascii"))
    except UnicodeDecodeError:
        return None
    if found is None:
        return None
    uri, deleted, end, stated, stage, quoted, run_id, run_name, start, status, user = found.groups()
    if stated != experiment_id or run_id != name or not (quoted or _NUMBER.fullmatch(name) is None):
        return None
    if not uri.endswith(f"/{experiment_id}/{name}/artifacts"):
        return None
    return (
        "ok",
        "",
        run_name,
        _STATUS[status],
        stage,
        user,
        int(start),
        None if end == "null" else int(end),
        None if deleted is None else int(deleted),
        (),
    )
