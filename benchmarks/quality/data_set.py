"""A data set to measure models on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from loyalty_core.ml.tasks import CHURN, NBO, Labels
from loyalty_core.ml.training.preparation import Prepared
from loyalty_core.ml.training.reading import read_columns
from loyalty_core.ml.training.splitting import Split
from loyalty_core.warehouse.history import History

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class DataSet:
    """Features with one class per row; rows of the same group are never in different parts of a split.

    More than two classes are offers. `attainable` has each row's true probability of class 1 where it is known.
    """

    name: str
    about: str
    features: pa.Table
    classes: npt.NDArray[np.intp]
    groups: npt.NDArray[np.intp]
    attainable: npt.NDArray[np.float64] | None = None

    @property
    def offers(self) -> tuple[int, ...]:
        """The ids of the offers; empty for a binary label."""
        count = int(self.classes.max()) + 1
        return tuple(range(1, count + 1)) if count > 2 else ()

    def prepared(self, split: tuple[Rows, Rows, Rows]) -> Prepared:
        """The data set as `train_model` takes it, with the given training, validation and test rows."""
        history = History(self.name, self.features, pa.array(self.classes), None, pa.array(self.groups))
        task = NBO if self.offers else CHURN
        labels, columns = Labels(self.classes, self.offers), read_columns(self.features)
        return Prepared(task, history, columns, labels, self.groups, Split(*split, "stratified"), ())


def group_copies(features: pa.Table) -> npt.NDArray[np.intp]:
    """A number for each row that rows with the same values share."""
    keys = ["\x1f".join(str(value) for value in row.values()) for row in features.to_pylist()]
    return np.unique(keys, return_inverse=True)[1]
