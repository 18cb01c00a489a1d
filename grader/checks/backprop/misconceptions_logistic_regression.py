"""What students commonly get wrong in the notebook logistic_regression."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grader.checks import misconception
from grader.checks.backprop.reference_logistic_regression import gradients, loss, predict, sigmoid, update

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
Gradients = tuple[Array, float]
Parameters = tuple[Array, float]
Fitted = tuple[Array, float, list[float]]


# --- sigmoid ----------------------------------------------------------------------------------------------


@misconception(
    "sigmoid",
    "the form that overflows",
    """For a large score this form divides infinity by infinity, and that is NaN. The two forms of sigmoid
    are equal on paper only: choose the one in which exp grows without doing harm.""",
)
def sigmoid_that_overflows(z: Array) -> Array:
    return np.asarray(np.exp(z) / (1 + np.exp(z)))


@misconception(
    "sigmoid",
    "sign of the exponent",
    """The curve falls where it should rise: much evidence for label 1 must give a probability near 1.
    Solve the logarithm of the odds for p once more, and look at the sign of the exponent.""",
)
def sigmoid_falling(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(np.clip(z, -700, 700))))


@misconception(
    "sigmoid",
    "tanh in its place",
    """Your curve runs from -1 to 1, which is tanh. A probability runs from 0 to 1, and a score of 0, no
    evidence, must give one half.""",
)
def sigmoid_as_tanh(z: Array) -> Array:
    return np.asarray(np.tanh(z))


@misconception(
    "sigmoid",
    "a step instead of a curve",
    """You decide at once: 0 or 1. The neuron must be able to say "70 %"; and a step has slope 0 everywhere,
    so no information could come back through it.""",
)
def sigmoid_as_step(z: Array) -> Array:
    return np.asarray((z > 0).astype(np.float64))


@misconception(
    "sigmoid",
    "the derivative in its place",
    """This is the slope of sigmoid, not sigmoid: it is highest at 0 and falls to both sides. The slope is
    needed on the way back; here the value itself is asked for.""",
)
def sigmoid_as_derivative(z: Array) -> Array:
    e = np.exp(-np.abs(z))
    return np.asarray(e / (1 + e) ** 2)


# --- predict ----------------------------------------------------------------------------------------------


@misconception(
    "predict",
    "bias forgotten",
    """The bias has no part in your prediction, so the border always goes through the average row. It
    belongs into every score, before sigmoid.""",
)
def predict_without_bias(X: Array, w: Array, b: float) -> Array:
    return sigmoid(X @ w)


@misconception(
    "predict",
    "score instead of probability",
    """You return the score, which can be any number. A probability is asked for: one more function stands
    between the two.""",
)
def predict_score(X: Array, w: Array, b: float) -> Array:
    return np.asarray(X @ w + b)


@misconception(
    "predict",
    "label instead of probability",
    """You return the decision, 0 or 1. The loss needs to know how sure the neuron is; rounding throws that
    away, and after it nothing can be learnt from how wrong it was.""",
)
def predict_label(X: Array, w: Array, b: float) -> Labels:
    return np.asarray((X @ w + b > 0).astype(np.int64))


@misconception(
    "predict",
    "bias outside sigmoid",
    """The bias is added after sigmoid, so the result can leave the interval from 0 to 1. The bias is
    evidence like the weighted inputs: first all the evidence is summed, then it becomes a probability.""",
)
def predict_bias_outside(X: Array, w: Array, b: float) -> Array:
    return sigmoid(X @ w) + b


# --- loss -------------------------------------------------------------------------------------------------


@misconception(
    "loss",
    "losses added up",
    """You add up the rows' losses. The loss is their mean, so that a large batch is not worse than a small
    one just for being large.""",
)
def loss_sum(p: Array, y: Labels) -> float:
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return float(-np.sum(y * np.log(p) + (1 - y) * np.log(1 - p)))


@misconception(
    "loss",
    "squared error in its place",
    """This is the mean squared error. Cross-entropy comes from the likelihood of the labels, and it pulls
    hardest where the neuron is sure and wrong; the squared error hardly pulls there at all.""",
)
def loss_squared(p: Array, y: Labels) -> float:
    return float(np.mean((p - y) ** 2))


@misconception(
    "loss",
    "minus sign forgotten",
    """Your loss is never positive: the logarithm of a probability is negative. We want a number that falls
    when the predictions get better, so the sign is turned.""",
)
def loss_negative(p: Array, y: Labels) -> float:
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return float(np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))


@misconception(
    "loss",
    "rows of label 0 forgotten",
    """Only the rows of label 1 cost anything, so a neuron that says 1 to everything would be perfect. A row
    of label 0 has a loss too: the surprise at the probability that was left for 0.""",
)
def loss_of_ones(p: Array, y: Labels) -> float:
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return float(-np.mean(y * np.log(p)))


@misconception(
    "loss",
    "logarithm of zero",
    """At a prediction of exactly 0 or 1 your loss is not finite: the logarithm of 0 is minus infinity, and
    0 times that is NaN. Keep the predictions a tiny distance away from both ends first.""",
)
def loss_unclipped(p: Array, y: Labels) -> float:
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))


@misconception(
    "loss",
    "predictions clipped in place",
    """The predictions are moved away from 0 and 1 in the caller's own array. Whoever uses them afterwards
    gets other numbers than the neuron gave. Put the clipped values into a new array.""",
)
def loss_clipping_in_place(p: Array, y: Labels) -> float:
    p[p == 0] = 1e-12
    p[p == 1] = 1 - 1e-12
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))


# --- gradients --------------------------------------------------------------------------------------------


@misconception(
    "gradients",
    "1/m forgotten",
    """The 1/m is missing. The loss is a mean over the rows, so each row's share of the gradient is divided
    by their number; otherwise the steps grow with the batch.""",
)
def gradients_sum(X: Array, p: Array, y: Labels) -> Gradients:
    return X.T @ (p - y), float(np.sum(p - y))


@misconception(
    "gradients",
    "truth minus prediction",
    """Both gradients have the wrong sign. What comes back is prediction minus truth: it points uphill, and
    it is the update that goes against it.""",
)
def gradients_downhill(X: Array, p: Array, y: Labels) -> Gradients:
    dz = (y - p) / len(y)
    return X.T @ dz, float(np.sum(dz))


@misconception(
    "gradients",
    "slope of sigmoid once too often",
    """The error is multiplied with p (1 - p), which is right for the squared error. With cross-entropy this
    factor meets its twin in the denominator of the loss's derivative and is gone.""",
)
def gradients_of_squared_error(X: Array, p: Array, y: Labels) -> Gradients:
    dz = (p - y) * p * (1 - p) / len(y)
    return X.T @ dz, float(np.sum(dz))


@misconception(
    "gradients",
    "slope of sigmoid forgotten",
    """You stop at the derivative with respect to p and skip a link of the chain. Between the prediction and
    the parameters stands sigmoid: multiply with its slope before you go on to the weights.""",
)
def gradients_without_sigmoid(X: Array, p: Array, y: Labels) -> Gradients:
    dp = (p - y) / (p * (1 - p)) / len(y)
    return X.T @ dp, float(np.sum(dp))


@misconception(
    "gradients",
    "mean for the weights, sum for the bias",
    """The gradient of the weights is divided by the number of rows, that of the bias is not. Both come from
    the same mean: put the 1/m into dz, and both have it.""",
)
def gradients_bias_sum(X: Array, p: Array, y: Labels) -> Gradients:
    return X.T @ (p - y) / len(y), float(np.sum(p - y))


@misconception(
    "gradients",
    "1/m twice",
    """You divide by the number of rows twice, perhaps once in dz and once more as a mean. The 1/m enters
    once, with the mean of the loss; after that the rows' shares are added up.""",
)
def gradients_divided_twice(X: Array, p: Array, y: Labels) -> Gradients:
    dz = (p - y) / len(y)
    return X.T @ dz / len(y), float(np.mean(dz))


@misconception(
    "gradients",
    "averages multiplied",
    """You multiply the average input with the average error. Each row's error belongs to this row's input:
    first multiply row by row, then add up.""",
)
def gradients_of_averages(X: Array, p: Array, y: Labels) -> Gradients:
    return X.mean(axis=0) * np.mean(p - y), float(np.mean(p - y))


@misconception(
    "gradients",
    "rounded predictions",
    """You compare the decisions, 0 or 1, with the labels. A row that is right but unsure then teaches
    nothing. The error that goes back is the difference of the probability itself.""",
)
def gradients_of_decisions(X: Array, p: Array, y: Labels) -> Gradients:
    dz = ((p > 0.5) - y) / len(y)
    return X.T @ dz, float(np.sum(dz))


@misconception(
    "gradients",
    "difference quotients",
    """You try small changes and watch the loss, instead of deriving. That is how a gradient is checked; as
    a way to compute it, it costs a loss for each unknown and loses half of the digits.""",
)
def gradients_by_quotients(X: Array, p: Array, y: Labels) -> Gradients:
    h, dz = 1e-6, np.zeros(len(y))
    z = np.log(p) - np.log(1 - p)
    for i in range(len(y)):
        step = np.zeros(len(y))
        step[i] = h
        dz[i] = (loss(sigmoid(z + step), y) - loss(sigmoid(z - step), y)) / (2 * h)
    return X.T @ dz, float(np.sum(dz))


# --- update -----------------------------------------------------------------------------------------------


@misconception(
    "update",
    "uphill",
    """You add the gradient. It points to where the loss grows fastest; to make the loss fall, step against
    it.""",
)
def update_uphill(w: Array, b: float, dw: Array, db: float, learning_rate: float) -> Parameters:
    return w + learning_rate * dw, b + learning_rate * db


@misconception(
    "update",
    "old weights overwritten",
    """The numbers are right, but you write them into the caller's array: the old weights are lost.
    An assignment with -= works in place on an array. Make a new one.""",
)
def update_in_place(w: Array, b: float, dw: Array, db: float, learning_rate: float) -> Parameters:
    w -= learning_rate * dw
    b -= learning_rate * db
    return w, b


@misconception(
    "update",
    "learning rate forgotten",
    """You subtract the whole gradient. The plane that the gradient describes is only true nearby, and the
    learning rate says how far we trust it.""",
)
def update_full_step(w: Array, b: float, dw: Array, db: float, learning_rate: float) -> Parameters:
    return w - dw, b - db


@misconception(
    "update",
    "bias not updated",
    """The bias stays where it was. It is a parameter like the weights, and it has its own gradient.""",
)
def update_weights_only(w: Array, b: float, dw: Array, db: float, learning_rate: float) -> Parameters:
    return w - learning_rate * dw, b


# --- fit --------------------------------------------------------------------------------------------------


@misconception(
    "fit",
    "update thrown away",
    """The parameters never change: the new values are computed and not kept. `update` returns them and
    leaves the old ones as they are; the next step must start from what it returned.""",
)
def fit_without_assignment(X: Array, y: Labels, learning_rate: float, steps: int) -> Fitted:
    w, b, losses = np.zeros(X.shape[1]), 0.0, []
    for _ in range(steps):
        p = predict(X, w, b)
        losses.append(loss(p, y))
        dw, db = gradients(X, p, y)
        update(w, b, dw, db, learning_rate)
    return w, b, losses


@misconception(
    "fit",
    "predicted only once",
    """You predict once and then step again and again with the same gradients. After each update the
    neuron says something else: all four steps belong into the loop.""",
)
def fit_predicting_once(X: Array, y: Labels, learning_rate: float, steps: int) -> Fitted:
    w, b, losses = np.zeros(X.shape[1]), 0.0, []
    p = predict(X, w, b)
    dw, db = gradients(X, p, y)
    for _ in range(steps):
        losses.append(loss(p, y))
        w, b = update(w, b, dw, db, learning_rate)
    return w, b, losses


@misconception(
    "fit",
    "one row a step",
    """Each step looks at a single row. That is a way to train too (stochastic gradient descent), but here
    every step uses all rows: the whole batch is predicted, and the loss is its mean.""",
)
def fit_row_by_row(X: Array, y: Labels, learning_rate: float, steps: int) -> Fitted:
    w, b, losses = np.zeros(X.shape[1]), 0.0, []
    for step in range(steps):
        i = step % len(y)
        p = predict(X[i : i + 1], w, b)
        losses.append(loss(p, y[i : i + 1]))
        dw, db = gradients(X[i : i + 1], p, y[i : i + 1])
        w, b = update(w, b, dw, db, learning_rate)
    return w, b, losses


@misconception(
    "fit",
    "start from ones",
    """Your training starts from ones. The task is to start from zeros: a neuron that has seen nothing
    should have no opinion.""",
)
def fit_from_ones(X: Array, y: Labels, learning_rate: float, steps: int) -> Fitted:
    w, b, losses = np.ones(X.shape[1]), 1.0, []
    for _ in range(steps):
        p = predict(X, w, b)
        losses.append(loss(p, y))
        dw, db = gradients(X, p, y)
        w, b = update(w, b, dw, db, learning_rate)
    return w, b, losses


@misconception(
    "fit",
    "one loss too many",
    """You note a loss before the training and one after each step, which is one more than there are
    steps. Note it at the same place in every step, and nowhere else.""",
)
def fit_with_extra_loss(X: Array, y: Labels, learning_rate: float, steps: int) -> Fitted:
    w, b = np.zeros(X.shape[1]), 0.0
    losses = [loss(predict(X, w, b), y)]
    for _ in range(steps):
        dw, db = gradients(X, predict(X, w, b), y)
        w, b = update(w, b, dw, db, learning_rate)
        losses.append(loss(predict(X, w, b), y))
    return w, b, losses


@misconception(
    "fit",
    "weights first, then the bias",
    """The bias steps with a gradient that was taken after the weights had moved. All parameters step at
    the same time, from gradients at the same place.""",
)
def fit_one_after_the_other(X: Array, y: Labels, learning_rate: float, steps: int) -> Fitted:
    w, b, losses = np.zeros(X.shape[1]), 0.0, []
    for _ in range(steps):
        p = predict(X, w, b)
        losses.append(loss(p, y))
        dw, db = gradients(X, p, y)
        w, _ = update(w, b, dw, db, learning_rate)
        dw, db = gradients(X, predict(X, w, b), y)
        _, b = update(w, b, dw, db, learning_rate)
    return w, b, losses
