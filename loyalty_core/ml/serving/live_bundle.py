"""The bundle in use: the active one, replaced automatically when any process activates another."""

import threading
import time
from pathlib import Path

from loyalty_core.errors import LoyaltyError
from loyalty_core.memory_only import about_to_wait
from loyalty_core.ml.bundles import (
    ACTIVE_FILE,
    Bundle,
    BundleError,
    ModelNotFound,
    Stamp,
    list_versions,
    load_bundle,
    open_active,
    read_active,
    stamp_of,
)
from loyalty_core.ml.serving.live_experiment import LiveExperiment
from loyalty_core.ml.serving.served_models import ServedModels
from loyalty_core.ml.serving.status import ModelStatus

# A refused bundle may be repaired without a new activation, so it is tried again after this time.
_RETRY_SECONDS = 10.0


class LiveBundle:
    """The bundle to predict with; while the active one is refused, the last good one keeps serving."""

    def __init__(self, models_dir: Path) -> None:
        self._models_dir = models_dir
        self._active_file = models_dir / ACTIVE_FILE
        self._lock = threading.Lock()
        self._bundle: Bundle | None = None
        self._stamp: Stamp = None
        self._refusal: LoyaltyError | None = None
        self._retry_at = 0.0
        self._experiment = LiveExperiment(models_dir)

    def current(self) -> Bundle:
        """The bundle in use, after a look at active.json (a few microseconds).

        Raises `ModelNotFound` before the first training and `BundleError` when no version can be used.
        """
        bundle = self._bundle
        if bundle is not None and not self._is_due():
            return bundle
        about_to_wait()
        # While one caller opens the new bundle, the others keep using the one they have.
        if self._lock.acquire(blocking=bundle is None):
            try:
                if self._bundle is None or self._is_due():
                    self._exchange()
            finally:
                self._lock.release()
        assert self._bundle is not None  # noqa: S101  _exchange raises otherwise
        return self._bundle

    def served(self) -> ServedModels:
        """`current`, and beside it the challenger of the A/B test that runs."""
        return self._experiment.beside(self.current())

    def status(self) -> ModelStatus:
        """Open the serving versions again from disk and check them; never raises."""
        try:
            served = self.served()
        except LoyaltyError as error:
            return ModelStatus(None, refusal=error)
        champion = served.champion.version
        return ModelStatus(
            champion,
            refusal=self._refusal or self._refusal_on_disk(),
            experiment=served.experiment,
            experiment_refusal=self._experiment.refusal or self._experiment.refusal_on_disk(champion),
        )

    def _is_due(self) -> bool:
        if self._refusal is not None and time.monotonic() >= self._retry_at:
            return True
        return self._stamp != stamp_of(self._active_file)

    def _exchange(self) -> None:
        stamp = stamp_of(self._active_file)
        try:
            self._bundle, self._refusal = load_bundle(self._models_dir), None
        except (BundleError, ModelNotFound) as refusal:
            self._bundle = self._bundle or self._last_good()
            if self._bundle is None:
                raise
            self._refusal, self._retry_at = refusal, time.monotonic() + _RETRY_SECONDS
        self._stamp = stamp

    def _last_good(self) -> Bundle | None:
        """After a restart: the newest of the versions that were active before and are still whole."""
        try:
            active = read_active(self._models_dir)
        except BundleError:
            return None
        present = set(list_versions(self._models_dir))
        for version in active.previous if active else ():
            if version in present:
                try:
                    return load_bundle(self._models_dir, version)
                except BundleError:
                    continue
        return None

    def _refusal_on_disk(self) -> LoyaltyError | None:
        try:
            active = read_active(self._models_dir)
            if active is not None:
                open_active(self._models_dir, active)
        except (BundleError, ModelNotFound) as error:
            return error
        return None
