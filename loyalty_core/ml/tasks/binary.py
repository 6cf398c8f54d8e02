"""Models that answer yes or no: one output, the probability of yes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from loyalty_core.ml.evaluation import best_ranking
from loyalty_core.ml.tasks.base import DECIMALS, ModelTask, rounded, rounded_in_sql, rounded_scores
from loyalty_core.ml.tasks.labels import Labels, read_yes_no
from loyalty_core.ml.tasks.metric import LOG_LOSS, Metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt
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


def binary_metrics(yes: str, no: str, yes_present: str) -> tuple[Metric, ...]:
    """The metrics of a binary model; `yes` and `no` complete "a customer who …", `yes_present` "customers who …"."""
    return (
        Metric(
            "auc", "AUC", f"How often a customer who {yes} had a higher probability than one who {no}; 0.5 is random",
            short="ROC AUC",
        ),
        Metric(
            "captured_top_20", "Captured in the top 20%",
            f"Share of all customers who {yes} among the 20% with the highest probability", is_share=True,
        ),
        Metric(
            "pr_auc", "Average precision (PR AUC)", f"Share of those flagged who {yes_present}, over all thresholds",
            short="PR AUC",
        ),
        LOG_LOSS,
        Metric(
            "brier", "Brier score", "Mean squared error of the probability", higher_is_better=False, short="Brier",
        ),
        Metric(
            "calibration_error", "Calibration error", "Average distance between predicted and actual rates, by decile",
            higher_is_better=False, is_share=True, short="calibration error",
        ),
    )  # fmt: skip


@dataclass(frozen=True, eq=False, kw_only=True)
class BinaryTask(ModelTask):
    """`yes` and `no` name labels 1 and 0, as "churned" and "stayed"; `positives` names the customers of label 1."""

    yes: str
    no: str
    positives: str

    def _classes(self, values: pa.Array, source: str) -> Labels:
        return read_yes_no(values, source, (self.no, self.yes), self.label_remedy)

    def class_names(self, offers: Sequence[int]) -> tuple[str, ...]:
        del offers
        return self.no, self.yes

    def yes_or_no(self, classes: Classes) -> Classes:
        """1 for rows whose answer is yes, 0 for the others."""
        return classes

    def probability(self, scores: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """The probability of yes (rows,) in `scores` (rows, outputs)."""
        return scores[:, 0]

    def measure(self, classes: Classes, probabilities: Probabilities) -> Metrics:
        from loyalty_core.ml.evaluation.metrics import binary_metrics as measure  # noqa: PLC0415

        return measure(classes, probabilities)

    def evaluate(self, rows: EvaluationRows) -> Metrics:
        from loyalty_core.ml.evaluation.metrics import evaluate_binary  # noqa: PLC0415

        rule = best_ranking(rows.fit_columns, rows.fit_classes, rows.columns, rows.classes)
        return evaluate_binary(
            rows.classes,
            rows.probabilities[:, 0],
            rows.baselines,
            rule,
            rows.customers,
            positives=self.positives,
            doubt=rows.doubt,
        )

    def chart_data(self, classes: Classes, probabilities: Probabilities, offers: Sequence[int]) -> Metrics:
        from loyalty_core.ml.evaluation.metrics import binary_curves, deciles  # noqa: PLC0415

        del offers
        return {"deciles": deciles(classes, probabilities), "curves": binary_curves(classes, probabilities)}

    def empty_columns(self) -> dict[str, pa.DataType]:
        return {self.score_column: pa.float64()}

    def columns(
        self, scores: FloatRows, offers: Sequence[int], settings: Settings
    ) -> dict[str, npt.NDArray[Any] | Categorical]:
        del offers, settings
        return {self.score_column: rounded_scores(scores[:, 0])}

    def sql_columns(
        self, outputs: Sequence[sa.ColumnElement[float]], offers: Sequence[int], settings: Settings
    ) -> dict[str, sa.ColumnElement[Any]]:
        del offers, settings
        return {self.score_column: rounded_in_sql(outputs[0])}

    def answer(
        self,
        customer_id: str,
        scores: npt.NDArray[np.floating],
        offers: Sequence[int],
        settings: Settings,
        rfm: RfmScore | None,
    ) -> Any:
        """The customer's id, and the probability under the name of its column."""
        del offers, settings, rfm
        return {"customer_id": customer_id, self.score_column: round(float(scores[0]), DECIMALS)}

    def explained_output(self, scores: npt.NDArray[np.floating], offers: Sequence[int], offer: int | None) -> int:
        del scores, offers, offer
        return 0

    def statistics(self, tally: Tally) -> dict[str, Any]:
        mean = tally.mean()
        return {
            f"average_{self.score_column}": rounded(mean),
            f"expected_{self.positives}": rounded(mean * tally.processed) if mean is not None else 0.0,
        }
