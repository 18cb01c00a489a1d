"""
Is a gradient right? Compared with the true one, or with differences of the student's own forward.

Either road is right: a wrong forward with a backward that fits it loses the forward's marks only. The
measured error and miss rates behind the constants stand in docs/numerics.md.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from grader.errors import CheckFailure
from grader.verify.comparison import agrees, tolerance_of
from grader.verify.differences import Comparison, Finding, explain
from grader.verify.numerical import Loss, Params, directional_difference, loss_noise, numerical_gradients
from grader.verify.pictures import gradient_picture
from grader.verify.values import FloatArray, as_params

__all__ = ["assert_gradients"]

# Per tensor. One Gaussian direction misses an error e with probability 0.8*tau*|g|/|e|, two its square.
DIRECTIONS = 2
# Norm of the step. Kinks, not rounding, cause false alarms, and they grow with the step: hence 1e-6. Where a
# direction disagrees, 1e-5 (a loss near saturation has noise of 1e-11) and 1e-7 (a kink nearby) are tried.
STEPS = (1e-6, 1e-5, 1e-7)
TAU = 1e-5  # relative to |g|: a thousand times the rounding of a central difference with the first step
MOST_NOISE = 10 * TAU  # relative: a noisy loss widens the tolerance no further

# A forward that computes in float32 has noise 6e-8: the best step grows to about 1e-2, kinks come back, and
# the tolerance must be so wide that more directions are needed.
COARSE_STEP, COARSE_TAU, COARSE_DIRECTIONS = 1e-2, 5e-2, 6
COARSE_NOISE = 1e-10  # of the loss, relative: float32 has 1e-8, float64 near a saturated sigmoid up to 1e-11
# Slopes that only tell a network from a toy. Truncation changes a slope by about 1e-7 of itself, so the
# cosine of two toys is within 1e-13 of 1; two random gradients of 4 entries get as near as 1e-6 once in 1e9.
WIDE_STEP, SAME_PROPORTIONS, MIN_PROPORTIONS = 1e-3, 1e-6, 4
MAX_SWEEP = 400  # parameters; a sweep calls the loss twice for each, and only explains a failure


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
        own_loss: maps tensors like *theta* to the loss by the student's own forward, as a float; called 50 to
            100 times through the wall, only where *true* does not accept. If it raises CheckFailure, this
            road is closed. Keep its probabilities in 1e-4 … 1 - 1e-4: log(1 - p) is noise beyond.
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
    with np.errstate(all="ignore"):
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
    """Whether the slope of *loss* along random directions is what *claimed* says, tensor by tensor."""
    noise = loss_noise(loss, theta, rng)
    steps: tuple[float, ...] = STEPS
    tau, directions = TAU, DIRECTIONS
    if noise > COARSE_NOISE * max(1.0, abs(loss(theta))):
        steps, tau, directions, noise = (COARSE_STEP,), COARSE_TAU, COARSE_DIRECTIONS, 0.0
    # As in _wrong: a tensor that cancels to almost nothing keeps the rounding of its terms.
    least = 0.1 * max(_rms(value) for value in claimed.values())
    for key, tensor in theta.items():
        gradient = claimed["d" + key]
        size = max(float(np.linalg.norm(gradient)), least * float(np.sqrt(gradient.size)))

        def fits(
            u: FloatArray, step: float, key: str = key, g: FloatArray = gradient, size: float = size
        ) -> bool:
            slope = directional_difference(loss, theta, {key: u}, step)
            # The slope's own term keeps a gradient of zeros from a free pass.
            rounding = min(noise * float(np.linalg.norm(u)) / step, MOST_NOISE * size)
            allowed = tau * np.sqrt(size**2 + slope * slope / g.size) + rounding
            # A huge gradient's norm overflows, and an infinite tolerance would let it pass.
            return bool(abs(slope - float(np.sum(g * u))) <= allowed < np.inf)

        for _ in range(directions):
            u = rng.standard_normal(tensor.shape)
            if not any(fits(u, step) for step in steps):
                return False
    return True


def _is_degenerate(loss: Loss, other_loss: Loss | None, theta: Params) -> bool:
    """
    Whether the loss is too poor a function of its arguments for its gradient to earn anything.

    A forward that returns a constant would make a gradient of zeros right, and one that returns a weighted
    sum of all numbers a gradient of constants. So of each tensor an eighth of the entries must move the loss
    (a ReLU unit that is off at every row keeps its own still), other inputs must, and with other inputs the
    entries' slopes must not stay in the same proportions.
    """
    at_theta = loss(theta)
    if other_loss is not None and abs(other_loss(theta) - at_theta) <= 1e-9 * max(1.0, abs(at_theta)):
        return True
    slopes = {key: _some_slopes(loss, theta, key) for key in theta}
    for some in slopes.values():
        if np.count_nonzero(np.abs(some) > 1e-9 * max(1.0, abs(at_theta))) < max(1, some.size / 8):
            return True
    if other_loss is None:
        return False
    here = np.concatenate(list(slopes.values()))
    there = np.concatenate([_some_slopes(other_loss, theta, key) for key in theta])
    cosine = abs(float(here @ there)) / max(float(np.linalg.norm(here) * np.linalg.norm(there)), 1e-300)
    return here.size >= MIN_PROPORTIONS and not cosine <= 1 - SAME_PROPORTIONS


def _some_slopes(loss: Loss, theta: Params, key: str) -> FloatArray:
    """Return the slopes of *loss* along up to 24 entries of one tensor, by wide central differences."""
    tensor = theta[key]
    entries = np.linspace(0, tensor.size - 1, min(tensor.size, 24)).astype(int)
    slopes = []
    for entry in entries:
        ahead, behind = tensor.copy(), tensor.copy()
        ahead.flat[entry] += WIDE_STEP
        behind.flat[entry] -= WIDE_STEP
        slopes.append((loss({**theta, key: ahead}) - loss({**theta, key: behind})) / (2 * WIDE_STEP))
    return np.array(slopes)


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
