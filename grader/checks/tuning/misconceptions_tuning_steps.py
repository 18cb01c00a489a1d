"""What students commonly get wrong in the three optimisers' steps of the notebook tuning."""

from __future__ import annotations

from typing import Any

import torch

from grader.checks import misconception

__all__ = [
    "adam_betas_exchanged",
    "adam_correcting_one",
    "adam_from_old_means",
    "adam_keeping_corrected",
    "adam_returning_exchanged",
    "adam_uncorrected",
    "adam_with_t_of_one",
    "rmsprop_adding_up",
    "rmsprop_by_old_state",
    "rmsprop_exchanged",
    "rmsprop_keeping_state",
    "rmsprop_of_sizes",
    "rmsprop_without_eps",
    "rmsprop_without_root",
    "sgd_in_place",
    "sgd_of_signs",
    "sgd_returning_the_step",
    "sgd_uphill",
]

# --- sgd_step ---------------------------------------------------------------------------------------------


@misconception(
    "sgd_step",
    "uphill",
    """You add the gradient. It points to where the loss grows fastest; to make the loss smaller, go the
    other way.""",
)
def sgd_uphill(param: Any, grad: Any, learning_rate: Any) -> Any:
    return param + learning_rate * grad


@misconception(
    "sgd_step",
    "returns the step",
    """You return by how much the parameter changes. What is asked for is the parameter after the
    step.""",
)
def sgd_returning_the_step(param: Any, grad: Any, learning_rate: Any) -> Any:
    return -learning_rate * grad


@misconception(
    "sgd_step",
    "only the sign",
    """Every parameter moves equally far, whatever the size of its gradient. In gradient descent a steep
    direction makes a long step, and near the minimum the steps get short by themselves.""",
)
def sgd_of_signs(param: Any, grad: Any, learning_rate: Any) -> Any:
    return param - learning_rate * torch.sign(grad)


@misconception(
    "sgd_step",
    "changed in place",
    """Your step is right, but it writes into the tensor that it was given: -= changes the caller's
    parameter too. Compute a new tensor and return that.""",
)
def sgd_in_place(param: Any, grad: Any, learning_rate: Any) -> Any:
    param -= learning_rate * grad
    return param


# --- rmsprop_step -----------------------------------------------------------------------------------------


@misconception(
    "rmsprop_step",
    "root forgotten",
    """You divide by the mean of the squares, not by its root. A gradient of 0.01 then makes a step a
    hundred times longer instead of one of size 1: only the root has the gradient's own unit.""",
)
def rmsprop_without_root(
    param: Any, grad: Any, state: Any, learning_rate: Any, decay: Any = 0.9, eps: Any = 1e-8
) -> Any:
    state = decay * state + (1 - decay) * grad**2
    return param - learning_rate * grad / (state + eps), state


@misconception(
    "rmsprop_step",
    "decay exchanged",
    """You weigh the old mean with 1 - decay and the new square with decay. With decay 0.9 the mean is to
    keep nine tenths of its past, so that it hardly shakes.""",
)
def rmsprop_exchanged(
    param: Any, grad: Any, state: Any, learning_rate: Any, decay: Any = 0.9, eps: Any = 1e-8
) -> Any:
    state = (1 - decay) * state + decay * grad**2
    return param - learning_rate * grad / (torch.sqrt(state) + eps), state


@misconception(
    "rmsprop_step",
    "squares added up",
    """You add up all squared gradients. That is AdaGrad: the sum only grows, and the steps get shorter
    for ever. A running mean forgets.""",
)
def rmsprop_adding_up(
    param: Any, grad: Any, state: Any, learning_rate: Any, decay: Any = 0.9, eps: Any = 1e-8
) -> Any:
    state = state + grad**2
    return param - learning_rate * grad / (torch.sqrt(state) + eps), state


@misconception(
    "rmsprop_step",
    "gradient not squared",
    """Your running mean is one of the gradient's size, not of its square. Root, mean, square: RMS says it
    in the order in which it is undone.""",
)
def rmsprop_of_sizes(
    param: Any, grad: Any, state: Any, learning_rate: Any, decay: Any = 0.9, eps: Any = 1e-8
) -> Any:
    state = decay * state + (1 - decay) * torch.abs(grad)
    return param - learning_rate * grad / (torch.sqrt(state) + eps), state


@misconception(
    "rmsprop_step",
    "divided by the old state",
    """You divide by the root of the mean as it was before this gradient. In the first step that is zero,
    and the step is enormous. Update the state first, then use it.""",
)
def rmsprop_by_old_state(
    param: Any, grad: Any, state: Any, learning_rate: Any, decay: Any = 0.9, eps: Any = 1e-8
) -> Any:
    new = decay * state + (1 - decay) * grad**2
    return param - learning_rate * grad / (torch.sqrt(state) + eps), new


@misconception(
    "rmsprop_step",
    "the old state returned",
    """The step is right, but you hand back the state that came in, so that the next step knows nothing of
    this one.""",
)
def rmsprop_keeping_state(
    param: Any, grad: Any, state: Any, learning_rate: Any, decay: Any = 0.9, eps: Any = 1e-8
) -> Any:
    new = decay * state + (1 - decay) * grad**2
    return param - learning_rate * grad / (torch.sqrt(new) + eps), state


@misconception(
    "rmsprop_step",
    "eps left out",
    """You divide by the root alone. Where a gradient has always been zero, as at a pixel that is always
    white, this is 0/0, and the parameter becomes NaN. The eps is there for that.""",
)
def rmsprop_without_eps(
    param: Any, grad: Any, state: Any, learning_rate: Any, decay: Any = 0.9, eps: Any = 1e-8
) -> Any:
    state = decay * state + (1 - decay) * grad**2
    return param - learning_rate * grad / torch.sqrt(state), state


# --- adam_step --------------------------------------------------------------------------------------------


@misconception(
    "adam_step",
    "no bias correction",
    """You use the running means as they are. They start from zero, so in the first steps they are far too
    small, and not both by the same factor: divide each by 1 minus its beta to the power of t.""",
)
def adam_uncorrected(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    t: Any,
    learning_rate: Any,
    beta1: Any = 0.9,
    beta2: Any = 0.999,
    eps: Any = 1e-8,
) -> Any:
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    return param - learning_rate * m / (torch.sqrt(v) + eps), m, v


@misconception(
    "adam_step",
    "only m corrected",
    """You correct the mean m, and not v. Both start from zero; in the first step v holds a thousandth of
    the squared gradient, and its root makes the step some 30 times too long.""",
)
def adam_correcting_one(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    t: Any,
    learning_rate: Any,
    beta1: Any = 0.9,
    beta2: Any = 0.999,
    eps: Any = 1e-8,
) -> Any:
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    return param - learning_rate * (m / (1 - beta1**t)) / (torch.sqrt(v) + eps), m, v


@misconception(
    "adam_step",
    "corrected as if it were always the first step",
    """Your correction does not use t: it divides by 1 - beta each time. That is right in the first step
    only; the more steps there were, the less is missing, and the correction fades with beta to the power
    of t.""",
)
def adam_with_t_of_one(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    t: Any,
    learning_rate: Any,
    beta1: Any = 0.9,
    beta2: Any = 0.999,
    eps: Any = 1e-8,
) -> Any:
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    return param - learning_rate * (m / (1 - beta1)) / (torch.sqrt(v / (1 - beta2)) + eps), m, v


@misconception(
    "adam_step",
    "corrected means kept",
    """You hand back the corrected means. They are for this step's use only: the next step corrects again,
    and what was already corrected is then too large.""",
)
def adam_keeping_corrected(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    t: Any,
    learning_rate: Any,
    beta1: Any = 0.9,
    beta2: Any = 0.999,
    eps: Any = 1e-8,
) -> Any:
    m = (beta1 * m + (1 - beta1) * grad) / (1 - beta1**t)
    v = (beta2 * v + (1 - beta2) * grad**2) / (1 - beta2**t)
    return param - learning_rate * m / (torch.sqrt(v) + eps), m, v


@misconception(
    "adam_step",
    "m and v exchanged",
    """You return v before m. The order is param, m, v: the mean of the gradients first, that of their
    squares second.""",
)
def adam_returning_exchanged(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    t: Any,
    learning_rate: Any,
    beta1: Any = 0.9,
    beta2: Any = 0.999,
    eps: Any = 1e-8,
) -> Any:
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    return param - learning_rate * (m / (1 - beta1**t)) / (torch.sqrt(v / (1 - beta2**t)) + eps), v, m


@misconception(
    "adam_step",
    "betas exchanged",
    """You use beta2 for the mean of the gradients and beta1 for that of the squares. beta1 belongs to m,
    the momentum, and beta2 to v, which looks back much further.""",
)
def adam_betas_exchanged(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    t: Any,
    learning_rate: Any,
    beta1: Any = 0.9,
    beta2: Any = 0.999,
    eps: Any = 1e-8,
) -> Any:
    m = beta2 * m + (1 - beta2) * grad
    v = beta1 * v + (1 - beta1) * grad**2
    return param - learning_rate * (m / (1 - beta2**t)) / (torch.sqrt(v / (1 - beta1**t)) + eps), m, v


@misconception(
    "adam_step",
    "old means used",
    """Your step uses the means as they came in, without this step's gradient. In the first step they are
    zero, and nothing moves. Update both first.""",
)
def adam_from_old_means(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    t: Any,
    learning_rate: Any,
    beta1: Any = 0.9,
    beta2: Any = 0.999,
    eps: Any = 1e-8,
) -> Any:
    step = learning_rate * (m / (1 - beta1**t)) / (torch.sqrt(v / (1 - beta2**t)) + eps)
    return param - step, beta1 * m + (1 - beta1) * grad, beta2 * v + (1 - beta2) * grad**2
