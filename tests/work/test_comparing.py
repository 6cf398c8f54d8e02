"""Comparing versions as a job: what is saved, and that a training never fails for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loyalty_core.jobs.report import JobStopped, Report
from loyalty_core.ml.bundles import version_folder, write_bundle
from loyalty_core.segments import SegmentDraft
from loyalty_core.services import Services, get_services
from loyalty_core.work.comparing import compare, compare_with_active
from tests.ml.fixtures import other_parts
from tests.workbench import DEMO_CUSTOMERS

if TYPE_CHECKING:
    from loyalty_core.ml.versions import VersionComparison


@pytest.fixture
def services(trained: str) -> Services:
    return get_services()


def saved(services: Services, version: str, against: str) -> VersionComparison | None:
    return services.comparisons.find(version, against)


def test_it_stores_its_findings(services: Services, trained: str):
    services.segmentation.create(SegmentDraft("Regulars", {">": [{"var": "transaction_count"}, 5]}), actor="ann")
    version = write_bundle(services.settings.models_dir, other_parts())
    report = Report()
    result = compare(services, {"version": version, "against": trained}, report)
    assert result == {"version": version, "against": trained, "customers": DEMO_CUSTOMERS}
    found = saved(services, version, trained)
    assert list(found.same_rows) == ["churn", "nbo"]
    assert [shift.name for shift in found.shifts] == ["All customers", "Regulars"]
    progress, _ = report.unreported()
    assert (progress.phase, progress.done) == ("Answering customers", DEMO_CUSTOMERS)
    base = found.shifts[0]
    assert progress.message == (
        f"2,000 customers compared: {base.other_band:,} get another churn risk, "
        f"{base.other_offer:,} another best offer."
    )


def test_a_training_is_worth_it_whatever_the_comparison_meets(services: Services, trained: str):
    version = write_bundle(services.settings.models_dir, other_parts())
    (version_folder(services.settings.models_dir, trained) / "nbo.tflite").write_bytes(b"damaged")
    compare_with_active(services, version, Report())
    assert saved(services, version, trained) is None


def test_a_stop_comes_too_late_for_the_training(services: Services, trained: str):
    version = write_bundle(services.settings.models_dir, other_parts())
    report = Report()
    report.stop()
    with pytest.raises(JobStopped):
        compare(services, {"version": version, "against": trained}, report)
    compare_with_active(services, version, report)
    assert saved(services, version, trained) is None


def test_before_the_first_activation_there_is_nothing_to_compare_with(services: Services, trained: str):
    settings = services.settings
    alone = Services(settings.model_copy(update={"models_dir": settings.models_dir.with_name("others")}))
    parts = other_parts()
    version = write_bundle(alone.settings.models_dir, replace(parts, trained_by="ann"))
    report = Report()
    compare_with_active(alone, version, report)
    assert report.unreported()[0].phase == ""
    alone.store.close()
