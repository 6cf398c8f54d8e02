"""The jobs that score every customer, and that compute segments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving import scoring_models
from loyalty_core.segments.refreshing import refresh_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loyalty_core.jobs.report import Report
    from loyalty_core.segments import Segment
    from loyalty_core.segments.segment import SizeCause
    from loyalty_core.services import Services


def score(services: Services, options: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Score every customer with the active models, then compute all segments: their rules may read predictions."""
    del options
    report.phase("Scoring customers")
    scored = score_base(
        services.warehouse, scoring_models(services.warehouse), lambda now: report.progress(now.scored, now.customers)
    )
    what = "customers scored by RFM alone" if scored.is_rfm_only else "customers scored"
    said = f"{scored.customers:,} {what}{_by_arm(scored.arms)}"
    report.message(f"{said}.")
    computed = _compute(services, services.segments.list(), report, cause="scoring")
    report.message(f"{said}, {_in_words(computed)} {scored.unread}".rstrip())
    return {
        "customers": scored.customers,
        "model_version": scored.model_version,
        "arms": scored.arms,
        "is_mock": scored.is_mock,
        "scored_at": scored.scored_at.isoformat(),
        "seconds": scored.seconds,
        "place": scored.place,
        "failed": scored.failed,
        "blanks": scored.blanks,
        "remarks": list(scored.remarks),
        "unread": scored.unread,
        **computed,
    }


def _by_arm(arms: Mapping[str, int]) -> str:
    """How many customers each version of an A/B test answered, in brackets; empty without a test."""
    by_version = ", ".join(f"{customers:,} by {version}" for version, customers in arms.items())
    return f" ({by_version})" if len(arms) > 1 else ""


def compute_segments(services: Services, options: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Compute the members of the segments with the ids in `options`, or of all that are not archived."""
    wanted = options.get("ids")
    segments = [segment for segment in services.segments.list() if wanted is None or segment.id in wanted]
    computed = _compute(services, segments, report, cause="on demand")
    report.message(_in_words(computed))
    return computed


def _compute(services: Services, segments: Sequence[Segment], report: Report, *, cause: SizeCause) -> dict[str, Any]:
    report.phase("Computing segments", len(segments))
    refreshed = refresh_all(
        services.segmentation, segments, cause=cause, on_progress=lambda done, _segment: report.progress(done)
    )
    report.progress(len(segments))
    failed = {one.segment.name: str(one.error) for one in refreshed if one.error}
    return {"segments": len(segments) - len(failed), "failed_segments": failed}


def _in_words(computed: Mapping[str, Any]) -> str:
    count, failed = computed["segments"], computed["failed_segments"]
    words = f"{count} segment{'' if count == 1 else 's'} computed."
    return f"{words} Not computed: {', '.join(failed)}." if failed else words
