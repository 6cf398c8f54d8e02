import uuid
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from loyalty_core.warehouse.customers import read_id

KINDS = [sa.Integer(), sa.BigInteger(), sa.Numeric(), sa.Uuid(), sa.CHAR(5), sa.String(), sa.Enum("a")]


@pytest.mark.parametrize(
    ("given_id", "kind", "value"),
    [
        ("007", sa.Integer(), 7),
        ("-7", sa.BigInteger(), -7),
        (2**63 - 1, sa.BigInteger(), 2**63 - 1),
        (2**63, sa.BigInteger(), None),
        ("1_000", sa.Integer(), None),
        ("1_000", sa.Numeric(), None),
        ("7.0", sa.Integer(), None),
        ("70", sa.Numeric(), Decimal(70)),
        ("sNaN", sa.Numeric(), None),
        ("-inf", sa.Numeric(), None),
        ("1e999999999999", sa.Numeric(), None),
        ("1e-999999999999", sa.Numeric(), None),
        ("ab", sa.CHAR(5), "ab"),
        ("ab   ", sa.CHAR(5), "ab"),
        (" ab ", sa.String(), " ab "),
        ("", sa.String(), None),
        ("   ", sa.CHAR(5), None),
        ("a\0b", sa.String(), None),
        ("\udcff", sa.String(), None),
        ("x" * 255, sa.String(), "x" * 255),
        ("x" * 256, sa.String(), None),
        (uuid.UUID(int=1), sa.Uuid(), uuid.UUID(int=1)),
        (str(uuid.UUID(int=1)), sa.Uuid(as_uuid=False), str(uuid.UUID(int=1))),
    ],
)
def test_ids_are_read_as_the_column_holds_them(given_id: object, kind: sa.types.TypeEngine[Any], value: Any):
    read = read_id(given_id, kind)
    assert read == value
    assert type(read) is type(value)


@given(st.text() | st.integers() | st.floats() | st.decimals() | st.uuids() | st.none(), st.sampled_from(KINDS))
def test_any_id_is_read_or_refused_and_reads_the_same_again(given_id: object, kind: sa.types.TypeEngine[Any]):
    value = read_id(given_id, kind)
    if value is not None and value == value:
        assert read_id(value, kind) == value
