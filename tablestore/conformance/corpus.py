"""The vectors: JSON files under spec/vectors/<noun>/{valid,invalid}/; its README.md describes their form."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

Json = dict[str, object]
NO_OUTPUT = object()
VECTORS = Path(__file__).parents[2] / "spec" / "vectors"


@dataclass(frozen=True)
class Case:
    """A vector. output: of a valid case; error, offset: code and place of the rejection of another."""

    noun: str
    name: str
    section: tuple[str, ...]
    description: str
    operation: str
    input: Json
    output: object = NO_OUTPUT
    error: str | None = None
    offset: int | None = field(default=None)

    @property
    def is_valid(self) -> bool:
        return self.error is None

    @property
    def path(self) -> str:
        """Path under the folder of vectors, without `.json`."""
        return f"{self.noun}/{'valid' if self.is_valid else 'invalid'}/{self.name}"


def load(root: Path = VECTORS, nouns: Iterable[str] = ()) -> list[Case]:
    """The cases below `root` by path, of `nouns` if given. ValueError: no vector, or not a vector."""
    wanted = set(nouns)
    cases = [
        _read(path, root)
        for path in sorted(root.glob("*/*/*.json"))
        if not wanted or path.relative_to(root).parts[0] in wanted
    ]
    if not cases:
        raise ValueError(f"there are no vectors in {root}")
    return cases


def _read(path: Path, root: Path) -> Case:
    content = json.loads(path.read_text(encoding="utf-8"))
    noun, validity, _ = path.relative_to(root).parts
    case = Case(
        noun=noun,
        name=path.stem,
        section=tuple(content["section"]),
        description=content["description"],
        operation=content["operation"],
        input=content["input"],
        output=content.get("output", NO_OUTPUT),
        error=content.get("error"),
        offset=content.get("offset"),
    )
    if case.path != content["name"] or validity != ("valid" if case.is_valid else "invalid"):
        raise ValueError(f"{path} is not the vector {content['name']}")
    if case.is_valid == (case.output is NO_OUTPUT):
        raise ValueError(f"{path} needs either an output or an error")
    return case


def format_case(case: Case) -> str:
    """The text of a vector's file: a line per member, two levels deep; deeper values in one line."""
    members: Json = {
        "name": case.path,
        "section": list(case.section),
        "description": case.description,
        "operation": case.operation,
        "input": case.input,
    }
    if case.is_valid:
        members["output"] = case.output
    else:
        members["error"] = case.error
        if case.offset is not None:
            members["offset"] = case.offset
    return _members(members, 1) + "\n"


def _members(members: Json, level: int) -> str:
    lines = []
    for name, value in members.items():
        nested = isinstance(value, dict) and level == 1 and value
        text = (
            _members(value, 2)
            if nested and isinstance(value, dict)
            else json.dumps(value, ensure_ascii=False)
        )
        lines.append(f"{'  ' * level}{json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n" + "  " * (level - 1) + "}"


def write(cases: Iterable[Case], root: Path) -> None:
    """Write the files of `cases`; files of vectors that are no longer among them are removed."""
    texts = {root / f"{case.path}.json": format_case(case) for case in cases}
    for path in root.glob("*/*/*.json"):
        if path not in texts:
            path.unlink()
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
