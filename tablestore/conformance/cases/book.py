"""Collects the cases of a noun, each answered by the reference as it is added."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tablestore.conformance import reference_adapter
from tablestore.conformance.corpus import NO_OUTPUT, Case
from tablestore.errors import FormatError


class Book:
    """The cases of one noun."""

    def __init__(self, noun: str) -> None:
        self.noun = noun
        self.cases: list[Case] = []

    def valid(
        self,
        name: str,
        section: str,
        description: str,
        operation: str,
        *,
        output: object = NO_OUTPUT,
        **given: Any,
    ) -> None:
        """A case that is accepted. output: known beforehand; the reference must give the same."""
        answered = reference_adapter.answer(self.noun, operation, given)
        if output is not NO_OUTPUT and answered != output:
            raise AssertionError(f"{self.noun}/{name}: the reference gives {answered!r}, not {output!r}")
        self._add(name, section, description, operation, given, output=answered)

    def invalid(
        self, name: str, section: str, description: str, operation: str, code: str, **given: Any
    ) -> None:
        """A case that is rejected with `code`."""
        try:
            answered = reference_adapter.answer(self.noun, operation, given)
        except FormatError as error:
            if error.code != code:
                raise AssertionError(f"{self.noun}/{name}: the reference says {error}, not {code}") from error
            self._add(name, section, description, operation, given, error=code, offset=error.offset)
        else:
            raise AssertionError(f"{self.noun}/{name}: the reference accepts it: {answered!r}")

    def _add(
        self, name: str, section: str, description: str, operation: str, given: dict[str, Any], **outcome: Any
    ) -> None:
        sections = tuple(section.split())
        self.cases.append(Case(self.noun, name, sections, description, operation, given, **outcome))


def with_byte(data: bytes, offset: int, value: int) -> bytes:
    """The bytes with one replaced; a negative offset counts from the end."""
    changed = bytearray(data)
    changed[offset] = value
    return bytes(changed)


def with_bytes(data: bytes, offset: int, replacement: bytes) -> bytes:
    """The bytes with some overwritten."""
    return data[:offset] + replacement + data[offset + len(replacement) :]


Builder = Callable[[], list[Case]]
