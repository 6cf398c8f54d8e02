"""Customer features as bytes and back, every type preserved: Decimal, date, datetime, UUID, big integers, NULL."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import IntEnum
from hashlib import blake2b
from typing import Any
from uuid import UUID

import msgpack

_DIGEST_BYTES = 8


class _Type(IntEnum):
    DECIMAL = 1
    DATE = 2
    DATETIME = 3
    UUID = 4
    INTEGER = 5
    TIME = 6
    DURATION = 7


def encode_features(key: str, features: dict[str, Any]) -> bytes | None:
    """Pack with msgpack under a digest; None when a value has a type that would not come back as it was."""
    try:
        packed: Any = msgpack.packb(features, default=_pack, strict_types=True)
    except (TypeError, ValueError, OverflowError):
        return None
    return _digest(key, packed) + packed


def decode_features(key: str, stored: Any) -> dict[str, Any] | None:
    """Unpack what `encode_features` made for the same key; None for anything else."""
    if not isinstance(stored, bytes):
        return None
    digest, packed = stored[:_DIGEST_BYTES], stored[_DIGEST_BYTES:]
    if digest != _digest(key, packed):
        return None
    return msgpack.unpackb(packed, ext_hook=_unpack, strict_map_key=False)


def _digest(key: str, packed: bytes) -> bytes:
    """Detects entries that are damaged or stored under another key."""
    return blake2b(packed, key=blake2b(key.encode(), digest_size=16).digest(), digest_size=_DIGEST_BYTES).digest()


def _pack(value: Any) -> msgpack.ExtType:
    match value:
        case Decimal():
            return msgpack.ExtType(_Type.DECIMAL, str(value).encode())
        case datetime():
            return msgpack.ExtType(_Type.DATETIME, value.isoformat().encode())
        case date():
            return msgpack.ExtType(_Type.DATE, value.isoformat().encode())
        case UUID():
            return msgpack.ExtType(_Type.UUID, value.bytes)
        case int():
            return msgpack.ExtType(_Type.INTEGER, str(value).encode())
        case time():
            return msgpack.ExtType(_Type.TIME, value.isoformat().encode())
        case timedelta():
            parts = (value.days, value.seconds, value.microseconds)
            return msgpack.ExtType(_Type.DURATION, msgpack.packb(parts))
        case _:
            raise TypeError(f"{type(value).__name__} cannot be cached")


def _unpack(code: int, data: bytes) -> Any:
    match code:
        case _Type.DECIMAL:
            return Decimal(data.decode())
        case _Type.DATE:
            return date.fromisoformat(data.decode())
        case _Type.DATETIME:
            return datetime.fromisoformat(data.decode())
        case _Type.UUID:
            return UUID(bytes=data)
        case _Type.INTEGER:
            return int(data)
        case _Type.TIME:
            return time.fromisoformat(data.decode())
        case _Type.DURATION:
            days, seconds, microseconds = msgpack.unpackb(data)
            return timedelta(days, seconds, microseconds)
        case _:
            raise ValueError(f"unknown type code {code}")
