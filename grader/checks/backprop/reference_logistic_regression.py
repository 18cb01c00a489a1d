"""The notebook logistic_regression as it should be: every blank, and the data that it gives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["fit", "gradients", "loss", "make_data", "predict", "sigmoid", "update"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def make_data(m: int, rng: np.random.Generator, noise: float = 0.5) -> tuple[FloatArray, IntArray]:
    """
    Draw *m* tomatoes: redness and softness in standard deviations, and whether the taster likes them.

    Args:
        m: number of rows.
        rng: where the numbers come from.
        noise: standard deviation of the taster's mood, in units of the score; 0 is linearly separable.

    Returns:
        X of shape (m, 2), y of shape (m,) with 1 for good.
    """
    redness = rng.normal(size=m)
    softness = 0.7 * redness + np.sqrt(1 - 0.7**2) * rng.normal(size=m)
    X = np.column_stack([redness, softness])
    score = 3.0 * redness - 2.0 * softness + 0.5
    y = (score + noise * rng.normal(size=m) > 0).astype(np.int64)
    return X, y


def sigmoid(z: FloatArray) -> FloatArray:
    """Logistic function of *z*, entry by entry; the exponent is never positive, so nothing overflows."""
    e = np.exp(-np.abs(z))
    value: FloatArray = np.where(z >= 0, 1.0, e) / (1.0 + e)
    return value


def predict(X: FloatArray, w: FloatArray, b: float) -> FloatArray:
    """Probability of label 1 for each row: X (m, n_x), w (n_x,) → (m,)."""
    return sigmoid(X @ w + b)


def loss(p: FloatArray, y: IntArray) -> float:
    """Mean binary cross-entropy of p (m,) and y (m,); *p* is clipped at 1e-12."""
    p = np.clip(p, 1e-12, 1.0 - 1e-12)
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1.0 - p)))


def gradients(X: FloatArray, p: FloatArray, y: IntArray) -> tuple[FloatArray, float]:
    """Gradient of the loss with respect to w (n_x,) and b, at the predictions *p* (m,)."""
    dz = (p - y) / len(y)
    return X.T @ dz, float(np.sum(dz))


def update(
    w: FloatArray, b: float, dw: FloatArray, db: float, learning_rate: float
) -> tuple[FloatArray, float]:
    """One step of gradient descent."""
    return w - learning_rate * dw, b - learning_rate * db


def fit(
    X: FloatArray, y: IntArray, learning_rate: float, steps: int
) -> tuple[FloatArray, float, list[float]]:
    """Full-batch gradient descent from zeros; each step's loss is taken before its update."""
    w, b = np.zeros(X.shape[1]), 0.0
    losses = []
    for _ in range(steps):
        p = predict(X, w, b)
        losses.append(loss(p, y))
        dw, db = gradients(X, p, y)
        w, b = update(w, b, dw, db, learning_rate)
    return w, b, losses
