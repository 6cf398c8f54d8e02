"""The Campaigns screen: what is edited is what is saved, and its figures are those of SQL."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select
from streamlit.testing.v1 import AppTest

from loyalty_core.access import Viewer
from loyalty_core.campaigns import Definition
from loyalty_core.campaigns.runs import CampaignRuns
from loyalty_core.demo.campaigns import make_campaigns
from loyalty_core.segments import SegmentDraft
from loyalty_core.segments.starters import make_starters
from loyalty_core.services import get_services
from loyalty_core.store.campaigns import CampaignEntryRecord
from loyalty_core.store.messages import MessageOutcomeRecord, OutboxRecord
from loyalty_core.ui.campaigns.editor.draft import CampaignDraft
from loyalty_core.ui.navigation import CAMPAIGNS, SEGMENTS
from tests.fixtures.screens import OpenScreen, plain, texts_of

if TYPE_CHECKING:
    from pathlib import Path

    from loyalty_core.campaigns import Campaign
    from tests.workbench import Configure, Query

MESSAGE = {"log": {"subject": "", "body": "Hello {{ customer.full_name }}"}}
READY = Definition.from_json({"variants": [{"name": "A", "share": 100, "messages": MESSAGE}]})


@pytest.fixture
def workbench(demo_settings: Configure) -> None:
    demo_settings()
    get_services().prepare_store()


@pytest.fixture
def saved(workbench: None) -> Campaign:
    return get_services().campaigns.repository.create("Welcome", READY, actor="ann")


def button(app: AppTest, label: str) -> AppTest:
    return next(one for one in app.button if one.label == label)


def state_of(campaign: Campaign) -> str:
    return get_services().campaigns.repository.get(campaign.id).state


def question_script() -> None:
    import streamlit as st  # noqa: PLC0415 - AppTest takes the function alone

    from loyalty_core.ui.campaigns.runs_view import confirm_run  # noqa: PLC0415

    confirm_run(st.session_state["campaign"])


def test_a_new_campaign_is_edited_step_by_step_and_saved(workbench: None, open_screen: OpenScreen) -> None:
    app = open_screen(CAMPAIGNS, edit="1", step="Messages")
    next(field for field in app.text_input if field.label == "Name").set_value("Welcome").run()
    next(field for field in app.text_area if field.label == "Text").set_value("Hello {{ customer.full_name }}").run()
    app.query_params["step"] = "Limits"
    app.session_state["step"] = "Limits"
    app.run()
    next(field for field in app.text_input if field.label == "Most messages to one customer").set_value("2").run()
    button(app, "Save").click().run()
    assert not app.exception
    campaign = get_services().campaigns.repository.list()[0]
    assert (campaign.name, campaign.state) == ("Welcome", "draft")
    assert campaign.definition.variants[0].messages["log"].body == "Hello {{ customer.full_name }}"
    assert campaign.definition.frequency.campaign is not None
    assert campaign.definition.frequency.campaign.messages == 2
    assert app.query_params["campaign"] == campaign.id
    assert app.title[0].value == "Welcome"


def test_the_last_change_can_be_saved_at_once(saved: Campaign, open_screen: OpenScreen) -> None:
    app = open_screen(CAMPAIGNS, campaign=saved.id, edit="1", step="Messages")
    assert button(app, "Save").disabled
    next(field for field in app.text_area if field.label == "Text").set_value("Hi").run()
    assert not button(app, "Save").disabled
    button(app, "Save").click().run()
    campaign = get_services().campaigns.repository.get(saved.id)
    assert campaign.definition.variants[0].messages["log"].body == "Hi"


def test_the_editor_says_what_is_missing(workbench: None, open_screen: OpenScreen) -> None:
    app = open_screen(CAMPAIGNS, edit="1")
    assert "Write the message of variant A for log" in plain(app.warning[0].value)


def test_a_text_with_an_unknown_column_says_so_at_once(workbench: None, open_screen: OpenScreen) -> None:
    app = open_screen(CAMPAIGNS, edit="1", step="Messages")
    next(field for field in app.text_area if field.label == "Text").set_value("Hi {{ customer.full_nam }}").run()
    assert any("Did you mean customer.full_name?" in text for text in texts_of(app))


def test_the_help_of_texts_names_the_columns_of_this_warehouse(workbench: None, open_screen: OpenScreen) -> None:
    app = open_screen(CAMPAIGNS, edit="1", step="Messages")
    assert any("{{ customer.full_name }}" in code.value for code in app.code)
    [columns] = [text for text in texts_of(app) if text.startswith("The columns of this warehouse: ")]
    names = columns.removeprefix("The columns of this warehouse: ").removesuffix(".").replace("\\", "").split(", ")
    assert set(names) == set(get_services().warehouse.features.columns.keys())


def test_discarded_changes_leave_the_fields_too(workbench: None, open_screen: OpenScreen) -> None:
    app = open_screen(CAMPAIGNS, edit="1", step="Messages")
    next(field for field in app.text_input if field.label == "Name").set_value("Half done").run()
    next(field for field in app.text_area if field.label == "Text").set_value("Hello").run()
    button(app, "Discard changes").click().run()
    assert next(field for field in app.text_input if field.label == "Name").value == ""
    assert next(field for field in app.text_area if field.label == "Text").value == ""


@pytest.mark.parametrize("step", ["Audience", "Trigger", "Offer and channels", "Messages", "Limits"])
def test_what_a_step_fills_in_is_no_change(workbench: None, open_screen: OpenScreen, step: str) -> None:
    app = open_screen(CAMPAIGNS, edit="1", step=step).run()
    assert "Discard changes" not in [one.label for one in app.button]
    next(field for field in app.text_input if field.label == "Name").set_value("Mine").run()
    assert "Discard changes" in [one.label for one in app.button]


def test_a_segment_is_the_audience_of_a_new_campaign(workbench: None, open_screen: OpenScreen) -> None:
    rich, young = (
        get_services().segmentation.create(SegmentDraft(name, rule), actor="ann")
        for name, rule in (("Rich", {">": [{"var": "total_revenue"}, 800]}), ("Young", {"<": [{"var": "age"}, 30]}))
    )
    app = open_screen(SEGMENTS, segment=rich.id)
    assert not button(app, "New campaign").disabled
    app = open_screen(CAMPAIGNS, edit="1", segment=rich.id)
    members = get_services().segmentation.count({"and": [rich.rule, {"==": [{"var": "marketing_consent"}, True]}]})
    assert {metric.label: metric.value for metric in app.metric}["Get a message"] == f"{members:,}"
    next(field for field in app.text_input if field.label == "Name").set_value("For the rich").run()
    # What was begun is not lost by a click on another segment.
    app.query_params["segment"] = young.id
    app.run()
    assert next(field for field in app.text_input if field.label == "Name").value == "For the rich"
    assert any("You started this campaign earlier." in note.value for note in app.info)
    button(app, "Discard changes").click().run()
    assert next(field for field in app.text_input if field.label == "Name").value == ""
    [draft] = app.session_state["campaign-drafts"].values()
    assert draft.definition.audience.segment == young.id


def test_a_segment_that_does_not_exist_is_no_audience(workbench: None, open_screen: OpenScreen) -> None:
    app = open_screen(CAMPAIGNS, edit="1", segment="nowhere")
    assert not app.text_input
    assert any("nowhere" in error.value for error in app.error)


def test_without_a_policy_the_best_offer_begins_with_all_offers(
    demo_settings: Configure, predictions_file: Path, open_screen: OpenScreen
) -> None:
    demo_settings(predictions_file=predictions_file, ml_mock_mode=True)
    app = open_screen(CAMPAIGNS, edit="1", step="Offer and channels")
    next(field for field in app.radio if field.label == "Offer").set_value("best").run()
    assert any("There is no offer policy yet." in note.value for note in app.info)
    app.button(key="first-policy").click().run()
    [saved] = get_services().policies.list()
    assert saved.name == "All offers"
    assert set(saved.policy.offers) == set(get_services().offers.get())
    assert all(terms.value and terms.cap is None and terms.lever == 1 for terms in saved.policy.offers.values())
    assert next(field for field in app.selectbox if field.label == "Offer policy").value == saved.id
    assert "Choose the offer policy" not in plain(app.warning[0].value)
    assert "first-policy" not in [one.key for one in app.button]
    next(field for field in app.text_input if field.label == "Name").set_value("Best for each").run()
    button(app, "Save").click().run()
    assert get_services().campaigns.repository.list()[0].definition.offer.policy == saved.id


def test_without_predictions_there_is_no_first_policy(workbench: None, open_screen: OpenScreen) -> None:
    app = open_screen(CAMPAIGNS, edit="1", step="Offer and channels")
    next(field for field in app.radio if field.label == "Offer").set_value("best").run()
    app.button(key="first-policy").click().run()
    assert any("scor" in error.value for error in app.error)
    assert get_services().policies.list() == []


def test_what_is_not_saved_is_offered_again(workbench: None, open_screen: OpenScreen) -> None:
    app = open_screen(CAMPAIGNS, edit="1")
    next(field for field in app.text_input if field.label == "Name").set_value("Half done").run()
    next(one for one in app.button if one.icon == ":material/arrow_back:").click().run()
    assert any("in a new campaign that are not saved" in text for text in texts_of(app))
    button(app, "Continue").click().run()
    assert next(field for field in app.text_input if field.label == "Name").value == "Half done"


def test_the_waterfall_is_that_of_sql(workbench: None, open_screen: OpenScreen, sql: Query) -> None:
    ((everyone, consenting),) = sql(
        "SELECT count(*), count(*) FILTER (WHERE marketing_consent) FROM customer_features_view"
    )
    app = open_screen(CAMPAIGNS, edit="1")
    figures = {metric.label: metric.value for metric in app.metric}
    assert figures == {"Audience": f"{everyone:,}", "Get a message": f"{consenting:,}"}


def test_a_campaign_is_started_paused_and_goes_on(saved: Campaign, open_screen: OpenScreen) -> None:
    app = open_screen(CAMPAIGNS, campaign=saved.id)
    for label, state in (("Start", "running"), ("Pause", "paused"), ("Resume", "running")):
        button(app, label).click().run()
        assert not app.exception
        assert state_of(saved) == state


def test_a_run_by_hand_begins_after_its_number_of_messages_was_confirmed(
    saved: Campaign, open_screen: OpenScreen, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    monkeypatch.setattr(CampaignRuns, "begin", lambda _self, campaign_id, actor: begun.append(campaign_id))
    button(open_screen(CAMPAIGNS, campaign=saved.id), "Start").click().run()
    app = open_screen(CAMPAIGNS, campaign=saved.id, tab="Runs")
    button(app, "Write to the whole audience now").click().run()
    planned = get_services().campaigns.waterfall(saved.definition, saved)
    question = button(app, f"Write to {planned.to_send:,} customers").label
    assert begun == []
    # AppTest does not click in a dialog, so it runs as a page of its own.
    dialog = AppTest.from_function(question_script, default_timeout=60)
    dialog.session_state["campaign"] = saved
    button(dialog.run(), question).click().run()
    assert begun == [saved.id]


def test_a_campaign_by_hand_says_what_it_waits_for(saved: Campaign, open_screen: OpenScreen) -> None:
    app = open_screen(CAMPAIGNS, campaign=saved.id)
    assert [note.value for note in app.info] == ["Results appear here once the campaign is started."]
    button(app, "Start").click().run()
    [note] = [note.value for note in app.info]
    assert "It waits for “Write to the whole audience now” on the tab “Runs”." in note


def test_only_without_a_holdout_is_it_said_that_nothing_can_be_measured(
    workbench: None, open_screen: OpenScreen
) -> None:
    note = "Without a holdout, the results cannot say what the campaign changed."
    app = open_screen(CAMPAIGNS, edit="1", step="Limits")
    assert note in texts_of(app)
    next(field for field in app.slider if "never written to" in field.label).set_value(10.0).run()
    assert note not in texts_of(app)


def test_what_is_missing_is_said_before_the_start(workbench: None, open_screen: OpenScreen) -> None:
    campaign = get_services().campaigns.repository.create("Empty", actor="ann")
    app = open_screen(CAMPAIGNS, campaign=campaign.id)
    assert "Write the message of variant A for log" in plain(app.warning[0].value)
    button(app, "Start").click().run()
    assert state_of(campaign) == "draft"
    assert app.error


def test_a_viewer_can_look_and_change_nothing(
    saved: Campaign, open_screen: OpenScreen, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = Viewer("eve", frozenset({"viewer"}), place="127.0.0.1")
    monkeypatch.setattr("loyalty_core.ui.sign_in.session_viewer", lambda: viewer)
    app = open_screen(CAMPAIGNS, campaign=saved.id)
    assert button(app, "Edit").disabled
    assert button(app, "Submit for approval").disabled


def test_a_part_that_cannot_be_used_leaves_the_draft_as_it_was() -> None:
    draft = CampaignDraft(None, "", Definition())
    draft.change("budget", {"messages": None, "money": 100.0, "cost_per_message": 0.0})
    assert draft.definition == Definition()
    assert "needs the cost of a message" in draft.faults["budget"].why
    draft.change("budget", {"messages": None, "money": 100.0, "cost_per_message": 0.5})
    assert draft.definition.budget.most_messages == 200
    assert not draft.faults


def test_what_came_of_a_campaign(predictions_file: Path, demo_settings: Configure, open_screen: OpenScreen) -> None:
    demo_settings(predictions_file=predictions_file, ml_mock_mode=True)
    services = get_services()
    services.prepare_store()
    starters = make_starters(services.warehouse, services.segmentation, services.segments)
    vip = next(one for one in make_campaigns(services, starters) if one.definition.trigger.kind == "schedule")
    with services.store.session(read_only=True) as session:
        sent = session.scalar(
            select(func.count()).where(OutboxRecord.campaign_id == vip.id, OutboxRecord.status == "sent")
        )
    listed = open_screen(CAMPAIGNS).dataframe[0].value.set_index("Campaign")
    assert listed.loc[vip.name, "Sent"] == sent
    app = open_screen(CAMPAIGNS, campaign=vip.id)
    assert {metric.label: metric.value for metric in app.metric}["Sent"] == f"{sent:,}"
    assert any("What the campaign changed" in text for text in texts_of(app))
    days = json.loads(next(one for one in app.get("plotly_chart") if "by day" in one.proto.alt).proto.spec)
    assert "%-d %b\n%Y" in [stop["value"] for stop in days["layout"]["xaxis"]["tickformatstops"]]
    app = open_screen(CAMPAIGNS, campaign=vip.id, tab="Messages")
    assert "as one of our best customers" in app.text[0].value
    assert "{{" not in "".join(text.value for text in app.text)


def test_no_gain_is_stated_while_the_interval_of_the_money_has_0_in_it(
    saved: Campaign, open_screen: OpenScreen
) -> None:
    """More of those who were written to convert, but one purchase of the holdout was worth more than all of theirs."""
    alike = {"campaign_id": saved.id, "is_simulated": False}
    entered = {**alike, "number": 1, "cause": "run:1", "version": 1, "entered_at": datetime.now(UTC) - timedelta(30)}
    with get_services().store.session() as session:
        for number in range(200):
            status, bought = ("queued", 40) if number < 100 else ("holdout", 5)
            entry = CampaignEntryRecord(**entered, customer_id=f"C{number}", status=status)
            session.add(entry)
            session.flush()
            if number % 100 < bought:
                value = 1000.0 if number == 100 else 1.0
                session.add(
                    MessageOutcomeRecord(
                        **alike,
                        entry_id=entry.id,
                        customer_id=entry.customer_id,
                        kind="converted",
                        occurred_at=entry.entered_at,
                        value=value,
                    )
                )
    texts = texts_of(open_screen(CAMPAIGNS, campaign=saved.id, tab="Results"))
    assert any("+35.0 percentage points" in text for text in texts)
    assert any(text.startswith("In money: no difference can be stated yet") for text in texts)


@pytest.fixture
def in_doubt(saved: Campaign) -> int:
    """The number of a message in doubt, beside one that failed, one for later, and one by a channel not set up."""
    now, numbers = datetime.now(UTC), []
    messages = (
        ("C1", "in_doubt", "log", 0),
        ("C2", "waiting", "log", 9),
        ("C3", "failed", "log", 0),
        ("C4", "waiting", "webhook", -1),
    )
    with get_services().store.session() as session:
        for customer, status, channel, hours in messages:
            record = OutboxRecord(
                campaign_id=saved.id,
                entry_id=len(numbers) + 1,
                customer_id=customer,
                channel=channel,
                key=f"key-{customer}",
                version=1,
                queued_at=now,
                due_at=now + timedelta(hours=hours),
                status=status,
                reason="The connection was lost." if status != "waiting" else None,
                attempts=0 if hours else 1,
                is_simulated=False,
            )
            session.add(record)
            session.flush()
            numbers.append(record.id)
    return numbers[0]


def choose(app: AppTest, row: int) -> None:
    """Click a row of the messages."""
    app.session_state["messages"] = {"selection": {"rows": [], "columns": [], "cells": [(row, "Customer")]}}
    app.run()


def test_messages_are_listed_with_the_reason_why_they_wait(
    saved: Campaign, in_doubt: int, open_screen: OpenScreen
) -> None:
    app = open_screen(CAMPAIGNS, show="Messages")
    listed = app.dataframe[0].value.set_index("Customer")
    assert dict(listed["State"]) == {"C1": "In doubt", "C2": "Waiting", "C3": "Failed", "C4": "Waiting"}
    assert listed.loc["C2", "Why"].endswith("quiet hours, or the time that the campaign has set.")
    assert listed.loc["C3", "Why"] == "The connection was lost."
    assert listed.loc["C4", "Why"].startswith("The webhook cannot be used: WEBHOOK_URL and WEBHOOK_SECRET are not set.")
    narrowed = {"message-state": "Waiting", "message-campaign": saved.name, "message-channel": "Log only"}
    app = open_screen(CAMPAIGNS, show="Messages", **narrowed)
    assert list(app.dataframe[0].value["Customer"]) == ["C2"]
    app = open_screen(CAMPAIGNS, show="Messages", **{"message-customer": "nobody"})
    assert [one.value for one in app.info] == ["No message matches. Clear a filter."]


def test_a_message_in_doubt_is_decided_about(in_doubt: int, open_screen: OpenScreen) -> None:
    app = open_screen(CAMPAIGNS, show="Messages", **{"message-state": "In doubt"})
    choose(app, 0)
    button(app, "Mark as sent").click().run()
    assert not app.exception
    (message,) = get_services().outbox.list(customer_id="C1")
    assert (message.id, message.status) == (in_doubt, "sent")


def test_a_viewer_cannot_decide_about_a_message(
    in_doubt: int, open_screen: OpenScreen, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = Viewer("eve", frozenset({"viewer"}), place="127.0.0.1")
    monkeypatch.setattr("loyalty_core.ui.sign_in.session_viewer", lambda: viewer)
    app = open_screen(CAMPAIGNS, show="Messages", **{"message-state": "In doubt"})
    choose(app, 0)
    assert button(app, "Send again").disabled
    assert button(app, "Mark as sent").disabled


def test_customers_who_get_no_message_are_listed_with_the_reason(saved: Campaign, open_screen: OpenScreen) -> None:
    with get_services().store.session() as session:
        session.add(
            CampaignEntryRecord(
                campaign_id=saved.id,
                customer_id="C9",
                number=1,
                entered_at=datetime.now(UTC),
                cause="event:7",
                version=1,
                status="suppressed",
                reason="consent",
                is_simulated=False,
            )
        )
    app = open_screen(CAMPAIGNS, show="Messages", **{"message-state": "Suppressed"})
    listed = app.dataframe[0].value
    assert list(listed["Why"]) == ["The customer has not consented."]
    choose(app, 0)
    assert any(one.label == "Event in the Flight recorder" for one in app.button)
