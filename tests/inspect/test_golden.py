"""What each command prints for a fixed table, word for word. `pytest tests/inspect --rewrite` writes it anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.inspect.conftest import Run, largest

GOLDEN = Path(__file__).parent / "golden"
COMMANDS = {
    "summary": "users",
    "summary-orders": "summary orders",
    "summary-json": "summary users --format json",
    "snapshots": "snapshots users",
    "snapshot": "snapshots users 6",
    "snapshot-file": "users/snapshot/snapshot-2.json",
    "files": "files users",
    "files-orders": "files orders --bytes",
    "levels": "levels users",
    "tree": "tree users",
    "tree-ascii": "tree users --ascii --bucket 1",
    "tree-orders": "tree orders",
    "schema": "schema orders",
    "schema-file": "schema users/schema/schema-0.json --format json",
    "manifest": "manifest {manifest}",
    "sst": "sst {sst}",
    "sst-hex": "sst {small} --hex",
    "block": "block {sst} 1",
    "block-hex": "block {small} 0 --hex",
    "block-hex-ndjson": "block {small} 0 --hex --column id --format ndjson",
    "cat": "cat orders",
    "cat-csv": "cat orders --format csv",
    "cat-sst": "cat {small}",
    "lookup": "lookup users 8 150",
    "lookup-trace": "lookup users 8 104 150 9999 --trace",
    "lookup-orders": 'lookup orders north,2 ["north",3] --trace --ascii',
    "explain": "explain users --where id<300 --columns id,age",
    "explain-json": "explain users --where id=8 --format json",
    "verify": "verify users --deep",
    "changes": "changes users",
    "changes-net": "changes users --since 4 --where id<=104 --columns id,age",
    "changes-steps": "changes users --since 2 --until 7 --step --columns id,age --filter id<=104 --format csv",
    "changes-orders": "changes orders --json --limit 3",
    "follow": "follow users --since 5 --timeout 0 --columns id,age",
    "timeline": "timeline users",
    "timeline-ascii": "timeline orders --ascii --bytes",
    "timeline-json": "timeline users --limit 3 --json",
    "diff": "diff users 2 7",
    "diff-rows": "diff users 7 4 --rows",
    "diff-orders": "diff orders 2 3 --rows --json",
    "tags": "tags users",
    "consumers": "consumers users",
    "leases": "leases users --format csv",
    "metrics": "metrics users",
    "metrics-json": "metrics orders --json",
}


def words_of(command: str, tables: Path) -> list[str]:
    """The command line with the names of files put in."""
    bucket = tables / "users" / "bucket-0"
    small = min(bucket.glob("*.sst"), key=lambda path: (path.stat().st_size, path.name))
    manifest = min((tables / "users" / "manifest").glob("*.sst"))
    names = {"sst": largest(bucket), "small": small, "manifest": manifest}
    relative = {name: path.relative_to(tables) for name, path in names.items()}
    return [word.format(**relative) if "{" in word else word for word in command.split()]


@pytest.mark.parametrize("name", COMMANDS)
def test_output(name: str, tables: Path, run: Run, request: pytest.FixtureRequest) -> None:
    outcome = run(*words_of(COMMANDS[name], tables))
    lines = [f"$ tablestore {COMMANDS[name]}", outcome.out.rstrip("\n"), f"exit {outcome.status}"]
    if outcome.err:
        lines.insert(2, f"stderr: {outcome.err.rstrip()}")
    found = "\n".join(lines) + "\n"
    golden = GOLDEN / f"{name}.txt"
    if request.config.getoption("--rewrite", default=False):
        GOLDEN.mkdir(exist_ok=True)
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8")


def test_no_golden_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(COMMANDS)
