"""What a pyarrow Expression says, as a tree: Arrow shows an expression only as text, or in its serialised
form.

The serialised form is read: a record batch of literals whose schema metadata lists the calls in order.
Whatever is not understood becomes Unknown, so that a plan leaves nothing out because of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

Operator = Literal["=", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True)
class Compare:
    """A column against a value that is not null."""

    column: str
    operator: Operator
    value: pa.Scalar


@dataclass(frozen=True)
class Among:
    """A column among values; null: whether a null counts as one of them."""

    column: str
    values: pa.Array
    null: bool


@dataclass(frozen=True)
class Prefix:
    """A text or binary column that begins with a prefix; whole: it is exactly that."""

    column: str
    prefix: str
    whole: bool = False


@dataclass(frozen=True)
class Missing:
    """A column that is null."""

    column: str


@dataclass(frozen=True)
class Present:
    """A column that is not null."""

    column: str


@dataclass(frozen=True)
class All:
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Any:
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Not:
    part: Condition


@dataclass(frozen=True)
class Constant:
    """True, False, or None for null."""

    value: bool | None


@dataclass(frozen=True)
class Unknown:
    """Something that may be true of any row."""


Condition = Compare | Among | Prefix | Missing | Present | All | Any | Not | Constant | Unknown

UNKNOWN: Final = Unknown()

_OPERATORS: Final[dict[str, Operator]] = {
    "equal": "=",
    "not_equal": "!=",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
}
_MIRRORED: Final[dict[Operator, Operator]] = {
    "=": "=",
    "!=": "!=",
    "<": ">",
    "<=": ">=",
    ">": "<",
    ">=": "<=",
}
_TOKEN: Final = re.compile(r"(call|end|field_ref|nested_field_ref|literal|options): '(.*)'")
_HEADING: Final = "-- schema metadata --"
_MATCH_NULLS: Final = 0
_DEPTH_MAX: Final = 200


@dataclass(frozen=True)
class _Field:
    name: str


@dataclass(frozen=True)
class _Call:
    name: str
    arguments: tuple[object, ...]
    options: dict[str, object]


def read_condition(expression: pc.Expression) -> Condition:
    """The condition that an expression of type bool states. Never raises."""
    try:
        return _condition(_Reader(expression).expression(0))
    except (pa.ArrowException, ValueError, IndexError, KeyError, TypeError, AttributeError):
        return UNKNOWN


class _Reader:
    """Walks the metadata of a serialised expression; ValueError if it is not as expected."""

    def __init__(self, expression: pc.Expression) -> None:
        # Expressions offer their serialised form through the copy protocol only.
        _, (buffer,) = expression.__reduce__()
        with pa.ipc.open_file(buffer) as reader:
            self._literals = reader.get_batch(0)
        text = self._literals.schema.to_string(truncate_metadata=False, show_field_metadata=False)
        lines = text.rpartition(f"{_HEADING}\n")[2].rstrip("\n").split("\n")
        # A name with a line break could pass for something else; no column of a table has one.
        tokens = [_TOKEN.fullmatch(line) for line in lines]
        self._tokens = [(match[1], match[2]) for match in tokens if match]
        self._position = 0
        if len(self._tokens) != len(lines) or text.count(_HEADING) != 1:
            raise ValueError("names or values that cannot be told apart")

    def expression(self, depth: int) -> object:
        kind, text = self._next()
        if depth > _DEPTH_MAX:
            raise ValueError("nested too deeply")
        if kind == "literal":
            return self._literals.column(int(text))[0]
        if kind == "field_ref":
            return _Field(text)
        if kind == "nested_field_ref":
            return [self.expression(depth + 1) for _ in range(int(text))]
        if kind != "call":
            raise ValueError(kind)
        arguments: list[object] = []
        options: dict[str, object] = {}
        while self._tokens[self._position][0] != "end":
            if self._tokens[self._position][0] == "options":
                options = dict(self._literals.column(int(self._next()[1]))[0].items())
            else:
                arguments.append(self.expression(depth + 1))
        if self._next()[1] != text:
            raise ValueError("calls are not nested")
        return _Call(text, tuple(arguments), options)

    def _next(self) -> tuple[str, str]:
        self._position += 1
        return self._tokens[self._position - 1]


def _condition(node: object) -> Condition:
    if isinstance(node, _Field):
        return Compare(node.name, "=", pa.scalar(True))
    if isinstance(node, pa.Scalar):
        value = node.as_py()
        return Constant(value) if value is None or isinstance(value, bool) else UNKNOWN
    if not isinstance(node, _Call):
        return UNKNOWN
    if node.name in _OPERATORS and len(node.arguments) == 2:
        return _comparison(_OPERATORS[node.name], *node.arguments)
    reader = _CALLS.get(node.name)
    return reader(node) if reader is not None else UNKNOWN


def _comparison(operator: Operator, left: object, right: object) -> Condition:
    if isinstance(left, pa.Scalar):
        left, right, operator = right, left, _MIRRORED[operator]
    if not isinstance(left, _Field) or not isinstance(right, pa.Scalar):
        return UNKNOWN
    return Compare(left.name, operator, right) if right.is_valid else Constant(None)


def _among(call: _Call) -> Condition:
    column, values = call.arguments[0], call.options["value_set"]
    if not isinstance(column, _Field) or not isinstance(values, pa.ListScalar):
        return UNKNOWN
    behaviour = call.options.get("null_matching_behavior")
    matching = not isinstance(behaviour, pa.Scalar) or behaviour.as_py() == _MATCH_NULLS
    return Among(column.name, values.values.drop_null(), matching and values.values.null_count > 0)


def _null_test(call: _Call) -> Condition:
    column, nan_too = call.arguments[0], call.options.get("nan_is_null")
    if not isinstance(column, _Field) or (isinstance(nan_too, pa.Scalar) and nan_too.as_py()):
        return UNKNOWN
    return Missing(column.name)


def _presence(call: _Call) -> Condition:
    column = call.arguments[0]
    return Present(column.name) if isinstance(column, _Field) else UNKNOWN


def _pattern(call: _Call) -> Condition:
    column, pattern, any_case = call.arguments[0], call.options["pattern"], call.options["ignore_case"]
    if not (
        isinstance(column, _Field) and isinstance(pattern, pa.Scalar) and isinstance(any_case, pa.Scalar)
    ):
        return UNKNOWN
    text = pattern.as_py()
    if any_case.as_py() or not isinstance(text, str):
        return UNKNOWN
    if call.name == "starts_with":
        return Prefix(column.name, text)
    fixed = re.split(r"[%_\\]", text, maxsplit=1)[0]
    return Prefix(column.name, fixed, whole=fixed == text)


def _choice(call: _Call) -> Condition:
    """if_else(test, then, otherwise): where the test is null the result is, too."""
    test, then, otherwise = (_condition(argument) for argument in call.arguments)
    return Any((All((test, then)), All((Not(test), otherwise))))


def _parts(call: _Call) -> tuple[Condition, ...]:
    return tuple(_condition(argument) for argument in call.arguments)


_CALLS: Final[dict[str, Callable[[_Call], Condition]]] = {
    "and_kleene": lambda call: All(_parts(call)),
    "and": lambda call: All(_parts(call)),
    "or_kleene": lambda call: Any(_parts(call)),
    "or": lambda call: Any(_parts(call)),
    "invert": lambda call: Not(*_parts(call)),
    "is_in": _among,
    "is_null": _null_test,
    "is_valid": _presence,
    "starts_with": _pattern,
    "match_like": _pattern,
    "if_else": _choice,
}
