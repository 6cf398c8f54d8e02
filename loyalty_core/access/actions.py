"""What people may do, as data: each action, and the roles that allow it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loyalty_core.access.viewer import Scope


class Action(StrEnum):
    """Something that a person or a program does; every page, route and job kind names the one it needs."""

    VIEW = "view"
    SEE_PERSONAL_DATA = "see_personal_data"
    EDIT_SEGMENTS = "edit_segments"
    EDIT_POLICIES = "edit_policies"
    EDIT_CAMPAIGNS = "edit_campaigns"
    RUN_CAMPAIGNS = "run_campaigns"
    APPROVE_CAMPAIGNS = "approve_campaigns"
    SEND_EVENTS = "send_events"
    EXPORT = "export"
    SCORE = "score"
    TRAIN = "train"
    ACTIVATE_MODELS = "activate_models"
    CONNECT_DATA = "connect_data"
    READ_METRICS = "read_metrics"
    READ_AUDIT = "read_audit"
    MANAGE_ACCESS = "manage_access"

    @property
    def phrase(self) -> str:
        """The action in words, as in “may …”."""
        return _PHRASES[self]


_PHRASES: dict[Action, str] = {
    Action.VIEW: "look at screens and figures",
    Action.SEE_PERSONAL_DATA: "see personal data",
    Action.EDIT_SEGMENTS: "edit segments",
    Action.EDIT_POLICIES: "edit offer policies and RFM maps",
    Action.EDIT_CAMPAIGNS: "edit and preview campaigns",
    Action.RUN_CAMPAIGNS: "start, pause and end campaigns; without the right to approve them, only approved ones",
    Action.APPROVE_CAMPAIGNS: "approve campaigns of others",
    Action.SEND_EVENTS: "send events about customers and correct those that failed",
    Action.EXPORT: "export customers",
    Action.SCORE: "score customers and compute segments",
    Action.TRAIN: "train models",
    Action.ACTIVATE_MODELS: "activate model versions and run A/B tests",
    Action.CONNECT_DATA: "connect other data",
    Action.READ_METRICS: "read operational metrics",
    Action.READ_AUDIT: "read the audit trail",
    Action.MANAGE_ACCESS: "manage people, roles and API keys",
}


@dataclass(frozen=True)
class Role:
    """A set of actions under a name. Whoever has several roles may do what any of them allows.

    `scope` limits the customers that the role shows; None means all of them.
    """

    name: str
    title: str
    actions: frozenset[Action]
    scope: Scope | None = None


_LOOK = frozenset({Action.VIEW})

ROLES: dict[str, Role] = {
    role.name: role
    for role in (
        Role("viewer", "Viewer", _LOOK),
        Role(
            "analyst",
            "Analyst",
            _LOOK
            | {
                Action.SEE_PERSONAL_DATA,
                Action.EDIT_SEGMENTS,
                Action.EDIT_POLICIES,
                Action.EDIT_CAMPAIGNS,
                Action.RUN_CAMPAIGNS,
                Action.APPROVE_CAMPAIGNS,
                Action.SEND_EVENTS,
                Action.EXPORT,
                Action.SCORE,
            },
        ),
        Role(
            "data_scientist",
            "Data scientist",
            _LOOK | {Action.SCORE, Action.TRAIN, Action.ACTIVATE_MODELS, Action.READ_METRICS},
        ),
        Role("admin", "Admin", frozenset(Action)),
    )
}
"""The built-in roles, which cannot be edited; custom roles are in the state store."""
ADMIN = "admin"
