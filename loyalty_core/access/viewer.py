"""Who is acting: the one object that screens, API, jobs, exports and the audit trail ask."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from loyalty_core.access.actions import ROLES, Action, Role

if TYPE_CHECKING:
    from collections.abc import Collection


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
        return _digest(self.rule)


@lru_cache(maxsize=128)
def _digest(rule: str) -> str:
    """Cached, since each request asks several times."""
    return hashlib.sha256(rule.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Viewer:
    """A person, a program or a command. `scope` None means every customer; `id` is what the audit trail records.

    `granted` are the allowed actions where they do not follow from built-in roles alone. `name` is for screens, and
    `place` is where the viewer acts from: “terminal”, or an address.
    """

    id: str
    roles: frozenset[str]
    scope: Scope | None = None
    granted: frozenset[Action] | None = None
    name: str = ""
    place: str = ""

    @property
    def actions(self) -> frozenset[Action]:
        """What the viewer may do; an unknown role allows nothing."""
        if self.granted is not None:
            return self.granted
        return _actions_of_built_in(self.roles)

    def may(self, action: Action) -> bool:
        return action in self.actions


@lru_cache(maxsize=128)
def _actions_of_built_in(names: frozenset[str]) -> frozenset[Action]:
    """Cached, since each request asks several times."""
    return actions_of(ROLES[name] for name in names if name in ROLES)


def actions_of(roles: Any) -> frozenset[Action]:
    """What any of the roles allows."""
    return frozenset().union(*(role.actions for role in roles))


def scope_of(roles: Collection[Role]) -> Scope | None:
    """The customers that any of the roles shows: all of them if one role has no scope.

    A role that does not allow looking at customers, such as one for metrics alone, neither adds customers to what the
    others show nor limits it.
    """
    showing = [role for role in roles if Action.VIEW in role.actions] or roles
    rules = list(dict.fromkeys(role.scope.rule for role in showing if role.scope))
    if len(rules) == 0 or any(role.scope is None for role in showing):
        return None
    return Scope(rules[0]) if len(rules) == 1 else Scope.of({"or": [json.loads(rule) for rule in rules]})
