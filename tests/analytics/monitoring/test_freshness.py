"""Why one should score again, in sentences, before, during and after an A/B test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty_core.analytics.monitoring import check_freshness
from loyalty_core.ml.bundles import activate, increase_share, start_experiment, stop_experiment, write_bundle
from loyalty_core.ml.scoring import score_base
from loyalty_core.services import get_services
from loyalty_core.settings import get_settings
from tests.ml.fixtures import other_parts

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workbench import Configure


def reasons() -> tuple[str, ...]:
    services = get_services()
    return check_freshness(services.warehouse, services.inference).reasons


def score() -> None:
    score_base(get_services().warehouse, get_services().inference.served())


def test_an_ab_test_makes_predictions_old_when_it_starts_grows_and_stops(
    trained: str, demo_settings: Configure, tmp_path: Path
):
    demo_settings(predictions_file=tmp_path / "predictions.parquet")
    folder = get_settings().models_dir
    assert reasons() == ("The customers have not been scored yet.",)
    score()
    assert reasons() == ()
    challenger = write_bundle(folder, other_parts())
    start_experiment(folder, challenger, 0.3, "ann")
    assert reasons() == (
        f"They come from model version {trained}, and model versions {trained} and {challenger} answer in an A/B test.",
    )
    score()
    assert reasons() == ()
    increase_share(folder, 0.5)
    assert reasons() == ("The A/B test has reassigned its customers since then.",)
    score()
    assert reasons() == ()
    stop_experiment(folder)
    both = f"They come from model versions {trained} and {challenger}"
    assert reasons() == (f"{both}, and model version {trained} is active.",)
    activate(folder, challenger, "ann")
    assert reasons() == (f"{both}, and model version {challenger} is active.",)
    score()
    assert reasons() == ()
