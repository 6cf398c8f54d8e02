"""FeatureStore: the same answers on every database, for every kind of id."""

from __future__ import annotations

import uuid
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import sqlalchemy as sa

from loyalty_core.errors import CustomerNotFound, ViewUnusable
from loyalty_core.warehouse import FeatureStore
from tests.fixtures.warehouses import address

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend


@pytest.fixture
def store(warehouse: Warehouse) -> FeatureStore:
    """The four customers, with a cache in memory."""
    return FeatureStore(warehouse)


def statements_of(warehouse: Warehouse) -> list[str]:
    """A list that grows with every statement on the features view."""
    statements: list[str] = []

    def remember(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "customer_features_view" in statement:
            statements.append(statement)

    sa.event.listen(warehouse.engine, "before_cursor_execute", remember)
    return statements


def test_features_have_the_types_of_their_columns(store: FeatureStore):
    for features in (store.get("C1"), store.get("C1")):  # from the warehouse, then from the cache
        assert features["total_revenue"] == Decimal("10.10")
        assert isinstance(features["total_revenue"], Decimal)
        assert features["joined"] == date(2020, 2, 29)
        assert features["ref"] == uuid.UUID(int=10)
        assert features["points"] == 9_007_199_254_740_993
        assert features["active"] is True
    assert store.get("C2")["score"] is None
    assert store.get("C3")["city"] is None


def test_an_unknown_customer_is_not_found(store: FeatureStore):
    with pytest.raises(CustomerNotFound) as missing:
        store.get("C9")
    assert missing.value.what == "No customer has the id 'C9'."
    assert missing.value.remedy


HOSTILE = [
    "",
    " ",
    "C1'",
    "' OR '1'='1",
    "C1; DROP TABLE customers",
    "C1\0",
    "\0",
    "x" * 10_000,
    "%",
    "_",
    "\ud800",
    "数",
]


@pytest.mark.parametrize("customer_id", [*HOSTILE, None, 1.5, b"C1", object(), 2**70])
def test_odd_ids_are_not_found(store: FeatureStore, customer_id: object):
    with pytest.raises(CustomerNotFound) as missing:
        store.get(customer_id)
    assert len(str(missing.value)) < 300
    assert store.get_many([customer_id, "C1"]).keys() == {"C1"}


def test_many_in_the_order_asked_for_without_the_unknown(store: FeatureStore):
    found = store.get_many(["C4", "C9", "C1", "C4", "C2"])
    assert list(found) == ["C4", "C1", "C2"]
    assert [features["customer_id"] for features in found.values()] == ["C4", "C1", "C2"]
    assert store.get_many([]) == {}


def test_one_query_for_all_that_the_cache_does_not_hold(store: FeatureStore, warehouse: Warehouse):
    store.get("C1")
    statements = statements_of(warehouse)
    store.get_many(["C1", "C2", "C3", *(f"X{number}" for number in range(2_000))])
    assert len(statements) == 1
    store.get_many(["C1", "C2", "C3"])
    assert len(statements) == 1
    store.get_many(["C1", "C4"])
    assert len(statements) == 2


def test_more_ids_than_a_database_takes_parameters(store: FeatureStore):
    assert store.get_many([*(f"X{number}" for number in range(100_000)), "C1"]).keys() == {"C1"}


def test_changes_by_a_caller_do_not_reach_the_cache(backend: Backend, open_warehouse: Callable[..., Warehouse]):
    backend.execute("CREATE VIEW customer_features_view AS SELECT 1 AS customer_id, 'x' AS t")
    store = FeatureStore(open_warehouse(backend.url))
    for _ in range(3):
        features = store.get(1)
        assert features == {"customer_id": 1, "t": "x"}
        features["t"] = "changed"


def test_invalidated_customers_are_read_again(store: FeatureStore, warehouse: Warehouse):
    store.get_many(["C1", "C2"])
    statements = statements_of(warehouse)
    store.invalidate(["C1", "C9", "\0"])
    store.get_many(["C1", "C2"])
    assert len(statements) == 1
    assert store.health().hit_rate == pytest.approx(1 / 4)


ID_TYPES: list[tuple[str, str, Any, list[Any], list[Any]]] = [
    ("integer", "7", 7, [7, "007", " 7 ", "+7", Decimal(7)], ["7.5", "x", "7_0", 2**31, 2**63, "1e0"]),
    ("smallint", "7", 7, ["7"], [40_000, 2**40]),
    ("bigint", "9007199254740993", 2**53 + 1, [2**53 + 1, str(2**53 + 1)], [2**53, 2**53 + 2, 2**64]),
    ("numeric(20, 0)", "70", Decimal(70), [70, "070", "70.0", "7E1", Decimal("70.00")], ["70.5", "NaN", "1e50"]),
    ("numeric(6, 2)", "7.25", Decimal("7.25"), ["7.25", "7.250", Decimal("7.25")], ["7.251", "7", "1e9", "Infinity"]),
    ("varchar", "'007'", "007", ["007"], ["7", "07", 7]),
    ("varchar", "'it''s \"q\" 100% \\ø'", "it's \"q\" 100% \\ø", ["it's \"q\" 100% \\ø"], ["it''s"]),
    ("uuid", f"'{uuid.UUID(int=171)}'", uuid.UUID(int=171),
     [uuid.UUID(int=171), str(uuid.UUID(int=171)).upper(), uuid.UUID(int=171).hex, f"{{{uuid.UUID(int=171)}}}"],
     [str(uuid.UUID(int=172)), "ab", 171]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "literal", "value", "same", "others"), ID_TYPES)
def test_ids_of_every_type_and_spelling(
    backend: Backend,
    open_warehouse: Callable[..., Warehouse],
    kind: str,
    literal: str,
    value: Any,
    same: list[Any],
    others: list[Any],
):
    backend.execute(f"CREATE VIEW customer_features_view AS SELECT CAST({literal} AS {kind}) AS customer_id, 'x' AS t")
    warehouse = open_warehouse(backend.url)
    store = FeatureStore(warehouse)
    for other in others:
        assert store.get_many([other]) == {}, other
    expected = {"customer_id": value, "t": "x"}
    assert store.get_many([*same, *others]) == {str(spelling): expected for spelling in same}
    statements = statements_of(warehouse)
    for spelling in same:
        assert store.get(spelling) == expected  # all spellings share one cache entry
    assert statements == []
    store.invalidate(same[-1:])
    assert store.get(same[0]) == expected
    assert len(statements) == 1
    assert store.search(str(same[0])) == [expected]


def test_padded_ids_are_found(postgres_database: str, open_warehouse: Callable[..., Warehouse]):
    with psycopg.connect(**address(postgres_database), autocommit=True) as owner:
        owner.execute("CREATE VIEW customer_features_view AS SELECT 'ab'::char(5) AS customer_id")
    store = FeatureStore(open_warehouse(postgres_database))
    for spelling in ("ab", "ab   "):
        assert store.get(spelling) == {"customer_id": "ab"}


def test_blanks_around_a_text_id_belong_to_it(backend: Backend, open_warehouse: Callable[..., Warehouse]):
    backend.execute("CREATE VIEW customer_features_view AS SELECT ' a ' AS customer_id")
    store = FeatureStore(open_warehouse(backend.url))
    assert store.get(" a ") == {"customer_id": " a "}
    assert store.get_many(["a"]) == {}


def test_several_rows_for_one_customer_are_refused(customers: Backend, open_warehouse: Callable[..., Warehouse]):
    customers.execute("INSERT INTO customers (customer_id) VALUES ('C1')")
    store = FeatureStore(open_warehouse(customers.url))
    with pytest.raises(ViewUnusable, match="more than one row for customer 'C1'"):
        store.get("C1")
    assert store.get("C2")["customer_id"] == "C2"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("C1", ["C1"]),
        ("c", ["C1", "C2", "C3", "C4"]),
        ("1", ["C2"]),
        ("ÅSE", ["C1"]),
        ("berg", ["C1"]),
        ("EXAMPLE.org", ["C4"]),
        ("100%", ["C2"]),
        ("%", ["C2"]),
        ("_", ["C2"]),
        ("bo_lund", ["C2"]),
        ("  moe ", ["C4"]),
        ("oslo", []),
        ("'", []),
        ("\\", []),
        ("", []),
        ("  ", []),
        ("\0", []),
        ("\ud800", []),
        ("x" * 10_000, []),
    ],
)
def test_search(store: FeatureStore, text: str, found: list[str]):
    assert [features["customer_id"] for features in store.search(text)] == found


def test_search_puts_the_exact_id_first_and_stops_at_the_limit(
    backend: Backend, open_warehouse: Callable[..., Warehouse]
):
    backend.execute(
        "CREATE VIEW customer_features_view AS "
        "SELECT x AS customer_id, 'a 5' AS name FROM generate_series(1, 60) AS s(x)"
    )
    store = FeatureStore(open_warehouse(backend.url))
    assert [row["customer_id"] for row in store.search("5", limit=13)] == [5, *range(50, 60), 1, 2]


def test_search_finds_first_and_last_names(backend: Backend, open_warehouse: Callable[..., Warehouse]):
    backend.execute(
        "CREATE VIEW customer_features_view AS SELECT 1 AS customer_id, 'Kari' AS first_name, 'Lie' AS \"Last_Name\""
    )
    store = FeatureStore(open_warehouse(backend.url))
    assert store.name_columns() == ["first_name", "Last_Name"]
    assert len(store.search("kari")) == len(store.search("LIE")) == 1
    assert len(store.search("lie kari")) == 1
    assert store.search("kari lind") == []


def test_search_finds_words_in_any_order_with_exact_names_first(
    backend: Backend, open_warehouse: Callable[..., Warehouse]
):
    backend.execute(
        "CREATE VIEW customer_features_view AS SELECT 1 AS customer_id, 'Anna Berg-Svensson' AS full_name "
        "UNION ALL SELECT 2, 'Svensson, Anna' UNION ALL SELECT 3, 'anna svensson' UNION ALL SELECT 4, 'Anna Svenssonn' "
        "UNION ALL SELECT 5, 'Hanna Lie'"
    )
    store = FeatureStore(open_warehouse(backend.url))
    assert [row["customer_id"] for row in store.search("Anna Svensson")] == [3, 4, 1, 2]
    assert [row["customer_id"] for row in store.search("svensson anna")] == [1, 2, 3, 4]
    assert (store.count_found("anna"), store.count_found("svensson anna"), store.count_found(" ")) == (5, 4, 0)


@pytest.mark.parametrize("name", ["CustomerName", "Customer Name", "customer-name", "FULL_NAME", "E-mail"])
def test_search_knows_a_name_column_in_any_spelling(
    backend: Backend, open_warehouse: Callable[..., Warehouse], name: str
):
    backend.execute(f"CREATE VIEW customer_features_view AS SELECT 1 AS customer_id, 'Ann Lee' AS \"{name}\"")
    store = FeatureStore(open_warehouse(backend.url))
    assert store.name_columns() == [name]
    assert len(store.search("lee")) == 1


def test_a_view_of_nothing_but_ids(backend: Backend, open_warehouse: Callable[..., Warehouse]):
    backend.execute("CREATE VIEW customer_features_view AS SELECT 1 AS customer_id")
    store = FeatureStore(open_warehouse(backend.url))
    assert store.get(1) == {"customer_id": 1}
    assert store.search("1") == [{"customer_id": 1}]


def test_a_null_id_harms_nobody(customers: Backend, open_warehouse: Callable[..., Warehouse]):
    customers.execute(
        "CREATE OR REPLACE VIEW customer_features_view AS SELECT * FROM customers UNION ALL "
        "SELECT NULL, full_name, email, city, ref, total_revenue, score, transaction_count, points, "
        "joined, last_seen, active FROM customers"
    )
    store = FeatureStore(open_warehouse(customers.url))
    assert store.get_many(["C1", None, "None"]).keys() == {"C1"}
