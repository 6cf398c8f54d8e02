from itertools import permutations

import numpy as np
import pytest

from loyalty_core.ml.serving.shapley import MAX_FEATURES_EXACT, explain

GENERATOR = np.random.default_rng(0)


def _one_column_each(features):
    return [slice(position, position + 1) for position in range(features)]


def _rows(count, width):
    return GENERATOR.normal(size=(count, width)).astype(np.float32)


def _bumpy(rows):
    """Depends on all features, and on pairs of them."""
    rolled = np.roll(rows, 1, axis=1)
    return 1 / (1 + np.exp(-(rows * rolled + np.sin(rows)).sum(axis=1)))


def _by_definition(predict, row, background, slices):
    """Shapley's formula, read off all orders in which features can join."""
    contributions = np.zeros(len(slices))
    orders = list(permutations(range(len(slices))))
    for order in orders:
        mixed = background.copy()
        before = predict(mixed).mean()
        for feature in order:
            mixed[:, slices[feature]] = row[:, slices[feature]]
            after = predict(mixed).mean()
            contributions[feature] += after - before
            before = after
    return contributions / len(orders)


@pytest.mark.parametrize(
    "slices", [_one_column_each(1), _one_column_each(5), [slice(0, 1), slice(1, 4), slice(4, 5), slice(5, 7)]]
)
def test_exact_values_are_those_of_the_definition(slices):
    row, background = _rows(1, slices[-1].stop), _rows(7, slices[-1].stop)

    explanation = explain(_bumpy, row, background, slices)

    np.testing.assert_allclose(
        explanation.contributions, _by_definition(_bumpy, row, background, slices), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("features", [2, 5, MAX_FEATURES_EXACT, MAX_FEATURES_EXACT + 1, 40])
def test_contributions_add_up_to_the_prediction_minus_the_base(features):
    row, background = _rows(1, features), _rows(16, features)

    explanation = explain(_bumpy, row, background, _one_column_each(features))

    assert explanation.prediction == pytest.approx(float(_bumpy(row)[0]), abs=1e-6)
    assert explanation.base == pytest.approx(float(_bumpy(background).mean()), abs=1e-6)
    assert explanation.contributions.sum() == pytest.approx(explanation.prediction - explanation.base, abs=1e-12)


@pytest.mark.parametrize("features", [6, 25])
def test_a_linear_model_gives_weight_times_distance_from_the_background(features):
    weights = np.arange(1, features + 1)
    row, background = _rows(1, features), _rows(20, features)

    explanation = explain(lambda rows: rows @ weights, row, background, _one_column_each(features))

    expected = weights * (row[0] - background.mean(axis=0))
    np.testing.assert_allclose(explanation.contributions, expected, atol=1e-4)


@pytest.mark.parametrize("features", [7, 14])
def test_a_feature_the_model_ignores_contributes_nothing(features):
    explanation = explain(
        lambda rows: _bumpy(rows[:, 1:]), _rows(1, features), _rows(8, features), _one_column_each(features)
    )

    assert explanation.contributions[0] == pytest.approx(0, abs=1e-12)
    assert np.abs(explanation.contributions[1:]).max() > 0.01


def test_sampling_comes_close_to_the_exact_values():
    row, background = _rows(1, 8), _rows(32, 8)
    exact = explain(_bumpy, row, background, _one_column_each(8)).contributions
    sampled = explain(_bumpy, row, background, _one_column_each(8), max_exact=7).contributions

    np.testing.assert_allclose(sampled, exact, atol=0.03)
    assert (sampled != exact).any()


def test_the_same_question_has_the_same_answer():
    row, background = _rows(1, 15), _rows(8, 15)

    first, second = (explain(_bumpy, row, background, _one_column_each(15)) for _ in range(2))

    np.testing.assert_array_equal(first.contributions, second.contributions)
