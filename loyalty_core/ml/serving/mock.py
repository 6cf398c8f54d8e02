"""Mock mode: believable predictions by formula, for demonstrations before anything was trained.

The same features always give the same predictions. Nothing is read from disk.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from loyalty_core.ml.features import FeatureContract, FeatureKind, InputFeature
from loyalty_core.ml.tasks import TASKS, task_named

FloatRows = npt.NDArray[np.float32]

MOCK_VERSION = "mock"

# What is ordinary for a shop's customer, by the documented feature names; used in place of the training median.
_ORDINARY = {
    "revenue": 500.0,
    "transaction_count": 12.0,
    "days_since_last": 45.0,
    "avg_transaction_value": 40.0,
    "lifetime_value": 900.0,
}
_ORDINARY_ELSE = 10.0

_BACKGROUND_ROWS = 32


class MockModels:
    """Answers like a `Bundle`, for the mapped features of any warehouse."""

    version: str = MOCK_VERSION
    is_mock: bool = True

    def __init__(self, kinds: Mapping[str, FeatureKind]) -> None:
        """`kinds` says how each mapped feature is read."""
        ordinary = {name: 0.0 if kind == "boolean" else _ordinary(name) for name, kind in kinds.items()}
        self.contract = FeatureContract(tuple(InputFeature(n, kind, ordinary[n]) for n, kind in kinds.items()))
        self._ordinary = np.array([max(value, 1.0) for value in ordinary.values()], dtype=np.float32)
        self.background = self._made_up_customers()
        self._weights = {
            task.name: np.array([task.mock_weights(name) for name in kinds], dtype=np.float32)
            for task in TASKS.values()
        }

    def has(self, name: str) -> bool:
        """Mock mode has every model."""
        return name in self._weights

    def offers(self, name: str) -> tuple[int, ...]:
        """Offer ids in the order of a model's scores; empty for yes and no."""
        return task_named(name).mock_offers

    def scores(self, name: str, encoded: FloatRows) -> FloatRows:
        """Probabilities of a model for encoded float32 (rows, width); shape (rows, outputs)."""
        logits = self._unusual(encoded) @ self._weights[name] + np.float32(task_named(name).mock_bias)
        if not self.offers(name):
            return (1 / (1 + np.exp(-np.clip(logits, -30, 30)))).astype(np.float32)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def _made_up_customers(self) -> FloatRows:
        """Around the ordinary one."""
        generator = np.random.default_rng(0)
        rows = self._ordinary * generator.lognormal(0.0, 0.8, (_BACKGROUND_ROWS, len(self._ordinary)))
        for position, feature in enumerate(self.contract.inputs):
            if feature.kind == "boolean":
                rows[:, position] = generator.integers(0, 2, _BACKGROUND_ROWS)
            elif feature.kind == "text":
                rows[:, position] = 1  # the slot "other", the only one without training
        return rows.astype(np.float32)

    def _unusual(self, encoded: FloatRows) -> FloatRows:
        """Each feature between -1.5 and 0.5, 0 where it is ordinary."""
        return encoded / (np.abs(encoded) + self._ordinary) - np.float32(0.5)


def _ordinary(name: str) -> float:
    return _ORDINARY.get(name, _ORDINARY_ELSE)
