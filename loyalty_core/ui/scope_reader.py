"""What the analysis screens read of the customers in scope."""

from dataclasses import dataclass
from typing import Self

from loyalty_core.analytics.scope import Scope, ScopedBase
from loyalty_core.services import get_services
from loyalty_core.ui import cached_reads
from loyalty_core.ui.cached_reads import RuleBasis


@dataclass(frozen=True)
class ScopeReader:
    """Reads a scope for one run of a page and for the reruns of its fragments; a screen's own class adds its figures.

    `basis` is what the figures depend on besides the view. It is part of the key under which they are cached, and read
    once per page run, so that fragments find cached figures without a query.
    """

    base: ScopedBase
    basis: RuleBasis

    @classmethod
    def of(cls, base: ScopedBase) -> Self:
        """Reads the scope as it is now."""
        return cls(base, cached_reads.rule_basis())

    @property
    def segment_id(self) -> str | None:
        """The segment in scope; None for all customers."""
        return self.base.scope.segment_id


def scoped_base(segment_id: str | None) -> ScopedBase:
    """The customers in scope, for a cached function, whose arguments are part of its key."""
    services = get_services()
    return ScopedBase(services.warehouse, services.segmentation, Scope(segment_id))
