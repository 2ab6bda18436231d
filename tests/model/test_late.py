"""Frozen dataclasses made late are dataclasses to whoever asks."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import FrozenInstanceError, field
from typing import Any

import pytest

from mlruns_tui.model.late import dataclass


@dataclass(frozen=True, slots=True)
class Late:
    """A value."""

    name: str
    size: int = 3
    tags: list[str] = field(default_factory=list)
    note: str = field(default="", compare=False)

    @property
    def twice(self) -> int:
        return self.size * 2


@dataclasses.dataclass(frozen=True, slots=True)
class Usual:
    """The same, of the standard library."""

    name: str
    size: int = 3
    tags: list[str] = field(default_factory=list)
    note: str = field(default="", compare=False)


def fresh() -> Any:
    """A class nobody has made a value of."""

    @dataclass(frozen=True, slots=True)
    class Fresh:
        """A value."""

        name: str
        size: int = 3

    return Fresh


def test_values_are_made_with_defaults_by_place_and_by_name() -> None:
    assert (Late("a").size, Late("a").tags, Late("a", 5, note="n").note, Late("a", 5).twice) == (3, [], "n", 10)
    assert Late("a").tags is not Late("a").tags


def test_it_has_the_fields_the_standard_one_has() -> None:
    def told(kind: Any) -> list[Any]:
        return [(one.name, one.type, one.default, one.compare, one.init) for one in dataclasses.fields(kind)]

    assert told(Late) == told(Usual)
    assert [one.name for one in dataclasses.fields(fresh())] == ["name", "size"]
    assert dataclasses.is_dataclass(fresh())
    assert Late.__match_args__ == Usual.__match_args__
    assert Late.__slots__ == Usual.__slots__


def test_a_value_never_changes() -> None:
    one: Any = Late("a")
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'name'"):
        one.name = "b"
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'name'"):
        del one.name
    with pytest.raises(FrozenInstanceError):
        one.other = 1
    assert not hasattr(one, "__dict__")


def test_values_are_equal_and_hash_by_what_is_compared() -> None:
    kind = fresh()
    assert kind("a") == kind("a", 3) and hash(kind("a")) == hash(kind("a", 3)) and kind("a") != kind("b")
    assert Late("a", note="x") == Late("a", note="y") and Late("a") != Late("a", 4)
    others: tuple[object, ...] = (Usual("a"), ("a", 3, []))
    assert Late("a") not in others
    assert kind("a") != fresh()("a")


def test_a_class_without_comparing_goes_by_identity() -> None:
    @dataclass(frozen=True, slots=True, eq=False)
    class Single:
        """A value."""

        name: str

    one = Single("a")
    assert one == one and one != Single("a") and len({one, Single("a")}) == 2


def test_it_reads_as_the_standard_one() -> None:
    assert repr(Late("a")) == repr(Usual("a")).replace("Usual", "Late")


def test_it_is_replaced_copied_pickled_and_taken_apart() -> None:
    one = Late("a", 5, ["x"], "n")
    assert dataclasses.replace(one, size=6) == Late("a", 6, ["x"])
    assert copy.copy(one) == one and copy.deepcopy(one).tags is not one.tags
    assert pickle.loads(pickle.dumps(one)) == one
    assert dataclasses.asdict(one) == {"name": "a", "size": 5, "tags": ["x"], "note": "n"}


def test_values_may_be_compared_before_any_was_made_the_usual_way() -> None:
    kind = fresh()
    one, other = object.__new__(kind), object.__new__(kind)
    for value in (one, other):
        value.__setstate__(["a", 3])
    assert one == other and hash(one) == hash(other)


@pytest.mark.parametrize("arguments", [(), ("a", 1, [], "", "too many")])
def test_wrong_arguments_are_told_as_usual(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match=r"Late.__init__\(\) (missing|takes)"):
        Late(*arguments)


def test_after_init_is_called() -> None:
    seen: list[str] = []

    @dataclass(frozen=True, slots=True)
    class Checked:
        """A value."""

        name: str

        def __post_init__(self) -> None:
            seen.append(self.name)

    Checked("a")
    assert seen == ["a"]


def test_what_it_cannot_do_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="only frozen"):
        dataclass(frozen=False, slots=True)(type("Changing", (), {"__annotations__": {"a": int}}))
    odd = dataclass(frozen=True, slots=True)(
        type("Odd", (), {"__annotations__": {"a": int}, "a": field(init=False, default=1)})
    )
    with pytest.raises(TypeError, match="no plain argument"):
        odd()
    with pytest.raises(TypeError, match="has bases"):
        dataclass(frozen=True, slots=True)(type("Below", (Late,), {"__annotations__": {"a": int}}))
