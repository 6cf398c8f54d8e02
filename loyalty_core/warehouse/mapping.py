"""ML_FEATURE_MAPPING against the columns of a table: which column each feature is read from."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from loyalty_core.errors import LoyaltyError
from loyalty_core.warehouse.columns.labels import label_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# Below these a column is not suggested: a revenue is not a tenure, although both have seven letters or so in common.
_MIN_SPELLING, _MIN_SHARED_WORDS = 0.8, 0.5


class MappingError(LoyaltyError):
    """ML_FEATURE_MAPPING names a column that does not exist, or one that no model can read."""

    code = "bad_mapping"


@dataclass(frozen=True)
class MappedFeature:
    """One line of the mapping against a table: `column` is None when no candidate exists."""

    name: str
    column: str | None
    candidates: tuple[str, ...]
    _present: Sequence[str] = field(default=(), compare=False, repr=False)

    @cached_property
    def nearest(self) -> str | None:
        """The column of the table that is probably meant where no candidate exists.

        Found when it is asked for: optional columns are resolved for each statement about them.
        """
        return None if self.column else _nearest((*self.candidates, self.name), self._present)


def resolve_mapping(mapping: Mapping[str, str | list[str]], column_names: Iterable[str]) -> list[MappedFeature]:
    """The column of each feature, in the mapping's order: the first candidate that exists, upper or lower case."""
    present = list(column_names)
    any_case = {name.casefold(): name for name in reversed(present)} | {name: name for name in present}
    resolved: list[MappedFeature] = []
    for name, candidates in mapping.items():
        names = (candidates,) if isinstance(candidates, str) else tuple(candidates)
        found = next((any_case[key] for c in names for key in (c, c.casefold()) if key in any_case), None)
        resolved.append(MappedFeature(name, found, names, present))
    return resolved


def required_columns(mapping: Mapping[str, str | list[str]], column_names: Iterable[str], table: str) -> dict[str, str]:
    """Feature → column of `table`; raises `MappingError` with the nearest name for the first that is missing."""
    columns: dict[str, str] = {}
    for feature in resolve_mapping(mapping, column_names):
        if feature.column is None:
            hint = f"; nearest: {feature.nearest}" if feature.nearest else ""
            raise MappingError(
                f"{table} has no column for the feature {feature.name!r} ({' or '.join(feature.candidates)}{hint}).",
                remedy="Correct ML_FEATURE_MAPPING, or add the column in the warehouse.",
            )
        columns[feature.name] = feature.column
    return columns


def _nearest(wanted: Sequence[str], present: Sequence[str]) -> str | None:
    """The column that is most probably meant: misspelt, or named with the same words; None if there is none."""
    likeness = {column: max(_likeness(name, column) for name in wanted) for column in present}
    best = max(likeness, key=lambda column: likeness[column], default=None)
    return best if best is not None and likeness[best] > 0 else None


def _likeness(name: str, column: str) -> float:
    """From 0 to 1; 0 below the thresholds."""
    # Most processes find each feature by its name and compare none.
    from rapidfuzz.distance import OSA  # noqa: PLC0415

    spelling = OSA.normalized_similarity(name.casefold(), column.casefold())
    words, others = _words(name), _words(column)
    shared = len(words & others) / max(1, len(words | others))
    return max(spelling if spelling >= _MIN_SPELLING else 0, shared if shared >= _MIN_SHARED_WORDS else 0)


def _words(name: str) -> set[str]:
    return {word.removesuffix("s") for word in label_of(name).lower().split()}
