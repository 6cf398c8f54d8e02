"""Offer uptake: the probability that a customer who is shown the offers takes one of them.

The offer model learns from rows with an offer taken, so its scores are shares among those who take any. Multiplied by
the uptake, they are the probability that the customer takes this offer.
"""

from dataclasses import dataclass, replace

import pyarrow as pa

from loyalty_core.ml.tasks.binary import BinaryTask, binary_metrics
from loyalty_core.ml.tasks.labels import Finding, HistoryTooSmall, Labels
from loyalty_core.ml.tasks.nbo import NBO


@dataclass(frozen=True, eq=False, kw_only=True)
class UptakeTask(BinaryTask):
    """Trained where the history of offers also has rows in which none was taken."""

    def _classes(self, values: pa.Array, source: str) -> Labels:
        labels = super()._classes(values, source)
        if labels.classes.all():
            finding = Finding(
                "stop",
                "Every row has an offer that was taken, so how many customers take one is not known.",
                f"Add a row with a blank {self.history.label} for every customer who was shown offers and took none.",
            )
            raise HistoryTooSmall(source, (finding,))
        return labels

    @property
    def mock_bias(self) -> float:
        return -1.2


UPTAKE = UptakeTask(
    name="uptake",
    title="Offer uptake",
    noun="uptake model",
    history=replace(NBO.history, taken="whether"),
    metrics=binary_metrics("took an offer", "took none", "do take one"),
    score_column="offer_uptake",
    group_column=None,
    is_optional=True,
    yes="took an offer",
    no="took none",
    positives="takers",
)
