"""Recompute all segments, as after a scoring run; a failure of one does not stop the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loyalty_core.errors import LoyaltyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loyalty_core.segments.engine import SegmentationEngine
    from loyalty_core.segments.segment import Segment, SegmentSize


@dataclass(frozen=True)
class Refreshed:
    """The outcome for one segment: its new size, or the error."""

    segment: Segment
    size: SegmentSize | None
    error: LoyaltyError | None = None


def refresh_all(
    engine: SegmentationEngine,
    segments: Sequence[Segment],
    *,
    cause: str,
    on_progress: Callable[[int, Segment], None] = lambda _done, _segment: None,
) -> list[Refreshed]:
    """Refresh each segment; `on_progress` is called with how many are done and which comes next."""
    results = []
    for done, segment in enumerate(segments):
        on_progress(done, segment)
        try:
            results.append(Refreshed(segment, engine.refresh(segment.id, cause=cause)))
        except LoyaltyError as error:
            results.append(Refreshed(segment, None, error))
    return results
