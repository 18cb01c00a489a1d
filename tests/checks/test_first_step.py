"""A training's start, seen through its first step; and disguises that a training does not notice."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from grader.checks.backprop import inputs_shallow_net as inputs
from grader.checks.backprop import reference_shallow_net as reference
from grader.checks.disguise import random_turn, swap_or_not
from grader.checks.first_step import ROUNDING, assert_on_a_slope, draw_rates, start_of
from grader.errors import CheckFailure

Params = dict[str, np.ndarray]


def first_step(run: inputs.Run, start: Params, rate: float, dtype: type = np.float64) -> Params:
    grads = reference.backward(run.X, run.y, start, reference.forward(run.X, start)[1])
    return {name: (value - rate * grads["d" + name]).astype(dtype) for name, value in start.items()}


@pytest.mark.parametrize(("dtype", "error"), [(np.float64, 1e-14), (np.float32, ROUNDING)])
def test_the_start_is_seen_through_the_first_step(dtype: type, error: float) -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        run = inputs.draw_run(rng, 7, 3, 5)
        start = reference.init_params(3, 5, rng)
        rates = draw_rates(rng, run.learning_rate)
        seen = start_of(functools.partial(first_step, run, start, dtype=dtype), rates)
        assert all(np.abs(seen[name] - value).max() < error for name, value in start.items())
        assert not seen["b1"].any()
        assert not seen["b2"].any()


def test_a_training_that_does_not_move_has_no_first_step() -> None:
    rng = np.random.default_rng(6)
    start = reference.init_params(3, 5, rng)
    with pytest.raises(CheckFailure, match="same parameters"):
        start_of(lambda _: start, draw_rates(rng, 0.5))


def test_the_second_rate_is_of_the_same_size_and_not_near_the_first() -> None:
    rng = np.random.default_rng(1)
    ratios = np.array([np.divide(*draw_rates(rng, 0.3)) for _ in range(1000)])
    assert np.all(np.abs(np.log(ratios)) > np.log(1 / 0.61))
    assert np.all(np.abs(np.log(ratios)) < np.log(1 / 0.39))


def test_a_network_at_rest_is_no_start() -> None:
    rng = np.random.default_rng(2)
    run = inputs.draw_run(rng, 7, 3, 5)
    fair = reference.init_params(3, 5, rng)
    zeros = {name: np.zeros_like(value) for name, value in fair.items()}
    saturated = {**fair, "b1": np.full(5, 60.0)}
    for params, at_rest in ((fair, False), (zeros, True), (saturated, True)):
        grads = reference.backward(run.X, run.y, params, reference.forward(run.X, params)[1])
        if at_rest:
            with pytest.raises(CheckFailure, match="can't learn"):
                assert_on_a_slope(grads)
        else:
            assert_on_a_slope(grads)


@pytest.mark.parametrize(("n_x", "n_out"), [(2, None), (2, 4), (1, 3), (5, 5)])
def test_a_turn_keeps_lengths_and_angles(n_x: int, n_out: int | None) -> None:
    Q = random_turn(np.random.default_rng(3), n_x, n_out)
    assert Q.shape == (n_x, n_out or n_x)
    np.testing.assert_allclose(Q @ Q.T, np.eye(n_x), atol=1e-12)


def test_turns_have_no_favourite_direction() -> None:
    rng = np.random.default_rng(4)
    turns = np.array([random_turn(rng, 2) for _ in range(4000)])
    # Each entry is a cosine of a uniform angle: mean 0, variance 1/2; five standard errors.
    assert np.abs(turns.mean(axis=0)).max() < 5 * np.sqrt(0.5 / 4000)
    assert abs(np.linalg.det(turns).mean()) < 5 / np.sqrt(4000)


def test_labels_are_exchanged_together_and_half_of_the_time() -> None:
    rng, y = np.random.default_rng(5), np.array([0, 1, 1])
    pairs = [swap_or_not(rng, y, y[:2]) for _ in range(1000)]
    assert all(np.array_equal(one[:2], other) for one, other in pairs)
    assert 420 < sum(int(one[0]) for one, _ in pairs) < 580
