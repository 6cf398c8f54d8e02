"""A file that was dropped in the browser becomes the warehouse that the app reads, or changes nothing."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from loyalty_core.connections import Upload
from loyalty_core.errors import DataError
from loyalty_core.jobs.report import JobStopped, Report
from loyalty_core.services import services_of_process
from loyalty_core.settings import CONNECTIONS_FOLDER, get_settings
from loyalty_core.work.connecting import connect_file

if TYPE_CHECKING:
    from pathlib import Path

    from loyalty_core.services import Services
    from tests.workbench import Configure

CUSTOMERS = "Kunde;Umsatz;Besuche;Seit;Kündigung\n" + "".join(
    f"K{number};{number % 7 * 10},50;{number % 5};2024-0{number % 8 + 1}-03;{'ja' if number % 3 else 'nein'}\n"
    for number in range(1, 61)
)


@pytest.fixture
def services(configure: Configure, tmp_path: Path, migrated_file: Path) -> Services:
    shutil.copy(migrated_file, tmp_path / "state.db")
    configure()
    return services_of_process()


def test_a_file_of_customers_becomes_the_warehouse(services: Services):
    upload = Upload.save("Kunden.csv", CUSTOMERS.encode())
    report = Report()
    columns = {"id": "Kunde", "churn": "Kündigung"}
    options = {"upload": upload.id, "kind": "customers", "columns": columns, "snapshot": "2024-12-31"}
    result = connect_file(services, options, report)
    now = services_of_process()
    assert now.warehouse.catalog().customers == 60
    assert now.connections.get(result["connection"]).title == "Kunden.csv"
    assert set(get_settings().ml_feature_mapping.values()) == {"Umsatz", "Besuche", "days_since_seit"}
    assert set(result["features"]) == {"Umsatz", "Besuche", "days_since_seit"}
    assert (result["rows_read"], result["left_out"]) == (60, "none")
    assert report.unreported()[0].message.startswith("Loaded 60 customers")
    assert not upload.file.exists()


def test_a_question_leaves_everything_as_it_was(services: Services):
    upload = Upload.save("Kunden.csv", CUSTOMERS.replace("K1;", ";").encode())
    options = {"upload": upload.id, "kind": "customers", "columns": {"id": "Kunde"}}
    with pytest.raises(DataError, match="blank in 1 rows"):
        connect_file(services, options, Report())
    assert services_of_process() is services
    assert list(CONNECTIONS_FOLDER.glob("*")) == []
    assert upload.file.exists(), "the next attempt needs it"


def test_a_stopped_load_leaves_everything_as_it_was(services: Services):
    upload = Upload.save("Kunden.csv", CUSTOMERS.encode())
    report = Report()
    report.stop()
    with pytest.raises(JobStopped):
        connect_file(services, {"upload": upload.id, "kind": "customers"}, report)
    assert list(CONNECTIONS_FOLDER.glob("*")) == []
    assert services_of_process() is services


def test_a_log_of_purchases_becomes_the_warehouse(services: Services):
    log = "card,day,total\n" + "".join(f"{n % 4},2024-0{n % 9 + 1}-11,{n}.5\n" for n in range(1, 40))
    upload = Upload.save("sales.csv", log.encode())
    result = connect_file(services, {"upload": upload.id, "kind": "transactions", "churn_days": 60}, Report())
    assert services_of_process().warehouse.catalog().customers == 4
    assert result["features"] is None
