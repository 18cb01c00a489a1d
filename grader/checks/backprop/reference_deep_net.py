"""
Right answers for the notebook deep_net: plain functions on plain data, as its solution has them.

Caches: a linear brick keeps `(A_prev, W, b)`, a ReLU brick keeps `Z`, the stack keeps a list with one
`(linear cache, ReLU cache)` a layer, and `None` in place of the second for the last layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = [
    "backward",
    "fit",
    "forward",
    "init_params",
    "linear_backward",
    "linear_forward",
    "relu_backward",
    "relu_forward",
    "softmax_cross_entropy",
]

Array: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]
Params: TypeAlias = dict[str, Array]
LinearCache: TypeAlias = tuple[Array, Array, Array]
LayerCache: TypeAlias = tuple[LinearCache, Array | None]


def init_params(layer_sizes: Sequence[int], rng: np.random.Generator) -> Params:
    """
    Draw He-scaled weights; biases are zero.

    Args:
        layer_sizes: n_0, …, n_L, input and output included.
        rng: where the weights are drawn from, layer by layer.

    Returns:
        W1 (n_1, n_0), b1 (n_1,), …, WL (n_L, n_{L-1}), bL (n_L,).

    Source: He et al., Delving Deep into Rectifiers, 2015, section 2.2.
    """
    params: Params = {}
    for layer in range(1, len(layer_sizes)):
        n_in, n_out = layer_sizes[layer - 1], layer_sizes[layer]
        params[f"W{layer}"] = rng.normal(size=(n_out, n_in)) * np.sqrt(2 / n_in)
        params[f"b{layer}"] = np.zeros(n_out)
    return params


def linear_forward(A_prev: Array, W: Array, b: Array) -> tuple[Array, LinearCache]:
    """Map A_prev (m, n_in) to Z = A_prev @ W.T + b, (m, n_out)."""
    return A_prev @ W.T + b, (A_prev, W, b)


def linear_backward(dZ: Array, cache: LinearCache) -> tuple[Array, Array, Array]:
    """Map dZ (m, n_out) to dA_prev (m, n_in), dW (n_out, n_in) and db (n_out,)."""
    A_prev, W, _ = cache
    return dZ @ W, dZ.T @ A_prev, dZ.sum(axis=0)


def relu_forward(Z: Array) -> tuple[Array, Array]:
    """Map Z to max(0, Z), entry by entry."""
    return np.maximum(0.0, Z), Z


def relu_backward(dA: Array, cache: Array) -> Array:
    """Let dA through where Z was positive."""
    return dA * (cache > 0)


def softmax_cross_entropy(logits: Array, y: Integers) -> tuple[float, Array]:
    """
    Mean cross-entropy of the softmax, and its gradient.

    Args:
        logits: shape (m, C).
        y: shape (m,), classes 0 … C-1.

    Returns:
        The loss, and dlogits (m, C), which holds the 1/m.
    """
    m = logits.shape[0]
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    dlogits = np.exp(log_p)
    dlogits[np.arange(m), y] -= 1
    return float(-log_p[np.arange(m), y].mean()), dlogits / m


def forward(X: Array, params: Params) -> tuple[Array, list[LayerCache]]:
    """Run X (m, n_0) through the stack; the logits (m, n_L) come without an activation."""
    layers = len(params) // 2
    A, caches = X, []
    for layer in range(1, layers + 1):
        Z, linear_cache = linear_forward(A, params[f"W{layer}"], params[f"b{layer}"])
        relu_cache = None
        if layer < layers:
            A, relu_cache = relu_forward(Z)
        caches.append((linear_cache, relu_cache))
    return Z, caches


def backward(dlogits: Array, caches: list[LayerCache]) -> Params:
    """Run dlogits (m, n_L) back through the stack; returns dW1, db1, …, dWL, dbL."""
    grads: Params = {}
    dA = dlogits
    for layer in range(len(caches), 0, -1):
        linear_cache, relu_cache = caches[layer - 1]
        dZ = dA if relu_cache is None else relu_backward(dA, relu_cache)
        dA, grads[f"dW{layer}"], grads[f"db{layer}"] = linear_backward(dZ, linear_cache)
    return grads


def fit(
    X: Array,
    y: Integers,
    layer_sizes: Sequence[int],
    learning_rate: float,
    epochs: int,
    batch_size: int,
    rng: np.random.Generator,
) -> tuple[Params, list[float]]:
    """
    Mini-batch gradient descent; the rows are shuffled each epoch.

    Args:
        X: shape (m, n_0).
        y: shape (m,), classes 0 … n_L - 1.
        layer_sizes: n_0, …, n_L.
        learning_rate: length of a step.
        epochs: how often every row is seen.
        batch_size: rows a step; the last batch of an epoch may be smaller.
        rng: draws the weights first, then one permutation an epoch.

    Returns:
        The trained parameters, and the mean loss of each epoch, each batch's taken before its update.
    """
    m = X.shape[0]
    params = init_params(layer_sizes, rng)
    losses: list[float] = []
    for _ in range(epochs):
        order = rng.permutation(m)
        total = 0.0
        for start in range(0, m, batch_size):
            rows = order[start : start + batch_size]
            logits, caches = forward(X[rows], params)
            loss, dlogits = softmax_cross_entropy(logits, y[rows])
            grads = backward(dlogits, caches)
            params = {name: value - learning_rate * grads[f"d{name}"] for name, value in params.items()}
            total += loss * len(rows)
        losses.append(total / m)
    return params, losses
