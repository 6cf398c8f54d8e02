"""Each column of a scoring run is known to be of one model, so that events ask the models that rules read."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from loyalty_core.events.effects.evaluation import Evaluated
from loyalty_core.ml.tasks import TASKS
from loyalty_core.segments import LiveRules
from loyalty_core.segments.live_rules import LiveRule
from loyalty_core.settings import Settings


@pytest.mark.parametrize("name", TASKS)
def test_a_column_is_of_the_model_that_writes_it(name: str) -> None:
    offers = (3, 12) if name == "nbo" else ()
    outputs = TASKS[name].outputs(offers)
    columns = TASKS[name].columns(np.zeros((1, outputs), dtype=np.float32), offers, Settings())
    assert columns
    for column in columns:
        assert [one for one, task in TASKS.items() if task.stores(column)] == [name]


@pytest.mark.parametrize(
    ("column", "asked"),
    [
        ("churn_within_30_days", {"churn", "churn_timing"}),
        ("uplift", {"churn", "uplift"}),
        ("offer_uptake", {"churn", "uptake"}),
        ("offer_3", {"churn", "nbo"}),
        ("rfm_segment", {"churn", "rfm"}),
        ("churn_risk", {"churn"}),
    ],
)
def test_an_event_asks_the_models_that_the_rules_read(column: str, asked: set[str]) -> None:
    rule = LiveRule("one", 1, cast("Any", None), frozenset({"total_revenue", column}), is_relative=False)
    rules = LiveRules(cast("Any", None), {"one": rule}, {}, {column: column}, {})
    assert Evaluated(rules, {"one": "One"}, None, 0.0).models() == asked
    assert Evaluated(rules, {}, None, 0.0).models() == {"churn"}
