"""How much each feature moves one prediction: Shapley values of the model itself.

The value of a coalition of features is the mean prediction when these features are the customer's own and the
others come from background rows, which are training rows ("interventional" Shapley values: Lundberg & Lee 2017,
Janzing et al. 2020). With up to ten features every coalition is asked, so the values are exact. With more,
they are means over permutations with a fixed seed, each taken forwards and backwards (Mitchell et al. 2022).
Either way they add up to the prediction minus the base, which is the mean prediction of the background.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb

import numpy as np
import numpy.typing as npt

FloatRows = npt.NDArray[np.float32]
Predict = Callable[[FloatRows], npt.NDArray[np.floating]]

MAX_FEATURES_EXACT = 10
_PERMUTATIONS = 32
_NUMBERS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Explanation:
    """`contributions` (features,) add up to `prediction` − `base`; all are probabilities."""

    base: float
    prediction: float
    contributions: npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Plan:
    """Coalitions to ask, bool (coalitions, features), the first empty, the last full.

    `weights` (features, coalitions) times their values gives the Shapley values.
    """

    coalitions: npt.NDArray[np.bool_]
    weights: npt.NDArray[np.float64]


def explain(
    predict: Predict,
    row: FloatRows,
    background: FloatRows,
    slices: Sequence[slice],
    max_exact: int = MAX_FEATURES_EXACT,
) -> Explanation:
    """Explain the prediction for one customer.

    `predict` takes encoded rows (n, width) and gives (n,); `row` is (1, width), `background` (rows, width);
    `slices` says which columns belong to which feature. The values are exact for up to `max_exact` features.
    """
    plan = _plan(len(slices), exact=len(slices) <= max_exact)
    values = _coalition_values(predict, row, background, _columns(plan.coalitions, slices))
    return Explanation(float(values[0]), float(values[-1]), plan.weights @ values)


def _coalition_values(
    predict: Predict, row: FloatRows, background: FloatRows, own: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Mean prediction per coalition; `own` is bool (coalitions, width)."""
    values = np.empty(len(own))
    step = max(1, _NUMBERS_AT_ONCE // background.size)
    for start in range(0, len(own), step):
        mixed = np.where(own[start : start + step, np.newaxis, :], row, background)
        predictions = predict(mixed.reshape(-1, background.shape[1]))
        values[start : start + step] = predictions.reshape(-1, len(background)).mean(axis=1, dtype=np.float64)
    return values


def _columns(coalitions: npt.NDArray[np.bool_], slices: Sequence[slice]) -> npt.NDArray[np.bool_]:
    return np.repeat(coalitions, [place.stop - place.start for place in slices], axis=1)


@lru_cache(maxsize=32)
def _plan(features: int, *, exact: bool) -> _Plan:
    return _all_coalitions(features) if exact else _sampled_permutations(features)


def _all_coalitions(features: int) -> _Plan:
    numbers = np.arange(2**features)
    coalitions = (numbers[:, np.newaxis] >> np.arange(features) & 1).astype(bool)
    sizes = coalitions.sum(axis=1)
    joining = np.array([1 / (features * comb(features - 1, size)) for size in range(features)])
    inside, outside = joining[sizes - 1], np.append(joining, 0.0)[sizes]
    return _Plan(coalitions, np.where(coalitions.T, inside, -outside))


def _sampled_permutations(features: int) -> _Plan:
    """Along each permutation the features join one by one; a feature's value is what its joining changes."""
    generator = np.random.default_rng(0)
    coalitions: list[npt.NDArray[np.bool_]] = []
    weights: list[npt.NDArray[np.float64]] = []
    for _ in range(_PERMUTATIONS // 2):
        permutation = generator.permutation(features)
        for order in (permutation, permutation[::-1]):
            rank = np.argsort(order)
            sizes = np.arange(features + 1)[:, np.newaxis]
            coalitions.append(rank < sizes)
            weights.append((rank == sizes - 1).T.astype(float) - (rank == sizes).T)
    distinct, position = np.unique(np.concatenate(coalitions), axis=0, return_inverse=True)
    summed = np.zeros((features, len(distinct)))
    np.add.at(summed.T, position, np.concatenate(weights, axis=1).T / _PERMUTATIONS)
    return _Plan(distinct, summed)
