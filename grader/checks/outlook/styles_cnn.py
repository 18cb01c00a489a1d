"""Unusual but right ways to write the blanks of cnn; all of them must keep all marks."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.checks import style, style_text
from grader.checks.outlook.reference_cnn import conv_forward

# --- loops over everything, in plain Python ---------------------------------------------------------------


@style("plain loops", "conv_forward")
def conv_forward_loops(X: Any, W: Any, b: Any, stride: Any, pad: Any) -> Any:
    (m, channels, height, width), (filters, _, kh, kw) = X.shape, W.shape
    rows, columns = 1 + (height + 2 * pad - kh) // stride, 1 + (width + 2 * pad - kw) // stride
    out = np.empty((m, filters, rows, columns))
    for n, f, r, s in np.ndindex(out.shape):
        total = b[f]
        for c in range(channels):
            for i in range(kh):
                for j in range(kw):
                    y, x = r * stride + i - pad, s * stride + j - pad
                    if 0 <= y < height and 0 <= x < width:
                        total += X[n, c, y, x] * W[f, c, i, j]
        out[n, f, r, s] = total
    return out, (X, W, b, stride, pad)


@style("plain loops", "conv_backward")
def conv_backward_loops(dout: Any, cache: Any) -> Any:
    X, W, b, stride, pad = cache
    dX, dW, db = np.zeros(X.shape), np.zeros(W.shape), np.zeros(b.shape)
    for n, f, r, s in np.ndindex(dout.shape):
        db[f] += dout[n, f, r, s]
        for c, i, j in np.ndindex(W.shape[1:]):
            y, x = r * stride + i - pad, s * stride + j - pad
            if 0 <= y < X.shape[2] and 0 <= x < X.shape[3]:
                dW[f, c, i, j] += dout[n, f, r, s] * X[n, c, y, x]
                dX[n, c, y, x] += dout[n, f, r, s] * W[f, c, i, j]
    return dX, dW, db


@style("plain loops", "max_pool_forward")
def pool_forward_loops(X: Any, size: Any, stride: Any) -> Any:
    m, channels, height, width = X.shape
    out, places = [], {}
    for n in range(m):
        of_image = []
        for c in range(channels):
            of_channel = []
            for r in range((height - size) // stride + 1):
                line = []
                for s in range((width - size) // stride + 1):
                    best = None
                    for y in range(r * stride, r * stride + size):
                        for x in range(s * stride, s * stride + size):
                            if best is None or X[n, c, y, x] > best:
                                best = X[n, c, y, x]
                                places[n, c, r, s] = (n, c, y, x)
                    line.append(best)
                of_channel.append(line)
            of_image.append(of_channel)
        out.append(of_image)
    return out, (X.shape, places)


@style("plain loops", "max_pool_backward")
def pool_backward_loops(dout: Any, cache: Any) -> Any:
    shape, places = cache
    dX = np.zeros(shape)
    for index, place in places.items():
        dX[place] += dout[index]
    return dX.tolist()


# --- one matrix product: the windows as columns -----------------------------------------------------------


@style("windows as columns", "conv_forward")
def conv_forward_columns(X: Any, W: Any, b: Any, stride: Any, pad: Any) -> Any:
    m, channels, height, width = X.shape
    filters, _, kh, kw = W.shape
    rows, columns = (height + 2 * pad - kh) // stride + 1, (width + 2 * pad - kw) // stride + 1
    padded = np.zeros((m, channels, height + 2 * pad, width + 2 * pad))
    padded[:, :, pad : pad + height, pad : pad + width] = X
    c = np.repeat(np.arange(channels), kh * kw)[:, None]
    i = np.tile(np.repeat(np.arange(kh), kw), channels)[:, None] + stride * np.repeat(
        np.arange(rows), columns
    )
    j = np.tile(np.arange(kw), kh * channels)[:, None] + stride * np.tile(np.arange(columns), rows)
    seen = padded[:, c, i, j]
    out = (W.reshape(filters, -1) @ seen).reshape(m, filters, rows, columns) + b.reshape(1, -1, 1, 1)
    return out, {"seen": seen, "where": (c, i, j), "shape": padded.shape, "W": W, "pad": pad}


@style("windows as columns", "conv_backward")
def conv_backward_columns(dout: Any, cache: Any) -> Any:
    W, pad = cache["W"], cache["pad"]
    flat = dout.reshape(*dout.shape[:2], -1)
    dW = (flat @ cache["seen"].transpose(0, 2, 1)).sum(axis=0).reshape(W.shape)
    d_seen = W.reshape(len(W), -1).T @ flat
    d_padded = np.zeros(cache["shape"])
    np.add.at(d_padded, (slice(None), *cache["where"]), d_seen)
    inside = slice(pad, -pad) if pad else slice(None)
    return d_padded[:, :, inside, inside], dW, flat.sum(axis=(0, 2))


@style("windows as columns", "max_pool_forward")
def pool_forward_columns(X: Any, size: Any, stride: Any) -> Any:
    windows = np.lib.stride_tricks.sliding_window_view(X, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
    seen = windows.reshape(*windows.shape[:4], size * size)
    place = np.argmax(seen, axis=-1)
    return np.take_along_axis(seen, place[..., None], axis=-1)[..., 0], (X.shape, place, size, stride)


@style("windows as columns", "max_pool_backward")
def pool_backward_columns(dout: Any, cache: Any) -> Any:
    shape, place, size, stride = cache
    n, c, r, s = np.indices(place.shape)
    dX = np.zeros(shape)
    np.add.at(dX, (n, c, r * stride + place // size, s * stride + place % size), dout)
    return dX


# --- one step for each weight of the kernel ---------------------------------------------------------------


@style("shifted images", "conv_forward")
def conv_forward_shifts(X: Any, W: Any, b: Any, stride: Any, pad: Any) -> Any:
    padded = np.pad(X, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    kh, kw = W.shape[2:]
    rows, columns = (padded.shape[2] - kh) // stride + 1, (padded.shape[3] - kw) // stride + 1
    out = 0
    for i in range(kh):
        for j in range(kw):
            seen = padded[:, :, i : i + stride * rows : stride, j : j + stride * columns : stride]
            out = out + np.einsum("mcrs,fc->mfrs", seen, W[:, :, i, j])
    return [out + b[None, :, None, None], [padded, W, stride, pad]]


@style("shifted images", "conv_backward")
def conv_backward_shifts(dout: Any, cache: Any) -> Any:
    padded, W, stride, pad = cache
    d_padded, dW = 0.0 * padded, 0.0 * W
    for i, j in np.ndindex(W.shape[2:]):
        there = np.s_[:, :, i : i + stride * dout.shape[2] : stride, j : j + stride * dout.shape[3] : stride]
        d_padded[there] += np.einsum("mfrs,fc->mcrs", dout, W[:, :, i, j])
        dW[:, :, i, j] = np.einsum("mfrs,mcrs->fc", dout, padded[there])
    height, width = (side - 2 * pad for side in padded.shape[2:])
    return [d_padded[:, :, pad:, pad:][:, :, :height, :width], dW, np.einsum("mfrs->f", dout)[:, None]]


@style("shifted images", "max_pool_forward")
def pool_forward_shifts(X: Any, size: Any, stride: Any) -> Any:
    rows, columns = ((side - size) // stride + 1 for side in X.shape[2:])
    shifts = [
        X[:, :, i : i + stride * rows : stride, j : j + stride * columns : stride]
        for i in range(size)
        for j in range(size)
    ]
    out = np.maximum.reduce(shifts)
    return [out, [X, out, size, stride]]


# The last of the largest entries gets it, where the others give it to the first.
@style("shifted images", "max_pool_backward")
def pool_backward_shifts(dout: Any, cache: Any) -> Any:
    X, out, size, stride = cache
    dX, waiting = np.zeros(X.shape), np.ones(out.shape, dtype=bool)
    for i in reversed(range(size)):
        for j in reversed(range(size)):
            there = np.s_[
                :, :, i : i + stride * out.shape[2] : stride, j : j + stride * out.shape[3] : stride
            ]
            hit = waiting & (X[there] == out)
            dX[there] += hit * dout
            waiting &= ~hit
    return dX


# --- what a cache may be ----------------------------------------------------------------------------------


@style("a closure as cache", "conv_forward")
def conv_forward_closure(X: Any, W: Any, b: Any, stride: Any, pad: Any) -> Any:
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, W.shape[2:], axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride]
    out = np.tensordot(windows, W, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2) + b[:, None, None]

    def back(dout: Any) -> Any:
        d_padded = np.zeros(padded.shape)
        for r in range(dout.shape[2]):
            for c in range(dout.shape[3]):
                y, x = r * stride, c * stride
                answer = (dout[:, :, r, c, None, None, None] * W).sum(axis=1)
                d_padded[:, :, y : y + W.shape[2], x : x + W.shape[3]] += answer
        dX = d_padded[:, :, pad : pad + X.shape[2], pad : pad + X.shape[3]]
        return dX, np.tensordot(dout, windows, axes=((0, 2, 3), (0, 2, 3))), dout.sum((0, 2, 3))

    return out, back


@style("a closure as cache", "conv_backward")
def conv_backward_closure(dout: Any, cache: Any) -> Any:
    return cache(dout)


@style("a closure as cache", "max_pool_forward")
def pool_forward_closure(X: Any, size: Any, stride: Any) -> Any:
    m, channels, height, width = X.shape
    rows, columns = (height - size) // stride + 1, (width - size) // stride + 1
    out, masks = np.zeros((m, channels, rows, columns)), {}
    for r in range(rows):
        for c in range(columns):
            window = X[:, :, r * stride : r * stride + size, c * stride : c * stride + size]
            out[:, :, r, c] = np.max(window, axis=(2, 3))
            mask = window == out[:, :, r, c, None, None]
            # Of several largest entries the first one is kept.
            order = np.cumsum(mask.reshape(m, channels, -1), axis=2).reshape(mask.shape)
            masks[r, c] = mask & (order == 1)

    def back(dout: Any) -> Any:
        dX = np.zeros_like(X)
        for (r, c), mask in masks.items():
            y, x = r * stride, c * stride
            dX[:, :, y : y + size, x : x + size] += mask * dout[:, :, r, c, None, None]
        return dX

    return out, back


max_pool_backward_lambda = style_text(
    "a closure as cache", "max_pool_backward", "max_pool_backward = lambda dout, cache: cache(dout)"
)

an_id = style_text(
    "an id into a dict as cache",
    "conv_forward",
    """
    KEPT = {}

    class Seen:
        pass

    def conv_forward(X, W, b, stride, pad):
        seen = Seen()
        seen.shape, seen.W, seen.stride, seen.pad = X.shape, W, stride, pad
        padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        seen.windows = np.lib.stride_tricks.as_strided(
            padded,
            (*X.shape[:2], (padded.shape[2] - W.shape[2]) // stride + 1,
             (padded.shape[3] - W.shape[3]) // stride + 1, *W.shape[2:]),
            (*padded.strides[:2], *(stride * step for step in padded.strides[2:]), *padded.strides[2:]),
            writeable=False,
        )
        KEPT[len(KEPT)] = seen
        out = np.einsum("mcrsij,fcij->mfrs", seen.windows, W, optimize=True)
        return out + np.reshape(b, (-1, 1, 1)), len(KEPT) - 1
    """,
)


# Backward is a convolution, too: of dout, spread out and padded, with the kernels turned round.
@style("an id into a dict as cache", "conv_backward")
def conv_backward_by_convolution(dout: Any, cache: Any) -> Any:
    seen = globals()["KEPT"][cache]
    m, filters, rows, columns = dout.shape
    (_, channels, height, width), (kh, kw), stride = seen.shape, seen.W.shape[2:], seen.stride
    sides = height + 2 * seen.pad, width + 2 * seen.pad
    spread = np.zeros((m, filters, sides[0] + kh - 1, sides[1] + kw - 1))
    spread[:, :, kh - 1 :: stride, kw - 1 :: stride][:, :, :rows, :columns] = dout
    turned = seen.W[:, :, ::-1, ::-1].swapaxes(0, 1)
    d_padded, _ = conv_forward(spread, turned, np.zeros(channels), 1, 0)
    dX = d_padded[:, :, seen.pad : seen.pad + height, seen.pad : seen.pad + width]
    return dX, np.einsum("mfrs,mcrsij->fcij", dout, seen.windows), dout.sum(-1).sum(-1).sum(0)


# --- types ------------------------------------------------------------------------------------------------


@style("float32 inside", "conv_forward")
def conv_forward_float32(X: Any, W: Any, b: Any, stride: Any, pad: Any) -> Any:
    X, W = X.astype(np.float32), W.astype(np.float32)
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, W.shape[2:], axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride]
    out = np.einsum("mcrsij,fcij->mfrs", windows, W) + b.astype(np.float32)[:, None, None]
    return out, (X, W, windows, stride, pad)


@style("float32 inside", "conv_backward")
def conv_backward_float32(dout: Any, cache: Any) -> Any:
    X, W, windows, stride, pad = cache
    dout = dout.astype(np.float32)
    m, channels, height, width = X.shape
    d_padded = np.zeros((m, channels, height + 2 * pad, width + 2 * pad), dtype=np.float32)
    for r, c in np.ndindex(dout.shape[2:]):
        window = d_padded[:, :, r * stride :, c * stride :][:, :, : W.shape[2], : W.shape[3]]
        window += np.einsum("mf,fcij->mcij", dout[:, :, r, c], W)
    dX = d_padded[:, :, pad : height + pad, pad : width + pad]
    return dX, np.einsum("mfrs,mcrsij->fcij", dout, windows), dout.sum(axis=(0, 2, 3))


@style("float32 inside", "max_pool_forward")
def pool_forward_float32(X: Any, size: Any, stride: Any) -> Any:
    X = X.astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(X, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
    return windows.max(axis=(4, 5)), (windows, X.shape, size, stride)


# Several largest entries share what comes in.
@style("float32 inside", "max_pool_backward")
def pool_backward_float32(dout: Any, cache: Any) -> Any:
    windows, shape, size, stride = cache
    largest = windows == windows.max(axis=(4, 5), keepdims=True)
    shares = (largest / largest.sum(axis=(4, 5), keepdims=True)).astype(np.float32)
    dX = np.zeros(shape, dtype=np.float32)
    for r, c in np.ndindex(dout.shape[2:]):
        y, x = r * stride, c * stride
        dX[:, :, y : y + size, x : x + size] += shares[:, :, r, c] * dout[:, :, r, c, None, None]
    return dX
