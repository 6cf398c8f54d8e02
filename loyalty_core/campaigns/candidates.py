"""Candidates for a campaign: customers as the warehouse gives them, with their place in holdout and variants.

Everything that does not depend on what happened before is worked out here; `decisions` does the rest in the state
store.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, LiteralString

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from loyalty_core.buckets import buckets
from loyalty_core.campaigns.quiet_hours import next_allowed, read_zone
from loyalty_core.store.dialects import StagedTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    import numpy.typing as npt

    from loyalty_core.campaigns.definition import Definition
    from loyalty_core.store.dialects import Dialect

# Of a position; 1 is a hundredth of a percent.
POSITIONS = 10_000
# Distinct time zones whose due time is cached; there are some 600 readable ones.
_MAX_ZONES = 10_000

_COLUMNS: tuple[tuple[LiteralString, LiteralString], ...] = (
    # The first, so that of rows with the same id one without consent counts.
    ("has_consent", "INTEGER"),
    ("is_included", "INTEGER"),
    ("reach", "INTEGER"),
    ("preferred", "INTEGER"),
    ("offer_id", "BIGINT"),
    ("churn_probability", "DOUBLE PRECISION"),
    ("position", "INTEGER"),
    ("variant", "INTEGER"),
    ("due", "INTEGER"),
    ("bad_zone", "INTEGER"),
)
CANDIDATES = StagedTable("staged_candidates", _COLUMNS, numbered=True)
# With a budget, chance decides who gets the messages, but the same chance each time.
CANDIDATES_BY_POSITION = StagedTable("staged_candidates", _COLUMNS, order="position, customer_id", numbered=True)

_TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "INTEGER": sa.Integer(),
    "BIGINT": sa.BigInteger(),
    "DOUBLE PRECISION": sa.Double(),
}
STAGED_CANDIDATES = sa.Table(
    CANDIDATES.name,
    sa.MetaData(),
    sa.Column("place", sa.BigInteger, primary_key=True),
    sa.Column("customer_id", sa.String),
    *(sa.Column(name, _TYPES[kind]) for name, kind in _COLUMNS),
)
# As the warehouse gives them; the other columns are worked out here.
_READ = (
    "customer_id",
    "has_consent",
    "is_included",
    "reach",
    "preferred",
    "offer_id",
    "churn_probability",
)


@dataclass(frozen=True)
class Candidate:
    """A customer who may enter a campaign, as the warehouse has them.

    `reach` has bit i where the i-th channel of the campaign can reach the customer; `preferred` is the number of the
    channel that they prefer. `is_included` is false for members of an excluded segment. `conversions` are the
    probabilities by which the best offer was chosen, where they were predicted for the event.
    """

    customer_id: str
    is_included: bool
    has_consent: bool
    reach: int
    preferred: int | None
    time_zone: str | None
    offer_id: int | None
    churn_probability: float | None
    conversions: Mapping[int, float | None] | None = None

    def with_churn(self, probability: float | None) -> Candidate:
        """The candidate with that churn probability, where there is one."""
        return self if probability is None else replace(self, churn_probability=probability)

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Candidate:
        """The candidate in a row of the audience."""
        return cls(
            customer_id=row["customer_id"],
            is_included=bool(row["is_included"]),
            has_consent=bool(row["has_consent"]),
            reach=int(row["reach"]),
            preferred=None if row["preferred"] is None else int(row["preferred"]),
            time_zone=row["time_zone"],
            offer_id=None if row["offer_id"] is None else int(row["offer_id"]),
            churn_probability=row["churn_probability"],
        )


@dataclass
class Placing:
    """Places candidates: into holdout and variants by hash, and into groups with the same due time.

    `due_times` has the due time of each group; group 0 is sent at once.
    """

    definition: Definition
    salt: str
    now: datetime
    zone: ZoneInfo
    due_times: list[datetime] = field(default_factory=list)
    _zones: dict[str | None, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.due_times.append(self.now)

    def columns(self, batches: Iterable[pa.RecordBatch]) -> Iterator[Mapping[str, Sequence[Any]]]:
        """The batches of an audience as columns to be staged."""
        for batch in batches:
            if batch.num_rows:
                yield self._placed({name: batch.column(name).to_pylist() for name in batch.schema.names})

    def relation(self, candidates: Sequence[Candidate], dialect: Dialect) -> sa.FromClause:
        """Some candidates as a relation with the columns of `STAGED_CANDIDATES`."""
        placed = self._placed({name: [getattr(one, name) for one in candidates] for name in (*_READ, "time_zone")})
        rows = [
            tuple(int(one) if isinstance(one, bool) else one for one in row)
            for row in zip(*placed.values(), strict=True)
        ]
        return dialect.given([STAGED_CANDIDATES.c[name] for name in placed], rows).cte("candidates")

    def _placed(self, read: Mapping[str, list[Any]]) -> dict[str, Sequence[Any]]:
        ids = pa.array(read["customer_id"], pa.string())
        positions = (buckets(self.salt, ids) * POSITIONS).astype(np.int64).tolist()
        due = [self._due(name) for name in read["time_zone"]]
        return {
            **{name: read[name] for name in _READ},
            "position": positions,
            "variant": self._variants(ids).tolist(),
            "due": [group for group, _ in due],
            "bad_zone": [is_bad for _, is_bad in due],
        }

    def _variants(self, ids: pa.Array) -> npt.NDArray[np.int64]:
        """The number of each customer's variant, by shares."""
        ends = np.cumsum([variant.share for variant in self.definition.variants])
        found = np.searchsorted(ends, buckets(f"{self.salt}/variant", ids) * 100, side="right")
        return np.minimum(found, len(ends) - 1)

    def _due(self, name: str | None) -> tuple[int, int]:
        """The group of customers in that time zone, and whether it cannot be read; blank is not unreadable."""
        if name not in self._zones:
            zone = read_zone(name) if name else None
            due = next_allowed(self.now, self.definition.quiet_hours, zone or self.zone)
            if len(self._zones) >= _MAX_ZONES:
                self._zones.clear()
            self._zones[name] = self._group(due), int(bool(name) and zone is None)
        return self._zones[name]

    def _group(self, due: datetime) -> int:
        if due <= self.now:
            return 0
        if due not in self.due_times:
            self.due_times.append(due)
        return self.due_times.index(due)

    def expires(self, due: datetime) -> datetime:
        """When a message that is due then is not worth sending any more: the time for conversions is over."""
        return due + timedelta(days=self.definition.conversion.within_days)
