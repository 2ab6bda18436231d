"""From text to a tree, with errors that point at the place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from mlruns_tui.model.text import safe
from mlruns_tui.model.values import Wanted

from . import fields
from .literals import NOUNS, ORDERED, BadExpression, shown, typed
from .tree import And, Compare, Expression, Field, Node, Not, Operator, Or, Value

MAX_LENGTH: Final = 10_000
MAX_DEPTH: Final = 50

_BACKTICKS = r"`(?:``|[^`])*`"
_DOUBLE = r'"(?:""|\\"|[^"])*"'
_SINGLE = r"'(?:''|\\'|[^'])*'"
_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"[^\W\d]\w*")
_HEAD = re.compile(rf"{_BACKTICKS}|{_DOUBLE}|[^\W\d]\w*")
_ANY = rf"(?:{_BACKTICKS}|{_DOUBLE}|{_SINGLE})"
_KEY = re.compile(rf"\s*(?:{_ANY}|[\w$@#/:.-]+)(?:(?<=\.){_ANY}|(?=\.)[\w$@#/:.-]+)*")
_QUOTED = re.compile(rf"{_SINGLE}|{_DOUBLE}")
_BARE = re.compile(r"[^\s()=<>!,'\"`]+")
_STUCK = re.compile(r"([+-]?[0-9.]+(?:e[+-]?[0-9]+)?)(?=(?:and|or)\b)", re.IGNORECASE)
_SYMBOL = re.compile(r"==|<>|!=|<=|>=|=<|=>|=|<|>|&&|\|\||[^\s\w]")
_JOINED = frozenset({"and", "or", "not"})
_TEXTUAL = frozenset({"=", "!=", "LIKE", "ILIKE", "NOT LIKE", "NOT ILIKE", "IN", "NOT IN", "IS NULL", "IS NOT NULL"})


def parse(text: str) -> Expression:
    """Read an expression. Raises BadExpression."""
    if len(text) > MAX_LENGTH:
        raise BadExpression(f"longer than {MAX_LENGTH:,} characters", MAX_LENGTH)
    node = _Parser(text).whole()
    found = [clause.field for clause in _clauses(node)]
    wanted = Wanted(
        tuple(dict.fromkeys(one.name for one in found if one.source == "metric")),
        tuple(dict.fromkeys(one.name for one in found if one.source == "param")),
        tuple(dict.fromkeys(one.name for one in found if one.source == "tag")),
        any(one.source == "dataset" for one in found),
        Field("run", "artifact_uri") in found,
    )
    return Expression(text, node, wanted, frozenset(one.name for one in found if one.source == "run"))


def _clauses(node: Node) -> Iterator[Compare]:
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Compare):
            yield one
        else:
            waiting += [one.part] if isinstance(one, Not) else reversed(one.parts)


class _Parser:
    """Recursive descent over the text itself: what a character means depends on what is expected there."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._or()
        if self._at < len(self._text):
            raise BadExpression(f"expected and, or, or the end, not {self._here()}", self._at)
        return node

    # Structure.

    def _or(self) -> Node:
        parts = [self._and()]
        while self._keyword("or"):
            at = self._at
            parts.append(self._and())
            if parts[-1] == And(()) or parts[-2] == And(()):
                raise BadExpression("or needs a comparison on both sides", at)
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _and(self) -> Node:
        """Clauses side by side; MLflow takes an ``and`` too many, or one too few, as meant."""
        parts: list[Node] = []
        while True:
            while self._keyword("and"):
                pass
            if self._end() or self._next_is(")") or self._peek_word() == "or":
                break
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _one(self) -> Node:
        start = self._at
        if self._keyword("not"):
            return Not(self._deeper(self._one_after_not, start))
        if self._take("("):
            inside = self._deeper(self._or, start)
            if inside == And(()):
                raise BadExpression("nothing between the parentheses", start)
            if not self._take(")"):
                raise BadExpression("this parenthesis is never closed", start)
            return inside
        return self._clause()

    def _one_after_not(self) -> Node:
        if self._end() or self._next_is(")") or self._peek_word() in ("and", "or"):
            raise BadExpression("not needs a comparison after it", self._at)
        return self._one()

    def _deeper(self, read: object, at: int) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise BadExpression(f"nested more than {MAX_DEPTH} deep", at)
        node: Node = read()  # type: ignore[operator]
        self._depth -= 1
        return node

    # A clause.

    def _clause(self) -> Compare:
        start = self._at
        field = self._field()
        operator = self._operator(field, start)
        if operator in ("IS NULL", "IS NOT NULL", "ANY"):
            return Compare(field, operator)
        self._skip()
        return Compare(field, operator, self._value(field, operator))

    def _field(self) -> Field:
        self._skip()
        start = self._at
        head = _HEAD.match(self._text, start)
        if head is None or head.group().lower() in _JOINED:
            raise BadExpression(f"expected a field such as metrics.loss or status, not {self._here()}", start)
        self._at = head.end()
        if self._at < len(self._text) and self._text[self._at] == ".":
            key = _KEY.match(self._text, self._at + 1)
            if key is None:
                raise BadExpression(f"the name after {head.group()}. is missing", self._at + 1)
            self._at = key.end()
            return self._named(_unquoted(head.group()), _unquoted(_stripped(key.group())), start)
        name = _unquoted(_stripped(head.group()))
        name = fields.ALIASES.get(name, name)
        if name in fields.SOURCES:
            raise BadExpression(f"which of the {name}? Write {name}.name", start)
        if name not in fields.ATTRIBUTES:
            raise BadExpression(_unknown(name, [*fields.ATTRIBUTES, *fields.ALIASES, *fields.SOURCES]), start)
        return Field("run", name)

    def _named(self, head: str, key: str, start: int) -> Field:
        source = fields.SOURCES.get(head)
        if source is None:
            known = ["metrics", "params", "tags", "attributes", "datasets"]
            raise BadExpression(_unknown(head, known), start)
        if source == "run":
            key = fields.ALIASES.get(key, key)
            if key not in fields.ATTRIBUTES:
                raise BadExpression(_unknown(key, [*fields.ATTRIBUTES, *fields.ALIASES]), start)
        elif source == "dataset" and key not in fields.DATASET_KEYS:
            raise BadExpression(f"a dataset has name, digest and context, not {safe(key, 80)}", start)
        return Field(source, key)

    def _operator(self, field: Field, start: int) -> Operator:
        self._skip()
        at, operator = self._at, self._operator_word()
        kind = fields.kind_of(field)
        if operator is None:
            if kind in ("impact", "protected"):
                return "ANY"
            name = self._text[start:at].strip()
            raise BadExpression(f"expected a comparison such as = or > after {safe(name, 80)}, not {self._here()}", at)
        allowed = ORDERED if kind not in ("text", "param", "protected") else _TEXTUAL
        if kind == "param":
            allowed |= ORDERED
        if kind == "metric" or kind == "impact":
            allowed |= {"IS NULL", "IS NOT NULL"}
        if operator not in allowed:
            raise BadExpression(f"{operator} does not go with {shown(field)}, which is a {NOUNS[kind]}", at)
        return operator

    def _operator_word(self) -> Operator | None:
        symbol = _SYMBOL.match(self._text, self._at)
        if symbol is not None:
            text = {"==": "=", "<>": "!=", "=<": "<=", "=>": ">="}.get(symbol.group(), symbol.group())
            if text not in ORDERED:
                return None
            self._at = symbol.end()
            return text  # type: ignore[return-value]
        if self._keyword("is"):
            negated = self._keyword("not")
            if not self._keyword("null"):
                raise BadExpression("is goes with null only: is null, is not null", self._at)
            return "IS NOT NULL" if negated else "IS NULL"
        before = self._at
        negated = self._keyword("not")
        for word in ("like", "ilike", "in"):
            if self._keyword(word):
                return f"NOT {word.upper()}" if negated else word.upper()  # type: ignore[return-value]
        self._at = before
        return None

    # A value.

    def _value(self, field: Field, operator: Operator) -> Value:
        at = self._at
        if operator in ("IN", "NOT IN"):
            return self._list(field)
        quoted = _QUOTED.match(self._text, at)
        bare = None if quoted else _BARE.match(self._text, at)
        if quoted is None and bare is None:
            raise BadExpression(f"expected a value, not {self._here()}", at)
        found = quoted or bare
        assert found is not None
        self._at = found.end()
        text = found.group()[1:-1] if quoted else found.group()
        if bare and (stuck := _STUCK.match(text)) and fields.kind_of(field) in ("metric", "time", "number"):
            # MLflow sees where 1e3and ends.
            text = stuck.group(1)
            self._at = at + len(text)
        return typed(field, operator, text, quoted is not None, at)

    def _list(self, field: Field) -> tuple[str, ...]:
        start = self._at
        if not self._take("("):
            raise BadExpression("expected a list in parentheses: in ('a', 'b')", start)
        found: list[str] = []
        plain = True
        while not self._take(")"):
            self._skip()
            quoted = _QUOTED.match(self._text, self._at)
            bare = None if quoted else _BARE.match(self._text, self._at)
            one = quoted or bare
            if one is None:
                raise BadExpression(f"expected a quoted text, not {self._here()}", self._at)
            found.append(one.group()[1:-1] if quoted else one.group())
            at, self._at = self._at, one.end()
            typed(field, "=", found[-1], True, at)
            self._skip()
            comma = self._take(",")
            if quoted and ("\\" in one.group() or not (comma or self._next_is(")"))):
                plain = False
        if not found:
            raise BadExpression("the list is empty", start)
        if plain:
            return tuple(found)
        # MLflow reads a list as Python does, escapes and neighbouring texts included.
        try:
            read = ast.literal_eval(self._text[start : self._at].strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            raise BadExpression("this list cannot be read; write it as ('a', 'b')", start) from None
        read = read if isinstance(read, tuple) else (read,)
        if not all(isinstance(one, str) for one in read):
            raise BadExpression("a list holds texts in quotes", start)
        return read

    # Characters.

    def _skip(self) -> None:
        found = _SPACE.match(self._text, self._at)
        assert found is not None
        self._at = found.end()

    def _end(self) -> bool:
        self._skip()
        return self._at >= len(self._text)

    def _next_is(self, character: str) -> bool:
        self._skip()
        return self._text.startswith(character, self._at)

    def _take(self, character: str) -> bool:
        if not self._next_is(character):
            return False
        self._at += len(character)
        return True

    def _peek_word(self) -> str:
        self._skip()
        found = _WORD.match(self._text, self._at)
        if found is None or self._text.startswith(".", found.end()):
            return ""
        return found.group().lower()

    def _keyword(self, word: str) -> bool:
        if self._peek_word() != word:
            return False
        self._at += len(word)
        return True

    def _here(self) -> str:
        """What stands at this place, in a few characters."""
        if self._end():
            return "the end"
        found = _WORD.match(self._text, self._at) or _SYMBOL.match(self._text, self._at)
        return f'"{safe(found.group() if found else self._text[self._at], 40)}"'


def _stripped(text: str) -> str:
    """Without the quotes around all of it, as MLflow strips a key."""
    for quote in ("'", '"'):
        if len(text) >= 2 and text.startswith(quote) and text.endswith(quote):
            return text[1:-1]
    return text


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) >= 2 and text.startswith("`") and text.endswith("`") else text


def _unknown(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, 1, 0.6) or get_close_matches(name.lower(), known, 1, 0.6)
    return f'no field "{safe(name, 80)}"' + (f"; did you mean {near[0]}?" if near else "")
