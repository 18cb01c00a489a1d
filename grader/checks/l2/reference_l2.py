"""The notebook l2 as it should be: every blank, and the functions that it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "backward",
    "cross_entropy",
    "decay_update",
    "fit",
    "forward",
    "init_params",
    "l2_penalty",
    "loss",
    "make_data",
    "weight_norms",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Params = dict[str, FloatArray]


def make_data(m: int, rng: np.random.Generator, mislabelled: float = 0.15) -> tuple[FloatArray, IntArray]:
    """
    Draw *m* tomatoes whose good ones lie above a gently bent line; some labels are wrong.

    Args:
        m: number of rows.
        rng: where the numbers come from.
        mislabelled: probability that a label is flipped.

    Returns:
        X of shape (m, 2), y of shape (m,) with 0 and 1.
    """
    X = rng.normal(size=(m, 2))
    y = X[:, 1] > 0.5 * X[:, 0] ** 2 - 0.5
    flipped = rng.random(m) < mislabelled
    return X, (y ^ flipped).astype(np.int64)


def init_params(n_x: int, n_h: int, rng: np.random.Generator) -> Params:
    """Random weights of scale 1/sqrt(n_in), zero biases: W1 (n_h, n_x), b1 (n_h,), W2 (1, n_h), b2 (1,)."""
    return {
        "W1": rng.normal(size=(n_h, n_x)) / np.sqrt(n_x),
        "b1": np.zeros(n_h),
        "W2": rng.normal(size=(1, n_h)) / np.sqrt(n_h),
        "b2": np.zeros(1),
    }


def forward(X: FloatArray, params: Mapping[str, FloatArray]) -> tuple[FloatArray, Params]:
    """Shallow net with tanh and one sigmoid neuron: p (m,) and the cache {"A1": (m, n_h), "p": (m,)}."""
    A1 = np.tanh(X @ params["W1"].T + params["b1"])
    z2 = (A1 @ params["W2"].T + params["b2"])[:, 0]
    e = np.exp(-np.abs(z2))
    p = np.where(z2 >= 0, 1.0, e) / (1.0 + e)
    return p, {"A1": A1, "p": p}


def cross_entropy(p: FloatArray, y: IntArray) -> float:
    """Mean binary cross-entropy of p (m,) and y (m,): the plain loss, without penalty."""
    p = np.clip(p, 1e-12, 1.0 - 1e-12)
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1.0 - p)))


def l2_penalty(params: Mapping[str, FloatArray], lam: float, m: int) -> float:
    """Half of lam / m times the sum of the squared weights W1 and W2; biases are left out."""
    return float(lam / (2 * m) * (np.sum(params["W1"] ** 2) + np.sum(params["W2"] ** 2)))


def loss(p: FloatArray, y: IntArray, params: Mapping[str, FloatArray], lam: float) -> float:
    """Cross-entropy plus penalty."""
    return cross_entropy(p, y) + l2_penalty(params, lam, len(y))


def backward(
    X: FloatArray,
    y: IntArray,
    params: Mapping[str, FloatArray],
    cache: Mapping[str, FloatArray],
    lam: float,
) -> Params:
    """Gradients of the penalised loss, by the chain rule from the output back."""
    m = len(y)
    A1, p = cache["A1"], cache["p"]
    dZ2 = ((p - y) / m)[:, np.newaxis]
    dZ1 = (dZ2 @ params["W2"]) * (1.0 - A1**2)
    return {
        "dW1": dZ1.T @ X + lam / m * params["W1"],
        "db1": dZ1.sum(axis=0),
        "dW2": dZ2.T @ A1 + lam / m * params["W2"],
        "db2": dZ2.sum(axis=0),
    }


def decay_update(W: FloatArray, dW: FloatArray, learning_rate: float, lam: float, m: int) -> FloatArray:
    """Shrink *W* by 1 - learning_rate * lam / m, then step along the plain gradient *dW*."""
    decayed: FloatArray = (1.0 - learning_rate * lam / m) * W - learning_rate * dW
    return decayed


def fit(
    X: FloatArray,
    y: IntArray,
    n_h: int,
    lam: float,
    learning_rate: float,
    steps: int,
    rng: np.random.Generator,
) -> tuple[Params, list[float]]:
    """Full-batch gradient descent on the penalised loss; each step's loss is taken before its update."""
    params = init_params(X.shape[1], n_h, rng)
    losses = []
    for _ in range(steps):
        p, cache = forward(X, params)
        losses.append(loss(p, y, params, lam))
        grads = backward(X, y, params, cache, lam)
        params = {name: params[name] - learning_rate * grads["d" + name] for name in params}
    return params, losses


def weight_norms(
    X: FloatArray,
    y: IntArray,
    n_h: int,
    lams: Sequence[float],
    learning_rate: float,
    steps: int,
    seed: int,
) -> list[float]:
    """Euclidean norm of all weights after training with each lambda, every training from the same start."""
    norms = []
    for lam in lams:
        params, _ = fit(X, y, n_h, lam, learning_rate, steps, np.random.default_rng(seed))
        norms.append(float(np.sqrt(np.sum(params["W1"] ** 2) + np.sum(params["W2"] ** 2))))
    return norms
