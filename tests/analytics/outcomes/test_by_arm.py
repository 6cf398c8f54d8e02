"""The arms of an A/B test by hand, on both databases: what is predicted for them, and what then happened."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loyalty_core.analytics.outcomes import ArmScores, Share, mean_churn, read_arm_outcomes, read_arm_scores
from loyalty_core.analytics.outcomes.by_version import VersionResult
from loyalty_core.ml.bundles import Experiment, load_bundle
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving import Challenger, ServedModels
from tests.ml.bases import base as customers
from tests.ml.bases import fill, predictions

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import Any

    from tests.analytics.outcomes.past import Past


EXPERIMENT = Experiment(
    champion="a", challenger="b", challenger_sha256="", share=0.3, salt="00112233445566aa",
    started_at="2026-03-02T00:00:00+00:00", started_by="ann", share_since="2026-03-02T00:00:00+00:00",
)  # fmt: skip


def test_what_is_predicted_for_each_arm(past: Past, models_dir: Path):
    fill(past.backend, customers(200))
    bundle = load_bundle(models_dir)
    running = replace(EXPERIMENT, champion=bundle.version)
    served = ServedModels(bundle, Challenger(replace(bundle, version="b"), running))
    assert read_arm_scores(past.warehouse, served) == ()
    assert mean_churn(past.warehouse) is None
    score_base(past.warehouse, served)
    found = predictions(past.warehouse).values()
    assert read_arm_scores(past.warehouse, served) == tuple(
        expected_scores(version, [row for row in found if row["model_version"] == version])
        for version in (bundle.version, "b")
    )
    assert mean_churn(past.warehouse) == pytest.approx(sum(row["churn_probability"] for row in found) / 200)
    assert read_arm_scores(past.warehouse, ServedModels(bundle)) == ()


def expected_scores(version: str, rows: list[dict[str, Any]]) -> ArmScores:
    def counted(name: str) -> dict[Any, int]:
        values = [row[name] for row in rows]
        return {value: values.count(value) for value in set(values)}

    churn = sum(row["churn_probability"] for row in rows) / len(rows)
    return ArmScores(version, len(rows), pytest.approx(churn), counted("churn_risk"), counted("recommended_offer"))


def many(version: str, people: Iterable[int]) -> list[tuple[Any, ...]]:
    """Ever likelier to leave, with the second offer named first."""
    return [(f"c{i}", i / 100, version, 0.2, 0.8) for i in people]


def test_what_became_of_each_arm(past: Past):
    past.scored("2026-03-01", *many("a", range(20)))
    past.scored("2026-04-01", *many("a", range(12)), *many("b", range(12, 20)), present=True)
    # Of the champion's the likelier half has left, of the challenger's the first two have, and somebody unheard of.
    left = {*range(6, 12), 12, 13}
    past.left(*((f"c{i}", "2026-04-02", int(i in left)) for i in range(20)), ("c99", "2026-04-02", 1))
    past.took(("c0", "2026-04-05", 2), ("c1", "2026-04-05", 1), ("c12", "2026-04-05", 2))
    outcomes = read_arm_outcomes(past.warehouse, EXPERIMENT)
    assert outcomes.champion == VersionResult("a", Share(6, 12), pytest.approx(0.055), Share(1, 2))
    assert outcomes.challenger == VersionResult("b", Share(2, 8), pytest.approx(0.155), Share(1, 1))
    assert {version: area.value for version, area in outcomes.churn_auc.items()} == {"a": 1.0, "b": 0.0}
    assert (outcomes.why_no_churn, outcomes.why_no_offers) == ("", "")


def test_before_the_first_scoring_run_the_remedy_is_to_score(past: Past):
    past.scored("2026-03-01", *many("a", range(20)), present=True)
    past.left(("c0", "2026-03-02", 1))
    past.took(("c0", "2026-03-02", 1))
    outcomes = read_arm_outcomes(past.warehouse, EXPERIMENT)
    assert outcomes.champion == VersionResult("a")
    assert outcomes.why_no_churn == outcomes.why_no_offers
    assert outcomes.why_no_churn.startswith("Nobody has been scored since the test began.")


def test_before_the_first_outcome_its_date_is_reported(past: Past):
    past.scored("2100-03-03", *many("a", range(12)), *many("b", range(12, 20)), present=True)
    past.left(("c0", "2026-02-01", 0))
    past.took(("c0", "2026-02-01", 2))
    outcomes = read_arm_outcomes(past.warehouse, EXPERIMENT)
    assert "are expected from 1 Jun 2100 on" in outcomes.why_no_churn
    assert "customer_offer_history has no row" in outcomes.why_no_offers
    assert outcomes.churn_auc == {}


def test_outcomes_of_one_arm_alone_are_none_yet(past: Past):
    past.scored("2026-04-01", *many("a", range(12)), *many("b", range(12, 20)), present=True)
    past.left(("c0", "2026-04-02", 0))
    past.took()
    outcomes = read_arm_outcomes(past.warehouse, EXPERIMENT)
    assert (outcomes.champion.left, outcomes.challenger.left) == (Share(0, 1), None)
    assert outcomes.why_no_churn
