"""The visual builder's tree to JSONLogic and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyalty_core.rules import BuilderCondition, BuilderGroup, compile_rule, from_builder, operators_for, to_builder
from loyalty_core.rules.builder import OPERATORS
from tests.rules.columns import COLUMNS, CUSTOMER, TODAY

SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "number": st.integers(-(10**12), 10**12) | st.floats(-1e9, 1e9),
    "text": st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=8),
    "date": st.dates().map(str),
    "datetime": st.dates().map(str),
    "days": st.integers(1, 3650),
}


@st.composite
def conditions(draw: st.DrawFn) -> BuilderCondition:
    column = draw(st.sampled_from(COLUMNS))
    operator = draw(st.sampled_from(operators_for(column.kind)))
    if operator.values == 0:
        return BuilderCondition(column.name, operator.key)
    scalar = SCALARS[operator.value_kind or column.kind]
    size = (1, 5) if operator.values is None else (operator.values, operator.values)
    values = draw(st.lists(scalar, min_size=size[0], max_size=size[1]))
    return BuilderCondition(column.name, operator.key, tuple(values))


MEMBERS = st.recursive(
    conditions(),
    lambda inner: st.builds(
        BuilderGroup, st.sampled_from(["all", "any", "none"]), st.lists(inner, min_size=1, max_size=4).map(tuple)
    ),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(MEMBERS)
def test_builder_to_json_and_back_is_lossless(tree: BuilderGroup | BuilderCondition) -> None:
    rule = json.loads(json.dumps(from_builder(tree)))
    assert to_builder(rule, COLUMNS) == tree
    assert from_builder(to_builder(rule, COLUMNS)) == rule  # pyright: ignore[reportArgumentType]
    compiled = compile_rule(rule, COLUMNS, today=TODAY)
    assert compiled.matches(CUSTOMER) in (True, False)
    assert to_builder(compiled.to_json(), COLUMNS) == tree


def test_the_empty_rule_is_an_empty_group() -> None:
    for empty in (None, {}, []):
        assert to_builder(empty, COLUMNS) == BuilderGroup("all")
    assert from_builder(BuilderGroup("all")) == {}


CITY, JOINED = {"var": "city"}, {"var": "joined"}
FORMS = [
    ("city", "starts_with", ("Os",), {"==": [{"substr": [CITY, 0, 2]}, "Os"]}),
    ("city", "ends_with", ("lo",), {"==": [{"substr": [CITY, -2]}, "lo"]}),
    ("city", "contains", ("sl",), {"in": ["sl", CITY]}),
    ("city", "not_contains", ("sl",), {"!": {"in": ["sl", CITY]}}),
    ("city", "one_of", ("Oslo", "Rome"), {"in": [CITY, ["Oslo", "Rome"]]}),
    ("city", "none_of", ("Oslo",), {"!": {"in": [CITY, ["Oslo"]]}}),
    ("city", "is_blank", (), {"==": [CITY, None]}),
    ("city", "is_not_blank", (), {"!=": [CITY, None]}),
    ("points", "between", (1, 5), {"<=": [1, {"var": "points"}, 5]}),
    ("verified", "is_false", (), {"==": [{"var": "verified"}, False]}),
    ("joined", "on", ("2026-01-31",), {"==": [JOINED, "2026-01-31"]}),
    ("joined", "in_last_days", (30,), {"<=": [{"today": -29}, JOINED, {"today": 0}]}),
    ("joined", "in_last_days", (1,), {"<=": [{"today": 0}, JOINED, {"today": 0}]}),
    ("joined", "in_next_days", (7,), {"<=": [{"today": 1}, JOINED, {"today": 7}]}),
    ("joined", "in_next_days", (1,), {"<=": [{"today": 1}, JOINED, {"today": 1}]}),
    ("joined", "in_period", ("2026-01-01", "2026-01-31"), {"<=": ["2026-01-01", JOINED, "2026-01-31"]}),
]


@pytest.mark.parametrize(("column", "operator", "values", "rule"), FORMS, ids=[f"{row[1]} {row[2]}" for row in FORMS])
def test_the_stored_form(column: str, operator: str, values: tuple[Any, ...], rule: Any) -> None:
    condition = BuilderCondition(column, operator, values)
    assert from_builder(condition) == rule
    assert to_builder(rule, COLUMNS) == condition


@pytest.mark.parametrize(
    "rule",
    [
        {"!": {"and": [{"==": [CITY, "Oslo"]}]}},
        {">": [{"+": [{"var": "points"}, 1]}, 5]},
        {">": [5, {"var": "points"}]},
        {"==": [{"var": "no such"}, 5]},
        {"==": [{"substr": [CITY, 0, 3]}, "Os"]},
        {"==": [CITY, 5]},
        {"==": [{"var": ["city", "x"]}, "Oslo"]},
        {"and": {"==": [CITY, "Oslo"]}},
        {"and": [{"==": [CITY, "Oslo"]}, {"if": [True, False]}]},
        {"<=": [{"today": 30}, JOINED, {"today": 0}]},
        {"unknown": 1},
        True,
    ],
    ids=json.dumps,
)
def test_a_rule_that_the_builder_cannot_show_as_it_is(rule: Any) -> None:
    assert to_builder(rule, COLUMNS) is None


def test_every_operator_has_a_sentence_with_its_values() -> None:
    for operator in OPERATORS.values():
        assert "{column}" in operator.sentence
        wanted = {None: ["{list}"], 0: [], 1: ["{first}"], 2: ["{first}", "{second}"]}[operator.values]
        assert all(slot in operator.sentence for slot in wanted), operator.key
