"""Filter texts in the manner of SQL: `id >= 10 AND (name LIKE 'a%' OR city IS NULL)`.

```
condition  = all { OR all }
all        = not { AND not }
not        = NOT not | test
test       = "(" condition ")" | operand [ rest ]
rest       = ("=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">=") operand
           | IS [NOT] NULL | [NOT] IN "(" literal { "," literal } ")"
           | [NOT] BETWEEN literal AND literal | [NOT] LIKE 'pattern'
operand    = column | literal
column     = name { "." name }
literal    = number | 'text' | X'hex' | TRUE | FALSE | NULL | (DATE | TIME | TIMESTAMP) 'text'
```
There are no functions and no arithmetic. Names are letters, digits and "_", or anything in double quotes or
backquotes. A column of type bool is a condition itself.
"""

from __future__ import annotations

import decimal
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, NoReturn

import pyarrow as pa
import pyarrow.compute as pc

from tablestore.errors import FilterError
from tablestore.filter import literal as literals
from tablestore.filter.condition import Operator
from tablestore.filter.literal import LiteralValue, UnfitError

TEXT_MAX: Final = 1 << 20
DEPTH_MAX: Final = 64
# Arrow walks chains of AND and OR recursively, however they are grouped, and has no guard of its own.
TESTS_MAX: Final = 1_000

_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?(?![A-Za-z0-9_]))
    | (?P<bytes>[xX]'(?P<hex>[0-9a-fA-F]*)')
    | (?P<text>'(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")+"|`(?:[^`]|``)+`)
    | (?P<word>[^\W0-9]\w*)
    | (?P<symbol><=|>=|<>|!=|==|[-+=<>(),.])
    | (?P<end>$)
    )""",
    re.VERBOSE,
)
_OPERATORS: Final[dict[str, Operator]] = {
    "=": "=", "==": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">=",
}  # fmt: skip
_MIRRORED: Final[dict[Operator, Operator]] = {
    "=": "=",
    "!=": "!=",
    "<": ">",
    "<=": ">=",
    ">": "<",
    ">=": "<=",
}
_RESERVED: Final = frozenset(["AND", "OR", "NOT", "IN", "IS", "NULL", "BETWEEN", "LIKE", "TRUE", "FALSE"])
_TYPED: Final = frozenset(("DATE", "TIME", "TIMESTAMP"))


@dataclass(frozen=True)
class Token:
    """kind: a group of _TOKEN; text: as written; start: position in the filter."""

    kind: str
    text: str
    start: int

    @property
    def word(self) -> str:
        return self.text.upper() if self.kind == "word" else ""


@dataclass(frozen=True)
class Column:
    """A column that the filter names, and its type."""

    expression: pc.Expression
    type: pa.DataType
    token: Token


Operand = Column | LiteralValue


def parse_filter(text: str, schema: pa.Schema) -> pc.Expression:
    """The expression that a filter text states about columns of `schema`.

    Raises FilterError with the position.
    """
    parser = _Parser(text, schema)
    expression = parser.condition(0)
    parser.finish()
    return expression


def _balanced(
    combine: Callable[[pc.Expression, pc.Expression], pc.Expression], parts: list[pc.Expression]
) -> pc.Expression:
    """The parts combined as a tree of little depth: Arrow walks expressions recursively."""
    while len(parts) > 1:
        pairs = [combine(*parts[index : index + 2]) for index in range(0, len(parts) - 1, 2)]
        parts = pairs + parts[len(parts) - len(parts) % 2 :]
    return parts[0]


class _Parser:
    def __init__(self, text: str, schema: pa.Schema) -> None:
        self._text = text
        self._schema = schema
        if len(text) > TEXT_MAX:
            raise FilterError(f"the filter has {len(text)} characters, the limit is {TEXT_MAX}")
        self._tokens = self._split()
        self._position = 0
        self._tests = 0

    # ---- tokens

    def _split(self) -> list[Token]:
        tokens: list[Token] = []
        position = 0
        while not tokens or tokens[-1].kind != "end":
            match = _TOKEN.match(self._text, position)
            if match is None:
                start = len(self._text) - len(self._text[position:].lstrip())
                self._fail_at(start, f"unexpected {self._text[start : start + 20]!r}")
            kind = match.lastgroup or "end"
            if kind == "hex":
                kind = "bytes"
            tokens.append(Token(kind, match[kind], match.start(kind)))
            position = match.end()
        return tokens

    @property
    def _token(self) -> Token:
        return self._tokens[self._position]

    def _take(self) -> Token:
        token = self._token
        self._position += token.kind != "end"
        return token

    def _take_if(self, *texts: str) -> bool:
        """Skips one word or symbol if it is one of these."""
        if self._token.word in texts or (self._token.kind == "symbol" and self._token.text in texts):
            self._position += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._take_if(text):
            self._fail(self._token, f"expected {text}")

    def _fail(self, token: Token, message: str) -> NoReturn:
        found = "the end" if token.kind == "end" else repr(token.text[:40])
        self._fail_at(token.start, f"{message} at {found}")

    def _fail_at(self, start: int, message: str) -> NoReturn:
        raise FilterError(f"{message} (position {start + 1} of {self._text[:200]!r})")

    def finish(self) -> None:
        if self._token.kind != "end":
            self._fail(self._token, "unexpected words")

    # ---- grammar

    def condition(self, depth: int) -> pc.Expression:
        parts = [self._all(depth)]
        while self._take_if("OR"):
            parts.append(self._all(depth))
        return _balanced(lambda left, right: left | right, parts)

    def _all(self, depth: int) -> pc.Expression:
        parts = [self._not(depth)]
        while self._take_if("AND"):
            parts.append(self._not(depth))
        return _balanced(lambda left, right: left & right, parts)

    def _not(self, depth: int) -> pc.Expression:
        if depth > DEPTH_MAX:
            self._fail(self._token, f"more than {DEPTH_MAX} levels of brackets and NOT")
        if self._take_if("NOT"):
            return ~self._not(depth + 1)
        if self._take_if("("):
            inner = self.condition(depth + 1)
            self._expect(")")
            return inner
        return self._test()

    def _test(self) -> pc.Expression:
        start = self._token
        self._tests += 1
        if self._tests > TESTS_MAX:
            self._fail(start, f"more than {TESTS_MAX} comparisons, use IN for many values,")
        left = self._operand()
        if self._token.kind == "symbol" and self._token.text in _OPERATORS:
            operator = _OPERATORS[self._take().text]
            return self._comparison(left, operator, self._operand(), start)
        if isinstance(left, LiteralValue):
            if left.kind == "bool":
                return pc.scalar(bool(left.value))
            self._fail(start, "expected a condition")
        if self._take_if("IS"):
            negative = self._take_if("NOT")
            self._expect("NULL")
            return left.expression.is_valid() if negative else left.expression.is_null()
        negative = self._take_if("NOT")
        for word, reader in (("IN", self._among), ("BETWEEN", self._between), ("LIKE", self._like)):
            if self._take_if(word):
                found = reader(left)
                return ~found if negative else found
        if negative:
            self._fail(self._token, "expected IN, BETWEEN or LIKE")
        if not pa.types.is_boolean(left.type):
            self._fail(self._token, f"column {left.token.text} is no condition, expected a comparison")
        return left.expression

    def _comparison(self, left: Operand, operator: Operator, right: Operand, start: Token) -> pc.Expression:
        if isinstance(left, LiteralValue):
            if isinstance(right, LiteralValue):
                self._fail(start, "two literals are compared, expected a column")
            left, right, operator = right, left, _MIRRORED[operator]
        if isinstance(right, LiteralValue):
            return self._fitted(partial(literals.compare, left.expression, left.type, operator, right), start)
        if left.type != right.type and not (_is_number(left.type) and _is_number(right.type)):
            self._fail(start, f"columns of types {left.type} and {right.type} cannot be compared")
        return literals.apply(operator, left.expression, right.expression)

    def _among(self, left: Column) -> pc.Expression:
        self._expect("(")
        values = []
        nulls = False
        while True:
            start = self._token
            literal = self._literal()
            if literal.kind == "null":
                nulls = True
            else:
                values += self._member(left, literal, start)
            if not self._take_if(","):
                break
        self._expect(")")
        found = left.expression.isin(pa.array(values, left.type))
        # In SQL a null is neither in a list nor not in it, and nothing is known not to be in a list with a
        # null.
        unknown = pc.scalar(pa.scalar(None, pa.bool_()))
        return pc.if_else(left.expression.is_valid(), (found | unknown) if nulls else found, unknown)

    def _member(self, left: Column, literal: LiteralValue, start: Token) -> list[pa.Scalar]:
        """The literal in the column's type; none if it is a number that the type does not have."""
        number = literal.kind == "number" and (
            pa.types.is_integer(left.type) or pa.types.is_decimal(left.type)
        )
        try:
            return [literals.scalar_of(literal, left.type)]
        except UnfitError as error:
            if number:
                return []
            self._fail(start, str(error))

    def _between(self, left: Column) -> pc.Expression:
        start = self._token
        low = self._literal()
        self._expect("AND")
        middle = self._token
        high = self._literal()
        above = self._fitted(partial(literals.compare, left.expression, left.type, ">=", low), start)
        return above & self._fitted(partial(literals.compare, left.expression, left.type, "<=", high), middle)

    def _like(self, left: Column) -> pc.Expression:
        start = self._token
        pattern = self._literal()
        if not pa.types.is_string(left.type) or not isinstance(pattern.value, str):
            self._fail(start, "LIKE compares a string column with a text")
        return pc.match_like(left.expression, pattern.value)

    def _fitted(self, make: Callable[[], pc.Expression], token: Token) -> pc.Expression:
        try:
            return make()
        except UnfitError as error:
            self._fail(token, str(error))

    # ---- operands

    def _operand(self) -> Operand:
        token = self._token
        is_typed = token.word in _TYPED and self._tokens[self._position + 1].kind == "text"
        if token.kind == "quoted" or (token.kind == "word" and token.word not in _RESERVED and not is_typed):
            return self._column()
        return self._literal()

    def _column(self) -> Column:
        first = self._token
        names = [self._name()]
        while self._take_if("."):
            names.append(self._name())
        index = self._schema.get_field_index(names[0])
        if index < 0:
            known = ", ".join(self._schema.names[:50])
            self._fail(first, f"there is no column {names[0]!r}, the columns are {known},")
        arrow = self._schema.field(index).type
        for name in names[1:]:
            if not pa.types.is_struct(arrow) or arrow.get_field_index(name) < 0:
                self._fail(first, f"column {names[0]!r} has no field {name!r}")
            arrow = arrow.field(name).type
        return Column(pc.field(*names), arrow, first)

    def _name(self) -> str:
        token = self._take()
        if token.kind == "quoted":
            quote = token.text[0]
            return token.text[1:-1].replace(quote * 2, quote)
        if token.kind != "word":
            self._fail(token, "expected a name")
        return token.text

    def _literal(self) -> LiteralValue:
        token = self._take()
        if token.kind == "symbol" and token.text in "+-" and self._token.kind == "number":
            return LiteralValue("number", decimal.Decimal(token.text + self._take().text))
        if token.kind == "number":
            return LiteralValue("number", decimal.Decimal(token.text))
        if token.word in _TYPED and self._token.kind == "text":
            token = self._take()
        if token.kind == "text":
            return LiteralValue("text", token.text[1:-1].replace("''", "'"))
        if token.kind == "bytes":
            return self._bytes(token)
        if token.word in ("TRUE", "FALSE"):
            return LiteralValue("bool", token.word == "TRUE")
        if token.word == "NULL":
            return LiteralValue("null", None)
        self._fail(token, "expected a column or a literal")

    def _bytes(self, token: Token) -> LiteralValue:
        digits = token.text[2:-1]
        if len(digits) % 2:
            self._fail(token, "an odd number of hexadecimal digits")
        return LiteralValue("bytes", bytes.fromhex(digits))


def _is_number(arrow: pa.DataType) -> bool:
    return bool(pa.types.is_integer(arrow) or pa.types.is_floating(arrow) or pa.types.is_decimal(arrow))
