"""The features of customers as they entered a campaign, written to or held out: what an uplift model learns from.

They are read from the warehouse soon after the entries, and saved in parts of some thousand customers as compressed
Parquet, each with the ids of its entries. Only campaigns with a holdout are recorded, since nothing can be learned from
others.
"""

from __future__ import annotations

import io
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from loyalty_core.campaigns.definition import Definition
from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.features import ModelInputs
from loyalty_core.store.campaigns import CampaignEntryRecord, CampaignRecord, EntryFeaturesRecord
from loyalty_core.store.dialects import dialect_of_session
from loyalty_core.warehouse.customers import read_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from threading import Event

    from sqlalchemy.orm import Session

    from loyalty_core.store import StateStore
    from loyalty_core.warehouse import Warehouse

_log = logging.getLogger(__name__)

_ENTRIES_AT_ONCE = 10_000
_SECONDS_BETWEEN_LOOKS = 15.0
# Features that are read later are not those at entry.
_LATEST = timedelta(days=1)
_ENTRY, _ID = "entry_id", "customer_id"
_entries, _features = CampaignEntryRecord.__table__, EntryFeaturesRecord.__table__


class EntryFeatures:
    """Records the features of entrants, and gives them back."""

    def __init__(self, store: StateStore, warehouse: Warehouse) -> None:
        self._store = store
        self._warehouse = warehouse.unmasked
        self._inputs = ModelInputs(self._warehouse, warehouse.settings)

    def record_new(self, now: datetime | None = None) -> int:
        """Record the entrants that are not recorded yet; returns for how many entries features were found.

        Several processes may do so at once. Raises `MappingError`, and the errors of the warehouse and the state store.
        """
        now = now or datetime.now(UTC)
        return sum(self._record(campaign_id, now) for campaign_id in self._with_holdout())

    def table(self, campaign_ids: Sequence[str]) -> pa.Table | None:
        """`entry_id` and a column for each mapped feature; None where nothing usable was recorded.

        Parts that were recorded under another mapping, and lack one of the features, are left out.
        """
        names = [_ENTRY, *self._warehouse.settings.ml_feature_mapping]
        parts = sa.select(_features.c.content).where(_features.c.campaign_id.in_(campaign_ids)).order_by(_features.c.id)
        with self._store.session(read_only=True) as session:
            tables = [pq.read_table(io.BytesIO(content)) for content in session.scalars(parts)]
        usable = [table.select(names) for table in tables if set(names) <= set(table.column_names)]
        return pa.concat_tables(usable, promote_options="permissive") if usable else None

    def recorded(self, campaign_id: str) -> int:
        """The number of entries of the campaign with features."""
        rows = sa.select(sa.func.coalesce(sa.func.sum(_features.c.rows), 0))
        with self._store.session(read_only=True) as session:
            return session.scalar(rows.where(_features.c.campaign_id == campaign_id)) or 0

    def keep_recording(self, stop: Event) -> None:
        """Record new entrants until `stop`; an error is logged once, and the next look tries again, for a day."""
        failed = ""
        while True:
            try:
                self.record_new()
                failed = ""
            except LoyaltyError as error:
                if str(error) != failed:
                    _log.warning("The features of customers who entered campaigns were not recorded: %s", error)
                failed = str(error)
            if stop.wait(_SECONDS_BETWEEN_LOOKS):
                return

    def _with_holdout(self) -> list[str]:
        running = sa.select(CampaignRecord.id, CampaignRecord.content).where(CampaignRecord.state != "draft")
        with self._store.session(read_only=True) as session:
            found = session.execute(running).all()
        return [row.id for row in found if Definition.from_json(row.content).holdout.share > 0]

    def _record(self, campaign_id: str, now: datetime) -> int:
        recorded = 0
        for entries in self._unrecorded(campaign_id, now):
            table = self._read(entries)
            content = io.BytesIO()
            pq.write_table(table, content, compression="zstd")
            record = EntryFeaturesRecord(
                campaign_id=campaign_id,
                first_entry=entries[0].id,
                last_entry=entries[-1].id,
                recorded_at=now,
                rows=len(table),
                content=content.getvalue(),
            )
            try:
                with self._store.session() as session:
                    session.add(record)
            except IntegrityError:
                return recorded  # another process has just recorded these
            recorded += len(table)
        return recorded

    def _unrecorded(self, campaign_id: str, now: datetime) -> Iterator[Sequence[sa.Row]]:
        """The entries after the last one recorded, in parts."""
        last = sa.select(sa.func.coalesce(sa.func.max(_features.c.last_entry), 0))
        last = last.where(_features.c.campaign_id == campaign_id).scalar_subquery()
        since = sa.literal(now - _LATEST, _entries.c.entered_at.type)
        entered = sa.select(_entries.c.id, _entries.c.customer_id).where(
            _entries.c.campaign_id == campaign_id,
            _entries.c.status.in_(["queued", "holdout"]),
            _entries.c.entered_at >= since,
            _entries.c.id > last,
        )
        while True:
            with self._store.session(read_only=True) as session:
                found = session.execute(entered.order_by(_entries.c.id).limit(_ENTRIES_AT_ONCE)).all()
            if not found:
                return
            yield found

    def _read(self, entries: Sequence[sa.Row]) -> pa.Table:
        """The features of these entries as they are now; customers who are not in the view are left out."""
        identifier = self._warehouse.customer_id
        values = {row.customer_id: read_id(row.customer_id, identifier.type) for row in entries}
        wanted = {value for value in values.values() if value is not None}
        view, columns = self._warehouse.features, self._inputs.columns
        select = sa.select(
            sa.cast(view.c[identifier.name], sa.Text).label(_ID),
            *(view.c[column].label(name) for name, column in columns.items()),
        ).where(self._warehouse.dialect.is_one_of(view.c[identifier.name], wanted))
        read = self._warehouse.fetch_arrow(select)
        places = {customer_id: place for place, customer_id in enumerate(read[_ID].to_pylist())}
        known = [row for row in entries if row.customer_id in places]
        features = read.drop_columns([_ID]).take(pa.array([places[row.customer_id] for row in known], pa.int64()))
        return features.add_column(0, _ENTRY, pa.array([row.id for row in known], pa.int64()))


def forget_old_features(session: Session, days: int) -> None:
    """Remove what was recorded longer ago than this many days."""
    before = dialect_of_session(session).now(session) - timedelta(days=days)
    session.execute(sa.delete(EntryFeaturesRecord).where(EntryFeaturesRecord.recorded_at < before))
