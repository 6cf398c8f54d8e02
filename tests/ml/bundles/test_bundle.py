import json
import os
import pickle
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from loyalty_core.ml.bundles import BundleError, ModelNotFound, activate, load_bundle, read_active, write_bundle
from loyalty_core.ml.bundles.files import ActiveVersion, canonical_json, digest_line, sha256
from loyalty_core.ml.litert.sandbox import ModelCheckFailed, check_models
from tests.ml.fixtures import (
    CONTRACT,
    OFFERS,
    bundle_parts,
    other_parts,
    pickled_scaler,
    tiny_model,
    training_rows,
    without_nbo,
)


def _active_folder(models_dir: Path) -> Path:
    active = read_active(models_dir)
    assert active is not None
    return models_dir / "versions" / active.version


def _sign_again(models_dir: Path, change) -> None:
    """What a forger would do: change the manifest and bring every digest in line."""
    folder = _active_folder(models_dir)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    change(folder, manifest)
    content = canonical_json(manifest)
    (folder / "manifest.json").write_bytes(content)
    (folder / "manifest.sha256").write_bytes(digest_line(sha256(content)))
    active = read_active(models_dir)
    assert active is not None
    (models_dir / "active.json").write_bytes(replace(active, manifest_sha256=sha256(content)).to_bytes())


def _replace_file(entry: str, content: bytes):
    def change(folder: Path, manifest: dict) -> None:
        part = manifest["scaler"] if entry == "scaler" else manifest["models"][entry]
        (folder / part["file"]).write_bytes(content)
        (folder.parents[1] / part["file"]).write_bytes(content)
        part["sha256"] = sha256(content)

    return change


def test_an_opened_bundle_answers_as_its_parts_did(models_dir):
    parts, bundle = bundle_parts(), load_bundle(models_dir)

    churn, nbo = parts.models["churn"], parts.models["nbo"]
    np.testing.assert_allclose(bundle.scores("churn", churn.golden_inputs)[:, 0], churn.golden_outputs[:, 0], atol=1e-6)
    np.testing.assert_allclose(bundle.scores("nbo", nbo.golden_inputs), nbo.golden_outputs, atol=1e-6)
    assert bundle.offers("nbo") == OFFERS
    assert bundle.contract == CONTRACT
    np.testing.assert_array_equal(bundle.background, training_rows())
    assert bundle.manifest["models"]["churn"]["metrics"] == {"auc": 0.81}
    assert bundle.scaler_content == parts.scaler


def test_a_part_can_be_carried_over_unchanged(models_dir):
    part, original = load_bundle(models_dir).part("nbo"), bundle_parts().models["nbo"]

    np.testing.assert_array_equal(part.golden_outputs, original.golden_outputs)
    assert (part.tflite, part.offers, part.trained_at) == (original.tflite, original.offers, original.trained_at)
    carried_over = replace(other_parts(), models={"churn": other_parts().models["churn"], "nbo": part})
    assert load_bundle(models_dir, write_bundle(models_dir, carried_over)).offers("nbo") == OFFERS


def test_before_the_first_training_the_model_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        load_bundle(tmp_path / "models")

    assert isinstance(caught.value, ModelNotFound)
    assert str(caught.value) == (f"{tmp_path}/models/nbo.tflite does not exist. Train the models: loyalty train")
    assert caught.value.filename == f"{tmp_path}/models/nbo.tflite"


def test_a_bundle_reports_a_missing_offer_model(tmp_path):
    activate(tmp_path, write_bundle(tmp_path, without_nbo()), by="test")
    bundle = load_bundle(tmp_path)

    assert bundle.scores("churn", training_rows(3))[:, 0].shape == (3,)
    assert bundle.offers("nbo") == ()
    with pytest.raises(ModelNotFound, match=r"models/nbo\.tflite"):
        bundle.scores("nbo", training_rows(3))


def test_a_bundle_says_why_its_training_left_a_model_out(tmp_path):
    left_out = {"nbo": "There is no table of offers. Load one."}
    activate(tmp_path, write_bundle(tmp_path, replace(without_nbo(), left_out=left_out)), by="test")
    said = r"was trained without it\. There is no table of offers\. Load one\. Train the models: loyalty train$"
    with pytest.raises(ModelNotFound, match=said):
        load_bundle(tmp_path).scores("nbo", training_rows(3))


@pytest.mark.parametrize("name", ["nbo.tflite", "churn.tflite", "scaler.pkl", "manifest.json", "manifest.sha256"])
@pytest.mark.parametrize("damage", ["missing", "empty", "shortened", "longer"])
def test_a_damaged_file_is_refused_by_name(models_dir, name, damage):
    path = _active_folder(models_dir) / name
    content = path.read_bytes()
    changed = {"missing": None, "empty": b"", "shortened": content[:-1], "longer": content + b"\n"}[damage]
    path.unlink() if changed is None else path.write_bytes(changed)

    with pytest.raises(BundleError, match=name.replace(".", r"\.")):
        load_bundle(models_dir)


@pytest.mark.parametrize("name", ["nbo.tflite", "churn.tflite", "scaler.pkl"])
def test_a_changed_copy_is_refused_by_name_and_a_missing_one_not_found(models_dir, name):
    (models_dir / name).write_bytes(b"mine")
    with pytest.raises(BundleError, match=name):
        load_bundle(models_dir)

    (models_dir / name).unlink()
    with pytest.raises(ModelNotFound, match=name):
        load_bundle(models_dir)


def test_200_of_200_random_one_byte_edits_are_refused(models_dir):
    generator = random.Random(20261122)
    files = [path for path in sorted(models_dir.rglob("*")) if path.is_file() and path.name != ".lock"]
    assert {path.name for path in files} == {
        *("active.json", "nbo.tflite", "churn.tflite", "scaler.pkl", "manifest.json", "manifest.sha256")
    }
    accepted = []
    for number in range(200):
        path = files[number % len(files)]
        intact = path.read_bytes()
        edited = bytearray(intact)
        position = generator.randrange(len(edited))
        edited[position] = generator.choice([byte for byte in range(256) if byte != edited[position]])
        path.write_bytes(edited)
        try:
            load_bundle(models_dir)
            accepted.append((path, position))
        except BundleError as error:
            assert path.name.removesuffix(".sha256").removesuffix(".json") in str(error)
        path.write_bytes(intact)

    assert accepted == []
    load_bundle(models_dir)


def test_a_manifest_edited_by_hand_is_refused(models_dir):
    path = _active_folder(models_dir) / "manifest.json"
    path.write_text(path.read_text().replace('"auc": 0.81', '"auc": 0.99'))

    with pytest.raises(BundleError, match=r"manifest\.json .* was changed after it was written"):
        load_bundle(models_dir)


def test_a_manifest_with_its_own_digest_is_refused_because_active_json_has_another(models_dir):
    path = _active_folder(models_dir) / "manifest.json"
    path.write_text(path.read_text().replace('"auc": 0.81', '"auc": 0.99'))
    path.with_suffix(".sha256").write_bytes(digest_line(sha256(path.read_bytes())))

    with pytest.raises(BundleError, match=r"manifest\.json .* was changed"):
        load_bundle(models_dir)


def test_the_manifest_digest_can_be_checked_by_sha256sum(models_dir):
    folder = _active_folder(models_dir)

    assert os.system(f"cd {folder} && sha256sum --check --quiet manifest.sha256") == 0


def test_a_swapped_scaler_is_refused_even_with_all_digests_in_line(models_dir):
    swapped = pickle.dumps(StandardScaler().fit(training_rows(500, seed=5)), 4)
    _sign_again(models_dir, _replace_file("scaler", swapped))

    with pytest.raises(BundleError, match=r"Golden rows differ"):
        load_bundle(models_dir)


def test_a_scaler_of_another_width_is_refused(models_dir):
    narrow = pickle.dumps(StandardScaler().fit(training_rows(50)[:, :4]), 4)
    _sign_again(models_dir, _replace_file("scaler", narrow))

    with pytest.raises(BundleError, match=r"scaler\.pkl .* scales 4 inputs, but the models take 5"):
        load_bundle(models_dir)


def test_a_scaler_that_would_run_code_is_refused_and_does_not_run(models_dir, tmp_path):
    proof = tmp_path / "proof"
    evil = b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c" + bytes([len(f"touch {proof}")])
    _sign_again(models_dir, _replace_file("scaler", evil + f"touch {proof}".encode() + b"\x85R."))

    with pytest.raises(BundleError, match=r"scaler\.pkl .* refused. It imports posix\.system"):
        load_bundle(models_dir)
    assert not proof.exists()


@pytest.mark.parametrize(
    ("model", "content", "reason"),
    [
        ("churn", tiny_model("other_churn"), r"churn\.tflite .* gives other scores than at training"),
        ("churn", tiny_model("narrow_churn"), r"churn\.tflite .* cannot be opened|belongs to another bundle"),
        ("churn", tiny_model("nbo"), r"churn\.tflite .* belongs to another bundle"),
        ("nbo", b"TFL3 is not enough", r"nbo\.tflite .* cannot be opened"),
        ("nbo", tiny_model("nbo")[:-400], r"nbo\.tflite .* cannot be opened"),
    ],
)
def test_a_model_that_is_not_the_one_described_is_refused_with_all_digests_in_line(models_dir, model, content, reason):
    _sign_again(models_dir, _replace_file(model, content))

    with pytest.raises(BundleError, match=reason):
        load_bundle(models_dir)


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest.pop("features"),
        lambda manifest: manifest.pop("models"),
        lambda manifest: manifest.update(models=[]),
        lambda manifest: manifest.update(format=2),
        lambda manifest: manifest.update(version="20200101T000000Z-0000"),
        lambda manifest: manifest["features"].pop(),
        lambda manifest: manifest["scaler"].update(file="../../secret"),
        lambda manifest: manifest["models"]["nbo"].update(offers=[1, 2, 3]),
        lambda manifest: manifest["models"]["churn"]["golden"].update(inputs=[], outputs=[]),
        lambda manifest: manifest["models"]["churn"].update(
            file="nbo.tflite", sha256=manifest["models"]["nbo"]["sha256"]
        ),
        lambda manifest: manifest.update(background=[[1, 2]]),
    ],
)
def test_a_manifest_that_describes_no_bundle_is_refused(models_dir, change):
    _sign_again(models_dir, lambda _folder, manifest: change(manifest))

    with pytest.raises(BundleError):
        load_bundle(models_dir)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"null", b"\xff", b'{"version": "../../etc"}', b"[" * 100_000, b'{"version": NaN}']
)
def test_an_unreadable_active_json_is_refused_by_name(models_dir, content):
    (models_dir / "active.json").write_bytes(content)

    with pytest.raises(BundleError, match=r"active\.json"):
        load_bundle(models_dir)


def test_active_json_in_another_layout_is_refused():
    active = ActiveVersion("20261122T140501Z-3f9a", "0" * 64, "2026-11-22T14:05:01+00:00", "anna")

    assert ActiveVersion.from_bytes(active.to_bytes()) == active
    with pytest.raises(BundleError):
        ActiveVersion.from_bytes(json.dumps(json.loads(active.to_bytes())).encode())


@pytest.mark.parametrize(
    "version", ["..", "../../etc", "20261122T140501Z-3f9a/..", "", "latest", "20261122T140501Z-3f9"]
)
def test_a_version_is_never_a_path(models_dir, version):
    with pytest.raises(BundleError, match="is not a model version"):
        load_bundle(models_dir, version)


def test_a_version_that_is_gone_is_refused(models_dir):
    with pytest.raises(BundleError, match=r"manifest\.json of version 20200101T000000Z-0000 is missing"):
        load_bundle(models_dir, "20200101T000000Z-0000")


def test_a_model_that_crashes_the_process_is_refused_even_with_matching_digests(models_dir):
    deadly = bytearray(tiny_model("churn"))
    deadly[16:20] = bytes(4)  # the offset of the model's table: LiteRT reads past the end and the process dies
    _sign_again(models_dir, _replace_file("churn", bytes(deadly)))

    with pytest.raises(BundleError, match=r"churn\.tflite .* crashed the child process \(signal 11\)"):
        load_bundle(models_dir)


def test_a_model_that_cannot_be_opened_fails_in_the_trial_process():
    rows = np.zeros((2, 5), np.float32)

    with pytest.raises(ModelCheckFailed, match="cannot be opened") as caught:
        check_models({"churn": (tiny_model("churn"), rows), "nbo": (b"junk" * 500, rows)})

    assert caught.value.model == "nbo"


def test_unfit_parts_are_refused_before_anyone_sees_them(tmp_path):
    parts = replace(bundle_parts(), scaler=pickled_scaler(seed=77))

    with pytest.raises(BundleError, match="Golden rows differ"):
        write_bundle(tmp_path, parts)
    assert list((tmp_path / "versions").iterdir()) == []
