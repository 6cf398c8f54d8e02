"""A test of a message in a file of customers, as the history that the uplift model learns from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loyalty_core.errors import DataError
from loyalty_core.loading import CustomerColumns, load_features
from tests.fixtures import own_files
from tests.fixtures.loading import rows_of, types_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Export = Callable[..., Path]


def test_who_was_contacted_and_what_came_of_it(export: Export, out: Path) -> None:
    file = export(own_files.as_csv(own_files.mail_test))
    columns = CustomerColumns(has_ids=False, treatment="segment", outcomes=["visit"])
    report = load_features(file, out, columns)
    expected = """SELECT (segment <> 'No E-Mail')::INT, visit::INT, count(*) FROM customer_features_view
        GROUP BY ALL ORDER BY ALL"""
    history = "SELECT treated, outcome, count(*) FROM customer_treatment_history GROUP BY ALL ORDER BY ALL"
    assert rows_of(out, history) == rows_of(out, expected)
    assert {"segment", "visit"}.isdisjoint(types_of(out, "customer_treatment_history"))
    assert any("of 400 customers were contacted" in note for note in report.notes)
    assert report.suggestion is not None
    assert list(report.suggestion.features.values()) == [
        *("recency", "history_segment", "history", "mens", "zip_code", "newbie", "channel")
    ]
    assert "days_since_last" not in report.suggestion.features  # it may be in months
    asked = {one.column for one in report.suggestion.left_out if not one.is_certain}
    assert asked == {"conversion", "spend"}  # noted together with the visit


def test_a_group_that_nobody_can_tell_is_asked_about(export: Export, out: Path) -> None:
    file = export("id,arm,bought\n1,A,1\n2,B,0\n3,B,1\n")
    columns = {"treatment": "arm", "outcomes": ["bought"]}
    with pytest.raises(DataError, match=r"Column arm does not say who was contacted.*'A', 'B'.*--control 'B'"):
        load_features(file, out, CustomerColumns("id", **columns))
    load_features(file, out, CustomerColumns("id", control=["b"], **columns))
    assert rows_of(out, "SELECT customer_id, treated FROM customer_treatment_history ORDER BY 1") == [
        ("1", 1),
        ("2", 0),
        ("3", 0),
    ]
    with pytest.raises(DataError, match=r"both who was contacted \(--treatment\) and the outcome \(--outcome\)"):
        load_features(file, out, CustomerColumns("id", treatment="arm"), overwrite=True)


def test_what_was_given_to_those_contacted_alone_is_no_feature(export: Export, out: Path) -> None:
    """As the amount of a voucher, of which those who were not contacted got none, or the name of the group."""
    rows = [
        (number, number % 3 > 0, number % 3 * 10, "ABC"[number % 3], number * 7 % 11, number % 5 == 0)
        for number in range(300)
    ]
    lines = [
        f"{id_},{int(sent)},{amount or ''},{arm},{age},{int(bought)}" for id_, sent, amount, arm, age, bought in rows
    ]
    file = export("\n".join(["id,sent,voucher,arm,age,bought", *lines]))
    report = load_features(file, out, CustomerColumns("id", treatment="sent", outcomes=["bought"]))
    assert report.suggestion is not None
    assert list(report.suggestion.features) == ["age"]
    assert {one.column: one.reason for one in report.suggestion.left_out} == {
        "voucher": "it is filled for one answer of sent and blank for the other",
        "arm": "it is a copy of sent, written in another way",
    }
