"""Calls of a student's cnn functions, and the gradient checks that several tests share."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader import verify
from grader.checks.outlook import inputs_cnn as inputs
from grader.checks.outlook import reference_cnn as reference
from grader.checks.outlook.inputs_cnn import FloatArray, Layer, Pool
from grader.errors import CheckFailure
from grader.sandbox import Student

__all__ = [
    "call_conv",
    "call_pool",
    "check_conv_backward",
    "check_conv_derived",
    "check_pool_backward",
    "check_pool_derived",
    "fair_layer",
    "fair_pool",
]

Params = dict[str, FloatArray]
GRADIENTS = ("dX", "dW", "db")


def call_conv(student: Student, layer: Layer) -> tuple[Any, Any]:
    """Return out, raw, and the cache, as a handle."""
    returned = student.call("conv_forward", *layer, opaque=(1,))
    out, cache = verify.as_tuple(returned, 2, "conv_forward (out, cache)")
    return out, cache


def call_pool(student: Student, pool: Pool) -> tuple[Any, Any]:
    """Return out, raw, and the cache, as a handle."""
    returned = student.call("max_pool_forward", *pool, opaque=(1,))
    out, cache = verify.as_tuple(returned, 2, "max_pool_forward (out, cache)")
    return out, cache


def fair_layer(student: Student, layer: Layer) -> tuple[Layer, Any]:
    """
    Return *layer* and its cache, or an easier one where the student's forward can't take this one.

    A forward that leaves the padding out has paid for that. Its output has another shape than the contract's
    dout, so a backward that fits it could not be asked; without padding it can. Of the output only the shape
    counts: a gradient of the convolution does not depend on its values.
    """
    for candidate in inputs.easier_layers(layer):
        out, cache = call_conv(student, candidate)
        if fits(out, candidate.out_shape):
            return candidate, cache
    return layer, call_conv(student, layer)[1]


def check_conv_backward(
    student: Student,
    rng: np.random.Generator,
    drawn: Layer,
    only: tuple[str, ...] = ("X", "W", "b"),
    asked: tuple[Layer, Any] | None = None,
) -> None:
    """
    Judge by both roads what conv_backward returns.

    Args:
        student: whose functions are called.
        rng: for the gradient that comes in, and the directions of the second road.
        drawn: the layer, or a harder one than the student's forward can take.
        only: the tensors whose gradients are judged.
        asked: the layer and its cache, where the forward has been called already.
    """
    layer, cache = asked or fair_layer(student, drawn)
    dout = rng.normal(size=layer.out_shape)
    values = student.call("conv_backward", dout, cache)
    answer = dict(zip(GRADIENTS, verify.as_tuple(values, 3, "conv_backward (dX, dW, db)"), strict=True))
    shift = {name: rng.normal(size=value.shape) for name, value in layer.tensors.items()}
    own_loss = verify.projected_loss(lambda theta: call_conv(student, layer.at(theta))[0], dout, "out")

    def elsewhere(theta: Params) -> float:
        # Other images need other slopes along the filters, and other filters along the images.
        return own_loss({name: value + shift[name] for name, value in {**layer.tensors, **theta}.items()})

    verify.assert_gradients(
        answer,
        {name: layer.tensors[name] for name in only},
        rng=rng,
        true={f"d{name}": true_gradients(layer, dout)[f"d{name}"] for name in only},
        own_loss=None if "conv_forward" in student.flawless else own_loss,
        other_loss=None if only == ("b",) else elsewhere,
        name="conv_backward",
        facts=facts_of(layer.out_shape),
    )


def check_conv_derived(student: Student, rng: np.random.Generator) -> None:
    """Fail if conv_backward takes the forbidden road: seen by rounding and by counting calls."""
    layer = inputs.draw_layer(rng, 2, 3, 5, (5, 4), (2, 3))
    one, other = rng.permutation(3)[:2]
    layer.X[:, one] *= verify.TINY
    layer.W[:, other] *= verify.TINY
    dout = rng.normal(size=layer.out_shape)
    dout[:, rng.permutation(5)[:3]] *= verify.TINY
    _, cache = call_conv(student, layer)
    seen = student.observe("conv_backward", dout, cache, count=("conv_forward",))
    size = sum(value.size for value in layer.tensors.values())
    verify.assert_not_numerical("conv_backward", seen.calls, size, len(layer.X))
    values = verify.as_tuple(seen.value, 3, "conv_backward (dX, dW, db)")
    true = true_gradients(layer, dout)
    # What has another shape fails where it is judged; it must not cost its neighbours their marks.
    fitting = {
        name: value for name, value in zip(GRADIENTS, values, strict=True) if fits(value, true[name].shape)
    }
    if fitting:
        verify.assert_no_difference_quotient(fitting, {name: true[name] for name in fitting}, "conv_backward")


def true_gradients(layer: Layer, dout: FloatArray) -> Params:
    """Return the right gradients of a layer, by name."""
    _, cache = reference.conv_forward(*layer)
    return dict(zip(GRADIENTS, reference.conv_backward(dout, cache), strict=True))


def fair_pool(student: Student, pool: Pool, rng: np.random.Generator) -> tuple[Pool, Any]:
    """
    Return *pool* and its cache, or an easier one at which the student's forward is right.

    Where it is right at none, a small pooling, at which differences of the forward can judge.
    """
    for candidate in inputs.easier_pools(pool):
        out, cache = call_pool(student, candidate)
        right, _ = reference.max_pool_forward(*candidate)
        if fits(out, right.shape) and np.allclose(
            verify.as_array(out, right.shape, "out"), right, rtol=0, atol=verify.RELATIVE_TOLERANCE
        ):
            return candidate, cache
    small = inputs.draw_small_pool(rng, 1 if pool.stride < pool.size else 2)
    return small, call_pool(student, small)[1]


def check_pool_backward(
    student: Student, rng: np.random.Generator, drawn: Pool, asked: tuple[Pool, Any] | None = None
) -> None:
    """Judge by both roads what max_pool_backward returns, on entries that lie apart; *asked* as above."""
    pool, cache = asked or fair_pool(student, drawn, rng)
    right, right_cache = reference.max_pool_forward(*pool)
    dout = rng.normal(size=right.shape)
    own_loss = verify.projected_loss(
        lambda theta: call_pool(student, pool._replace(X=theta["X"]))[0], dout, "out"
    )
    verify.assert_gradients(
        {"dX": student.call("max_pool_backward", dout, cache)},
        {"X": pool.X},
        rng=rng,
        true={"dX": reference.max_pool_backward(dout, right_cache)},
        own_loss=None if "max_pool_forward" in student.flawless else own_loss,
        name="max_pool_backward",
        facts=facts_of(dout.shape) | {"entries of a window": float(pool.size**2)},
    )


def check_pool_derived(student: Student, rng: np.random.Generator) -> None:
    """Fail if max_pool_backward takes the forbidden road: a derived slope is exactly 0 or 1."""
    probe = verify.quotient_probe(rng).reshape(12, 12)
    chosen = rng.integers(4, size=probe.shape)
    windows = probe[:, :, np.newaxis] - rng.uniform(0.5, 1.5, (12, 12, 4))
    np.put_along_axis(windows, chosen[:, :, np.newaxis], probe[:, :, np.newaxis], axis=2)
    X = windows.reshape(12, 12, 2, 2).transpose(0, 2, 1, 3).reshape(1, 1, 24, 24)
    _, cache = call_pool(student, Pool(X, 2, 2))
    seen = student.observe("max_pool_backward", np.ones((1, 1, 12, 12)), cache, count=("max_pool_forward",))
    verify.assert_not_numerical("max_pool_backward", seen.calls, X.size, 1)
    dX = verify.as_array(seen.value, X.shape, "dX").reshape(12, 2, 12, 2).transpose(0, 2, 1, 3)
    slopes = np.take_along_axis(dX.reshape(12, 12, 4), chosen[:, :, np.newaxis], axis=2)
    verify.assert_no_quotient_noise(slopes.ravel(), "max_pool_backward")


def facts_of(out_shape: tuple[int, ...]) -> dict[str, float]:
    """Name the sizes that a wrong factor may equal."""
    images, _, height, width = out_shape
    return {
        "images": float(images),
        "positions": float(height * width),
        "positions in all images": float(images * height * width),
    }


def fits(value: object, shape: tuple[int, ...]) -> bool:
    """Whether a returned value is an array of this shape."""
    try:
        verify.as_array(value, shape, "value")
    except CheckFailure:
        return False
    return True
