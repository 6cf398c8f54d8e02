"""Who may do what: viewers, their roles and scope, and who is acting now."""

from loyalty_core.access.actions import ROLES, Action, Role
from loyalty_core.access.current import acting_as, current_viewer, require
from loyalty_core.access.errors import NotAllowed, NotSignedIn
from loyalty_core.access.viewer import Scope, Viewer

__all__ = [
    "ROLES",
    "Action",
    "NotAllowed",
    "NotSignedIn",
    "Role",
    "Scope",
    "Viewer",
    "acting_as",
    "current_viewer",
    "require",
]
