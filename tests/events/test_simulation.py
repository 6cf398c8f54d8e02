"""The live stream of the demo: events that the campaigns of the demo answer, and that never leave the machine."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from loyalty_core.demo.campaigns import make_campaigns
from loyalty_core.events import Event
from loyalty_core.events.effects import Effects
from loyalty_core.events.simulation import NoDemo, Simulation, read_cast, simulated_event
from loyalty_core.segments.refreshing import refresh_all
from loyalty_core.segments.starters import make_starters
from loyalty_core.services import get_services
from loyalty_core.store.campaigns import CampaignEntryRecord
from loyalty_core.store.events import EventRecord
from loyalty_core.store.messages import OutboxRecord
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from loyalty_core.services import Services
    from tests.workbench import Configure

pytestmark = pytest.mark.extended

AWAY = {"last_purchase_days_ago": 240, "days_since_last_transaction": 240, "churn_score": 0.93}


@pytest.fixture
def services(demo_settings: Configure, predictions_file: Path) -> Services:
    demo_settings(predictions_file=predictions_file, ml_mock_mode=True)
    services = get_services()
    services.prepare_store()
    return services


def test_a_simulated_event_makes_a_customer_join_and_enter_the_simulated_campaign(services: Services) -> None:
    starters = make_starters(services.warehouse, services.segmentation, services.segments)
    refresh_all(services.segmentation, starters, cause="scoring")
    retention = next(one for one in make_campaigns(services, starters) if one.definition.trigger.segment)
    risk = retention.definition.trigger.segment
    safe = services.segmentation.members({"!": {"var": f"segment:{risk}"}}, limit=40)
    now, effects = datetime.now(UTC), Effects(services)
    events = [
        Event("simulation", f"e{number}", "customer.updated", row["customer_id"], now, {"features": AWAY}, True, number)
        for number, row in enumerate(safe, 1)
    ]
    prepared = effects.prepare(events)
    with services.store.session() as session:
        effects.write(session, prepared)
    ids = {event.customer_id for event in events}
    with services.store.session(read_only=True) as session:
        entries = session.scalars(select(CampaignEntryRecord).where(CampaignEntryRecord.customer_id.in_(ids))).all()
        messages = session.scalars(select(OutboxRecord).where(OutboxRecord.customer_id.in_(ids))).all()
    entered = {entry.customer_id for entry in entries if entry.campaign_id == retention.id}
    assert entered
    new = [message for message in messages if message.queued_at >= now]
    assert new
    assert all(message.is_simulated and message.channel == "log" for message in new)


def test_it_plays_until_it_is_stopped(services: Services) -> None:
    simulation = Simulation()
    simulation.play(services)
    simulation.play(services)  # a second click begins nothing new

    def received() -> list[EventRecord]:
        with services.store.session(read_only=True) as session:
            return list(session.scalars(select(EventRecord)))

    wait_until(lambda: len(received()) >= 2)
    simulation.stop()
    assert not simulation.is_playing
    assert all(event.is_simulated for event in received())
    assert len({event.event_id for event in received()}) == len(received())


def test_every_event_can_be_read(services: Services) -> None:
    cast, random = read_cast(services), Random(3)
    kinds = {simulated_event(cast, random, datetime.now(UTC)).type for _ in range(200)}
    assert kinds == {"transaction.created", "customer.login", "customer.updated"}  # nothing was sent yet


def test_other_data_is_left_alone(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    with services.warehouse.engine.connect():
        monkeypatch.setattr("loyalty_core.warehouse.source.loader_facts", lambda warehouse: {"source": "file"})
        with pytest.raises(NoDemo):
            Simulation().play(services)
