"""A small loyalty programme for tests of campaigns: customers in a DuckDB file, two segments, and a state store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb

from loyalty_core.campaigns import Campaign, Definition
from loyalty_core.segments import SegmentDraft
from loyalty_core.services import Services
from loyalty_core.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)

_TABLE = """
CREATE TABLE customers (
    customer_id varchar, points bigint, consent boolean, email varchar, preferred_channel varchar, time_zone varchar,
    churn_probability double, recommended_offer integer, offer_1 double, offer_2 double
);
CREATE VIEW customer_features_view AS SELECT customer_id, points, consent, email, preferred_channel, time_zone
FROM customers;
"""


@dataclass(frozen=True)
class Customer:
    """One row of the warehouse."""

    customer_id: str
    points: int = 1_500
    consent: bool | None = True
    email: str | None = "someone@example.com"
    preferred_channel: str | None = None
    time_zone: str | None = None


@dataclass(frozen=True)
class Programme:
    """The services over the customers; `rich` has more than 1,000 points, `richest` more than 5,000."""

    services: Services

    def campaign(self, name: str = "Retention", **parts: Any) -> Campaign:
        """A running campaign."""
        repository = self.services.campaigns.repository
        saved = repository.create(name, definition(**parts), actor="ann")
        return repository.start(saved.id, actor="ann", now=NOW)


def definition(**parts: Any) -> Definition:
    """A definition that can be started: everyone, by hand, by the log channel, without limits."""
    variants = [{"name": "A", "share": 100, "messages": messages()}]
    return Definition.from_json({"variants": variants, "channels": {"use": ["email", "log"]}, **parts})


def messages(body: str = "Hello") -> dict[str, Any]:
    """The same text for each channel."""
    return {"email": {"subject": "News", "body": body}, "log": {"body": body}}


def open_programme(folder: Path, store_url: str, customers: Iterable[Customer] | None, **settings: Any) -> Programme:
    """A programme with these customers, or with None the one that the folder has."""
    file = folder / "warehouse.duckdb"
    found = Services(Settings(dwh_url=f"duckdb:///{file}", state_database_url=store_url, **settings))
    if customers is None:
        return Programme(found)
    with duckdb.connect(str(file)) as connection:
        connection.execute(_TABLE)
        add_customers(connection, customers)
    found.store.migrate()
    for name, least in (("Rich", 1_000), ("Richest", 5_000)):
        rule = {">": [{"var": "points"}, least]}
        found.segmentation.create(SegmentDraft(name, rule), actor="ann")
    return Programme(found)


def add_customers(connection: duckdb.DuckDBPyConnection, customers: Iterable[Customer]) -> None:
    """Insert the customers."""
    rows = [list(vars(one).values()) for one in customers]
    names = ", ".join(Customer.__dataclass_fields__)
    if rows:
        places = ", ".join("?" for _ in Customer.__dataclass_fields__)
        connection.executemany(f"INSERT INTO customers ({names}) VALUES ({places})", rows)
