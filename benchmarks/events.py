"""Events a second, from being sent to being applied: `python -m benchmarks.events`.

The demo with tiny models, 100 segments whose members are computed, and 10 running campaigns, one of which a tenth of
the events trigger. Each round sends 1,000 events about as many customers, and applies them; the state store is a file.
The baseline does only the two steps that nobody can leave out, and stores nothing: for each event, the features are
fetched from the warehouse and churn is predicted, as a consumer does that has read one message. A second one does the
same for each batch of events at once.

Then events are sent one at a time, and the time from sending one to its effects being committed is shown.
"""

import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from benchmarks.timing import compare, show
from loyalty_core.access import process_acts_as, terminal_viewer
from loyalty_core.campaigns import Definition
from loyalty_core.demo.generate import generate
from loyalty_core.events import Event, Intake, Worker
from loyalty_core.events.running import new_worker
from loyalty_core.events.worker import BATCH_SIZE
from loyalty_core.ml.bundles import activate, write_bundle
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.tasks import CHURN
from loyalty_core.segments import SegmentDraft
from loyalty_core.services import Services
from loyalty_core.settings import Settings
from tests.ml.fixtures import bundle_parts

CUSTOMERS, EVENTS, SEGMENTS, CAMPAIGNS = 20_000, 1_000, 100, 10
ROUNDS, SINGLE = 5, 200


def main() -> None:
    with tempfile.TemporaryDirectory() as name, process_acts_as(terminal_viewer()):
        services = prepare(Path(name))
        worker = new_worker(services)
        ids = customer_ids(services)
        ours = f"stored, applied and traced: {SEGMENTS} segments, {CAMPAIGNS} campaigns"
        timings = compare(
            {
                "fetch and predict, each event": lambda: fetch_and_predict(services, ids, at_once=1),
                f"fetch and predict, {BATCH_SIZE} at once": lambda: fetch_and_predict(services, ids, BATCH_SIZE),
                ours: lambda: send_and_apply(services, worker, ids),
            },
            rounds=ROUNDS,
        )
        show(f"{EVENTS:,} events", timings)
        for timing in timings:
            print(f"  {timing.name:<58} {EVENTS / timing.seconds:>8,.0f} a second {1 / timing.ratio:>8.2f}")
        seconds = sorted(one_at_a_time(services, worker, ids[:SINGLE]))
        slow = seconds[int(len(seconds) * 0.99)]
        print(f"\nOne at a time: median {statistics.median(seconds) * 1000:.0f} ms, p99 {slow * 1000:.0f} ms")


def prepare(folder: Path) -> Services:
    """The demo with models, segments and campaigns."""
    generate(folder / "warehouse.duckdb", customers=CUSTOMERS)
    activate(folder / "models", write_bundle(folder / "models", bundle_parts()), by="benchmark")
    services = Services(
        Settings(
            dwh_url=f"duckdb:///{folder / 'warehouse.duckdb'}",
            models_dir=folder / "models",
            state_database_url=f"sqlite:///{folder / 'state.db'}",
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


def fetch_and_predict(services: Services, ids: Sequence[str], at_once: int) -> None:
    for start in range(0, len(ids), at_once):
        rows = services.features.refresh(ids[start : start + at_once])
        services.inference.predict_rows({CHURN.name}, rows)


def send_and_apply(services: Services, worker: Worker, ids: Sequence[str]) -> None:
    intake = Intake(services.store, timedelta())
    sent = [an_event(customer_id, number) for number, customer_id in enumerate(ids)]
    for start in range(0, len(sent), BATCH_SIZE):
        intake.accept(sent[start : start + BATCH_SIZE])
    assert worker.apply_all() == len(ids)


def one_at_a_time(services: Services, worker: Worker, ids: Sequence[str]) -> Iterator[float]:
    intake = Intake(services.store, timedelta())
    for number, customer_id in enumerate(ids):
        event = an_event(customer_id, number)
        started = time.perf_counter()
        intake.accept([event])
        worker.apply_all()
        yield time.perf_counter() - started


def an_event(customer_id: str, number: int) -> Event:
    kind, data = ("customer.login", {}) if number % 10 else ("tier.changed", {"tier": "Gold"})
    return Event("benchmark", uuid.uuid4().hex, kind, customer_id, datetime.now(UTC), data)


if __name__ == "__main__":
    main()
