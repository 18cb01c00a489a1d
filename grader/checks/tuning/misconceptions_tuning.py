"""What students commonly get wrong in the notebook tuning."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import torch
from torch import nn

from grader.checks import misconception
from grader.checks.tuning.misconceptions_tuning_steps import (
    adam_betas_exchanged,
    adam_correcting_one,
    adam_from_old_means,
    adam_keeping_corrected,
    adam_returning_exchanged,
    adam_uncorrected,
    adam_with_t_of_one,
    rmsprop_adding_up,
    rmsprop_by_old_state,
    rmsprop_exchanged,
    rmsprop_keeping_state,
    rmsprop_of_sizes,
    rmsprop_without_eps,
    rmsprop_without_root,
    sgd_in_place,
    sgd_of_signs,
    sgd_returning_the_step,
    sgd_uphill,
)
from grader.checks.tuning.reference_tuning import (
    accuracy,
    build_model,
    random_search,
    split,
    train,
)

__all__ = [
    "adam_betas_exchanged",
    "adam_correcting_one",
    "adam_from_old_means",
    "adam_keeping_corrected",
    "adam_returning_exchanged",
    "adam_uncorrected",
    "adam_with_t_of_one",
    "count_biases_of_inputs",
    "count_one_bias",
    "count_without_biases",
    "count_without_output",
    "grid_of_one_dict",
    "grid_one_at_a_time",
    "grid_zipped",
    "model_activated_once",
    "model_activated_to_the_end",
    "model_of_relu",
    "model_with_softmax",
    "model_without_activation",
    "rmsprop_adding_up",
    "rmsprop_by_old_state",
    "rmsprop_exchanged",
    "rmsprop_keeping_state",
    "rmsprop_of_sizes",
    "rmsprop_without_eps",
    "rmsprop_without_root",
    "search_integers",
    "search_linear",
    "search_on_a_line",
    "search_once",
    "search_powers",
    "sgd_in_place",
    "sgd_of_signs",
    "sgd_returning_the_step",
    "sgd_uphill",
    "split_in_order",
    "split_losing_rows",
    "split_overlapping",
    "split_then_shuffle",
    "split_torn",
    "tune_beyond_the_budget",
    "tune_by_training_accuracy",
    "tune_returning_the_last",
    "tune_validating_on_training_rows",
    "tune_without_seed",
]

# --- count_parameters -------------------------------------------------------------------------------------


@misconception(
    "count_parameters",
    "biases forgotten",
    """You count the weights between the layers, and nothing else. Every unit of a layer also has a bias
    of its own, and training turns that as well.""",
)
def count_without_biases(layer_sizes: Any) -> Any:
    return sum(a * b for a, b in itertools.pairwise(layer_sizes))


@misconception(
    "count_parameters",
    "a bias for each input",
    """You count a bias for every input of a layer. A bias belongs to the unit that adds up: there are as
    many as the layer has outputs, and the pixels have none.""",
)
def count_biases_of_inputs(layer_sizes: Any) -> Any:
    return sum((a * b) + a for a, b in itertools.pairwise(layer_sizes))


@misconception(
    "count_parameters",
    "the output layer left out",
    """You count the hidden layers only. The weights that lead to the outputs, and the outputs' biases,
    are learned like all others.""",
)
def count_without_output(layer_sizes: Any) -> Any:
    return sum(a * b + b for a, b in itertools.pairwise(layer_sizes[:-1]))


@misconception(
    "count_parameters",
    "one bias a layer",
    """You count one bias for each layer. Every unit has a bias of its own, so a layer of 10 units has
    10.""",
)
def count_one_bias(layer_sizes: Any) -> Any:
    return sum(a * b + 1 for a, b in itertools.pairwise(layer_sizes))


# --- split ------------------------------------------------------------------------------------------------


@misconception(
    "split",
    "not shuffled",
    """You cut the rows as they come. Data are often sorted, by class or by day; then a model is trained
    on one kind of rows and judged on another. Shuffle before you cut.""",
)
def split_in_order(X: Any, y: Any, fractions: Any, rng: Any) -> Any:
    a = round(fractions[0] * len(X))
    b = a + round(fractions[1] * len(X))
    return X[:a], y[:a], X[a:b], y[a:b], X[b:], y[b:]


@misconception(
    "split",
    "X and y shuffled differently",
    """You shuffle X and y each in an order of its own, and then rows have the labels of other rows. Draw
    one order, and use it for both.""",
)
def split_torn(X: Any, y: Any, fractions: Any, rng: Any) -> Any:
    X, y = X[rng.permutation(len(X))], y[rng.permutation(len(y))]
    a = round(fractions[0] * len(X))
    b = a + round(fractions[1] * len(X))
    return X[:a], y[:a], X[a:b], y[a:b], X[b:], y[b:]


@misconception(
    "split",
    "parts that overlap",
    """You draw each part from all rows, so rows of the training turn up again in validation and test. A
    model is then praised for what it knows by heart. Every row belongs to one part only.""",
)
def split_overlapping(X: Any, y: Any, fractions: Any, rng: Any) -> Any:
    parts = []
    for fraction in fractions:
        rows = rng.permutation(len(X))[: round(fraction * len(X))]
        parts += [X[rows], y[rows]]
    return tuple(parts)


@misconception(
    "split",
    "rows lost by rounding",
    """Each part's size is rounded down by itself, and the rows that remain are in no part. Let the last
    part take whatever is left.""",
)
def split_losing_rows(X: Any, y: Any, fractions: Any, rng: Any) -> Any:
    order = rng.permutation(len(X))
    parts, start = [], 0
    for fraction in fractions:
        size = int(fraction * len(X))
        rows = order[start : start + size]
        parts += [X[rows], y[rows]]
        start += size
    return parts


@misconception(
    "split",
    "cut before shuffling",
    """You cut first and shuffle within the parts. The order inside of a part does not matter; which rows
    are in it does, and those are still the first, the middle and the last ones.""",
)
def split_then_shuffle(X: Any, y: Any, fractions: Any, rng: Any) -> Any:
    a = round(fractions[0] * len(X))
    b = a + round(fractions[1] * len(X))
    parts = []
    for low, high in ((0, a), (a, b), (b, len(X))):
        rows = low + rng.permutation(high - low)
        parts += [X[rows], y[rows]]
    return parts


# --- grid -------------------------------------------------------------------------------------------------


@misconception(
    "grid",
    "zip instead of product",
    """You pair the first choices, then the second ones, and so on. A grid has every choice of one name
    with every choice of all the others: 3 and 4 choices make 12 combinations.""",
)
def grid_zipped(space: Any) -> Any:
    return [dict(zip(space, values, strict=True)) for values in zip(*space.values(), strict=False)]


@misconception(
    "grid",
    "one at a time",
    """You change one setting and leave all others at their first choice. So you never see two changes
    together, and hyperparameters depend on each other: a larger batch wants another learning rate.""",
)
def grid_one_at_a_time(space: Any) -> Any:
    first = {name: choices[0] for name, choices in space.items()}
    found = [first]
    for name, choices in space.items():
        found += [{**first, name: choice} for choice in choices[1:]]
    return found


@misconception(
    "grid",
    "one dict filled again and again",
    """You put the same dict into the list each time and go on changing it: in the end all entries are
    that one dict with the last combination. Make a new dict for each.""",
)
def grid_of_one_dict(space: Any) -> Any:
    found, settings = [], {}
    for values in itertools.product(*space.values()):
        for name, value in zip(space, values, strict=True):
            settings[name] = value
        found.append(settings)
    return found


# --- random_search ----------------------------------------------------------------------------------------


@misconception(
    "random_search",
    "linear where log was asked",
    """You draw evenly between the ends of a "log" range. Of a range from 0.0001 to 1 nine draws in ten
    then lie above 0.1, and the small learning rates are hardly ever tried. Draw the exponent evenly.""",
)
def search_linear(space: Any, n: Any, rng: Any) -> Any:
    found = []
    for _ in range(n):
        settings = {}
        for name, options in space.items():
            if isinstance(options, list):
                settings[name] = options[int(rng.integers(len(options)))]
            else:
                settings[name] = float(rng.uniform(options[0], options[1]))
        found.append(settings)
    return found


@misconception(
    "random_search",
    "whole numbers for a range",
    """You draw whole numbers. A range stands for all numbers between its ends: between 0.0001 and 0.1
    there is no whole number at all.""",
)
def search_integers(space: Any, n: Any, rng: Any) -> Any:
    found = []
    for _ in range(n):
        settings = {}
        for name, options in space.items():
            if isinstance(options, list):
                settings[name] = options[int(rng.integers(len(options)))]
            else:
                settings[name] = int(rng.integers(math.floor(options[0]), math.ceil(options[1]) + 1))
        found.append(settings)
    return found


@misconception(
    "random_search",
    "one draw for all settings",
    """You draw one setting and hand it out n times. Each of the n settings is to be drawn anew; otherwise
    n trainings tell no more than one.""",
)
def search_once(space: Any, n: Any, rng: Any) -> Any:
    settings = {}
    for name, options in space.items():
        if isinstance(options, list):
            settings[name] = options[int(rng.integers(len(options)))]
        elif options[2] == "log":
            settings[name] = math.exp(rng.uniform(math.log(options[0]), math.log(options[1])))
        else:
            settings[name] = float(rng.uniform(options[0], options[1]))
    return [dict(settings) for _ in range(n)]


@misconception(
    "random_search",
    "one random number for all names",
    """Within a setting you use the same random number for every range, so all settings lie on one line
    through the space: a high learning rate always comes with a high everything else. Draw for each
    name.""",
)
def search_on_a_line(space: Any, n: Any, rng: Any) -> Any:
    found = []
    for _ in range(n):
        share, settings = rng.random(), {}
        for name, options in space.items():
            if isinstance(options, list):
                settings[name] = options[int(share * len(options))]
            elif options[2] == "log":
                settings[name] = options[0] * (options[1] / options[0]) ** share
            else:
                settings[name] = options[0] + share * (options[1] - options[0])
        found.append(settings)
    return found


@misconception(
    "random_search",
    "bounds taken for exponents",
    """You raise 10 to a number between the bounds. The bounds are values, such as 0.001; their logarithms
    are the ends between which the exponent is drawn.""",
)
def search_powers(space: Any, n: Any, rng: Any) -> Any:
    found = []
    for _ in range(n):
        settings = {}
        for name, options in space.items():
            if isinstance(options, list):
                settings[name] = options[int(rng.integers(len(options)))]
            elif options[2] == "log":
                settings[name] = float(10 ** rng.uniform(options[0], options[1]))
            else:
                settings[name] = float(rng.uniform(options[0], options[1]))
        found.append(settings)
    return found


# --- build_model ------------------------------------------------------------------------------------------


@misconception(
    "build_model",
    "activation after the last layer",
    """You put the activation after every layer. The last layer gives logits, which may be any numbers:
    after a ReLU none can be negative, after a sigmoid all lie between 0 and 1, and the loss can no longer
    tell the classes apart.""",
    also=("tune",),
)
def model_activated_to_the_end(layer_sizes: Any, activation: Any) -> Any:
    kinds = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}
    layers = []
    for n_in, n_out in itertools.pairwise(layer_sizes):
        layers += [nn.Linear(n_in, n_out), kinds[activation]()]
    return nn.Sequential(*layers)


@misconception(
    "build_model",
    "softmax in the model",
    """Your model ends with a softmax. PyTorch's cross-entropy takes logits and applies the softmax
    itself; with two of them in a row, even a perfect model has a large loss, and the gradients are
    small.""",
    also=("tune",),
)
def model_with_softmax(layer_sizes: Any, activation: Any) -> Any:
    kinds = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}
    layers = []
    for n_in, n_out in itertools.pairwise(layer_sizes):
        layers += [nn.Linear(n_in, n_out), kinds[activation]()]
    return nn.Sequential(*layers[:-1], nn.Softmax(dim=1))


@misconception(
    "build_model",
    "one activation for the whole net",
    """You have an activation after the first layer only. Two linear layers in a row are one linear layer:
    what is behind the first activation adds parameters, and no power.""",
    also=("tune",),
)
def model_activated_once(layer_sizes: Any, activation: Any) -> Any:
    kinds = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}
    layers: Any = []
    for n_in, n_out in itertools.pairwise(layer_sizes):
        layers.append(nn.Linear(n_in, n_out))
        if len(layers) == 1 and len(layer_sizes) > 2:
            layers.append(kinds[activation]())
    return nn.Sequential(*layers)


@misconception(
    "build_model",
    "always ReLU",
    """Whatever activation is asked for, your model has ReLU. It is the argument that decides.""",
    also=("tune",),
)
def model_of_relu(layer_sizes: Any, activation: Any) -> Any:
    layers = []
    for n_in, n_out in itertools.pairwise(layer_sizes):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


@misconception(
    "build_model",
    "no activation at all",
    """Your layers follow each other without an activation. However many there are, together they are one
    linear layer.""",
    also=("tune",),
)
def model_without_activation(layer_sizes: Any, activation: Any) -> Any:
    pairs = itertools.pairwise(layer_sizes)
    return nn.Sequential(*[nn.Linear(n_in, n_out) for n_in, n_out in pairs])


# --- tune -------------------------------------------------------------------------------------------------


@misconception(
    "tune",
    "choice by training accuracy",
    """You take the net that knows its training rows best. That rewards learning by heart. The rows held
    out for validation say which settings carry over to new rows: let them choose.""",
)
def tune_by_training_accuracy(X: Any, y: Any, budget: Any, seed: Any) -> Any:
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    X_train, y_train, X_val, y_val, _, _ = split(X, y, (0.8, 0.2, 0.0), rng)
    space = {"hidden": [[16], [64], [128]], "learning_rate": (3e-4, 1e-2, "log")}
    best, most, history = None, -1.0, []
    for settings in random_search(space, budget, rng):
        model = build_model([X.shape[1], *settings["hidden"], 10], "relu")
        train(model, X_train, y_train, learning_rate=settings["learning_rate"], epochs=8, seed=seed)
        entry = {**settings, "val_accuracy": accuracy(model, X_val, y_val)}
        history.append(entry)
        if accuracy(model, X_train, y_train) > most:
            best, most = {**entry, "model": model}, accuracy(model, X_train, y_train)
    return best, history


@misconception(
    "tune",
    "the last one wins",
    """You return the training that came last. Keep the best so far, and replace it only where the
    validation accuracy is higher.""",
)
def tune_returning_the_last(X: Any, y: Any, budget: Any, seed: Any) -> Any:
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    X_train, y_train, X_val, y_val, _, _ = split(X, y, (0.8, 0.2, 0.0), rng)
    space = {"hidden": [[16], [64], [128]], "learning_rate": (3e-4, 1e-2, "log")}
    best, history = None, []
    for settings in random_search(space, budget, rng):
        model = build_model([X.shape[1], *settings["hidden"], 10], "relu")
        train(model, X_train, y_train, learning_rate=settings["learning_rate"], epochs=8, seed=seed)
        history.append({**settings, "val_accuracy": accuracy(model, X_val, y_val)})
        best = {**history[-1], "model": model}
    return best, history


@misconception(
    "tune",
    "validated on training rows",
    """You train on all rows and measure val_accuracy on some of them. A net that knows these rows by
    heart gets them right, whatever it does on new ones. Put the validation rows aside before you
    train.""",
)
def tune_validating_on_training_rows(X: Any, y: Any, budget: Any, seed: Any) -> Any:
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    _, _, X_val, y_val, _, _ = split(X, y, (0.8, 0.2, 0.0), rng)
    space = {"hidden": [[64], [128]], "learning_rate": (2e-3, 1e-2, "log")}
    best, history = None, []
    for settings in random_search(space, budget, rng):
        model = build_model([X.shape[1], *settings["hidden"], 10], "relu")
        train(model, X, y, learning_rate=settings["learning_rate"], epochs=10, seed=seed)
        entry = {**settings, "val_accuracy": accuracy(model, X_val, y_val)}
        history.append(entry)
        if best is None or entry["val_accuracy"] > best["val_accuracy"]:
            best = {**entry, "model": model}
    return best, history


@misconception(
    "tune",
    "the winner is trained once more",
    """After the search you build the winner anew and train it again, on top of the budget. Every training
    costs, and counts. Keep the winner's model while you search, or leave one training of the budget for
    it.""",
)
def tune_beyond_the_budget(X: Any, y: Any, budget: Any, seed: Any) -> Any:
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    X_train, y_train, X_val, y_val, _, _ = split(X, y, (0.8, 0.2, 0.0), rng)
    space = {"hidden": [[64], [128]], "learning_rate": (1e-3, 1e-2, "log")}
    history = []
    for settings in random_search(space, budget, rng):
        model = build_model([X.shape[1], *settings["hidden"], 10], "relu")
        train(model, X_train, y_train, learning_rate=settings["learning_rate"], epochs=10, seed=seed)
        history.append({**settings, "val_accuracy": accuracy(model, X_val, y_val)})
    best = max(history, key=lambda entry: entry["val_accuracy"])
    model = build_model([X.shape[1], *best["hidden"], 10], "relu")
    train(model, X, y, learning_rate=best["learning_rate"], epochs=10, seed=seed)
    return {**best, "model": model}, history


@misconception(
    "tune",
    "the seed is not used",
    """You draw settings and rows from a generator without a seed. Nobody, not even you, can then repeat
    the search. Everything random comes from the seed: the split, the settings, and PyTorch's first
    weights.""",
)
def tune_without_seed(X: Any, y: Any, budget: Any, seed: Any) -> Any:
    rng = np.random.default_rng(seed)
    X_train, y_train, X_val, y_val, _, _ = split(X, y, (0.8, 0.2, 0.0), rng)
    space = {"hidden": [[64], [128]], "learning_rate": (1e-3, 1e-2, "log")}
    best, history = None, []
    for settings in random_search(space, budget, rng):
        model = build_model([X.shape[1], *settings["hidden"], 10], "relu")
        train(model, X_train, y_train, learning_rate=settings["learning_rate"], epochs=10)
        entry = {**settings, "val_accuracy": accuracy(model, X_val, y_val)}
        history.append(entry)
        if best is None or entry["val_accuracy"] > best["val_accuracy"]:
            best = {**entry, "model": model}
    return best, history


@misconception(
    "tune",
    "val_accuracy is never measured",
    """The validation accuracy in your history is a number that you wrote down, and not one that you measured.
    Then all trainings look alike, and the first one wins. Ask each net about the validation rows.""",
)
def tune_without_validation(X: Any, y: Any, budget: Any, seed: Any) -> Any:
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    X_train, y_train, *_ = split(X, y, (0.8, 0.2, 0.0), rng)
    space = {"hidden": [[64], [128]], "learning_rate": (1e-3, 1e-2, "log")}
    best, history = None, []
    for settings in random_search(space, budget, rng):
        model = build_model([X.shape[1], *settings["hidden"], 10], "relu")
        train(model, X_train, y_train, learning_rate=settings["learning_rate"], epochs=10, seed=seed)
        history.append({**settings, "val_accuracy": 0.0})
        best = best or {**history[-1], "model": model}
    return best, history
