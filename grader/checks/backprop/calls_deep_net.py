"""Calls of a student's deep_net functions, and the gradient checks that several tests share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from grader import verify
from grader.checks.backprop import inputs_deep_net as inputs
from grader.checks.backprop import reference_deep_net as reference
from grader.checks.backprop.inputs_deep_net import Net
from grader.checks.backprop.reference_deep_net import Array, Integers, Params
from grader.checks.first_step import assert_on_a_slope, draw_rates, start_of
from grader.errors import CheckFailure
from grader.sandbox import Rng, Student

__all__ = [
    "begin",
    "call_fit",
    "call_forward",
    "call_linear",
    "call_relu",
    "call_softmax",
    "check_derived",
    "check_gradients",
    "check_linear",
    "check_linear_derived",
    "check_relu",
    "check_softmax",
]

Loss: TypeAlias = Callable[[Params], float]


def call_linear(student: Student, A_prev: Array, W: Array, b: Array) -> tuple[Any, ...]:
    """Return Z, raw, and the cache, as a handle."""
    returned = student.call("linear_forward", A_prev, W, b, opaque=(1,))
    return verify.as_tuple(returned, 2, "linear_forward (Z, cache)")


def call_relu(student: Student, Z: Array) -> tuple[Any, ...]:
    """Return A, raw, and the cache, as a handle."""
    return verify.as_tuple(student.call("relu_forward", Z, opaque=(1,)), 2, "relu_forward (A, cache)")


def call_softmax(student: Student, logits: Array, y: Integers) -> tuple[Any, ...]:
    """Return the loss and dlogits, raw."""
    returned = student.call("softmax_cross_entropy", logits, y)
    return verify.as_tuple(returned, 2, "softmax_cross_entropy (loss, dlogits)")


def call_forward(student: Student, X: Array, params: Params) -> tuple[Any, ...]:
    """Return the logits, raw, and the caches, as a handle."""
    return verify.as_tuple(student.call("forward", X, params, opaque=(1,)), 2, "forward (logits, caches)")


def call_fit(
    student: Student,
    X: Array,
    y: Integers,
    sizes: list[int],
    learning_rate: float,
    epochs: int,
    batch_size: int,
    seed: int,
    seconds: float | None = None,
) -> tuple[Params, Any]:
    """Return the parameters, as arrays of the right shapes, and the losses, raw."""
    returned = student.call("fit", X, y, sizes, learning_rate, epochs, batch_size, Rng(seed), seconds=seconds)
    params, losses = verify.as_tuple(returned, 2, "fit (params, losses)")
    return verify.as_params(params, inputs.shapes_of(sizes), "params"), losses


def begin(
    student: Student,
    rng: np.random.Generator,
    data: tuple[Array, Integers],
    sizes: list[int],
    rate: float,
    seed: int,
) -> Params:
    """
    Return where the student's fit starts; fail unless its first step over all rows follows the gradient.

    One epoch of one batch is one step; with the same seed, other epochs and batches start there as well.
    """
    X, y = data
    rates = draw_rates(rng, rate)
    seen: dict[float, Params] = {}

    def first_step(at: float) -> Params:
        seen[at] = call_fit(student, X, y, sizes, at, 1, len(y), seed, seconds=60)[0]
        return seen[at]

    start = start_of(first_step, rates)
    logits, caches = reference.forward(X, start)
    grads = reference.backward(reference.softmax_cross_entropy(logits, y)[1], caches)
    for name, value in start.items():
        # The way and not the weight, which would hide a small one; rounded like the weight, of order 1.
        moved = (seen[rates[0]][name] - value) / rates[0]
        verify.assert_close(
            moved, -grads[f"d{name}"], f"the first step of {name}", scale=1.0, facts={"rows": len(y)}
        )
    assert_on_a_slope(grads)
    return start


def check_linear(
    student: Student, rng: np.random.Generator, layers: Sequence[tuple[Params, Array]], only: tuple[str, ...]
) -> None:
    """
    Judge some of what linear_backward returns, by both roads, for *layers* whose forwards all come first.

    Each of them is theta, with "A_prev", "W" and "b", and dZ of shape (m, n). The way back goes from the last
    to the first, as in a net. *only* names those of theta whose gradients are judged.
    """
    caches = [call_linear(student, **theta)[1] for theta, _ in layers]
    downwards = list(reversed(layers))
    answers = [
        _linear_backward(student, dZ, cache)
        for (_, dZ), cache in zip(downwards, reversed(caches), strict=True)
    ]
    for (theta, dZ), answer in zip(downwards, answers, strict=True):
        _judge_linear(student, rng, theta, dZ, answer, only)


def _judge_linear(
    student: Student,
    rng: np.random.Generator,
    theta: Params,
    dZ: Array,
    answer: Mapping[str, Any],
    only: tuple[str, ...],
) -> None:
    dA_prev, dW, db = reference.linear_backward(dZ, (theta["A_prev"], theta["W"], theta["b"]))
    true = {"dA_prev": dA_prev, "dW": dW, "db": db}

    def own_forward(changed: Params) -> object:
        return call_linear(student, **{**theta, **changed})[0]

    verify.assert_gradients(
        answer,
        {name: theta[name] for name in only},
        rng=rng,
        true={f"d{name}": true[f"d{name}"] for name in only},
        own_loss=None if "linear_forward" in student.right else verify.projected_loss(own_forward, dZ, "Z"),
        name="linear_backward",
        facts={"rows": len(dZ)},
    )


def check_linear_derived(student: Student, rng: np.random.Generator) -> None:
    """Fail if linear_backward takes the forbidden road: seen by rounding and by counting calls."""
    A, W, b = rng.normal(size=(4, 6)), rng.normal(size=(7, 6)), rng.normal(size=7)
    dZ = rng.normal(size=(4, 7))
    one, other = rng.permutation(6)[:2]
    A[:, one] *= verify.TINY
    W[:, other] *= verify.TINY
    dZ[:, rng.permutation(7)[:3]] *= verify.TINY
    theta = {"A_prev": A, "W": W, "b": b}
    right = dict(zip(("dA_prev", "dW", "db"), reference.linear_backward(dZ, (A, W, b)), strict=True))
    cache = call_linear(student, **theta)[1]
    answer = _linear_backward(student, dZ, cache, count_for=theta)
    # What has another shape fails where it is judged; it must not cost its neighbours their marks.
    fitting = {name: value for name, value in right.items() if _fits(answer[name], value.shape)}
    if fitting:
        verify.assert_no_difference_quotient(
            {name: answer[name] for name in fitting}, fitting, "linear_backward"
        )


def _fits(value: object, shape: tuple[int, ...]) -> bool:
    try:
        verify.as_array(value, shape, "value")
    except CheckFailure:
        return False
    return True


def _linear_backward(
    student: Student, dZ: Array, cache: object, *, count_for: Params | None = None
) -> dict[str, Any]:
    seen = student.observe("linear_backward", dZ, cache, count=("linear_forward",) if count_for else ())
    if count_for:
        size = sum(value.size for value in count_for.values())
        verify.assert_not_numerical("linear_backward", seen.calls, size, len(dZ))
    values = verify.as_tuple(seen.value, 3, "linear_backward (dA_prev, dW, db)")
    return dict(zip(("dA_prev", "dW", "db"), values, strict=True))


def check_relu(student: Student, rng: np.random.Generator, shapes: Sequence[tuple[int, ...]]) -> None:
    """
    Judge relu_backward by both roads, on pre-activations of *shapes* away from the kink.

    All forwards come first, and the way back goes from the last to the first, as in a net.
    """
    drawn = [(inputs.away_from_zero(rng, shape), rng.normal(size=shape)) for shape in shapes]
    caches = [call_relu(student, Z)[1] for Z, _ in drawn]
    downwards = list(reversed(drawn))
    answers = [
        student.call("relu_backward", dA, cache)
        for (_, dA), cache in zip(downwards, reversed(caches), strict=True)
    ]
    for (Z, dA), dZ in zip(downwards, answers, strict=True):
        _judge_relu(student, rng, Z, dA, dZ)


def _judge_relu(student: Student, rng: np.random.Generator, Z: Array, dA: Array, dZ: object) -> None:
    verify.assert_gradients(
        {"dZ": dZ},
        {"Z": Z},
        rng=rng,
        true={"dZ": reference.relu_backward(dA, Z)},
        own_loss=None
        if "relu_forward" in student.right
        else verify.projected_loss(lambda theta: call_relu(student, theta["Z"])[0], dA, "A"),
        name="relu_backward",
    )


def check_softmax(student: Student, rng: np.random.Generator, m: int, classes: int) -> None:
    """Judge dlogits by both roads."""
    logits, y = inputs.draw_rows(rng, m, classes, classes)

    def own_loss(labels: Integers) -> Loss:
        return lambda theta: verify.as_number(call_softmax(student, theta["logits"], labels)[0], "the loss")

    verify.assert_gradients(
        {"dlogits": call_softmax(student, logits, y)[1]},
        {"logits": logits},
        rng=rng,
        true={"dlogits": reference.softmax_cross_entropy(logits, y)[1]},
        own_loss=own_loss(y),
        other_loss=own_loss((y + 1) % classes),
        name="softmax_cross_entropy",
        facts={"rows": m, "classes": classes},
    )


def check_gradients(student: Student, rng: np.random.Generator, net: Net, caches: object) -> None:
    """Judge backward by both roads, on *caches* that the student's forward made of *net*."""
    X, params, dlogits = net
    other_X = rng.normal(size=X.shape)

    def loss_on(rows: Array) -> Loss:
        return verify.projected_loss(lambda theta: call_forward(student, rows, theta)[0], dlogits, "logits")

    verify.assert_gradients(
        student.call("backward", dlogits, caches),
        params,
        rng=rng,
        true=reference.backward(dlogits, reference.forward(X, params)[1]),
        own_loss=None if "forward" in student.right else loss_on(X),
        other_loss=loss_on(other_X),
        facts={"rows": len(X)},
    )


def check_derived(student: Student, rng: np.random.Generator) -> None:
    """Fail if backward takes the forbidden road."""
    net = inputs.draw_tiny_net(rng)
    _, caches = call_forward(student, net.X, net.params)
    seen = student.observe(
        "backward", net.dlogits, caches, count=("forward", "linear_forward", "softmax_cross_entropy")
    )
    layers = len(net.params) // 2
    size = sum(value.size for value in net.params.values())
    verify.assert_not_numerical("backward", seen.calls, size, len(net.X) * layers)
    right = reference.backward(net.dlogits, reference.forward(net.X, net.params)[1])
    verify.assert_no_difference_quotient(seen.value, right)
