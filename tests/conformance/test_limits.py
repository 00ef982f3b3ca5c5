"""Hostile inputs cost little: time and memory stay small, also for inputs too large to be kept as vectors."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from tablestore.conformance import corpus, native_adapter, reference_adapter
from tablestore.conformance.cases import schema as schemas
from tablestore.conformance.cases import snapshot as snapshots
from tablestore.conformance.cases.primitive import seal
from tablestore.errors import LimitExceededError, TableStoreError
from tablestore.reference.document import write_envelope

SECONDS_MAX = 2.0
BYTES_MAX = 64 * 2**20
ANSWERS: dict[str, Callable[[str, str, Any], object]] = {
    "reference": reference_adapter.answer,
    "native": native_adapter.answer,
}
INVALID = [case for case in corpus.load() if not case.is_valid]


def _is_native(case: corpus.Case) -> bool:
    return native_adapter.is_supported(case.noun, case.operation, case.input)


@pytest.mark.parametrize("noun", sorted({case.noun for case in INVALID if _is_native(case)}))
def test_invalid_vectors_cost_the_native_code_little(noun: str) -> None:
    for case in (case for case in INVALID if case.noun == noun and _is_native(case)):
        tracemalloc.start()
        start = time.process_time()
        with pytest.raises(TableStoreError):
            native_adapter.answer(case.noun, case.operation, case.input)
        seconds = time.process_time() - start
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert seconds < SECONDS_MAX, case.path
        assert peak < BYTES_MAX, case.path


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize(
    "data",
    [
        write_envelope(snapshots.members(committers={f"writer-{number}": number for number in range(100_001)})),
        write_envelope(
            snapshots.members(manifests=[snapshots.reference(f"{n:032x}", 1) for n in range(10_001)], delta=[])
        ),
        seal(b'{"a": "' + b"x" * (16 * 2**20) + b'", '),
        seal(b'{"a": ' + b"[" * 1_000_000 + b', '),
        seal(b'{"a": ' + b"9" * 1_000_000 + b', '),
        seal(b'{"a": ' + b'{"b": ' * 1_000_000 + b', '),
    ],
    ids=["committers", "manifests", "size", "depth-of-arrays", "digits", "depth-of-objects"],
)  # fmt: skip
def test_large_documents_are_refused_in_time(name: str, data: bytes) -> None:
    given = {"data": data.hex(), "id": 3, "table": snapshots.TABLE}
    start = time.process_time()
    with pytest.raises(LimitExceededError):
        ANSWERS[name]("snapshot", "read", given)
    # The reference computes its checksum byte by byte.
    assert time.process_time() - start < (SECONDS_MAX if name == "native" else 20)


@pytest.mark.parametrize("name", ANSWERS)
def test_a_schema_of_too_many_columns_is_refused(name: str) -> None:
    """With the two system columns 4,094 columns are the most."""
    for count, is_valid in ((4_094, True), (4_095, False)):
        fields = [schemas.field(number, f"c{number}", "int8") for number in range(count)]
        change = {"primary_key": [0], "partition_by": [], "sequence_fields": [], "last_field_id": 5_000}
        data = write_envelope(schemas.members(fields=fields, **change))
        given = {"data": data.hex(), "id": 0, "table": schemas.TABLE}
        if is_valid:
            found = ANSWERS[name]("schema", "read", given)
            assert isinstance(found, dict)
            assert len(found["fields"]) == count
        else:
            with pytest.raises(LimitExceededError):
                ANSWERS[name]("schema", "read", given)
