"""How segments share their customers: every combination is that of SQL written by hand."""

from __future__ import annotations

import pytest

from loyalty_core.rules import RuleError
from loyalty_core.segments import BadSegment, SegmentationEngine, SegmentDraft, SegmentRepository
from loyalty_core.segments.figures.overlap import Similar
from tests.segments.scored import keep, segment
from tests.workbench import DEMO_CUSTOMERS, Query

RULES = {
    "Rich": {">": [{"var": "total_revenue"}, 800]},
    "Not old": {"!": {">": [{"var": "age"}, 40]}},
    "Norwegians": {"==": [{"var": "country"}, "Norway"]},
    "Risky": {"==": [{"var": "churn_risk"}, "high"]},
    "Verified": {"==": [{"var": "email_verified"}, True]},
    "Gold": {"==": [{"var": "customer_tier"}, "Gold"]},
}
WHERE = {
    "Rich": "total_revenue > 800",
    "Not old": "coalesce(age <= 40, true)",
    "Norwegians": "coalesce(country = 'Norway', false)",
    "Risky": "churn_risk = 'high'",
    "Verified": "email_verified",
    "Gold": "customer_tier = 'Gold'",
}


@pytest.mark.parametrize("number", [1, 2, 3, 6])
def test_every_combination_is_counted(engine: SegmentationEngine, sql: Query, number: int):
    names = list(RULES)[:number]
    flags = ", ".join(WHERE[name] for name in names)
    expected = {
        frozenset(name for name, belongs in zip(names, answers, strict=True) if belongs): customers
        for *answers, customers in sql(f"SELECT {flags}, count(*) FROM customers GROUP BY ALL")
    }
    found = engine.overlap({name: RULES[name] for name in names})
    assert {frozenset(one.members_of): one.customers for one in found.combinations} == expected
    assert sum(one.customers for one in found.combinations) == DEMO_CUSTOMERS
    sizes = [one.customers for one in found.combinations]
    assert sizes == sorted(sizes, reverse=True)


def test_sizes_and_similarity(engine: SegmentationEngine, sql: Query):
    found = engine.overlap({name: RULES[name] for name in ("Rich", "Gold", "Risky")})
    [(rich, gold, both, all_three)] = sql(
        f"SELECT count(*) FILTER ({WHERE['Rich']}), count(*) FILTER ({WHERE['Gold']}), "
        f"count(*) FILTER ({WHERE['Rich']} AND {WHERE['Gold']}), "
        f"count(*) FILTER ({WHERE['Rich']} AND {WHERE['Gold']} AND {WHERE['Risky']}) FROM customers"
    )
    assert (found.size("Rich"), found.size("Gold"), found.size("Gold", "Rich")) == (rich, gold, both)
    assert (found.size("Rich", "Gold", "Risky"), found.size()) == (all_three, DEMO_CUSTOMERS)
    assert found.similarity("Rich", "Gold") == found.similarity("Gold", "Rich") == both / (rich + gold - both)
    assert found.similarity("Rich", "Rich") == 1


def test_nobody_is_similar_to_nothing(engine: SegmentationEngine):
    nobody = {"<": [{"var": "age"}, 0]}
    assert engine.overlap({"a": nobody, "b": nobody}).similarity("a", "b") == 0


def test_segments_can_be_compared_by_reference(engine: SegmentationEngine, sql: Query):
    for name in ("Rich", "Gold"):
        keep(engine, name, RULES[name])
    found = engine.overlap({"a": segment("rich"), "b": segment("gold", False)})
    [(expected,)] = sql(f"SELECT count(*) FROM customers WHERE {WHERE['Rich']} AND NOT {WHERE['Gold']}")
    assert found.size("a", "b") == expected


def test_seven_are_too_many(engine: SegmentationEngine):
    with pytest.raises(BadSegment, match=r"7 segments are too many to compare\. Choose up to 6\."):
        engine.overlap({str(number): {} for number in range(7)})


def test_none_at_all_leave_everybody_in_none(engine: SegmentationEngine):
    [nothing] = engine.overlap({}).combinations
    assert (nothing.members_of, nothing.customers) == ((), DEMO_CUSTOMERS)


def test_a_faulty_rule_is_a_fault(engine: SegmentationEngine):
    with pytest.raises(RuleError):
        engine.overlap({"a": {}, "b": {">": [{"var": "nope"}, 1]}})


def test_near_duplicates_share_nine_in_ten(engine: SegmentationEngine, saved: SegmentRepository, sql: Query):
    [(rich, richer, both_poor)] = sql(
        "SELECT count(*) FILTER (total_revenue > 800), count(*) FILTER (total_revenue > 820), "
        "count(*) FILTER (total_revenue > 1200) FROM customers"
    )
    assert richer / rich > 0.9 > both_poor / rich
    keep(engine, "Same", RULES["Rich"])
    keep(engine, "Nearly", {">": [{"var": "total_revenue"}, 820]})
    keep(engine, "Richer", {">": [{"var": "total_revenue"}, 1200]})
    keep(engine, "By reference", segment("nearly"))
    keep(engine, "Put away", RULES["Rich"])
    saved.archive("put-away", actor="ann")
    assert engine.near_duplicates(RULES["Rich"]) == (
        Similar("same", 1.0, rich),
        Similar("by-reference", richer / rich, richer),
        Similar("nearly", richer / rich, richer),
    )
    assert [one.segment_id for one in engine.near_duplicates(RULES["Rich"], "same")] == ["by-reference", "nearly"]
    assert engine.near_duplicates({"<": [{"var": "age"}, 0]}) == ()


def test_near_duplicates_among_many_leave_out_those_that_cannot_be_used(
    engine: SegmentationEngine, saved: SegmentRepository
):
    for number in range(60):
        keep(engine, f"More than {number}", {">": [{"var": "total_revenue"}, number * 100]})
    saved.create(SegmentDraft("Broken", {">": [{"var": "gone"}, 1]}), actor="ann")
    found = engine.near_duplicates({">": [{"var": "total_revenue"}, 5500]})
    assert "more-than-55" in {one.segment_id for one in found if one.similarity == 1}
    assert "more-than-0" not in {one.segment_id for one in found}
