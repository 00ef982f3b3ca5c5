"""The cases behind the vectors, a module per noun. The reference gives outputs; native code never does."""

from tablestore.conformance.cases import block, bloom, encoding, key, primitive, sst
from tablestore.conformance.cases import type as types

BUILDERS = (primitive.cases, types.cases, key.cases, encoding.cases, block.cases, bloom.cases, sst.cases)
