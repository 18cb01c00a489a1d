"""How the checks of l2 call the student's functions, and what must be true of the answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from grader import verify
from grader.checks.first_step import assert_on_a_slope, draw_rates, start_of
from grader.checks.l2 import inputs_l2 as inputs
from grader.checks.l2 import reference_l2 as reference
from grader.sandbox import Rng, Student

__all__ = [
    "assert_derived",
    "assert_gradients",
    "assert_number",
    "begin",
    "call_fit",
    "call_fit_for_two_prices",
    "call_weight_norms",
]


def assert_number(student: Student, blank: str, given: tuple[Any, ...], name: str, rows: int) -> None:
    """Fail unless the student's *blank* gives the reference's number."""
    right = getattr(reference, blank)(*given)
    verify.assert_close(student.call(blank, *given), right, name, facts={"rows": rows})


def assert_gradients(
    student: Student, rng: np.random.Generator, problem: inputs.Problem, names: Sequence[str]
) -> None:
    """Fail unless *names* have the gradients of the true loss, or those of the student's own loss."""
    true = reference.backward(problem.X, problem.y, problem.params, problem.cache, problem.lam)
    claimed = student.call("backward", problem.X, problem.y, problem.params, problem.cache, problem.lam)

    def own_loss(theta: inputs.Params) -> float:
        # The forward is given, so the student's own road differs from the true one by the loss alone.
        params = {**problem.params, **theta}
        p, _ = reference.forward(problem.X, params)
        return verify.as_number(student.call("loss", p, problem.y, params, problem.lam), "the loss")

    verify.assert_gradients(
        claimed,
        {name: problem.params[name] for name in names},
        rng=rng,
        true={"d" + name: true["d" + name] for name in names},
        own_loss=None if "loss" in student.right else own_loss,
        facts={"rows": problem.rows},
    )


def assert_derived(student: Student, problem: inputs.Problem) -> None:
    """Fail if backward takes difference quotients: by its calls, or by the rounding of its answer."""
    seen = student.observe(
        "backward",
        problem.X,
        problem.y,
        problem.params,
        problem.cache,
        problem.lam,
        count=("forward", "cross_entropy", "loss", "l2_penalty"),
    )
    parameters = sum(value.size for value in problem.params.values())
    verify.assert_not_numerical("backward", seen.calls, parameters, problem.rows)
    true = reference.backward(problem.X, problem.y, problem.params, problem.cache, problem.lam)
    verify.assert_no_difference_quotient(seen.value, true)


def call_fit(
    student: Student, problem: inputs.Problem, n_h: int, learning_rate: float, steps: int, seed: int
) -> tuple[inputs.Params, Any]:
    """Call the student's fit; its parameters, checked for their shapes, and its losses, raw."""
    given = (problem.X, problem.y, n_h, problem.lam, learning_rate, steps, Rng(seed))
    returned = student.call("fit", *given, seconds=60 if steps >= inputs.NORM_STEPS else None)
    params, losses = verify.as_tuple(returned, 2, "fit (params, losses)")
    return verify.as_params(params, inputs.shapes(problem.X.shape[1], n_h), "params"), losses


def begin(
    student: Student, rng: np.random.Generator, problem: inputs.Problem, n_h: int, rate: float, seed: int
) -> inputs.Params:
    """Return where the student's fit starts; fail unless its first step follows the whole loss's gradient."""
    rates = draw_rates(rng, rate)
    seen: dict[float, inputs.Params] = {}

    def first_step(at: float) -> inputs.Params:
        seen[at] = call_fit(student, problem, n_h, at, 1, seed)[0]
        return seen[at]

    start = start_of(first_step, rates)
    right = inputs.descend(replace(problem, params=start), rates[0], 1)
    for name, value in start.items():
        # The way and not the weight, which would hide a small one; rounded like the weight, of order 1.
        verify.assert_close(
            seen[rates[0]][name] - value,
            right[name] - value,
            f"the first step of {name}",
            scale=1.0,
            facts={"rows": problem.rows},
        )
    cache = reference.forward(problem.X, start)[1]
    assert_on_a_slope(reference.backward(problem.X, problem.y, start, cache, 0.0))
    return start


def call_fit_for_two_prices(student: Student, rng: np.random.Generator) -> tuple[float, float]:
    """Train the same net without a price and with a high one; the Euclidean norms of its weights."""
    X, y = inputs.norm_problem(rng)
    seed = int(rng.integers(2**31))
    norms = []
    for lam in (inputs.PRICES[0], inputs.PRICES[-1]):
        problem = inputs.Problem(X, y, {}, lam)
        net, _ = call_fit(student, problem, inputs.NORM_UNITS, inputs.NORM_RATE, inputs.NORM_STEPS, seed)
        norms.append(float(np.hypot(np.linalg.norm(net["W1"]), np.linalg.norm(net["W2"]))))
    assert norms[0] > 0, "Without a price every weight is zero after the training."
    return norms[0], norms[1]


def call_weight_norms(
    student: Student, rng: np.random.Generator, prices: Sequence[float], steps: int = inputs.NORM_STEPS
) -> inputs.FloatArray:
    """Call the student's weight_norms on drawn data; one number for each of *prices*."""
    X, y = inputs.norm_problem(rng)
    returned = student.call(
        "weight_norms",
        X,
        y,
        inputs.NORM_UNITS,
        list(prices),
        inputs.NORM_RATE,
        steps,
        int(rng.integers(2**31)),
        seconds=60,
    )
    return np.asarray(verify.as_array(returned, (len(prices),), "the norms"))
