"""Splits: by time where dates allow, otherwise at random, with all rows of a customer together."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from loyalty_core.ml.training.reading import customer_numbers
from loyalty_core.ml.training.splitting import Split, split_rows

ROWS = 1_000
CLASSES = np.arange(ROWS) % 4 // 3  # a quarter is class 1
ALONE = np.arange(ROWS)  # every row is a customer's only one


def parts(split: Split) -> list[set[int]]:
    return [set(part.tolist()) for part in (split.train, split.validation, split.test)]


def days(of_row: list[int]) -> pa.Array:
    return pa.array([date(2026, 1, 1) + timedelta(days=day) for day in of_row])


def assert_whole(split: Split, rows: int = ROWS) -> None:
    train, validation, test = parts(split)
    assert len(train) + len(validation) + len(test) == rows
    assert train | validation | test == set(range(rows))


def test_the_newest_days_judge_and_no_day_is_divided() -> None:
    of_row = [row // 50 for row in range(ROWS)]  # twenty days of fifty rows
    split = split_rows(CLASSES, days(of_row), ALONE, seed=1)
    assert_whole(split)
    assert split.method == "time"
    assert (split.validation_from, split.test_from) == (date(2026, 1, 15), date(2026, 1, 18))
    assert {of_row[row] for row in split.train} == set(range(14))
    assert {of_row[row] for row in split.test} == {17, 18, 19}


def test_a_few_snapshots_are_enough() -> None:
    split = split_rows(CLASSES, days([row // 167 for row in range(ROWS)]), ALONE, seed=1)
    assert split.method == "time"
    assert [len(part) for part in (split.train, split.validation, split.test)] == [668, 167, 165]


def test_one_date_or_a_blank_one_means_stratified() -> None:
    assert split_rows(CLASSES, days([0] * ROWS), ALONE, seed=1).method == "stratified"
    blank = pa.array([None, *days(list(range(ROWS - 1))).to_pylist()])
    assert split_rows(CLASSES, blank, ALONE, seed=1).method == "stratified"


def test_rows_that_are_not_known_are_learned_from_without_the_customers_who_are_tested() -> None:
    of_row = [row // 50 for row in range(ROWS)]
    known = np.arange(ROWS) < 800
    customers = np.arange(ROWS) % 100
    split = split_rows(CLASSES, days(of_row), customers, seed=1, is_known=known)
    train, validation, test = parts(split)
    assert (validation | test) <= set(range(800))
    tested = {customers[row] for row in test}
    later = set(range(800, ROWS))
    assert train & later == {row for row in later if customers[row] not in tested}
    assert test
    assert 0 < len(train & later) < len(later)


def test_a_class_that_is_not_in_the_newest_days_means_stratified() -> None:
    classes = (np.arange(ROWS) < 100).astype(np.intp)
    assert split_rows(classes, days(list(range(ROWS))), ALONE, seed=1).method == "stratified"


def test_stratified_parts_have_equal_shares_of_classes() -> None:
    split = split_rows(CLASSES, None, ALONE, seed=1)
    assert_whole(split)
    assert [len(part) for part in (split.train, split.validation, split.test)] == [700, 150, 150]
    for part in (split.train, split.validation, split.test):
        assert abs(CLASSES[part].mean() - 0.25) < 0.01


def test_the_rows_of_a_customer_stay_together() -> None:
    customers = pa.array([f"C{row // 5}" for row in range(ROWS)])
    split = split_rows(CLASSES, None, customer_numbers(customers, ROWS), seed=1)
    assert_whole(split)
    owners = [{row // 5 for row in part} for part in parts(split)]
    assert not owners[0] & owners[1]
    assert not (owners[0] | owners[1]) & owners[2]


def test_rows_without_a_customer_are_split_one_by_one() -> None:
    customers = pa.array([None] * ROWS, type=pa.string())
    split = split_rows(CLASSES, None, customer_numbers(customers, ROWS), seed=1)
    assert len(split.test) == 150


def test_customers_of_several_months_are_learned_from_or_tested() -> None:
    """1,000 customers in each of eight months: a quarter of them is held out, and only their newest rows are tested."""
    customers, month = np.tile(np.arange(1_000), 8), np.repeat(np.arange(8), 1_000)
    classes = (np.random.default_rng(2).random(8_000) < 0.25).astype(np.intp)
    split = split_rows(classes, days((month * 31).tolist()), customers, seed=1)
    assert split.method == "time"
    learned, tested = (set(customers[rows].tolist()) for rows in (np.r_[split.train, split.validation], split.test))
    assert (len(learned), len(tested), learned & tested) == (750, 250, set())
    assert month[split.train].max() < month[split.validation].min() <= month[split.validation].max()
    assert set(month[split.test]) == {7}


def test_a_few_test_rows_whose_copies_were_learned_from_are_left_out() -> None:
    groups = ALONE.copy()
    groups[-10:] = np.arange(10)
    split = split_rows(CLASSES, days([row // 50 for row in range(ROWS)]), groups, seed=1)
    assert [len(part) for part in (split.train, split.validation, split.test)] == [700, 150, 140]
    assert split.test.max() == 989


def test_the_seed_decides() -> None:
    first, again, other = (split_rows(CLASSES, None, ALONE, seed=seed) for seed in (1, 1, 2))
    assert first.test.tolist() == again.test.tolist()
    assert first.test.tolist() != other.test.tolist()
