"""What a campaign teaches about whom a contact changes: who was written to or held out, and who converted.

The rows have the form of `customer_treatment_history` without the features, which the warehouse has as of that time.
Everybody who was to be written to counts as treated, whether or not the message arrived, so that both groups stay
comparable.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlalchemy as sa

from loyalty_core.store.campaigns import CampaignEntryRecord
from loyalty_core.store.messages import MessageOutcomeRecord, OutboxRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loyalty_core.campaigns.campaign import Campaign
    from loyalty_core.store import StateStore

_BATCH_ROWS = 32_768
_SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("treated_at", pa.timestamp("us", "UTC")),
        ("treated", pa.bool_()),
        ("channel", pa.string()),
        ("offer_id", pa.int64()),
        ("outcome", pa.bool_()),
        ("spend", pa.float64()),
    ]
)
_entries, _outbox, _outcomes = CampaignEntryRecord.__table__, OutboxRecord.__table__, MessageOutcomeRecord.__table__


def treatment_batches(store: StateStore, campaign: Campaign, now: datetime | None = None) -> Iterator[pa.RecordBatch]:
    """The entries whose time for conversions is over; the first batch may be empty, and brings the columns."""
    with store.session(read_only=True) as session:
        rows = iter(session.execute(_statement(campaign, now or datetime.now(UTC))).yield_per(_BATCH_ROWS))
        while True:
            batch = _batch(list(islice(rows, _BATCH_ROWS)))
            yield batch
            if batch.num_rows < _BATCH_ROWS:
                return


def _statement(campaign: Campaign, now: datetime) -> sa.Select:
    converted = (
        sa.select(_outcomes.c.entry_id, sa.func.sum(_outcomes.c.value).label("value"))
        .where(_outcomes.c.campaign_id == campaign.id, _outcomes.c.kind == "converted")
        .group_by(_outcomes.c.entry_id)
        .subquery("converted")
    )
    over_at = now - timedelta(days=campaign.definition.conversion.within_days)
    message = sa.and_(_outbox.c.entry_id == _entries.c.id, _outbox.c.campaign_id == campaign.id)
    joined = sa.outerjoin(_entries, converted, converted.c.entry_id == _entries.c.id).outerjoin(_outbox, message)
    return (
        sa.select(
            _entries.c.customer_id,
            _entries.c.entered_at,
            (_entries.c.status == "queued").label("treated"),
            _outbox.c.channel,
            _entries.c.offer_id,
            converted.c.entry_id.is_not(None).label("outcome"),
            sa.func.coalesce(converted.c.value, 0.0).label("spend"),
        )
        .select_from(joined)
        .where(
            _entries.c.campaign_id == campaign.id,
            _entries.c.status.in_(["queued", "holdout"]),
            _entries.c.is_simulated == (sa.true() if campaign.is_simulated else sa.false()),
            _entries.c.entered_at <= sa.literal(over_at, _entries.c.entered_at.type),
        )
        .order_by(_entries.c.id)
    )


def _batch(rows: list[Any]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True) if rows else ([] for _ in _SCHEMA)
    return pa.RecordBatch.from_arrays(
        [pa.array(values, field.type) for values, field in zip(columns, _SCHEMA, strict=True)], schema=_SCHEMA
    )
