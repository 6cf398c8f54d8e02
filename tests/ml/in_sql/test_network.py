"""What cannot be written as SQL is refused, and one SELECT never copies what another has computed."""

import pytest
import sqlalchemy as sa

from loyalty_core.ml.in_sql import NotInSql
from loyalty_core.ml.in_sql.computed_columns import ComputedColumns
from loyalty_core.ml.in_sql.graph import Graph, Step, read_graph
from loyalty_core.ml.in_sql.network import add_network
from loyalty_core.warehouse.dialects import dialect_of
from tests.ml.fixtures import tiny_model

INPUTS = tuple(f"x{place}" for place in range(5))


def columns_of(database: str) -> ComputedColumns:
    return ComputedColumns(dialect_of(database), INPUTS)


def test_an_unknown_operation_is_refused() -> None:
    columns = columns_of("duckdb")
    graph = Graph((Step("ERF", (0,), 1, False),), {}, 0, 1)
    with pytest.raises(NotInSql, match="The operation ERF of a network cannot be written as SQL"):
        add_network(columns, graph, [columns.constant(1)], "churn")


@pytest.mark.parametrize("database", ["duckdb", "postgresql", "sqlite", "spark", "snowflake"])
def test_the_text_grows_with_the_weights_and_not_with_the_layers(database: str) -> None:
    columns = columns_of(database)
    given = sa.select(*(sa.literal_column("1.0").label(name) for name in INPUTS))
    graph = read_graph(tiny_model("pieces_nbo"))
    weights = sum(constant.size for constant in graph.constants.values())
    inputs = [columns.add(f"scaled_{name}", columns.constant(1)) for name in INPUTS]
    made = [columns.add(f"out_{place}", one) for place, one in enumerate(add_network(columns, graph, inputs, "nbo"))]
    text = str(sa.select(columns.select_from(given, [one.sql for one in made])))
    assert len(text) < 200 * weights
