"""Names and paths in a table (spec §0.6, §1.4, §10.5, §15.2). Paths are computed from typed values, never taken from
a file.
"""

from __future__ import annotations

import re
import secrets

from tablestore.errors import UnsafePathError

SNAPSHOT_DIRECTORY = "snapshot"
SCHEMA_DIRECTORY = "schema"
MANIFEST_DIRECTORY = "manifest"
BOUNDARY_DIRECTORY = "boundary"
TAG_DIRECTORY = "tag"
CONSUMER_DIRECTORY = "consumer"
LEASE_DIRECTORY = "lease"
LATEST_HINT = "snapshot/LATEST"

ID_MAX = (1 << 63) - 1
BASE_MAX = (1 << 48) - 1

# [0-9] and not \d: digits of other scripts are no digits here.
_NUMBER = "(0|[1-9][0-9]{0,18})"
_SNAPSHOT = re.compile(rf"snapshot-{_NUMBER}\.json")
_SCHEMA = re.compile(rf"schema-{_NUMBER}\.json")
_BUCKET = re.compile(rf"bucket-{_NUMBER}")
_HINT = re.compile(rb"([1-9][0-9]{0,18})\n")
_FILE_ID_PATTERN = "[0-9a-f]{32}"
_FILE_ID = re.compile(_FILE_ID_PATTERN)
_DATA_FILE = re.compile(rf"({_FILE_ID_PATTERN})\.sst")
_MANIFEST = re.compile(rf"manifest-({_FILE_ID_PATTERN})\.sst")
_BOUNDARY = re.compile(rf"boundary-{_NUMBER}\.json")
_LEASE = re.compile(rf"lease-({_FILE_ID_PATTERN})\.json")
# Escaped names (spec §9.3) hold no other characters.
_ESCAPED_PATTERN = "([A-Za-z0-9_%-][A-Za-z0-9_.%-]*)"
_TAG = re.compile(rf"tag-{_ESCAPED_PATTERN}\.json")
_CONSUMER = re.compile(rf"consumer-{_ESCAPED_PATTERN}\.{_NUMBER}\.json")
_TEMPORARY = re.compile(r"\.[0-9a-f]{24}")


# ---- identifiers


def new_file_id(base: int) -> str:
    """A new file id, never given before, for a writer that last read snapshot `base` (spec §1.4)."""
    return min(base, BASE_MAX).to_bytes(6, "big").hex() + secrets.token_hex(10)


def new_id() -> str:
    """A new table id or commit id."""
    return secrets.token_hex(16)


def is_file_id(text: str) -> bool:
    """Whether the text is an identifier of 32 lower-case hexadecimal digits."""
    return _FILE_ID.fullmatch(text) is not None


def base_of(file_id: str) -> int:
    """The base of a file id: the snapshot that its writer last read."""
    return int(file_id[:12], 16)


def check_file_id(text: str, file: str) -> str:
    """The text itself. Raises UnsafePathError bad-name, naming the file that holds it."""
    if not is_file_id(text):
        raise bad_name(text, file)
    return text


def bad_name(name: str, file: str) -> UnsafePathError:
    """The error for a name in `file` that does not match its pattern."""
    return UnsafePathError(
        f"name {name[:100]!r} does not match its pattern", code="bad-name", file=file, section="0.6"
    )


# ---- paths


def snapshot_path(snapshot_id: int) -> str:
    return f"{SNAPSHOT_DIRECTORY}/snapshot-{snapshot_id}.json"


def schema_path(schema_id: int) -> str:
    return f"{SCHEMA_DIRECTORY}/schema-{schema_id}.json"


def manifest_path(file_id: str) -> str:
    return f"{MANIFEST_DIRECTORY}/manifest-{file_id}.sst"


def boundary_path(snapshot_id: int) -> str:
    return f"{BOUNDARY_DIRECTORY}/boundary-{snapshot_id}.json"


def tag_path(escaped: str) -> str:
    """escaped: of `partition.escape`, as for a consumer."""
    return f"{TAG_DIRECTORY}/tag-{escaped}.json"


def consumer_path(escaped: str, number: int) -> str:
    return f"{CONSUMER_DIRECTORY}/consumer-{escaped}.{number}.json"


def lease_path(lease_id: str) -> str:
    return f"{LEASE_DIRECTORY}/lease-{lease_id}.json"


def temporary_name(digits: str) -> str:
    """Name of a file that is written before it is put in place (spec §11.3). digits: 24, hexadecimal."""
    return f".{digits}"


def data_path(partition_directory: str, bucket: int, file_id: str) -> str:
    """partition_directory: of `partition.directory`, "" for a table without partitions (spec §9.3)."""
    return f"{bucket_directory(partition_directory, bucket)}/{file_id}.sst"


def bucket_directory(partition_directory: str, bucket: int) -> str:
    above = f"{partition_directory}/" if partition_directory else ""
    return f"{above}bucket-{bucket}"


# ---- names that were listed: None for those that are ignored


def parse_snapshot_name(name: str) -> int | None:
    """Id of a snapshot, at least 1."""
    return _parse_number(_SNAPSHOT, name) or None


def parse_schema_name(name: str) -> int | None:
    return _parse_number(_SCHEMA, name)


def parse_bucket_name(name: str) -> int | None:
    return _parse_number(_BUCKET, name)


def parse_manifest_name(name: str) -> str | None:
    """File id of a manifest."""
    match = _MANIFEST.fullmatch(name)
    return match[1] if match else None


def parse_data_name(name: str) -> str | None:
    """File id of a data file."""
    match = _DATA_FILE.fullmatch(name)
    return match[1] if match else None


def parse_boundary_name(name: str) -> int | None:
    """Id of a boundary, at least 1."""
    return _parse_number(_BOUNDARY, name) or None


def parse_tag_name(name: str) -> str | None:
    """Escaped name of a tag."""
    match = _TAG.fullmatch(name)
    return match[1] if match else None


def parse_consumer_name(name: str) -> tuple[str, int] | None:
    """Escaped name and number of a consumer's document."""
    match = _CONSUMER.fullmatch(name)
    if match is None or not 1 <= int(match[2]) <= ID_MAX:
        return None
    return match[1], int(match[2])


def parse_lease_name(name: str) -> str | None:
    """Id of a lease."""
    match = _LEASE.fullmatch(name)
    return match[1] if match else None


def is_temporary_name(name: str) -> bool:
    """Whether the name is that of a file on its way to its place."""
    return _TEMPORARY.fullmatch(name) is not None


def parse_hint(data: bytes) -> int | None:
    """The snapshot id that the hint names, or None if it is not well-formed (spec §10.5)."""
    match = _HINT.fullmatch(data)
    number = int(match[1]) if match else 0
    return number if 1 <= number <= ID_MAX else None


def format_hint(snapshot_id: int) -> bytes:
    return b"%d\n" % snapshot_id


def _parse_number(pattern: re.Pattern[str], name: str) -> int | None:
    match = pattern.fullmatch(name)
    if match is None or int(match[1]) > ID_MAX:
        return None
    return int(match[1])
