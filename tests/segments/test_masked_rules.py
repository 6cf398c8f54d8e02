"""Rules for viewers who may not see the values that they compare some columns with."""

from __future__ import annotations

from typing import Any

import pytest

from loyalty_core.segments.masked_rules import reads_any, without_values_of
from loyalty_core.warehouse.columns import MASK

EMAIL, AGE = {"var": "email"}, {"var": ["age", 7]}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, {}),
        ({"==": [EMAIL, "a@b.c"]}, {"==": [EMAIL, MASK]}),
        ({"in": [EMAIL, ["a@b.c", "d@e.f"]]}, {"in": [EMAIL, [MASK, MASK]]}),
        ({"==": [{"substr": [EMAIL, 0, 3]}, "abc"]}, {"==": [{"substr": [EMAIL, MASK, MASK]}, MASK]}),
        ({">": [AGE, 40]}, {">": [AGE, 40]}),
        (
            {"and": [{">": [AGE, 40]}, {"!": {"==": [EMAIL, "a@b.c"]}}]},
            {"and": [{">": [AGE, 40]}, {"!": {"==": [EMAIL, MASK]}}]},
        ),
        (
            {"if": [{"==": [EMAIL, "a@b.c"]}, True, {"<": [AGE, 9]}]},
            {"if": [{"==": [EMAIL, MASK]}, True, {"<": [AGE, 9]}]},
        ),
        ({"missing": ["email", "age"]}, {"missing": ["email", "age"]}),
        ({"some": [[EMAIL], {"==": [{"var": ""}, "a@b.c"]}]}, {"some": [[EMAIL], {"==": [{"var": ""}, MASK]}]}),
    ],
)
def test_constants_compared_with_hidden_columns_are_masked(rule: Any, expected: Any):
    assert without_values_of(rule, {"email"}) == expected


def test_with_unknown_columns_every_constant_is_masked():
    assert without_values_of({">": [AGE, 40]}, None) == {">": [AGE, MASK]}


def test_what_a_rule_reads():
    assert reads_any({"and": [{"!": [{"missing_some": [1, ["age", "email"]]}]}]}, {"email"})
    assert not reads_any({"==": [AGE, "email"]}, {"email"})
