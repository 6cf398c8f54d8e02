"""The distribution of each feature when a version was trained: stored in its manifest as the reference for drift.

Training rows are counted in memory. The features view is counted in SQL, by the same statement that counts it later to
measure drift, so that both counts are comparable.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.features.drift import Bins, Distribution
from loyalty_core.ml.features.values import FLOAT32_MAX, as_arrow, as_numbers
from loyalty_core.warehouse.mapping import required_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from loyalty_core.ml.features.contract import FeatureContract, InputFeature
    from loyalty_core.warehouse import Warehouse
    from loyalty_core.warehouse.connection import Row

_QUANTILES = np.arange(1, 10) / 10
# PostgreSQL allows 1,664 expressions in a SELECT, and a text feature takes up to 52.
_FEATURES_PER_STATEMENT = 30
_BOOLEAN_EDGE = 0.5


@dataclass(frozen=True)
class Reference:
    """`training`: model → feature → distribution of its training rows. `base`: feature → that of the features view.

    `base` is empty when the view could not be counted. `columns` maps features to the columns of the view at that time,
    `counted_at` (UTC).
    """

    bins: Mapping[str, Bins]
    training: Mapping[str, Mapping[str, Distribution]]
    base: Mapping[str, Distribution]
    columns: Mapping[str, str]
    counted_at: datetime

    def to_json(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "counted_at": self.counted_at.isoformat(timespec="seconds"),
            "columns": dict(self.columns),
            "bins": {name: asdict(bins) for name, bins in self.bins.items()},
            "training": {model: _distributions_json(features) for model, features in self.training.items()},
            "base": _distributions_json(self.base),
        }

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Reference | None:
        """The reference in a manifest; None in manifests without one."""
        stored = manifest.get("reference")
        if not stored:
            return None
        return cls(
            bins={
                name: Bins(one["kind"], tuple(one["edges"]), tuple(one["categories"]))
                for name, one in stored["bins"].items()
            },
            training={model: _distributions_from_json(features) for model, features in stored["training"].items()},
            base=_distributions_from_json(stored["base"]),
            columns=stored["columns"],
            counted_at=datetime.fromisoformat(stored["counted_at"]),
        )


def make_reference(
    warehouse: Warehouse,
    contract: FeatureContract,
    tables: Mapping[str, pa.Table],
    carried: Mapping[str, Any],
) -> Reference:
    """Count training rows and features view for a new version; a view that cannot be counted is left out.

    `tables` are the training rows by model, with columns by feature name. `carried` is the manifest of the version from
    which another model is carried over, empty without one: the rows of that model are no longer available, so its bins
    and counts are taken from the manifest.
    """
    before = Reference.of(carried)
    bins = before.bins if before else fit_bins(contract, list(tables.values()))
    training = {model: count_table(bins, table) for model, table in tables.items()}
    if before:
        training = {**before.training, **training}
    columns, base = _count_view(warehouse, bins)
    return Reference(bins, training, base, columns, datetime.now(UTC))


def fit_bins(contract: FeatureContract, tables: Sequence[pa.Table]) -> dict[str, Bins]:
    """Bins by feature: deciles of the rows for numbers, the contract's categories for texts."""
    return {feature.name: _fit_bins(feature, [table[feature.name] for table in tables]) for feature in contract.inputs}


def count_table(bins: Mapping[str, Bins], table: pa.Table) -> dict[str, Distribution]:
    """The distribution of each feature in a table with columns by feature name."""
    return {name: _count_column(name, one, table[name]) for name, one in bins.items()}


def count_rows(
    warehouse: Warehouse, rows: sa.FromClause, columns: Mapping[str, str], bins: Mapping[str, Bins]
) -> dict[str, Distribution]:
    """The distribution of each feature over a relation, in one statement of aggregates per 30 features.

    `columns` maps features to columns of `rows`. A feature whose column has an unsuitable type is left out.
    """
    values = {
        name: value for name, column in columns.items() if (value := _value(rows.c[column], bins[name])) is not None
    }
    names = list(values)
    found: dict[str, Distribution] = {}
    for start in range(0, len(names), _FEATURES_PER_STATEMENT):
        part = names[start : start + _FEATURES_PER_STATEMENT]
        wanted = [one for index, name in enumerate(part) for one in _aggregates(index, values[name], bins[name])]
        (row,) = warehouse.rows(sa.select(sa.func.count().label("rows"), *wanted).select_from(rows))
        found |= {name: _distribution(index, row, bins[name]) for index, name in enumerate(part)}
    return found


def _count_view(warehouse: Warehouse, bins: Mapping[str, Bins]) -> tuple[dict[str, str], dict[str, Distribution]]:
    """Training goes on without the view: it only needs the history."""
    settings = warehouse.settings
    try:
        view = warehouse.features
        columns = required_columns(settings.ml_feature_mapping, view.columns.keys(), view.name)
        return columns, count_rows(warehouse, view, columns, bins)
    except LoyaltyError:
        return {}, {}


def _fit_bins(feature: InputFeature, columns: Sequence[pa.ChunkedArray]) -> Bins:
    if feature.kind == "text":
        return Bins("text", categories=tuple(category for category in feature.categories if category))
    if feature.kind == "boolean":
        return Bins("boolean", (_BOOLEAN_EDGE,))
    numbers = np.concatenate([_numbers(feature.name, column) for column in columns])
    return Bins("number", _decile_edges(numbers[~np.isnan(numbers)]))


def _decile_edges(numbers: npt.NDArray[np.float64]) -> tuple[float, ...]:
    """The distinct edges between deciles, without any that has no number below it."""
    if not len(numbers):
        return ()
    lowest, highest = numbers.min(), numbers.max()
    edges = np.unique(np.quantile(numbers, _QUANTILES, method="inverted_cdf"))
    edges = edges[edges > lowest]
    return _rounded(edges, lowest, highest) if len(edges) else ()


def _rounded(edges: npt.NDArray[np.float64], lowest: float, highest: float) -> tuple[float, ...]:
    """Rounded for display to three significant digits, or as many as keep the edges distinct."""
    for digits in range(3, 17):
        shown = [float(f"{edge:.{digits}g}") for edge in edges]
        if lowest < shown[0] and shown[-1] <= highest and all(low < high for low, high in pairwise(shown)):
            return tuple(shown)
    return tuple(edges.tolist())


def _count_column(name: str, bins: Bins, column: pa.ChunkedArray) -> Distribution:
    if bins.kind == "text":
        text = pc.fill_null(as_arrow(column).cast(pa.string()), "")
        known = pa.array(["", *bins.categories], type=text.type)
        found = pc.index_in(text, value_set=known)  # pyright: ignore[reportAttributeAccessIssue]
        indices = pc.fill_null(found, len(known)).to_numpy(zero_copy_only=False)
        blank, *counts = np.bincount(indices, minlength=len(known) + 1).tolist()
        return Distribution((*counts, blank))
    numbers = _numbers(name, column)
    values = numbers[~np.isnan(numbers)]
    counts = np.bincount(np.searchsorted(bins.edges, values, side="right"), minlength=len(bins.edges) + 1).tolist()
    return Distribution((*counts, len(numbers) - len(values)), float(values.mean()) if len(values) else None)


def _numbers(name: str, column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    numbers = as_numbers(name, as_arrow(column))
    return np.where(np.abs(numbers) <= FLOAT32_MAX, numbers, np.nan)


def _value(column: sa.ColumnElement[Any], bins: Bins) -> sa.ColumnElement[Any] | None:
    """The value to bin, NULL when blank; None when the column's type is unsuitable."""
    if bins.kind == "text":
        return sa.func.nullif(sa.cast(column, sa.Text), "")
    if isinstance(column.type, sa.Boolean):
        return sa.case((column.is_(sa.true()), 1.0), (column.is_(sa.false()), 0.0))
    if not isinstance(column.type, sa.Integer | sa.Numeric | sa.Float):
        return None
    number = sa.cast(column, sa.Double)
    if isinstance(column.type, sa.Integer):
        return number
    # In SQL, NaN is above every number, so this excludes it as well.
    return sa.case((number.between(-FLOAT32_MAX, FLOAT32_MAX), number))


def _aggregates(index: int, value: sa.ColumnElement[Any], bins: Bins) -> Iterator[sa.ColumnElement[Any]]:
    yield sa.func.count(value).label(f"filled_{index}")
    if bins.kind == "text":
        conditions = [value == category for category in bins.categories]
    else:
        yield sa.func.avg(value).label(f"mean_{index}")
        conditions = [value < sa.literal(edge, sa.Double) for edge in bins.edges]
    for bin_number, condition in enumerate(conditions):
        yield sa.func.count(sa.case((condition, 1))).label(f"bin_{index}_{bin_number}")


def _distribution(index: int, row: Row, bins: Bins) -> Distribution:
    values = row[f"filled_{index}"]
    blank = row["rows"] - values
    if bins.kind == "text":
        counts = [row[f"bin_{index}_{number}"] for number in range(len(bins.categories))]
        return Distribution((*counts, values - sum(counts), blank))
    below = [0, *(row[f"bin_{index}_{number}"] for number in range(len(bins.edges))), values]
    mean = row[f"mean_{index}"]
    return Distribution((*(high - low for low, high in pairwise(below)), blank), None if mean is None else float(mean))


def _distributions_json(distributions: Mapping[str, Distribution]) -> dict[str, Any]:
    return {name: {"counts": list(one.counts), "mean": one.mean} for name, one in distributions.items()}


def _distributions_from_json(content: Mapping[str, Any]) -> dict[str, Distribution]:
    return {name: Distribution(tuple(one["counts"]), one["mean"]) for name, one in content.items()}
