"""Mock mode: plausible predictions by formula, for demonstrations before anything was trained.

The same features always give the same predictions. Nothing is read from disk.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from loyalty_core.ml.bundles import ModelNotFound
from loyalty_core.ml.features import FeatureContract, FeatureKind, InputFeature
from loyalty_core.ml.tasks import TASKS, task_named

FloatRows = npt.NDArray[np.float32]

MOCK_VERSION = "mock"

# Typical of a shop's customers, by the documented feature names; used in place of training medians.
_TYPICAL = {
    "revenue": 500.0,
    "transaction_count": 12.0,
    "days_since_last": 45.0,
    "avg_transaction_value": 40.0,
    "lifetime_value": 900.0,
}
_TYPICAL_ELSE = 10.0

_BACKGROUND_ROWS = 32


class MockModels:
    """Answers like a `Bundle`, for the mapped features of any warehouse."""

    version: str = MOCK_VERSION
    is_mock: bool = True

    def __init__(self, kinds: Mapping[str, FeatureKind]) -> None:
        """`kinds` says how each mapped feature is read."""
        typical = {name: 0.0 if kind == "boolean" else _typical(name) for name, kind in kinds.items()}
        self.contract = FeatureContract(tuple(InputFeature(n, kind, typical[n]) for n, kind in kinds.items()))
        self._typical = np.array([max(value, 1.0) for value in typical.values()], dtype=np.float32)
        self.background = self._random_customers()
        self._weights = {
            task.name: np.array([task.mock_weights(name) for name in kinds], dtype=np.float32)
            for task in TASKS.values()
            if task.has_mock
        }

    def has(self, name: str) -> bool:
        """Whether mock mode makes up answers of this model."""
        return name in self._weights

    def offers(self, name: str) -> tuple[int, ...]:
        """Offer ids in the order of a model's scores; empty for yes and no."""
        return task_named(name).mock_offers

    def scores(self, name: str, encoded: FloatRows) -> FloatRows:
        """Probabilities of a model for encoded float32 (rows, width); shape (rows, outputs).

        Raises `ModelNotFound` for a model that mock mode lacks.
        """
        if not self.has(name):
            raise ModelNotFound(Path("models") / task_named(name).file, "Mock mode lacks it.")
        logits = self._unusual(encoded) @ self._weights[name] + np.float32(task_named(name).mock_bias)
        if not self.offers(name):
            return (1 / (1 + np.exp(-np.clip(logits, -30, 30)))).astype(np.float32)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def _random_customers(self) -> FloatRows:
        """Random customers around the typical one."""
        generator = np.random.default_rng(0)
        rows = self._typical * generator.lognormal(0.0, 0.8, (_BACKGROUND_ROWS, len(self._typical)))
        for position, feature in enumerate(self.contract.inputs):
            if feature.kind == "boolean":
                rows[:, position] = generator.integers(0, 2, _BACKGROUND_ROWS)
            elif feature.kind == "text":
                rows[:, position] = 1  # the slot "other", the only one without training
        return rows.astype(np.float32)

    def _unusual(self, encoded: FloatRows) -> FloatRows:
        """Each feature between -1.5 and 0.5, 0 where it is typical."""
        return encoded / (np.abs(encoded) + self._typical) - np.float32(0.5)


def _typical(name: str) -> float:
    return _TYPICAL.get(name, _TYPICAL_ELSE)
