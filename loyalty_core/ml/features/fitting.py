"""Learning a feature contract from training rows: kinds, medians, categories, and which blanks have a slot."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from loyalty_core.ml.features.contract import FeatureContract, InputFeature
from loyalty_core.ml.features.values import FLOAT32_MAX, FeatureKind, as_arrow, as_numbers, filled_text, kind_of
from loyalty_core.warehouse.mapping import MappingError

if TYPE_CHECKING:
    from collections.abc import Sequence


# A rarer category is encoded as "other", and rarer blanks have no slot: a weight learned from so few rows is noise.
_MIN_CATEGORY_ROWS = 10
_MIN_CATEGORY_SHARE = 0.005
_MAX_CATEGORIES = 50


def fit_contract(tables: Sequence[pa.Table]) -> FeatureContract:
    """Learn kinds, medians and categories from the training rows of all histories (columns by feature name)."""
    return FeatureContract(
        tuple(_fit_input(name, [table[name] for table in tables]) for name in tables[0].column_names)
    )


def _fit_input(name: str, columns: Sequence[pa.ChunkedArray]) -> InputFeature:
    kinds: set[FeatureKind] = {
        kind_of(name, column.type) for column in columns if not pa.types.is_null(column.type)
    } or {"number"}
    if len(kinds) > 1:
        raise MappingError(
            f"The feature {name!r} is a {' and a '.join(sorted(kinds))} in different tables.",
            remedy="Give it the same type in the history tables and the features view.",
        )
    kind = kinds.pop()
    if kind == "text":
        return InputFeature(name, kind, categories=_frequent_categories(columns))
    numbers = np.concatenate([as_numbers(name, as_arrow(column)) for column in columns])
    filled = numbers[np.abs(numbers) <= FLOAT32_MAX]
    median = float(np.median(filled)) if len(filled) else 0.0
    return InputFeature(
        name,
        kind,
        float(median >= 0.5) if kind == "boolean" else median,
        flags_blanks=len(filled) > 0 and len(numbers) - len(filled) >= _enough(len(numbers)),
    )


def _frequent_categories(columns: Sequence[pa.ChunkedArray]) -> tuple[str, ...]:
    counts: Counter[str] = Counter()
    for column in columns:
        for entry in filled_text(as_arrow(column)).value_counts().to_pylist():
            counts[entry["values"]] += entry["counts"]
    enough = _enough(counts.total())
    frequent = sorted((item for item in counts.items() if item[1] >= enough), key=lambda item: (-item[1], item[0]))
    return tuple(category for category, _ in frequent[:_MAX_CATEGORIES])


def _enough(rows: int) -> float:
    """How many of these rows a value needs for a slot of its own."""
    return max(_MIN_CATEGORY_ROWS, _MIN_CATEGORY_SHARE * rows)
