import socket
from datetime import UTC, datetime, timedelta

import pytest

from loyalty_core.campaigns.sending.channels import LogChannel
from loyalty_core.store.segments import SegmentMember, SegmentRecord
from tests.campaigns.sending.conftest import Post
from tests.fixtures.receivers import MailServer, Receiver


def test_mail_is_sent_once_over_one_connection(post: Post, mail_server: MailServer):
    post.uses(mail_server.port)
    first, second, third = post.queue("A", "B", "C", channel="email")
    sender = post.sender()
    assert sender.send_due() == 3
    assert sender.send_due() == 0
    assert mail_server.connections == 1
    assert mail_server.recipients == ["anna@example.com", "bo@example.com", "c@example.com"]
    assert {post.message(message).status for message in (first, second, third)} == {"sent"}
    mail = mail_server.mails[0]
    assert mail["Subject"] == "Free delivery for you"
    assert mail["Message-ID"] == "<key-1@example.com>"
    url = mail["List-Unsubscribe"].strip("<>")
    assert url.startswith("https://club.example.com/loyalty/api/loyalty/v1/contact/unsubscribe/")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.get_content().splitlines() == ["Hello Anna!", "", f"Unsubscribe: {url}"]
    assert mail_server.mails[2].get_content().startswith("Hello you!")


def test_an_answering_machine_is_asked_for_silence_and_has_no_address_that_unsubscribes(
    post: Post, mail_server: MailServer
):
    post.uses(mail_server.port)
    post.queue("A", channel="email")
    post.sender().send_due()
    [mail] = mail_server.mails
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "OOF, AutoReply"
    assert "mailto:" not in mail.as_string().lower()
    assert mail["Reply-To"] is None


def test_a_refused_recipient_fails_alone(post: Post, mail_server: MailServer):
    post.uses(mail_server.port)
    mail_server.refused = {
        "bo@example.com": "550 5.1.1 bo@example.com is unknown",
        "anna@example.com": "450 4.2.1 later",
    }
    later, refused, sent = post.queue("A", "B", "C", channel="email")
    sender = post.sender()
    sender.send_due()
    sender.send_due()
    assert mail_server.recipients == ["c@example.com"]
    assert post.message(refused).reason == "The recipient was refused. The mail server answered 550 5.1.1."
    assert post.statuses() == {"A": "waiting", "B": "failed", "C": "sent"}
    assert post.message(later).attempts == 1
    assert post.message(later).due_at > datetime.now(UTC)
    assert post.message(sent).attempts == 1


def test_a_message_fails_after_the_last_attempt(post: Post, mail_server: MailServer):
    post.uses(mail_server.port, sending_max_attempts=2)
    mail_server.answers.extend(["451 4.3.0 later", "451 4.3.0 later"])
    [message] = post.queue("A", channel="email")
    sender = post.sender()
    sender.send_due()
    assert post.message(message).status == "waiting"
    post.change(message, due_at=datetime.now(UTC) - timedelta(seconds=1))
    sender.send_due()
    assert post.message(message).status == "failed"
    assert post.message(message).reason == (
        "The message was refused. The mail server answered 451 4.3.0. It was tried 2 times."
    )


def test_mail_that_was_not_confirmed_is_in_doubt_and_not_sent_twice(post: Post, mail_server: MailServer):
    post.uses(mail_server.port)
    mail_server.answers.append("close")
    doubtful, sent = post.queue("A", "B", channel="email")
    sender = post.sender()
    sender.send_due()
    sender.send_due()
    assert mail_server.recipients == ["anna@example.com", "bo@example.com"]
    assert post.message(doubtful).status == "in_doubt"
    assert post.message(sent).status == "sent"
    assert post.message(doubtful).possible_copies == 0


def test_without_the_mail_server_messages_wait_and_no_attempt_is_counted(post: Post, mail_server: MailServer):
    post.uses(1)
    waiting = post.queue("A", "B", channel="email")
    post.sender().send_due()
    assert [(post.message(one).status, post.message(one).attempts) for one in waiting] == [("waiting", 0)] * 2
    for one in waiting:
        post.change(one, due_at=datetime.now(UTC) - timedelta(seconds=1))
    post.uses(mail_server.port)
    assert post.sender().send_due() == 2
    assert post.statuses() == {"A": "sent", "B": "sent"}


def test_webhooks_are_signed_and_carry_the_text(post: Post, receiver: Receiver):
    post.uses(webhook_url=receiver.url)
    post.queue("E", channel="webhook")
    post.sender().send_due()
    [(webhook_id, content)] = receiver.verified
    assert webhook_id == "key-1"
    assert content["type"] == "campaign.message"
    assert content["data"] == {
        "message_id": "key-1",
        "campaign_id": "spring",
        "campaign_name": "Spring",
        "customer_id": "E",
        "offer_id": 3,
        "subject": "Free delivery for you",
        # The customer's name is a template, which stays text.
        "body": "Hello {{ campaign.name }}!",
        "is_test": False,
    }
    assert post.statuses() == {"E": "sent"}


def test_answers_of_the_receiver_decide(post: Post, receiver: Receiver):
    post.uses(webhook_url=receiver.url)
    receiver.answers.extend([503, 422, 0])
    receiver.headers["retry-after"] = "120"
    later, refused, broken, never = post.queue("A", "B", "C", "E", channel="webhook")
    receiver.answers.append(302)
    post.sender().send_due()
    assert post.message(later).status == "waiting"
    assert post.message(later).due_at > datetime.now(UTC) + timedelta(seconds=60)
    assert (post.message(refused).status, post.message(refused).reason) == (
        "failed",
        "The receiver of webhooks answered 422.",
    )
    # The receiver may have it, and drops a copy by its id.
    assert (post.message(broken).status, post.message(broken).possible_copies) == ("waiting", 1)
    assert post.message(never).reason == "The receiver of webhooks answered 302. Redirects are not followed."
    assert post.message(never).attempts == 0
    post.change(broken, due_at=datetime.now(UTC) - timedelta(seconds=1))
    receiver.headers.clear()
    post.sender().send_due()
    assert receiver.ids.count("key-3") == 2
    assert post.message(broken).status == "sent"


def test_what_changed_since_a_message_was_queued_is_obeyed(post: Post, mail_server: MailServer):
    post.uses(mail_server.port)
    post.campaign("autumn", state="ended")
    post.refuse("A", "email")
    post.refuse("B", "*")
    unsubscribed, all_refused, no_consent, no_address = post.queue("A", "B", "D", "E", channel="email")
    [ended] = post.queue("C", channel="email", campaign_id="autumn")
    [expired] = post.queue("C", channel="email", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    [unknown] = post.queue("Z", channel="email")
    [deleted] = post.queue("C", channel="email", campaign_id="none")
    post.campaign("broken", variants=[])
    [unreadable] = post.queue("C", channel="email", campaign_id="broken")
    post.sender().send_due()
    assert mail_server.mails == []
    reasons = {
        unsubscribed: "The customer has unsubscribed from email.",
        all_refused: "The customer has unsubscribed from email.",
        no_consent: "The customer has not consented.",
        no_address: "The customer has no address for email.",
        ended: "The campaign has ended.",
        expired: "It was no longer worth sending.",
        unknown: "The customer is no longer in the warehouse.",
        deleted: "The campaign was deleted, or cannot be read any more.",
        unreadable: "The campaign was deleted, or cannot be read any more.",
    }
    assert {one: post.message(one).reason for one in reasons} == reasons
    assert {post.message(one).status for one in reasons} == {"cancelled"}


class _UnsubscribesFirst(LogChannel):
    """Lets the next customer unsubscribe while a message is being sent."""

    def __init__(self, post: Post) -> None:
        self._post = post

    def opened(self):
        self._post.refuse("B", "log")
        return super().opened()


def test_opting_out_after_the_claim_is_obeyed(post: Post):
    _, refused = post.queue("A", "B")
    post.sender(channels={"log": _UnsubscribesFirst(post)}).send_due()
    assert post.statuses() == {"A": "sent", "B": "cancelled"}
    assert post.message(refused).reason == "The customer has unsubscribed from log."


def test_messages_of_a_paused_campaign_wait(post: Post):
    post.queue("A")
    post.set_state("paused")
    assert post.sender().send_due() == 0
    assert post.statuses() == {"A": "waiting"}
    post.set_state("running")
    assert post.sender().send_due() == 1
    assert post.statuses() == {"A": "sent"}


def test_quiet_hours_move_a_message_to_their_end(post: Post):
    now = datetime.now(UTC)
    quiet = {"from": f"{now - timedelta(hours=4):%H:%M}", "until": f"{now + timedelta(hours=4):%H:%M}"}
    post.campaign("night", quiet_hours=quiet)
    # Oslo is one or two hours ahead, within the same quiet hours; B has no zone and gets that of the app.
    waiting = post.queue("A", "B", campaign_id="night")
    post.sender().send_due()
    for one in waiting:
        assert (post.message(one).status, post.message(one).attempts) == ("waiting", 0)
        assert now < post.message(one).due_at <= now + timedelta(hours=4)
    assert post.message(waiting[0]).due_at < post.message(waiting[1]).due_at


@pytest.mark.parametrize("belongs", [True, False])
def test_whoever_has_left_the_segment_gets_nothing_if_the_campaign_says_so(post: Post, belongs: bool):
    trigger = {"kind": "segment_joined", "segment": "risk"}
    post.campaign("obedient", trigger=trigger, cancel_on_leave=True)
    post.campaign("stubborn", trigger=trigger, cancel_on_leave=False)
    _add_segment(post, members="A" if belongs else "")
    [obedient] = post.queue("A", campaign_id="obedient")
    [stubborn] = post.queue("A", campaign_id="stubborn")
    post.sender().send_due()
    assert post.message(obedient).status == ("sent" if belongs else "cancelled")
    assert post.message(stubborn).status == "sent"


def test_a_blank_value_without_a_default_is_not_sent(post: Post):
    texts = [{"name": "A", "messages": {"log": {"body": "Dear {{ customer.first_name }}"}}}]
    post.campaign("plain", variants=texts)
    blank, filled = post.queue("C", "A", campaign_id="plain")
    post.sender().send_due()
    assert post.message(blank).status == "failed"
    assert post.message(blank).reason == (
        'customer.first_name is blank for this customer. Give a default: {{ customer.first_name | default: "…" }}.'
    )
    assert post.message(filled).status == "sent"


def test_simulated_messages_go_to_the_log_alone(post: Post, mail_server: MailServer):
    post.uses(mail_server.port)
    post.queue("A", channel="email", is_simulated=True)
    post.sender().send_due()
    assert mail_server.connections == 0
    assert post.statuses() == {"A": "sent"}


def test_without_a_consent_column_nothing_is_sent(post: Post, mail_server: MailServer):
    post.uses(mail_server.port, contact_columns={"consent": "agreed"})
    [message] = post.queue("A", channel="email")
    post.sender().send_due()
    assert mail_server.mails == []
    assert (post.message(message).status, post.message(message).claimed_by) == ("waiting", None)


def test_a_limit_per_second_holds_for_all_senders(post: Post):
    post.uses(sending_per_second={"log": 0.001})
    post.queue("A", "B", "C")
    assert [post.sender().send_due(), post.sender().send_due()] == [1, 0]
    assert sorted(post.statuses().values()) == ["sent", "waiting", "waiting"]


def test_a_sender_that_was_asked_to_stop_finishes_its_message_and_frees_the_others(post: Post):
    class Stopping(LogChannel):
        def opened(self):
            sender.stop()
            return super().opened()

    post.queue("A", "B")
    sender = post.sender(channels={"log": Stopping()})
    sender.run()
    assert post.statuses() == {"A": "waiting", "B": "waiting"}
    assert post.sender().send_due() == 2


def test_only_the_message_in_hand_is_in_doubt_after_a_crash(post: Post):
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    in_hand, claimed = post.queue("A", "B", claimed_by="dead", claimed_at=long_ago)
    post.change(in_hand, status="sending", attempts=1)
    post.sender().send_due()
    assert post.message(in_hand).status == "in_doubt"
    assert post.message(claimed).status == "sent"
    post.sender().send_due()
    assert post.message(in_hand).status == "in_doubt"


@pytest.mark.parametrize(("channel", "status"), [("webhook", "sent"), ("email", "in_doubt")])
def test_in_doubt_is_sent_again_only_where_copies_are_dropped(
    post: Post, mail_server: MailServer, receiver: Receiver, channel: str, status: str
):
    post.uses(mail_server.port, receiver.url, sending_when_in_doubt="again")
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    [message] = post.queue("A", channel=channel, status="sending", attempts=1, claimed_by="dead", claimed_at=long_ago)
    sender = post.sender()
    sender.send_due()
    if post.message(message).status == "waiting":
        post.change(message, due_at=datetime.now(UTC) - timedelta(seconds=1))
        sender.send_due()
    assert post.message(message).status == status
    assert post.message(message).possible_copies == (1 if channel == "webhook" else 0)
    assert mail_server.mails == []


def test_a_sender_that_was_slow_records_what_it_sent(post: Post):
    [message] = post.queue("A")
    sender = post.sender()
    [claim] = sender.outbox.claim(sender.worker, "log", 10)
    post.change(message, status="in_doubt", attempts=1)
    sender.outbox.sent(claim, sender.worker)
    assert post.message(message).status == "sent"


def test_nothing_is_recorded_for_a_message_that_another_sender_has(post: Post):
    [message] = post.queue("A")
    sender = post.sender()
    [claim] = sender.outbox.claim(sender.worker, "log", 10)
    post.change(message, status="sending", claimed_by="another")
    sender.outbox.failed(claim, sender.worker, "late")
    assert (post.message(message).status, post.message(message).reason) == ("sending", None)


def _add_segment(post: Post, members: str) -> None:
    at = datetime.now(UTC)
    with post.store.session() as session:
        session.add(
            SegmentRecord(
                id="risk",
                name="Risk",
                name_key="risk",
                description="",
                owner="ann",
                tags=[],
                rule={},
                version=1,
                rule_version=1,
                created_at=at,
                updated_at=at,
                updated_by="ann",
                size_count=0,
            )
        )
        session.flush()
        session.add_all(SegmentMember(segment_id="risk", customer_id=member, since=at) for member in members)


def test_a_message_is_not_rescheduled_for_ever(post: Post, mail_server: MailServer):
    post.uses(mail_server.port, sending_max_attempts=3)
    mail_server.answers.extend(["451 4.3.0 later"] * 50)
    [message] = post.queue("A", channel="email")
    sender = post.sender()
    for _ in range(10):
        sender.send_due()
        if post.message(message).status == "waiting":
            post.change(message, due_at=datetime.now(UTC) - timedelta(seconds=1))
    assert post.statuses() == {"A": "failed"}
    assert post.message(message).attempts == 3
    assert len(mail_server.answers) == 47


def test_a_message_outlives_an_outage_of_its_channel_and_not_its_time(post: Post):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    post.uses(port)
    [message] = post.queue("A", channel="email", expires_at=datetime.now(UTC) + timedelta(hours=1))
    for _ in range(8):
        post.sender().send_due()
        assert (post.message(message).status, post.message(message).attempts) == ("waiting", 0)
        post.change(message, due_at=datetime.now(UTC) - timedelta(seconds=1))
    post.change(message, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    post.sender().send_due()
    assert post.statuses() == {"A": "cancelled"}
