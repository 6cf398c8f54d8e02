"""The features of a history as columns of numbers, which checks and simple rules work on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loyalty_core.ml.evaluation import Column
from loyalty_core.ml.features import as_arrow, as_numbers, kind_of
from loyalty_core.ml.features.values import FLOAT32_MAX

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt


def read_columns(features: pa.Table) -> tuple[Column, ...]:
    """Every feature, with texts as the numbers of their categories; empty texts are blank."""
    return tuple(_column(name, as_arrow(features[name])) for name in features.column_names)


def category_names(column: pa.ChunkedArray) -> Sequence[str]:
    """The texts behind the numbers that `read_columns` gives a column of texts."""
    return _encoded(as_arrow(column)).dictionary.to_pylist()


def customer_numbers(customers: pa.Array | None, rows: int) -> npt.NDArray[np.intp]:
    """A number for the customer of each row; every row without a customer gets its own."""
    if customers is None:
        return np.arange(rows)
    codes = customers.dictionary_encode().indices
    numbers = codes.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.intp)
    numbers = np.where(numbers < 0, rows + np.arange(rows), numbers)
    return np.unique(numbers, return_inverse=True)[1]


def _column(name: str, values: pa.Array) -> Column:
    if kind_of(name, values.type) != "text":
        numbers = np.asarray(as_numbers(name, values), dtype=np.float64)
        return Column(name, np.where(np.abs(numbers) <= FLOAT32_MAX, numbers, np.nan))
    encoded = _encoded(values)
    empty = [place for place, text in enumerate(encoded.dictionary.to_pylist()) if not text]
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    return Column(name, np.where(np.isin(codes, [-1, *empty]), np.nan, codes.astype(np.float64)), is_text=True)


def _encoded(values: pa.Array) -> pa.DictionaryArray:
    return values.cast(pa.string()).dictionary_encode()
