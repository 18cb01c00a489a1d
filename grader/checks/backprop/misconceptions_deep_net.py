"""Known mistakes in the notebook deep_net, each with what its student should think about."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.checks import misconception
from grader.checks.backprop.reference_deep_net import (
    Array,
    Integers,
    LayerCache,
    LinearCache,
    Params,
    backward,
    forward,
    init_params,
    linear_backward,
    linear_forward,
    relu_backward,
    relu_forward,
    softmax_cross_entropy,
)

Rng = np.random.Generator

# --- init_params ------------------------------------------------------------------------------------------


@misconception(
    "init_params",
    "weights that start at zero",
    """All weights start at zero. Then every unit of a layer computes the same, receives the same gradient
    and stays the same for ever; and in a deep net no gradient passes a layer of zeros. Randomness is what
    makes the units differ.""",
)
def zero_weights(layer_sizes: list[int], rng: Rng) -> Params:
    params: Params = {}
    for layer in range(1, len(layer_sizes)):
        params[f"W{layer}"] = np.zeros((layer_sizes[layer], layer_sizes[layer - 1]))
        params[f"b{layer}"] = np.zeros(layer_sizes[layer])
    return params


@misconception(
    "init_params",
    "weights of standard deviation 1",
    """The weights are drawn with standard deviation 1, whatever the size of the layer. A unit adds up
    n_in such terms, so each layer multiplies the signal by about sqrt(n_in / 2), and ten layers make it
    explode.""",
)
def unscaled_weights(layer_sizes: list[int], rng: Rng) -> Params:
    params = {}
    for layer in range(1, len(layer_sizes)):
        params[f"W{layer}"] = rng.normal(size=(layer_sizes[layer], layer_sizes[layer - 1]))
        params[f"b{layer}"] = np.zeros(layer_sizes[layer])
    return params


@misconception(
    "init_params",
    "one small scale for all layers",
    """The weights are small, but their scale does not depend on the layer's number of inputs. Each layer
    then shrinks the signal, and after ten layers nothing is left of it. Which variance keeps the size of
    z from one layer to the next?""",
)
def small_weights(layer_sizes: list[int], rng: Rng) -> Params:
    params = {}
    for layer in range(1, len(layer_sizes)):
        params[f"W{layer}"] = 0.01 * rng.normal(size=(layer_sizes[layer], layer_sizes[layer - 1]))
        params[f"b{layer}"] = np.zeros(layer_sizes[layer])
    return params


@misconception(
    "init_params",
    "the variance for a layer without ReLU",
    """The weights have variance 1/n_in. That keeps the signal's size where the activation keeps it; but a
    ReLU throws one half of its square away, so it shrinks to a half in each layer. What makes up for
    that?""",
)
def half_variance(layer_sizes: list[int], rng: Rng) -> Params:
    params = {}
    for layer in range(1, len(layer_sizes)):
        n_in = layer_sizes[layer - 1]
        params[f"W{layer}"] = rng.normal(size=(layer_sizes[layer], n_in)) / np.sqrt(n_in)
        params[f"b{layer}"] = np.zeros(layer_sizes[layer])
    return params


@misconception(
    "init_params",
    "the variance in place of the standard deviation",
    """The random numbers are multiplied by 2/n_in. That is the variance that the weights should have, but
    what multiplies a standard normal number is its standard deviation.""",
)
def variance_as_scale(layer_sizes: list[int], rng: Rng) -> Params:
    params = {}
    for layer in range(1, len(layer_sizes)):
        n_in = layer_sizes[layer - 1]
        params[f"W{layer}"] = rng.normal(size=(layer_sizes[layer], n_in)) * 2 / n_in
        params[f"b{layer}"] = np.zeros(layer_sizes[layer])
    return params


@misconception(
    "init_params",
    "the number of units in place of the number of inputs",
    """The scale hangs on the layer's number of units. But what adds up in one z are the layer's inputs:
    it is their number that the weights must make up for.""",
)
def fan_out(layer_sizes: list[int], rng: Rng) -> Params:
    params = {}
    for layer in range(1, len(layer_sizes)):
        n_in, n_out = layer_sizes[layer - 1], layer_sizes[layer]
        params[f"W{layer}"] = rng.normal(size=(n_out, n_in)) * np.sqrt(2 / n_out)
        params[f"b{layer}"] = np.zeros(n_out)
    return params


@misconception(
    "init_params",
    "W as inputs by units",
    """W has one row for each input and one column for each unit. In this course, as in torch.nn.Linear,
    it is the other way round: row j holds the weights of unit j, so W has shape (n_l, n_{l-1}).""",
)
def transposed_weights(layer_sizes: list[int], rng: Rng) -> Params:
    params = {}
    for layer in range(1, len(layer_sizes)):
        n_in, n_out = layer_sizes[layer - 1], layer_sizes[layer]
        params[f"W{layer}"] = rng.normal(size=(n_in, n_out)) * np.sqrt(2 / n_in)
        params[f"b{layer}"] = np.zeros(n_out)
    return params


@misconception(
    "init_params",
    "only positive weights",
    """The weights are drawn between 0 and a limit, so all are positive: every unit starts as nearly the
    same average of its inputs, and the signal grows from layer to layer. Weights should be spread around
    zero.""",
)
def positive_weights(layer_sizes: list[int], rng: Rng) -> Params:
    params = {}
    for layer in range(1, len(layer_sizes)):
        n_in, n_out = layer_sizes[layer - 1], layer_sizes[layer]
        params[f"W{layer}"] = rng.random((n_out, n_in)) * np.sqrt(2 / n_in)
        params[f"b{layer}"] = np.zeros(n_out)
    return params


@misconception(
    "init_params",
    "a generator of one's own",
    """The weights come from a generator with a fixed seed that is made inside the function; the rng that
    is handed in is ignored. Every net then starts the same, whatever seed the caller chose.""",
)
def own_generator(layer_sizes: list[int], rng: Rng) -> Params:
    own = np.random.default_rng(42)
    params = {}
    for layer in range(1, len(layer_sizes)):
        n_in, n_out = layer_sizes[layer - 1], layer_sizes[layer]
        params[f"W{layer}"] = own.normal(size=(n_out, n_in)) * np.sqrt(2 / n_in)
        params[f"b{layer}"] = np.zeros(n_out)
    return params


@misconception(
    "init_params",
    "random biases",
    """The biases are drawn at random, too. They need no randomness, since the weights break the symmetry
    already, and an offset of order 1 puts many units to sleep before the first step. They start at
    zero.""",
)
def random_biases(layer_sizes: list[int], rng: Rng) -> Params:
    params = {}
    for layer in range(1, len(layer_sizes)):
        n_in, n_out = layer_sizes[layer - 1], layer_sizes[layer]
        params[f"W{layer}"] = rng.normal(size=(n_out, n_in)) * np.sqrt(2 / n_in)
        params[f"b{layer}"] = rng.normal(size=n_out)
    return params


# --- linear_forward ---------------------------------------------------------------------------------------


@misconception(
    "linear_forward",
    "the bias left out",
    """The bias is missing: Z is only the product of inputs and weights. Without biases every unit's
    boundary goes through the origin.""",
)
def no_bias(A_prev: Array, W: Array, b: Array) -> tuple[Array, LinearCache]:
    return A_prev @ W.T, (A_prev, W, b)


@misconception(
    "linear_forward",
    "an activation in the linear brick",
    """The brick is linear and yet its result is never negative: the ReLU is in it already. The ReLU is a
    brick of its own, and the last layer has none.""",
)
def linear_with_relu(A_prev: Array, W: Array, b: Array) -> tuple[Array, LinearCache]:
    return np.maximum(0.0, A_prev @ W.T + b), (A_prev, W, b)


@misconception(
    "linear_forward",
    "units as rows",
    """The result has a row for each unit and a column for each example. A batch is rows here: row i of Z
    belongs to row i of A_prev.""",
)
def units_as_rows(A_prev: Array, W: Array, b: Array) -> tuple[Array, LinearCache]:
    return W @ A_prev.T + b[:, np.newaxis], (A_prev, W, b)


@misconception(
    "linear_forward",
    "W not transposed",
    """W multiplies the inputs as it stands. Row j of W holds the weights of unit j, and these must meet
    the inputs entry by entry: write the shapes beside the product, (m, n_prev) times what gives (m,
    n)?""",
    also=("linear_backward",),
)
def not_transposed(A_prev: Array, W: Array, b: Array) -> tuple[Array, LinearCache]:
    return A_prev @ W + b, (A_prev, W, b)


@misconception(
    "linear_forward",
    "one bias for the whole layer",
    """All units got the same offset. Every unit has a bias of its own: entry j of b belongs to column j
    of Z.""",
)
def mean_bias(A_prev: Array, W: Array, b: Array) -> tuple[Array, LinearCache]:
    return A_prev @ W.T + b.sum(), (A_prev, W, b)


# --- linear_backward --------------------------------------------------------------------------------------


@misconception(
    "linear_backward",
    "the 1/m once more",
    """dW and db are divided by the number of rows. But the 1/m of the mean entered at the loss, and dZ
    has it already: divided again in every layer, it makes the gradients too small.""",
)
def divided_again(dZ: Array, cache: LinearCache) -> tuple[Array, Array, Array]:
    A_prev, W, _ = cache
    m = len(dZ)
    return dZ @ W, dZ.T @ A_prev / m, dZ.sum(axis=0) / m


@misconception(
    "linear_backward",
    "db as a mean",
    """db is the mean of the rows of dZ. A bias touches every row of its unit, and the chain rule adds up
    over all that it touches: a sum. The mean over the rows is in dZ already.""",
)
def mean_db(dZ: Array, cache: LinearCache) -> tuple[Array, Array, Array]:
    A_prev, W, _ = cache
    return dZ @ W, dZ.T @ A_prev, dZ.mean(axis=0)


@misconception(
    "linear_backward",
    "dW transposed",
    """dW has a row for each input and a column for each unit. The gradient of W has W's own shape, (n,
    n_prev): which of the two factors must be transposed for that?""",
)
def transposed_dw(dZ: Array, cache: LinearCache) -> tuple[Array, Array, Array]:
    A_prev, W, _ = cache
    return dZ @ W, A_prev.T @ dZ, dZ.sum(axis=0)


@misconception(
    "linear_backward",
    "W transposed on the way down, too",
    """The gradient of the inputs is multiplied by W.T, as on the way up. On the way down each input
    collects from the units that it fed: the sum runs over the units, which are the rows of W.""",
)
def transposed_on_the_way_down(dZ: Array, cache: LinearCache) -> tuple[Array, Array, Array]:
    A_prev, W, _ = cache
    return dZ @ W.T, dZ.T @ A_prev, dZ.sum(axis=0)


@misconception(
    "linear_backward",
    "db summed over the units",
    """db has one entry for each row: the sum ran over the units. A bias belongs to a unit and touches all
    rows, so the sum runs over the rows and leaves one number for each unit.""",
)
def db_over_units(dZ: Array, cache: LinearCache) -> tuple[Array, Array, Array]:
    A_prev, W, _ = cache
    return dZ @ W, dZ.T @ A_prev, dZ.sum(axis=1)


@misconception(
    "linear_backward",
    "the values in place of their gradients",
    """The gradient of the inputs is computed from the inputs themselves, not from dZ. A backward hands
    down how the *loss* changes: every product in it must contain what came from above.""",
)
def values_for_gradients(dZ: Array, cache: LinearCache) -> tuple[Array, Array, Array]:
    A_prev, W, b = cache
    return (A_prev @ W.T + b) @ W, dZ.T @ A_prev, dZ.sum(axis=0)


@misconception(
    "linear_backward",
    "what came from above forgotten in db",
    """db is the derivative of Z with respect to b, which is one for each row. The chain rule wants it
    multiplied by how the loss changes with Z: dZ has no part in this db.""",
)
def ones_for_db(dZ: Array, cache: LinearCache) -> tuple[Array, Array, Array]:
    A_prev, W, b = cache
    return dZ @ W, dZ.T @ A_prev, np.ones_like(b)


@misconception(
    "linear_backward",
    "the results in another order",
    """The three gradients are right, but not in the order that was asked for: first that of the inputs,
    dA_prev, which the next brick down waits for, then dW and db.""",
)
def other_order(dZ: Array, cache: LinearCache) -> tuple[Array, Array, Array]:
    A_prev, W, _ = cache
    return dZ.T @ A_prev, dZ.sum(axis=0), dZ @ W


# The forward that belongs to it is right.
@misconception("linear_forward", "remembers only the last linear forward", "")
def linear_forward_global(A_prev: Array, W: Array, b: Array) -> tuple[Array, None]:
    globals()["LAST_LINEAR"] = (A_prev, W)
    return A_prev @ W.T + b, None


@misconception(
    "linear_backward",
    "remembers only the last linear forward",
    """What linear_forward keeps for linear_backward belongs in the cache that it returns. Kept in one global
    place it is overwritten by the next layer, and on the way down all layers get what the top one kept.""",
)
def linear_backward_global(dZ: Array, cache: None) -> tuple[Array, Array, Array]:
    A_prev, W = globals()["LAST_LINEAR"]
    return dZ @ W, dZ.T @ A_prev, dZ.sum(axis=0)


# --- relu_forward -----------------------------------------------------------------------------------------


@misconception(
    "relu_forward",
    "the absolute value",
    """Negative entries come out positive, as in an absolute value. A ReLU makes them zero: the unit is
    off.""",
)
def absolute(Z: Array) -> tuple[Array, Array]:
    return np.abs(Z), Z


@misconception(
    "relu_forward",
    "a leak",
    """Negative entries are made small but not zero: that is the leaky ReLU, which has its place. The
    plain one is max(0, z).""",
)
def leaky(Z: Array) -> tuple[Array, Array]:
    return np.where(Z > 0, Z, 0.01 * Z), Z


@misconception(
    "relu_forward",
    "a step",
    """The result says only whether the unit is on, 1 or 0. That is the derivative of ReLU; ReLU itself
    keeps the value of what is positive.""",
)
def step(Z: Array) -> tuple[Array, Array]:
    return (Z > 0).astype(float), Z


@misconception(
    "relu_forward",
    "written into the argument",
    """The result is right, but Z itself was changed: the zeros were written into the caller's array.
    Whoever needs the pre-activations later finds them gone. Make a new array.""",
)
def in_place(Z: Array) -> tuple[Array, Array]:
    before = Z.copy()
    Z[Z < 0] = 0
    return Z, before


@misconception(
    "relu_forward",
    "one maximum for the whole array",
    """The result is one number: the largest of all. ReLU looks at every entry on its own and takes the
    larger of two numbers, the entry and zero.""",
)
def one_maximum(Z: Array) -> tuple[Any, Array]:
    return max(0.0, float(Z.max())), Z


# --- relu_backward ----------------------------------------------------------------------------------------


@misconception(
    "relu_backward",
    "the gate forgotten",
    """The gradient passes unchanged through every unit. But where the unit was off, a nudge to z changes
    nothing above, so nothing comes back: the gate is missing.""",
)
def no_gate(dA: Array, cache: Array) -> Array:
    return dA.copy()


@misconception(
    "relu_backward",
    "ReLU applied to the gradient",
    """Negative gradients are cut off, as if the gradient itself went through a ReLU. What opens the gate
    is the sign of Z on the way up; the gradient that passes may have either sign.""",
)
def relu_of_gradient(dA: Array, cache: Array) -> Array:
    return np.maximum(0.0, dA)


@misconception(
    "relu_backward",
    "the gate without the gradient",
    """The result is the derivative of ReLU, ones and zeros: what came from above has no part in it. The
    chain rule multiplies the two.""",
)
def gate_only(dA: Array, cache: Array) -> Array:
    return (cache > 0).astype(float)


@misconception(
    "relu_backward",
    "the value in place of the derivative",
    """The gradient is multiplied by the activation, where its derivative belongs. The derivative of z is
    1, however large z is: the gate lets through or not, it does not amplify.""",
)
def times_value(dA: Array, cache: Array) -> Array:
    return dA * np.maximum(0.0, cache)


@misconception(
    "relu_backward",
    "the gate the wrong way round",
    """The gradient passes where the unit was off, and is blocked where it was on. Which units passed the
    signal on, on the way up?""",
)
def reversed_gate(dA: Array, cache: Array) -> Array:
    return dA * (cache < 0)


@misconception(
    "relu_backward",
    "both gates at once",
    """The gradient passes only where the unit was on and the gradient is positive, too. The sign of the
    gradient is information: it says which way to go. Only the sign of Z counts.""",
)
def both_gates(dA: Array, cache: Array) -> Array:
    return dA * (cache > 0) * (dA > 0)


@misconception(
    "relu_backward",
    "the gradient overwritten",
    """The result is right, but the zeros were written into the caller's dA. Whoever uses dA afterwards
    finds another array there. Make a new one.""",
)
def overwritten_gradient(dA: Array, cache: Array) -> Array:
    dA[cache <= 0] = 0
    return dA


@misconception(
    "relu_backward",
    "a ReLU differentiated numerically",
    """The gate is a difference quotient. It costs two more passes, it is wrong near the kink, and the
    derivative of ReLU is known exactly: it needs one comparison.""",
)
def numerical_gate(dA: Array, cache: Array) -> Any:
    h = 1e-5
    return dA * (np.maximum(0.0, cache + h) - np.maximum(0.0, cache - h)) / (2 * h)


# The forward that belongs to it is right.
@misconception("relu_forward", "remembers only the last ReLU", "")
def relu_forward_global(Z: Array) -> tuple[Array, None]:
    globals()["LAST_GATE"] = Z > 0
    return np.maximum(0.0, Z), None


@misconception(
    "relu_backward",
    "remembers only the last ReLU",
    """What relu_forward keeps for relu_backward belongs in the cache that it returns. Kept in one global
    place it is overwritten by the next layer, and on the way down all layers get the top one's gate.""",
)
def relu_backward_global(dA: Array, cache: None) -> Array:
    return np.asarray(dA * globals()["LAST_GATE"])


# --- softmax_cross_entropy --------------------------------------------------------------------------------


@misconception(
    "softmax_cross_entropy",
    "the loss as a sum",
    """The loss is the sum over the rows. In this course it is the mean, so that a larger batch has no
    larger loss; the gradient here has the 1/m of the mean, so the two do not fit each other.""",
)
def summed_loss(logits: Array, y: Integers) -> tuple[float, Array]:
    m = len(y)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    dlogits = np.exp(log_p)
    dlogits[np.arange(m), y] -= 1
    return float(-log_p[np.arange(m), y].sum()), dlogits / m


@misconception(
    "softmax_cross_entropy",
    "overflow for large logits",
    """Right for small logits, but not finite for large ones: exp overflows above 709. A number subtracted
    from all logits of a row changes no probability. Which one makes the largest exponent zero?""",
)
def unstable(logits: Array, y: Integers) -> tuple[float, Array]:
    m = len(y)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(m), y]).mean()
    p[np.arange(m), y] -= 1
    return float(loss), p / m


@misconception(
    "softmax_cross_entropy",
    "one maximum for the whole batch",
    """The largest logit of the whole batch is subtracted. In a row whose own logits are far below it all
    exponentials become zero, and so does their sum. Every row needs its own maximum.""",
)
def one_shift(logits: Array, y: Integers) -> tuple[float, Array]:
    m = len(y)
    exponentials = np.exp(logits - logits.max())
    p = exponentials / exponentials.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(m), y]).mean()
    p[np.arange(m), y] -= 1
    return float(loss), p / m


@misconception(
    "softmax_cross_entropy",
    "the 1/m missing in the gradient",
    """The loss is a mean over the rows, but its gradient is that of the sum: it lacks the 1/m. This is
    the one place where the 1/m enters; all bricks below rely on it.""",
)
def no_mean_in_gradient(logits: Array, y: Integers) -> tuple[float, Array]:
    m = len(y)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss, p = float(-log_p[np.arange(m), y].mean()), np.exp(log_p)
    return loss, p - np.eye(logits.shape[1])[y]


@misconception(
    "softmax_cross_entropy",
    "truth minus prediction",
    """The gradient has the wrong sign: it is truth minus prediction. The loss falls when the right logit
    grows, so its entry of the gradient is negative.""",
)
def wrong_sign(logits: Array, y: Integers) -> tuple[float, Array]:
    m = len(y)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss, p = float(-log_p[np.arange(m), y].mean()), np.exp(log_p)
    return loss, (np.eye(logits.shape[1])[y] - p) / m


@misconception(
    "softmax_cross_entropy",
    "the truth left out of the gradient",
    """The gradient is the prediction alone, divided by m. Prediction minus truth: without the truth,
    every logit would be pushed down, the right one as well.""",
)
def no_truth(logits: Array, y: Integers) -> tuple[float, Array]:
    m = len(y)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss, p = float(-log_p[np.arange(m), y].mean()), np.exp(log_p)
    return loss, p / m


@misconception(
    "softmax_cross_entropy",
    "the derivative of the sigmoid once more",
    """Prediction minus truth is multiplied by p(1 - p). That factor belongs to the squared error; with
    the cross-entropy the logarithm cancels it, and prediction minus truth is all.""",
)
def sigmoid_factor(logits: Array, y: Integers) -> tuple[float, Array]:
    m = len(y)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss, p = float(-log_p[np.arange(m), y].mean()), np.exp(log_p)
    return loss, (p - np.eye(logits.shape[1])[y]) * p * (1 - p) / m


@misconception(
    "softmax_cross_entropy",
    "the gradient of the right class only",
    """Only the right class's logit gets a gradient. But all logits stand in the denominator of the
    softmax: each of them takes probability from the right class.""",
)
def right_class_only(logits: Array, y: Integers) -> tuple[float, Array]:
    m = len(y)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss, p = float(-log_p[np.arange(m), y].mean()), np.exp(log_p)
    truth = np.eye(logits.shape[1])[y]
    return loss, (p - truth) * truth / m


@misconception(
    "softmax_cross_entropy",
    "softmax down the columns",
    """The softmax runs over the rows of the batch: the probabilities of one *class* add up to one. It
    must run over the classes, so that those of one *example* do.""",
)
def softmax_of_columns(logits: Array, y: Integers) -> tuple[float, Array]:
    m = len(y)
    exponentials = np.exp(logits - logits.max(axis=0))
    p = exponentials / exponentials.sum(axis=0)
    loss = -np.log(p[np.arange(m), y] + 1e-12).mean()
    p[np.arange(m), y] -= 1
    return float(loss), p / m


@misconception(
    "softmax_cross_entropy",
    "a mean over rows and classes",
    """The gradient is divided by the number of rows times the number of classes. The loss is a mean over
    the rows alone: a row has one loss, however many classes there are.""",
)
def mean_over_classes(logits: Array, y: Integers) -> tuple[float, Array]:
    m = len(y)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss, p = float(-log_p[np.arange(m), y].mean()), np.exp(log_p)
    return loss, (p - np.eye(logits.shape[1])[y]) / logits.size


# --- forward ----------------------------------------------------------------------------------------------


@misconception(
    "forward",
    "a ReLU on the last layer",
    """No logit is ever negative: the last layer has a ReLU, like the others. A logit is a score of either
    sign; cut off at zero, wrong classes can no longer be told apart.""",
)
def relu_on_top(X: Array, params: Params) -> tuple[Array, list[Any]]:
    A, caches = X, []
    for layer in range(1, len(params) // 2 + 1):
        Z, linear_cache = linear_forward(A, params[f"W{layer}"], params[f"b{layer}"])
        A, relu_cache = relu_forward(Z)
        caches.append((linear_cache, relu_cache))
    return A, caches


@misconception(
    "forward",
    "no activation at all",
    """The layers are linear, one upon the other, without a ReLU between them. Such a stack is no more
    than one linear layer, however deep it is.""",
)
def no_activation(X: Array, params: Params) -> tuple[Array, list[Any]]:
    Z, caches = X, []
    for layer in range(1, len(params) // 2 + 1):
        Z, linear_cache = linear_forward(Z, params[f"W{layer}"], params[f"b{layer}"])
        caches.append((linear_cache, None))
    return Z, caches


@misconception(
    "forward",
    "probabilities in place of logits",
    """The result is a softmax already: its rows add up to one. The loss takes logits and applies the
    softmax itself; applied twice, it flattens everything.""",
)
def softmax_on_top(X: Array, params: Params) -> tuple[Array, list[LayerCache]]:
    layers = len(params) // 2
    A, caches = X, []
    for layer in range(1, layers + 1):
        Z, linear_cache = linear_forward(A, params[f"W{layer}"], params[f"b{layer}"])
        relu_cache = None
        if layer < layers:
            A, relu_cache = relu_forward(Z)
        caches.append((linear_cache, relu_cache))
    exponentials = np.exp(Z - Z.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True), caches


@misconception(
    "forward",
    "layers in alphabetical order",
    """With ten layers or more, they come in the wrong order: sorted as text, W10 stands before W2. Count
    the layers with numbers.""",
)
def alphabetical(X: Array, params: Params) -> tuple[Array, list[LayerCache]]:
    A, caches = X, []
    names = sorted(name[1:] for name in params if name.startswith("W"))
    for place, name in enumerate(names, start=1):
        Z, linear_cache = linear_forward(A, params[f"W{name}"], params[f"b{name}"])
        relu_cache = None
        if place < len(names):
            A, relu_cache = relu_forward(Z)
        caches.append((linear_cache, relu_cache))
    return Z, caches


@misconception(
    "forward",
    "the last layer left out",
    """The net ends one layer too early: the result is the last hidden layer. range(1, L) stops before L,
    and the dict of parameters has two entries for each layer.""",
    also=("backward",),
)
def one_too_few(X: Array, params: Params) -> tuple[Array, list[Any]]:
    A, caches = X, []
    for layer in range(1, len(params) // 2):
        Z, linear_cache = linear_forward(A, params[f"W{layer}"], params[f"b{layer}"])
        A, relu_cache = relu_forward(Z)
        caches.append((linear_cache, relu_cache))
    return A, caches


# --- backward ---------------------------------------------------------------------------------------------


@misconception(
    "backward",
    "the gates left out",
    """The gradient goes from linear brick to linear brick; the ReLUs between them are skipped. On the way
    up they shut off some units, and through these nothing may come back.""",
)
def no_gates(dlogits: Array, caches: list[LayerCache]) -> Params:
    grads: Params = {}
    dA = dlogits
    for layer in range(len(caches), 0, -1):
        dA, grads[f"dW{layer}"], grads[f"db{layer}"] = linear_backward(dA, caches[layer - 1][0])
    return grads


@misconception(
    "backward",
    "from the bottom up",
    """The caches are walked through from the first layer to the last, as on the way up. Information comes
    from the loss: the last brick up is the first one down.""",
)
def bottom_up(dlogits: Array, caches: list[LayerCache]) -> Params:
    grads: Params = {}
    dA = dlogits
    for layer in range(1, len(caches) + 1):
        linear_cache, relu_cache = caches[layer - 1]
        dZ = dA if relu_cache is None else relu_backward(dA, relu_cache)
        dA, grads[f"dW{layer}"], grads[f"db{layer}"] = linear_backward(dZ, linear_cache)
    return grads


@misconception(
    "backward",
    "layers counted from the top",
    """The gradients are computed in the right order and named in the wrong one: dW1 belongs to the last
    layer. The number of a layer is the same on the way down as on the way up.""",
)
def counted_from_the_top(dlogits: Array, caches: list[LayerCache]) -> Params:
    grads: Params = {}
    dA = dlogits
    for place, (linear_cache, relu_cache) in enumerate(reversed(caches), start=1):
        dZ = dA if relu_cache is None else relu_backward(dA, relu_cache)
        dA, grads[f"dW{place}"], grads[f"db{place}"] = linear_backward(dZ, linear_cache)
    return grads


@misconception(
    "backward",
    "gradients under the parameters' names",
    """The gradients stand under the names of the parameters, W1 and b1. They are asked for as dW1 and
    db1, so that nobody takes the one for the other.""",
)
def parameter_names(dlogits: Array, caches: list[LayerCache]) -> Params:
    grads: Params = {}
    dA = dlogits
    for layer in range(len(caches), 0, -1):
        linear_cache, relu_cache = caches[layer - 1]
        dZ = dA if relu_cache is None else relu_backward(dA, relu_cache)
        dA, grads[f"W{layer}"], grads[f"b{layer}"] = linear_backward(dZ, linear_cache)
    return grads


@misconception(
    "backward",
    "the first layer forgotten",
    """The way down stops one layer too early: the first one gets no gradient. It has weights like the
    others; only the gradient of X is not needed.""",
)
def first_layer_forgotten(dlogits: Array, caches: list[LayerCache]) -> Params:
    grads: Params = {}
    dA = dlogits
    for layer in range(len(caches), 1, -1):
        linear_cache, relu_cache = caches[layer - 1]
        dZ = dA if relu_cache is None else relu_backward(dA, relu_cache)
        dA, grads[f"dW{layer}"], grads[f"db{layer}"] = linear_backward(dZ, linear_cache)
    return grads


@misconception(
    "backward",
    "the mean taken once more",
    """All gradients are too small by a factor of the number of rows: they are divided by m. dlogits has
    the 1/m of the mean already, and all below inherit it.""",
)
def mean_again(dlogits: Array, caches: list[LayerCache]) -> Params:
    m = len(dlogits)
    grads: Params = {}
    dA = dlogits
    for layer in range(len(caches), 0, -1):
        linear_cache, relu_cache = caches[layer - 1]
        dZ = dA if relu_cache is None else relu_backward(dA, relu_cache)
        dA, grads[f"dW{layer}"], grads[f"db{layer}"] = linear_backward(dZ, linear_cache)
    return {name: value / m for name, value in grads.items()}


@misconception(
    "backward",
    "the gate after the linear brick",
    """Each layer's gate and linear brick are taken in the order of the way up. Coming down, the gradient
    meets the layer's ReLU first and its linear brick second: the gate belongs to dA of the same
    layer.""",
)
def gate_too_late(dlogits: Array, caches: list[LayerCache]) -> Params:
    grads: Params = {}
    dA = dlogits
    for layer in range(len(caches), 0, -1):
        linear_cache, relu_cache = caches[layer - 1]
        _, grads[f"dW{layer}"], grads[f"db{layer}"] = linear_backward(dA, linear_cache)
        dZ = dA if relu_cache is None else relu_backward(dA, relu_cache)
        dA = linear_backward(dZ, linear_cache)[0]
    return grads


# --- fit --------------------------------------------------------------------------------------------------


@misconception(
    "fit",
    "the step uphill",
    """The weights move along the gradient, so the loss grows. The gradient points uphill; a step of
    gradient descent goes against it.""",
)
def uphill(
    X: Array,
    y: Integers,
    layer_sizes: list[int],
    learning_rate: float,
    epochs: int,
    batch_size: int,
    rng: Rng,
) -> tuple[Params, list[float]]:
    params = init_params(layer_sizes, rng)
    losses = []
    for _ in range(epochs):
        order = rng.permutation(len(y))
        total = 0.0
        for start in range(0, len(y), batch_size):
            rows = order[start : start + batch_size]
            logits, caches = forward(X[rows], params)
            loss, dlogits = softmax_cross_entropy(logits, y[rows])
            grads = backward(dlogits, caches)
            params = {name: value + learning_rate * grads["d" + name] for name, value in params.items()}
            total += loss * len(rows)
        losses.append(total / len(y))
    return params, losses


@misconception(
    "fit",
    "the update lost",
    """The weights never change: the updated ones are thrown away, and each step starts from the same net
    again. What the update returns must be what the next step predicts with.""",
)
def never_updated(
    X: Array,
    y: Integers,
    layer_sizes: list[int],
    learning_rate: float,
    epochs: int,
    batch_size: int,
    rng: Rng,
) -> tuple[Params, list[float]]:
    params = init_params(layer_sizes, rng)
    losses = []
    for _ in range(epochs):
        order = rng.permutation(len(y))
        total = 0.0
        for start in range(0, len(y), batch_size):
            rows = order[start : start + batch_size]
            logits, caches = forward(X[rows], params)
            loss, dlogits = softmax_cross_entropy(logits, y[rows])
            grads = backward(dlogits, caches)
            updated = {name: value - learning_rate * grads["d" + name] for name, value in params.items()}
            loss += 0 * updated["b1"].sum()
            total += loss * len(rows)
        losses.append(total / len(y))
    return params, losses


@misconception(
    "fit",
    "the biases left as they are",
    """Only the weights are updated. A bias is a parameter like any other and has a gradient: it must
    move, too.""",
)
def biases_forgotten(
    X: Array,
    y: Integers,
    layer_sizes: list[int],
    learning_rate: float,
    epochs: int,
    batch_size: int,
    rng: Rng,
) -> tuple[Params, list[float]]:
    params = init_params(layer_sizes, rng)
    losses = []
    for _ in range(epochs):
        order = rng.permutation(len(y))
        total = 0.0
        for start in range(0, len(y), batch_size):
            rows = order[start : start + batch_size]
            logits, caches = forward(X[rows], params)
            loss, dlogits = softmax_cross_entropy(logits, y[rows])
            grads = backward(dlogits, caches)
            params = {
                name: value - learning_rate * grads["d" + name] * (value.ndim == 2)
                for name, value in params.items()
            }
            total += loss * len(rows)
        losses.append(total / len(y))
    return params, losses


@misconception(
    "fit",
    "one step an epoch",
    """Every epoch takes one step with all rows; batch_size has no effect. Mini-batches take many steps in
    one pass over the data, each from a few rows.""",
)
def whole_batch(
    X: Array,
    y: Integers,
    layer_sizes: list[int],
    learning_rate: float,
    epochs: int,
    batch_size: int,
    rng: Rng,
) -> tuple[Params, list[float]]:
    params = init_params(layer_sizes, rng)
    losses = []
    for _ in range(epochs):
        order = rng.permutation(len(y))
        total = 0.0
        for start in range(0, len(y), len(y)):
            rows = order[start : start + len(y)]
            logits, caches = forward(X[rows], params)
            loss, dlogits = softmax_cross_entropy(logits, y[rows])
            grads = backward(dlogits, caches)
            params = {name: value - learning_rate * grads["d" + name] for name, value in params.items()}
            total += loss * len(rows)
        losses.append(total / len(y))
    return params, losses


@misconception(
    "fit",
    "rows in the order in which they came",
    """The rows are never shuffled, so the batches are the same in every epoch. If the data are sorted,
    each batch has one class only. Draw a new order for each epoch.""",
)
def never_shuffled(
    X: Array,
    y: Integers,
    layer_sizes: list[int],
    learning_rate: float,
    epochs: int,
    batch_size: int,
    rng: Rng,
) -> tuple[Params, list[float]]:
    params = init_params(layer_sizes, rng)
    losses = []
    for _ in range(epochs):
        order = np.arange(len(y))
        total = 0.0
        for start in range(0, len(y), batch_size):
            rows = order[start : start + batch_size]
            logits, caches = forward(X[rows], params)
            loss, dlogits = softmax_cross_entropy(logits, y[rows])
            grads = backward(dlogits, caches)
            params = {name: value - learning_rate * grads["d" + name] for name, value in params.items()}
            total += loss * len(rows)
        losses.append(total / len(y))
    return params, losses


@misconception(
    "fit",
    "shuffled only once",
    """The rows are shuffled before the first epoch and then stay so: the batches are the same in every
    epoch. Draw a new order for each.""",
)
def shuffled_once(
    X: Array,
    y: Integers,
    layer_sizes: list[int],
    learning_rate: float,
    epochs: int,
    batch_size: int,
    rng: Rng,
) -> tuple[Params, list[float]]:
    params = init_params(layer_sizes, rng)
    losses = []
    order = rng.permutation(len(y))
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(y), batch_size):
            rows = order[start : start + batch_size]
            logits, caches = forward(X[rows], params)
            loss, dlogits = softmax_cross_entropy(logits, y[rows])
            grads = backward(dlogits, caches)
            params = {name: value - learning_rate * grads["d" + name] for name, value in params.items()}
            total += loss * len(rows)
        losses.append(total / len(y))
    return params, losses


@misconception(
    "fit",
    "rows and labels shuffled apart",
    """The rows and the labels are each put into an order of their own, so that a digit no longer stands
    beside its label. One order must serve both.""",
)
def labels_apart(
    X: Array,
    y: Integers,
    layer_sizes: list[int],
    learning_rate: float,
    epochs: int,
    batch_size: int,
    rng: Rng,
) -> tuple[Params, list[float]]:
    params = init_params(layer_sizes, rng)
    losses = []
    for _ in range(epochs):
        order, other = rng.permutation(len(y)), rng.permutation(len(y))
        total = 0.0
        for start in range(0, len(y), batch_size):
            rows = order[start : start + batch_size]
            logits, caches = forward(X[rows], params)
            loss, dlogits = softmax_cross_entropy(logits, y[other[start : start + batch_size]])
            grads = backward(dlogits, caches)
            params = {name: value - learning_rate * grads["d" + name] for name, value in params.items()}
            total += loss * len(rows)
        losses.append(total / len(y))
    return params, losses


@misconception(
    "fit",
    "the step divided by the batch",
    """Every step is divided by the number of rows of its batch. The gradient is that of a mean already;
    divided once more, the steps are too short by that factor.""",
)
def step_divided(
    X: Array,
    y: Integers,
    layer_sizes: list[int],
    learning_rate: float,
    epochs: int,
    batch_size: int,
    rng: Rng,
) -> tuple[Params, list[float]]:
    params = init_params(layer_sizes, rng)
    losses = []
    for _ in range(epochs):
        order = rng.permutation(len(y))
        total = 0.0
        for start in range(0, len(y), batch_size):
            rows = order[start : start + batch_size]
            logits, caches = forward(X[rows], params)
            loss, dlogits = softmax_cross_entropy(logits, y[rows])
            grads = backward(dlogits, caches)
            params = {
                name: value - learning_rate * grads["d" + name] / len(rows) for name, value in params.items()
            }
            total += loss * len(rows)
        losses.append(total / len(y))
    return params, losses


@misconception(
    "fit",
    "a new start in each epoch",
    """The parameters are drawn anew at the beginning of every epoch: all that was learnt before is lost.
    The start comes once, before the first epoch.""",
)
def begun_again(
    X: Array,
    y: Integers,
    layer_sizes: list[int],
    learning_rate: float,
    epochs: int,
    batch_size: int,
    rng: Rng,
) -> tuple[Params, list[float]]:
    params = init_params(layer_sizes, rng)
    losses = []
    for _ in range(epochs):
        params = init_params(layer_sizes, rng)
        order = rng.permutation(len(y))
        total = 0.0
        for start in range(0, len(y), batch_size):
            rows = order[start : start + batch_size]
            logits, caches = forward(X[rows], params)
            loss, dlogits = softmax_cross_entropy(logits, y[rows])
            grads = backward(dlogits, caches)
            params = {name: value - learning_rate * grads["d" + name] for name, value in params.items()}
            total += loss * len(rows)
        losses.append(total / len(y))
    return params, losses


@misconception(
    "fit",
    "the losses of an epoch added up",
    """The losses noted are sums over the rows, not means. A mean can be compared between data sets and
    batch sizes; a sum grows with the number of rows.""",
)
def summed_losses(
    X: Array,
    y: Integers,
    layer_sizes: list[int],
    learning_rate: float,
    epochs: int,
    batch_size: int,
    rng: Rng,
) -> tuple[Params, list[float]]:
    params = init_params(layer_sizes, rng)
    losses = []
    for _ in range(epochs):
        order = rng.permutation(len(y))
        total = 0.0
        for start in range(0, len(y), batch_size):
            rows = order[start : start + batch_size]
            logits, caches = forward(X[rows], params)
            loss, dlogits = softmax_cross_entropy(logits, y[rows])
            grads = backward(dlogits, caches)
            params = {name: value - learning_rate * grads["d" + name] for name, value in params.items()}
            total += loss * len(rows)
        losses.append(total)
    return params, losses


@misconception(
    "fit",
    "a loss for each batch",
    """losses has an entry for each batch. It should have one for each epoch, the mean over its rows: that
    is the curve to look at, and it is less noisy.""",
)
def loss_each_batch(
    X: Array,
    y: Integers,
    layer_sizes: list[int],
    learning_rate: float,
    epochs: int,
    batch_size: int,
    rng: Rng,
) -> tuple[Params, list[float]]:
    params = init_params(layer_sizes, rng)
    losses = []
    for _ in range(epochs):
        order = rng.permutation(len(y))
        for start in range(0, len(y), batch_size):
            rows = order[start : start + batch_size]
            logits, caches = forward(X[rows], params)
            loss, dlogits = softmax_cross_entropy(logits, y[rows])
            grads = backward(dlogits, caches)
            params = {name: value - learning_rate * grads["d" + name] for name, value in params.items()}
            losses.append(loss)
    return params, losses


@misconception(
    "fit",
    "only the last layer learns",
    """Only the last layer's parameters are updated; those below stay as they were drawn. Backward gives a
    gradient for every layer, and every layer takes the step.""",
)
def top_layer_only(
    X: Array,
    y: Integers,
    layer_sizes: list[int],
    learning_rate: float,
    epochs: int,
    batch_size: int,
    rng: Rng,
) -> tuple[Params, list[float]]:
    params = init_params(layer_sizes, rng)
    losses = []
    for _ in range(epochs):
        order = rng.permutation(len(y))
        total = 0.0
        for start in range(0, len(y), batch_size):
            rows = order[start : start + batch_size]
            logits, caches = forward(X[rows], params)
            loss, dlogits = softmax_cross_entropy(logits, y[rows])
            grads = backward(dlogits, caches)
            top = str(len(layer_sizes) - 1)
            params = {n: v - learning_rate * grads["d" + n] if n[1:] == top else v for n, v in params.items()}
            total += loss * len(rows)
        losses.append(total / len(y))
    return params, losses


@misconception(
    "fit",
    "the data shuffled in place",
    """The training is right, but X or y were shuffled where they stand: after the call the caller's rows
    are in another order. Draw an order of row numbers and pick with it.""",
)
def in_place_shuffle(
    X: Array,
    y: Integers,
    layer_sizes: list[int],
    learning_rate: float,
    epochs: int,
    batch_size: int,
    rng: Rng,
) -> tuple[Params, list[float]]:
    params = init_params(layer_sizes, rng)
    losses = []
    for _ in range(epochs):
        order = np.arange(len(y))
        state = rng.bit_generator.state
        rng.shuffle(X)
        rng.bit_generator.state = state
        rng.shuffle(y)
        total = 0.0
        for start in range(0, len(y), batch_size):
            rows = order[start : start + batch_size]
            logits, caches = forward(X[rows], params)
            loss, dlogits = softmax_cross_entropy(logits, y[rows])
            grads = backward(dlogits, caches)
            params = {name: value - learning_rate * grads["d" + name] for name, value in params.items()}
            total += loss * len(rows)
        losses.append(total / len(y))
    return params, losses


@misconception(
    "fit",
    "the smaller last batch dropped",
    """Only full batches take a step: the rows that are left over at the end of an epoch are not used. An
    epoch is one pass over all rows, and its last batch may be smaller than the others.""",
)
def last_batch_dropped(
    X: Array,
    y: Integers,
    layer_sizes: list[int],
    learning_rate: float,
    epochs: int,
    batch_size: int,
    rng: Rng,
) -> tuple[Params, list[float]]:
    params = init_params(layer_sizes, rng)
    losses = []
    for _ in range(epochs):
        order = rng.permutation(len(y))
        total, full = 0.0, len(y) // batch_size
        for k in range(full):
            rows = order[k * batch_size : (k + 1) * batch_size]
            logits, caches = forward(X[rows], params)
            loss, dlogits = softmax_cross_entropy(logits, y[rows])
            grads = backward(dlogits, caches)
            params = {name: value - learning_rate * grads["d" + name] for name, value in params.items()}
            total += loss
        losses.append(total / max(full, 1))
    return params, losses


@misconception(
    "fit",
    "each batch drawn on its own",
    """Each batch is drawn from all rows, whatever the batches before it had. In one epoch some rows then
    come twice and others not at all. Draw one order of all rows an epoch, and cut it into batches.""",
)
def batches_drawn_apart(
    X: Array,
    y: Integers,
    layer_sizes: list[int],
    learning_rate: float,
    epochs: int,
    batch_size: int,
    rng: Rng,
) -> tuple[Params, list[float]]:
    params = init_params(layer_sizes, rng)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(y), batch_size):
            rows = rng.choice(len(y), min(batch_size, len(y) - start), replace=False)
            logits, caches = forward(X[rows], params)
            loss, dlogits = softmax_cross_entropy(logits, y[rows])
            grads = backward(dlogits, caches)
            params = {name: value - learning_rate * grads["d" + name] for name, value in params.items()}
            total += loss * len(rows)
        losses.append(total / len(y))
    return params, losses


@misconception(
    "fit",
    "the loss of the last batch only",
    """What is noted for an epoch is the loss of its last batch. That is a few rows' luck, and the curve
    jumps about with it. The mean over all batches of the epoch says how the net is doing.""",
)
def last_loss_only(
    X: Array,
    y: Integers,
    layer_sizes: list[int],
    learning_rate: float,
    epochs: int,
    batch_size: int,
    rng: Rng,
) -> tuple[Params, list[float]]:
    params = init_params(layer_sizes, rng)
    losses = []
    for _ in range(epochs):
        order = rng.permutation(len(y))
        for start in range(0, len(y), batch_size):
            rows = order[start : start + batch_size]
            logits, caches = forward(X[rows], params)
            loss, dlogits = softmax_cross_entropy(logits, y[rows])
            grads = backward(dlogits, caches)
            params = {name: value - learning_rate * grads["d" + name] for name, value in params.items()}
        losses.append(loss)
    return params, losses


@misconception(
    "fit",
    "the losses of the batches added up",
    """What is noted for an epoch is the sum of its batches' losses. With smaller batches there are more of
    them, and the sum grows, although the net is no worse. A mean can be compared.""",
)
def summed_batches(
    X: Array,
    y: Integers,
    layer_sizes: list[int],
    learning_rate: float,
    epochs: int,
    batch_size: int,
    rng: Rng,
) -> tuple[Params, list[float]]:
    params = init_params(layer_sizes, rng)
    losses = []
    for _ in range(epochs):
        order = rng.permutation(len(y))
        total = 0.0
        for start in range(0, len(y), batch_size):
            rows = order[start : start + batch_size]
            logits, caches = forward(X[rows], params)
            loss, dlogits = softmax_cross_entropy(logits, y[rows])
            grads = backward(dlogits, caches)
            params = {name: value - learning_rate * grads["d" + name] for name, value in params.items()}
            total += loss
        losses.append(total)
    return params, losses
