"""Arrow columns from numpy arrays, without a Python object per value."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]

_HEX = np.array([list(f"{byte:02x}".encode()) for byte in range(256)], dtype=np.uint8)
_UUID_LENGTH = 36
_UUID_DASHES = [8, 13, 18, 23]


def uuid_texts(random_bytes: Bytes) -> pa.Array:
    """Version 4 UUIDs in text form from random bytes of shape (n, 16)."""
    octets = random_bytes.copy()
    octets[:, 6] = octets[:, 6] & 0x0F | 0x40
    octets[:, 8] = octets[:, 8] & 0x3F | 0x80
    count = len(octets)
    letters = np.full((count, _UUID_LENGTH), ord("-"), dtype=np.uint8)
    letters[:, np.delete(np.arange(_UUID_LENGTH), _UUID_DASHES)] = _HEX[octets].reshape(count, 32)
    offsets = np.arange(count + 1, dtype=np.int32) * _UUID_LENGTH
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(letters))


def coded(codes: Integers, values: Sequence[str] | pa.Array, blank: Flags | None = None) -> pa.Array:
    """Texts by their index in `values`; NULL where `blank`."""
    indices = pa.array(codes.astype(np.int32), mask=blank)
    return pa.DictionaryArray.from_arrays(indices, pa.array(values))


def cents(amounts: Integers) -> pa.Array:
    """DECIMAL(10, 2) from whole, non-negative cents."""
    words = np.zeros((len(amounts), 2), dtype=np.int64)  # 128 bits each, low half first
    words[:, 0] = amounts
    return pa.Array.from_buffers(pa.decimal128(10, 2), len(amounts), [None, pa.py_buffer(words)])


def timestamps(epoch_seconds: Integers | Floats, blank: Flags | None = None) -> pa.Array:
    """TIMESTAMP to the second; NULL where `blank`."""
    return pa.array(epoch_seconds.astype("datetime64[s]"), mask=blank)


def dates(epoch_days: Integers, blank: Flags | None = None) -> pa.Array:
    """DATE from days since 1970; NULL where `blank`."""
    return pa.array(epoch_days.astype("datetime64[D]"), mask=blank)
