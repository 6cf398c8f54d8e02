"""Changes of the active version: proven, never for the worse by accident, and in the audit trail."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loyalty_core.ml.bundles import (
    BundleError,
    activate,
    list_versions,
    read_active,
    running_experiment,
    version_folder,
    write_bundle,
)
from loyalty_core.ml.features import FeatureCountMismatch
from loyalty_core.ml.serving import ModelsOfOtherData
from loyalty_core.ml.tasks import CHURN
from loyalty_core.ml.versions import Promotion, UnconfirmedLeak, losses_to, read_versions
from loyalty_core.settings import Settings
from loyalty_core.store import StateStore, audit
from loyalty_core.warehouse import Warehouse
from tests.ml.fixtures import other_parts, with_reference, without_nbo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loyalty_core.ml.bundles import BundleParts


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    with StateStore(f"sqlite:///{tmp_path / 'state.db'}") as store:
        store.migrate()
        yield store


@pytest.fixture
def warehouse(models_dir: Path, settings: Settings) -> Iterator[Warehouse]:
    with closing(Warehouse(settings)) as warehouse:
        yield warehouse


@pytest.fixture
def promotion(warehouse: Warehouse, store: StateStore) -> Promotion:
    return Promotion(warehouse, store)


def worse_parts() -> BundleParts:
    parts = other_parts()
    return replace(parts, models=parts.models | {"churn": replace(parts.models["churn"], metrics={"auc": 0.8})})


def audited(store: StateStore) -> list[tuple[str, str, str]]:
    with store.session(read_only=True) as session:
        events = audit.recent(session, subject_kind="model version")
        return [(event.actor, event.action, event.subject_id) for event in reversed(events)]


def test_activated_rolled_back_and_discarded(promotion: Promotion, models_dir: Path, store: StateStore):
    first, second = read_active(models_dir).version, write_bundle(models_dir, other_parts())
    promotion.activate(second, "ann")
    assert (read_active(models_dir).version, read_active(models_dir).activated_by) == (second, "ann")
    assert promotion.rollback("bob") == first
    promotion.discard(second, "cid")
    assert list_versions(models_dir) == [first]
    assert audited(store) == [
        ("ann", "activated", second),
        ("bob", "rolled back to", first),
        ("cid", "discarded", second),
    ]


def test_what_is_worse_must_be_meant(promotion: Promotion, models_dir: Path, store: StateStore):
    first, worse = read_active(models_dir).version, write_bundle(models_dir, worse_parts())
    with pytest.raises(BundleError, match=f"{worse} is worse than the active one: AUC of Churn"):
        promotion.activate(worse, "ann")
    assert (read_active(models_dir).version, audited(store)) == (first, [])
    promotion.activate(worse, "ann", even_if_worse=True)
    assert read_active(models_dir).version == worse


LEAK = {
    "severity": "confirm",
    "sentence": "The feature 'revenue' alone almost determines the label (AUC 0.962).",
    "remedy": "",
    "feature": "revenue",
}


def leaking_parts() -> BundleParts:
    parts = other_parts()
    return replace(parts, models=parts.models | {"churn": replace(parts.models["churn"], findings=[LEAK])})


def test_a_leak_must_be_confirmed_by_its_name(promotion: Promotion, models_dir: Path, store: StateStore):
    first, leaking = read_active(models_dir).version, write_bundle(models_dir, leaking_parts())
    for accepted in ([], ["days_since_last"]):
        with pytest.raises(UnconfirmedLeak, match=r"AUC 0\.962.*known before the label: revenue"):
            promotion.activate(leaking, "ann", even_if_worse=True, accepted_leaks=accepted)
        with pytest.raises(UnconfirmedLeak):
            promotion.start_test(leaking, 0.2, "ann", accepted)
    assert (read_active(models_dir).version, audited(store)) == (first, [])
    promotion.start_test(leaking, 0.2, "ann", ["revenue"])
    promotion.activate(leaking, "ann", even_if_worse=True, accepted_leaks=["revenue"])
    assert read_active(models_dir).version == leaking
    assert [one["accepted_leaks"] for one in details(store)] == [["revenue"], ["revenue"]]
    again = write_bundle(models_dir, leaking_parts())
    promotion.activate(again, "ann", even_if_worse=True)  # the same model, carried over, was confirmed before
    assert promotion.rollback("ann") == leaking
    newest, *_ = read_versions(models_dir)
    assert (newest.leaks(), newest.objections) == ({"revenue": LEAK["sentence"]}, {})


def test_what_fails_its_contract_is_never_active(promotion: Promotion, models_dir: Path, store: StateStore):
    first, damaged = read_active(models_dir).version, write_bundle(models_dir, other_parts())
    (version_folder(models_dir, damaged) / "churn.tflite").write_bytes(b"x")
    with pytest.raises(BundleError, match=r"churn\.tflite of version .* was changed"):
        promotion.activate(damaged, "ann", even_if_worse=True)
    other = Settings(models_dir=models_dir, ml_feature_mapping={"age": "age"}, ml_model_input_size=1)
    with pytest.raises(FeatureCountMismatch):
        Promotion(Warehouse(other), store).activate(first, "ann")
    assert (read_active(models_dir).version, audited(store)) == (first, [])


def test_a_version_of_other_data_is_never_active(promotion: Promotion, models_dir: Path, store: StateStore):
    first = read_active(models_dir).version
    foreign = write_bundle(models_dir, replace(other_parts(), data="other data", trained_on="other.csv"))
    for change in (
        lambda: promotion.activate(foreign, "ann", even_if_worse=True),
        lambda: promotion.start_test(foreign, 0.2, "ann"),
    ):
        with pytest.raises(ModelsOfOtherData, match=r"trained on other data\. It learned from other\.csv"):
            change()
    activate(models_dir, foreign, "test")
    activate(models_dir, first, "test")
    with pytest.raises(ModelsOfOtherData):
        promotion.rollback("ann")
    assert (read_active(models_dir).version, audited(store)) == (first, [])


def test_a_version_whose_features_meant_other_columns_is_never_active(
    promotion: Promotion, warehouse: Warehouse, models_dir: Path, store: StateStore
):
    parts = with_reference(replace(other_parts(), data=warehouse.identity.warehouse), warehouse)
    own = write_bundle(models_dir, parts)
    promotion.activate(own, "ann", even_if_worse=True)
    mapping = warehouse.settings.ml_feature_mapping | {"revenue": "lifetime_value"}
    changed = Warehouse(warehouse.settings.model_copy(update={"ml_feature_mapping": mapping}))
    with closing(changed), pytest.raises(ModelsOfOtherData, match="reads revenue from lifetime_value"):
        Promotion(changed, store).activate(own, "ann", even_if_worse=True)


def test_refused_changes_leave_no_trace(promotion: Promotion, models_dir: Path, store: StateStore):
    active = read_active(models_dir).version
    with pytest.raises(BundleError, match="is active"):
        promotion.discard(active, "ann")
    with pytest.raises(BundleError, match="no earlier version"):
        promotion.rollback("ann")
    assert audited(store) == []


def test_records_describe_each_version_as_it_is_now(models_dir: Path):
    write_bundle(models_dir, worse_parts())
    damaged = write_bundle(models_dir, other_parts())
    (version_folder(models_dir, damaged) / "manifest.json").write_bytes(b"{}")
    broken, worse, active = read_versions(models_dir)
    assert (broken.version, broken.manifest, broken.models) == (damaged, None, {})
    assert "manifest.json" in broken.refusal.what
    assert (active.is_active, active.activated_by, active.trained_by) == (True, "test", "test")
    assert not worse.is_active
    assert worse.activated_at is None
    assert list(losses_to(worse, active)) == ["churn"]
    assert losses_to(active, worse) == {}


def test_a_version_without_a_model_loses_it(models_dir: Path):
    parts = other_parts()
    measured = {name: replace(part, metrics={"auc": 0.9, "top_1": 0.4}) for name, part in parts.models.items()}
    activate(models_dir, write_bundle(models_dir, replace(parts, models=measured)), "test")
    alone = without_nbo()
    write_bundle(models_dir, replace(alone, models={"churn": measured["churn"]}))
    challenger, champion, _ = read_versions(models_dir)
    assert list(losses_to(challenger, champion)) == ["nbo"]


def test_less_than_the_digits_shown_is_no_loss():
    auc, log_loss = CHURN.metrics[0], CHURN.metrics[3]
    assert not auc.is_worse(0.8101, 0.8104)
    assert auc.is_worse(0.809, 0.811)
    assert log_loss.is_worse(0.47, 0.46)
    assert not log_loss.is_worse(0.46, 0.47)


def details(store: StateStore) -> list[dict]:
    with store.session(read_only=True) as session:
        return [event.details for event in reversed(audit.recent(session, subject_kind="model version"))]


def test_an_ab_test_is_in_the_audit_trail(promotion: Promotion, models_dir: Path, store: StateStore):
    other = write_bundle(models_dir, other_parts())
    promotion.start_test(other, 0.2, "ann")
    assert running_experiment(models_dir).started_by == "ann"
    promotion.grow_test(0.4, "bob")
    promotion.stop_test("cid")
    assert running_experiment(models_dir) is None
    promotion.start_test(other, 0.3, "ann")
    promotion.activate(other, "dan")
    assert running_experiment(models_dir) is None
    assert audited(store) == [
        ("ann", "started an A/B test of", other),
        ("bob", "grew the A/B test of", other),
        ("cid", "stopped the A/B test of", other),
        ("ann", "started an A/B test of", other),
        ("dan", "activated", other),
    ]
    assert details(store) == [{"share": 0.2}, {"share": 0.4}, {}, {"share": 0.3}, {"ended_the_test_of": other}]


def test_a_test_that_is_refused_leaves_no_trace(promotion: Promotion, models_dir: Path, store: StateStore):
    damaged = write_bundle(models_dir, other_parts())
    (version_folder(models_dir, damaged) / "churn.tflite").write_bytes(b"x")
    for refused in (
        lambda: promotion.start_test(damaged, 0.2, "ann"),
        lambda: promotion.start_test(write_bundle(models_dir, without_nbo()), 0.2, "ann"),
        lambda: promotion.grow_test(0.2, "ann"),
        lambda: promotion.stop_test("ann"),
    ):
        with pytest.raises(BundleError):
            refused()
    assert audited(store) == []
    assert running_experiment(models_dir) is None
