"""The truth is true, and the guide's five features reveal enough of it to learn from."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from loyalty_core.demo.generate import generate
from loyalty_core.demo.truth import OFFER_COLUMNS, truth_path

CUSTOMERS = 12_000
FEATURES = [
    "total_revenue",
    "transaction_count",
    "days_since_last_transaction",
    "avg_transaction_value",
    "lifetime_value",
]

Columns = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("truth") / "loyalty.duckdb"
    generate(out, CUSTOMERS)
    return out


@pytest.fixture(scope="module")
def connection(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(warehouse, read_only=True) as connection:
        yield connection


def history_with_truth(
    connection: duckdb.DuckDBPyConnection, warehouse: Path, table: str, day: str, kind: str
) -> Columns:
    return connection.execute(
        f"""
        SELECT h.*, t.* EXCLUDE (customer_id)
        FROM {table} h JOIN '{truth_path(warehouse)}' t
            ON t.customer_id = h.customer_id AND t.as_of = h.{day} AND t.kind = '{kind}'
        ORDER BY h.{day}, h.customer_id"""
    ).fetchnumpy()


@pytest.fixture(scope="module")
def churn(connection: duckdb.DuckDBPyConnection, warehouse: Path) -> Columns:
    return history_with_truth(connection, warehouse, "customer_churn_history", "snapshot_date", "churn")


@pytest.fixture(scope="module")
def offers(connection: duckdb.DuckDBPyConnection, warehouse: Path) -> Columns:
    return history_with_truth(connection, warehouse, "customer_offer_history", "created_at", "offer")


def split(history: Columns, day: str, test_days: int) -> tuple[np.ndarray, np.ndarray]:
    """The five features, and which rows are of the last days."""
    features = np.stack([history[name].astype(float) for name in FEATURES], axis=1)
    return features, history[day] >= np.unique(history[day])[-test_days]


def test_true_churn_probabilities_are_calibrated(churn: Columns) -> None:
    one_day = churn["snapshot_date"] == churn["snapshot_date"].max()  # so that labels do not overlap
    truth, churned = churn["true_churn_probability"][one_day].astype(float), churn["churned"][one_day]
    for group in np.array_split(np.argsort(truth), 8):
        expected, deviation = truth[group].mean(), np.sqrt((truth[group] * (1 - truth[group])).sum()) / len(group)
        assert churned[group].mean() == pytest.approx(expected, abs=4 * deviation)


def test_churn_is_neither_rare_nor_trivial(churn: Columns) -> None:
    assert 0.25 < churn["churned"].mean() < 0.35
    assert 0.78 < roc_auc_score(churn["churned"], churn["true_churn_probability"]) < 0.88
    rates = [churn["churned"][churn["snapshot_date"] == day].mean() for day in np.unique(churn["snapshot_date"])]
    assert max(rates) - min(rates) < 0.04


def test_true_offer_probabilities_are_calibrated(offers: Columns) -> None:
    for number, column in enumerate(OFFER_COLUMNS, start=1):
        truth, chosen = offers[column].astype(float), offers["converted_offer_id"] == number
        for group in np.array_split(np.argsort(truth), 4):
            deviation = np.sqrt((truth[group] * (1 - truth[group])).sum()) / len(group)
            assert chosen[group].mean() == pytest.approx(truth[group].mean(), abs=4.5 * deviation)


def test_no_offer_is_rare_or_chosen_by_most(offers: Columns) -> None:
    shares = np.bincount(offers["converted_offer_id"], minlength=9)[1:] / len(offers["converted_offer_id"])
    assert shares.min() > 0.05
    assert shares.max() < 0.25
    probabilities = np.stack([offers[column] for column in OFFER_COLUMNS], axis=1)
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(probabilities.argmax(axis=1) + 1, offers["true_best_offer"])


def test_five_features_predict_churn_nearly_as_well_as_the_truth(churn: Columns) -> None:
    features, test = split(churn, "snapshot_date", test_days=2)
    model = HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=15, min_samples_leaf=100, random_state=0)
    predicted = model.fit(features[~test], churn["churned"][~test]).predict_proba(features[test])[:, 1]
    best = roc_auc_score(churn["churned"][test], churn["true_churn_probability"][test])
    assert best - roc_auc_score(churn["churned"][test], predicted) < 0.02


def test_five_features_predict_offers_nearly_as_well_as_the_truth(offers: Columns) -> None:
    features, test = split(offers, "created_at", test_days=3)
    chosen = offers["converted_offer_id"]
    model = make_pipeline(FunctionTransformer(np.log1p), StandardScaler(), LogisticRegression(max_iter=300))
    predicted = model.fit(features[~test], chosen[~test]).predict(features[test])
    best = (offers["true_best_offer"] == chosen)[test].mean()
    assert 0.45 < best < 0.65
    assert (predicted == chosen[test]).mean() > 0.9 * best
