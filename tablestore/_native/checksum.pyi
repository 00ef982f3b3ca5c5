import numpy as np
import numpy.typing as npt
from _typeshed import ReadableBuffer as Buffer

def crc32c(data: Buffer, value: int = 0) -> int: ...
def crc32c_portable(data: Buffer) -> int: ...
def context_crc(file_id: Buffer, column: int, block: int, stored: Buffer) -> int: ...
def verify_chunks(
    buffer: npt.NDArray[np.uint8],
    offset: npt.NDArray[np.uint64],
    size: npt.NDArray[np.uint32],
    crc: npt.NDArray[np.uint32],
    column: npt.NDArray[np.uint32],
    block: npt.NDArray[np.uint32],
    file_ids: npt.NDArray[np.uint8],
    file_of: npt.NDArray[np.uint32],
) -> int: ...
def chunk_crcs(
    buffer: npt.NDArray[np.uint8],
    offset: npt.NDArray[np.uint64],
    size: npt.NDArray[np.uint32],
    column: npt.NDArray[np.uint32],
    block: npt.NDArray[np.uint32],
    file_id: Buffer,
) -> npt.NDArray[np.uint32]: ...
