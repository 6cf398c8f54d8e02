"""Finding customers, and everything about one of them."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from loyalty_core.services import get_services
from loyalty_core.ui.navigation import CUSTOMERS
from tests.fixtures.screens import OpenScreen, plain
from tests.fixtures.statements import statements_of
from tests.workbench import GUIDE_CUSTOMER, Configure, Query


@pytest.fixture
def customers(demo_settings: Configure, open_screen: OpenScreen) -> AppTest:
    """The search, nothing typed yet."""
    return open_screen(CUSTOMERS)


@pytest.fixture
def guide_customer(demo_settings: Configure, open_screen: OpenScreen) -> AppTest:
    """The page of the demo customer with the documented id."""
    return open_screen(CUSTOMERS, customer_id=GUIDE_CUSTOMER)


def ids_of(app: AppTest) -> list[str]:
    return list(app.dataframe[0].value["Customer ID"])


def features_of(app: AppTest) -> dict[str, tuple[str, float]]:
    """Column → value and place in the base, from the tables of all features."""
    tables = [table.value for table in app.dataframe if "Column" in table.value]
    return {row["Column"]: (row["Value"], row["Percentile"]) for table in tables for _, row in table.iterrows()}


def test_the_best_customers_come_first(customers: AppTest, query_demo: Query):
    best = query_demo(
        "SELECT customer_id, total_revenue FROM customer_features_view "
        "ORDER BY total_revenue DESC, customer_id LIMIT 10"
    )
    table = customers.dataframe[0].value
    assert ids_of(customers) == [customer_id for customer_id, _ in best]
    assert list(table["Total revenue"]) == [f"€{revenue:,.2f}" for _, revenue in best]


@pytest.mark.parametrize("column", ["customer_id", "full_name", "email"])
@pytest.mark.parametrize("part", [slice(0, 3), slice(0, 8), slice(2, 40)])
def test_search_by_the_start_of_the_id_or_any_part_of_name_and_address(
    customers: AppTest, query_demo: Query, column: str, part: slice
):
    [(value,)] = query_demo(f"SELECT {column} FROM customer_features_view WHERE customer_id = ?", GUIDE_CUSTOMER)
    text = value[part].swapcase()
    customers.text_input[0].input(f"  {text} ").run()
    ranked = query_demo(
        """
        WITH said AS (SELECT trim(?) AS text),
        matching AS (
            SELECT customer_id, customer_id ILIKE text || '%' AS by_id,
                lower(full_name) = lower(text) OR lower(coalesce(email, '')) = lower(text) AS is_name,
                full_name ILIKE text || '%' OR coalesce(email, '') ILIKE text || '%' AS starts
            FROM customer_features_view, said
            WHERE by_id OR list_bool_and([concat_ws(' ', full_name, email) ILIKE '%' || word || '%'
                                          FOR word IN regexp_split_to_array(text, '\\s+')])
        )
        SELECT customer_id, count(*) OVER () FROM matching
        ORDER BY NOT by_id, NOT is_name, NOT starts, customer_id LIMIT 20
        """,
        text,
    )
    found = ids_of(customers) if customers.dataframe else []
    assert found == [customer_id for customer_id, _ in ranked]
    if ranked:
        total = ranked[0][1]
        said = "1 customer matches." if total == 1 else f"{total:,} customers match."
        assert customers.caption[1].value.startswith(said)


def test_a_search_is_not_repeated_by_the_choice_of_a_row(customers: AppTest):
    customers.text_input[0].input(GUIDE_CUSTOMER[:8]).run()
    with statements_of(get_services().warehouse.engine) as sent:
        customers.run()
    assert ids_of(customers) == [GUIDE_CUSTOMER]
    assert sent == []


def test_words_are_found_in_any_order(customers: AppTest, query_demo: Query):
    [(name,)] = query_demo("SELECT full_name FROM customer_features_view WHERE customer_id = ?", GUIDE_CUSTOMER)
    customers.text_input[0].input(" ".join(reversed(name.split()))).run()
    assert name in set(customers.dataframe[0].value["Full name"])


def test_a_search_that_is_too_long_is_refused(customers: AppTest):
    customers.text_input[0].input("a" * 256).run()
    assert customers.text_input[0].value == "a" * 256
    assert ":red[Use at most 255 characters; this has 256.]" in [caption.value for caption in customers.caption]
    assert not customers.dataframe


@pytest.mark.parametrize("text", ["no such person", "%", "_", "' OR 1=1 --", "\\", "\x00", "🦊", "a" * 255])
def test_a_search_for_nobody_says_so(customers: AppTest, text: str):
    customers.text_input[0].input(text).run()
    assert not customers.exception
    assert customers.info[0].value.startswith("No customer matches.")
    assert not customers.dataframe


def test_the_search_stays_out_of_the_address_and_is_there_on_coming_back(customers: AppTest):
    app = customers.text_input[0].input(GUIDE_CUSTOMER[:8]).run()
    assert ids_of(app) == [GUIDE_CUSTOMER]
    assert dict(app.query_params) == {}
    app.query_params["customer_id"] = GUIDE_CUSTOMER
    assert not app.run().text_input
    del app.query_params["customer_id"]
    app.run()
    assert app.text_input[0].value == GUIDE_CUSTOMER[:8]
    assert ids_of(app) == [GUIDE_CUSTOMER]


def test_heading_and_key_figures(guide_customer: AppTest, query_demo: Query):
    [(name, email, revenue, count, days, value)] = query_demo(
        "SELECT full_name, email, total_revenue, transaction_count, last_purchase_days_ago, lifetime_value "
        "FROM customer_features_view WHERE customer_id = ?",
        GUIDE_CUSTOMER,
    )
    assert guide_customer.title[0].value == name
    assert plain(guide_customer.caption[0].value) == f"ID {GUIDE_CUSTOMER} · {email}"
    assert [(metric.label, metric.value) for metric in guide_customer.metric[:4]] == [
        ("Total revenue", f"€{revenue:,.2f}"),
        ("Transaction count", f"{count:,}"),
        ("Days since last purchase", f"{days:,} days"),
        ("Lifetime value", f"€{value:,.2f}"),
    ]


def test_places_in_the_base_are_mid_ranks(guide_customer: AppTest, query_demo: Query):
    features = features_of(guide_customer)
    for column in ("total_revenue", "points_balance", "avg_transaction_value", "transaction_count"):
        [(rank,)] = query_demo(
            f"WITH own AS (SELECT {column} AS x FROM customer_features_view WHERE customer_id = ?) "
            f"SELECT (count(*) FILTER ({column} < x) + count(*) FILTER ({column} = x) / 2) / count({column}) "
            "FROM customer_features_view, own",
            GUIDE_CUSTOMER,
        )
        assert features[column][1] == pytest.approx(rank, abs=0.0051), column
    places = [re.fullmatch(r"(.*) than (\d+)% of customers", metric.delta) for metric in guide_customer.metric[:3]]
    assert [place[1] for place in places] == ["higher", "higher", "more recent"]
    assert float(places[0][2]) == pytest.approx(100 * features["total_revenue"][1], abs=1)
    assert float(places[2][2]) == pytest.approx(100 - 100 * features["last_purchase_days_ago"][1], abs=1)


def test_every_column_of_the_view_is_there_once(guide_customer: AppTest, query_demo: Query):
    names = [name for name, *_ in query_demo("DESCRIBE customer_features_view")]
    assert sorted(features_of(guide_customer)) == sorted(names)
    headings = [heading.value for heading in guide_customer.subheader]
    assert headings[-5:] == ["Financial", "Activity", "Profile", "Risk \\& Engagement", "DWH Columns"]


def test_purchases_are_the_customers_own(guide_customer: AppTest, query_demo: Query):
    purchases = query_demo(
        "SELECT transaction_id, amount FROM transactions WHERE customer_id = ? ORDER BY transaction_at DESC LIMIT 100",
        GUIDE_CUSTOMER,
    )
    table = next(table.value for table in guide_customer.dataframe if "Amount" in table.value)
    assert list(zip(table["Transaction ID"], table["Amount"], strict=True)) == [
        (str(transaction_id), f"€{amount:,.2f}") for transaction_id, amount in purchases
    ]


def test_back_to_all_customers(guide_customer: AppTest):
    guide_customer.button[0].click().run()
    assert guide_customer.title[0].value == "Customers"
    assert "customer_id" not in guide_customer.query_params


@pytest.mark.parametrize("stranger", ["nobody", "' OR '1'='1", '"; DROP TABLE x; --', "*_[x](http://y)", "é" * 10_000])
def test_an_unknown_customer_is_a_message(demo_settings: Configure, open_screen: OpenScreen, stranger: str):
    app = open_screen(CUSTOMERS, customer_id=stranger)
    assert not app.exception
    message = plain(app.error[0].value)
    assert message.startswith("**No customer has the id ")
    assert stranger[:50] in message.replace("\\'", "'")
    assert len(message) < 300
    assert [button.label for button in app.button] == ["All customers", "Try again"]


def test_a_customer_without_purchases(demo_settings: Configure, open_screen: OpenScreen, query_demo: Query):
    [(newcomer,)] = query_demo(
        "SELECT customer_id FROM customer_features_view WHERE last_purchase_days_ago IS NULL ORDER BY 1 LIMIT 1"
    )
    app = open_screen(CUSTOMERS, customer_id=newcomer)
    assert not app.exception
    assert app.metric[2].value == "—"
    assert app.metric[2].delta == ""
    assert any("no purchases of this customer" in info.value for info in app.info)
