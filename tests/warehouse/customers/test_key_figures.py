"""Key figures of views as companies have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loyalty_core.errors import ViewUnusable
from loyalty_core.warehouse.customers import duplicate_ids, key_figures, top_customers

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend

    OpenWarehouse = Callable[..., Warehouse]

BASE = """
CREATE TABLE customer_features_view (
    customer_id varchar, total_revenue numeric(12, 2), last_purchase_days_ago integer, score double precision
);
INSERT INTO customer_features_view VALUES
    ('a', 10.10, 0, 0.5), ('b', 20.20, 90, 'NaN'), ('c', NULL, 91, NULL), ('d', -5, NULL, 1);
"""


def test_figures_of_the_base(backend: Backend, open_warehouse: OpenWarehouse):
    backend.execute(BASE)
    figures = key_figures(open_warehouse(backend.url))
    assert (figures.customers, figures.active) == (4, 2)
    assert duplicate_ids(open_warehouse(backend.url)) == 0
    assert figures.active_means == "bought within the last 90 days"
    assert figures.revenue == pytest.approx(25.30)
    assert figures.revenue_column is not None
    assert figures.revenue_column.name == "total_revenue"
    assert figures.blanks == pytest.approx((0 + 1 + 1 + 2) / 4 / 4)
    assert figures.blank_columns == 3


def test_active_follows_the_setting(backend: Backend, open_warehouse: OpenWarehouse):
    backend.execute(BASE)
    figures = key_figures(open_warehouse(backend.url, active_within_days=91))
    assert (figures.active, figures.active_means) == (3, "bought within the last 91 days")


def test_status_decides_where_recency_is_missing(backend: Backend, open_warehouse: OpenWarehouse):
    backend.execute(
        "CREATE TABLE customer_features_view AS SELECT * FROM (VALUES "
        "(1, 'Active'), (2, 'ACTIVE'), (3, 'inactive'), (4, NULL)) AS t(customer_id, status)"
    )
    figures = key_figures(open_warehouse(backend.url))
    assert (figures.active, figures.active_means) == (2, "Status is active")
    assert figures.revenue is None


def test_a_status_of_codes_claims_nothing(backend: Backend, open_warehouse: OpenWarehouse):
    backend.execute(
        "CREATE TABLE customer_features_view AS SELECT * FROM (VALUES (1, 'A'), (2, 'I')) AS t(customer_id, status)"
    )
    figures = key_figures(open_warehouse(backend.url))
    assert (figures.active, figures.active_means) == (None, "")


def test_a_view_of_ids_alone_has_a_count(backend: Backend, open_warehouse: OpenWarehouse):
    backend.execute("CREATE TABLE customer_features_view AS SELECT 'a' AS customer_id")
    figures = key_figures(open_warehouse(backend.url))
    assert (figures.customers, figures.active, figures.revenue, figures.blanks) == (1, None, None, 0)


def test_revenue_of_nobody_is_zero(backend: Backend, open_warehouse: OpenWarehouse):
    backend.execute("CREATE TABLE customer_features_view AS SELECT 'a' AS customer_id, CAST(NULL AS real) AS revenue")
    assert key_figures(open_warehouse(backend.url)).revenue == 0


def test_blank_and_repeated_ids_are_counted(backend: Backend, open_warehouse: OpenWarehouse):
    backend.execute(
        "CREATE TABLE customer_features_view AS SELECT * FROM (VALUES "
        "('a', 1), ('a', 2), ('a', 3), ('b', 4), (NULL, 5)) AS t(customer_id, orders)"
    )
    assert duplicate_ids(open_warehouse(backend.url)) == 3


def test_an_empty_view_is_an_error_with_a_remedy(backend: Backend, open_warehouse: OpenWarehouse):
    backend.execute("CREATE TABLE customer_features_view (customer_id varchar, total_revenue integer)")
    with pytest.raises(ViewUnusable) as refusal:
        key_figures(open_warehouse(backend.url))
    assert refusal.value.what == "The features view customer_features_view has no rows."
    assert "DWH_CUSTOMER_FEATURES_TABLE" in refusal.value.remedy


def test_top_customers_come_by_revenue_then_id(backend: Backend, open_warehouse: OpenWarehouse):
    backend.execute(BASE + "INSERT INTO customer_features_view VALUES ('aa', 20.20, 1, 1)")
    warehouse = open_warehouse(backend.url)
    assert [row["customer_id"] for row in top_customers(warehouse)] == ["aa", "b", "a", "d", "c"]
    assert [row["customer_id"] for row in top_customers(warehouse, limit=2)] == ["aa", "b"]


def test_top_customers_without_revenue_come_by_id(backend: Backend, open_warehouse: OpenWarehouse):
    backend.execute("CREATE TABLE customer_features_view AS SELECT * FROM (VALUES (3), (1), (2)) AS t(customer_id)")
    assert [row["customer_id"] for row in top_customers(open_warehouse(backend.url))] == [1, 2, 3]


def test_figures_come_again_after_the_catalog_has_expired(backend: Backend, open_warehouse: OpenWarehouse):
    backend.execute(BASE)
    warehouse = open_warehouse(backend.url, dwh_catalog_ttl_seconds=0)
    view = warehouse.features
    first = key_figures(warehouse)
    assert key_figures(warehouse) == first
    assert warehouse.features is view, "the same columns give the same table, so that one query never mixes two"
    assert [row["customer_id"] for row in top_customers(warehouse)] == ["b", "a", "d", "c"]
