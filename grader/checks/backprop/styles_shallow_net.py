"""Unusual but right ways to write the blanks of shallow_net; all of them must keep all marks."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.checks import style, style_text
from grader.checks.backprop.reference_shallow_net import backward, forward, init_params, loss, sigmoid

# --- loops over everything, in plain Python ---------------------------------------------------------------


@style("plain loops", "init_params")
def init_params_loops(n_x: Any, n_h: Any, rng: Any) -> Any:
    W1 = np.zeros((n_h, n_x))
    W2 = np.zeros((1, n_h))
    for k in range(n_h):
        for j in range(n_x):
            W1[k, j] = rng.uniform(-1, 1) / n_x**0.5
        W2[0, k] = rng.uniform(-1, 1) / n_h**0.5
    return {"W1": W1, "b1": np.zeros(n_h), "W2": W2, "b2": np.zeros(1)}


@style("plain loops", "forward")
def forward_loops(X: Any, params: Any) -> Any:
    A1, p = [], []
    for row in X:
        a = []
        for weights, bias in zip(params["W1"], params["b1"], strict=True):
            z = bias
            for w, x in zip(weights, row, strict=True):
                z += w * x
            a.append(np.tanh(z))
        z = params["b2"][0]
        for w, activation in zip(params["W2"][0], a, strict=True):
            z += w * activation
        A1.append(a)
        p.append(1 / (1 + np.exp(-z)))
    return p, (A1, p)


@style("plain loops", "loss")
def loss_loops(p: Any, y: Any) -> Any:
    total = 0.0
    for i in range(len(y)):
        total -= np.log(p[i] + 1e-7) if y[i] == 1 else np.log(1 - p[i] + 1e-7)
    return total / len(y)


@style("plain loops", "backward")
def backward_loops(X: Any, y: Any, params: Any, cache: Any) -> Any:
    A1, p = cache
    (m, n_x), n_h = X.shape, len(params["b1"])
    dW1, db1 = np.zeros((n_h, n_x)), np.zeros(n_h)
    dW2, db2 = np.zeros((1, n_h)), np.zeros(1)
    for i in range(m):
        dz2 = (p[i] - y[i]) / m
        db2[0] += dz2
        for k in range(n_h):
            dW2[0, k] += dz2 * A1[i][k]
            dz1 = dz2 * params["W2"][0, k] * (1 - A1[i][k] ** 2)
            db1[k] += dz1
            for j in range(n_x):
                dW1[k, j] += dz1 * X[i, j]
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}


@style("plain loops", "predict")
def predict_loops(X: Any, params: Any) -> Any:
    return [1 if p >= 0.5 else 0 for p in forward(X, params)[0]]


# --- what a cache may be ----------------------------------------------------------------------------------


@style("a closure as cache", "forward")
def forward_closure(X: Any, params: Any) -> Any:
    A1 = np.tanh(X @ params["W1"].T + params["b1"])
    p = sigmoid((A1 @ params["W2"].T + params["b2"])[:, 0])

    def back(y: Any) -> Any:
        dZ2 = ((p - y) / len(y)).reshape(-1, 1)
        dZ1 = dZ2 @ params["W2"] * (1 - A1 * A1)
        return dZ1.T @ X, dZ1.sum(0), dZ2.T @ A1, dZ2.sum(0)

    return p, back


@style("a closure as cache", "backward")
def backward_closure(X: Any, y: Any, params: Any, cache: Any) -> Any:
    return dict(zip(("dW1", "db1", "dW2", "db2"), cache(y), strict=True))


@style("an object as cache", "forward")
def forward_object(X: Any, params: Any) -> Any:
    class Layers:
        pass

    seen = Layers()
    seen.a = np.tanh(X.dot(params["W1"].T) + params["b1"])  # type: ignore[attr-defined]
    seen.p = sigmoid(seen.a.dot(params["W2"][0]) + params["b2"][0])  # type: ignore[attr-defined]
    return seen.p, seen  # type: ignore[attr-defined]


@style("an object as cache", "backward")
def backward_object(X: Any, y: Any, params: Any, cache: Any) -> Any:
    dz2 = (cache.p - y) / len(y)
    dz1 = np.outer(dz2, params["W2"]) * (1 - cache.a**2)
    return {"dW1": dz1.T.dot(X), "db1": dz1.sum(0), "dW2": dz2.dot(cache.a), "db2": dz2.sum()}


an_id_forward = style_text(
    "an id into a dict as cache",
    "forward",
    """
    KEPT = {}

    def forward(X, params):
        Z1 = X @ params["W1"].T + params["b1"]
        p = sigmoid(np.tanh(Z1) @ params["W2"].T + params["b2"]).ravel()
        key = len(KEPT)
        KEPT[key] = (Z1, p)
        return p, key
    """,
)


@style("an id into a dict as cache", "backward")
def backward_id(X: Any, y: Any, params: Any, cache: Any) -> Any:
    Z1, p = globals()["KEPT"][cache]
    dZ2 = ((p - y) / len(y))[:, None]
    dZ1 = dZ2 * params["W2"] / np.cosh(Z1) ** 2
    return {"dW1": dZ1.T @ X, "db1": dZ1.sum(0), "dW2": dZ2.T @ np.tanh(Z1), "db2": dZ2.sum(0)}


@style("no cache at all", "forward")
def forward_no_cache(X: Any, params: Any) -> Any:
    hidden = np.tanh(np.dot(params["W1"], X.T) + params["b1"][:, None])
    return sigmoid(np.dot(params["W2"], hidden) + params["b2"])[0], None


@style("no cache at all", "backward")
def backward_no_cache(X: Any, y: Any, params: Any, cache: Any) -> Any:
    A1 = np.tanh(X @ params["W1"].T + params["b1"])
    p, _ = forward(X, params)
    dp = ((1 - y) / (1 - p) - y / p) / len(y)
    dZ2 = (dp * p * (1 - p))[:, None]
    dZ1 = (dZ2 @ params["W2"]) * (1 - np.square(A1))
    grads = {"dW1": dZ1.T @ X, "db1": dZ1.sum(0), "dW2": dZ2.T @ A1, "db2": dZ2.sum(0)}
    return {**grads, "dZ1": dZ1, "dZ2": dZ2}


# --- shapes and types -------------------------------------------------------------------------------------


@style("columns", "forward")
def forward_columns(X: Any, params: Any) -> Any:
    A1 = np.tanh(X @ params["W1"].T + params["b1"].reshape(1, -1))
    P = sigmoid(A1 @ params["W2"].T + params["b2"].reshape(1, 1))
    return P, (A1, P)


@style("columns", "loss")
def loss_columns(p: Any, y: Any) -> Any:
    p, y = np.clip(p.reshape(-1, 1), 1e-7, 1 - 1e-7), y.reshape(-1, 1)
    return -(y.T @ np.log(p) + (1 - y).T @ np.log(1 - p))[0] / len(y)


@style("columns", "backward")
def backward_columns(X: Any, y: Any, params: Any, cache: Any) -> Any:
    A1, P = cache
    dZ2 = (P - y.reshape(-1, 1)) / y.size
    dZ1 = dZ2 @ params["W2"] * (1 - A1**2)
    return {
        "dW1": dZ1.T @ X,
        "db1": dZ1.sum(axis=0, keepdims=True).T,
        "dW2": dZ2.T @ A1,
        "db2": dZ2.sum(axis=0, keepdims=True),
    }


@style("columns", "fit")
def fit_columns(X: Any, y: Any, n_h: Any, learning_rate: Any, steps: Any, rng: Any) -> Any:
    params = init_params(X.shape[1], n_h, rng)
    losses = np.zeros((steps, 1))
    for step in range(steps):
        _, cache = forward(X, params)
        grads = backward(X, y, params, cache)
        for name in params:
            params[name] = params[name] - learning_rate * grads["d" + name].reshape(params[name].shape)
        losses[step] = loss(forward(X, params)[0], y)
    return params, losses


@style("columns", "predict")
def predict_columns(X: Any, params: Any) -> Any:
    return np.rint(forward(X, params)[0]).astype(np.int32).reshape(-1, 1)


@style("float32 inside", "init_params")
def init_params_float32(n_x: Any, n_h: Any, rng: Any) -> Any:
    def uniform(n_out: Any, n_in: Any) -> Any:
        return (rng.uniform(-1, 1, (n_out, n_in)) / np.sqrt(n_in)).astype(np.float32)

    zeros = np.zeros(n_h, dtype=np.float32)
    return {"W1": uniform(n_h, n_x), "b1": zeros, "W2": uniform(1, n_h), "b2": np.zeros(1, np.float32)}


@style("float32 inside", "forward")
def forward_float32(X: Any, params: Any) -> Any:
    W1, b1, W2, b2 = (params[name].astype(np.float32) for name in ("W1", "b1", "W2", "b2"))
    A1 = np.tanh(X.astype(np.float32) @ W1.T + b1)
    p = 1 / (1 + np.exp(-(A1 @ W2.T + b2)[:, 0]))
    return p, [A1, p]


@style("float32 inside", "loss")
def loss_float32(p: Any, y: Any) -> Any:
    p = np.clip(np.float32(p), np.float32(1e-7), np.float32(1 - 1e-7))
    return -np.where(y == 1, np.log(p), np.log(1 - p)).mean()


@style("float32 inside", "backward")
def backward_float32(X: Any, y: Any, params: Any, cache: Any) -> Any:
    A1, p = cache
    dZ2 = ((p - y.astype(np.float32)) / np.float32(len(y)))[:, None]
    dZ1 = dZ2 @ params["W2"].astype(np.float32) * (1 - A1**2)
    return {"dW1": dZ1.T @ X.astype(np.float32), "db1": dZ1.sum(0), "dW2": dZ2.T @ A1, "db2": dZ2.sum(0)}


# --- ways to write it -------------------------------------------------------------------------------------


@style("einsum", "init_params")
def init_params_one_draw(n_x: Any, n_h: Any, rng: Any) -> Any:
    numbers = rng.standard_normal(n_h * (n_x + 1))
    W2, W1 = numbers[:n_h], numbers[n_h:]
    return {
        "b2": np.array([0.0]),
        "W2": (W2 * n_h**-0.5)[np.newaxis],
        "W1": W1.reshape((n_h, n_x)) * n_x**-0.5,
        "b1": np.zeros(shape=(n_h,)),
    }


@style("einsum", "forward")
def forward_einsum(X: Any, params: Any) -> Any:
    E = np.exp(-2 * (np.einsum("ij,kj->ik", X, params["W1"]) + params["b1"]))
    A1 = (1 - E) / (1 + E)
    z2 = np.einsum("ik,ok->i", A1, params["W2"]) + params["b2"]
    return 0.5 * (1 + np.tanh(z2 / 2)), {"hidden": A1, "z": z2}


@style("einsum", "loss")
def loss_logits(p: Any, y: Any) -> Any:
    z = np.log(p) - np.log1p(-p)
    return np.mean(np.logaddexp(0, np.where(y == 1, -z, z)))


@style("einsum", "backward")
def backward_einsum(X: Any, y: Any, params: Any, cache: Any) -> Any:
    A1, p = cache["hidden"], 1 / (1 + np.exp(-cache["z"]))
    dz2 = np.multiply(p - y, 1 / y.shape[0])
    dZ1 = np.einsum("i,ok,ik->ik", dz2, params["W2"], (1 - A1) * (1 + A1))
    return {
        "dW1": np.einsum("ik,ij->kj", dZ1, X),
        "db1": np.einsum("ik->k", dZ1),
        "dW2": np.einsum("i,ik->k", dz2, A1),
        "db2": dz2.sum(),
    }


predict_lambda = style_text(
    "einsum", "predict", "predict = lambda X, params: 1 * (forward(X, params)[0] > 0.5)"
)


@style("lists for tuples", "forward")
def forward_lists(X: Any, params: Any) -> Any:
    squash = np.vectorize(lambda z: 1 / (1 + np.exp(-z)))
    A1 = np.tanh(X @ params["W1"].T + params["b1"])
    p = squash(A1 @ params["W2"].T + params["b2"])[:, 0]
    return [p, {"A1": A1, "p": p}]


@style("lists for tuples", "backward")
def backward_lists(X: Any, y: Any, params: Any, cache: Any) -> Any:
    dZ2 = (cache["p"] - y)[:, None] / len(y)
    dZ1 = dZ2 @ params["W2"] * (1 - cache["A1"] ** 2)
    grads = {"dW1": dZ1.T @ X, "db1": dZ1.sum(0), "dW2": dZ2.T @ cache["A1"], "db2": dZ2.sum(0)}
    return {name: value.tolist() for name, value in grads.items()}


@style("lists for tuples", "fit")
def fit_lists(X: Any, y: Any, n_h: Any, learning_rate: Any, steps: Any, rng: Any) -> Any:
    params, losses = init_params(X.shape[1], n_h, rng), []
    step = 0
    while step < steps:
        p, cache = forward(X, params)
        losses += [np.array(loss(p, y))]
        for name, grad in backward(X, y, params, cache).items():
            params[name[1:]] = params[name[1:]] - learning_rate * np.array(grad)
        step += 1
    return [params, losses]


@style("fit on its own", "fit")
def fit_alone(X: Any, y: Any, n_h: Any, learning_rate: Any, steps: Any, rng: Any) -> Any:
    m, n_x = X.shape
    W2 = rng.normal(0, 1 / np.sqrt(n_h), n_h)
    W1 = rng.normal(0, 1 / np.sqrt(n_x), (n_h, n_x))
    b1, b2, losses = np.zeros(n_h), 0.0, []
    for _ in range(steps):
        A1 = np.tanh(X @ W1.T + b1)
        p = 1 / (1 + np.exp(-(A1 @ W2 + b2)))
        dz = (p - y) / m
        dZ1 = np.outer(dz, W2) * (1 - A1**2)
        W1, b1 = W1 - learning_rate * dZ1.T @ X, b1 - learning_rate * dZ1.sum(0)
        W2, b2 = W2 - learning_rate * dz @ A1, b2 - learning_rate * dz.sum()
        p = 1 / (1 + np.exp(-(np.tanh(X @ W1.T + b1) @ W2 + b2)))
        losses.append(float(-np.mean(np.where(y == 1, np.log(p), np.log(1 - p)))))
    return {"W1": W1, "b1": b1, "W2": W2[None], "b2": b2}, tuple(losses)


@style("fit on its own", "predict")
def predict_alone(X: Any, params: Any) -> Any:
    z = np.tanh(X @ params["W1"].T + params["b1"]) @ params["W2"][0] + params["b2"]
    return np.heaviside(z, 0).astype("int64")
