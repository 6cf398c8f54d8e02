"""Made-up events about customers of the demo, played live, so that a demo moves.

They are marked as simulated: only simulated campaigns answer them, and their messages go to the log alone.
"""

from __future__ import annotations

import threading
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.errors import LoyaltyError
from loyalty_core.events.event import Event
from loyalty_core.events.intake import Intake
from loyalty_core.store.messages import OutboxRecord
from loyalty_core.warehouse.source import describe_source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loyalty_core.services import Services

SOURCE = "simulation"
_PAUSE_SECONDS = 0.7
_PLAYED_SECONDS = 600.0
_CUSTOMERS = 400
_MESSAGES = 300
_DAYS_AWAY = 240
# What a customer looks like who has not bought for so long, where the view has such columns.
_AWAY: dict[str, Any] = {
    "last_purchase_days_ago": _DAYS_AWAY,
    "days_since_last_transaction": _DAYS_AWAY,
    "churn_score": 0.93,
    "customer_status": "inactive",
}
_BACK: dict[str, Any] = {
    "last_purchase_days_ago": 0,
    "days_since_last_transaction": 0,
    "churn_score": 0.08,
    "customer_status": "active",
}


class NoDemo(LoyaltyError):
    """Simulated events are for the demo alone."""

    code = "no_demo"

    def __init__(self) -> None:
        super().__init__(
            "Simulated events can only be played on the demo data.",
            "They would change who belongs to segments of real customers.",
            "Send a single event instead, or try it as a dry run.",
        )


@dataclass(frozen=True)
class Cast:
    """Whom the events are about: customers, columns that they have, and (customer, key) of messages sent to some."""

    customers: Sequence[str]
    columns: frozenset[str]
    messages: Sequence[tuple[str, str]]


class Simulation:
    """Plays events in a thread of its own for ten minutes, or until it is stopped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_playing(self) -> bool:
        """Whether events are being played."""
        return self._thread is not None and self._thread.is_alive()

    def play(self, services: Services) -> None:
        """Begin, unless it is playing already. Raises `NoDemo` where the warehouse holds other data."""
        cast = read_cast(services)
        with self._lock:
            if self.is_playing:
                return
            self._stop = threading.Event()
            intake = Intake.of(services.store, services.settings)
            run = (intake.accept, cast, Random(), self._stop)  # noqa: S311 -- which demo customer buys is no secret
            self._thread = threading.Thread(target=_play, args=run, name="simulated-events", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop playing; what was sent is still applied."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()


SIMULATION = Simulation()
"""The one of this process."""


def read_cast(services: Services) -> Cast:
    """Some customers of the demo, and the newest simulated messages. Raises `NoDemo`."""
    warehouse = services.warehouse
    if not describe_source(warehouse).is_demo:
        raise NoDemo
    view = warehouse.features
    identifier = view.c[warehouse.customer_id.name]
    some = sa.select(identifier.label("id")).where(identifier.is_not(None)).order_by(sa.func.random())
    customers = [str(row["id"]) for row in warehouse.rows(some.limit(_CUSTOMERS))]
    sent = sa.select(OutboxRecord.customer_id, OutboxRecord.key).where(
        OutboxRecord.is_simulated.is_(True), OutboxRecord.status == "sent"
    )
    with services.store.session(read_only=True) as session:
        messages = session.execute(sent.order_by(OutboxRecord.id.desc()).limit(_MESSAGES)).all()
    return Cast(customers, frozenset(view.columns.keys()), [(row.customer_id, row.key) for row in messages])


def simulated_event(cast: Cast, random: Random, now: datetime) -> Event:
    """One event: a purchase, a visit, somebody who stays away, or an answer to a message."""
    customer, data = random.choice(cast.customers), {}
    kind = random.choices(
        ("transaction.created", "customer.login", "customer.updated", "message"), weights=(4, 2, 2, 3)
    )[0]
    if kind == "message" and not cast.messages:
        kind = "customer.login"
    if kind == "message":
        customer, key = random.choice(cast.messages)
        kind = random.choices(("campaign.opened", "campaign.clicked", "transaction.created"), weights=(4, 2, 1))[0]
        data["message_id"] = key
    if kind == "transaction.created":
        data |= {"amount": round(random.lognormvariate(3.6, 0.5), 2), "features": _known(_BACK, cast)}
    elif kind == "customer.updated":
        data["features"] = _known(_AWAY, cast)
    return Event(SOURCE, uuid.uuid4().hex, kind, customer, now, data, is_simulated=True)


def _known(features: dict[str, Any], cast: Cast) -> dict[str, Any]:
    return {name: value for name, value in features.items() if name in cast.columns}


def _play(accept: Callable[[list[Event]], object], cast: Cast, random: Random, stop: threading.Event) -> None:
    for _ in range(round(_PLAYED_SECONDS / _PAUSE_SECONDS)):
        with suppress(LoyaltyError):  # the store does not answer, or too many events wait: the next ones may pass
            accept([simulated_event(cast, random, datetime.now(UTC))])
        if stop.wait(_PAUSE_SECONDS):
            return
