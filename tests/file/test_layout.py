"""Names and paths (spec §0.6, §1.4, §10.5)."""

from __future__ import annotations

import pytest

from tablestore.errors import UnsafePathError
from tablestore.file import layout

FILE = "000000000007" + "ab" * 10


def test_paths() -> None:
    assert layout.snapshot_path(12) == "snapshot/snapshot-12.json"
    assert layout.schema_path(0) == "schema/schema-0.json"
    assert layout.manifest_path(FILE) == f"manifest/manifest-{FILE}.sst"
    assert layout.data_path("", 3, FILE) == f"bucket-3/{FILE}.sst"
    assert layout.data_path("a=1/b=2", 0, FILE) == f"a=1/b=2/bucket-0/{FILE}.sst"


def test_file_ids_hold_their_base_and_never_repeat() -> None:
    ids = {layout.new_file_id(7) for _ in range(1_000)}
    assert len(ids) == 1_000
    assert all(layout.is_file_id(name) and layout.base_of(name) == 7 for name in ids)
    assert layout.base_of(layout.new_file_id(1 << 60)) == layout.BASE_MAX
    assert layout.check_file_id(FILE, "f") == FILE


BAD_FILE_IDS = [
    "", "..", "../x", "/etc/passwd", FILE.upper(), FILE[:-1], FILE + "0", FILE[:-1] + "g",
    FILE + "\n", FILE[:-1] + "\n",
    "a/" + FILE[2:], FILE[:-1] + "\0", "\uff05" * 32, "\u0661" * 32, "%2e%2e%2f" + FILE[9:], "\u202e" + FILE[1:],
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_FILE_IDS)
def test_other_file_ids_are_refused(name: str) -> None:
    assert not layout.is_file_id(name)
    with pytest.raises(UnsafePathError) as caught:
        layout.check_file_id(name, "manifest/m.sst")
    assert (caught.value.code, caught.value.file) == ("bad-name", "manifest/m.sst")
    assert layout.parse_data_name(f"{name}.sst") is None
    assert layout.parse_manifest_name(f"manifest-{name}.sst") is None


@pytest.mark.parametrize(
    "name",
    [
        "snapshot-01.json", "snapshot- 1.json", "snapshot-\u0661.json",
        "snapshot-1.tmp", "snapshot-0.json", "snapshot--1.json",
        "snapshot-18446744073709551616.json", "snapshot-9223372036854775808.json", "Snapshot-1.json",
        "snapshot-1.json\n",
        ".snapshot-1.json", "snapshot-1.json.bak", "LATEST", "", "snapshot-+1.json", "snapshot-1_0.json",
    ],
)  # fmt: skip
def test_other_snapshot_names_are_ignored(name: str) -> None:
    assert layout.parse_snapshot_name(name) is None


def test_names_are_parsed() -> None:
    assert layout.parse_snapshot_name("snapshot-9223372036854775807.json") == layout.ID_MAX
    assert layout.parse_schema_name("schema-0.json") == 0
    assert layout.parse_bucket_name("bucket-10") == 10
    assert layout.parse_bucket_name("bucket-010") is None
    assert layout.parse_data_name(f"{FILE}.sst") == FILE
    assert layout.parse_manifest_name(f"manifest-{FILE}.sst") == FILE


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text\n",
        b"-1\n",
        b"0\n",
        b"01\n",
        b"1",
        b"1\n\n",
        b"1 \n",
        b"9" * 30 + b"\n",
        b"\xff\n",
        b"1\r\n",
    ],
)
def test_hints_that_are_not_well_formed_are_nothing(data: bytes) -> None:
    assert layout.parse_hint(data) is None


def test_hints() -> None:
    assert layout.parse_hint(layout.format_hint(41)) == 41
