"""Other data is connected while the app runs, refused where it must be, and the former comes back."""

from __future__ import annotations

import json
import shutil
import stat
from typing import TYPE_CHECKING

import duckdb
import pytest

from loyalty_core.access import NotAllowed, Viewer, acting_as
from loyalty_core.connections import ConnectionFixed, ConnectionInUse, UnknownConnection, Upload
from loyalty_core.connections.connection import new_folder
from loyalty_core.errors import SettingsError
from loyalty_core.services import follow_connection, services_of_process
from loyalty_core.settings import CONNECTIONS_FOLDER, chosen_file, connection_file, get_settings
from loyalty_core.store import audit

if TYPE_CHECKING:
    from pathlib import Path

    from loyalty_core.connections import Connection, Connections
    from tests.workbench import Configure


@pytest.fixture
def connections(configure: Configure, tmp_path: Path, migrated_file: Path) -> Connections:
    shutil.copy(migrated_file, tmp_path / "state.db")
    configure()
    return services_of_process().connections


def shop(connections: Connections, title: str, customers: int) -> Connection:
    folder = new_folder(title)
    file = folder / "warehouse.duckdb"
    with duckdb.connect(file) as connection:
        connection.execute(
            f"CREATE TABLE customer_features_view AS SELECT range AS customer_id FROM range({customers})"
        )
    return connections.add(folder, title, "customers", {"dwh_url": f"duckdb:///{file}"})


def customers_read() -> int:
    return services_of_process().warehouse.catalog().customers


def test_what_is_connected_is_read_at_once_and_undone(connections: Connections):
    first = shop(connections, "Telco.csv", 3)
    keys = {services_of_process().warehouse.cache_key}
    assert (customers_read(), connections.current()) == (3, first)
    second = shop(connections, "Retail.csv", 5)
    keys.add(services_of_process().warehouse.cache_key)
    assert (customers_read(), connections.former(), connections.can_undo()) == (5, first, True)
    assert get_settings().predictions_file == second.folder / "customer_predictions.parquet"
    connections.undo()
    assert (customers_read(), connections.former()) == (3, second)
    keys.add(services_of_process().warehouse.cache_key)
    assert len(keys) == 3, "what was cached of one warehouse would be shown for another"
    connections.use(None)
    assert connections.current() is None
    assert get_settings().dwh_url == "duckdb:///data/warehouse.duckdb"
    assert connections.all() == [second, first]
    with services_of_process().store.session(read_only=True) as session:
        trail = [(one.subject_id, one.details["before"]) for one in audit.recent(session, action="connected")]
    assert trail == [("default", first.id), (first.id, second.id), (second.id, first.id), (first.id, "default")]


def test_a_change_by_another_process_is_followed(connections: Connections):
    shop(connections, "Telco.csv", 3)
    second = shop(connections, "Retail.csv", 5)
    connections.undo()
    before = services_of_process()
    follow_connection()
    assert services_of_process() is before
    chosen_file().write_text(json.dumps({"id": second.id}), "utf-8")
    follow_connection()
    assert customers_read() == 5


def test_a_setting_of_the_user_wins(connections: Connections, configure: Configure):
    connected = shop(connections, "Telco.csv", 3)
    configure(dwh_url="duckdb:///mine.duckdb")
    connections = services_of_process().connections
    assert (get_settings().dwh_url, connections.is_fixed) == ("duckdb:///mine.duckdb", True)
    assert (connections.current(), connections.can_undo()) == (None, False)
    for change in (lambda: connections.use(None), lambda: connections.use(connected.id)):
        with pytest.raises(ConnectionFixed, match="DWH_URL"):
            change()


def test_a_mapping_of_the_user_stays_in_force(connections: Connections, configure: Configure):
    folder = new_folder("shop")
    mapping = {"ml_feature_mapping": {"age": "age", "visits": "visits"}, "ml_model_input_size": 2}
    connections.add(folder, "shop", "database", {"dwh_url": "duckdb:///shop.duckdb", **mapping})
    assert get_settings().ml_feature_mapping == {"age": "age", "visits": "visits"}
    configure(ml_feature_mapping='{"tenure": "tenure_days"}', ml_model_input_size=1)
    assert get_settings().ml_feature_mapping == {"tenure": "tenure_days"}
    assert get_settings().dwh_url == "duckdb:///shop.duckdb"


def test_only_what_is_not_in_use_can_be_removed(connections: Connections):
    first, second = shop(connections, "Telco.csv", 3), shop(connections, "Retail.csv", 5)
    with pytest.raises(ConnectionInUse):
        connections.remove(second.id)
    connections.remove(first.id)
    assert not first.folder.exists()
    assert not connections.can_undo()
    with pytest.raises(UnknownConnection):
        connections.use(first.id)


def test_what_is_saved_is_private(connections: Connections):
    connection = shop(connections, "Telco.csv", 3)
    upload = Upload.save("../../etc/Kunden (März)?.csv", b"id\n1\n")
    assert upload.file.name == "Kunden (März)_.csv"
    assert Upload.find(upload.id).file.read_bytes() == b"id\n1\n"
    for path in (connection_file(connection.id), upload.file, connection.folder, upload.file.parent):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


@pytest.mark.parametrize("role", ["viewer", "analyst", "data_scientist"])
def test_whoever_is_no_admin_is_refused(connections: Connections, role: str):
    with acting_as(Viewer("anna", frozenset({role}))):
        for attempt in (
            connections.all,
            lambda: connections.use(None),
            lambda: connections.remove("x"),
            lambda: connections.add(CONNECTIONS_FOLDER / "x", "x", "database", {}),
            lambda: Upload.save("x.csv", b""),
        ):
            with pytest.raises(NotAllowed):
                attempt()


def test_a_damaged_connection_says_how_to_return(connections: Connections):
    connection = shop(connections, "Telco.csv", 3)
    connection_file(connection.id).write_text("{", "utf-8")
    get_settings.cache_clear()
    with pytest.raises(SettingsError, match=r"Remove data/warehouses/chosen\.json"):
        get_settings()
