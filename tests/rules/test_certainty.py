"""Rules that hold for nobody, or for everybody, whatever the data."""

from __future__ import annotations

import random
from typing import Any

import pytest

from loyalty_core.rules import compile_rule
from loyalty_core.rules.certainty import certain_answer
from tests.rules.random_rules import TestColumn

COLUMNS = [
    TestColumn("age", "number", None, ()),
    TestColumn("spent", "number", None, ()),
    TestColumn("city", "text", None, ()),
    TestColumn("active", "boolean", None, ()),
    TestColumn("joined", "date", None, ()),
    TestColumn("seen", "datetime", None, ()),
]
AGE, SPENT, CITY, ACTIVE, JOINED, SEEN = ({"var": column.name} for column in COLUMNS)
NEVER = {
    "from 60 to 30": {"<=": [60, AGE, 30]},
    "two halves that do not meet": {"and": [{">": [AGE, 60]}, {"<": [SPENT, 5]}, {"<": [AGE, 30]}]},
    "two texts at once": {"and": [{"==": [CITY, "Oslo"]}, {"==": [CITY, "Bergen"]}]},
    "in a list and not in it": {"and": [{"in": [CITY, ["Oslo", "Bergen"]]}, {"!": {"in": [CITY, ["Bergen", "Oslo"]]}}]},
    "blank and filled": {"and": [{"==": [AGE, None]}, {">": [AGE, 5]}]},
    "an empty list": {"in": [CITY, []]},
    "yes and no": {"and": [{"==": [ACTIVE, True]}, {"==": [ACTIVE, False]}]},
    "an end before the start": {"<=": ["2026-03-01", JOINED, "2026-02-01"]},
    "a time of day before another": {"<=": ["2026-03-01T12:00:00", SEEN, "2026-03-01T11:00:00"]},
    "the next days and the last": {"and": [{"<": [JOINED, {"today": 0}]}, {">": [JOINED, {"today": 0}]}]},
    "false": {"==": [1, 2]},
    "one part that cannot be": {"and": [{">": [SPENT, 5]}, {"<=": [60, AGE, 30]}]},
    "no part that can be": {"or": [{"<=": [60, AGE, 30]}, {"<=": [2, SPENT, 1]}]},
}
ALWAYS = {
    "true": {"==": [1, 1]},
    "below, above or blank": {"or": [{"<": [AGE, 5]}, {">=": [AGE, 5]}, {"==": [AGE, None]}]},
    "filled or blank": {"or": [{"==": [CITY, None]}, {"!=": [CITY, None]}]},
    "not both": {"!": {"and": [{"==": [CITY, "Oslo"]}, {"==": [CITY, "Bergen"]}]}},
    "not from 60 to 30": {"!": {"<=": [60, AGE, 30]}},
}
OPEN = {
    "from 30 to 60": {"<=": [30, AGE, 60]},
    "one value": {"<=": [30, AGE, 30]},
    "below or above, but not blank": {"or": [{"<": [AGE, 5]}, {">=": [AGE, 5]}]},
    "between two neighbours": {"and": [{">": [AGE, 3]}, {"<": [AGE, 4]}]},
    "a value that is not 0": {"and": [{"!!": AGE}, {"<": [AGE, 1]}, {">": [AGE, -1]}]},
    "another text": {
        "and": [{"!=": [CITY, "Oslo"]}, {"!=": [CITY, "Bergen"]}, {"!=": [CITY, None]}, {"!=": [CITY, ""]}]
    },
    "a day": {"<=": ["2026-03-01", JOINED, "2026-03-01"]},
    "letters": {"and": [{"in": ["a", CITY]}, {"==": [CITY, "b"]}]},
    "two columns": {"and": [{"<": [AGE, 5]}, {">": [SPENT, 5]}]},
    "one column against another": {"and": [{"<": [AGE, SPENT]}, {"<": [SPENT, AGE]}]},
}
CASES = [
    *((rule, False) for rule in NEVER.values()),
    *((rule, True) for rule in ALWAYS.values()),
    *((rule, None) for rule in OPEN.values()),
]


@pytest.mark.parametrize(("rule", "expected"), CASES, ids=[*NEVER, *ALWAYS, *OPEN])
def test_what_is_certain(rule: Any, expected: bool | None):
    assert certain_answer(compile_rule(rule, COLUMNS).condition) is expected


def random_rule(rng: random.Random, depth: int) -> Any:
    if depth and rng.random() < 0.6:
        group = {rng.choice(("and", "or")): [random_rule(rng, depth - 1) for _ in range(rng.randint(2, 3))]}
        return {"!": group} if rng.random() < 0.2 else group
    operator = rng.choice(("<", "<=", ">", ">=", "==", "!="))
    return {operator: [rng.choice((AGE, SPENT)), rng.choice((0, 1, 2.5, 3)) if rng.random() < 0.9 else None]}


def test_nothing_is_called_certain_that_a_customer_contradicts():
    rng = random.Random(5)
    values = (None, -1, 0, 0.5, 1, 2, 2.5, 2.75, 3, 4)
    customers = [{"age": age, "spent": spent} for age in values for spent in values]
    found = {True: 0, False: 0}
    for _ in range(3_000):
        rule = compile_rule(random_rule(rng, 2), COLUMNS)
        answer = certain_answer(rule.condition)
        if answer is not None:
            assert {rule.matches(customer) for customer in customers} == {answer}, rule.to_json()
            found[answer] += 1
    assert min(found.values()) > 20


def test_a_rule_of_thousands_of_conditions_is_not_tried():
    rule = {"or": [{"==": [AGE if number % 2 else SPENT, number]} for number in range(5_000)]}
    assert certain_answer(compile_rule(rule, COLUMNS).condition) is None
    contradiction = {"and": [{"<=": [60, AGE, 30]}, *({"!=": [SPENT, number]} for number in range(300))]}
    assert certain_answer(compile_rule(contradiction, COLUMNS).condition) is None
