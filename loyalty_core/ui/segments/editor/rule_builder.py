"""The visual rule builder: groups within groups, one row per condition, and how many customers each holds for.

It edits a `RuleDraft` in the widgets' callbacks, before the script runs again, so what is drawn is never a step behind.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import streamlit as st

from loyalty_core.rules.builder import OPERATORS, operators_for
from loyalty_core.ui.segments.editor.condition_note import ConditionNote, note_text
from loyalty_core.ui.segments.editor.node_menu import ACTIONS, act, actions_of
from loyalty_core.ui.segments.editor.nodes import ConditionNode, GroupNode, Node, walk
from loyalty_core.ui.segments.editor.value_widgets import draw_values, show_value
from loyalty_core.ui.text import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from loyalty_core.ui.segments.editor.draft import RuleDraft
    from loyalty_core.warehouse import Column

_MATCHES = {"all": "All", "any": "Any", "none": "None"}
_DEEPEST = 5
_FIELD_WIDTH = 230
# Pictures as data URLs: their description is the only part of a label that screen readers alone get.
_NOTHING = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
_DOTS = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="16" fill="#6b7c85">'
    '<circle cx="4" cy="2.5" r="1.7"/><circle cx="4" cy="8" r="1.7"/><circle cx="4" cy="13.5" r="1.7"/></svg>'
)


def draw_rule_builder(
    draft: RuleDraft,
    fields: Sequence[Column],
    counts: Mapping[str, ConditionNote],
    *,
    on_change: Callable[[], None],
) -> None:
    """Draw the draft for editing; `counts` by condition id where known, `on_change` is called after every edit.

    `on_change` runs within the widgets' callbacks, before the script or fragment runs again.
    """
    _draw_history(draft, on_change)
    if draft.tree is None:
        st.info("This rule has parts that only JSON can show. Edit it as JSON.", icon=":material/data_object:")
        return
    by_name = {field.name: field for field in fields}
    _Builder(draft, by_name, counts, on_change, draft.tree.id, _names(draft.tree)).draw_group(draft.tree, None, 1)


def _draw_history(draft: RuleDraft, on_change: Callable[[], None]) -> None:
    def undo() -> None:
        draft.undo()
        on_change()

    def redo() -> None:
        draft.redo()
        on_change()

    # Not Ctrl+Z: with the focus in a text field that is the browser's own undo of what was typed.
    with st.container(horizontal=True, gap="xsmall", horizontal_alignment="right"):
        st.button(
            "Undo",
            key="rule-undo",
            icon=":material/undo:",
            type="tertiary",
            shortcut="Alt+Z",
            disabled=not draft.can_undo,
            on_click=undo,
        )
        st.button(
            "Redo",
            key="rule-redo",
            icon=":material/redo:",
            type="tertiary",
            shortcut="Alt+Shift+Z",
            disabled=not draft.can_redo,
            on_click=redo,
        )


@dataclass(frozen=True)
class _Builder:
    draft: RuleDraft
    fields: dict[str, Column]
    counts: Mapping[str, ConditionNote]
    on_change: Callable[[], None]
    root: str
    names: dict[str, str]

    def draw_group(self, group: GroupNode, parent: GroupNode | None, depth: int) -> None:
        """A bordered box with the group's own row and its members."""
        with st.container(border=True, gap="small"):
            self._draw_header(group, parent, depth)
            for member in group.members:
                if isinstance(member, GroupNode):
                    self.draw_group(member, group, depth + 1)
                else:
                    self._draw_condition(member, group)
            if not group.members:
                st.caption(
                    "Add a condition; until then this group is not counted."
                    if parent
                    else "Everyone. Add a condition to choose whom."
                )

    def _draw_header(self, group: GroupNode, parent: GroupNode | None, depth: int) -> None:
        name = self.names[group.id]
        with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
            key = f"{group.id}-match"
            show_value(key, group.match)
            st.segmented_control(
                escape(f"How many members of {name} must hold"),
                list(_MATCHES),
                key=key,
                format_func=_MATCHES.__getitem__,
                required=True,
                label_visibility="collapsed",
                on_change=self._edit_from(group.id, key, lambda match: self.draft.set_match(group.id, match)),
            )
            st.caption("of these hold", width="stretch")
            st.button(
                f"Condition{_spoken(f' in {name}')}",
                key=f"{group.id}-add-condition",
                icon=":material/add:",
                on_click=self._edit(group.id, lambda: self.draft.add_condition(group.id)),
            )
            if depth < _DEEPEST:
                st.button(
                    f"Group{_spoken(f' in {name}')}",
                    key=f"{group.id}-add-group",
                    icon=":material/add:",
                    on_click=self._edit(group.id, lambda: self.draft.add_group(group.id, _other(group.match))),
                )
            if parent is not None:
                self._draw_menu(group, parent)

    def _draw_condition(self, condition: ConditionNode, parent: GroupNode) -> None:
        name = self.names[condition.id]
        with st.container(gap="xxsmall"):
            with st.container(horizontal=True, wrap=False, gap="xsmall"):
                with st.container(horizontal=True, gap="xsmall"):
                    self._draw_field(condition, name)
                    column = self.fields.get(condition.column or "")
                    if column is not None:
                        self._draw_operator(condition, column, name)
                        self._draw_values(condition, column, name)
                self._draw_menu(condition, parent)
            st.caption(note_text(condition, self.counts.get(condition.id)))

    def _draw_field(self, condition: ConditionNode, name: str) -> None:
        key = f"{condition.id}-field"
        show_value(key, condition.column)
        names = list(self.fields)
        if condition.column is not None and condition.column not in self.fields:
            names.append(condition.column)
        st.selectbox(
            escape(f"Field of {name}"),
            names,
            index=None,
            key=key,
            format_func=self._field_label,
            placeholder="Choose a field",
            required=True,
            label_visibility="collapsed",
            width=_FIELD_WIDTH,
            on_change=self._edit_from(
                condition.id, key, lambda column: self.draft.set_column(condition.id, self.fields[column])
            ),
        )

    def _field_label(self, name: str) -> str:
        field = self.fields.get(name)
        return f"{field.label} · {field.group}" if field else f"{name} · no longer there"

    def _draw_operator(self, condition: ConditionNode, column: Column, name: str) -> None:
        key = f"{condition.id}-operator"
        show_value(key, condition.operator)
        st.selectbox(
            escape(f"Comparison of {name}"),
            [operator.key for operator in operators_for(column.kind)],
            key=key,
            format_func=lambda operator: OPERATORS[operator].label,
            label_visibility="collapsed",
            width="stretch",
            on_change=self._edit_from(
                condition.id, key, lambda operator: self.draft.set_operator(condition.id, operator)
            ),
        )

    def _draw_values(self, condition: ConditionNode, column: Column, name: str) -> None:
        def set_all(values: tuple[Any, ...]) -> None:
            self._edit(condition.id, lambda: self.draft.set_values(condition.id, values))()

        def set_one(position: int, value: Any) -> None:
            self._edit(condition.id, lambda: self.draft.set_value(condition.id, position, value))()

        draw_values(condition, column, name, set_all=set_all, set_one=set_one)

    def _draw_menu(self, node: Node, parent: GroupNode) -> None:
        key = f"{node.id}-menu"
        st.menu_button(
            _spoken(f"Actions of {self.names[node.id]}", _DOTS),
            actions_of(node, parent, is_nested=parent.id != self.root),
            key=key,
            type="tertiary",
            format_func=ACTIONS.__getitem__,
            on_click=self._edit_from(node.id, key, lambda action: act(self.draft, action, node.id, parent)),
        )

    def _edit(self, node_id: str, change: Callable[[], object]) -> Callable[[], None]:
        """A callback that changes the draft and says so."""

        def edit() -> None:
            # A text typed just before its condition was deleted arrives together with the deletion.
            if node_id in self.draft:
                change()
                self.on_change()

        return edit

    def _edit_from(self, node_id: str, key: str, change: Callable[[Any], object]) -> Callable[[], None]:
        """A callback that changes the draft by what the widget of that key holds."""
        return self._edit(node_id, lambda: change(st.session_state[key]))


def _other(match: str) -> str:
    """A group within "all" is of use when it is "any", and the other way round."""
    return "any" if match == "all" else "all"


def _names(root: GroupNode) -> dict[str, str]:
    """What screen readers call every node: its kind and its number in reading order."""
    numbers = {"group": count(1), "condition": count(1)}
    kinds = ((node.id, "group" if isinstance(node, GroupNode) else "condition") for node, _ in walk(root))
    return {node_id: f"{kind} {next(numbers[kind])}" for node_id, kind in kinds}


def _spoken(text: str, picture: str = _NOTHING) -> str:
    """Words of a label that only screen readers get: the description of a picture."""
    return f"![{escape(text)}](data:image/svg+xml;base64,{b64encode(picture.encode()).decode()})"
