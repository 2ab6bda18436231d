"""What is written on the right of a comparison, as the value its field compares with."""

from __future__ import annotations

from typing import Final, get_args

from mlruns_tui.model.text import safe
from mlruns_tui.model.words import IMPACTS, ProtectionKind

from . import fields
from .tree import Field, Operator, Value

ORDERED: Final = frozenset({"=", "!=", "<", "<=", ">", ">="})


class BadExpression(ValueError):
    """The text is no expression. ``at``: the character it fails at; ``str()`` says why in one sentence."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


NOUNS: Final[dict[fields.Kind, str]] = {
    "text": "text", "number": "number", "time": "time", "duration": "length of time", "size": "size",
    "impact": "word", "protected": "word", "metric": "number", "param": "text",
}  # fmt: skip


def typed(field: Field, operator: Operator, text: str, quoted: bool, at: int) -> Value:
    """A literal as what its field compares with. Raises BadExpression."""
    kind = fields.kind_of(field)
    name = shown(field)
    value: Value = None
    if kind == "metric":
        value, wanted = None if quoted else fields.metric_number(text), "a number without quotes"
    elif kind == "number":
        value, wanted = None if quoted else fields.number(text), "a number"
    elif kind == "size":
        value, wanted = fields.size(text), "a size such as 3GB or 500MB"
    elif kind == "duration":
        value, wanted = fields.duration(text), "a length of time with its unit, such as 30d, 2w, 12h, 6mo"
    elif kind == "time":
        value = fields.moment(text) if quoted else fields.number(text)
        value = fields.moment(text) if value is None else value
        wanted = "milliseconds since 1970 or a date such as 2026-09-12"
    elif kind == "impact":
        value, wanted = text if text in IMPACTS else None, f"one of {', '.join(IMPACTS)}"
    elif kind == "protected":
        kinds = get_args(ProtectionKind)
        value, wanted = text if text in kinds else None, f"one of {', '.join(kinds)}"
    elif kind == "param" and operator in ORDERED and not quoted and (found := fields.number(text)) is not None:
        return found
    elif kind == "param" and operator in ORDERED - {"=", "!="}:
        value, wanted = None, "a number without quotes for <, <=, > and >="
    elif not quoted and (text.partition(".")[0] in fields.SOURCES or text.lower() == "null"):
        wanted = "a text; what is in no quotes here looks like " + ("is null" if text.lower() == "null" else "a field")
    else:
        return text
    if value is None:
        raise BadExpression(f"{name} is compared with {wanted}, not {safe(text, 60)}", at)
    return value


def shown(field: Field) -> str:
    return field.name if field.source == "run" else f"{field.source}s.{safe(field.name, 80)}"
