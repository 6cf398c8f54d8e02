"""What Overview reads besides the figures of the base, cached until the data or the predictions change."""

from loyalty_core.analytics.overview import Outlook, TopSegment, read_outlook, top_segments
from loyalty_core.errors import StateStoreUnavailable
from loyalty_core.services import get_services
from loyalty_core.ui.cached_reads import cached
from loyalty_core.warehouse.predictions import ScoringRun, last_run

_MAX_SEGMENTS = 8


def outlook() -> Outlook | None:
    """The last scoring run compared with the one before; None before the first."""
    run = last_run(get_services().warehouse)
    return _outlook(run) if run else None


@cached
def _outlook(run: ScoringRun) -> Outlook | None:
    del run  # only part of the cache key
    return read_outlook(get_services().warehouse)


def largest_segments() -> list[TopSegment] | None:
    """The segments with the most customers; None where the state store cannot be used."""
    try:
        return top_segments(get_services().segments.list(), _MAX_SEGMENTS)
    except StateStoreUnavailable:
        return None
