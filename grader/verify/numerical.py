"""Numerical differentiation of a loss: entry by entry, along a direction, and how much noise the loss has."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from grader.verify.values import FloatArray, as_array

__all__ = [
    "Loss",
    "Params",
    "central_difference",
    "directional_difference",
    "loss_noise",
    "numerical_gradients",
    "projected_loss",
]

Params = dict[str, FloatArray]
Loss = Callable[[Params], float]

LOSS_ROUNDING = 4 * float(np.finfo(np.float64).eps)  # of one loss of a few dozen terms, relative


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


def directional_difference(loss: Loss, theta: Params, direction: Params, step: float = 1e-6) -> float:
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


def loss_noise(loss: Loss, theta: Params, rng: np.random.Generator) -> float:
    """
    Estimate the rounding noise of *loss*: how far it bends along a line of steps of 1e-9.

    A smooth loss is straight there to 1e-18. One in float32 jumps, or stands still, which counts as infinite.

    Args:
        loss: maps tensors by name to a number; called 6 times.
        theta: where.
        rng: for the line's direction.

    Returns:
        Absolute, in units of the loss; at least a few units in its last place.
    """
    u = {key: rng.standard_normal(tensor.shape) for key, tensor in theta.items()}
    length = float(np.sqrt(sum(float(np.sum(v**2)) for v in u.values())))
    values = [loss({key: theta[key] + i * 1e-9 / length * u[key] for key in theta}) for i in range(6)]
    if np.ptp(values) == 0.0:
        return float("inf")
    bend = float(np.max(np.abs(np.diff(values, 2))))
    return max(bend, LOSS_ROUNDING * abs(values[0]))
