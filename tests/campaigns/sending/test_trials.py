from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loyalty_core.access import NotAllowed, Viewer, acting_as
from loyalty_core.campaigns import BadCampaign, BadTemplate, CampaignRepository
from loyalty_core.campaigns.candidates import Candidate
from loyalty_core.campaigns.sending import TooManyTests, TrialNotSent
from loyalty_core.campaigns.sending.readiness import require_channels
from loyalty_core.campaigns.sending.trials import Trials
from loyalty_core.errors import SettingsError
from loyalty_core.store import audit

if TYPE_CHECKING:
    from loyalty_core.campaigns import Campaign
    from tests.campaigns.sending.conftest import Post
    from tests.fixtures.receivers import MailServer

ANN = Viewer("ann", frozenset({"analyst"}))


def candidate(customer_id: str, *, consent: bool = True, reach: int = 1) -> Candidate:
    return Candidate(customer_id, True, consent, reach, None, None, 3, None)


@pytest.fixture
def campaign(post: Post) -> Campaign:
    greeting = {"subject": "{{ offer.name }}", "body": "Dear {{ customer.first_name }}, {{ unsubscribe_url }}"}
    post.campaign("hello", variants=[{"name": "A", "messages": {"email": greeting}}], channels={"use": ["email"]})
    return CampaignRepository(post.store, post.settings().zone).get("hello")


def trials(post: Post) -> Trials:
    settings, store, warehouse, features, offers = post.parts()
    return Trials(settings, store, warehouse, features, offers.get())


def test_a_preview_shows_what_is_missing_and_what_would_not_be_sent(post: Post, campaign: Campaign):
    found = trials(post).preview(
        campaign, [candidate("A"), candidate("C"), candidate("D", consent=False), candidate("E", reach=0)]
    )
    anna, nameless, refusing, unreachable = found
    assert (anna.subject, anna.address, anna.problem) == ("Free delivery", "anna@example.com", "")
    assert anna.body.startswith("Dear Anna, https://example.com/")
    assert nameless.missing == ("customer.first_name",)
    assert nameless.problem.startswith("customer.first_name is blank for this customer.")
    assert refusing.problem == "The customer has not consented."
    assert (unreachable.problem, unreachable.address) == ("The customer has no address for email.", None)


def test_a_column_that_does_not_exist_is_not_taken_for_a_blank(post: Post):
    greeting = {"subject": "Hello", "body": "Dear {{ customer.First_name }}"}
    post.campaign("wrong", variants=[{"name": "A", "messages": {"email": greeting}}], channels={"use": ["email"]})
    wrong = CampaignRepository(post.store, post.settings().zone).get("wrong")
    fault = "There is no customer.First_name. Did you mean customer.first_name?"
    assert [one.problem for one in trials(post).preview(wrong, [candidate("A")])] == [fault]
    with acting_as(ANN), pytest.raises(BadTemplate, match="cannot be used as it is") as refused:
        trials(post).send_test(wrong, candidate("A"), channel="email", address="ann@company.example")
    assert refused.value.why == fault
    assert post.statuses() == {}


def test_a_test_goes_to_the_given_address_alone(post: Post, campaign: Campaign, mail_server: MailServer):
    post.uses(mail_server.port)
    with acting_as(ANN):
        trials(post).send_test(campaign, candidate("A"), channel="email", address="ann@company.example")
        for address in (None, "no address", "a@x.com,b@x.com"):
            with pytest.raises(BadCampaign, match="needs one address"):
                trials(post).send_test(campaign, candidate("A"), channel="email", address=address)
    [mail] = mail_server.mails
    assert mail["To"] == "ann@company.example"
    assert mail["Subject"] == "[Test] Free delivery"
    assert mail["List-Unsubscribe"] is None
    assert post.statuses() == {}
    with post.store.session(read_only=True) as session:
        [event] = audit.recent(session, action="sent a test")
    assert (event.actor, event.subject_id) == ("ann", "hello")
    assert event.details == {"channel": "email", "to": "ann@company.example"}


def test_a_test_needs_the_right_and_is_limited(post: Post, campaign: Campaign, mail_server: MailServer):
    post.uses(mail_server.port)
    with acting_as(Viewer("vera", frozenset({"viewer"}))), pytest.raises(NotAllowed):
        trials(post).send_test(campaign, candidate("A"), channel="email", address="vera@company.example")
    mail_server.refused["ann@company.example"] = "550 5.1.1 no such person"
    with acting_as(ANN):
        with pytest.raises(TrialNotSent, match=r"550 5\.1\.1"):
            trials(post).send_test(campaign, candidate("A"), channel="email", address="ann@company.example")
        with post.store.session() as session:
            for _ in range(30):
                audit.record(session, action="sent a test", subject_kind="campaign", subject_id="hello")
        with pytest.raises(TooManyTests):
            trials(post).send_test(campaign, candidate("A"), channel="email", address="ann@company.example")
    assert mail_server.mails == []


def test_a_campaign_needs_channels_that_are_set_up(post: Post):
    require_channels(post.settings(), post.store, ["log"])
    with pytest.raises(BadCampaign, match=r"no channel emial\. Did you mean email"):
        require_channels(post.settings(), post.store, ["emial"])
    with pytest.raises(SettingsError, match="WEBHOOK_URL is not set"):
        require_channels(post.settings(), post.store, ["webhook"])
    post.uses(25, public_url=None)
    with pytest.raises(SettingsError, match=r"PUBLIC_URL is not set\. E-mails need an address"):
        require_channels(post.settings(), post.store, ["log", "email"])
