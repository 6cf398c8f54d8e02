"""What was found by comparing two model versions: on the same test rows, and on today's customers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime  # noqa: TC003 (pydantic reads the annotations)
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter

from loyalty_core.ml.evaluation import Difference  # noqa: TC001 (pydantic reads the annotations)
from loyalty_core.store.version_comparisons import VersionComparisonRecord

if TYPE_CHECKING:
    from loyalty_core.store import StateStore

Side = Literal["version", "against"]
Matrix = list[list[int]]


@dataclass(frozen=True)
class SameRows:
    """One model of both versions on the same newest rows of its history.

    `version` and `against` are metrics as a manifest stores them, `differences` the first less the second.
    `flattered` versions may have learned from some of the rows. `first` and `last` are days, None without dates.
    """

    rows: int
    first: date | None
    last: date | None
    version: dict[str, Any]
    against: dict[str, Any]
    differences: dict[str, Difference]
    flattered: tuple[Side, ...] = ()


@dataclass(frozen=True)
class Shift:
    """How answers change for a segment's customers; without `segment_id`, for all of them.

    `bands` counts customers by churn risk with `against` (outer) and with `version` (inner), both low to high;
    `offers` by best offer in the order of `VersionComparison.offers`. Empty where a version lacks the model.
    `churners` are expected numbers who leave, with `against` and with `version`.
    """

    segment_id: str | None
    name: str
    customers: int
    bands: Matrix
    offers: Matrix
    churners: tuple[float, float] | None

    @property
    def other_band(self) -> int:
        """Customers whose risk band changes."""
        return _off_diagonal(self.bands)

    @property
    def other_offer(self) -> int:
        """Customers whose best offer changes."""
        return _off_diagonal(self.offers)


@dataclass(frozen=True)
class VersionComparison:
    """`same_rows` by model, `shifts` of the base first and then of each segment; `remarks` say what is missing."""

    version: str
    against: str
    compared_at: datetime
    same_rows: dict[str, SameRows]
    shifts: tuple[Shift, ...]
    offers: tuple[int, ...] = ()
    remarks: tuple[str, ...] = ()


_CONTENT = TypeAdapter(VersionComparison)


class VersionComparisons:
    """Stores the latest comparison of each two versions; raises `StateStoreUnavailable` without the database."""

    def __init__(self, store: StateStore) -> None:
        self._store = store

    def keep(self, found: VersionComparison) -> None:
        """Store it in place of an earlier one of the same two."""
        record = VersionComparisonRecord(
            version=found.version,
            against=found.against,
            compared_at=found.compared_at,
            content=_CONTENT.dump_python(found, mode="json"),
        )
        with self._store.session() as session:
            session.merge(record)

    def find(self, version: str, against: str) -> VersionComparison | None:
        """What was found of these two, in this order; None when they were never compared."""
        with self._store.session(read_only=True) as session:
            record = session.get(VersionComparisonRecord, (version, against))
            return _CONTENT.validate_python(record.content) if record else None


def _off_diagonal(counts: Matrix) -> int:
    return sum(sum(row) for row in counts) - sum(row[place] for place, row in enumerate(counts))
