"""Many rows at once, which come back as the session would have written them."""

from datetime import UTC, datetime, timedelta, timezone

from sqlalchemy import select

from loyalty_core.store import StateStore
from loyalty_core.store.dialects import WrittenJson
from loyalty_core.store.events import EventTraceRecord
from loyalty_core.store.rows import insert_rows

AT = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
# In another order than the table's.
COLUMNS = (
    "at",
    "event",
    "customer_id",
    "milliseconds",
    "outcome",
    "steps",
    "campaign_ids",
    "segments_joined",
    "segments_left",
    "scores",
)


def test_values_come_back_as_they_were_given(store: StateStore):
    in_oslo = AT.astimezone(timezone(timedelta(hours=1)))
    steps = [{"name": "Read", "milliseconds": 0.5}]
    rows = [
        (in_oslo, 1, "%s?' -- Ærø", 1.25, "", WrittenJson.of(steps), ("spring",), (), [], {"after": 0.5}),
        (AT, 2, "B", 0.0, "Nothing.", [], [], [], [], None),
    ]
    with store.session() as session:
        insert_rows(session, EventTraceRecord, COLUMNS, rows)
        insert_rows(session, EventTraceRecord, COLUMNS, [])
    with store.session(read_only=True) as session:
        first, second = session.scalars(select(EventTraceRecord).order_by(EventTraceRecord.event))
    found = [getattr(first, name) for name in COLUMNS]
    assert found == [AT, 1, "%s?' -- Ærø", 1.25, "", steps, ["spring"], [], [], {"after": 0.5}]
    assert (second.at, second.steps, second.scores) == (AT, [], None)
