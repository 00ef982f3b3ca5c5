# ruff: noqa: E501 - tables of cases, a line each
"""Vectors of spec chapter 7. Faulty files are written with right checksums, except where the checksum is the fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tablestore.conformance.cases.book import Book, with_byte, with_bytes
from tablestore.conformance.corpus import Case
from tablestore.reference.block import encode_chunk
from tablestore.reference.directory import Directory
from tablestore.reference.primitive import hash64
from tablestore.reference.properties import Column
from tablestore.reference.sst import FOOTER_BYTES, decode_sst
from tablestore.reference.sst_writer import Edits, Settings, column, encode_sst, system_columns
from tablestore.reference.type import float_bits, parse_type

FILE_ID = bytes.fromhex("000000000007a1b2c3d4e5f60718293a")
TABLE = "00112233445566778899aabbccddeeff"
SETTINGS = Settings(FILE_ID, TABLE, block_rows=4, bits_per_key=10, bucket=2)
Row = list[object]


def small_columns() -> list[Column]:
    """id int64 key, name string."""
    return [column(0, "id", "int64", "key"), *system_columns(), column(1, "name", "string", nullable=True)]


def small_rows() -> list[Row]:
    """Six rows in two blocks of four and two; the third is a delete."""
    names = ["one", "two", None, "four", "five", "six"]
    return [[number * 10, 0, 3 if number == 2 else 0, name] for number, name in enumerate(names)]


def small_file(**edits: Any) -> bytes:
    return encode_sst(small_columns(), small_rows(), replace(SETTINGS, edits=Edits(**edits)))


def cases() -> list[Case]:
    book = Book("sst")
    _valid(book)
    _damage(book)
    _bad_ends(book)
    _bad_sections(book)
    _bad_properties(book)
    _bad_directories(book)
    _bad_contents(book)
    _unexpected(book)
    return book.cases


def _valid(book: Book) -> None:
    def add(name: str, about: str, columns: list[Column], rows: list[Row], settings: Settings) -> bytes:
        data = encode_sst(columns, rows, settings)
        book.valid(name, "7.2 7.3 7.4 7.6 7.7", about, "read", data=data.hex())
        return data

    columns, rows = small_columns(), small_rows()
    add("two-blocks", "Six rows in two blocks, one of them a delete.", columns, rows, SETTINGS)
    add("one-row", "The smallest file.", columns[:3], [[7, 0, 0]], replace(SETTINGS, bits_per_key=0))
    add("no-filter", "A file without filter.", columns, rows, replace(SETTINGS, bits_per_key=0))
    many: list[Row] = [[number, 0, 0, f"name {number % 5}"] for number in range(300)]
    add(
        "compressed",
        "Directory, properties and streams in zstd frames.",
        columns,
        many,
        replace(SETTINGS, compressed=True, codec=1, block_rows=16),
    )
    sequences: list[Row] = [[number, number % 3 * 7, number % 4, None] for number in range(8)]
    add(
        "sequences-and-kinds",
        "Explicit sequences beside inherited ones, and all four row kinds.",
        columns,
        sequences,
        replace(SETTINGS, level=2),
    )
    composite = [column(3, "a", "string", "key"), column(1, "b", "int32", "key"), *system_columns()]
    keys: list[Row] = [["", 5, 0, 0], ["a", -1, 0, 0], ["a", 3, 0, 0], ["a\0", -9, 0, 0], ["b", 0, 0, 0]]
    add(
        "composite-key", "A key of a string and an integer.", composite, keys, replace(SETTINGS, block_rows=2)
    )
    long_keys: list[Row] = [["x" * 64 + suffix, 0, 0] for suffix in ("", "a", "b", "c")]
    text_key = [column(0, "k", "string", "key"), *system_columns()]
    add(
        "long-keys",
        "Keys that differ after their bounds.",
        text_key,
        long_keys,
        replace(SETTINGS, block_rows=2),
    )
    wide, row = _wide()
    add("every-type", "A column of every type, with a row of values and a row of nulls.", wide, row, SETTINGS)
    data = small_file(header=lambda fields: fields | {"optional_features": 0x80000000})
    book.valid("optional-feature", "0.4", "Unknown optional features are ignored.", "read", data=data.hex())
    data = small_file(
        header=lambda fields: fields | {"minor": 9}, footer=lambda fields: fields | {"minor": 9}
    )
    book.valid("minor-version", "0.4", "A higher minor version is readable.", "read", data=data.hex())
    data = small_file(properties_raw=lambda raw: raw[:-1] + b',"later":[1,{}]}')
    book.valid("unknown-property", "1.5", "Unknown members are ignored.", "read", data=data.hex())
    book.valid("block-by-block", "7.2", "Chunks in another order.", "read", data=_shuffled().hex())


def _shuffled() -> bytes:
    """The small file with its first two chunks swapped in place."""
    file = decode_sst(small_file())
    first, second = sorted(file.directory.chunks, key=lambda entry: entry.offset)[:2]

    def move(directory: Directory) -> Directory:
        places = {first.offset: 48 + second.size, second.offset: 48}
        return replace(
            directory, chunks=[replace(e, offset=places.get(e.offset, e.offset)) for e in directory.chunks]
        )

    data = small_file(directory=move)
    swapped = file.data[second.offset : second.offset + second.size] + file.data[48 : 48 + first.size]
    return with_bytes(data, 48, swapped)


def _wide() -> tuple[list[Column], list[Row]]:
    element = {"name": "element", "type": "int16", "nullable": True}
    entry = [
        {"name": "key", "type": "string", "nullable": False},
        {"name": "value", "type": "bool", "nullable": True},
    ]
    values: list[tuple[object, object]] = [
        ("bool", True), ("int8", -1), ("int16", -2), ("int32", -3), ("int64", -(2**60)), ("uint8", 1), ("uint16", 2),
        ("uint32", 3), ("uint64", 2**60), ("float32", float_bits(parse_type("float32"), 1.5)),
        ("float64", float_bits(parse_type("float64"), -0.1)), ("decimal128(10,2)", -12_345), ("date32", 15_000),
        ("time32(s)", 86_399), ("time32(ms)", 1), ("time64(us)", 2), ("time64(ns)", 3), ("timestamp(s)", -1),
        ("timestamp(ns,UTC)", 2**61), ("string", "é"), ("binary", b"\0\xff"), ("fixed_binary(3)", b"abc"),
        ({"list": element}, [1, None]), ({"struct": [element]}, (None,)), ({"map": entry}, [("k", True)]),
    ]  # fmt: skip
    columns = [column(0, "id", "bool", "key"), *system_columns()]
    columns += [
        column(number, f"c{number}", type_, nullable=True) for number, (type_, _) in enumerate(values, 1)
    ]
    return columns, [[False, 0, 0, *(value for _, value in values)], [True, 0, 0, *(None for _ in values)]]


def refuse(book: Book, name: str, section: str, about: str, code: str, data: bytes, **more: Any) -> None:
    book.invalid(name, section, about, "read", code, data=data.hex(), **more)


def _damage(book: Book) -> None:
    """Faults with wrong checksums: what accidents do."""
    good = small_file()
    file = decode_sst(good)
    base = len(good) - FOOTER_BYTES
    chunk, other = file.directory.chunk(0, 0), file.directory.chunk(0, 1)
    swapped = (
        good[:48]
        + good[other.offset : other.offset + other.size]
        + good[48 : 48 + chunk.size]
        + good[other.offset + other.size :]
    )
    foreign = encode_sst(small_columns(), small_rows(), replace(SETTINGS, file_id=FILE_ID[::-1]))
    name_chunk = file.directory.chunk(3, 0)
    first_of_name = slice(name_chunk.offset, name_chunk.offset + name_chunk.size)
    crc = decode_sst(foreign).directory.chunk(3, 0).crc
    borrowed = small_file(
        directory=lambda d: replace(
            d, chunks=[replace(e, crc=crc) if e.offset == name_chunk.offset else e for e in d.chunks]
        )
    )
    start = file.footer["directory_offset"]
    foreign_directory = good[:start] + foreign[start:-FOOTER_BYTES] + good[base:]
    changed = small_rows()
    changed[0][3] = "eno"
    stale = encode_sst(small_columns(), changed, SETTINGS)
    stale_chunk = good[: first_of_name.start] + stale[first_of_name] + good[first_of_name.stop :]
    faults: dict[str, tuple[str, str, bytes]] = {
        "empty": ("An empty file.", "truncated", b""),
        "too-short": ("159 bytes.", "truncated", good[:159]),
        "cut-one-byte": ("The last byte is missing.", "bad-magic", good[:-1]),
        "cut-in-half": ("The second half is missing.", "bad-magic", good[: len(good) // 2]),
        "trailing-byte": ("A byte after the footer.", "bad-magic", good + b"\0"),
        "zero-file": ("Nothing but zeros.", "bad-magic", bytes(len(good))),
        "header-flip": ("A bit of the header differs.", "checksum-mismatch", with_byte(good, 16, 1)),
        "header-file-id": (
            "The file id of the header differs.",
            "checksum-mismatch",
            with_byte(good, 30, 0xFF),
        ),
        "footer-flip": ("A bit of the footer differs.", "checksum-mismatch", with_byte(good, base + 64, 7)),
        "footer-crc": (
            "The footer's checksum is zero.",
            "checksum-mismatch",
            with_bytes(good, base + 100, bytes(4)),
        ),
        "filter-flip": (
            "A bit of the filter differs.",
            "checksum-mismatch",
            with_byte(good, file.footer["filter_offset"] + 9, 0xAA),
        ),
        "properties-flip": (
            "A bit of the properties differs.",
            "checksum-mismatch",
            with_byte(good, file.footer["properties_offset"] + 20, 0x7F),
        ),
        "directory-flip": (
            "A bit of the directory differs.",
            "checksum-mismatch",
            with_byte(good, file.footer["directory_offset"] + 8, 5),
        ),
        "chunk-flip": ("A bit of a chunk differs.", "checksum-mismatch", with_byte(good, 60, good[60] ^ 4)),
        "chunk-zeroed": ("A chunk of zeros.", "checksum-mismatch", with_bytes(good, 48, bytes(chunk.size))),
        "chunks-swapped": ("Two chunks of one column in each other's place.", "checksum-mismatch", swapped),
        "chunk-of-another-file": (
            "A chunk and its checksum from a file with another id.",
            "checksum-mismatch",
            borrowed,
        ),
        "directory-of-another-file": (
            "The directory of a file with another id.",
            "checksum-mismatch",
            foreign_directory,
        ),
        "chunk-stale": ("The same chunk with other values.", "checksum-mismatch", stale_chunk),
    }
    for name, (about, code, data) in faults.items():
        section = {"bad-magic": "7.4", "truncated": "7.9"}.get(code, "1.2")
        refuse(book, f"damage-{name}", section, about, code, data)


def _bad_ends(book: Book) -> None:
    good = small_file()
    base = len(good) - FOOTER_BYTES

    def header(**fields: int) -> bytes:
        return small_file(header=lambda found: found | fields)

    def footer(**fields: int) -> bytes:
        return small_file(footer=lambda found: found | fields)

    faults: dict[str, tuple[str, str, str, bytes]] = {
        "header-magic": ("7.3", "Another magic at the start.", "bad-magic", with_byte(good, 0, 0x88)),
        "header-magic-swapped": ("7.3", "The magic backwards.", "bad-magic", good[:8][::-1] + good[8:]),
        "footer-magic": ("7.4", "Another magic at the end.", "bad-magic", with_byte(good, -1, 0x88)),
        "header-major-2": ("0.4", "Major version 2 in the header.", "unsupported-version", header(major=2)),
        "header-major-0": ("0.4", "Major version 0 in the header.", "unsupported-version", header(major=0)),
        "footer-major-2": ("0.4", "Major version 2 in the footer.", "unsupported-version", footer(major=2)),
        "both-major-255": ("0.4", "Major version 255.", "unsupported-version", small_file(
            header=lambda found: found | {"major": 255}, footer=lambda found: found | {"major": 255})),
        "minor-differs": ("7.4", "Minor versions that differ.", "wrong-file", footer(minor=1)),
        "required-feature": ("0.4", "A required feature.", "unknown-feature", header(required_features=1)),
        "required-feature-31": ("0.4", "The last required feature.", "unknown-feature", header(required_features=2**31)),
        "header-zero-21": ("7.3", "Bytes 21 to 23 are not zero.", "bad-zero", header(zero_1=0x10000)),
        "header-zero-40": ("7.3", "Bytes 40 to 43 are not zero.", "bad-zero", header(zero_2=1)),
        "footer-zero": ("7.4", "A field of the footer is not zero.", "bad-zero", footer(zero=1)),
        "footer-size": ("7.4", "A footer of 113 bytes.", "size-mismatch", footer(footer_size=113)),
        "file-kind-0": ("7.3", "No kind of file.", "bad-value", header(file_kind=0)),
        "file-kind-3": ("7.3", "A kind of file that does not exist.", "bad-value", header(file_kind=3)),
        "file-ids-differ": ("7.4", "Header and footer of two files.", "wrong-file", good[:48] + encode_sst(
            small_columns(), small_rows(), replace(SETTINGS, file_id=FILE_ID[::-1]))[48:]),
        "footer-of-other-header": ("7.4", "A footer that was sealed with another header.", "checksum-mismatch",
            header(optional_features=1)[:48] + good[48:]),
        "footer-offset-of-crc": ("7.4", "Bytes 100 to 103 hold the checksum of other bytes.", "checksum-mismatch",
            with_bytes(good, base + 100, good[base + 52 : base + 56])),
    }  # fmt: skip
    for name, (section, about, code, data) in faults.items():
        refuse(book, name, section, about, code, data)


def _bad_sections(book: Book) -> None:
    good = decode_sst(small_file()).footer

    def footer(**change: int) -> bytes:
        return small_file(footer=lambda found: found | {k: v % 2**64 for k, v in change.items()})

    def shift(name: str, by: int) -> int:
        return good[name] + by

    faults: dict[str, tuple[str, str, bytes]] = {
        "directory-offset-0": ("The directory at offset 0.", "offset-out-of-range", footer(directory_offset=0)),
        "directory-offset-2^63": ("The directory at 2^63.", "offset-out-of-range", footer(directory_offset=2**63)),
        "directory-offset-2^64": ("The directory at 2^64 - 1.", "offset-out-of-range", footer(directory_offset=-1)),
        "directory-size-large": ("A directory that leads into the footer.", "offset-out-of-range", footer(directory_size=shift("directory_size", 1))),
        "directory-size-small": ("A gap after the directory.", "offset-out-of-range", footer(directory_size=shift("directory_size", -1))),
        "properties-offset": ("A gap before the properties.", "offset-out-of-range", footer(properties_offset=shift("properties_offset", 1))),
        "properties-size": ("Properties that overlap the directory.", "offset-out-of-range", footer(properties_size=shift("properties_size", 1))),
        "filter-size": ("A filter that overlaps the properties.", "offset-out-of-range", footer(filter_size=shift("filter_size", 32))),
        "filter-size-wraps": ("A filter whose end is right modulo 2^64.", "offset-out-of-range", footer(filter_size=shift("filter_size", -1) + 2**64, filter_offset=shift("filter_offset", 0) + 2**64)),
        "filter-offset-in-header": ("Chunks end in the header.", "offset-out-of-range", footer(filter_offset=40, filter_size=shift("filter_size", good["filter_offset"] - 40))),
        "filter-crc-without-filter": ("A checksum of a filter that is not there.", "bad-zero", footer(filter_crc=1)),
        "raw-size-small": ("A raw size below the size.", "size-mismatch", footer(directory_raw_size=8)),
        "raw-size-1024-times": ("A raw size of more than 1,024 times the size.", "limit-exceeded", footer(properties_raw_size=shift("properties_size", 0) * 1024 + 65_537)),
        "raw-size-512-mib": ("A raw size of 512 MiB + 1.", "limit-exceeded", footer(directory_raw_size=2**29 + 1)),
        "raw-size-without-frame": ("A raw size above the size, without a frame.", "bad-codec", footer(directory_raw_size=shift("directory_raw_size", 1))),
        "blocks-2^32": ("2^32 - 1 blocks.", "limit-exceeded", footer(block_count=2**32 - 1)),
        "blocks-0": ("No blocks.", "count-mismatch", footer(block_count=0)),
        "rows-0": ("No rows.", "count-mismatch", footer(row_count=0)),
        "columns-0": ("No columns.", "count-mismatch", footer(column_count=0)),
        "columns-4097": ("4,097 columns.", "limit-exceeded", footer(column_count=4097)),
        "columns-differ": ("A column more than the properties have.", "count-mismatch", footer(column_count=5)),
        "blocks-differ": ("A block more than the directory has.", "count-mismatch", footer(block_count=3)),
        "rows-differ": ("A row more than the blocks have.", "count-mismatch", footer(row_count=7)),
    }  # fmt: skip
    no_filter = replace(SETTINGS, bits_per_key=0)
    for name, (about, code, data) in faults.items():
        if name == "filter-crc-without-filter":
            edits = Edits(footer=lambda found: found | {"filter_crc": 1})
            data = encode_sst(small_columns(), small_rows(), replace(no_filter, edits=edits))
        refuse(book, f"footer-{name.replace('^', '-')}", "7.4 7.9", about, code, data)
    faults = {
        "cut": ("A filter without its last block.", "bad-filter", small_file(filter=lambda raw: raw[:-32])),
        "longer": (
            "A filter of more blocks than its keys need.",
            "bad-filter",
            small_file(filter=lambda raw: b"\x02\0\0\0" + raw[4:] + raw[8:]),
        ),
        "missing": (
            "Keys have bits, and there is no filter.",
            "bad-filter",
            small_file(filter=lambda raw: b""),
        ),
        "zero": (
            "A filter that hides every row.",
            "bad-filter",
            small_file(filter=lambda raw: raw[:8] + bytes(len(raw) - 8)),
        ),
        "of-other-keys": (
            "A filter that hides a row.",
            "bad-filter",
            small_file(filter=lambda raw: raw[:8] + raw[8:][::-1]),
        ),
    }
    for name, (about, code, data) in faults.items():
        refuse(book, f"filter-{name}", "6.4 6.5", about, code, data)


def _bad_properties(book: Book) -> None:
    def text(old: bytes, new: bytes) -> bytes:
        def change(raw: bytes) -> bytes:
            if old not in raw:
                raise AssertionError(f"{old!r} is not in the properties")
            return raw.replace(old, new)

        return small_file(properties_raw=change)

    key = b'{"id":0,"name":"id","role":"key","type":"int64","nullable":false}'
    sequence = b'{"id":-1,"name":"_sequence","role":"sequence","type":"uint64","nullable":false}'
    faults: dict[str, tuple[str, str, bytes]] = {
        "not-json": ("Properties that are no JSON.", "json-syntax", small_file(properties_raw=lambda raw: raw[:-1])),
        "duplicate": ("A repeated member.", "json-duplicate-key", text(b'{"table"', b'{"level":0,"table"')),
        "missing": ("A missing member.", "json-missing", text(b'"schema_id":0,', b"")),
        "type": ("A level that is a string.", "json-type", text(b'"level":0', b'"level":"0"')),
        "bool": ("A bucket that is true.", "json-type", text(b'"bucket":2', b'"bucket":true')),
        "utf8": ("A program whose name is not UTF-8.", "invalid-utf8", text(b'"reference"', b'"\xff"')),
        "hexadecimal": ("A bound that is not hexadecimal.", "json-type", text(b'"key_min":"8', b'"key_min":"x')),
        "hexadecimal-space": ("A bound with a space.", "json-type", text(b'"key_min":"8', b'"key_min":" 8')),
        "hexadecimal-upper-case": ("A partition in upper case.", "json-type", text(b'"partition":"', b'"partition":"FF')),
        "column-without-name": ("A column without name.", "json-missing", text(b'"name":"name",', b"")),
        "role": ("An unknown role.", "schema-mismatch", text(b'"role":"value"', b'"role":"index"')),
        "column-type": ("An unknown type.", "schema-mismatch", text(b'"type":"string"', b'"type":"varchar"')),
        "no-key": ("No key column.", "schema-mismatch", text(b'"role":"key"', b'"role":"value"')),
        "key-last": ("A key column after a value.", "schema-mismatch", text(b'"role":"value"', b'"role":"key"')),
        "key-nullable": ("A key column that is nullable.", "schema-mismatch", text(key, key.replace(b"false", b"true"))),
        "key-float": ("A key of a type that keys cannot have.", "schema-mismatch", text(key, key.replace(b"int64", b"float64"))),
        "sequence-type": ("_sequence of another type.", "schema-mismatch", text(sequence, sequence.replace(b"uint64", b"int64"))),
        "sequence-id": ("_sequence with another id.", "schema-mismatch", text(sequence, sequence.replace(b"-1", b"-3"))),
        "id-repeated": ("Two columns with one id.", "schema-mismatch", text(b'{"id":1,', b'{"id":0,')),
        "id-negative": ("A value column with a negative id.", "schema-mismatch", text(b'{"id":1,', b'{"id":-5,')),
        "key-min": ("A least key that is not the first.", "key-order", small_file(properties=lambda p: replace(p, key_min=b"\0"))),
        "key-max": ("A greatest key that is not the last.", "key-order", small_file(properties=lambda p: replace(p, key_max=b"\xff"))),
        "delete-count": ("A delete more than the blocks have.", "count-mismatch", small_file(properties=lambda p: replace(p, delete_count=2))),
    }  # fmt: skip
    for name, (about, code, data) in faults.items():
        refuse(book, f"properties-{name}", "7.5", about, code, data)


def _bad_directories(book: Book) -> None:
    def entry(index: int, **change: int) -> Callable[[Directory], Directory]:
        def edit(directory: Directory) -> Directory:
            chunks = list(directory.chunks)
            chunks[index] = replace(chunks[index], **{k: v % 2**64 for k, v in change.items()})
            return replace(directory, chunks=chunks)

        return edit

    def blocks(**change: object) -> Callable[[Directory], Directory]:
        return lambda directory: replace(directory, **change)  # type: ignore[arg-type]

    second = decode_sst(small_file()).directory.chunks[1]
    faults: dict[str, tuple[str, str, Callable[[Directory], Directory]]] = {
        "rows-0": ("A block without rows.", "count-mismatch", blocks(rows=[6, 0])),
        "rows-sum": ("Rows that do not add up.", "count-mismatch", blocks(rows=[4, 3])),
        "rows-65537": ("A block of 65,537 rows.", "limit-exceeded", blocks(rows=[65_537, 2])),
        "rows-moved": ("Rows of one block counted in the other.", "count-mismatch", blocks(rows=[3, 3])),
        "deletes-above-rows": ("More deletes than rows.", "count-mismatch", blocks(deletes=[0, 3])),
        "deletes-sum": ("Deletes that do not add up.", "count-mismatch", blocks(deletes=[1, 1])),
        "deletes-moved": ("The delete counted in the other block.", "count-mismatch", blocks(deletes=[0, 1])),
        "bounds-swapped": ("First and last bounds swapped.", "key-order", lambda d: replace(d, first=d.last, last=d.first)),
        "bounds-descend": ("Blocks in descending order.", "key-order", lambda d: replace(d, first=d.first[::-1], last=d.last[::-1])),
        "bound-too-long": ("A bound of 65 bytes.", "key-order", lambda d: replace(d, last=[d.last[0], d.last[1] + bytes(57)])),
        "bound-inside": ("A last bound below the last key.", "key-order", lambda d: replace(d, last=[d.first[0], d.last[1]])),
        "offset-gap": ("A gap between chunks.", "chunk-overlap", entry(1, offset=second.offset + 1)),
        "offset-overlap": ("Chunks that overlap.", "chunk-overlap", entry(1, offset=second.offset - 1)),
        "offset-header": ("A chunk in the header.", "chunk-overlap", entry(0, offset=0)),
        "offset-same": ("A chunk twice.", "chunk-overlap", entry(1, offset=48)),
        "offset-past-end": ("A chunk behind the chunks.", "offset-out-of-range", entry(7, offset=10**6)),
        "offset-2^63": ("A chunk at 2^63.", "offset-out-of-range", entry(7, offset=2**63)),
        "offset-2^64": ("A chunk at 2^64 - 1.", "offset-out-of-range", entry(7, offset=-1)),
        "size-large": ("A chunk that is too large.", "chunk-overlap", entry(7, size=200)),
        "size-0": ("A chunk without bytes.", "chunk-overlap", entry(7, size=0)),
        "size-33-mib": ("A chunk above the limit.", "limit-exceeded", entry(7, size=2**25 + 1)),
        "raw-size-33-mib": ("A raw size above the limit.", "limit-exceeded", entry(7, raw_size=2**25 + 1)),
        "raw-size": ("A raw size that is wrong.", "count-mismatch", entry(6, raw_size=1)),
        "nulls-above-rows": ("More nulls than rows.", "count-mismatch", entry(6, nulls=5)),
        "nulls": ("A null that is not there.", "count-mismatch", entry(7, nulls=1)),
        "nulls-0": ("A null that is not counted.", "count-mismatch", entry(6, nulls=0)),
        "crc-0": ("A checksum of zero.", "checksum-mismatch", entry(0, crc=0)),
        "flags": ("A flag that must be zero.", "bad-zero", entry(0, flags=2)),
        "statistics-order": ("A minimum above the maximum.", "bad-value", entry(0, minimum=2**64 - 1)),
        "statistics-absent": ("A maximum without statistics.", "bad-value", entry(0, flags=0)),
        "statistics-wrong": ("A maximum that is not that of the values.", "bad-value", entry(0, maximum=2**64 - 1)),
    }  # fmt: skip
    for name, (about, code, change) in faults.items():
        refuse(
            book, f"directory-{name.replace('^', '-')}", "7.6 7.2", about, code, small_file(directory=change)
        )
    raw_faults: dict[str, tuple[str, str, Callable[[bytes], bytes]]] = {
        "empty": ("No bytes.", "truncated", lambda raw: b""),
        "cut": ("The last flag is missing.", "truncated", lambda raw: raw[:-1]),
        "left-over": ("A byte too many.", "trailing-bytes", lambda raw: raw + b"\0"),
        "ends-descend": ("Ends of bounds that descend.", "key-order", lambda raw: with_byte(raw, 24, 200)),
        "ends-4-gib": ("A bound of 4 GiB.", "key-order", lambda raw: with_bytes(raw, 28, b"\xff" * 4)),
    }
    for name, (about, code, edit) in raw_faults.items():
        refuse(book, f"directory-raw-{name}", "7.6", about, code, small_file(directory_raw=edit))


def _bad_contents(book: Book) -> None:
    number, kind, sequence = parse_type("int64"), parse_type("uint8"), parse_type("uint64")

    def chunk(place: tuple[int, int], data: bytes) -> Callable[[tuple[int, int], bytes], bytes]:
        return lambda found, stored: data if found == place else stored

    ids = encode_chunk(number, [0, 20, 10, 30])
    equal = encode_chunk(number, [0, 10, 10, 30])
    faults: dict[str, tuple[str, str, str, bytes]] = {
        "keys-descend": ("7.7", "Keys that are not sorted.", "key-order", small_file(chunk=chunk((0, 0), ids))),
        "keys-equal": ("7.7", "A key twice.", "key-order", small_file(chunk=chunk((0, 0), equal))),
        "row-kind-4": ("5.5", "A row kind of 4.", "bad-value", small_file(chunk=chunk((2, 0), encode_chunk(kind, [0, 0, 3, 4])))),
        "sequence-above": ("7.9", "A sequence above the range of the properties.", "sequence-range", small_file(chunk=chunk((1, 0), encode_chunk(sequence, [0, 0, 0, 9])))),
        "chunk-rows": ("5.3", "A chunk of three rows in a block of four.", "count-mismatch", small_file(chunk=chunk((3, 0), encode_chunk(parse_type("string"), ["one", "two", None])))),
        "chunk-type": ("5.3", "A chunk of int32 in a column of int64.", "schema-mismatch", small_file(chunk=chunk((0, 1), encode_chunk(parse_type("int32"), [40, 50])))),
        "chunk-null-key": ("2.3", "A null in a key column.", "null-in-required", small_file(chunk=chunk((0, 1), encode_chunk(number, [40, None])))),
        "chunk-utf8": ("5.5", "A string that is not UTF-8.", "invalid-utf8", small_file(chunk=chunk((3, 1), encode_chunk(parse_type("binary"), [b"five", b"\xff\xfe\xfd"])))),
        "chunk-empty": ("5.3", "A chunk without bytes.", "truncated", small_file(chunk=chunk((3, 1), b""))),
    }  # fmt: skip
    for name, (section, about, code, data) in faults.items():
        refuse(book, f"content-{name}", section, about, code, data)


def _unexpected(book: Book) -> None:
    """Right files that are not the ones that an entry refers to."""
    good = small_file()
    digest = f"{hash64(good[-FOOTER_BYTES:]):016x}"
    right = {"size": len(good), "digest": digest, "file_id": FILE_ID.hex(), "table": TABLE, "file_kind": 1}
    about = "The file that the entry refers to."
    book.valid("expected", "7.9", about, "read", data=good.hex(), expected=right)
    wrong: dict[str, tuple[str, str, dict[str, object]]] = {
        "size-smaller": ("The entry has a smaller size.", "wrong-file", {"size": len(good) - 1}),
        "size-larger": ("The entry has a larger size.", "truncated", {"size": len(good) + 1}),
        "digest": ("The entry has another digest.", "wrong-file", {"digest": "0" * 16}),
        "file-id": ("The entry has another file id.", "wrong-file", {"file_id": "0" * 32}),
        "table": ("The table has another id.", "wrong-table", {"table": "0" * 32}),
        "file-kind": ("The entry refers to a manifest.", "wrong-file", {"file_kind": 2}),
    }
    for name, (about, code, change) in wrong.items():
        refuse(book, f"unexpected-{name}", "7.9", about, code, good, expected=right | change)
