"""Model versions on disk: written atomically, verified before use, one of them active."""

from loyalty_core.ml.bundles.bundle import Bundle, load_bundle, open_active, open_folder
from loyalty_core.ml.bundles.experiment import (
    DEFAULT_SHARE,
    EXPERIMENT_FILE,
    MAX_SHARE,
    MIN_SHARE,
    Experiment,
    read_experiment,
    running_challenger,
    running_experiment,
)
from loyalty_core.ml.bundles.experiment_store import increase_share, start_experiment, stop_experiment
from loyalty_core.ml.bundles.files import (
    ACTIVATE,
    ACTIVE_FILE,
    TRAIN,
    BundleError,
    ModelNotFound,
    Stamp,
    list_versions,
    read_active,
    read_manifest,
    stamp_of,
    version_folder,
)
from loyalty_core.ml.bundles.parts import BundleParts, ModelPart
from loyalty_core.ml.bundles.scaler import Scaler, read_scaler
from loyalty_core.ml.bundles.store import activate, discard, earlier_versions, prune, rollback, write_bundle

__all__ = [
    "ACTIVATE",
    "ACTIVE_FILE",
    "DEFAULT_SHARE",
    "EXPERIMENT_FILE",
    "MAX_SHARE",
    "MIN_SHARE",
    "TRAIN",
    "Bundle",
    "BundleError",
    "BundleParts",
    "Experiment",
    "ModelNotFound",
    "ModelPart",
    "Scaler",
    "Stamp",
    "activate",
    "discard",
    "earlier_versions",
    "increase_share",
    "list_versions",
    "load_bundle",
    "open_active",
    "open_folder",
    "prune",
    "read_active",
    "read_experiment",
    "read_manifest",
    "read_scaler",
    "rollback",
    "running_challenger",
    "running_experiment",
    "stamp_of",
    "start_experiment",
    "stop_experiment",
    "version_folder",
    "write_bundle",
]
