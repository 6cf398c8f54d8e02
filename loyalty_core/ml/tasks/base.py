"""The base class of model tasks: everything that differs between models, in one object."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from loyalty_core.ml.tasks.labels import Finding, HistoryTooSmall, Labels
from loyalty_core.ml.tasks.mock_weights import mock_weight

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from loyalty_core.ml.evaluation import Column
    from loyalty_core.ml.tasks.metric import Metric
    from loyalty_core.rfm import RfmScore
    from loyalty_core.settings import Settings
    from loyalty_core.warehouse.history import HistoryTable

FloatRows = npt.NDArray[np.float32]
Classes = npt.NDArray[np.intp]
Probabilities = npt.NDArray[np.float64]
Metrics = dict[str, Any]

# Answers have six decimals: LiteRT computes in single precision, where the seventh digit is noise.
DECIMALS = 6


class EvaluationRows(NamedTuple):
    """The rows that a model is evaluated on.

    `fit_columns` and `fit_classes` are the features and labels of the training and validation rows, `columns` and
    `classes` those of the test rows. `probabilities` are the model's for the test rows, `baselines` those of each
    baseline by name. `customers` numbers the customer of each test row. `doubt` says why the model may be reading the
    answer; mostly it is empty.
    """

    fit_columns: Sequence[Column]
    fit_classes: Classes
    columns: Sequence[Column]
    classes: Classes
    probabilities: Probabilities
    baselines: Mapping[str, Probabilities]
    customers: npt.NDArray[np.intp]
    offers: tuple[int, ...]
    doubt: str = ""


@dataclass(frozen=True)
class Categorical:
    """A text column with few distinct values: for each row, the index of its value in `categories`."""

    codes: npt.NDArray[np.int8]
    categories: tuple[str, ...]


@dataclass
class Tally:
    """Customer counts and value sums per group; `failures` counts customers without an answer, by reason."""

    customers: Counter[Any] = field(default_factory=Counter)
    sums: dict[Any, list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: Counter[str] = field(default_factory=Counter)

    def add(self, group: Any, customers: int, sums: list[float]) -> None:
        """Add `customers` to a group, with the sums of their values."""
        self.customers[group] += customers
        before = self.sums[group] or [0.0] * len(sums)
        self.sums[group] = [old + new for old, new in zip(before, sums, strict=True)]

    @property
    def processed(self) -> int:
        return self.customers.total()

    def mean(self, index: int = 0) -> float | None:
        """The mean of one value over all customers with an answer; None when there are none."""
        total = sum(sums[index] for sums in self.sums.values())
        return total / self.processed if self.processed else None


@dataclass(frozen=True, eq=False, kw_only=True)
class ModelTask(ABC):
    """One model: where its labels come from, how it is evaluated, and what its scores become.

    `name` is its key in manifests, ML_TRAINING, the API and on the command line, `title` its heading on screens, `noun`
    its name within a sentence. The first of `metrics` decides whether a challenger is worse. `score_column` is the
    column of customer_predictions with a score from 0 to 1; `group_column` is the column that a segment's customers are
    counted by, None for a model without groups. `uses_rfm` says whether `answer` takes RFM scores into account.
    An optional model is not missed by a version that lacks it.
    """

    name: str
    title: str
    noun: str
    history: HistoryTable
    metrics: tuple[Metric, ...]
    score_column: str
    group_column: str | None
    uses_rfm: bool = False
    is_optional: bool = False

    @property
    def file(self) -> str:
        """The name of the model's file in a version."""
        return f"{self.name}.tflite"

    def stores(self, column: str) -> bool:
        """Whether a scoring run writes this column of customer_predictions with the model."""
        return column in {self.score_column, self.group_column}

    @property
    def label_remedy(self) -> str:
        """The remedy for a label that cannot be read."""
        query = self.history.query_setting
        return (
            f"Correct the label column, or correct it in a query ({query})." if query else "Correct the label column."
        )

    def read_labels(self, values: pa.Array, source: str) -> Labels:
        """The labels of a history as classes; raises `TrainingRefused` when there are none or they cannot be read."""
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
        """What the label of each class says, for sentences such as "Only 12 rows say “NAME”"."""

    def is_known(self, classes: Classes) -> npt.NDArray[np.bool_]:
        """Whether what happened is known to the end; rows of other classes can be learned from, but not tested."""
        return np.ones(len(classes), dtype=bool)

    def outcome(self, labels: Labels) -> tuple[Labels, tuple[str, ...]]:
        """What happened, as the checks of a history look at it, with the name of each class."""
        return labels, self.class_names(labels.offers)

    def label_delay(self, settings: Settings) -> int | None:
        """Days until a row's label is known; None when it is known at once."""
        del settings
        return None

    def outputs(self, offers: Sequence[int]) -> int:
        """The number of outputs of the network: one for each offer, or one."""
        return len(offers) or 1

    @abstractmethod
    def measure(self, classes: Classes, probabilities: Probabilities) -> Metrics:
        """The metrics of predicted probabilities for rows whose classes are known; loads scikit-learn."""

    @abstractmethod
    def evaluate(self, rows: EvaluationRows) -> Metrics:
        """The metrics with confidence intervals, those of the baselines, and the verdict; loads scikit-learn."""

    @abstractmethod
    def chart_data(self, classes: Classes, probabilities: Probabilities, offers: Sequence[int]) -> Metrics:
        """What charts need in addition to the metrics; loads scikit-learn."""

    @abstractmethod
    def empty_columns(self) -> dict[str, pa.DataType]:
        """The columns of customer_predictions that are blank when a version lacks this model."""

    @abstractmethod
    def columns(
        self, scores: FloatRows, offers: Sequence[int], settings: Settings
    ) -> dict[str, npt.NDArray[Any] | Categorical]:
        """The columns of customer_predictions for `scores` (customers, outputs)."""

    @abstractmethod
    def sql_columns(
        self, outputs: Sequence[sa.ColumnElement[float]], offers: Sequence[int], settings: Settings
    ) -> dict[str, sa.ColumnElement[Any]]:
        """The same columns from the outputs of the network in SQL, to six decimals at least."""

    @abstractmethod
    def answer(
        self,
        customer_id: str,
        scores: npt.NDArray[np.floating],
        offers: Sequence[int],
        settings: Settings,
        rfm: RfmScore | None,
    ) -> Any:
        """The public answer for one customer with `scores` (outputs,).

        `rfm` are the customer's RFM scores where `uses_rfm` and the warehouse has the columns for them.
        """

    @abstractmethod
    def explained_output(self, scores: npt.NDArray[np.floating], offers: Sequence[int], offer: int | None) -> int:
        """Index of the output to explain: that of `offer`, by default the one that the answer is based on.

        Raises `ValueError` for an offer that the model does not know.
        """

    def explained(self, scores: npt.NDArray[np.floating], output: int) -> npt.NDArray[np.floating]:
        """The numbers (rows,) to explain of `scores` (rows, outputs): those of one output."""
        return scores[:, output]

    @abstractmethod
    def statistics(self, tally: Tally) -> dict[str, Any]:
        """Aggregates of a segment: counts by `group_column` and the average of `score_column`."""

    @property
    def has_mock(self) -> bool:
        """Whether mock mode makes up answers of this model."""
        return True

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
    """Round to DECIMALS, as in answers; None stays None."""
    return None if value is None else round(value, DECIMALS)


def rounded_in_sql(score: sa.ColumnElement[float]) -> sa.ColumnElement[float]:
    """Round as in answers; not by ROUND, which some databases have for decimals only."""
    return sa.func.floor(score * 10.0**DECIMALS + 0.5, type_=sa.Double()) / 10.0**DECIMALS


def rounded_scores(scores: FloatRows) -> Probabilities:
    """Round as in answers, so that batch scoring and single answers agree to the last digit."""
    return np.round(scores.astype(np.float64), DECIMALS)
