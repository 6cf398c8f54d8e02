"""Cut points: exact quantiles of the buyers on every database, custom cut points, and how long they are used."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from loyalty_core.rfm import RfmUnavailable, compute_cut_points, current_cut_points, save_cut_points, saved_cut_points
from tests.fixtures.warehouses import DuckDBFile, SQLiteFile
from tests.ml.bases import buyers, fill

if TYPE_CHECKING:
    from pathlib import Path

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend

Open = Callable[..., "Warehouse"]
SHARES = (0.2, 0.4, 0.6, 0.8)


def spread(customers: int, seed: int = 1) -> list[tuple[int, int, float]]:
    chance = random.Random(seed)
    return [
        (chance.randrange(400), 1 + int(chance.expovariate(0.5)), round(chance.lognormvariate(4, 1), 2))
        for _ in range(customers)
    ]


@pytest.mark.parametrize("customers", [1, 2, 3, 4, 5, 6, 7, 11, 96, 101, 1000])
def test_cut_points_are_type_7_quantiles(customers: int, any_backend: Backend, open_warehouse: Open) -> None:
    measures = spread(customers)
    fill(any_backend, buyers(measures))
    points = compute_cut_points(open_warehouse(any_backend.url))
    for found, values in zip((points.recency, points.frequency, points.monetary), zip(*measures)):  # noqa: B905
        assert found == pytest.approx(np.quantile(values, SHARES), rel=1e-12)
    assert points.customers == customers
    assert points.never_bought == 0


def test_customers_who_never_bought_are_outside_the_quintiles(any_backend: Backend, open_warehouse: Open) -> None:
    measures = spread(50)
    never = [(None, 0, 0.0), (None, None, None), (None, 0, None)] * 20
    fill(any_backend, buyers([*measures, *never]))
    points = compute_cut_points(open_warehouse(any_backend.url))
    assert points.frequency == pytest.approx(np.quantile([purchases for _, purchases, _ in measures], SHARES))
    assert points.monetary == pytest.approx(np.quantile([money for *_, money in measures], SHARES))
    assert (points.customers, points.never_bought) == (110, 60)


def test_values_that_are_no_numbers_do_not_move_cut_points(backend: Backend, open_warehouse: Open) -> None:
    odd = [(3, 1, value) for value in (math.nan, math.inf, -math.inf, None)]
    fill(backend, buyers([*[(3, 1, float(money)) for money in range(1, 12)], *odd]))
    assert compute_cut_points(open_warehouse(backend.url)).monetary == (3.0, 5.0, 7.0, 9.0)


def test_the_rule_of_r_is_one_above_the_quantile(backend: Backend, open_warehouse: Open) -> None:
    fill(backend, buyers((day, day, float(day)) for day in range(11)))
    points = compute_cut_points(open_warehouse(backend.url, rfm_rule="r"))
    assert points.recency == points.monetary == (3.0, 5.0, 7.0, 9.0)
    assert points.rule == "r"


def test_custom_cut_points_replace_quintiles(any_backend: Backend, open_warehouse: Open) -> None:
    fill(any_backend, buyers((day, 1, None) for day in range(11)))
    own = {"recency": (30, 60, 90, 180), "monetary": (10, 20, 30, 40)}
    points = compute_cut_points(open_warehouse(any_backend.url, rfm_cut_points=own))
    assert points.recency == (30, 60, 90, 180)
    assert points.frequency == (1, 1, 1, 1)
    assert points.monetary == (10, 20, 30, 40)


def test_own_columns(backend: Backend, open_warehouse: Open) -> None:
    fill(backend, buyers((day, 1, float(day)) for day in range(11)))
    points = compute_cut_points(open_warehouse(backend.url, rfm_columns={"monetary": "LIFETIME_VALUE"}))
    assert points.columns == ("days_since_last_transaction", "transaction_count", "lifetime_value")
    assert points.monetary == (100.0, 100.0, 100.0, 100.0)


def test_a_column_that_is_missing_is_named_with_the_nearest(backend: Backend, open_warehouse: Open) -> None:
    fill(backend, buyers([(1, 1, 1.0)]))
    with pytest.raises(RfmUnavailable, match="no column total_revnue; nearest: total_revenue"):
        compute_cut_points(open_warehouse(backend.url, rfm_columns={"monetary": "total_revnue"}))


def test_a_column_of_texts_is_refused(backend: Backend, open_warehouse: Open) -> None:
    fill(backend, buyers([(1, 1, 1.0)]))
    with pytest.raises(RfmUnavailable, match="customer_id is not a number"):
        compute_cut_points(open_warehouse(backend.url, rfm_columns={"frequency": "customer_id"}))


@pytest.mark.parametrize("measures", [[], [(None, 0, 0.0)] * 5, [(3, 1, None)] * 5])
def test_without_any_value_there_are_no_cut_points(measures: list[Any], any_backend: Backend, open_warehouse: Open):
    fill(any_backend, buyers(measures))
    with pytest.raises(RfmUnavailable, match="blank for everyone who has bought"):
        compute_cut_points(open_warehouse(any_backend.url))


@pytest.fixture
def file(tmp_path: Path) -> DuckDBFile:
    file = DuckDBFile(tmp_path / "warehouse.duckdb")
    fill(file, buyers(spread(40)))
    return file


@pytest.fixture
def warehouse(file: DuckDBFile, open_warehouse: Open) -> Warehouse:
    return open_warehouse(file.url)


def test_cut_points_are_stored_with_their_date(warehouse: Warehouse, tmp_path: Path) -> None:
    computed = current_cut_points(warehouse)
    assert saved_cut_points(warehouse) == computed
    assert current_cut_points(warehouse).as_of == computed.as_of
    saved = json.loads((tmp_path / "models/rfm_cut_points.json").read_text())
    assert saved["cut_points"]["recency"] == list(computed.recency)
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["rfm_cut_points.json"]


def test_old_cut_points_are_computed_again(warehouse: Warehouse, open_warehouse: Open) -> None:
    first = current_cut_points(warehouse)
    impatient = open_warehouse(warehouse.settings.dwh_url, rfm_cut_points_max_age_hours=1e-9)
    assert current_cut_points(impatient).as_of > first.as_of


@pytest.mark.parametrize(
    "changed",
    [{"rfm_rule": "r"}, {"rfm_columns": {"monetary": "lifetime_value"}}, {"rfm_cut_points": {"recency": (1, 2, 3, 4)}}],
)
def test_kept_cut_points_belong_to_their_settings(warehouse: Warehouse, open_warehouse: Open, changed: Any) -> None:
    current_cut_points(warehouse)
    assert saved_cut_points(open_warehouse(warehouse.settings.dwh_url, **changed)) is None


def test_kept_cut_points_belong_to_their_data(warehouse: Warehouse, file: DuckDBFile) -> None:
    before = current_cut_points(warehouse)
    fill(file, buyers([(9, 9, 9.0)]))
    assert saved_cut_points(warehouse) == before, "they are those of the scoring run until there are newer ones"
    assert current_cut_points(warehouse).recency == (9, 9, 9, 9)
    file.execute("CREATE TABLE warehouse_info AS SELECT 'identity' AS key, 'other data' AS value")
    assert saved_cut_points(warehouse) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', "null"])
def test_a_damaged_file_counts_as_none(warehouse: Warehouse, tmp_path: Path, content: str) -> None:
    computed = current_cut_points(warehouse)
    (tmp_path / "models/rfm_cut_points.json").write_text(content)
    assert saved_cut_points(warehouse) is None
    assert current_cut_points(warehouse).recency == computed.recency


@pytest.mark.parametrize("points", [[1, 2, 3], "many", [1, 2, 3, None]])
def test_a_file_with_impossible_cut_points_counts_as_none(warehouse: Warehouse, tmp_path: Path, points: Any) -> None:
    current_cut_points(warehouse)
    file = tmp_path / "models/rfm_cut_points.json"
    content = json.loads(file.read_text())
    content["cut_points"]["recency"] = points
    file.write_text(json.dumps(content))
    assert saved_cut_points(warehouse) is None


def test_an_unwritable_folder_is_no_reason_to_fail(tmp_path: Path, open_warehouse: Open) -> None:
    backend = SQLiteFile(tmp_path / "warehouse.sqlite")
    fill(backend, buyers(spread(10)))
    (tmp_path / "taken").write_text("a file where the folder should be")
    warehouse = open_warehouse(backend.url, models_dir=tmp_path / "taken")
    points = current_cut_points(warehouse)
    save_cut_points(warehouse, points)
    assert saved_cut_points(warehouse) is None
