"""Models that choose between offers: one output per offer, which add up to 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa
from typing_extensions import TypedDict

from loyalty_core.ml.evaluation import best_choice
from loyalty_core.ml.tasks.base import DECIMALS, ModelTask, rounded, rounded_in_sql, rounded_scores
from loyalty_core.ml.tasks.labels import Labels, read_offer_ids
from loyalty_core.ml.tasks.metric import LOG_LOSS, Metric
from loyalty_core.ml.tasks.mock_weights import mock_weight
from loyalty_core.rules.sql.elements import Greatest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loyalty_core.ml.tasks.base import (
        Categorical,
        Classes,
        EvaluationRows,
        FloatRows,
        Metrics,
        Probabilities,
        Tally,
    )
    from loyalty_core.rfm import RfmScore
    from loyalty_core.settings import Settings

CHOICE_METRICS = (
    Metric(
        "top_1", "Top-1 accuracy", "The offer taken was ranked first", is_share=True, short="top 1",
        phrase="top-1 accuracy",
    ),
    Metric(
        "top_3", "Top-3 accuracy", "The offer taken was among the first three", is_share=True, short="top 3",
    ),
    Metric(
        "mean_reciprocal_rank", "Mean reciprocal rank", "1 if the offer taken is ranked first, ½ if second, …",
        short="MRR",
    ),
    LOG_LOSS,
)  # fmt: skip

_MOCK_SPREAD = 4.0


class OfferScore(TypedDict):
    """One offer and the probability that the customer takes it."""

    offer_id: int
    score: float


class NboPrediction(TypedDict):
    """The public answer: the offer with the highest score, its score, and all offers by id."""

    customer_id: str
    recommended_offer: int
    confidence: float
    all_offers: list[OfferScore]


@dataclass(frozen=True, eq=False, kw_only=True)
class ChoiceTask(ModelTask):
    """`offer_prefix` starts the name of each offer's score column, as "offer_" in offer_3."""

    group_column: str
    offer_prefix: str = "offer_"
    metrics: tuple[Metric, ...] = CHOICE_METRICS

    def _classes(self, values: pa.Array, source: str) -> Labels:
        return read_offer_ids(values, source, self.label_remedy)

    def class_names(self, offers: Sequence[int]) -> tuple[str, ...]:
        return tuple(f"offer {offer} was taken" for offer in offers)

    def measure(self, classes: Classes, probabilities: Probabilities) -> Metrics:
        from loyalty_core.ml.evaluation.metrics import choice_metrics  # noqa: PLC0415

        return choice_metrics(classes, probabilities)

    def evaluate(self, rows: EvaluationRows) -> Metrics:
        from loyalty_core.ml.evaluation.metrics import evaluate_choice  # noqa: PLC0415

        rule = best_choice(rows.fit_columns, rows.fit_classes, rows.columns, rows.classes, len(rows.offers))
        return evaluate_choice(
            rows.classes, rows.probabilities, rows.baselines, rows.offers, rule, rows.customers, doubt=rows.doubt
        )

    def chart_data(self, classes: Classes, probabilities: Probabilities, offers: Sequence[int]) -> Metrics:
        from loyalty_core.ml.evaluation.metrics import confusion  # noqa: PLC0415

        counts = [{"offer": offer, "rows": int((classes == index).sum())} for index, offer in enumerate(offers)]
        return {"confusion": confusion(classes, probabilities), "offers": counts}

    def stores(self, column: str) -> bool:
        return super().stores(column) or column.removeprefix(self.offer_prefix).isdecimal()

    def empty_columns(self) -> dict[str, pa.DataType]:
        return {self.group_column: pa.int32(), self.score_column: pa.float64()}

    def columns(
        self, scores: FloatRows, offers: Sequence[int], settings: Settings
    ) -> dict[str, npt.NDArray[Any] | Categorical]:
        del settings
        by_offer = np.ascontiguousarray(scores.T)
        best = by_offer.max(axis=0)
        return {
            self.group_column: np.array(offers, dtype=np.int32)[_first_equal(by_offer, best)],
            self.score_column: rounded_scores(best),
            **{f"{self.offer_prefix}{offer}": column for offer, column in zip(offers, by_offer, strict=True)},
        }

    def sql_columns(
        self, outputs: Sequence[sa.ColumnElement[float]], offers: Sequence[int], settings: Settings
    ) -> dict[str, sa.ColumnElement[Any]]:
        del settings
        best = Greatest(*outputs) if len(outputs) > 1 else outputs[0]
        by_offer = list(zip(offers, outputs, strict=True))
        return {
            self.group_column: sa.case(*((output >= best, offer) for offer, output in by_offer)),
            self.score_column: rounded_in_sql(best),
            **{f"{self.offer_prefix}{offer}": output for offer, output in by_offer},
        }

    def answer(
        self,
        customer_id: str,
        scores: npt.NDArray[np.floating],
        offers: Sequence[int],
        settings: Settings,
        rfm: RfmScore | None,
    ) -> NboPrediction:
        """Scores have six decimals, so eight of them add up to 1 within 0.000004.

        Of offers with equal scores the one with the lowest id is recommended.
        """
        del settings, rfm
        ranked = sorted(zip(offers, scores.tolist(), strict=True))
        by_id = [(offer, round(score, DECIMALS)) for offer, score in ranked]
        best, confidence = max(by_id, key=lambda pair: pair[1])
        return {
            "customer_id": customer_id,
            "recommended_offer": best,
            "confidence": confidence,
            "all_offers": [{"offer_id": offer, "score": score} for offer, score in by_id],
        }

    def explained_output(self, scores: npt.NDArray[np.floating], offers: Sequence[int], offer: int | None) -> int:
        return int(np.argmax(scores)) if offer is None else list(offers).index(offer)

    def statistics(self, tally: Tally) -> dict[str, Any]:
        return {
            f"average_{self.score_column}": rounded(tally.mean()),
            "offer_distribution": [
                {
                    "offer_id": int(offer),
                    "customers": customers,
                    f"average_{self.score_column}": rounded(tally.sums[offer][0] / customers),
                }
                for offer, customers in sorted(tally.customers.items(), key=lambda pair: (-pair[1], pair[0]))
            ],
        }

    @property
    def mock_offers(self) -> tuple[int, ...]:
        return 1, 2, 3, 4, 5, 6, 7, 8

    def mock_weights(self, feature: str) -> list[float]:
        return [_MOCK_SPREAD * mock_weight(f"{feature}/{offer}") for offer in self.mock_offers]


def _first_equal(rows: FloatRows, wanted: FloatRows) -> npt.NDArray[np.int8]:
    """For each column, the first row that equals `wanted`; with so few rows, argmax takes twice as long."""
    first = np.zeros(len(wanted), dtype=np.int8)
    for index in reversed(range(len(rows))):
        first[rows[index] == wanted] = index
    return first
