"""Names of events' types and states for people."""

from loyalty_core.events import TYPES

STATES = {"waiting": "Waiting", "done": "Applied", "dead": "Failed"}
STATE_ICONS = {"waiting": ":material/schedule:", "done": ":material/check_circle:", "dead": ":material/error:"}
SEQUELS = {"out_of_order": "Out of order", "late": "Late"}


def type_label(kind: str) -> str:
    """The label of a type; a custom type has its own name."""
    return TYPES[kind].label if kind in TYPES else kind
