"""Unsubscribe and preference pages: opened without sign-in, by the signed link of a message."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from loyalty_core.campaigns.sending import ContactLinks, Recipient
from loyalty_core.settings import get_settings
from loyalty_core.store import StateStore, audit, shared_store
from loyalty_core.store.campaigns import CampaignEntryRecord
from loyalty_core.store.messages import ContactPreferenceRecord, MessageOutcomeRecord, OutboxRecord

if TYPE_CHECKING:
    import httpx

    from tests.fixtures.api import Ask
    from tests.workbench import Configure

RECIPIENT = Recipient("42", "email", "key-1")
ONE_CLICK = b"List-Unsubscribe=One-Click"
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(autouse=True)
def _people_sign_in(demo_settings: Configure) -> None:
    demo_settings(
        sign_in="openid",
        public_url="https://club.example.com/loyalty",
        contact_secret="a secret of this test",
        smtp_host="mail.example.com",
    )


@pytest.fixture
def store() -> StateStore:
    return shared_store(get_settings().state_database_url)


def path_of(page: str, recipient: Recipient = RECIPIENT) -> str:
    links = ContactLinks(get_settings(), shared_store(get_settings().state_database_url))
    return f"/contact/{page}/{links.token(recipient)}/"


def refused(store: StateStore) -> dict[str, bool]:
    """Whether the customer may be contacted, by channel."""
    with store.session(read_only=True) as session:
        rows = session.scalars(select(ContactPreferenceRecord).where(ContactPreferenceRecord.customer_id == "42"))
        return {row.channel: row.may_contact for row in rows}


def add_message(store: StateStore) -> None:
    at = datetime.now(UTC)
    with store.session() as session:
        entry = CampaignEntryRecord(
            campaign_id="spring",
            customer_id="42",
            number=1,
            entered_at=at,
            cause="run:1",
            version=1,
            status="queued",
            is_simulated=False,
        )
        session.add(entry)
        session.flush()
        session.add(
            OutboxRecord(
                campaign_id="spring",
                entry_id=entry.id,
                customer_id="42",
                channel="email",
                key="key-1",
                version=1,
                queued_at=at,
                due_at=at,
                status="sent",
                attempts=1,
                is_simulated=False,
            )
        )


def assert_is_safe_page(answer: httpx.Response, status: int = 200) -> None:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert '<html lang="en">' in answer.text
    assert "<script" not in answer.text


def test_opening_the_link_asks_and_changes_nothing(ask: Ask, store: StateStore):
    answer = ask(f"{path_of('unsubscribe')}?utm_source=checker")
    assert_is_safe_page(answer)
    assert '<form method="post"><button type="submit">Unsubscribe</button></form>' in answer.text
    assert refused(store) == {}


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("page", ["unsubscribe", "preferences"])
def test_only_a_post_changes_anything(ask: Ask, store: StateStore, page: str, method: str):
    """Mail clients fetch pages ahead, scanners open links, and both may bring along what a form would send."""
    headers = FORM | {"purpose": "prefetch", "sec-purpose": "prefetch;prerender"}
    answer = ask(f"{path_of(page)}?List-Unsubscribe=One-Click&email=off", method, ONE_CLICK, headers)
    assert answer.status_code in ({200} if method == "GET" else {200, 204, 405})
    assert refused(store) == {}
    if method == "GET":
        # Nothing on the page sends the form by itself, or fetches anything more.
        assert not re.search(r"<script|http-equiv|autofocus|\son\w+=|<img|<link|<iframe|src=", answer.text)


def test_one_click_unsubscribes_once_and_is_an_outcome(ask: Ask, store: StateStore):
    add_message(store)
    for _ in range(2):
        answer = ask(path_of("unsubscribe"), "POST", ONE_CLICK, FORM | {"origin": "https://mail.example.org"})
        assert_is_safe_page(answer)
        assert "You are unsubscribed" in answer.text
    assert refused(store) == {"email": False}
    with store.session(read_only=True) as session:
        [outcome] = session.scalars(select(MessageOutcomeRecord)).all()
        assert (outcome.kind, outcome.message_key, outcome.campaign_id) == ("unsubscribed", "key-1", "spring")
        [event] = audit.recent(session, subject_kind="customer")
        assert (event.actor, event.subject_id, event.details) == (
            "customer",
            "42",
            {"by": "one-click", "may_contact": {"email": False}},
        )


def test_the_button_of_the_page_unsubscribes_too(ask: Ask, store: StateStore):
    assert_is_safe_page(ask(path_of("unsubscribe"), "POST", b"", FORM))
    assert refused(store) == {"email": False}


def test_choices_are_shown_and_saved(ask: Ask, store: StateStore):
    ask(path_of("unsubscribe"), "POST", b"", FORM)
    assert re.findall(r'checkbox" name="(\w+)"( checked)?', ask(path_of("preferences")).text) == [("email", "")]
    answer = ask(path_of("preferences"), "POST", b"email=on", FORM)
    assert_is_safe_page(answer)
    assert "Your choice is saved." in answer.text
    assert re.findall(r'checkbox" name="(\w+)"( checked)?', answer.text) == [("email", " checked")]
    assert refused(store) == {"email": True}
    ask(path_of("preferences"), "POST", b"", FORM)
    assert refused(store) == {"email": False, "*": False}
    ask(path_of("preferences"), "POST", b"email=on", FORM)
    assert refused(store) == {"email": True, "*": True}


def test_a_link_that_was_changed_is_refused_and_trying_many_is_stopped(ask: Ask, store: StateStore):
    good = path_of("unsubscribe")
    broken = good[:-4] + ("AAA/" if good[-4:] != "AAA/" else "BBB/")
    answers = [ask(broken, "POST", ONE_CLICK, FORM) for _ in range(40)]
    assert_is_safe_page(answers[0], 404)
    assert_is_safe_page(answers[-1], 429)
    assert refused(store) == {}
    # A link that is valid goes on working, since many customers may share an address.
    assert ask(good, "POST", ONE_CLICK, FORM).status_code == 200
    assert refused(store) == {"email": False}


def test_a_link_of_another_secret_is_refused(ask: Ask, demo_settings: Configure):
    path = path_of("preferences")
    demo_settings(sign_in="openid", contact_secret="quite another secret")
    assert ask(path).status_code in {404, 429}
