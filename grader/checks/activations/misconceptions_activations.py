"""What students commonly get wrong in the notebook activations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from grader.checks import misconception
from grader.checks.activations.reference_activations import sigmoid

Array = NDArray[np.float64]
Arrays = Sequence[Array]


# --- collapse ---------------------------------------------------------------------------------------------


@misconception(
    "collapse",
    "product in the wrong order",
    """The layers are multiplied first to last. But the layer that acts last stands on the left: W =
    W_2 W_1. Write the shapes beside the product; inner sizes must meet.""",
)
def collapse_in_reverse(weights: Arrays, biases: Arrays) -> tuple[Array, Array]:
    W, b = weights[0], biases[0]
    for W_l, b_l in zip(weights[1:], biases[1:], strict=True):
        W, b = W @ W_l, W_l @ b + b_l
    return W, b


@misconception(
    "collapse",
    "only the last bias kept",
    """The bias of an early layer is an input to the next one, so it is carried through that layer's
    weights before the next bias is added. Only the last bias arrives at the output as it is.""",
)
def collapse_last_bias(weights: Arrays, biases: Arrays) -> tuple[Array, Array]:
    W = weights[0]
    for W_l in weights[1:]:
        W = W_l @ W
    return W, biases[-1]


@misconception(
    "collapse",
    "bias of the next layer forgotten",
    """Each layer carries the bias of the layers before it through its weights, and then adds its own.
    The second half is missing: with all earlier biases zero your stack would have no bias at all.""",
)
def collapse_without_next_bias(weights: Arrays, biases: Arrays) -> tuple[Array, Array]:
    W, b = weights[0], biases[0]
    for W_l in weights[1:]:
        W, b = W_l @ W, W_l @ b
    return W, b


@misconception(
    "collapse",
    "weights of the collapsed layer transposed",
    """A layer's weights have one row for each output and one column for each input, and a batch meets
    them as X @ W.T. The transpose belongs to the use of W, not to W itself.""",
)
def collapse_transposed(weights: Arrays, biases: Arrays) -> tuple[Array, Array]:
    W, b = weights[0].T, biases[0]
    for W_l, b_l in zip(weights[1:], biases[1:], strict=True):
        W, b = W @ W_l.T, W_l @ b + b_l
    return W, b


# --- sigmoid ----------------------------------------------------------------------------------------------


@misconception(
    "sigmoid",
    "sign of the exponent",
    """The sigmoid must rise: a large positive z means a probability near one. With the other sign in
    the exponent it falls, and yes and no have changed places.""",
)
def sigmoid_falling(z: Array) -> Array:
    return 1.0 / (1.0 + np.exp(z))


@misconception(
    "sigmoid",
    "infinity divided by infinity",
    """The formula is right on paper, but for a large z its exponential no longer fits into a float64:
    it becomes infinite, and infinity over infinity is not a number. Arrange the formula so that only
    numbers that are not positive are exponentiated.""",
)
def sigmoid_overflowing(z: Array) -> Array:
    return np.exp(z) / (1.0 + np.exp(z))


@misconception(
    "sigmoid",
    "tanh instead of sigmoid",
    """The two have the same S-shape, but a probability lies between 0 and 1, and tanh runs from -1 to
    1. At z = 0 the answer must be one half: no preference for yes or no.""",
)
def sigmoid_as_tanh(z: Array) -> Array:
    return np.tanh(z)


@misconception(
    "sigmoid",
    "a decision instead of a probability",
    """The sigmoid gives a probability; cutting it at one half is a decision, and comes later. A step
    is flat on both sides, so nothing could be propagated back through it.""",
)
def sigmoid_as_step(z: Array) -> Array:
    return (1.0 / (1.0 + np.exp(-z)) > 0.5).astype(float)


# --- sigmoid_grad -----------------------------------------------------------------------------------------


@misconception(
    "sigmoid_grad",
    "activation and pre-activation confused",
    """The rule a(1 - a) holds for the activation a, the sigmoid's output. The argument here is the
    pre-activation z, so the activation must be computed first.""",
)
def sigmoid_grad_of_activation(z: Array) -> Array:
    return z * (1.0 - z)


@misconception(
    "sigmoid_grad",
    "sigmoid applied twice",
    """The argument is put through the sigmoid more than once before the rule a(1 - a) is used. The
    activation at z is one sigmoid of z, no more.""",
)
def sigmoid_grad_twice(z: Array) -> Array:
    a = sigmoid(sigmoid(z))
    return a * (1.0 - a)


@misconception(
    "sigmoid_grad",
    "tanh's rule for the sigmoid",
    """One minus the square of the activation is the derivative of tanh. The sigmoid's derivative is
    the product of the activation and its distance from one, and never exceeds a quarter.""",
)
def sigmoid_grad_by_tanh_rule(z: Array) -> Array:
    return 1.0 - sigmoid(z) ** 2


@misconception(
    "sigmoid_grad",
    "one factor missing",
    """The derivative is a product of two factors, the activation and its distance from one. With one
    of them missing the slope would not die out on both sides, as the S-curve demands.""",
)
def sigmoid_grad_one_factor(z: Array) -> Array:
    return 1.0 - sigmoid(z)


@misconception(
    "sigmoid_grad",
    "negative slope",
    """The sigmoid rises everywhere, so its derivative is positive everywhere. When the chain rule is
    applied to 1/u with u = 1 + exp(-z), there are two minus signs, and they cancel.""",
)
def sigmoid_grad_negative(z: Array) -> Array:
    a = sigmoid(z)
    return a * (a - 1.0)


@misconception(
    "sigmoid_grad",
    "chain rule stopped half way",
    """The derivative of 1/u is -1/u^2, but u itself depends on z: its own derivative, a negative
    exponential, is the missing factor.""",
)
def sigmoid_grad_half_chain(z: Array) -> Array:
    return -1.0 / (1.0 + np.exp(-z)) ** 2


# --- tanh -------------------------------------------------------------------------------------------------


@misconception(
    "tanh",
    "infinity divided by infinity in tanh",
    """The fraction is right on paper, but both exponentials are in it, and one of them overflows for a
    large z of either sign. Divide numerator and denominator by the larger one first, or use a function
    that does.""",
)
def tanh_overflowing(z: Array) -> Array:
    return np.asarray((np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z)))


@misconception(
    "tanh",
    "tanh at half the steepness",
    """Stretching the sigmoid to the range from -1 to 1 is half of the job: tanh is also twice as
    steep. Compare the slopes at zero: tanh has slope one there.""",
)
def tanh_half_as_steep(z: Array) -> Array:
    return 2.0 / (1.0 + np.exp(-z)) - 1.0


@misconception(
    "tanh",
    "tangent instead of hyperbolic tangent",
    """The tangent is a periodic function with poles, not an S-curve between -1 and 1. The h makes the
    difference: it is built from exponentials, not from the circle.""",
)
def tanh_as_tangent(z: Array) -> Array:
    return np.tan(z)


@misconception(
    "tanh",
    "sign of tanh",
    """The difference in the numerator stands the wrong way round. Tanh rises: it has the sign of z.""",
)
def tanh_falling(z: Array) -> Array:
    return 2.0 / (1.0 + np.exp(2.0 * z)) - 1.0


# --- tanh_grad --------------------------------------------------------------------------------------------


@misconception(
    "tanh_grad",
    "activation and pre-activation confused in tanh",
    """The rule 1 - a^2 holds for the activation a = tanh(z). The argument here is the pre-activation
    z; for a large one your slope is even negative, though tanh rises everywhere.""",
)
def tanh_grad_of_activation(z: Array) -> Array:
    return 1.0 - z**2


@misconception(
    "tanh_grad",
    "sigmoid's rule for tanh",
    """The product a(1 - a) is the derivative of the sigmoid. Tanh has its own rule, from its own
    quotient; at zero its slope is one, not zero.""",
)
def tanh_grad_by_sigmoid_rule(z: Array) -> Array:
    return np.tanh(z) * (1.0 - np.tanh(z))


@misconception(
    "tanh_grad",
    "square forgotten",
    """One minus the activation is not symmetric, but the slope of tanh at -z is the same as at z. Look
    at the numerator of the quotient rule again: both terms are squares.""",
)
def tanh_grad_without_square(z: Array) -> Array:
    return 1.0 - np.tanh(z)


@misconception(
    "tanh_grad",
    "negative slope of tanh",
    """Tanh rises everywhere, so its derivative is positive everywhere. In the quotient rule the order
    of the two products matters.""",
)
def tanh_grad_negative(z: Array) -> Array:
    return np.tanh(z) ** 2 - 1.0


@misconception(
    "tanh_grad",
    "tangent's rule for tanh",
    """One plus the square is the derivative of the ordinary tangent, which gets steeper and steeper.
    Tanh flattens out: the square is subtracted.""",
)
def tanh_grad_by_tangent_rule(z: Array) -> Array:
    return 1.0 + np.tanh(z) ** 2


@misconception(
    "tanh_grad",
    "derivative of the inverse of tanh",
    """One over 1 - z^2 is the derivative of the function that undoes tanh. The derivative of tanh
    itself is bounded by one and dies out for large z.""",
)
def tanh_grad_of_inverse(z: Array) -> Array:
    return 1.0 / (1.0 - z**2)


# --- relu -------------------------------------------------------------------------------------------------


@misconception(
    "relu",
    "absolute value instead of ReLU",
    """A negative entry is not turned around, it is dropped: the unit is off. The absolute value keeps
    it on both sides.""",
)
def relu_as_absolute_value(z: Array) -> Array:
    return np.abs(z)


@misconception(
    "relu",
    "step instead of ramp",
    """ReLU passes a positive entry on as it is; it does not replace it by one. A step forgets how
    large the entry was, and its derivative is zero on both sides.""",
)
def relu_as_step(z: Array) -> Array:
    return (z > 0).astype(float)


@misconception(
    "relu",
    "the negative half kept",
    """The wrong side is cut off: negative entries are kept and positive ones become zero. ReLU is the
    larger of zero and z.""",
)
def relu_negative_half(z: Array) -> Array:
    return np.minimum(0.0, z)


@misconception(
    "relu",
    "one maximum for the whole array",
    """The comparison with zero is made for every entry on its own, and the shape stays the same. A
    maximum *of* an array, or along an axis, gives fewer numbers than went in.""",
)
def relu_by_np_max(z: Array) -> Array:
    result: Array = np.max(z, 0)
    return result


@misconception(
    "relu",
    "argument overwritten",
    """The values are right, but they are written into the array that was passed in. Whoever called
    still needs it: the way back must know which entries of z were negative.""",
)
def relu_in_place(z: Array) -> Array:
    z[z < 0] = 0.0
    return z


# --- relu_grad --------------------------------------------------------------------------------------------


@misconception(
    "relu_grad",
    "the function instead of its derivative",
    """This is ReLU itself. Its derivative is a slope: the slope of the ramp is the same everywhere on
    the positive side, however large z is.""",
)
def relu_grad_as_relu(z: Array) -> Array:
    return np.maximum(0.0, z)


@misconception(
    "relu_grad",
    "sign instead of slope",
    """On the negative side ReLU is flat, so its slope there is zero, not minus one. Minus one would be
    the slope of the absolute value.""",
)
def relu_grad_as_sign(z: Array) -> Array:
    return np.sign(z)


@misconception(
    "relu_grad",
    "slope one everywhere",
    """A unit that is off passes nothing back: on the negative side the function is flat. Slope one
    everywhere would mean that there is no bend.""",
)
def relu_grad_all_ones(z: Array) -> Array:
    return np.ones_like(z)


@misconception(
    "relu_grad",
    "the two sides swapped",
    """The slope is one where the unit is on and zero where it is off. Here it is the other way round.""",
)
def relu_grad_swapped(z: Array) -> Array:
    return (z < 0).astype(float)


@misconception(
    "relu_grad",
    "slope only up to one",
    """The ramp goes on for ever: at z = 5 its slope is one as it is at z = 0.5. Only the sign of z
    matters, not its size.""",
)
def relu_grad_up_to_one(z: Array) -> Array:
    return ((z > 0) & (z < 1)).astype(float)


@misconception(
    "relu_grad",
    "argument overwritten by the slope",
    """The values are right, but they are written into the array that was passed in. The pre-
    activations belong to the caller: a derivative that is computed twice from the same z must be the
    same twice.""",
)
def relu_grad_in_place(z: Array) -> Array:
    z[z <= 0] = 0.0
    z[z > 0] = 1.0
    return z


# --- leaky_relu -------------------------------------------------------------------------------------------


@misconception(
    "leaky_relu",
    "slope fixed at 0.01",
    """The slope is an argument; 0.01 is only what it is where nobody says otherwise. Use the number
    that was passed in.""",
)
def leaky_relu_fixed(z: Array, slope: float = 0.01) -> Array:
    return np.where(z > 0, z, 0.01 * z)


@misconception(
    "leaky_relu",
    "leak on the positive side",
    """The two sides have changed places: what is positive passes undamped, and only the negative side
    is multiplied by the slope.""",
)
def leaky_relu_swapped(z: Array, slope: float = 0.01) -> Array:
    return np.where(z > 0, slope * z, z)


@misconception(
    "leaky_relu",
    "slope used as the value",
    """A slope is how steep the line is, not how high. On the negative side the value is the slope
    times z, so that it grows with z and meets the ramp at zero.""",
)
def leaky_relu_constant(z: Array, slope: float = 0.01) -> Array:
    return np.where(z > 0, z, slope)


@misconception(
    "leaky_relu",
    "leak added on both sides",
    """The small multiple of z is added everywhere, so the positive side became steeper than one. The
    leak replaces the zero of ReLU, on the negative side only.""",
)
def leaky_relu_added(z: Array, slope: float = 0.01) -> Array:
    return np.asarray(np.maximum(0.0, z) + slope * z)


@misconception(
    "leaky_relu",
    "leak with the wrong sign",
    """A little of a negative number is still negative. Here the negative side is turned upwards, like
    a flat absolute value.""",
)
def leaky_relu_turned_up(z: Array, slope: float = 0.01) -> Array:
    return np.where(z > 0, z, -slope * z)


# --- leaky_relu_grad --------------------------------------------------------------------------------------


@misconception(
    "leaky_relu_grad",
    "no leak on the way back",
    """This is the derivative of the plain ReLU. The leak is there so that a unit on the negative side
    still hears something on the way back: its slope is not zero.""",
)
def leaky_relu_grad_as_relu(z: Array, slope: float = 0.01) -> Array:
    return (z > 0).astype(float)


@misconception(
    "leaky_relu_grad",
    "slope fixed at 0.01 on the way back",
    """The slope is an argument; 0.01 is only what it is where nobody says otherwise. Forward and
    backward must use the same one.""",
)
def leaky_relu_grad_fixed(z: Array, slope: float = 0.01) -> Array:
    return np.where(z > 0, 1.0, 0.01)


@misconception(
    "leaky_relu_grad",
    "value on one side, slope on the other",
    """On the negative side this is the function's value, slope times z. Its derivative with respect to
    z no longer contains z.""",
)
def leaky_relu_grad_value(z: Array, slope: float = 0.01) -> Array:
    return np.where(z > 0, 1.0, slope * z)


@misconception(
    "leaky_relu_grad",
    "the two slopes swapped",
    """The steep side is the positive one. Here the damping is applied where the unit is on.""",
)
def leaky_relu_grad_swapped(z: Array, slope: float = 0.01) -> Array:
    return np.where(z > 0, slope, 1.0)


@misconception(
    "leaky_relu_grad",
    "slope of the leak negative",
    """The leaky ReLU rises on both sides, so its slope is nowhere negative.""",
)
def leaky_relu_grad_negative(z: Array, slope: float = 0.01) -> Array:
    return np.where(z > 0, 1.0, -slope)


@misconception(
    "leaky_relu_grad",
    "slopes added",
    """On the positive side the function is z itself, slope one. The leak is not added to it there: it
    takes the place of the zero on the other side.""",
)
def leaky_relu_grad_added(z: Array, slope: float = 0.01) -> Array:
    return np.asarray((z > 0) + slope)


# --- softmax ----------------------------------------------------------------------------------------------


@misconception(
    "softmax",
    "overflow of the exponential",
    """On paper this is right. In the machine the exponential of a large logit is infinite, and
    infinity over infinity is not a number. Softmax depends on differences of logits only: use that
    before you exponentiate.""",
)
def softmax_overflowing(z: Array) -> Array:
    e = np.exp(z)
    return np.asarray(e / np.sum(e, axis=1, keepdims=True))


@misconception(
    "softmax",
    "shift by the maximum of the whole batch",
    """One shift for all rows keeps the largest row finite, but in a row whose logits are all much
    smaller every exponential becomes zero, and zero over zero is not a number. The rows know nothing
    of each other: each has its own maximum.""",
)
def softmax_one_shift(z: Array) -> Array:
    e = np.exp(z - np.max(z))
    return np.asarray(e / np.sum(e, axis=1, keepdims=True))


@misconception(
    "softmax",
    "columns normalised instead of rows",
    """A row is one example and its probabilities sum to one. Here the columns do: the examples of the
    batch compete with each other.""",
)
def softmax_of_columns(z: Array) -> Array:
    e = np.exp(z - np.max(z, axis=0))
    return np.asarray(e / np.sum(e, axis=0))


@misconception(
    "softmax",
    "the whole batch normalised at once",
    """All entries together sum to one, instead of each row by itself. With a second example in the
    batch the probabilities of the first would be halved.""",
)
def softmax_of_all(z: Array) -> Array:
    e = np.exp(z - np.max(z))
    return np.asarray(e / np.sum(e))


@misconception(
    "softmax",
    "exponential forgotten",
    """Dividing logits by their sum is no softmax: logits may be negative, and a shift of all of them
    would change the answer. The exponential makes every entry positive first.""",
)
def softmax_without_exponential(z: Array) -> Array:
    return np.asarray(z / np.sum(z, axis=1, keepdims=True))


@misconception(
    "softmax",
    "a sigmoid for each class",
    """A sigmoid answers yes or no for each class on its own, so the entries of a row do not sum to
    one. Softmax lets the classes of one row compete.""",
)
def softmax_as_sigmoids(z: Array) -> Array:
    return sigmoid(z)
