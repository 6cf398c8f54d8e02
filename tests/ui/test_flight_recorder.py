"""The Flight recorder and the story on the customer page."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from loyalty_core.access import Viewer
from loyalty_core.events import BadEvent, Event, EventHistory, Inbox, Intake, Unreadable, Worker
from loyalty_core.events.effects import Effects
from loyalty_core.segments import SegmentDraft
from loyalty_core.services import services_of_process
from loyalty_core.store.campaigns import CampaignEntryRecord, CampaignRecord
from loyalty_core.store.messages import OutboxRecord
from loyalty_core.ui.navigation import CUSTOMERS, FLIGHT_RECORDER
from loyalty_core.warehouse.offers import offer_names
from tests.fixtures.screens import plain, texts_of
from tests.workbench import GUIDE_CUSTOMER

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

    from tests.fixtures.screens import OpenScreen
    from tests.workbench import Configure


@pytest.fixture
def applied(demo_settings: Configure) -> int:
    """An event by which a customer joined a segment, and a dead letter."""
    demo_settings(ml_mock_mode=True)
    services = services_of_process()
    services.segmentation.create(SegmentDraft("Everyone", {}), actor="ann")
    services.segmentation.refresh("everyone")
    services.segments.change_member("everyone", GUIDE_CUSTOMER, belongs=False)
    letter = Unreadable("kafka/loyalty.events", None, '{"event_id": "x"}', BadEvent("The event has no type."))
    event = Event(
        "shop",
        "e1",
        "transaction.created",
        GUIDE_CUSTOMER,
        datetime.now(UTC),
        {"amount": 59.9, "items": [{"sku": "a", "gift": True}]},
    )
    (row,) = Intake(services.store, timedelta(0)).accept([event], [letter]).accepted
    assert Worker(services.store, Inbox(services.store), Effects(services)).apply_waiting() == 1
    return row


def said(app: AppTest) -> str:
    boxes = [*app.info, *app.success, *app.error, *app.warning]
    return plain("\n".join([*texts_of(app), *(box.value for box in boxes)]))


def test_events_are_listed_and_one_is_shown_step_by_step(applied: int, open_screen: OpenScreen) -> None:
    app = open_screen(FLIGHT_RECORDER)
    metrics = {metric.label: metric.value for metric in app.metric}
    assert metrics["Waiting"] == "0"
    assert metrics["Worker"] == "Up to date"
    assert metrics["Open dead letters"] == "1"
    (row,) = app.dataframe[0].value.to_dict("records")
    assert (row["Type"], row["Customer"], row["State"]) == ("Transaction", GUIDE_CUSTOMER, "Applied")
    app = open_screen(FLIGHT_RECORDER, event=str(applied))
    text = said(app)
    for part in (
        "Nothing was sent",
        "1. Event read",
        "5. Segments evaluated",
        "Joined Everyone.",
        'amount 59.9, items [{"sku": "a", "gift": true}]',
    ):
        assert part in text
    assert {metric.label: metric.value for metric in app.metric}["Segments joined"] == "1"
    assert "There is no event 999" in said(open_screen(FLIGHT_RECORDER, event="999"))


def test_without_events_the_demo_offers_to_play_some(demo_settings: Configure, open_screen: OpenScreen) -> None:
    demo_settings(ml_mock_mode=True)
    app = open_screen(FLIGHT_RECORDER)
    assert "Play simulated events" in [button.label for button in app.button]
    assert "Play simulated events, or send one in the tab" in app.info[0].value


def test_a_dry_run_shows_the_steps_and_sending_makes_an_event(applied: int, open_screen: OpenScreen) -> None:
    app = open_screen(FLIGHT_RECORDER, view="Try an event")
    app.selectbox(key="try-type").select("points.changed").run()
    assert app.text_area(key="try-data").value == '{\n  "points": 10\n}'
    app.text_input(key="try-customer").input(GUIDE_CUSTOMER)
    next(button for button in app.button if button.label == "Dry run").click().run()
    assert "Dry run: nothing was changed" in said(app)
    assert "No segment was joined or left." in said(app)
    history = EventHistory(services_of_process().store)
    assert len(history.list()) == 1
    app.text_area(key="try-data").input("{").run()
    next(button for button in app.button if button.label == "Dry run").click().run()
    assert "The data is not JSON." in said(app)
    app.text_area(key="try-data").input('{"points": 5}').run()
    app.button(key="try-send").click().run()
    sent, _ = history.list()
    assert (sent.type, sent.customer_id, sent.data, sent.status) == (
        "points.changed",
        GUIDE_CUSTOMER,
        {"points": 5},
        "waiting",
    )


def test_a_viewer_who_may_not_send_events_may_only_look(
    applied: int, open_screen: OpenScreen, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = Viewer("vi", frozenset({"viewer"}))
    monkeypatch.setattr("loyalty_core.ui.sign_in.session_viewer", lambda: viewer)
    app = open_screen(FLIGHT_RECORDER, view="Try an event")
    assert next(button for button in app.button if button.label == "Dry run").disabled
    assert "may not" in said(open_screen(FLIGHT_RECORDER, view="Dead letters"))
    text = said(open_screen(FLIGHT_RECORDER, event=str(applied)))
    assert "What it says is hidden" in text
    assert "59.9" not in text


def test_a_dead_letter_is_read_mended_and_replayed(applied: int, open_screen: OpenScreen) -> None:
    app = open_screen(FLIGHT_RECORDER, view="Dead letters")
    (row,) = app.dataframe[0].value.to_dict("records")
    assert (row["Why"], row["Source"]) == ("The event has no type.", "kafka/loyalty.events")
    app.session_state["dead-letters"] = {"selection": {"rows": [], "columns": [], "cells": [(0, "Why")]}}
    app.run()
    message = next(area for area in app.text_area if area.label == "Message")
    corrected = {"type": "customer.login", "event_id": "corrected", "occurred_at": datetime.now(UTC).isoformat()}
    message.set_value(json.dumps(json.loads(message.value) | {"customer_id": GUIDE_CUSTOMER} | corrected)).run()
    next(button for button in app.button if button.label == "Save and replay").click().run()
    assert not app.exception
    assert "No message waits to be corrected." in said(app)
    (event,) = EventHistory(services_of_process().store).list(kind="customer.login")
    assert (event.event_id, event.status) == ("corrected", "waiting")


def test_the_customer_page_tells_the_story(applied: int, open_screen: OpenScreen) -> None:
    text = said(open_screen(CUSTOMERS, customer_id=GUIDE_CUSTOMER, view="Story"))
    assert "Joined Everyone" in text
    assert "Transaction: applied" in text


def test_the_story_says_in_words_why_nothing_was_sent_and_names_the_offer(
    applied: int, open_screen: OpenScreen
) -> None:
    now, entered = datetime.now(UTC), dict[str, int]()
    store, names = services_of_process().store, {"a": "Spring", "b": "Autumn", "c": "Winter"}
    with store.session() as session:
        for number, (campaign, name) in enumerate(names.items()):
            record = {"campaign_id": campaign, "customer_id": GUIDE_CUSTOMER, "is_simulated": False, "version": 1}
            status, reason = [("suppressed", "campaign_cap"), ("holdout", "holdout"), ("queued", None)][number]
            entry = CampaignEntryRecord(
                **record, number=1, entered_at=now, cause="run:1", status=status, reason=reason, offer_id=3
            )
            session.add_all([entry, campaign_of(campaign, name)])
            session.flush()
            entered[campaign] = entry.id
        message = {"queued_at": now, "due_at": now, "status": "sent", "attempts": 1, "channel": "email", "key": "k"}
        session.add(OutboxRecord(**record, **message, entry_id=entered["c"], offer_id=3))
    text = said(open_screen(CUSTOMERS, customer_id=GUIDE_CUSTOMER, view="Story"))
    assert "Spring: got no message: the customer has reached the frequency cap of Spring" in text
    assert "Autumn: is in the holdout" in text
    offer = offer_names(services_of_process().warehouse)[3]
    assert f"Winter: message was sent by e-mail with the offer {offer}" in text


def campaign_of(campaign_id: str, name: str) -> CampaignRecord:
    at = datetime.now(UTC)
    return CampaignRecord(
        id=campaign_id,
        name=name,
        name_key=name.lower(),
        content={},
        state="running",
        salt="salt",
        owner="ann",
        version=1,
        created_at=at,
        updated_at=at,
        updated_by="ann",
        is_simulated=False,
    )
