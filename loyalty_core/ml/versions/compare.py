"""Comparing two model versions: on the same test rows, and by who of today's customers gets another answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from loyalty_core.errors import LoyaltyError, StateStoreUnavailable
from loyalty_core.ml.bundles import load_bundle
from loyalty_core.ml.tasks import TASKS, title_of
from loyalty_core.ml.versions.comparison import SameRows, VersionComparison
from loyalty_core.ml.versions.consequences import all_offers, count_shifts
from loyalty_core.ml.versions.same_rows import compare_on_same_rows, shared_models
from loyalty_core.segments import SegmentationEngine

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.ml.bundles import Bundle
    from loyalty_core.segments import Segment, SegmentRepository
    from loyalty_core.warehouse import Warehouse

    OnProgress = Callable[[str, int], None]


def compare_versions(
    warehouse: Warehouse,
    engine: SegmentationEngine,
    segments: SegmentRepository,
    version: str,
    against: str,
    on_progress: OnProgress = lambda _phase, _done: None,
) -> VersionComparison:
    """Compare `version` with `against`; what cannot be compared is a remark.

    `on_progress` gets the phase and how many rows or customers are done. Raises `BundleError` for a version that
    cannot be opened, and what reading the features view raises.
    """
    models_dir = warehouse.settings.models_dir
    new, old = load_bundle(models_dir, version), load_bundle(models_dir, against)
    remarks: list[str] = []
    same_rows = _on_same_rows(warehouse, new, old, on_progress, remarks)
    current = _segments(segments, remarks)
    if not current:
        engine = SegmentationEngine(warehouse)  # asks no state store, which may be the reason
    usable = engine.usable(current)
    left_out = [segment.name for segment in current if segment.id not in {one.id for one, _ in usable}]
    if left_out:
        remarks.append(f"Segments whose rules cannot be used at the moment are left out: {', '.join(left_out)}.")
    shifts = count_shifts(warehouse, engine, usable, new, old, lambda done: on_progress("Answering customers", done))
    return VersionComparison(
        version, against, datetime.now(UTC), same_rows, shifts, all_offers(new, old), tuple(remarks)
    )


def _on_same_rows(
    warehouse: Warehouse, new: Bundle, old: Bundle, on_progress: OnProgress, remarks: list[str]
) -> dict[str, SameRows]:
    found: dict[str, SameRows] = {}
    for model in shared_models(new, old):
        phase = f"{title_of(model)}: measuring both"
        try:
            found[model] = compare_on_same_rows(
                warehouse, TASKS[model], new, old, lambda rows, phase=phase: on_progress(phase, rows)
            )
        except LoyaltyError as error:
            remarks.append(f"{title_of(model)} was not measured on the same rows: {error}")
    return found


def _segments(segments: SegmentRepository, remarks: list[str]) -> list[Segment]:
    try:
        return segments.list()
    except StateStoreUnavailable as error:
        remarks.append(f"The segments are left out: {error}")
        return []
