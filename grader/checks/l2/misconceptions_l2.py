"""What students commonly get wrong in the notebook l2."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from grader.checks import misconception
from grader.checks.l2.reference_l2 import (
    backward,
    cross_entropy,
    decay_update,
    fit,
    forward,
    init_params,
    l2_penalty,
    loss,
)

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
Params = dict[str, Array]
Fitted = tuple[Params, list[float]]


# --- l2_penalty -------------------------------------------------------------------------------------------


@misconception(
    "l2_penalty",
    "biases penalised too",
    """The biases are in your sum. A bias only shifts a unit and makes nothing steep, so it costs nothing:
    only W1 and W2 count.""",
)
def penalty_with_biases(params: Params, lam: float, m: int) -> float:
    return float(lam / (2 * m) * sum(np.sum(value**2) for value in params.values()))


@misconception(
    "l2_penalty",
    "half forgotten",
    """Your penalty is twice the right one: it is lam / (2m), not lam / m. The half is there so that the 2
    of the derivative cancels.""",
)
def penalty_without_half(params: Params, lam: float, m: int) -> float:
    return float(lam / m * (np.sum(params["W1"] ** 2) + np.sum(params["W2"] ** 2)))


@misconception(
    "l2_penalty",
    "rows forgotten",
    """You don't divide by the number of rows. The loss is a mean over the rows, so the price is divided by
    their number too: with more rows it matters less.""",
)
def penalty_without_rows(params: Params, lam: float, m: int) -> float:
    return float(lam / 2 * (np.sum(params["W1"] ** 2) + np.sum(params["W2"] ** 2)))


@misconception(
    "l2_penalty",
    "norm not squared",
    """You take the norm of the weights, a square root. The penalty is the sum of the squares itself: its
    derivative is simply proportional to each weight.""",
)
def penalty_of_norm(params: Params, lam: float, m: int) -> float:
    return float(lam / (2 * m) * np.sqrt(np.sum(params["W1"] ** 2) + np.sum(params["W2"] ** 2)))


@misconception(
    "l2_penalty",
    "absolute values",
    """The sum of absolute values is another method, L1. In L2 each weight is squared, so that a large one
    costs out of proportion.""",
)
def penalty_of_absolute_values(params: Params, lam: float, m: int) -> float:
    return float(lam / (2 * m) * (np.sum(np.abs(params["W1"])) + np.sum(np.abs(params["W2"]))))


@misconception(
    "l2_penalty",
    "only one layer",
    """Only the hidden layer's weights are in your sum. Those of the last neuron make the output steep as
    well: both matrices count.""",
)
def penalty_of_first_layer(params: Params, lam: float, m: int) -> float:
    return float(lam / (2 * m) * np.sum(params["W1"] ** 2))


# --- loss -------------------------------------------------------------------------------------------------


@misconception(
    "loss",
    "penalty forgotten",
    """This is the plain loss. Without the price of the weights in it, nothing tells you what the training
    with L2 really makes smaller.""",
)
def loss_without_penalty(p: Array, y: Labels, params: Params, lam: float) -> float:
    return cross_entropy(p, y)


@misconception(
    "loss",
    "penalty subtracted",
    """The price is subtracted, so large weights are rewarded. Both parts are costs, and costs add up.""",
)
def loss_minus_penalty(p: Array, y: Labels, params: Params, lam: float) -> float:
    return cross_entropy(p, y) - l2_penalty(params, lam, len(y))


@misconception(
    "loss",
    "lam multiplied twice",
    """Lambda is already in the penalty; you multiply by it once more, so the price grows with its square.""",
)
def loss_with_lam_twice(p: Array, y: Labels, params: Params, lam: float) -> float:
    return cross_entropy(p, y) + lam * l2_penalty(params, lam, len(y))


@misconception(
    "loss",
    "penalty for one row",
    """The number of rows that you give to the penalty is not that of the batch. It is the number of labels
    in y, the same m over which the cross-entropy is a mean.""",
)
def loss_with_one_row(p: Array, y: Labels, params: Params, lam: float) -> float:
    return cross_entropy(p, y) + l2_penalty(params, lam, 1)


# --- backward ---------------------------------------------------------------------------------------------


@misconception(
    "backward",
    "price forgotten on the way back",
    """These are the gradients of the plain loss. What stands in the loss must come back in the gradient:
    the penalty depends on the weights, so it adds a term to their gradients.""",
)
def backward_without_price(X: Array, y: Labels, params: Params, cache: Params, lam: float) -> Params:
    A1, m = cache["A1"], len(y)
    dz2 = ((cache["p"] - y) / m)[:, np.newaxis]
    dZ1 = (dz2 @ params["W2"]) * (1 - A1**2)
    return {"dW1": dZ1.T @ X, "db1": dZ1.sum(axis=0), "dW2": dz2.T @ A1, "db2": dz2.sum(axis=0)}


@misconception(
    "backward",
    "price on the biases",
    """The biases get a share of the price. They are not in the penalty, so its derivative with respect to
    them is 0 and their gradients are those of the plain loss.""",
)
def backward_with_priced_biases(X: Array, y: Labels, params: Params, cache: Params, lam: float) -> Params:
    A1, m = cache["A1"], len(y)
    dz2 = ((cache["p"] - y) / m)[:, np.newaxis]
    dZ1 = (dz2 @ params["W2"]) * (1 - A1**2)
    plain = {"W1": dZ1.T @ X, "b1": dZ1.sum(axis=0), "W2": dz2.T @ A1, "b2": dz2.sum(axis=0)}
    return {"d" + name: plain[name] + lam / m * params[name] for name in plain}


@misconception(
    "backward",
    "price not divided by the rows",
    """Your price's part is lam times W: the number of rows is missing. It stands in the penalty, lam / (2m),
    and stays when you derive.""",
)
def backward_without_rows(X: Array, y: Labels, params: Params, cache: Params, lam: float) -> Params:
    A1, m = cache["A1"], len(y)
    dz2 = ((cache["p"] - y) / m)[:, np.newaxis]
    dZ1 = (dz2 @ params["W2"]) * (1 - A1**2)
    return {
        "dW1": dZ1.T @ X + lam * params["W1"],
        "db1": dZ1.sum(axis=0),
        "dW2": dz2.T @ A1 + lam * params["W2"],
        "db2": dz2.sum(axis=0),
    }


@misconception(
    "backward",
    "price's part doubled",
    """Your price's part is twice as large as it should be. The 2 from the derivative of the square meets
    the half in lam / (2m), and both are gone.""",
)
def backward_doubled(X: Array, y: Labels, params: Params, cache: Params, lam: float) -> Params:
    A1, m = cache["A1"], len(y)
    dz2 = ((cache["p"] - y) / m)[:, np.newaxis]
    dZ1 = (dz2 @ params["W2"]) * (1 - A1**2)
    return {
        "dW1": dZ1.T @ X + 2 * lam / m * params["W1"],
        "db1": dZ1.sum(axis=0),
        "dW2": dz2.T @ A1 + 2 * lam / m * params["W2"],
        "db2": dz2.sum(axis=0),
    }


@misconception(
    "backward",
    "price's part halved",
    """Your price's part is half of what it should be: the square was not derived. Its derivative brings a 2,
    which cancels the half in lam / (2m).""",
)
def backward_halved(X: Array, y: Labels, params: Params, cache: Params, lam: float) -> Params:
    A1, m = cache["A1"], len(y)
    dz2 = ((cache["p"] - y) / m)[:, np.newaxis]
    dZ1 = (dz2 @ params["W2"]) * (1 - A1**2)
    return {
        "dW1": dZ1.T @ X + lam / (2 * m) * params["W1"],
        "db1": dZ1.sum(axis=0),
        "dW2": dz2.T @ A1 + lam / (2 * m) * params["W2"],
        "db2": dz2.sum(axis=0),
    }


@misconception(
    "backward",
    "price's part subtracted",
    """The price's part has the wrong sign. The loss is a sum, so the gradient is one too; the minus comes
    with the update and holds for both parts.""",
)
def backward_subtracted(X: Array, y: Labels, params: Params, cache: Params, lam: float) -> Params:
    A1, m = cache["A1"], len(y)
    dz2 = ((cache["p"] - y) / m)[:, np.newaxis]
    dZ1 = (dz2 @ params["W2"]) * (1 - A1**2)
    return {
        "dW1": dZ1.T @ X - lam / m * params["W1"],
        "db1": dZ1.sum(axis=0),
        "dW2": dz2.T @ A1 - lam / m * params["W2"],
        "db2": dz2.sum(axis=0),
    }


@misconception(
    "backward",
    "price of the whole penalty",
    """You add the penalty itself, one number, to every entry. What belongs there is its derivative: each
    weight gets a part of its own, in proportion to that weight.""",
)
def backward_adding_penalty(X: Array, y: Labels, params: Params, cache: Params, lam: float) -> Params:
    A1, m = cache["A1"], len(y)
    dz2 = ((cache["p"] - y) / m)[:, np.newaxis]
    dZ1 = (dz2 @ params["W2"]) * (1 - A1**2)
    return {
        "dW1": dZ1.T @ X + lam / (2 * m) * np.sum(params["W1"] ** 2),
        "db1": dZ1.sum(axis=0),
        "dW2": dz2.T @ A1 + lam / (2 * m) * np.sum(params["W2"] ** 2),
        "db2": dz2.sum(axis=0),
    }


@misconception(
    "backward",
    "price sent through the net",
    """The price's part of W2 has got into what goes back to the hidden layer. The penalty depends on the
    weights directly and not by way of the predictions: add its part at the end, to dW1 and dW2 only.""",
)
def backward_through_net(X: Array, y: Labels, params: Params, cache: Params, lam: float) -> Params:
    A1, m = cache["A1"], len(y)
    dz2 = ((cache["p"] - y) / m)[:, np.newaxis]
    dZ1 = (dz2 @ params["W2"] + lam / m * params["W2"]) * (1 - A1**2)
    return {
        "dW1": dZ1.T @ X + lam / m * params["W1"],
        "db1": dZ1.sum(axis=0),
        "dW2": dz2.T @ A1 + lam / m * params["W2"],
        "db2": dz2.sum(axis=0),
    }


@misconception(
    "backward",
    "slope of tanh forgotten",
    """What comes back to the hidden layer passes through tanh, and must be multiplied by its slope. The
    last layer's gradients are right; those of the hidden layer lack the factor 1 - A1 squared.""",
)
def backward_without_slope(X: Array, y: Labels, params: Params, cache: Params, lam: float) -> Params:
    A1, m = cache["A1"], len(y)
    dz2 = ((cache["p"] - y) / m)[:, np.newaxis]
    dZ1 = dz2 @ params["W2"]
    return {
        "dW1": dZ1.T @ X + lam / m * params["W1"],
        "db1": dZ1.sum(axis=0),
        "dW2": dz2.T @ A1 + lam / m * params["W2"],
        "db2": dz2.sum(axis=0),
    }


@misconception(
    "backward",
    "rows of the data's part not averaged",
    """The price's part has its 1/m, the data's part has not: the errors of all rows are added up. The loss
    is a mean, so each row's error is divided by their number.""",
)
def backward_sum(X: Array, y: Labels, params: Params, cache: Params, lam: float) -> Params:
    A1, m = cache["A1"], len(y)
    dz2 = (cache["p"] - y)[:, np.newaxis]
    dZ1 = (dz2 @ params["W2"]) * (1 - A1**2)
    return {
        "dW1": dZ1.T @ X + lam / m * params["W1"],
        "db1": dZ1.sum(axis=0),
        "dW2": dz2.T @ A1 + lam / m * params["W2"],
        "db2": dz2.sum(axis=0),
    }


@misconception(
    "backward",
    "difference quotients",
    """You change each weight a little and watch the loss, instead of deriving. That is how a gradient is
    checked; as a way to compute it, it costs two predictions of all rows for each weight.""",
)
def backward_by_quotients(X: Array, y: Labels, params: Params, cache: Params, lam: float) -> Params:
    h, grads = 1e-5, {}
    for name, value in params.items():
        slope = np.zeros_like(value)
        for k in np.ndindex(value.shape):
            step = np.zeros_like(value)
            step[k] = h
            up, down = {**params, name: value + step}, {**params, name: value - step}
            rise = loss(forward(X, up)[0], y, up, lam) - loss(forward(X, down)[0], y, down, lam)
            slope[k] = rise / (2 * h)
        grads["d" + name] = slope
    return grads


# --- decay_update -----------------------------------------------------------------------------------------


@misconception(
    "decay_update",
    "step decayed too",
    """You step first and let the result decay, so the data's step shrinks as well. In the step along the
    whole gradient only the old weights are multiplied by the bracket.""",
)
def decay_of_all(W: Array, dW: Array, learning_rate: float, lam: float, m: int) -> Array:
    return (1 - learning_rate * lam / m) * (W - learning_rate * dW)


@misconception(
    "decay_update",
    "learning rate missing in the decay",
    """The bracket lacks the learning rate. The price's part of the gradient is stepped along like the data's
    part: both are multiplied by it.""",
)
def decay_without_rate(W: Array, dW: Array, learning_rate: float, lam: float, m: int) -> Array:
    return (1 - lam / m) * W - learning_rate * dW


@misconception(
    "decay_update",
    "rows missing in the decay",
    """The bracket lacks the number of rows. The price's part of the gradient is lam / m times W, and the m
    stays in the bracket.""",
)
def decay_without_rows(W: Array, dW: Array, learning_rate: float, lam: float, m: int) -> Array:
    return (1 - learning_rate * lam) * W - learning_rate * dW


@misconception(
    "decay_update",
    "growth instead of decay",
    """Your weights grow by the bracket instead of shrinking. The step goes against the gradient, against the
    price's part of it too.""",
)
def decay_as_growth(W: Array, dW: Array, learning_rate: float, lam: float, m: int) -> Array:
    return (1 + learning_rate * lam / m) * W - learning_rate * dW


@misconception(
    "decay_update",
    "decay clipped",
    """For a very high price you stop the bracket at 0. Gradient descent does not: with so large a step the
    weights jump across 0, and the formula says so.""",
)
def decay_clipped(W: Array, dW: Array, learning_rate: float, lam: float, m: int) -> Array:
    return max(0.0, 1 - learning_rate * lam / m) * W - learning_rate * dW


@misconception(
    "decay_update",
    "old weights overwritten",
    """The numbers are right, but they are written into the caller's array: the old weights are lost. Make
    a new array.""",
)
def decay_in_place(W: Array, dW: Array, learning_rate: float, lam: float, m: int) -> Array:
    W *= 1 - learning_rate * lam / m
    W -= learning_rate * dW
    return W


# --- fit --------------------------------------------------------------------------------------------------


@misconception(
    "fit",
    "lambda not used",
    """Your training does not depend on lambda: the gradients are those of the plain loss, and nothing decays.
    The price must reach the update.""",
    also=("weight_norms",),
)
def fit_without_price(
    X: Array, y: Labels, n_h: int, lam: float, learning_rate: float, steps: int, rng: np.random.Generator
) -> Fitted:
    params, losses = init_params(X.shape[1], n_h, rng), []
    for _ in range(steps):
        p, cache = forward(X, params)
        losses.append(loss(p, y, params, lam))
        grads = backward(X, y, params, cache, 0.0)
        params = {name: params[name] - learning_rate * grads["d" + name] for name in params}
    return params, losses


@misconception(
    "fit",
    "price paid twice",
    """The weights pay twice: the gradients already contain the price, and then the weights decay as well.
    These are two ways to write the same thing; choose one.""",
    also=("weight_norms",),
)
def fit_paying_twice(
    X: Array, y: Labels, n_h: int, lam: float, learning_rate: float, steps: int, rng: np.random.Generator
) -> Fitted:
    params, losses = init_params(X.shape[1], n_h, rng), []
    for _ in range(steps):
        p, cache = forward(X, params)
        losses.append(loss(p, y, params, lam))
        grads = backward(X, y, params, cache, lam)
        params = {
            "W1": decay_update(params["W1"], grads["dW1"], learning_rate, lam, len(y)),
            "b1": params["b1"] - learning_rate * grads["db1"],
            "W2": decay_update(params["W2"], grads["dW2"], learning_rate, lam, len(y)),
            "b2": params["b2"] - learning_rate * grads["db2"],
        }
    return params, losses


@misconception(
    "fit",
    "biases decay too",
    """You let the biases decay like the weights. Biases are left out of L2: they take a plain step along
    their gradient.""",
    also=("weight_norms",),
)
def fit_decaying_biases(
    X: Array, y: Labels, n_h: int, lam: float, learning_rate: float, steps: int, rng: np.random.Generator
) -> Fitted:
    params, losses = init_params(X.shape[1], n_h, rng), []
    for _ in range(steps):
        p, cache = forward(X, params)
        losses.append(loss(p, y, params, lam))
        grads = backward(X, y, params, cache, 0.0)
        params = {
            name: decay_update(params[name], grads["d" + name], learning_rate, lam, len(y)) for name in params
        }
    return params, losses


@misconception(
    "fit",
    "biases not trained",
    """The biases stay at zero, where they started. They pay no price, but they learn from the data like every
    other parameter.""",
    also=("weight_norms",),
)
def fit_without_biases(
    X: Array, y: Labels, n_h: int, lam: float, learning_rate: float, steps: int, rng: np.random.Generator
) -> Fitted:
    params, losses = init_params(X.shape[1], n_h, rng), []
    for _ in range(steps):
        p, cache = forward(X, params)
        losses.append(loss(p, y, params, lam))
        grads = backward(X, y, params, cache, lam)
        params = dict(params)
        for name in ("W1", "W2"):
            params[name] = params[name] - learning_rate * grads["d" + name]
    return params, losses


@misconception(
    "fit",
    "own random generator",
    """Your training does not use the generator that it is given: another seed gives the same net. Whoever
    calls fit decides about its randomness, so that a run can be repeated, and varied.""",
    also=("weight_norms",),
)
def fit_with_own_generator(
    X: Array, y: Labels, n_h: int, lam: float, learning_rate: float, steps: int, rng: np.random.Generator
) -> Fitted:
    params, losses = init_params(X.shape[1], n_h, np.random.default_rng(0)), []
    for _ in range(steps):
        p, cache = forward(X, params)
        losses.append(loss(p, y, params, lam))
        grads = backward(X, y, params, cache, lam)
        params = {name: params[name] - learning_rate * grads["d" + name] for name in params}
    return params, losses


@misconception(
    "fit",
    "start from zeros",
    """Your net starts from zeros. Then all hidden units are alike, get the same gradients and stay alike for
    ever: many of them are no better than one. The random start is there to break this symmetry.""",
    also=("weight_norms",),
)
def fit_from_zeros(
    X: Array, y: Labels, n_h: int, lam: float, learning_rate: float, steps: int, rng: np.random.Generator
) -> Fitted:
    params = {
        "W1": np.zeros((n_h, X.shape[1])),
        "b1": np.zeros(n_h),
        "W2": np.zeros((1, n_h)),
        "b2": np.zeros(1),
    }
    losses = []
    for _ in range(steps):
        p, cache = forward(X, params)
        losses.append(loss(p, y, params, lam))
        grads = backward(X, y, params, cache, lam)
        params = {name: params[name] - learning_rate * grads["d" + name] for name in params}
    return params, losses


@misconception(
    "fit",
    "one loss too many",
    """You note a loss before the training and one after each step, which is one more than there are
    steps. Note it at the same place in every step, and nowhere else.""",
)
def fit_with_extra_loss(
    X: Array, y: Labels, n_h: int, lam: float, learning_rate: float, steps: int, rng: np.random.Generator
) -> Fitted:
    params = init_params(X.shape[1], n_h, rng)
    losses = [loss(forward(X, params)[0], y, params, lam)]
    for _ in range(steps):
        _, cache = forward(X, params)
        grads = backward(X, y, params, cache, lam)
        params = {name: params[name] - learning_rate * grads["d" + name] for name in params}
        losses.append(loss(forward(X, params)[0], y, params, lam))
    return params, losses


# --- weight_norms -----------------------------------------------------------------------------------------


@misconception(
    "weight_norms",
    "only the hidden layer",
    """You measure W1 alone. The weights of the last neuron pay the same price: a norm of all the weights
    counts both matrices.""",
)
def norms_of_first_layer(
    X: Array, y: Labels, n_h: int, lams: Sequence[float], learning_rate: float, steps: int, seed: int
) -> list[float]:
    norms = []
    for lam in lams:
        params, _ = fit(X, y, n_h, lam, learning_rate, steps, np.random.default_rng(seed))
        norms.append(float(np.linalg.norm(params["W1"])))
    return norms


@misconception(
    "weight_norms",
    "the root forgotten",
    """You add up the squares and stop there. The Euclidean norm is the root of that sum: without it, weights
    twice as large look four times as large.""",
)
def norms_squared(
    X: Array, y: Labels, n_h: int, lams: Sequence[float], learning_rate: float, steps: int, seed: int
) -> list[float]:
    norms = []
    for lam in lams:
        params, _ = fit(X, y, n_h, lam, learning_rate, steps, np.random.default_rng(seed))
        norms.append(float(np.sum(params["W1"] ** 2) + np.sum(params["W2"] ** 2)))
    return norms


@misconception(
    "weight_norms",
    "lambdas sorted",
    """Your norms are in the order of sorted lambdas, not in the order in which they came. The caller will
    match the first norm with the first lambda.""",
)
def norms_sorted(
    X: Array, y: Labels, n_h: int, lams: Sequence[float], learning_rate: float, steps: int, seed: int
) -> list[float]:
    norms = []
    for lam in sorted(lams):
        params, _ = fit(X, y, n_h, lam, learning_rate, steps, np.random.default_rng(seed))
        norms.append(float(np.sqrt(np.sum(params["W1"] ** 2) + np.sum(params["W2"] ** 2))))
    return norms


@misconception(
    "weight_norms",
    "sum of weights",
    """You add up the weights themselves, so positive and negative ones cancel. A norm measures size: square
    the weights, or take their absolute values, before you add.""",
)
def norms_as_sums(
    X: Array, y: Labels, n_h: int, lams: Sequence[float], learning_rate: float, steps: int, seed: int
) -> list[float]:
    norms = []
    for lam in lams:
        params, _ = fit(X, y, n_h, lam, learning_rate, steps, np.random.default_rng(seed))
        norms.append(float(np.sum(params["W1"]) + np.sum(params["W2"])))
    return norms


@misconception(
    "weight_norms",
    "penalty instead of norm",
    """You return the penalty. It has lambda in it as a factor, so it is 0 for lambda = 0, where the weights
    are largest. Measure the weights alone.""",
)
def norms_as_penalties(
    X: Array, y: Labels, n_h: int, lams: Sequence[float], learning_rate: float, steps: int, seed: int
) -> list[float]:
    norms = []
    for lam in lams:
        params, _ = fit(X, y, n_h, lam, learning_rate, steps, np.random.default_rng(seed))
        norms.append(l2_penalty(params, lam, len(y)))
    return norms


@misconception(
    "weight_norms",
    "one lambda for all",
    """Every training gets the same lambda, so the norms are all equal. The loop runs over the lambdas: each
    training needs its own.""",
)
def norms_of_first_lambda(
    X: Array, y: Labels, n_h: int, lams: Sequence[float], learning_rate: float, steps: int, seed: int
) -> list[float]:
    norms = []
    for _ in lams:
        params, _losses = fit(X, y, n_h, lams[0], learning_rate, steps, np.random.default_rng(seed))
        norms.append(float(np.sqrt(np.sum(params["W1"] ** 2) + np.sum(params["W2"] ** 2))))
    return norms
