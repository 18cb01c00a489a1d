"""Unusual but right ways to write the notebook deep_net."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from grader.checks import style, style_text
from grader.checks.backprop.reference_deep_net import (
    Array,
    Integers,
    LayerCache,
    LinearCache,
    Params,
    backward,
    forward,
    init_params,
    linear_backward,
    linear_forward,
    relu_backward,
    relu_forward,
    softmax_cross_entropy,
)

Rng = np.random.Generator

# --- loops ------------------------------------------------------------------------------------------------


@style("loops over rows and units", "linear_forward")
def linear_forward_by_loops(A_prev: Array, W: Array, b: Array) -> tuple[Array, LinearCache]:
    Z = np.zeros((A_prev.shape[0], W.shape[0]))
    for i in range(A_prev.shape[0]):
        for j in range(W.shape[0]):
            Z[i, j] = np.dot(A_prev[i], W[j]) + b[j]
    return Z, (A_prev, W, b)


@style("loops over rows and units", "linear_backward")
def linear_backward_by_loops(dZ: Array, cache: LinearCache) -> tuple[Array, Array, Array]:
    A_prev, W, b = cache
    dA_prev, dW, db = np.zeros_like(A_prev), np.zeros_like(W), np.zeros_like(b)
    for i in range(dZ.shape[0]):
        dA_prev[i] = np.dot(dZ[i], W)
        dW += np.outer(dZ[i], A_prev[i])
        db += dZ[i]
    return dA_prev, dW, db


@style("loops over rows and units", "relu_forward")
def relu_forward_by_loops(Z: Array) -> tuple[Any, Array]:
    return [[max(0.0, float(z)) for z in row] for row in Z], Z


@style("loops over rows and units", "relu_backward")
def relu_backward_by_loops(dA: Array, cache: Array) -> Array:
    dZ = np.zeros_like(cache)
    for i in range(cache.shape[0]):
        for j in range(cache.shape[1]):
            if cache[i, j] > 0:
                dZ[i, j] = dA[i, j]
    return dZ


@style("loops over rows and units", "forward")
def forward_by_loops(X: Array, params: Params) -> tuple[Array, list[LayerCache]]:
    layers = len(params) // 2
    A, caches = X, []
    for layer in range(1, layers + 1):
        Z, linear_cache = linear_forward(A, params[f"W{layer}"], params[f"b{layer}"])
        relu_cache = None
        if layer < layers:
            A, relu_cache = relu_forward(Z)
            A = np.array(A)
        caches.append((linear_cache, relu_cache))
    return Z, caches


@style("loops over rows and units", "softmax_cross_entropy")
def softmax_by_loops(logits: Array, y: Integers) -> tuple[float, list[list[float]]]:
    loss, dlogits = 0.0, []
    for row, label in zip(logits, y, strict=True):
        largest = max(row)
        exponentials = [np.exp(s - largest) for s in row]
        total = sum(exponentials)
        loss += np.log(total) - (row[label] - largest)
        dlogits.append([(e / total - (c == label)) / len(y) for c, e in enumerate(exponentials)])
    return loss / len(y), dlogits


@style("loops over rows and units", "backward")
def backward_from_lists(dlogits: Any, caches: list[LayerCache]) -> Params:
    grads: Params = {}
    dA = np.array(dlogits)
    for layer in range(len(caches), 0, -1):
        linear_cache, relu_cache = caches[layer - 1]
        dZ = dA if relu_cache is None else relu_backward(dA, relu_cache)
        dA, grads[f"dW{layer}"], grads[f"db{layer}"] = linear_backward(dZ, linear_cache)
    return grads


# --- caches that are functions ----------------------------------------------------------------------------


@style("caches that are functions", "linear_forward")
def linear_forward_with_closure(A_prev: Array, W: Array, b: Array) -> tuple[Array, Callable[[Array], Any]]:
    def way_back(dZ: Array) -> tuple[Array, Array, Array]:
        return dZ @ W, dZ.T @ A_prev, dZ.sum(axis=0)

    return A_prev @ W.T + b, way_back


@style("caches that are functions", "linear_backward")
def linear_backward_with_closure(dZ: Array, cache: Callable[[Array], Any]) -> Any:
    return cache(dZ)


@style("caches that are functions", "relu_forward")
def relu_forward_with_closure(Z: Array) -> tuple[Array, Callable[[Array], Array]]:
    return Z * (Z > 0), lambda dA: dA * (Z > 0)


@style("caches that are functions", "relu_backward")
def relu_backward_with_closure(dA: Array, cache: Callable[[Array], Array]) -> Array:
    return cache(dA)


@style("caches that are functions", "forward")
def forward_with_closure(X: Array, params: Params) -> tuple[Array, Callable[[Array], Params]]:
    layers = len(params) // 2
    A, caches = X, []
    for layer in range(1, layers + 1):
        Z, linear_cache = linear_forward(A, params[f"W{layer}"], params[f"b{layer}"])
        A, relu_cache = relu_forward(Z)
        caches.append((linear_cache, relu_cache))

    def way_back(dZ: Array) -> Params:
        grads: Params = {}
        for layer in range(layers, 0, -1):
            linear_cache, relu_cache = caches[layer - 1]
            dZ = relu_backward(dZ, relu_cache) if layer < layers else dZ
            dZ, grads[f"dW{layer}"], grads[f"db{layer}"] = linear_backward(dZ, linear_cache)
        return grads

    return Z, way_back


@style("caches that are functions", "backward")
def backward_with_closure(dlogits: Array, caches: Callable[[Array], Params]) -> Params:
    return caches(dlogits)


# --- caches that are objects, and a number into a dictionary ----------------------------------------------


@style("caches that are objects", "linear_forward")
def linear_forward_with_object(A_prev: Array, W: Array, b: Array) -> tuple[Array, Any]:
    class Layer:
        def __init__(self, inputs: Array, weights: Array) -> None:
            self.inputs, self.weights = inputs, weights

    return np.dot(A_prev, W.T) + b, Layer(A_prev, W)


@style("caches that are objects", "linear_backward")
def linear_backward_with_object(dZ: Array, cache: Any) -> list[Array]:
    return [dZ.dot(cache.weights), dZ.T.dot(cache.inputs), dZ.sum(axis=0, keepdims=True)]


@style("caches that are objects", "relu_forward")
def relu_forward_with_object(Z: Array) -> tuple[Array, Any]:
    return (np.abs(Z) + Z) / 2, {"gate": np.heaviside(Z, 0.5)}


@style("caches that are objects", "relu_backward")
def relu_backward_with_object(dA: Array, cache: Any) -> Any:
    return np.multiply(dA, cache["gate"])


NUMBERED = """
def forward(X, params):
    A, bricks = X, []
    last = len(params) // 2
    for l in range(1, last + 1):
        A, cache = linear_forward(A, params["W%d" % l], params["b%d" % l])
        bricks.append((l, "linear", cache))
        if l != last:
            A, cache = relu_forward(A)
            bricks.append((l, "relu", cache))
    kept[len(kept)] = bricks
    return A, len(kept) - 1

kept = {}
"""
numbered_forward = style_text("caches that are objects", "forward", NUMBERED)


@style("caches that are objects", "backward")
def backward_with_number(dlogits: Array, caches: int) -> Params:
    grads: Params = {}
    gradient = dlogits
    for layer, kind, cache in reversed(kept[caches]):
        if kind == "relu":
            gradient = relu_backward(gradient, cache)
        else:
            gradient, dW, db = linear_backward(gradient, cache)
            grads |= {f"dW{layer}": dW, f"db{layer}": db}
    return grads


kept: dict[int, list[tuple[int, str, Any]]] = {}

# --- all in one, without the bricks -----------------------------------------------------------------------


@style("a stack without the bricks", "forward")
def forward_alone(X: Array, params: Params) -> list[Any]:
    A = [X]
    for layer in range(1, len(params) // 2):
        A.append(np.maximum(A[-1] @ params[f"W{layer}"].T + params[f"b{layer}"], 0))
    last = len(params) // 2
    return [A[-1] @ params[f"W{last}"].T + params[f"b{last}"], {"A": A, "params": params}]


@style("a stack without the bricks", "backward")
def backward_alone(dlogits: Array, caches: dict[str, Any]) -> Params:
    A, params = caches["A"], caches["params"]
    grads, dZ = {}, dlogits
    for layer in range(len(A), 0, -1):
        grads[f"dW{layer}"], grads[f"db{layer}"] = dZ.T @ A[layer - 1], dZ.sum(0)
        grads[f"dZ{layer}"] = dZ
        dZ = (dZ @ params[f"W{layer}"]) * (A[layer - 1] > 0)
    return grads


@style("a stack without the bricks", "init_params")
def uniform_start(layer_sizes: list[int], rng: Rng) -> Params:
    params: Params = {}
    for layer in range(1, len(layer_sizes)):
        n_in, n_out = layer_sizes[layer - 1 : layer + 1]
        params[f"b{layer}"] = np.zeros((1, n_out))
        params[f"W{layer}"] = rng.uniform(-np.sqrt(6 / n_in), np.sqrt(6 / n_in), (n_out, n_in))
    return params


@style("a stack without the bricks", "fit")
def fit_with_shuffled_copies(
    X: Array,
    y: Integers,
    layer_sizes: list[int],
    learning_rate: float,
    epochs: int,
    batch_size: int,
    rng: Rng,
) -> list[Any]:
    params = init_params(layer_sizes, rng)
    losses = np.zeros(epochs)
    for epoch in range(epochs):
        order = np.arange(len(X))
        rng.shuffle(order)
        X_now, y_now = X[order], y[order]
        start = 0
        while start < len(X):
            logits, caches = forward(X_now[start : start + batch_size], params)
            _, dlogits = softmax_cross_entropy(logits, y_now[start : start + batch_size])
            grads = backward(dlogits, caches)
            for name in params:
                params[name] -= learning_rate * grads["d" + name]
            start += batch_size
        losses[epoch] = softmax_cross_entropy(forward(X, params)[0], y)[0]
    return [params, losses]


# --- single precision -------------------------------------------------------------------------------------


@style("single precision", "init_params")
def start_in_float32(layer_sizes: list[int], rng: Rng) -> Any:
    params: dict[str, Any] = {}
    for layer in range(1, len(layer_sizes)):
        shape = (layer_sizes[layer], layer_sizes[layer - 1])
        params[f"W{layer}"] = rng.standard_normal(shape, dtype=np.float32) * np.float32(np.sqrt(2 / shape[1]))
        params[f"b{layer}"] = np.zeros(shape[0], dtype=np.float32)
    return params


@style("single precision", "linear_forward")
def linear_forward_in_float32(A_prev: Array, W: Array, b: Array) -> Any:
    A_prev, W, b = (value.astype("float32") for value in (A_prev, W, b))
    return A_prev @ W.T + b, (A_prev, W, b)


@style("single precision", "linear_backward")
def linear_backward_in_float32(dZ: Array, cache: LinearCache) -> Any:
    A_prev, W, _ = cache
    dZ32 = dZ.astype("float32")
    return dZ32 @ W, dZ32.T @ A_prev, dZ32.sum(axis=0)


@style("single precision", "relu_forward")
def relu_forward_in_float32(Z: Array) -> Any:
    return np.maximum(Z, 0).astype("float32"), (Z > 0).astype("float32")


@style("single precision", "relu_backward")
def relu_backward_in_float32(dA: Array, cache: Array) -> Any:
    return dA.astype("float32") * cache


@style("single precision", "softmax_cross_entropy")
def softmax_in_float32(logits: Array, y: Integers) -> Any:
    s = logits.astype("float32")
    exponentials = np.exp(s - s.max(axis=1, keepdims=True))
    p = exponentials / exponentials.sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    loss = -np.mean(np.log(np.maximum(p[rows, y], np.float32(1e-30))))
    p[rows, y] -= 1
    return loss, p / np.float32(len(y))


@style("single precision", "fit")
def fit_in_float32(
    X: Array,
    y: Integers,
    layer_sizes: list[int],
    learning_rate: float,
    epochs: int,
    batch_size: int,
    rng: Rng,
) -> tuple[Any, tuple[float, ...]]:
    params: Any = init_params(layer_sizes, rng)
    losses = []
    for _ in range(epochs):
        order, of_batches = rng.permutation(len(X)), []
        for rows in [order[i : i + batch_size] for i in range(0, len(X), batch_size)]:
            logits, caches = forward(X[rows], params)
            loss, dlogits = softmax_cross_entropy(logits, y[rows])
            of_batches.append(loss)
            for name, gradient in backward(dlogits, caches).items():
                params[name[1:]] = (params[name[1:]] - learning_rate * gradient).astype("float32")
        losses.append(float(np.mean(of_batches)))
    return params, tuple(losses)


# --- einsum, and other ways to write a formula ------------------------------------------------------------


@style("einsum and log-sum-exp", "linear_forward")
def linear_forward_by_einsum(A_prev: Array, W: Array, b: Array) -> list[Any]:
    return [np.einsum("ik,jk->ij", A_prev, W) + b[np.newaxis, :], {"inputs": A_prev, "weights": W}]


@style("einsum and log-sum-exp", "linear_backward")
def linear_backward_by_einsum(dZ: Array, cache: dict[str, Array]) -> tuple[Array, Array, Array]:
    dW = np.einsum("ij,ik->jk", dZ, cache["inputs"])
    return np.einsum("ij,jk->ik", dZ, cache["weights"]), dW, np.einsum("ij->j", dZ)[:, np.newaxis]


@style("einsum and log-sum-exp", "softmax_cross_entropy")
def softmax_by_logaddexp(logits: Array, y: Integers) -> tuple[Any, Array]:
    log_p = logits - np.logaddexp.reduce(logits, axis=1)[:, np.newaxis]
    onehot = np.eye(logits.shape[1])[y]
    return -np.sum(onehot * log_p, axis=1).mean(keepdims=True), (np.exp(log_p) - onehot) / logits.shape[0]


@style("einsum and log-sum-exp", "relu_forward")
def relu_forward_by_clip(Z: Array) -> tuple[Array, Array]:
    return np.clip(Z, 0, None), Z


@style("einsum and log-sum-exp", "relu_backward")
def relu_backward_by_where(dA: Array, cache: Array) -> Array:
    return np.where(cache >= 0, dA, 0)


@style("einsum and log-sum-exp", "backward")
def backward_that_reshapes(dlogits: Array, caches: list[LayerCache]) -> Params:
    grads: Params = {}
    dA = dlogits
    for layer, (linear_cache, relu_cache) in reversed(list(enumerate(caches, start=1))):
        dA = relu_backward(dA, relu_cache) if relu_cache is not None else dA
        dA, grads[f"dW{layer}"], db = linear_backward(dA, linear_cache)
        grads[f"db{layer}"] = db.reshape(-1)
    return grads


# --- clipped probabilities, and a Jacobian ----------------------------------------------------------------


@style("the softmax's Jacobian, and a clipped loss", "softmax_cross_entropy")
def softmax_by_jacobian(logits: Array, y: Integers) -> tuple[float, Array]:
    m, classes = logits.shape
    exponentials = np.exp(logits - np.max(logits, axis=-1, keepdims=True))
    p = exponentials / np.sum(exponentials, axis=-1, keepdims=True)
    loss = 0.0
    dlogits = np.empty((m, classes))
    for i in range(m):
        right = max(p[i, y[i]], 1e-12)
        loss -= np.log(right) / m
        dp = np.zeros(classes)
        dp[y[i]] = -1 / right / m
        dlogits[i] = (np.diag(p[i]) - np.outer(p[i], p[i])) @ dp
    return loss, dlogits


@style("the softmax's Jacobian, and a clipped loss", "fit")
def fit_with_steps_as_functions(
    X: Array,
    y: Integers,
    layer_sizes: list[int],
    learning_rate: float,
    epochs: int,
    batch_size: int,
    rng: Rng,
) -> tuple[Params, list[float]]:
    def step(params: Params, rows: Any) -> tuple[Params, float]:
        logits, caches = forward(X[rows], params)
        loss, dlogits = softmax_cross_entropy(logits, y[rows])
        grads = backward(dlogits, caches)
        return {name: params[name] - learning_rate * grads["d" + name] for name in params}, loss

    params = init_params(layer_sizes, rng)
    losses = []
    for _ in range(epochs):
        order = list(range(X.shape[0]))
        rng.shuffle(order)
        noted = []
        while order:
            rows, order = order[:batch_size], order[batch_size:]
            params, loss = step(params, rows)
            noted.append(loss * len(rows))
        losses.append(sum(noted) / X.shape[0])
    return params, losses
