"""The native code against the reference on random cases: bytes, values and codes of errors must be equal.

About 100,000 cases; TABLESTORE_DIFFERENTIAL_FACTOR=10 runs ten times as many, from other seeds.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from tablestore import types
from tablestore._native import bloom as native_bloom
from tablestore.conformance import native_adapter, native_values, reference_adapter, values
from tablestore.conformance.cases import schema as schema_cases
from tablestore.conformance.cases import snapshot as snapshot_cases
from tablestore.file import keys as native_keys
from tablestore.reference import bloom, key
from tablestore.reference.block import encode_chunk
from tablestore.reference.encoding import NAMES
from tablestore.reference.encoding_writer import encode_node
from tablestore.reference.primitive import hash64
from tablestore.reference.type import parse_type
from tests.conformance import differential as nodes
from tests.conformance import differential_chunks as chunks
from tests.conformance import differential_files as files

FACTOR = int(os.environ.get("TABLESTORE_DIFFERENTIAL_FACTOR", "1"))
PARTS = 4
KEY_TYPES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "date32", "time32(ms)",
    "time64(us)", "timestamp(ns)", "decimal128(20,3)", "string", "binary", "fixed_binary(5)",
)  # fmt: skip


def draws(count: int, part: int) -> Iterator[tuple[random.Random, str]]:
    """`count` × FACTOR / PARTS random sources, each with the words that repeat it."""
    for index in range(count * FACTOR // PARTS):
        seed = index * PARTS + part
        yield random.Random(seed), f"seed {seed}"


def reference_encode(case: nodes.NodeCase) -> bytes:
    return encode_node(
        case.class_,
        case.values,
        case.encoding,
        bundle=case.bundle,
        exponent=case.exponent,
        factor=case.factor,
        signed=case.signed,
    )


@pytest.mark.parametrize("part", range(PARTS))
def test_canonical_nodes_are_equal_byte_for_byte(part: int) -> None:
    for draw, seed in draws(20_000, part):
        case = nodes.canonical_node(draw)
        data = reference_encode(case)
        assert nodes.native_encode(case).hex() == data.hex(), f"{NAMES[case.encoding]}, {seed}"
        assert nodes.native_decode(data, case.class_, len(case.values)) == list(case.values), seed


@pytest.mark.parametrize("part", range(PARTS))
def test_each_decodes_what_the_other_encodes(part: int) -> None:
    for draw, seed in draws(14_000, part):
        case = nodes.free_node(draw) if draw.random() < 0.6 else nodes.canonical_node(draw)
        count = len(case.values)
        native = nodes.native_encode(case, auto=draw.random() < 0.5)
        assert nodes.reference_decode(native, case.class_, count) == list(case.values), seed
        assert nodes.native_decode(reference_encode(case), case.class_, count) == list(case.values), seed


@pytest.mark.parametrize("part", range(PARTS))
def test_damaged_nodes_get_one_answer(part: int) -> None:
    rejected = 0
    for draw, seed in draws(36_000, part):
        case = nodes.free_node(draw) if draw.random() < 0.5 else nodes.canonical_node(draw)
        count = len(case.values)
        data = reference_encode(case) if draw.random() < 0.7 else nodes.native_encode(case, auto=True)
        data = nodes.damage(draw, data)
        expected = nodes.outcome(lambda: nodes.reference_decode(data, case.class_, count))  # noqa: B023
        found = nodes.outcome(lambda: nodes.native_decode(data, case.class_, count))  # noqa: B023
        assert found == expected, f"{data.hex()} as {count} of {case.class_}, {seed}"
        rejected += expected[0] == "rejected"
    assert rejected > 4_000


@pytest.mark.parametrize("part", range(PARTS))
def test_chunks_of_each_are_read_by_the_other(part: int) -> None:
    for draw, seed in draws(9_000, part):
        type_json = chunks.TYPES[draw.randrange(len(chunks.TYPES))]
        type_ = parse_type(type_json)
        nullable = draw.random() < 0.5
        items = chunks.column(draw, type_, nullable, nodes.count_of(draw))
        forms = [values.to_json(type_, item) for item in items]
        native = chunks.native_encode(draw, type_json, items, draw.random() < 0.3)
        found = chunks.reference_decode(native, type_json, nullable, len(items))
        assert isinstance(found, tuple)
        assert found[0] == forms, f"{type_json}, {seed}"
        assert chunks.native_decode(native, type_json, nullable, len(items)) == found, f"{type_json}, {seed}"
        reference = encode_chunk(type_, items, codec=draw.randrange(2))
        expected = chunks.reference_decode(reference, type_json, nullable, len(items))
        assert chunks.native_decode(reference, type_json, nullable, len(items)) == expected, (
            f"{type_json}, {seed}"
        )


@pytest.mark.parametrize("part", range(PARTS))
def test_damaged_chunks_get_one_answer(part: int) -> None:
    """Where damage makes two faults, either may be named: in nested types, and if text is damaged and too long."""
    rejected = 0
    for draw, seed in draws(14_000, part):
        type_json = chunks.TYPES[draw.randrange(len(chunks.TYPES))]
        type_ = parse_type(type_json)
        nullable = draw.random() < 0.5
        items = chunks.column(draw, type_, nullable, draw.randint(1, 20))
        native = chunks.native_encode(draw, type_json, items, False)
        data = nodes.damage(draw, native if draw.random() < 0.5 else encode_chunk(type_, items))
        rows = len(items)
        expected = nodes.outcome(lambda: chunks.reference_decode(data, type_json, nullable, rows))  # noqa: B023
        found = nodes.outcome(lambda: chunks.native_decode(data, type_json, nullable, rows))  # noqa: B023
        is_text = type_.name == "string" and found == ("rejected", "invalid-utf8")
        if expected[0] == found[0] == "rejected" and (
            type_.children or (is_text and expected[1] == "size-mismatch")
        ):
            found = expected
        assert found == expected, f"{data.hex()} as {rows} of {type_json}, nullable {nullable}, {seed}"
        rejected += expected[0] == "rejected"
    assert rejected > 1_000


@pytest.mark.parametrize("part", range(PARTS))
def test_keys_hashes_and_buckets_are_equal(part: int) -> None:
    for draw, seed in draws(6_000, part):
        names = [draw.choice(KEY_TYPES) for _ in range(draw.randint(1, 3))]
        types_ = [parse_type(name) for name in names]
        rows = [[chunks.leaf_value(draw, type_) for type_ in types_] for _ in range(draw.randint(1, 12))]
        columns = [
            native_values.to_vector(
                types.from_json(name), [values.to_json(type_, row[index]) for row in rows]
            )
            for index, (name, type_) in enumerate(zip(names, types_, strict=True))
        ]
        expected = [key.encode_key(types_, row) for row in rows]
        encoded = native_keys.encode(columns, len(rows))
        assert [encoded.key(row) for row in range(len(rows))] == expected, f"{names}, {seed}"
        assert encoded.hashes().tolist() == [hash64(item) for item in expected], f"{names}, {seed}"
        tuples = native_keys.encode_tuples(columns, len(rows))
        assert [tuples.key(row) for row in range(len(rows))] == [
            key.encode_tuple(types_, row) for row in rows
        ], seed
        in_order = all(left < right for left, right in pairwise(expected))
        assert (encoded.first_disorder() < 0) == in_order, f"{names}, {seed}"


def test_filters_are_equal_byte_for_byte() -> None:
    for draw, seed in draws(1_000, 0):
        hashes = [draw.getrandbits(64) for _ in range(draw.randint(1, 60))]
        bits = draw.randint(1, 20)
        section = bloom.build(hashes, bits)
        assert native_bloom.build(np.array(hashes, np.uint64), bits).tobytes() == section, seed
        probes = [draw.getrandbits(64) for _ in range(50)] + hashes
        given = {"data": section.hex(), "hashes": [f"{item:016x}" for item in probes]}
        expected = reference_adapter.answer("bloom", "probe", given)
        assert native_adapter.answer("bloom", "probe", given) == expected, seed


@pytest.mark.parametrize("part", range(PARTS))
def test_merges_are_equal(part: int) -> None:
    for draw, seed in draws(4_000, part):
        has_fields = draw.random() < 0.5
        size = draw.choice((0, 1, 8))
        pool = {bytes(draw.choice((0, 1, 97)) for _ in range(size or draw.randint(0, 12))) for _ in range(12)}
        runs = []
        for index in range(draw.randint(0, 5)):
            found = sorted(draw.sample(sorted(pool), draw.randint(0, len(pool))))
            rows = [
                [
                    item.hex(),
                    0,
                    draw.choice((0, 0, 1, 2, 3)),
                    [draw.choice((None, -1, 0, 5))] if has_fields else [],
                ]
                for item in found
            ]
            runs.append({"level": 0, "sequence": index // 2 + 1, "ordinal": index, "rows": rows})
        draw.shuffle(runs)
        given = {"runs": runs, "sequence_types": ["int8"] if has_fields else []}
        expected = reference_adapter.answer("merge", "deduplicate", given)
        assert native_adapter.answer("merge", "deduplicate", given) == expected, seed


@pytest.mark.parametrize("part", range(PARTS))
def test_faulty_files_get_one_answer(part: int) -> None:
    """Faults under right checksums, through the whole file layer and its verifier."""
    rejected = 0
    for draw, seed in draws(2_400, part):
        given = {"data": files.faulty_file(draw).hex()}
        expected = nodes.outcome(lambda: reference_adapter.answer("sst", "read", given))  # noqa: B023
        found = nodes.outcome(lambda: native_adapter.answer("sst", "read", given))  # noqa: B023
        if found == ("rejected", "invalid-utf8") and expected == ("rejected", "size-mismatch"):
            found = expected  # two faults: a damaged text that is too long as well
        assert found == expected, seed
        rejected += expected[0] == "rejected"
    assert rejected > 400


@pytest.mark.parametrize("noun", ["schema", "snapshot"])
def test_faulty_documents_get_one_answer(noun: str) -> None:
    members = {"schema": schema_cases.members(), "snapshot": snapshot_cases.members()}[noun]
    rejected = 0
    for draw, seed in draws(12_000, 0):
        data = files.faulty_document(draw, members)
        given = {"data": data.hex(), "id": members["id"], "table": members["table"]}
        expected = nodes.outcome(lambda: reference_adapter.answer(noun, "read", given))  # noqa: B023
        found = nodes.outcome(lambda: native_adapter.answer(noun, "read", given))  # noqa: B023
        assert found == expected, f"{data!r}, {seed}"
        rejected += expected[0] == "rejected"
    assert rejected > 2_000
