"""The menu of a condition or a group: what it offers there, and carrying it out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty_core.ui.segments.editor.nodes import GroupNode

if TYPE_CHECKING:
    from loyalty_core.ui.segments.editor.draft import RuleDraft
    from loyalty_core.ui.segments.editor.nodes import Node

ACTIONS = {
    "duplicate": ":material/content_copy: Duplicate",
    "up": ":material/arrow_upward: Move up",
    "down": ":material/arrow_downward: Move down",
    "into_above": ":material/subdirectory_arrow_right: Move into the group above",
    "into_below": ":material/subdirectory_arrow_right: Move into the group below",
    "out": ":material/keyboard_return: Move out of this group",
    "delete": ":material/delete: Delete",
}


def actions_of(node: Node, parent: GroupNode, *, is_nested: bool) -> list[str]:
    """The actions that a member's menu offers at its position."""
    position = parent.members.index(node)
    above, below = parent.members[:position][-1:], parent.members[position + 1 :][:1]
    offered = {
        "duplicate": True,
        "up": bool(above),
        "down": bool(below),
        "into_above": any(isinstance(member, GroupNode) for member in above),
        "into_below": any(isinstance(member, GroupNode) for member in below),
        "out": is_nested,
        "delete": True,
    }
    return [action for action in ACTIONS if offered[action]]


def act(draft: RuleDraft, action: str, node_id: str, parent: GroupNode) -> None:
    """Carry out the action chosen in a member's menu."""
    position = [member.id for member in parent.members].index(node_id)
    match action:
        case "duplicate":
            draft.duplicate(node_id)
        case "up" | "down":
            draft.move(node_id, action)
        case "into_above":
            draft.move_into(node_id, parent.members[position - 1].id)
        case "into_below":
            draft.move_into(node_id, parent.members[position + 1].id, 0)
        case "out":
            draft.move_out(node_id)
        case _:
            draft.delete(node_id)
