"""The examples in the chapters of the specification: text made from vectors and the trace of the reference.

`python -m tests.spec_examples` writes them anew into the chapters; tests/test_spec.py compares.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tablestore.reference import bloom, encoding, flink
from tablestore.reference.block import decode_chunk
from tablestore.reference.cursor import Cursor, Field
from tablestore.reference.key import encode_key
from tablestore.reference.sst import decode_sst
from tablestore.reference.type import parse_field, parse_type

SPEC = Path(__file__).parents[1] / "spec"
BLOCK = re.compile(r"^```(hex|vector|document) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CLASSES = {"bits": "BITS", "fixed": "FIXED", "variable": "VAR"}
BYTES_A_LINE = 8
VALUE_WIDTH = 44

Input = Mapping[str, Any]


def vector(path: str) -> dict[str, Any]:
    """The contents of a vector."""
    found: dict[str, Any] = json.loads((SPEC / "vectors" / f"{path}.json").read_text(encoding="utf-8"))
    return found


def example(form: str, path: str) -> str:
    """The text between the fences of an example."""
    content = vector(path)
    if form == "vector":
        return _vector_text(content)
    if form == "document":
        return bytes.fromhex(content["input"]["data"]).decode()
    data, fields = TRACERS[path.partition("/")[0]](content)
    return annotate(data, fields)


def _vector_text(content: Mapping[str, Any]) -> str:
    """Input and output, a line per member of the input."""
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in content["input"].items()]
    answer = content.get("output", content.get("error"))
    return "\n".join([*lines, f"→ {json.dumps(answer, ensure_ascii=False)}", ""])


def annotate(data: bytes, fields: list[Field]) -> str:
    """Every byte of the data in hexadecimal beside the field that it belongs to."""
    lines = []
    position = 0
    for field in sorted((f for f in fields if f.source == ""), key=lambda f: f.offset):
        assert field.offset == position, f"{field} does not begin where the one before ends"
        position += field.size
        lines += _field_lines(data, field)
    assert position == len(data), "bytes without a field"
    return "\n".join(lines) + "\n"


def _field_lines(data: bytes, field: Field) -> list[str]:
    raw = data[field.offset : field.offset + field.size]
    if not raw:
        return []
    pieces = [raw[at : at + BYTES_A_LINE] for at in range(0, len(raw), BYTES_A_LINE)]
    is_text = len(raw) > BYTES_A_LINE and raw.isascii() and raw.decode().isprintable()
    notes = [f"  {piece.decode()}" if is_text else "" for piece in pieces]
    notes[0] = f"{field.name}{_shown(field)}  §{field.section}{notes[0]}"
    return [
        f"{field.offset + index * BYTES_A_LINE:04x}  {piece.hex(' '):<23}  {note}".rstrip()
        for index, (piece, note) in enumerate(zip(pieces, notes, strict=True))
    ]


def _shown(field: Field) -> str:
    """The value of a field that is not plain bytes; checksums in hexadecimal digits."""
    if isinstance(field.value, bytes):
        return ""
    values = field.value if isinstance(field.value, list) else [field.value]
    form = "{:08x}" if field.name.endswith("crc") else "{}"
    texts = [
        json.dumps(value, ensure_ascii=True) if isinstance(value, str) else form.format(value)
        for value in values
    ]
    return " = " + textwrap.shorten(", ".join(texts), VALUE_WIDTH, placeholder=" …")


def bytes_of(text: str) -> bytes:
    """The bytes of an annotated example: what stands between the offset and the note."""
    return b"".join(bytes.fromhex(line[6:29]) for line in text.splitlines())


def _trace_encoding(content: Mapping[str, Any]) -> tuple[bytes, list[Field]]:
    given = content["input"]
    data = bytes.fromhex(given["data"])
    fields: list[Field] = []
    class_ = encoding.Class(CLASSES[given["class"]], given.get("width", 0))
    encoding.decode_node(Cursor(data, trace=fields), class_, given["count"])
    return data, fields


def _trace_block(content: Mapping[str, Any]) -> tuple[bytes, list[Field]]:
    given = content["input"]
    data = bytes.fromhex(given["data"])
    fields: list[Field] = []
    decode_chunk(Cursor(data, trace=fields), parse_type(given["type"]), given["nullable"], given["rows"])
    return data, fields


def _trace_bloom(content: Mapping[str, Any]) -> tuple[bytes, list[Field]]:
    data = bytes.fromhex(content["output"])
    fields: list[Field] = []
    bloom.decode_filter(Cursor(data, trace=fields))
    return data, fields


def _trace_sst(content: Mapping[str, Any]) -> tuple[bytes, list[Field]]:
    data = bytes.fromhex(content["input"]["data"])
    fields: list[Field] = []
    list(decode_sst(data, trace=fields).rows())
    return data, fields


def _trace_key(content: Mapping[str, Any]) -> tuple[bytes, list[Field]]:
    """Each column's part of a key of which no column is binary."""
    given = content["input"]
    data = bytes.fromhex(content["output"])
    types = [parse_type(item) for item in given["types"]]
    fields = []
    start = 0
    for index, (type_, value) in enumerate(zip(types, given["values"], strict=True)):
        values = [
            bytes.fromhex(v) if t.name == "binary" else v for t, v in zip(types, given["values"], strict=True)
        ]
        rest = encode_key(types[index + 1 :], values[index + 1 :]) if index + 1 < len(types) else b""
        size = len(data) - len(rest) - start
        fields.append(Field(start, size, type_.name, value, "3.2"))
        start += size
    return data, fields


def _trace_flink(content: Mapping[str, Any]) -> tuple[bytes, list[Field]]:
    given = content["input"]
    data = bytes.fromhex(given["data"])
    fields: list[Field] = []
    if content["operation"] == "read_map":
        flink.decode_map(data, trace=fields)
    else:
        flink.decode_batch([parse_field(column, 1) for column in given["columns"]], data, trace=fields)
    return data, fields


TRACERS: dict[str, Callable[[Mapping[str, Any]], tuple[bytes, list[Field]]]] = {
    "encoding": _trace_encoding,
    "block": _trace_block,
    "bloom": _trace_bloom,
    "sst": _trace_sst,
    "key": _trace_key,
    "flink": _trace_flink,
}


def chapters() -> list[Path]:
    return sorted(SPEC.glob("[0-9]*.md"))


def main() -> None:
    for chapter in chapters():
        text = chapter.read_text(encoding="utf-8")
        written = BLOCK.sub(lambda m: f"```{m[1]} {m[2]}\n{example(m[1], m[2])}```", text)
        chapter.write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main()
