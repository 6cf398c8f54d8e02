"""What a compiled rule says of itself: faults, sentence, explanation, columns, JSON."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from loyalty_core.rules import Explanation, RuleError, compile_rule
from tests.rules.columns import COLUMNS, CUSTOMER, OSLO, TODAY

POINTS, CITY, VERIFIED, JOINED = ({"var": name} for name in ("points", "city", "verified", "joined"))


def rule(json_logic: Any) -> Any:
    return compile_rule(json_logic, COLUMNS, today=TODAY, zone=OSLO)


@pytest.mark.parametrize("empty", [None, {}, [], ""])
def test_an_empty_rule_is_everyone(empty: Any) -> None:
    everyone = rule(empty)
    assert everyone.matches({}) is True
    assert everyone.describe() == "All customers"
    assert everyone.to_json() == {}
    assert everyone.columns == ()


def test_all_faults_come_at_once_with_path_code_and_remedy() -> None:
    with pytest.raises(RuleError) as caught:
        rule(
            {
                "and": [
                    {">": [{"var": "point"}, 5]},
                    {"is": [CITY, "Oslo"]},
                    {"==": [POINTS, "many"]},
                    {"<": [POINTS]},
                    {"or": [{"!": {"in": [CITY, [1, 2]]}}, {"==": [JOINED, "soon"]}]},
                    {"odd name!": 1},
                ]
            }
        )
    assert {(fault.path, fault.code) for fault in caught.value.faults} == {
        ("$.and[0].>[0].var", "unknown_column"),
        ("$.and[1].is", "unknown_operator"),
        ("$.and[2].==[1]", "wrong_type"),
        ("$.and[3].<", "argument_count"),
        ("$.and[4].or[0].!.in[1]", "wrong_type"),
        ("$.and[4].or[1].==[1]", "wrong_type"),
        ('$.and[5]["odd name!"]', "unknown_operator"),
    }
    assert "Nearest: points, last_login." in {fault.remedy for fault in caught.value.faults}
    assert str(caught.value).startswith("The rule has 7 faults.")


SENTENCES = [
    ({">=": [POINTS, 1000]}, "Points is at least 1,000"),
    (
        {"and": [{"==": [CITY, "Oslo"]}, {"or": [VERIFIED, {"<": [POINTS, 5]}]}]},
        "City is “Oslo” and (Verified is yes or Points is less than 5)",
    ),
    ({"!": {"in": [CITY, ["Oslo", "Rome"]]}}, "City is none of “Oslo” or “Rome”"),
    ({"!": {"or": [{"==": [CITY, None]}, VERIFIED]}}, "none of these holds: (City is blank or Verified is yes)"),
    ({"<=": [{"today": -29}, JOINED, {"today": 0}]}, "Joined is in the last 30 days (2026-01-31 to 2026-03-01)"),
    ({"<=": [{"today": 0}, JOINED, {"today": 0}]}, "Joined is in the last day (2026-03-01)"),
    ({"<=": [{"today": 1}, JOINED, {"today": 7}]}, "Joined is in the next 7 days (2026-03-02 to 2026-03-08)"),
    ({"<=": [{"today": 1}, JOINED, {"today": 1}]}, "Joined is in the next day (2026-03-02)"),
    ({"!": {"<": [JOINED, "2026-01-31"]}}, "Joined is not before 2026-01-31"),
    ({">": [{"/": [{"var": "revenue"}, {"var": "visits"}]}, 50]}, "(Revenue ÷ Visits) is more than 50"),
    ({"missing": ["city", "email"]}, "City is blank or E-mail is blank"),
    ({"missing_some": [1, ["city", "email"]]}, "fewer than 1 of City and E-mail are filled"),
    ({"in": [POINTS, list(range(14))]}, "Points is one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 4 more"),
    (
        {"some": [[POINTS, {"var": "visits"}], {">": [{"var": ""}, 3]}]},
        "Points is more than 3 or Visits is more than 3",
    ),
]


@pytest.mark.parametrize(("json_logic", "sentence"), SENTENCES, ids=[sentence for _, sentence in SENTENCES])
def test_the_sentence(json_logic: Any, sentence: str) -> None:
    assert rule(json_logic).describe() == f"Customers where {sentence}"


def test_an_explanation_has_every_condition_with_its_values() -> None:
    json_logic = {"and": [{">": [POINTS, 100]}, {"or": [{"==": [CITY, "Oslo"]}, {"==": [CITY, "Rome"]}]}]}
    found = rule(json_logic).explain(CUSTOMER)
    assert (found.holds, found.path, found.sentence) == (False, "$.and", "All of these 2 conditions")
    points, cities = found.children
    assert (points.holds, points.actual, points.path) == (False, {"points": 40}, "$.and[0].>")
    assert cities.holds
    assert [child.holds for child in cities.children] == [True, False]


CHANGES = [
    ({">": [POINTS, 100]}, {"points": 101}),
    ({"and": [{">": [POINTS, 100]}, VERIFIED]}, {"points": 101}),
    ({"<=": [30, POINTS, 50]}, {"points": 51}),
    ({"and": [{">": [POINTS, 100]}, {"==": [CITY, "Rome"]}]}, {"points": 101, "city": "Rome"}),
    ({"or": [VERIFIED, {">": [POINTS, 100]}]}, {"verified": False}),
    ({"!": {"==": [CITY, "Oslo"]}}, {"city": "another value"}),
    ({"in": [CITY, ["Rome", "Oslo"]]}, {"city": "Rome"}),
    ({">": [{"var": "visits"}, 3]}, {"visits": 4}),
    ({"<": [JOINED, "2026-01-31"]}, {"joined": date(2026, 1, 30)}),
    ({"==": [CITY, None]}, {"city": None}),
]


@pytest.mark.parametrize(("json_logic", "wanted"), CHANGES, ids=str)
def test_the_smallest_change_turns_the_outcome_around(json_logic: Any, wanted: dict[str, Any]) -> None:
    compiled = rule(json_logic)
    found = compiled.explain(CUSTOMER)
    changes = {change.column: change.after for change in found.change}
    assert compiled.matches(CUSTOMER | changes) != found.holds
    if json_logic != {"in": [CITY, ["Rome", "Oslo"]]}:
        assert changes == wanted


def test_nothing_turns_a_contradiction_around() -> None:
    assert rule({"and": [{"<": [POINTS, 1]}, {">": [POINTS, 5]}]}).explain(CUSTOMER).change is None


def test_an_explanation_of_everyone_is_one_condition() -> None:
    assert rule({}).explain(CUSTOMER) == Explanation("always", "$", True, {}, (), None)


def test_columns_are_named_once_in_reading_order() -> None:
    json_logic = {"and": [{">": [POINTS, 1]}, {"<": [{"var": "revenue"}, POINTS]}, {"missing": ["city"]}]}
    assert rule(json_logic).columns == ("points", "revenue", "city")


def test_the_rule_keeps_its_json_whatever_happens_to_the_one_it_was_given() -> None:
    given = {"in": [CITY, ["Oslo"]]}
    compiled = rule(given)
    given["in"].clear()
    compiled.to_json()["in"].clear()
    assert compiled.to_json() == {"in": [CITY, ["Oslo"]]}


@pytest.mark.parametrize(
    ("today", "day"),
    [
        (date(2026, 3, 1), date(2026, 3, 1)),
        (datetime(2026, 2, 28, 23, 30, tzinfo=UTC), date(2026, 3, 1)),
        (lambda: datetime(2026, 2, 28, 22, 30, tzinfo=UTC), date(2026, 2, 28)),
    ],
)
def test_today_is_the_day_in_the_zone(today: Any, day: date) -> None:
    compiled = compile_rule({">=": [JOINED, {"today": 0}]}, COLUMNS, today=today, zone=OSLO)
    assert compiled.today == day
    assert compiled.matches({"joined": day})


def test_a_default_stands_in_for_a_blank() -> None:
    compiled = rule({">": [{"var": ["visits", 5]}, 3]})
    assert compiled.matches({"visits": None})
    assert not compiled.matches({"visits": 1})


def test_a_choice_of_nothing_but_null_is_blank() -> None:
    assert not rule({">": [{"+": [{"if": [VERIFIED, None, None]}]}, 3]}).matches(CUSTOMER)


def test_a_column_that_cannot_be_compared_may_be_asked_whether_it_is_blank() -> None:
    assert rule({"==": [{"var": "profile"}, None]}).matches(CUSTOMER)
    with pytest.raises(RuleError, match="cannot be compared"):
        rule({"==": [{"var": "profile"}, 5]})
