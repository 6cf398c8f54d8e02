"""What campaigns have sent, and the outcomes, as rows that training can use: each with its holdout as control."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from sqlalchemy import and_, func, select

from loyalty_core.campaigns.definition import Definition
from loyalty_core.files import replacing
from loyalty_core.store.campaigns import CampaignEntryRecord, CampaignVersionRecord
from loyalty_core.store.messages import MessageOutcomeRecord, OutboxRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlalchemy.orm import Session

    from loyalty_core.store import StateStore

_BATCH = 10_000
_MOMENT = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        ("campaign_id", pa.string()),
        ("entry_id", pa.int64()),
        ("customer_id", pa.string()),
        # When the customer entered: what was known then is what may predict.
        ("created_at", _MOMENT),
        ("offer_id", pa.int64()),
        ("variant", pa.string()),
        ("channel", pa.string()),
        ("sent_at", _MOMENT),
        # Written to, or in the holdout and therefore not.
        ("treated", pa.bool_()),
        ("converted", pa.bool_()),
        ("value", pa.float64()),
        ("churn_probability", pa.float64()),
        # Whether the time in which a conversion counts is over; until then `converted` may become true.
        ("is_final", pa.bool_()),
        ("is_simulated", pa.bool_()),
    ]
)


def history(store: StateStore, *, with_simulated: bool = False) -> Iterator[pa.RecordBatch]:
    """One row for each customer who was written to or is in a holdout, by entry, in batches.

    Entries whose message was not sent are left out: they are neither treated nor control. Each batch is read in a
    short transaction of its own, so that a long export keeps nobody from writing.
    """
    windows: dict[tuple[str, int], timedelta] = {}
    after = 0
    while True:
        with store.session(read_only=True) as session:
            rows = _rows(session, after, with_simulated=with_simulated)
            _read_windows(session, rows, windows)
        if not rows:
            return
        after = rows[-1].id
        now = datetime.now(UTC)
        kept = [_row(row, windows, now) for row in rows if row.status == "holdout" or row.sent_at is not None]
        if kept:
            yield pa.RecordBatch.from_pylist(kept, schema=SCHEMA)


def write_history(store: StateStore, file: Path, *, with_simulated: bool = False) -> int:
    """Write the history to a new file, CSV where its name ends so and Parquet otherwise; the number of rows."""
    written = 0
    with replacing(file) as unfinished:
        writer: Any = pa_csv.CSVWriter if file.suffix.lower() == ".csv" else pq.ParquetWriter
        with writer(unfinished, SCHEMA) as target:
            for batch in history(store, with_simulated=with_simulated):
                target.write_batch(batch)
                written += batch.num_rows
    return written


def _rows(session: Session, after: int, *, with_simulated: bool) -> Sequence[Any]:
    entry = CampaignEntryRecord
    converted = and_(MessageOutcomeRecord.entry_id == entry.id, MessageOutcomeRecord.kind == "converted")
    conversions = select(func.count()).where(converted).scalar_subquery()
    value = select(func.sum(MessageOutcomeRecord.value)).where(converted).scalar_subquery()
    sent = and_(OutboxRecord.campaign_id == entry.campaign_id, OutboxRecord.entry_id == entry.id)
    was_sent = and_(sent, OutboxRecord.customer_id == entry.customer_id, OutboxRecord.status == "sent")
    channel = select(func.min(OutboxRecord.channel)).where(was_sent).scalar_subquery()
    sent_at = select(func.min(OutboxRecord.sent_at)).where(was_sent).scalar_subquery()
    wanted = select(
        entry.id,
        entry.campaign_id,
        entry.version,
        entry.customer_id,
        entry.entered_at,
        entry.status,
        entry.variant,
        entry.offer_id,
        entry.churn_probability,
        entry.is_simulated,
        conversions.label("conversions"),
        value.label("value"),
        channel.label("channel"),
        sent_at.label("sent_at"),
    ).where(entry.id > after, entry.status.in_(("queued", "holdout")))
    if not with_simulated:
        wanted = wanted.where(entry.is_simulated.is_(False))
    return session.execute(wanted.order_by(entry.id).limit(_BATCH)).all()


def _read_windows(session: Session, rows: Sequence[Any], windows: dict[tuple[str, int], timedelta]) -> None:
    """Add how long a conversion counts in the versions of campaigns that are new among the rows."""
    for key in {(row.campaign_id, row.version) for row in rows} - windows.keys():
        version = session.get(CampaignVersionRecord, key)
        days = Definition.from_json(version.content).conversion.within_days if version else 0
        windows[key] = timedelta(days=days)


def _row(row: Any, windows: dict[tuple[str, int], timedelta], now: datetime) -> dict[str, Any]:
    return {
        "campaign_id": row.campaign_id,
        "entry_id": row.id,
        "customer_id": row.customer_id,
        "created_at": row.entered_at,
        "offer_id": row.offer_id,
        "variant": row.variant,
        "channel": row.channel,
        "sent_at": row.sent_at,
        "treated": row.status == "queued",
        "converted": row.conversions > 0,
        "value": row.value,
        "churn_probability": row.churn_probability,
        "is_final": row.entered_at + windows[row.campaign_id, row.version] <= now,
        "is_simulated": row.is_simulated,
    }
