"""python -m tablestore.conformance.serve: the reference as the other end of the line protocol."""

from __future__ import annotations

import json
import sys
from typing import Any, TextIO

from tablestore.conformance import reference_adapter
from tablestore.conformance.runner import Answer, Implementation, from_function


def reply(implementation: Implementation, line: str) -> str:
    """The reply to one request line."""
    request: dict[str, Any] = json.loads(line)
    answer = implementation(request["noun"], request["operation"], request["input"])
    return json.dumps({"id": request["id"], **_members(answer)}, ensure_ascii=False)


def _members(answer: Answer) -> dict[str, object]:
    if not answer.is_supported:
        return {"unsupported": True}
    if answer.error is None:
        return {"output": answer.output}
    return {"error": answer.error} | ({} if answer.offset is None else {"offset": answer.offset})


def serve(requests: TextIO, replies: TextIO) -> None:
    """Answer each line until the input ends."""
    implementation = from_function(reference_adapter.answer)
    for line in requests:
        print(reply(implementation, line), file=replies, flush=True)


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)
