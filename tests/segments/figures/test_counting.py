"""The figures that stand beside a rule's conditions: each is that of SQL written by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.segments import SegmentationEngine
from loyalty_core.segments.figures import ConditionCount, FunnelStep, Preview
from tests.segments.rules_in_sql import RULES
from tests.segments.scored import keep, segment
from tests.workbench import DEMO_CUSTOMERS, Query

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend

RICH, OLD = {">": [{"var": "total_revenue"}, 800]}, {">": [{"var": "age"}, 40]}
NOT_OSLO = {"!": {"in": [{"var": "city"}, ["Oslo", "Bergen"]]}}
OLD_SQL, NOT_OSLO_SQL = "coalesce(age > 40, false)", "coalesce(city NOT IN ('Oslo', 'Bergen'), true)"


def count(sql: Query, where: str) -> int:
    return sql(f"SELECT count(*) FROM customers WHERE {where}")[0][0]


def test_a_funnel_and_its_conditions(engine: SegmentationEngine, sql: Query):
    rich, old, city = "total_revenue > 800", OLD_SQL, NOT_OSLO_SQL
    members = count(sql, f"{rich} AND {old} AND {city}")
    assert engine.select({"and": [RICH, OLD, NOT_OSLO]}).preview() == Preview(
        customers=DEMO_CUSTOMERS,
        members=members,
        steps=(
            FunnelStep(
                "$.and[0].>", "Total revenue is more than 800", count(sql, rich), count(sql, f"{old} AND {city}")
            ),
            FunnelStep(
                "$.and[1].>", "Age is more than 40", count(sql, f"{rich} AND {old}"), count(sql, f"{rich} AND {city}")
            ),
            FunnelStep("$.and[2].!", "City is none of “Oslo” or “Bergen”", members, count(sql, f"{rich} AND {old}")),
        ),
        conditions=(
            ConditionCount("$.and[0].>", "Total revenue is more than 800", count(sql, rich), 0),
            ConditionCount("$.and[1].>", "Age is more than 40", count(sql, old), count(sql, "age IS NULL")),
            ConditionCount(
                "$.and[2].!", "City is none of “Oslo” or “Bergen”", count(sql, city), count(sql, "city IS NULL")
            ),
        ),
    )


@pytest.mark.parametrize(("rule", "where"), RULES.values(), ids=RULES)
def test_the_size_is_that_of_sql(engine: SegmentationEngine, sql: Query, rule: Any, where: str):
    preview = engine.select(rule).preview()
    assert (preview.members, preview.customers) == (count(sql, where), DEMO_CUSTOMERS)
    assert preview.share == preview.members / DEMO_CUSTOMERS
    assert engine.select(rule).size() == Preview(DEMO_CUSTOMERS, preview.members)


@pytest.mark.parametrize("rule", [{}, None, [], ""])
def test_an_empty_rule_is_everyone_without_steps(engine: SegmentationEngine, rule: Any):
    assert engine.select(rule).preview() == Preview(DEMO_CUSTOMERS, DEMO_CUSTOMERS)
    assert engine.select(rule).preview().share == 1


def test_a_single_condition_has_no_funnel(engine: SegmentationEngine, sql: Query):
    for rule in (OLD, {"and": [OLD]}):
        preview = engine.select(rule).preview()
        assert preview.steps == ()
        [condition] = preview.conditions
        assert (condition.holds, condition.blanks) == (count(sql, OLD_SQL), count(sql, "age IS NULL"))
        assert preview.members == condition.holds


def test_one_of_several_has_conditions_and_no_funnel(engine: SegmentationEngine, sql: Query):
    preview = engine.select({"or": [RICH, OLD]}).preview()
    assert preview.steps == ()
    assert [condition.holds for condition in preview.conditions] == [
        count(sql, "total_revenue > 800"),
        count(sql, OLD_SQL),
    ]
    assert preview.members == count(sql, f"total_revenue > 800 OR {OLD_SQL}")


def test_groups_are_steps_and_their_conditions_are_counted_by_themselves(engine: SegmentationEngine, sql: Query):
    rule = {"and": [{"or": [RICH, OLD]}, {"!": {"or": [NOT_OSLO, {"==": [{"var": "gender"}, "male"]}]}}]}
    either, neither = (
        f"(total_revenue > 800 OR {OLD_SQL})",
        "(city IN ('Oslo', 'Bergen') AND gender IS DISTINCT FROM 'male')",
    )
    preview = engine.select(rule).preview()
    assert [(step.path, step.remaining, step.without) for step in preview.steps] == [
        ("$.and[0].or", count(sql, either), count(sql, neither)),
        ("$.and[1].!", count(sql, f"{either} AND {neither}"), count(sql, either)),
    ]
    assert [(condition.path, condition.holds) for condition in preview.conditions] == [
        ("$.and[0].or[0].>", count(sql, "total_revenue > 800")),
        ("$.and[0].or[1].>", count(sql, OLD_SQL)),
        ("$.and[1].!.or[0].!", count(sql, NOT_OSLO_SQL)),
        ("$.and[1].!.or[1].==", count(sql, "gender = 'male'")),
    ]


def test_many_conditions_are_counted_as_far_as_one_number_goes(engine: SegmentationEngine, sql: Query):
    ages = range(20, 60)
    preview = engine.select({"or": [{"==": [{"var": "age"}, age]} for age in ages]}).preview()
    assert preview.members == count(sql, "age BETWEEN 20 AND 59")
    assert len(preview.conditions) == 30
    assert [condition.holds for condition in preview.conditions] == [count(sql, f"age = {age}") for age in ages][:30]


def test_the_longest_funnel_is_right_in_every_step(engine: SegmentationEngine, sql: Query):
    conditions = [({">": [{"var": "total_revenue"}, n * 20]}, f"total_revenue > {n * 20}") for n in range(11)]
    conditions.append((OLD, OLD_SQL))
    preview = engine.select({"and": [rule for rule, _ in conditions]}).preview()
    wheres = [where for _, where in conditions]
    assert [step.remaining for step in preview.steps] == [count(sql, " AND ".join(wheres[: i + 1])) for i in range(12)]
    assert [step.without for step in preview.steps] == [
        count(sql, " AND ".join(wheres[:i] + wheres[i + 1 :])) for i in range(12)
    ]
    assert [condition.holds for condition in preview.conditions] == [count(sql, where) for where in wheres]


def test_beyond_twelve_there_is_no_funnel(engine: SegmentationEngine, sql: Query):
    preview = engine.select({"and": [{">": [{"var": "total_revenue"}, n]} for n in range(13)]}).preview()
    assert preview.steps == ()
    assert len(preview.conditions) == 13
    assert preview.members == count(sql, "total_revenue > 12")


def test_blanks_of_a_condition_on_two_columns(engine: SegmentationEngine, sql: Query):
    [condition] = engine.select({"<": [{"var": "age"}, {"var": "last_login_days_ago"}]}).preview().conditions
    assert condition.holds == count(sql, "age < last_login_days_ago")
    assert condition.blanks == count(sql, "age IS NULL OR last_login_days_ago IS NULL")


def test_segments_and_predictions_are_counted_like_columns(engine: SegmentationEngine, sql: Query):
    keep(engine, "Rich", RICH)
    preview = engine.select({"and": [segment("rich"), {"==": [{"var": "churn_risk"}, "high"]}]}).preview()
    rich, high = "total_revenue > 800", "churn_risk = 'high'"
    assert preview.members == count(sql, f"{rich} AND {high}")
    assert [(one.sentence, one.holds, one.blanks) for one in preview.conditions] == [
        ("Member of Rich is yes", count(sql, rich), 0),
        ("Churn risk is “high”", count(sql, high), 0),
    ]


@pytest.fixture
def small(backend: Backend, open_warehouse: Callable[..., Warehouse]) -> SegmentationEngine:
    """Five customers with blanks, NaN and exact numbers."""
    backend.execute(
        "CREATE TABLE customer_features_view (customer_id varchar, score double precision, price numeric(10, 2), "
        "active boolean);"
        "INSERT INTO customer_features_view VALUES ('a', 'NaN', 0.10, true), ('b', NULL, NULL, NULL), "
        "('c', 2.5, 10.00, false), ('d', -1, 0.30, true), ('e', 'Infinity', 99999999.99, NULL)"
    )
    return SegmentationEngine(open_warehouse(backend.url))


def test_nan_is_a_blank_and_decimals_are_exact(small: SegmentationEngine):
    preview = small.select(
        {"and": [{">": [{"var": "score"}, -2]}, {"==": [{"var": "price"}, 0.1]}, {"!=": [{"var": "active"}, True]}]}
    ).preview()
    assert [(one.holds, one.blanks) for one in preview.conditions] == [(3, 2), (1, 1), (3, 2)]
    assert [(one.remaining, one.without) for one in preview.steps] == [(3, 0), (0, 2), (0, 0)]
    assert (preview.members, preview.customers, preview.share) == (0, 5, 0)
    assert all(type(figure) is int for figure in (preview.members, preview.customers, preview.steps[0].remaining))


def test_an_empty_base(backend: Backend, open_warehouse: Callable[..., Warehouse]):
    backend.execute("CREATE TABLE customer_features_view (customer_id varchar, x integer)")
    engine = SegmentationEngine(open_warehouse(backend.url))
    preview = engine.select({"and": [{">": [{"var": "x"}, 1]}, {"<": [{"var": "x"}, 5]}]}).preview()
    assert (preview.members, preview.customers, preview.share) == (0, 0, 0)
    assert [(one.remaining, one.without) for one in preview.steps] == [(0, 0), (0, 0)]
    assert engine.count({}) == 0
    assert engine.members({}) == []


BETWEEN = {"<=": [30, {"var": "age"}, 60]}
BETWEEN_SQL = "age BETWEEN 30 AND 60"


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        (BETWEEN, "$.<="),
        ({"and": [BETWEEN]}, "$.and[0].<="),
        ({"or": [BETWEEN]}, "$.or[0].<="),
        ({"or": [BETWEEN, RICH]}, "$.or[0].<="),
        ({"and": [BETWEEN, RICH]}, "$.and[0].<="),
        ({"and": [RICH, {"!": {"or": [BETWEEN]}}]}, "$.and[1].!.or[0].<="),
    ],
)
def test_both_ends_of_between_are_one_condition(engine: SegmentationEngine, sql: Query, rule: Any, path: str):
    conditions = {one.path: one for one in engine.select(rule).preview().conditions}
    assert conditions[path].holds == count(sql, BETWEEN_SQL)
    assert conditions[path].blanks == count(sql, "age IS NULL")
    assert len(conditions) == len({path, *(other for other in conditions if other.endswith(".>"))})


def test_between_is_one_step_of_the_funnel(engine: SegmentationEngine, sql: Query):
    preview = engine.select({"and": [RICH, BETWEEN]}).preview()
    assert [(step.path, step.remaining, step.without) for step in preview.steps] == [
        ("$.and[0].>", count(sql, "total_revenue > 800"), count(sql, BETWEEN_SQL)),
        ("$.and[1].<=", count(sql, f"total_revenue > 800 AND {BETWEEN_SQL}"), count(sql, "total_revenue > 800")),
    ]
    assert engine.select({"and": [BETWEEN]}).preview().steps == ()


def test_a_condition_that_nobody_can_meet_is_known(engine: SegmentationEngine):
    backwards = {"<=": [60, {"var": "age"}, 30]}
    preview = engine.select({"or": [RICH, backwards]}).preview()
    assert preview.certain is None
    assert [one.certain for one in preview.conditions] == [None, False]
    assert engine.select({"and": [RICH, backwards]}).preview().certain is False
    assert engine.select({"==": [1, 1]}).preview().certain is True
    assert engine.select({}).preview().certain is None
