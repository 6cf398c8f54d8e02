"""Bodies that are refused before anything is done with them."""

import pytest

from tests.fixtures.api import Ask, error_of

LEVELS = 256


@pytest.mark.parametrize("bomb", [b"[" * 100_000, b'{"rule":' * 100_000, b'{"rule": ' + b"[" * 257 + b"]" * 257 + b"}"])
def test_a_body_that_is_nested_too_deeply(ask: Ask, bomb: bytes):
    assert error_of(ask("/segments/evaluate/", "POST", bomb)) == (
        422,
        "bad_request",
        f"The body is nested more than {LEVELS} levels deep.",
    )


@pytest.mark.parametrize(
    "body",
    [
        b'{"rule": ["' + b"[" * 1_000 + b'"]}',
        b'{"rule": ["\\"' + b"[" * 1_000 + b'"]}',
        b'{"rule": [' + b"[]," * 1_000 + b"[]]}",
    ],
)
def test_brackets_in_texts_and_beside_each_other_are_no_levels(demo_settings: object, ask: Ask, body: bytes):
    assert error_of_rule(ask, body) == "bad_rule"


@pytest.mark.parametrize("body", [b'"' * 1_001, b'{"a": "' + b"[" * 300, b"]" * 1_000, b"{" * 250])
def test_what_is_not_json_is_refused_by_the_parser(ask: Ask, body: bytes):
    status, code, detail = error_of(ask("/segments/evaluate/", "POST", body))
    assert (status, code) == (422, "bad_request")
    assert "JSON decode error" in detail


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
def test_a_body_that_is_not_called_json(ask: Ask, content_type: str):
    answer = ask("/segments/evaluate/", "POST", b'{"rule": null}', {"content-type": content_type})
    status, code, detail = error_of(answer)
    assert (status, code) == (415, "unsupported_media_type")
    assert "Content-Type: application/json" in detail


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON", "application/x+json"])
def test_spellings_of_json(ask: Ask, content_type: str):
    answer = ask("/segments/evaluate/", "POST", b"[]", {"content-type": content_type})
    assert error_of(answer)[:2] == (422, "bad_request")


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/segments/?serch=vip", "serch: There is no such parameter. Did you mean search?"),
        ("/health/live/?x=1", "x: There is no such parameter."),
        ("/dwh/customers/?q=a&ofset=1", "ofset: There is no such parameter. Known: limit, q."),
    ],
)
def test_a_parameter_that_no_route_reads(ask: Ask, path: str, detail: str):
    assert error_of(ask(path)) == (422, "bad_request", detail)


@pytest.mark.parametrize(
    ("path", "method", "body", "field"),
    [
        ("/dwh/ml/segment/churn/", "POST", {"segment_id": "vip", "frist": 5}, "frist"),
        ("/dwh/ml/segment/churn/", "POST", {"segment_id": "vip", "first": "5"}, "first"),
        ("/segments/vip/restore/", "POST", {"version": 1.0}, "version"),
        ("/segments/vip/restore/", "POST", {"version": True}, "version"),
    ],
)
def test_keys_and_types_are_not_guessed(
    demo_settings: object, ask: Ask, path: str, method: str, body: object, field: str
):
    status, code, detail = error_of(ask(path, method, body))
    assert (status, code) == (422, "bad_request")
    assert detail.startswith(f"{field}: ")


def error_of_rule(ask: Ask, body: bytes) -> str:
    answer = ask("/segments/evaluate/", "POST", body)
    assert answer.status_code == 422, answer.text
    return answer.json()["error"]
