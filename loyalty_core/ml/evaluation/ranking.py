"""ROC AUC and average precision with numpy alone: fast for a bootstrap, and without scikit-learn for the app."""

import numpy as np
import numpy.typing as npt


def area_under_curve(scores: npt.NDArray[np.floating], positive: npt.NDArray[np.bool_]) -> float:
    """ROC AUC as the Mann-Whitney statistic, with ties counted half; 0.5 when one class is empty."""
    ones, zeros = int(positive.sum()), int((~positive).sum())
    if not ones or not zeros:
        return 0.5
    _, group, size = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(size) - (size - 1) / 2)[group]
    return float((rank[positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def average_precision(scores: npt.NDArray[np.floating], positive: npt.NDArray[np.bool_]) -> float:
    """The mean precision over the positive rows, each at the threshold of its own score; 0 without any of them."""
    ones = int(positive.sum())
    if not ones:
        return 0.0
    order = np.argsort(-scores)
    ordered, found = scores[order], np.cumsum(positive[order])
    last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)  # of each score, so that ties count together
    new = np.diff(found[last], prepend=0)
    return float((new * found[last] / (last + 1)).sum() / ones)
