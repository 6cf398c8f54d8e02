"""Predictions for all members of a segment: aggregates over everyone, and the first answers in full.

They come from the last scoring run while it is what the models would say now, else the members are scored on the fly,
batch by batch. Whoever has no prediction is counted as failed, never as an answer.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pyarrow as pa
import sqlalchemy as sa
from typing_extensions import TypedDict

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.scoring.pipeline import make_served_scorer
from loyalty_core.ml.serving import RISKS
from loyalty_core.rfm import score_columns
from loyalty_core.segments.predicted_fields import field_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loyalty_core.ml.serving import ServedModels
    from loyalty_core.rfm import RfmCutPoints
    from loyalty_core.segments import Segment, SegmentationEngine
    from loyalty_core.warehouse import Warehouse

Kind = Literal["churn", "nbo", "rfm"]
Source = Literal["predictions", "scored now"]
KINDS: tuple[Kind, ...] = ("churn", "nbo", "rfm")

# What is counted by which value, and what is averaged with it.
_GROUPED_BY: dict[Kind, str] = {"churn": "churn_risk", "nbo": "recommended_offer", "rfm": "rfm_segment"}
_AVERAGED: dict[Kind, tuple[str, ...]] = {
    "churn": ("churn_probability",),
    "nbo": ("confidence",),
    "rfm": ("recency", "frequency", "monetary"),
}


class UnknownPrediction(LoyaltyError):
    """There is no prediction of that kind."""

    code = "unknown_prediction"


class SegmentPrediction(TypedDict):
    """What the models say about a segment.

    `statistics` depends on `prediction_type`; `failures` counts by reason; `source` is "predictions" for the last
    scoring run and "scored now" otherwise; `results` are the guide's answers for the first members by id.
    """

    segment_id: str
    segment_name: str
    prediction_type: Kind
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


@dataclass
class Tally:
    """Members by group, and the sums of what is averaged; `failures` by reason."""

    customers: Counter[Any] = field(default_factory=Counter)
    sums: dict[Any, list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: Counter[str] = field(default_factory=Counter)

    def add(self, group: Any, customers: int, sums: list[float]) -> None:
        """Count `customers` more in a group, with the sums over them."""
        self.customers[group] += customers
        before = self.sums[group] or [0.0] * len(sums)
        self.sums[group] = [old + new for old, new in zip(before, sums, strict=True)]

    @property
    def processed(self) -> int:
        return self.customers.total()

    def mean(self, place: int = 0) -> float | None:
        """The mean of one averaged value over everyone with an answer."""
        total = sum(sums[place] for sums in self.sums.values())
        return total / self.processed if self.processed else None


class SegmentReader:
    """Counts the predictions of a segment's members."""

    def __init__(self, warehouse: Warehouse, engine: SegmentationEngine) -> None:
        self._warehouse = warehouse
        self._engine = engine

    def first_ids(self, segment: Segment, limit: int) -> list[str]:
        """Ids of the first members, by id."""
        identifier = self._warehouse.customer_id.name
        return [str(row[identifier]) for row in self._engine.members(segment.rule, limit, columns=[identifier])]

    def from_predictions(self, segment: Segment, kind: Kind) -> Tally:
        """The last scoring run's answers, in one statement."""
        features = self._warehouse.features.columns.keys()
        names = [field_name(name, features) for name in (_GROUPED_BY[kind], *_AVERAGED[kind])]
        return self._counted(self._engine.customers(segment.rule, names), kind, names)

    def scored_now(self, segment: Segment, kind: Kind, served: ServedModels, at: datetime) -> Tally:
        """Churn or offers of every member, batch by batch; memory stays that of one batch."""
        scorer = make_served_scorer(self._warehouse, served, None, at)
        tally = Tally()
        for batch in self._engine.stream(segment.rule, scorer.columns()):
            scored = scorer.score(batch)
            answered = _add_rows(tally, scored.rows, kind)
            tally.failures.update(scored.failed)
            without_model = batch.num_rows - answered - scored.failed.total()
            tally.failures[f"The model version {served.champion.version} does not predict {kind}."] += without_model
        tally.failures = +tally.failures
        return tally

    def rfm_now(self, segment: Segment, cut_points: RfmCutPoints) -> Tally:
        """RFM of every member against the cut points of the whole base, in one statement."""
        members = self._engine.customers(segment.rule, list(dict.fromkeys(cut_points.columns)))
        scores = score_columns(members, cut_points)
        scored = sa.select(*(scores[name].label(name) for name in (_GROUPED_BY["rfm"], *_AVERAGED["rfm"]))).subquery()
        return self._counted(scored, "rfm", scored.c.keys())

    def _counted(self, members: sa.Subquery, kind: Kind, names: Sequence[str]) -> Tally:
        """Count by the first of the named columns, and sum the others."""
        group, *averaged = (members.c[name] for name in names)
        sums = [sa.func.sum(sa.cast(column, sa.Double)).label(f"sum_{i}") for i, column in enumerate(averaged)]
        counted = sa.select(group.label("group"), sa.func.count().label("n"), *sums).group_by(group)
        tally = Tally()
        for row in self._warehouse.rows(counted):
            if row["group"] is None:
                tally.failures[f"The last scoring run has no {kind} prediction."] += row["n"]
            else:
                tally.add(row["group"], row["n"], [float(row[f"sum_{i}"] or 0) for i in range(len(averaged))])
        return tally


def predicted_segment(
    segment: Segment, kind: Kind, tally: Tally, origin: Origin, results: list[Any]
) -> SegmentPrediction:
    """Put the answer together."""
    failed = tally.failures.total()
    return {
        "segment_id": segment.id,
        "segment_name": segment.name,
        "prediction_type": kind,
        "total_customers": tally.processed + failed,
        "processed": tally.processed,
        "failed": failed,
        "failures": dict(tally.failures),
        "statistics": _STATISTICS[kind](tally),
        "source": origin.source,
        "model_version": origin.version,
        "scored_at": origin.at.astimezone(UTC).isoformat(timespec="seconds"),
        "results": results,
    }


def _add_rows(tally: Tally, rows: pa.RecordBatch, kind: Kind) -> int:
    """Add the rows that have an answer, and return how many."""
    names = (_GROUPED_BY[kind], *_AVERAGED[kind])
    table = pa.table({name: _plain(rows.column(name)) for name in names}).drop_null()
    sums = [(name, "sum") for name in _AVERAGED[kind]]
    for group in table.group_by(_GROUPED_BY[kind]).aggregate([*sums, ([], "count_all")]).to_pylist():
        tally.add(
            group[_GROUPED_BY[kind]], group["count_all"], [float(group[f"{name}_sum"]) for name in _AVERAGED[kind]]
        )
    return table.num_rows


def _plain(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _churn(tally: Tally) -> dict[str, Any]:
    mean = tally.mean()
    return {
        "average_churn_probability": _rounded(mean),
        "expected_churners": _rounded(mean * tally.processed) if mean is not None else 0.0,
        "risk_distribution": {risk: tally.customers[risk] for risk in RISKS},
    }


def _nbo(tally: Tally) -> dict[str, Any]:
    return {
        "average_confidence": _rounded(tally.mean()),
        "offer_distribution": [
            {
                "offer_id": int(offer),
                "customers": customers,
                "average_confidence": _rounded(tally.sums[offer][0] / customers),
            }
            for offer, customers in sorted(tally.customers.items(), key=lambda pair: (-pair[1], pair[0]))
        ],
    }


def _rfm(tally: Tally) -> dict[str, Any]:
    averages = {f"average_{name}": _rounded(tally.mean(place)) for place, name in enumerate(_AVERAGED["rfm"])}
    return {**averages, "segment_distribution": dict(tally.customers.most_common())}


_STATISTICS: Mapping[Kind, Any] = {"churn": _churn, "nbo": _nbo, "rfm": _rfm}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
