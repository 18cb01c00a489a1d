"""Known wrong ways to write the blanks of cnn, each with the idea that it misses."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.checks import misconception
from grader.checks.outlook.reference_cnn import conv_forward

# --- conv_forward -----------------------------------------------------------------------------------------


@misconception(
    "conv_forward",
    "the kernel is turned round",
    """You turn the kernel by half a turn before you lay it on the image. That is the convolution of the
    mathematicians; the layer of this course, like that of the deep-learning libraries, is the
    cross-correlation: the kernel's top left number meets the window's top left pixel.""",
)
def conv_flipped(X: Any, W: Any, b: Any, stride: Any, pad: Any) -> Any:
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, W.shape[2:], axis=(2, 3))
    turned = W[:, :, ::-1, ::-1]
    out = np.einsum("mcrsij,fcij->mfrs", windows[:, :, ::stride, ::stride], turned) + b[:, None, None]
    return out, (X, W, stride, pad)


@misconception(
    "conv_forward",
    "the border pixels are repeated",
    """The padding of this layer is zeros: outside of the image there is nothing. You continue the image
    with its own border pixels instead, and so invent something to see.""",
)
def conv_edge_padding(X: Any, W: Any, b: Any, stride: Any, pad: Any) -> Any:
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, W.shape[2:], axis=(2, 3))
    out = np.einsum("mcrsij,fcij->mfrs", windows[:, :, ::stride, ::stride], W) + b[:, None, None]
    return out, (X, W, stride, pad)


@misconception(
    "conv_forward",
    "all the padding on one side",
    """The zeros belong around the image, as many on the left as on the right, as many above as below. All at
    one end give the right size, too, but shift the image to the other.""",
)
def conv_padding_at_the_end(X: Any, W: Any, b: Any, stride: Any, pad: Any) -> Any:
    padded = np.pad(X, ((0, 0), (0, 0), (0, 2 * pad), (0, 2 * pad)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, W.shape[2:], axis=(2, 3))
    out = np.einsum("mcrsij,fcij->mfrs", windows[:, :, ::stride, ::stride], W) + b[:, None, None]
    return out, (X, W, stride, pad)


@misconception(
    "conv_forward",
    "the sizes are rounded up",
    """A kernel is laid only where it fits whole. You add a last position at which it hangs over the edge;
    the number of positions is rounded down, and what is left over is not looked at.""",
)
def conv_ceil(X: Any, W: Any, b: Any, stride: Any, pad: Any) -> Any:
    rows, columns = (
        -((k - side - 2 * pad) // stride) for k, side in zip(W.shape[2:], X.shape[2:], strict=True)
    )
    over = [
        stride * n + k - side - 2 * pad
        for n, k, side in zip((rows, columns), W.shape[2:], X.shape[2:], strict=True)
    ]
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad + over[0]), (pad, pad + over[1])))
    windows = np.lib.stride_tricks.sliding_window_view(padded, W.shape[2:], axis=(2, 3))
    out = np.einsum("mcrsij,fcij->mfrs", windows[:, :, ::stride, ::stride], W) + b[:, None, None]
    return out, (X, W, stride, pad)


@misconception(
    "conv_forward",
    "the windows move by one pixel",
    """The output has the right size, but the window of its second entry begins one pixel after the first
    one's, whatever the stride is. Where does the window of entry (r, c) begin?""",
)
def conv_without_stride(X: Any, W: Any, b: Any, stride: Any, pad: Any) -> Any:
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, W.shape[2:], axis=(2, 3))
    rows, columns = ((n - 1) // stride + 1 for n in windows.shape[2:4])
    out = np.einsum("mcrsij,fcij->mfrs", windows[:, :, :rows, :columns], W) + b[:, None, None]
    return out, (X, W, stride, pad)


@misconception(
    "conv_forward",
    "no bias",
    """Each filter has a bias, one number that is added at every position. Without it a filter could not
    raise or lower the threshold from which on the ReLU behind it lets anything through.""",
)
def conv_without_bias(X: Any, W: Any, b: Any, stride: Any, pad: Any) -> Any:
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, W.shape[2:], axis=(2, 3))
    out = np.einsum("mcrsij,fcij->mfrs", windows[:, :, ::stride, ::stride], W)
    return out, (X, W, stride, pad)


@misconception(
    "conv_forward",
    "the bias once for each channel",
    """A filter sums over all channels and then adds its bias, once. Inside the loop over the channels it is
    added as often as there are channels.""",
)
def conv_bias_per_channel(X: Any, W: Any, b: Any, stride: Any, pad: Any) -> Any:
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, W.shape[2:], axis=(2, 3))
    out = np.einsum("mcrsij,fcij->mfrs", windows[:, :, ::stride, ::stride], W)
    out = out + X.shape[1] * b[:, None, None]
    return out, (X, W, stride, pad)


@misconception(
    "conv_forward",
    "the mean over the channels",
    """A filter has a kernel of its own for each channel and adds up what they all see. You divide that sum
    by the number of channels.""",
)
def conv_channel_mean(X: Any, W: Any, b: Any, stride: Any, pad: Any) -> Any:
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, W.shape[2:], axis=(2, 3))
    out = np.einsum("mcrsij,fcij->mfrs", windows[:, :, ::stride, ::stride], W) / X.shape[1]
    out = out + b[:, None, None]
    return out, (X, W, stride, pad)


@misconception(
    "conv_forward",
    "only the first channel is looked at",
    """A filter looks at all channels at once, each through a kernel of its own, and adds up what they see.
    Yours looks at the first one only.""",
)
def conv_one_channel(X: Any, W: Any, b: Any, stride: Any, pad: Any) -> Any:
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, W.shape[2:], axis=(2, 3))
    windows = windows[:, 0, ::stride, ::stride]
    out = np.einsum("mrsij,fij->mfrs", windows, W[:, 0]) + b[:, None, None]
    return out, (X, W, stride, pad)


# --- conv_backward ----------------------------------------------------------------------------------------


@misconception(
    "conv_backward",
    "the kernel lies the wrong way round on the way back",
    """A pixel must hear from an output entry through the same weight through which that entry looked at it.
    Who spreads dout out over the windows lays the kernel down as it is; who slides a window over dout
    must turn the kernel by half a turn. Try a kernel with a single 1 in a corner.""",
)
def conv_backward_flipped(dout: Any, cache: Any) -> Any:
    X, W, stride, pad = cache
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    kh, kw = W.shape[2:]
    d_padded, dW = np.zeros_like(padded), np.zeros_like(W)
    for r in range(dout.shape[2]):
        for c in range(dout.shape[3]):
            here = np.s_[:, :, r * stride : r * stride + kh, c * stride : c * stride + kw]
            d_padded[here] += np.tensordot(dout[:, :, r, c], W[:, :, ::-1, ::-1], axes=1)
            dW += np.tensordot(dout[:, :, r, c], padded[here], axes=([0], [0]))
    dX = d_padded[:, :, pad : pad + X.shape[2], pad : pad + X.shape[3]]
    return dX, dW, dout.sum(axis=(0, 2, 3))


@misconception(
    "conv_backward",
    "the padding is still on",
    """You return the gradient of the padded image. The zeros around the image are not pixels, and nobody
    asks how the loss changes with them: dX must have the shape of X.""",
)
def conv_backward_padding_kept(dout: Any, cache: Any) -> Any:
    X, W, stride, pad = cache
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    kh, kw = W.shape[2:]
    d_padded, dW = np.zeros_like(padded), np.zeros_like(W)
    for r in range(dout.shape[2]):
        for c in range(dout.shape[3]):
            here = np.s_[:, :, r * stride : r * stride + kh, c * stride : c * stride + kw]
            d_padded[here] += np.tensordot(dout[:, :, r, c], W, axes=1)
            dW += np.tensordot(dout[:, :, r, c], padded[here], axes=([0], [0]))
    return d_padded, dW, dout.sum(axis=(0, 2, 3))


@misconception(
    "conv_backward",
    "the padding is cut off at one end only",
    """The image lies in the middle of the padded one. You keep its top left part, which begins with the
    padding, so every gradient lands pad rows and columns away from its pixel.""",
)
def conv_backward_padding_cut_at_the_end(dout: Any, cache: Any) -> Any:
    X, W, stride, pad = cache
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    kh, kw = W.shape[2:]
    d_padded, dW = np.zeros_like(padded), np.zeros_like(W)
    for r in range(dout.shape[2]):
        for c in range(dout.shape[3]):
            here = np.s_[:, :, r * stride : r * stride + kh, c * stride : c * stride + kw]
            d_padded[here] += np.tensordot(dout[:, :, r, c], W, axes=1)
            dW += np.tensordot(dout[:, :, r, c], padded[here], axes=([0], [0]))
    dX = d_padded[:, :, : X.shape[2], : X.shape[3]]
    return dX, dW, dout.sum(axis=(0, 2, 3))


@misconception(
    "conv_backward",
    "the stride is forgotten on the way back",
    """An output entry hears from one window on the way up, and must answer that same window on the way down.
    Your windows move by one pixel, whatever the stride is.""",
)
def conv_backward_without_stride(dout: Any, cache: Any) -> Any:
    X, W, _, pad = cache
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    kh, kw = W.shape[2:]
    d_padded, dW = np.zeros_like(padded), np.zeros_like(W)
    for r in range(dout.shape[2]):
        for c in range(dout.shape[3]):
            here = np.s_[:, :, r : r + kh, c : c + kw]
            d_padded[here] += np.tensordot(dout[:, :, r, c], W, axes=1)
            dW += np.tensordot(dout[:, :, r, c], padded[here], axes=([0], [0]))
    dX = d_padded[:, :, pad : pad + X.shape[2], pad : pad + X.shape[3]]
    return dX, dW, dout.sum(axis=(0, 2, 3))


@misconception(
    "conv_backward",
    "overlapping windows overwrite each other",
    """A pixel lies in several windows, and what it did to the loss is the sum over all of them. Yours keeps
    only what the last window said.""",
)
def conv_backward_overwritten(dout: Any, cache: Any) -> Any:
    X, W, stride, pad = cache
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    kh, kw = W.shape[2:]
    d_padded, dW = np.zeros_like(padded), np.zeros_like(W)
    for r in range(dout.shape[2]):
        for c in range(dout.shape[3]):
            here = np.s_[:, :, r * stride : r * stride + kh, c * stride : c * stride + kw]
            d_padded[here] = np.tensordot(dout[:, :, r, c], W, axes=1)
            dW += np.tensordot(dout[:, :, r, c], padded[here], axes=([0], [0]))
    dX = d_padded[:, :, pad : pad + X.shape[2], pad : pad + X.shape[3]]
    return dX, dW, dout.sum(axis=(0, 2, 3))


@misconception(
    "conv_backward",
    "dW of one position only",
    """The same filter is used at every position, so every position has a share in its gradient, and the
    shares add up. Yours keeps the last one.""",
)
def conv_backward_last_position(dout: Any, cache: Any) -> Any:
    X, W, stride, pad = cache
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    kh, kw = W.shape[2:]
    d_padded, dW = np.zeros_like(padded), np.zeros_like(W)
    for r in range(dout.shape[2]):
        for c in range(dout.shape[3]):
            here = np.s_[:, :, r * stride : r * stride + kh, c * stride : c * stride + kw]
            d_padded[here] += np.tensordot(dout[:, :, r, c], W, axes=1)
            dW = np.tensordot(dout[:, :, r, c], padded[here], axes=([0], [0]))
    dX = d_padded[:, :, pad : pad + X.shape[2], pad : pad + X.shape[3]]
    return dX, dW, dout.sum(axis=(0, 2, 3))


@misconception(
    "conv_backward",
    "db is averaged instead of summed",
    """A bias is added at every position of every image, and its gradient is what all of them say together:
    their sum. The 1/m of the mean is in dout already.""",
)
def conv_backward_db_mean(dout: Any, cache: Any) -> Any:
    X, W, stride, pad = cache
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    kh, kw = W.shape[2:]
    d_padded, dW = np.zeros_like(padded), np.zeros_like(W)
    for r in range(dout.shape[2]):
        for c in range(dout.shape[3]):
            here = np.s_[:, :, r * stride : r * stride + kh, c * stride : c * stride + kw]
            d_padded[here] += np.tensordot(dout[:, :, r, c], W, axes=1)
            dW += np.tensordot(dout[:, :, r, c], padded[here], axes=([0], [0]))
    dX = d_padded[:, :, pad : pad + X.shape[2], pad : pad + X.shape[3]]
    return dX, dW, dout.mean(axis=(0, 2, 3))


@misconception(
    "conv_backward",
    "db is averaged over the positions",
    """You add up over the images, which is right, but average over the positions. A bias acts at each of
    them at its full size, so their gradients add up, too.""",
)
def conv_backward_db_positions_mean(dout: Any, cache: Any) -> Any:
    X, W, stride, pad = cache
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    kh, kw = W.shape[2:]
    d_padded, dW = np.zeros_like(padded), np.zeros_like(W)
    for r in range(dout.shape[2]):
        for c in range(dout.shape[3]):
            here = np.s_[:, :, r * stride : r * stride + kh, c * stride : c * stride + kw]
            d_padded[here] += np.tensordot(dout[:, :, r, c], W, axes=1)
            dW += np.tensordot(dout[:, :, r, c], padded[here], axes=([0], [0]))
    dX = d_padded[:, :, pad : pad + X.shape[2], pad : pad + X.shape[3]]
    return dX, dW, dout.sum(axis=0).mean(axis=(1, 2))


@misconception(
    "conv_backward",
    "1/m once more",
    """The gradient that comes in has the 1/m of the mean already, and hands it on through every product. Who
    divides dW and db by m again divides by m squared.""",
)
def conv_backward_averaged(dout: Any, cache: Any) -> Any:
    X, W, stride, pad = cache
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    kh, kw = W.shape[2:]
    d_padded, dW = np.zeros_like(padded), np.zeros_like(W)
    for r in range(dout.shape[2]):
        for c in range(dout.shape[3]):
            here = np.s_[:, :, r * stride : r * stride + kh, c * stride : c * stride + kw]
            d_padded[here] += np.tensordot(dout[:, :, r, c], W, axes=1)
            dW += np.tensordot(dout[:, :, r, c], padded[here], axes=([0], [0]))
    dX = d_padded[:, :, pad : pad + X.shape[2], pad : pad + X.shape[3]]
    return dX, dW / len(X), dout.sum(axis=(0, 2, 3)) / len(X)


@misconception(
    "conv_backward",
    "every channel gets the same gradient",
    """Each channel was looked at through a kernel of its own, and hears back through that one. You add the
    kernels of all channels up, so that none can be told from the others.""",
)
def conv_backward_channels_alike(dout: Any, cache: Any) -> Any:
    X, W, stride, pad = cache
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    kh, kw = W.shape[2:]
    d_padded, dW = np.zeros_like(padded), np.zeros_like(W)
    for r in range(dout.shape[2]):
        for c in range(dout.shape[3]):
            here = np.s_[:, :, r * stride : r * stride + kh, c * stride : c * stride + kw]
            d_padded[here] += np.tensordot(dout[:, :, r, c], W.sum(axis=1, keepdims=True), axes=1)
            dW += np.tensordot(dout[:, :, r, c], padded[here], axes=([0], [0]))
    dX = d_padded[:, :, pad : pad + X.shape[2], pad : pad + X.shape[3]]
    return dX, dW, dout.sum(axis=(0, 2, 3))


@misconception(
    "conv_backward",
    "only the first filter answers",
    """Every filter looked at the pixel, so the pixel's gradient adds up what comes back through all of them.
    Yours listens to the first one only.""",
)
def conv_backward_one_filter(dout: Any, cache: Any) -> Any:
    X, W, stride, pad = cache
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    kh, kw = W.shape[2:]
    d_padded, dW = np.zeros_like(padded), np.zeros_like(W)
    for r in range(dout.shape[2]):
        for c in range(dout.shape[3]):
            here = np.s_[:, :, r * stride : r * stride + kh, c * stride : c * stride + kw]
            d_padded[here] += dout[:, :1, r, c, np.newaxis, np.newaxis] * W[:1]
            dW += np.tensordot(dout[:, :, r, c], padded[here], axes=([0], [0]))
    dX = d_padded[:, :, pad : pad + X.shape[2], pad : pad + X.shape[3]]
    return dX, dW, dout.sum(axis=(0, 2, 3))


# The forward that belongs to it is right.
@misconception("conv_forward", "remembers only the last convolution", "")
def conv_forward_global(X: Any, W: Any, b: Any, stride: Any, pad: Any) -> Any:
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, W.shape[2:], axis=(2, 3))
    out = np.einsum("mcrsij,fcij->mfrs", windows[:, :, ::stride, ::stride], W) + b[:, None, None]
    globals()["LAST_CONVOLUTION"] = (X, W, stride, pad)
    return out, None


@misconception(
    "conv_backward",
    "remembers only the last convolution",
    """What forward keeps for backward belongs in the cache that it returns. Kept in one global place it is
    overwritten by the next forward, and a net of two convolutions mixes up its layers.""",
)
def conv_backward_global(dout: Any, cache: Any) -> Any:
    X, W, stride, pad = globals()["LAST_CONVOLUTION"]
    dout = np.resize(
        dout,
        (
            len(X),
            len(W),
            *((n + 2 * pad - k) // stride + 1 for n, k in zip(X.shape[2:], W.shape[2:], strict=True)),
        ),
    )
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    kh, kw = W.shape[2:]
    d_padded, dW = np.zeros_like(padded), np.zeros_like(W)
    for r in range(dout.shape[2]):
        for c in range(dout.shape[3]):
            here = np.s_[:, :, r * stride : r * stride + kh, c * stride : c * stride + kw]
            d_padded[here] += np.tensordot(dout[:, :, r, c], W, axes=1)
            dW += np.tensordot(dout[:, :, r, c], padded[here], axes=([0], [0]))
    dX = d_padded[:, :, pad : pad + X.shape[2], pad : pad + X.shape[3]]
    return dX, dW, dout.sum(axis=(0, 2, 3))


@misconception(
    "conv_backward",
    "differences instead of derivatives",
    """This wiggles each pixel and each weight and looks what happens: good for testing a gradient, useless
    for training, since it takes two forward passes for every one of them. Ask for each number which entries
    of out it touches, and add up.""",
)
def conv_backward_numerical(dout: Any, cache: Any) -> Any:
    X, W, stride, pad = cache
    arrays, grads = [X, W, np.zeros(len(W))], []
    for which, array in enumerate(arrays):
        grad = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            sides = []
            for step in (1e-5, -1e-5):
                moved = [given.copy() for given in arrays]
                moved[which][index] += step
                sides.append(np.sum(dout * conv_forward(moved[0], moved[1], moved[2], stride, pad)[0]))
            grad[index] = (sides[0] - sides[1]) / 2e-5
        grads.append(grad)
    return tuple(grads)


# --- max_pool_forward -------------------------------------------------------------------------------------


@misconception(
    "max_pool_forward",
    "the mean instead of the largest",
    """You average over the window. That is pooling, too, but another kind: one strong answer of a filter is
    thinned out by its weak neighbours, where max pooling asks whether the pattern is there at all.""",
)
def pool_mean(X: Any, size: Any, stride: Any) -> Any:
    windows = np.lib.stride_tricks.sliding_window_view(X, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
    out = windows.mean(axis=(4, 5))
    return out, (X, size, stride)


@misconception(
    "max_pool_forward",
    "the search begins at zero",
    """Where all entries of a window are negative, the largest one is negative as well. Yours can't get below
    the zero that the search started with.""",
)
def pool_from_zero(X: Any, size: Any, stride: Any) -> Any:
    windows = np.lib.stride_tricks.sliding_window_view(X, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
    out = windows.max(axis=(4, 5), initial=0.0)
    return out, (X, size, stride)


@misconception(
    "max_pool_forward",
    "the largest absolute value",
    """Max pooling takes the largest entry, not the one that is farthest from zero: -3 is less than 2.""",
)
def pool_absolute(X: Any, size: Any, stride: Any) -> Any:
    windows = np.lib.stride_tricks.sliding_window_view(X, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
    out = np.abs(windows).max(axis=(4, 5))
    return out, (X, size, stride)


@misconception(
    "max_pool_forward",
    "the smallest entry",
    """You take the least entry of each window. A filter's answer is large where its pattern is, and that
    is what should be kept.""",
)
def pool_least(X: Any, size: Any, stride: Any) -> Any:
    windows = np.lib.stride_tricks.sliding_window_view(X, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
    out = windows.min(axis=(4, 5))
    return out, (X, size, stride)


@misconception(
    "max_pool_forward",
    "the windows always lie side by side",
    """The next window begins one stride further, not one window further: with a stride of less than the size
    they overlap, with a larger one there is space between them. Yours move by their own size.""",
)
def pool_side_by_side(X: Any, size: Any, stride: Any) -> Any:
    windows = np.lib.stride_tricks.sliding_window_view(X, (size, size), axis=(2, 3))[:, :, ::size, ::size]
    out = windows.max(axis=(4, 5))
    return out, (X, size, stride)


@misconception(
    "max_pool_forward",
    "the largest of all channels",
    """Each channel is the answer of a filter of its own, and is pooled by itself. The largest entry of all
    channels says that some filter found something, but no longer which one.""",
)
def pool_over_channels(X: Any, size: Any, stride: Any) -> Any:
    windows = np.lib.stride_tricks.sliding_window_view(X, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
    out = np.repeat(windows.max(axis=(1, 4, 5))[:, np.newaxis], X.shape[1], axis=1)
    return out, (X, size, stride)


@misconception(
    "max_pool_forward",
    "the number of windows is rounded up",
    """A window is laid only where it fits whole. You add a last one that hangs over the edge; the number of
    windows is rounded down, and what is left over is not looked at.""",
)
def pool_ceil(X: Any, size: Any, stride: Any) -> Any:
    rows, columns = (-((size - side) // stride) for side in X.shape[2:])
    over = [stride * n + size - side for n, side in zip((rows, columns), X.shape[2:], strict=True)]
    padded = np.pad(X, ((0, 0), (0, 0), (0, over[0]), (0, over[1])), constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(2, 3))
    out = windows[:, :, ::stride, ::stride].max(axis=(4, 5))
    return out, (X, size, stride)


# --- max_pool_backward ------------------------------------------------------------------------------------


@misconception(
    "max_pool_backward",
    "every tied entry gets the gradient",
    """Where several entries of a window are the largest, each of yours gets the whole gradient, so that more
    goes on than came in. Behind a ReLU that happens all the time: a window of nothing but zeros is
    a tie. The window's gradient goes on once.""",
)
def pool_backward_ties(dout: Any, cache: Any) -> Any:
    X, size, stride = cache
    dX = np.zeros_like(X)
    for r in range(dout.shape[2]):
        for c in range(dout.shape[3]):
            here = np.s_[:, :, r * stride : r * stride + size, c * stride : c * stride + size]
            incoming = dout[:, :, r, c, np.newaxis, np.newaxis]
            dX[here] += (X[here] == X[here].max(axis=(2, 3), keepdims=True)) * incoming
    return dX


@misconception(
    "max_pool_backward",
    "spread evenly over the window",
    """That is how average pooling goes back. The output is the largest entry; nudge any other one a
    little, and the output does not notice. So what is the derivative with respect to the others?""",
)
def pool_backward_mean(dout: Any, cache: Any) -> Any:
    X, size, stride = cache
    dX = np.zeros_like(X)
    for r in range(dout.shape[2]):
        for c in range(dout.shape[3]):
            here = np.s_[:, :, r * stride : r * stride + size, c * stride : c * stride + size]
            incoming = dout[:, :, r, c, np.newaxis, np.newaxis]
            dX[here] += incoming / size**2
    return dX


@misconception(
    "max_pool_backward",
    "the whole window gets the gradient",
    """You copy the gradient to every entry of its window. Only one of them decided what came out; the
    others could have been a little larger or smaller without any effect.""",
)
def pool_backward_copied(dout: Any, cache: Any) -> Any:
    X, size, stride = cache
    dX = np.zeros_like(X)
    for r in range(dout.shape[2]):
        for c in range(dout.shape[3]):
            here = np.s_[:, :, r * stride : r * stride + size, c * stride : c * stride + size]
            incoming = dout[:, :, r, c, np.newaxis, np.newaxis]
            dX[here] += incoming
    return dX


@misconception(
    "max_pool_backward",
    "an entry keeps what the last window said",
    """An entry may be the largest of several windows, and then it hears from all of them: the gradients add
    up. Yours keeps only what the last window said.""",
)
def pool_backward_overwritten(dout: Any, cache: Any) -> Any:
    X, size, stride = cache
    dX = np.zeros_like(X)
    for r in range(dout.shape[2]):
        for c in range(dout.shape[3]):
            here = np.s_[:, :, r * stride : r * stride + size, c * stride : c * stride + size]
            incoming = dout[:, :, r, c, np.newaxis, np.newaxis]
            window = X[here].reshape(*X.shape[:2], -1)
            chosen = np.arange(size * size) == window.argmax(axis=2)[:, :, np.newaxis]
            dX[here] = np.where(chosen.reshape(*X.shape[:2], size, size), incoming, dX[here])
    return dX


@misconception(
    "max_pool_backward",
    "the windows move by one entry on the way back",
    """The gradient of an output entry belongs to the window that this entry was taken from. Your windows move
    by one pixel, whatever the stride is.""",
)
def pool_backward_without_stride(dout: Any, cache: Any) -> Any:
    X, size, _ = cache
    dX = np.zeros_like(X)
    for r in range(dout.shape[2]):
        for c in range(dout.shape[3]):
            here = np.s_[:, :, r : r + size, c : c + size]
            incoming = dout[:, :, r, c, np.newaxis, np.newaxis]
            window = X[here].reshape(*X.shape[:2], -1)
            chosen = np.arange(size * size) == window.argmax(axis=2)[:, :, np.newaxis]
            dX[here] += chosen.reshape(*X.shape[:2], size, size) * incoming
    return dX


@misconception(
    "max_pool_backward",
    "multiplied by the entry itself",
    """Near its largest entry the maximum grows by one where the entry grows by one, whether that entry is
    2 or 200: the slope is 1, not the value.""",
)
def pool_backward_times_value(dout: Any, cache: Any) -> Any:
    X, size, stride = cache
    dX = np.zeros_like(X)
    for r in range(dout.shape[2]):
        for c in range(dout.shape[3]):
            here = np.s_[:, :, r * stride : r * stride + size, c * stride : c * stride + size]
            incoming = dout[:, :, r, c, np.newaxis, np.newaxis]
            window = X[here].reshape(*X.shape[:2], -1)
            chosen = np.arange(size * size) == window.argmax(axis=2)[:, :, np.newaxis]
            dX[here] += chosen.reshape(*X.shape[:2], size, size) * incoming
    return dX * X


@misconception(
    "max_pool_backward",
    "row and column are exchanged",
    """The place of the largest entry is counted line by line through the window: the quotient by its
    width is the row, and the remainder the column. Yours are the other way round.""",
)
def pool_backward_transposed(dout: Any, cache: Any) -> Any:
    X, size, stride = cache
    dX = np.zeros_like(X)
    for r in range(dout.shape[2]):
        for c in range(dout.shape[3]):
            here = np.s_[:, :, r * stride : r * stride + size, c * stride : c * stride + size]
            incoming = dout[:, :, r, c, np.newaxis, np.newaxis]
            window = X[here].reshape(*X.shape[:2], -1)
            chosen = np.arange(size * size) == window.argmax(axis=2)[:, :, np.newaxis]
            dX[here] += chosen.reshape(*X.shape[:2], size, size).swapaxes(2, 3) * incoming
    return dX


@misconception(
    "max_pool_backward",
    "always the window's first entry",
    """The gradient goes to the entry that was the largest, and where that is differs from window to window.
    Forward knows it, and can keep it for you in the cache.""",
)
def pool_backward_first(dout: Any, cache: Any) -> Any:
    X, size, stride = cache
    dX = np.zeros_like(X)
    for r in range(dout.shape[2]):
        for c in range(dout.shape[3]):
            here = np.s_[:, :, r * stride : r * stride + size, c * stride : c * stride + size]
            incoming = dout[:, :, r, c, np.newaxis, np.newaxis]
            dX[here][:, :, :1, :1] += incoming
    return dX


@misconception("max_pool_forward", "remembers only the last pooling", "")
def pool_forward_global(X: Any, size: Any, stride: Any) -> Any:
    windows = np.lib.stride_tricks.sliding_window_view(X, (size, size), axis=(2, 3))
    globals()["LAST_POOLING"] = (X, size, stride)
    return windows[:, :, ::stride, ::stride].max(axis=(4, 5)), None


@misconception(
    "max_pool_backward",
    "remembers only the last pooling",
    """What forward keeps for backward belongs in the cache that it returns. Kept in one global place it is
    overwritten by the next forward, and a net of two poolings mixes up its layers.""",
)
def pool_backward_global(dout: Any, cache: Any) -> Any:
    X, size, stride = globals()["LAST_POOLING"]
    dout = np.resize(dout, (*X.shape[:2], *((side - size) // stride + 1 for side in X.shape[2:])))
    dX = np.zeros_like(X)
    for r in range(dout.shape[2]):
        for c in range(dout.shape[3]):
            here = np.s_[:, :, r * stride : r * stride + size, c * stride : c * stride + size]
            incoming = dout[:, :, r, c, np.newaxis, np.newaxis]
            window = X[here].reshape(*X.shape[:2], -1)
            chosen = np.arange(size * size) == window.argmax(axis=2)[:, :, np.newaxis]
            dX[here] += chosen.reshape(*X.shape[:2], size, size) * incoming
    return dX
