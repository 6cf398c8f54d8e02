"""The two workflows that the product exists for, each from its trigger to the message, with real parts throughout.

Kafka's protocol, PostgreSQL, Redis, DuckDB, a mail server and a receiver of webhooks: nothing in between is replaced.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from loyalty_core.analytics.offers import OfferTerms, Policy
from loyalty_core.campaigns import Definition
from loyalty_core.events.effects import Traces
from loyalty_core.events.history import EventHistory
from loyalty_core.events.running import EventThreads
from loyalty_core.segments.refreshing import refresh_all
from loyalty_core.segments.starters import make_starters
from loyalty_core.services import get_services
from tests.fixtures.receivers import WEBHOOK_SECRET
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loyalty_core.campaigns import Campaign, Performance
    from loyalty_core.services import Services
    from tests.fixtures.receivers import MailServer, Receiver
    from tests.servers import KafkaServer
    from tests.workbench import Configure, Query

AWAY = {
    "last_purchase_days_ago": 700,
    "days_since_last_transaction": 700,
    "churn_score": 0.97,
    "transaction_count": 1,
    "total_revenue": 9.0,
    "avg_transaction_value": 9.0,
    "lifetime_value": 9.0,
}
TEXT = "Dear {{ customer.full_name }}, for you: {{ offer.name }}."
VIPS = 20


@pytest.fixture
def topic(shared_kafka: KafkaServer) -> str:
    """There before anyone subscribes to it: a consumer looks for new topics every few minutes alone."""
    name = f"events-{uuid.uuid4().hex}"
    admin = AdminClient({"bootstrap.servers": shared_kafka.address})
    admin.create_topics([NewTopic(name, 1)])[name].result(60)
    return name


@pytest.fixture
def services(
    demo_settings: Configure,
    predictions_file: Path,
    postgres_database: str,
    redis_url: str,
    shared_kafka: KafkaServer,
    mail_server: MailServer,
    receiver: Receiver,
    topic: str,
) -> Iterator[Services]:
    """Everything connected, and the starter segments computed."""
    demo_settings(
        ml_mock_mode=True,
        predictions_file=predictions_file,
        state_database_url=postgres_database,
        redis_url=redis_url,
        kafka_bootstrap_servers=shared_kafka.address,
        kafka_topics=topic,
        kafka_group=topic,
        events_overlay_seconds=600,
        smtp_host="127.0.0.1",
        smtp_port=mail_server.port,
        smtp_tls="none",
        email_from="Club <club@example.com>",
        public_url="https://loyalty.example",
        contact_secret="a secret of thirty-two characters at least",
        webhook_url=receiver.url,
        webhook_secret=WEBHOOK_SECRET,
    )
    services = get_services()
    services.prepare_store()
    starters = make_starters(services.warehouse, services.segmentation, services.segments)
    refresh_all(services.segmentation, starters, cause="scoring")
    threads = EventThreads(services)
    threads.start()
    yield services
    threads.stop()


@pytest.fixture
def policy(services: Services) -> str:
    everything = Policy({offer: OfferTerms() for offer in services.offers.get()})
    return services.policies.save("Everything", everything, actor="ann").id


def started(services: Services, name: str, policy: str, **content: Any) -> Campaign:
    channel = content["channels"]["use"][0]
    message = {"subject": "An offer", "body": TEXT}
    parts = {
        "offer": {"kind": "best", "policy": policy},
        "variants": [{"name": "A", "share": 100, "messages": {channel: message}}],
        **content,
    }
    draft = services.campaigns.repository.create(name, Definition.from_json(parts), actor="ann")
    return services.campaigns.start(draft.id, actor="ann")


def publish(kafka: KafkaServer, topic: str, kind: str, customer: str, **data: Any) -> None:
    event = {
        "event_id": uuid.uuid4().hex,
        "type": kind,
        "customer_id": customer,
        "occurred_at": datetime.now(UTC).isoformat(),
        "data": data,
    }
    producer = Producer({"bootstrap.servers": kafka.address})
    producer.produce(topic, json.dumps(event).encode(), key=customer.encode())
    assert producer.flush(60) == 0


def results(services: Services, campaign: Campaign) -> Performance:
    return services.campaigns.performance(campaign)


def test_automated_retention(
    services: Services, policy: str, sql: Query, shared_kafka: KafkaServer, topic: str, mail_server: MailServer
) -> None:
    """A customer's update in Kafka: cache, churn, segment, campaign, best offer, e-mail, and what came of it."""
    risk = next(one for one in services.segments.list() if one.name == "High churn risk")
    campaign = started(
        services,
        "Retention",
        policy,
        audience={"segment": risk.id},
        trigger={"kind": "segment_joined", "segment": risk.id},
        channels={"use": ["email"]},
    )
    at_risk = {row["customer_id"] for row in services.segmentation.members(risk.rule, limit=1_000)}
    reachable = sql(
        "SELECT customer_id, email, full_name FROM customer_features_view WHERE marketing_consent AND email IS NOT NULL"
        " AND last_purchase_days_ago < 20 ORDER BY customer_id"
    )
    customer, email, name = next(row for row in reachable if row[0] not in at_risk)
    services.features.get(customer)  # cached in Redis, as it was before the event
    publish(shared_kafka, topic, "customer.updated", customer, features=AWAY)
    wait_until(lambda: [one.status for one in EventHistory(services.store).list()] == ["done"])
    (event,) = EventHistory(services.store).list()
    assert "A message of Retention was queued" in Traces(services).get(event.id).outcome
    services.new_sender().send_due()
    (mail,) = mail_server.mails
    assert mail["To"] == email
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"Dear {name}, for you: " in mail.get_content()
    assert any(facts.name and facts.name in mail.get_content() for facts in services.offers.get().values())
    publish(shared_kafka, topic, "campaign.opened", customer, campaign_id=campaign.id)
    publish(shared_kafka, topic, "transaction.created", customer, amount=59.5)
    wait_until(lambda: results(services, campaign).total.converted == 1)
    total = results(services, campaign).total
    assert (total.sent, total.opened, total.revenue) == (1, 1, 59.5)
    # A second update sends nothing: whoever is in the campaign has entered it.
    publish(shared_kafka, topic, "customer.updated", customer, features=AWAY)
    wait_until(lambda: all(one.status == "done" for one in EventHistory(services.store).list()))
    services.new_sender().send_due()
    assert len(mail_server.mails) == 1


def test_a_personalised_campaign(services: Services, policy: str, receiver: Receiver) -> None:
    """A campaign for VIPs, run by hand: the best offer of each, a personal text, sent, and its performance."""
    vip = next(one for one in services.segments.list() if one.name == "VIP")
    campaign = started(
        services,
        "VIP",
        policy,
        audience={"segment": vip.id},
        channels={"use": ["webhook"]},
        budget={"messages": VIPS},
    )
    run = services.campaign_runs.begin(campaign.id, actor="ann")

    def status() -> str:
        return next(one.status for one in services.campaigns.repository.runs(campaign.id) if one.id == run.id)

    wait_until(lambda: status() not in {"waiting", "running"})
    assert status() == "done"
    sender = services.new_sender()

    def all_sent() -> bool:
        sender.send_due()
        return results(services, campaign).total.sent == VIPS

    wait_until(all_sent)
    assert len(receiver.verified) == len(set(receiver.ids)) == VIPS
    members = {row["customer_id"] for row in services.segmentation.members(vip.rule, limit=1_000)}
    for _, content in receiver.verified:
        assert content["data"]["customer_id"] in members
        assert services.offers.get()[content["data"]["offer_id"]].name in content["data"]["body"]
    assert sum(figures.sent for figures in results(services, campaign).by_offer.values()) == VIPS
