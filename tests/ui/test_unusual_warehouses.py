"""Every screen on warehouses unlike the demo: something missing, something strange, something large."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from loyalty_core.ui.navigation import CUSTOMERS, OVERVIEW, SCREENS, SYSTEM_HEALTH
from loyalty_core.ui.text import escape
from tests.fixtures.screens import OpenScreen
from tests.workbench import Configure

pytestmark = pytest.mark.extended

OwnWarehouse = Callable[[str], Path]

TELCO = """customerID,gender,SeniorCitizen,tenure,PhoneService,Contract,PaymentMethod,MonthlyCharges,TotalCharges,Churn
7590-VHVEG,Female,0,1,No,Month-to-month,Electronic check,29.85,29.85,No
5575-GNVDE,Male,0,34,Yes,One year,Mailed check,56.95,1889.5,No
3668-QPYBK,Male,1,2,Yes,Month-to-month,Mailed check,53.85,,Yes
"""


@pytest.fixture
def own_warehouse(configure: Configure, tmp_path: Path) -> OwnWarehouse:
    """Writes a DuckDB file with these statements and points the product to it."""

    def write(statements: str) -> Path:
        file = tmp_path / "own.duckdb"
        with duckdb.connect(str(file)) as connection:
            connection.execute(statements)
        configure(dwh_url=f"duckdb:///{file}")
        return file

    return write


def test_a_missing_view_names_the_nearest(own_warehouse: OwnWarehouse, open_screen: OpenScreen):
    own_warehouse("CREATE TABLE customer_feature_view (customer_id integer)")
    for screen in (OVERVIEW, CUSTOMERS):
        app = open_screen(screen)
        assert not app.exception
        assert escape("The warehouse has no table or view customer_features_view.") in app.error[0].value
        assert escape("nearest: customer_feature_view.") in app.error[0].value


def test_an_empty_view_says_what_to_do(own_warehouse: OwnWarehouse, open_screen: OpenScreen):
    own_warehouse("CREATE TABLE customer_features_view (customer_id varchar, total_revenue double, joined date)")
    app = open_screen(OVERVIEW)
    assert not app.exception
    assert escape("The features view customer_features_view has no rows.") in app.error[0].value
    assert not open_screen(CUSTOMERS).exception
    assert not open_screen(SYSTEM_HEALTH).exception


def test_an_id_and_one_column_are_enough(own_warehouse: OwnWarehouse, open_screen: OpenScreen):
    own_warehouse("CREATE TABLE customer_features_view AS SELECT range AS customer_id, 'x' AS y FROM range(3)")
    overview = open_screen(OVERVIEW)
    assert not overview.exception
    assert not overview.error
    assert [(metric.label, metric.value) for metric in overview.metric] == [
        ("Customers", "3"),
        ("Blank values", "0.0%"),
    ]
    assert list(open_screen(CUSTOMERS).dataframe[0].value["Customer ID"]) == ["0", "1", "2"]
    customer = open_screen(CUSTOMERS, customer_id="2")
    assert not customer.exception
    assert customer.title[0].value == "Customer 2"


def test_telco_customers_without_transactions(own_warehouse: OwnWarehouse, open_screen: OpenScreen, tmp_path: Path):
    (tmp_path / "telco.csv").write_text(TELCO)
    own_warehouse(
        f"CREATE TABLE t AS FROM read_csv('{tmp_path / 'telco.csv'}');"
        "CREATE VIEW customer_features_view AS SELECT customerID AS customer_id, * EXCLUDE (customerID) FROM t"
    )
    overview = open_screen(OVERVIEW).toggle(key="plain").set_value(True).run()
    assert not overview.exception
    assert not overview.error
    assert {metric.label: metric.value for metric in overview.metric} == {
        "Customers": "3",
        "Revenue": "€1.9K",
        "Blank values": "3.3%",
    }
    assert "Customers by contract" in [heading.value for heading in overview.subheader]
    found = open_screen(CUSTOMERS).text_input[0].input("5575").run().dataframe[0].value
    assert list(found["Total charges"]) == ["€1,889.50"]
    customer = open_screen(CUSTOMERS, customer_id="3668-QPYBK")
    assert not customer.exception
    assert customer.title[0].value == "Customer 3668-QPYBK"
    assert any("no purchases of this customer" in info.value for info in customer.info)


def test_three_hundred_columns(own_warehouse: OwnWarehouse, open_screen: OpenScreen):
    wide = ", ".join(f"range * {i} AS \"column {i} of 'many'\"" for i in range(299))
    own_warehouse(f"CREATE TABLE customer_features_view AS SELECT range AS customer_id, {wide} FROM range(50)")
    assert not open_screen(OVERVIEW).error
    assert len(open_screen(CUSTOMERS).dataframe[0].value.columns) == 6
    customer = open_screen(CUSTOMERS, customer_id="49")
    assert not customer.exception
    rows = [row for table in customer.dataframe for _, row in table.value.iterrows()]
    assert len(rows) == 300
    assert {row["Percentile"] for row in rows if row["Column"] not in {"column 0 of 'many'"}} == {0.99}


def test_strange_names_and_values(own_warehouse: OwnWarehouse, open_screen: OpenScreen):
    own_warehouse(
        "CREATE TABLE customer_features_view AS SELECT '*_[x](y)$ ''\"' AS customer_id, '<b>*Bo*</b>' AS full_name, "
        "1e300 AS total_revenue, 'Infinity'::DOUBLE AS ltv, NULL::DOUBLE AS nothing, '\\xFF'::BLOB AS blob, "
        "[1, 2] AS list, INTERVAL 3 DAY AS pause, 5 AS \"`tick` *star* 100%\", 'a' AS customer_tier"
    )
    for screen in SCREENS:
        app = open_screen(screen)
        assert not app.exception, screen.title
        assert not [error.value for error in app.error if "Something went wrong" in error.value], screen.title
    customer = open_screen(CUSTOMERS, customer_id="*_[x](y)$ '\"")
    assert not customer.exception
    assert not [error.value for error in customer.error]
    assert customer.title[0].value == escape("<b>*Bo*</b>")
    assert customer.metric[0].value == escape("1e+300")


def test_a_missing_file_is_a_message_until_it_appears(
    configure: Configure, open_screen: OpenScreen, demo_warehouse: Path, tmp_path: Path
):
    file = tmp_path / "later.duckdb"
    configure(dwh_url=f"duckdb:///{file}")
    app = open_screen(OVERVIEW)
    assert not app.exception
    assert escape(f"The warehouse file {file} does not exist.") in app.error[0].value
    assert "make demo" in app.error[0].value
    file.symlink_to(demo_warehouse)
    app.button[0].click().run()
    assert not app.error
    assert app.metric[0].value == "2,000"


def test_a_file_that_is_no_database_is_a_message(configure: Configure, open_screen: OpenScreen, tmp_path: Path):
    file = tmp_path / "notes.duckdb"
    file.write_text("not a database at all\n" * 1000)
    configure(dwh_url=f"duckdb:///{file}")
    app = open_screen(OVERVIEW)
    assert not app.exception
    assert "The file is not a DuckDB database" in app.error[0].value
