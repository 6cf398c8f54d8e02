"""The one state store of this process for each URL."""

from __future__ import annotations

import logging
from functools import lru_cache

from loyalty_core.errors import StateStoreUnavailable
from loyalty_core.store.database import StateStore

_log = logging.getLogger(__name__)


def prepare_store(url: str) -> None:
    """Bring the shared store's tables up to date; where that is not possible now, the next use tries again."""
    try:
        shared_store(url).migrate()
    except StateStoreUnavailable as error:
        _log.error("%s", error)


@lru_cache(maxsize=16)
def shared_store(url: str) -> StateStore:
    """The one store of this process for that URL, whose connections all parts of the app share."""
    return StateStore(url)
