"""Frozen dataclasses that cost next to nothing until one is made.

``dataclasses.dataclass`` writes and compiles some six functions a class, 0.4 ms of it: of the eighty classes that are
loaded before the first frame, a third of the time of that, for the twenty a first frame needs. Here a class gets
its slots at once, its ``__init__`` when a value is first made, its fields when somebody asks for them, and shares all
other methods. A value is made in half the time.

What comes out is a dataclass: ``fields``, ``replace``, ``asdict``, ``copy`` and ``pickle`` take it for one, and to
the type checker it is one. Not supported, for nobody needs it: bases, ``kw_only``, ``order``, ``InitVar``.
Kept small on purpose: what ``dataclasses`` knows of a class, it works out itself.
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


_OF_DATACLASSES = ("__dataclass_fields__", "__dataclass_params__")


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
        **{name: _Fields(name, given) for name in _OF_DATACLASSES},
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
    """Stands where ``dataclasses`` looks for what it knows of a class, until it does."""

    def __init__(self, name: str, given: dict[str, Any]) -> None:
        self._name, self._given = name, given

    def __get__(self, value: object, owner: Any) -> Any:
        import dataclasses

        space = {"__annotations__": owner.__annotations__, "__module__": owner.__module__, **self._given}
        plain: Any = dataclasses.dataclass(frozen=True, init=False, repr=False, eq=False)(
            type(owner.__name__, (), space)
        )
        for name in _OF_DATACLASSES:
            setattr(owner, name, getattr(plain, name))
        return owner.__dict__[self._name]


def _complete(cls: Any, given: dict[str, Any]) -> None:
    """Give the class its ``__init__``; doing it twice, on two threads, does no harm.

    Each field is set by its slot's own descriptor: half the time of ``object.__setattr__``, which looks it up.
    """
    space: dict[str, Any] = {"_unsaid": _nothing}
    head, body, compared = ["self"], [], []
    for name in cls.__slots__:
        space[f"_set_{name}"] = cls.__dict__[name].__set__
        default, factory, is_compared = _said(given[name]) if name in given else (_nothing, None, True)
        value = name
        if factory is not None:
            space[f"_make_{name}"] = factory
            head.append(f"{name}=_unsaid")
            value = f"_make_{name}() if {name} is _unsaid else {name}"
        elif default is not _nothing:
            space[f"_default_{name}"] = default
            head.append(f"{name}=_default_{name}")
        else:
            head.append(name)
        body.append(f"_set_{name}(self, {value})")
        if is_compared:
            compared.append(name)
    if "__post_init__" in cls.__dict__:
        body.append("self.__post_init__()")
    exec(f"def __init__({', '.join(head)}):\n " + "\n ".join(body or ["pass"]), space)
    made = space["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    made.__module__ = cls.__module__
    cls._compared = staticmethod(attrgetter(*compared) if compared else _nothing)
    cls.__init__ = made


def _said(value: Any) -> tuple[Any, Callable[[], Any] | None, bool]:
    """Default (``_nothing`` for none), factory and whether it is compared, of what a class says of a field."""
    if type(value).__module__ != "dataclasses":
        return value, None, True
    from dataclasses import MISSING

    if not value.init or value.kw_only is True:
        raise TypeError("a field that is no plain argument is not made late")
    factory = None if value.default_factory is MISSING else value.default_factory
    return (_nothing if value.default is MISSING else value.default), factory, value.compare


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
        object.__setattr__(self, name, value)
