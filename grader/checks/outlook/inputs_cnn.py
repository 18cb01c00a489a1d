"""What the checks of cnn are asked about: images, filters and windows, each drawn anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CONV_EDGES",
    "POOL_EDGES",
    "Layer",
    "Pool",
    "Size",
    "all_positive",
    "draw_layer",
    "draw_layers",
    "draw_padded",
    "draw_pool",
    "draw_pools",
    "draw_small_pool",
    "draw_strided",
    "easier_layers",
    "easier_pools",
    "image_of",
]

FloatArray = NDArray[np.float64]
Size = tuple[int, int]

# (m, C, F, image, kernel, stride, pad) at the edges: one of everything; a 1x1 kernel, with steps and with a
# border of nothing but biases; a kernel as large as the image; images of one row; a kernel that fits only
# with padding; one position only.
CONV_EDGES = (
    (1, 1, 1, (1, 1), (1, 1), 1, 0),
    (1, 3, 2, (4, 5), (1, 1), 1, 0),
    (2, 1, 2, (4, 5), (1, 1), 2, 0),
    (2, 2, 3, (3, 4), (1, 1), 1, 1),
    (2, 2, 3, (3, 4), (3, 4), 1, 0),
    (1, 2, 1, (1, 6), (1, 3), 1, 0),
    (3, 1, 2, (2, 2), (3, 3), 1, 1),
    (1, 1, 2, (5, 4), (4, 3), 3, 0),
)
# (m, C, image, size, stride) at the edges: one of everything, windows of one entry, a single window, images
# as wide as a window.
POOL_EDGES = (
    (1, 1, (1, 1), 1, 1),
    (1, 3, (3, 4), 1, 1),
    (2, 1, (4, 5), 1, 2),
    (1, 2, (3, 3), 3, 3),
    (2, 2, (6, 2), 2, 2),
    (1, 1, (5, 4), 4, 3),
)


class Layer(NamedTuple):
    """A convolution and its batch: X (m, C, H, W), W (F, C, kh, kw), b (F,)."""

    X: FloatArray
    W: FloatArray
    b: FloatArray
    stride: int
    pad: int

    @property
    def out_shape(self) -> tuple[int, int, int, int]:
        """The contract's shape of the output."""
        (m, _, *image), (F, _, *kernel) = self.X.shape, self.W.shape
        rows, columns = (
            (side + 2 * self.pad - k) // self.stride + 1 for side, k in zip(image, kernel, strict=True)
        )
        return m, F, rows, columns

    @property
    def tensors(self) -> dict[str, FloatArray]:
        """What has a gradient, by name."""
        return {"X": self.X, "W": self.W, "b": self.b}

    def at(self, theta: Mapping[str, FloatArray]) -> Layer:
        """Return the same layer with some of its tensors replaced."""
        tensors = {**self.tensors, **theta}
        return Layer(tensors["X"], tensors["W"], tensors["b"], self.stride, self.pad)


class Pool(NamedTuple):
    """A max pooling and its batch: X (m, C, H, W)."""

    X: FloatArray
    size: int
    stride: int


def image_of(kernel: Size, stride: int, positions: Size, rest: Size = (0, 0)) -> Size:
    """Return the size of an image with so many *positions*; *rest* rows and columns are left over."""
    rows, columns = (k + stride * (n - 1) + r for k, n, r in zip(kernel, positions, rest, strict=True))
    return rows, columns


def draw_layer(
    rng: np.random.Generator,
    m: int,
    channels: int,
    filters: int,
    image: Size,
    kernel: Size,
    stride: int = 1,
    pad: int = 0,
) -> Layer:
    """Draw a layer of these sizes whose sums are of order 1; its biases are not zero."""
    scale = 1.5 / np.sqrt(channels * kernel[0] * kernel[1])
    W = scale * rng.normal(size=(filters, channels, *kernel))
    b = rng.uniform(0.4, 1.2, filters) * rng.choice([-1.0, 1.0], filters)
    return Layer(rng.normal(size=(m, channels, *image)), W, b, stride, pad)


def draw_layers(rng: np.random.Generator, count: int) -> list[Layer]:
    """Draw *count* layers with stride 1 and no padding; what can be told apart by its size is."""
    layers = []
    for _ in range(count):
        m, channels, filters = _triple(rng, 2, 4)
        kernel, positions = _pair(rng, 1, 3), _pair(rng, 2, 5)
        if kernel[0] + positions[0] == kernel[1] + positions[1]:
            positions = positions[::-1]  # so that the image is not square; the kernel is not
        layers.append(draw_layer(rng, m, channels, filters, image_of(kernel, 1, positions), kernel))
    return layers


def draw_strided(rng: np.random.Generator) -> list[Layer]:
    """Draw layers with stride 2 and 3, the first wider than its kernel; the steps leave a rest over."""
    layers = []
    for stride, kernel in ((3, (2, 2)), (2, (2, 3)), (int(rng.integers(2, 4)), (3, 2))):
        m, channels, filters = _triple(rng, 1, 3)
        image = image_of(kernel, stride, _pair(rng, 2, 3), _rest(rng, stride))
        layers.append(draw_layer(rng, m, channels, filters, image, kernel, stride))
    return layers


def draw_padded(rng: np.random.Generator) -> list[Layer]:
    """Draw layers with 1 and 2 rows and columns of zeros around the image, the last with stride 2, too."""
    layers = []
    for pad, stride, kernel in ((1, 1, (3, 2)), (2, 1, (2, 3)), (2, 2, (3, 4))):
        m, channels, filters = _triple(rng, 1, 3)
        image = _pair(rng, 3, 5)
        layers.append(draw_layer(rng, m, channels, filters, image, kernel, stride, pad))
    return layers


def easier_layers(layer: Layer) -> Iterator[Layer]:
    """Give *layer*, and variants of it in which what a forward may get wrong doesn't occur."""
    yield layer
    X, W, b, stride, pad = layer
    reach = [k + stride * (n - 1) - 2 * pad for k, n in zip(W.shape[2:], layer.out_shape[2:], strict=True)]
    if min(reach) > 0:
        yield layer._replace(X=X[:, :, : reach[0], : reach[1]])
    yield layer._replace(stride=1)
    if all(side >= k for side, k in zip(X.shape[2:], W.shape[2:], strict=True)):
        yield Layer(X, W, b, stride, 0)
        yield Layer(X, W, b, 1, 0)


def draw_pool(rng: np.random.Generator, m: int, channels: int, image: Size, size: int, stride: int) -> Pool:
    """
    Draw images whose entries lie apart, so that a small step changes no window's largest entry.

    The absolute values lie apart, too, but only half as far.
    """
    n = image[0] * image[1]
    gap = 4.0 / n
    levels = (np.arange(n) - n // 2 + 0.25) * gap
    X = np.array([rng.permutation(levels) + rng.uniform(-0.05, 0.05) * gap for _ in range(m * channels)])
    return Pool(X.reshape(m, channels, *image), size, stride)


def draw_pools(rng: np.random.Generator, kind: str) -> list[Pool]:
    """Draw poolings whose windows lie "apart", "overlapping", or so that entries are "left out"."""
    strides = {
        "apart": ((2, 2), (3, 3), (2, 2)),
        "overlapping": ((2, 1), (3, 2), (3, 1)),
        "left out": ((2, 3), (3, 3), (2, 2)),
    }
    pools = []
    for size, stride in strides[kind]:
        m, channels = _pair(rng, 1, 3)
        rest = _rest(rng, stride) if kind == "left out" else (0, 0)
        image = image_of((size, size), stride, _pair(rng, 2, 3), rest)
        pools.append(draw_pool(rng, m, channels, image, size, stride))
    return pools


def all_positive(pool: Pool) -> Pool:
    """Return *pool* with its images raised above zero: there a search from zero is right."""
    return pool._replace(X=pool.X - pool.X.min() + 0.1)


def draw_small_pool(rng: np.random.Generator, stride: int) -> Pool:
    """
    Draw a pooling of 24 entries in windows of 2 by 2, for a forward that is right nowhere.

    With stride 2 a quarter of the entries counts, whatever each window picks, so that the student's own
    forward depends on enough of them for `verify.assert_gradients` to take it seriously.
    """
    sizes = ((1, 1, (4, 6)), (2, 1, (2, 6)), (1, 3, (4, 2)), (3, 2, (2, 2)))
    m, channels, image = sizes[int(rng.integers(1 if stride == 1 else len(sizes)))]
    return draw_pool(rng, m, channels, image, 2, stride)


def easier_pools(pool: Pool) -> Iterator[Pool]:
    """Give *pool*, and variants of it in which what a forward may get wrong doesn't occur."""
    X, size, stride = pool
    rows, columns = (size + (side - size) // stride * stride for side in X.shape[2:])
    for images in (X, all_positive(pool).X):
        yield Pool(images, size, stride)
        yield Pool(images[:, :, :rows, :columns], size, stride)
        n_rows, n_columns = (side // size * size for side in X.shape[2:])
        yield Pool(images[:, :, :n_rows, :n_columns], size, size)


def _pair(rng: np.random.Generator, low: int, high: int) -> Size:
    """Draw two different numbers from *low* to *high*."""
    one, other, *_ = rng.permutation(np.arange(low, high + 1))
    return int(one), int(other)


def _triple(rng: np.random.Generator, low: int, high: int) -> tuple[int, int, int]:
    """Draw three different numbers from *low* to *high*."""
    one, two, three, *_ = rng.permutation(np.arange(low, high + 1))
    return int(one), int(two), int(three)


def _rest(rng: np.random.Generator, stride: int) -> Size:
    """Draw how many rows and columns the steps leave over, at least one of each."""
    return int(rng.integers(1, stride)), int(rng.integers(1, stride))
