"""
Right answers for the notebook rnn: plain functions on plain data, as its solution has them.

Caches: a step keeps `(x, h, h_new, params)`, the unrolled net a list with one such tuple for each time step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["step", "step_backward", "unroll", "unroll_backward"]

Array: TypeAlias = npt.NDArray[np.float64]
Params: TypeAlias = dict[str, Array]
StepCache: TypeAlias = tuple[Array, Array, Array, Params]


def step(x: Array, h: Array, params: Params) -> tuple[Array, StepCache]:
    """
    Take one time step: h_new = tanh(x @ Wx.T + h @ Wh.T + b).

    Args:
        x: shape (m, n_x), what comes in at this time.
        h: shape (m, n_h), the state before.
        params: Wx (n_h, n_x), Wh (n_h, n_h), b (n_h,).

    Returns:
        The state after, (m, n_h), and the step's cache.

    Source: Elman, Finding Structure in Time, 1990, with tanh for the logistic function.
    """
    h_new = np.tanh(x @ params["Wx"].T + h @ params["Wh"].T + params["b"])
    return h_new, (x, h, h_new, params)


def step_backward(dh: Array, cache: StepCache) -> tuple[Array, Array, Array, Array, Array]:
    """Map dh (m, n_h), for the state after, to dx (m, n_x), dh_prev (m, n_h), dWx, dWh and db."""
    x, h_prev, h_new, params = cache
    dz = dh * (1 - h_new**2)
    return dz @ params["Wx"], dz @ params["Wh"], dz.T @ x, dz.T @ h_prev, dz.sum(axis=0)


def unroll(X: Array, h0: Array, params: Params) -> tuple[Array, list[StepCache]]:
    """
    Take all time steps with the same parameters.

    Args:
        X: shape (m, T, n_x), m sequences of T inputs.
        h0: shape (m, n_h), the state before the first step.
        params: Wx (n_h, n_x), Wh (n_h, n_h), b (n_h,).

    Returns:
        H (m, T, n_h), where H[:, t] is the state after step t; and the steps' caches, the first one first.
    """
    h, states, caches = h0, [], []
    for t in range(X.shape[1]):
        h, cache = step(X[:, t], h, params)
        states.append(h)
        caches.append(cache)
    return np.stack(states, axis=1), caches


def unroll_backward(dH: Array, caches: Sequence[StepCache]) -> Params:
    """
    Backpropagate through time.

    Args:
        dH: shape (m, T, n_h): how the loss hangs on each H[:, t] directly, not by way of later states.
        caches: one for each time step.

    Returns:
        dX (m, T, n_x), dh0 (m, n_h), and dWx, dWh, db, each summed over the time steps.

    Source: Werbos, Backpropagation Through Time, 1990.
    """
    dh = np.zeros_like(dH[:, 0])
    dxs, shared = [], []
    for t in reversed(range(len(caches))):
        dx, dh, *of_step = step_backward(dH[:, t] + dh, caches[t])
        dxs.append(dx)
        shared.append(of_step)
    dWx, dWh, db = (np.sum(of_steps, axis=0) for of_steps in zip(*shared, strict=True))
    return {"dX": np.stack(dxs[::-1], axis=1), "dh0": dh, "dWx": dWx, "dWh": dWh, "db": db}
