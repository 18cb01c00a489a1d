"""
Is a gradient right? Compared with the true one, or with differences of the student's own forward.

Either road is right: a wrong forward with a backward that fits it loses the forward's marks only. The
measured error and miss rates behind the constants stand in docs/numerics.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from grader.errors import CheckFailure
from grader.verify.comparison import agrees, tolerance_of
from grader.verify.differences import Comparison, Finding, explain
from grader.verify.pictures import gradient_picture
from grader.verify.values import FloatArray, as_array, as_params

__all__ = [
    "Loss",
    "Params",
    "assert_gradients",
    "central_difference",
    "directional_difference",
    "numerical_gradients",
    "projected_loss",
]

Params = dict[str, FloatArray]
Loss = Callable[[Params], float]

DIRECTIONS = (
    2  # per tensor: one Gaussian direction misses an error e with probability 0.8*tau*|g|/|e|, two its square
)
STEP = 1e-6  # norm of the step: kinks, not rounding, cause false alarms, and they grow with the step
SMALLER_STEP = 1e-7  # second try where a kink lies within STEP; rounding still leaves 1e-9 per |u|
TAU = 1e-5  # relative to |g|: a thousand times the rounding of a central difference at STEP
LOSS_ROUNDING = 4 * float(np.finfo(np.float64).eps)  # of one loss of a few dozen terms, relative
# A forward that computes in float32 has noise 6e-8: the best step grows to about 1e-2, and kinks come back.
COARSE_STEP, COARSE_TAU = 1e-2, 5e-2
MAX_SWEEP = 400  # parameters; a sweep calls the loss twice for each, and only explains a failure


def central_difference(
    loss: Callable[[FloatArray], float], theta: FloatArray, step: float = 1e-5
) -> FloatArray:
    """
    Numerical gradient of *loss* at *theta*, by central differences, one entry after the other.

    Args:
        loss: maps an array of theta's shape to a number; called 2*d times.
        theta: any shape, float64, d entries; not changed.
        step: half-width h in theta's own units; truncation error is O(h**2), rounding error O(1e-16/h).

    Returns:
        The gradient, theta's shape.

    Source: Numerical Recipes, 3rd ed., section 5.7.
    """
    gradient = np.zeros_like(theta, dtype=np.float64)
    for index in np.ndindex(theta.shape):
        up, down = theta.copy(), theta.copy()
        up[index] += step
        down[index] -= step
        gradient[index] = (loss(up) - loss(down)) / (up[index] - down[index])
    return gradient


def numerical_gradients(loss: Loss, theta: Params, step: float = 1e-5) -> Params:
    """Return the central-difference gradient of *loss* for each tensor of *theta*, by the tensor's name."""

    def of(name: str) -> Callable[[FloatArray], float]:
        return lambda tensor: loss({**theta, name: tensor})

    return {name: central_difference(of(name), tensor, step) for name, tensor in theta.items()}


def directional_difference(loss: Loss, theta: Params, direction: Params, step: float = STEP) -> float:
    """
    Derivative of *loss* along *direction*, by one central difference: an estimate of the sum of g*u.

    Args:
        loss: maps tensors by name to a number; called twice.
        theta: where; not changed.
        direction: some of theta's names → arrays of the same shapes; the others stay.
        step: norm of the step taken; the result is per unit of *direction*, whatever its length.

    Returns:
        (loss(theta + h*u) - loss(theta - h*u)) / 2h, where h = step / |u|.
    """
    length = float(np.sqrt(sum(float(np.sum(u**2)) for u in direction.values())))
    h = step / length
    up = {name: theta[name] + h * u for name, u in direction.items()}
    down = {name: theta[name] - h * u for name, u in direction.items()}
    return (loss({**theta, **up}) - loss({**theta, **down})) / (2 * h)


def projected_loss(forward: Callable[[Params], object], upstream: FloatArray, name: str = "forward") -> Loss:
    """
    Make a scalar loss of a layer, for the own-forward road of a backward that takes an upstream gradient.

    The gradient of sum(upstream * forward(theta)) is what `layer_backward(upstream, cache)` returns:

        def forward(t):
            return student.call("linear_forward", t["A_prev"], t["W"], t["b"], opaque=(1,))[0]

        assert_gradients({"dA_prev": …, "dW": …, "db": …}, {"A_prev": A, "W": W, "b": b},
                         rng=rng, true=…, own_loss=projected_loss(forward, dZ))

    Args:
        forward: maps tensors by name to the layer's output, raw as the student returned it.
        upstream: gradient of the loss with respect to that output; its shape is the shape asked for.
        name: the output's name, for a message.
    """

    def loss(theta: Params) -> float:
        return float(np.sum(upstream * as_array(forward(theta), upstream.shape, name)))

    return loss


def assert_gradients(
    claimed: object,
    theta: Params,
    *,
    rng: np.random.Generator,
    true: Mapping[str, FloatArray] | None = None,
    own_loss: Loss | None = None,
    other_loss: Loss | None = None,
    name: str = "backward",
    facts: Mapping[str, float] | None = None,
) -> None:
    """
    Fail unless the gradients equal *true*, or fit numerical differences of *own_loss*: either road is right.

    Args:
        claimed: raw, as the student returned it: a dict with "d" + each name of *theta*.
        theta: the tensors, by name, in float64; keep the batch at 8 rows and the layers at 30 units.
        rng: for the directions.
        true: "d" + name → the right gradient, from the reference.
        own_loss: maps tensors like *theta* to the loss by the student's own forward, as a float; called 4
            times a tensor, through the wall. It may raise CheckFailure: then this road is closed.
        other_loss: the same on other inputs (X, y); where given, the forward must depend on them.
        name: the blank, for the message.
        facts: sizes that a wrong factor may equal: {"rows": 8}.

    Raises:
        CheckFailure: neither road accepts; says which tensors are right and how the others differ.
        ValueError: neither road was given.
    """
    if true is None and own_loss is None:
        raise ValueError("assert_gradients needs the true gradients, the student's own loss, or both.")
    gradients = as_params(
        claimed, {"d" + key: value.shape for key, value in theta.items()}, f"{name}: the result"
    )
    if true is not None and not _wrong(gradients, true):
        return
    if own_loss is not None and _fits_own_forward(own_loss, other_loss, theta, gradients, rng):
        return
    _fail(gradients, *_to_compare_with(true, own_loss, theta, gradients), name=name, facts=facts or {})


def _wrong(claimed: Params, right: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return the tensors that are wrong, with the tolerance they had."""
    # A bias gradient of one entry can cancel to almost nothing; its rounding is that of the terms, and they
    # are as large as the other tensors' entries.
    largest = max(_rms(np.asarray(value)) for value in right.values())
    wrong = {}
    for key, value in claimed.items():
        tolerance = tolerance_of(np.asarray(right[key]), scale=max(_rms(right[key]), 0.1 * largest))
        if not agrees(value, right[key], tolerance):
            wrong[key] = tolerance
    return wrong


def _fits_own_forward(
    loss: Loss, other_loss: Loss | None, theta: Params, claimed: Params, rng: np.random.Generator
) -> bool:
    """Whether *claimed* is the gradient of *loss*, a loss that really depends on its tensors and inputs."""
    try:
        with np.errstate(all="ignore"):
            if not _along_directions(loss, theta, claimed, rng):
                return False
            return not _is_degenerate(loss, other_loss, theta)
    except CheckFailure:
        return False  # the forward fails on its own; its own checks say so


def _along_directions(loss: Loss, theta: Params, claimed: Params, rng: np.random.Generator) -> bool:
    at_theta = loss(theta)
    coarse = _is_coarse(loss, theta, at_theta, rng)
    steps, tau = ((COARSE_STEP,), COARSE_TAU) if coarse else ((STEP, SMALLER_STEP), TAU)
    for key, tensor in theta.items():
        gradient = claimed["d" + key]
        for _ in range(DIRECTIONS):
            u = rng.standard_normal(tensor.shape)
            floor = 0.0 if coarse else LOSS_ROUNDING * abs(at_theta) * float(np.linalg.norm(u))
            if not any(
                _agrees_along(
                    directional_difference(loss, theta, {key: u}, step), gradient, u, tau, floor / step
                )
                for step in steps
            ):
                return False
    return True


def _agrees_along(slope: float, gradient: FloatArray, u: FloatArray, tau: float, floor: float) -> bool:
    # The slope's own term keeps a gradient of zeros from a free pass.
    allowed = tau * np.sqrt(float(np.sum(gradient**2)) + slope**2 / gradient.size)
    return bool(abs(slope - float(np.sum(gradient * u))) <= allowed + floor)


def _is_coarse(loss: Loss, theta: Params, at_theta: float, rng: np.random.Generator) -> bool:
    """
    Whether the loss is computed in float32: along a line of steps of 1e-9 it stands still or jumps.

    A float64 loss moves along such a line in steps of 1e-9 times its slope, straight to 1e-15.
    """
    u = {key: rng.standard_normal(tensor.shape) for key, tensor in theta.items()}
    length = float(np.sqrt(sum(float(np.sum(v**2)) for v in u.values())))
    line = [loss({key: theta[key] + i * 1e-9 / length * u[key] for key in theta}) for i in range(1, 5)]
    values = np.array([at_theta, *line])
    bend = float(np.max(np.abs(np.diff(values, 2))))
    return bool(np.ptp(values) == 0.0 or bend > 1e-12 * max(1.0, abs(at_theta)))


def _is_degenerate(loss: Loss, other_loss: Loss | None, theta: Params) -> bool:
    """
    Whether the loss hardly depends on its arguments, so that any backward "fits" it.

    A forward that returns a constant would make a gradient of zeros right. Of each tensor a quarter of the
    entries must move the loss (a ReLU unit that is off at every row keeps its own still), and other inputs.
    """
    at_theta = loss(theta)
    if other_loss is not None and abs(other_loss(theta) - at_theta) <= 1e-9 * max(1.0, abs(at_theta)):
        return True
    for key, tensor in theta.items():
        entries = np.linspace(0, tensor.size - 1, min(tensor.size, 24)).astype(int)
        moved = 0
        for entry in entries:
            other = tensor.copy()
            other.flat[entry] += 0.1
            moved += abs(loss({**theta, key: other}) - at_theta) > 1e-9 * max(1.0, abs(at_theta))
        if moved < max(1, entries.size / 4):
            return True
    return False


def _to_compare_with(
    true: Mapping[str, FloatArray] | None, own_loss: Loss | None, theta: Params, claimed: Params
) -> tuple[Mapping[str, FloatArray], str]:
    """Return the gradient that explains the failure best, and what it is called."""
    own = _sweep(own_loss, theta) if own_loss is not None else None
    if own is None:
        return (true, "the true gradient") if true is not None else ({}, "")
    if true is None or len(_wrong(claimed, own)) < len(_wrong(claimed, true)):
        return own, "the numerical gradient of your own forward"
    return true, "the true gradient"


def _sweep(loss: Loss, theta: Params) -> Params | None:
    """Return the numerical gradients by name; None where the loss fails or there are too many entries."""
    if sum(tensor.size for tensor in theta.values()) > MAX_SWEEP:
        return None
    try:
        with np.errstate(all="ignore"):
            swept = {"d" + key: value for key, value in numerical_gradients(loss, theta).items()}
    except CheckFailure:
        return None
    return swept if all(np.all(np.isfinite(value)) for value in swept.values()) else None


def _fail(
    claimed: Params, right: Mapping[str, FloatArray], against: str, *, name: str, facts: Mapping[str, float]
) -> None:
    """Raise the failure, tensor by tensor."""
    wrong = _wrong(claimed, right) if right else {}
    if not wrong:
        raise CheckFailure(f"{name}: the gradients do not fit numerical differences of your own forward.")
    findings: list[Finding] = [
        explain(Comparison(claimed[key], np.asarray(right[key]), tolerance, key, against, facts))
        for key, tolerance in wrong.items()
    ]
    good = [key for key in claimed if key not in wrong]
    said = " ".join(finding.message for finding in findings[:4])
    more = f" {', '.join(list(wrong)[4:])} differ too." if len(wrong) > 4 else ""
    fine = f" Right: {', '.join(good)}." if good else ""
    hint = next((finding.hint for finding in findings if finding.hint), "")
    raise CheckFailure(f"{name}: {said}{more}{fine}", hint=hint, picture=gradient_picture(claimed, right))


def _rms(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(np.asarray(values, dtype=np.float64) ** 2))) if values.size else 0.0
