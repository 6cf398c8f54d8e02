"""The badge that SQL and the reading of single customers agree, and that it would show if they did not."""

from typing import Any

import pytest

from loyalty_core.segments import SegmentationEngine
from loyalty_core.segments.figures import Agreement
from loyalty_core.segments.figures.agreement import agreement
from loyalty_core.warehouse import Warehouse
from tests.segments.rules_in_sql import RULES
from tests.segments.scored import keep, segment
from tests.workbench import Query


@pytest.mark.parametrize(("rule", "where"), RULES.values(), ids=RULES)
def test_half_of_the_sample_are_members_where_there_are_as_many(
    engine: SegmentationEngine, sql: Query, rule: Any, where: str
):
    [(inside, outside)] = sql(f"SELECT count(*) FILTER ({where}), count(*) FILTER (NOT ({where})) FROM customers")
    members = min(inside, 30)
    checked = members + min(outside, 30)
    assert engine.select(rule).agreement(sample=60) == Agreement(checked, members, checked)


def test_a_rule_on_another_segment(engine: SegmentationEngine):
    keep(engine, "Rich", {">": [{"var": "total_revenue"}, 800]})
    assert engine.select(segment("rich")).agreement() == Agreement(200, 100, 200)


def test_a_wrong_reading_is_found(engine: SegmentationEngine, scored_demo: Warehouse):
    rule = engine.compile({">": [{"var": "total_revenue"}, 800]})
    vars(rule)["matches"] = lambda features: features["total_revenue"] > 1_000_000
    found = agreement(scored_demo, scored_demo.features, rule, 20)
    assert found == Agreement(20, 10, 10)
    assert not found.is_full
