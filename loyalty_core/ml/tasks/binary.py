"""Models that answer yes or no: one output, the probability of yes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from loyalty_core.ml.tasks.base import DECIMALS, ModelTask, rounded, shown
from loyalty_core.ml.tasks.labels import Labels, read_yes_no
from loyalty_core.ml.tasks.metric import LOG_LOSS, Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt

    from loyalty_core.ml.tasks.base import Classes, EvaluationRows, FloatRows, Metrics, Probabilities, Tally, Texts
    from loyalty_core.rfm import RfmScore
    from loyalty_core.settings import Settings


def binary_metrics(yes: str, no: str, yes_present: str) -> tuple[Metric, ...]:
    """The metrics in words: `yes` and `no` say of a customer what happened, as "left"; `yes_present` as "do leave"."""
    return (
        Metric(
            "auc", "AUC", f"How often a customer who {yes} had a higher probability than one who {no}; 0.5 is luck",
            short="ROC AUC",
        ),
        Metric(
            "captured_top_20", "Captured in the top 20%",
            f"Of all who {yes}, how many are among the fifth with the highest probability", is_share=True,
        ),
        Metric(
            "pr_auc", "Precision (PR AUC)", f"How many of those named {yes_present}, over all thresholds",
            short="PR AUC",
        ),
        LOG_LOSS,
        Metric(
            "brier", "Brier score", "Mean squared error of the probability", higher_is_better=False, short="Brier",
        ),
        Metric(
            "calibration_error", "Off by", "How far a probability is from what happened, on average",
            higher_is_better=False, is_share=True, short="off by",
        ),
    )  # fmt: skip


@dataclass(frozen=True, eq=False, kw_only=True)
class BinaryTask(ModelTask):
    """`yes` and `no` say what labels of 1 and 0 mean, as "churned" and "stayed"; `positives` names those of label 1."""

    yes: str
    no: str
    positives: str

    def _classes(self, values: pa.Array, source: str) -> Labels:
        return read_yes_no(values, source, (self.no, self.yes), self.label_remedy)

    def class_names(self, offers: Sequence[int]) -> tuple[str, ...]:
        del offers
        return self.no, self.yes

    def measure(self, truth: Classes, answers: Probabilities) -> Metrics:
        from loyalty_core.ml.evaluation.metrics import binary_metrics as measure  # noqa: PLC0415

        return measure(truth, answers)

    def evaluate(self, rows: EvaluationRows) -> Metrics:
        from loyalty_core.ml.evaluation.baselines import find_simple_rule  # noqa: PLC0415
        from loyalty_core.ml.evaluation.metrics import evaluate_binary  # noqa: PLC0415

        rule = find_simple_rule(rows.seen_inputs, rows.seen_classes, rows.features)
        scores = rule.scores(rows.inputs)
        return evaluate_binary(
            rows.classes, rows.answers[:, 0], rows.baselines, rule, scores, rows.customers, positives=self.positives
        )

    def chart_data(self, truth: Classes, answers: Probabilities, offers: Sequence[int]) -> Metrics:
        from loyalty_core.ml.evaluation.metrics import binary_curves, deciles  # noqa: PLC0415

        del offers
        return {"deciles": deciles(truth, answers), "curves": binary_curves(truth, answers)}

    def empty_columns(self) -> dict[str, pa.DataType]:
        return {self.score_column: pa.float64()}

    def columns(
        self, scores: FloatRows, offers: Sequence[int], settings: Settings
    ) -> dict[str, npt.NDArray[Any] | Texts]:
        del offers, settings
        return {self.score_column: shown(scores[:, 0])}

    def answer(
        self,
        customer_id: str,
        scores: npt.NDArray[np.floating],
        offers: Sequence[int],
        settings: Settings,
        rfm: Callable[[], RfmScore | None],
    ) -> Any:
        """The customer's id and the probability, under the name of its column."""
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
