"""The page on which a file takes the place of the demo: what it recognises, asks, refuses and undoes."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import duckdb
import pytest

from loyalty_core.access import Viewer
from loyalty_core.campaigns import Audience, Definition
from loyalty_core.connections.connection import new_folder
from loyalty_core.segments import SegmentDraft
from loyalty_core.services import services_of_process
from loyalty_core.ui.first_training import SCORE_BY_RFM, TRAIN_AND_SCORE
from loyalty_core.ui.navigation import CHURN, CONNECT, OVERVIEW
from tests.fixtures.screens import plain, texts_of

if TYPE_CHECKING:
    from pathlib import Path

    from streamlit.testing.v1 import AppTest
    from streamlit.testing.v1.element_tree import Selectbox

    from tests.fixtures.screens import OpenScreen
    from tests.workbench import Configure

CUSTOMERS = b"card_no,member_no,visits,exited\n1,7,3,yes\n2,8,4,no\n3,9,5,no\n"
SALES = b"card,sold_at,pieces,price\n1,2024-01-03,2,3.5\n1,2024-02-03,1,2.5\n2,2024-02-04,1,9.5\n"


@pytest.fixture(autouse=True)
def _nothing_connected(configure: Configure, tmp_path: Path, migrated_file: Path):
    shutil.copy(migrated_file, tmp_path / "state.db")
    configure()


def test_a_file_of_customers_is_recognised_and_what_is_not_clear_is_asked(open_screen: OpenScreen):
    app = open_screen(CONNECT)
    assert app.button(key="connect-file-start").disabled
    app.file_uploader[0].set_value(("Kunden.csv", CUSTOMERS, "text/csv")).run()
    table = app.dataframe[0].value.set_index("Column")
    assert table.loc["visits", "Read as"] == "whole number"
    assert table.loc["exited", "Taken for"] == "Who left"
    assert "Which column of Kunden.csv identifies a customer?" in plain(app.info[0].value)
    assert app.button(key="connect-file-start").disabled
    identifier = next(field for field in app.selectbox if field.label == "Customer id")
    identifier.select("member_no").run()
    assert not app.button(key="connect-file-start").disabled


def test_a_log_of_purchases_is_recognised(open_screen: OpenScreen):
    app = open_screen(CONNECT)
    app.file_uploader[0].set_value(("sales.csv", SALES, "text/csv")).run()
    fields = {field.label: field.value for field in app.selectbox}
    assert (fields["Customer"], fields["Date"]) == ("card", "sold_at")
    assert (fields["Amount"], fields["Quantity"]) == ("price", "pieces")
    assert not app.button(key="connect-file-start").disabled


def test_what_the_amount_of_a_line_is_made_of_is_said_of_each_column(open_screen: OpenScreen):
    app = open_screen(CONNECT)
    app.file_uploader[0].set_value(("sales.csv", SALES, "text/csv")).run()
    taken_for = app.dataframe[0].value.set_index("Column")["Taken for"]
    assert dict(taken_for) == {"card": "Customer", "sold_at": "Date", "pieces": "Quantity", "price": "Amount"}


def test_the_currency_is_asked_unless_a_setting_names_it(open_screen: OpenScreen, configure: Configure):
    def field(app: AppTest) -> Selectbox:
        app.file_uploader[0].set_value(("sales.csv", SALES, "text/csv")).run()
        return next(one for one in app.selectbox if one.label == "Currency of the amounts")

    asked = field(open_screen(CONNECT))
    assert (asked.value, asked.disabled) == ("EUR", False)
    assert {"GBP · British Pound", "NOK · Norwegian Krone"} <= set(asked.options)
    assert "DEM · German Mark" not in asked.options
    configure(currency="SEK")
    given = field(open_screen(CONNECT))
    assert (given.value, given.disabled) == ("SEK", True)


def test_a_file_that_cannot_be_read_says_what_to_do(open_screen: OpenScreen):
    app = open_screen(CONNECT)
    app.file_uploader[0].set_value(("empty.csv", b"a,b\n", "text/csv")).run()
    assert "empty.csv has no rows." in plain(app.error[0].value)


def test_undo_returns_to_the_data_before(open_screen: OpenScreen):
    folder = new_folder("Telco")
    with duckdb.connect(folder / "warehouse.duckdb") as connection:
        connection.execute("CREATE TABLE customer_features_view AS SELECT range AS customer_id FROM range(3)")
    settings = {"dwh_url": f"duckdb:///{folder / 'warehouse.duckdb'}"}
    connected = services_of_process().connections.add(folder, "Telco.csv", "customers", settings)
    app = open_screen(CONNECT)
    assert any(text.startswith(":material/database: In use: **Telco.csv**") for text in texts_of(app))
    app.button(key="connect-undo").click().run()
    assert any(text.startswith(":material/database: In use: **Default warehouse**") for text in texts_of(app))
    app = open_screen(CONNECT, view="Connected before")
    app.button(key=f"use-{connected.id}").click().run()
    assert services_of_process().connections.current() == connected


def test_segments_that_the_data_has_no_columns_for_are_archived_in_one_step(open_screen: OpenScreen):
    folder = new_folder("Telco")
    with duckdb.connect(folder / "warehouse.duckdb") as connection:
        connection.execute("CREATE TABLE customer_features_view AS SELECT range AS customer_id, 1 AS age FROM range(3)")
    url = f"duckdb:///{folder / 'warehouse.duckdb'}"
    services_of_process().connections.add(folder, "Telco.csv", "database", {"dwh_url": url})
    repository = services_of_process().segments
    tier = repository.create(SegmentDraft("Gold", {"==": [{"var": "tier"}, "gold"]}), actor="ann")
    risky = repository.create(SegmentDraft("Risky", {">": [{"var": "churn_probability"}, 0.7]}), actor="ann")
    rules = {"and": [{"var": f"segment:{tier.id}"}, {"var": f"segment:{risky.id}"}]}
    repository.create(SegmentDraft("Gold at risk", rules), actor="ann")
    repository.create(SegmentDraft("Old", {">": [{"var": "age"}, 70]}), actor="ann")
    repository.create(SegmentDraft("Lacks no column", {">": [{"var": "age"}, "old"]}), actor="ann")
    app = open_screen(CONNECT, view="A database")
    [warning] = [plain(one.value) for one in app.warning if "cannot be computed" in one.value]
    assert "lacks columns that they read: Gold, Gold at risk." in warning
    app.button(key="archive-unusable-segments").click().run()
    assert [one.name for one in repository.list()] == ["Lacks no column", "Old", "Risky"]
    assert not any("cannot be computed" in one.value for one in app.warning)
    used = repository.create(SegmentDraft("Silver", {"==": [{"var": "tier"}, "silver"]}), actor="ann")
    audience = Definition(audience=Audience(segment=used.id))
    services_of_process().campaigns.repository.create("Win back", audience, actor="ann")
    app.run()
    [warning] = [plain(one.value) for one in app.warning if "cannot be computed" in one.value]
    assert warning.endswith("Segments read by Win back stay.")
    assert "archive-unusable-segments" not in [button.key for button in app.button]
    repository.create(SegmentDraft("Bronze", {"==": [{"var": "tier"}, "bronze"]}), actor="ann")
    app.run()
    assert "Archive Bronze" in [plain(button.label) for button in app.button]
    app.button(key="archive-unusable-segments").click().run()
    names = [one.name for one in repository.list()]
    assert "Silver" in names
    assert "Bronze" not in names


def test_a_setting_that_names_the_warehouse_is_pointed_out(open_screen: OpenScreen, configure: Configure):
    configure(dwh_url="postgresql://anna:secret@dwh.example.com/crm", dwh_connect_timeout_seconds=1)
    app = open_screen(CONNECT)
    [text] = [text for text in texts_of(app) if "DWH_URL names it" in text]
    assert "secret" not in text


def test_the_page_is_refused_to_an_analyst(open_screen: OpenScreen, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("loyalty_core.ui.sign_in.session_viewer", lambda: Viewer("anna", frozenset({"analyst"})))
    app = open_screen(CONNECT)
    assert "may not connect other data" in plain(app.error[0].value)
    assert not app.file_uploader


def test_a_database_is_tried_looked_at_and_connected(open_screen: OpenScreen, tmp_path: Path):
    with duckdb.connect(tmp_path / "shop.duckdb") as connection:
        connection.execute(
            "CREATE TABLE people AS SELECT range AS customer_id, range * 7 % 50 + 0.5 AS revenue FROM range(60)"
        )
    app = open_screen(CONNECT, view="A database")
    app.text_input[0].set_value(f"duckdb:///{tmp_path / 'nothing.duckdb'}")
    next(button for button in app.button if button.label == "Try it").click().run()
    assert "does not exist" in plain(app.error[0].value)
    app.text_input[0].set_value(f"duckdb:///{tmp_path / 'shop.duckdb'}")
    next(button for button in app.button if button.label == "Try it").click().run()
    app.selectbox[0].select("people").run()
    assert app.selectbox[1].value == "customer_id"
    assert len(app.dataframe[0].value) == 10
    assert "FROM people" in app.code[0].value
    next(button for button in app.button if button.label == "Connect this database").click().run()
    assert services_of_process().warehouse.catalog().customers == 60
    assert app.success[0].value.endswith("is in use.** 60 customers.")
    assert any(text.startswith(":material/database: In use: **duckdb") for text in texts_of(app))
    # What is certain to fail is not offered.
    assert TRAIN_AND_SCORE not in [button.label for button in app.button]
    assert any("No model can learn from this data" in text for text in texts_of(app))
    assert any("Nor can RFM score the customers: RFM has no recency" in plain(text) for text in texts_of(app))


def test_without_a_history_rfm_is_offered(open_screen: OpenScreen, configure: Configure, tmp_path: Path):
    with duckdb.connect(tmp_path / "shop.duckdb") as connection:
        connection.execute(
            "CREATE TABLE customer_features_view AS SELECT range AS customer_id, range + 0.5 AS total_revenue, "
            "range AS transaction_count, range AS days_since_last_transaction FROM range(60)"
        )
    configure(dwh_url=f"duckdb:///{tmp_path / 'shop.duckdb'}")
    for screen in (OVERVIEW, CHURN):
        app = open_screen(screen)
        assert any("No model can learn from this data" in text for text in texts_of(app))
        assert app.button(key="score-by-rfm-start").label == SCORE_BY_RFM


def test_with_a_history_training_is_offered(open_screen: OpenScreen, configure: Configure, tmp_path: Path):
    with duckdb.connect(tmp_path / "shop.duckdb") as connection:
        connection.execute("CREATE TABLE customer_features_view AS SELECT range AS customer_id FROM range(60)")
        connection.execute("CREATE TABLE customer_churn_history AS SELECT 1 AS churned")
    configure(dwh_url=f"duckdb:///{tmp_path / 'shop.duckdb'}")
    assert open_screen(CHURN).button(key="train-and-score-start").label == TRAIN_AND_SCORE


def test_a_file_of_offers_goes_with_the_customers(open_screen: OpenScreen):
    app = open_screen(CONNECT)
    app.file_uploader[0].set_value(("Kunden.csv", CUSTOMERS, "text/csv")).run()
    app.file_uploader[1].set_value(("coupons.csv", b"member,coupon,day\n7,Cake,2024-01-05\n", "text/csv")).run()
    assert not app.exception
    fields = {field.label: field for field in app.selectbox}
    assert list(fields["Offer"].options) == ["As found", "member", "coupon", "day"]
    recognised = [fields[part].value for part in ("Customer of an offer", "Offer", "Day of the offer")]
    assert recognised == ["member", "coupon", "day"]
    assert fields["Whether it was taken"].value == "As found"
