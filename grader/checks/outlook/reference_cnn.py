"""The notebook cnn as it should be: a convolution and a max pooling, forward and backward."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["conv_backward", "conv_forward", "max_pool_backward", "max_pool_forward"]

FloatArray = NDArray[np.float64]
ConvCache: TypeAlias = tuple[FloatArray, FloatArray, int, int]
PoolCache: TypeAlias = tuple[FloatArray, int, int]


def conv_forward(
    X: FloatArray, W: FloatArray, b: FloatArray, stride: int, pad: int
) -> tuple[FloatArray, ConvCache]:
    """
    Slide each filter over each image, as a cross-correlation: the kernel is not turned round.

    Args:
        X: images, shape (m, C, H, W).
        W: filters, shape (F, C, kh, kw).
        b: one bias a filter, shape (F,).
        stride: step from one position to the next, both ways.
        pad: rows and columns of zeros on each of the four sides.

    Returns:
        out of shape (m, F, (H + 2 pad - kh) // stride + 1, (W + 2 pad - kw) // stride + 1), and the cache.
    """
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    F, _, kh, kw = W.shape
    rows = (padded.shape[2] - kh) // stride + 1
    columns = (padded.shape[3] - kw) // stride + 1
    out = np.zeros((len(X), F, rows, columns))
    for r in range(rows):
        for c in range(columns):
            window = padded[:, :, r * stride : r * stride + kh, c * stride : c * stride + kw]
            out[:, :, r, c] = np.tensordot(window, W, axes=([1, 2, 3], [1, 2, 3])) + b
    return out, (X, W, stride, pad)


def conv_backward(dout: FloatArray, cache: ConvCache) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Give the gradients of images, filters and biases: (dX, dW, db), from dout of the shape of out."""
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
    return dX, dW, dout.sum(axis=(0, 2, 3))


def max_pool_forward(X: FloatArray, size: int, stride: int) -> tuple[FloatArray, PoolCache]:
    """
    Give the largest entry of each window of size times size, channel by channel.

    Args:
        X: images, shape (m, C, H, W).
        size: height and width of a window.
        stride: step from one window to the next, both ways.

    Returns:
        out of shape (m, C, (H - size) // stride + 1, (W - size) // stride + 1), and the cache.
    """
    m, C, height, width = X.shape
    out = np.zeros((m, C, (height - size) // stride + 1, (width - size) // stride + 1))
    for r in range(out.shape[2]):
        for c in range(out.shape[3]):
            window = X[:, :, r * stride : r * stride + size, c * stride : c * stride + size]
            out[:, :, r, c] = window.max(axis=(2, 3))
    return out, (X, size, stride)


def max_pool_backward(dout: FloatArray, cache: PoolCache) -> FloatArray:
    """Pass each window's gradient on to its largest entry, to the first where several are; windows add up."""
    X, size, stride = cache
    dX = np.zeros_like(X)
    for r in range(dout.shape[2]):
        for c in range(dout.shape[3]):
            here = np.s_[:, :, r * stride : r * stride + size, c * stride : c * stride + size]
            window = X[here].reshape(*X.shape[:2], size * size)
            chosen = np.arange(size * size) == window.argmax(axis=2)[:, :, np.newaxis]
            share = chosen * dout[:, :, r, c, np.newaxis]
            dX[here] += share.reshape(*X.shape[:2], size, size)
    return dX
