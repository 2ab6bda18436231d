"""Values to JSON and back, for plans, batches and the pipe to the worker.

Only the program's own frozen dataclasses, tuples, mappings of text, and plain scalars. Text may hold
lone surrogates (names that are not UTF-8): JSON's ``\\udcNN`` carries them exactly.
"""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
Read = Callable[[Any], Any]
"""From what JSON holds to the value. Raises _Misfit."""

_AS_IT_IS = frozenset({str, int, float, bool, type(None)})


class _Misfit(ValueError):
    """What does not fit, and where: whoever reads around it puts its own name in front."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.where = ""

    def inside(self, name: str) -> _Misfit:
        self.where = name + self.where
        return self


def encode(value: Any) -> Any:
    """``value`` as dictionaries, lists and scalars. Raises TypeError for anything else."""
    kind: Any = type(value)
    return value if kind in _AS_IT_IS else _writer(kind)(value)


def decode(kind: type[T], data: Any) -> T:
    """``data`` as a ``kind``, every field checked. Raises ValueError naming the field that does not fit.

    Unknown fields are refused: a plan that says more than this version understands must not be run.
    Missing fields take their default, so that older documents can be read.
    """
    wanted: Any = kind
    try:
        value: T = _reader(wanted)(data)
    except _Misfit as misfit:
        raise ValueError(f"{kind.__name__}{misfit.where}: {misfit}") from None
    return value


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


# What a type asks for is worked out once: a plan of 10,000 items has a quarter of a million values.


@cache
def _writer(kind: Any) -> Callable[[Any], Any]:
    if dataclasses.is_dataclass(kind):
        return _dataclass_writer(kind)
    if issubclass(kind, str | int | float):
        return lambda value: value
    if issubclass(kind, tuple | list):
        return lambda value: list(map(encode, value))
    if issubclass(kind, Mapping):
        return lambda value: {str(key): encode(one) for key, one in value.items()}
    raise TypeError(f"cannot be written as JSON: {kind.__name__}")


def _dataclass_writer(kind: Any) -> Callable[[Any], Any]:
    hints = get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    others = [name for name in names if not _is_scalar(hints[name])]
    if len(names) < 2:
        return lambda value: {name: encode(getattr(value, name)) for name in names}
    values_of = attrgetter(*names)

    def write(value: Any) -> dict[str, Any]:
        found = dict(zip(names, values_of(value), strict=True))
        for name in others:
            found[name] = encode(found[name])
        return found

    return write


def _is_scalar(hint: Any) -> bool:
    if get_origin(hint) in (Union, types.UnionType):
        return all(map(_is_scalar, get_args(hint)))
    return hint in _AS_IT_IS or get_origin(hint) is Literal


@cache
def _reader(kind: Any) -> Read:
    if dataclasses.is_dataclass(kind):
        return _dataclass_reader(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return _word_reader(arguments)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return _list_reader(arguments[0])
        return _tuple_reader(arguments)
    if origin in (Union, types.UnionType):
        return _union_reader(arguments)
    if origin is dict or origin is Mapping:
        return _mapping_reader(arguments[1])
    return _scalar_reader(kind)


def _scalar_reader(kind: Any) -> Read:
    def read(data: Any) -> Any:
        if type(data) is kind:
            return data
        if kind is float and type(data) is int:
            return float(data)
        raise _Misfit(f"not a {getattr(kind, '__name__', kind)}")

    return read


def _word_reader(words: tuple[Any, ...]) -> Read:
    def read(data: Any) -> Any:
        if data not in words or isinstance(data, bool):
            raise _Misfit(f"unknown word {data!r:.80}")
        return data

    return read


def _list_reader(kind: Any) -> Read:
    read_one = _reader(kind)

    def read(data: Any) -> Any:
        if not isinstance(data, list):
            raise _Misfit("not a list")
        found: list[Any] = []
        try:
            # What was read before the one that does not fit is there.
            found.extend(map(read_one, data))
        except _Misfit as misfit:
            raise misfit.inside(f"[{len(found)}]") from None
        return tuple(found)

    return read


def _tuple_reader(kinds: tuple[Any, ...]) -> Read:
    readers = [_reader(kind) for kind in kinds]

    def read(data: Any) -> Any:
        if not isinstance(data, list):
            raise _Misfit("not a list")
        if len(readers) != len(data):
            raise _Misfit(f"{len(data)} values instead of {len(readers)}")
        found: list[Any] = []
        try:
            for read_one, one in zip(readers, data, strict=True):
                found.append(read_one(one))
        except _Misfit as misfit:
            raise misfit.inside(f"[{len(found)}]") from None
        return tuple(found)

    return read


def _mapping_reader(kind: Any) -> Read:
    read_one = _reader(kind)

    def read(data: Any) -> Any:
        if not isinstance(data, dict):
            raise _Misfit("not a mapping")
        found: dict[str, Any] = {}
        for key, one in data.items():
            try:
                found[key] = read_one(one)
            except _Misfit as misfit:
                raise misfit.inside(f".{key}") from None
        return found

    return read


def _union_reader(kinds: tuple[Any, ...]) -> Read:
    may_be_none = type(None) in kinds
    readers = [_reader(kind) for kind in kinds if kind is not type(None)]

    def read(data: Any) -> Any:
        if data is None and may_be_none:
            return None
        for read_one in readers:
            try:
                return read_one(data)
            except _Misfit as misfit:
                last = misfit
        raise last

    return read


def _dataclass_reader(kind: Any) -> Read:
    hints = get_type_hints(kind)
    fields = [(field.name, _reader(hints[field.name])) for field in dataclasses.fields(kind)]
    needed = {
        field.name
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    known = frozenset(name for name, _ in fields)

    def read(data: Any) -> Any:
        if not isinstance(data, dict):
            raise _Misfit("not a mapping")
        if not data.keys() <= known:
            raise _Misfit(f"unknown field {min(data.keys() - known)!r:.80}")
        if not data.keys() >= needed:
            raise _Misfit(f"{next(name for name, _ in fields if name in needed - data.keys())} is missing")
        name = ""
        values = {}
        try:
            for name, read_field in fields:
                if name in data:
                    values[name] = read_field(data[name])
        except _Misfit as misfit:
            raise misfit.inside(f".{name}") from None
        return kind(**values)

    return read
