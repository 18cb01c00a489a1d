"""Unusual but right ways to write the notebook l2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.checks import style, style_text
from grader.checks.l2.reference_l2 import (
    backward,
    cross_entropy,
    decay_update,
    fit,
    forward,
    init_params,
    l2_penalty,
    loss,
)

Array = NDArray[Any]
Params = dict[str, Any]

# --- loops over single numbers, the training too -----------------------------------------------------------


@style("pure Python loops", "l2_penalty")
def penalty_by_loop(params: Params, lam: float, m: int) -> float:
    total = 0.0
    for name in ("W1", "W2"):
        for row in params[name].tolist():
            for weight in row:
                total += weight * weight
    return lam * total / (m + m)


@style("pure Python loops", "loss")
def loss_by_loop(p: Array, y: Array, params: Params, lam: float) -> float:
    total = 0.0
    for p_i, y_i in zip(p, y, strict=True):
        total += float(-np.log(max(p_i if y_i == 1 else 1 - p_i, 1e-12)))
    return total / len(y) + l2_penalty(params, lam, len(p))


@style("pure Python loops", "backward")
def backward_by_loop(X: Array, y: Array, params: Params, cache: Params, lam: float) -> Params:
    rows, labels = X.tolist(), y.tolist()
    A1, p = cache["A1"].tolist(), cache["p"].tolist()
    W1, W2 = params["W1"].tolist(), params["W2"].tolist()[0]
    m, n_h, n_x = len(rows), len(W1), len(W1[0])
    dW1 = [[lam / m * W1[j][k] for k in range(n_x)] for j in range(n_h)]
    dW2, db1, db2 = [lam / m * weight for weight in W2], [0.0] * n_h, 0.0
    for i in range(m):
        error = (p[i] - labels[i]) / m
        db2 += error
        for j in range(n_h):
            dW2[j] += error * A1[i][j]
            back = error * W2[j] * (1 - A1[i][j] ** 2)
            db1[j] += back
            for k in range(n_x):
                dW1[j][k] += back * rows[i][k]
    return {"dW1": np.array(dW1), "db1": np.array(db1), "dW2": np.array([dW2]), "db2": np.array([db2])}


@style("pure Python loops", "decay_update")
def decay_by_loop(W: Array, dW: Array, learning_rate: float, lam: float, m: int) -> list[list[float]]:
    keep = 1 - learning_rate * lam / m
    return [
        [keep * weight - learning_rate * slope for weight, slope in zip(*pair, strict=True)]
        for pair in zip(W.tolist(), dW.tolist(), strict=True)
    ]


# --- the price as decay, losses without penalty and after the update ---------------------------------------


@style("decay in the training", "fit")
def fit_by_decay(
    X: Array, y: Array, n_h: int, lam: float, learning_rate: float, steps: int, rng: np.random.Generator
) -> tuple[Params, list[float]]:
    params = init_params(X.shape[1], n_h, rng)
    losses = []
    for _ in range(steps):
        grads = backward(X, y, params, forward(X, params)[1], 0.0)
        params = {
            name: decay_update(
                value, grads["d" + name], learning_rate, lam if name[0] == "W" else 0.0, len(y)
            )
            for name, value in params.items()
        }
        losses.append(float(cross_entropy(forward(X, params)[0], y)))
    return params, losses


@style("decay in the training", "weight_norms")
def norms_sharing_one_generator(
    X: Array, y: Array, n_h: int, lams: Sequence[float], learning_rate: float, steps: int, seed: int
) -> list[float]:
    rng = np.random.default_rng(seed)
    trained = [fit(X, y, n_h, lam, learning_rate, steps, rng)[0] for lam in lams]
    return [float(np.abs(net["W1"]).sum() + np.abs(net["W2"]).sum()) for net in trained]


# --- columns, as another convention has it; forward again in backward --------------------------------------


@style("columns", "l2_penalty")
def penalty_of_dots(params: Params, lam: float, m: int) -> Array:
    flat = np.concatenate([np.ravel(params["W1"]), np.ravel(params["W2"])])[:, None]
    return np.asarray(lam / 2.0 / m * flat.T @ flat)


@style("columns", "loss")
def loss_of_dots(p: Array, y: Array, params: Params, lam: float) -> Array:
    p, y = np.reshape(p, (-1, 1)), np.reshape(y, (-1, 1))
    p = np.clip(p, 1e-7, 1 - 1e-7)
    return np.asarray(
        -(y.T @ np.log(p) + (1 - y).T @ np.log(1 - p)) / y.size + l2_penalty(params, lam, y.size)
    )


@style("columns", "backward")
def backward_recomputing(X: Array, y: Array, params: Params, cache: Params, lam: float) -> Params:
    p, again = forward(X, params)
    A1, m = again["A1"].T, X.shape[0]
    dz2 = np.reshape(p - y, (1, m))
    dZ1 = params["W2"].T * dz2 / np.cosh(np.arctanh(A1)) ** 2
    return {
        "dW2": (dz2 @ A1.T + lam * params["W2"]) / m,
        "db2": np.mean(dz2, axis=1, keepdims=True),
        "dW1": (dZ1 @ X + lam * params["W1"]) / m,
        "db1": np.mean(dZ1, axis=1, keepdims=True),
        "dZ1": dZ1,
    }


@style("columns", "fit")
def fit_in_columns(
    X: Array, y: Array, n_h: int, lam: float, learning_rate: float, steps: int, rng: np.random.Generator
) -> list[Any]:
    params: Params = init_params(X.shape[1], n_h, rng)
    losses = np.zeros(steps)
    for step in range(steps):
        p, cache = forward(X, params)
        losses[step] = np.squeeze(loss(p, y, params, lam))
        grads = backward(X, y, params, cache, lam)
        for name in ("W1", "b1", "W2", "b2"):
            params[name] = params[name] - learning_rate * np.reshape(grads["d" + name], params[name].shape)
    return [params, losses]


@style("columns", "weight_norms")
def norms_of_all_parameters(
    X: Array, y: Array, n_h: int, lams: Sequence[float], learning_rate: float, steps: int, seed: int
) -> Array:
    norms = np.empty((len(lams), 1))
    for k, lam in enumerate(lams):
        params, _ = fit(X, y, n_h, lam, learning_rate, steps, np.random.default_rng(seed))
        norms[k] = max(np.abs(params["W1"]).max(), np.abs(params["W2"]).max())
    return norms


# --- single precision, an own start, an own training -------------------------------------------------------


@style("single precision", "l2_penalty")
def penalty_single(params: Params, lam: float, m: int) -> Any:
    squares = [np.linalg.norm(params[name].astype(np.float32)) ** 2 for name in ("W1", "W2")]
    return np.float32(lam / (2 * m)) * np.float32(sum(squares))


@style("single precision", "backward")
def backward_single(X: Array, y: Array, params: Params, cache: Params, lam: float) -> Params:
    W1, W2 = params["W1"].astype(np.float32), params["W2"].astype(np.float32)
    A1, p = cache["A1"].astype(np.float32), cache["p"].astype(np.float32)
    price, dz2 = np.float32(lam / len(y)), (p - y.astype(np.float32))[:, None] / np.float32(len(y))
    dZ1 = dz2 @ W2 * (1 - A1) * (1 + A1)
    dW1, dW2 = dZ1.T @ X.astype(np.float32) + price * W1, dz2.T @ A1 + price * W2
    return {"dW1": dW1, "db1": dZ1.sum(0), "dW2": dW2, "db2": dz2.sum(0)}


@style("single precision", "fit")
def fit_from_own_start(
    X: Array, y: Array, n_h: int, lam: float, learning_rate: float, steps: int, rng: np.random.Generator
) -> tuple[Params, tuple[float, ...]]:
    reach1, reach2 = np.sqrt(3 / X.shape[1]), np.sqrt(3 / n_h)
    W2 = rng.uniform(-reach2, reach2, (1, n_h))
    W1 = rng.uniform(-reach1, reach1, (n_h, X.shape[1]))
    params = {"W1": W1, "b1": np.zeros(n_h), "W2": W2, "b2": np.zeros(1)}
    losses = []
    for _ in range(steps):
        p, cache = forward(X, params)
        losses.append(float(cross_entropy(p, y)))
        grads = backward(X, y, params, cache, lam)
        params = {name: params[name] - learning_rate * grads["d" + name] for name in params}
    return params, tuple(losses)


@style("single precision", "weight_norms")
def norms_by_own_training(
    X: Array, y: Array, n_h: int, lams: Sequence[float], learning_rate: float, steps: int, seed: int
) -> tuple[float, ...]:
    norms = []
    for lam in lams:
        params: Params = init_params(X.shape[1], n_h, np.random.default_rng(seed))
        for _ in range(steps):
            grads = backward(X, y, params, forward(X, params)[1], lam)
            params = {name: params[name] - learning_rate * grads["d" + name] for name in params}
        norms.append(float(np.linalg.norm(params["W1"]) + np.linalg.norm(params["W2"])))
    return tuple(norms)


# --- lambdas -----------------------------------------------------------------------------------------------

penalty_lambda = style_text(
    "lambdas",
    "l2_penalty",
    "l2_penalty = lambda params, lam, m: lam / (2 * m) * sum((params[W] ** 2).sum() for W in ('W1', 'W2'))",
)

decay_lambda = style_text(
    "lambdas",
    "decay_update",
    "decay_update = lambda W, dW, learning_rate, lam, m: W - learning_rate * (dW + lam / m * W)",
)

loss_lambda = style_text(
    "lambdas",
    "loss",
    "loss = lambda p, y, params, lam: cross_entropy(p, y) + l2_penalty(params, lam, y.shape[0])",
)
