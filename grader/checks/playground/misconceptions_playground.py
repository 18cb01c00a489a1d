"""Known wrong ways to write the blanks of playground, each with the idea that it misses."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.checks import misconception
from grader.checks.playground.reference_playground import features, make_data, probability, train

# --- features ---------------------------------------------------------------------------------------------


@misconception(
    "features",
    "the order of the table instead of the order asked",
    """The columns come in the order in which the features stand in the table, whatever order was asked
    for. Whoever uses the columns goes by the list of names: its first name belongs to the first column.""",
)
def features_in_own_order(X: Any, names: Any) -> Any:
    x1, x2 = X[:, 0], X[:, 1]
    table = {"x1": x1, "x2": x2, "x1^2": x1**2, "x2^2": x2**2, "x1*x2": x1 * x2}
    table |= {"sin(x1)": np.sin(x1), "sin(x2)": np.sin(x2)}
    chosen = [column for name, column in table.items() for _ in range(list(names).count(name))]
    return np.array(chosen).reshape(len(names), len(X)).T


@misconception(
    "features",
    "each name only once",
    """A name that comes twice is given one column only. The result has a column for every entry of the
    list, so that its width is known from the list's length alone.""",
)
def features_once(X: Any, names: Any) -> Any:
    x1, x2 = X[:, 0], X[:, 1]
    table = {"x1": x1, "x2": x2, "x1^2": x1**2, "x2^2": x2**2, "x1*x2": x1 * x2}
    table |= {"sin(x1)": np.sin(x1), "sin(x2)": np.sin(x2)}
    once = list(dict.fromkeys(names))
    return np.array([table[name] for name in once]).reshape(len(once), len(X)).T


@misconception(
    "features",
    "features as rows",
    """The features lie on top of each other as rows. A batch has one row for each example throughout this
    course, and one column for each feature.""",
)
def features_as_rows(X: Any, names: Any) -> Any:
    x1, x2 = X[:, 0], X[:, 1]
    table = {"x1": x1, "x2": x2, "x1^2": x1**2, "x2^2": x2**2, "x1*x2": x1 * x2}
    table |= {"sin(x1)": np.sin(x1), "sin(x2)": np.sin(x2)}
    return np.array([table[name] for name in names]).reshape(len(names), len(X))


@misconception(
    "features",
    "doubled instead of squared",
    """Twice a coordinate is still a straight line, and gives a net nothing that it did not have. A square
    is the same for x and -x, and that is what a circle needs.""",
)
def features_doubled(X: Any, names: Any) -> Any:
    x1, x2 = X[:, 0], X[:, 1]
    table = {"x1": x1, "x2": x2, "x1^2": 2 * x1, "x2^2": 2 * x2, "x1*x2": x1 * x2}
    table |= {"sin(x1)": np.sin(x1), "sin(x2)": np.sin(x2)}
    result = np.zeros((len(X), len(names)))
    for j, name in enumerate(names):
        result[:, j] = table[name]
    return result


@misconception(
    "features",
    "sum instead of product",
    """The sum of both coordinates is a straight line again. Their product tells whether they have the
    same sign, and no sum can do that.""",
)
def features_summed(X: Any, names: Any) -> Any:
    x1, x2 = X[:, 0], X[:, 1]
    table = {"x1": x1, "x2": x2, "x1^2": x1**2, "x2^2": x2**2, "x1*x2": x1 + x2}
    table |= {"sin(x1)": np.sin(x1), "sin(x2)": np.sin(x2)}
    result = np.zeros((len(X), len(names)))
    for j, name in enumerate(names):
        result[:, j] = table[name]
    return result


@misconception(
    "features",
    "sine of degrees",
    """The coordinates are taken for degrees. NumPy's sine takes its argument in radians, as mathematics
    does: one full wave for every 6.28 units.""",
)
def features_in_degrees(X: Any, names: Any) -> Any:
    x1, x2 = X[:, 0], X[:, 1]
    table = {"x1": x1, "x2": x2, "x1^2": x1**2, "x2^2": x2**2, "x1*x2": x1 * x2}
    table |= {"sin(x1)": np.sin(np.deg2rad(x1)), "sin(x2)": np.sin(np.deg2rad(x2))}
    result = np.zeros((len(X), len(names)))
    for j, name in enumerate(names):
        result[:, j] = table[name]
    return result


@misconception(
    "features",
    "no room for an empty list",
    """An empty list of names is a list, too: the result then has as many rows as X, and no columns.
    Functions that put columns together need at least one; what would be there before the first column
    comes?""",
)
def features_never_none(X: Any, names: Any) -> Any:
    x1, x2 = X[:, 0], X[:, 1]
    table = {"x1": x1, "x2": x2, "x1^2": x1**2, "x2^2": x2**2, "x1*x2": x1 * x2}
    table |= {"sin(x1)": np.sin(x1), "sin(x2)": np.sin(x2)}
    return np.column_stack([table[name] for name in names])


@misconception(
    "features",
    "standardised by the batch",
    """Each column is brought to mean 0 and spread 1 with the batch's own numbers, so the same point has
    other features in other company, and a single row has none at all. A feature is a function of its
    point.""",
)
def features_standardised(X: Any, names: Any) -> Any:
    x1, x2 = X[:, 0], X[:, 1]
    table = {"x1": x1, "x2": x2, "x1^2": x1**2, "x2^2": x2**2, "x1*x2": x1 * x2}
    table |= {"sin(x1)": np.sin(x1), "sin(x2)": np.sin(x2)}
    result = np.zeros((len(X), len(names)))
    for j, name in enumerate(names):
        result[:, j] = (table[name] - np.mean(table[name])) / (np.std(table[name]) + 1e-8)
    return result


# --- diagnose ---------------------------------------------------------------------------------------------


@misconception(
    "diagnose",
    "looks at the training rows only",
    """A small loss on the rows that were learned from is all that this asks for, and a net that learned
    them by heart has the smallest of all. Whether it has understood anything shows on other rows.""",
)
def diagnose_by_training(train_losses: Any, val_losses: Any) -> Any:
    return "underfitting" if train_losses[-1] > train_losses[0] / 2 else "just right"


@misconception(
    "diagnose",
    "looks at the validation rows only",
    """A large loss on the validation rows has two possible causes, and the treatments are opposite. Which
    of the two it is, the training rows tell: does the net at least know those?""",
)
def diagnose_by_validation(train_losses: Any, val_losses: Any) -> Any:
    return "underfitting" if val_losses[-1] > val_losses[0] / 2 else "just right"


@misconception(
    "diagnose",
    "the two words exchanged",
    """Under and over are mixed up. A net underfits when it is too simple even for the rows it learned
    from; it overfits when it follows these rows, accidents included, and fails on others.""",
)
def diagnose_exchanged(train_losses: Any, val_losses: Any) -> Any:
    last = max(1, len(train_losses) // 10)
    start, end, end_new = train_losses[0], np.mean(train_losses[-last:]), np.mean(val_losses[-last:])
    if end > start / 2:
        return "overfitting"
    return "underfitting" if end_new - end > start / 4 else "just right"


@misconception(
    "diagnose",
    "any gap is overfitting",
    """New rows nearly always cost a little more than those that were learned from; a good net is no
    exception. It is a large gap that tells of overfitting: large compared with what was to be learned.""",
)
def diagnose_any_gap(train_losses: Any, val_losses: Any) -> Any:
    last = max(1, len(train_losses) // 10)
    start, end, end_new = train_losses[0], np.mean(train_losses[-last:]), np.mean(val_losses[-last:])
    if end > start / 2:
        return "underfitting"
    return "overfitting" if end_new > end else "just right"


@misconception(
    "diagnose",
    "limits that do not know where the curve began",
    """A loss of 0.4 may be good or bad: cross-entropies of ten classes begin at 2.3, squared prices in
    the billions. A limit must be a share of something of the same kind, such as the loss at the
    beginning.""",
)
def diagnose_by_fixed_limits(train_losses: Any, val_losses: Any) -> Any:
    last = max(1, len(train_losses) // 10)
    end, end_new = np.mean(train_losses[-last:]), np.mean(val_losses[-last:])
    if end > 0.35:
        return "underfitting"
    return "overfitting" if end_new - end > 0.15 else "just right"


@misconception(
    "diagnose",
    "falling is enough",
    """This asks only whether a curve ends lower than it began. A net that is far too simple gets a little
    better as well, and then no further: what counts is how much of the loss is left.""",
)
def diagnose_by_falling(train_losses: Any, val_losses: Any) -> Any:
    if train_losses[-1] > train_losses[0]:
        return "underfitting"
    return "overfitting" if val_losses[-1] > 1.5 * np.min(val_losses) else "just right"


# --- solve ------------------------------------------------------------------------------------------------


@misconception(
    "solve",
    "a rule by hand",
    """The rule for this picture is written down in the function, and no training decides anything. Here
    you know the rule; where a net is needed, nobody does. The rows must tell what the classes are.""",
)
def solve_by_hand(dataset: Any, noise: Any, seed: Any) -> Any:
    make_data(dataset, 100, noise, np.random.default_rng(seed))

    def predict(X: Any) -> Any:
        x1, x2 = X[:, 0], X[:, 1]
        r = np.hypot(x1, x2)
        angle = np.arctan2(x1, x2) - 2 * np.pi * r / 5
        rules = {"circle": r < 3, "xor": x1 * x2 > 0, "gauss": x1 + x2 > 0, "spiral": np.cos(angle) < 0}
        return rules[dataset].astype(int)

    return predict


@misconception(
    "solve",
    "a straight line for every set",
    """Two coordinates and no hidden layer: that can draw a straight line and nothing else. It is enough
    for the two clouds, and for no other set. Give it features that bend, or a hidden layer.""",
)
def solve_by_line(dataset: Any, noise: Any, seed: Any) -> Any:
    rng = np.random.default_rng(seed)
    X, y = make_data(dataset, 300, noise, rng)
    params, _, _ = train(X, y, 0, 200, rng)
    return lambda X: (probability(X, params) > 0.5).astype(int)


@misconception(
    "solve",
    "a few rows learned by heart",
    """A large net and a dozen rows: it gets these right, accidents included, and knows nothing of the
    rest of the plane. More rows, a smaller net, fewer steps or a price on large weights would all help.""",
)
def solve_by_heart(dataset: Any, noise: Any, seed: Any) -> Any:
    rng = np.random.default_rng(seed)
    X, y = make_data(dataset, 12, noise, rng)
    names = ["x1", "x2", "x1^2", "x2^2", "x1*x2", "sin(x1)", "sin(x2)"]
    params, _, _ = train(features(X, names), y, 32, 500, rng)
    return lambda X: (probability(features(X, names), params) > 0.5).astype(int)


@misconception(
    "solve",
    "stopped before it has learned",
    """After a handful of steps the net is still nearly what it was drawn as. Look at the learning curve:
    as long as the loss falls steeply on both kinds of rows, it is too early to stop.""",
)
def solve_too_early(dataset: Any, noise: Any, seed: Any) -> Any:
    rng = np.random.default_rng(seed)
    X, y = make_data(dataset, 300, noise, rng)
    params, _, _ = train(features(X, ["x1", "x2"]), y, 8, 4, rng)
    return lambda X: (probability(features(X, ["x1", "x2"]), params) > 0.5).astype(int)


@misconception(
    "solve",
    "the same set whatever is asked",
    """It trains on one data set only, whichever name it is given. What it learned there is of no use for
    another picture: the argument must decide which rows are drawn.""",
)
def solve_one_set(dataset: Any, noise: Any, seed: Any) -> Any:
    rng = np.random.default_rng(seed)
    X, y = make_data("circle", 300, noise, rng)
    names = ["x1", "x2", "x1^2", "x2^2"]
    params, _, _ = train(features(X, names), y, 8, 200, rng, lam=1.0)
    return lambda X: (probability(features(X, names), params) > 0.5).astype(int)


@misconception(
    "solve",
    "probabilities instead of labels",
    """The returned function says how probable class 1 is, and leaves the decision to others. It was asked
    for labels: 0 or 1 for each row.""",
)
def solve_undecided(dataset: Any, noise: Any, seed: Any) -> Any:
    rng = np.random.default_rng(seed)
    X, y = make_data(dataset, 300, noise, rng)
    names = ["x1", "x2", "x1*x2"]
    params, _, _ = train(features(X, names), y, 8, 200, rng, lam=1.0)
    return lambda X: probability(features(X, names), params)


@misconception(
    "solve",
    "new rows standardised by themselves",
    """New rows are shifted and scaled by their own mean and spread, not by those of the training rows.
    The same point then lands elsewhere in every batch, and a row that comes alone always in the middle.""",
)
def solve_restandardised(dataset: Any, noise: Any, seed: Any) -> Any:
    rng = np.random.default_rng(seed)
    X, y = make_data(dataset, 300, noise, rng)
    names = ["x1", "x2", "x1^2", "x2^2", "x1*x2", "sin(x1)", "sin(x2)"]
    params, _, _ = train(features(X, names), y, 12, 300, rng, lam=1.0)

    def predict(X: Any) -> Any:
        Z = features(X, names)
        own = {**params, "centre": Z.mean(axis=0), "scale": Z.std(axis=0) + 1e-12}
        return (probability(Z, own) > 0.5).astype(int)

    return predict


@misconception(
    "solve",
    "a seed of its own",
    """The seed is an argument, so that somebody else can repeat a training, and can see how much of a
    result is luck. With a fixed number inside, every training is the same one.""",
)
def solve_own_seed(dataset: Any, noise: Any, seed: Any) -> Any:
    rng = np.random.default_rng(0)
    X, y = make_data(dataset, 400, noise, rng)
    names = ["x1", "x2", "x1^2", "x2^2", "x1*x2", "sin(x1)", "sin(x2)"]
    params, _, _ = train(features(X, names), y, 12, 400, rng, lam=1.0)
    return lambda X: (probability(features(X, names), params) > 0.5).astype(int)
