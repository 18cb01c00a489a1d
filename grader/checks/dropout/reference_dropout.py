"""The notebook dropout as it should be: every blank, and the functions that it gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "backward",
    "dropout_backward",
    "dropout_forward",
    "fit",
    "forward",
    "init_params",
    "loss",
    "make_data",
    "sigmoid",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Params = dict[str, FloatArray]
Cache = dict[str, Any]


def make_data(m: int, rng: np.random.Generator, mislabelled: float = 0.2) -> tuple[FloatArray, IntArray]:
    """
    Draw *m* points on both sides of a straight line, and mislabel some.

    Args:
        m: number of rows.
        rng: where the numbers come from.
        mislabelled: probability that a label is flipped.

    Returns:
        X of shape (m, 2), coordinates of standard deviation 3; y of shape (m,) with 0 and 1.
    """
    X = 3.0 * rng.standard_normal((m, 2))
    y = X[:, 0] + X[:, 1] > 0
    flipped = rng.random(m) < mislabelled
    return X, (y ^ flipped).astype(np.int64)


def init_params(n_x: int, n_h: int, rng: np.random.Generator) -> Params:
    """Random weights of scale 1/sqrt(n_in), zero biases: W1 (n_h, n_x), b1 (n_h,), W2 (1, n_h), b2 (1,)."""
    return {
        "W1": rng.standard_normal((n_h, n_x)) / np.sqrt(n_x),
        "b1": np.zeros(n_h),
        "W2": rng.standard_normal((1, n_h)) / np.sqrt(n_h),
        "b2": np.zeros(1),
    }


def sigmoid(z: FloatArray) -> FloatArray:
    """Logistic sigmoid, by exponentials of numbers that are never positive."""
    e = np.exp(-np.abs(z))
    result: FloatArray = np.where(z >= 0, 1.0, e) / (1.0 + e)
    return result


def loss(p: FloatArray, y: IntArray) -> float:
    """Mean binary cross-entropy of p (m,) and y (m,)."""
    p = np.clip(np.ravel(p), 1e-12, 1.0 - 1e-12)
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1.0 - p)))


def dropout_forward(
    A: FloatArray, keep_prob: float, rng: np.random.Generator, training: bool = True
) -> tuple[FloatArray, Cache]:
    """Inverted dropout of A: out, and the cache {"mask", "keep_prob"}, mask None when not training."""
    if not training:
        return A.copy(), {"mask": None, "keep_prob": keep_prob}
    mask = rng.random(A.shape) < keep_prob
    return A * mask / keep_prob, {"mask": mask, "keep_prob": keep_prob}


def dropout_backward(dout: FloatArray, cache: Cache) -> FloatArray:
    """Gradient with respect to A: the same entries dropped, the same scale."""
    if cache["mask"] is None:
        return dout.copy()
    result: FloatArray = dout * cache["mask"] / cache["keep_prob"]
    return result


def forward(
    X: FloatArray,
    params: Mapping[str, FloatArray],
    keep_prob: float,
    rng: np.random.Generator,
    training: bool = True,
) -> tuple[FloatArray, Cache]:
    """Shallow net with dropout on its hidden layer: p (m,), and the cache {X, A1, D1, dropout, p}."""
    A1 = np.tanh(X @ params["W1"].T + params["b1"])
    D1, dropout_cache = dropout_forward(A1, keep_prob, rng, training)
    p = sigmoid(D1 @ params["W2"].T + params["b2"])[:, 0]
    return p, {"X": X, "A1": A1, "D1": D1, "dropout": dropout_cache, "p": p}


def backward(y: IntArray, params: Mapping[str, FloatArray], cache: Cache) -> Params:
    """Gradients of the mean cross-entropy, from the output back, with the mask of forward."""
    dZ2 = (cache["p"] - y)[:, np.newaxis] / len(y)
    dD1 = dZ2 @ params["W2"]
    dA1 = dropout_backward(dD1, cache["dropout"])
    dZ1 = dA1 * (1.0 - cache["A1"] ** 2)
    return {
        "dW1": dZ1.T @ cache["X"],
        "db1": dZ1.sum(axis=0),
        "dW2": dZ2.T @ cache["D1"],
        "db2": dZ2.sum(axis=0),
    }


def fit(
    X: FloatArray,
    y: IntArray,
    n_h: int,
    keep_prob: float,
    learning_rate: float,
    steps: int,
    rng: np.random.Generator,
) -> tuple[Params, list[float]]:
    """Full-batch gradient descent, a fresh mask at each step; a step's loss is taken before its update."""
    params = init_params(X.shape[1], n_h, rng)
    losses = []
    for _ in range(steps):
        p, cache = forward(X, params, keep_prob, rng)
        losses.append(loss(p, y))
        grads = backward(y, params, cache)
        params = {name: params[name] - learning_rate * grads["d" + name] for name in params}
    return params, losses
