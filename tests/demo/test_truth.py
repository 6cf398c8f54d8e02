"""The truth is true, and the features together reveal more of it than any single one."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from loyalty_core.demo.circumstances import CAUSES
from loyalty_core.demo.generate import generate
from loyalty_core.demo.signals import COLUMNS
from loyalty_core.demo.treatments import RESPONSES
from loyalty_core.demo.truth import OFFER_COLUMNS, truth_path

pytestmark = [pytest.mark.shares, pytest.mark.extended]

CUSTOMERS = 10_000
FEATURES = [
    "total_revenue",
    "transaction_count",
    "days_since_last_transaction",
    "avg_transaction_value",
    "lifetime_value",
    *COLUMNS,
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
    history = history_with_truth(connection, warehouse, "customer_offer_history", "created_at", "offer")
    return history | {"converted": ~np.ma.getmaskarray(history["converted_offer_id"])}


def split(history: Columns, day: str, test_days: int) -> tuple[np.ndarray, np.ndarray]:
    """The features, and which rows are of the last days."""
    features = np.stack([np.ma.filled(history[name].astype(float), np.nan) for name in FEATURES], axis=1)
    return features, history[day] >= np.unique(history[day])[-test_days]


def test_true_churn_probabilities_are_calibrated(churn: Columns) -> None:
    one_day = churn["snapshot_date"] == churn["snapshot_date"].max()  # so that labels do not overlap
    truth, churned = churn["true_churn_probability"][one_day].astype(float), churn["churned"][one_day]
    for group in np.array_split(np.argsort(truth), 8):
        expected, deviation = truth[group].mean(), np.sqrt((truth[group] * (1 - truth[group])).sum()) / len(group)
        assert churned[group].mean() == pytest.approx(expected, abs=4 * deviation)


def test_churn_is_neither_rare_nor_trivial(churn: Columns) -> None:
    assert 0.2 < churn["churned"].mean() < 0.3
    assert 0.8 < roc_auc_score(churn["churned"], churn["true_churn_probability"]) < 0.87
    rates = [churn["churned"][churn["snapshot_date"] == day].mean() for day in np.unique(churn["snapshot_date"])]
    assert max(rates) - min(rates) < 0.04


def test_every_cause_makes_churn_more_likely(churn: Columns) -> None:
    recent = churn["days_since_last_transaction"] <= 30
    rates = {cause: churn["churned"][recent & (churn["true_cause"] == cause)].mean() for cause in CAUSES}
    assert all(rates[cause] > 2 * rates["none"] for cause in CAUSES if cause != "none"), rates


def test_true_offer_probabilities_are_calibrated(offers: Columns) -> None:
    redeemed = offers["converted"]
    for number, column in enumerate(OFFER_COLUMNS, start=1):
        truth, chosen = offers[column][redeemed].astype(float), offers["converted_offer_id"][redeemed] == number
        for group in np.array_split(np.argsort(truth), 4):
            deviation = np.sqrt((truth[group] * (1 - truth[group])).sum()) / len(group)
            assert chosen[group].mean() == pytest.approx(truth[group].mean(), abs=4.5 * deviation)


def test_true_uptake_probabilities_are_calibrated(offers: Columns) -> None:
    truth = offers["true_uptake_probability"].astype(float)
    for group in np.array_split(np.argsort(truth), 8):
        # Six mailings to the same members are not independent of each other.
        deviation = np.sqrt(6 * (truth[group] * (1 - truth[group])).sum()) / len(group)
        assert offers["converted"][group].mean() == pytest.approx(truth[group].mean(), abs=4 * deviation)


def test_no_offer_is_rare_or_chosen_by_most(offers: Columns) -> None:
    redeemed = offers["converted"]
    assert 0.2 < redeemed.mean() < 0.35
    shares = np.bincount(offers["converted_offer_id"][redeemed], minlength=9)[1:] / redeemed.sum()
    assert shares.min() > 0.05
    assert shares.max() < 0.25
    probabilities = np.stack([offers[column] for column in OFFER_COLUMNS], axis=1)
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(probabilities.argmax(axis=1) + 1, offers["true_best_offer"])


def top_fifth(score: np.ndarray, churned: np.ndarray) -> float:
    """The share of the churners among the fifth with the highest scores."""
    return churned[np.argsort(-score, kind="stable")[: len(score) // 5]].sum() / churned.sum()


def test_a_model_finds_clearly_more_than_the_best_column_and_less_than_the_truth(churn: Columns) -> None:
    features, test = split(churn, "snapshot_date", test_days=2)
    churned, truth = churn["churned"][test], churn["true_churn_probability"][test]
    model = HistGradientBoostingClassifier(max_iter=50, max_leaf_nodes=15, min_samples_leaf=60, random_state=0)
    predicted = model.fit(features[~test], churn["churned"][~test]).predict_proba(features[test])[:, 1]
    columns = [direction * np.nan_to_num(column) for column in features[test].T for direction in (1, -1)]
    best_auc = max(roc_auc_score(churned, column) for column in columns)
    best_share = max(top_fifth(column, churned) for column in columns)
    found = roc_auc_score(churned, predicted)
    assert best_auc + 0.06 < found < roc_auc_score(churned, truth) - 0.01
    assert 1.3 * best_share < top_fifth(predicted, churned) < top_fifth(truth, churned)


def test_a_model_finds_offers_by_more_than_the_standard_features(offers: Columns) -> None:
    redeemed = offers["converted"]
    features, test = split({name: values[redeemed] for name, values in offers.items()}, "created_at", test_days=3)
    chosen = np.asarray(offers["converted_offer_id"][redeemed])
    model = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(max_iter=200))
    hits = {
        count: (model.fit(features[~test][:, :count], chosen[~test]).predict(features[test][:, :count]) == chosen[test])
        for count in (5, len(FEATURES))
    }
    truth = (offers["true_best_offer"][redeemed] == chosen)[test].mean()
    assert hits[5].mean() + 0.02 < hits[len(FEATURES)].mean() < truth < 0.7


def test_the_effect_of_the_message_is_the_true_one_in_every_group(
    connection: duckdb.DuckDBPyConnection, warehouse: Path
) -> None:
    rows = connection.execute(f"""
        SELECT
            true_response, avg(true_uplift),
            avg(outcome::INT) FILTER (treated) - avg(outcome::INT) FILTER (NOT treated),
            count(*) FILTER (treated), count(*)
        FROM customer_treatment_history h JOIN '{truth_path(warehouse)}' t
            ON t.customer_id = h.customer_id AND t.as_of = h.treated_at::DATE AND t.kind = 'treatment'
        GROUP BY ALL""").fetchall()
    assert {row[0] for row in rows} == set(RESPONSES)
    for response, uplift, measured, treated, participants in rows:
        assert treated / participants == pytest.approx(0.6, abs=0.05)
        assert measured == pytest.approx(uplift, abs=4 * np.sqrt(1 / participants)), response
    uplift = {row[0]: row[1] for row in rows}
    assert uplift["sleeping dog"] < -0.05 < 0.1 < uplift["persuadable"]
