"""The parts of a rule that is being edited: groups and conditions with ids, and how they are read and rearranged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from loyalty_core.rules.builder import (
    OPERATORS,
    BuilderCondition,
    BuilderGroup,
    ConditionOperator,
    operators_for,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loyalty_core.rules.tree import Kind, RuleColumn

_DEFAULT_OPERATORS: dict[Kind, str] = {
    "number": "at_least",
    "text": "one_of",
    "boolean": "is_true",
    "date": "in_last_days",
    "datetime": "in_last_days",
    "other": "is_not_blank",
}
_MEMBERS_PATH = {"all": ".and", "any": ".or", "none": ".!.or"}


@dataclass(frozen=True, slots=True)
class ConditionNode:
    """A condition, possibly incomplete; None is a value that is not filled in yet."""

    id: str
    column: str | None = None
    operator: str | None = None
    values: tuple[Any, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether column, operator and every value are there."""
        operator = OPERATORS.get(self.operator or "")
        if self.column is None or operator is None or None in self.values:
            return False
        return bool(self.values) if operator.values is None else len(self.values) == operator.values


@dataclass(frozen=True, slots=True)
class GroupNode:
    """Members of which "all", "any" or "none" have to hold."""

    id: str
    match: str
    members: tuple[Node, ...] = ()


Node: TypeAlias = GroupNode | ConditionNode


def walk(node: Node, parent: GroupNode | None = None) -> Iterator[tuple[Node, GroupNode | None]]:
    """A node and all below it in reading order, each with the group that it is in."""
    yield node, parent
    if isinstance(node, GroupNode):
        for member in node.members:
            yield from walk(member, node)


def group_in(root: GroupNode, group_id: str) -> GroupNode:
    """The group with that id; KeyError when there is none."""
    for node, _ in walk(root):
        if node.id == group_id and isinstance(node, GroupNode):
            return node
    raise KeyError(group_id)


def replaced(root: GroupNode, node_id: str, new: tuple[Node, ...]) -> GroupNode:
    """The tree with other nodes, or none, instead of the one with that id below its root."""
    members: list[Node] = []
    for member in root.members:
        if member.id == node_id:
            members.extend(new)
        else:
            members.append(replaced(member, node_id, new) if isinstance(member, GroupNode) else member)
    return replace(root, members=tuple(members))


def with_group(root: GroupNode, group: GroupNode) -> GroupNode:
    """The tree with that group instead of the one with its id, which may be the root."""
    return group if root.id == group.id else replaced(root, group.id, (group,))


def counted(node: Node) -> BuilderGroup | BuilderCondition | None:
    """The complete part of a tree; None when nothing in it is complete."""
    if isinstance(node, GroupNode):
        members = tuple(part for part in map(counted, node.members) if part is not None)
        return BuilderGroup(node.match, members) if members else None
    if node.is_complete and node.column is not None and node.operator is not None:
        return BuilderCondition(node.column, node.operator, node.values)
    return None


def paths(node: Node, path: str) -> Iterator[tuple[str, str]]:
    """Id and JSON path of every node that `counted` includes, when the first of them is written at `path`."""
    if counted(node) is None:
        return
    yield node.id, path
    if isinstance(node, GroupNode):
        complete = [member for member in node.members if counted(member) is not None]
        for position, member in enumerate(complete):
            yield from paths(member, f"{path}{_MEMBERS_PATH[node.match]}[{position}]")


def on_column(condition: ConditionNode, column: RuleColumn) -> ConditionNode:
    """The condition about another column; operator and values stay where they suit its kind."""
    operator = next((choice for choice in operators_for(column.kind) if choice.key == condition.operator), None)
    if operator is None:
        return ConditionNode(condition.id, column.name, _DEFAULT_OPERATORS[column.kind])
    kind = operator.value_kind or column.kind
    values = tuple(value for value in condition.values if _suits(value, kind))
    return ConditionNode(condition.id, column.name, operator.key, as_many(values, operator))


def as_many(values: tuple[Any, ...], operator: ConditionOperator) -> tuple[Any, ...]:
    """As many of the values as an operator asks for at most."""
    return (
        tuple(value for value in values if value is not None) if operator.values is None else values[: operator.values]
    )


def _suits(value: Any, kind: str) -> bool:
    match kind:
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "days":
            return type(value) is int and value > 0
        case "date" | "datetime":
            return isinstance(value, str) and _is_moment(value)
        case _:
            return isinstance(value, str)


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
