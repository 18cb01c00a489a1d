"""
Hidden checks of the notebook cnn.

Images and kernels are not square, and rows, channels and filters differ in number, so that exchanged axes
show.
"""

from __future__ import annotations

import numpy as np

from grader import verify
from grader.checks import Notebook, check
from grader.checks.outlook import inputs_cnn as inputs
from grader.checks.outlook import reference_cnn as reference
from grader.checks.outlook.calls_cnn import (
    call_conv,
    call_pool,
    check_conv_backward,
    check_conv_derived,
    check_pool_backward,
    check_pool_derived,
    fair_layer,
    fair_pool,
)
from grader.checks.outlook.inputs_cnn import FloatArray, Layer, Pool
from grader.errors import CheckFailure
from grader.sandbox import Student

NOTEBOOK = Notebook(
    blanks=("conv_forward", "conv_backward", "max_pool_forward", "max_pool_backward"),
    needs={"conv_backward": ("conv_forward",), "max_pool_backward": ("max_pool_forward",)},
)


# --- conv_forward -----------------------------------------------------------------------------------------


def assert_convolved(student: Student, layer: Layer) -> None:
    """Fail unless conv_forward gives what the kernels see at every position."""
    right, _ = reference.conv_forward(*layer)
    m, channels, *_ = layer.X.shape
    facts = {"images": float(m), "channels": float(channels)}
    verify.assert_close(call_conv(student, layer)[0], right, "conv_forward: out", facts=facts)


@check("conv_forward", weight=3)
def test_conv_forward_slides_each_filter_over_each_image(student: Student, rng: np.random.Generator) -> None:
    """conv_forward gives, at every position, the sum of products of filter and window, plus the bias."""
    for layer in inputs.draw_layers(rng, 3):
        assert_convolved(student, layer)


@check("conv_forward", weight=1.5)
def test_conv_forward_goes_in_steps_of_the_stride(student: Student, rng: np.random.Generator) -> None:
    """conv_forward goes in steps of the stride, however wide they are, and leaves the rest out."""
    for layer in inputs.draw_strided(rng):
        assert_convolved(student, layer)


@check("conv_forward", weight=1.5)
def test_conv_forward_puts_zeros_around_the_image(student: Student, rng: np.random.Generator) -> None:
    """conv_forward puts as many rows and columns of zeros as pad says on each of the four sides."""
    for layer in inputs.draw_padded(rng):
        assert_convolved(student, layer)


@check("conv_forward", weight=1)
def test_conv_forward_takes_any_sizes(student: Student, rng: np.random.Generator) -> None:
    """conv_forward works for one image, channel and filter, and kernels from 1x1 to the image's size."""
    for m, channels, filters, image, kernel, stride, pad in inputs.CONV_EDGES:
        assert_convolved(student, inputs.draw_layer(rng, m, channels, filters, image, kernel, stride, pad))


@check("conv_forward", weight=0.5)
def test_conv_forward_leaves_its_arguments_alone(student: Student, rng: np.random.Generator) -> None:
    """conv_forward changes neither X, W nor b."""
    for pad in (0, 1):
        layer = inputs.draw_layer(rng, 2, 2, 3, (4, 5), (3, 2), 1, pad)
        seen = student.observe("conv_forward", *layer, opaque=(1,))
        out, _ = verify.as_tuple(seen.value, 2, "conv_forward (out, cache)")
        verify.as_array(out, layer.out_shape, "conv_forward: out")
        verify.assert_unchanged(seen, layer, names=("X", "W", "b", "stride", "pad"))


# --- conv_backward ----------------------------------------------------------------------------------------


@check("conv_backward", weight=2, retry=True)
def test_conv_backward_gives_the_gradient_of_the_images(student: Student, rng: np.random.Generator) -> None:
    """conv_backward gives dX, the gradient of the images, and derives it."""
    check_conv_derived(student, rng)
    for layer in inputs.draw_layers(rng, 2):
        check_conv_backward(student, rng, layer, ("X",))


@check("conv_backward", weight=2, retry=True)
def test_conv_backward_gives_the_gradient_of_the_filters(student: Student, rng: np.random.Generator) -> None:
    """conv_backward gives dW, the gradient of the filters, and derives it."""
    check_conv_derived(student, rng)
    for layer in inputs.draw_layers(rng, 2):
        check_conv_backward(student, rng, layer, ("W",))


@check("conv_backward", weight=1, retry=True)
def test_conv_backward_gives_the_gradient_of_the_biases(student: Student, rng: np.random.Generator) -> None:
    """conv_backward gives db, the gradient of the biases, and derives it."""
    check_conv_derived(student, rng)
    for layer in inputs.draw_layers(rng, 2):
        check_conv_backward(student, rng, layer, ("b",))


@check("conv_backward", weight=1.5, retry=True)
def test_conv_backward_goes_back_in_the_same_steps(student: Student, rng: np.random.Generator) -> None:
    """conv_backward is right for strides, also for entries that no position has seen."""
    for layer in inputs.draw_strided(rng):
        check_conv_backward(student, rng, layer, ("X", "W"))


@check("conv_backward", weight=1.5, retry=True)
def test_conv_backward_cuts_the_padding_off(student: Student, rng: np.random.Generator) -> None:
    """conv_backward is right for padded images: dX is the gradient of the image inside the padding."""
    for layer in inputs.draw_padded(rng):
        check_conv_backward(student, rng, layer, ("X", "W"))


@check("conv_backward", weight=1, retry=True)
def test_conv_backward_takes_any_sizes(student: Student, rng: np.random.Generator) -> None:
    """conv_backward works for one image, channel and filter, and kernels from 1x1 to the image's size."""
    for m, channels, filters, image, kernel, stride, pad in inputs.CONV_EDGES:
        layer = inputs.draw_layer(rng, m, channels, filters, image, kernel, stride, pad)
        check_conv_backward(student, rng, layer)


@check("conv_backward", weight=1, retry=True)
def test_conv_backward_uses_the_cache_it_is_given(student: Student, rng: np.random.Generator) -> None:
    """conv_backward belongs to the forward whose cache it is given, also if another ran in between."""
    asked = [fair_layer(student, layer) for layer in inputs.draw_layers(rng, 2)]
    for one in asked:
        check_conv_backward(student, rng, one[0], asked=one)


@check("conv_backward", weight=0.5)
def test_conv_backward_leaves_dout_and_cache_alone(student: Student, rng: np.random.Generator) -> None:
    """conv_backward leaves dout as it is, and the cache too: asked twice, it says the same."""
    layer, cache = fair_layer(student, inputs.draw_layer(rng, 2, 3, 4, (5, 4), (2, 3)))
    dout = rng.normal(size=layer.out_shape)
    shapes = [value.shape for value in layer.tensors.values()]
    seen = student.observe("conv_backward", dout, cache)
    answers = []
    for value in (seen.value, student.call("conv_backward", dout, cache)):
        parts = verify.as_tuple(value, 3, "conv_backward (dX, dW, db)")
        answers.append(
            [
                verify.as_array(part, shape, f"conv_backward: {name}")
                for part, shape, name in zip(parts, shapes, ("dX", "dW", "db"), strict=True)
            ]
        )
    verify.assert_unchanged(seen, (dout, cache), names=("dout", "cache"))
    assert all(np.array_equal(a, b) for a, b in zip(*answers, strict=True)), (
        "conv_backward gives another answer when it gets the same cache again."
    )


# --- max_pool_forward -------------------------------------------------------------------------------------


def assert_pooled(student: Student, pool: Pool) -> None:
    """Fail unless max_pool_forward gives the largest entry of each window."""
    right, _ = reference.max_pool_forward(*pool)
    verify.assert_close(call_pool(student, pool)[0], right, "max_pool_forward: out")


@check("max_pool_forward", weight=3)
def test_max_pool_forward_gives_the_largest_entry(student: Student, rng: np.random.Generator) -> None:
    """max_pool_forward gives the largest entry of each window, channel by channel."""
    for pool in inputs.draw_pools(rng, "apart"):
        assert_pooled(student, inputs.all_positive(pool))


@check("max_pool_forward", weight=1.5)
def test_max_pool_forward_lets_windows_overlap(student: Student, rng: np.random.Generator) -> None:
    """max_pool_forward goes in steps of the stride, so that windows may overlap."""
    for pool in inputs.draw_pools(rng, "overlapping"):
        assert_pooled(student, inputs.all_positive(pool))


@check("max_pool_forward", weight=1)
def test_max_pool_forward_leaves_the_rest_out(student: Student, rng: np.random.Generator) -> None:
    """max_pool_forward leaves out what no whole window reaches, and what lies between windows."""
    for pool in inputs.draw_pools(rng, "left out"):
        assert_pooled(student, inputs.all_positive(pool))


# Negative entries are in this check alone: else luck would decide in how many a search from zero fails.
@check("max_pool_forward", weight=2)
def test_max_pool_forward_knows_no_floor(student: Student, rng: np.random.Generator) -> None:
    """max_pool_forward gives the largest entry of a window also where some are negative, or all."""
    X, size, stride = inputs.draw_pools(rng, "apart")[0]
    for shift in (0.0, -5.0, -2e4):
        assert_pooled(student, Pool(X + shift, size, stride))


@check("max_pool_forward", weight=1)
def test_max_pool_forward_takes_any_sizes(student: Student, rng: np.random.Generator) -> None:
    """max_pool_forward works for one image and channel, and windows from one entry to the whole image."""
    for edge in inputs.POOL_EDGES:
        assert_pooled(student, inputs.all_positive(inputs.draw_pool(rng, *edge)))


@check("max_pool_forward", weight=0.5)
def test_max_pool_forward_leaves_its_argument_alone(student: Student, rng: np.random.Generator) -> None:
    """max_pool_forward leaves X as it is."""
    pool = inputs.draw_pool(rng, 2, 3, (4, 6), 2, 2)
    seen = student.observe("max_pool_forward", *pool, opaque=(1,))
    out, _ = verify.as_tuple(seen.value, 2, "max_pool_forward (out, cache)")
    verify.as_array(out, (2, 3, 2, 3), "max_pool_forward: out")
    verify.assert_unchanged(seen, pool, names=("X", "size", "stride"))


# --- max_pool_backward ------------------------------------------------------------------------------------


@check("max_pool_backward", weight=3, retry=True)
def test_max_pool_backward_passes_on_to_the_largest_entry(student: Student, rng: np.random.Generator) -> None:
    """max_pool_backward passes each window's gradient on to its largest entry, and derives it."""
    check_pool_derived(student, rng)
    for pool in inputs.draw_pools(rng, "apart"):
        check_pool_backward(student, rng, pool)


@check("max_pool_backward", weight=2, retry=True)
def test_max_pool_backward_adds_up_where_windows_overlap(student: Student, rng: np.random.Generator) -> None:
    """max_pool_backward adds up what an entry gets from several windows of which it is the largest."""
    for pool in inputs.draw_pools(rng, "overlapping"):
        check_pool_backward(student, rng, pool)


@check("max_pool_backward", weight=1, retry=True)
def test_max_pool_backward_gives_nothing_to_what_was_left_out(
    student: Student, rng: np.random.Generator
) -> None:
    """max_pool_backward gives no gradient to entries that no window has seen, and keeps the image's shape."""
    for pool in inputs.draw_pools(rng, "left out"):
        check_pool_backward(student, rng, pool)


@check("max_pool_backward", weight=1.5)
def test_max_pool_backward_passes_a_tie_on_once(student: Student, rng: np.random.Generator) -> None:
    """max_pool_backward passes a window's gradient on once, also where several entries are the largest."""
    for size, stride in ((2, 2), (3, 3), (2, 1)):
        image = inputs.image_of((size, size), stride, (2, 3))
        # Of a window's 0s and 1s several are the largest, as behind a ReLU; in a channel of one value, all.
        X = rng.integers(2, size=(2, 3, *image)).astype(np.float64)
        X[:, 0] = rng.normal()
        dout = rng.uniform(0.5, 1.5, (2, 3, 2, 3))
        _, cache = call_pool(student, Pool(X, size, stride))
        value = student.call("max_pool_backward", dout, cache)
        assert_passed_on_once(verify.as_array(value, X.shape, "max_pool_backward: dX"), dout, X, size, stride)


def assert_passed_on_once(dX: FloatArray, dout: FloatArray, X: FloatArray, size: int, stride: int) -> None:
    """
    Fail unless every window's gradient went to its largest entries, and to all of them together once.

    Which of them gets it, or how they share it, is free. Where windows overlap, only what all of them
    together pass on can be told, and what an entry gets at most.
    """
    most = np.zeros_like(X)
    excess = []
    for r in range(dout.shape[2]):
        for c in range(dout.shape[3]):
            here = np.s_[:, :, r * stride : r * stride + size, c * stride : c * stride + size]
            incoming = dout[:, :, r, c]
            largest = X[here] == X[here].max(axis=(2, 3), keepdims=True)
            most[here] += largest * incoming[:, :, np.newaxis, np.newaxis]
            excess.append(dX[here].sum(axis=(2, 3)) / incoming)
    if stride < size:
        excess = [dX.sum(axis=(2, 3)) / dout.sum(axis=(2, 3))]
    times = np.array(excess)
    wrong = np.abs(times - 1.0) > 1e-5
    if wrong.any():
        worst = times.flat[np.argmax(np.abs(times - 1.0))]
        raise CheckFailure(
            "max_pool_backward: where several entries of a window are the largest, dX adds up to something "
            f"else than the gradient that came in, such as {worst:.3g} times as much.",
            hint="One gradient comes in for each window, and as much goes on, however many entries are tied.",
        )
    astray = (dX < -1e-5) | (dX > most + 1e-5)
    if astray.any():
        raise CheckFailure(
            f"max_pool_backward: {int(astray.sum())} of {dX.size} entries get more than the windows of which "
            "they are among the largest entries pass on."
        )


@check("max_pool_backward", weight=1, retry=True)
def test_max_pool_backward_takes_any_sizes(student: Student, rng: np.random.Generator) -> None:
    """max_pool_backward works for one image and channel, and windows from one entry to the whole image."""
    for edge in inputs.POOL_EDGES:
        check_pool_backward(student, rng, inputs.draw_pool(rng, *edge))


@check("max_pool_backward", weight=1, retry=True)
def test_max_pool_backward_uses_the_cache_it_is_given(student: Student, rng: np.random.Generator) -> None:
    """max_pool_backward belongs to the forward whose cache it is given, also if another ran in between."""
    asked = [fair_pool(student, pool, rng) for pool in inputs.draw_pools(rng, "apart")[:2]]
    for one in asked:
        check_pool_backward(student, rng, one[0], asked=one)


@check("max_pool_backward", weight=0.5)
def test_max_pool_backward_leaves_dout_and_cache_alone(student: Student, rng: np.random.Generator) -> None:
    """max_pool_backward leaves dout as it is, and the cache too: asked twice, it says the same."""
    X, size, stride = inputs.draw_pool(rng, 2, 3, (4, 6), 2, 2)
    _, cache = call_pool(student, Pool(X, size, stride))
    dout = rng.normal(size=(2, 3, 2, 3))
    seen = student.observe("max_pool_backward", dout, cache)
    first = verify.as_array(seen.value, X.shape, "max_pool_backward: dX")
    verify.assert_unchanged(seen, (dout, cache), names=("dout", "cache"))
    again = verify.as_array(student.call("max_pool_backward", dout, cache), X.shape, "max_pool_backward: dX")
    assert np.array_equal(first, again), (
        "max_pool_backward gives another answer when it gets the same cache again."
    )
