"""Intervals against the textbook's, for independent rows, for rows of the same customer, and for differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from loyalty_core.ml.evaluation import Bootstrap, Difference

RNG = np.random.default_rng(5)
NORMAL = 1.96


def hit_rate(truth: np.ndarray[Any, Any], answers: np.ndarray[Any, Any]) -> dict[str, float]:
    return {"hits": float((answers == truth).mean()), "rows": float(len(truth))}


def width(bootstrap: Bootstrap) -> float:
    low, high = bootstrap.with_intervals("model")["intervals"]["hits"]
    return high - low


def textbook(share: float, independent: int) -> float:
    return 2 * NORMAL * (share * (1 - share) / independent) ** 0.5


def truth_and_answers(rows: int, share: float = 0.8) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    truth = RNG.integers(0, 2, rows)
    return truth, np.where(RNG.random(rows) < share, truth, 1 - truth)


def test_independent_rows():
    truth, answers = truth_and_answers(2_000)
    bootstrap = Bootstrap(hit_rate, truth, {"model": answers})
    hits = (answers == truth).mean()
    low, high = bootstrap.with_intervals("model")["intervals"]["hits"]
    assert bootstrap.with_intervals("model")["hits"] == hits
    assert low < hits < high
    assert width(bootstrap) == pytest.approx(textbook(hits, 2_000), rel=0.2)


def test_rows_of_one_customer_count_once():
    truth, answers = truth_and_answers(500)
    customers = np.repeat(np.arange(500), 4)
    clustered = Bootstrap(hit_rate, np.repeat(truth, 4), {"model": np.repeat(answers, 4)}, customers)
    assert width(clustered) == pytest.approx(textbook((answers == truth).mean(), 500), rel=0.2)


def test_very_many_customers_are_drawn_in_part_and_scaled():
    truth, answers = truth_and_answers(60_000)
    bootstrap = Bootstrap(hit_rate, truth, {"model": answers})
    assert width(bootstrap) == pytest.approx(textbook((answers == truth).mean(), 60_000), rel=0.2)


def test_a_difference_is_paired():
    """Two models that nearly always agree differ by far less than their own intervals are wide."""
    truth, answers = truth_and_answers(2_000)
    better = answers.copy()
    wrong = np.flatnonzero(answers != truth)[:40]
    better[wrong] = truth[wrong]
    bootstrap = Bootstrap(hit_rate, truth, {"model": better, "other": answers})
    found = bootstrap.differences("model", "other")["hits"]
    assert found.value == pytest.approx(40 / 2_000)
    assert 0 < found.low < found.value < found.high < found.value + width(bootstrap) / 2
    assert found.is_beyond_chance
    same = Bootstrap(hit_rate, truth, {"model": answers, "other": answers}).differences("model", "other")["hits"]
    assert same == Difference(0.0, 0.0, 0.0)
    assert not same.is_beyond_chance


def test_draws_of_one_class_are_left_out():
    truth = np.array([0] * 30 + [1])
    seen: list[int] = []

    def count(drawn: np.ndarray[Any, Any], answers: np.ndarray[Any, Any]) -> dict[str, float]:
        seen.append(int(drawn.sum()))
        return {"positives": float(drawn.sum())}

    Bootstrap(count, truth, {"model": truth})
    # About a third of 200 draws of 31 rows miss the one positive.
    assert 100 < len(seen) < 160
    assert min(seen) == 1


def test_the_same_every_time():
    truth, answers = truth_and_answers(300)
    one, two = (Bootstrap(hit_rate, truth, {"model": answers}).with_intervals("model") for _ in range(2))
    assert one == two
