"""The results of comparing two model versions: on the same test rows, and on today's customers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime  # noqa: TC003 (pydantic reads the annotations)
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.evaluation import Difference  # noqa: TC001 (pydantic reads the annotations)
from loyalty_core.store.version_comparisons import VersionComparisonRecord
from loyalty_core.warehouse.identity import NO_DATA

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.store import StateStore
    from loyalty_core.warehouse.identity import DataIdentity

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
    """`same_rows` by model, `shifts` of the base first and then of each segment; `remarks` say what is missing.

    `data_changed` says whether the data has changed since; a new comparison is of the data as it is now.
    """

    version: str
    against: str
    compared_at: datetime
    same_rows: dict[str, SameRows]
    shifts: tuple[Shift, ...]
    offers: tuple[int, ...] = ()
    remarks: tuple[str, ...] = ()
    data_changed: bool = False


_CONTENT = TypeAdapter(VersionComparison)


class VersionComparisons:
    """Stores the latest comparison of each two versions; raises `StateStoreUnavailable` without the database.

    One that was made on other data does not exist for this warehouse.
    """

    def __init__(self, store: StateStore, identity: Callable[[], DataIdentity]) -> None:
        self._store = store
        self._find_identity = identity

    def save(self, found: VersionComparison) -> None:
        """Store it in place of an earlier comparison of the same two."""
        identity = self._identity()
        record = VersionComparisonRecord(
            version=found.version,
            against=found.against,
            compared_at=found.compared_at,
            content=_CONTENT.dump_python(found, mode="json", exclude={"data_changed"}),
            data=identity.key,
            data_state=identity.state or None,
        )
        with self._store.session() as session:
            session.merge(record)

    def find(self, version: str, against: str) -> VersionComparison | None:
        """The comparison of these two, in this order; None when they were never compared on this data."""
        identity = self._identity()
        with self._store.session(read_only=True) as session:
            record = session.get(VersionComparisonRecord, (version, against))
            if record is None or not identity.owns(record.data):
                return None
            found = _CONTENT.validate_python(record.content)
            return replace(found, data_changed=identity.has_changed_since(record.data_state))

    def _identity(self) -> DataIdentity:
        """That of the data whatever the mode, since no comparison has mock predictions; in an outage, of no data."""
        try:
            return replace(self._find_identity(), is_mock=False)
        except LoyaltyError:
            return NO_DATA


class NoComparisons(VersionComparisons):
    """What a viewer with a scope finds: nothing, since comparisons count the customers of the whole base."""

    def find(self, version: str, against: str) -> VersionComparison | None:
        """None."""
        del version, against
        return None


def _off_diagonal(counts: Matrix) -> int:
    return sum(sum(row) for row in counts) - sum(row[place] for place, row in enumerate(counts))
