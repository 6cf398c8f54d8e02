"""The features view is replaced while a question is put together: the question is about one view or the other."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.analytics.overview import read_outlook
from loyalty_core.ml.features import ModelInputs
from loyalty_core.rfm import current_cut_points
from loyalty_core.segments import SegmentationEngine
from loyalty_core.settings import Settings
from loyalty_core.warehouse import FeatureStore, Warehouse
from loyalty_core.warehouse.columns import histogram, percentile_ranks
from loyalty_core.warehouse.customers import key_figures, top_customers
from tests.fixtures.warehouses import CUSTOMERS, PostgresDatabase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import sqlalchemy as sa

    from tests.servers import PostgresServer

PREDICTIONS = """
CREATE TABLE customer_predictions AS
SELECT customer_id, 0.5::float8 AS churn_probability, 'high' AS churn_risk, 1 AS recommended_offer,
       'Champions' AS rfm_segment, 'v1' AS model_version, now() AS scored_at
FROM customers
"""
OSLO = {"==": [{"var": "city"}, "Oslo"]}
LIKELY = {"and": [OSLO, {">": [{"var": "churn_probability"}, 0.1]}]}
COLUMNS = {"recency": "points", "frequency": "transaction_count", "monetary": "total_revenue"}


class ReplacedWarehouse(Warehouse):
    """Whoever has looked at the view finds another one, with one more column, at the next look."""

    def __init__(self, database: PostgresDatabase) -> None:
        settings = Settings(dwh_url=database.url, rfm_columns=COLUMNS, ml_feature_mapping={"revenue": "total_revenue"})
        super().__init__(settings)
        self._database = database
        self._columns = 0

    @property
    def features(self) -> sa.Table:
        """The view as it was just now."""
        view = super().features
        self._columns += 1
        added = "".join(f", {n} AS more_{n}" for n in range(self._columns))
        self._database.execute(f"CREATE OR REPLACE VIEW customer_features_view AS SELECT *{added} FROM customers")
        self.forget()
        return view


QUESTIONS: dict[str, Callable[[Warehouse, SegmentationEngine], Any]] = {
    "one customer": lambda warehouse, _: FeatureStore(warehouse).get("C1"),
    "search": lambda warehouse, _: FeatureStore(warehouse).search("C1"),
    "found": lambda warehouse, _: FeatureStore(warehouse).count_found("C1"),
    "key figures": lambda warehouse, _: key_figures(warehouse),
    "top customers": lambda warehouse, _: top_customers(warehouse),
    "histogram": lambda warehouse, _: histogram(warehouse, "transaction_count"),
    "ranks": lambda warehouse, _: percentile_ranks(warehouse, {"transaction_count": 3}),
    "cut points": lambda warehouse, _: current_cut_points(warehouse),
    "outlook": lambda warehouse, _: read_outlook(warehouse),
    "kinds": lambda warehouse, _: ModelInputs(warehouse, warehouse.settings).kinds,
    "members": lambda _, engine: engine.members(LIKELY, sort="churn_probability", search="C"),
    "count": lambda _, engine: engine.count(LIKELY),
    "preview": lambda _, engine: engine.select(LIKELY).preview(),
    "profile": lambda _, engine: engine.profile(LIKELY),
    "belongs": lambda _, engine: engine.matches(LIKELY, "C1"),
    "export": lambda _, engine: sum(batch.num_rows for batch in engine.select(LIKELY).stream()),
    "ids": lambda _, engine: list(engine.select(LIKELY).ids()),
    "overlap": lambda _, engine: engine.overlap({"Oslo": OSLO, "likely": LIKELY}),
    "SQL": lambda _, engine: engine.select(LIKELY).sql(),
}


@pytest.fixture(scope="module")
def replaced(postgres_server: PostgresServer) -> Iterator[ReplacedWarehouse]:
    with postgres_server.database() as url:
        database = PostgresDatabase(url)
        database.execute(CUSTOMERS + PREDICTIONS)
        with closing(ReplacedWarehouse(database)) as warehouse:
            yield warehouse


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_is_about_one_view(replaced: ReplacedWarehouse, question: str):
    assert QUESTIONS[question](replaced, SegmentationEngine(replaced))
