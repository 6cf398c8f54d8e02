"""What the first start creates: demo data, models, predictions, segments and campaigns."""

import subprocess
import sys

from loyalty_core.demo.campaigns import make_campaigns
from loyalty_core.demo.generate import MAPPING, generate
from loyalty_core.files import workbench_file
from loyalty_core.ml.bundles import BundleError, ModelNotFound, load_bundle
from loyalty_core.ml.scoring import command as scoring_command
from loyalty_core.segments.refreshing import refresh_all
from loyalty_core.segments.starters import make_starters
from loyalty_core.services import Services
from loyalty_core.settings import DEFAULT_WAREHOUSE, Settings, get_settings, recommend_mapping
from loyalty_core.warehouse.predictions import last_run
from loyalty_core.warehouse.source import describe_source

DEMO_CUSTOMERS = 20_000
_TRAINING = "train_models_from_dwh.py"


def create_what_is_missing(settings: Settings) -> None:
    """Create the demo warehouse, its models, predictions, first segments and campaigns, as far as they are missing.

    An earlier start may have been interrupted. Your own data is not changed.
    """
    if not DEFAULT_WAREHOUSE.exists():
        print(f"No warehouse is configured: creating a demo warehouse with {DEMO_CUSTOMERS:,} customers …", flush=True)  # noqa: T201
        generate(DEFAULT_WAREHOUSE, customers=DEMO_CUSTOMERS)
        recommend_mapping(DEFAULT_WAREHOUSE, MAPPING)
        get_settings.cache_clear()
        settings = get_settings()
    services = Services(settings)
    try:
        if not describe_source(services.warehouse).is_demo:
            return
        _train_first_models(settings)
        services.prepare_store()
        if last_run(services.warehouse) is None and scoring_command.main([]) == 0:
            made = make_starters(services.warehouse, services.segmentation, services.segments)
            refresh_all(services.segmentation, made, cause="scoring")
            make_campaigns(services, made)
    finally:
        services.warehouse.close()
        services.store.close()


def _train_first_models(settings: Settings) -> None:
    if settings.ml_mock_mode or _has_models(settings):
        return
    print("Training the models on it (a few minutes, once) …", flush=True)  # noqa: T201
    # In a separate process, so that TensorFlow is not loaded into this one.
    subprocess.run([sys.executable, str(workbench_file(_TRAINING))], check=False)  # noqa: S603


def _has_models(settings: Settings) -> bool:
    """Whether models are active, other than those of an earlier demo with other features."""
    try:
        return set(load_bundle(settings.models_dir).contract.names) == set(settings.ml_feature_mapping)
    except ModelNotFound:
        return False
    except BundleError:
        return True
