"""One shape for everything that goes wrong: `{"error": code, "detail": sentence}`."""

from pathlib import Path

import duckdb
import pytest

from loyalty_core.services import get_services
from tests.fixtures.api import Ask, error_of
from tests.workbench import Configure


@pytest.mark.parametrize("customer_id", ["nobody", "' OR 1=1 --", "🦊", "a" * 10_000, "%00", "%2E%2E%2F"])
def test_an_unknown_customer(demo_settings: Configure, ask: Ask, customer_id: str):
    status, code, detail = error_of(ask(f"/dwh/customers/{customer_id}/"))
    assert (status, code) == (404, "customer_not_found")
    assert len(detail) < 250


def test_an_unknown_path(ask: Ask):
    assert error_of(ask("/nope/")) == (
        404,
        "not_found",
        "The API has no such address: its page docs/ lists all of them.",
    )


def test_a_wrong_method(ask: Ask):
    answer = ask("/health/", "DELETE")
    status, code, detail = error_of(answer)
    assert (status, code) == (405, "method_not_allowed")
    assert "the header Allow names those that it has" in detail
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("", "q: Field required"),
        ("?q=", "q: String should have at least 1 character"),
        (f"?q={'a' * 256}", "q: String should have at most 255 characters"),
        ("?q=a&limit=0", "limit: Input should be greater than or equal to 1"),
        ("?q=a&limit=101", "limit: Input should be less than or equal to 100"),
        ("?q=a&limit=many", "limit: Input should be a valid integer, unable to parse string as an integer"),
    ],
)
def test_an_invalid_request_names_the_field(ask: Ask, query: str, detail: str):
    assert error_of(ask(f"/dwh/customers/{query}")) == (422, "bad_request", detail)


@pytest.mark.parametrize("path", ["/dwh/columns/", "/dwh/customers/x/", "/dwh/customers/?q=x"])
def test_a_warehouse_that_is_down(configure: Configure, tmp_path: Path, ask: Ask, path: str):
    configure(dwh_url=f"duckdb:///{tmp_path / 'missing.duckdb'}")
    status, code, detail = error_of(ask(path))
    assert (status, code) == (503, "warehouse_unavailable")
    assert "missing.duckdb does not exist." in detail
    assert "set DWH_URL" in detail


def test_a_view_that_is_missing(configure: Configure, tmp_path: Path, ask: Ask):
    with duckdb.connect(str(tmp_path / "empty.duckdb")) as connection:
        connection.execute("CREATE TABLE customer_feature_view (customer_id integer)")
    configure(dwh_url=f"duckdb:///{tmp_path / 'empty.duckdb'}")
    status, code, detail = error_of(ask("/dwh/columns/"))
    assert (status, code) == (503, "view_unusable")
    assert "nearest: customer_feature_view" in detail


def test_what_is_unexpected_stays_in_the_log(
    demo_settings: Configure, ask: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def fail() -> None:
        raise RuntimeError("secret path /srv/x")

    monkeypatch.setattr(get_services().warehouse, "catalog", fail)
    answer = ask("/dwh/columns/")
    assert error_of(answer) == (500, "internal", "Something went wrong; the app's log has the cause.")
    assert "secret path" in caplog.text
