"""Vectors of spec chapter 2."""

from __future__ import annotations

from tablestore.conformance.cases.book import Book
from tablestore.conformance.corpus import Case

ELEMENT = {"name": "element", "type": "int32", "nullable": True}


def nested_list(depth: int) -> object:
    """int8 in `depth` - 1 lists."""
    found: object = "int8"
    for _ in range(depth - 1):
        found = {"list": {"name": "element", "type": found, "nullable": False}}
    return found


def cases() -> list[Case]:
    book = Book("type")
    _physical(book)
    _bad_types(book)
    _ranks(book)
    return book.cases


def _physical(book: Book) -> None:
    fixed = {
        "int8": 1, "uint16": 2, "int32": 4, "uint64": 8, "float32": 4, "float64": 8, "date32": 4,
        "decimal128(38,-38)": 16, "decimal128(1,0)": 16, "time32(s)": 4, "time32(ms)": 4, "time64(us)": 8,
        "time64(ns)": 8, "timestamp(s)": 8, "timestamp(ns,Europe/Zürich)": 8, "timestamp(us,a, b)": 8,
        "fixed_binary(1)": 1, "fixed_binary(65535)": 65_535,
    }  # fmt: skip
    for name, width in fixed.items():
        slug = "".join(c if c.isascii() and c.isalnum() else "-" for c in name).strip("-")
        output = {"form": "fixed", "width": width}
        book.valid(
            f"physical-{slug}", "2.2", f"{name} is fixed {width}.", "physical", type=name, output=output
        )
    others: dict[str, object] = {
        "bits": "bool",
        "variable": "binary",
        "list": {"list": ELEMENT},
        "struct": {"struct": [{"name": "", "type": "string", "nullable": False}]},
    }
    for form, type_ in others.items():
        output = {"form": form, "width": 0}
        book.valid(
            f"physical-{form}", "2.2", f"A type of the form {form}.", "physical", type=type_, output=output
        )
    key, value = ({"name": name, "type": "string", "nullable": name == "value"} for name in ("key", "value"))
    output = {"form": "list", "width": 0}
    book.valid(
        "physical-map", "2.2", "A map is a list.", "physical", type={"map": [key, value]}, output=output
    )
    about = "A type may be nested 32 deep."
    book.valid("physical-deepest", "0.5", about, "physical", type=nested_list(32), output=output)


def _bad_types(book: Book) -> None:
    key = {"name": "key", "type": "string", "nullable": False}
    value = {"name": "value", "type": "string", "nullable": True}
    faults: dict[str, tuple[object, str]] = {
        "unknown": ("int128", "No such type."),
        "empty-name": ("", "An empty name."),
        "upper-case": ("INT32", "Names are lower-case."),
        "space": ("decimal128(10, 2)", "A space between arguments."),
        "leading-zero": ("fixed_binary(08)", "An argument with a leading zero."),
        "precision-0": ("decimal128(0,0)", "Precision 0."),
        "precision-39": ("decimal128(39,0)", "Precision 39."),
        "scale-39": ("decimal128(38,39)", "Scale 39."),
        "scale-minus-zero": ("decimal128(38,-0)", "Scale -0."),
        "non-ascii-digit": ("fixed_binary(٣)", "A digit of another script."),
        "width-0": ("fixed_binary(0)", "No bytes."),
        "width-65536": ("fixed_binary(65536)", "Too many bytes."),
        "time-unit": ("time32(us)", "A unit that this type does not have."),
        "zone-empty": ("timestamp(us,)", "A zone without characters."),
        "zone-parenthesis": ("timestamp(us,a))", "A zone with a parenthesis."),
        "zone-control": ("timestamp(us,a\n)", "A zone with a control character."),
        "number": (32, "A number is no type."),
        "null": (None, "null is no type."),
        "two-members": ({"list": ELEMENT, "struct": [ELEMENT]}, "An object with two members."),
        "struct-empty": ({"struct": []}, "A struct without fields."),
        "struct-same-names": ({"struct": [ELEMENT, ELEMENT]}, "Two fields of one name."),
        "list-name": ({"list": {**ELEMENT, "name": "item"}}, "The element has another name."),
        "map-nullable-key": ({"map": [{**key, "nullable": True}, value]}, "The key of a map is nullable."),
        "map-names": ({"map": [value, key]}, "Key and value are swapped."),
        "map-of-three": ({"map": [key, value, value]}, "A map of three fields."),
    }
    for name, (type_, description) in faults.items():
        book.invalid(f"type-{name}", "2.2", description, "physical", "schema-mismatch", type=type_)
    about = "A field without nullable."
    given = {"list": {"name": "element", "type": "int8"}}
    book.invalid("type-field-incomplete", "2.2", about, "physical", "json-missing", type=given)
    given_2 = {"list": {"name": "element", "type": "int8", "nullable": 1}}
    book.invalid(
        "type-nullable-number", "2.2", "nullable is a number.", "physical", "json-type", type=given_2
    )
    about = "A type nested 33 deep."
    book.invalid("type-too-deep", "0.5", about, "physical", "limit-exceeded", type=nested_list(33))


def _ranks(book: Book) -> None:
    ranks: list[tuple[str, str, object, str | None]] = [
        ("bool-true", "bool", True, "0000000000000001"),
        ("uint64-greatest", "uint64", str(2**64 - 1), "ffffffffffffffff"),
        ("int8-minus-1", "int8", -1, "7fffffffffffffff"),
        ("int64-least", "int64", str(-(2**63)), "0000000000000000"),
        ("date32-epoch", "date32", 0, "8000000000000000"),
        ("timestamp-before-epoch", "timestamp(us)", -1, "7fffffffffffffff"),
        ("float64-zero", "float64", "0000000000000000", "8000000000000000"),
        ("float64-minus-zero", "float64", "8000000000000000", "8000000000000000"),
        ("float64-one", "float64", "3ff0000000000000", "bff0000000000000"),
        ("float64-minus-one", "float64", "bff0000000000000", "400fffffffffffff"),
        ("float64-infinity", "float64", "7ff0000000000000", "fff0000000000000"),
        ("float64-nan", "float64", "7ff8000000000000", None),
        ("float32-one", "float32", "3f800000", "bff0000000000000"),
        ("float32-nan", "float32", "ffc00001", None),
        ("decimal128-minus-1", "decimal128(5,2)", -1, "7fffffffffffffff"),
        ("decimal128-large", "decimal128(38,0)", str(10**38 - 1), None),
        ("string-short", "string", "ab", "6162000000000000"),
        ("string-cut", "string", "abcdefghi", "6162636465666768"),
        ("string-empty", "string", "", "0000000000000000"),
        ("binary-high", "binary", "ff", "ff00000000000000"),
        ("fixed-binary", "fixed_binary(2)", "0102", "0102000000000000"),
    ]
    for name, type_, value, output in ranks:
        about = f"The rank of a value of {type_}."
        if name == "decimal128-large":
            output = f"{((10**38 - 1) >> 64) + 2**63:016x}"
        book.valid(f"rank-{name}", "2.4", about, "rank", type=type_, value=value, output=output)
