"""A version watched on each database: the view that moves, loses columns and dies, and the history that grows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.analytics.monitoring import Degradation, Monitoring, read_monitoring
from loyalty_core.analytics.monitoring.feature_drift import ReferenceMissing, find_changes, read_drift
from loyalty_core.analytics.monitoring.retraining import ModelAge
from loyalty_core.analytics.monitoring.score_alarms import input_alarms
from loyalty_core.errors import ViewUnusable
from loyalty_core.ml.bundles import load_bundle, read_manifest, version_folder, write_bundle
from loyalty_core.ml.scoring import score_base
from loyalty_core.settings import DEFAULT_FEATURE_MAPPING
from tests.ml.bases import COLUMNS, base, fill
from tests.ml.fixtures import bundle_parts, with_reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.ml.bundles import BundleParts
    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend

    Open = Callable[..., Warehouse]


CUSTOMERS = 600


@pytest.fixture
def warehouse(backend: Backend, open_warehouse: Open) -> Warehouse:
    fill(backend, base(CUSTOMERS))
    return open_warehouse(backend.url)


@pytest.fixture
def manifest(warehouse: Warehouse) -> dict[str, Any]:
    """Of a version made when the view was as it was filled, whose churn model learned from customers like these."""
    return written(warehouse, with_reference(bundle_parts(), warehouse))


def written(warehouse: Warehouse, parts: BundleParts) -> dict[str, Any]:
    folder = warehouse.settings.models_dir
    return read_manifest(version_folder(folder, write_bundle(folder, parts)))[0]


def slept(days: int) -> list[tuple[Any, ...]]:
    """The same customers, whose last purchase is longer ago."""
    return [(name, since if since is None else since + days, *rest) for name, since, *rest in base(CUSTOMERS)]


def test_nothing_has_moved_on_the_same_day(warehouse: Warehouse, manifest: dict[str, Any]):
    drift = read_drift(warehouse, manifest)
    assert [one.feature for one in drift] == list(DEFAULT_FEATURE_MAPPING)
    assert {(one.psi, one.state, one.moved) for one in drift} == {(0, "stable", "")}
    assert {one.now.rows for one in drift} == {CUSTOMERS}
    # Customers who took an offer are others from the first day on.
    assert all((one.population_psi("nbo") or 0) > 0.1 for one in drift)


def test_a_feature_that_moved_comes_first(backend: Backend, warehouse: Warehouse, manifest: dict[str, Any]):
    fill(backend, slept(45))
    first, *others = read_drift(warehouse, manifest)
    assert (first.feature, first.label, first.state) == ("days_since_last", "Days since last transaction", "drifted")
    assert first.now.mean == pytest.approx((first.then.mean or 0) + 45)
    assert first.then.counts[-1] == first.now.counts[-1] == CUSTOMERS // 10
    assert {one.state for one in others} == {"stable"}


def test_training_again_on_the_same_rows_does_not_end_the_alarm(
    backend: Backend, warehouse: Warehouse, manifest: dict[str, Any]
):
    learned = manifest["reference"]["base"]
    fill(backend, slept(200))
    again = written(warehouse, with_reference(bundle_parts(), warehouse))
    again["reference"]["training"] = {"churn": learned}  # the history has the customers as they were
    first = read_drift(warehouse, again)[0]
    assert (first.feature, first.state, first.state_since_training) == ("days_since_last", "drifted", "stable")
    assert first.psi == first.psi_since_learned > 0.25
    assert first.moved
    advice = read_monitoring(warehouse, again).retraining()
    assert advice.when == "fix first"
    assert "Days since last transaction differs from the rows that the models learned from" in advice.sentence
    again["reference"]["training"] = {"nbo": again["reference"]["base"], "churn": again["reference"]["base"]}
    assert {one.state for one in read_drift(warehouse, again)} == {"stable"}


def test_blanks_that_appear_are_drift(backend: Backend, warehouse: Warehouse, manifest: dict[str, Any]):
    fill(backend, [row if place % 2 else (*row[:3], None, *row[4:]) for place, row in enumerate(base(CUSTOMERS))])
    first = read_drift(warehouse, manifest)[0]
    assert (first.feature, first.state, first.now.blank) == ("revenue", "drifted", 0.5)
    assert first.moved == "blank was 0.0%, is 50.0%"


def test_a_version_without_a_reference_has_a_remedy(warehouse: Warehouse):
    older = written(warehouse, bundle_parts())
    del older["reference"]
    with pytest.raises(ReferenceMissing, match="before versions stored the distribution of features"):
        read_drift(warehouse, older)


def test_a_view_without_customers_is_no_drift(backend: Backend, warehouse: Warehouse, manifest: dict[str, Any]):
    fill(backend, [])
    with pytest.raises(ViewUnusable, match="no customers"):
        read_drift(warehouse, manifest)


@pytest.mark.parametrize(
    ("columns", "changes"),
    [
        (COLUMNS, []),
        (
            COLUMNS.replace("days_since_last_transaction", "last_purchase_days_ago"),
            [
                "'days_since_last' is read from last_purchase_days_ago now, "
                "at training it was days_since_last_transaction"
            ],
        ),
        (COLUMNS.replace("total_revenue", "turnover"), ["the features view has lost total_revenue"]),
        (
            COLUMNS.replace("total_revenue double precision", "total_revenue varchar(20)"),
            ["total_revenue holds texts now, at training it held numbers"],
        ),
    ],
)
def test_changes_of_the_view(
    backend: Backend, warehouse: Warehouse, manifest: dict[str, Any], columns: str, changes: list[str]
):
    fill(backend, base(CUSTOMERS), columns)
    warehouse.forget()
    assert find_changes(warehouse, manifest) == changes
    assert len(read_drift(warehouse, manifest)) == (5 if "turnover" not in columns and "(20)" not in columns else 4)


def test_changes_of_the_mapping(backend: Backend, warehouse: Warehouse, manifest: dict[str, Any], open_warehouse: Open):
    mapping = {name: column for name, column in DEFAULT_FEATURE_MAPPING.items() if name != "revenue"}
    changed = open_warehouse(backend.url, ml_feature_mapping=mapping | {"spend": "total_revenue"})
    assert find_changes(changed, manifest) == [
        "ML_FEATURE_MAPPING has lost 'revenue'",
        "ML_FEATURE_MAPPING has 'spend', which the models do not know",
    ]


def test_a_dead_input_is_an_alarm(backend: Backend, warehouse: Warehouse):
    assert input_alarms(warehouse) == []
    fill(
        backend,
        [(name, None, 3, money, 10.5 if place % 4 else None, worth)
         for place, (name, _, _, money, _, worth) in enumerate(base(100))],
    )  # fmt: skip
    warehouse.forget()
    assert [(alarm.code, alarm.sentence) for alarm in input_alarms(warehouse)] == [
        ("constant_input", "Every customer has the same transaction count, 3."),
        ("constant_input", "Days since last transaction is blank for every customer."),
        ("constant_input", "Every customer has the same average transaction value, 10.50, or none (25.0% are blank)."),
    ]


def test_one_text_for_all_is_an_alarm(backend: Backend, open_warehouse: Open):
    backend.execute(
        "CREATE TABLE customer_features_view AS SELECT 'c' || i AS customer_id, 'gold' AS tier, i % 2 = 0 AS member "
        "FROM (VALUES (1), (2), (3)) AS t(i)"
    )
    warehouse = open_warehouse(
        backend.url, ml_feature_mapping={"tier": "tier", "member": "member"}, ml_model_input_size=2
    )
    assert [alarm.sentence for alarm in input_alarms(warehouse)] == ["Every customer has the same tier, gold."]


def history(backend: Backend, last: date, newer: int) -> None:
    """Churn rows up to `last`, and so many after it; the offers have no day at all."""
    columns = "total_revenue, transaction_count, days_since_last_transaction, avg_transaction_value, lifetime_value"
    numbers = ", ".join(f"({i})" for i in range(30))
    backend.execute(
        f"CREATE TABLE customer_churn_history AS SELECT {columns}, CAST(n % 2 AS integer) AS churned, "
        f"CAST(CASE WHEN n < {newer} THEN '{last + timedelta(days=1)}' ELSE '{last}' END AS date) AS snapshot_date "
        f"FROM customer_features_view, (VALUES {numbers}) AS t(n) WHERE customer_id = 'c1';"
        f"CREATE TABLE customer_offer_history AS SELECT {columns}, CAST(1 + n % 3 AS integer) AS converted_offer_id "
        f"FROM customer_features_view, (VALUES {numbers}) AS t(n) WHERE customer_id = 'c1';"
    )


def test_ages_with_the_rows_that_are_new(backend: Backend, warehouse: Warehouse, manifest: dict[str, Any]):
    last, now = date(2026, 5, 31), datetime.now(UTC)
    history(backend, last, newer=8)
    warehouse.forget()
    churn, nbo = manifest["models"]["churn"], manifest["models"]["nbo"]
    churn |= {"trained_at": (now - timedelta(days=40)).isoformat(), "window": {"last": last.isoformat()}}
    nbo |= {"trained_at": now.isoformat(), "rows": {"total": 25}}
    facts = read_monitoring(warehouse, manifest).facts
    assert facts.ages == (ModelAge("Churn", 40, 8), ModelAge("Next best offer", 0, 5))


def test_a_history_that_is_not_there_hides_nothing_else(warehouse: Warehouse, manifest: dict[str, Any]):
    found = read_monitoring(warehouse, manifest)
    assert [age.new_rows for age in found.facts.ages] == [None, None]
    assert (len(found.drift), found.no_drift, found.run, found.alarms) == (5, None, None, ())


def test_all_of_it_after_a_scoring(backend: Backend, warehouse: Warehouse, manifest: dict[str, Any]):
    bundle = load_bundle(warehouse.settings.models_dir, manifest["version"])
    score_base(warehouse, bundle)
    fill(backend, slept(45))
    found = read_monitoring(warehouse, manifest)
    assert found.run is not None
    assert (found.run.model_version, found.is_mock) == (manifest["version"], False)
    assert found.facts.drifted == ("Days since last transaction",)
    retraining = found.retraining()
    assert (retraining.when, retraining.reasons[0].kind) == ("now", "drift")
    worse = found.retraining(Degradation("churn has got worse"))
    assert [reason.kind for reason in worse.reasons[:2]] == ["degradation", "drift"]


def test_a_feature_that_died_is_to_be_mended(backend: Backend, warehouse: Warehouse, manifest: dict[str, Any]):
    fill(backend, [(*row[:3], None, *row[4:]) for row in base(CUSTOMERS)])
    warehouse.forget()
    found = read_monitoring(warehouse, manifest)
    assert [alarm.column for alarm in found.alarms] == ["total_revenue"]
    assert (found.facts.broken, found.facts.drifted) == (("Total revenue",), ())
    assert found.retraining().sentence == (
        "Fix the features view first: Total revenue has become blank or the same for every customer."
    )


def test_other_data_is_the_first_reason(warehouse: Warehouse, manifest: dict[str, Any]):
    found = read_monitoring(warehouse, manifest | {"trained_on": "file telco.csv"})
    assert found.retraining().sentence.startswith("Retrain now: the models were trained on other data (file telco.csv)")


def test_an_older_version_is_watched_without_drift(warehouse: Warehouse):
    older = written(warehouse, bundle_parts())
    found: Monitoring = read_monitoring(warehouse, older)
    assert isinstance(found.no_drift, ReferenceMissing)
    assert (found.drift, found.facts.drift_known) == ((), False)
