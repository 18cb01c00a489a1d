"""Unusual but right ways to write the notebook rnn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from grader.checks import style, style_text
from grader.checks.outlook.reference_rnn import Array, Params, step, step_backward, unroll

# --- loops ------------------------------------------------------------------------------------------------


@style("loops over rows and units", "step")
def step_by_loops(x: Array, h: Array, params: Params) -> tuple[Any, Any]:
    h_new = []
    for i in range(len(x)):
        row = []
        for j in range(len(params["b"])):
            z = params["b"][j]
            for k in range(x.shape[1]):
                z += params["Wx"][j, k] * x[i, k]
            for k in range(h.shape[1]):
                z += params["Wh"][j, k] * h[i, k]
            row.append(float(np.tanh(z)))
        h_new.append(row)
    return h_new, (x, h, h_new, params)


@style("loops over rows and units", "step_backward")
def step_backward_by_loops(dh: Array, cache: Any) -> list[Array]:
    x, h, h_new, params = cache
    dx, dh_prev = np.zeros_like(x), np.zeros_like(h)
    dWx, dWh, db = (np.zeros_like(params[name]) for name in ("Wx", "Wh", "b"))
    for i in range(len(x)):
        for j in range(len(db)):
            dz = dh[i, j] * (1 - h_new[i][j] ** 2)
            dx[i] += dz * params["Wx"][j]
            dh_prev[i] += dz * params["Wh"][j]
            dWx[j] += dz * x[i]
            dWh[j] += dz * h[i]
            db[j] += dz
    return [dx, dh_prev, dWx, dWh, db]


@style("loops over rows and units", "unroll")
def unroll_by_loops(X: Array, h0: Array, params: Params) -> tuple[Array, list[Any]]:
    m, T, _ = X.shape
    H, caches, h = np.zeros((m, T, h0.shape[1])), [], h0
    for t in range(T):
        h, cache = step(X[:, t, :], h, params)
        h = np.array(h)
        H[:, t, :] = h
        caches.append(cache)
    return H, caches


@style("loops over rows and units", "unroll_backward")
def unroll_backward_by_loops(dH: Array, caches: list[Any]) -> Params:
    m, T, _ = dH.shape
    x, h, _, params = caches[0]
    grads = {"dX": np.zeros((m, T, x.shape[1])), **{"d" + name: 0 * value for name, value in params.items()}}
    carried = np.zeros_like(h)
    for t in range(T - 1, -1, -1):
        grads["dX"][:, t], carried, dWx, dWh, db = step_backward(dH[:, t] + carried, caches[t])
        grads["dWx"] += dWx
        grads["dWh"] += dWh
        grads["db"] += db
    grads["dh0"] = carried
    return grads


# --- caches that are functions ----------------------------------------------------------------------------


@style("caches that are functions", "step")
def step_with_closure(x: Array, h: Array, params: Params) -> tuple[Array, Callable[[Array], Any]]:
    h_new = np.tanh(x @ params["Wx"].T + h @ params["Wh"].T + params["b"])

    def way_back(dh: Array) -> Any:
        dz = dh - dh * h_new * h_new
        return dz @ params["Wx"], dz @ params["Wh"], dz.T @ x, dz.T @ h, dz.sum(axis=0)

    return h_new, way_back


@style("caches that are functions", "step_backward")
def step_backward_with_closure(dh: Array, cache: Callable[[Array], Any]) -> Any:
    return cache(dh)


@style("caches that are functions", "unroll")
def unroll_with_closure(X: Array, h0: Array, params: Params) -> tuple[Array, Callable[[Array], Any]]:
    states, ways = [h0], []
    for x in np.swapaxes(X, 0, 1):
        h, way_back = step(x, states[-1], params)
        states.append(h)
        ways.append(way_back)

    def whole_way_back(dH: Array) -> dict[str, Any]:
        dX = np.empty_like(X)
        dh: Any = 0.0
        sums: list[Any] = [0.0, 0.0, 0.0]
        for t, way_back in reversed(list(enumerate(ways))):
            dX[:, t], dh, *parts = step_backward(dH[:, t] + dh, way_back)
            sums = [total + part for total, part in zip(sums, parts, strict=True)]
        return {"dX": dX, "dh0": dh, "dWx": sums[0], "dWh": sums[1], "db": sums[2]}

    return np.array(states[1:]).transpose(1, 0, 2), whole_way_back


@style("caches that are functions", "unroll_backward")
def unroll_backward_with_closure(dH: Array, caches: Callable[[Array], Any]) -> Any:
    return caches(dH)


# --- caches that are objects, and a number into a dictionary ----------------------------------------------


@style("caches that are objects", "step")
def step_with_object(x: Array, h: Array, params: Params) -> tuple[Array, Any]:
    class Moment:
        def __init__(self) -> None:
            self.x, self.h = x.copy(), h.copy()
            self.weights = {name: value.copy() for name, value in params.items()}
            self.z = np.dot(x, params["Wx"].T) + np.dot(h, params["Wh"].T) + params["b"]

    moment = Moment()
    return np.tanh(moment.z), moment


@style("caches that are objects", "step_backward")
def step_backward_with_object(dh: Array, cache: Any) -> tuple[Array, ...]:
    dz = dh / np.cosh(cache.z) ** 2
    dWx, dWh = dz.T.dot(cache.x), dz.T.dot(cache.h)
    return dz.dot(cache.weights["Wx"]), dz.dot(cache.weights["Wh"]), dWx, dWh, np.sum(dz, 0, keepdims=True)


NUMBERED = """
def unroll(X, h0, params):
    H = np.zeros(X.shape[:2] + h0.shape[1:])
    number = len(kept)
    kept[number] = []
    for t in range(X.shape[1]):
        H[:, t], cache = step(X[:, t], H[:, t - 1] if t > 0 else h0, params)
        kept[number].insert(0, cache)
    return [H, number]

kept = {}
"""
numbered_unroll = style_text("caches that are objects", "unroll", NUMBERED)


@style("caches that are objects", "unroll_backward")
def unroll_backward_with_number(dH: Array, caches: int) -> dict[str, Any]:
    dh, back = np.zeros(dH[:, 0].shape), []
    for back_in_time, cache in enumerate(kept[caches], start=1):
        back.append(step_backward(dH[:, -back_in_time] + dh, cache))
        dh = back[-1][1]
    grads = {"dX": np.transpose([part[0] for part in back[::-1]], (1, 0, 2)), "dh0": dh}
    for place, name in enumerate(("dWx", "dWh", "db"), start=2):
        grads[name] = np.sum([part[place] for part in back], axis=0)
    return grads


kept: dict[int, list[Any]] = {}

# --- all time steps at once, without the step -------------------------------------------------------------


@style("a sequence without the step", "unroll")
def unroll_alone(X: Array, h0: Array, params: Params) -> tuple[Array, dict[str, Any]]:
    Z = X @ params["Wx"].T + params["b"]
    H = np.empty(Z.shape)
    before = h0
    for t in range(Z.shape[1]):
        before = H[:, t] = np.tanh(Z[:, t] + before @ params["Wh"].T)
    return H, {"X": X, "H": np.concatenate([h0[:, np.newaxis], H], axis=1), "params": params}


@style("a sequence without the step", "unroll_backward")
def unroll_backward_alone(dH: Array, caches: dict[str, Any]) -> dict[str, Array]:
    X, H, params = caches["X"], caches["H"], caches["params"]
    dZ = np.empty(dH.shape)
    dh = np.zeros(dH[:, 0].shape)
    for t in range(dH.shape[1])[::-1]:
        dZ[:, t] = (dH[:, t] + dh) * (1 - H[:, t + 1] ** 2)
        dh = dZ[:, t] @ params["Wh"]
    return {
        "dX": dZ @ params["Wx"],
        "dh0": dh,
        "dWx": np.einsum("itj,itk->jk", dZ, X),
        "dWh": np.tensordot(dZ, H[:, :-1], axes=((0, 1), (0, 1))),
        "db": dZ.sum(axis=(0, 1)),
    }


# --- single precision -------------------------------------------------------------------------------------


@style("single precision", "step")
def step_in_float32(x: Array, h: Array, params: Params) -> Any:
    x32, h32 = x.astype("float32"), h.astype("float32")
    small = {name: value.astype("float32") for name, value in params.items()}
    h_new = np.tanh(x32 @ small["Wx"].T + h32 @ small["Wh"].T + small["b"])
    return h_new, (x32, h32, h_new, small)


@style("single precision", "step_backward")
def step_backward_in_float32(dh: Array, cache: Any) -> Any:
    x, h, h_new, params = cache
    dz = dh.astype("float32") * (1 - h_new**2)
    return dz @ params["Wx"], dz @ params["Wh"], dz.T @ x, dz.T @ h, dz.sum(axis=0)


@style("single precision", "unroll")
def unroll_in_float32(X: Array, h0: Array, params: Params) -> tuple[Any, Any]:
    h, states, caches = h0, [], []
    for t in range(X.shape[1]):
        h, cache = step(X[:, t], h, params)
        states.append(h)
        caches.append(cache)
    return np.stack(states, axis=1).astype("float32"), caches


# --- one matrix for both, einsum, recursion ---------------------------------------------------------------


@style("one matrix for input and state", "step")
def step_with_one_matrix(x: Array, h: Array, params: Params) -> Any:
    inputs = np.hstack([x, h, np.ones((len(x), 1))])
    W = np.hstack([params["Wx"], params["Wh"], params["b"][:, np.newaxis]])
    h_new = np.tanh(inputs @ W.T)
    return h_new, {"inputs": inputs, "W": W, "h": h_new, "n_x": x.shape[1]}


@style("one matrix for input and state", "step_backward")
def step_backward_with_one_matrix(dh: Array, cache: dict[str, Any]) -> tuple[Array, ...]:
    dz = dh * (1 + cache["h"]) * (1 - cache["h"])
    n_x = cache["n_x"]
    d_inputs, dW = dz @ cache["W"], dz.T @ cache["inputs"]
    return d_inputs[:, :n_x], d_inputs[:, n_x:-1], dW[:, :n_x], dW[:, n_x:-1], dW[:, -1:]


@style("einsum and recursion", "step")
def step_by_einsum(x: Array, h: Array, params: Params) -> list[Any]:
    z = np.einsum("ik,jk->ij", x, params["Wx"]) + np.einsum("ik,jk->ij", h, params["Wh"])
    return [np.tanh(z + params["b"][None, :]), (x, h, params)]


@style("einsum and recursion", "step_backward")
def step_backward_by_einsum(dh: Array, cache: Any) -> tuple[Array, ...]:
    x, h, params = cache
    slope = 1 - np.square(step(x, h, params)[0])
    dx = np.einsum("ij,ij,jk->ik", dh, slope, params["Wx"])
    dh_prev = np.einsum("ij,ij,jk->ik", dh, slope, params["Wh"])
    dWx, dWh = np.einsum("ij,ij,ik->jk", dh, slope, x), np.einsum("ij,ij,ik->jk", dh, slope, h)
    return dx, dh_prev, dWx, dWh, np.einsum("ij,ij->j", dh, slope)


@style("einsum and recursion", "unroll")
def unroll_by_recursion(X: Array, h0: Array, params: Params) -> tuple[Array, Any]:
    h, cache = step(X[:, 0], h0, params)
    if X.shape[1] == 1:
        return h[:, np.newaxis], (cache, None)
    H, rest = unroll(X[:, 1:], h, params)
    return np.concatenate([h[:, np.newaxis], H], axis=1), (cache, rest)


UNWOUND = """
def unroll_backward(dH, caches):
    def back(dH, caches):
        first, rest = caches
        if rest is None:
            later = {"dX": dH[:, :0, :1], "dh0": 0, "dWx": 0, "dWh": 0, "db": 0}
        else:
            later = back(dH[:, 1:], rest)
        dx, dh, dWx, dWh, db = step_backward(dH[:, 0] + later["dh0"], first)
        own = {"dWx": dWx + later["dWx"], "dWh": dWh + later["dWh"], "db": db + later["db"]}
        later_dX = later["dX"] if rest is not None else dx[:, None][:, :0]
        return {"dX": np.concatenate([dx[:, None], later_dX], axis=1), "dh0": dh, **own}
    return back(dH, caches)
"""
unwound = style_text("einsum and recursion", "unroll_backward", UNWOUND)
