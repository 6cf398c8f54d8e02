"""Events a second, and the delay from an event to the outbox: `python -m benchmarks.events [sqlite] [postgresql]`.

Without a name both state stores are measured, which takes less than three minutes on two cores that are idle.

The demo with tiny models, 100 segments whose members are computed, and 10 running campaigns. Each round sends 2,000
events about as many customers, and applies them with one worker. A tenth are purchases that state a new total revenue,
by which the customer joins some two segments and may enter a campaign; a tenth are changes of tier, which trigger
another one. The state store is a file, or a PostgreSQL that is started for it. Rates are of processor time of this
process, so that other work on the machine changes them little; the server of PostgreSQL is another process.

The worker knows the segments of customers who had an event before; a second line is of a worker that has just started
and looks them up for each. There are three baselines, from the one that does as much around the two steps to the one
that does nothing else:

- the same loop of the same worker, whose handler only fetches and predicts: events are stored, claimed and marked as
  done;
- a loop that stores nothing and fetches and predicts for each batch of events at once;
- the same for each event, as a consumer does that has read one message.

Then events are sent at half of the rate that was found while a worker applies them, and one at a time while none else
is there; the time from sending an event to the commit of all that it causes, the message in the outbox among it, is
shown.
"""

import gc
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from benchmarks.timing import compare
from loyalty_core.access import process_acts_as, terminal_viewer
from loyalty_core.campaigns import Definition
from loyalty_core.demo.generate import generate
from loyalty_core.events import Event, Intake, Worker
from loyalty_core.events.effects import Effects, Prepared
from loyalty_core.events.inbox import Inbox, Patience
from loyalty_core.events.worker import BATCH_SIZE
from loyalty_core.ml.bundles import activate, write_bundle
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.tasks import CHURN
from loyalty_core.segments import SegmentDraft
from loyalty_core.services import Services
from loyalty_core.settings import Settings
from tests.ml.fixtures import bundle_parts
from tests.servers import PostgresServer

CUSTOMERS, EVENTS, SEGMENTS, CAMPAIGNS = 20_000, 2_000, 100, 10
ROUNDS, SINGLE = 9, 200
LOAD_SECONDS, SENT_EVERY_SECONDS = 15.0, 0.05


def main() -> None:
    for store in sys.argv[1:] or ["sqlite", "postgresql"]:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            stack.enter_context(process_acts_as(terminal_viewer()))
            url = f"sqlite:///{folder / 'state.db'}"
            if store == "postgresql":
                server = PostgresServer()
                server.start()
                stack.callback(server.stop)
                url = stack.enter_context(server.database())
            measure(store, prepare(folder, url))


def measure(store: str, services: Services) -> None:
    baseline, worker = worker_with(services, FetchAndPredict(services)), worker_with(services, Effects(services))
    gc.freeze()  # as `loyalty events` and the server do
    ids = customer_ids(services)
    purse = Purse(services, ids)
    ours = f"stored, applied and traced: {SEGMENTS} segments, {CAMPAIGNS} campaigns"
    candidates = {
        "the same worker, fetch and predict alone": (EVENTS, lambda: send_and_apply(services, baseline, purse)),
        "no store, fetch and predict in batches": (EVENTS, lambda: fetch_and_predict(services, ids, BATCH_SIZE)),
        "no store, fetch and predict each event": (SINGLE, lambda: fetch_and_predict(services, ids[:SINGLE], 1)),
        ours: (EVENTS, lambda: send_and_apply(services, worker, purse)),
    }
    runs = {name: run for name, (_, run) in candidates.items()}
    timings = compare(runs, rounds=ROUNDS, clock=time.process_time)
    # Afterwards, since what a second worker changes makes the first one look up all members again.
    new = "the same by a worker that has just started"
    candidates[new] = EVENTS, lambda: send_and_apply(services, worker_with(services, Effects(services)), purse)
    timings += compare({new: candidates[new][1]}, rounds=2, clock=time.process_time)
    rates = {timing.name: candidates[timing.name][0] / timing.seconds for timing in timings}
    print(f"\nEvents a second of processor time, state store: {store}")
    for name, rate in rates.items():
        print(f"  {name:<60} {rate:>8,.0f}; ours is {rates[ours] / rate:>5.2f} of it")
    same_round = 1 / next(timing.ratio for timing in timings if timing.name == ours)
    print(f"  The median over rounds of ours beside the first line of the same round: {same_round:.2f}")
    rate = rates[ours] / 2
    print("From sending an event to the commit of all that it causes, the message in the outbox among it")
    show_delays(f"  At {rate:,.0f} events a second", under_load(services, purse, rate))
    show_delays("  One at a time", one_at_a_time(services, worker, purse))


def show_delays(title: str, delays: Sequence[float]) -> None:
    in_order = sorted(delays)
    slow = in_order[int(len(in_order) * 0.99)]
    print(f"{title}: median {statistics.median(in_order) * 1000:.0f} ms, p99 {slow * 1000:.0f} ms")


def prepare(folder: Path, store_url: str) -> Services:
    """The demo with models, segments and campaigns."""
    generate(folder / "warehouse.duckdb", customers=CUSTOMERS)
    activate(folder / "models", write_bundle(folder / "models", bundle_parts()), by="benchmark")
    services = Services(
        Settings(
            dwh_url=f"duckdb:///{folder / 'warehouse.duckdb'}",
            models_dir=folder / "models",
            state_database_url=store_url,
            events_overlay_seconds=3_600,
            predictions_file=folder / "predictions.parquet",
        )
    )
    services.prepare_store()
    score_base(services.warehouse, services.inference.models())
    for number in range(SEGMENTS):
        # A third reads what models predict, as segments at risk do.
        predicted = {">": [{"var": "churn_probability"}, number / SEGMENTS]}
        spent = {">": [{"var": "total_revenue"}, 20 * number]}
        rule = {"and": [spent, predicted]} if number % 3 == 0 else spent
        services.segmentation.create(SegmentDraft(f"Segment {number}", rule), actor="benchmark")
        services.segmentation.refresh(f"segment-{number}")
    for number in range(CAMPAIGNS):
        joined = {"kind": "segment_joined", "segment": f"segment-{number}"}
        trigger = joined if number else {"kind": "event", "event_type": "tier.changed"}
        definition = Definition.from_json(
            {
                "trigger": trigger,
                "variants": [{"name": "A", "share": 100, "messages": {"log": {"body": "Hello"}}}],
                "channels": {"use": ["log"]},
                "holdout": {"share": 10},
            }
        )
        campaign = services.campaigns.repository.create(f"Campaign {number}", definition, actor="benchmark")
        services.campaigns.start(campaign.id, actor="benchmark")
    return services


def customer_ids(services: Services) -> list[str]:
    identifier = services.warehouse.customer_id
    return [row[identifier.name] for row in services.warehouse.rows(sa.select(identifier).limit(EVENTS))]


class FetchAndPredict:
    """A handler that does the two steps that nobody can leave out, and writes nothing."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def prepare(self, events: Sequence[Event]) -> None:
        customers = {event.customer_id for event in events}
        self._services.features.invalidate(customers)
        rows = self._services.features.refresh(customers)
        self._services.inference.predict_rows({CHURN.name}, rows)

    def write(self, session: Session, prepared: None) -> None:
        """Only the mark that the events are done is written."""


class Purse:
    """What the customers have spent, which grows with each purchase."""

    def __init__(self, services: Services, ids: Sequence[str]) -> None:
        self.ids = ids
        self._revenue = {one: float(row["total_revenue"] or 0) for one, row in services.features.get_many(ids).items()}

    def events(self) -> list[Event]:
        return [self.event(number) for number in range(len(self.ids))]

    def event(self, number: int) -> Event:
        customer_id = self.ids[number % len(self.ids)]
        kind, data = "customer.login", dict[str, Any]()
        if number % 10 == 0:
            kind, data = "tier.changed", {"tier": "Gold"}
        elif number % 10 == 5:
            self._revenue[customer_id] += 40
            kind, data = (
                "transaction.created",
                {"amount": 40, "features": {"total_revenue": self._revenue[customer_id]}},
            )
        return Event("benchmark", uuid.uuid4().hex, kind, customer_id, datetime.now(UTC), data)


def worker_with(services: Services, handler: Any) -> Worker:
    return Worker(services.store, Inbox(services.store, Patience.of(services.settings)), handler)


def fetch_and_predict(services: Services, ids: Sequence[str], at_once: int) -> None:
    for start in range(0, len(ids), at_once):
        rows = services.features.refresh(ids[start : start + at_once])
        services.inference.predict_rows({CHURN.name}, rows)


def send_and_apply(services: Services, worker: Worker, purse: Purse) -> None:
    intake = Intake(services.store, timedelta())
    sent = purse.events()
    for start in range(0, len(sent), BATCH_SIZE):
        intake.accept(sent[start : start + BATCH_SIZE])
    assert worker.apply_all() == len(sent)


class Commits(Effects):
    """Effects that note which events were written last."""

    written: Sequence[Event] = ()

    def write(self, session: Session, prepared: Prepared) -> None:
        super().write(session, prepared)
        self.written = prepared.events


class WatchedWorker(Worker):
    """A worker that notes when each event was committed, by the row of the event."""

    def __init__(self, services: Services) -> None:
        self._effects = Commits(services)
        super().__init__(services.store, Inbox(services.store, Patience.of(services.settings)), self._effects)
        self.committed: dict[int | None, float] = {}

    def apply_waiting(self) -> int:
        applied = super().apply_waiting()
        if applied:
            self.committed |= dict.fromkeys((event.row for event in self._effects.written), time.perf_counter())
        return applied


def under_load(services: Services, purse: Purse, rate: float) -> list[float]:
    """The delays of events that are sent in small lists at a steady rate."""
    intake, worker, stop = Intake(services.store, timedelta()), WatchedWorker(services), threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    sent: dict[int, float] = {}
    started = time.perf_counter()
    while (passed := time.perf_counter() - started) < LOAD_SECONDS:
        at = time.perf_counter()
        missing = range(len(sent), int(rate * passed))
        sent |= dict.fromkeys(intake.accept([purse.event(number) for number in missing]).accepted, at)
        time.sleep(SENT_EVERY_SECONDS)
    while len(worker.committed) < len(sent):
        time.sleep(SENT_EVERY_SECONDS)
    stop.set()
    thread.join()
    return [worker.committed[row] - at for row, at in sent.items()]


def one_at_a_time(services: Services, worker: Worker, purse: Purse) -> list[float]:
    """The delays of events that are sent when the one before has been applied."""
    return list(_each_delay(Intake(services.store, timedelta()), worker, purse))


def _each_delay(intake: Intake, worker: Worker, purse: Purse) -> Iterator[float]:
    for number in range(SINGLE):
        event = purse.event(number)
        started = time.perf_counter()
        intake.accept([event])
        worker.apply_all()
        yield time.perf_counter() - started


if __name__ == "__main__":
    main()
