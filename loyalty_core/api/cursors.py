"""Opaque cursors: the position after one page of a list, which stays right when rows are added or removed before it."""

import base64
from typing import Any

from loyalty_core.errors import LoyaltyError
from loyalty_core.warehouse.customers import decode_features, encode_features


class BadCursor(LoyaltyError):
    """The cursor does not belong to the list."""

    code = "bad_cursor"

    def __init__(self) -> None:
        super().__init__(
            "The cursor does not belong to this list.",
            remedy="Send the one that the last page gave you, or none for the first page.",
        )


def encode_cursor(of: str, after: Any) -> str:
    """The cursor of the list called `of` after the row with this key, whatever its type."""
    packed = encode_features(of, {"after": after})
    if packed is None:
        raise TypeError(f"{type(after).__name__} cannot be a position in a list")
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def decode_cursor(of: str, cursor: str) -> Any:
    """The key that was encoded for the same list; raises `BadCursor`."""
    try:
        packed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return (decode_features(of, packed) or {})["after"]
    # Whoever makes up a cursor may have packed anything.
    except (ValueError, LookupError, TypeError, ArithmeticError):
        raise BadCursor from None
