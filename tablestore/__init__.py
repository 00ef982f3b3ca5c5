"""TableStore: LSM tables for streaming upserts in plain files. The format is in spec/."""

from tablestore import metrics
from tablestore.changes import Changes
from tablestore.errors import (
    ChecksumError,
    CommitConflictError,
    CommitUnknownError,
    FilterError,
    FormatError,
    LimitExceededError,
    SchemaError,
    SnapshotExpiredError,
    StorageError,
    TableExistsError,
    TableNotFoundError,
    TableStoreError,
    UnsafePathError,
    UnsupportedVersionError,
)
from tablestore.follow import Follower
from tablestore.lsm.explain import Explanation
from tablestore.lsm.scan import Scan
from tablestore.metrics import ConsumerLag, TableMetrics
from tablestore.results import (
    CommitResult,
    CompactResult,
    ConsumerResult,
    ExpireResult,
    Finding,
    OrphanResult,
    RollbackResult,
    TagResult,
    VerifyResult,
)
from tablestore.table import Table, View, create_table, open_table
from tablestore.version import __version__
from tablestore.writer import Writer

__all__ = [
    "Changes",
    "ChecksumError",
    "CommitConflictError",
    "CommitResult",
    "CommitUnknownError",
    "CompactResult",
    "ConsumerLag",
    "ConsumerResult",
    "ExpireResult",
    "Explanation",
    "FilterError",
    "Finding",
    "Follower",
    "FormatError",
    "LimitExceededError",
    "OrphanResult",
    "RollbackResult",
    "Scan",
    "SchemaError",
    "SnapshotExpiredError",
    "StorageError",
    "Table",
    "TableExistsError",
    "TableMetrics",
    "TableNotFoundError",
    "TableStoreError",
    "TagResult",
    "UnsafePathError",
    "UnsupportedVersionError",
    "VerifyResult",
    "View",
    "Writer",
    "__version__",
    "create_table",
    "metrics",
    "open_table",
]
