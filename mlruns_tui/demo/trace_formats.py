"""The files of a trace as MLflow 3.17 writes them to a file store."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from .formats import dump
from .values import Trace


def trace_info(trace: Trace) -> bytes:
    """``EXP/traces/<id>/trace_info.yaml``."""
    return dump(
        {
            "execution_duration_ms": trace.duration_ms,
            "request_preview": _request(trace),
            "request_time": _iso(trace.time_ms),
            "response_preview": json.dumps(trace.answer, ensure_ascii=False),
            "state": "OK",
            "trace_id": trace.trace_id,
            "trace_location": {
                "mlflow_experiment": {"experiment_id": trace.experiment_id},
                "type": "MLFLOW_EXPERIMENT",
            },
        }
    )


def trace_metadata(trace: Trace) -> dict[str, str]:
    """Files of ``request_metadata/`` and their content."""
    size = len(spans(trace))
    return {
        "mlflow.source.name": trace.script,
        "mlflow.source.type": "LOCAL",
        "mlflow.sourceRun": trace.run_id,
        "mlflow.trace.sizeBytes": str(size),
        "mlflow.trace.sizeStats": json.dumps(
            {"total_size_bytes": size, "num_spans": 1, "max": size, "p25": size, "p50": size, "p75": size}
        ),
        "mlflow.traceInputs": _request(trace),
        "mlflow.traceOutputs": json.dumps(trace.answer, ensure_ascii=False),
        "mlflow.trace_schema.version": "3",
        "mlflow.user": trace.user,
    }


def spans(trace: Trace) -> bytes:
    """``artifacts/traces.json``."""
    begin = trace.time_ms * 1_000_000
    span: dict[str, Any] = {
        "trace_id": base64.b64encode(bytes.fromhex(trace.trace_id[3:])).decode(),
        "span_id": base64.b64encode(bytes.fromhex(trace.trace_id[-16:])).decode(),
        "parent_span_id": None,
        "name": "answer",
        "start_time_unix_nano": begin,
        "end_time_unix_nano": begin + trace.duration_ms * 1_000_000,
        "events": [],
        "status": {"code": "STATUS_CODE_OK", "message": ""},
        "attributes": {
            "mlflow.traceRequestId": json.dumps(trace.trace_id),
            "mlflow.spanType": '"CHAT_MODEL"',
            "mlflow.spanFunctionName": '"answer"',
            "mlflow.spanInputs": _request(trace),
            "mlflow.spanOutputs": json.dumps(trace.answer),
        },
        "links": [],
    }
    return json.dumps({"spans": [span]}).encode()


def assessment(trace: Trace) -> bytes:
    """``assessments/a-….yaml``: somebody's verdict on the answer."""
    when = _iso(trace.time_ms + 60_000)
    return dump(
        {
            "assessment_id": trace.assessment_id,
            "assessment_name": "correct",
            "create_time": when,
            "feedback": {"value": True},
            "last_update_time": when,
            "rationale": "checked by hand",
            "source": {"source_id": trace.user, "source_type": "HUMAN"},
            "trace_id": trace.trace_id,
            "valid": True,
        }
    )


def _request(trace: Trace) -> str:
    return json.dumps({"question": trace.question}, ensure_ascii=False)


def _iso(ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms / 1000)) + f".{ms % 1000:03d}Z"
