"""Who may do what: viewers, their roles and scope, and who is acting now."""

from loyalty_core.access.actions import ADMIN, ROLES, Action, Role
from loyalty_core.access.current import (
    TERMINAL,
    acting_as,
    acting_from,
    current_viewer,
    local_viewer,
    may,
    process_acts_as,
    require,
    resolve_viewers_by,
    terminal_command,
    terminal_viewer,
)
from loyalty_core.access.errors import NotAllowed, NotSignedIn
from loyalty_core.access.exposure import require_protection
from loyalty_core.access.viewer import Scope, Viewer, actions_of, scope_of

__all__ = [
    "ADMIN",
    "ROLES",
    "TERMINAL",
    "Action",
    "NotAllowed",
    "NotSignedIn",
    "Role",
    "Scope",
    "Viewer",
    "acting_as",
    "acting_from",
    "actions_of",
    "current_viewer",
    "local_viewer",
    "may",
    "process_acts_as",
    "require",
    "require_protection",
    "resolve_viewers_by",
    "scope_of",
    "terminal_command",
    "terminal_viewer",
]
