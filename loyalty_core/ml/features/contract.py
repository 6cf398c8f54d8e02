"""The feature contract: which features a model reads, in which order, and how each is encoded as numbers.

Column names differ between the features view and the history tables, so features are identified by their names in
ML_FEATURE_MAPPING (`warehouse.mapping`). Training and serving encode with the same contract.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from loyalty_core.errors import DataError, LoyaltyError
from loyalty_core.ml.features.values import (
    FLOAT32_MAX,
    FeatureKind,
    Values,
    as_arrow,
    as_number,
    as_numbers,
    filled_text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loyalty_core.settings import Settings


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
                remedy=f"Correct {setting}, or train again: loyalty train",
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
                number = as_number(feature.name, value)
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


def _category_indices(feature: InputFeature, column: pa.Array) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    text = filled_text(column)
    known = pa.array(feature.categories, type=text.type)
    found = pc.index_in(text, value_set=known)  # pyright: ignore[reportAttributeAccessIssue]
    indices = pc.fill_null(found, len(feature.categories)).to_numpy(zero_copy_only=False)
    return indices.astype(np.intp), text.to_numpy(zero_copy_only=False) == ""


def _input_from_json(entry: dict[str, Any]) -> InputFeature:
    if entry["kind"] not in get_args(FeatureKind):
        raise ValueError(f"unknown kind {entry['kind']!r}")
    categories = tuple(str(category) for category in entry["categories"])
    flags_blanks = entry.get("flags_blanks", False)  # absent from contracts of earlier versions
    if not isinstance(flags_blanks, bool):
        raise TypeError(f"flags_blanks is {flags_blanks!r}")
    return InputFeature(str(entry["name"]), entry["kind"], float(entry["median"]), categories, flags_blanks)
