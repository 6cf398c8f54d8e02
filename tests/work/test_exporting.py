"""Exports of the demo warehouse as the Segments screen starts them: through the queue, in their own process."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from loyalty_core.access import NotAllowed, Scope, Viewer, acting_as
from loyalty_core.jobs import RESTRICTION
from loyalty_core.jobs.report import JobStopped, Report
from loyalty_core.segments import BadSegment, SegmentDraft, SegmentNotFound
from loyalty_core.services import Services, get_services
from loyalty_core.warehouse import restriction_of
from loyalty_core.work.exporting import export_customers
from tests.fixtures.jobs import on_sqlite, over, see_off
from tests.workbench import DEMO_CUSTOMERS, Configure, Query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.extended

NORWAY = {"==": [{"var": "country"}, "Norway"]}


@pytest.fixture
def services(demo_settings: Configure, store_url: str, tmp_path: Path) -> Iterator[Services]:
    demo_settings(state_database_url=store_url, exports_dir=tmp_path / "exports")
    services = get_services()
    services.prepare_store()
    services.segments.create(SegmentDraft("Norwegians", NORWAY), actor="ann")
    yield services
    see_off()


@on_sqlite
def test_a_segment_as_csv(services: Services, query_demo: Query, tmp_path: Path):
    options = {"segment_id": "norwegians", "format": "csv"}
    job = over(services.jobs, services.jobs.start("export", options, "ann"))
    assert job.state == "done", job.log_tail
    expected = query_demo("SELECT customer_id FROM customer_features_view WHERE country = 'Norway' ORDER BY 1")
    assert (job.phase, job.done, job.total) == ("Writing customers", len(expected), len(expected))
    assert job.message == f"{len(expected)} customers written."
    file = tmp_path / "exports" / job.result["file"]
    with file.open(newline="") as lines:
        assert sorted(row["customer_id"] for row in csv.DictReader(lines)) == [one for (one,) in expected]
    assert (job.result["customers"], job.result["bytes"]) == (len(expected), file.stat().st_size)
    assert services.jobs.latest("export", {"segment_id": "norwegians"}) == job
    assert services.jobs.latest("export", {"segment_id": "vip"}) is None


@on_sqlite
def test_the_whole_base_as_parquet(services: Services, tmp_path: Path):
    report = Report()
    result = export_customers(services, {"segment_id": None, "format": "parquet"}, report)
    assert result["file"].startswith("all-customers-")
    assert pq.read_metadata(tmp_path / "exports" / result["file"]).num_rows == result["customers"] == DEMO_CUSTOMERS
    assert report.unreported()[0].total == DEMO_CUSTOMERS


@on_sqlite
def test_an_export_has_what_its_viewer_may_see(services: Services, query_demo: Query, tmp_path: Path):
    viewer = Viewer("kari", frozenset({"admin"}), Scope.of(NORWAY))
    restriction = restriction_of(viewer, services.settings)
    assert restriction is not None
    options = {"segment_id": None, "format": "parquet", RESTRICTION: restriction.key}
    with acting_as(viewer):
        result = export_customers(services, options, Report())
    expected = query_demo("SELECT customer_id FROM customer_features_view WHERE country = 'Norway' ORDER BY 1")
    written = pq.read_table(tmp_path / "exports" / result["file"])
    assert sorted(written["customer_id"].to_pylist()) == [one for (one,) in expected]


@on_sqlite
def test_an_export_ends_where_its_viewer_may_see_something_else_by_now(services: Services):
    with pytest.raises(NotAllowed, match="when the export was started"):
        export_customers(services, {"segment_id": None, RESTRICTION: "of somebody else"}, Report())
    with acting_as(Viewer("kari", frozenset({"admin"}), Scope.of(NORWAY))), pytest.raises(NotAllowed):
        export_customers(services, {"segment_id": None}, Report())


@on_sqlite
def test_a_cancelled_export_leaves_no_file(services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    report = Report()
    monkeypatch.setattr(report, "progress", lambda done: (report.stop(), report.raise_if_stopped()))
    with pytest.raises(JobStopped):
        export_customers(services, {"segment_id": "norwegians", "format": "csv"}, report)
    assert list((tmp_path / "exports").iterdir()) == []


@on_sqlite
@pytest.mark.parametrize(
    ("options", "error"),
    [({"segment_id": "nobody", "format": "csv"}, SegmentNotFound), ({"format": "../xlsx"}, BadSegment)],
)
def test_what_cannot_be_exported(services: Services, options: dict[str, str], error: type[Exception]):
    with pytest.raises(error):
        export_customers(services, options, Report())
