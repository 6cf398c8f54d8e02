"""A warehouse whose viewer may see every customer and every value."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy as sa


class Unrestricted:
    """What a viewer may see: everything. `RestrictedWarehouse` answers each of these in its own way."""

    @property
    def has_scope(self) -> bool:
        """Whether the viewer sees a part of the customers only."""
        return False

    def require_every_customer(self, what: str) -> None:
        """Raise `NeedsEveryCustomer` where the viewer sees a part of the customers only; `what` begins the sentence."""

    @property
    def smallest_group(self) -> int:
        """The size from which groups of customers are shown; 0 where groups of any size, and single customers, are."""
        return 0

    def require_rows(self) -> None:
        """Raise `GroupsOnly` where the viewer sees groups, and no customers one by one."""

    def require_group(self, customers: int, base: int) -> None:
        """Raise `GroupTooSmall` where the viewer does not see a group of so many of the base, or what it leaves."""

    @property
    def hidden(self) -> frozenset[str]:
        """Names of the columns of the features view whose values the viewer may not see."""
        return frozenset()

    @property
    def masked(self) -> frozenset[str]:
        """Names of the columns of `features` that have a mask in place of their values."""
        return frozenset()

    def in_scope(self, relation: sa.FromClause) -> sa.FromClause:
        """The rows that the viewer may see, of a relation whose column `customer_id` has the ids of customers."""
        return relation
