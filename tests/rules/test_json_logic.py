"""safe_json_logic: the published tests, the answers of json-logic-js, and blanks."""

import json
import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from loyalty_core.rules import RuleError, safe_json_logic
from tests.workbench import ROOT

SUITE = Path(__file__).with_name("jsonlogic_tests.json")
RULES = ROOT / "docs/rules.md"
JAVASCRIPT = json.loads((ROOT / "tests/data/json_logic_js/cases.json").read_text("utf-8"))
# An empty or null rule is always true here; the suite passes null through.
EXCEPTIONS = [[None, {}, None]]
NAN = float("nan")


def published_cases() -> list[list[Any]]:
    return [case for case in json.loads(SUITE.read_text()) if isinstance(case, list) and case not in EXCEPTIONS]


@pytest.mark.parametrize("case", published_cases(), ids=lambda case: json.dumps(case[0])[:60])
def test_published_case(case: list[Any]) -> None:
    rule, data, expected = case
    answer = safe_json_logic(rule, data)
    assert answer == expected
    assert isinstance(answer, bool) == isinstance(expected, bool)


def test_the_suite_is_whole() -> None:
    assert len(published_cases()) == 274


@pytest.mark.parametrize("rule", [None, {}])
def test_an_empty_rule_is_true(rule: Any) -> None:
    assert safe_json_logic(rule, {"a": 1}) is True


@pytest.mark.parametrize("blank", [{}, {"x": None}, {"x": NAN}, {"x": Decimal("NaN")}], ids=str)
def test_a_blank_meets_only_null(blank: Any) -> None:
    x = {"var": "x"}
    for name in ("<", "<=", ">", ">="):
        for other in (0, 5, -1, "a", "", None, True):
            assert safe_json_logic({name: [x, other]}, blank) is False
            assert safe_json_logic({name: [other, x]}, blank) is False
    assert [safe_json_logic({"==": [x, other]}, blank) for other in (0, "", False, "null")] == [False] * 4
    assert [safe_json_logic({"!=": [x, other]}, blank) for other in (0, "", False, "null")] == [True] * 4
    assert safe_json_logic({"==": [x, None]}, blank) is True
    assert safe_json_logic({"in": [x, ["a", 0]]}, blank) is False
    assert safe_json_logic({"in": [x, "null"]}, blank) is False
    assert safe_json_logic({"!": {">": [x, 5]}}, blank) is True
    assert safe_json_logic({"<": [1, x, 3]}, blank) is False


def test_values_of_python_are_read_as_json_has_them() -> None:
    assert safe_json_logic({"==": [{"var": "x"}, 0.1]}, {"x": Decimal("0.10")}) is True
    assert safe_json_logic({"<": [{"var": "d"}, "2026-02-01"]}, {"d": date(2026, 1, 31)}) is True
    assert safe_json_logic({"<": [{"var": "d"}, "2026-02-01"]}, {"d": datetime(2026, 1, 31, 23, 59)}) is True
    assert safe_json_logic({"var": "a.b"}, {"a.b": 1, "a": {"b": 2}}) == 1


def test_today_counts_days() -> None:
    assert safe_json_logic({"today": -1}, today=date(2026, 3, 1)) == "2026-02-28"
    assert safe_json_logic(
        {"<=": [{"today": -7}, {"var": "d"}, {"today": 0}]}, {"d": date(2026, 3, 1)}, today=date(2026, 3, 1)
    )


@pytest.mark.parametrize(
    ("operation", "answer"),
    [({"/": [1, 0]}, None), ({"%": [1, 0]}, None), ({"/": [1, 2]}, 0.5), ({"+": [1, None]}, None)],
)
def test_arithmetic_that_has_no_answer_is_blank(operation: Any, answer: Any) -> None:
    assert safe_json_logic(operation) == answer


def test_a_malformed_rule_is_refused_whatever_the_data() -> None:
    with pytest.raises(RuleError, match=r"\$\.and\[1\]\.foo"):
        safe_json_logic({"and": [True, {"foo": 1}]}, {})


def answer_here(rule: Any, data: Any) -> Any:
    try:
        return safe_json_logic(rule, data)
    except RuleError as error:
        return {"fault": error.faults[0].code}


def is_same(left: Any, right: Any) -> bool:
    """Whether two answers are one in JSON, where true is not 1 but 1.0 is; undefined is null."""
    if right == {"no_json": "undefined"}:
        right = None
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(is_same, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left == right
    return type(left) is type(right) and left == right


def test_answers_are_those_of_javascript() -> None:
    same = [case for case in JAVASCRIPT if len(case) == 3]
    wrong = [case for case in same if not is_same(answer_here(case[0], case[1]), case[2])]
    assert wrong == []
    assert len(same) > 600


def test_every_other_answer_is_a_documented_difference() -> None:
    different = [case for case in JAVASCRIPT if len(case) == 5]
    assert len(different) > 200
    for rule, data, javascript, _, here in different:
        answer = answer_here(rule, data)
        assert is_same(answer, here), rule
        assert not is_same(answer, javascript), f"{rule} is no difference any more"
    documented = re.findall(r"^\| ([a-z ]+) \| .* \| .* \| .* \| .* \|$", RULES.read_text("utf-8"), re.MULTILINE)
    assert {name for *_, name, _ in different} <= set(documented)
