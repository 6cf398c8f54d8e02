"""Segments over HTTP: what the engine and the repository say, and every error in its shape."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import TYPE_CHECKING, Any

import httpx
import pyarrow.parquet as pq
import pytest
from starlette.requests import ClientDisconnect

from loyalty_core.api import create_api
from loyalty_core.jobs import JobQueue
from loyalty_core.services import get_services
from loyalty_core.store import audit
from loyalty_core.warehouse.engine import is_idle
from tests.fixtures.api import NORWAY, RICH, create, error_of
from tests.fixtures.jobs import NO_WORK, see_off
from tests.segments.scored import segment
from tests.workbench import API, DEMO_CUSTOMERS, GUIDE_CUSTOMER, Query, Served

if TYPE_CHECKING:
    from tests.fixtures.api import Ask


pytestmark = pytest.mark.usefixtures("scored_settings")


def test_a_segment_is_stored_and_read(ask: Ask):
    created = create(ask, "  Gode kunder ", RICH, description="Kjøper ofte.", tags=["value", " b "])
    moments = {name: created.pop(name) for name in ("created_at", "updated_at")}
    assert created == {
        "id": "gode-kunder",
        "name": "Gode kunder",
        "description": "Kjøper ofte.",
        "tags": ["b", "value"],
        "rule": RICH,
        "owner": "Local user",
        "version": 1,
        "updated_by": "Local user",
        "archived_at": None,
        "size": None,
        "sizes_recent": [],
        "error": None,
        "is_stale": True,
        "data_changed": False,
        "fewer_than": None,
        "rules": [{"name": "Gode kunder", "rule": RICH}],
        "is_active": True,
        "is_dynamic": True,
    }
    assert moments["created_at"] == moments["updated_at"]
    assert moments["created_at"].endswith("Z")
    answer = ask("/segments/gode-kunder/")
    assert (answer.status_code, answer.json()) == (200, created | moments)
    with get_services().store.session(read_only=True) as session:
        event = audit.recent(session)[0]
        assert (event.actor, event.action, event.subject_id) == ("Local user", "created", "gode-kunder")


def test_a_list_is_searched_and_filtered(ask: Ask):
    create(ask, "VIP", RICH, tags=["value", "Q1"])
    create(ask, "Norwegians", NORWAY, description="From Norway", tags=["value"])
    create(ask, "Everyone", {})
    get_services().segments.archive("everyone", actor="ann")

    def names(query: str) -> list[str]:
        return [found["name"] for found in ask(f"/segments/{query}").json()["segments"]]

    assert names("") == ["Norwegians", "VIP"]
    assert names("?search=norway") == ["Norwegians"]
    assert names("?tag=value&tag=q1") == ["VIP"]
    assert names("?tag=nope") == []
    assert names("?archived=true") == ["Everyone"]


def test_an_update_needs_the_version_it_is_made_on(ask: Ask):
    create(ask, "Rich", RICH, description="Old", tags=["a"])
    update = {"name": "Rich", "rule": NORWAY, "version": 1}
    updated = ask("/segments/rich/", "PUT", update)
    assert updated.status_code == 200
    found = updated.json()
    assert (found["version"], found["rule"], found["description"], found["tags"]) == (2, NORWAY, "", [])
    status, code, detail = error_of(ask("/segments/rich/", "PUT", update))
    assert (status, code) == (409, "segment_changed")
    assert "Local user saved version 2" in detail
    for version in (None, 0, "x", 2**40):
        status, code, detail = error_of(ask("/segments/rich/", "PUT", update | {"version": version}))
        assert (status, code) == (422, "bad_request")
        assert detail.startswith("version: ")
    assert ask("/segments/rich/").json()["version"] == 2


def test_versions_and_restoring_one(ask: Ask):
    create(ask, "Rich", RICH)
    ask("/segments/rich/", "PUT", {"name": "Richer", "rule": NORWAY, "version": 1})
    versions = ask("/segments/rich/versions/").json()["versions"]
    assert [(one["number"], one["actor"], one["name"], one["rule"]) for one in versions] == [
        (2, "Local user", "Richer", NORWAY),
        (1, "Local user", "Rich", RICH),
    ]
    assert versions[0]["changes"] == ["Name changed from “Rich” to “Richer”.", "Rule changed."]
    restored = ask("/segments/rich/restore/", "POST", {"version": 1})
    assert restored.status_code == 200
    assert (restored.json()["version"], restored.json()["rule"], restored.json()["name"]) == (3, RICH, "Rich")
    status, code, detail = error_of(ask("/segments/rich/restore/", "POST", {"version": 9}))
    assert (status, code) == (404, "segment_not_found")
    assert "has no version 9" in detail


def test_deleting(ask: Ask):
    create(ask, "Rich", RICH)
    create(ask, "Rich Norwegians", {"and": [segment("rich"), NORWAY]})
    status, code, detail = error_of(ask("/segments/rich/", "DELETE"))
    assert (status, code) == (409, "segment_in_use")
    assert "“Rich Norwegians”" in detail
    for name in ("rich-norwegians", "rich"):
        answer = ask(f"/segments/{name}/", "DELETE")
        assert (answer.status_code, answer.content) == (204, b"")
    assert ask("/segments/").json() == {"segments": []}


def test_refresh_counts_who_joined_and_left(ask: Ask, sql: Query):
    create(ask, "Rich", RICH)
    [(rich, norwegians, both)] = sql(
        "SELECT count(*) FILTER (total_revenue > 800), count(*) FILTER (country = 'Norway'), "
        "count(*) FILTER (total_revenue > 800 AND country = 'Norway') FROM customers"
    )
    size = ask("/segments/rich/refresh/", "POST").json()
    assert {name: size[name] for name in ("customers", "base", "joined", "left", "version", "cause")} == {
        "customers": rich,
        "base": DEMO_CUSTOMERS,
        "joined": rich,
        "left": 0,
        "version": 1,
        "cause": "on demand",
    }
    ask("/segments/rich/", "PUT", {"name": "Rich", "rule": NORWAY, "version": 1})
    size = ask("/segments/rich/refresh/", "POST").json()
    assert (size["customers"], size["joined"], size["left"]) == (norwegians, norwegians - both, rich - both)
    found = ask("/segments/rich/").json()
    assert (found["size"], found["sizes_recent"], found["is_stale"]) == (size, [rich, norwegians], False)


def test_members_page_by_page(ask: Ask, sql: Query):
    create(ask, "Norwegians", NORWAY)
    first = ask("/segments/norwegians/members/").json()["members"]
    assert len(first) == 50
    names = [name for name, *_ in sql("DESCRIBE customer_features_view")]
    assert list(first[0]) == names
    expected = sql(
        "SELECT customer_id FROM customers WHERE country = 'Norway' ORDER BY age DESC NULLS LAST, customer_id"
    )
    found: list[tuple[str]] = []
    while page := ask(f"/segments/norwegians/members/?limit=200&offset={len(found)}&sort=age&descending=true").json()[
        "members"
    ]:
        found += [(row["customer_id"],) for row in page]
    assert found == expected
    by_prediction = ask("/segments/norwegians/members/?limit=1&sort=churn_probability").json()["members"]
    assert [(row["customer_id"],) for row in by_prediction] == sql(
        "SELECT customer_id FROM customers WHERE country = 'Norway' ORDER BY churn_probability, customer_id LIMIT 1"
    )


@pytest.mark.parametrize(
    ("form", "kind"), [("csv", "text/csv; charset=utf-8"), ("parquet", "application/vnd.apache.parquet")]
)
def test_an_export_has_every_member(ask: Ask, sql: Query, form: str, kind: str):
    create(ask, "Norwegians", NORWAY)
    answer = ask(f"/segments/norwegians/members/export/?format={form}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.headers["content-disposition"] == f'attachment; filename="norwegians.{form}"'
    assert "content-length" not in answer.headers
    expected = {customer for (customer,) in sql("SELECT customer_id FROM customers WHERE country = 'Norway'")}
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(answer.text)))
    else:
        rows = pq.read_table(io.BytesIO(answer.content)).to_pylist()
    assert len(rows) == len(expected)
    assert {row["customer_id"] for row in rows} == expected
    assert list(rows[0]) == [name for name, *_ in sql("DESCRIBE customer_features_view")]


def test_an_export_has_the_columns_that_are_asked_for(ask: Ask, sql: Query):
    create(ask, "Norwegians", NORWAY)
    path = "/segments/norwegians/members/export/"
    answer = ask(f"{path}?columns=customer_id&columns=churn_risk&columns=customer_id")
    header, *lines = csv.reader(io.StringIO(answer.content.decode()))
    assert header == ["customer_id", "churn_risk"]
    expected = sql("SELECT customer_id, churn_risk FROM customers WHERE country = 'Norway'")
    assert sorted(map(tuple, lines)) == sorted(expected)
    assert error_of(ask(f"{path}?columns=nope"))[:2] == (422, "unknown_column")


def test_an_export_is_csv_unless_asked_otherwise(ask: Ask):
    create(ask, "Nobody", {"<": [{"var": "age"}, 0]})
    answer = ask("/segments/nobody/members/export/")
    assert len(answer.text.splitlines()) == 1
    assert answer.text.startswith('"customer_id",')
    assert error_of(ask("/segments/nobody/members/export/?format=xlsx"))[:2] == (422, "bad_request")


def test_a_client_who_leaves_gives_the_connection_back(ask: Ask):
    create(ask, "Everyone", {})
    path = "/segments/everyone/members/export/"
    sent: list[Any] = []

    async def leave() -> None:
        messages = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> dict[str, Any]:
            return messages.pop() if messages else await asyncio.Future()

        async def send(message: Any) -> None:
            sent.append(message)
            if message["type"] == "http.response.body":
                raise OSError("the client has left")

        scope = {
            **{"type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1"},
            **{"method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": ""},
            **{"scheme": "http", "headers": [], "client": None, "server": None},
        }
        with pytest.raises(ClientDisconnect):
            await create_api()(scope, receive, send)

    asyncio.run(leave())
    assert len(sent) >= 2
    assert is_idle(get_services().warehouse.engine)


def test_why_a_customer_belongs(ask: Ask, sql: Query):
    [(revenue, country)] = sql("SELECT total_revenue, country FROM customers WHERE customer_id = ?", GUIDE_CUSTOMER)
    assert (revenue > 800, country) == (True, "Denmark")
    create(ask, "Rich", RICH)
    create(ask, "Rich Norwegians", {"and": [segment("rich"), NORWAY, RICH]})
    answer = ask(f"/segments/rich-norwegians/customers/{GUIDE_CUSTOMER}/").json()
    explanation = answer["explanation"]
    assert (answer["belongs"], explanation["holds"], explanation["path"]) == (False, False, "$.and")
    assert [(part["sentence"], part["holds"], part["actual"]) for part in explanation["children"]] == [
        ("Member of Rich is yes", True, {"segment:rich": True}),
        ("Country is “Norway”", False, {"country": "Denmark"}),
        ("Total revenue is more than 800", True, {"total_revenue": revenue}),
    ]
    assert [(change["column"], change["before"], change["after"]) for change in explanation["change"]] == [
        ("country", "Denmark", "Norway")
    ]
    assert ask(f"/segments/rich/customers/{GUIDE_CUSTOMER}/").json()["belongs"] is True
    for nobody in ("nobody", "a/b", "%00", "' OR 1=1 --"):
        assert error_of(ask(f"/segments/rich/customers/{nobody}/"))[:2] == (404, "customer_not_found")


def test_a_rule_is_evaluated_without_being_stored(ask: Ask, sql: Query):
    create(ask, "Rich", RICH)
    rule = {"and": [segment("rich"), {"==": [{"var": "churn_risk"}, "high"]}]}
    [(rich, high, both)] = sql(
        "SELECT count(*) FILTER (total_revenue > 800), count(*) FILTER (churn_risk = 'high'), "
        "count(*) FILTER (total_revenue > 800 AND churn_risk = 'high') FROM customers"
    )
    answer = ask("/segments/evaluate/", "POST", {"rule": rule})
    assert answer.status_code == 200
    found = answer.json()
    statement = found.pop("sql")
    assert found == {
        "customers": both,
        "base": DEMO_CUSTOMERS,
        "share": both / DEMO_CUSTOMERS,
        "sentence": "Customers where Member of Rich is yes and Churn risk is “high”",
        "certain": None,
        "conditions": [
            {"path": "$.and[0].==", "sentence": "Member of Rich is yes", "holds": rich, "blanks": 0, "certain": None},
            {"path": "$.and[1].==", "sentence": "Churn risk is “high”", "holds": high, "blanks": 0, "certain": None},
        ],
        "funnel": [
            {"path": "$.and[0].==", "sentence": "Member of Rich is yes", "remaining": rich, "without": high},
            {"path": "$.and[1].==", "sentence": "Churn risk is “high”", "remaining": both, "without": rich},
        ],
    }
    assert len(sql(statement)) == both
    assert len(ask("/segments/").json()["segments"]) == 1


@pytest.mark.parametrize("rule", [{}, None, []])
def test_an_empty_rule_is_everyone(ask: Ask, rule: Any):
    found = ask("/segments/evaluate/", "POST", {"rule": rule}).json()
    assert (found["customers"], found["share"], found["conditions"], found["funnel"]) == (DEMO_CUSTOMERS, 1, [], [])


def test_a_long_list_of_ids_fits(ask: Ask, sql: Query):
    ids = [customer for (customer,) in sql("SELECT customer_id FROM customers LIMIT 700")]
    rule = {"in": [{"var": "customer_id"}, [*ids, *(f"{n:064d}" for n in range(20_000))]]}
    assert create(ask, "Listed", rule)["rule"] == rule
    assert ask("/segments/listed/refresh/", "POST").json()["customers"] == 700


def test_a_served_export_arrives_in_chunks(served: Served, query_demo: Query):
    with httpx.Client(base_url=f"{served.url}{API}", timeout=120) as client:
        segment_id = client.post("/segments/", json={"name": "Served", "rule": NORWAY}).json()["id"]
        with client.stream("GET", f"/segments/{segment_id}/members/export/") as answer:
            assert answer.headers["transfer-encoding"] == "chunked"
            lines = list(csv.DictReader(io.StringIO(answer.read().decode())))
        assert client.delete(f"/segments/{segment_id}/").status_code == 204
    expected = query_demo("SELECT customer_id FROM customer_features_view WHERE country = 'Norway'")
    assert {(line["customer_id"],) for line in lines} == set(expected)
    assert len(lines) == len(expected)


def test_many_segments_are_computed_in_the_background(ask: Ask):
    services = get_services()
    services.jobs = JobQueue(services.store, module=NO_WORK)
    create(ask, "Rich", RICH)
    started = ask("/segments/refresh/", "POST", {"ids": ["rich"]})
    job = services.jobs.get(started.json()["job_id"])
    assert (started.status_code, started.headers["location"]) == (202, f"/jobs/{job.id}/")
    assert (job.kind, job.options) == ("segments", {"ids": ["rich"]})
    assert error_of(ask("/segments/refresh/", "POST", {"ids": ["nobody"]}))[:2] == (404, "segment_not_found")
    see_off()


def test_what_a_rule_may_read(ask: Ask):
    create(ask, "Norwegians", NORWAY)
    kinds = {field["name"]: field["kind"] for field in ask("/rules/fields/").json()["fields"]}
    assert (kinds["country"], kinds["churn_probability"]) == ("text", "number")
    assert kinds["segment:norwegians"] == "boolean"


def test_how_a_field_is_spread(ask: Ask, sql: Query):
    [(known, highest)] = sql("SELECT count(total_revenue), max(total_revenue) FROM customers")
    found = ask("/rules/fields/total_revenue/histogram/?bars=10").json()
    assert (sum(found["counts"]), len(found["edges"])) == (known, len(found["counts"]) + 1)
    assert found["open_ended"] == (highest > found["edges"][-1])
    assert error_of(ask("/rules/fields/country/histogram/"))[:2] == (422, "bad_segment")
    assert error_of(ask("/rules/fields/nothing/histogram/"))[:2] == (422, "unknown_column")


def test_segments_with_nearly_the_same_customers(ask: Ask):
    create(ask, "Norwegians", NORWAY)
    create(ask, "Rich", RICH)
    members = ask("/segments/norwegians/members/?limit=1&offset=0").json()["members"]
    nearly = {"and": [NORWAY, {"!=": [{"var": "customer_id"}, members[0]["customer_id"]]}]}
    (found,) = ask("/segments/similar/", "POST", {"rule": nearly}).json()
    assert (found["segment_id"], found["similarity"]) == ("norwegians", found["both"] / (found["both"] + 1))


def test_what_sets_a_segment_apart(ask: Ask, sql: Query):
    create(ask, "Norwegians", NORWAY)
    [(norwegians, mean)] = sql("SELECT count(*), avg(total_revenue) FROM customers WHERE country = 'Norway'")
    found = ask("/segments/norwegians/profile/").json()
    assert (found["customers"], found["base"]) == (norwegians, DEMO_CUSTOMERS)
    means = {one["column"]: one["segment_mean"] for one in found["numbers"]}
    assert means["total_revenue"] == pytest.approx(mean)
    [norway] = [one for one in found["values"] if (one["column"], one["value"]) == ("country", "Norway")]
    assert (norway["customers"], norway["segment_share"]) == (norwegians, 1)
    assert norway["index"] == pytest.approx(DEMO_CUSTOMERS / norwegians)


def test_how_segments_share_their_customers(ask: Ask, sql: Query):
    create(ask, "Norwegians", NORWAY)
    create(ask, "Rich", RICH)
    expected = sql(
        "SELECT (country = 'Norway') IS TRUE, (total_revenue > 800) IS TRUE, count(*) FROM customers GROUP BY 1, 2"
    )
    found = ask("/segments/overlap/", "POST", {"ids": ["norwegians", "rich"]}).json()["combinations"]
    counted = {tuple(one["member_of"]): one["customers"] for one in found}
    names = ("norwegians", "rich")
    assert counted == {
        tuple(name for name, is_in in zip(names, flags, strict=True) if is_in): customers
        for *flags, customers in expected
    }
    assert error_of(ask("/segments/overlap/", "POST", {"ids": ["rich"]}))[:2] == (422, "bad_request")
    assert error_of(ask("/segments/overlap/", "POST", {"ids": ["rich", "gone"]}))[:2] == (404, "segment_not_found")
