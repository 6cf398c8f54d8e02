"""Changing which models answer, from the app: checked first, and recorded in the audit trail with who did it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from loyalty_core.access import Action, require
from loyalty_core.ml.bundles import (
    BundleError,
    activate,
    discard,
    earlier_versions,
    increase_share,
    load_bundle,
    rollback,
    running_challenger,
    start_experiment,
    stop_experiment,
)
from loyalty_core.ml.serving import require_own_data
from loyalty_core.ml.tasks import title_of
from loyalty_core.ml.versions.comparison import VersionComparisons
from loyalty_core.ml.versions.records import losses_to, read_versions, require_confirmed_leaks
from loyalty_core.store import audit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from loyalty_core.ml.bundles import Bundle, Experiment
    from loyalty_core.store import StateStore
    from loyalty_core.warehouse import Warehouse

SUBJECT_KIND = "model version"


def open_for(warehouse: Warehouse, version: str) -> Bundle:
    """Open a version to answer for the customers of this warehouse; raises as `Promotion.prove`."""
    bundle = load_bundle(warehouse.settings.models_dir, version)
    bundle.contract.require(tuple(warehouse.settings.ml_feature_mapping))
    require_own_data(bundle, warehouse)
    return bundle


def accepted(leaks: Sequence[str]) -> dict[str, list[str]]:
    """The details of an audit event about leaks that were confirmed; none without any."""
    return {"accepted_leaks": list(leaks)} if leaks else {}


class WorseVersion(BundleError):
    """The version is worse than the active one, and nobody has confirmed that it is meant."""

    code = "worse_version"


class Promotion:
    """Activates, rolls back, discards and tests versions, for viewers with ACTIVATE_MODELS.

    Nothing changes while the state store does not answer.
    """

    def __init__(self, warehouse: Warehouse, store: StateStore) -> None:
        self._warehouse = warehouse
        self._models_dir = warehouse.settings.models_dir
        self._store = store

    def prove(self, version: str) -> Bundle:
        """Open a version as serving would.

        Raises `BundleError`, `FeatureCountMismatch` and `ModelsOfOtherData` where serving would refuse it.
        """
        return open_for(self._warehouse, version)

    def activate(
        self, version: str, actor: str, *, even_if_worse: bool = False, accepted_leaks: Collection[str] = ()
    ) -> None:
        """Let a version answer everybody, which ends an A/B test.

        Raises `BundleError`, `UnconfirmedLeak` for a feature that seems to give away the label and is not among
        `accepted_leaks`, and `WorseVersion` for one worse than the active one unless that is meant.
        """
        self.prove(version)
        leaks = require_confirmed_leaks(self._models_dir, version, accepted_leaks)
        if not even_if_worse and (lost := self._losses(version)):
            raise WorseVersion(
                f"The version {version} is worse than the active one: {lost}.",
                remedy="Confirm that you mean it, or train again.",
            )
        with self._noted("activated", version, actor, **accepted(leaks), **self._ending_test()):
            activate(self._models_dir, version, actor)

    def rollback(self, actor: str) -> str:
        """Go back to the version that was active before, and return it; raises `BundleError` without one.

        It is proven first, as the data may have been replaced since it was active.
        """
        (version, *_) = earlier_versions(self._models_dir) or [""]
        if version:
            self.prove(version)
        with self._noted("rolled back to", version, actor, **self._ending_test()):
            return rollback(self._models_dir, actor).version

    def discard(self, version: str, actor: str) -> None:
        """Remove a version that is not active; raises `BundleError`."""
        with self._noted("discarded", version, actor):
            discard(self._models_dir, version)

    def start_test(self, challenger: str, share: float, actor: str, accepted_leaks: Collection[str] = ()) -> Experiment:
        """Let a version answer a share (0-1) of the customers beside the active one.

        Raises as `start_experiment`, and `UnconfirmedLeak` as `activate`.
        """
        self.prove(challenger)
        leaks = require_confirmed_leaks(self._models_dir, challenger, accepted_leaks)
        with self._noted("started an A/B test of", challenger, actor, share=share, **accepted(leaks)):
            return start_experiment(self._models_dir, challenger, share, actor)

    def grow_test(self, share: float, actor: str) -> Experiment:
        """Let the challenger answer more customers; raises as `increase_share`."""
        with self._noted("grew the A/B test of", running_challenger(self._models_dir) or "", actor, share=share):
            return increase_share(self._models_dir, share)

    def stop_test(self, actor: str) -> None:
        """Let the active version answer everybody again; raises `BundleError` when no test runs."""
        with self._noted("stopped the A/B test of", running_challenger(self._models_dir) or "", actor):
            stop_experiment(self._models_dir)

    def _ending_test(self) -> dict[str, str]:
        challenger = running_challenger(self._models_dir)
        return {"ended_the_test_of": challenger} if challenger else {}

    @contextmanager
    def _noted(self, action: str, version: str, actor: str, **details: Any) -> Iterator[None]:
        """Write the event first, in a transaction that is rolled back where the change is refused."""
        require(Action.ACTIVATE_MODELS)
        with self._store.session() as session:
            audit.record(
                session, actor=actor, action=action, subject_kind=SUBJECT_KIND, subject_id=version, details=details
            )
            session.flush()
            yield

    def _losses(self, version: str) -> str:
        records = {record.version: record for record in read_versions(self._models_dir)}
        champion = next((record for record in records.values() if record.is_active), None)
        if champion is None:
            return ""
        comparisons = VersionComparisons(self._store, lambda: self._warehouse.identity)
        found = comparisons.find(version, champion.version)
        lost = losses_to(records[version], champion, found)
        return ", ".join(f"{metric.title} of {title_of(model)}" for model, metric in lost.items())
