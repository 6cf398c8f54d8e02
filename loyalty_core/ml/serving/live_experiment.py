"""The challenger in use: opened when any process starts a test, dropped when it stops."""

import threading
import time
from pathlib import Path

from loyalty_core.memory_only import about_to_wait
from loyalty_core.ml.bundles import (
    EXPERIMENT_FILE,
    Bundle,
    BundleError,
    ModelNotFound,
    Stamp,
    open_folder,
    read_experiment,
    stamp_of,
    version_folder,
)
from loyalty_core.ml.serving.served_models import Challenger, ServedModels

# A refused challenger may be repaired without a new test, so it is tried again after this time.
_RETRY_SECONDS = 10.0


class LiveExperiment:
    """The challenger beside a champion; while it cannot be used, the champion answers everybody."""

    def __init__(self, models_dir: Path) -> None:
        self._models_dir = models_dir
        self._file = models_dir / EXPERIMENT_FILE
        self._lock = threading.Lock()
        self._served: ServedModels | None = None
        self._stamp: Stamp = None
        self._retry_at: float | None = None
        self.refusal: BundleError | ModelNotFound | None = None

    def beside(self, champion: Bundle) -> ServedModels:
        """The models that answer, after a look at experiment.json (a few microseconds); never raises."""
        served = self._served
        if served is not None and served.champion is champion and not self._is_due():
            return served
        about_to_wait()
        # While one caller opens the challenger, the others keep using what they have.
        if self._lock.acquire(blocking=served is None):
            try:
                if self._served is None or self._served.champion is not champion or self._is_due():
                    self._served = self._opened(champion)
                served = self._served
            finally:
                self._lock.release()
        return served if served is not None and served.champion is champion else ServedModels(champion)

    def refusal_on_disk(self, champion: str) -> BundleError | ModelNotFound | None:
        """Why the challenger can no longer be opened from disk, if so."""
        try:
            self._open(champion)
        except (BundleError, ModelNotFound) as error:
            return error
        return None

    def _is_due(self) -> bool:
        if self._retry_at is not None and time.monotonic() >= self._retry_at:
            return True
        return self._stamp != stamp_of(self._file)

    def _opened(self, champion: Bundle) -> ServedModels:
        stamp = stamp_of(self._file)
        try:
            served = ServedModels(champion, self._open(champion.version))
            self.refusal = self._retry_at = None
        except (BundleError, ModelNotFound) as refusal:
            served = ServedModels(champion)
            self.refusal, self._retry_at = refusal, time.monotonic() + _RETRY_SECONDS
        self._stamp = stamp
        return served

    def _open(self, champion: str) -> Challenger | None:
        experiment = read_experiment(self._models_dir)
        if experiment is None or experiment.champion != champion:
            return None
        folder = version_folder(self._models_dir, experiment.challenger)
        return Challenger(open_folder(folder, experiment.challenger_sha256), experiment)
