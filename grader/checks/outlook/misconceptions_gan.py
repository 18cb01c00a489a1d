"""What students commonly get wrong in the notebook gan."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.checks import misconception
from grader.checks.outlook.reference_gan import (
    BATCH,
    HIDDEN_D,
    HIDDEN_G,
    NOISE,
    RATE_D,
    RATE_G,
    adam_step,
    discriminator_grads,
    generator_grads,
    init_net,
    net_backward,
    net_forward,
    sigmoid,
    start_adam,
)

Array = NDArray[np.float64]
Generator = np.random.Generator


# --- discriminator_loss -----------------------------------------------------------------------------------


@misconception(
    "discriminator_loss",
    "real and fake exchanged",
    """This loss is small when the discriminator calls the data fake and the forgeries real. For a real
    number the probability of real should be near 1, for a fake one near 0: look at which sign of the logit
    each of the two terms punishes.""",
)
def loss_exchanged(d_real: Array, d_fake: Array) -> float:
    return float(np.mean(np.logaddexp(0.0, d_real)) + np.mean(np.logaddexp(0.0, -d_fake)))


@misconception(
    "discriminator_loss",
    "one mean over all numbers",
    """All numbers are put into one heap and averaged. The loss is the sum of two means, one for each heap,
    so that both weigh the same even if there are more numbers in one of them.""",
)
def loss_one_mean(d_real: Array, d_fake: Array) -> float:
    return float(np.mean(np.concatenate([np.logaddexp(0.0, -d_real), np.logaddexp(0.0, d_fake)])))


@misconception(
    "discriminator_loss",
    "the mean of the two means",
    """You take half of the sum. That is a discriminator's loss as well, but here it is agreed to be the sum
    of the two means: a discriminator that knows nothing has a loss of 2 ln 2.""",
)
def loss_halved(d_real: Array, d_fake: Array) -> float:
    return float(np.mean(np.logaddexp(0.0, -d_real)) + np.mean(np.logaddexp(0.0, d_fake))) / 2.0


@misconception(
    "discriminator_loss",
    "errors of the logits added up",
    """The terms are added up and not averaged, so the loss grows with the batch. Take the mean over the
    real numbers, and the mean over the fake ones.""",
)
def loss_summed(d_real: Array, d_fake: Array) -> float:
    return float(np.sum(np.logaddexp(0.0, -d_real)) + np.sum(np.logaddexp(0.0, d_fake)))


@misconception(
    "discriminator_loss",
    "the minus forgotten",
    """This is the quantity that the discriminator makes as large as it can; the loss, which is made small,
    is its negative. A logarithm of a probability is never above zero, so a loss is never below.""",
)
def loss_without_minus(d_real: Array, d_fake: Array) -> float:
    return -float(np.mean(np.logaddexp(0.0, -d_real)) + np.mean(np.logaddexp(0.0, d_fake)))


@misconception(
    "discriminator_loss",
    "the logarithm of a rounded probability",
    """For a logit of some hundreds the probability rounds to 0 or to 1, and one of the logarithms is taken
    of an exact zero. Put sigmoid and logarithm together on paper first: what is left is a function of the
    logit that never comes near a zero.""",
)
def loss_of_rounded(d_real: Array, d_fake: Array) -> float:
    with np.errstate(all="ignore"):
        return float(-np.mean(np.log(sigmoid(d_real))) - np.mean(np.log(1.0 - sigmoid(d_fake))))


# --- discriminator_grads ----------------------------------------------------------------------------------


@misconception(
    "discriminator_grads",
    "the means forgotten",
    """These are the slopes of each number's own term. In the loss every term is divided by the number of
    terms of its mean, so its slope is too.""",
)
def grads_without_means(d_real: Array, d_fake: Array) -> tuple[Array, Array]:
    return sigmoid(d_real) - 1.0, sigmoid(d_fake)


@misconception(
    "discriminator_grads",
    "divided by the number of all",
    """Both gradients are divided by the number of all numbers, real and fake together. The loss has two
    means: each divides by the length of its own heap.""",
)
def grads_over_all(d_real: Array, d_fake: Array) -> tuple[Array, Array]:
    m = len(d_real) + len(d_fake)
    return (sigmoid(d_real) - 1.0) / m, sigmoid(d_fake) / m


@misconception(
    "discriminator_grads",
    "one length for both",
    """Both gradients are divided by the number of real numbers. That is right as long as there are as many
    fake ones; each mean divides by its own length.""",
)
def grads_of_one_length(d_real: Array, d_fake: Array) -> tuple[Array, Array]:
    return (sigmoid(d_real) - 1.0) / len(d_real), sigmoid(d_fake) / len(d_real)


@misconception(
    "discriminator_grads",
    "real and fake exchanged in the gradients",
    """The real numbers get the gradient that belongs to the label fake, and the other way round. A step
    against the gradient should raise the logits of real numbers and lower those of fake ones.""",
)
def grads_exchanged(d_real: Array, d_fake: Array) -> tuple[Array, Array]:
    return sigmoid(d_real) / len(d_real), (sigmoid(d_fake) - 1.0) / len(d_fake)


@misconception(
    "discriminator_grads",
    "uphill",
    """Both gradients have the wrong sign: they are those of the quantity that is to grow. The step goes
    against the gradient of the loss, so the gradient itself points to where the loss gets worse.""",
)
def grads_uphill(d_real: Array, d_fake: Array) -> tuple[Array, Array]:
    return (1.0 - sigmoid(d_real)) / len(d_real), -sigmoid(d_fake) / len(d_fake)


@misconception(
    "discriminator_grads",
    "gradients of the probabilities",
    """These are the slopes with respect to the probabilities. The function gets logits, so one more factor
    of the chain rule is due: the slope of the sigmoid. Multiply it in, and see how much cancels.""",
)
def grads_of_probabilities(d_real: Array, d_fake: Array) -> tuple[Array, Array]:
    return -1.0 / sigmoid(d_real) / len(d_real), 1.0 / (1.0 - sigmoid(d_fake)) / len(d_fake)


@misconception(
    "discriminator_grads",
    "the slope of the sigmoid once more",
    """Probability minus label is already the slope with respect to the logit: the sigmoid's slope has
    cancelled against the logarithm's. Here it is multiplied in a second time, which leaves hardly a
    gradient where the discriminator is quite wrong.""",
)
def grads_with_slope_twice(d_real: Array, d_fake: Array) -> tuple[Array, Array]:
    p_real, p_fake = sigmoid(d_real), sigmoid(d_fake)
    return (
        (p_real - 1.0) * p_real * (1.0 - p_real) / len(d_real),
        p_fake * p_fake * (1.0 - p_fake) / len(d_fake),
    )


@misconception(
    "discriminator_grads",
    "an exponential that overflows",
    """The formula is right, but for a logit of some hundreds its exponential is infinite, and infinity
    divided by infinity is no number. Use the sigmoid that is given, or take exponentials of negative
    numbers only.""",
)
def grads_overflowing(d_real: Array, d_fake: Array) -> tuple[Array, Array]:
    with np.errstate(all="ignore"):
        p_real, p_fake = (np.exp(d) / (1.0 + np.exp(d)) for d in (d_real, d_fake))
    return (p_real - 1.0) / len(d_real), p_fake / len(d_fake)


# --- generator_loss ---------------------------------------------------------------------------------------


@misconception(
    "generator_loss",
    "the saturating loss",
    """This is the loss as the game was first written down: what the discriminator wins, the generator
    loses. It is flat exactly where the discriminator sees through the fakes, when there is most to learn.
    The non-saturating loss asks for the logarithm of the probability that a fake is taken for real.""",
)
def generator_loss_saturating(d_fake: Array) -> float:
    return -float(np.mean(np.logaddexp(0.0, d_fake)))


@misconception(
    "generator_loss",
    "the discriminator's side",
    """This is the part of the discriminator's loss that is about fakes: small when they are recognised. The
    generator wants the contrary; its loss is small when they are taken for real.""",
)
def generator_loss_of_the_other_side(d_fake: Array) -> float:
    return float(np.mean(np.logaddexp(0.0, d_fake)))


@misconception(
    "generator_loss",
    "the minus of the generator forgotten",
    """The mean logarithm of the probability of real is what the generator makes as large as it can. A loss
    is made small: its negative.""",
)
def generator_loss_without_minus(d_fake: Array) -> float:
    return -float(np.mean(np.logaddexp(0.0, -d_fake)))


@misconception(
    "generator_loss",
    "the generator's loss added up",
    """The terms are added up and not averaged, so the loss grows with the batch. It is the mean over the
    fake numbers.""",
)
def generator_loss_summed(d_fake: Array) -> float:
    return float(np.sum(np.logaddexp(0.0, -d_fake)))


@misconception(
    "generator_loss",
    "the logarithm of a probability of zero",
    """Where the discriminator is quite sure, the probability rounds to zero and its logarithm is infinite.
    Put sigmoid and logarithm together on paper first, and compute that.""",
)
def generator_loss_of_rounded(d_fake: Array) -> float:
    with np.errstate(all="ignore"):
        return float(-np.mean(np.log(sigmoid(d_fake))))


@misconception(
    "generator_loss",
    "least squares",
    """The squared distance of the probability from 1 is another way to play this game, and it flattens out
    where the discriminator is sure. Here the cross-entropy with the label real is asked for.""",
)
def generator_loss_squared(d_fake: Array) -> float:
    return float(np.mean((1.0 - sigmoid(d_fake)) ** 2))


# --- generator_grads --------------------------------------------------------------------------------------


@misconception(
    "generator_grads",
    "the saturating gradient",
    """This is the gradient of the saturating loss. It vanishes where the logits are very negative, so a
    generator whose fakes are all recognised learns nothing from it. Derive it from the loss that you wrote
    above.""",
)
def generator_grads_saturating(d_fake: Array) -> Array:
    return -sigmoid(d_fake) / len(d_fake)


@misconception(
    "generator_grads",
    "the discriminator's gradient",
    """This is what the discriminator uses for fake numbers. A step against it makes the fakes easier to
    recognise: then both players are on the same side.""",
)
def generator_grads_of_the_other_side(d_fake: Array) -> Array:
    return sigmoid(d_fake) / len(d_fake)


@misconception(
    "generator_grads",
    "the generator uphill",
    """The sign is that of the way the logits should go. The update subtracts the gradient of the loss, so
    the gradient points the other way.""",
)
def generator_grads_uphill(d_fake: Array) -> Array:
    return (1.0 - sigmoid(d_fake)) / len(d_fake)


@misconception(
    "generator_grads",
    "the generator's mean forgotten",
    """This is the slope of each number's own term. The loss is their mean, so each slope is divided by how
    many they are.""",
)
def generator_grads_without_mean(d_fake: Array) -> Array:
    return sigmoid(d_fake) - 1.0


@misconception(
    "generator_grads",
    "the generator's gradient of the probability",
    """This is the slope with respect to the probability that a fake is taken for real. What comes in is its
    logit, so the slope of the sigmoid is a further factor; most of it cancels.""",
)
def generator_grads_of_probability(d_fake: Array) -> Array:
    return -1.0 / sigmoid(d_fake) / len(d_fake)


@misconception(
    "generator_grads",
    "the generator with the slope of the sigmoid once more",
    """Probability minus label is the slope with respect to the logit already. With the sigmoid's slope once
    more the gradient vanishes where the fakes are recognised, which is what this loss was chosen to
    avoid.""",
)
def generator_grads_with_slope_twice(d_fake: Array) -> Array:
    p = sigmoid(d_fake)
    return (p - 1.0) * p * (1.0 - p) / len(d_fake)


@misconception(
    "generator_grads",
    "the generator's exponential overflows",
    """The formula is right, but for a logit of some hundreds its exponential is infinite, and infinity
    divided by infinity is no number. Use the sigmoid that is given, or take exponentials of negative
    numbers only.""",
)
def generator_grads_overflowing(d_fake: Array) -> Array:
    with np.errstate(all="ignore"):
        e = np.exp(-d_fake)
        return -(e / (1.0 + e)) / len(d_fake)


# --- fit: those first that are quick to compare with ------------------------------------------------------


@misconception(
    "fit",
    "a bell curve in place of the game",
    """The samples come from one normal distribution with the data's mean and spread. It puts most of its
    numbers where the data have a valley. A generator finds the two hills since the discriminator tells it
    where it gives itself away.""",
)
def fit_bell(data: Array, steps: int, rng: Generator) -> Any:
    mean, spread = np.mean(data), np.std(data)
    start = rng.standard_normal(8)

    def sample(n: int, rng: Generator) -> Array:
        return np.asarray(mean + spread * (rng.standard_normal(n) + 1e-3 * start[0]))

    return sample


@misconception(
    "fit",
    "samples drawn from the data",
    """The numbers of the data are handed out again. Nothing is generated, and nothing is learnt: a sample
    should be noise that went through a trained generator.""",
)
def fit_bootstrap(data: Array, steps: int, rng: Generator) -> Any:
    known = rng.permutation(data)

    def sample(n: int, rng: Generator) -> Array:
        return rng.choice(known, n)

    return sample


@misconception(
    "fit",
    "the samples in place of the function",
    """You return numbers. What is asked for is the function that makes them, so that one can have as many
    as one likes, from any noise: define it inside of fit and return it without calling it.""",
)
def fit_returns_numbers(data: Array, steps: int, rng: Generator) -> Array:
    mean, spread = np.mean(data), np.std(data)
    G = init_net([NOISE, HIDDEN_G, HIDDEN_G, 1], rng)
    return np.asarray(mean + spread * net_forward(rng.standard_normal((len(data), NOISE)), G)[0])


@misconception(
    "fit",
    "the generator never learns",
    """Only the discriminator takes steps; the generator stays what it was at the start. In its own turn the
    gradient goes through the discriminator, which is left as it is, and on to the generator's parameters,
    which are updated.""",
)
def fit_without_generator(data: Array, steps: int, rng: Generator) -> Any:
    mean, spread = np.mean(data), np.std(data)
    G = init_net([NOISE, HIDDEN_G, HIDDEN_G, 1], rng)
    # What the discriminator learns meanwhile has no bearing on the samples.

    def sample(n: int, rng: Generator) -> Array:
        return np.asarray(mean + spread * net_forward(rng.standard_normal((n, NOISE)), G)[0])

    return sample


@misconception(
    "fit",
    "one noise for all samples",
    """The noise is drawn once and used for all n samples, so they are all the same number. Each sample
    needs noise of its own.""",
)
def fit_with_one_noise(data: Array, steps: int, rng: Generator) -> Any:
    mean, spread = np.mean(data), np.std(data)
    G = init_net([NOISE, HIDDEN_G, HIDDEN_G, 1], rng)

    def sample(n: int, rng: Generator) -> Array:
        z = np.repeat(rng.standard_normal((1, NOISE)), n, axis=0)
        return np.asarray(mean + spread * net_forward(z, G)[0])

    return sample


@misconception(
    "fit",
    "sampling with the generator of the training",
    """The samples use the random generator that fit was given, and not the one that sample is given. So
    nobody can draw the same samples twice.""",
)
def fit_sampling_with_its_own(data: Array, steps: int, rng: Generator) -> Any:
    mean, spread = np.mean(data), np.std(data)
    G = init_net([NOISE, HIDDEN_G, HIDDEN_G, 1], rng)
    own = rng

    def sample(n: int, rng: Generator) -> Array:
        return np.asarray(mean + spread * net_forward(own.standard_normal((n, NOISE)), G)[0])

    return sample


@misconception(
    "fit",
    "both players on one side",
    """The generator is led by the discriminator's own gradient, so it makes its numbers easier to
    recognise, and they run away from the data. The two play against each other: each has a loss of its
    own.""",
)
def fit_on_one_side(data: Array, steps: int, rng: Generator) -> Any:
    mean, spread = np.mean(data), np.std(data)
    scaled = (data - mean) / spread
    G = init_net([NOISE, HIDDEN_G, HIDDEN_G, 1], rng)
    D = init_net([1, HIDDEN_D, HIDDEN_D, 1], rng)
    memory_G, memory_D = start_adam(G), start_adam(D)
    for step in range(steps):
        shrink = 1.0 - step / steps
        real = rng.choice(scaled, BATCH)
        fake, cache_G = net_forward(rng.standard_normal((BATCH, NOISE)), G)
        d_real, cache_real = net_forward(real[:, None], D)
        d_fake, cache_fake = net_forward(fake[:, None], D)
        dd_real, dd_fake = discriminator_grads(d_real, d_fake)
        _, of_real = net_backward(dd_real, cache_real)
        dfake, of_fake = net_backward(dd_fake, cache_fake)
        grads_D = {name: of_real[name] + of_fake[name] for name in of_real}
        _, grads_G = net_backward(dfake[:, 0], cache_G)
        D, memory_D = adam_step(D, grads_D, memory_D, RATE_D * shrink)
        G, memory_G = adam_step(G, grads_G, memory_G, RATE_G * shrink)

    def sample(n: int, rng: Generator) -> Array:
        return np.asarray(mean + spread * net_forward(rng.standard_normal((n, NOISE)), G)[0])

    return sample


@misconception(
    "fit",
    "never scaled back",
    """The networks play with data of mean 0 and spread 1, and so the generator's numbers are such. Before
    they are handed out, undo the scaling: what was divided out is multiplied in again, and the mean comes
    back.""",
)
def fit_without_scaling_back(data: Array, steps: int, rng: Generator) -> Any:
    scaled = (data - np.mean(data)) / np.std(data)
    G = init_net([NOISE, HIDDEN_G, HIDDEN_G, 1], rng)
    D = init_net([1, HIDDEN_D, HIDDEN_D, 1], rng)
    memory_G, memory_D = start_adam(G), start_adam(D)
    for step in range(steps):
        shrink = 1.0 - step / steps
        real = rng.choice(scaled, BATCH)
        fake, cache_G = net_forward(rng.standard_normal((BATCH, NOISE)), G)
        d_real, cache_real = net_forward(real[:, None], D)
        d_fake, cache_fake = net_forward(fake[:, None], D)
        dd_real, dd_fake = discriminator_grads(d_real, d_fake)
        of_real, of_fake = net_backward(dd_real, cache_real)[1], net_backward(dd_fake, cache_fake)[1]
        grads_D = {name: of_real[name] + of_fake[name] for name in of_real}
        D, memory_D = adam_step(D, grads_D, memory_D, RATE_D * shrink)
        d_fake, cache_fake = net_forward(fake[:, None], D)
        dfake, _ = net_backward(generator_grads(d_fake), cache_fake)
        _, grads_G = net_backward(dfake[:, 0], cache_G)
        G, memory_G = adam_step(G, grads_G, memory_G, RATE_G * shrink)

    def sample(n: int, rng: Generator) -> Array:
        return net_forward(rng.standard_normal((n, NOISE)), G)[0]

    return sample
