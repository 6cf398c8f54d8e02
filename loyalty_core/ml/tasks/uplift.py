"""Uplift: what contacting a customer changes, as the difference of two probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from typing_extensions import TypedDict

from loyalty_core.ml.tasks.base import DECIMALS, ModelTask, rounded, rounded_in_sql, rounded_scores
from loyalty_core.ml.tasks.labels import Labels, read_arms
from loyalty_core.ml.tasks.metric import Metric
from loyalty_core.warehouse.history import HistoryTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import pyarrow as pa
    import sqlalchemy as sa

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

UPLIFT_METRICS = (
    Metric(
        "qini", "Qini",
        "Area between the Qini curve and that of contacting in random order, in conversions per contacted customer; "
        "0 is random", short="Qini", digits=4,
    ),
    Metric(
        "qini_coefficient", "Qini coefficient", "The same area as a share of that of a perfect order",
        short="coefficient",
    ),
    Metric(
        "uplift_at_30", "Uplift in the top 30%",
        "How much more often the contacted converted than the others, among the 30% with the highest uplift",
        is_share=True, short="top 30%",
    ),
    Metric(
        "uplift_of_rest", "Uplift in the other 70%", "The same among all others: the lower, the better the ranking",
        higher_is_better=False, is_share=True, short="other 70%",
    ),
    Metric(
        "effect_at_30", "Effect reached with 30%",
        "Share of the effect of contacting everybody that contacting these 30% gives", is_share=True,
        short="effect with 30%",
    ),
)  # fmt: skip

# Columns of the network's output.
CONTACTED, NOT_CONTACTED = 0, 1
_IF_CONTACTED, _IF_NOT = "p_if_contacted", "p_if_not"


class UpliftPrediction(TypedDict):
    """The public answer: the probability of converting if contacted and if not, and their difference."""

    customer_id: str
    uplift: float
    p_if_contacted: float
    p_if_not: float


@dataclass(frozen=True, eq=False, kw_only=True)
class UpliftTask(ModelTask):
    """Two outputs: the probability of converting if contacted, and if not.

    The class of a row is 2 × contacted + converted.
    """

    metrics: tuple[Metric, ...] = UPLIFT_METRICS
    is_optional: bool = True

    def _classes(self, values: pa.Array, source: str) -> Labels:
        return read_arms(values, source, self.label_remedy)

    def class_names(self, offers: Sequence[int]) -> tuple[str, ...]:
        del offers
        return (
            "not contacted, did not convert",
            "not contacted, converted",
            "contacted, did not convert",
            "contacted, converted",
        )

    def outcome(self, labels: Labels) -> tuple[Labels, tuple[str, ...]]:
        """Whether the customer converted; who was contacted is checked by itself."""
        return Labels(labels.classes % 2), ("did not convert", "converted")

    def outputs(self, offers: Sequence[int]) -> int:
        del offers
        return 2

    def measure(self, classes: Classes, probabilities: Probabilities) -> Metrics:
        from loyalty_core.ml.evaluation.uplift import uplift_metrics  # noqa: PLC0415

        return uplift_metrics(classes, probabilities)

    def evaluate(self, rows: EvaluationRows) -> Metrics:
        from loyalty_core.ml.evaluation.uplift import evaluate_uplift  # noqa: PLC0415

        return evaluate_uplift(rows.classes, rows.probabilities, rows.baselines, rows.customers, doubt=rows.doubt)

    def chart_data(self, classes: Classes, probabilities: Probabilities, offers: Sequence[int]) -> Metrics:
        from loyalty_core.ml.evaluation.uplift import curve_of  # noqa: PLC0415

        del offers
        return {"qini_curve": curve_of(classes, probabilities)}

    def stores(self, column: str) -> bool:
        return column in {self.score_column, _IF_CONTACTED, _IF_NOT}

    def empty_columns(self) -> dict[str, pa.DataType]:
        """None: without such a model there are no columns that rules could read."""
        return {}

    def columns(
        self, scores: FloatRows, offers: Sequence[int], settings: Settings
    ) -> dict[str, npt.NDArray[Any] | Categorical]:
        del offers, settings
        shown = rounded_scores(scores)
        contacted, not_contacted = shown[:, CONTACTED], shown[:, NOT_CONTACTED]
        return {
            self.score_column: np.round(contacted - not_contacted, DECIMALS),
            _IF_CONTACTED: contacted,
            _IF_NOT: not_contacted,
        }

    def sql_columns(
        self, outputs: Sequence[sa.ColumnElement[float]], offers: Sequence[int], settings: Settings
    ) -> dict[str, sa.ColumnElement[Any]]:
        del offers, settings
        contacted, not_contacted = (rounded_in_sql(outputs[arm]) for arm in (CONTACTED, NOT_CONTACTED))
        return {
            self.score_column: rounded_in_sql(contacted - not_contacted),
            "p_if_contacted": contacted,
            "p_if_not": not_contacted,
        }

    def answer(
        self,
        customer_id: str,
        scores: npt.NDArray[np.floating],
        offers: Sequence[int],
        settings: Settings,
        rfm: RfmScore | None,
    ) -> UpliftPrediction:
        del offers, settings, rfm
        contacted, not_contacted = (round(float(score), DECIMALS) for score in scores)
        return {
            "customer_id": customer_id,
            "uplift": round(contacted - not_contacted, DECIMALS),
            _IF_CONTACTED: contacted,
            _IF_NOT: not_contacted,
        }

    def explained(self, scores: npt.NDArray[np.floating], output: int) -> npt.NDArray[np.floating]:
        """The uplift, rather than one of the two probabilities."""
        del output
        return scores[:, CONTACTED] - scores[:, NOT_CONTACTED]

    def explained_output(self, scores: npt.NDArray[np.floating], offers: Sequence[int], offer: int | None) -> int:
        del scores, offers, offer
        return CONTACTED

    def statistics(self, tally: Tally) -> dict[str, Any]:
        mean = tally.mean()
        return {
            f"average_{self.score_column}": rounded(mean),
            "expected_additional_conversions": rounded(mean * tally.processed) if mean is not None else 0.0,
        }

    @property
    def has_mock(self) -> bool:
        return False


UPLIFT = UpliftTask(
    name="uplift",
    title="Uplift",
    noun="uplift model",
    history=HistoryTable(
        "customer_treatment_history", "outcome", "treated_at", "DWH_UPLIFT_TRAINING_QUERY", treatment="treated"
    ),
    score_column="uplift",
    group_column=None,
)
