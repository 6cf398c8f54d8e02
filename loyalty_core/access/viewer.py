"""Who is acting: the one object that screens, API, jobs, exports and the audit trail ask."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from loyalty_core.access.actions import ROLES, Action


@dataclass(frozen=True)
class Scope:
    """The customers that a viewer may see: a JSONLogic rule over the features view, as JSON text."""

    rule: str

    @classmethod
    def of(cls, rule: Any) -> Scope:
        return cls(json.dumps(rule, sort_keys=True))

    @property
    def key(self) -> str:
        """A short digest for the keys of caches."""
        return hashlib.sha256(self.rule.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Viewer:
    """A person, a program or a command. `scope` None means every customer; `id` is what the audit trail records."""

    id: str
    roles: frozenset[str]
    scope: Scope | None = None

    @property
    def actions(self) -> frozenset[Action]:
        """What the roles allow; an unknown role allows nothing."""
        return frozenset().union(*(ROLES[name].actions for name in self.roles if name in ROLES))

    def may(self, action: Action) -> bool:
        return action in self.actions
