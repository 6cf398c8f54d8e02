"""Health, columns and customers over HTTP."""

import asyncio
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import duckdb
import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from loyalty_core.services import get_services
from tests.fixtures.api import Ask, error_of
from tests.workbench import API, DEMO_CUSTOMERS, GUIDE_CUSTOMER, Configure, Query

ODD_VALUES = """
CREATE TABLE customer_features_view AS SELECT
    'a/b ''"%' AS customer_id,
    10.10::DECIMAL(10, 2) AS price, 123456789012345678.9::DECIMAL(38, 1) AS long_price,
    'NaN'::DOUBLE AS not_a_number, 'Infinity'::DOUBLE AS infinite, NULL::INTEGER AS nothing,
    9007199254740993 AS big, 170141183460469231731687303715884105727::HUGEINT AS huge,
    DATE '2020-02-29' AS day, TIMESTAMP '2020-02-29 01:02:03.5' AS moment,
    TIMESTAMPTZ '2020-02-29 01:02:03+02' AS zoned, TIME '12:30' AS clock, INTERVAL 3 DAY AS pause,
    UUID '00000000-0000-0000-0000-00000000000a' AS ref, '\\xFF\\x00'::BLOB AS picture,
    [1.5::DECIMAL(4, 2), NULL] AS list, {'a': '\\xFF'::BLOB} AS record, true AS flag
"""


@pytest.fixture
def odd_values(configure: Configure, tmp_path: Path) -> None:
    """A warehouse with one customer who has a value of every type."""
    file = tmp_path / "odd.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute(ODD_VALUES)
    configure(dwh_url=f"duckdb:///{file}")


def test_a_customer_has_the_values_of_the_view(demo_settings: Configure, query_demo: Query, ask: Ask):
    names = [name for name, *_ in query_demo("DESCRIBE customer_features_view")]
    values = query_demo("FROM customer_features_view WHERE customer_id = ?", GUIDE_CUSTOMER)[0]
    row = dict(zip(names, values, strict=True))
    answer = ask(f"/dwh/customers/{GUIDE_CUSTOMER}/")
    assert answer.status_code == 200
    customer = answer.json()
    assert list(customer) == names
    assert customer["signup_date"] == row["signup_date"].isoformat()
    assert customer["total_revenue"] == pytest.approx(float(row["total_revenue"]))
    assert {name: customer[name] for name in ("full_name", "age", "email_verified", "customer_tier")} == {
        name: row[name] for name in ("full_name", "age", "email_verified", "customer_tier")
    }


@pytest.mark.usefixtures("odd_values")
def test_every_type_of_value_has_a_json_form(ask: Ask):
    answer = ask("/dwh/customers/a%2Fb%20'%22%25/")
    assert answer.status_code == 200
    assert answer.json() == {
        "customer_id": "a/b '\"%",
        "price": 10.1,
        "long_price": 123456789012345678.9,
        "not_a_number": None,
        "infinite": None,
        "nothing": None,
        "big": 9007199254740993,
        "huge": 170141183460469231731687303715884105727,
        "day": "2020-02-29",
        "moment": "2020-02-29T01:02:03.500000",
        "zoned": "2020-02-28T23:02:03Z",
        "clock": "12:30:00",
        "pause": "3 days",
        "ref": str(uuid.UUID(int=10)),
        "picture": r"\xFF\x00",
        "list": "[1.50, NULL]",
        "record": r"{'a': \xFF}",
        "flag": True,
    }


@pytest.mark.parametrize("customer_id", ["a\nb", "\n", "..", "../x", "a\r\nb/c"])
def test_an_id_may_have_any_character(api: FastAPI, configure: Configure, tmp_path: Path, customer_id: str):
    file = tmp_path / "odd.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE customer_features_view AS SELECT ? AS customer_id, 1 AS orders", [customer_id])
    configure(dwh_url=f"duckdb:///{file}")
    served = Starlette(routes=[Mount(API, app=api)])  # below a path, as the app serves it
    # Clients take a plain `..` for the folder above.
    path = f"{API}/dwh/customers/{quote(customer_id, safe='').replace('.', '%2E')}/"

    async def get() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(served), base_url="http://api") as client:
            return await client.get(path)

    answer = asyncio.run(get())
    assert (answer.status_code, answer.json()["customer_id"]) == (200, customer_id)


@pytest.mark.usefixtures("odd_values")
def test_columns_of_every_type_are_described(ask: Ask):
    columns = {column["name"]: column for column in ask("/dwh/columns/").json()["columns"]}
    assert (columns["price"]["minimum"], columns["price"]["kind"]) == (10.1, "number")
    assert columns["day"]["maximum"] == "2020-02-29"
    assert columns["not_a_number"]["blanks"] == 1
    assert columns["flag"]["top_values"] == [[True, 1]]
    assert columns["picture"]["kind"] == "other"


def test_columns_of_the_demo(demo_settings: Configure, query_demo: Query, ask: Ask):
    answer = ask("/dwh/columns/").json()
    names = [name for name, *_ in query_demo("DESCRIBE customer_features_view")]
    [(blank, lowest, highest)] = query_demo(
        "SELECT 1 - count(age) / count(*), min(age), max(age) FROM customer_features_view"
    )
    tiers = query_demo("SELECT customer_tier, count(*) FROM customer_features_view GROUP BY 1 ORDER BY 2 DESC, 1")
    assert answer["customers"] == DEMO_CUSTOMERS
    assert [column["name"] for column in answer["columns"]] == names
    columns = {column["name"]: column for column in answer["columns"]}
    assert columns["age"] == {
        "name": "age",
        "kind": "number",
        "group": "Profile",
        "label": "Age",
        "description": "Age in years; blank when the birth date is not known",
        "blanks": pytest.approx(blank),
        "out_of_range": 0,
        "minimum": lowest,
        "maximum": highest,
        "top_values": [],
        "is_masked": False,
        "different": None,
    }
    assert columns["customer_tier"]["top_values"] == [list(tier) for tier in tiers]


def test_a_search_finds_by_the_start_of_the_id(demo_settings: Configure, ask: Ask):
    found = ask("/dwh/customers/?q=123e4567&limit=1").json()["customers"]
    assert [customer["customer_id"] for customer in found] == [GUIDE_CUSTOMER]


@pytest.mark.parametrize("body", [{"q": "example"}, {"q": "EXAMPLE", "limit": 2}, {"q": GUIDE_CUSTOMER}, {"q": "%"}])
def test_a_search_can_be_in_the_body(demo_settings: Configure, ask: Ask, body: dict[str, Any]):
    found = ask("/dwh/customers/search/", "POST", body)
    assert found.status_code == 200
    assert found.json() == ask(f"/dwh/customers/?{urlencode(body)}").json()


@pytest.mark.parametrize("body", [{}, {"q": ""}, {"q": "a" * 256}, {"q": "a", "limit": 101}, {"q": "a", "ofset": 1}])
def test_a_search_in_the_body_is_checked(demo_settings: Configure, ask: Ask, body: dict[str, Any]):
    assert error_of(ask("/dwh/customers/search/", "POST", body))[:2] == (422, "bad_request")


def test_a_search_returns_as_many_as_asked_for(demo_settings: Configure, query_demo: Query, ask: Ask):
    [(matching,)] = query_demo("SELECT count(*) FROM customer_features_view WHERE email ILIKE '%example%'")
    assert len(ask("/dwh/customers/?q=example").json()["customers"]) == 20
    assert len(ask("/dwh/customers/?q=example&limit=100").json()["customers"]) == 100
    assert ask("/dwh/customers/?q=example").json()["total"] == matching > 100
    assert ask("/dwh/customers/?q=no+such+person").json() == {"total": 0, "customers": []}


def test_health_of_a_sound_warehouse(demo_settings: Configure, ask: Ask):
    health = ask("/health/").json()
    assert {check["status"] for check in health["checks"]} <= {"ok", "warning"}
    view = next(check for check in health["checks"] if check["name"] == "Features view")
    assert view["detail"] == "customer_features_view: 40 columns; customers: 2,000."


def test_health_answers_while_the_warehouse_is_down(configure: Configure, tmp_path: Path, ask: Ask):
    configure(dwh_url=f"duckdb:///{tmp_path / 'missing.duckdb'}")
    get_services().prepare_store()
    answer = ask("/health/")
    assert answer.status_code == 200
    health = answer.json()
    assert health["status"] == "error"
    assert health["checks"][0]["status"] == "error"
    assert "missing.duckdb does not exist" in health["checks"][0]["detail"]
    assert "DWH_URL" in health["checks"][0]["remedy"]
