"""Exports that are prepared in the background: started, watched and fetched over the API."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from loyalty_core.services import get_services
from tests.fixtures.api import error_of
from tests.fixtures.jobs import over, see_off
from tests.workbench import DEMO_CUSTOMERS, Configure, Query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fixtures.api import Ask


@pytest.fixture(autouse=True)
def exports(demo_settings: Configure, tmp_path: Path) -> Iterator[Path]:
    """The folder of the files."""
    demo_settings(exports_dir=tmp_path / "exports")
    yield tmp_path / "exports"
    see_off()


def test_an_export_is_started_watched_and_fetched(ask: Ask, query_demo: Query, exports: Path):
    ask("/segments/", "POST", {"name": "Norwegians", "rule": {"==": [{"var": "country"}, "Norway"]}})
    begun = ask("/exports/", "POST", {"segment_id": "norwegians"})
    assert begun.status_code == 202
    job_id = begun.json()["job_id"]
    jobs = get_services().jobs
    assert over(jobs, jobs.get(job_id)).state == "done"
    export = ask(f"/exports/{job_id}/").json()
    ((expected,),) = query_demo("SELECT count(*) FROM customer_features_view WHERE country = 'Norway'")
    assert (export["state"], export["customers"], export["done"], export["total"]) == ("done", *[expected] * 3)
    assert (export["segment_id"], export["format"], export["error"]) == ("norwegians", "csv", None)
    file = ask(f"/exports/{job_id}/file/", headers={"accept-encoding": "identity"})  # whose length is known
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert file.headers["content-disposition"] == f'attachment; filename="{export["file"]}"'
    assert len(list(csv.DictReader(io.StringIO(file.text)))) == expected
    assert int(file.headers["content-length"]) == export["bytes"]
    assert ask(f"/exports/{job_id}/", "DELETE").json() == export
    (exports / export["file"]).unlink()
    assert error_of(ask(f"/exports/{job_id}/file/"))[:2] == (404, "export_not_found")


def test_without_a_segment_every_customer_is_exported(ask: Ask):
    job_id = ask("/exports/", "POST", {"format": "parquet"}).json()["job_id"]
    jobs = get_services().jobs
    assert over(jobs, jobs.get(job_id)).result["customers"] == DEMO_CUSTOMERS
    assert ask(f"/exports/{job_id}/file/").headers["content-type"] == "application/vnd.apache.parquet"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"segment_id": "nobody"}, 404, "segment_not_found"),
        ({"segment_id": "../vip"}, 404, "segment_not_found"),
        ({"format": "xlsx"}, 422, "bad_request"),
        ({"file": "/etc/passwd"}, 422, "bad_request"),
    ],
)
def test_what_cannot_be_exported(ask: Ask, body: dict[str, str], status: int, code: str):
    assert error_of(ask("/exports/", "POST", body))[:2] == (status, code)
    assert get_services().jobs.list() == []


def test_other_jobs_are_not_found(ask: Ask):
    jobs = get_services().jobs
    job = over(jobs, jobs.start("segments", {}, "ann"))
    for path, method in (
        (f"/exports/{job.id}/", "GET"),
        (f"/exports/{job.id}/file/", "GET"),
        ("/exports/99/", "DELETE"),
    ):
        assert error_of(ask(path, method))[:2] == (404, "job_not_found")
