"""Cursors: a position of any type comes back, and only for the list that it was made for."""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgpack
import pytest

from loyalty_core.api.cursors import BadCursor, decode_cursor, encode_cursor
from loyalty_core.warehouse.customers import encode_features
from tests.fixtures.api import Ask, error_of

if TYPE_CHECKING:
    from tests.workbench import Configure


@pytest.mark.parametrize(
    "after", ["a/b ø", 7, 2**100, Decimal("7.50"), uuid.UUID(int=171), datetime(2026, 1, 31, 12, 0, 0, 1, UTC)]
)
def test_a_position_comes_back(after: Any):
    cursor = encode_cursor("customers", after)
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert decode_cursor("customers", cursor) == after
    with pytest.raises(BadCursor):
        decode_cursor("members of vip", cursor)


@pytest.mark.parametrize("packed", [{"x": 1}, {"after": msgpack.ExtType(1, b"x")}, {"after": msgpack.ExtType(99, b"")}])
def test_a_cursor_that_is_made_up(packed: dict[str, Any]):
    made_up = encode_features("customers", packed)
    assert made_up is not None
    with pytest.raises(BadCursor):
        decode_cursor("customers", base64.urlsafe_b64encode(made_up).decode())


@pytest.mark.parametrize("after", ["\0", ""])
def test_a_position_that_no_customer_can_have(demo_settings: Configure, ask: Ask, after: Any):
    assert error_of(ask(f"/customers/?cursor={encode_cursor('customers', after)}"))[:2] == (422, "bad_cursor")
