"""The visual rule builder, clicked through without a browser: what is chosen arrives in the rule, and the other way."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from streamlit.testing.v1 import AppTest

from loyalty_core.rules import BuilderCondition, BuilderGroup, from_builder
from loyalty_core.ui.segments.editor.condition_note import ConditionNote
from loyalty_core.ui.segments.editor.draft import RuleDraft
from loyalty_core.ui.text import escape
from loyalty_core.warehouse import Column

if TYPE_CHECKING:
    from pathlib import Path

    from loyalty_core.ui.segments.editor.nodes import GroupNode

FIELDS = [
    Column("points", "number", "Financial", "Points", minimum=0, maximum=8_913),
    Column("revenue", "number", "Financial", "Revenue", minimum=0.0, maximum=11_543.72),
    Column("city", "text", "Profile", "City", top_values=(("Oslo", 70), ("Bergen", 30))),
    Column("email", "text", "Profile", "E-mail"),
    Column("verified", "boolean", "Risk", "Verified"),
    Column("joined", "date", "Profile", "Joined"),
    Column("segment:vip", "boolean", "Segments", "Member of VIP"),
]
SCRIPT = """
import streamlit as st
from loyalty_core.ui.segments.editor.rule_builder import draw_rule_builder

state = st.session_state

def changed():
    state["changes"] += 1

@st.fragment
def builder():
    draw_rule_builder(state["draft"], state["fields"], state["counts"], on_change=changed)

builder()
"""
POINTS, CITY = {">": [{"var": "points"}, 5]}, {"==": [{"var": "city"}, "Oslo"]}


class Builder:
    """The rule builder on a screen of its own."""

    def __init__(self, file: Path, rule: Any) -> None:
        file.write_text(SCRIPT)
        self.draft = RuleDraft()
        self.draft.load(rule, FIELDS)
        self.app = AppTest.from_file(file, default_timeout=60)
        self.app.session_state["draft"] = self.draft
        self.app.session_state["fields"] = FIELDS
        self.app.session_state["counts"] = {}
        self.app.session_state["changes"] = 0
        self.run()

    def run(self) -> None:
        self.app.run()
        assert not self.app.exception

    @property
    def root(self) -> GroupNode:
        assert self.draft.tree is not None
        return self.draft.tree

    def widget(self, kind: str, label: str) -> Any:
        """The one widget of that kind with that label."""
        (found,) = [element for element in self.app.get(kind) if element.label == label]
        return found

    def choose(self, kind: str, label: str, value: Any) -> None:
        self.widget(kind, label).set_value(value)
        self.run()

    def add(self, what: str, group: int = 1) -> None:
        (button,) = [b for b in self.app.button if b.label.startswith(f"{what}![ in group {group}]")]
        button.click()
        self.run()

    def menu(self, name: str, action: str) -> None:
        (menu,) = [m for m in self.app.get("menu_button") if m.label.startswith(f"![Actions of {name}]")]
        menu.click(action)
        self.run()

    def press(self, label: str) -> None:
        self.widget("button", label).click()
        self.run()

    @property
    def captions(self) -> list[str]:
        return [caption.value for caption in self.app.caption]


@pytest.fixture
def open_builder(tmp_path: Path) -> Any:
    return lambda rule=None: Builder(tmp_path / "builder.py", rule)


def test_a_condition_is_added_and_its_value_arrives_in_the_rule(open_builder: Any) -> None:
    builder = open_builder()
    assert "Everyone. Add a condition to choose whom." in builder.captions
    builder.add("Condition")
    assert "Choose a field; until then this condition is not counted." in builder.captions
    field = builder.widget("selectbox", "Field of condition 1")
    assert field.options[:3] == ["Points · Financial", "Revenue · Financial", "City · Profile"]
    builder.choose("selectbox", "Field of condition 1", "points")
    assert "Choose a value; until then this condition is not counted." in builder.captions
    builder.choose("selectbox", "Comparison of condition 1", "less")
    assert builder.draft.rule() == {}
    builder.choose("text_input", "Value of condition 1", "250")
    assert builder.draft.rule() == {"and": [{"<": [{"var": "points"}, 250]}]}
    assert type(builder.draft.rule()["and"][0]["<"][1]) is int
    assert builder.app.session_state["changes"] == 4
    assert not any("not counted" in caption for caption in builder.captions)


CASES = [
    ("points", "between", [("text_input", "Lowest value", "5"), ("text_input", "Highest value", "9")], "5, 9"),
    ("points", "one_of", [("multiselect", "Values", ["3", "4.5", "many", "7"])], "3, 4.5, 7"),
    ("revenue", "at_least", [("text_input", "Value", "10.5")], "10.5"),
    ("revenue", "at_least", [("text_input", "Value", "10.0")], "10"),
    ("city", "equals", [("selectbox", "Value", "Oslo")], '"Oslo"'),
    ("city", "none_of", [("multiselect", "Values", ["Oslo", "Bodø"])], '"Oslo", "Bodø"'),
    ("city", "starts_with", [("text_input", "Value", "Os")], '"Os"'),
    ("email", "not_equals", [("text_input", "Value", "a@b.no")], '"a@b.no"'),
    ("joined", "in_last_days", [("text_input", "Value", "30")], "30"),
    ("joined", "after", [("date_input", "Value", date(2026, 1, 31))], '"2026-01-31"'),
    (
        "joined",
        "in_period",
        [("date_input", "Lowest value", date(2026, 1, 1)), ("date_input", "Highest value", date(2026, 1, 31))],
        '"2026-01-01", "2026-01-31"',
    ),
    ("verified", "is_false", [], ""),
    ("segment:vip", "is_true", [], ""),
    ("city", "is_not_blank", [], ""),
]


@pytest.mark.parametrize(("field", "operator", "entries", "values"), CASES)
def test_every_kind_of_value_can_be_entered(
    open_builder: Any, field: str, operator: str, entries: list[Any], values: str
) -> None:
    builder = open_builder()
    builder.add("Condition")
    builder.choose("selectbox", "Field of condition 1", field)
    builder.choose("selectbox", "Comparison of condition 1", operator)
    for kind, label, value in entries:
        builder.choose(kind, f"{label} of condition 1", value)
    (condition,) = builder.root.members
    assert (condition.column, condition.operator) == (field, operator)
    assert json.dumps(condition.values, ensure_ascii=False) == f"[{values}]"
    assert condition.is_complete


def test_a_number_can_be_taken_out_again(open_builder: Any) -> None:
    builder = open_builder(POINTS)
    builder.choose("text_input", "Value of condition 1", "")
    assert builder.draft.rule() == {}
    assert "Choose a value; until then this condition is not counted." in builder.captions


@pytest.mark.parametrize("text", ["abc", "1,5", "10,90", "1e5", "1_000", "--5"])
def test_what_is_no_number_stays_in_the_field_and_is_not_counted(open_builder: Any, text: str) -> None:
    builder = open_builder(POINTS)
    builder.choose("text_input", "Value of condition 1", text)
    builder.run()
    assert builder.widget("text_input", "Value of condition 1").value == text
    assert f":red[“{escape(text)}” is not a number. Write it like 1,234.5.]" in builder.captions
    assert builder.draft.rule() == {}
    builder.press("Undo")
    assert builder.draft.rule() == POINTS
    assert builder.widget("text_input", "Value of condition 1").value == "5"


@pytest.mark.parametrize(("text", "reason"), [("-5", "Enter 1 or more."), ("1.5", "Enter a whole number.")])
def test_days_are_a_whole_number_from_one(open_builder: Any, text: str, reason: str) -> None:
    builder = open_builder(from_builder(BuilderGroup("all", (BuilderCondition("joined", "in_last_days", (30,)),))))
    builder.choose("text_input", "Value of condition 1", text)
    assert f":red[{reason}]" in builder.captions
    assert builder.draft.rule() == {}


def test_what_is_no_number_does_not_enter_a_list_and_the_field_says_so(open_builder: Any) -> None:
    builder = open_builder({"in": [{"var": "points"}, [3]]})
    builder.choose("multiselect", "Values of condition 1", ["3", "1,5"])
    assert builder.draft.rule() == {"in": [{"var": "points"}, [3]]}
    assert ":red[“1,5” is not a number. Write it like 1,234.5.]" in builder.captions
    builder.choose("multiselect", "Values of condition 1", ["3", "1.5"])
    assert builder.draft.rule() == {"and": [{"in": [{"var": "points"}, [3, 1.5]]}]}
    assert not any(":red" in caption for caption in builder.captions)


def test_groups_nest_three_levels_deep(open_builder: Any) -> None:
    builder = open_builder(POINTS)
    builder.add("Group")
    builder.choose("selectbox", "Field of condition 2", "verified")
    builder.add("Group", group=2)
    builder.choose("selectbox", "Field of condition 3", "city")
    builder.choose("multiselect", "Values of condition 3", ["Oslo"])
    builder.choose("button_group", "How many members of group 3 must hold", "none")
    inner = {"!": {"or": [{"in": [{"var": "city"}, ["Oslo"]]}]}}
    assert builder.draft.rule() == {"and": [POINTS, {"or": [{"==": [{"var": "verified"}, True]}, inner]}]}


def test_groups_stop_at_five_levels(open_builder: Any) -> None:
    builder = open_builder()
    for group in range(1, 5):
        builder.add("Group", group)
    assert [b.label[:5] for b in builder.app.button if b.label.startswith("Group")] == ["Group"] * 4
    assert sum(b.label.startswith("Condition") for b in builder.app.button) == 5


def test_members_are_moved_copied_and_deleted(open_builder: Any) -> None:
    builder = open_builder({"and": [POINTS, CITY]})
    builder.menu("condition 2", "up")
    assert builder.draft.rule() == {"and": [CITY, POINTS]}
    assert builder.widget("selectbox", "Field of condition 1").value == "city"
    builder.menu("condition 1", "down")
    builder.menu("condition 1", "duplicate")
    assert builder.draft.rule() == {"and": [POINTS, POINTS, CITY]}
    builder.choose("text_input", "Value of condition 2", "6")
    builder.menu("condition 1", "delete")
    assert builder.draft.rule() == {"and": [{">": [{"var": "points"}, 6]}, CITY]}


def test_members_move_into_groups_and_out(open_builder: Any) -> None:
    builder = open_builder({"and": [POINTS, {"or": [CITY]}]})
    builder.menu("condition 1", "into_below")
    assert builder.draft.rule() == {"and": [{"or": [POINTS, CITY]}]}
    builder.menu("condition 1", "out")
    assert builder.draft.rule() == {"and": [{"or": [CITY]}, POINTS]}
    builder.menu("condition 2", "into_above")
    assert builder.draft.rule() == {"and": [{"or": [CITY, POINTS]}]}
    builder.menu("group 2", "duplicate")
    builder.menu("group 3", "delete")
    assert builder.draft.rule() == {"and": [{"or": [CITY, POINTS]}]}


def test_a_menu_offers_what_can_be_done_there(open_builder: Any) -> None:
    builder = open_builder({"and": [POINTS, {"or": [CITY]}]})
    names = [[option.split(": ")[1] for option in menu.options] for menu in builder.app.get("menu_button")]
    assert names == [
        ["Duplicate", "Move down", "Move into the group below", "Delete"],
        ["Duplicate", "Move up", "Delete"],
        ["Duplicate", "Move out of this group", "Delete"],
    ]


def test_undo_and_redo_show_in_the_widgets(open_builder: Any) -> None:
    builder = open_builder({"and": [POINTS, CITY]})
    assert builder.widget("button", "Undo").disabled
    builder.choose("text_input", "Value of condition 1", "8")
    builder.choose("selectbox", "Comparison of condition 1", "at_most")
    builder.choose("selectbox", "Value of condition 2", "Bergen")
    builder.choose("button_group", "How many members of group 1 must hold", "any")
    for _ in range(4):
        builder.press("Undo")
    assert builder.draft.rule() == {"and": [POINTS, CITY]}
    assert builder.widget("text_input", "Value of condition 1").value == "5"
    assert builder.widget("selectbox", "Comparison of condition 1").value == "more"
    assert builder.widget("selectbox", "Value of condition 2").value == "Oslo"
    assert builder.widget("button_group", "How many members of group 1 must hold").value == "all"
    assert builder.widget("button", "Undo").disabled
    for _ in range(4):
        builder.press("Redo")
    assert builder.draft.rule() == {"or": [{"<=": [{"var": "points"}, 8]}, {"==": [{"var": "city"}, "Bergen"]}]}
    assert builder.widget("text_input", "Value of condition 1").value == "8"
    assert builder.widget("button", "Redo").disabled


def test_another_field_keeps_what_suits_it(open_builder: Any) -> None:
    builder = open_builder(POINTS)
    builder.choose("selectbox", "Field of condition 1", "revenue")
    assert builder.draft.rule() == {"and": [{">": [{"var": "revenue"}, 5]}]}
    assert builder.widget("text_input", "Value of condition 1").value == "5"
    builder.choose("selectbox", "Field of condition 1", "joined")
    assert builder.draft.rule() == {}
    assert builder.widget("selectbox", "Comparison of condition 1").value == "in_last_days"


@pytest.mark.parametrize(
    "rule",
    [
        {">": [{"var": "points"}, 2**60]},
        {">": [{"var": "points"}, 10.25]},
        {"<": [{"var": "joined"}, "2026-01-31T12:00"]},
        {"<": [{"var": "joined"}, "0800-01-31"]},
        {"==": [{"var": "city"}, ""]},
        {"==": [{"var": "city"}, "Tromsø"]},
        {"in": [{"var": "city"}, ["Oslo", "Oslo"]]},
        {"in": [{"var": "points"}, [1, 1.5, 2**60]]},
        {"in": [{"var": "points"}, list(range(300))]},
        {"<=": [0.0135, {"var": "revenue"}, 1e15]},
        {"and": [POINTS, {"and": [{"or": [{"and": [{"or": [{"!": {"or": [CITY]}}]}]}]}]}]},
    ],
)
def test_drawing_a_rule_leaves_it_as_it_is(open_builder: Any, rule: Any) -> None:
    builder = open_builder(rule)
    builder.run()
    assert json.dumps(builder.draft.rule()) == json.dumps(rule)
    assert builder.app.session_state["changes"] == 0
    assert not builder.draft.can_undo


def test_a_moment_that_the_calendar_cannot_hold_is_typed(open_builder: Any) -> None:
    builder = open_builder({"and": [{">": [{"var": "points"}, 2**60]}, {"<": [{"var": "joined"}, "2026-01-31T12:00"]}]})
    assert builder.widget("text_input", "Value of condition 1").value == f"{2**60:,}"
    builder.choose("text_input", "Value of condition 1", str(2**61))
    builder.choose("text_input", "Value of condition 2", "2026-02-01")
    assert builder.draft.rule() == {
        "and": [{">": [{"var": "points"}, 2**61]}, {"<": [{"var": "joined"}, "2026-02-01"]}]
    }
    assert builder.widget("date_input", "Value of condition 2").value == date(2026, 2, 1)
    builder.choose("text_input", "Value of condition 1", "many")
    assert builder.draft.rule() == {"and": [{"<": [{"var": "joined"}, "2026-02-01"]}]}


def test_a_field_that_is_gone_stays_in_the_rule_and_is_named(open_builder: Any) -> None:
    builder = open_builder({"and": [POINTS, CITY]})
    builder.app.session_state["fields"] = [field for field in FIELDS if field.name != "city"]
    builder.run()
    assert builder.widget("selectbox", "Field of condition 2").options[-1] == "city · no longer there"
    assert builder.draft.rule() == {"and": [POINTS, CITY]}
    builder.choose("selectbox", "Field of condition 2", "email")
    assert builder.draft.rule() == {"and": [POINTS, {"==": [{"var": "email"}, "Oslo"]}]}


def test_counts_stand_under_their_conditions(open_builder: Any) -> None:
    builder = open_builder({"and": [POINTS, CITY]})
    points, city = (member.id for member in builder.root.members)
    builder.app.session_state["counts"] = {
        points: ConditionNote(4_812, 312, 20_000),
        city: ConditionNote(7_000, 0, 20_000),
    }
    builder.run()
    assert builder.captions == [
        "of these hold",
        "4,812 match, the highest 24.4% of known values · 312 blank",
        "7,000 match",
    ]


@pytest.mark.parametrize("operator", ["contains", "not_contains", "starts_with", "ends_with"])
def test_a_search_in_texts_says_that_it_is_case_sensitive(open_builder: Any, operator: str) -> None:
    builder = open_builder(from_builder(BuilderGroup("all", (BuilderCondition("city", operator, ("Os",)),))))
    builder.app.session_state["counts"] = {builder.root.members[0].id: ConditionNote(7_000, 0, 20_000)}
    builder.run()
    assert builder.captions[1] == "7,000 match · case-sensitive"


def test_a_rule_that_only_json_can_show_has_no_widgets(open_builder: Any) -> None:
    builder = open_builder(POINTS)
    builder.draft.apply_json('{">": [{"*": [{"var": "points"}, 2]}, 5]}', FIELDS)
    builder.run()
    assert [info.value for info in builder.app.info] == [
        "This rule has parts that only JSON can show. Edit it as JSON."
    ]
    assert not builder.app.selectbox
    builder.press("Undo")
    assert builder.draft.rule() == POINTS
    assert builder.widget("text_input", "Value of condition 1").value == "5"


def test_a_value_typed_just_before_its_condition_was_deleted_is_let_go(open_builder: Any) -> None:
    builder = open_builder({"and": [{"==": [{"var": "email"}, "a"]}, CITY]})
    (menu,) = [m for m in builder.app.get("menu_button") if "condition 1]" in m.label]
    menu.click("delete")
    builder.widget("text_input", "Value of condition 1").set_value("b")
    builder.run()
    assert builder.draft.rule() == {"and": [CITY]}


def test_two_values_typed_in_quick_succession_both_arrive(open_builder: Any) -> None:
    builder = open_builder({"<=": [1, {"var": "points"}, 5]})
    builder.widget("text_input", "Lowest value of condition 1").set_value("2")
    builder.widget("text_input", "Highest value of condition 1").set_value("8")
    builder.run()
    assert builder.draft.rule() == {"and": [{"<=": [2, {"var": "points"}, 8]}]}
