import os
import pickle
import random

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from loyalty_core.ml.bundles import read_scaler
from loyalty_core.ml.bundles.scaler import UnsafePickle
from tests.ml.fixtures import pickled_scaler, training_rows


def test_scales_exactly_as_scikit_learn():
    fitted = StandardScaler().fit(training_rows(500).astype(np.float64))
    rows = training_rows(100, seed=3)

    scaled = read_scaler(pickle.dumps(fitted)).transform(rows)

    assert scaled.dtype == np.float32
    np.testing.assert_array_equal(scaled, fitted.transform(rows))


def test_a_constant_column_scales_to_zero():
    fitted = StandardScaler().fit(np.column_stack([np.full(10, 3.0), np.arange(10.0)]))

    scaled = read_scaler(pickle.dumps(fitted)).transform(np.array([[3.0, 4.5]], dtype=np.float32))

    assert scaled.tolist() == [[0.0, 0.0]]


class _Runs:
    """Pickles into a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def _runs_code(path):
    return {
        "a shell command": pickle.dumps(_Runs(os.system, f"touch {path}")),
        "exec": pickle.dumps(_Runs(exec, f"open({str(path)!r}, 'w')")),
        "inside a fitted scaler": _with_attribute("mean_", _Runs(os.system, f"touch {path}")),
        "beside a fitted scaler": _with_attribute("extra", _Runs(exec, f"open({str(path)!r}, 'w')")),
        "through numpy": pickle.dumps(_Runs(np.fromfile, "/etc/hostname")),
        "old protocol": pickle.dumps(_Runs(os.system, f"touch {path}"), 0),
        "written by hand": f"cos\nsystem\n(S'touch {path}'\ntR.".encode(),
        "after the scaler": pickled_scaler()[:-1] + f"0cos\nsystem\n(S'touch {path}'\ntR.".encode(),
    }


def _with_attribute(name, value):
    fitted = StandardScaler().fit(training_rows(20))
    setattr(fitted, name, value)
    return pickle.dumps(fitted, 4)


@pytest.mark.parametrize("way", list(_runs_code("x")))
def test_code_in_a_pickle_never_runs(way, tmp_path):
    proof = tmp_path / "proof"

    with pytest.raises(UnsafePickle):
        read_scaler(_runs_code(proof)[way])

    assert not proof.exists()


def test_the_refusal_names_what_the_pickle_asks_for():
    with pytest.raises(UnsafePickle, match=r"posix\.system"):
        read_scaler(pickle.dumps(_Runs(os.system, "true"), 4))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"junk",
        pickle.dumps(None),
        pickle.dumps({"mean_": [1.0], "scale_": [1.0]}),
        pickle.dumps(MinMaxScaler().fit(training_rows(20))),
        pickle.dumps(LogisticRegression()),
        pickle.dumps(StandardScaler()),
        pickle.dumps(StandardScaler(with_mean=False).fit(training_rows(20))),
        _with_attribute("scale_", np.zeros(5)),
        _with_attribute("mean_", np.full(5, np.nan)),
        _with_attribute("mean_", np.zeros(4)),
        _with_attribute("mean_", np.zeros((5, 1))),
        _with_attribute("mean_", np.array(["a"] * 5)),
        _with_attribute("mean_", np.array([print] * 5)),
        pickled_scaler()[:-20],
        pickled_scaler() + b"more",
        b"\x80\x04\x95" + b"\xff" * 8 + b".",
        b"\x80\x04r\xff\xff\xff\x7f.",  # LONG_BINPUT asks for a memo of 16 GB
        b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f.",  # BINBYTES8 of 2**63 bytes
        pickled_scaler() * 10_000,
    ],
)
def test_everything_else_is_refused(content):
    with pytest.raises(UnsafePickle):
        read_scaler(content)


def test_damaged_pickles_are_refused_or_still_a_scaler():
    intact, generator = pickled_scaler(), random.Random(0)
    refused = 0
    for _ in range(2_000):
        damaged = bytearray(intact)
        damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        try:
            assert np.isfinite(read_scaler(bytes(damaged)).mean).all()
        except UnsafePickle:
            refused += 1
    assert refused > 500
