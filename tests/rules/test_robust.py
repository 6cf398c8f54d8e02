"""No input of any kind brings anything but an answer or a RuleError, and none takes long."""

from __future__ import annotations

import json
import random
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty_core.rules import RuleError, compile_rule, safe_json_logic, to_builder
from loyalty_core.rules.operators import OPERATORS
from tests.rules.random_rules import TODAY, columns_of, rows_of, table_of

pytestmark = pytest.mark.extended

COLUMNS = columns_of("duckdb")
ROW = rows_of("duckdb", 1, random.Random(0))[0]
TABLE = table_of("duckdb")
NAMES = [column.name for column in COLUMNS]
SCALARS = (
    None,
    True,
    False,
    0,
    1,
    -1,
    2.5,
    1e300,
    -(10**40),
    10**400,
    "",
    "a",
    "2026-01-31",
    "9999-12-31",
    "0001-01-01",
    "\ud800",
    "\0",
    float("nan"),
    float("inf"),
    *NAMES,
)
OPERATOR_NAMES = (*OPERATORS, "unknown", "", "log")


def check(rule: Any, data: Any = None) -> bool:
    """Every reading of the rule; whether it was sound."""
    try:
        safe_json_logic(rule, ROW if data is None else data)
    except RuleError as error:
        assert error.faults
        assert str(error)
    to_builder(rule, COLUMNS)
    try:
        compiled = compile_rule(rule, COLUMNS, today=TODAY)
    except RuleError as error:
        assert all(fault.code and fault.path.startswith("$") and fault.sentence for fault in error.faults)
        return False
    answer = compiled.matches(ROW)
    assert isinstance(answer, bool)
    assert compiled.explain(ROW).holds == answer
    assert compiled.describe()
    str(compiled.to_sql(TABLE))
    assert compile_rule(json.loads(json.dumps(compiled.to_json())), COLUMNS, today=TODAY).matches(ROW) == answer
    return True


def random_json(rng: random.Random, levels: int) -> Any:
    kind = rng.random()
    if levels == 0 or kind < 0.25:
        return {"var": rng.choice(NAMES)} if kind < 0.1 else rng.choice(SCALARS)
    if kind < 0.85:
        arguments = [random_json(rng, levels - 1) for _ in range(rng.randint(0, 4))]
        return {rng.choice(OPERATOR_NAMES): arguments[0] if arguments and rng.random() < 0.15 else arguments}
    if kind < 0.95:
        return [random_json(rng, levels - 1) for _ in range(rng.randint(0, 4))]
    return {rng.choice(OPERATOR_NAMES): random_json(rng, levels - 1) for _ in range(rng.randint(0, 3))}


def fuzz(seed: int, values: int) -> None:
    rng = random.Random(seed)
    sound = sum(check(random_json(rng, rng.randint(1, 5))) for _ in range(values))
    assert sound > values / 100


def test_random_values_bring_answers_or_rule_errors() -> None:
    fuzz(1, 2_000)


@pytest.mark.slow
def test_a_hundred_thousand_random_values_bring_answers_or_rule_errors() -> None:
    fuzz(2, 100_000)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(NAMES),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(OPERATOR_NAMES) | st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(JSON, JSON)
def test_any_json_as_rule_and_data(rule: Any, data: Any) -> None:
    check(rule, data)


def cyclic_list() -> list[Any]:
    members: list[Any] = []
    members.append({"and": members})
    return members


def cyclic_rule() -> dict[str, Any]:
    rule: dict[str, Any] = {}
    rule["!"] = rule
    return rule


def bomb() -> Any:
    """Small in memory, beyond counting when written out."""
    rule: Any = {"==": [{"var": "select"}, 1]}
    for _ in range(45):
        rule = {"and": [rule, rule]}
    return rule


def nested(operator: str, levels: int, inner: Any = None) -> Any:
    rule = {"==": [{"var": "select"}, 1]} if inner is None else inner
    for _ in range(levels):
        rule = {operator: [rule]}
    return rule


AWKWARD = {
    "cyclic rule": (cyclic_rule(), "too_deep"),
    "cyclic list": (cyclic_list(), "too_deep"),
    "shared parts": (bomb(), "too_much_text"),
    "100,000 levels": (nested("!", 100_000), "too_deep"),
    "51 levels": (nested("!", 50), "too_deep"),
    "long list": ({"in": [{"var": "select"}, list(range(100_001))]}, "too_long"),
    "much text": ({"==": [{"var": "other text"}, "a" * 70_000]}, "too_much_text"),
    "much text in lists": ({"in": [{"var": "other text"}, [f"{n:01000}" for n in range(100)]]}, "too_much_text"),
    "many conditions": ({"and": [{"var": "flag"}] * 40_000}, "too_much_text"),
    "huge number": ({"==": [{"var": "select"}, 10**5000]}, "number_too_large"),
    "not a number": ({"==": [{"var": "select"}, float("nan")]}, "not_finite"),
    "infinite": ({"==": [{"var": "select"}, float("-inf")]}, "not_finite"),
    "decimal NaN": ({"==": [{"var": "select"}, Decimal("sNaN")]}, "not_finite"),
    "a key that is no text": ({1: [2]}, "not_json"),
    "two keys": ({"==": [1, 1], "!=": [1, 2]}, "bad_shape"),
    "no key": ({"and": [{}]}, "bad_shape"),
    "bytes": ({"==": [{"var": "select"}, b"a"]}, "not_json"),
    "a set": ({1, 2}, "not_json"),
    "a date": ({"==": [{"var": "day"}, date(2026, 1, 1)]}, "not_json"),
    "an object": (object(), "not_json"),
    "half a character": ({"==": [{"var": "other text"}, "\ud83d"]}, "bad_text"),
    "NUL": ({"==": [{"var": "other text"}, "a\0"]}, "bad_text"),
    "an empty group": ({"and": [{"or": []}]}, "argument_count"),
    "work without end": (
        {"reduce": [list(range(1000)), {"reduce": [list(range(1000)), {"+": [{"var": "current"}, 1]}, 0]}, 0]},
        "too_much_work",
    ),
    "text without end": (
        {"reduce": [list(range(100)), {"cat": [{"var": "accumulator"}, {"var": "accumulator"}]}, "ab"]},
        "too_much_work",
    ),
    "lists without end": (
        {"reduce": [list(range(100)), {"merge": [{"var": "accumulator"}, {"var": "accumulator"}]}, [1]]},
        "too_much_work",
    ),
    "values without end": (
        {">": [{"+": [{"var": "select"}] * 17}, 1]},
        "too_large",
    ),
}


@pytest.mark.parametrize(("rule", "code"), AWKWARD.values(), ids=AWKWARD.keys())
def test_an_awkward_rule_is_refused_with_its_code(rule: Any, code: str) -> None:
    with pytest.raises(RuleError) as caught:
        compile_rule(rule, COLUMNS)
    assert code in {fault.code for fault in caught.value.faults}
    assert len(str(caught.value)) < 3_000
    check(rule)


def test_numbers_that_grow_without_end_become_blank() -> None:
    square = {"*": [{"var": "accumulator"}, {"var": "accumulator"}]}
    assert safe_json_logic({"reduce": [list(range(1000)), square, 3]}) is None


def test_the_limits_themselves_are_in_order() -> None:
    assert check(nested("!", 48))
    assert check({"in": [{"var": "select"}, list(range(100_000))]})
    assert check({"in": [{"var": "other text"}, [f"customer-{n:08}" for n in range(100_000)]]})
    assert check({"and": [{">": [{"var": "select"}, n]} for n in range(5_000)]})


def test_odd_data_brings_answers() -> None:
    data: dict[str, Any] = {
        "list": [],
        "nan": float("nan"),
        "decimal": Decimal("sNaN"),
        1: 2,
        "bytes": b"x",
        "o": object(),
    }
    data["list"].append(data)
    for name in ("list", "list.0.list", "nan", "decimal", "1", "bytes", "o", "list.99999999999", "..", "a." * 5000):
        for rule in (
            {"==": [{"var": name}, 1]},
            {"cat": [{"var": name}]},
            {"+": [{"var": name}, 1]},
            {"missing": [name]},
        ):
            safe_json_logic(rule, data)
        safe_json_logic({"in": [{"var": name}, {"var": "list"}]}, data)
        safe_json_logic({"==": [{"var": name}, {"var": name}]}, data)


def test_a_value_of_another_type_than_its_column_is_read_as_the_columns_or_blank() -> None:
    odd = (
        None,
        b"x",
        object(),
        [],
        {},
        "abc",
        "5",
        5,
        Decimal("sNaN"),
        Decimal("Infinity"),
        float("nan"),
        True,
        date.max,
    )
    rules = [
        {name: [{"var": column.name}, value]}
        for column in COLUMNS
        for name in ("==", "<=")
        if column.kind != "boolean" or name == "=="
        for value in [{"number": 5, "text": "5", "boolean": True}.get(column.kind, "2026-01-31")]
    ]
    for rule in rules:
        compiled = compile_rule(rule, COLUMNS)
        for value in odd:
            assert compiled.matches({compiled.columns[0]: value}) in (True, False)
    assert compile_rule({"==": [{"var": "select"}, 5]}, COLUMNS).matches({"select": "5"})
    assert compile_rule({"==": [{"var": "day"}, "2026-01-31"]}, COLUMNS).matches({"day": "2026-01-31"})
    assert compile_rule({"==": [{"var": "select"}, None]}, COLUMNS).matches({"select": "abc"})
