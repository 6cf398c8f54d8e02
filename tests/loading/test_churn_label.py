"""Who left, in the words of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loyalty_core.errors import DataError
from loyalty_core.loading import CustomerColumns, load_features
from tests.fixtures.loading import rows_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def churned(file: Path, out: Path, columns: CustomerColumns) -> list[int]:
    load_features(file, out, columns)
    return [value for (value,) in rows_of(out, "SELECT churned FROM customer_churn_history ORDER BY customer_id")]


def test_a_value_may_be_named(export: Callable[..., Path], out: Path) -> None:
    file = export("value,status\n1,gone away\n2,here\n3,new\n4,\n")
    with pytest.raises(DataError, match=r'cannot be read as churned or not.*--churned "'):
        churned(file, out, CustomerColumns("value", "status"))
    with pytest.raises(DataError, match=r"no value 'left' \(--churned\). It holds 'gone away', 'here', 'new'"):
        churned(file, out, CustomerColumns("value", "status", churned=["left"]))
    assert churned(file, out, CustomerColumns("value", "status", churned=["Gone away"])) == [1, 0, 0]


def test_a_column_of_who_stayed_is_not_read_the_wrong_way_round(export: Callable[..., Path], out: Path) -> None:
    file = export("id,active\n1,yes\n2,no\n3,yes\n")
    with pytest.raises(DataError, match=r'who stayed, rather than who left.*--churned "no"'):
        churned(file, out, CustomerColumns("id", "active"))
    assert churned(file, out, CustomerColumns("id", "active", churned=["no"])) == [0, 1, 0]
