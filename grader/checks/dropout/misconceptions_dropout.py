"""What students commonly get wrong in the notebook dropout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.checks import misconception
from grader.checks.dropout.reference_dropout import (
    backward,
    dropout_backward,
    dropout_forward,
    forward,
    init_params,
    loss,
    sigmoid,
)

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
Params = dict[str, Array]
Cache = dict[str, Any]
Generator = np.random.Generator


# --- dropout_forward --------------------------------------------------------------------------------------


@misconception(
    "dropout_forward",
    "not inverted",
    """Dropping a share of the entries makes the sum that the next layer sees smaller. Inverted dropout
    makes up for it during training, so that the expected value of every entry stays what it was and
    nothing has to be changed later.""",
)
def dropout_without_scale(
    A: Array, keep_prob: float, rng: Generator, training: bool = True
) -> tuple[Array, Cache]:
    if not training:
        return A.copy(), {"mask": None, "keep_prob": keep_prob}
    mask = rng.random(A.shape) < keep_prob
    return A * mask, {"mask": mask, "keep_prob": keep_prob}


@misconception(
    "dropout_forward",
    "scaled when it is used instead of in training",
    """This is the older form of dropout, which leaves the training unscaled and shrinks everything by
    keep_prob when the net is used. Inverted dropout moves the correction into the training, so that
    the finished net runs without knowing that there ever was a dropout.""",
)
def dropout_original(
    A: Array, keep_prob: float, rng: Generator, training: bool = True
) -> tuple[Array, Cache]:
    if not training:
        return A * keep_prob, {"mask": None, "keep_prob": keep_prob}
    mask = rng.random(A.shape) < keep_prob
    return A * mask, {"mask": mask, "keep_prob": keep_prob}


@misconception(
    "dropout_forward",
    "keeping and dropping confused",
    """keep_prob is the probability that an entry stays. Here it is the probability that an entry goes;
    many libraries count that way, so look at which of the two a number means.""",
)
def dropout_of_the_kept(
    A: Array, keep_prob: float, rng: Generator, training: bool = True
) -> tuple[Array, Cache]:
    if not training:
        return A.copy(), {"mask": None, "keep_prob": keep_prob}
    mask = rng.random(A.shape) > keep_prob
    return A * mask / keep_prob, {"mask": mask, "keep_prob": keep_prob}


@misconception(
    "dropout_forward",
    "one mask for the whole batch",
    """One number is drawn for each unit, so a unit is missing in all rows of the batch or in none.
    Every row is a net of its own: each entry of the batch is drawn independently.""",
)
def dropout_of_units(
    A: Array, keep_prob: float, rng: Generator, training: bool = True
) -> tuple[Array, Cache]:
    if not training:
        return A.copy(), {"mask": None, "keep_prob": keep_prob}
    mask = np.broadcast_to(rng.random(A.shape[1]) < keep_prob, A.shape)
    return A * mask / keep_prob, {"mask": mask, "keep_prob": keep_prob}


@misconception(
    "dropout_forward",
    "dropping although it is not training",
    """Dropout is a disturbance for the training. When the finished net is used, or judged, all units
    work together, and the same input gives the same answer each time.""",
)
def dropout_always(A: Array, keep_prob: float, rng: Generator, training: bool = True) -> tuple[Array, Cache]:
    mask = rng.random(A.shape) < keep_prob
    return A * mask / keep_prob, {"mask": mask, "keep_prob": keep_prob}


@misconception(
    "dropout_forward",
    "training and use confused",
    """The mask is drawn when the net is used, and nothing is dropped while it learns. It is the other
    way round: dropout disturbs the training, and `training=False` stands for the finished net.""",
)
def dropout_when_used(
    A: Array, keep_prob: float, rng: Generator, training: bool = True
) -> tuple[Array, Cache]:
    if training:
        return A.copy(), {"mask": None, "keep_prob": keep_prob}
    mask = rng.random(A.shape) < keep_prob
    return A * mask / keep_prob, {"mask": mask, "keep_prob": keep_prob}


@misconception(
    "dropout_forward",
    "the same mask for ever",
    """The mask comes from a generator that starts anew at each call, so the same units are missing in
    every step: that is a smaller net, not dropout. Draw from the generator that is passed in; it goes
    on by itself.""",
)
def dropout_with_its_own_seed(
    A: Array, keep_prob: float, rng: Generator, training: bool = True
) -> tuple[Array, Cache]:
    if not training:
        return A.copy(), {"mask": None, "keep_prob": keep_prob}
    mask = np.random.default_rng(0).random(A.shape) < keep_prob
    return A * mask / keep_prob, {"mask": mask, "keep_prob": keep_prob}


# --- dropout_backward -------------------------------------------------------------------------------------


@misconception(
    "dropout_backward",
    "the mask forgotten on the way back",
    """What was set to zero had no part in the output, whatever its value was: nothing comes back to
    it. The way back goes through the same units as the way forward.""",
)
def dropout_backward_without_mask(dout: Array, cache: Cache) -> Array:
    return dout.copy()


@misconception(
    "dropout_backward",
    "the scale forgotten on the way back",
    """On the way forward a kept entry is divided by keep_prob, which is a factor in its derivative.
    The chain rule multiplies by the same factor on the way back.""",
)
def dropout_backward_without_scale(dout: Array, cache: Cache) -> Array:
    return dout.copy() if cache["mask"] is None else dout * cache["mask"]


@misconception(
    "dropout_backward",
    "scaled but not dropped on the way back",
    """The scale is right, but it reaches every entry. Those that were dropped had no part in the
    output, so their gradient is zero.""",
)
def dropout_backward_scale_only(dout: Array, cache: Cache) -> Array:
    return dout.copy() if cache["mask"] is None else dout / cache["keep_prob"]


@misconception(
    "dropout_backward",
    "scaled twice on the way back",
    """The factor 1/keep_prob stands in the forward pass once, so it stands in the derivative once. If
    your mask already contains it, nothing more is to be divided.""",
)
def dropout_backward_scaled_twice(dout: Array, cache: Cache) -> Array:
    if cache["mask"] is None:
        return dout.copy()
    return np.asarray(dout * cache["mask"] / cache["keep_prob"] ** 2)


@misconception(
    "dropout_backward",
    "the opposite mask",
    """The gradient goes to the entries that were dropped, and the kept ones get nothing. It is the
    kept entries that had a part in the output.""",
)
def dropout_backward_opposite(dout: Array, cache: Cache) -> Array:
    return dout.copy() if cache["mask"] is None else dout * ~cache["mask"] / cache["keep_prob"]


@misconception(
    "dropout_backward",
    "the mask read off what came out",
    """A zero in what came out may be a zero that went in: an activation can be 0 without having been
    dropped, and then its gradient passes. What was dropped is known to the mask alone, so the mask is
    what belongs into the cache.""",
)
def dropout_backward_reads_zeros(dout: Array, cache: tuple[Array, float]) -> Array:
    out, scale = cache
    return np.asarray(dout * (out != 0) * scale)


@misconception("dropout_forward", "the mask read off what came out", "")
def dropout_keeps_what_came_out(
    A: Array, keep_prob: float, rng: Generator, training: bool = True
) -> tuple[Array, tuple[Array, float]]:
    if not training:
        return A.copy(), (A.copy(), 1.0)
    out = A * (rng.random(A.shape) < keep_prob) / keep_prob
    return out, (out, 1 / keep_prob)


@misconception(
    "dropout_backward",
    "remembers only the last mask",
    """What the way forward keeps for the way back belongs into the cache that it returns. In one global
    place the next forward overwrites it, and what comes back goes through another layer's mask.""",
)
def dropout_backward_global(dout: Array, cache: Any) -> Array:
    mask, scale = dropout_forward.last  # type: ignore[attr-defined]
    return np.asarray(dout * mask * scale)


@misconception("dropout_forward", "remembers only the last mask", "")
def dropout_forward_global(
    A: Array, keep_prob: float, rng: Generator, training: bool = True
) -> tuple[Array, None]:
    mask, scale = np.ones(A.shape, dtype=bool), 1.0
    if training:
        mask, scale = rng.random(A.shape) < keep_prob, 1 / keep_prob
    dropout_forward.last = (mask, scale)  # type: ignore[attr-defined]
    return A * mask * scale, None


@misconception(
    "dropout_backward",
    "a new mask on the way back",
    """A mask is drawn again for the way back, so other units are blamed than those that took part.
    Forward and backward share one mask: that is what the cache is for.""",
)
def dropout_backward_new_mask(dout: Array, cache: Cache) -> Array:
    if cache["mask"] is None:
        return dout.copy()
    mask = np.random.default_rng(0).random(dout.shape) < cache["keep_prob"]
    return np.asarray(dout * mask / cache["keep_prob"])


@misconception(
    "dropout_backward",
    "the scale the wrong way round",
    """A kept entry is multiplied by keep_prob on the way back, though it was divided on the way
    forward. The derivative of a product with a constant is that constant, not its inverse.""",
)
def dropout_backward_inverse_scale(dout: Array, cache: Cache) -> Array:
    return dout.copy() if cache["mask"] is None else dout * cache["mask"] * cache["keep_prob"]


@misconception(
    "dropout_backward",
    "scaled although it was not training",
    """With training=False the entries pass as they are, so the gradient passes as it is too. The scale
    belongs to the training, like the mask.""",
)
def dropout_backward_scales_always(dout: Array, cache: Cache) -> Array:
    mask = 1.0 if cache["mask"] is None else cache["mask"]
    return np.asarray(dout * mask / cache["keep_prob"])


# --- forward ----------------------------------------------------------------------------------------------


@misconception(
    "forward",
    "dropping in the finished net",
    """The argument `training` does not reach the dropout: units are missing when the net is used, too.
    Then the same row gets another answer each time.""",
)
def forward_always_training(
    X: Array, params: Mapping[str, Array], keep_prob: float, rng: Generator, training: bool = True
) -> tuple[Array, Cache]:
    A1 = np.tanh(X @ params["W1"].T + params["b1"])
    D1, cache = dropout_forward(A1, keep_prob, rng)
    p = sigmoid(D1 @ params["W2"].T + params["b2"])[:, 0]
    return p, {"X": X, "A1": A1, "D1": D1, "dropout": cache, "p": p}


@misconception(
    "forward",
    "dropout before the activation",
    """The pre-activations are dropped and scaled, and then bent by tanh. Bending undoes the scaling:
    the expected value is only kept if dropout comes after the activation.""",
)
def forward_drops_before_tanh(
    X: Array, params: Mapping[str, Array], keep_prob: float, rng: Generator, training: bool = True
) -> tuple[Array, Cache]:
    Z1, cache = dropout_forward(X @ params["W1"].T + params["b1"], keep_prob, rng, training)
    A1 = np.tanh(Z1)
    p = sigmoid(A1 @ params["W2"].T + params["b2"])[:, 0]
    return p, {"X": X, "A1": A1, "D1": A1, "dropout": cache, "p": p}


@misconception(
    "forward",
    "dropout on the inputs",
    """The columns of X are dropped instead of the hidden units. That is another kind of noise: here
    dropout stands between the hidden layer and the output.""",
)
def forward_drops_inputs(
    X: Array, params: Mapping[str, Array], keep_prob: float, rng: Generator, training: bool = True
) -> tuple[Array, Cache]:
    D0, _ = dropout_forward(X, keep_prob, rng, training)
    A1 = np.tanh(D0 @ params["W1"].T + params["b1"])
    p = sigmoid(A1 @ params["W2"].T + params["b2"])[:, 0]
    cache = {"mask": None, "keep_prob": keep_prob}
    return p, {"X": D0, "A1": A1, "D1": A1, "dropout": cache, "p": p}


@misconception(
    "forward",
    "logits instead of probabilities",
    """The last step is missing: the output neuron's number still has to go through the sigmoid before
    it is a probability.""",
    also=("backward",),
)
def forward_without_sigmoid(
    X: Array, params: Mapping[str, Array], keep_prob: float, rng: Generator, training: bool = True
) -> tuple[Array, Cache]:
    A1 = np.tanh(X @ params["W1"].T + params["b1"])
    D1, cache = dropout_forward(A1, keep_prob, rng, training)
    p = (D1 @ params["W2"].T + params["b2"])[:, 0]
    return p, {"X": X, "A1": A1, "D1": D1, "dropout": cache, "p": p}


@misconception(
    "forward",
    "dropout computed and not used",
    """The dropped activations are computed, but the output neuron still reads the whole hidden layer.
    What is dropped must be missing in everything that comes after.""",
    also=("backward",),
)
def forward_ignores_dropout(
    X: Array, params: Mapping[str, Array], keep_prob: float, rng: Generator, training: bool = True
) -> tuple[Array, Cache]:
    A1 = np.tanh(X @ params["W1"].T + params["b1"])
    D1, cache = dropout_forward(A1, keep_prob, rng, training)
    p = sigmoid(A1 @ params["W2"].T + params["b2"])[:, 0]
    return p, {"X": X, "A1": A1, "D1": D1, "dropout": cache, "p": p}


# --- backward ---------------------------------------------------------------------------------------------


@misconception(
    "backward",
    "dropout left out on the way back",
    """The way back passes the dropout layer as if it were not there: hidden units that had no part in
    the prediction are blamed for it. Each layer of the way forward has its counterpart on the way
    back.""",
)
def backward_without_dropout(y: Labels, params: Mapping[str, Array], cache: Cache) -> Params:
    dZ2 = (cache["p"] - y)[:, np.newaxis] / len(y)
    dZ1 = (dZ2 @ params["W2"]) * (1.0 - cache["A1"] ** 2)
    return {
        "dW1": dZ1.T @ cache["X"],
        "db1": dZ1.sum(axis=0),
        "dW2": dZ2.T @ cache["D1"],
        "db2": dZ2.sum(axis=0),
    }


@misconception(
    "backward",
    "output weights blamed through dropped units",
    """The gradient of W2 is built from the activations before dropout. But W2 met the activations
    after it: a weight whose unit was dropped had no part in the prediction.""",
)
def backward_whole_activations(y: Labels, params: Mapping[str, Array], cache: Cache) -> Params:
    dZ2 = (cache["p"] - y)[:, np.newaxis] / len(y)
    dZ1 = dropout_backward(dZ2 @ params["W2"], cache["dropout"]) * (1.0 - cache["A1"] ** 2)
    return {
        "dW1": dZ1.T @ cache["X"],
        "db1": dZ1.sum(axis=0),
        "dW2": dZ2.T @ cache["A1"],
        "db2": dZ2.sum(axis=0),
    }


@misconception(
    "backward",
    "slope of tanh at the scaled activation",
    """The slope of tanh is one minus the square of what tanh gave. After dropout the activation has
    been divided by keep_prob, and its square no longer tells the slope.""",
)
def backward_slope_after_dropout(y: Labels, params: Mapping[str, Array], cache: Cache) -> Params:
    dZ2 = (cache["p"] - y)[:, np.newaxis] / len(y)
    dZ1 = dropout_backward(dZ2 @ params["W2"], cache["dropout"]) * (1.0 - cache["D1"] ** 2)
    return {
        "dW1": dZ1.T @ cache["X"],
        "db1": dZ1.sum(axis=0),
        "dW2": dZ2.T @ cache["D1"],
        "db2": dZ2.sum(axis=0),
    }


@misconception(
    "backward",
    "slope of tanh forgotten",
    """Between the dropout and the first layer stands tanh, and the chain rule multiplies by its slope.
    Without it saturated units are blamed as much as those that could still change.""",
)
def backward_without_slope(y: Labels, params: Mapping[str, Array], cache: Cache) -> Params:
    dZ2 = (cache["p"] - y)[:, np.newaxis] / len(y)
    dZ1 = dropout_backward(dZ2 @ params["W2"], cache["dropout"])
    return {
        "dW1": dZ1.T @ cache["X"],
        "db1": dZ1.sum(axis=0),
        "dW2": dZ2.T @ cache["D1"],
        "db2": dZ2.sum(axis=0),
    }


@misconception(
    "backward",
    "sum instead of mean over the rows",
    """The loss is a mean over the rows, so its gradient contains one over their number. Without it the
    step grows with the size of the batch.""",
)
def backward_summed(y: Labels, params: Mapping[str, Array], cache: Cache) -> Params:
    dZ2 = (cache["p"] - y)[:, np.newaxis]
    dZ1 = dropout_backward(dZ2 @ params["W2"], cache["dropout"]) * (1.0 - cache["A1"] ** 2)
    return {
        "dW1": dZ1.T @ cache["X"],
        "db1": dZ1.sum(axis=0),
        "dW2": dZ2.T @ cache["D1"],
        "db2": dZ2.sum(axis=0),
    }


@misconception(
    "backward",
    "truth minus prediction",
    """The gradient points uphill: where the prediction is too high, it is positive. With truth minus
    prediction the sign of everything is turned, and the update makes the prediction worse.""",
)
def backward_uphill(y: Labels, params: Mapping[str, Array], cache: Cache) -> Params:
    dZ2 = (y - cache["p"])[:, np.newaxis] / len(y)
    dZ1 = dropout_backward(dZ2 @ params["W2"], cache["dropout"]) * (1.0 - cache["A1"] ** 2)
    return {
        "dW1": dZ1.T @ cache["X"],
        "db1": dZ1.sum(axis=0),
        "dW2": dZ2.T @ cache["D1"],
        "db2": dZ2.sum(axis=0),
    }


@misconception(
    "backward",
    "slope of the sigmoid once too often",
    """For cross-entropy behind a sigmoid the sigmoid's slope cancels, and p - y is what remains.
    Multiplying by p(1 - p) again would be right for a squared error.""",
)
def backward_of_squared_error(y: Labels, params: Mapping[str, Array], cache: Cache) -> Params:
    p = cache["p"]
    dZ2 = ((p - y) * p * (1.0 - p))[:, np.newaxis] / len(y)
    dZ1 = dropout_backward(dZ2 @ params["W2"], cache["dropout"]) * (1.0 - cache["A1"] ** 2)
    return {
        "dW1": dZ1.T @ cache["X"],
        "db1": dZ1.sum(axis=0),
        "dW2": dZ2.T @ cache["D1"],
        "db2": dZ2.sum(axis=0),
    }


# --- fit --------------------------------------------------------------------------------------------------


@misconception(
    "fit",
    "training without dropout",
    """The net is trained as a whole: no unit is ever missing, so none learns to do without the others,
    and the training labels are learnt by heart. Dropout belongs to every step of the training.""",
)
def fit_whole_net(
    X: Array, y: Labels, n_h: int, keep_prob: float, learning_rate: float, steps: int, rng: Generator
) -> tuple[Params, list[float]]:
    params = init_params(X.shape[1], n_h, rng)
    losses = []
    for _ in range(steps):
        p, cache = forward(X, params, keep_prob, rng, training=False)
        losses.append(loss(p, y))
        grads = backward(y, params, cache)
        params = {name: params[name] - learning_rate * grads["d" + name] for name in params}
    return params, losses


@misconception(
    "fit",
    "the same mask at every step",
    """The generator is made anew in each step and draws the same mask again. The dropped units never
    learn, the others are never alone: that is a smaller net. One generator, handed on from step to
    step, gives fresh masks.""",
)
def fit_same_mask(
    X: Array, y: Labels, n_h: int, keep_prob: float, learning_rate: float, steps: int, rng: Generator
) -> tuple[Params, list[float]]:
    params = init_params(X.shape[1], n_h, rng)
    losses = []
    for _ in range(steps):
        p, cache = forward(X, params, keep_prob, np.random.default_rng(1))
        losses.append(loss(p, y))
        grads = backward(y, params, cache)
        params = {name: params[name] - learning_rate * grads["d" + name] for name in params}
    return params, losses


@misconception(
    "fit",
    "steps uphill",
    """The gradient points where the loss grows. The update goes the other way: minus the learning rate
    times the gradient.""",
)
def fit_uphill(
    X: Array, y: Labels, n_h: int, keep_prob: float, learning_rate: float, steps: int, rng: Generator
) -> tuple[Params, list[float]]:
    params = init_params(X.shape[1], n_h, rng)
    losses = []
    for _ in range(steps):
        p, cache = forward(X, params, keep_prob, rng)
        losses.append(loss(p, y))
        grads = backward(y, params, cache)
        params = {name: params[name] + learning_rate * grads["d" + name] for name in params}
    return params, losses


@misconception(
    "fit",
    "biases never updated",
    """Only the weights take part in the update. Biases are parameters like the others: without them
    every hidden unit must bend at the origin.""",
)
def fit_weights_only(
    X: Array, y: Labels, n_h: int, keep_prob: float, learning_rate: float, steps: int, rng: Generator
) -> tuple[Params, list[float]]:
    params = init_params(X.shape[1], n_h, rng)
    losses = []
    for _ in range(steps):
        p, cache = forward(X, params, keep_prob, rng)
        losses.append(loss(p, y))
        grads = backward(y, params, cache)
        for name in ("W1", "W2"):
            params[name] = params[name] - learning_rate * grads["d" + name]
    return params, losses


@misconception(
    "fit",
    "a new start at every step",
    """The parameters are drawn again inside the loop, so that every step throws away what the one
    before it has learnt. The start is drawn once, before the first step.""",
)
def fit_starts_anew(
    X: Array, y: Labels, n_h: int, keep_prob: float, learning_rate: float, steps: int, rng: Generator
) -> tuple[Params, list[float]]:
    losses = []
    params = {}
    for _ in range(steps):
        params = init_params(X.shape[1], n_h, rng)
        p, cache = forward(X, params, keep_prob, rng)
        losses.append(loss(p, y))
        grads = backward(y, params, cache)
        params = {name: params[name] - learning_rate * grads["d" + name] for name in params}
    return params, losses


@misconception(
    "fit",
    "one loss for the whole training",
    """Only the last loss comes back. The curve of the losses, one entry a step, is what shows whether
    a training works.""",
)
def fit_last_loss(
    X: Array, y: Labels, n_h: int, keep_prob: float, learning_rate: float, steps: int, rng: Generator
) -> tuple[Params, list[float]]:
    params = init_params(X.shape[1], n_h, rng)
    last = 0.0
    for _ in range(steps):
        p, cache = forward(X, params, keep_prob, rng)
        last = loss(p, y)
        grads = backward(y, params, cache)
        params = {name: params[name] - learning_rate * grads["d" + name] for name in params}
    return params, [last]
