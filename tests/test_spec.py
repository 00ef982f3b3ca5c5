"""The specification, the code and the vectors hold together: citations, coverage, examples, codes, contents."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path

import pytest

from tablestore.conformance import corpus
from tests import spec_examples

ROOT = Path(__file__).parents[1]
SPEC = ROOT / "spec"
HEADING = re.compile(r"^##+ (\d+\.\d+) (.*)$", re.MULTILINE)
CHAPTER = re.compile(r"^# (\d+) ", re.MULTILINE)
# Not those of other documents, such as RFC 8878 §3.1.
CITATION = re.compile(r"(?<!RFC \d{4} )§([0-9]+(?:\.[0-9]+)*)")
# The section that an error names: reject(…, "4.2", …) in the reference, section="4.2" and b"4.2" elsewhere.
NAMED = re.compile(r"""(?:section=|\bb)"([0-9]+\.[0-9]+)\"""")
NAMED_IN_REFERENCE = re.compile(r"""(?:, |^ +)"([0-9]+\.[0-9]+)\"""")
SOURCES = (
    "tablestore/**/*.py",
    "tablestore/**/*.pyx",
    "tablestore/**/*.pxd",
    "tablestore/**/*.h",
    "tests/**/*.py",
)

# Sections whose MUST no vector can show, each with what shows it instead.
WITHOUT_VECTOR = {
    "0.2": "defines what it is to reject",
    "1.4": "random bytes: tests of the file names of a table",
    "9.7": "rewriting manifests: tests of transactions",
    "11.2": "a primitive of the store: tests of storage",
    "8.4": "refusal by a writer: tests of options",
    "14.5": "going on where a consumer stopped: tests of following",
    "14.7": "snapshots that expire while they are read: tests of changes",
    "16.4": "a conversation: tests of the worker",
}


def _sections() -> dict[str, str]:
    """Number and text of every section. A number is used once."""
    found: dict[str, str] = {}
    for path in spec_examples.chapters():
        text = path.read_text(encoding="utf-8")
        heads = list(HEADING.finditer(text))
        chapter = CHAPTER.search(text)
        assert chapter is not None, f"{path.name} does not begin with its number"
        for head, following in zip(heads, [*heads[1:], None], strict=True):
            assert head[1] not in found, f"§{head[1]} is there twice"
            assert head[1].split(".")[0] == chapter[1], f"§{head[1]} in {path.name}"
            found[head[1]] = text[head.end() : following.start() if following else None]
    return found


SECTIONS = _sections()
CHAPTERS = {number.split(".")[0] for number in SECTIONS}
VECTORS = corpus.load()


def _citations() -> dict[str, list[str]]:
    """Places in the code that cite a section."""
    found: dict[str, list[str]] = defaultdict(list)
    for pattern in SOURCES:
        for path in ROOT.glob(pattern):
            named = NAMED_IN_REFERENCE if "reference" in path.parts else NAMED
            for line, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                for number in CITATION.findall(text) + named.findall(text):
                    found[number].append(f"{path.relative_to(ROOT)}:{line}")
    return found


CITATIONS = _citations()


def _exists(number: str) -> bool:
    return number in SECTIONS or number in CHAPTERS


def test_citations_in_the_code_resolve() -> None:
    wrong = {number: places for number, places in CITATIONS.items() if not _exists(number)}
    assert wrong == {}


def test_citations_in_the_specification_resolve() -> None:
    wrong = [
        f"{path.name}: §{number}"
        for path in [*SPEC.glob("*.md"), SPEC / "vectors" / "README.md"]
        for number in CITATION.findall(path.read_text(encoding="utf-8"))
        if not _exists(number)
    ]
    assert wrong == []


def test_sections_of_vectors_resolve() -> None:
    assert [case.path for case in VECTORS if not case.section or not set(case.section) <= set(SECTIONS)] == []


def test_every_section_with_a_must_is_shown_by_a_vector() -> None:
    shown = {number for case in VECTORS for number in case.section}
    musts = {number for number, text in SECTIONS.items() if re.search(r"\bMUST\b", text)}
    assert musts - shown - set(WITHOUT_VECTOR) == set()


def test_every_section_with_a_must_is_cited_by_the_code() -> None:
    musts = {number for number, text in SECTIONS.items() if re.search(r"\bMUST\b", text)}
    assert musts - set(CITATIONS) - {"0.2"} == set()


def test_exceptions_are_still_needed() -> None:
    shown = {number for case in VECTORS for number in case.section}
    assert [n for n in WITHOUT_VECTOR if n in shown or "MUST" not in SECTIONS[n]] == []


@pytest.mark.parametrize("path", spec_examples.chapters(), ids=lambda path: path.stem)
def test_examples_are_vectors(path: Path) -> None:
    blocks = spec_examples.BLOCK.findall(path.read_text(encoding="utf-8"))
    assert blocks or path.stem.startswith("00")
    for form, name, text in blocks:
        assert text == spec_examples.example(form, name), f"{name}: run python -m tests.spec_examples"
        if form == "hex":
            content = spec_examples.vector(name)
            assert spec_examples.bytes_of(text).hex() in (content["input"].get("data"), content.get("output"))


@pytest.mark.parametrize("path", spec_examples.chapters(), ids=lambda path: path.stem)
def test_chapters_have_one_shape(path: Path) -> None:
    titles = [title for _, title in HEADING.findall(path.read_text(encoding="utf-8"))]
    assert titles[0] == "Purpose"
    assert "Example" in titles
    # Chapter 1 explains its envelope where it stands.
    assert "Rationale" in titles or path.stem.startswith("01")


def test_codes_of_vectors_are_in_appendix_a() -> None:
    table = (SPEC / "A-errors.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"`([a-z0-9-]+)`", table))
    used = {case.error for case in VECTORS if case.error is not None}
    assert used - listed == set()


def test_codes_in_the_text_are_in_appendix_a() -> None:
    listed = set(re.findall(r"`([a-z0-9-]+)`", (SPEC / "A-errors.md").read_text(encoding="utf-8")))
    cited = set()
    for text in SECTIONS.values():
        cited |= set(re.findall(r"\(`([a-z0-9]+(?:-[a-z0-9]+)*)`\)", text))
    assert cited - listed == set()


def test_table_of_contents_names_every_chapter() -> None:
    text = (SPEC / "README.md").read_text(encoding="utf-8")
    names = {path.name for path in SPEC.glob("*.md")} - {"README.md"}
    assert {name for name in names if f"({name})" not in text} == set()
    linked = set(re.findall(r"\]\(([^)]+)\)", text))
    assert {link for link in linked if not (SPEC / link.partition("#")[0]).exists()} == set()
    modules = set(re.findall(r"`([a-z_]+\.py)`", text))
    assert {name for name in modules if not (ROOT / "tablestore" / "reference" / name).exists()} == set()


def test_operations_of_vectors_are_documented() -> None:
    text = (SPEC / "vectors" / "README.md").read_text(encoding="utf-8")
    assert {case.operation for case in VECTORS if case.operation not in text} == set()
    assert {case.noun for case in VECTORS if f"| {case.noun} |" not in text} == set()


def test_vectors_are_language_neutral() -> None:
    """Numbers are integers that every language reads exactly."""

    def numbers(value: object) -> list[object]:
        if isinstance(value, dict):
            return [number for item in value.values() for number in numbers(item)]
        if isinstance(value, list):
            return [number for item in value for number in numbers(item)]
        return [value] if isinstance(value, int | float) and not isinstance(value, bool) else []

    for path in corpus.VECTORS.glob("*/*/*.json"):
        for number in numbers(json.loads(path.read_text(encoding="utf-8"))):
            assert isinstance(number, int), path
            assert abs(number) < 2**53, path
