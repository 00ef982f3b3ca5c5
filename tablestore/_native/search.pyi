import numpy as np
from numpy.typing import NDArray

_Bytes = NDArray[np.uint8]
_Offsets = NDArray[np.int64]
_Words = NDArray[np.uint64]
_Places = NDArray[np.uint32]

def within_bytes(
    probe_offsets: _Offsets,
    probe_data: _Bytes,
    low_offsets: _Offsets,
    low_data: _Bytes,
    high_offsets: _Offsets,
    high_data: _Bytes,
    limit: int = 64,
) -> tuple[_Offsets, _Offsets]: ...
def locate_words(
    first: _Words, last: _Words, start: _Offsets, file: _Places, probe: _Places, probes: _Words
) -> _Offsets: ...
def locate_bytes(
    first_offsets: _Offsets,
    first_data: _Bytes,
    last_offsets: _Offsets,
    last_data: _Bytes,
    start: _Offsets,
    file: _Places,
    probe: _Places,
    probe_offsets: _Offsets,
    probe_data: _Bytes,
    limit: int = 64,
) -> tuple[_Offsets, _Offsets]: ...
def find_words(
    words: _Words, start: _Offsets, block: _Places, probe: _Places, probes: _Words
) -> _Offsets: ...
def find_bytes(
    offsets: _Offsets,
    data: _Bytes,
    start: _Offsets,
    block: _Places,
    probe: _Places,
    probe_offsets: _Offsets,
    probe_data: _Bytes,
) -> _Offsets: ...
