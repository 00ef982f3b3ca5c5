"""Every vector of the specification against the reference and against the native code."""

from __future__ import annotations

import pytest

from tablestore.conformance import corpus, native_adapter, reference_adapter
from tablestore.conformance.runner import from_function, run_case

CASES = corpus.load()
IMPLEMENTATIONS = {
    "reference": from_function(reference_adapter.answer),
    "native": from_function(native_adapter.answer),
}
# Nouns of decisions have no bytes that could be rejected.
DECISIONS = {"commit", "compaction", "changes"}


def _applies(name: str, case: corpus.Case) -> bool:
    return name == "reference" or native_adapter.is_supported(case.noun, case.operation, case.input)


@pytest.mark.parametrize(
    ("name", "case"),
    [(name, case) for name in IMPLEMENTATIONS for case in CASES if _applies(name, case)],
    ids=lambda value: value.path if isinstance(value, corpus.Case) else value,
)
def test_vector(name: str, case: corpus.Case) -> None:
    result = run_case(case, IMPLEMENTATIONS[name], check_offsets=name == "reference")
    assert result.status == "passed", result.problem


@pytest.mark.parametrize("noun", sorted({case.noun for case in CASES}))
def test_every_noun_shows_what_is_right_and_what_is_wrong(noun: str) -> None:
    valid = [case for case in CASES if case.noun == noun and case.is_valid]
    invalid = [case for case in CASES if case.noun == noun and not case.is_valid]
    assert len(valid) >= 5
    assert len(invalid) >= (0 if noun in DECISIONS else 2)


def test_the_native_code_answers_most_vectors() -> None:
    """A kernel that the adapter loses would otherwise go unnoticed."""
    applicable = sum(_applies("native", case) for case in CASES)
    assert applicable >= 0.88 * len(CASES)


def test_the_corpus_is_large_enough() -> None:
    assert len(CASES) >= 1000
    assert sum(not case.is_valid for case in CASES) >= 500
