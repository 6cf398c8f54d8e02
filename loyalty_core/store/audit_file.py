"""The audit trail as a CSV file."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

from loyalty_core.store import audit

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MAX_EVENTS = 100_000
_HEADER = ("at", "actor", "place", "action", "subject_kind", "subject_id", "details")
# Spreadsheets take a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export(session: Session, wanted: audit.Search) -> bytes:
    """The newest events that match, at most `MAX_EVENTS`, with times in UTC; the export is itself an event."""
    events = audit.search(session, wanted, limit=MAX_EVENTS)
    audit.record(session, action="exported", subject_kind="audit trail", subject_id="", details={"events": len(events)})
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_HEADER)
    for event in events:
        details = json.dumps(event.details, ensure_ascii=False)
        row = (event.at.isoformat(), event.actor, event.place, event.action, event.subject_kind, event.subject_id)
        writer.writerow([_plain(cell) for cell in (*row, details)])
    return text.getvalue().encode()


def _plain(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
