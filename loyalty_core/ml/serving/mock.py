"""Mock mode: believable predictions by formula, for demonstrations before anything was trained.

The same features always give the same predictions. Nothing is read from disk.
"""

from collections.abc import Mapping
from zlib import crc32

import numpy as np
import numpy.typing as npt

from loyalty_core.ml.features import FeatureContract, FeatureKind, InputFeature

FloatRows = npt.NDArray[np.float32]

MOCK_VERSION = "mock"
OFFERS = (1, 2, 3, 4, 5, 6, 7, 8)

# What is ordinary for a shop's customer, by the guide's feature names; stands in for the training median.
_ORDINARY = {
    "revenue": 500.0,
    "transaction_count": 12.0,
    "days_since_last": 45.0,
    "avg_transaction_value": 40.0,
    "lifetime_value": 900.0,
}
_ORDINARY_ELSE = 10.0

# Weights of the churn formula; silence drives churn, habit and money hold it back.
_CHURN_WEIGHTS = {
    "days_since_last": 7.0,
    "transaction_count": -3.0,
    "revenue": -1.5,
    "lifetime_value": -1.0,
    "avg_transaction_value": -0.5,
}
_CHURN_BIAS = -1.2
_OFFER_SPREAD = 4.0
_BACKGROUND_ROWS = 32


class MockModels:
    """Answers like a `Bundle`, for the mapped features of any warehouse."""

    version: str = MOCK_VERSION
    is_mock: bool = True
    offers: tuple[int, ...] = OFFERS

    def __init__(self, kinds: Mapping[str, FeatureKind]) -> None:
        """`kinds` says how each mapped feature is read."""
        ordinary = {name: 0.0 if kind == "boolean" else _ordinary(name) for name, kind in kinds.items()}
        self.contract = FeatureContract(tuple(InputFeature(n, kind, ordinary[n]) for n, kind in kinds.items()))
        self._ordinary = np.array([max(value, 1.0) for value in ordinary.values()], dtype=np.float32)
        self.background = self._made_up_customers()
        self._churn_weights = np.array([_churn_weight(name) for name in kinds], dtype=np.float32)
        self._offer_weights = np.array([_offer_weights(name) for name in kinds], dtype=np.float32)

    def churn_probabilities(self, encoded: FloatRows) -> FloatRows:
        """Probability of churn for encoded float32 (rows, width); shape (rows,)."""
        logits = self._unusual(encoded) @ self._churn_weights + np.float32(_CHURN_BIAS)
        return (1 / (1 + np.exp(-np.clip(logits, -30, 30)))).astype(np.float32)

    def offer_scores(self, encoded: FloatRows) -> FloatRows:
        """Probability of each offer for encoded float32 (rows, width); shape (rows, offers)."""
        utilities = self._unusual(encoded) @ self._offer_weights
        odds = np.exp(utilities - utilities.max(axis=1, keepdims=True))
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


def _churn_weight(name: str) -> float:
    return _CHURN_WEIGHTS.get(name, 2 * _fraction(name) - 1)


def _offer_weights(name: str) -> list[float]:
    return [_OFFER_SPREAD * (2 * _fraction(f"{name}/{offer}") - 1) for offer in OFFERS]


def _fraction(text: str) -> float:
    """A number from 0 to 1 that belongs to the text, the same in every process."""
    return crc32(text.encode()) / 0xFFFFFFFF
