"""Calls of a student's rnn functions, and the gradient checks that several tests share."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from grader import verify
from grader.checks.outlook import inputs_rnn as inputs
from grader.checks.outlook import reference_rnn as reference
from grader.checks.outlook.inputs_rnn import Sequences, Step
from grader.checks.outlook.reference_rnn import Array, Params
from grader.errors import CheckFailure
from grader.sandbox import Student

__all__ = [
    "SEQUENCE_GRADIENTS",
    "STEP_GRADIENTS",
    "call_step",
    "call_unroll",
    "check_step_derived",
    "check_steps",
    "check_unroll_derived",
    "check_unrolls",
    "gradients_of_step",
]

Loss: TypeAlias = Callable[[Params], float]
Judge: TypeAlias = Callable[..., None]

STEP_GRADIENTS = ("dx", "dh_prev", "dWx", "dWh", "db")
SEQUENCE_GRADIENTS = ("dX", "dh0", "dWx", "dWh", "db")


def call_step(student: Student, x: Array, h: Array, params: Params) -> tuple[Any, ...]:
    """Return the state after the step, raw, and the cache, as a handle."""
    return verify.as_tuple(student.call("step", x, h, params, opaque=(1,)), 2, "step (h, cache)")


def call_unroll(student: Student, X: Array, h0: Array, params: Params) -> tuple[Any, ...]:
    """Return the states, raw, and the caches, as a handle."""
    return verify.as_tuple(student.call("unroll", X, h0, params, opaque=(1,)), 2, "unroll (H, caches)")


def gradients_of_step(returned: object) -> dict[str, Any]:
    """Return what step_backward returned by its names, raw."""
    values = verify.as_tuple(returned, 5, "step_backward (dx, dh_prev, dWx, dWh, db)")
    return dict(zip(STEP_GRADIENTS, values, strict=True))


def check_steps(
    student: Student, rng: np.random.Generator, problems: Sequence[Step], only: Sequence[str]
) -> None:
    """
    Judge some of what step_backward returns: *only* names these gradients.

    The caches of all problems are made before the first way back.
    """
    made = [call_step(student, x, h, params) for x, h, params, _ in problems]
    for given, (h_new, cache) in zip(problems, made, strict=True):
        _check_step(student, rng, given, h_new, cache, only)


def _check_step(
    student: Student,
    rng: np.random.Generator,
    given: Step,
    h_new: object,
    cache: object,
    only: Sequence[str],
) -> None:
    """
    Judge what step_backward makes of *cache*, which came with the state *h_new*.

    Where step is wrong, two more answers are right: what the formula makes of the state that this step gave,
    and the differences of the student's own step.
    """
    x, h, params, dh = given
    claimed = gradients_of_step(student.call("step_backward", dh, cache))
    true_h = reference.step(x, h, params)[0]
    judge = _judge("step_backward", {"x": x, "h_prev": h, **params}, rng, only, {"rows": len(x)})
    if "step" in student.right or _same(h_new, true_h):
        return judge(claimed, _gradients_at(given, true_h))
    if _fits(h_new, dh):
        own = verify.as_array(h_new, dh.shape, "h")
        if _tells_something(own):
            with contextlib.suppress(CheckFailure):
                return judge(claimed, _gradients_at(given, own))
    other = inputs.draw_step(rng, *inputs.sizes_of(given))
    losses = (_loss_of_step(student, given), _loss_of_step(student, other))
    return judge(claimed, _gradients_at(given, true_h), *losses)


def check_unrolls(
    student: Student, rng: np.random.Generator, problems: Sequence[Sequences], only: Sequence[str]
) -> None:
    """
    Judge some of what unroll_backward returns: *only* names these gradients.

    The caches of all problems are made before the first way back.
    """
    made = [call_unroll(student, X, h0, params) for X, h0, params, _ in problems]
    for given, (H, caches) in zip(problems, made, strict=True):
        _check_unroll(student, rng, given, H, caches, only)


def check_step_derived(student: Student, rng: np.random.Generator) -> None:
    """Fail if step_backward takes the forbidden road: seen by rounding and by counting calls."""
    given = inputs.draw_tiny_step(rng)
    x, h, params, dh = given
    _, cache = call_step(student, x, h, params)
    seen = student.observe("step_backward", dh, cache, count=("step",))
    size = x.size + h.size + sum(value.size for value in params.values())
    verify.assert_not_numerical("step_backward", seen.calls, size, len(x))
    right = _gradients_at(given, reference.step(x, h, params)[0])
    _assert_no_quotient(gradients_of_step(seen.value), right, "step_backward")


def check_unroll_derived(student: Student, rng: np.random.Generator) -> None:
    """Fail if unroll_backward takes the forbidden road."""
    X, h0, params, dH = inputs.draw_tiny_sequences(rng)
    _, caches = call_unroll(student, X, h0, params)
    seen = student.observe("unroll_backward", dH, caches, count=("step", "unroll"))
    size = X.size + h0.size + sum(value.size for value in params.values())
    verify.assert_not_numerical("unroll_backward", seen.calls, size, X.shape[0] * X.shape[1])
    right = reference.unroll_backward(dH, reference.unroll(X, h0, params)[1])
    if isinstance(seen.value, dict):
        _assert_no_quotient(seen.value, right, "unroll_backward")


def _check_unroll(
    student: Student,
    rng: np.random.Generator,
    given: Sequences,
    H: object,
    caches: object,
    only: Sequence[str],
) -> None:
    """
    Judge what unroll_backward makes of *caches*, which came with the states *H*.

    A wrong unroll spoils its caches. Its unroll_backward is right all the same if it is right on a list of
    the steps' caches, the first one first, as the notebook proposes it, or fits that unroll's differences.
    """
    X, h0, params, dH = given
    states, true_caches = reference.unroll(X, h0, params)
    true = reference.unroll_backward(dH, true_caches)
    facts = {"rows": X.shape[0], "time steps": X.shape[1]}
    judge = _judge("unroll_backward", {"X": X, "h0": h0, **params}, rng, only, facts)
    if "unroll" in student.right or _same(H, states):
        return judge(student.call("unroll_backward", dH, caches), true)
    with contextlib.suppress(CheckFailure):
        return judge(student.call("unroll_backward", dH, _caches_of_steps(student, given)), true)
    other = inputs.draw_sequences(rng, *inputs.sizes_of(given))
    losses = (_loss_of_unroll(student, given), _loss_of_unroll(student, other))
    return judge(student.call("unroll_backward", dH, caches), true, *losses)


def _judge(
    name: str, theta: Params, rng: np.random.Generator, only: Sequence[str], facts: Mapping[str, float]
) -> Judge:
    """Make a judge of the gradients that *only* names, among those of *theta*."""

    def judge(claimed: object, true: Params, own_loss: Loss | None = None, other: Loss | None = None) -> None:
        verify.assert_gradients(
            claimed,
            {key[1:]: theta[key[1:]] for key in only},
            rng=rng,
            true={key: true[key] for key in only},
            own_loss=own_loss,
            other_loss=other,
            name=name,
            facts=facts,
        )

    return judge


def _caches_of_steps(student: Student, given: Sequences) -> list[object]:
    """Return what the student's step keeps of each time step, as handles, the first one first."""
    X, h0, params, _ = given
    before = [h0, *np.moveaxis(reference.unroll(X, h0, params)[0], 1, 0)]
    return [call_step(student, X[:, t], before[t], params)[1] for t in range(X.shape[1])]


def _gradients_at(given: Step, h_new: Array) -> Params:
    """Return the gradients of a step that led to *h_new*, by their names."""
    values = reference.step_backward(given.dh, (given.x, given.h, h_new, given.params))
    return dict(zip(STEP_GRADIENTS, values, strict=True))


def _loss_of_step(student: Student, given: Step) -> Loss:
    """Make a loss whose gradient at *given* is what the student's own step asks of step_backward."""
    rest = {"x": given.x, "h_prev": given.h, **given.params}

    def own_step(theta: Params) -> object:
        now = {**rest, **theta}
        return call_step(student, now.pop("x"), now.pop("h_prev"), now)[0]

    return verify.projected_loss(own_step, given.dh, "h")


def _loss_of_unroll(student: Student, given: Sequences) -> Loss:
    """Make a loss whose gradient at *given* is what the student's own unroll asks of unroll_backward."""
    rest = {"X": given.X, "h0": given.h0, **given.params}

    def own_unroll(theta: Params) -> object:
        now = {**rest, **theta}
        return call_unroll(student, now.pop("X"), now.pop("h0"), now)[0]

    return verify.projected_loss(own_unroll, given.dH, "H")


def _assert_no_quotient(claimed: Mapping[str, Any], right: Params, name: str) -> None:
    """Look for a quotient's rounding; what has another shape fails where it is judged, and costs no other."""
    fitting = {key: value for key, value in right.items() if key in claimed and _fits(claimed[key], value)}
    if fitting:
        verify.assert_no_difference_quotient(claimed, fitting, name)


def _fits(value: object, like: Array) -> bool:
    try:
        verify.as_array(value, like.shape, "value")
    except CheckFailure:
        return False
    return True


def _tells_something(h: Array) -> bool:
    """Whether the formula has gradients at this state; where all is saturated, a toy's zeros are right."""
    # States are of order 1, also without the tanh; most of honest ones are not saturated.
    return bool(np.max(np.abs(h)) < 1e3 and np.mean(np.abs(1 - h**2) > 1e-3) >= 0.5)


def _same(value: object, right: Array) -> bool:
    try:
        verify.assert_close(value, right, "value")
    except CheckFailure:
        return False
    return True
