"""What people may do, as data: each action, and the roles that allow it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """Something that a person or a program does; every page, route and job kind names the one it needs."""

    VIEW = "view"
    SEE_PERSONAL_DATA = "see_personal_data"
    EDIT_SEGMENTS = "edit_segments"
    EDIT_POLICIES = "edit_policies"
    EXPORT = "export"
    SCORE = "score"
    TRAIN = "train"
    ACTIVATE_MODELS = "activate_models"
    READ_METRICS = "read_metrics"
    READ_AUDIT = "read_audit"
    MANAGE_ACCESS = "manage_access"


@dataclass(frozen=True)
class Role:
    """A set of actions under a name. Whoever has several roles may do what any of them allows."""

    name: str
    title: str
    actions: frozenset[Action]


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
