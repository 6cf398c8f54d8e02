"""The outcomes of a campaign train an uplift model, through the job that its results page starts."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from loyalty_core.jobs.report import Report
from loyalty_core.ml.bundles import load_bundle
from loyalty_core.store.messages import MessageOutcomeRecord
from loyalty_core.work.training import train_models
from tests.campaigns.programme import NOW, Customer, Programme

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAPPING = {"ml_feature_mapping": {"points": "points"}, "ml_model_input_size": 1}
# With many points, customers convert only if they are written to; with few, only if they are not.
MANY = 1_000


@pytest.mark.slow
def test_a_campaign_with_a_holdout_trains_a_model_of_whom_it_changes(
    programme: Callable[..., Programme], tmp_path: Path
) -> None:
    chance = random.Random(1)
    points = {f"C{number}": chance.choice([10, 2_000]) + chance.randrange(100) for number in range(1_200)}
    one = programme(*(Customer(name, points=of) for name, of in points.items()), models_dir=tmp_path / "m", **MAPPING)
    services = one.services
    campaign = one.campaign(holdout={"share": 50})
    candidates = services.campaigns.candidates(campaign, points)
    with services.store.session() as session:
        decided = services.campaigns.consider(session, campaign, candidates, "event:1", NOW)
    services.campaigns.entry_features.record_new(NOW)
    entries = zip(points, decided, strict=True)
    converted = [
        (entry, name)
        for entry, (name, decision) in enumerate(entries, start=1)
        if ((points[name] > MANY) == (decision.reason is None)) != (chance.random() < 0.2)
    ]
    with services.store.session() as session:
        session.add_all(
            MessageOutcomeRecord(
                campaign_id=campaign.id, entry_id=entry, customer_id=name, kind="converted", occurred_at=NOW,
                event=entry, is_simulated=False,
            )
            for entry, name in converted
        )  # fmt: skip

    options = {"models": ["uplift"], "campaigns": [campaign.id], "trained_by": "ann", "epochs": 3, "teacher": "none"}
    result = train_models(services, options, Report())

    bundle = load_bundle(services.settings.models_dir, result["version"])
    entry = bundle.manifest["models"]["uplift"]
    assert bundle.manifest["trained_by"] == "ann"
    assert entry["window"]["source"] == "campaign Retention"
    assert entry["rows"]["total"] == len(points)
    contacted, not_contacted = bundle.scores(
        "uplift", bundle.contract.encode({"points": np.array([20, 2_020])}).values
    ).T
    assert contacted[1] - not_contacted[1] > 0.3
    assert contacted[0] - not_contacted[0] < -0.3
    assert not (services.settings.models_dir / "active.json").exists()
