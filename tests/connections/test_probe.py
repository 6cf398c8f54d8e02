"""A database is tried before it is connected; its password is neither shown nor saved where it need not be."""

from __future__ import annotations

import shutil
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import psycopg
import pytest
from sqlalchemy.engine import make_url

from loyalty_core.access import NotAllowed, Viewer, acting_as
from loyalty_core.connections.connection import new_folder
from loyalty_core.connections.probe import DatabaseAddress, columns_of, list_tables, try_view
from loyalty_core.errors import LoyaltyError, SettingsError, ViewUnusable, WarehouseUnavailable
from loyalty_core.services import services_of_process
from loyalty_core.settings import Settings, connection_file, get_settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workbench import Configure


@pytest.fixture
def shop(configure: Configure, tmp_path: Path, migrated_file: Path) -> DatabaseAddress:
    shutil.copy(migrated_file, tmp_path / "state.db")
    configure()
    with duckdb.connect(tmp_path / "shop.duckdb") as connection:
        connection.execute(
            """CREATE SCHEMA crm; CREATE TABLE sales AS SELECT range AS sale FROM range(5);
            CREATE TABLE crm.people AS SELECT range AS id FROM range(5);
            CREATE VIEW customer_features AS SELECT 'c' || range AS card, (range * 7 % 50)::DECIMAL(9, 2) AS revenue,
                range % 4 AS visits,
                CASE WHEN range % 3 = 0 THEN 'gold' ELSE 'silver' END AS tier,
                DATE '2024-01-01' + range::INTEGER AS since FROM range(100)"""
        )
    return DatabaseAddress(f"duckdb:///{tmp_path / 'shop.duckdb'}")


def test_tables_are_listed_with_the_likeliest_first(shop: DatabaseAddress):
    tables = list_tables(shop)
    assert tables[0] == "customer_features"
    assert "sales" in tables
    assert [name for name in tables if name.endswith("crm.people")]
    assert columns_of(shop, "customer_features") == ["card", "revenue", "visits", "tier", "since"]


def test_the_statement_can_be_run_as_it_is_shown(configure: Configure, postgres_database: str):
    configure()
    with psycopg.connect(
        make_url(postgres_database).set(drivername="postgresql").render_as_string(False)
    ) as connection:
        connection.execute('CREATE TABLE members AS SELECT 1 AS "Member No.", 0.5 AS "app %"')
        connection.commit()
        found = try_view(DatabaseAddress(postgres_database), "members", "Member No.")
        assert connection.execute(found.statement.encode()).fetchall() == [(1, Decimal("0.5"))]  # type: ignore[arg-type]


def test_a_view_is_previewed_with_a_mapping_and_connected(shop: DatabaseAddress):
    found = try_view(shop, "customer_features", "card")
    assert found.preview[0]["card"] == "c0"
    assert len(found.preview) == 10
    assert "FROM customer_features" in found.statement
    assert found.mapping == {"revenue": "revenue", "visits": "visits", "tier": "tier"}
    settings = {
        **shop.settings,
        "dwh_customer_features_table": "customer_features",
        "dwh_customer_id_column": "card",
        "ml_feature_mapping": dict(found.mapping),
        "ml_model_input_size": 3,
    }
    services_of_process().connections.add(new_folder(shop.title), shop.title, "database", settings)
    assert services_of_process().warehouse.catalog().customers == 100
    assert get_settings().ml_model_input_size == 3


def test_what_is_wrong_is_said_in_plain_words(shop: DatabaseAddress, tmp_path: Path):
    with pytest.raises(ViewUnusable, match="no column 'customer'"):
        try_view(shop, "customer_features", "customer")
    with pytest.raises(WarehouseUnavailable, match="does not exist"):
        list_tables(DatabaseAddress(f"duckdb:///{tmp_path / 'other.duckdb'}"))
    with pytest.raises(WarehouseUnavailable) as missing:
        list_tables(DatabaseAddress(f"duckdb:///{tmp_path / 'other.duckdb'}"))
    assert "DWH_URL" not in missing.value.remedy
    with pytest.raises(LoyaltyError) as refused:
        list_tables(DatabaseAddress("postgresql://anna:s3cret@127.0.0.1:1/crm"))
    assert "s3cret" not in str(refused.value)


def test_a_password_may_stay_in_the_environment(shop: DatabaseAddress, monkeypatch: pytest.MonkeyPatch):
    address = DatabaseAddress("postgresql://anna@dwh.example.com/crm", "CRM_PASSWORD")
    connections, folder = services_of_process().connections, new_folder("crm")
    with pytest.raises(SettingsError, match="CRM_PASSWORD is not set"):
        connections.add(folder, address.title, "database", address.settings)
    assert connections.current() is None
    monkeypatch.setenv("CRM_PASSWORD", "s3cret")
    connection = connections.all()[0]
    connections.use(connection.id)
    assert Settings().dwh_url == "postgresql+psycopg://anna:s3cret@dwh.example.com/crm"
    assert "s3cret" not in connection_file(connection.id).read_text("utf-8")


def test_only_admins_try_databases(shop: DatabaseAddress):
    with acting_as(Viewer("anna", frozenset({"analyst"}))):
        for attempt in (lambda: list_tables(shop), lambda: try_view(shop, "sales", "sale")):
            with pytest.raises(NotAllowed):
                attempt()
