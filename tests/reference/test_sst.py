"""SSTs of the reference: every byte has a name, and no damage goes unnoticed."""

from __future__ import annotations

import struct
import time
from dataclasses import replace

import pytest

from tablestore.conformance.cases.sst import SETTINGS, small_columns, small_file, small_rows
from tablestore.errors import FormatError
from tablestore.reference.cursor import Field
from tablestore.reference.sst import decode_sst
from tablestore.reference.sst_writer import encode_sst


def read_all(data: bytes) -> list[tuple[bytes, int, int]]:
    return [(row.key, row.sequence, row.kind) for row in decode_sst(data).rows()]


@pytest.mark.parametrize("compressed", [False, True])
def test_every_byte_belongs_to_one_field(compressed: bool) -> None:
    rows = [[number, 0, 0, f"name {number}"] for number in range(200)]
    data = encode_sst(small_columns(), rows, replace(SETTINGS, compressed=compressed, codec=1, block_rows=64))
    trace: list[Field] = []
    assert len(list(decode_sst(data, trace=trace).rows())) == 200
    owners = [0] * len(data)
    for field in trace:
        if field.source == "":
            for offset in range(field.offset, field.offset + field.size):
                owners[offset] += 1
    assert set(owners) == {1}
    assert {field.source for field in trace} == ({"", "directory"} if compressed else {""})


def test_every_flipped_bit_is_noticed() -> None:
    """No bit is unused, so every flip is rejected."""
    good = encode_sst(small_columns(), small_rows()[:2], SETTINGS)
    assert len(read_all(good)) == 2
    for offset in range(len(good)):
        for bit in range(8):
            damaged = bytearray(good)
            damaged[offset] ^= 1 << bit
            with pytest.raises(FormatError):
                read_all(bytes(damaged))


def test_every_truncation_is_noticed() -> None:
    good = small_file()
    for size in range(len(good)):
        with pytest.raises(FormatError):
            read_all(good[:size])


@pytest.mark.parametrize("fill", [b"\0", b"\xff"])
@pytest.mark.parametrize("size", [1, 64, 512])
def test_overwritten_ranges_are_noticed(fill: bytes, size: int) -> None:
    good = small_file()
    for offset in range(0, len(good) - size, 17):
        damaged = good[:offset] + fill * size + good[offset + size :]
        if damaged != good:
            with pytest.raises(FormatError):
                read_all(damaged)


def test_a_directory_that_claims_half_a_gigabyte_is_refused_at_once() -> None:
    """A frame of 16 KiB may stand for 16 MiB and no more: limits come before memory."""
    data = small_file(footer=lambda found: found | {"directory_raw_size": 2**29})
    start = time.perf_counter()
    with pytest.raises(FormatError) as rejected:
        read_all(data)
    assert rejected.value.code == "limit-exceeded"
    assert time.perf_counter() - start < 1


def test_errors_name_offset_and_section() -> None:
    good = bytearray(small_file())
    good[60] ^= 1
    with pytest.raises(FormatError) as rejected:
        read_all(bytes(good))
    assert (rejected.value.code, rejected.value.offset, rejected.value.section) == (
        "checksum-mismatch",
        48,
        "7.6",
    )


def test_the_digest_stands_for_the_header_too() -> None:
    """The state of a CRC after a message and its own CRC is a constant: a checksum over both would not bind them."""
    other = small_file(header=lambda fields: fields | {"optional_features": 5})
    good = small_file()
    assert other[:44] != good[:44]
    assert decode_sst(other).digest != decode_sst(good).digest
    with pytest.raises(FormatError):
        decode_sst(other[:48] + good[48:])


def test_the_footer_is_as_long_as_it_says() -> None:
    assert struct.unpack("<H", small_file()[-112:][74:76]) == (112,)
