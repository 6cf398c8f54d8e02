"""Rules of score ranges: which cells they cover, and which they claim more than once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loyalty_core.rfm import CELLS, CellRule, Scores, apply_rule, cell_index, check_names, check_rules, segment_names
from loyalty_core.rfm.cells import CELL_NAMES, segment_of

PROMISING = CellRule("Promising", Scores(4, 5), Scores(1, 2))


def test_cells_are_in_the_order_of_their_codes() -> None:
    assert [100 * r + 10 * f + m for r, f, m in CELLS] == sorted(100 * r + 10 * f + m for r, f, m in CELLS)
    assert len(CELLS) == len(set(CELLS)) == 125
    assert [cell_index(*cell) for cell in CELLS] == list(range(125))
    assert [segment_of(*cell) for cell in CELLS] == list(CELL_NAMES)


def test_a_rule_describes_itself() -> None:
    assert str(PROMISING) == "recency 4–5, frequency 1–2, monetary any → Promising"
    assert str(CellRule("One", Scores(3, 3))) == "recency 3, frequency any, monetary any → One"


def test_coverage() -> None:
    check = check_rules([PROMISING])
    assert len(check.uncovered) == 125 - 2 * 2 * 5
    assert (3, 1, 1) in check.uncovered
    assert (4, 2, 5) not in check.uncovered
    assert check.overlaps == {}
    assert not check.is_sound
    assert check.names[cell_index(5, 1, 1)] == "Promising"
    assert check.names[cell_index(1, 1, 1)] == ""


def test_overlap_is_between_different_names_alone() -> None:
    again = CellRule("Promising", Scores(5, 5))
    other = CellRule("New", Scores(5, 5), Scores(1, 1), Scores(1, 3))
    assert check_rules([PROMISING, again]).overlaps == {}
    check = check_rules([PROMISING, other, again])
    assert check.overlaps == {(5, 1, m): ("Promising", "New") for m in (1, 2, 3)}
    assert [check.names[cell_index(5, 1, m)] for m in (3, 4)] == ["", "Promising"]


def test_rules_that_part_the_cells_are_sound() -> None:
    check = check_rules([CellRule("Low", Scores(1, 2)), CellRule("High", Scores(3, 5))])
    assert check.is_sound
    assert check.names == ("Low",) * 50 + ("High",) * 75
    assert check_names(check.names) == check


def test_painting_overwrites() -> None:
    names = apply_rule(CELL_NAMES, PROMISING)
    changed = {cell for cell, old, new in zip(CELLS, CELL_NAMES, names, strict=True) if old != new}
    assert changed <= {(r, f, m) for r in (4, 5) for f in (1, 2) for m in range(1, 6)}
    assert names[cell_index(5, 1, 1)] == "Promising"
    assert check_names(names).is_sound


RANGE = st.tuples(st.integers(1, 5), st.integers(1, 5)).map(lambda ends: Scores(min(ends), max(ends)))


@given(st.lists(st.builds(CellRule, st.sampled_from("ABC"), RANGE, RANGE, RANGE), max_size=6))
def test_a_check_counts_what_the_rules_cover(rules: list[CellRule]) -> None:
    claims = {cell: {rule.segment for rule in rules if rule.covers(cell)} for cell in CELLS}
    check = check_rules(rules)
    assert set(check.uncovered) == {cell for cell, names in claims.items() if not names}
    assert {cell: set(names) for cell, names in check.overlaps.items()} == {
        cell: names for cell, names in claims.items() if len(names) > 1
    }
    assert check.is_sound == all(len(names) == 1 for names in claims.values())


def test_names_of_segments_are_the_products_first() -> None:
    names = ("Zebra", "Champions", "Lost", "Ant") * 31 + ("Lost",)
    assert segment_names(names) == ("Lost", "Champions", "Ant", "Zebra", "No Purchases")
