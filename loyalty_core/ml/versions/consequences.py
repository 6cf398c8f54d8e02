"""What changes for today's customers when another model version answers: in the base, and in each segment."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from loyalty_core.ml.scoring import make_scorer
from loyalty_core.ml.tasks import CHURN, NBO, RISKS
from loyalty_core.ml.versions.comparison import Matrix, Shift

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from loyalty_core.ml.bundles import Bundle
    from loyalty_core.ml.scoring import BatchScorer
    from loyalty_core.rules import Rule
    from loyalty_core.segments import Segment, SegmentationEngine
    from loyalty_core.warehouse import Warehouse

Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]

BASE_NAME = "All customers"
_BATCH_ROWS = 65_536


def count_shifts(
    warehouse: Warehouse,
    engine: SegmentationEngine,
    segments: Sequence[tuple[Segment, Rule]],
    version: Bundle,
    against: Bundle,
    on_customers: Callable[[int], None] = lambda _: None,
) -> tuple[Shift, ...]:
    """Answer every customer with both versions, streamed once, and count who gets another answer.

    The warehouse says with each customer which of the rules hold. The base comes first.
    """
    now = datetime.now(UTC)
    before, after = (make_scorer(warehouse, bundle, None, now) for bundle in (against, version))
    offers = all_offers(version, against)
    base = _Tally(None, BASE_NAME, offers)
    of_segments = [_Tally(segment.id, segment.name, offers) for segment, _ in segments]
    fields = before.columns()
    select = engine.marked_customers([rule for _, rule in segments], fields)
    done = 0
    with closing(warehouse.stream_arrow(select, _BATCH_ROWS)) as batches:
        for batch in batches:
            customers = batch.select(fields)
            answers = _answers(before, customers, offers), _answers(after, customers, offers)
            base.add(np.ones(batch.num_rows, dtype=np.bool_), *answers)
            for tally, marks in zip(of_segments, batch.columns[len(fields) :], strict=True):
                tally.add(marks.to_numpy(zero_copy_only=False) == 1, *answers)
            done += batch.num_rows
            on_customers(done)
    return tuple(tally.shift() for tally in (base, *of_segments))


def all_offers(version: Bundle, against: Bundle) -> tuple[int, ...]:
    """The offers that either version knows."""
    return tuple(sorted({*version.offers(NBO.name), *against.offers(NBO.name)}))


class _Answers(NamedTuple):
    """One version's answers for a batch: positions of risk band and best offer, -1 without one; probabilities."""

    bands: Places
    offers: Places
    churn: npt.NDArray[np.float64]


def _answers(scorer: BatchScorer, batch: pa.RecordBatch, offers: Sequence[int]) -> _Answers:
    rows = scorer.score(batch).rows
    best = rows.column(NBO.group_column)
    places = np.searchsorted(offers, best.fill_null(0).to_numpy(zero_copy_only=False))
    return _Answers(
        bands=rows.column(CHURN.group_column).indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.intp),
        offers=np.where(best.is_valid().to_numpy(zero_copy_only=False), places, -1),
        churn=rows.column(CHURN.score_column).to_numpy(zero_copy_only=False).astype(np.float64),
    )


class _Tally:
    """Counts one segment, batch by batch."""

    def __init__(self, segment_id: str | None, name: str, offers: Sequence[int]) -> None:
        self._segment_id, self._name = segment_id, name
        self._bands, self._offers = _zeros(len(RISKS)), _zeros(len(offers))
        self._customers, self._before, self._after = 0, 0.0, 0.0

    def add(self, members: Flags, before: _Answers, after: _Answers) -> None:
        self._customers += int(members.sum())
        _count_pairs(self._bands, members, before.bands, after.bands)
        _count_pairs(self._offers, members, before.offers, after.offers)
        self._before += float(np.nansum(before.churn[members]))
        self._after += float(np.nansum(after.churn[members]))

    def shift(self) -> Shift:
        return Shift(
            segment_id=self._segment_id,
            name=self._name,
            customers=self._customers,
            bands=_as_lists(self._bands),
            offers=_as_lists(self._offers),
            churners=(self._before, self._after) if self._bands.any() else None,
        )


def _zeros(size: int) -> Places:
    return np.zeros((size, size), dtype=np.intp)


def _count_pairs(counts: Places, members: Flags, before: Places, after: Places) -> None:
    both = members & (before >= 0) & (after >= 0)
    size = len(counts)
    counts += np.bincount(before[both] * size + after[both], minlength=size * size).reshape(size, size)


def _as_lists(counts: Places) -> Matrix:
    """Empty where no customer has an answer of both."""
    return counts.tolist() if counts.any() else []
