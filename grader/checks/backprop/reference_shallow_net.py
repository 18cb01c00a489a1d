"""The notebook shallow_net as it should be: every blank, and the data that it gives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "DATASETS",
    "RADIUS",
    "backward",
    "fit",
    "forward",
    "init_params",
    "loss",
    "make_data",
    "predict",
    "sigmoid",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Params = dict[str, FloatArray]

DATASETS = ("circle", "xor", "spiral")
RADIUS = 5.0


def make_data(name: str, m: int, noise: float, rng: np.random.Generator) -> tuple[FloatArray, IntArray]:
    """
    Draw *m* points of one of the playground's data sets, half of them of each class, shuffled.

    Args:
        name: "circle" (a disc in a ring), "xor" (four squares) or "spiral" (two arms of one turn).
        m: number of rows.
        noise: standard deviation of what is added to each coordinate; the sets have radius 5.
        rng: where the numbers come from.

    Returns:
        X of shape (m, 2), y of shape (m,) with 0 and 1.
    """
    y = rng.permutation(np.arange(m) % 2)
    if name == "circle":
        radius = RADIUS * np.where(y == 1, rng.uniform(0.0, 0.5, m), rng.uniform(0.7, 1.0, m))
        angle = rng.uniform(0.0, 2.0 * np.pi, m)
    elif name == "spiral":
        t = rng.uniform(0.0, 1.0, m)
        radius = RADIUS * t
        angle = 2.0 * np.pi * t + np.pi * y
    elif name == "xor":
        side = rng.choice([-1.0, 1.0], m)
        x1 = side * rng.uniform(0.3, RADIUS, m)
        x2 = side * np.where(y == 1, 1.0, -1.0) * rng.uniform(0.3, RADIUS, m)
        return np.column_stack([x1, x2]) + noise * rng.normal(size=(m, 2)), y
    else:
        raise ValueError(f"no data set is called {name!r}; there are {', '.join(DATASETS)}")
    X = np.column_stack([radius * np.sin(angle), radius * np.cos(angle)])
    return X + noise * rng.normal(size=(m, 2)), y


def sigmoid(z: FloatArray) -> FloatArray:
    """Logistic function of *z*, entry by entry; the exponent is never positive, so nothing overflows."""
    e = np.exp(-np.abs(z))
    value: FloatArray = np.where(z >= 0, 1.0, e) / (1.0 + e)
    return value


def init_params(n_x: int, n_h: int, rng: np.random.Generator) -> Params:
    """Normal weights of standard deviation 1/sqrt(n_in), zero biases: W1 (n_h, n_x), W2 (1, n_h)."""
    return {
        "W1": rng.normal(size=(n_h, n_x)) / np.sqrt(n_x),
        "b1": np.zeros(n_h),
        "W2": rng.normal(size=(1, n_h)) / np.sqrt(n_h),
        "b2": np.zeros(1),
    }


def forward(X: FloatArray, params: Params) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Probability of label 1 for each row: X (m, n_x) → p (m,), and the cache {"A1" (m, n_h), "p" (m,)}."""
    A1 = np.tanh(X @ params["W1"].T + params["b1"])
    z2 = A1 @ params["W2"].T + params["b2"]
    p = sigmoid(z2[:, 0])
    return p, {"A1": A1, "p": p}


def loss(p: FloatArray, y: IntArray) -> float:
    """Mean binary cross-entropy of p (m,) and y (m,); *p* is clipped at 1e-12."""
    p = np.clip(p, 1e-12, 1.0 - 1e-12)
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1.0 - p)))


def backward(X: FloatArray, y: IntArray, params: Params, cache: dict[str, FloatArray]) -> Params:
    """Gradient of the mean cross-entropy with respect to every parameter, from the output back."""
    A1, p = cache["A1"], cache["p"]
    dZ2 = ((p - y) / len(y))[:, np.newaxis]
    dZ1 = dZ2 @ params["W2"] * (1.0 - A1**2)
    return {
        "dW1": dZ1.T @ X,
        "db1": dZ1.sum(axis=0),
        "dW2": dZ2.T @ A1,
        "db2": dZ2.sum(axis=0),
    }


def fit(
    X: FloatArray, y: IntArray, n_h: int, learning_rate: float, steps: int, rng: np.random.Generator
) -> tuple[Params, list[float]]:
    """Full-batch gradient descent from init_params; each step's loss is taken before its update."""
    params = init_params(X.shape[1], n_h, rng)
    losses = []
    for _ in range(steps):
        p, cache = forward(X, params)
        losses.append(loss(p, y))
        grads = backward(X, y, params, cache)
        params = {name: value - learning_rate * grads["d" + name] for name, value in params.items()}
    return params, losses


def predict(X: FloatArray, params: Params) -> IntArray:
    """Label 1 for each row whose probability is above one half: X (m, n_x) → (m,)."""
    p, _ = forward(X, params)
    return (p > 0.5).astype(np.int64)
