"""The rule builder's state: edits by id, undo, what is left out, and rules that come back as they were."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyalty_core.rules import compile_rule, from_builder, operators_for
from loyalty_core.rules.builder import OPERATORS
from loyalty_core.ui.segments.editor.draft import RuleDraft
from loyalty_core.ui.segments.editor.nodes import ConditionNode, GroupNode, walk
from tests.rules.columns import COLUMNS
from tests.rules.test_builder import MEMBERS, SCALARS

BY_NAME = {column.name: column for column in COLUMNS}
POINTS, CITY = {">": [{"var": "points"}, 5]}, {"==": [{"var": "city"}, "Oslo"]}
VERIFIED = {"==": [{"var": "verified"}, True]}


def draft_of(rule: Any) -> RuleDraft:
    draft = RuleDraft()
    assert draft.load(rule, COLUMNS)
    return draft


def members(draft: RuleDraft) -> tuple[str, ...]:
    assert draft.tree is not None
    return tuple(member.id for member in draft.tree.members)


def root(draft: RuleDraft) -> str:
    assert draft.tree is not None
    return draft.tree.id


def fill(draft: RuleDraft, condition: str, column: str, operator: str, *values: Any) -> None:
    draft.set_column(condition, BY_NAME[column])
    draft.set_operator(condition, operator)
    draft.set_values(condition, values)


# Rules in and out


@pytest.mark.extended
@settings(max_examples=300, deadline=None)
@given(MEMBERS)
def test_a_rule_comes_back_as_it_was(part: Any) -> None:
    rule = json.loads(json.dumps(from_builder(part)))
    draft = draft_of(rule)
    assert json.dumps(draft.rule()) == json.dumps(rule)
    # Written from the tree rather than from what was loaded: a change and its opposite.
    added = draft.add_condition(root(draft))
    written = draft.rule()
    wrapped = json.dumps(rule) == json.dumps(written) or json.dumps({"and": [rule]}) == json.dumps(written)
    assert wrapped
    draft.delete(added)
    assert draft.rule() == written
    draft.undo()
    draft.undo()
    assert json.dumps(draft.rule()) == json.dumps(rule)


@pytest.mark.parametrize("rule", [None, {}, []])
def test_an_empty_rule_is_everyone_and_comes_back_as_it_was(rule: Any) -> None:
    draft = draft_of(rule)
    assert draft.rule() == rule
    assert draft.incomplete() == ()
    draft.add_condition(root(draft))
    assert draft.rule() == {}


def test_a_single_condition_stands_in_a_group_of_all_once_edited() -> None:
    draft = draft_of(POINTS)
    assert draft.rule() == POINTS
    assert isinstance(draft.tree, GroupNode)
    assert draft.tree.match == "all"
    (condition,) = members(draft)
    assert draft.paths()[condition] == "$"
    draft.set_values(condition, (6,))
    assert draft.rule() == {"and": [{">": [{"var": "points"}, 6]}]}
    assert draft.paths()[condition] == "$.and[0]"
    draft.undo()
    assert draft.rule() == POINTS


@pytest.mark.parametrize(
    "rule",
    [
        {">": [{"+": [{"var": "points"}, 1]}, 5]},
        {"==": [{"var": "gone"}, 5]},
        {"and": [POINTS, {"in": [{"var": "city"}, []]}]},  # an edit elsewhere would lose the empty list
        "no rule",
    ],
)
def test_what_the_form_cannot_show_is_kept_untouched(rule: Any) -> None:
    draft = RuleDraft()
    assert not draft.load(rule, COLUMNS)
    assert draft.is_raw
    assert draft.tree is None
    assert draft.rule() == rule
    assert draft.incomplete() == ()
    assert draft.paths() == {}
    with pytest.raises(KeyError):
        draft.add_condition("n1")


def test_json_text_takes_the_tree_along_and_can_be_undone() -> None:
    draft = draft_of({"and": [POINTS]})
    assert draft.apply_json(json.dumps({"or": [POINTS, CITY]}), COLUMNS)
    assert isinstance(draft.tree, GroupNode)
    assert draft.tree.match == "any"
    assert not draft.apply_json('{">": [{"*": [{"var": "points"}, 2]}, 5]}', COLUMNS)
    assert draft.rule() == {">": [{"*": [{"var": "points"}, 2]}, 5]}
    draft.undo()
    assert not draft.is_raw
    assert draft.rule() == {"or": [POINTS, CITY]}
    draft.undo()
    assert draft.rule() == {"and": [POINTS]}
    assert not draft.can_undo


def test_json_text_that_says_the_same_keeps_unfinished_conditions() -> None:
    draft = draft_of({"and": [POINTS]})
    draft.add_condition(root(draft))
    before = draft.tree
    assert draft.apply_json('{"and":  [{">": [{"var": "points"}, 5]}]}', COLUMNS)
    assert draft.tree == before


@pytest.mark.parametrize("text", ["", "{", "{'and': []}", "[" * 100_000])
def test_what_is_no_json_changes_nothing(text: str) -> None:
    draft = draft_of(POINTS)
    with pytest.raises(ValueError):
        draft.apply_json(text, COLUMNS)
    assert draft.rule() == POINTS
    assert not draft.can_undo


# Edits


def test_a_rule_built_by_hand() -> None:
    draft = RuleDraft()
    points = draft.add_condition(root(draft), BY_NAME["points"])
    assert draft.find(points) == ConditionNode(points, "points", "at_least")
    draft.set_values(points, (100,))
    group = draft.add_group(root(draft), "none")
    (blank,) = (node.id for node, _ in walk(draft.find(group)) if isinstance(node, ConditionNode))
    assert draft.incomplete() == (blank,)
    fill(draft, blank, "city", "one_of", "Oslo", "Rome")
    deep = draft.add_group(group, "any")
    fill(draft, draft.add_condition(deep), "joined", "in_period", "2026-01-01", "2026-01-31")
    rule = {
        "and": [
            {">=": [{"var": "points"}, 100]},
            {
                "!": {
                    "or": [
                        {"in": [{"var": "city"}, ["Oslo", "Rome"]]},
                        {"or": [{"<=": ["2026-01-01", {"var": "joined"}, "2026-01-31"]}]},
                    ]
                }
            },
        ]
    }
    assert draft.rule() == rule
    compile_rule(rule, COLUMNS)


def test_members_move_are_copied_and_deleted() -> None:
    draft = draft_of({"and": [POINTS, CITY, VERIFIED]})
    points, city, verified = members(draft)
    draft.move(city, "up")
    assert members(draft) == (city, points, verified)
    draft.move(city, "up")
    assert members(draft) == (city, points, verified)
    draft.move(city, "down")
    draft.move(city, "down")
    draft.move(city, "down")
    assert members(draft) == (points, verified, city)
    copy = draft.duplicate(verified)
    assert members(draft) == (points, verified, copy, city)
    draft.delete(points)
    assert draft.rule() == {"and": [VERIFIED, VERIFIED, CITY]}


def test_members_move_between_groups() -> None:
    draft = draft_of({"and": [POINTS, {"or": [CITY, {"and": [VERIFIED]}]}]})
    points, group = members(draft)
    city, inner = (member.id for member in draft.find(group).members)  # pyright: ignore[reportAttributeAccessIssue]
    draft.move_into(points, inner)
    assert draft.rule() == {"and": [{"or": [CITY, {"and": [VERIFIED, POINTS]}]}]}
    draft.move_into(points, root(draft), 0)
    draft.move_into(city, root(draft), 1)
    assert draft.rule() == {"and": [POINTS, CITY, {"or": [{"and": [VERIFIED]}]}]}
    with pytest.raises(ValueError, match="into itself"):
        draft.move_into(group, inner)
    with pytest.raises(ValueError, match="into itself"):
        draft.move_into(group, group)


def test_a_copied_group_shares_no_id() -> None:
    draft = draft_of({"and": [{"or": [POINTS, CITY]}]})
    copy = draft.duplicate(members(draft)[0])
    ids = [node.id for node, _ in walk(draft.tree)] if draft.tree else []
    assert len(ids) == len(set(ids)) == 7
    inner = draft.find(copy).members[0]  # pyright: ignore[reportAttributeAccessIssue]
    draft.set_values(inner.id, (9,))
    assert draft.rule() == {"and": [{"or": [POINTS, CITY]}, {"or": [{">": [{"var": "points"}, 9]}, CITY]}]}


@pytest.mark.parametrize(
    ("before", "column", "after"),
    [
        (("points", "less", (5,)), "revenue", ("less", (5,))),
        (("points", "less", (5,)), "city", ("one_of", ())),
        (("points", "equals", (5,)), "city", ("equals", ())),
        (("city", "equals", ("Oslo",)), "email", ("equals", ("Oslo",))),
        (("joined", "before", ("2026-01-01",)), "seen", ("before", ("2026-01-01",))),
        (("joined", "in_last_days", (30,)), "seen", ("in_last_days", (30,))),
        (("joined", "is_blank", ()), "profile", ("is_blank", ())),
        (("joined", "before", ("2026-01-01",)), "verified", ("is_true", ())),
        (("points", "between", (1, 9)), "revenue", ("between", (1, 9))),
    ],
)
def test_another_column_keeps_what_suits_it(before: Any, column: str, after: Any) -> None:
    draft = RuleDraft()
    condition = draft.add_condition(root(draft))
    fill(draft, condition, before[0], before[1], *before[2])
    draft.set_column(condition, BY_NAME[column])
    assert draft.find(condition) == ConditionNode(condition, column, *after)


@pytest.mark.parametrize(
    ("before", "operator", "values"),
    [
        (("points", "less", (5,)), "between", (5,)),
        (("points", "between", (1, 9)), "at_most", (1,)),
        (("points", "between", (None, 9)), "one_of", (9,)),
        (("city", "one_of", ("Oslo", "Rome")), "equals", ("Oslo",)),
        (("city", "equals", ("Oslo",)), "none_of", ("Oslo",)),
        (("joined", "in_last_days", (30,)), "in_next_days", (30,)),
        (("joined", "in_last_days", (30,)), "on", ()),
        (("joined", "on", ("2026-01-01",)), "in_period", ("2026-01-01",)),
        (("city", "equals", ("Oslo",)), "is_blank", ()),
    ],
)
def test_another_operator_keeps_values_that_suit_it(before: Any, operator: str, values: Any) -> None:
    draft = RuleDraft()
    condition = draft.add_condition(root(draft))
    fill(draft, condition, before[0], before[1], *before[2])
    draft.set_operator(condition, operator)
    assert draft.find(condition) == ConditionNode(condition, before[0], operator, values)


def test_two_values_are_set_one_at_a_time() -> None:
    draft = RuleDraft()
    condition = draft.add_condition(root(draft))
    fill(draft, condition, "points", "between")
    draft.set_value(condition, 1, 9)
    assert draft.find(condition) == ConditionNode(condition, "points", "between", (None, 9))
    assert draft.incomplete() == (condition,)
    draft.set_value(condition, 0, 5)
    draft.set_value(condition, 2, 7)
    assert draft.rule() == {"and": [{"<=": [5, {"var": "points"}, 9]}]}


# What is left out, and the paths of the rest


def test_paths_leave_out_what_is_unfinished() -> None:
    draft = draft_of({"and": [POINTS, {"!": {"or": [CITY, VERIFIED]}}]})
    points, group = members(draft)
    city, verified = (member.id for member in draft.find(group).members)  # pyright: ignore[reportAttributeAccessIssue]
    assert draft.paths()[root(draft)] == "$"
    assert draft.paths()[verified] == "$.and[1].!.or[1]"
    draft.set_values(points, ())
    draft.set_column(city, BY_NAME["points"])
    assert draft.incomplete() == (points, city)
    assert draft.rule() == {"and": [{"!": {"or": [VERIFIED]}}]}
    assert draft.paths() == {root(draft): "$", group: "$.and[0]", verified: "$.and[0].!.or[0]"}
    draft.delete(verified)
    assert draft.rule() == {}
    assert draft.paths() == {}
    draft.delete(city)
    assert draft.incomplete() == (points, group)


@pytest.mark.extended
@settings(max_examples=200, deadline=None)
@given(MEMBERS)
def test_every_path_leads_to_its_member(part: Any) -> None:
    draft = draft_of(from_builder(part))
    draft.add_condition(root(draft))
    for node_id, path in draft.paths().items():
        alone = RuleDraft()
        alone.load(at(draft.rule(), path), COLUMNS)
        found = alone.tree
        assert found is not None
        node = draft.find(node_id)
        if isinstance(node, ConditionNode):
            (found,) = found.members
            assert (found.column, found.operator, found.values) == (node.column, node.operator, node.values)  # pyright: ignore[reportAttributeAccessIssue]
        else:
            assert found.match == node.match


def at(rule: Any, path: str) -> Any:
    for step in path.removeprefix("$").replace("[", ".").replace("]", "").split(".")[1:]:
        rule = rule[int(step)] if step.isdigit() else rule[step]
    return rule


# History


def random_edit(draft: RuleDraft, data: st.DataObject) -> None:
    assert draft.tree is not None
    nodes = list(walk(draft.tree))
    groups = [node.id for node, _ in nodes if isinstance(node, GroupNode)]
    conditions = [node for node, _ in nodes if isinstance(node, ConditionNode)]
    below = [node.id for node, parent in nodes if parent is not None]
    kinds = ["condition", "group", "match"] + (["delete", "copy", "move", "into"] if below else [])
    kinds += ["column", "operator", "values"] if conditions else []
    kind = data.draw(st.sampled_from(kinds))
    group = data.draw(st.sampled_from(groups))
    member = data.draw(st.sampled_from(below)) if below else ""
    match kind:
        case "condition":
            draft.add_condition(group, data.draw(st.sampled_from([None, *COLUMNS])))
        case "group":
            draft.add_group(group, data.draw(st.sampled_from(["all", "any", "none"])))
        case "match":
            draft.set_match(group, data.draw(st.sampled_from(["all", "any", "none"])))
        case "delete":
            draft.delete(member)
        case "copy":
            draft.duplicate(member)
        case "move":
            draft.move(member, data.draw(st.sampled_from(["up", "down"])))
        case "into" if group not in {node.id for node, _ in walk(draft.find(member))}:
            draft.move_into(member, group)
        case "column" | "operator" | "values":
            edit_condition(draft, data.draw(st.sampled_from(conditions)), kind, data)


def edit_condition(draft: RuleDraft, condition: ConditionNode, kind: str, data: st.DataObject) -> None:
    column = BY_NAME[condition.column] if condition.column else data.draw(st.sampled_from(COLUMNS))
    if kind == "column" or condition.column is None:
        draft.set_column(condition.id, data.draw(st.sampled_from(COLUMNS)))
    elif kind == "operator":
        draft.set_operator(condition.id, data.draw(st.sampled_from([o.key for o in operators_for(column.kind)])))
    elif condition.operator and column.kind in SCALARS:
        scalar = SCALARS[OPERATORS[condition.operator].value_kind or column.kind]
        draft.set_values(condition.id, (data.draw(scalar),))


@settings(max_examples=150, deadline=None)
@given(MEMBERS, st.data())
def test_undoing_every_step_gives_the_first_rule_and_redoing_the_last(part: Any, data: st.DataObject) -> None:
    first = from_builder(part)
    draft = draft_of(first)
    before = draft.tree
    for _ in range(data.draw(st.integers(1, 15))):
        random_edit(draft, data)
        ids = [node.id for node, _ in walk(draft.tree)] if draft.tree else []
        assert len(ids) == len(set(ids))
    last, after = draft.rule(), draft.tree
    while draft.can_undo:
        draft.undo()
    assert json.dumps(draft.rule()) == json.dumps(first)
    assert draft.tree == before
    while draft.can_redo:
        draft.redo()
    assert json.dumps(draft.rule()) == json.dumps(last)
    assert draft.tree == after


def test_an_edit_after_undo_forgets_what_could_be_redone() -> None:
    draft = draft_of({"and": [POINTS]})
    (points,) = members(draft)
    draft.set_values(points, (6,))
    draft.undo()
    draft.set_match(root(draft), "any")
    assert not draft.can_redo
    draft.redo()
    assert draft.rule() == {"or": [POINTS]}


def test_an_edit_that_changes_nothing_is_no_step() -> None:
    draft = draft_of(POINTS)
    (points,) = members(draft)
    draft.set_values(points, (5,))
    draft.set_match(root(draft), "all")
    draft.set_column(points, BY_NAME["points"])
    draft.move(points, "up")
    assert not draft.can_undo
    assert draft.rule() == POINTS


def test_five_hundred_steps_can_be_undone() -> None:
    draft = draft_of({"and": [POINTS]})
    (points,) = members(draft)
    for value in range(6, 606):
        draft.set_values(points, (value,))
    undone = 0
    while draft.can_undo:
        draft.undo()
        undone += 1
    assert undone == 500
    assert draft.rule() == {"and": [{">": [{"var": "points"}, 105]}]}


def test_loading_a_rule_begins_a_new_history() -> None:
    draft = draft_of(POINTS)
    draft.add_condition(root(draft))
    draft.load(CITY, COLUMNS)
    assert not draft.can_undo
    draft.undo()
    assert draft.rule() == CITY


@pytest.mark.parametrize("operation", ["duplicate", "delete"])
def test_the_whole_rule_cannot_be_copied_or_deleted(operation: str) -> None:
    draft = draft_of(POINTS)
    with pytest.raises(KeyError):
        getattr(draft, operation)(root(draft))
    with pytest.raises(KeyError):
        getattr(draft, operation)("n99")
    assert "n99" not in draft
    assert members(draft)[0] in draft
