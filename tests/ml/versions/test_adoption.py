"""Model files without a manifest: what is said of them, and how they become a version after checks."""

from __future__ import annotations

import pickle
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from loyalty_core.ml.bundles import BundleError, ModelNotFound, activate, load_bundle
from loyalty_core.ml.features import FeatureCountMismatch
from loyalty_core.ml.inference import MLInferenceService
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving import scoring_models
from loyalty_core.ml.versions.adoption import adopt
from loyalty_core.ml.versions.command import main
from loyalty_core.settings import DEFAULT_FEATURE_MAPPING, Settings, get_settings
from loyalty_core.warehouse import Warehouse
from tests.ml.fixtures import make_warehouse, pickled_scaler, tiny_model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A warehouse, and the three plain files in its models folder."""
    make_warehouse(tmp_path / "warehouse.duckdb")
    models = tmp_path / "models"
    models.mkdir()
    for name in ("churn", "nbo"):
        (models / f"{name}.tflite").write_bytes(tiny_model(name))
    (models / "scaler.pkl").write_bytes(pickled_scaler())
    return Settings(dwh_url=f"duckdb:///{tmp_path}/warehouse.duckdb", models_dir=models)


@pytest.fixture
def warehouse(settings: Settings) -> Iterator[Warehouse]:
    with closing(Warehouse(settings)) as warehouse:
        yield warehouse


def test_what_is_missing_is_reported_with_a_remedy(settings: Settings):
    with pytest.raises(BundleError) as caught:
        load_bundle(settings.models_dir)
    assert str(caught.value) == (
        f"{settings.models_dir} contains churn.tflite, nbo.tflite and scaler.pkl, but no version is active. Without "
        "a manifest it is not known which features they take, in which order. Check and adopt them with "
        "loyalty versions adopt, or train: loyalty train"
    )


def test_the_list_of_versions_offers_to_adopt_them(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("MODELS_DIR", str(settings.models_dir))
    get_settings.cache_clear()
    assert main(["list"]) == 0
    get_settings.cache_clear()
    assert "Check and adopt them with loyalty versions adopt" in capsys.readouterr().out


def test_rfm_is_scored_before_they_are_adopted(warehouse: Warehouse):
    found = score_base(warehouse, scoring_models(warehouse))
    assert found.is_rfm_only
    assert "Check and adopt them with" in found.remarks[0]


def test_they_become_a_version_that_answers_as_the_files_do(settings: Settings, warehouse: Warehouse):
    version = adopt(warehouse, "ann")
    bundle = load_bundle(settings.models_dir, version)
    assert bundle.contract.names == tuple(DEFAULT_FEATURE_MAPPING)
    assert bundle.offers("nbo") == (1, 2, 3, 4, 5, 6, 7, 8)
    assert bundle.manifest["trained_by"] == "adopted by ann"
    assert bundle.manifest["data"] == warehouse.identity.warehouse
    with pytest.raises(BundleError):
        load_bundle(settings.models_dir)  # nothing is active yet
    activate(settings.models_dir, version, "ann")
    answer = MLInferenceService(settings, warehouse).predict_churn("c7")
    features = [151.17, 10.0, 91.0, 27.0, 277.0]
    expected = bundle.scores("churn", np.array([features], dtype=np.float32))[0, 0]
    assert answer["churn_probability"] == pytest.approx(float(expected), abs=1e-6)


def test_one_model_alone_is_enough(settings: Settings, warehouse: Warehouse):
    (settings.models_dir / "nbo.tflite").unlink()
    assert list(load_bundle(settings.models_dir, adopt(warehouse, "ann")).models) == ["churn"]
    (settings.models_dir / "churn.tflite").unlink()
    with pytest.raises(ModelNotFound):
        adopt(warehouse, "ann")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("scaler.pkl", None, "scaler.pkl is missing"),
        ("scaler.pkl", pickle.dumps(print), "scaler.pkl is refused"),
        (
            "scaler.pkl",
            pickle.dumps(StandardScaler().fit(np.eye(3)), protocol=4),
            "scaler.pkl scales 3 inputs, but ML_FEATURE_MAPPING has 5 features",
        ),
        ("churn.tflite", b"no model", "churn.tflite cannot be opened"),
        ("churn.tflite", tiny_model("nbo"), "churn.tflite has 8 outputs, but a churn model has 1"),
        ("churn.tflite", tiny_model("narrow_churn"), "churn.tflite"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    settings: Settings, warehouse: Warehouse, name: str, content: bytes | None, message: str
):
    file = settings.models_dir / name
    file.write_bytes(content) if content is not None else file.unlink()
    with pytest.raises(BundleError, match=message):
        adopt(warehouse, "ann")
    assert not list((settings.models_dir / "versions").glob("*"))


def test_the_mapping_must_be_that_of_the_models(settings: Settings):
    for changed, error in (
        ({"ml_model_input_size": 4}, FeatureCountMismatch),
        ({"ml_feature_mapping": {**DEFAULT_FEATURE_MAPPING, "revenue": "customer_id"}}, BundleError),
    ):
        other: dict[str, Any] = changed
        with closing(Warehouse(settings.model_copy(update=other))) as warehouse, pytest.raises(error):
            adopt(warehouse, "ann")


def test_the_command_reports_how_it_read_the_files(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("DWH_URL", settings.dwh_url)
    monkeypatch.setenv("MODELS_DIR", str(settings.models_dir))
    get_settings.cache_clear()
    assert main(["adopt", "--offers", "1,2,3"]) == 1
    assert "nbo.tflite has 8 outputs, but 3 offers are named" in capsys.readouterr().err
    assert main(["adopt", "--offers", "11,12,13,14,15,16,17,18"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(" holds churn.tflite and nbo.tflite.")
    assert lines[1].startswith(f"Features, in this order: {', '.join(DEFAULT_FEATURE_MAPPING)}.")
    assert lines[2] == "The outputs of nbo.tflite are the offers 11, 12, 13, 14, 15, 16, 17, 18."
    assert lines[-1].endswith(" is active.")
    assert load_bundle(settings.models_dir).offers("nbo")[0] == 11
    get_settings.cache_clear()
