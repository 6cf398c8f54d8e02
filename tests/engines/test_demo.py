"""The figures of every screen over the demo, on each database: those that DuckDB gives, whose own tests are elsewhere.

Predictions are written to the database and read from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import duckdb as duckdb_driver
import pyarrow as pa
import pytest
import sqlalchemy as sa

from loyalty_core.analytics import overview
from loyalty_core.analytics.churn import Worth, plan_contacts
from loyalty_core.analytics.churn.figures import read_curve, read_loss_bins
from loyalty_core.analytics.churn.groups import risk_by_category, risk_by_tenure, sample_ids
from loyalty_core.analytics.churn.selection import customers_by_loss
from loyalty_core.analytics.monitoring import read_scores
from loyalty_core.analytics.offers import offer_mix
from loyalty_core.analytics.offers.arbitration import arbitrate
from loyalty_core.analytics.offers.policy import OfferTerms, Policy, bind_policy
from loyalty_core.analytics.outcomes import read_outcomes
from loyalty_core.analytics.rfm import read_rfm
from loyalty_core.analytics.scope import Scope, ScopedBase
from loyalty_core.ml.features import make_reference
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving.mock import MockModels
from loyalty_core.ml.tasks import CHURN, NBO, TASKS
from loyalty_core.rfm import compute_cut_points
from loyalty_core.segments import SegmentationEngine, SegmentDraft
from loyalty_core.services import Services
from loyalty_core.settings import DEFAULT_FEATURE_MAPPING, Settings
from loyalty_core.warehouse import FeatureStore, Warehouse
from loyalty_core.warehouse.columns import customers_by_month, histogram, percentile_ranks, quantile
from loyalty_core.warehouse.history import read_history
from loyalty_core.warehouse.predictions import earlier_runs, last_run
from tests.campaigns import programme as campaigns
from tests.engines import clickhouse, duckdb, postgresql, spark
from tests.engines.same import differences
from tests.ml.fixtures import CONTRACT, training_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.engines.engine import Engine, Place

TABLES = (
    "customer_features_view",
    "customer_churn_history",
    "customer_offer_history",
    "offers",
    "transactions",
)
RICH = {">": [{"var": "total_revenue"}, 800]}
NORDIC = {
    "and": [
        {"or": [{"==": [{"var": "country"}, "Norway"]}, {"in": ["ø", {"var": "full_name"}]}]},
        {"!": {"and": [{">": [{"var": "churn_score"}, 0.3]}, {"<": [{"var": "age"}, 40]}]}},
        {">=": [{"var": "churn_probability"}, 0.2]},
        {"<=": ["2015-01-01", {"var": "signup_date"}, "2026-06-30"]},
    ]
}


@pytest.fixture(
    scope="module", params=[one.row(is_quick=False) for one in (postgresql.ENGINE, spark.ENGINE, clickhouse.ENGINE)]
)
def engine(request: pytest.FixtureRequest) -> Engine:
    return request.param


@pytest.fixture(scope="module")
def tables(demo_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    with duckdb_driver.connect(str(demo_warehouse), read_only=True) as connection:
        for name in TABLES:
            connection.execute(f"COPY (FROM {name}) TO '{folder / f'{name}.parquet'}'")
    return folder


@dataclass(frozen=True)
class Asked:
    """Everything that a question may be asked of."""

    warehouse: Warehouse
    engine: SegmentationEngine
    base: ScopedBase
    rich: ScopedBase


def score(warehouse: Warehouse) -> Asked:
    """Two scoring runs, and what is asked about them."""
    for _ in range(2):
        score_base(warehouse, MockModels(dict.fromkeys(CONTRACT.names, "number")))
    warehouse.forget()
    engine = SegmentationEngine(warehouse)
    base, rich = (ScopedBase(warehouse, engine, Scope(None, rules)) for rules in ((), (RICH,)))
    return Asked(warehouse, engine, base, rich)


@pytest.fixture(scope="module")
def asked(place: Place, tables: Path, open_at: Callable[..., Warehouse]) -> Asked:
    place.load(tables)
    return score(open_at(dwh_statement_timeout_seconds=300))


@pytest.fixture(scope="module")
def expected(tables: Path, request: pytest.FixtureRequest) -> Iterator[Asked]:
    with duckdb.ENGINE.open(request) as place:
        place.load(tables)
        folder = request.getfixturevalue("tmp_path_factory").mktemp("expected")
        warehouse = Warehouse(
            Settings(dwh_url=place.url, models_dir=folder, predictions_file=folder / "predictions.parquet")
        )
        yield score(warehouse)
        warehouse.close()


def first_id(asked: Asked) -> Any:
    view = asked.warehouse.features
    return asked.warehouse.rows(sa.select(sa.func.min(view.c.customer_id).label("id")))[0]["id"]


def ranks(asked: Asked) -> Any:
    return percentile_ranks(asked.warehouse, FeatureStore(asked.warehouse).get(first_id(asked)))


def arbitration(asked: Asked) -> Any:
    policy = Policy({offer: OfferTerms(cap=100 if offer == 2 else None) for offer in range(1, 9)})
    return arbitrate(asked.base, bind_policy(policy, asked.engine))


def churn_history(asked: Asked) -> Any:
    found = read_history(asked.warehouse, CHURN.history, DEFAULT_FEATURE_MAPPING)
    columns = [*found.features.columns, found.labels, found.dates, found.customers]
    return [len(found), *(column.slice(0, 500).to_pylist() for column in columns if column is not None)]


def offer_history(asked: Asked) -> Any:
    found = read_history(asked.warehouse, NBO.history, DEFAULT_FEATURE_MAPPING, since=date(2026, 9, 1))
    return [len(found), found.labels.to_pylist(), found.features.column_names]


def drift(asked: Asked) -> Any:
    reference = make_reference(asked.warehouse, CONTRACT, {"churn": training_rows_as_table()}, {})
    return reference.to_json()["base"]


def training_rows_as_table() -> Any:
    return pa.table(dict(zip(CONTRACT.names, training_rows(200).astype("float64").T, strict=True)))


def scores(asked: Asked) -> Any:
    run, predictions = last_run(asked.warehouse), asked.warehouse.predictions
    assert run is not None and predictions is not None
    return list(read_scores(asked.warehouse, run, predictions).by_version.values())


def members(asked: Asked) -> Any:
    columns = ["customer_id", "full_name", "total_revenue", "age", "signup_date", "churn_probability"]
    page = asked.engine.select(NORDIC).members
    return [
        page(20, 5, sort="age", columns=columns),
        page(20, sort="total_revenue", descending=True, columns=columns, search="an"),
    ]


def member_stream(asked: Asked) -> Any:
    customers = asked.engine.select(NORDIC).customers(["customer_id", "total_revenue", "signup_date", "churn_risk"])
    ordered = sa.select(customers).order_by(customers.c.customer_id)
    return [row for batch in asked.warehouse.stream_arrow(ordered, batch_rows=100) for row in batch.to_pylist()]


def many_customers(asked: Asked) -> Any:
    view = asked.warehouse.features
    found = asked.warehouse.rows(sa.select(view.c.customer_id).order_by(view.c.customer_id).limit(1_000))
    rows = FeatureStore(asked.warehouse).get_many([*(row["customer_id"] for row in found), "nobody", "å'\\%"])
    return [len(rows), rows[found[0]["customer_id"]], rows[found[-1]["customer_id"]]]


def waterfall(asked: Asked) -> Any:
    """Of everybody with a high risk, how many get an e-mail, and why the others do not."""
    wanted = campaigns.definition(
        audience={"segment": "rich"}, channels={"use": ["email"]}, offer={"kind": "fixed", "offer_id": 3}
    )
    with TemporaryDirectory() as folder:
        store = {"state_database_url": f"sqlite:///{folder}/state.db"}
        services = Services(asked.warehouse.settings.model_copy(update=store))
        services.store.migrate()
        services.segmentation.create(SegmentDraft("Rich", RICH), actor="ann")
        found = services.campaigns.waterfall(wanted, now=datetime(2026, 11, 2, 12, tzinfo=UTC))
        services.warehouse.close()
        services.store.close()
    return found


QUESTIONS: dict[str, Callable[[Asked], Any]] = {
    "catalog": lambda one: one.warehouse.catalog(),
    "features of one customer": lambda one: FeatureStore(one.warehouse).get(first_id(one)),
    "features of many customers": many_customers,
    "percentile ranks": ranks,
    "size of a segment": lambda one: one.engine.select(NORDIC).size(),
    "all figures of the editor": lambda one: one.engine.select(NORDIC).preview(),
    "pages of members": members,
    "members in bulk": member_stream,
    "profile": lambda one: one.engine.profile(NORDIC),
    "overlap": lambda one: one.engine.overlap({"rich": RICH, "nordic": NORDIC, "all": {}}),
    "histogram of a column": lambda one: histogram(one.warehouse, "age"),
    "histogram of a prediction": lambda one: one.engine.histogram("churn_probability"),
    "histograms at once": lambda one: one.engine.histograms(["age", "total_revenue", "churn_probability"]),
    "customers by month": lambda one: customers_by_month(one.warehouse, "signup_date"),
    "overview": lambda one: overview.read_outlook(one.warehouse),
    "RFM cut points": lambda one: compute_cut_points(one.warehouse),
    "RFM cells": lambda one: read_rfm(one.rich),
    "churn": lambda one: read_curve(one.base, "total_revenue"),
    "churn by category": lambda one: risk_by_category(one.base, "country", 8),
    "churn by tenure": lambda one: risk_by_tenure(one.rich, "signup_date", date(2026, 11, 1)),
    "churn by loss": lambda one: [
        read_loss_bins(one.base, "total_revenue"),
        customers_by_loss(one.base, "total_revenue", ("customer_id", "country"), None, 50, 10),
    ],
    "a sample of customers": lambda one: sorted(sample_ids(one.base, 2_000, 50)),
    "a contact plan": lambda one: plan_contacts(one.base, Worth("total_revenue"), 2.0, 0.2),
    "offer mix": lambda one: offer_mix(one.base, {}),
    "arbitration of offers": arbitration,
    "suppression waterfall": waterfall,
    "scores of a run": scores,
    "outcomes of churn": lambda one: read_outcomes(one.warehouse, TASKS["churn"]),
    "churn history as Arrow": churn_history,
    "offer history as Arrow": offer_history,
    "base of the drift report": drift,
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_figures_are_those_of_duckdb(question: str, asked: Asked, expected: Asked):
    ask = QUESTIONS[question]
    assert differences(ask(asked), ask(expected)) == []


def test_quantiles_are_values_at_their_rank(asked: Asked, expected: Asked):
    view = expected.warehouse.features
    for share in (0.01, 0.5, 0.9, 0.98):
        found = quantile(asked.warehouse, "total_revenue", share)
        below, at_most = (
            sa.func.avg(sa.case((test, 1.0), else_=0.0))
            for test in (view.c.total_revenue < found, view.c.total_revenue <= found)
        )
        (ranks,) = expected.warehouse.rows(sa.select(below.label("below"), at_most.label("at_most")))
        assert ranks["below"] - 0.001 <= share <= ranks["at_most"] + 0.001


def test_predictions_are_those_of_this_run_and_the_one_before(asked: Asked):
    run, [(before, earlier)] = last_run(asked.warehouse), earlier_runs(asked.warehouse)
    predictions = asked.warehouse.predictions
    assert run is not None and predictions is not None
    assert datetime.now(UTC) > run.scored_at > before.scored_at
    counted = [sa.select(sa.func.count().label("n")).select_from(one) for one in (predictions, earlier)]
    assert [asked.warehouse.rows(count)[0]["n"] for count in counted] == [2_000, 2_000]
