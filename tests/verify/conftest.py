"""Two small nets, one smooth and one with kinks, with honest and wrong backward passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from grader.verify.values import FloatArray

Params = dict[str, FloatArray]


@dataclass
class Net:
    """A net of one hidden layer with a sigmoid output, a batch for it, and its gradients in any dtype."""

    X: FloatArray
    y: FloatArray
    theta: Params
    relu: bool = False

    def forward(self, theta: Params, dtype: type = np.float64) -> tuple[FloatArray, FloatArray]:
        """Return the hidden activations (m, n_h) and p (m,)."""
        t = {key: value.astype(dtype) for key, value in theta.items()}
        Z = self.X.astype(dtype) @ t["W1"].T + t["b1"]
        A = np.maximum(Z, dtype(0)) if self.relu else np.tanh(Z)
        z = (A @ t["W2"].T + t["b2"])[:, 0]
        return A, dtype(1) / (dtype(1) + np.exp(-z))

    def loss(self, theta: Params, dtype: type = np.float64) -> float:
        """Return the mean cross-entropy."""
        p = self.forward(theta, dtype)[1]
        return float(-np.mean(self.y * np.log(p) + (1 - self.y) * np.log(1 - p), dtype=dtype))

    def backward(self, theta: Params | None = None, dtype: type = np.float64) -> Params:
        """Return the gradients, derived by hand."""
        theta = theta or self.theta
        A, p = self.forward(theta, dtype)
        dz = ((p - self.y.astype(dtype)) / dtype(len(self.y)))[:, None]
        slope = (A > 0).astype(dtype) if self.relu else 1 - A**2
        dZ = (dz @ theta["W2"].astype(dtype)) * slope
        return {"dW1": dZ.T @ self.X.astype(dtype), "db1": dZ.sum(0), "dW2": dz.T @ A, "db2": dz.sum(0)}


@pytest.fixture(scope="session")
def draw_net() -> Callable[..., Net]:
    def draw(seed: int, *, relu: bool = False, m: int = 8, n_x: int = 3, n_h: int = 5) -> Net:
        rng = np.random.default_rng(seed)
        theta = {
            "W1": rng.standard_normal((n_h, n_x)),
            "b1": 0.5 * rng.standard_normal(n_h),
            "W2": rng.standard_normal((1, n_h)),
            "b2": 0.5 * rng.standard_normal(1),
        }
        y = rng.integers(0, 2, m).astype(np.float64)
        return Net(rng.standard_normal((m, n_x)), y, theta, relu)

    return draw
