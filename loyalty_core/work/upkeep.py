"""What the server removes when it starts and once a day while it runs: what is older than the settings say."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from loyalty_core.errors import StateStoreUnavailable
from loyalty_core.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Callable

DAY_SECONDS = 86_400.0

_log = logging.getLogger(__name__)


def remove_expired() -> None:
    """Remove abandoned logs, uploads that nobody loaded, old exports, and what is past its days in the state store.

    Several processes may do so at once. What cannot be removed in an outage is removed a day later.
    """
    # Imported when used: the first answers of a server that starts wait for none of this.
    from loyalty_core.campaigns.entry_features import forget_old_features  # noqa: PLC0415
    from loyalty_core.connections import remove_old_uploads  # noqa: PLC0415
    from loyalty_core.invalidations import forget_old_invalidations  # noqa: PLC0415
    from loyalty_core.jobs import remove_abandoned_logs  # noqa: PLC0415
    from loyalty_core.segments.exports import ExportFailed, remove_old  # noqa: PLC0415
    from loyalty_core.store import audit, shared_store  # noqa: PLC0415

    settings = get_settings()
    remove_abandoned_logs()
    remove_old_uploads()
    with suppress(ExportFailed):  # the next export reports it
        remove_old(settings.exports_dir, settings.exports_kept_days)
    with suppress(StateStoreUnavailable), shared_store(settings.state_database_url).session() as session:
        audit.forget_old(session, settings.audit_days_kept)
        forget_old_features(session, settings.campaign_features_days_kept)
        forget_old_invalidations(session)


async def repeat(work: Callable[[], None], every_seconds: float = DAY_SECONDS) -> None:
    """Call `work` in a thread, first after `every_seconds`, until cancelled; after an error the next call comes too."""
    while True:
        await asyncio.sleep(every_seconds)
        try:
            await asyncio.to_thread(work)
        except Exception:  # noqa: BLE001 -- whatever it is, the next time it may be gone
            _log.exception("%s failed, and will be called again.", work.__name__)
