"""Predictions for all members of a segment: aggregates over everyone, and the first answers in full.

They come from the last scoring run as long as the models would still predict the same; otherwise the members are
scored on the fly, batch by batch. A customer without a prediction is counted as failed, never as an answer.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pyarrow as pa
import sqlalchemy as sa
from typing_extensions import TypedDict

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.scoring.pipeline import make_served_scorer
from loyalty_core.ml.serving import RFM
from loyalty_core.ml.tasks import DECIMALS, TASKS, Tally
from loyalty_core.rfm import score_columns
from loyalty_core.segments.predicted_fields import field_name
from loyalty_core.warehouse.predictions import in_words, last_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loyalty_core.ml.serving import ServedModels
    from loyalty_core.rfm import RfmCutPoints
    from loyalty_core.segments import Segment, SegmentationEngine
    from loyalty_core.warehouse import Warehouse

Source = Literal["predictions", "scored now"]
_RFM_SCORES = ("recency", "frequency", "monetary")


class UnknownPrediction(LoyaltyError):
    """There is no prediction of that kind."""

    code = "unknown_prediction"


class SegmentPrediction(TypedDict):
    """The predictions for a segment.

    `statistics` depends on `prediction_type`; `failures` counts by reason; `source` is "predictions" for the last
    scoring run and "scored now" otherwise; `results` are the answers for the first members by id.
    """

    segment_id: str
    segment_name: str
    prediction_type: str
    total_customers: int
    processed: int
    failed: int
    failures: dict[str, int]
    statistics: dict[str, Any]
    source: Source
    model_version: str
    scored_at: str
    results: list[Any]


class Origin(NamedTuple):
    """Where a segment's predictions come from, by which version, and as of when."""

    source: Source
    version: str
    at: datetime


def kinds() -> tuple[str, ...]:
    """What can be predicted for a segment."""
    return (*TASKS, RFM)


class SegmentReader:
    """Counts the predictions of a segment's members."""

    def __init__(self, warehouse: Warehouse, engine: SegmentationEngine) -> None:
        self._warehouse = warehouse
        self._engine = engine

    def first_ids(self, segment: Segment, limit: int) -> list[str]:
        """Ids of the first members, by id."""
        identifier = self._warehouse.customer_id.name
        return [str(row[identifier]) for row in self._engine.members(segment.rule, limit, columns=[identifier])]

    def rfm(self, segment: Segment, cut_points: RfmCutPoints, at: datetime) -> tuple[Tally, Origin]:
        """RFM of every member, and the cut points that it is measured by."""
        origin = Origin("scored now", f"cut points of {cut_points.as_of:%Y-%m-%d}", at)
        return self.rfm_now(segment, cut_points), origin

    def predictions(self, segment: Segment, kind: str, served: ServedModels, at: datetime) -> tuple[Tally, Origin]:
        """A model's answers for every member: of the last scoring run if these models made it, otherwise of now."""
        run = last_run(self._warehouse)
        if run is not None and served.made(run) and not run.is_of_earlier_data(self._warehouse.identity):
            origin = Origin("predictions", run.model_version, run.scored_at)
            return self.from_predictions(segment, kind), origin
        return self.scored_now(segment, kind, served, at), Origin("scored now", in_words(served.versions), at)

    def from_predictions(self, segment: Segment, kind: str) -> Tally:
        """The answers of the last scoring run, in one statement."""
        features = self._warehouse.features.columns.keys()
        group = _group_of(kind)
        averaged = [field_name(name, features) for name in _averaged(kind)]
        grouped = [] if group is None else [field_name(group, features)]
        return self._counted(
            self._engine.select(segment.rule).customers([*grouped, *averaged]), kind, grouped, averaged
        )

    def scored_now(self, segment: Segment, kind: str, served: ServedModels, at: datetime) -> Tally:
        """A model's answers for every member, batch by batch, in the memory of one batch."""
        scorer = make_served_scorer(self._warehouse, served, None, at)
        tally = Tally()
        for batch in self._engine.select(segment.rule).stream(scorer.columns()):
            scored = scorer.score(batch)
            answered = _add_rows(tally, scored.rows, kind)
            tally.failures.update(scored.failed)
            without_model = batch.num_rows - answered - scored.failed.total()
            tally.failures[f"The model version {served.champion.version} does not predict {kind}."] += without_model
        tally.failures = +tally.failures
        return tally

    def rfm_now(self, segment: Segment, cut_points: RfmCutPoints) -> Tally:
        """RFM of every member against the cut points of the whole base, in one statement."""
        members = self._engine.select(segment.rule).customers(list(dict.fromkeys(cut_points.columns)))
        scores = score_columns(members, cut_points)
        names = ("rfm_segment", *_RFM_SCORES)
        scored = sa.select(*(scores[name].label(name) for name in names)).subquery()
        return self._counted(scored, RFM, names[:1], names[1:])

    def _counted(self, members: sa.Subquery, kind: str, grouped: Sequence[str], averaged: Sequence[str]) -> Tally:
        """Count by the one column in `grouped`, if any, and sum those in `averaged`; a blank is no answer."""
        columns = [members.c[name] for name in averaged]
        answered = sa.case((columns[0].is_not(None), sa.literal_column("1")))
        group = members.c[grouped[0]] if grouped else answered
        sums = [sa.func.sum(sa.cast(column, sa.Double)).label(f"sum_{i}") for i, column in enumerate(columns)]
        counted = sa.select(group.label("group"), sa.func.count().label("n"), *sums).group_by(group)
        tally = Tally()
        for row in self._warehouse.rows(counted):
            if row["group"] is None:
                tally.failures[f"The last scoring run has no {kind} prediction."] += row["n"]
            else:
                tally.add(row["group"], row["n"], [float(row[f"sum_{i}"] or 0) for i in range(len(averaged))])
        return tally


def predicted_segment(
    segment: Segment, kind: str, tally: Tally, origin: Origin, results: list[Any]
) -> SegmentPrediction:
    """The answer for a segment, from what was counted."""
    failed = tally.failures.total()
    return {
        "segment_id": segment.id,
        "segment_name": segment.name,
        "prediction_type": kind,
        "total_customers": tally.processed + failed,
        "processed": tally.processed,
        "failed": failed,
        "failures": dict(tally.failures),
        "statistics": _statistics(kind, tally),
        "source": origin.source,
        "model_version": origin.version,
        "scored_at": origin.at.astimezone(UTC).isoformat(timespec="seconds"),
        "results": results,
    }


def _add_rows(tally: Tally, rows: pa.RecordBatch, kind: str) -> int:
    """Add the rows that have an answer, and return how many."""
    group, averaged = _group_of(kind), _averaged(kind)
    names = averaged if group is None else (group, *averaged)
    table = pa.table({name: _plain(rows.column(name)) for name in names}).drop_null()
    sums = [(name, "sum") for name in averaged]
    for found in table.group_by([group] if group else []).aggregate([*sums, ([], "count_all")]).to_pylist():
        if found["count_all"]:
            tally.add(
                found[group] if group else 1, found["count_all"], [float(found[f"{name}_sum"]) for name in averaged]
            )
    return table.num_rows


def _plain(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _statistics(kind: str, tally: Tally) -> dict[str, Any]:
    if kind in TASKS:
        return TASKS[kind].statistics(tally)
    means = {f"average_{name}": tally.mean(index) for index, name in enumerate(_RFM_SCORES)}
    averages = {name: None if mean is None else round(mean, DECIMALS) for name, mean in means.items()}
    return {**averages, "segment_distribution": dict(tally.customers.most_common())}


def _group_of(kind: str) -> str | None:
    """The column that customers are counted by; None where all with an answer are one group."""
    return TASKS[kind].group_column if kind in TASKS else "rfm_segment"


def _averaged(kind: str) -> tuple[str, ...]:
    """The columns that are averaged."""
    return (TASKS[kind].score_column,) if kind in TASKS else _RFM_SCORES
