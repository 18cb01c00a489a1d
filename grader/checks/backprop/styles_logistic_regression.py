"""Unusual but right ways to write the notebook logistic_regression."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.checks import style, style_text
from grader.checks.backprop.reference_logistic_regression import gradients, loss, predict, sigmoid, update

Array = NDArray[Any]

# --- loops over single numbers, the training too -----------------------------------------------------------


@style("pure Python loops", "sigmoid")
def sigmoid_by_loop(z: Array) -> list[Any]:
    def one(value: Any) -> Any:
        if isinstance(value, list):
            return [one(entry) for entry in value]
        if value < 0:
            return float(np.exp(value) / (1 + np.exp(value)))
        return float(1 / (1 + np.exp(-value)))

    return [one(entry) for entry in z.tolist()]


@style("pure Python loops", "predict")
def predict_by_loop(X: Array, w: Array, b: float) -> list[float]:
    p = []
    for row in X.tolist():
        z = b
        for x_j, w_j in zip(row, w.tolist(), strict=True):
            z += x_j * w_j
        p.append(float(sigmoid(np.array([z]))[0]))
    return p


@style("pure Python loops", "loss")
def loss_by_loop(p: Array, y: Array) -> float:
    total = 0.0
    for p_i, y_i in zip(p, y, strict=True):
        chance = p_i if y_i == 1 else 1 - p_i
        total -= np.log(max(chance, 1e-9))
    return total / len(y)


@style("pure Python loops", "gradients")
def gradients_by_loop(X: Array, p: Array, y: Array) -> list[Any]:
    dw, db = [0.0] * X.shape[1], 0.0
    for i in range(X.shape[0]):
        error = float(p[i] - y[i])
        db += error / X.shape[0]
        for j in range(X.shape[1]):
            dw[j] += error * float(X[i, j]) / X.shape[0]
    return [dw, db]


@style("pure Python loops", "update")
def update_by_loop(w: Array, b: float, dw: Array, db: float, learning_rate: float) -> list[Any]:
    return [[w_j - learning_rate * dw_j for w_j, dw_j in zip(w, dw, strict=True)], b - learning_rate * db]


@style("pure Python loops", "fit")
def fit_by_loop(X: Array, y: Array, learning_rate: float, steps: int) -> tuple[Any, ...]:
    w, b, losses = np.zeros(X.shape[1]), 0.0, []
    for _ in range(steps):
        p = np.array(predict(X, w, b))
        losses.append(loss(p, y))
        dw, db = gradients(X, p, y)
        new_w, b = update(w, b, np.array(dw), db, learning_rate)
        w = np.array(new_w)
    return w, b, losses


# --- columns (m, 1) and (n_x, 1), as another convention has it ---------------------------------------------


@style("columns", "sigmoid")
def sigmoid_clipped(z: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(z, -500, 500))))


@style("columns", "predict")
def predict_column(X: Array, w: Array, b: float) -> Array:
    return sigmoid(np.dot(X, np.reshape(w, (-1, 1))) + b)


@style("columns", "loss")
def loss_column(p: Array, y: Array) -> Array:
    p, y = np.reshape(p, (-1, 1)), np.reshape(y, (-1, 1))
    p = np.minimum(np.maximum(p, 1e-8), 1 - 1e-8)
    return np.asarray(-(y.T @ np.log(p) + (1 - y).T @ np.log(1 - p)) / len(y))


@style("columns", "gradients")
def gradients_column(X: Array, p: Array, y: Array) -> tuple[Array, Array]:
    dz = np.reshape(p, (-1, 1)) - np.reshape(y, (-1, 1))
    return X.T @ dz / X.shape[0], np.mean(dz, keepdims=True)


@style("columns", "update")
def update_column(w: Array, b: float, dw: Array, db: float, learning_rate: float) -> tuple[Array, Array]:
    w = np.reshape(w, (-1, 1)) - learning_rate * np.reshape(dw, (-1, 1))
    return w, np.array([b - learning_rate * db]).reshape(1, 1)


@style("columns", "fit")
def fit_column(X: Array, y: Array, learning_rate: float, steps: int) -> tuple[Any, ...]:
    w, b, losses = np.zeros((X.shape[1], 1)), np.zeros((1, 1)), np.zeros(steps)
    for step in range(steps):
        p = predict(X, w, b)  # type: ignore[arg-type]
        dw, db = gradients(X, p, y)
        w, b = update(w, b, dw, db, learning_rate)  # type: ignore[arg-type, assignment]
        losses[step] = np.squeeze(loss(predict(X, w, b), y))  # type: ignore[arg-type]
    return w, b, losses


# --- single precision --------------------------------------------------------------------------------------


@style("single precision", "sigmoid")
def sigmoid_single(z: Array) -> Array:
    z = z.astype(np.float32)
    return np.asarray(
        np.where(z >= 0, 1 / (1 + np.exp(-np.abs(z))), np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))))
    )


@style("single precision", "predict")
def predict_single(X: Array, w: Array, b: float) -> Array:
    return sigmoid(np.asarray(X.astype(np.float32) @ w.astype(np.float32) + np.float32(b)))


@style("single precision", "loss")
def loss_single(p: Array, y: Array) -> Any:
    p = np.clip(p.astype(np.float32), np.float32(1e-7), np.float32(1 - 1e-7))
    return np.float32(-np.mean(np.where(y == 1, np.log(p), np.log(1 - p))))


@style("single precision", "gradients")
def gradients_single(X: Array, p: Array, y: Array) -> tuple[Array, Any]:
    dz = (p.astype(np.float32) - y.astype(np.float32)) / np.float32(len(y))
    return X.T.astype(np.float32) @ dz, dz.sum()


# --- closures, vectorize, einsum, the whole chain written out ----------------------------------------------

sigmoid_vectorized = style_text(
    "lambdas",
    "sigmoid",
    "sigmoid = np.vectorize(lambda score: 0.5 * (1 + np.tanh(score / 2)), otypes=[float])",
)

predict_lambda = style_text(
    "lambdas", "predict", "predict = lambda X, w, b: sigmoid(np.sum(X * w, axis=1) + b)"
)

update_lambda = style_text(
    "lambdas",
    "update",
    "update = lambda w, b, dw, db, learning_rate: [old - learning_rate * d for old, d in ((w, dw), (b, db))]",
)


@style("chain rule in three links", "gradients")
def gradients_in_links(X: Array, p: Array, y: Array) -> tuple[Array, Array]:
    dp = (-(y / p) + (1 - y) / (1 - p)) / len(y)
    dz = dp * p * (1 - p)
    return np.einsum("ij,i->j", X, dz), np.einsum("i->", dz)


@style("no zero below the fraction", "gradients")
def gradients_with_eps(X: Array, p: Array, y: Array) -> tuple[Array, Array]:
    dp = (p - y) / (p * (1 - p) + 1e-12) / len(y)
    dz = dp * p * (1 - p)
    return X.T @ dz, dz.sum()


@style("the fraction's lower part held up", "gradients")
def gradients_with_maximum(X: Array, p: Array, y: Array) -> tuple[Array, Array]:
    slope = p * (1 - p)
    dz = (p - y) / np.maximum(slope, 1e-8) * slope
    return X.T @ dz / len(y), np.mean(dz)


@style("chain rule in three links", "loss")
def loss_by_likelihood(p: Array, y: Array) -> float:
    tiny = 1e-10
    return float(np.mean(-np.log(np.abs(p - (1 - y)) + tiny)))


@style("chain rule in three links", "fit")
def fit_all_in_one(X: Array, y: Array, learning_rate: float, steps: int) -> tuple[Any, ...]:
    theta, padded = np.zeros(X.shape[1] + 1), np.column_stack([X, np.ones(len(X))])
    losses = []
    for _ in range(steps):
        p = 0.5 * (1 + np.tanh(0.5 * padded @ theta))
        theta = theta - learning_rate * padded.T @ (p - y) / len(y)
        losses.append(-np.log(np.abs(p - (1 - y)) + 1e-12).mean())
    return theta[:-1], theta[-1], losses
