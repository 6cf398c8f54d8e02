"""What goes wrong with segments over HTTP: each error in its shape, whatever is sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from loyalty_core.segments import SegmentDraft
from loyalty_core.services import get_services
from tests.fixtures.api import RICH, create, error_of
from tests.segments.scored import segment
from tests.workbench import GUIDE_CUSTOMER, Configure

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI

    from tests.fixtures.api import Ask

pytestmark = pytest.mark.usefixtures("scored_settings")

MIB = 2**20


def faults_of(answer: httpx.Response) -> list[tuple[str, str]]:
    """Code and path of each fault; the shape is checked on the way."""
    body = answer.json()
    assert (answer.status_code, body["error"], set(body)) == (422, "bad_rule", {"error", "detail", "faults"})
    assert all(set(fault) == {"code", "path", "sentence", "remedy"} for fault in body["faults"])
    return [(fault["code"], fault["path"]) for fault in body["faults"]]


def test_restoring_a_rule_that_cannot_be_used_any_more(ask: Ask):
    get_services().segments.create(SegmentDraft("Old", {">": [{"var": "gone"}, 1]}), actor="ann")
    ask("/segments/old/", "PUT", {"name": "Old", "rule": {}, "version": 1})
    assert faults_of(ask("/segments/old/restore/", "POST", {"version": 1})) == [("unknown_column", "$.>[0].var")]


@pytest.mark.parametrize(
    ("query", "code", "detail"),
    [
        ("limit=0", "bad_request", "limit: "),
        ("limit=1001", "bad_request", "limit: "),
        ("offset=-1", "bad_request", "offset: "),
        ("offset=99999999999999999999", "bad_request", "offset: "),
        ("descending=perhaps", "bad_request", "descending: "),
        ("sort=nope", "unknown_column", "There is no column 'nope'."),
        ("sort=segment:nope", "unknown_column", "There is no column 'segment:nope'."),
        ("sort=age%3B--", "unknown_column", "There is no column 'age;--'."),
    ],
)
def test_a_page_that_cannot_be(ask: Ask, query: str, code: str, detail: str):
    create(ask, "Everyone", {})
    status, found, sentence = error_of(ask(f"/segments/everyone/members/?{query}"))
    assert (status, found) == (422, code)
    assert sentence.startswith(detail)


def test_an_export_that_cannot_begin_is_an_error(ask: Ask, demo_settings: Configure, tmp_path: Path):
    create(ask, "Risky", {"==": [{"var": "churn_risk"}, "high"]})
    demo_settings(predictions_file=tmp_path / "none.parquet")
    assert error_of(ask("/segments/risky/members/export/"))[:2] == (503, "predictions_missing")
    assert error_of(ask("/segments/risky/members/"))[:2] == (503, "predictions_missing")
    assert error_of(ask("/segments/risky/refresh/", "POST"))[:2] == (503, "predictions_missing")
    assert "have not been scored yet" in ask("/segments/risky/").json()["error"]


def test_every_fault_of_a_rule_is_named(ask: Ask):
    rule = {"and": [{">": [{"var": "total_revenu"}, 1]}, {"==": [{"var": "age"}, "old"]}]}
    expected = [("unknown_column", "$.and[0].>[0].var"), ("wrong_type", "$.and[1].==[1]")]
    create(ask, "Rich", RICH)
    answers = [
        ask("/segments/evaluate/", "POST", {"rule": rule}),
        ask("/segments/", "POST", {"name": "Bad", "rule": rule}),
        ask("/segments/rich/", "PUT", {"name": "Rich", "rule": rule, "version": 1}),
    ]
    assert [faults_of(answer) for answer in answers] == [expected] * 3
    fault = answers[0].json()["faults"][0]
    assert "total_revenu" in fault["sentence"]
    assert "total_revenue" in fault["remedy"]
    assert ask("/segments/").json()["segments"][0]["version"] == 1


def deep(levels: int) -> Any:
    rule: Any = RICH
    for _ in range(levels):
        rule = {"!": [rule]}
    return rule


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"drop table": [1]}, "unknown_operator"),
        ({"==": [{"var": "city"}, "a\0b"]}, "bad_text"),
        ({"==": [{"var": "city"}, "\ud800"]}, "bad_text"),
        ({"==": [{"var": "\ud800"}, 1]}, None),
        ({"\ud800": [1]}, None),
        ({"==": [{"var": "age"}, 10**400]}, "number_too_large"),
        (deep(60), "too_deep"),
        ({"in": [{"var": "city"}, ["x" * 70_000]]}, "too_much_text"),
        ({"in": [{"var": "age"}, [*range(100_001)]]}, "too_long"),
        ({"and": []}, None),
        (segment("nope"), "unknown_column"),
    ],
)
def test_rules_from_outside_are_not_trusted(ask: Ask, rule: Any, code: str | None):
    found = faults_of(ask("/segments/evaluate/", "POST", {"rule": rule}))
    assert code is None or found[0][0] == code


@pytest.mark.parametrize(
    "text", ['{"rule": ' + '{"!": [' * 20_000, "[" * 50_000, '{"rule": ' + "9" * 5_000 + "}", "{", "\x00"]
)
def test_a_body_that_is_no_json(api: FastAPI, text: str):
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(api, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            headers = {"content-type": "application/json"}
            return await client.post("/segments/evaluate/", content=text.encode(), headers=headers)

    status, code, detail = error_of(asyncio.run(send()))
    assert status in {400, 422}
    assert code == "bad_request"
    assert len(detail) < 250


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large(api: FastAPI, chunked: bool):
    async def parts() -> Any:
        for _ in range(20):
            yield b" " * MIB

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(api, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            content = parts() if chunked else b" " * (20 * MIB)
            return await client.post("/segments/evaluate/", content=content)

    answer = asyncio.run(send())
    assert error_of(answer) == (413, "too_large", "The body is too large; send at most 16 MiB.")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"rule": {}}, "name: Field required"),
        ({"name": "A"}, "Give either rule or rules."),
        ({"name": 5, "rule": {}}, "name: Input should be a valid string"),
        ({"name": "A", "rule": {}, "tags": "value"}, "tags: Input should be a valid list"),
        (
            {"name": "A", "rule": {}, "tags": ["x"] * 101},
            "tags: List should have at most 100 items after validation, not 101",
        ),
        ({"name": "A", "rule": {}, "owner": "me"}, "owner: Extra inputs are not permitted"),
        ([], ": Input should be"),
        (None, ": Field required"),
    ],
)
def test_a_body_with_the_wrong_fields(ask: Ask, body: Any, detail: str):
    status, code, found = error_of(ask("/segments/", "POST", body))
    assert (status, code) == (422, "bad_request")
    assert detail.removeprefix(": ") in found


@pytest.mark.parametrize(
    ("draft", "status", "code"),
    [
        ({"name": "  "}, 422, "bad_segment"),
        ({"name": "a" * 121}, 422, "bad_segment"),
        ({"name": "A", "description": "a" * 2001}, 422, "bad_segment"),
        ({"name": "A", "tags": ["a" * 61]}, 422, "bad_segment"),
        ({"name": "A\0"}, 422, "bad_segment"),
        ({"name": "\ud800"}, 422, "bad_segment"),
        ({"name": "rich"}, 409, "segment_name_taken"),
    ],
)
def test_a_segment_that_cannot_be_stored(ask: Ask, draft: dict[str, Any], status: int, code: str):
    create(ask, "Rich", RICH)
    assert error_of(ask("/segments/", "POST", {"rule": {}} | draft))[:2] == (status, code)
    assert len(ask("/segments/").json()["segments"]) == 1


def test_a_circle_is_refused(ask: Ask):
    create(ask, "A", {})
    create(ask, "B", segment("a"))
    status, code, detail = error_of(ask("/segments/a/", "PUT", {"name": "A", "rule": segment("b"), "version": 1}))
    assert (status, code) == (422, "segment_cycle")
    assert "A → B → A" in detail


CALLS = [
    ("GET", "", None),
    ("PUT", "", {"name": "A", "rule": {}, "version": 1}),
    ("DELETE", "", None),
    ("POST", "refresh/", None),
    ("GET", "members/", None),
    ("GET", "members/export/", None),
    ("GET", f"customers/{GUIDE_CUSTOMER}/", None),
    ("GET", "versions/", None),
    ("POST", "restore/", {"version": 1}),
]


@pytest.mark.parametrize("segment_id", ["nope", "%00", "' OR 1=1 --", "a" * 5_000, "VIP", "🦊", ".."])
@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_a_segment_that_is_not_there(ask: Ask, method: str, path: str, body: Any, segment_id: str):
    answer = ask(f"/segments/{segment_id.replace('..', '%2E%2E')}/{path}", method, body)
    status, code, detail = error_of(answer)
    assert (status, code) == (404, "segment_not_found")
    assert len(detail) < 250


def test_a_store_that_is_down(ask: Ask, demo_settings: Configure, tmp_path: Path):
    (tmp_path / "no-store.db").write_text("not a database")
    demo_settings(state_database_url=f"sqlite:///{tmp_path / 'no-store.db'}")
    assert error_of(ask("/segments/"))[:2] == (503, "state_store_unavailable")


def test_a_warehouse_that_is_down(ask: Ask, demo_settings: Configure, tmp_path: Path):
    create(ask, "Everyone", {})
    demo_settings(dwh_url=f"duckdb:///{tmp_path / 'missing.duckdb'}")
    for method, path in (("GET", "members/"), ("GET", "members/export/"), ("POST", "refresh/")):
        assert error_of(ask(f"/segments/everyone/{path}", method))[:2] == (503, "warehouse_unavailable")
    assert error_of(ask("/segments/evaluate/", "POST", {"rule": RICH}))[:2] == (503, "warehouse_unavailable")
    assert ask("/segments/everyone/").status_code == 200
