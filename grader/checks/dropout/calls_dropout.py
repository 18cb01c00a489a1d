"""Calls of the blanks of dropout, their answers turned into arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader import verify
from grader.checks.dropout import reference_dropout as reference
from grader.checks.dropout.inputs_dropout import Data, FloatArray, Params
from grader.checks.first_step import assert_on_a_slope, draw_rates, start_of
from grader.sandbox import Rng, Student

__all__ = ["LOOPS", "begin", "dropped", "predicted", "trained"]

LOOPS = 60.0  # seconds for a training that is written in pure Python


def dropped(
    student: Student, A: FloatArray, keep_prob: float, source: Any, *more: Any
) -> tuple[FloatArray, Any]:
    """Call dropout_forward; return out as an array, and the cache as a handle."""
    value = student.call("dropout_forward", A, keep_prob, source, *more, opaque=(1,))
    out, cache = verify.as_tuple(value, 2, "dropout_forward (out, cache)")
    return verify.as_array(out, A.shape, "dropout_forward: out"), cache


def predicted(
    student: Student, X: FloatArray, params: Params, keep_prob: float, source: Any, *more: Any
) -> tuple[FloatArray, Any]:
    """Call forward; return p as an array, and the cache as a handle."""
    value = student.call("forward", X, params, keep_prob, source, *more, opaque=(1,))
    p, cache = verify.as_tuple(value, 2, "forward (p, cache)")
    return verify.as_array(p, (len(X),), "forward: p"), cache


def trained(
    student: Student, data: Data, n_h: int, keep_prob: float, learning_rate: float, steps: int, seed: int
) -> tuple[Params, FloatArray]:
    """Call fit; return params as arrays, and the losses, which may be NaN."""
    X, y = data
    value = student.call("fit", X, y, n_h, keep_prob, learning_rate, steps, Rng(seed), seconds=LOOPS)
    params, losses = verify.as_tuple(value, 2, "fit (params, losses)")
    shapes = {"W1": (n_h, X.shape[1]), "b1": (n_h,), "W2": (1, n_h), "b2": (1,)}
    return verify.as_params(params, shapes, "fit: params"), verify.as_losses(losses, steps, "fit: losses")


def begin(
    student: Student, rng: np.random.Generator, data: Data, n_h: int, learning_rate: float, seed: int
) -> Params:
    """Return where fit starts; fail unless its first step without dropout follows the gradient."""
    rates = draw_rates(rng, learning_rate)
    seen: dict[float, Params] = {}

    def first_step(rate: float) -> Params:
        seen[rate] = trained(student, data, n_h, 1.0, rate, 1, seed)[0]
        return seen[rate]

    start = start_of(first_step, rates)
    X, y = data
    grads = reference.backward(y, start, reference.forward(X, start, 1.0, rng)[1])
    for key, value in start.items():
        # The way and not the weight, which would hide a small one; rounded like the weight, of order 1.
        verify.assert_close(
            seen[rates[0]][key] - value,
            -rates[0] * grads["d" + key],
            f"the first step of {key}",
            scale=1.0,
            facts={"rows": len(y)},
        )
    assert_on_a_slope(grads)
    return start
