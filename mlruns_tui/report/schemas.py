"""JSON schemas (draft 2020-12) of the documents, printed by ``--schema``.

Fields may be added within a version, so objects stay open; what is listed as required is never removed.
"""

from __future__ import annotations

from typing import Any, get_args

from mlruns_tui.model.words import (
    IMPACTS,
    Action,
    BatchState,
    Impact,
    ItemKind,
    Lifecycle,
    Outcome,
    Place,
    ProtectionKind,
    State,
    Status,
    StoreKind,
)

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_COUNT_OR_NULL: Schema = {"type": ["integer", "null"], "minimum": 0}
_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_TIME: Schema = {"type": ["string", "null"], "pattern": r"^-?\d+-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}


def _object(**fields: Schema) -> Schema:
    return {"type": "object", "properties": fields, "required": list(fields)}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _word(words: Any) -> Schema:
    return {"enum": list(get_args(words))}


def _word_or_null(words: Any) -> Schema:
    return {"enum": [*get_args(words), None]}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _merge(first: Schema, second: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {**first["properties"], **second["properties"]},
        "required": [*first["required"], *second["required"]],
    }


_STORE = _object(uri=_TEXT, kind=_word(StoreKind), database=_TEXT_OR_NULL)
_PROTECTED = _list(_object(kind=_word(ProtectionKind), reason=_TEXT))
_ITEM = _object(
    kind=_word(ItemKind),
    experiment_id=_TEXT,
    run_id=_TEXT_OR_NULL,
    name=_TEXT,
    path=_TEXT,
    size_bytes=_COUNT_OR_NULL,
    files=_COUNT_OR_NULL,
)
_ITEM["properties"]["path_b64"] = {
    "type": "string",
    "description": "exact bytes of path, present where they are not UTF-8",
}
_EXPERIMENT = _merge(
    _ITEM,
    _object(
        place=_word(Place),
        state=_word(State),
        reason=_TEXT,
        lifecycle_stage=_word_or_null(Lifecycle),
        runs=_COUNT,
        creation_time=_TIME,
        last_update_time=_TIME,
        last_write=_TIME,
        protected=_PROTECTED,
    ),
)
_RUN = _merge(
    _ITEM,
    _object(
        place=_word(Place),
        state=_word(State),
        reason=_TEXT,
        run_name=_TEXT,
        user_id=_TEXT,
        status=_word(Status),
        lifecycle_stage=_word_or_null(Lifecycle),
        start_time=_TIME,
        end_time=_TIME,
        deleted_time=_TIME,
        last_write=_TIME,
        protected=_PROTECTED,
    ),
)
_VALUES: Schema = {
    "type": "object",
    "description": "text, a number or null by each name in columns; NaN and infinities as text",
}
_STORE_TOTALS = _object(
    experiments=_COUNT,
    orphaned_experiments=_COUNT,
    runs=_COUNT,
    deleted_runs=_COUNT,
    trash_experiments=_COUNT,
    trash_runs=_COUNT,
    size_bytes=_COUNT,
    allocated_bytes=_COUNT,
    files=_COUNT,
    backup_bytes=_COUNT,
)
_CHILDREN = _object(going=_COUNT, staying=_COUNT)
_PLAN = _object(
    id=_TEXT,
    created=_TIME,
    user=_TEXT,
    host=_TEXT,
    backup=_FLAG,
    rules=_list(_TEXT),
    lifted=_list(_TEXT),
    items=_list(_merge(_ITEM, _object(action=_word(Action), reason=_TEXT, rule=_TEXT, children=_CHILDREN))),
    refused=_list(_merge(_ITEM, _object(rule=_TEXT, protected=_PROTECTED))),
    totals=_object(
        experiments=_COUNT,
        runs=_COUNT,
        runs_inside=_COUNT,
        size_bytes=_COUNT,
        allocated_bytes=_COUNT,
        files=_COUNT,
    ),
)
_OUTCOME_ITEM = _merge(_ITEM, _object(outcome=_word_or_null(Outcome), error=_TEXT_OR_NULL, now_at=_TEXT_OR_NULL))
_RESULT_TOTALS = _object(
    experiments=_COUNT,
    runs=_COUNT,
    size_bytes=_COUNT,
    files=_COUNT,
    moved_bytes=_COUNT,
    freed_bytes=_COUNT,
    freed_elsewhere_bytes=_COUNT,
)
_RESULT = _object(
    batch=_TEXT_OR_NULL,
    items=_list(_OUTCOME_ITEM),
    totals=_RESULT_TOTALS,
    deleted_experiments=_list(_TEXT),
    total_deleted_experiments=_COUNT,
    deleted_runs_count=_COUNT,
    more=_FLAG,
    undo_command=_TEXT_OR_NULL,
)
_BATCH = _object(
    batch=_TEXT,
    created=_TIME,
    finished=_TIME,
    user=_TEXT,
    host=_TEXT,
    state=_word(BatchState),
    backup=_FLAG,
    rules=_list(_TEXT),
    items=_object(moved=_COUNT, packed=_COUNT, purged=_COUNT, restored=_COUNT, missing=_COUNT, in_place=_COUNT),
    size_bytes=_COUNT,
    allocated_bytes=_COUNT,
    damage=_TEXT_OR_NULL,
    backup_dirs=_list(_TEXT),
    away_dirs=_list(_TEXT),
    to_pack=_FLAG,
)
_BATCH["properties"]["contents"] = _list(
    _merge(_OUTCOME_ITEM, _object(key=_TEXT, place=_TEXT, what=_TEXT, backup_dir=_TEXT_OR_NULL, away=_FLAG))
)
_BATCH_RESULT = _object(batch=_TEXT, items=_list(_OUTCOME_ITEM), totals=_RESULT_TOTALS)
_GAINS = _list(
    _object(
        key=_TEXT,
        name=_TEXT,
        allocated_bytes=_COUNT,
        expected_bytes=_COUNT,
        gain_percent={"type": "integer"},
        packs=_FLAG,
        why_not=_TEXT_OR_NULL,
    )
)
"""What packing each of some items would bring."""


_LOGGED = _merge(
    _BATCH,
    _object(
        contents=_BATCH["properties"]["contents"],
        at_work=_FLAG,
        operations=_list(
            _object(op=_TEXT, began=_TIME, ended=_TIME, user=_TEXT, host=_TEXT, items=_COUNT, size_bytes=_COUNT)
        ),
        taken=_COUNT,
        get_back=_TEXT_OR_NULL,
        notes=_list(_TEXT),
    ),
)
_UNSETTLED = _merge(
    _BATCH,
    _object(
        contents=_BATCH["properties"]["contents"],
        at_work=_FLAG,
        operation=_TEXT_OR_NULL,
        choices=_list(_object(way={"enum": ["continue", "undo", "leave"]}, does=_TEXT)),
    ),
)


def _document(name: str, body: Schema) -> Schema:
    head = _object(document={"const": name}, version={"const": 1}, store=_STORE)
    whole = _merge(_merge(head, body), _object(messages=_list(_TEXT)))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"mlruns-tui {name}", **whole}


def _with_optional(schema: Schema, **fields: Schema) -> Schema:
    return {**schema, "properties": {**schema["properties"], **fields}}


_FINDING = _object(
    code=_TEXT,
    impact=_word(Impact),
    path=_TEXT,
    line=_COUNT_OR_NULL,
    experiment_id=_TEXT_OR_NULL,
    run_id=_TEXT_OR_NULL,
    message=_TEXT,
    remedy={"enum": ["remove", "repair", "none"]},
    migration={"enum": ["ok", "fails", "orphans-runs"]},
)

SCHEMAS: dict[str, Schema] = {
    "doctor": _document(
        "doctor",
        _object(
            mlflow_version=_TEXT,
            findings=_list(_FINDING),
            summary=_object(**dict.fromkeys(IMPACTS, _COUNT)),
        ),
    ),
    "list": _document(
        "list",
        _with_optional(
            _object(experiments=_list(_EXPERIMENT), totals=_STORE_TOTALS, complete=_FLAG),
            runs=_list(_with_optional(_RUN, values=_VALUES)),
            columns={**_list(_TEXT), "description": "names of values, in a file exported from the screen"},
        ),
    ),
    "cleanup": _document(
        "cleanup",
        _with_optional(
            _object(dry_run=_FLAG, plan=_PLAN, result=_or_null(_RESULT)),
            purges=_list(_BATCH),
            purged=_list(_BATCH_RESULT),
            packing=_object(
                backup_dir=_TEXT_OR_NULL,
                before_bytes=_COUNT,
                expected_bytes=_COUNT,
                freed_bytes=_COUNT,
                gains=_GAINS,
            ),
            packed=_BATCH_RESULT,
        ),
    ),
    "repair": _document(
        "repair",
        _object(
            dry_run=_FLAG,
            plan=_object(
                id=_TEXT,
                created=_TIME,
                user=_TEXT,
                host=_TEXT,
                items=_list(_merge(_ITEM, _object(action=_word(Action), reason=_TEXT, rule=_TEXT, what=_TEXT))),
                refused=_list(_merge(_ITEM, _object(rule=_TEXT, protected=_PROTECTED))),
                totals=_object(items=_COUNT, size_bytes=_COUNT, files=_COUNT),
            ),
            result=_or_null(
                _object(
                    batch=_TEXT,
                    items=_list(_OUTCOME_ITEM),
                    totals=_object(items=_COUNT, moved_bytes=_COUNT),
                    more=_FLAG,
                    undo_command=_TEXT_OR_NULL,
                )
            ),
            left=_COUNT_OR_NULL,
        ),
    ),
    "backups": _document(
        "backups",
        _with_optional(
            _object(batches=_list(_BATCH)),
            result=_object(did={"enum": ["restore", "purge", "pack", "verify"]}, batches=_list(_BATCH_RESULT)),
            gains=_GAINS,
            backup_dir=_TEXT_OR_NULL,
        ),
    ),
    "log": _document("log", _object(batches=_list(_LOGGED))),
    "recover": _document(
        "recover",
        _with_optional(
            _object(batches=_list(_UNSETTLED)),
            result=_object(did={"enum": ["continue", "undo", "leave"]}, batches=_list(_BATCH_RESULT)),
        ),
    ),
    "demo": _document(
        "demo",
        _object(
            demo=_object(path=_TEXT, seed={"type": "integer"}, files=_COUNT, size_bytes=_COUNT, remove_command=_TEXT)
        ),
    ),
    "config": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mlruns-tui config",
        **_object(
            document={"const": "config"},
            version={"const": 1},
            path=_TEXT,
            exists=_FLAG,
            settings=_list(_object(name=_TEXT, value={"type": ["string", "boolean", "null"]}, source=_TEXT)),
            keys=_list(_object(command=_TEXT, keys=_list(_TEXT), source={"enum": ["default", "file"]}, help=_TEXT)),
            messages=_list(_TEXT),
        ),
    },
    "error": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mlruns-tui error",
        **_object(
            document={"const": "error"},
            version={"const": 1},
            error=_object(code=_TEXT, message=_TEXT, path=_TEXT, hint=_TEXT),
        ),
    },
}
"""By document name."""
