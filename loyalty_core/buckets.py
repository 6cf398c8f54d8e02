"""Into which group of a split a customer falls: a hash of the split's salt and the customer's id, the same everywhere.

Used for the arms of A/B tests, and for holdouts and variants of campaigns.

FNV-1a with 64 bits (Fowler, Noll and Vo) over the bytes of salt and id, then the finalizer of MurmurHash3 (Appleby),
without which short ids would lie close together. Both are whole-number arithmetic, so that every version, process and
processor agrees. Measured for a million ids: 0.1 s in numpy, where SHA-256 for each took half as long as scoring them.
"""

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_BASIS = 0xCBF29CE484222325
_PRIME = 0x100000001B3
_MIXERS = (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53)
_SHIFT = 33
_64_BITS = 2**64 - 1
_MANTISSA_BITS = 53  # of a double

# A decimal arrives with as many zeros as its column has decimal places, or with none.
_DECIMAL = r"^(-?\d+(?:\.\d*[1-9])?)\.?0*$"


def bucket(salt: str, customer_id: object) -> float:
    """The customer's bucket, a number from 0 up to but not including 1."""
    text = re.sub(_DECIMAL, r"\1", _as_text(customer_id))
    mixed = fnv1a(text.encode(), fnv1a(salt.encode()))
    for mixer in _MIXERS:
        mixed ^= mixed >> _SHIFT
        mixed = mixed * mixer & _64_BITS
    mixed ^= mixed >> _SHIFT
    return (mixed >> (64 - _MANTISSA_BITS)) / 2**_MANTISSA_BITS


def buckets(salt: str, customer_ids: pa.Array) -> npt.NDArray[np.float64]:
    """`bucket` of many; ids without blanks."""
    mixed = _fnv1a_of_many(_as_texts(customer_ids), fnv1a(salt.encode()))
    for mixer in _MIXERS:
        mixed ^= mixed >> np.uint64(_SHIFT)
        mixed *= np.uint64(mixer)
    mixed ^= mixed >> np.uint64(_SHIFT)
    return (mixed >> np.uint64(64 - _MANTISSA_BITS)) / 2.0**_MANTISSA_BITS


def fnv1a(content: bytes, start: int = _BASIS) -> int:
    """The 64-bit hash of the content; `start` is the hash of what comes before it."""
    for byte in content:
        start = (start ^ byte) * _PRIME & _64_BITS
    return start


def _fnv1a_of_many(texts: pa.Array, start: int) -> npt.NDArray[np.uint64]:
    """All texts at once, byte by byte."""
    _, offsets, content = texts.buffers()
    ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    hashes = np.full(len(texts), start, np.uint64)
    if content is None or not len(texts):
        return hashes
    characters, places, lengths = np.frombuffer(content, np.uint8), ends[:-1].astype(np.int64), np.diff(ends)
    for done in range(lengths.min()):
        hashes ^= characters[places + done]
        hashes *= np.uint64(_PRIME)
    for done in range(lengths.min(), lengths.max()):
        longer = np.flatnonzero(lengths > done)
        hashes[longer] = (hashes[longer] ^ characters[places[longer] + done]) * np.uint64(_PRIME)
    return hashes


def _as_text(customer_id: Any) -> str:
    """As the warehouse writes it, so without an exponent."""
    return f"{customer_id:f}" if hasattr(customer_id, "as_tuple") else str(customer_id)


def _as_texts(ids: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(ids.type):
        ids = ids.dictionary_decode()
    if pa.types.is_integer(ids.type) or pa.types.is_large_string(ids.type):
        ids = ids.cast(pa.string())
    if not pa.types.is_string(ids.type):
        ids = pa.array([_as_text(one) for one in ids.to_pylist()], pa.string())
    if not pc.any(pc.match_substring(ids, ".")).as_py():  # pyright: ignore[reportAttributeAccessIssue]
        return ids
    return pc.replace_substring_regex(ids, _DECIMAL, r"\1")  # pyright: ignore[reportAttributeAccessIssue]
