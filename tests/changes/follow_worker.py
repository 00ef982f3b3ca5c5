"""A follower as a process: writes each batch as a line before it asks for the next, until it is killed or done."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import tablestore as ts
from tablestore import follow


def main() -> None:
    table_path, output, until = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    follow.BATCH_ROWS = 20
    whole = output.read_bytes() if output.exists() else b""
    with output.open("ab") as lines:
        lines.truncate(whole.rfind(b"\n") + 1)
        for batch in ts.open_table(table_path).follow(
            "latest", consumer="worker", poll_seconds=0.05, until=until
        ):
            lines.write(json.dumps([list(row.values()) for row in batch.to_pylist()]).encode() + b"\n")
            lines.flush()
            os.fsync(lines.fileno())


if __name__ == "__main__":
    main()
