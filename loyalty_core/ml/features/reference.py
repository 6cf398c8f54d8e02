"""What the features were like when a version was trained: stored in its manifest, to be compared with later days.

Training rows are counted from memory. The features view is counted in SQL, by the statement that counts it again
whenever drift is looked at, so that both counts mean the same.
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
from loyalty_core.ml.features.contract import as_arrow, as_numbers
from loyalty_core.ml.features.drift import Bins, Spread
from loyalty_core.warehouse.mapping import required_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from loyalty_core.ml.features.contract import FeatureContract, InputFeature
    from loyalty_core.warehouse import Warehouse
    from loyalty_core.warehouse.connection import Row

_QUANTILES = np.arange(1, 10) / 10
# What float32 cannot hold is a blank to the models.
_LARGEST = float(np.finfo(np.float32).max)
# PostgreSQL allows 1,664 expressions in a SELECT, and a text takes up to 52.
_FEATURES_PER_STATEMENT = 30
_BOOLEAN_EDGE = 0.5


@dataclass(frozen=True)
class Reference:
    """`training` is model → feature → its training rows, `base` feature → the customers of the features view.

    `base` is empty where the view could not be counted. `columns` is feature → column of the view as it was then,
    `counted_at` when that was (UTC).
    """

    bins: Mapping[str, Bins]
    training: Mapping[str, Mapping[str, Spread]]
    base: Mapping[str, Spread]
    columns: Mapping[str, str]
    counted_at: datetime

    def to_json(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "counted_at": self.counted_at.isoformat(timespec="seconds"),
            "columns": dict(self.columns),
            "bins": {name: asdict(bins) for name, bins in self.bins.items()},
            "training": {model: _spreads_json(spreads) for model, spreads in self.training.items()},
            "base": _spreads_json(self.base),
        }

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Reference | None:
        """The reference in a manifest; None in one that was written before there were any."""
        stored = manifest.get("reference")
        if not stored:
            return None
        return cls(
            bins={
                name: Bins(one["kind"], tuple(one["edges"]), tuple(one["categories"]))
                for name, one in stored["bins"].items()
            },
            training={model: _spreads_from_json(spreads) for model, spreads in stored["training"].items()},
            base=_spreads_from_json(stored["base"]),
            columns=stored["columns"],
            counted_at=datetime.fromisoformat(stored["counted_at"]),
        )


def make_reference(
    warehouse: Warehouse,
    contract: FeatureContract,
    tables: Mapping[str, pa.Table],
    carried: Mapping[str, Any],
) -> Reference:
    """Count training rows and features view for a new version; never raises for a view that cannot be counted.

    `tables` are the training rows by model, columns by feature name. `carried` is the manifest of the version whose
    other model is carried over, empty without one: that model's rows are no longer available, so its bins and counts
    are taken from there.
    """
    before = Reference.of(carried)
    bins = before.bins if before else fit_bins(contract, list(tables.values()))
    training = {model: count_table(bins, table) for model, table in tables.items()}
    if before:
        training = {**before.training, **training}
    columns, base = _count_view(warehouse, bins)
    return Reference(bins, training, base, columns, datetime.now(UTC))


def fit_bins(contract: FeatureContract, tables: Sequence[pa.Table]) -> dict[str, Bins]:
    """Bins by feature: tenths of the rows for numbers, the contract's categories for texts."""
    return {feature.name: _fit_bins(feature, [table[feature.name] for table in tables]) for feature in contract.inputs}


def count_table(bins: Mapping[str, Bins], table: pa.Table) -> dict[str, Spread]:
    """The rows of a table by bin; columns by feature name."""
    return {name: _count_column(name, one, table[name]) for name, one in bins.items()}


def count_rows(
    warehouse: Warehouse, rows: sa.FromClause, columns: Mapping[str, str], bins: Mapping[str, Bins]
) -> dict[str, Spread]:
    """The rows of a relation by bin, counted in one statement of aggregates (one for each 30 features).

    `columns` is feature → column of `rows`. A feature whose column cannot hold its kind of values is left out.
    """
    values = {
        name: value for name, column in columns.items() if (value := _value(rows.c[column], bins[name])) is not None
    }
    names = list(values)
    found: dict[str, Spread] = {}
    for start in range(0, len(names), _FEATURES_PER_STATEMENT):
        part = names[start : start + _FEATURES_PER_STATEMENT]
        wanted = [one for place, name in enumerate(part) for one in _aggregates(place, values[name], bins[name])]
        (row,) = warehouse.rows(sa.select(sa.func.count().label("rows"), *wanted).select_from(rows))
        found |= {name: _spread(place, row, bins[name]) for place, name in enumerate(part)}
    return found


def _count_view(warehouse: Warehouse, bins: Mapping[str, Bins]) -> tuple[dict[str, str], dict[str, Spread]]:
    """A training goes on without the view: it needs the history alone."""
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
    return Bins("number", _tenths(numbers[~np.isnan(numbers)]))


def _tenths(numbers: npt.NDArray[np.float64]) -> tuple[float, ...]:
    """Edges between tenths of the numbers, each but once, and none with nothing below it."""
    if not len(numbers):
        return ()
    lowest, highest = numbers.min(), numbers.max()
    edges = np.unique(np.quantile(numbers, _QUANTILES, method="inverted_cdf"))
    edges = edges[edges > lowest]
    return _rounded(edges, lowest, highest) if len(edges) else ()


def _rounded(edges: npt.NDArray[np.float64], lowest: float, highest: float) -> tuple[float, ...]:
    """With three digits, or as few as keep the edges apart: they are read by people."""
    for digits in range(3, 17):
        shown = [float(f"{edge:.{digits}g}") for edge in edges]
        if lowest < shown[0] and shown[-1] <= highest and all(low < high for low, high in pairwise(shown)):
            return tuple(shown)
    return tuple(edges.tolist())


def _count_column(name: str, bins: Bins, column: pa.ChunkedArray) -> Spread:
    if bins.kind == "text":
        text = pc.fill_null(as_arrow(column).cast(pa.string()), "")
        known = pa.array(["", *bins.categories], type=text.type)
        found = pc.index_in(text, value_set=known)  # pyright: ignore[reportAttributeAccessIssue]
        slots = pc.fill_null(found, len(known)).to_numpy(zero_copy_only=False)
        blank, *counts = np.bincount(slots, minlength=len(known) + 1).tolist()
        return Spread((*counts, blank))
    numbers = _numbers(name, column)
    values = numbers[~np.isnan(numbers)]
    counts = np.bincount(np.searchsorted(bins.edges, values, side="right"), minlength=len(bins.edges) + 1).tolist()
    return Spread((*counts, len(numbers) - len(values)), float(values.mean()) if len(values) else None)


def _numbers(name: str, column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    numbers = as_numbers(name, as_arrow(column))
    return np.where(np.abs(numbers) <= _LARGEST, numbers, np.nan)


def _value(column: sa.ColumnElement[Any], bins: Bins) -> sa.ColumnElement[Any] | None:
    """What is sorted into the bins, NULL for every blank; None where the column's type does not fit."""
    if bins.kind == "text":
        return sa.func.nullif(sa.cast(column, sa.Text), "")
    if isinstance(column.type, sa.Boolean):
        return sa.case((column.is_(sa.true()), 1.0), (column.is_(sa.false()), 0.0))
    if not isinstance(column.type, sa.Integer | sa.Numeric | sa.Float):
        return None
    number = sa.cast(column, sa.Double)
    # NaN is above every number in SQL, so it is left out as well; whole numbers need no look.
    return number if isinstance(column.type, sa.Integer) else sa.case((number.between(-_LARGEST, _LARGEST), number))


def _aggregates(place: int, value: sa.ColumnElement[Any], bins: Bins) -> Iterator[sa.ColumnElement[Any]]:
    yield sa.func.count(value).label(f"filled_{place}")
    if bins.kind == "text":
        conditions = [value == category for category in bins.categories]
    else:
        yield sa.func.avg(value).label(f"mean_{place}")
        conditions = [value < sa.literal(edge, sa.Double) for edge in bins.edges]
    for number, condition in enumerate(conditions):
        yield sa.func.count(sa.case((condition, 1))).label(f"bin_{place}_{number}")


def _spread(place: int, row: Row, bins: Bins) -> Spread:
    values = row[f"filled_{place}"]
    blank = row["rows"] - values
    if bins.kind == "text":
        counts = [row[f"bin_{place}_{number}"] for number in range(len(bins.categories))]
        return Spread((*counts, values - sum(counts), blank))
    below = [0, *(row[f"bin_{place}_{number}"] for number in range(len(bins.edges))), values]
    mean = row[f"mean_{place}"]
    return Spread((*(high - low for low, high in pairwise(below)), blank), None if mean is None else float(mean))


def _spreads_json(spreads: Mapping[str, Spread]) -> dict[str, Any]:
    return {name: {"counts": list(one.counts), "mean": one.mean} for name, one in spreads.items()}


def _spreads_from_json(spreads: Mapping[str, Any]) -> dict[str, Spread]:
    return {name: Spread(tuple(one["counts"]), one["mean"]) for name, one in spreads.items()}
