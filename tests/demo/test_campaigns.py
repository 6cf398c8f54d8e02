"""Campaigns of the demo: decided by the campaigns themselves, marked as simulated, with the effect that is stated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from loyalty_core.demo.campaigns import DAYS, DEMO_CAMPAIGNS, make_campaigns
from loyalty_core.segments.starters import make_starters
from loyalty_core.services import get_services
from loyalty_core.store.campaigns import CampaignEntryRecord
from loyalty_core.store.messages import MessageOutcomeRecord, OutboxRecord

if TYPE_CHECKING:
    from pathlib import Path

    from loyalty_core.services import Services
    from tests.workbench import Configure

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def services(demo_settings: Configure, predictions_file: Path) -> Services:
    demo_settings(predictions_file=predictions_file, ml_mock_mode=True)
    services = get_services()
    services.prepare_store()
    return services


def test_two_running_campaigns_with_a_history(services: Services) -> None:
    starters = make_starters(services.warehouse, services.segmentation, services.segments)
    made = make_campaigns(services, starters, NOW)
    assert [campaign.name for campaign in made] == [demo.name for demo in DEMO_CAMPAIGNS]
    assert make_campaigns(services, starters, NOW) == []  # once only
    for campaign in services.campaigns.repository.list():
        assert (campaign.state, campaign.is_simulated) == ("running", True)
        assert campaign.next_run_at is None or campaign.next_run_at > NOW
    with services.store.session(read_only=True) as session:
        entries = session.scalars(select(CampaignEntryRecord)).all()
        messages = session.scalars(select(OutboxRecord)).all()
        outcomes = session.scalars(select(MessageOutcomeRecord)).all()
    assert {entry.status for entry in entries} >= {"queued", "holdout"}
    assert all(one.is_simulated for one in (*entries, *messages, *outcomes))
    assert all(NOW - timedelta(days=DAYS) <= entry.entered_at <= NOW for entry in entries)
    assert all(outcome.occurred_at <= NOW for outcome in outcomes)
    held = {entry.id for entry in entries if entry.status == "holdout"}
    assert held.isdisjoint(message.entry_id for message in messages)
    # Customers of the holdout buy too: they are what the others are compared with.
    assert {outcome.kind for outcome in outcomes if outcome.entry_id in held} == {"converted"}
    assert all((outcome.message_key is None) == (outcome.entry_id in held) for outcome in outcomes)


def test_where_nobody_enters_nothing_comes_of_it(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(services.campaigns), "candidates", lambda *_: [])  # as where no model has an offer
    starters = make_starters(services.warehouse, services.segmentation, services.segments)
    assert len(make_campaigns(services, starters, NOW)) == len(DEMO_CAMPAIGNS)
    with services.store.session(read_only=True) as session:
        assert session.scalar(select(func.count()).select_from(MessageOutcomeRecord)) == 0


def test_own_campaigns_are_left_alone(services: Services) -> None:
    services.campaigns.repository.create("Ours", actor="ann")
    starters = make_starters(services.warehouse, services.segmentation, services.segments)
    assert make_campaigns(services, starters, NOW) == []
    with services.store.session(read_only=True) as session:
        assert session.scalar(select(func.count()).select_from(CampaignEntryRecord)) == 0
