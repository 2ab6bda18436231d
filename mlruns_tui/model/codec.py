"""Values to JSON and back, for plans, batches and the pipe to the worker.

Only the program's own frozen dataclasses, tuples, mappings of text, and plain scalars. Text may hold
lone surrogates (names that are not UTF-8): JSON's ``\\udcNN`` carries them exactly.
"""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def encode(value: Any) -> Any:
    """``value`` as dictionaries, lists and scalars. Raises TypeError for anything else."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [encode(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): encode(one) for key, one in value.items()}
    raise TypeError(f"cannot be written as JSON: {type(value).__name__}")


def decode(kind: type[T], data: Any) -> T:
    """``data`` as a ``kind``, every field checked. Raises ValueError naming the field that does not fit.

    Unknown fields are refused: a plan that says more than this version understands must not be run.
    Missing fields take their default, so that older documents can be read.
    """
    return _decode(kind, data, kind.__name__)  # type: ignore[no-any-return]


def dumps(value: Any) -> str:
    """One line of ASCII JSON."""
    return json.dumps(encode(value), ensure_ascii=True, separators=(",", ":"))


def loads(kind: type[T], text: str | bytes) -> T:
    """The reverse of ``dumps``. Raises ValueError."""
    try:
        data = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return decode(kind, data)


@cache
def _fields(kind: type) -> dict[str, tuple[Any, bool]]:
    hints = get_type_hints(kind)
    return {
        field.name: (
            hints[field.name],
            field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING,
        )
        for field in dataclasses.fields(kind)
    }


def _decode(kind: Any, data: Any, where: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(kind, data, where)
    origin = get_origin(kind)
    if origin is Literal:
        if data not in get_args(kind) or isinstance(data, bool):
            raise ValueError(f"{where}: unknown word {data!r:.80}")
        return data
    if origin is tuple:
        return _decode_tuple(get_args(kind), data, where)
    if origin in (Union, types.UnionType):
        return _decode_union(get_args(kind), data, where)
    if origin is dict or origin is Mapping:
        if not isinstance(data, dict):
            raise ValueError(f"{where}: not a mapping")
        return {key: _decode(get_args(kind)[1], one, f"{where}.{key}") for key, one in data.items()}
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if type(data) is not kind:
        raise ValueError(f"{where}: not a {getattr(kind, '__name__', kind)}")
    return data


def _decode_dataclass(kind: Any, data: Any, where: str) -> Any:
    if not isinstance(data, dict):
        raise ValueError(f"{where}: not a mapping")
    fields = _fields(kind)
    unknown = data.keys() - fields.keys()
    if unknown:
        raise ValueError(f"{where}: unknown field {min(unknown)!r:.80}")
    values = {}
    for name, (hint, optional) in fields.items():
        if name in data:
            values[name] = _decode(hint, data[name], f"{where}.{name}")
        elif not optional:
            raise ValueError(f"{where}: {name} is missing")
    return kind(**values)


def _decode_tuple(kinds: tuple[Any, ...], data: Any, where: str) -> Any:
    if not isinstance(data, list):
        raise ValueError(f"{where}: not a list")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_decode(kinds[0], one, f"{where}[{at}]") for at, one in enumerate(data))
    if len(kinds) != len(data):
        raise ValueError(f"{where}: {len(data)} values instead of {len(kinds)}")
    return tuple(_decode(kind, one, f"{where}[{at}]") for at, (kind, one) in enumerate(zip(kinds, data, strict=True)))


def _decode_union(kinds: tuple[Any, ...], data: Any, where: str) -> Any:
    if data is None and type(None) in kinds:
        return None
    for kind in kinds:
        if kind is type(None):
            continue
        try:
            return _decode(kind, data, where)
        except ValueError as error:
            problem = error
    raise problem
