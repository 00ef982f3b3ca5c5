"""The cases behind the vectors, a module per noun. The reference gives outputs; native code never does."""

from tablestore.conformance.cases import (
    block,
    bloom,
    decision,
    encoding,
    key,
    manifest,
    primitive,
    schema,
    snapshot,
    sst,
)
from tablestore.conformance.cases import type as types

BUILDERS = (
    primitive.cases,
    types.cases,
    key.cases,
    encoding.cases,
    block.cases,
    bloom.cases,
    sst.cases,
    schema.cases,
    manifest.cases,
    snapshot.cases,
    decision.commit_cases,
    decision.merge_cases,
    decision.compaction_cases,
)
