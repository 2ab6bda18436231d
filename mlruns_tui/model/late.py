"""Frozen dataclasses that cost next to nothing until one is made.

``dataclasses.dataclass`` writes and compiles some six functions a class, 0.4 ms of it: of the eighty classes that are
loaded before the first frame, a third of the time of that, for the twenty a first frame needs. Here a class gets
its slots at once, its fields and ``__init__`` when they are first asked for, and shares all other methods.

What comes out is a dataclass: ``fields``, ``replace``, ``asdict``, ``copy`` and ``pickle`` take it for one, and to
the type checker it is one. Not supported, for nobody needs it: bases, ``kw_only``, ``order``, ``InitVar``.
Kept this small on purpose: what it makes late, the standard library makes.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, frozen: bool, slots: bool, eq: bool = True) -> Callable[[type], type]:
        """As of ``dataclasses``, for frozen classes with slots and without bases only."""
        if not (frozen and slots):
            raise TypeError("only frozen classes with slots are made late")
        return lambda cls: _with_slots(cls, eq)


_set = object.__setattr__


def _with_slots(cls: type, eq: bool) -> type:
    """The class again, with slots for its fields and without what is made later."""
    if cls.__bases__ != (object,):
        raise TypeError(f"{cls.__name__} has bases")
    annotations: dict[str, Any] = cls.__annotations__
    names = tuple(name for name, kind in annotations.items() if not str(kind).startswith("ClassVar"))
    space = dict(cls.__dict__)
    given = {name: space.pop(name) for name in names if name in space}
    for name in ("__dict__", "__weakref__"):
        space.pop(name, None)
    methods = {"__repr__": _repr, **({"__eq__": _eq, "__hash__": _hash} if eq else {})}
    for name, method in methods.items():
        if space.get(name) is None:
            space[name] = method
    space.update(
        __annotations__=annotations,
        __slots__=names,
        __match_args__=names,
        __setattr__=_refuse_to_set,
        __delattr__=_refuse_to_delete,
        __getstate__=_get_state,
        __setstate__=_set_state,
        __dataclass_fields__=_Fields(given),
    )
    made = type(cls)(cls.__name__, (), space)
    made.__qualname__ = cls.__qualname__

    def first(self: Any, *values: Any, **named: Any) -> None:
        _complete(made, given)
        self.__init__(*values, **named)

    def compared(value: object) -> Any:
        _complete(made, given)
        return made._compared(value)  # type: ignore[attr-defined]

    made.__init__ = first  # type: ignore[misc]
    # A value read from a pickle may come before anybody called ``__init__``.
    made._compared = staticmethod(compared)  # type: ignore[attr-defined]
    return made


class _Fields:
    """Stands where the fields of a class will be, until somebody asks for them."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given

    def __get__(self, value: object, owner: type) -> Any:
        _complete(owner, self._given)
        return owner.__dict__["__dataclass_fields__"]


def _complete(cls: Any, given: dict[str, Any]) -> None:
    """Give the class its fields and its ``__init__``; doing it twice, on two threads, does no harm."""
    import dataclasses

    space = {"__annotations__": cls.__annotations__, "__module__": cls.__module__, "__doc__": "", **given}
    if "__post_init__" in cls.__dict__:
        space["__post_init__"] = cls.__post_init__
    plain: Any = dataclasses.dataclass(frozen=True, repr=False, eq=False)(type(cls.__name__, (), space))
    compared = [one.name for one in dataclasses.fields(plain) if one.compare]
    cls._compared = staticmethod(attrgetter(*compared) if compared else _nothing)
    plain.__init__.__qualname__ = f"{cls.__qualname__}.__init__"
    cls.__init__ = plain.__init__
    cls.__dataclass_params__ = plain.__dataclass_params__
    cls.__dataclass_fields__ = plain.__dataclass_fields__


def _nothing(value: object) -> None:
    """What two values without compared fields have in common."""


def _eq(self: Any, other: Any) -> Any:
    if self is other:
        return True
    if other.__class__ is not self.__class__:
        return NotImplemented
    return self._compared(self) == other._compared(other)


def _hash(self: Any) -> int:
    return hash((self.__class__, self._compared(self)))


def _repr(self: Any) -> str:
    shown = (f"{name}={getattr(self, name)!r}" for name in self.__slots__)
    return f"{self.__class__.__qualname__}({', '.join(shown)})"


def _refuse_to_set(self: Any, name: str, value: object) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: Any, name: str) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _get_state(self: Any) -> list[Any]:
    return [getattr(self, name) for name in self.__slots__]


def _set_state(self: Any, state: list[Any]) -> None:
    for name, value in zip(self.__slots__, state, strict=True):
        _set(self, name, value)
