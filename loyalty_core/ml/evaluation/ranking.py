"""ROC AUC with numpy alone, so that the app can compute it without loading scikit-learn."""

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
