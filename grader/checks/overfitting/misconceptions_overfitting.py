"""What students commonly get wrong in the notebook overfitting; see also misconceptions_nets."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from grader.checks import misconception
from grader.checks.overfitting.misconceptions_nets import (
    build_activation_last,
    build_dropout_inputs,
    build_dropout_last_layer,
    build_dropout_output,
    build_keep_probability,
    build_no_activation,
    build_one_layer,
    train_all_pairs,
    train_evaluating,
    train_last_batch,
    train_never_zeroed,
    train_no_shuffle,
    train_own_batch_size,
    train_summed,
    train_unseeded,
)
from grader.checks.overfitting.reference_overfitting import (
    build_model,
    k_fold,
    standardise,
    tensor,
    train,
)

__all__ = [
    "build_activation_last",
    "build_dropout_inputs",
    "build_dropout_last_layer",
    "build_dropout_output",
    "build_keep_probability",
    "build_no_activation",
    "build_one_layer",
    "train_all_pairs",
    "train_evaluating",
    "train_last_batch",
    "train_never_zeroed",
    "train_no_shuffle",
    "train_own_batch_size",
    "train_summed",
    "train_unseeded",
]

# --- standardise ------------------------------------------------------------------------------------------


@misconception(
    "standardise",
    "other rows by their own statistics",
    """You standardise the other rows by their own mean and standard deviation. Then the same car gets other
    numbers in other company, and a single row always becomes 0. The ruler is made once, from the training
    rows, and everything is measured with it.""",
)
def standardise_own(X_train: Any, X_other: Any) -> Any:
    def scaled(X: Any) -> Any:
        sd = X.std(axis=0)
        return (X - X.mean(axis=0)) / np.where(sd == 0, 1.0, sd)

    return scaled(X_train), scaled(X_other)


@misconception(
    "standardise",
    "statistics of all rows together",
    """You take mean and standard deviation of all rows, the other ones among them. So something of the rows
    that are to judge the model has leaked into what the model gets. Only the training rows may be known.""",
)
def standardise_together(X_train: Any, X_other: Any) -> Any:
    everything = np.concatenate([X_train, X_other])
    mean, sd = everything.mean(axis=0), everything.std(axis=0)
    sd = np.where(sd == 0, 1.0, sd)
    return (X_train - mean) / sd, (X_other - mean) / sd


@misconception(
    "standardise",
    "divided by the variance",
    """You divide by the variance. It has the square of the column's unit, so the result still depends on the
    unit (pounds or kilograms?). Divided by its root, the standard deviation, every column has spread 1.""",
)
def standardise_variance(X_train: Any, X_other: Any) -> Any:
    mean, variance = X_train.mean(axis=0), X_train.var(axis=0)
    variance = np.where(variance == 0, 1.0, variance)
    return (X_train - mean) / variance, (X_other - mean) / variance


@misconception(
    "standardise",
    "one mean for the whole table",
    """You take one mean and one standard deviation for the whole table. Pounds, seconds and years are
    averaged then, and the largest column decides. Each column has a scale of its own: which axis runs over
    the rows?""",
)
def standardise_whole(X_train: Any, X_other: Any) -> Any:
    mean, sd = X_train.mean(), X_train.std()
    return (X_train - mean) / sd, (X_other - mean) / sd


@misconception(
    "standardise",
    "division by nought in a constant column",
    """A column that is the same in all training rows has standard deviation 0, and you divide by it: the
    result is NaN, and so will be every prediction of the net. Such a column says nothing; divide by 1
    there.""",
)
def standardise_nan(X_train: Any, X_other: Any) -> Any:
    mean, sd = X_train.mean(axis=0), X_train.std(axis=0)
    return (X_train - mean) / sd, (X_other - mean) / sd


@misconception(
    "standardise",
    "standardised in place",
    """You shift and scale the arrays that were handed to you. Whoever called you still needs the raw rows:
    the next fold would standardise what is standardised already, by other rows. Compute new arrays.""",
)
def standardise_in_place(X_train: Any, X_other: Any) -> Any:
    mean, sd = X_train.mean(axis=0), X_train.std(axis=0)
    sd = np.where(sd == 0, 1.0, sd)
    X_train -= mean
    X_train /= sd
    return X_train, (X_other - mean) / sd


# --- k_fold -----------------------------------------------------------------------------------------------


@misconception(
    "k_fold",
    "rows in the order of the table",
    """You cut the table into blocks without shuffling. Tables are often sorted (the cars by year): each fold
    would then be judged by years that it has never seen. Draw a permutation of the rows first.""",
)
def k_fold_unshuffled(n: Any, k: Any, rng: Any) -> Any:
    parts = np.array_split(np.arange(n), k)
    return [(np.concatenate([*parts[:i], *parts[i + 1 :]]), parts[i]) for i in range(k)]


@misconception(
    "k_fold",
    "training and validation part exchanged",
    """You return the one part first and the others second: the net would learn from one fold and be judged
    by all the others. Most rows are for the training; each fold is validated by one part.""",
)
def k_fold_exchanged(n: Any, k: Any, rng: Any) -> Any:
    parts = np.array_split(rng.permutation(n), k)
    return [(parts[i], np.concatenate([*parts[:i], *parts[i + 1 :]])) for i in range(k)]


@misconception(
    "k_fold",
    "a new permutation for each fold",
    """You shuffle anew in every fold. Then some rows are validated twice and others never. Shuffle once, cut
    into k parts, and let each part be the validation part once.""",
)
def k_fold_anew(n: Any, k: Any, rng: Any) -> Any:
    folds = []
    for _ in range(k):
        order = rng.permutation(n)
        folds.append((order[n // k :], order[: n // k]))
    return folds


@misconception(
    "k_fold",
    "the remainder is left out",
    """Every part of yours has n // k rows, so up to k - 1 rows are in no validation part where k does not
    divide n. Let the first n % k parts have a row more.""",
)
def k_fold_remainder(n: Any, k: Any, rng: Any) -> Any:
    order, size = rng.permutation(n), n // k
    folds = []
    for i in range(k):
        val = order[i * size : (i + 1) * size]
        folds.append((np.setdiff1d(order, val), val))
    return folds


@misconception(
    "k_fold",
    "trained on all rows",
    """Your training part has all rows, those of the validation part among them. A net that learns its
    validation rows by heart would then look perfect. A row is on one side or on the other.""",
)
def k_fold_all_rows(n: Any, k: Any, rng: Any) -> Any:
    order = rng.permutation(n)
    return [(order, val) for val in np.array_split(order, k)]


@misconception(
    "k_fold",
    "not drawn from rng",
    """You shuffle with NumPy's global generator, or a seed of your own, and not with the generator that you
    are given. Then nobody can repeat your folds, or draw others. Call rng's own methods.""",
)
def k_fold_global(n: Any, k: Any, rng: Any) -> Any:
    parts = np.array_split(np.random.permutation(n), k)
    return [(np.concatenate([*parts[:i], *parts[i + 1 :]]), parts[i]) for i in range(k)]


# --- cross_validate ---------------------------------------------------------------------------------------


@misconception(
    "cross_validate",
    "predictions (m, 1) against targets (m,)",
    """The net gives its predictions in shape (m, 1), and you subtract targets of shape (m,): NumPy makes a
    table of every prediction against every target. Its mean is about the error of guessing. Bring both to
    the same shape.""",
)
def cross_validate_all_pairs(
    X: Any, y: Any, hidden: Any, dropout: Any, k: Any, epochs: Any, seed: Any
) -> Any:
    errors = []
    for rows, val in k_fold(len(X), k, np.random.default_rng(seed)):
        X_train, X_val = standardise(X[rows], X[val])
        mean, sd = y[rows].mean(), y[rows].std()
        torch.manual_seed(seed)
        model = build_model(X.shape[1], hidden, dropout)
        train(model, tensor(X_train), tensor((y[rows] - mean) / sd), epochs, 32, seed)
        model.eval()
        with torch.no_grad():
            predicted = model(tensor(X_val)).reshape(-1, 1).numpy() * sd + mean
        errors.append(float(np.mean(np.abs(predicted - y[val]))))
    return errors


@misconception(
    "cross_validate",
    "settings of its own",
    """You train nets of a size and with a dropout of your own choice, whatever hidden and dropout say. Then
    all candidates get the same error, and cross-validation has nothing to choose between.""",
)
def cross_validate_own_settings(
    X: Any, y: Any, hidden: Any, dropout: Any, k: Any, epochs: Any, seed: Any
) -> Any:
    errors = []
    for rows, val in k_fold(len(X), k, np.random.default_rng(seed)):
        X_train, X_val = standardise(X[rows], X[val])
        mean, sd = y[rows].mean(), y[rows].std()
        torch.manual_seed(seed)
        model = build_model(X.shape[1], [16], 0.0)
        train(model, tensor(X_train), tensor((y[rows] - mean) / sd), epochs, 32, seed)
        model.eval()
        with torch.no_grad():
            predicted = model(tensor(X_val)).numpy().reshape(-1) * sd + mean
        errors.append(float(np.mean(np.abs(predicted - y[val]))))
    return errors


@misconception(
    "cross_validate",
    "root of the mean squared error",
    """You return the root of the mean squared error. One large mistake weighs more there than many small
    ones. The mean absolute error is asked for: how far off is a prediction, on average?""",
)
def cross_validate_rmse(X: Any, y: Any, hidden: Any, dropout: Any, k: Any, epochs: Any, seed: Any) -> Any:
    errors = []
    for rows, val in k_fold(len(X), k, np.random.default_rng(seed)):
        X_train, X_val = standardise(X[rows], X[val])
        mean, sd = y[rows].mean(), y[rows].std()
        torch.manual_seed(seed)
        model = build_model(X.shape[1], hidden, dropout)
        train(model, tensor(X_train), tensor((y[rows] - mean) / sd), epochs, 32, seed)
        model.eval()
        with torch.no_grad():
            predicted = model(tensor(X_val)).numpy().reshape(-1) * sd + mean
        errors.append(float(np.sqrt(np.mean((predicted - y[val]) ** 2))))
    return errors


@misconception(
    "cross_validate",
    "errors in standard deviations",
    """You compare standardised predictions with standardised targets, so your errors are in standard
    deviations of y and not in its units. Bring the predictions back first: times the standard deviation,
    plus the mean.""",
)
def cross_validate_standardised(
    X: Any, y: Any, hidden: Any, dropout: Any, k: Any, epochs: Any, seed: Any
) -> Any:
    errors = []
    for rows, val in k_fold(len(X), k, np.random.default_rng(seed)):
        X_train, X_val = standardise(X[rows], X[val])
        mean, sd = y[rows].mean(), y[rows].std()
        torch.manual_seed(seed)
        model = build_model(X.shape[1], hidden, dropout)
        train(model, tensor(X_train), tensor((y[rows] - mean) / sd), epochs, 32, seed)
        model.eval()
        with torch.no_grad():
            predicted = model(tensor(X_val)).numpy().reshape(-1)
        errors.append(float(np.mean(np.abs(predicted - (y[val] - mean) / sd))))
    return errors


@misconception(
    "cross_validate",
    "standardised before the folds are cut",
    """You standardise the whole table before it is cut into folds. So each fold's validation rows have had a
    part in the numbers that its training rows get: what should be unknown has leaked. Standardise inside the
    loop, by the fold's training rows.""",
)
def cross_validate_leak(X: Any, y: Any, hidden: Any, dropout: Any, k: Any, epochs: Any, seed: Any) -> Any:
    X, _ = standardise(X, X)
    errors = []
    for rows, val in k_fold(len(X), k, np.random.default_rng(seed)):
        mean, sd = y[rows].mean(), y[rows].std()
        torch.manual_seed(seed)
        model = build_model(X.shape[1], hidden, dropout)
        train(model, tensor(X[rows]), tensor((y[rows] - mean) / sd), epochs, 32, seed)
        model.eval()
        with torch.no_grad():
            predicted = model(tensor(X[val])).numpy().reshape(-1) * sd + mean
        errors.append(float(np.mean(np.abs(predicted - y[val]))))
    return errors


@misconception(
    "cross_validate",
    "validation rows by their own ruler",
    """You standardise the validation rows by their own mean and standard deviation. The net has learned what
    the training rows' units mean; give it the validation rows in the same units.""",
)
def cross_validate_own_ruler(
    X: Any, y: Any, hidden: Any, dropout: Any, k: Any, epochs: Any, seed: Any
) -> Any:
    errors = []
    for rows, val in k_fold(len(X), k, np.random.default_rng(seed)):
        X_train, X_val = standardise(X[rows], X[rows])[0], standardise(X[val], X[val])[0]
        mean, sd = y[rows].mean(), y[rows].std()
        torch.manual_seed(seed)
        model = build_model(X.shape[1], hidden, dropout)
        train(model, tensor(X_train), tensor((y[rows] - mean) / sd), epochs, 32, seed)
        model.eval()
        with torch.no_grad():
            predicted = model(tensor(X_val)).numpy().reshape(-1) * sd + mean
        errors.append(float(np.mean(np.abs(predicted - y[val]))))
    return errors


@misconception(
    "cross_validate",
    "errors of the training rows",
    """You measure the error on the rows that the fold was trained with. It says how well the net remembers,
    not how well it predicts: it keeps falling while the net overfits. The fold's validation rows are for
    that.""",
)
def cross_validate_training_error(
    X: Any, y: Any, hidden: Any, dropout: Any, k: Any, epochs: Any, seed: Any
) -> Any:
    errors = []
    for rows, _ in k_fold(len(X), k, np.random.default_rng(seed)):
        X_train, _ = standardise(X[rows], X[rows])
        mean, sd = y[rows].mean(), y[rows].std()
        torch.manual_seed(seed)
        model = build_model(X.shape[1], hidden, dropout)
        train(model, tensor(X_train), tensor((y[rows] - mean) / sd), epochs, 32, seed)
        model.eval()
        with torch.no_grad():
            predicted = model(tensor(X_train)).numpy().reshape(-1) * sd + mean
        errors.append(float(np.mean(np.abs(predicted - y[rows]))))
    return errors


@misconception(
    "cross_validate",
    "one net for all folds",
    """You build the net once, before the folds. From the second fold on it has already been trained with the
    rows that are to judge it. Each fold needs a fresh net.""",
)
def cross_validate_one_net(X: Any, y: Any, hidden: Any, dropout: Any, k: Any, epochs: Any, seed: Any) -> Any:
    torch.manual_seed(seed)
    model = build_model(X.shape[1], hidden, dropout)
    errors = []
    for rows, val in k_fold(len(X), k, np.random.default_rng(seed)):
        X_train, X_val = standardise(X[rows], X[val])
        mean, sd = y[rows].mean(), y[rows].std()
        train(model, tensor(X_train), tensor((y[rows] - mean) / sd), epochs, 32, seed)
        model.eval()
        with torch.no_grad():
            predicted = model(tensor(X_val)).numpy().reshape(-1) * sd + mean
        errors.append(float(np.mean(np.abs(predicted - y[val]))))
    return errors


# --- choose -----------------------------------------------------------------------------------------------


@misconception(
    "choose",
    "a straight line",
    """You train a net without hidden layers. It can only draw straight lines, and the data bend: it
    underfits. Let cross_validate compare it with nets that have hidden units.""",
)
def choose_line(X: Any, y: Any, seed: Any) -> Any:
    mean, sd = y.mean(), y.std()
    torch.manual_seed(seed)
    model = build_model(X.shape[1], [], 0.0)
    train(model, tensor(standardise(X, X)[0]), tensor((y - mean) / sd), 60, 32, seed)
    model.eval()

    def predict(rows: Any) -> Any:
        with torch.no_grad():
            return model(tensor(standardise(X, rows)[1])).numpy().reshape(-1) * sd + mean

    return predict


@misconception(
    "choose",
    "predictions in standard deviations",
    """What your function returns are predictions of the standardised y. Who asks wants them in y's own
    units: times the standard deviation, plus the mean.""",
)
def choose_standardised(X: Any, y: Any, seed: Any) -> Any:
    torch.manual_seed(seed)
    model = build_model(X.shape[1], [16], 0.0)
    train(model, tensor(standardise(X, X)[0]), tensor((y - y.mean()) / y.std()), 60, 32, seed)
    model.eval()

    def predict(rows: Any) -> Any:
        with torch.no_grad():
            return model(tensor(standardise(X, rows)[1])).numpy().reshape(-1)

    return predict


@misconception(
    "choose",
    "raw rows into the net",
    """You train on raw rows. A feature in thousands drowns one in hundredths, and the steps that suit the
    one are far too large or too small for the other. Standardise, and let your function do the same with the
    rows it is asked about.""",
)
def choose_raw(X: Any, y: Any, seed: Any) -> Any:
    mean, sd = y.mean(), y.std()
    torch.manual_seed(seed)
    model = build_model(X.shape[1], [16], 0.0)
    train(model, tensor(X), tensor((y - mean) / sd), 60, 32, seed)
    model.eval()

    def predict(rows: Any) -> Any:
        with torch.no_grad():
            return model(tensor(rows)).numpy().reshape(-1) * sd + mean

    return predict


@misconception(
    "choose",
    "new rows by their own ruler",
    """Your function standardises the rows that it is asked about by *their* mean and standard deviation. So
    a row's prediction depends on the company it comes in. Keep the statistics of the rows that the net was
    trained with.""",
)
def choose_own_ruler(X: Any, y: Any, seed: Any) -> Any:
    mean, sd = y.mean(), y.std()
    torch.manual_seed(seed)
    model = build_model(X.shape[1], [16], 0.0)
    train(model, tensor(standardise(X, X)[0]), tensor((y - mean) / sd), 60, 32, seed)
    model.eval()

    def predict(rows: Any) -> Any:
        with torch.no_grad():
            return model(tensor(standardise(rows, rows)[0])).numpy().reshape(-1) * sd + mean

    return predict


@misconception(
    "choose",
    "dropout at work while predicting",
    """Your net still drops units while it predicts, so it says something else each time. Dropout is for the
    training; switch the model to evaluation before it predicts.""",
)
def choose_dropping(X: Any, y: Any, seed: Any) -> Any:
    mean, sd = y.mean(), y.std()
    torch.manual_seed(seed)
    model = build_model(X.shape[1], [64], 0.2)
    train(model, tensor(standardise(X, X)[0]), tensor((y - mean) / sd), 60, 32, seed)

    def predict(rows: Any) -> Any:
        with torch.no_grad():
            return model(tensor(standardise(X, rows)[1])).numpy().reshape(-1) * sd + mean

    return predict
