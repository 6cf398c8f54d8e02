"""The rule builder's state: a tree of groups and conditions with stable ids, and every change undoable."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

from loyalty_core.rules.builder import OPERATORS, BuilderCondition, BuilderGroup, from_builder, to_builder
from loyalty_core.ui.segments.editor.history import History
from loyalty_core.ui.segments.editor.nodes import (
    ConditionNode,
    GroupNode,
    Node,
    as_many,
    counted,
    group_in,
    on_column,
    paths,
    replaced,
    walk,
    with_group,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from loyalty_core.rules.tree import RuleColumn


@dataclass(frozen=True, slots=True)
class _Given:
    """A rule as it was loaded; until the first edit it is returned unchanged."""

    rule: Any
    is_condition: bool = False


@dataclass(frozen=True, slots=True)
class _State:
    """One step of the history; without a tree, the rule is one that only JSON can show."""

    tree: GroupNode | None
    given: _Given | None = None


class RuleDraft:
    """A rule while it is edited, with undo and redo.

    Conditions that still need a column or a value, and groups with nothing in them, are left out of `rule()`.
    A rule that the visual form cannot show is left untouched (`is_raw`); then there is no tree to edit.
    An id that is not in the tree raises KeyError.
    """

    def __init__(self) -> None:
        self._numbers = count(1)
        self._history = History(_State(GroupNode(self._new_id(), "all"), _Given({})))

    @property
    def tree(self) -> GroupNode | None:
        """The root group; None for a raw rule."""
        return self._state.tree

    @property
    def is_raw(self) -> bool:
        """Whether only JSON can show the rule."""
        return self._state.tree is None

    def __contains__(self, node_id: str) -> bool:
        return any(node.id == node_id for node, _ in self._nodes())

    def find(self, node_id: str) -> Node:
        """The group or condition with that id."""
        return self._located(node_id)[0]

    # The rule

    def rule(self) -> Any:
        """The JSONLogic of what is complete; {} when nothing is."""
        if self._state.given is not None:
            return self._state.given.rule
        return from_builder(counted(self._root()) or BuilderGroup("all"))

    def incomplete(self) -> tuple[str, ...]:
        """Conditions that still need a column or a value, and groups without members, in reading order."""
        return tuple(
            node.id
            for node, parent in self._nodes()
            if (not node.is_complete if isinstance(node, ConditionNode) else parent is not None and not node.members)
        )

    def paths(self) -> dict[str, str]:
        """The JSON path of every member that `rule()` has, such as `$.and[1].!.or[0]`, by its id."""
        given = self._state.given
        if self.is_raw or (given is not None and given.is_condition):
            return {node.id: "$" for node, parent in self._nodes() if parent is not None}
        return dict(paths(self._root(), "$"))

    def load(self, rule: Any, columns: Iterable[RuleColumn]) -> bool:
        """Start with that rule and no history; False when the visual form cannot show it."""
        self._history = History(self._read(rule, columns))
        return not self.is_raw

    def apply_json(self, text: str, columns: Iterable[RuleColumn]) -> bool:
        """Apply a rule written as JSON, as one undoable step; False when the visual form cannot show it.

        Raises ValueError for text that is not JSON. Text that equals the draft changes nothing.
        """
        try:
            rule = json.loads(text)
            is_same = json.dumps(rule) == json.dumps(self.rule())
        except RecursionError:
            raise ValueError("The JSON is nested too deeply.") from None
        if not is_same:
            self._history.step(self._read(rule, columns))
        return not self.is_raw

    # History

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to undo."""
        return self._history.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether a step was undone and nothing was edited since."""
        return self._history.can_redo

    def undo(self) -> None:
        """Undo the latest step, if there is one."""
        self._history.undo()

    def redo(self) -> None:
        """Redo the step that was undone last, if there is one."""
        self._history.redo()

    # Edits

    def add_condition(self, group_id: str, column: RuleColumn | None = None) -> str:
        """Append a condition, with the column's default operator where there is a column; returns its id."""
        condition = ConditionNode(self._new_id())
        if column is not None:
            condition = on_column(condition, column)
        self._append(group_id, condition)
        return condition.id

    def add_group(self, group_id: str, match: str = "any") -> str:
        """Append a group with one condition to fill in; returns the group's id."""
        group = GroupNode(self._new_id(), match, (ConditionNode(self._new_id()),))
        self._append(group_id, group)
        return group.id

    def duplicate(self, node_id: str) -> str:
        """Put a copy right after a member; returns the copy's id."""
        node, _ = self._member(node_id)
        copy = self._copied(node)
        self._replace(node_id, node, copy)
        return copy.id

    def delete(self, node_id: str) -> None:
        """Remove a member, and with a group all that is in it."""
        self._member(node_id)
        self._replace(node_id)

    def move(self, node_id: str, direction: Literal["up", "down"]) -> None:
        """Swap a member with the one before or after it; at the group's ends nothing happens."""
        node, parent = self._member(node_id)
        position = parent.members.index(node)
        target = position + (1 if direction == "down" else -1)
        if 0 <= target < len(parent.members):
            members = list(parent.members)
            members[position], members[target] = members[target], node
            self._change(with_group(self._root(), replace(parent, members=tuple(members))))

    def move_into(self, node_id: str, group_id: str, position: int | None = None) -> None:
        """Move a member to that position of another group, by default the last; ValueError when into itself."""
        node, _ = self._member(node_id)
        if any(inner.id == group_id for inner, _ in walk(node)):
            raise ValueError("A group cannot be moved into itself.")
        without = replaced(self._root(), node_id, ())
        group = group_in(without, group_id)
        members = list(group.members)
        members.insert(len(members) if position is None else position, node)
        self._change(with_group(without, replace(group, members=tuple(members))))

    def move_out(self, node_id: str) -> None:
        """Move a member out of its group, to right after it; nothing happens to members of the whole rule."""
        _, group = self._member(node_id)
        _, outer = self._located(group.id)
        if outer is not None:
            self.move_into(node_id, outer.id, outer.members.index(group) + 1)

    def set_match(self, group_id: str, match: str) -> None:
        """Require all, any or none of a group's members."""
        root = self._root()
        self._change(with_group(root, replace(group_in(root, group_id), match=match)))

    def set_column(self, condition_id: str, column: RuleColumn) -> None:
        """Change the column; operator and values stay where they suit its kind."""
        self._replace(condition_id, on_column(self._condition(condition_id), column))

    def set_operator(self, condition_id: str, operator: str) -> None:
        """Change the comparison; values stay where they suit it. KeyError for an operator that does not exist."""
        condition = self._condition(condition_id)
        before, after = OPERATORS.get(condition.operator or ""), OPERATORS[operator]
        suits = before is not None and before.value_kind == after.value_kind
        values = as_many(condition.values, after) if suits else ()
        self._replace(condition_id, replace(condition, operator=operator, values=values))

    def set_values(self, condition_id: str, values: tuple[Any, ...]) -> None:
        """Compare with these values, None for one that is not filled in yet."""
        self._replace(condition_id, replace(self._condition(condition_id), values=values))

    def set_value(self, condition_id: str, position: int, value: Any) -> None:
        """Set the value at `position`, and leave the other one as it is."""
        condition = self._condition(condition_id)
        operator = OPERATORS.get(condition.operator or "")
        if operator is None or operator.values is None or position >= operator.values:
            return
        values = [*condition.values, *[None] * (operator.values - len(condition.values))]
        values[position] = value
        self.set_values(condition_id, tuple(values))

    # Inside

    @property
    def _state(self) -> _State:
        return self._history.present

    def _new_id(self) -> str:
        return f"n{next(self._numbers)}"

    def _root(self) -> GroupNode:
        if self._state.tree is None:
            raise KeyError("The rule has no visual form.")
        return self._state.tree

    def _nodes(self) -> Iterator[tuple[Node, GroupNode | None]]:
        return walk(self._state.tree) if self._state.tree else iter(())

    def _located(self, node_id: str) -> tuple[Node, GroupNode | None]:
        for node, parent in self._nodes():
            if node.id == node_id:
                return node, parent
        raise KeyError(node_id)

    def _member(self, node_id: str) -> tuple[Node, GroupNode]:
        node, parent = self._located(node_id)
        if parent is None:
            raise KeyError(f"{node_id} is the whole rule.")
        return node, parent

    def _condition(self, node_id: str) -> ConditionNode:
        node = self.find(node_id)
        if isinstance(node, ConditionNode):
            return node
        raise KeyError(f"{node_id} is no condition.")

    def _append(self, group_id: str, node: Node) -> None:
        root = self._root()
        group = group_in(root, group_id)
        self._change(with_group(root, replace(group, members=(*group.members, node))))

    def _replace(self, member_id: str, *new: Node) -> None:
        self._change(replaced(self._root(), member_id, new))

    def _change(self, tree: GroupNode) -> None:
        if tree != self._state.tree:
            self._history.step(_State(tree))

    def _read(self, rule: Any, columns: Iterable[RuleColumn]) -> _State:
        shown = to_builder(rule, columns)
        if shown is None:
            return _State(None, _Given(rule))
        tree = self._node(shown)
        is_condition = isinstance(tree, ConditionNode)
        root = GroupNode(self._new_id(), "all", (tree,)) if isinstance(tree, ConditionNode) else tree
        # An empty list would look like a value not filled in yet, and an edit elsewhere would drop the condition.
        if not all(node.is_complete for node, _ in walk(root) if isinstance(node, ConditionNode)):
            return _State(None, _Given(rule))
        return _State(root, _Given(rule, is_condition))

    def _node(self, part: BuilderGroup | BuilderCondition) -> Node:
        if isinstance(part, BuilderCondition):
            return ConditionNode(self._new_id(), part.column, part.operator, part.values)
        return GroupNode(self._new_id(), part.match, tuple(map(self._node, part.members)))

    def _copied(self, node: Node) -> Node:
        if isinstance(node, ConditionNode):
            return replace(node, id=self._new_id())
        return replace(node, id=self._new_id(), members=tuple(map(self._copied, node.members)))
