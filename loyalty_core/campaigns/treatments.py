"""What a campaign teaches about whom a contact changes: who was written to or held out, and who converted.

The rows have the form of `customer_treatment_history`, with the features that were recorded at entry where they are
asked for. Everybody who was to be written to counts as treated, whether or not the message arrived, so that both
groups stay comparable.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlalchemy as sa

from loyalty_core.store.campaigns import CampaignEntryRecord
from loyalty_core.store.messages import MessageOutcomeRecord, OutboxRecord
from loyalty_core.warehouse.history import ARM_SEPARATOR, History

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
_ENTRY = "entry_id"
_SCHEMA_WITH_ENTRY = _SCHEMA.append(pa.field(_ENTRY, pa.int64()))
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


def treatment_history(
    store: StateStore, campaigns: Sequence[Campaign], features: pa.Table, now: datetime | None = None
) -> History:
    """The same as labelled rows for a training, of those whose `features` are known (see `EntryFeatures.table`)."""
    now = now or datetime.now(UTC)
    parts = [part for campaign in campaigns for part in _with_entries(store, campaign, now)]
    rows = pa.Table.from_batches(parts, _SCHEMA_WITH_ENTRY).join(features, _ENTRY, join_type="inner")
    rows = rows.sort_by(_ENTRY)  # a join promises no order, and the same rows must train the same model
    arms = zip(rows["treated"].to_pylist(), rows["outcome"].to_pylist(), strict=True)
    contacted = rows.filter(rows["treated"]).group_by("channel").aggregate([([], "count_all")]).to_pylist()
    return History(
        source=f"campaign {', '.join(campaign.name for campaign in campaigns)}",
        features=rows.select([name for name in features.column_names if name != _ENTRY]),
        labels=pa.array([f"{treated:d}{ARM_SEPARATOR}{converted:d}" for treated, converted in arms]),
        dates=rows["treated_at"].cast(pa.date32()).combine_chunks(),
        customers=rows["customer_id"].combine_chunks(),
        channels={one["channel"]: one["count_all"] for one in contacted if one["channel"]},
    )


def _with_entries(store: StateStore, campaign: Campaign, now: datetime) -> Iterator[pa.RecordBatch]:
    statement = _statement(campaign, now).add_columns(_entries.c.id)
    with store.session(read_only=True) as session:
        rows = iter(session.execute(statement).yield_per(_BATCH_ROWS))
        while part := list(islice(rows, _BATCH_ROWS)):
            yield _batch(part, _SCHEMA_WITH_ENTRY)


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


def _batch(rows: list[Any], schema: pa.Schema = _SCHEMA) -> pa.RecordBatch:
    columns = zip(*rows, strict=True) if rows else ([] for _ in schema)
    return pa.RecordBatch.from_arrays(
        [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)], schema=schema
    )
