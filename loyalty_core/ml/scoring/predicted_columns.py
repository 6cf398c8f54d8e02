"""The columns that a scoring run would write, for customers whose rows are given."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from loyalty_core.ml.features import ModelInputs
from loyalty_core.ml.serving import Models
from loyalty_core.ml.tasks import Categorical, ModelTask
from loyalty_core.rfm import RfmCutPoints, score_one
from loyalty_core.settings import Settings
from loyalty_core.telemetry import PREDICTIONS

Rows = Mapping[str, Mapping[str, Any]]
Columns = dict[str, dict[str, Any]]


def predicted_columns(
    rows: Rows, arms: Iterable[tuple[Models, Rows]], tasks: Sequence[ModelTask], inputs: ModelInputs, settings: Settings
) -> Columns:
    """The columns of the tasks by the id of each customer in `rows`, predicted by the models of their arm.

    Those of an optional model are missing where the arm has no such model.
    """
    found: Columns = {customer_id: {} for customer_id in rows}
    for models, part in arms:
        encoded = inputs.encode_rows(models.contract, list(part.values()))
        for task in tasks:
            if task.is_optional and not models.has(task.name):
                continue
            scores, offers = models.scores(task.name, encoded.values), models.offers(task.name)
            PREDICTIONS.labels(task.name, models.version).inc(len(part))
            for column, values in task.columns(scores, offers, settings).items():
                for customer_id, value in zip(part, _plain(values), strict=True):
                    found[customer_id][column] = value
    return found


def add_rfm_columns(found: Columns, rows: Rows, cut_points: RfmCutPoints) -> None:
    """Add RFM scores and segment of each customer in `rows`."""
    for customer_id, row in rows.items():
        recency, frequency, monetary, segment = score_one(row, cut_points)
        scores = {"recency": recency, "frequency": frequency, "monetary": monetary, "rfm_segment": segment}
        found[customer_id] |= scores


def _plain(values: Any) -> list[Any]:
    """A column of a scoring run as Python values."""
    if isinstance(values, Categorical):
        return [values.categories[code] for code in values.codes]
    return values.tolist()
