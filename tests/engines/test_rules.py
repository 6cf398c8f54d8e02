"""Random rules have the same answer in SQL and on a row; on other databases tests/rules does the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loyalty_core.warehouse.predictions import RunTables
from tests.engines import clickhouse, spark
from tests.rules.test_same_answer import different_answers

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.warehouse import Warehouse
    from tests.engines.engine import Engine

# Every statement takes long there, however little it asks.
AT_ONCE = 50


@pytest.fixture(scope="module", params=[spark.ENGINE.row(), clickhouse.ENGINE.row()])
def engine(request: pytest.FixtureRequest) -> Engine:
    return request.param


def test_random_rules_answer_the_same_in_sql_and_on_a_row(open_at: Callable[..., Warehouse]):
    warehouse = open_at(dwh_statement_timeout_seconds=600)
    tables = warehouse.dialect.predictions
    assert isinstance(tables, RunTables)
    with tables.connect(warehouse) as connection:
        assert different_answers(connection, 1, 300, at_once=AT_ONCE) == []
