"""A file that was dropped in the browser becomes the warehouse that the app reads, or changes nothing."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.connections import Upload
from loyalty_core.errors import DataError
from loyalty_core.jobs.report import JobStopped, Report
from loyalty_core.ml.bundles import activate, write_bundle
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving import scoring_models
from loyalty_core.services import services_of_process
from loyalty_core.settings import CONNECTIONS_FOLDER, get_settings
from loyalty_core.warehouse.predictions import last_run
from loyalty_core.work.connecting import connect_file
from tests.ml.fixtures import bundle_parts

if TYPE_CHECKING:
    from pathlib import Path

    from loyalty_core.services import Services
    from tests.workbench import Configure

CUSTOMERS = "Kunde;Umsatz;Besuche;Seit;Kündigung\n" + "".join(
    f"K{number};{number % 7 * 10},50;{number % 5};2024-0{number % 8 + 1}-03;{'ja' if number % 3 else 'nein'}\n"
    for number in range(1, 61)
)


@pytest.fixture
def services(configure: Configure, tmp_path: Path, migrated_file: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    shutil.copy(migrated_file, tmp_path / "state.db")
    configure()
    monkeypatch.delenv("MODELS_DIR")  # each connection has its own
    get_settings.cache_clear()
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


def test_amounts_are_shown_in_the_currency_of_the_file(services: Services, monkeypatch: pytest.MonkeyPatch):
    upload = Upload.save("Kunden.csv", CUSTOMERS.encode())
    options = {"upload": upload.id, "kind": "customers", "columns": {"id": "Kunde"}}
    with pytest.raises(DataError, match="'gold' is no currency"):
        connect_file(services, options | {"currency": "gold"}, Report())
    assert services.connections.current() is None
    connect_file(services, options | {"currency": "GBP"}, Report())
    assert get_settings().currency == "GBP"
    monkeypatch.setenv("CURRENCY", "SEK")
    get_settings.cache_clear()
    assert get_settings().currency == "SEK"


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


FEATURES = ("total_revenue", "transaction_count", "last_purchase_days_ago", "avg_transaction_value", "lifetime_value")


def members(factor: float = 1.0, *, step: int = 1) -> bytes:
    """A file of 80 customers with the features of the standard mapping."""
    rows = (
        [100 + 7.3 * n * factor, 1 + n * 7 % 40, n * 13 % 200, 20 + n % 50, 200 + 11.5 * n * factor]
        for n in (place * step % 81 for place in range(80))
    )
    lines = [",".join(["member", *FEATURES])]
    lines += [",".join([f"m{place}", *(f"{value:g}" for value in row)]) for place, row in enumerate(rows)]
    return "\n".join(lines).encode()


def connect(content: bytes, name: str = "members.csv") -> dict[str, Any]:
    upload = Upload.save(name, content)
    options = {"upload": upload.id, "kind": "customers", "columns": {"id": "member"}}
    return connect_file(services_of_process(), options, Report())


def test_a_newer_file_of_the_same_customers_keeps_models_and_predictions(services: Services):
    assert connect(members())["continues"] is None
    before = services_of_process()
    parts = replace(bundle_parts(), data=before.warehouse.identity.warehouse, trained_on="members of March")
    activate(before.settings.models_dir, write_bundle(before.settings.models_dir, parts), "test")
    score_base(before.warehouse, scoring_models(before.warehouse))
    result = connect(members(1.05), "April.csv")
    now = services_of_process()
    assert (result["continues"], result["learned_from"]) == ("members.csv", "members of March")
    assert now.settings.models_dir != before.settings.models_dir
    assert now.warehouse.identity.warehouse == before.warehouse.identity.warehouse
    assert 0 <= now.inference.predict_churn("m7")["churn_probability"] <= 1
    run = last_run(now.warehouse)
    assert run is not None
    assert run.data_state != now.warehouse.identity.state, "the screens ask to score again"
    assert now.connections.can_undo()


def test_a_file_in_use_that_cannot_be_read_does_not_keep_from_loading_another(services: Services, tmp_path: Path):
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "warehouse.duckdb").write_text("no database at all\n" * 1000)
    assert connect(members())["continues"] is None
    assert services_of_process().warehouse.catalog().customers == 80


def test_a_file_of_other_customers_gets_no_models(services: Services):
    connect(members())
    before = services_of_process()
    parts = replace(bundle_parts(), data=before.warehouse.identity.warehouse)
    activate(before.settings.models_dir, write_bundle(before.settings.models_dir, parts), "test")
    result = connect(members(step=35), "others.csv")
    assert result["continues"] is None
    assert services_of_process().inference.status().version is None


def test_a_newer_file_without_a_column_of_the_models_gets_none(services: Services):
    connect(members())
    before = services_of_process()
    parts = replace(bundle_parts(), data=before.warehouse.identity.warehouse)
    activate(before.settings.models_dir, write_bundle(before.settings.models_dir, parts), "test")
    result = connect(members(1.05).replace(b"avg_transaction_value", b"basket"))
    assert result["continues"] is None
    assert services_of_process().inference.status().version is None


def test_offers_may_be_in_a_file_of_their_own(services: Services):
    upload = Upload.save("members.csv", members())
    taken = "card,coupon,used\n" + "".join(f"m{n},{'Cake' if n % 2 else 'Tea'},yes\n" for n in range(60))
    offers = Upload.save("coupons.csv", taken.encode())
    options = {
        "upload": upload.id,
        "kind": "customers",
        "columns": {"id": "member"},
        "offers": {"upload": offers.id, "columns": {"customer": "card"}},
    }
    connect_file(services, options, Report())
    assert {offer.name for offer in services_of_process().offers.get().values()} == {"Cake", "Tea"}
    assert not offers.file.exists()
