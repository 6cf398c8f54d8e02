"""A model task: everything that differs between one model and another, in one object."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from loyalty_core.ml.tasks.labels import Finding, HistoryTooSmall, Labels
from loyalty_core.ml.tasks.mock_weights import mock_weight

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa

    from loyalty_core.ml.tasks.metric import Metric
    from loyalty_core.rfm import RfmScore
    from loyalty_core.settings import Settings
    from loyalty_core.warehouse.history import HistoryTable

FloatRows = npt.NDArray[np.float32]
Classes = npt.NDArray[np.intp]
Probabilities = npt.NDArray[np.float64]
Metrics = dict[str, Any]

# Answers carry six decimals: LiteRT works in single precision, where the seventh is noise.
DECIMALS = 6


class EvaluationRows(NamedTuple):
    """What a model is evaluated on.

    `seen_inputs` and `seen_classes` are the scaled rows that training and validation used, `inputs` and `classes` the
    test rows, `answers` the model's probabilities for them, `baselines` those of simple models by name. `features`
    names the feature of each input, `customers` numbers the customer of each test row.
    """

    seen_inputs: FloatRows
    seen_classes: Classes
    inputs: FloatRows
    classes: Classes
    answers: Probabilities
    baselines: Mapping[str, Probabilities]
    features: Sequence[str]
    customers: npt.NDArray[np.intp]
    offers: tuple[int, ...]


@dataclass(frozen=True)
class Texts:
    """A column of few texts: for each row its index in `names`."""

    indices: npt.NDArray[np.int8]
    names: tuple[str, ...]


@dataclass
class Tally:
    """Customers by group, and the sums of what is averaged; `failures` by reason."""

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

    def mean(self, index: int = 0) -> float | None:
        """The mean of one averaged value over everyone with an answer."""
        total = sum(sums[index] for sums in self.sums.values())
        return total / self.processed if self.processed else None


@dataclass(frozen=True, eq=False, kw_only=True)
class ModelTask(ABC):
    """One model: where its labels come from, how it is measured, and what its scores become.

    `name` is its key in manifests, ML_TRAINING, the API and on command lines, `title` heads its parts of a screen,
    `noun` names it in a sentence. Of `metrics` the first is the one that a challenger must not lose. `score_column` is
    the column of customer_predictions with a number from 0 to 1, `group_column` the one that a segment's customers are
    counted by, None where there is nothing to tell apart.
    """

    name: str
    title: str
    noun: str
    history: HistoryTable
    metrics: tuple[Metric, ...]
    score_column: str
    group_column: str | None

    @property
    def file(self) -> str:
        """The model's file in a version."""
        return f"{self.name}.tflite"

    @property
    def label_remedy(self) -> str:
        """What to do about a label that cannot be read."""
        query = self.history.query_setting
        return f"Correct the label, or set {query} to one that does." if query else "Correct the label."

    def read_labels(self, values: pa.Array, source: str) -> Labels:
        """The labels of a history as classes; raises `TrainingRefused` where they cannot be read, or there are none."""
        if not len(values):
            finding = Finding(
                "stop", "There are no rows with a label.", "Load the history, or choose an earlier start."
            )
            raise HistoryTooSmall(source, (finding,))
        return self._classes(values, source)

    @abstractmethod
    def _classes(self, values: pa.Array, source: str) -> Labels: ...

    @abstractmethod
    def class_names(self, offers: Sequence[int]) -> tuple[str, ...]:
        """What the label of each class says, as in "… rows say that NAME"."""

    def label_delay(self, settings: Settings) -> int | None:
        """After how many days a row's label is known; None where it is known at once."""
        del settings
        return None

    @abstractmethod
    def measure(self, truth: Classes, answers: Probabilities) -> Metrics:
        """The metrics of answers for rows of known classes; loads scikit-learn."""

    @abstractmethod
    def evaluate(self, rows: EvaluationRows) -> Metrics:
        """The metrics with intervals, beside those of the baselines, and the verdict; loads scikit-learn."""

    @abstractmethod
    def chart_data(self, truth: Classes, answers: Probabilities, offers: Sequence[int]) -> Metrics:
        """What charts need beside the metrics; loads scikit-learn."""

    @abstractmethod
    def empty_columns(self) -> dict[str, pa.DataType]:
        """The columns of customer_predictions without such a model, which stay blank."""

    @abstractmethod
    def columns(
        self, scores: FloatRows, offers: Sequence[int], settings: Settings
    ) -> dict[str, npt.NDArray[Any] | Texts]:
        """The columns of customer_predictions for `scores` (customers, outputs)."""

    @abstractmethod
    def answer(
        self,
        customer_id: str,
        scores: npt.NDArray[np.floating],
        offers: Sequence[int],
        settings: Settings,
        rfm: Callable[[], RfmScore | None],
    ) -> Any:
        """The public answer for one customer, by `scores` (outputs,).

        `rfm` gives the customer's RFM scores, None where there are none; it costs time, so call it only where needed.
        """

    @abstractmethod
    def explained_output(self, scores: npt.NDArray[np.floating], offers: Sequence[int], offer: int | None) -> int:
        """Which output is explained: that of `offer`, or by default the one the answer rests on.

        Raises `ValueError` for an offer that the model does not know.
        """

    @abstractmethod
    def statistics(self, tally: Tally) -> dict[str, Any]:
        """The aggregates of a segment, counted by `group_column` and averaged over `score_column`."""

    @property
    def mock_offers(self) -> tuple[int, ...]:
        """The offers of mock mode."""
        return ()

    @property
    def mock_bias(self) -> float:
        return 0.0

    def mock_weights(self, feature: str) -> list[float]:
        """The weight of a feature for each output in mock mode."""
        return [mock_weight(f"{self.name}/{feature}")]


def rounded(value: float | None) -> float | None:
    """As answers show it."""
    return None if value is None else round(value, DECIMALS)


def shown(scores: FloatRows) -> Probabilities:
    """As answers show them, so that a bulk scoring and a single answer agree to the last digit."""
    return np.round(scores.astype(np.float64), DECIMALS)
