"""The models that answer: one version for everybody, or during an A/B test two, each for its customers."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from loyalty_core.buckets import bucket, buckets
from loyalty_core.ml.bundles import Experiment
from loyalty_core.ml.serving.answers import Models
from loyalty_core.warehouse.predictions import ScoringRun

Rows = Mapping[str, Mapping[str, Any]]
"""Rows of the features view by customer id."""


@dataclass(frozen=True)
class Challenger:
    """The models beside the champion, and the test that says for whom."""

    models: Models
    experiment: Experiment

    def answers(self, customer_id: object) -> bool:
        """Whether this customer, by the id as the warehouse gives it, is in the challenger's arm."""
        return bucket(self.experiment.salt, customer_id) < self.experiment.share

    def answers_many(self, customer_ids: pa.Array) -> npt.NDArray[np.bool_]:
        """`answers` for ids without blanks; shape (ids,)."""
        return buckets(self.experiment.salt, customer_ids) < self.experiment.share


@dataclass(frozen=True)
class ServedModels:
    """The champion, which is the active version, and the challenger while a test runs."""

    champion: Models
    challenger: Challenger | None = None

    @property
    def arms(self) -> tuple[Models, ...]:
        """The champion's models, then the challenger's."""
        return (self.champion, *([self.challenger.models] if self.challenger else []))

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions that answer, in order."""
        return tuple(sorted(models.version for models in self.arms))

    @property
    def experiment(self) -> Experiment | None:
        return self.challenger.experiment if self.challenger else None

    def for_customer(self, customer_id: object) -> Models:
        """The models that answer this customer, by the id as the warehouse gives it."""
        if self.challenger and self.challenger.answers(customer_id):
            return self.challenger.models
        return self.champion

    def for_row(self, row: Mapping[str, Any], id_column: str) -> Models:
        """The models that answer the customer in a row of the features view."""
        return self.for_customer(row[id_column]) if self.challenger else self.champion

    def by_arm(self, rows: Rows, id_column: str) -> Sequence[tuple[Models, Rows]]:
        """The models and customers of each arm that has customers; the champion alone when there are no rows."""
        parts: dict[Models, dict[str, Mapping[str, Any]]] = defaultdict(dict)
        for customer_id, row in rows.items():
            parts[self.for_row(row, id_column)][customer_id] = row
        return list(parts.items()) or [(self.champion, rows)]

    def made(self, run: ScoringRun) -> bool:
        """Whether everybody's prediction of that run is by the models that would answer now."""
        if run.model_versions != self.versions:
            return False
        return self.challenger is None or run.scored_at >= self.challenger.experiment.latest_change
