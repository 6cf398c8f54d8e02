"""What a viewer may see of the warehouse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loyalty_core.access import Action

if TYPE_CHECKING:
    from loyalty_core.access import Scope, Viewer
    from loyalty_core.settings import Settings


@dataclass(frozen=True)
class Restriction:
    """What a viewer may see: the customers of `scope` (None: everyone), without personal data if that is hidden.

    With a `smallest_group` above 1, only figures of groups of at least so many customers.
    """

    scope: Scope | None
    hides_personal_data: bool
    smallest_group: int = 0

    @property
    def hides_counts(self) -> bool:
        """Whether counts that were made for everybody are not for this viewer."""
        return self.scope is not None or self.smallest_group > 0

    @property
    def key(self) -> str:
        """Identifies the restriction in the keys of caches."""
        parts = [self.scope.key if self.scope else "all", *(["masked"] if self.hides_personal_data else [])]
        return "-".join([*parts, *([f"from{self.smallest_group}"] if self.smallest_group else [])])


def restriction_of(viewer: Viewer, settings: Settings) -> Restriction | None:
    """What the viewer is restricted to; None for one who may see everything."""
    hides = not viewer.may(Action.SEE_PERSONAL_DATA)
    smallest = settings.smallest_group_shown if hides and settings.smallest_group_shown > 1 else 0
    return Restriction(viewer.scope, hides, smallest) if hides or viewer.scope else None
