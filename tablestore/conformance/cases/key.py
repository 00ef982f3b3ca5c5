"""Vectors of spec chapter 3."""

# ruff: noqa: E501 - tables of cases, a line each
from __future__ import annotations

from tablestore.conformance.cases.book import Book
from tablestore.conformance.corpus import Case


def cases() -> list[Case]:
    book = Book("key")
    _round_trips(book)
    _tuples(book)
    _hashes(book)
    _bad_values(book)
    _bad_keys(book)
    return book.cases


def _round_trips(book: Book) -> None:
    keys: dict[str, tuple[list[str], list[object], str]] = {
        "bool": (["bool"], [True], "01"),
        "uint8": (["uint8"], [255], "ff"),
        "uint64": (["uint64"], [258], "0000000000000102"),
        "int8-least": (["int8"], [-128], "00"),
        "int16": (["int16"], [-2], "7ffe"),
        "int32-zero": (["int32"], [0], "80000000"),
        "int64-greatest": (["int64"], [str(2**63 - 1)], "ffffffffffffffff"),
        "int64-minus-1": (["int64"], [-1], "7fffffffffffffff"),
        "date32": (["date32"], [19_000], "80004a38"),
        "time64": (["time64(ns)"], [86_399_999_999_999], "80004e94914effff"),
        "timestamp": (["timestamp(us,UTC)"], [-1], "7fffffffffffffff"),
        "decimal128": (["decimal128(38,4)"], [-1], "7f" + "ff" * 15),
        "fixed-binary": (["fixed_binary(3)"], ["000102"], "000102"),
        "string-last": (["string"], ["a\0b\1"], "61006201"),
        "string-empty": (["string"], [""], ""),
        "string-utf8": (["string"], ["é😀"], "c3a9f09f9880"),
        "binary-last": (["binary"], ["0001ff"], "0001ff"),
        "string-escaped": (["string", "int8"], ["a\0b\1c\2", 1], "61010062010163020081"),
        "string-empty-first": (["string", "string"], ["", ""], "00"),
        "binary-only-escapes": (["binary", "bool"], ["000101", False], "0100010101010000"),
        "composite": (["int32", "string", "bool", "binary"], [-1, "x", True, "00"], "7fffffff78000100"),
    }
    for name, (types, values, output) in keys.items():
        about = f"A key of {', '.join(types)}."
        book.valid(f"encode-{name}", "3.2", about, "encode", types=types, values=values, output=output)
        book.valid(f"decode-{name}", "3.7", about, "decode", types=types, data=output, output=values)
    ordered = ["", "\0", "\0\0", "\0\1", "\1", "\1\0", "\2", "a", "a\0", "a\1", "ab"]
    encoded: list[bytes] = []
    for text in ordered:
        book.valid(
            f"order-{len(encoded):02}", "3.2", "Strings before another column, in order: each is greater than the last.",
            "encode", types=["string", "uint8"], values=[text, 255 - len(encoded)],
        )  # fmt: skip
        encoded.append(bytes.fromhex(str(book.cases[-1].output)))
    if encoded != sorted(encoded):
        raise AssertionError("the encoding of strings does not keep their order")
    longest = "00" * 65_536
    about = "A key of 65,536 bytes is allowed."
    book.valid("longest", "3.6", about, "bound", data=longest, output="00" * 64)


def _tuples(book: Book) -> None:
    tuples: dict[str, tuple[list[str], list[object], str]] = {
        "empty": ([], [], ""),
        "null": (["string"], [None], "00"),
        "string": (["string"], ["a"], "016100"),
        "string-empty": (["string"], [""], "0100"),
        "escaped-last": (["binary"], ["0001"], "010100010100"),
        "mixed": (["int32", "string", "bool"], [None, "é", False], "0001c3a9000100"),
        "date": (["date32", "fixed_binary(2)"], [-1, "abcd"], "017fffffff01abcd"),
    }
    for name, (types, values, output) in tuples.items():
        about = f"A nullable tuple of ({', '.join(types)})."
        book.valid(
            f"encode-tuple-{name}", "3.3", about, "encode_tuple", types=types, values=values, output=output
        )
        book.valid(
            f"decode-tuple-{name}", "3.3", about, "decode_tuple", types=types, data=output, output=values
        )


def _hashes(book: Book) -> None:
    for name, data in (("int64-0", "8000000000000000"), ("int64-1", "8000000000000001"), ("string-a", "61")):
        book.valid(f"hash-{name}", "3.4", "The hash of an encoded key.", "hash", data=data)
        for buckets in (1, 4, 7, 65_536):
            about = f"The bucket of a key among {buckets}."
            book.valid(f"bucket-{name}-of-{buckets}", "3.4", about, "bucket", data=data, buckets=buckets)
    about = "A key of 64 bytes is its own bound."
    book.valid("bound-64-bytes", "3.5", about, "bound", data="ab" * 64, output="ab" * 64)
    book.valid(
        "bound-65-bytes", "3.5", "A longer key is cut.", "bound", data="ab" * 64 + "cd", output="ab" * 64
    )
    book.valid("bound-short", "3.5", "A shorter key is kept.", "bound", data="0102", output="0102")


def _bad_values(book: Book) -> None:
    struct = {"struct": [{"name": "a", "type": "int8", "nullable": False}]}
    refused: dict[str, tuple[list[object], list[object], str, str]] = {
        "float64": (["float64"], ["0000000000000000"], "schema-mismatch", "Floats are not allowed in keys."),
        "float32": (["float32"], ["00000000"], "schema-mismatch", "Floats are not allowed in keys."),
        "struct": ([struct], [[1]], "schema-mismatch", "Nested types are not allowed in keys."),
        "null": (["int64"], [None], "null-in-required", "Key columns are never null."),
        "too-long": (["binary"], ["00" * 65_537], "limit-exceeded", "A key of 65,537 bytes."),
        "escaped-too-long": (
            ["binary", "bool"],
            ["00" * 32_768, True],
            "limit-exceeded",
            "Too long when escaped.",
        ),
    }
    for name, (types, values, code, about) in refused.items():
        book.invalid(f"encode-{name}", "3.2 3.6", about, "encode", code, types=types, values=values)
    about = "Floats are not allowed in partitions."
    given = {"types": ["float64"], "values": ["0000000000000000"]}
    book.invalid("encode-tuple-float64", "3.3", about, "encode_tuple", "schema-mismatch", **given)


def _bad_keys(book: Book) -> None:
    refused: dict[str, tuple[list[str], str, str, str]] = {
        "short": (["int64"], "80000000000000", "bad-key", "A byte is missing."),
        "long": (["int64"], "800000000000000000", "bad-key", "A byte is left over."),
        "empty": (["int8"], "", "bad-key", "Nothing where a column should be."),
        "bool-2": (["bool"], "02", "bad-key", "A bool that is neither 00 nor 01."),
        "escape": (["string", "bool"], "0102000001", "bad-key", "An escape followed by 02."),
        "escape-at-end": (["string", "bool"], "6101", "bad-key", "An escape followed by nothing."),
        "no-terminator": (["string", "string"], "6162", "bad-key", "The terminator is missing."),
        "column-missing": (["string", "int8"], "6100", "bad-key", "Nothing after the terminator."),
        "utf8": (["string"], "ff", "invalid-utf8", "The last string is not UTF-8."),
        "utf8-escaped": (
            ["string", "bool"],
            "c32800" + "01",
            "invalid-utf8",
            "An inner string is not UTF-8.",
        ),
        "utf8-surrogate": (["string"], "eda080", "invalid-utf8", "A surrogate."),
        "time": (["time32(s)"], "80015180", "bad-value", "A time of 86,400 seconds."),
        "decimal": (["decimal128(1,0)"], "80" + "00" * 14 + "0a", "bad-value", "10 with a precision of 1."),
    }
    for name, (types, data, code, about) in refused.items():
        book.invalid(f"decode-{name}", "3.7", about, "decode", code, types=types, data=data)
    tuples: dict[str, tuple[list[str], str, str]] = {
        "tag-2": (["int8"], "0280", "A tag that is neither 00 nor 01."),
        "null-with-value": (["int8"], "0080", "A value after the tag of a null."),
        "no-terminator": (["string"], "0161", "The last string is terminated, too."),
        "empty": (["int8"], "", "No tag."),
        "left-over": ([], "00", "A byte in a tuple without columns."),
    }
    for name, (types, data, about) in tuples.items():
        book.invalid(
            f"decode-tuple-{name}", "3.3 3.7", about, "decode_tuple", "bad-key", types=types, data=data
        )
