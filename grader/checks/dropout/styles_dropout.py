"""Unusual but right ways to write the notebook dropout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.checks import style, style_text
from grader.checks.dropout.reference_dropout import (
    backward,
    dropout_backward,
    dropout_forward,
    forward,
    init_params,
    loss,
    sigmoid,
)

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
Params = dict[str, Array]
Generator = np.random.Generator

# --- loops, lists in place of arrays ----------------------------------------------------------------------


@style("loops and lists", "dropout_forward")
def dropout_by_loops(A: Array, keep_prob: float, rng: Generator, training: bool = True) -> list[Any]:
    out, factors = [], []
    for row in A.tolist():
        if training:
            factors.append([1.0 / keep_prob if rng.random() < keep_prob else 0.0 for _ in row])
        else:
            factors.append([1.0 for _ in row])
        out.append([entry * factor for entry, factor in zip(row, factors[-1], strict=True)])
    return [out, factors]


@style("loops and lists", "dropout_backward")
def dropout_backward_by_loops(dout: Array, cache: Any) -> list[list[float]]:
    rows = zip(dout, cache, strict=True)
    return [[float(d) * f for d, f in zip(row, factors, strict=True)] for row, factors in rows]


@style("loops and lists", "forward")
def forward_row_by_row(
    X: Array, params: Mapping[str, Array], keep_prob: float, rng: Generator, training: bool = True
) -> tuple[list[Any], Any]:
    W2, b2 = params["W2"][0], float(params["b2"][0])
    A1 = np.array([np.tanh(params["W1"] @ x + params["b1"]) for x in X])
    dropped, cache = dropout_forward(A1, keep_prob, rng, training)
    D1 = np.array(dropped)
    p = [float(sigmoid(W2 @ hidden + b2)) for hidden in D1]
    return p, (X, A1, D1, cache, p)


@style("loops and lists", "backward")
def backward_row_by_row(y: Labels, params: Mapping[str, Array], cache: Any) -> dict[str, Any]:
    X, A1, D1, dropout_cache, p = cache
    m = len(y)
    W2 = params["W2"][0]
    errors = [(p[i] - y[i]) / m for i in range(m)]
    dA1 = dropout_backward(np.array([error * W2 for error in errors]), dropout_cache)
    grads = {"W1": np.zeros_like(params["W1"]), "b1": np.zeros_like(params["b1"])}
    dW2, db2 = np.zeros_like(params["W2"]), 0.0
    for i in range(m):
        dz1 = np.array(dA1[i]) * (1.0 - A1[i] ** 2)
        grads["W1"] += np.outer(dz1, X[i])
        grads["b1"] += dz1
        dW2 += errors[i] * D1[i]
        db2 += errors[i]
    return {"dW1": grads["W1"], "db1": grads["b1"], "dW2": dW2, "db2": db2}


# --- caches that are functions or objects -----------------------------------------------------------------

FORWARD_WITH_CLOSURE = style_text(
    "caches that are functions",
    "dropout_forward",
    """
    def dropout_forward(A, keep_prob, rng, training=True):
        if not training or keep_prob == 1:
            return A, lambda dout: dout
        scale = rng.binomial(1, keep_prob, size=A.shape) / keep_prob
        return A * scale, lambda dout: dout * scale
    """,
)
BACKWARD_WITH_CLOSURE = style_text(
    "caches that are functions", "dropout_backward", "dropout_backward = lambda dout, cache: cache(dout)"
)
NET_WITH_TAPE = style_text(
    "caches that are functions",
    "forward",
    """
    class Tape:
        def __init__(self, **kept):
            self.__dict__.update(kept)

    def forward(X, params, keep_prob, rng, training=True):
        tape = Tape(X=X, hidden=np.tanh(np.einsum("ij,kj->ik", X, params["W1"]) + params["b1"]))
        tape.out, tape.undo = dropout_forward(tape.hidden, keep_prob, rng, training)
        tape.p = 0.5 * (1 + np.tanh((tape.out @ params["W2"].T + params["b2"]) / 2))
        return tape.p, tape
    """,
)
BACKWARD_WITH_TAPE = style_text(
    "caches that are functions",
    "backward",
    """
    def backward(y, params, cache):
        dz2 = (cache.p - y[:, None]) / y.size
        # The slope of tanh first and the mask after it: both are factors of an entry.
        dz1 = dropout_backward(dz2 * params["W2"] * (1 - cache.hidden) * (1 + cache.hidden), cache.undo)
        return dict(
            dZ2=dz2,
            dW1=np.einsum("ik,ij->kj", dz1, cache.X),
            db1=np.ones(len(y)) @ dz1,
            dW2=dz2.T @ cache.out,
            db2=dz2.sum(0),
        )
    """,
)

# --- an id into a dict; float32 inside --------------------------------------------------------------------

FORWARD_WITH_STORE = style_text(
    "an id as the cache, float32 inside",
    "dropout_forward",
    """
    STORE = {}

    def dropout_forward(A, keep_prob, rng, training=True):
        ticket = len(STORE)
        STORE[ticket] = np.ones(A.shape, np.float32)
        if training:
            STORE[ticket] *= np.where(rng.uniform(size=A.shape) >= 1 - keep_prob, 1 / keep_prob, 0)
        return (A * STORE[ticket]).astype(np.float32), ticket
    """,
)


@style("an id as the cache, float32 inside", "dropout_backward")
def dropout_backward_from_store(dout: Array, cache: int) -> Any:
    return dout.astype(np.float32) * STORE[cache]  # type: ignore[name-defined]  # noqa: F821 - beside it


# --- everything in one place, losses after the update -----------------------------------------------------


@style("nothing called", "forward")
def forward_on_its_own(
    X: Array, params: Mapping[str, Array], keep_prob: float, rng: Generator, training: bool = True
) -> tuple[Array, Any]:
    hidden = np.tanh(X.dot(params["W1"].T) + params["b1"])
    uniform = rng.random((hidden.shape[1], len(X))).T
    scale = (uniform <= keep_prob) / keep_prob if training else np.ones(hidden.shape)
    logit = (hidden * scale).dot(params["W2"].ravel()) + params["b2"]
    p = 1.0 / (1.0 + np.exp(-logit))
    return p.reshape(-1, 1), [X, hidden, scale, p]


@style("nothing called", "backward")
def backward_on_its_own(y: Labels, params: Mapping[str, Array], cache: Any) -> dict[str, Any]:
    X, hidden, scale, p = cache
    error = p - y
    back = error[:, None] * params["W2"] * scale * (1 - hidden**2)
    return {
        "dW1": (back[:, :, None] * X[:, None, :]).mean(axis=0),
        "db1": back.mean(axis=0),
        "dW2": (error[:, None] * hidden * scale).mean(axis=0, keepdims=True),
        "db2": float(error.mean()),
    }


@style("nothing called", "fit")
def fit_with_losses_after_the_update(
    X: Array, y: Labels, n_h: int, keep_prob: float, learning_rate: float, steps: int, rng: Generator
) -> tuple[Params, Array]:
    init_rng, *mask_rngs = rng.spawn(steps + 1)
    params = init_params(X.shape[1], n_h, init_rng)
    losses = np.empty(steps)
    for k, mask_rng in enumerate(mask_rngs):
        _, cache = forward(X, params, keep_prob, mask_rng)
        for name, gradient in backward(y, params, cache).items():
            params[name[1:]] = params[name[1:]] - learning_rate * gradient
        whole, _ = forward(X, params, 1.0, mask_rng, False)
        losses[k] = loss(whole.ravel(), y)
    return params, losses
