"""Known wrong ways to write the blanks of shallow_net, each with the idea that it misses."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.checks import misconception
from grader.checks.backprop.reference_shallow_net import backward, forward, init_params, loss, sigmoid

# --- init_params ------------------------------------------------------------------------------------------


@misconception(
    "init_params",
    "all weights start at zero",
    """With equal weights all hidden neurons compute the same thing, receive the same gradient and stay the
    same for ever; with zeros nothing even flows back. Biases may start at zero, weights must differ.""",
)
def init_params_zeros(n_x: Any, n_h: Any, rng: Any) -> Any:
    return {"W1": np.zeros((n_h, n_x)), "b1": np.zeros(n_h), "W2": np.zeros((1, n_h)), "b2": np.zeros(1)}


@misconception(
    "init_params",
    "the scale does not depend on the number of inputs",
    """A neuron adds up one term for each of its inputs, so its sum grows with their number. Weights of the
    same size for every layer push wide layers into the flat ends of tanh. What must happen to the
    scale, so that the sum stays as large as one input?""",
)
def init_params_unscaled(n_x: Any, n_h: Any, rng: Any) -> Any:
    return {
        "W1": rng.normal(size=(n_h, n_x)),
        "b1": np.zeros(n_h),
        "W2": rng.normal(size=(1, n_h)),
        "b2": np.zeros(1),
    }


@misconception(
    "init_params",
    "a fixed factor of 0.01",
    """A hundredth is a rule of thumb for one particular network. The right scale follows from the number
    of inputs of the layer: derive the variance of a neuron's sum and ask for what it should be.""",
)
def init_params_hundredth(n_x: Any, n_h: Any, rng: Any) -> Any:
    return {
        "W1": 0.01 * rng.normal(size=(n_h, n_x)),
        "b1": np.zeros(n_h),
        "W2": 0.01 * rng.normal(size=(1, n_h)),
        "b2": np.zeros(1),
    }


@misconception(
    "init_params",
    "the scale uses the number of outputs",
    """The scale is there to keep the sum of one neuron in bounds, and that sum has a term for each number
    that comes in. How many neurons stand side by side in the layer makes no difference to it.""",
)
def init_params_outputs(n_x: Any, n_h: Any, rng: Any) -> Any:
    return {
        "W1": rng.normal(size=(n_h, n_x)) / np.sqrt(n_h),
        "b1": np.zeros(n_h),
        "W2": rng.normal(size=(1, n_h)),
        "b2": np.zeros(1),
    }


@misconception(
    "init_params",
    "a generator of its own",
    """Whoever calls this hands over the generator, and with it the choice of the seed. A generator with a
    fixed seed inside the function gives everybody the same network, whatever seed they choose.""",
)
def init_params_own_generator(n_x: Any, n_h: Any, rng: Any) -> Any:
    own = np.random.default_rng(0)
    return {
        "W1": own.normal(size=(n_h, n_x)) / np.sqrt(n_x),
        "b1": np.zeros(n_h),
        "W2": own.normal(size=(1, n_h)) / np.sqrt(n_h),
        "b2": np.zeros(1),
    }


@misconception(
    "init_params",
    "random biases",
    """Random weights already make the neurons different. A random bias adds nothing to that, and shifts
    every neuron away from the steep middle of tanh before training has begun.""",
)
def init_params_random_biases(n_x: Any, n_h: Any, rng: Any) -> Any:
    return {
        "W1": rng.normal(size=(n_h, n_x)) / np.sqrt(n_x),
        "b1": rng.normal(size=n_h) / np.sqrt(n_x),
        "W2": rng.normal(size=(1, n_h)) / np.sqrt(n_h),
        "b2": rng.normal(size=1) / np.sqrt(n_h),
    }


@misconception(
    "init_params",
    "only positive weights",
    """Uniform numbers from 0 to 1 have the mean one half, so all neurons lean the same way and their sums
    are far from zero. Weights should be as often negative as positive.""",
)
def init_params_positive(n_x: Any, n_h: Any, rng: Any) -> Any:
    return {
        "W1": rng.uniform(size=(n_h, n_x)) / np.sqrt(n_x),
        "b1": np.zeros(n_h),
        "W2": rng.uniform(size=(1, n_h)) / np.sqrt(n_h),
        "b2": np.zeros(1),
    }


# --- forward ----------------------------------------------------------------------------------------------


@misconception(
    "forward",
    "no activation in the hidden layer",
    """Without the tanh the hidden layer is linear, and two linear layers in a row are one linear layer:
    the network can draw nothing but a straight line. The bend between the layers is what makes it more.""",
)
def forward_linear(X: Any, params: Any) -> Any:
    A1 = X @ params["W1"].T + params["b1"]
    p = sigmoid((A1 @ params["W2"].T + params["b2"])[:, 0])
    return p, {"A1": A1, "p": p}


# The backward that belongs to such a forward: it is right for it, and keeps its marks.
@misconception("backward", "no activation in the hidden layer", "")
def backward_linear(X: Any, y: Any, params: Any, cache: Any) -> Any:
    dZ2 = ((cache["p"] - y) / len(y))[:, np.newaxis]
    dZ1 = dZ2 @ params["W2"]
    return {"dW1": dZ1.T @ X, "db1": dZ1.sum(axis=0), "dW2": dZ2.T @ cache["A1"], "db2": dZ2.sum(axis=0)}


@misconception(
    "forward",
    "sigmoid in the hidden layer",
    """This network's hidden neurons use tanh, from -1 to 1 with the mean at zero; the sigmoid belongs to
    the output, where a probability is wanted. Both bend, but they give different numbers and different
    slopes.""",
)
def forward_sigmoid(X: Any, params: Any) -> Any:
    A1 = sigmoid(X @ params["W1"].T + params["b1"])
    p = sigmoid((A1 @ params["W2"].T + params["b2"])[:, 0])
    return p, {"A1": A1, "p": p}


@misconception("backward", "sigmoid in the hidden layer", "")
def backward_sigmoid(X: Any, y: Any, params: Any, cache: Any) -> Any:
    A1 = cache["A1"]
    dZ2 = ((cache["p"] - y) / len(y))[:, np.newaxis]
    dZ1 = dZ2 @ params["W2"] * A1 * (1 - A1)
    return {"dW1": dZ1.T @ X, "db1": dZ1.sum(axis=0), "dW2": dZ2.T @ A1, "db2": dZ2.sum(axis=0)}


@misconception(
    "forward",
    "returns the sum instead of the probability",
    """What the output neuron adds up can be any number, negative ones too. It becomes a probability by the
    output's activation, which squeezes it between 0 and 1.""",
)
def forward_logit(X: Any, params: Any) -> Any:
    A1 = np.tanh(X @ params["W1"].T + params["b1"])
    z2 = (A1 @ params["W2"].T + params["b2"])[:, 0]
    return z2, {"A1": A1, "p": sigmoid(z2)}


@misconception(
    "forward",
    "decides already",
    """forward says how probable class 1 is; to decide is the task of predict. From a decision nothing can
    be learned: it has no slope, and does not tell a narrow mistake from a gross one.""",
)
def forward_decides(X: Any, params: Any) -> Any:
    A1 = np.tanh(X @ params["W1"].T + params["b1"])
    p = sigmoid((A1 @ params["W2"].T + params["b2"])[:, 0])
    return (p > 0.5).astype(float), {"A1": A1, "p": p}


@misconception(
    "forward",
    "no biases",
    """Without its bias a neuron's line must pass through the origin, and at the origin the network could
    only ever say one half. Each layer adds its bias before the activation.""",
)
def forward_without_biases(X: Any, params: Any) -> Any:
    A1 = np.tanh(X @ params["W1"].T)
    p = sigmoid((A1 @ params["W2"].T)[:, 0])
    return p, {"A1": A1, "p": p}


# --- loss -------------------------------------------------------------------------------------------------


@misconception(
    "loss",
    "the sum instead of the mean",
    """A sum grows with the number of rows, so losses of batches of different sizes can't be compared. In
    this course a loss is the mean over the rows, and the gradient's 1/m comes from there.""",
)
def loss_sum(p: Any, y: Any) -> Any:
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p))


@misconception(
    "loss",
    "the minus sign is missing",
    """Logarithms of probabilities are negative, and the better the prediction, the nearer to zero they
    are. A loss must be small where the prediction is good: something has to be turned round.""",
)
def loss_sign(p: Any, y: Any) -> Any:
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


@misconception(
    "loss",
    "rows of class 0 cost nothing",
    """Half of the formula is missing: a network that always says "class 1" would have no loss at all. What
    probability was given to the label of a row with y = 0?""",
)
def loss_half(p: Any, y: Any) -> Any:
    return -np.mean(y * np.log(np.clip(p, 1e-12, 1)))


@misconception(
    "loss",
    "the squared error",
    """The squared difference of p and y is at most 1, so even the grossest mistake costs little, and
    behind a sigmoid its gradient vanishes just there. The cross-entropy asks how probable the labels
    were.""",
)
def loss_squared(p: Any, y: Any) -> Any:
    return np.mean((p - y) ** 2)


@misconception(
    "loss",
    "a logarithm to another base",
    """The base of the logarithm scales the loss and with it every gradient. That p - y comes out as the
    gradient so neatly holds for one base only, the one whose logarithm has the slope 1/p.""",
)
def loss_bits(p: Any, y: Any) -> Any:
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return -np.mean(y * np.log2(p) + (1 - y) * np.log2(1 - p))


# --- backward ---------------------------------------------------------------------------------------------


@misconception(
    "backward",
    "1/m is missing",
    """These are the gradients of the sum over the rows, but the loss is their mean. Each row's share in a
    mean is 1/m, and this factor enters once, where the loss is.""",
)
def backward_sum(X: Any, y: Any, params: Any, cache: Any) -> Any:
    A1, p = cache["A1"], cache["p"]
    dZ2 = (p - y)[:, np.newaxis]
    dZ1 = dZ2 @ params["W2"] * (1 - A1**2)
    return {"dW1": dZ1.T @ X, "db1": dZ1.sum(axis=0), "dW2": dZ2.T @ A1, "db2": dZ2.sum(axis=0)}


@misconception(
    "backward",
    "1/m twice",
    """The 1/m of the mean is already in the signal that the output sends back, and travels along through
    every later product. Who divides again at the weights divides by m squared.""",
)
def backward_twice_averaged(X: Any, y: Any, params: Any, cache: Any) -> Any:
    A1, p, m = cache["A1"], cache["p"], len(y)
    dZ2 = ((p - y) / m)[:, np.newaxis]
    dZ1 = dZ2 @ params["W2"] * (1 - A1**2)
    return {
        "dW1": dZ1.T @ X / m,
        "db1": dZ1.sum(axis=0) / m,
        "dW2": dZ2.T @ A1 / m,
        "db2": dZ2.sum(axis=0) / m,
    }


@misconception(
    "backward",
    "biases averaged instead of summed",
    """A bias touches every row, and its gradient is what all rows say together: their sum. The 1/m of the
    mean is already in each of them, so an average would divide by m a second time.""",
)
def backward_mean_bias(X: Any, y: Any, params: Any, cache: Any) -> Any:
    A1, p = cache["A1"], cache["p"]
    dZ2 = ((p - y) / len(y))[:, np.newaxis]
    dZ1 = dZ2 @ params["W2"] * (1 - A1**2)
    return {"dW1": dZ1.T @ X, "db1": dZ1.mean(axis=0), "dW2": dZ2.T @ A1, "db2": dZ2.mean(axis=0)}


@misconception(
    "backward",
    "the slope of tanh is left out",
    """On its way back to the hidden sums the signal passes the activation and is multiplied by its slope,
    entry by entry. A saturated neuron lets almost nothing through; here it lets everything through.""",
)
def backward_without_slope(X: Any, y: Any, params: Any, cache: Any) -> Any:
    A1, p = cache["A1"], cache["p"]
    dZ2 = ((p - y) / len(y))[:, np.newaxis]
    dZ1 = dZ2 @ params["W2"]
    return {"dW1": dZ1.T @ X, "db1": dZ1.sum(axis=0), "dW2": dZ2.T @ A1, "db2": dZ2.sum(axis=0)}


@misconception(
    "backward",
    "the slope of the sigmoid in the place of tanh's",
    """a(1 - a) is the slope of the sigmoid, in terms of its own output. The hidden neurons are tanh:
    derive its slope from sinh and cosh, and check it at z = 0, where tanh is steepest and a is 0.""",
)
def backward_sigmoid_slope(X: Any, y: Any, params: Any, cache: Any) -> Any:
    A1, p = cache["A1"], cache["p"]
    dZ2 = ((p - y) / len(y))[:, np.newaxis]
    dZ1 = dZ2 @ params["W2"] * A1 * (1 - A1)
    return {"dW1": dZ1.T @ X, "db1": dZ1.sum(axis=0), "dW2": dZ2.T @ A1, "db2": dZ2.sum(axis=0)}


@misconception(
    "backward",
    "the slope of tanh without its square",
    """The slope of tanh is largest in the middle and falls off to both sides alike, so it can't tell a
    from -a. An expression that is 2 at a = -1 is not it: a square has gone missing.""",
)
def backward_slope_not_squared(X: Any, y: Any, params: Any, cache: Any) -> Any:
    A1, p = cache["A1"], cache["p"]
    dZ2 = ((p - y) / len(y))[:, np.newaxis]
    dZ1 = dZ2 @ params["W2"] * (1 - A1)
    return {"dW1": dZ1.T @ X, "db1": dZ1.sum(axis=0), "dW2": dZ2.T @ A1, "db2": dZ2.sum(axis=0)}


@misconception(
    "backward",
    "truth minus prediction",
    """The sign is turned round: with y - p an update against the gradient would make the loss larger. If p
    is too large, the loss falls when the sum falls, so the gradient must be positive there.""",
)
def backward_sign(X: Any, y: Any, params: Any, cache: Any) -> Any:
    A1, p = cache["A1"], cache["p"]
    dZ2 = ((y - p) / len(y))[:, np.newaxis]
    dZ1 = dZ2 @ params["W2"] * (1 - A1**2)
    return {"dW1": dZ1.T @ X, "db1": dZ1.sum(axis=0), "dW2": dZ2.T @ A1, "db2": dZ2.sum(axis=0)}


@misconception(
    "backward",
    "the sigmoid's slope twice",
    """p - y is already the gradient with respect to the output's sum: the slope p(1 - p) of the sigmoid
    and the denominator of the cross-entropy's derivative cancel. To multiply by it again is the squared
    error's gradient.""",
)
def backward_output_slope(X: Any, y: Any, params: Any, cache: Any) -> Any:
    A1, p = cache["A1"], cache["p"]
    dZ2 = ((p - y) * p * (1 - p) / len(y))[:, np.newaxis]
    dZ1 = dZ2 @ params["W2"] * (1 - A1**2)
    return {"dW1": dZ1.T @ X, "db1": dZ1.sum(axis=0), "dW2": dZ2.T @ A1, "db2": dZ2.sum(axis=0)}


@misconception(
    "backward",
    "the output weights are left out on the way back",
    """A hidden neuron is to blame in proportion to how strongly the output listens to it. Without the
    output weights every hidden neuron gets the same blame, even one with weight zero.""",
)
def backward_without_w2(X: Any, y: Any, params: Any, cache: Any) -> Any:
    A1, p = cache["A1"], cache["p"]
    dZ2 = ((p - y) / len(y))[:, np.newaxis]
    dZ1 = dZ2 * (1 - A1**2)
    return {"dW1": dZ1.T @ X, "db1": dZ1.sum(axis=0), "dW2": dZ2.T @ A1, "db2": dZ2.sum(axis=0)}


@misconception(
    "backward",
    "remembers only the last forward",
    """What forward keeps for backward belongs in the cache that it returns. Kept in one global place it is
    overwritten by the next forward, and backward then mixes one batch with another's activations.""",
)
def backward_global(X: Any, y: Any, params: Any, cache: Any) -> Any:
    A1, p = forward.last  # type: ignore[attr-defined]
    rows = min(len(y), len(p))
    dZ2 = ((p[:rows] - y[:rows]) / rows)[:, np.newaxis]
    dZ1 = dZ2 @ params["W2"][:, : A1.shape[1]] * (1 - A1[:rows, : params["W2"].shape[1]] ** 2)
    return {"dW1": dZ1.T @ X[:rows], "db1": dZ1.sum(axis=0), "dW2": dZ2.T @ A1[:rows], "db2": dZ2.sum(axis=0)}


@misconception("forward", "remembers only the last forward", "")
def forward_global(X: Any, params: Any) -> Any:
    A1 = np.tanh(X @ params["W1"].T + params["b1"])
    p = sigmoid((A1 @ params["W2"].T + params["b2"])[:, 0])
    forward.last = (A1, p)  # type: ignore[attr-defined]
    return p, None


@misconception(
    "backward",
    "differences instead of derivatives",
    """This wiggles each weight and looks what happens to the loss: good for testing a gradient, useless
    for training, since it takes two forward passes a weight. Backpropagation gets all of them from one
    pass back, by the chain rule.""",
)
def backward_numerical(X: Any, y: Any, params: Any, cache: Any) -> Any:
    grads = {}
    for name, value in params.items():
        grad = np.zeros(value.shape)
        for index in np.ndindex(value.shape):
            up, down = value.copy(), value.copy()
            up[index] += 1e-5
            down[index] -= 1e-5
            sides = [loss(forward(X, {**params, name: moved})[0], y) for moved in (up, down)]
            grad[index] = (sides[0] - sides[1]) / 2e-5
        grads["d" + name] = grad
    return grads


# --- fit --------------------------------------------------------------------------------------------------


@misconception(
    "fit",
    "climbs instead of descending",
    """The gradient points to where the loss grows. To make the loss smaller, go the other way.""",
)
def fit_ascends(X: Any, y: Any, n_h: Any, learning_rate: Any, steps: Any, rng: Any) -> Any:
    params = init_params(X.shape[1], n_h, rng)
    losses = []
    for _ in range(steps):
        p, cache = forward(X, params)
        losses.append(loss(p, y))
        grads = backward(X, y, params, cache)
        params = {name: value + learning_rate * grads["d" + name] for name, value in params.items()}
    return params, losses


@misconception(
    "fit",
    "the biases are never updated",
    """Biases are parameters like the weights: they have gradients and must follow them. Left at zero, they
    force every hidden neuron's line through the origin for ever.""",
)
def fit_without_biases(X: Any, y: Any, n_h: Any, learning_rate: Any, steps: Any, rng: Any) -> Any:
    params = init_params(X.shape[1], n_h, rng)
    losses = []
    for _ in range(steps):
        p, cache = forward(X, params)
        losses.append(loss(p, y))
        grads = backward(X, y, params, cache)
        params = {
            name: value - learning_rate * grads["d" + name] if name in ("W1", "W2") else value
            for name, value in params.items()
        }
    return params, losses


@misconception(
    "fit",
    "one gradient for the whole training",
    """A gradient says which way is down at one place. After the step the place is another one, so predict,
    loss and gradient must be computed anew in every turn of the loop.""",
)
def fit_stale(X: Any, y: Any, n_h: Any, learning_rate: Any, steps: Any, rng: Any) -> Any:
    params = init_params(X.shape[1], n_h, rng)
    _, cache = forward(X, params)
    grads = backward(X, y, params, cache)
    losses = []
    for _ in range(steps):
        losses.append(loss(forward(X, params)[0], y))
        params = {name: value - learning_rate * grads["d" + name] for name, value in params.items()}
    return params, losses


@misconception(
    "fit",
    "one row at a time",
    """This follows the gradient of a single row in each step: stochastic gradient descent. It is a good
    method, but another one; here every step looks at all rows.""",
)
def fit_stochastic(X: Any, y: Any, n_h: Any, learning_rate: Any, steps: Any, rng: Any) -> Any:
    params = init_params(X.shape[1], n_h, rng)
    losses = []
    for step in range(steps):
        i = step % len(y)
        p, cache = forward(X[i : i + 1], params)
        losses.append(loss(p, y[i : i + 1]))
        grads = backward(X[i : i + 1], y[i : i + 1], params, cache)
        params = {name: value - learning_rate * grads["d" + name] for name, value in params.items()}
    return params, losses


@misconception(
    "fit",
    "a learning rate of its own",
    """The learning rate is an argument, so that whoever trains can choose it. A fixed number inside the
    function ignores that choice.""",
)
def fit_fixed_rate(X: Any, y: Any, n_h: Any, learning_rate: Any, steps: Any, rng: Any) -> Any:
    params = init_params(X.shape[1], n_h, rng)
    losses = []
    for _ in range(steps):
        p, cache = forward(X, params)
        losses.append(loss(p, y))
        grads = backward(X, y, params, cache)
        params = {name: value - 0.1 * grads["d" + name] for name, value in params.items()}
    return params, losses


@misconception(
    "fit",
    "a fresh start in every step",
    """The start is drawn once, before the loop. Drawn again in every turn, it throws away what has been
    learned, and only the last single step remains.""",
)
def fit_restarts(X: Any, y: Any, n_h: Any, learning_rate: Any, steps: Any, rng: Any) -> Any:
    losses = []
    for _ in range(steps):
        params = init_params(X.shape[1], n_h, rng)
        p, cache = forward(X, params)
        losses.append(loss(p, y))
        grads = backward(X, y, params, cache)
        params = {name: value - learning_rate * grads["d" + name] for name, value in params.items()}
    return params, losses


@misconception(
    "fit",
    "only the last loss",
    """losses should tell the whole story of the training, one number for each step: that curve is how you
    see whether the learning rate is right. A single number at the end can't show it.""",
)
def fit_last_loss(X: Any, y: Any, n_h: Any, learning_rate: Any, steps: Any, rng: Any) -> Any:
    params = init_params(X.shape[1], n_h, rng)
    for _ in range(steps):
        _, cache = forward(X, params)
        grads = backward(X, y, params, cache)
        params = {name: value - learning_rate * grads["d" + name] for name, value in params.items()}
    return params, [loss(forward(X, params)[0], y)]


# --- predict ----------------------------------------------------------------------------------------------


@misconception(
    "predict",
    "returns the probabilities",
    """A decision is 0 or 1. The probability says how sure the network is; predict must compare it with one
    half and say which class is the likelier one.""",
)
def predict_probability(X: Any, params: Any) -> Any:
    return forward(X, params)[0]


@misconception(
    "predict",
    "the boundary at zero",
    """A probability is never below zero, so every row becomes class 1. The boundary at zero belongs to the
    sum in front of the sigmoid; for the probability it lies elsewhere.""",
)
def predict_zero(X: Any, params: Any) -> Any:
    return (forward(X, params)[0] > 0).astype(int)


@misconception(
    "predict",
    "the classes are exchanged",
    """p is the probability of class 1. Where it is large, the answer is 1.""",
)
def predict_exchanged(X: Any, params: Any) -> Any:
    return (forward(X, params)[0] < 0.5).astype(int)


@misconception(
    "predict",
    "labels -1 and 1",
    """The labels of this course are 0 and 1, as in y. The sign of the sum tells the class, but it is not
    its name.""",
)
def predict_signs(X: Any, params: Any) -> Any:
    return np.where(forward(X, params)[0] > 0.5, 1, -1)


@misconception(
    "predict",
    "compares with the batch's mean",
    """Whether a row is more likely of class 1 than of class 0 is a question about this row alone. The mean
    of the batch changes with the company it is in, and half of the rows are above it even if all of
    them are of class 1.""",
)
def predict_mean(X: Any, params: Any) -> Any:
    p = forward(X, params)[0]
    return (p > p.mean()).astype(int)
