"""The runner itself: its exit status, the line protocol, and that vectors can be made again byte for byte."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tablestore.conformance import __main__ as program
from tablestore.conformance import corpus, make_vectors, reference_adapter
from tablestore.conformance.corpus import Case
from tablestore.conformance.foreign import Foreign, ProtocolError
from tablestore.conformance.runner import Answer, from_function, run_case
from tablestore.conformance.serve import reply
from tablestore.errors import FormatError

SERVE = f"{sys.executable} -m tablestore.conformance.serve"
VALID = Case("noun", "valid", ("1.2",), "A case.", "operation", {"a": 1}, output=[1, True])
INVALID = Case("noun", "invalid", ("1.2",), "A case.", "operation", {"a": 1}, error="bad-value", offset=3)


def test_vectors_are_what_the_cases_say(tmp_path: Path) -> None:
    corpus.write(make_vectors.all_cases(), tmp_path)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.glob("*/*/*.json")}
    kept = {path.relative_to(corpus.VECTORS): path.read_bytes() for path in corpus.VECTORS.glob("*/*/*.json")}
    assert sorted(made) == sorted(kept)
    assert [path for path in made if made[path] != kept[path]] == []


def test_own_implementations_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--only", "bloom"]) == program.PASSED
    output = capsys.readouterr().out
    assert "reference: " in output
    assert "native: " in output


def test_another_implementation_passes_over_the_line_protocol(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--impl", SERVE]) == program.PASSED
    assert ", 0 failed, 0 unsupported" in capsys.readouterr().out


@pytest.mark.parametrize(
    "script",
    [
        "",  # ends at once
        "print('hello')",  # no JSON
        "print('[]')",  # no object
        'print(\'{"id": 999, "output": 1}\')',  # an answer to another question
        "print('{\"id\": 1}')",  # no answer
    ],
)
def test_a_broken_implementation_fails(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = f'{sys.executable} -c "{script.replace(chr(34), chr(92) + chr(34))}"'
    assert program.main(["--impl", command, "--only", "bloom"]) == program.FAILED
    assert "error: " in capsys.readouterr().err


def _always(member: str) -> str:
    """The command of an implementation that gives one answer to every question."""
    answer = f"json.dumps(dict(id=json.loads(line)['id'], {member}))"
    return f'{sys.executable} -c "import sys, json\nfor line in sys.stdin: print({answer}, flush=True)"'


def test_wrong_answers_fail() -> None:
    assert program.main(["--impl", _always("output=0"), "--only", "bloom"]) == program.FAILED


def test_unsupported_operations_fail_unless_allowed() -> None:
    command = _always("unsupported=True")
    assert program.main(["--impl", command, "--only", "bloom"]) == program.FAILED
    # Nothing passed: to allow what is unsupported does not help.
    assert program.main(["--impl", command, "--only", "bloom", "--allow-unsupported"]) == program.FAILED


def test_a_missing_command_fails() -> None:
    assert program.main(["--impl", "/no/such/program", "--only", "bloom"]) == program.FAILED


def test_no_vectors_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--vectors", str(tmp_path)]) == program.USAGE
    assert program.main(["--only", "no-such-noun"]) == program.USAGE
    assert "no vectors" in capsys.readouterr().err


def test_unknown_options_are_wrong_usage() -> None:
    with pytest.raises(SystemExit) as stopped:
        program.main(["--no-such-option"])
    assert stopped.value.code == program.USAGE


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "noun/valid/other"}'])
def test_files_that_are_no_vectors(tmp_path: Path, text: str) -> None:
    (tmp_path / "noun" / "valid").mkdir(parents=True)
    (tmp_path / "noun" / "valid" / "case.json").write_text(text)
    with pytest.raises((ValueError, KeyError, TypeError)):
        corpus.load(tmp_path)


def test_a_vector_is_read_as_it_was_written(tmp_path: Path) -> None:
    corpus.write([VALID, INVALID], tmp_path)
    assert sorted(corpus.load(tmp_path), key=lambda case: case.name) == [INVALID, VALID]
    corpus.write([VALID], tmp_path)
    assert corpus.load(tmp_path) == [VALID]


@pytest.mark.parametrize(
    ("case", "answer", "problem"),
    [
        (VALID, Answer(output=[1, True]), ""),
        (VALID, Answer(output=[1, 1]), "answered [1, 1], must be [1, True]"),
        (VALID, Answer(output=None), "answered None, must be [1, True]"),
        (VALID, Answer(error="truncated"), "rejected with truncated, must be accepted"),
        (INVALID, Answer(error="bad-value", offset=3), ""),
        (INVALID, Answer(error="truncated"), "rejected with truncated, must be bad-value"),
        (INVALID, Answer(output=1), "accepted, must be rejected with bad-value"),
        (INVALID, Answer(error="bad-value", offset=4), "rejected at offset 4, must be 3"),
    ],
)
def test_comparison(case: Case, answer: Answer, problem: str) -> None:
    assert run_case(case, lambda *_: answer, check_offsets=True).problem == problem


def test_a_crash_fails_a_case_that_must_be_rejected() -> None:
    def crash(noun: str, operation: str, given: Mapping[str, Any]) -> object:
        raise ValueError("oops")

    assert (
        run_case(INVALID, from_function(crash)).problem == "rejected with ValueError: oops, must be bad-value"
    )


def test_replies_of_the_protocol() -> None:
    def operation(noun: str, name: str, given: Mapping[str, Any]) -> object:
        if name == "no":
            raise FormatError("no", code="bad-value", offset=7)
        if name == "unknown":
            raise KeyError((noun, name))
        return given

    implementation = from_function(operation)
    request = '{"id": 5, "noun": "n", "operation": "%s", "input": {"é": 1}}'
    assert reply(implementation, request % "yes") == '{"id": 5, "output": {"é": 1}}'
    assert reply(implementation, request % "no") == '{"id": 5, "error": "bad-value", "offset": 7}'
    assert reply(implementation, request % "unknown") == '{"id": 5, "unsupported": true}'


def test_a_process_that_ends_is_noticed() -> None:
    with Foreign(f"{sys.executable} -c pass") as foreign, pytest.raises(ProtocolError):
        foreign("bloom", "build", {})


def test_the_documented_dialogue_is_true() -> None:
    """Questions and answers in spec/vectors/README.md, but for the operation that is not supported there."""
    text = (corpus.VECTORS / "README.md").read_text(encoding="utf-8")
    questions, answers = (
        re.findall(r"^-> (.*)$", text, re.MULTILINE),
        re.findall(r"^<- (.*)$", text, re.MULTILINE),
    )
    assert len(questions) == len(answers) == 3
    implementation = from_function(reference_adapter.answer)
    for question, answer in list(zip(questions, answers, strict=True))[:2]:
        assert reply(implementation, question) == answer
