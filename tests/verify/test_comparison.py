"""One tolerance: every honest way to compute passes, no mistake hides below it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from grader import verify
from grader.errors import CheckFailure

SEEDS = range(200)


def dense(seed: int, dtype: type, layers: int = 4, n: int = 30) -> np.ndarray:
    """Softmax probabilities of a net of *layers* layers of *n* units, computed in *dtype*."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((8, n)).astype(dtype)
    for _ in range(layers):
        W = (rng.standard_normal((n, n)) * np.sqrt(2 / n)).astype(dtype)
        Z = A @ W.T + rng.standard_normal(n).astype(dtype)
        A = np.maximum(Z, dtype(0))
    powers = np.exp(Z - Z.max(axis=1, keepdims=True))
    return np.concatenate([Z, powers / powers.sum(axis=1, keepdims=True)])


def test_float32_inside_passes_on_four_layers_of_thirty_units() -> None:
    worst = 0.0
    for seed in SEEDS:
        right, single = dense(seed, np.float64), dense(seed, np.float32)
        for half in (slice(0, 8), slice(8, 16)):
            verify.assert_close(single[half], right[half], "Z")
            verify.assert_close(single[half].astype(np.float64), right[half], "Z")
            allowed = verify.comparison.tolerance_of(right[half])
            worst = max(worst, float(np.max(np.abs(single[half] - right[half]) / allowed)))
    assert worst < 0.5, f"the margin is gone: {worst:.2f} of the tolerance is used"


def test_a_loss_may_clip_or_add_an_epsilon(draw_net: Callable) -> None:
    for seed in SEEDS:
        net = draw_net(seed)
        p = np.clip(net.forward(net.theta)[1], 0.02, 0.98)
        right = -np.mean(net.y * np.log(p) + (1 - net.y) * np.log(1 - p))
        for eps in (0.0, 1e-12, 1e-8, 1e-7):
            verify.assert_close(
                -np.mean(net.y * np.log(p + eps) + (1 - net.y) * np.log(1 - p + eps)), right, "loss"
            )
            q = np.clip(p, eps, 1 - eps).astype(np.float32)
            verify.assert_close(-np.mean(net.y * np.log(q) + (1 - net.y) * np.log(1 - q)), right, "loss")


def test_one_entry_off_by_a_thousandth_of_the_scale_is_seen() -> None:
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        right = rng.standard_normal((8, 30))
        wrong = right.copy()
        wrong[tuple(rng.integers(0, (8, 30)))] += 1e-3
        with pytest.raises(CheckFailure, match="wrong in 1 of 240 entries"):
            verify.assert_close(wrong, right, "Z")


def test_nan_never_passes() -> None:
    for wrong in (np.nan, np.inf, -np.inf):
        with pytest.raises(CheckFailure, match="not finite"):
            verify.assert_close([0.5, wrong], [0.5, 0.5], "p", atol=np.inf)
    assert not verify.comparison.agrees(np.array([np.nan]), np.array([0.0]), np.array([np.inf]))


def test_an_expected_nan_is_a_fault_of_the_check() -> None:
    with pytest.raises(ValueError, match="expected value is not finite"):
        verify.assert_close([0.5], [np.nan], "p")


def test_a_value_whose_square_overflows_is_compared() -> None:
    with pytest.raises(CheckFailure):
        verify.assert_close(np.zeros(3), np.full(3, 1e200), "dW1")


def test_a_scale_makes_small_values_count() -> None:
    verify.assert_close([0.0, 0.0], [1e-9, 2e-9], "dW")  # below the smallest scale a check usually has
    with pytest.raises(CheckFailure, match="zero at every entry"):
        verify.assert_close([0.0, 0.0], [1e-9, 2e-9], "dW", scale=1e-9)
    with pytest.raises(CheckFailure, match="wrong in 1 of 2"):
        verify.assert_close([1.0, 1.1e-9], [1.0, 1e-9], "p", atol=0)


def test_at_a_kink_everything_between_is_right() -> None:
    z = np.array([-1.0, 0.0, 0.0, 0.0, 2.0])
    low, high = (z > 0) * 1.0, (z >= 0) * 1.0
    for at_kink in ([0, 0, 0], [1, 1, 1], [0.5, 0, 1]):
        verify.assert_between(np.array([0, *at_kink, 1]), low, high, "relu_grad")
    for wrong in ([0, 0, 1.5, 0, 1], [0, 0, -0.1, 0, 1], [1, 0, 0, 0, 1], [0, 0, 0, 0, 0]):
        with pytest.raises(CheckFailure):
            verify.assert_between(wrong, low, high, "relu_grad")
    dA = np.array([3.0, -2.0, 2.0, 1.0, -4.0])
    low, high = (
        np.where(z > 0, dA, np.minimum(dA * (z == 0), 0)),
        np.where(z > 0, dA, np.maximum(dA * (z == 0), 0)),
    )
    verify.assert_between(dA * (z > 0), low, high, "relu_backward")
    verify.assert_between(dA * (z >= 0), low, high, "relu_backward")
    with pytest.raises(CheckFailure):
        verify.assert_between(dA, low, high, "relu_backward")
