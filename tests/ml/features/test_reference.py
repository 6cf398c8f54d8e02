"""What a version keeps of its features: bins by hand, and SQL that counts as memory does, on each database."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from loyalty_core.ml.features import Distribution, Reference, count_rows, fit_contract, make_reference
from loyalty_core.ml.features.drift import Bins
from loyalty_core.ml.features.reference import count_table, fit_bins
from tests.ml.bases import fill

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend

    Open = Callable[..., Warehouse]


COLUMNS = "customer_id varchar(40), spent numeric(12, 2), score double precision, visits integer, tier varchar(10)"
MAPPING = {"spent": "spent", "score": "score", "visits": "visits", "tier": "tier"}


def bins_of(*values: Any, column_type: pa.DataType | None = None) -> Bins:
    table = pa.table({"x": pa.array(values, column_type)})
    return fit_bins(fit_contract([table]), [table])["x"]


def rows(customers: int = 400) -> list[tuple[Any, ...]]:
    return [
        (
            f"c{i}",
            None if i % 11 == 0 else round(i * 1.37, 2),
            math.nan if i % 7 == 0 else math.inf if i % 97 == 0 else i / 13,
            i % 5,
            (None, "", "gold", "silver", "gold", f"rare{i}")[i % 6],
        )
        for i in range(customers)
    ]


@pytest.mark.parametrize(
    ("values", "edges"),
    [
        (range(1, 101), (10, 20, 30, 40, 50, 60, 70, 80, 90)),
        ([0] * 60 + [1] * 30 + [5] * 10, (1,)),  # seven tenths are 0, two are 1, and 5 is above the last edge
        ([0] * 50 + [1] * 30 + [5] * 20, (1, 5)),
        ([7] * 20, ()),
        ([None, None], ()),
        ([1_234.5678 * i for i in range(1, 11)], (2470, 3700, 4940, 6170, 7410, 8640, 9880, 11100)),
        ([2_000_001, 2_000_002] * 20, (2_000_002,)),  # three digits would make one of the two
        ([1.0, 2.0, math.inf, math.nan] * 10, (2,)),
    ],
)
def test_edges_are_tenths_in_round_numbers(values: Any, edges: tuple[float, ...]):
    bins = bins_of(*values)
    assert (bins.kind, bins.edges) == ("number", edges)


def test_texts_go_by_the_categories_of_the_contract_and_booleans_by_two():
    assert bins_of(*["gold"] * 30, *["silver"] * 20, *[""] * 15, "rare").categories == ("gold", "silver")
    assert bins_of(True, False, None) == Bins("boolean", (0.5,))


def test_rows_are_counted_by_bin():
    bins = {"x": Bins("number", (30.0, 60.0)), "y": Bins("text", categories=("a",)), "z": Bins("boolean", (0.5,))}
    table = pa.table(
        {
            "x": pa.array([29.99, 30, 59, 60, 1e40, None, math.nan, -5]),
            "y": ["a", "a", "b", "", None, "c", "a", "A"],
            "z": [True, False, None, True, True, False, True, True],
        }
    )
    assert count_table(bins, table) == {
        "x": Distribution((2, 2, 1, 3), pytest.approx((29.99 + 30 + 59 + 60 - 5) / 5)),
        "y": Distribution((3, 3, 2)),
        "z": Distribution((2, 5, 1), pytest.approx(5 / 7)),
    }


def test_the_warehouse_counts_as_memory_does(backend: Backend, open_warehouse: Open):
    fill(backend, rows(), COLUMNS)
    warehouse = open_warehouse(backend.url)
    view = warehouse.features
    table = warehouse.fetch_arrow(sa.select(*(view.c[name] for name in MAPPING)))
    bins = fit_bins(fit_contract([table]), [table])
    counted = count_rows(warehouse, view, MAPPING, bins)
    assert {name: one.counts for name, one in counted.items()} == {
        name: one.counts for name, one in count_table(bins, table).items()
    }
    assert counted["score"].counts[-1] == sum(i % 7 == 0 or i % 97 == 0 for i in range(400))
    assert counted["tier"].counts == (133, 67, 66, 134)
    assert counted["visits"] == Distribution((80, 80, 80, 80, 80, 0), 2.0)
    assert counted["spent"].rows == 400


def test_booleans_and_numbers_are_interchangeable(backend: Backend, open_warehouse: Open):
    backend.execute(
        "CREATE TABLE customer_features_view AS SELECT i AS customer_id, i % 4 = 0 AS flag, i % 2 AS bit "
        "FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7)) AS t(i)"
    )
    warehouse = open_warehouse(backend.url)
    bins = {"a": Bins("boolean", (0.5,)), "b": Bins("boolean", (0.5,))}
    counted = count_rows(warehouse, warehouse.features, {"a": "flag", "b": "bit"}, bins)
    assert counted == {"a": Distribution((6, 2, 0), 0.25), "b": Distribution((4, 4, 0), 0.5)}


def test_a_column_of_another_type_is_left_out(backend: Backend, open_warehouse: Open):
    fill(backend, rows(10), COLUMNS)
    warehouse = open_warehouse(backend.url)
    bins = {"tier": Bins("number", (1.0,)), "visits": Bins("number", (2.0,))}
    counted = count_rows(warehouse, warehouse.features, {"tier": "tier", "visits": "visits"}, bins)
    assert counted == {"visits": Distribution((4, 6, 0), 2.0)}


def test_many_features_take_several_statements(any_backend: Backend, open_warehouse: Open):
    fill(any_backend, [("c1", 1.0, 2.0, 3, "gold")], COLUMNS)
    warehouse = open_warehouse(any_backend.url)
    names = {f"feature_{number}": "visits" for number in range(70)}
    bins = dict.fromkeys(names, Bins("number", tuple(float(edge) for edge in range(50))))
    counted = count_rows(warehouse, warehouse.features, names, bins)
    assert len(counted) == 70
    assert {one.counts.index(1) for one in counted.values()} == {4}


@pytest.fixture
def warehouse(backend: Backend, open_warehouse: Open) -> Warehouse:
    fill(backend, rows(100), COLUMNS)
    return open_warehouse(backend.url, ml_feature_mapping=MAPPING, ml_model_input_size=4)


def histories() -> dict[str, pa.Table]:
    churn = pa.table({name: pa.array([row[place] for row in rows(200)]) for place, name in enumerate(MAPPING, 1)})
    return {"churn": churn, "nbo": churn.slice(0, 50)}


def test_a_reference_survives_the_manifest(warehouse: Warehouse):
    tables = histories()
    reference = make_reference(warehouse, fit_contract(list(tables.values())), tables, {})
    assert reference.columns == MAPPING
    assert {model: spreads["visits"].rows for model, spreads in reference.training.items()} == {"churn": 200, "nbo": 50}
    assert reference.base["visits"] == Distribution((20, 20, 20, 20, 20, 0), 2.0)
    read = Reference.of({"reference": json.loads(json.dumps(reference.to_json()))})
    assert read is not None
    assert (read.bins, read.training, read.base, read.columns) == (
        reference.bins, reference.training, reference.base, reference.columns,
    )  # fmt: skip
    assert read.counted_at == reference.counted_at.replace(microsecond=0)


def test_a_carried_over_model_retains_its_rows_and_both_use_its_bins(warehouse: Warehouse):
    tables = histories()
    contract = fit_contract(list(tables.values()))
    first = make_reference(warehouse, contract, tables, {})
    newer = {"churn": tables["churn"].slice(100, 30)}
    second = make_reference(warehouse, contract, newer, {"reference": first.to_json()})
    assert second.bins == first.bins
    assert second.training["nbo"] == first.training["nbo"]
    assert second.training["churn"]["visits"].rows == 30


def test_a_model_carried_from_an_older_version_has_no_rows(warehouse: Warehouse):
    newer = {"churn": histories()["churn"]}
    contract = fit_contract(list(newer.values()))
    assert make_reference(warehouse, contract, newer, {}).training.keys() == {"churn"}
    assert make_reference(warehouse, contract, newer, {"reference": {}}).training.keys() == {"churn"}


def test_a_view_that_cannot_be_counted_stops_no_training(backend: Backend, warehouse: Warehouse):
    backend.execute("DROP TABLE customer_features_view")
    warehouse.forget()
    tables = histories()
    reference = make_reference(warehouse, fit_contract(list(tables.values())), tables, {})
    assert (reference.base, reference.columns) == ({}, {})
    assert reference.training["churn"]["visits"].rows == 200
