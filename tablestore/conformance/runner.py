"""Runs cases against an implementation and compares what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tablestore.conformance.corpus import NO_OUTPUT, Case
from tablestore.errors import FormatError


@dataclass(frozen=True)
class Answer:
    """What an implementation says: an output, or the code of an error, or that it has no such operation."""

    output: object = NO_OUTPUT
    error: str | None = None
    offset: int | None = None
    is_supported: bool = True


UNSUPPORTED = Answer(is_supported=False)
Implementation = Callable[[str, str, Mapping[str, Any]], Answer]


@dataclass(frozen=True)
class Result:
    """problem: how the answer differs, "" if it is right."""

    case: Case
    answer: Answer
    problem: str

    @property
    def status(self) -> str:
        if not self.answer.is_supported:
            return "unsupported"
        return "failed" if self.problem else "passed"


def from_function(function: Callable[[str, str, Mapping[str, Any]], object]) -> Implementation:
    """From a function that raises FormatError to reject and KeyError for operations that it does not have."""

    def run(noun: str, operation: str, given: Mapping[str, Any]) -> Answer:
        try:
            return Answer(output=function(noun, operation, given))
        except FormatError as error:
            return Answer(error=error.code, offset=error.offset)
        except KeyError as error:
            return UNSUPPORTED if error.args == ((noun, operation),) else _crash(error)
        except Exception as error:
            return _crash(error)

    return run


def _crash(error: Exception) -> Answer:
    """An exception that is no rejection fails the case, and names itself as the code."""
    return Answer(error=f"{type(error).__name__}: {error}")


def run_case(case: Case, implementation: Implementation, *, check_offsets: bool = False) -> Result:
    """Ask the implementation and compare."""
    answer = implementation(case.noun, case.operation, case.input)
    return Result(case, answer, _problem(case, answer, check_offsets) if answer.is_supported else "")


def run_all(
    cases: Iterable[Case], implementation: Implementation, *, check_offsets: bool = False
) -> list[Result]:
    return [run_case(case, implementation, check_offsets=check_offsets) for case in cases]


def _problem(case: Case, answer: Answer, check_offsets: bool) -> str:
    if case.error is not None:
        if answer.error is None:
            return f"accepted, must be rejected with {case.error}"
        if answer.error != case.error:
            return f"rejected with {answer.error}, must be {case.error}"
        if check_offsets and answer.offset != case.offset:
            return f"rejected at offset {answer.offset}, must be {case.offset}"
        return ""
    if answer.error is not None:
        return f"rejected with {answer.error}, must be accepted"
    if not _same(answer.output, case.output):
        return f"answered {_short(answer.output)}, must be {_short(case.output)}"
    return ""


def _same(left: object, right: object) -> bool:
    """Equality of JSON values that tells true from 1 and ignores the order of members."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[name], right[name]) for name in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(_same(a, b) for a, b in zip(left, right, strict=True))
    return type(left) is type(right) and left == right


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
