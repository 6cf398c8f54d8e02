"""Audit events of commands that were run in a terminal."""

import sys
from typing import Any

from loyalty_core.errors import LoyaltyError
from loyalty_core.settings import get_settings
from loyalty_core.store import audit
from loyalty_core.store.database import StateStore


def record_command(action: str, subject_kind: str, subject_id: str, **details: Any) -> None:
    """Record what the current viewer's command has done.

    Never raises: what the command has done stays done, so a state store that cannot be used is one line on stderr.
    Before the app has set up a state store, nothing is recorded.
    """
    try:
        with StateStore(get_settings().state_database_url) as store:
            if not store.has_table(audit.AuditEvent.__tablename__):
                return
            with store.session() as session:
                audit.record(session, action=action, subject_kind=subject_kind, subject_id=subject_id, details=details)
    except LoyaltyError as error:
        print(f"This is not in the audit trail: {error}", file=sys.stderr)  # noqa: T201 -- a terminal
