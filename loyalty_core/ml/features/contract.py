"""The feature contract: which features a model reads, in which order, and how each is encoded as numbers.

Column names differ between the features view and the history tables, so features are identified by their names in
ML_FEATURE_MAPPING (`warehouse.mapping`). Training and serving encode with the same contract.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from loyalty_core.errors import DataError, LoyaltyError
from loyalty_core.warehouse.mapping import MappingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loyalty_core.settings import Settings

FeatureKind = Literal["number", "boolean", "text"]
Values = pa.Array | pa.ChunkedArray | npt.NDArray[Any]

# A rarer category is encoded as "other", and rarer blanks have no slot: a weight learned from so few rows is noise.
_MIN_CATEGORY_ROWS = 10
_MIN_CATEGORY_SHARE = 0.005
_MAX_CATEGORIES = 50
# A number that float32 cannot hold counts as blank. Comparisons with NaN are false, so NaN does too.
FLOAT32_MAX = float(np.finfo(np.float32).max)


class FeatureCountMismatch(LoyaltyError, ValueError):
    """The features found are not those expected."""

    code = "feature_count_mismatch"


def require_input_size(settings: Settings) -> None:
    """Raise `FeatureCountMismatch` when ML_MODEL_INPUT_SIZE is not the number of mapped features."""
    mapped = len(settings.ml_feature_mapping)
    if settings.ml_model_input_size != mapped:
        raise FeatureCountMismatch(
            f"Feature count mismatch: ML_MODEL_INPUT_SIZE is {settings.ml_model_input_size}, "
            f"but ML_FEATURE_MAPPING has {mapped} features.",
            remedy=f"Set ML_MODEL_INPUT_SIZE to {mapped}, or correct ML_FEATURE_MAPPING.",
        )


@dataclass(frozen=True)
class InputFeature:
    """How one feature is encoded, as learned from the training rows.

    `median` replaces a blank number or boolean; with `flags_blanks`, a second slot is 1 where the value is blank, since
    a blank often says something about a customer. A text takes one slot per category and one for "other", which stands
    for rare, unseen and blank values (unless "" is itself a category).
    """

    name: str
    kind: FeatureKind
    median: float = 0.0
    categories: tuple[str, ...] = ()
    flags_blanks: bool = False

    @property
    def width(self) -> int:
        """The number of slots in the encoded vector."""
        return len(self.categories) + 1 if self.kind == "text" else 1 + self.flags_blanks

    @cached_property
    def category_index(self) -> dict[str, int]:
        """Category → its index in `categories`."""
        return {category: index for index, category in enumerate(self.categories)}


@dataclass(frozen=True)
class Encoded:
    """`values`: float32 (rows, width), unscaled. `blanks`: bool (rows, features), True for blank values."""

    values: npt.NDArray[np.float32]
    blanks: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class FeatureContract:
    """The features of a bundle, in order; `encode` returns the vectors that the scaler takes."""

    inputs: tuple[InputFeature, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.inputs)

    @cached_property
    def width(self) -> int:
        """Length of the encoded vector; larger than the number of features when some are texts."""
        return sum(feature.width for feature in self.inputs)

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """The slots of each feature in the encoded vector."""
        ends = np.cumsum([feature.width for feature in self.inputs]).tolist()
        return tuple(slice(end - feature.width, end) for feature, end in zip(self.inputs, ends, strict=True))

    def require(self, names: Sequence[str], setting: str = "ML_FEATURE_MAPPING") -> None:
        """Raise `FeatureCountMismatch` unless `names` are this contract's features, in any order."""
        if set(names) != set(self.names):
            expected, found = ", ".join(self.names), ", ".join(names)
            raise FeatureCountMismatch(
                f"Feature count mismatch: the models were trained on {len(self.names)} features ({expected}), "
                f"but {setting} has {len(names)} ({found}).",
                remedy=f"Correct {setting}, or train again: python train_models_from_dwh.py",
            )

    def encode(self, columns: Mapping[str, Values]) -> Encoded:
        """Encode many customers; `columns` by feature name, all of the same length.

        Accepts integers, decimals, booleans, texts, NULL and NaN. Raises `FeatureCountMismatch` when a feature is
        missing, and `DataError` when a number or boolean feature has other values.
        """
        if missing := [name for name in self.names if name not in columns]:
            raise self._missing(missing, len(columns))
        rows = len(columns[self.names[0]])
        values = np.zeros((rows, self.width), dtype=np.float32)
        blanks = np.zeros((rows, len(self.inputs)), dtype=np.bool_)
        for index, (feature, slots) in enumerate(zip(self.inputs, self.slices, strict=True)):
            column = as_arrow(columns[feature.name])
            if feature.kind == "text":
                categories, blanks[:, index] = _category_indices(feature, column)
                values[np.arange(rows), slots.start + categories] = 1.0
            else:
                numbers = as_numbers(feature.name, column)
                blank = blanks[:, index] = ~(np.abs(numbers) <= FLOAT32_MAX)
                values[:, slots.start] = np.where(blank, feature.median, numbers)
                if feature.flags_blanks:
                    values[:, slots.start + 1] = blank
        return Encoded(values, blanks)

    def encode_row(self, features: Mapping[str, Any]) -> Encoded:
        """Encode one customer from Python values; the same result as `encode`, without its overhead."""
        return self.encode_rows([features])

    def encode_rows(self, rows: Sequence[Mapping[str, Any]]) -> Encoded:
        """`encode_row` for several customers."""
        encoded = [self._encode_row(features) for features in rows]
        values = np.array([values for values, _ in encoded], dtype=np.float32)
        blanks = np.array([blanks for _, blanks in encoded], dtype=np.bool_)
        return Encoded(values.reshape(-1, self.width), blanks.reshape(-1, len(self.inputs)))

    def _encode_row(self, features: Mapping[str, Any]) -> tuple[list[float], list[bool]]:
        if missing := [name for name in self.names if name not in features]:
            raise self._missing(missing, len(features))
        values = [0.0] * self.width
        blanks = [False] * len(self.inputs)
        for index, (feature, slots) in enumerate(zip(self.inputs, self.slices, strict=True)):
            value = features[feature.name]
            if feature.kind == "text":
                text = "" if value is None or value != value else str(value)
                blanks[index] = not text
                values[slots.start + feature.category_index.get(text, len(feature.categories))] = 1.0
            else:
                number = _as_number(feature.name, value)
                blanks[index] = not abs(number) <= FLOAT32_MAX
                values[slots.start] = feature.median if blanks[index] else number
                if feature.flags_blanks:
                    values[slots.start + 1] = blanks[index]
        return values, blanks

    def to_json(self) -> list[dict[str, Any]]:
        """For the manifest."""
        return [asdict(feature) | {"categories": list(feature.categories)} for feature in self.inputs]

    @classmethod
    def from_json(cls, inputs: Any) -> FeatureContract:
        """Read the contract in a manifest; raises `DataError` when it is damaged."""
        try:
            return cls(tuple(_input_from_json(entry) for entry in inputs))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError("The feature contract cannot be read.", f"{type(error).__name__}: {error}.") from None

    def _missing(self, missing: Sequence[str], found: int) -> FeatureCountMismatch:
        return FeatureCountMismatch(
            f"Feature count mismatch: {len(self.names)} features are required, but {found} were given.",
            f"Missing: {', '.join(missing)}.",
            "Check ML_FEATURE_MAPPING against the columns of the warehouse.",
        )


def fit_contract(tables: Sequence[pa.Table]) -> FeatureContract:
    """Learn kinds, medians and categories from the training rows of all histories (columns by feature name)."""
    return FeatureContract(
        tuple(_fit_input(name, [table[name] for table in tables]) for name in tables[0].column_names)
    )


def as_arrow(values: Values) -> pa.Array:
    """Convert to one Arrow array, decoding dictionaries."""
    array = pa.array(values, from_pandas=True) if isinstance(values, np.ndarray) else values
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def as_numbers(name: str, column: pa.Array) -> npt.NDArray[np.float64]:
    """The column as float64 with blanks as NaN; raises `DataError` when it has anything but numbers."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    if pa.types.is_null(column.type) or _is_text(column.type) or _is_numeric(column.type):
        try:
            return column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            pass
    raise _not_a_number(name, f"a column of type {column.type}")


def kind_of(name: str, column_type: pa.DataType) -> FeatureKind:
    """The feature kind of an Arrow type; raises `MappingError` for dates and nested types."""
    if pa.types.is_boolean(column_type):
        return "boolean"
    if _is_numeric(column_type) or pa.types.is_null(column_type):
        return "number"
    if _is_text(column_type) or pa.types.is_dictionary(column_type):
        return "text"
    raise MappingError(
        f"The feature {name!r} is a column of type {column_type}, which models cannot read.",
        remedy="Map a number, boolean or text column; for a date, add the days since it to the view.",
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
        for entry in _filled_text(as_arrow(column)).value_counts().to_pylist():
            counts[entry["values"]] += entry["counts"]
    enough = _enough(counts.total())
    frequent = sorted((item for item in counts.items() if item[1] >= enough), key=lambda item: (-item[1], item[0]))
    return tuple(category for category, _ in frequent[:_MAX_CATEGORIES])


def _enough(rows: int) -> float:
    """How many of these rows a value needs for a slot of its own."""
    return max(_MIN_CATEGORY_ROWS, _MIN_CATEGORY_SHARE * rows)


def _category_indices(feature: InputFeature, column: pa.Array) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    text = _filled_text(column)
    known = pa.array(feature.categories, type=text.type)
    found = pc.index_in(text, value_set=known)  # pyright: ignore[reportAttributeAccessIssue]
    indices = pc.fill_null(found, len(feature.categories)).to_numpy(zero_copy_only=False)
    return indices.astype(np.intp), text.to_numpy(zero_copy_only=False) == ""


def _filled_text(column: pa.Array) -> pa.Array:
    return pc.fill_null(column.cast(pa.string()), "")


def _as_number(name: str, value: Any) -> float:
    try:
        return math.nan if value is None else float(value)
    except (TypeError, ValueError):
        raise _not_a_number(name, repr(value)[:60]) from None


def _not_a_number(name: str, found: str) -> DataError:
    return DataError(
        f"The feature {name!r} should be a number, but is {found}.",
        remedy="Correct the column in the warehouse, or train again if its type was changed intentionally.",
    )


def _input_from_json(entry: dict[str, Any]) -> InputFeature:
    if entry["kind"] not in get_args(FeatureKind):
        raise ValueError(f"unknown kind {entry['kind']!r}")
    categories = tuple(str(category) for category in entry["categories"])
    flags_blanks = entry.get("flags_blanks", False)  # absent from contracts of earlier versions
    if not isinstance(flags_blanks, bool):
        raise TypeError(f"flags_blanks is {flags_blanks!r}")
    return InputFeature(str(entry["name"]), entry["kind"], float(entry["median"]), categories, flags_blanks)


def _is_text(column_type: pa.DataType) -> bool:
    return (
        pa.types.is_string(column_type) or pa.types.is_large_string(column_type) or pa.types.is_string_view(column_type)
    )


def _is_numeric(column_type: pa.DataType) -> bool:
    return pa.types.is_integer(column_type) or pa.types.is_floating(column_type) or pa.types.is_decimal(column_type)
