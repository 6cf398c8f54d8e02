"""Scoring the demo warehouse in mock mode: through the queue, as “Score now” does it, and by the handler alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.errors import LoyaltyError
from loyalty_core.jobs.report import Report
from loyalty_core.ml.scoring import score_base
from loyalty_core.segments import Segment, SegmentDraft
from loyalty_core.services import Services, get_services
from loyalty_core.warehouse.predictions import last_run
from loyalty_core.work.scoring import compute_segments, score
from tests.fixtures.jobs import on_sqlite, over, see_off
from tests.workbench import DEMO_CUSTOMERS, Configure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loyalty_core.ml.scoring.pipeline import ScoringResult

pytestmark = pytest.mark.extended

RISKY = {">=": [{"var": "churn_probability"}, 0]}
BROKEN = {">": [{"var": "nowhere"}, 1]}


@pytest.fixture
def services(demo_settings: Configure, store_url: str, tmp_path: Path) -> Iterator[Services]:
    """The product on the demo in mock mode, not scored yet."""
    demo_settings(
        state_database_url=store_url, ml_mock_mode="true", predictions_file=tmp_path / "customer_predictions.parquet"
    )
    services = get_services()
    services.prepare_store()
    yield services
    see_off()


def keep(services: Services, name: str, rule: Any) -> Segment:
    return services.segments.create(SegmentDraft(name, rule), actor="ann")


def test_it_scores_every_customer_and_computes_the_segments(services: Services):
    risky, broken, archived = (
        keep(services, name, rule) for name, rule in {"Risky": RISKY, "Broken": BROKEN, "Old": None}.items()
    )
    services.segments.archive(archived.id, actor="ann")
    assert last_run(services.warehouse) is None
    job = over(services.jobs, services.jobs.start("scoring", {}, "ann"))
    assert job.state == "done", job.log_tail
    assert (job.phase, job.done, job.total) == ("Computing segments", 2, 2)
    assert job.message == f"{DEMO_CUSTOMERS:,} customers scored, 1 segment computed. Not computed: Broken."
    run = last_run(services.warehouse)
    assert run.model_version == "mock"
    result = job.result
    assert (result["customers"], result["is_mock"], result["segments"]) == (DEMO_CUSTOMERS, True, 1)
    assert result["scored_at"] == run.scored_at.isoformat()
    assert list(result["failed_segments"]) == ["Broken"]
    assert "nowhere" in result["failed_segments"]["Broken"]
    size = services.segments.get(risky.id).size
    assert (size.customers, size.cause) == (DEMO_CUSTOMERS, "scoring")
    assert services.segments.get(broken.id).error is not None
    assert services.segments.get(archived.id).size is None


@on_sqlite
def test_it_says_why_the_screens_cannot_read_the_predictions(services: Services, monkeypatch: pytest.MonkeyPatch):
    def score_elsewhere(*arguments: Any) -> ScoringResult:
        return replace(score_base(*arguments), unread="The account may not. The screens cannot read the file.")

    monkeypatch.setattr("loyalty_core.work.scoring.score_base", score_elsewhere)
    report = Report()
    result = score(services, {}, report)
    assert report.unreported()[0].message.endswith("0 segments computed. " + result["unread"])
    assert result["unread"] == "The account may not. The screens cannot read the file."


@on_sqlite
def test_without_any_model_rfm_is_scored(services: Services, demo_settings: Configure):
    demo_settings(ml_mock_mode="false")
    services, report = get_services(), Report()
    champions = keep(services, "Champions", {"==": [{"var": "rfm_segment"}, "Champions"]})
    result = score(services, {}, report)
    message = f"{DEMO_CUSTOMERS:,} customers scored by RFM alone, 1 segment computed."
    assert report.unreported()[0].message == message
    assert result["remarks"][0].startswith("Only RFM was scored. No model is active. Train the models:")
    assert last_run(services.warehouse).model_versions == ("rfm-only",)
    assert 0 < services.segments.get(champions.id).size.customers < DEMO_CUSTOMERS


@on_sqlite
def test_segments_alone_all_or_some(services: Services):
    first, second = keep(services, "First", None), keep(services, "Second", None)
    report = Report()
    assert compute_segments(services, {"ids": [second.id]}, report) == {"segments": 1, "failed_segments": {}}
    assert report.unreported()[0].message == "1 segment computed."
    assert services.segments.get(first.id).size is None
    assert services.segments.get(second.id).size.cause == "on demand"
    assert compute_segments(services, {}, report) == {"segments": 2, "failed_segments": {}}
    assert services.segments.get(first.id).size.customers == DEMO_CUSTOMERS


@on_sqlite
def test_what_cannot_be_scored_is_refused_with_a_remedy(services: Services, demo_settings: Configure):
    demo_settings(dwh_customer_features_table="nothing_here")
    with pytest.raises(LoyaltyError, match="nothing_here") as refused:
        score(get_services(), {}, Report())
    assert refused.value.remedy
