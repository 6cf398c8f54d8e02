"""A model asked about past months: the same figures as from its answers to single rows, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from loyalty_core.analytics.outcomes import Share, replay, replay_history
from loyalty_core.analytics.outcomes.months import role_of
from loyalty_core.ml.bundles import Bundle, load_bundle, write_bundle
from loyalty_core.ml.evaluation import area_under_curve
from loyalty_core.ml.features import FeatureCountMismatch
from loyalty_core.ml.tasks import CHURN, NBO
from tests.ml.bases import fill
from tests.ml.fixtures import MEDIANS, training_rows, without_nbo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend


ROWS = 600
COLUMNS = (
    "total_revenue double precision, transaction_count double precision, days_since_last_transaction double precision,"
    " avg_transaction_value double precision, lifetime_value double precision"
)
WINDOW = {
    "first": "2026-01-01", "validation_from": "2026-02-15", "test_from": "2026-03-01", "last": "2026-03-31",
}  # fmt: skip
FEATURES = training_rows(ROWS, seed=3).astype(np.float64).round(2)
LEFT = np.random.default_rng(1).random(ROWS) < 0.4
# The tiny model knows the offers 1 to 8.
TAKEN = np.random.default_rng(2).integers(1, 10, ROWS)
# 10 days apart, from 5 January on: 18 days of four months and a bit.
DAYS = [date(2026, 1, 5) + timedelta(days=10 * (row % 18)) for row in range(ROWS)]
MONTH = np.array([day.month for day in DAYS])


@pytest.fixture
def bundle(models_dir: Path) -> Bundle:
    return with_window(load_bundle(models_dir), WINDOW)


def with_window(bundle: Bundle, window: dict[str, Any]) -> Bundle:
    models = {name: {**entry, "window": window} for name, entry in bundle.manifest["models"].items()}
    return replace(bundle, manifest={**bundle.manifest, "models": models})


@pytest.fixture
def warehouse(backend: Backend, open_warehouse: Callable[..., Warehouse]) -> Warehouse:
    fill(backend, [("c1", 1, 1, 1.0, 1, 1.0)])
    for table, label, day, labels in (
        ("customer_churn_history", "churned", "snapshot_date", LEFT.astype(int)),
        ("customer_offer_history", "converted_offer_id", "created_at", TAKEN),
    ):
        values = ", ".join(
            f"({', '.join(map(str, features))}, DATE '{on}', {value})"
            for features, on, value in zip(FEATURES.tolist(), DAYS, labels.tolist(), strict=True)
        )
        backend.execute(
            f"CREATE TABLE {table} ({COLUMNS}, {day} date, {label} integer); INSERT INTO {table} VALUES {values};"
            f"INSERT INTO {table} ({day}) VALUES (DATE '2026-09-01')"
        )
    return open_warehouse(backend.url)


def encoded(bundle: Bundle) -> np.ndarray:
    return bundle.contract.encode(dict(zip(MEDIANS, FEATURES.T, strict=True))).values


def test_churn_by_month_is_that_of_the_single_answers(warehouse: Warehouse, bundle: Bundle):
    scores = bundle.scores("churn", encoded(bundle))[:, 0].astype(np.float64).round(6)
    replayed = replay_history(warehouse, bundle, CHURN)
    assert [month.month for month in replayed.months] == [date(2026, month, 1) for month in range(1, 7)]
    assert (replayed.why_none, replayed.remark) == ("", "")
    for month in replayed.months:
        own = month.month.month == MONTH
        assert month.version == bundle.version
        assert month.figures.main is not None
        assert month.figures.main.value == pytest.approx(area_under_curve(scores[own], LEFT[own]), abs=1e-9)
        assert month.figures.left == Share(int(LEFT[own].sum()), int(own.sum()))
        assert month.figures.predicted == pytest.approx(scores[own].mean())


def test_offers_by_month_are_those_of_the_single_answers(warehouse: Warehouse, bundle: Bundle):
    scores = bundle.scores("nbo", encoded(bundle))
    ranked = np.argsort(-scores, axis=1) + 1
    for month in replay_history(warehouse, bundle, NBO).months:
        own = month.month.month == MONTH
        rows, taken = int(own.sum()), TAKEN[own]
        assert month.figures.top_1 == Share(int((ranked[own, 0] == taken).sum()), rows)
        assert month.figures.top_3 == Share(int((ranked[own, :3] == taken[:, None]).any(axis=1).sum()), rows)
        assert month.figures.popular == Share(int(np.bincount(taken).max()), rows)


def test_months_are_marked_by_what_they_were_to_the_model(warehouse: Warehouse, bundle: Bundle):
    roles = [month.role for month in replay_history(warehouse, bundle, CHURN).months]
    assert roles == ["learned", "learned", "test", "after", "after", "after"]


@pytest.mark.parametrize(
    ("first", "last", "window", "role"),
    [
        (date(2025, 12, 1), date(2025, 12, 31), WINDOW, "before"),
        (date(2025, 12, 20), date(2026, 1, 1), WINDOW, "learned"),
        (date(2026, 2, 1), date(2026, 2, 28), WINDOW, "learned"),
        (date(2026, 2, 15), date(2026, 3, 2), WINDOW, "validation"),
        (date(2026, 3, 31), date(2026, 4, 30), WINDOW, "test"),
        (date(2026, 4, 1), date(2026, 4, 1), WINDOW, "after"),
        (date(2026, 2, 1), date(2026, 2, 1), WINDOW | {"validation_from": None, "test_from": None}, "mixed"),
        (date(2026, 4, 1), date(2026, 4, 1), WINDOW | {"validation_from": None, "test_from": None}, "after"),
        (date(2026, 4, 1), date(2026, 4, 1), {}, "after"),
    ],
)
def test_roles(first: date, last: date, window: dict[str, Any], role: str):
    assert role_of(first, last, window) == role


def test_months_of_other_data_are_all_new(warehouse: Warehouse, bundle: Bundle):
    elsewhere = replace(bundle, manifest=bundle.manifest | {"trained_on": "another company"})
    assert {month.role for month in replay_history(warehouse, elsewhere, CHURN).months} == {"after"}


def test_of_a_long_history_whole_months_are_asked_about(
    warehouse: Warehouse, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
):
    newest_two = int((MONTH >= 5).sum())
    monkeypatch.setattr(replay, "MAX_ROWS", newest_two + 5)
    replayed = replay_history(warehouse, bundle, CHURN)
    assert [(month.month.month, month.figures.rows) for month in replayed.months] == [
        (5, int((MONTH == 5).sum())), (6, int((MONTH == 6).sum())),
    ]  # fmt: skip
    assert replayed.remark == f"Only the newest 2 of 6 months are shown, {newest_two} rows."
    monkeypatch.setattr(replay, "MAX_ROWS", 1)
    assert [month.month.month for month in replay_history(warehouse, bundle, CHURN).months] == [6]


def test_small_batches_add_up(warehouse: Warehouse, bundle: Bundle, monkeypatch: pytest.MonkeyPatch):
    whole = replay_history(warehouse, bundle, CHURN), replay_history(warehouse, bundle, NBO)
    stream = type(warehouse).stream_arrow
    monkeypatch.setattr(type(warehouse), "stream_arrow", lambda self, select: stream(self, select, batch_rows=7))
    assert (replay_history(warehouse, bundle, CHURN), replay_history(warehouse, bundle, NBO)) == whole


def test_a_model_that_is_not_there_is_named(warehouse: Warehouse, models_dir: Path):
    version = write_bundle(models_dir, without_nbo())
    replayed = replay_history(warehouse, load_bundle(models_dir, version), NBO)
    assert replayed.why_none == f"The active version {version} has no offer model."


def test_a_history_without_dates_cannot_be_replayed(backend: Backend, warehouse: Warehouse, bundle: Bundle):
    backend.execute("ALTER TABLE customer_churn_history DROP COLUMN snapshot_date")
    warehouse.forget()
    assert replay_history(warehouse, bundle, CHURN).why_none == (
        "customer_churn_history has no column snapshot_date, so the months of its rows are not known."
    )


def test_other_features_than_the_models_are_refused(
    backend: Backend, warehouse: Warehouse, open_warehouse: Callable[..., Warehouse], bundle: Bundle
):
    narrow = open_warehouse(backend.url, ml_feature_mapping={"revenue": "total_revenue"}, ml_model_input_size=1)
    with pytest.raises(FeatureCountMismatch):
        replay_history(narrow, bundle, CHURN)
