"""Single predictions against a bare LiteRT call: `python -m benchmarks.inference`, on a demo warehouse and tiny models.

The rest above the bare call is reading features from the cache, encoding, scaling, looking for a newer
bundle, rounding, and advice.
"""

import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from ai_edge_litert.interpreter import Interpreter

from benchmarks.timing import compare, show
from loyalty_core.demo.generate import generate
from loyalty_core.ml.bundles import Bundle, activate, load_bundle, write_bundle
from loyalty_core.ml.features import ModelInputs
from loyalty_core.ml.inference import MLInferenceService
from loyalty_core.ml.litert import sandbox
from loyalty_core.ml.serving import LiveBundle
from loyalty_core.ml.tasks import NBO
from loyalty_core.settings import Settings
from loyalty_core.warehouse import FeatureStore, Warehouse
from tests.ml.fixtures import bundle_parts

CALLS = 1_000  # per timing, so that a millisecond of the tables is a microsecond per call
CUSTOMER = "123e4567-e89b-12d3-a456-426614174000"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate(folder / "warehouse.duckdb", customers=2_000)
        activate(folder / "models", write_bundle(folder / "models", bundle_parts()), by="benchmark")
        settings = Settings(dwh_url=f"duckdb:///{folder}/warehouse.duckdb", models_dir=folder / "models")
        with closing(Warehouse(settings)) as warehouse:
            compare_single_predictions(warehouse)
        compare_openings(settings.models_dir)


def compare_single_predictions(warehouse: Warehouse) -> None:
    store, settings = FeatureStore(warehouse), warehouse.settings
    service, live = MLInferenceService(warehouse=warehouse, feature_store=store), LiveBundle(settings.models_dir)
    bundle, inputs = live.current(), ModelInputs(warehouse, settings)
    row, encoded = store.get(CUSTOMER), bundle.background[:1]
    candidates = {
        "bare LiteRT call": bare_call(bundle),
        "look for a newer bundle": live.current,
        "features from the cache": lambda: store.get(CUSTOMER),
        "find the mapped columns and encode": lambda: inputs.encode_row(bundle.contract, row),
        "scale and predict": lambda: bundle.scores(NBO.name, encoded),
        "predict_nbo, all of it": lambda: service.predict_nbo(CUSTOMER),
        "predict_churn, all of it": lambda: service.predict_churn(CUSTOMER),
        "calculate_rfm, all of it": lambda: service.calculate_rfm(CUSTOMER),
    }
    show(
        f"{CALLS:,} predictions for one customer", compare({name: often(call) for name, call in candidates.items()}, 9)
    )
    explained = {
        "predict_churn and predict_nbo": lambda: (service.predict_churn(CUSTOMER), service.predict_nbo(CUSTOMER)),
        "predict_customer, with drivers and RFM": lambda: service.predict_customer(CUSTOMER),
    }
    show("The customer page", compare(explained, 51))


def compare_openings(models_dir: Path) -> None:
    bundle = load_bundle(models_dir)
    proofs = {name: (model.content, bundle.background) for name, model in bundle.models.items()}
    show(
        "Opening a bundle",
        compare(
            {
                "digests, scaler, golden rows": lambda: load_bundle(models_dir),
                "the child process, once per process and model": lambda: sandbox.check_models(proofs),
            }
        ),
    )


def bare_call(bundle: Bundle) -> Callable[[], object]:
    """LiteRT alone, on a vector that is ready."""
    interpreter = Interpreter(model_content=bundle.require("nbo").content, num_threads=1)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    scaled = bundle.scaler.transform(bundle.background[:1])

    def call() -> object:
        interpreter.set_tensor(source, scaled)
        interpreter.invoke()
        return interpreter.get_tensor(target)

    return call


def often(call: Callable[[], object]) -> Callable[[], None]:
    def calls() -> None:
        for _ in range(CALLS):
            call()

    return calls


if __name__ == "__main__":
    main()
