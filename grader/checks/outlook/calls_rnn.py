"""Calls of a student's rnn functions, and the gradient checks that several tests share."""

from __future__ import annotations

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
    "check_step",
    "check_step_derived",
    "check_unroll_derived",
    "check_unrolls",
    "gradients_of_step",
]

Loss: TypeAlias = Callable[[Params], float]

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


def check_step(student: Student, rng: np.random.Generator, given: Step, only: Sequence[str]) -> None:
    """
    Judge some of what step_backward returns: *only* names these gradients.

    Where step is wrong, two more answers are right: the differences of the student's own step, and what the
    formula makes of the state that this step gave.
    """
    x, h, params, dh = given
    h_new, cache = call_step(student, x, h, params)
    claimed = gradients_of_step(student.call("step_backward", dh, cache))
    rights, own_loss = [_gradients_at(given, reference.step(x, h, params)[0])], None
    if "step" not in student.right:
        own_loss = _loss_of_step(student, given)
        rights += [_gradients_at(given, verify.as_array(h_new, dh.shape, "h"))] if _fits(h_new, dh) else []
    other_loss = _loss_of_step(student, inputs.draw_step(rng, *inputs.sizes_of(given)))
    theta = {"x": x, "h_prev": h, **params}
    failures = []
    for right in rights:
        try:
            return verify.assert_gradients(
                claimed,
                {name[1:]: theta[name[1:]] for name in only},
                rng=rng,
                true={name: right[name] for name in only},
                own_loss=own_loss,
                other_loss=other_loss,
                name="step_backward",
                facts={"rows": len(x)},
            )
        except CheckFailure as failure:
            failures.append(failure)
    raise failures[0]


def check_unrolls(
    student: Student, rng: np.random.Generator, problems: Sequence[Sequences], only: Sequence[str]
) -> None:
    """
    Judge some of what unroll_backward returns: *only* names these gradients.

    The caches of all problems are made before the first way back. A wrong unroll spoils the caches that it
    makes; its unroll_backward is right all the same if it is right on a list of the caches of the steps, the
    first one first, as the notebook proposes it.
    """
    made = [call_unroll(student, X, h0, params) for X, h0, params, _ in problems]
    for given, (H, caches) in zip(problems, made, strict=True):
        try:
            _check_unroll(student, rng, given, caches, only)
        except CheckFailure as failure:
            if "unroll" in student.right or _same(H, reference.unroll(*given[:3])[0]):
                raise
            try:
                _check_unroll(student, rng, given, _caches_of_steps(student, given), only)
            except CheckFailure:
                raise failure from None


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
    student: Student, rng: np.random.Generator, given: Sequences, caches: object, only: Sequence[str]
) -> None:
    """Judge what unroll_backward makes of *caches*, by both roads."""
    X, h0, params, dH = given
    theta = {"X": X, "h0": h0, **params}
    right = reference.unroll_backward(dH, reference.unroll(X, h0, params)[1])
    verify.assert_gradients(
        student.call("unroll_backward", dH, caches),
        {name[1:]: theta[name[1:]] for name in only},
        rng=rng,
        true={name: right[name] for name in only},
        own_loss=None if "unroll" in student.right else _loss_of_unroll(student, given),
        other_loss=_loss_of_unroll(student, inputs.draw_sequences(rng, *inputs.sizes_of(given))),
        name="unroll_backward",
        facts={"rows": X.shape[0], "time steps": X.shape[1]},
    )


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


def _same(value: object, right: Array) -> bool:
    try:
        verify.assert_close(value, right, "value")
    except CheckFailure:
        return False
    return True
