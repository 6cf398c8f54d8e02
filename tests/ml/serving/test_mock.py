import subprocess
import sys
from pathlib import Path

import numpy as np

from loyalty_core.ml.serving.mock import MockModels
from tests.ml.fixtures import MEDIANS, training_rows

GUIDE_KINDS = dict.fromkeys(MEDIANS, "number")


def _customer(**changes):
    return np.array([list((MEDIANS | changes).values())], dtype=np.float32)


def test_probabilities_and_scores_are_probabilities():
    mock, rows = MockModels(GUIDE_KINDS), training_rows(500)

    churn, offers = mock.scores("churn", rows)[:, 0], mock.scores("nbo", rows)

    assert churn.shape == (500,)
    assert churn.min() > 0
    assert churn.max() < 1
    assert offers.shape == (500, 8)
    np.testing.assert_allclose(offers.sum(axis=1), 1, atol=1e-6)


def test_silence_raises_churn_and_habit_lowers_it():
    mock = MockModels(GUIDE_KINDS)
    silent, ordinary, regular = (
        float(mock.scores("churn", customer)[0, 0])
        for customer in (_customer(days_since_last=300), _customer(), _customer(transaction_count=60))
    )

    assert silent > 0.7
    assert silent > ordinary > regular


def test_one_of_the_best_customers_is_at_high_risk_after_a_long_silence():
    best = _customer(transaction_count=40, revenue=2_000, lifetime_value=3_000, days_since_last=200)

    assert MockModels(GUIDE_KINDS).scores("churn", best)[0, 0] > 0.7


def test_any_mapping_works_and_unusual_values_stay_finite():
    mock = MockModels({"tenure": "number", "is_member": "boolean", "contract": "text", "monthly_charges": "number"})
    rows = mock.contract.encode(
        {
            "tenure": np.array([1.0, -5.0, np.nan, 3e38]),
            "is_member": np.array([True, False, True, False]),
            "contract": np.array(["a", "b", None, ""], dtype=object),
            "monthly_charges": np.array([0.0, 1e-30, 20.0, -3e38]),
        }
    ).values

    assert np.isfinite(mock.scores("churn", rows)[:, 0]).all()
    assert len(np.unique(mock.scores("churn", rows)[:, 0])) == 4
    assert np.isfinite(mock.scores("nbo", rows)).all()
    assert mock.background.shape == (32, 4)
    assert set(np.unique(mock.background[:, 1])) == {0.0, 1.0}
    assert set(np.unique(mock.background[:, 2])) == {1.0}


def test_the_same_in_every_process_and_without_any_model_library():
    code = """
import sys
import numpy as np
import loyalty_core.ml.inference
from loyalty_core.ml.serving.mock import MockModels
mock = MockModels({"revenue": "number", "tenure": "number"})
print(mock.scores("nbo", np.array([[480.0, 7.0]], dtype=np.float32)).tolist())
print({"pandas", "sklearn", "tensorflow", "keras", "ai_edge_litert"} & set(sys.modules))
"""
    folder = Path(__file__).parents[3]
    run = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)

    mock = MockModels({"revenue": "number", "tenure": "number"})
    expected = mock.scores("nbo", np.array([[480.0, 7.0]], dtype=np.float32)).tolist()
    assert run.stdout.splitlines() == [str(expected), "set()"]
