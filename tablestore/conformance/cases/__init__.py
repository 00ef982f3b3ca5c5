"""The cases behind the vectors, a module per noun. The reference gives outputs; native code never does."""

from tablestore.conformance.cases import (
    block,
    bloom,
    changes,
    commit,
    compaction,
    encoding,
    flink,
    key,
    manifest,
    merge,
    primitive,
    retention,
    schema,
    snapshot,
    sst,
)
from tablestore.conformance.cases import type as types

NOUNS = (
    primitive, types, key, encoding, block, bloom, sst, schema, manifest, snapshot, commit, merge, compaction,
    changes, retention, flink,
)  # fmt: skip
BUILDERS = tuple(noun.cases for noun in NOUNS)
