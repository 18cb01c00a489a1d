"""Inputs of the checks of deep_net, drawn from each check's own generator, and paths that a fit may take."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from grader import verify
from grader.checks.backprop import reference_deep_net as reference
from grader.checks.backprop.reference_deep_net import Array, Integers, Params
from grader.checks.digits import coarse_rows, hidden_digits

__all__ = [
    "AFTER_TEN_LAYERS",
    "Digits",
    "Net",
    "away_from_zero",
    "draw_digits",
    "draw_net",
    "draw_params",
    "draw_rows",
    "draw_same_rows",
    "draw_tiny_net",
    "ends_of_two_epochs",
    "follow",
    "shapes_of",
]

Order: TypeAlias = tuple[int, ...]

KINK = 1e-2  # no z of a drawn net lies closer to ReLU's kink than this, 10,000 steps of the differences

# Training check: 1,000 coarse digits, layers 64-20-16-10, learning rate 0.2, 10 epochs, batches of 20; the
# other 3,000 are held out. Uniform He weights do as well as normal ones.
DIGIT_ROWS, DIGIT_SIZES = 1000, [64, 20, 16, 10]
DIGIT_RATE, DIGIT_EPOCHS, DIGIT_BATCH = 0.2, 10, 20

# Log of the typical size of z in the last of ten layers of 100 units, for 50 rows of typical size 1, under
# He's scale: mean 0.284, sd 0.246 (n = 200 seeds). The range is the mean +- 4.5 sd (7 in a million are
# outside), and 0.35 lower where the last layer, which feeds no ReLU, has the scale 1/sqrt(n_in). Weights of
# 1/sqrt(n_in) in all layers come to -3.2, of sqrt(4/n_in) to 3.8.
DEEP_SIZES, DEEP_ROWS = [100] * 11, 50
AFTER_TEN_LAYERS = (-1.2, 1.4)


class Net(NamedTuple):
    """A problem for `backward`: rows, parameters, and a gradient that comes down from above."""

    X: Array
    params: Params
    dlogits: Array


class Digits(NamedTuple):
    """A training problem: what goes to the student, and what stays here."""

    X: Array
    y: Integers
    X_held: Array
    y_held: Integers


def shapes_of(sizes: Sequence[int], prefix: str = "") -> dict[str, tuple[int, ...]]:
    """Return the shapes of all parameters, by name; *prefix* "d" gives those of the gradients."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (n_in, n_out) in enumerate(itertools.pairwise(sizes), start=1):
        shapes[f"{prefix}W{layer}"] = (n_out, n_in)
        shapes[f"{prefix}b{layer}"] = (n_out,)
    return shapes


def draw_params(rng: np.random.Generator, sizes: Sequence[int]) -> Params:
    """Draw parameters of a net in mid-training: He-scaled weights, and biases that are mostly above zero."""
    params = reference.init_params(sizes, rng)
    for layer in range(1, len(sizes)):
        params[f"b{layer}"] = rng.uniform(-0.2, 0.6, size=sizes[layer])
    return params


def draw_rows(rng: np.random.Generator, m: int, n_x: int, classes: int) -> tuple[Array, Integers]:
    """Draw m rows and their labels."""
    return rng.normal(size=(m, n_x)), rng.integers(0, classes, size=m)


def draw_same_rows(rng: np.random.Generator, m: int, n_x: int, classes: int) -> tuple[Array, Integers]:
    """
    Draw one row and its label, m times over: whatever the order of such rows, the steps are the same.

    The row is small, so that a net starts near guessing and its loss falls over some steps, not in one.
    """
    X, y = draw_rows(rng, 1, n_x, classes)
    return np.repeat(0.3 * X, m, axis=0), np.repeat(y, m)


def away_from_zero(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Draw pre-activations of both signs, none near ReLU's kink; both signs occur from size 2 on."""
    z = rng.uniform(0.15, 2.0, size=shape)
    signs = rng.permutation(np.where(np.arange(z.size) % 2 == 0, 1.0, -1.0)).reshape(shape)
    return np.asarray(z * signs)


def draw_net(rng: np.random.Generator, m: int, sizes: Sequence[int]) -> Net:
    """
    Draw a net that no numerical difference stumbles over.

    No hidden z is near the kink, and at least half of each layer, the last included, is above zero for
    some row: so the logits hang on every layer, even where a student's forward has a ReLU on top.
    """
    for _ in range(1000):
        params = draw_params(rng, sizes)
        X = rng.normal(size=(m, sizes[0]))
        if _is_regular(X, params):
            break
    return Net(X, params, rng.normal(size=(m, sizes[-1])) / m)


def draw_tiny_net(rng: np.random.Generator) -> Net:
    """
    Draw a net some of whose gradients are tiny, so that only a derivation gets them right.

    An input has the scale `verify.TINY`, and so has its column of dW1; a hidden unit has weights of that
    scale above it, and so has its row of dW1. There are more than four parameters for each row and layer.
    """
    X, params, dlogits = draw_net(rng, 4, [6, 7, 5, 3])
    X[:, int(rng.integers(6))] *= verify.TINY
    params["W2"][:, int(rng.integers(7))] *= verify.TINY
    return Net(X, params, dlogits)


def draw_digits(rng: np.random.Generator) -> Digits:
    """
    Draw the training digits, the others are held out; and disguise them all in the same way.

    The pixels change places, half of them change their signs, and the ten classes their numbers. To a net
    that starts at random it is all the same; one that was trained elsewhere reads nothing.
    """
    images, labels = hidden_digits()
    order = rng.permutation(len(labels))
    rows, classes = coarse_rows(images), rng.permutation(10)[labels]
    rows = rows[:, rng.permutation(rows.shape[1])] * rng.choice([-1.0, 1.0], size=rows.shape[1])
    taught, held = order[:DIGIT_ROWS], order[DIGIT_ROWS:]
    return Digits(rows[taught], classes[taught], rows[held], classes[held])


def follow(
    params: Params, X: Array, y: Integers, learning_rate: float, batches: Iterable[Sequence[int]]
) -> tuple[Params, list[float]]:
    """
    Take the reference's steps from *params*, one a batch.

    Returns:
        Where they lead, and the loss on all rows of X before each step and after the last.
    """
    losses = [_loss(params, X, y)]
    for batch in batches:
        rows = np.asarray(batch)
        logits, caches = reference.forward(X[rows], params)
        grads = reference.backward(reference.softmax_cross_entropy(logits, y[rows])[1], caches)
        params = {name: value - learning_rate * grads[f"d{name}"] for name, value in params.items()}
        losses.append(_loss(params, X, y))
    return params, losses


def ends_of_two_epochs(
    params: Params, X: Array, y: Integers, learning_rate: float
) -> dict[tuple[Order, Order], Params]:
    """
    Where two epochs of single rows lead, by the orders in which they take the rows.

    *X* has a few rows only: k of them have k! orders, so (k!)^2 ends.
    """

    def after(start: Params, order: Order) -> Params:
        return follow(start, X, y, learning_rate, [[row] for row in order])[0]

    orders = list(itertools.permutations(range(len(y))))
    middles = {order: after(params, order) for order in orders}
    return {(first, second): after(middles[first], second) for first in orders for second in orders}


def _loss(params: Params, X: Array, y: Integers) -> float:
    return reference.softmax_cross_entropy(reference.forward(X, params)[0], y)[0]


def _is_regular(X: Array, params: Params) -> bool:
    logits, caches = reference.forward(X, params)
    hidden = [Z for _, Z in caches if Z is not None]
    alive = all(np.mean(np.any(Z > 0, axis=0)) >= 0.5 for Z in (*hidden, logits))
    return alive and all(bool(np.min(np.abs(Z)) > KINK) for Z in hidden)
