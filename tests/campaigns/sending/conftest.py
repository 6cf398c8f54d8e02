"""A programme with five customers, campaigns whose messages are in the outbox, and senders for them."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from loyalty_core.campaigns.sending.sender import Sender
from loyalty_core.settings import Settings
from loyalty_core.store import StateStore
from loyalty_core.store.campaigns import CampaignRecord, CampaignVersionRecord
from loyalty_core.store.messages import ContactPreferenceRecord, OutboxRecord
from loyalty_core.warehouse import FeatureStore, Warehouse
from loyalty_core.warehouse.offers import OfferCatalog
from tests.fixtures.receivers import WEBHOOK_SECRET
from tests.fixtures.warehouses import DuckDBFile

CUSTOMERS = """
CREATE TABLE customers (
    customer_id varchar, first_name varchar, email varchar, marketing_consent boolean, time_zone varchar
);
INSERT INTO customers VALUES
    ('A', 'Anna', 'anna@example.com', true, 'Europe/Oslo'),
    ('B', 'Bo', 'bo@example.com', true, NULL),
    ('C', NULL, 'c@example.com', true, NULL),
    ('D', 'Dag', 'dag@example.com', false, NULL),
    ('E', '{{ campaign.name }}', NULL, true, NULL);
CREATE VIEW customer_features_view AS SELECT * FROM customers;
CREATE TABLE offers (offer_id integer, name varchar, description varchar);
INSERT INTO offers VALUES (3, 'Free delivery', 'No delivery charge');
"""
TEXT = {"subject": "{{ offer.name }} for you", "body": 'Hello {{ customer.first_name | default: "you" }}!'}
CONTENT = {"variants": [{"name": "A", "messages": dict.fromkeys(("log", "webhook", "email"), TEXT)}]}


class Post:
    """A state store with a warehouse; queues messages and makes senders."""

    def __init__(self, store: StateStore, open_warehouse: Callable[..., Warehouse], url: str) -> None:
        self.store = store
        self._open, self._url = open_warehouse, url
        self.values: dict[str, Any] = {
            "state_database_url": store.url.render_as_string(hide_password=False),
            "contact_secret": "a secret of this test",
            "public_url": "https://club.example.com/loyalty",
            "email_from": "Nordic Club <club@example.com>",
            "sending_per_second": {},
            "webhook_secret": WEBHOOK_SECRET,
        }

    def uses(self, mail_port: int | None = None, webhook_url: str | None = None, **settings: Any) -> None:
        """Change settings for senders that are made from now on."""
        if mail_port is not None:
            self.values |= {"smtp_host": "127.0.0.1", "smtp_port": mail_port, "smtp_tls": "none"}
        if webhook_url is not None:
            self.values["webhook_url"] = webhook_url
        self.values |= settings

    def settings(self) -> Settings:
        return Settings(dwh_url=self._url, **self.values)

    def parts(self) -> tuple[Settings, StateStore, Warehouse, FeatureStore, OfferCatalog]:
        """What senders and trials are made of."""
        warehouse = self._open(self._url, **self.values)
        return warehouse.settings, self.store, warehouse, FeatureStore(warehouse), OfferCatalog(warehouse)

    def sender(self, **options: Any) -> Sender:
        return Sender(*self.parts(), **options)

    def campaign(self, campaign_id: str = "spring", *, state: str = "running", **content: Any) -> None:
        at = datetime.now(UTC)
        with self.store.session() as session:
            session.add(
                CampaignRecord(
                    id=campaign_id,
                    name=campaign_id.title(),
                    name_key=campaign_id,
                    content=CONTENT | content,
                    state=state,
                    salt="salt",
                    owner="ann",
                    version=1,
                    created_at=at,
                    updated_at=at,
                    updated_by="ann",
                    is_simulated=False,
                )
            )
            session.flush()
            session.add(
                CampaignVersionRecord(
                    campaign_id=campaign_id,
                    number=1,
                    at=at,
                    actor="ann",
                    changes=[],
                    name=campaign_id.title(),
                    content=CONTENT | content,
                )
            )

    def set_state(self, state: str, campaign_id: str = "spring") -> None:
        with self.store.session() as session:
            session.get_one(CampaignRecord, campaign_id).state = state

    def queue(self, *customers: str, channel: str = "log", campaign_id: str = "spring", **values: Any) -> list[int]:
        """Put a message to each of the customers into the outbox."""
        at = datetime.now(UTC)
        given = {"due_at": at - timedelta(seconds=5), "status": "waiting", "attempts": 0, "is_simulated": False}
        with self.store.session() as session:
            first = len(session.scalars(select(OutboxRecord.id)).all()) + 1
            records = [
                OutboxRecord(
                    campaign_id=campaign_id,
                    entry_id=number,
                    customer_id=customer,
                    channel=channel,
                    key=f"key-{number}",
                    version=1,
                    variant="A",
                    offer_id=3,
                    queued_at=at,
                    **(given | values),
                )
                for number, customer in enumerate(customers, first)
            ]
            session.add_all(records)
            session.flush()
            return [record.id for record in records]

    def refuse(self, customer_id: str, channel: str = "*") -> None:
        """The customer unsubscribes."""
        with self.store.session() as session:
            session.add(
                ContactPreferenceRecord(
                    customer_id=customer_id,
                    channel=channel,
                    may_contact=False,
                    changed_at=datetime.now(UTC),
                    changed_by="preference page",
                )
            )

    def change(self, message_id: int, **values: Any) -> None:
        with self.store.session() as session:
            record = session.get_one(OutboxRecord, message_id)
            for name, value in values.items():
                setattr(record, name, value)

    def message(self, message_id: int) -> OutboxRecord:
        with self.store.session(read_only=True) as session:
            return session.get_one(OutboxRecord, message_id)

    def statuses(self) -> dict[str, str]:
        """The status of each message by its customer."""
        with self.store.session(read_only=True) as session:
            return {record.customer_id: record.status for record in session.scalars(select(OutboxRecord))}


@pytest.fixture(scope="session")
def customers_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = DuckDBFile(tmp_path_factory.mktemp("customers") / "warehouse.duckdb")
    file.execute(CUSTOMERS)
    return file.file


@pytest.fixture
def sqlite_store(tmp_path: Path, migrated_file: Path) -> Iterator[StateStore]:
    file = tmp_path / "state.db"
    shutil.copy(migrated_file, file)
    with StateStore(f"sqlite:///{file}", timeout_seconds=60) as store:
        yield store


@pytest.fixture
def post(sqlite_store: StateStore, open_warehouse: Callable[..., Warehouse], customers_file: Path) -> Post:
    """With a running campaign named Spring."""
    post = Post(sqlite_store, open_warehouse, f"duckdb:///{customers_file}")
    post.campaign()
    return post
