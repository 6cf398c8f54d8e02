"""The A/B test's file: started, grown and stopped with the care of active.json, and over with its champion."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loyalty_core.ml.bundles import (
    EXPERIMENT_FILE,
    BundleError,
    Experiment,
    activate,
    discard,
    increase_share,
    list_versions,
    prune,
    read_active,
    read_experiment,
    rollback,
    running_challenger,
    running_experiment,
    start_experiment,
    stop_experiment,
    version_folder,
    write_bundle,
)
from loyalty_core.ml.bundles.files import canonical_json
from loyalty_core.ml.features import FeatureContract, InputFeature
from tests.ml.fixtures import MEDIANS, bundle_parts, model_part, other_parts, without_nbo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loyalty_core.ml.bundles import BundleParts

EXPERIMENT = Experiment(
    champion="20261122T140501Z-3f9a",
    challenger="20261123T140501Z-0000",
    challenger_sha256="ab" * 32,
    share=0.2,
    salt="00112233445566aa",
    started_at="2026-11-24T10:00:00.000000+00:00",
    started_by="ann",
    share_since="2026-11-24T10:00:00.000000+00:00",
)


@pytest.fixture
def champion(models_dir: Path) -> str:
    active = read_active(models_dir)
    assert active is not None
    return active.version


@pytest.fixture
def challenger(models_dir: Path, champion: str) -> str:
    return write_bundle(models_dir, other_parts())


def test_it_comes_back_as_it_was_written():
    assert Experiment.from_bytes(EXPERIMENT.to_bytes()) == EXPERIMENT


def test_any_changed_byte_is_noticed():
    content = EXPERIMENT.to_bytes()
    for place in range(len(content)):
        changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        with pytest.raises(BundleError, match=r"experiment\.json is damaged"):
            Experiment.from_bytes(changed)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"sha256": 1}', canonical_json({"champion": "../elsewhere"})])
def test_anything_else_is_damage(content: bytes):
    with pytest.raises(BundleError, match=r"Stop the A/B test \(loyalty versions stop-test\)"):
        Experiment.from_bytes(content)


def test_well_sealed_nonsense_is_damage():
    for nonsense in ({"share": 0.0}, {"share": 1.0}, {"challenger": "../elsewhere"}):
        with pytest.raises(BundleError, match="is damaged"):
            Experiment.from_bytes(replace(EXPERIMENT, **nonsense).to_bytes())


def test_started_grown_and_stopped(models_dir: Path, champion: str, challenger: str):
    started = start_experiment(models_dir, challenger, 0.2, "ann")
    assert (started.champion, started.challenger, started.share, started.started_by) == (
        champion, challenger, 0.2, "ann",
    )  # fmt: skip
    assert running_experiment(models_dir) == started
    grown = increase_share(models_dir, 0.5)
    assert grown == replace(started, share=0.5, share_since=grown.share_since)
    assert grown.latest_change > started.latest_change == started.start
    with pytest.raises(BundleError, match="already serves 50% of the customers"):
        increase_share(models_dir, 0.5)
    stop_experiment(models_dir)
    assert read_experiment(models_dir) is None
    for change in (lambda: stop_experiment(models_dir), lambda: increase_share(models_dir, 0.6)):
        with pytest.raises(BundleError, match=r"No A/B test is running\."):
            change()


def test_another_test_picks_other_customers(models_dir: Path, challenger: str):
    first = start_experiment(models_dir, challenger, 0.2, "ann")
    stop_experiment(models_dir)
    assert start_experiment(models_dir, challenger, 0.2, "ann").salt != first.salt


def other_features() -> BundleParts:
    names = [*list(MEDIANS)[:-1], "age"]
    return replace(bundle_parts(), contract=FeatureContract(tuple(InputFeature(n, "number", 1.0) for n in names)))


def other_offers() -> BundleParts:
    parts = bundle_parts()
    return replace(parts, models=parts.models | {"nbo": model_part("nbo", (1, 2, 3, 4, 5, 6, 7, 9))})


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        (other_features, r"Only one of the two versions has the features age, lifetime_value\."),
        (without_nbo, r"Only one of the two versions has the model nbo\."),
        (other_offers, r"Only one of the two versions has the offers 8, 9\."),
    ],
)
def test_what_is_unlike_the_champion_is_refused(models_dir: Path, parts: Callable[[], BundleParts], why: str):
    with pytest.raises(BundleError, match=why):
        start_experiment(models_dir, write_bundle(models_dir, parts()), 0.2, "ann")
    assert not (models_dir / EXPERIMENT_FILE).exists()


def test_what_cannot_be_tested_is_refused(models_dir: Path, champion: str, challenger: str):
    for version, share, why in (
        (champion, 0.2, "is the active one"),
        ("20200101T000000Z-0000", 0.2, "manifest"),
        ("../elsewhere", 0.2, "is not a model version"),
        (challenger, 0.0, "from 1% to 99%"),
        (challenger, 1.0, "from 1% to 99%"),
    ):
        with pytest.raises(BundleError, match=why):
            start_experiment(models_dir, version, share, "ann")
    (version_folder(models_dir, challenger) / "churn.tflite").write_bytes(b"x")
    with pytest.raises(BundleError, match=r"churn\.tflite of version .* was changed"):
        start_experiment(models_dir, challenger, 0.2, "ann")
    assert not (models_dir / EXPERIMENT_FILE).exists()


def test_one_test_at_a_time(models_dir: Path, challenger: str):
    started = start_experiment(models_dir, challenger, 0.2, "ann")
    with pytest.raises(BundleError, match=f"An A/B test of {challenger} is already running"):
        start_experiment(models_dir, write_bundle(models_dir, bundle_parts()), 0.2, "bob")
    assert read_experiment(models_dir) == started


def test_activating_another_version_ends_it(models_dir: Path, champion: str, challenger: str):
    start_experiment(models_dir, challenger, 0.2, "ann")
    activate(models_dir, champion, "ann")
    assert running_challenger(models_dir) == challenger
    activate(models_dir, challenger, "ann")
    assert not (models_dir / EXPERIMENT_FILE).exists()
    rollback(models_dir, "ann")
    assert running_challenger(models_dir) is None


def test_rolling_back_ends_it(models_dir: Path, champion: str, challenger: str):
    activate(models_dir, challenger, "ann")
    start_experiment(models_dir, write_bundle(models_dir, bundle_parts()), 0.2, "ann")
    rollback(models_dir, "ann")
    assert not (models_dir / EXPERIMENT_FILE).exists()


def test_one_that_is_over_never_begins_again(models_dir: Path, champion: str, challenger: str):
    start_experiment(models_dir, challenger, 0.2, "ann")
    content = (models_dir / EXPERIMENT_FILE).read_bytes()
    activate(models_dir, challenger, "ann")
    (models_dir / EXPERIMENT_FILE).write_bytes(content)  # as after a kill between the two files
    assert running_experiment(models_dir) is None
    activate(models_dir, champion, "ann")
    assert running_experiment(models_dir) is None
    assert not (models_dir / EXPERIMENT_FILE).exists()


def test_what_serves_is_neither_discarded_nor_pruned(models_dir: Path, champion: str, challenger: str):
    newer = [write_bundle(models_dir, bundle_parts()) for _ in range(2)]
    start_experiment(models_dir, challenger, 0.2, "ann")
    with pytest.raises(BundleError, match=f"Version {challenger} is the challenger of an A/B test"):
        discard(models_dir, challenger)
    assert prune(models_dir, 1) == newer[:1]
    assert list_versions(models_dir) == [newer[1], challenger, champion]
    stop_experiment(models_dir)
    discard(models_dir, challenger)
    assert list_versions(models_dir) == [newer[1], champion]


def test_stopping_and_starting_lead_out_of_damage(models_dir: Path, challenger: str):
    (models_dir / EXPERIMENT_FILE).write_bytes(b"damaged")
    assert running_challenger(models_dir) is None
    stop_experiment(models_dir)
    assert not (models_dir / EXPERIMENT_FILE).exists()
    (models_dir / EXPERIMENT_FILE).write_bytes(b"damaged")
    assert start_experiment(models_dir, challenger, 0.2, "ann") == read_experiment(models_dir)
