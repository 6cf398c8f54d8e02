"""What records with versions share: one editor at a time, names without regard to case, ids, and equal contents."""

from __future__ import annotations

import itertools
import json
import re
import unicodedata
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from loyalty_core.store.dialects import dialect_of_session

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sqlalchemy.orm import Session

    from loyalty_core.store.database import StateStore

MOST_NAME_CHARACTERS = 120
_MOST_ID_CHARACTERS = 60
# Letters that Unicode does not take apart into a Latin one and an accent.
_LATIN = str.maketrans({"æ": "ae", "ø": "o", "œ": "oe", "ß": "ss", "đ": "d", "ð": "d", "ł": "l", "þ": "th"})


@contextmanager
def editing(store: StateStore) -> Iterator[Session]:
    """A session in which nobody else edits versioned records: names, ids and references stay as they are read."""
    with store.session() as session:
        dialect_of_session(session).lock_versioned_records(session)
        yield session


def name_key(name: str) -> str:
    """What two names that differ in case alone have in common."""
    return unicodedata.normalize("NFKC", name).casefold()


def new_id(name: str, taken: Collection[str], *, otherwise: str = "segment") -> str:
    """An id made of the name (vip), with a number where it is taken (vip-2); `otherwise` where none can be made."""
    plain = unicodedata.normalize("NFKD", name.lower().translate(_LATIN)).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain)[:_MOST_ID_CHARACTERS].strip("-") or otherwise
    numbered = (f"{slug}-{number}" for number in itertools.count(2))
    return next(candidate for candidate in itertools.chain([slug], numbered) if candidate not in taken)


def same_content(left: Any, right: Any) -> bool:
    """Whether two values are the same JSON, in which 1 is not true and the order of keys does not matter."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)
