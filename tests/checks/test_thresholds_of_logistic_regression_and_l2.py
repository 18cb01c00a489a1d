"""The training thresholds of two notebooks rest on runs of the reference; these repeat some of the runs."""

from __future__ import annotations

import numpy as np
import pytest

from grader.checks.backprop import inputs_logistic_regression, reference_logistic_regression
from grader.checks.l2 import inputs_l2, reference_l2

SEEDS = range(1000, 1030)  # the first 30 of the 200 and 600 that the thresholds were derived from


def logistic_regression(seed: int) -> float:
    X, y, X_new, y_new = inputs_logistic_regression.training_problem(np.random.default_rng(seed))
    w, b, _ = reference_logistic_regression.fit(
        X, y, inputs_logistic_regression.TRAINING_RATE, inputs_logistic_regression.TRAINING_STEPS
    )
    return inputs_logistic_regression.held_out_accuracy(w, b, X_new, y_new)


def l2(seed: int) -> float:
    X, y, X_new, y_new = inputs_l2.training_problem(np.random.default_rng(seed))
    params, _ = reference_l2.fit(
        X,
        y,
        inputs_l2.HIDDEN_UNITS,
        inputs_l2.GOOD_LAMBDA,
        inputs_l2.TRAINING_RATE,
        inputs_l2.TRAINING_STEPS,
        np.random.default_rng(seed + 50_000),
    )
    return inputs_l2.held_out_accuracy(params, X_new, y_new)


@pytest.mark.parametrize(
    ("run", "mean", "sd", "needed"),
    [
        (logistic_regression, 0.9447, 0.0061, inputs_logistic_regression.NEEDED_ACCURACY),
        (l2, 0.9616, 0.0140, inputs_l2.NEEDED_ACCURACY),
    ],
)
def test_the_reference_does_what_its_threshold_was_derived_from(
    run: object, mean: float, sd: float, needed: float
) -> None:
    assert callable(run)
    reached = np.array([run(seed) for seed in SEEDS])
    # A mean of 30 has a standard error of sd / sqrt(30); four of them.
    assert abs(reached.mean() - mean) < 4 * sd / np.sqrt(30)
    assert reached.min() > needed
