"""The directory of an SST: every truncation and every wrong count is refused before it is used."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from tablestore.errors import FormatError
from tablestore.file.directory import decode_directory
from tablestore.file.sst_reader import SstReader
from tablestore.reference.directory import encode_directory
from tests.damage import forge
from tests.damage.forge import DATA, HONEST
from tests.damage.memory_store import MemoryStore


@pytest.fixture
def reader() -> SstReader:
    return SstReader(MemoryStore(dict(HONEST)), DATA)


@pytest.fixture
def raw() -> bytes:
    return encode_directory(forge.decode_data(HONEST[DATA]).directory)


def test_honest(reader: SstReader, raw: bytes) -> None:
    found = decode_directory(raw, reader.footer, reader.properties, DATA)
    assert found.rows.tolist() == [4, 4]
    assert found.deletes.tolist() == [0, 1]
    assert found.offset.shape == (len(forge.COLUMNS), 2)
    assert int(found.offset.min()) == 48


def test_truncations(reader: SstReader, raw: bytes) -> None:
    for size in range(len(raw)):
        with pytest.raises(FormatError) as caught:
            decode_directory(raw[:size], reader.footer, reader.properties, DATA)
        assert caught.value.file == DATA
        assert caught.value.offset is not None


def test_words_of_ones(reader: SstReader, raw: bytes) -> None:
    """2^32-1 in any place: an error, or a value that decoding does not depend on; nothing is allocated for it."""
    refused = 0
    for place in range(len(raw) - 3):
        changed = raw[:place] + struct.pack("<I", 2**32 - 1) + raw[place + 4 :]
        try:
            decode_directory(changed, reader.footer, reader.properties, DATA)
        except FormatError:
            refused += 1
    assert refused > len(raw) // 2


@pytest.mark.parametrize(
    "wrong", [{"block_count": 3}, {"block_count": 1}, {"column_count": 6}, {"row_count": 9}]
)
def test_another_footer(reader: SstReader, raw: bytes, wrong: dict[str, int]) -> None:
    with pytest.raises(FormatError) as caught:
        decode_directory(raw, replace(reader.footer, **wrong), reader.properties, DATA)
    assert caught.value.code == "count-mismatch"
