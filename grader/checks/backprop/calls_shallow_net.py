"""How the checks of shallow_net call a student's fit, and follow it from its start."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grader import verify
from grader.checks.backprop import reference_shallow_net as reference
from grader.checks.backprop.inputs_shallow_net import Run, shapes_of
from grader.checks.first_step import assert_on_a_slope, draw_rates, start_of
from grader.sandbox import Rng, Student

__all__ = ["begin", "descend", "fit_of"]

FloatArray = NDArray[np.float64]
Params = dict[str, FloatArray]


def fit_of(student: Student, run: Run, steps: int) -> tuple[Params, object]:
    """Call the student's fit: the parameters in their shapes, and the losses as they are."""
    arguments = (run.X, run.y, run.n_h, run.learning_rate, steps, Rng(run.seed))
    reply = student.call("fit", *arguments, seconds=60)
    params, losses = verify.as_tuple(reply, 2, "fit (params, losses)")
    return verify.as_params(params, shapes_of(run.X.shape[1], run.n_h), "params"), losses


def begin(student: Student, rng: np.random.Generator, run: Run) -> Params:
    """Return where the student's fit starts on *run*; fail unless its first step follows the gradient."""
    rates = draw_rates(rng, run.learning_rate)
    seen: dict[float, Params] = {}

    def first_step(rate: float) -> Params:
        seen[rate] = fit_of(student, run._replace(learning_rate=rate), 1)[0]
        return seen[rate]

    start = start_of(first_step, rates)
    grads = gradient(run, start)
    for name, value in start.items():
        # The change is a difference of two numbers of order 1: it has their rounding.
        verify.assert_close(
            seen[rates[0]][name] - value,
            -rates[0] * grads["d" + name],
            f"the change of {name} in the first step of gradient descent",
            scale=1.0,
            facts={"rows": float(len(run.y)), "learning rate": rates[0]},
        )
    assert_on_a_slope(grads)
    return start


def descend(run: Run, start: Params, steps: int) -> Params:
    """Return where *steps* steps of full-batch gradient descent lead from *start*."""
    params = start
    for _ in range(steps):
        grads = gradient(run, params)
        params = {name: value - run.learning_rate * grads["d" + name] for name, value in params.items()}
    return params


def gradient(run: Run, params: Params) -> Params:
    """Return the gradient of the loss of *run* at *params*."""
    return reference.backward(run.X, run.y, params, reference.forward(run.X, params)[1])
