"""A past for the tests of outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.analytics.outcomes.past import Past
from tests.ml.bases import base, fill

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend


@pytest.fixture
def past(backend: Backend, open_warehouse: Callable[..., Warehouse]) -> Past:
    fill(backend, base(20))
    return Past(backend, open_warehouse)
