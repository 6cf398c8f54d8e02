"""The warehouse as a viewer sees it who may not see every customer or every value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from loyalty_core.access import ROLES, Scope, Viewer
from loyalty_core.errors import CustomerNotFound
from loyalty_core.segments import PersonalDataHidden, SegmentationEngine
from loyalty_core.settings import Settings
from loyalty_core.warehouse import (
    FeatureStore,
    RestrictedWarehouse,
    ScopeUnusable,
    Warehouse,
    check_scope,
    restriction_of,
)
from loyalty_core.warehouse.columns import MASK, histogram, percentile_ranks
from loyalty_core.warehouse.columns.personal import is_personal
from loyalty_core.warehouse.customers import MemoryCache, Transactions, key_figures, top_customers
from tests.fixtures.warehouses import CUSTOMERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fixtures.warehouses import Backend, DuckDBFile

OSLO = {"==": [{"var": "city"}, "Oslo"]}
TRANSACTIONS = """
CREATE TABLE transactions (customer_id varchar, transaction_at timestamp, amount integer, email varchar);
INSERT INTO transactions VALUES
    ('C1', '2024-05-06 10:00:00', 5, 'ase@example.com'), ('C4', '2024-06-07 10:00:00', 70, 'dag@example.org');
"""


def seen_by(whole: Warehouse, roles: str = "analyst", scope: Any = None) -> Warehouse:
    """The warehouse as somebody with that role and scope sees it."""
    viewer = Viewer("somebody", frozenset({roles}), Scope.of(scope) if scope else None)
    restriction = restriction_of(viewer, whole.settings)
    return RestrictedWarehouse(whole, restriction) if restriction else whole


@pytest.fixture
def whole(backend: Backend, open_warehouse: Callable[..., Warehouse]) -> Warehouse:
    backend.execute(CUSTOMERS + TRANSACTIONS)
    return open_warehouse(backend.url)


def test_everyone_with_every_right_reads_the_warehouse_itself(duckdb_file: DuckDBFile):
    for roles in (frozenset(ROLES), frozenset({"analyst"})):
        assert restriction_of(Viewer("ann", roles), Settings(smallest_group_shown=5)) is None


def test_only_customers_in_scope_are_counted_listed_found_and_read(whole: Warehouse):
    warehouse = seen_by(whole, scope=OSLO)
    engine, features = SegmentationEngine(warehouse), FeatureStore(warehouse)
    everyone_else = {"or": [{"!=": [{"var": "city"}, "Oslo"]}, OSLO]}

    assert engine.count({}) == engine.count(everyone_else) == 2
    assert [row["customer_id"] for row in engine.members(everyone_else)] == ["C1", "C2"]
    assert [row["customer_id"] for row in top_customers(warehouse)] == ["C2", "C1"]
    assert key_figures(warehouse).customers == 2
    assert warehouse.catalog().customers == 2
    assert features.search("dag") == [] and features.count_found("C") == 2
    assert features.get_many(["C1", "C4"]).keys() == {"C1"}
    with pytest.raises(CustomerNotFound):
        features.get("C4")
    with pytest.raises(CustomerNotFound):
        engine.select({}).explain("C4")


def test_statistics_are_those_of_the_scope(whole: Warehouse):
    warehouse = seen_by(whole, scope=OSLO)
    columns = {column.name: column for column in warehouse.columns()}

    assert columns["city"].top_values == (("Oslo", 2),)
    assert (columns["transaction_count"].minimum, columns["transaction_count"].maximum) == (1, 3)
    assert columns["full_name"].top_values == (("Bo 100% Lund", 1), ("Åse Berg", 1))
    found = histogram(warehouse, "transaction_count")
    assert found is not None and sum(found.counts) == 2
    assert percentile_ranks(warehouse, {"transaction_count": 3}) == {"transaction_count": 0.75}


def test_purchases_are_those_of_customers_in_scope(whole: Warehouse):
    transactions = Transactions.find(seen_by(whole, scope=OSLO))
    assert transactions is not None
    assert [month.amount for month in transactions.by_month()] == [5]
    assert transactions.latest("C4") == []
    assert transactions.latest_moment().month == 5
    masked = Transactions.find(seen_by(whole, "viewer"))
    assert masked is not None
    assert [row["email"] for row in masked.latest("C1")] == [MASK]


def test_the_sql_of_a_rule_shows_the_scope(whole: Warehouse):
    written = SegmentationEngine(seen_by(whole, scope=OSLO)).select({">": [{"var": "points"}, 0]}).sql()
    assert "city" in written and "'Oslo'" in written


def test_the_scope_is_no_part_of_what_others_read(whole: Warehouse):
    cache = FeatureStore(whole)
    assert cache.get("C4")["city"] == "Bergen"
    with pytest.raises(CustomerNotFound):
        cache.over(seen_by(whole, scope=OSLO)).get("C4")
    assert cache.over(seen_by(whole, "viewer")).get("C4")["email"] == MASK
    assert cache.get("C4")["email"] == "dag@example.org"


def test_forgetting_a_customer_forgets_what_every_scope_has_of_it(
    duckdb_file: DuckDBFile, open_warehouse: Callable[..., Warehouse]
):
    duckdb_file.execute(CUSTOMERS)
    whole = open_warehouse(duckdb_file.url)
    cache = MemoryCache(10, 60)
    store = FeatureStore(whole, cache)
    for one in (store, store.over(seen_by(whole, scope=OSLO)), store.over(seen_by(whole, "viewer"))):
        one.get("C1")
    assert cache.health().entries == 3
    assert store.invalidate(["C1"]) == 1
    assert cache.health().entries == 0
    store.over(seen_by(whole, scope=OSLO)).get("C1")
    assert store.over(seen_by(whole, "viewer")).invalidate_all() == 1


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (json.dumps({"==": [{"var": "gone"}, 1]}), "gone"),
        (json.dumps({"==": [{"var": "segment:vip"}, True]}), "segment:vip"),
        (json.dumps({"<": [{"var": "joined"}, {"today": []}]}), "from today"),
        ("{}", "no condition"),
        ("null", "no condition"),
        ("not JSON", "not JSON"),
    ],
)
def test_a_scope_that_cannot_be_used_shows_nobody(
    duckdb_file: DuckDBFile, open_warehouse: Callable[..., Warehouse], rule: str, reason: str
):
    duckdb_file.execute(CUSTOMERS + TRANSACTIONS)
    whole = open_warehouse(duckdb_file.url)
    restriction = restriction_of(Viewer("ann", frozenset(ROLES), Scope(rule)), whole.settings)
    assert restriction is not None
    warehouse = RestrictedWarehouse(whole, restriction)
    with pytest.raises(ScopeUnusable, match=reason):
        check_scope(whole, Scope(rule))
    for read in (
        warehouse.columns,
        lambda: SegmentationEngine(warehouse).count({}),
        lambda: FeatureStore(warehouse).get("C1"),
        lambda: warehouse.table("transactions"),
    ):
        with pytest.raises(ScopeUnusable):
            read()


def test_a_scope_works_again_once_its_column_is_back(duckdb_file: DuckDBFile, open_warehouse: Callable[..., Warehouse]):
    duckdb_file.execute(CUSTOMERS)
    warehouse = seen_by(open_warehouse(duckdb_file.url), scope=OSLO)
    assert SegmentationEngine(warehouse).count({}) == 2
    duckdb_file.execute("CREATE OR REPLACE VIEW customer_features_view AS SELECT * EXCLUDE (city) FROM customers")
    with pytest.raises(ScopeUnusable):
        SegmentationEngine(warehouse).count({})
    duckdb_file.execute("CREATE OR REPLACE VIEW customer_features_view AS SELECT * FROM customers WHERE points > 0")
    assert SegmentationEngine(warehouse).count({}) == 1


def test_personal_values_are_masked_wherever_they_are_read(whole: Warehouse):
    warehouse = seen_by(whole, "viewer")
    engine = SegmentationEngine(warehouse)
    for row in (
        *engine.members({}),
        *FeatureStore(warehouse).get_many(["C1", "C3"]).values(),
        *top_customers(warehouse),
    ):
        assert (row["full_name"], row["email"]) == (MASK, MASK)
    columns = {column.name: column for column in warehouse.columns()}
    assert [name for name, column in columns.items() if column.is_masked] == ["full_name", "email"]
    assert (columns["email"].blanks, columns["email"].top_values) == (None, ())
    assert columns["city"].top_values == (("Oslo", 2), ("Bergen", 1))
    assert FeatureStore(warehouse).search("dag") == []


def test_personal_values_cannot_be_found_out_by_asking(whole: Warehouse):
    engine = SegmentationEngine(seen_by(whole, "viewer"))
    probe = {"==": [{"var": "email"}, "dag@example.org"]}
    for ask in (
        lambda: engine.count(probe),
        lambda: engine.select({"or": [probe, OSLO]}),
        lambda: engine.members({}, sort="email"),
        lambda: list(engine.select({}).stream(["customer_id", "email"])),
        lambda: list(engine.select({}).stream(["customer_id"])) and engine.select(probe).explain("C1"),
    ):
        with pytest.raises(PersonalDataHidden, match="email"):
            ask()
    assert "email" not in {field.name for field in engine.fields()}
    names = next(engine.select({}).stream()).schema.names
    assert "city" in names and "email" not in names


def test_the_settings_name_the_personal_columns(duckdb_file: DuckDBFile, open_warehouse: Callable[..., Warehouse]):
    duckdb_file.execute(CUSTOMERS)
    whole = open_warehouse(duckdb_file.url, personal_columns="Joined, city,customer_id , points")
    warehouse = seen_by(whole, "viewer")
    assert warehouse.hidden == {"joined", "city", "points"}
    row = FeatureStore(warehouse).get("C1")
    assert (row["joined"], row["city"], row["points"], row["email"]) == (None, MASK, None, "ase@example.com")


PERSONAL = """
    full_name FirstName last_name name customer_name surname email e_mail email_address customer_email phone
    phone_number mobile work_phone_2 home_address street address_line_1 postal_code zip date_of_birth birthdate
"""
NOT_PERSONAL = """
    email_open_rate emails_opened product_name segment_name tier_name store_address ip_address city region age named
    phone_verified_days_ago
"""


def test_personal_columns_are_recognised_by_their_names():
    assert [name for name in PERSONAL.split() if not is_personal(name, sa.Text())] == []
    assert [name for name in NOT_PERSONAL.split() if is_personal(name, sa.Text())] == []


def test_a_consent_is_no_personal_column():
    assert not is_personal("email", sa.Boolean())
