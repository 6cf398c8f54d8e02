import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from loyalty_core.ml.litert.model import CHUNK_ROWS, ModelUnreadable, TfliteModel
from tests.ml.fixtures import tiny_model


def _rows(count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 5)).astype(np.float32)


def test_knows_its_shape():
    model = TfliteModel(tiny_model("nbo"))

    assert (model.width, model.outputs) == (5, 8)


@pytest.mark.parametrize("count", [0, 1, 2, 100, CHUNK_ROWS, CHUNK_ROWS + 1, 3 * CHUNK_ROWS - 7])
def test_a_batch_answers_as_its_rows_one_by_one(count):
    model, rows = TfliteModel(tiny_model("nbo")), _rows(count)

    answers = model.predict(rows)

    assert answers.shape == (count, 8)
    for position in range(0, count, max(1, count // 50)):
        np.testing.assert_allclose(model.predict(rows[position : position + 1])[0], answers[position], atol=1e-6)


def test_many_threads_with_batches_of_many_sizes():
    model, rows = TfliteModel(tiny_model("churn")), _rows(3_000)
    expected = model.predict(rows)

    def predict(start):
        size = 1 + start % 37
        np.testing.assert_allclose(model.predict(rows[start : start + size]), expected[start : start + size], atol=1e-6)
        return size

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(predict, range(2_900))) == sum(1 + start % 37 for start in range(2_900))


@pytest.mark.parametrize("content", [b"", b"junk", tiny_model("nbo")[:100]])
def test_what_is_no_model_is_refused(content):
    with pytest.raises(ModelUnreadable):
        TfliteModel(content)


def test_rows_of_another_width_are_refused():
    with pytest.raises(ValueError, match=r"\(rows, 5\), not \(1, 4\)"):
        TfliteModel(tiny_model("churn")).predict(np.zeros((1, 4), np.float32))


_OPENS_A_MODEL = """
import os, sys
from pathlib import Path
from loyalty_core.ml.litert.model import TfliteModel, without_announcement
content = Path(sys.argv[1]).read_bytes()
with without_announcement():
    os.write(2, b"something else\\n")
    TfliteModel(content)
TfliteModel(content)
"""


def test_the_line_by_which_litert_announces_itself_stays_off_the_terminal(tmp_path: Path):
    file = tmp_path / "churn.tflite"
    file.write_bytes(tiny_model("churn"))
    plain = "from ai_edge_litert.interpreter import Interpreter as I; import sys; I(sys.argv[1]).allocate_tensors()"
    announced = _errors_of(plain, file)
    assert announced == "INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n"
    assert _errors_of(_OPENS_A_MODEL, file) == "something else\n"


def _errors_of(program: str, file: Path) -> str:
    done = subprocess.run([sys.executable, "-c", program, str(file)], capture_output=True, text=True, check=True)
    return done.stderr
