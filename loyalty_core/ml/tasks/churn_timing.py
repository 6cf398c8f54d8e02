"""Time of churn: the probability that a customer leaves within 30, 60 and 90 days.

This is discrete-time survival: for each of three months of 30 days, a network predicts the hazard, the probability that
a customer who is still there leaves in it. So one model answers for every horizon, a longer one is never less likely
than a shorter one, and customers who were followed for only one or two months can be learned from too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from loyalty_core.ml.evaluation import best_ranking
from loyalty_core.ml.tasks.base import DECIMALS, rounded, rounded_in_sql, rounded_scores
from loyalty_core.ml.tasks.binary import BinaryTask
from loyalty_core.ml.tasks.labels import Labels, read_months
from loyalty_core.ml.tasks.metric import Metric
from loyalty_core.warehouse.history import HORIZON_DAYS, HistoryTable

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

_LONGEST = len(HORIZON_DAYS) - 1
# The classes of customers who left in the first month, by the months that they were followed for.
_FIRST_MONTH = (0, 4, 7)


def column_of(days: int) -> str:
    """The column of customer_predictions, and the key of answers, for a horizon."""
    return f"churn_within_{days}_days"


COLUMNS = tuple(column_of(days) for days in HORIZON_DAYS)

TIMING_METRICS = (
    Metric(
        "auc", "AUC, 90 days",
        "How often a customer who left within 90 days had a higher probability than one who did not; 0.5 is random",
        short="AUC 90",
    ),
    Metric("auc_60", "AUC, 60 days", "The same for customers who left within 60 days", short="AUC 60"),
    Metric("auc_30", "AUC, 30 days", "The same for customers who left within 30 days", short="AUC 30"),
    Metric(
        "calibration_error", "Calibration error, 90 days",
        "Average distance between predicted and actual rates within 90 days, by decile", higher_is_better=False,
        is_share=True, short="calibration 90",
    ),
    Metric(
        "calibration_error_60", "Calibration error, 60 days", "The same within 60 days", higher_is_better=False,
        is_share=True, short="calibration 60",
    ),
    Metric(
        "calibration_error_30", "Calibration error, 30 days", "The same within 30 days", higher_is_better=False,
        is_share=True, short="calibration 30",
    ),
    Metric("log_loss", "Log loss, 90 days", "Mean negative log likelihood; 0 is best", higher_is_better=False),
    Metric("log_loss_60", "Log loss, 60 days", "The same within 60 days", higher_is_better=False),
    Metric("log_loss_30", "Log loss, 30 days", "The same within 30 days", higher_is_better=False),
)  # fmt: skip


@dataclass(frozen=True, eq=False, kw_only=True)
class ChurnTimingTask(BinaryTask):
    """One output for each horizon. The class of a row is the month in which the customer left, 3 for later.

    Customers who were followed for two months or one have classes of their own, 4 to 6, and 7 and 8: those who left are
    only comparable with those who were followed for as long. Where one yes or no is asked for, it is whether the
    customer left within the longest horizon.
    """

    metrics: tuple[Metric, ...] = TIMING_METRICS
    is_optional: bool = True

    def _classes(self, values: pa.Array, source: str) -> Labels:
        del source
        return read_months(values)

    def class_names(self, offers: Sequence[int]) -> tuple[str, ...]:
        del offers
        return (
            "left within 30 days",
            "left after 31 to 60 days",
            "left after 61 to 90 days",
            "stayed for 90 days",
            "followed for 60 days: left within 30",
            "followed for 60 days: left after 31 to 60",
            "followed for 60 days: stayed",
            "followed for 30 days: left",
            "followed for 30 days: stayed",
        )

    def is_known(self, classes: Classes) -> npt.NDArray[np.bool_]:
        return classes <= len(HORIZON_DAYS)

    def outcome(self, labels: Labels) -> tuple[Labels, tuple[str, ...]]:
        """Whether the customer left within 30 days, which is known of every row."""
        return Labels(np.isin(labels.classes, _FIRST_MONTH).astype(np.intp)), (
            "stayed for 30 days",
            "left within 30 days",
        )

    def yes_or_no(self, classes: Classes) -> Classes:
        return (classes <= _LONGEST).astype(np.intp)

    def probability(self, scores: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        return scores[:, _LONGEST]

    def outputs(self, offers: Sequence[int]) -> int:
        del offers
        return len(HORIZON_DAYS)

    def measure(self, classes: Classes, probabilities: Probabilities) -> Metrics:
        from loyalty_core.ml.evaluation.timing import timing_metrics  # noqa: PLC0415

        return timing_metrics(classes, probabilities)

    def evaluate(self, rows: EvaluationRows) -> Metrics:
        from loyalty_core.ml.evaluation.timing import evaluate_timing  # noqa: PLC0415

        known = np.flatnonzero(self.is_known(rows.fit_classes))
        fit_columns, fit_classes = [column.take(known) for column in rows.fit_columns], rows.fit_classes[known]
        rule = best_ranking(fit_columns, self.yes_or_no(fit_classes), rows.columns, self.yes_or_no(rows.classes))
        return evaluate_timing(
            rows.classes,
            rows.probabilities,
            rows.baselines,
            rule,
            rows.customers,
            positives=self.positives,
            doubt=rows.doubt,
        )

    def chart_data(self, classes: Classes, probabilities: Probabilities, offers: Sequence[int]) -> Metrics:
        return super().chart_data(self.yes_or_no(classes), probabilities[:, _LONGEST], offers)

    def stores(self, column: str) -> bool:
        return column in COLUMNS

    def empty_columns(self) -> dict[str, pa.DataType]:
        """None: without such a model there are no columns that rules could read."""
        return {}

    def columns(
        self, scores: FloatRows, offers: Sequence[int], settings: Settings
    ) -> dict[str, npt.NDArray[Any] | Categorical]:
        del offers, settings
        return dict(zip(COLUMNS, rounded_scores(scores).T, strict=True))

    def sql_columns(
        self, outputs: Sequence[sa.ColumnElement[float]], offers: Sequence[int], settings: Settings
    ) -> dict[str, sa.ColumnElement[Any]]:
        del offers, settings
        return dict(zip(COLUMNS, map(rounded_in_sql, outputs), strict=True))

    def answer(
        self,
        customer_id: str,
        scores: npt.NDArray[np.floating],
        offers: Sequence[int],
        settings: Settings,
        rfm: RfmScore | None,
    ) -> dict[str, Any]:
        """The customer's id, and the probability of leaving within each horizon."""
        del offers, settings, rfm
        within = (round(float(score), DECIMALS) for score in scores)
        return {"customer_id": customer_id, **dict(zip(COLUMNS, within, strict=True))}

    def explained_output(self, scores: npt.NDArray[np.floating], offers: Sequence[int], offer: int | None) -> int:
        del scores, offers, offer
        return _LONGEST

    def statistics(self, tally: Tally) -> dict[str, Any]:
        mean = tally.mean()
        return {
            f"average_{self.score_column}": rounded(mean),
            "expected_churners_within_90_days": rounded(mean * tally.processed) if mean is not None else 0.0,
        }

    @property
    def has_mock(self) -> bool:
        return False


CHURN_TIMING = ChurnTimingTask(
    name="churn_timing",
    title="Time of churn",
    noun="time-of-churn model",
    history=HistoryTable(
        "customer_churn_history",
        "left_at",
        "snapshot_date",
        "DWH_CHURN_TRAINING_QUERY",
        followed_until="observed_until",
    ),
    score_column=COLUMNS[-1],
    group_column=None,
    yes="left within 90 days",
    no="stayed for 90 days",
    positives="churners",
)
