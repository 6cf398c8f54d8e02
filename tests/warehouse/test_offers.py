import duckdb
import pytest

from loyalty_core.settings import Settings
from loyalty_core.warehouse import Warehouse
from loyalty_core.warehouse.offers import OfferCatalog, OfferFacts, offer_facts, offer_name, offer_names


def _warehouse(tmp_path, *statements):
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        for statement in statements:
            connection.execute(statement)
    return Warehouse(Settings(dwh_url=f"duckdb:///{tmp_path}/w.duckdb"))


@pytest.mark.parametrize(("identifier", "name"), [("offer_id", "name"), ("id", "title"), ("offer_id", "offer_name")])
def test_names_come_from_the_offers_table(tmp_path, identifier, name):
    warehouse = _warehouse(
        tmp_path,
        f"CREATE TABLE offers AS SELECT * FROM (VALUES (1, 'Free delivery'), (2, NULL)) offers({identifier}, {name})",
    )

    names = offer_names(warehouse)

    assert names == {1: "Free delivery"}
    assert [offer_name(names, offer_id) for offer_id in (1, 2)] == ["Free delivery", "Offer 2"]


def test_offers_that_share_a_name_can_be_told_apart(tmp_path):
    values = "(1, '10% off'), (2, '10% off'), (3, 'Free delivery'), (4, '10% Off'), (5, ''), (6, '  ')"
    warehouse = _warehouse(tmp_path, f"CREATE TABLE offers AS SELECT * FROM (VALUES {values}) offers(offer_id, name)")
    assert offer_names(warehouse) == {1: "10% off (1)", 2: "10% off (2)", 3: "Free delivery", 4: "10% Off"}


@pytest.mark.parametrize("statement", ["SELECT 1", "CREATE TABLE offers (code VARCHAR, name VARCHAR)"])
def test_without_a_usable_table_offers_go_by_their_number(tmp_path, statement):
    warehouse = _warehouse(tmp_path, statement)

    assert offer_names(warehouse) == {}
    assert offer_name({}, 3) == "Offer 3"


def test_looking_for_names_does_not_make_the_warehouse_read_its_columns_anew(tmp_path):
    warehouse = _warehouse(tmp_path, "CREATE TABLE customer_features_view (customer_id INTEGER)")
    view = warehouse.features

    offer_names(warehouse)

    assert warehouse.features is view


def test_facts_come_from_the_offers_table(tmp_path):
    warehouse = _warehouse(
        tmp_path,
        "CREATE TABLE offers (offer_id INTEGER, name VARCHAR, offer_type VARCHAR, description VARCHAR, "
        "cost DECIMAL(8, 2), margin DOUBLE, channel VARCHAR)",
        "INSERT INTO offers VALUES (1, 'Free delivery', 'service', 'At no charge', 3.90, 0.27, 'email'), "
        "(2, 'Gift', NULL, NULL, NULL, 'inf', NULL)",
    )

    assert offer_facts(warehouse) == {
        1: OfferFacts("Free delivery", "service", "email", "At no charge", 3.9, 0.27),
        2: OfferFacts("Gift"),
    }


def test_a_cost_that_is_no_number_is_not_known(tmp_path):
    warehouse = _warehouse(tmp_path, "CREATE TABLE offers AS SELECT 1 AS id, 'cheap' AS cost, 0.2 AS margin")

    assert offer_facts(warehouse) == {1: OfferFacts(margin=0.2)}


def test_the_catalog_is_read_again_when_it_is_due(tmp_path):
    warehouse = _warehouse(tmp_path, "CREATE TABLE offers AS SELECT 1 AS offer_id, 'Free delivery' AS name")
    catalog, eager = OfferCatalog(warehouse), OfferCatalog(_without_caching(warehouse))
    assert catalog.get() == eager.get() == {1: OfferFacts("Free delivery")}

    assert catalog.get() is catalog.get()
    assert eager.get() is not eager.get()
    warehouse.forget()
    assert catalog.get() == {1: OfferFacts("Free delivery")}


def _without_caching(warehouse):
    return Warehouse(warehouse.settings.model_copy(update={"dwh_catalog_ttl_seconds": 0}))
