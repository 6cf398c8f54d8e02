"""Changes saved in a store, by the audit trail that they leave."""

import sqlite3
from contextlib import closing
from pathlib import Path

from loyalty_core.store import StateStore, audit


def write_one(store: StateStore, subject: str) -> None:
    """Save a change of the subject."""
    with store.session() as session:
        audit.record(session, actor="ann", action="created", subject_kind="segment", subject_id=subject)


def subjects(store: StateStore) -> list[str]:
    """Of the saved changes, newest first."""
    with store.session(read_only=True) as session:
        return [event.subject_id for event in audit.recent(session)]


def subjects_in(file: Path) -> list[str]:
    """What another program finds in the file."""
    with closing(sqlite3.connect(file)) as connection:
        return [row[0] for row in connection.execute("SELECT subject_id FROM audit_events ORDER BY id DESC")]
