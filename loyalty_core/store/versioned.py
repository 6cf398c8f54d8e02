"""What versioned records share: one editor at a time, case-insensitive names, ids, and comparison of contents."""

from __future__ import annotations

import itertools
import json
import re
import unicodedata
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from loyalty_core.store import audit
from loyalty_core.store.dialects import dialect_of_session

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sqlalchemy.orm import Mapped, Session

    from loyalty_core.store.database import StateStore

MAX_NAME_LENGTH = 120
_MAX_ID_LENGTH = 60
# Letters that Unicode does not decompose into a basic Latin letter and an accent.
_LATIN = str.maketrans({"æ": "ae", "ø": "o", "œ": "oe", "ß": "ss", "đ": "d", "ð": "d", "ł": "l", "þ": "th"})


class Versioned(Protocol):
    """The columns that every versioned record has."""

    id: Mapped[str]
    name: Mapped[str]
    version: Mapped[int]


@contextmanager
def editing(store: StateStore) -> Iterator[Session]:
    """A session during which no other one edits versioned records, so names, ids and references stay as read."""
    with store.session() as session:
        dialect_of_session(session).lock_versioned_records(session)
        yield session


def name_key(name: str) -> str:
    """The same key for names that differ only in case."""
    return unicodedata.normalize("NFKC", name).casefold()


def new_id(name: str, taken: Collection[str], *, otherwise: str = "segment") -> str:
    """An id made from the name (vip), numbered if taken (vip-2); `otherwise` if the name has no usable letters."""
    plain = unicodedata.normalize("NFKD", name.lower().translate(_LATIN)).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain)[:_MAX_ID_LENGTH].strip("-") or otherwise
    numbered = (f"{slug}-{number}" for number in itertools.count(2))
    return next(candidate for candidate in itertools.chain([slug], numbered) if candidate not in taken)


def record_change(
    session: Session, record: Versioned, action: str, *, actor: str, subject_kind: str, **details: object
) -> None:
    """Add the audit event of a change, with the record's name and version."""
    details = {"name": record.name, "version": record.version} | details
    audit.record(session, actor=actor, action=action, subject_kind=subject_kind, subject_id=record.id, details=details)


def same_content(left: Any, right: Any) -> bool:
    """Whether two values are equal as JSON, where 1 is not true and the order of keys does not matter."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)
