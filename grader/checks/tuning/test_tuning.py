"""
Hidden checks of the notebook tuning.

Tensors go to the student; tensors or arrays may come back. What is drawn at random is judged by statistics
whose false alarms all together are under one in a million for each check.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader import verify
from grader.checks import Notebook, check, nets
from grader.checks.training import Run, goal
from grader.checks.tuning import calls_tuning as calls
from grader.checks.tuning import chance_tuning as chance
from grader.checks.tuning import inputs_tuning as inputs
from grader.checks.tuning import reference_tuning as reference
from grader.errors import CheckFailure
from grader.sandbox import Rng, Student, Tensor

NOTEBOOK = Notebook(
    blanks=(
        "count_parameters",
        "split",
        "build_model",
        "sgd_step",
        "rmsprop_step",
        "adam_step",
        "grid",
        "random_search",
        "tune",
    ),
    helpers={"tune": ("split", "grid", "random_search")},
    imports=("numpy", "matplotlib", "torch"),
)

FloatArray = NDArray[np.float64]

# --- count_parameters -------------------------------------------------------------------------------------


@check("count_parameters", weight=2)
def test_count_parameters_counts_weights_and_biases(student: Student, rng: np.random.Generator) -> None:
    """count_parameters counts all weights and biases of nets of any depth and width."""
    for layers in (1, 2, int(rng.integers(3, 5)), 6):
        sizes = inputs.draw_sizes(rng, layers, 2, 40)
        assert_count(student, sizes)


@check("count_parameters", weight=1)
def test_count_parameters_takes_single_units_and_wide_layers(
    student: Student, rng: np.random.Generator
) -> None:
    """count_parameters is right for layers of a single unit, and for the net of the lecture's size."""
    width = int(rng.integers(400, 600))
    for sizes in ([1, 1], [1, 5, 1], [int(rng.integers(3, 9)), 1], [784, width, 10]):
        assert_count(student, sizes)


@check("count_parameters", weight=0.5)
def test_count_parameters_leaves_its_argument_alone(student: Student, rng: np.random.Generator) -> None:
    """count_parameters does not change the list that it is given."""
    sizes = inputs.draw_sizes(rng, 3)
    seen = student.observe("count_parameters", sizes)
    verify.as_number(seen.value, "the number of parameters")
    verify.assert_unchanged(seen, (sizes,), names=("layer_sizes",))


def assert_count(student: Student, sizes: list[int]) -> None:
    """Fail unless count_parameters is exact for *sizes*."""
    number = student.call("count_parameters", sizes)
    answer = int(verify.as_array(number, (), "the number of parameters", kind="whole"))
    off = answer - reference.count_parameters(sizes)
    too = "many" if off > 0 else "few"
    assert not off, (
        f"count_parameters: {abs(off):,} too {too} for a net of {len(sizes) - 1} layers of weights."
    )


# --- split ------------------------------------------------------------------------------------------------


@check("split", weight=2)
def test_split_puts_every_row_into_one_part(student: Student, rng: np.random.Generator) -> None:
    """split puts every row into exactly one of its three parts, and the parts have the sizes asked for."""
    for m in (int(rng.integers(40, 60)), int(rng.integers(61, 90)), 20):
        assert_parts(student, rng, m, int(rng.integers(2, 6)), inputs.draw_fractions(rng))


@check("split", weight=2)
def test_split_keeps_rows_and_labels_together(student: Student, rng: np.random.Generator) -> None:
    """split gives every row the label that it had."""
    X, y = inputs.draw_rows(rng, int(rng.integers(50, 80)), 3)
    parts = calls.split_of(student, X, y, inputs.draw_fractions(rng), inputs.draw_seed(rng))
    for name, part in parts.items():
        wrong = int(np.sum(part.y != y[part.rows]))
        assert not wrong, f"{wrong} of the {len(part.y)} rows of X_{name} have another label in y_{name}."


@check("split", weight=1.5)
def test_split_takes_the_parts_at_random(student: Student, rng: np.random.Generator) -> None:
    """split shuffles: every part holds rows from all over the data."""
    # 3 parts of each of 2 calls. Of 80 rows in order, the first 40 are all from the first half: 1e-23 by
    # chance; none of 20 rows from one half: 4e-8.
    for fractions in ((0.5, 0.25, 0.25), (0.25, 0.25, 0.5)):
        X, y = inputs.draw_rows(rng, 80, 2)
        for name, part in calls.split_of(student, X, y, fractions, inputs.draw_seed(rng)).items():
            chance.assert_shuffled(part.rows, len(X), f"X_{name}", false_alarm=verify.FALSE_ALARM / 6)


@check("split", weight=1)
def test_split_takes_one_row_one_feature_and_empty_parts(student: Student, rng: np.random.Generator) -> None:
    """split works at the edges, too: one row, one feature, a part that shall be empty."""
    for m, n_x, fractions in (
        (1, 3, (0.6, 0.2, 0.2)),
        (30, 1, (0.5, 0.3, 0.2)),
        (25, 2, (0.8, 0.2, 0.0)),
        (7, 2, (1.0, 0.0, 0.0)),
    ):
        assert_parts(student, rng, m, n_x, fractions)


@check("split", weight=1)
def test_split_takes_its_random_numbers_from_rng(student: Student, rng: np.random.Generator) -> None:
    """split gives the same parts for the same seed, and others for another seed."""
    X, y = inputs.draw_rows(rng, 50, 2)
    seed, other = inputs.draw_seed(rng), inputs.draw_seed(rng)
    first, again, different = (
        np.concatenate([p.rows for p in calls.split_of(student, X, y, (0.5, 0.3, 0.2), s).values()])
        for s in (seed, seed, other)
    )
    assert np.array_equal(first, again), "split: two calls with the same seed give different parts."
    assert not np.array_equal(first, different), "split: another seed gives the same parts."


@check("split", weight=0.5)
def test_split_leaves_its_arguments_alone(student: Student, rng: np.random.Generator) -> None:
    """split changes neither X nor y."""
    X, y = inputs.draw_rows(rng, 20, 3)
    given = Tensor(X), Tensor(y), (0.5, 0.25, 0.25), Rng(inputs.draw_seed(rng))
    seen = student.observe("split", *given)
    verify.as_tuple(seen.value, 6, calls.ALL_SPLIT)
    verify.assert_unchanged(seen, given, names=("X", "y", "fractions"))


def assert_parts(
    student: Student, rng: np.random.Generator, m: int, n_x: int, fractions: inputs.Fractions
) -> None:
    """Fail unless split puts each of *m* rows into one part, and the first two parts are right to one row."""
    X, y = inputs.draw_rows(rng, m, n_x)
    parts = calls.split_of(student, X, y, fractions, inputs.draw_seed(rng))
    times = np.bincount(np.concatenate([part.rows for part in parts.values()]), minlength=m)
    twice, never = int(np.sum(times > 1)), int(np.sum(times == 0))
    assert not twice, f"split: {twice} of {m} rows are in more than one place."
    assert not never, f"split: {never} of {m} rows are in no part."
    # The test rows are what remains, so that with all rows used the third size follows from the other two.
    for fraction, name in zip(fractions[:2], calls.PARTS, strict=False):
        off = len(parts[name].rows) - fraction * m
        too = "many" if off > 0 else "few"
        assert abs(off) <= 1 + 1e-9, (
            f"split: X_{name} has {abs(off):.1f} rows too {too}, of {m} in all; it must be right to one row."
        )


# --- grid -------------------------------------------------------------------------------------------------


@check("grid", weight=2)
def test_grid_gives_every_combination_once(student: Student, rng: np.random.Generator) -> None:
    """grid gives every combination of the choices, each of them once."""
    assert_grid(student, inputs.draw_space(rng, [2, 4]))
    assert_grid(student, inputs.draw_space(rng, [int(n) for n in rng.permutation([2, 3, 4])]))
    assert_grid(student, inputs.draw_space(rng, [int(n) for n in rng.permutation([1, 2, 3, 4])]))


@check("grid", weight=1)
def test_grid_takes_one_name_and_one_choice(student: Student, rng: np.random.Generator) -> None:
    """grid works for a single name, for a single choice, and for choices that are lists."""
    for counts in ([3], [1], [1, 1, 1]):
        assert_grid(student, inputs.draw_space(rng, counts))
    assert_grid(student, {"hidden": [[16], [32, 16]], "epochs": [int(rng.integers(2, 9))]})


@check("grid", weight=0.5)
def test_grid_leaves_its_argument_alone(student: Student, rng: np.random.Generator) -> None:
    """grid does not change the space that it is given."""
    space = inputs.draw_space(rng, [2, 3])
    seen = student.observe("grid", space)
    verify.as_list(seen.value, None, "grid: the result")
    verify.assert_unchanged(seen, (space,), names=("space",))


def assert_grid(student: Student, space: dict[str, list[Any]]) -> None:
    """Fail unless grid gives all combinations of *space* once, in any order."""
    reply = verify.as_list(student.call("grid", space), None, "grid: the result")
    names = list(space)
    found = [
        tuple(calls.as_settings(each, names, f"grid: result[{number}]").values())
        for number, each in enumerate(reply)
    ]
    lengths = " × ".join(str(len(choices)) for choices in space.values())
    right = {tuple(calls.plain(each, "") for each in values) for values in itertools.product(*space.values())}
    strange, missing = len(set(found) - right), len(right - set(found))
    assert not strange, f"grid: {strange} of its combinations hold something that is no choice of that name."
    assert not missing, f"grid: {missing} of the {lengths} = {len(right)} combinations are missing."
    assert len(found) == len(right), f"grid: {len(found) - len(right)} combinations come more than once."


# --- random_search ----------------------------------------------------------------------------------------

DRAWS = 400


@check("random_search", weight=2)
def test_random_search_gives_settings_of_the_space(student: Student, rng: np.random.Generator) -> None:
    """random_search gives n settings, each with one of a list's choices and a float inside of a range."""
    low, width = float(10 ** rng.uniform(-5, -2)), float(rng.uniform(0.2, 3))
    space: dict[str, Any] = inputs.draw_space(rng, [3, 4])
    space |= {"rate": (low, 1000 * low, "log"), "slope": (-width, width, "linear")}
    space |= {"layers": [[16], [32, 16], [8, 8, 8]]}
    for n in (1, int(rng.integers(15, 30))):
        for settings in draws(student, space, n, inputs.draw_seed(rng)):
            for name, options in space.items():
                assert_inside(settings[name], options, name)


@check("random_search", weight=2)
def test_random_search_draws_ranges_on_their_scale(student: Student, rng: np.random.Generator) -> None:
    """random_search draws "log" ranges evenly by decades, "linear" ones evenly, and choices equally often."""
    low, top = float(10 ** rng.uniform(-5, -3)), float(rng.uniform(5, 50))
    choices = [int(each) for each in rng.choice(500, size=int(rng.integers(3, 6)), replace=False)]
    space = {"rate": (low, 1e4 * low, "log"), "size": (top / 100, top, "linear"), "batch_size": choices}
    made = draws(student, space, DRAWS, inputs.draw_seed(rng))
    alarm = verify.FALSE_ALARM / 3
    for name in ("rate", "size"):
        for settings in made:
            assert_inside(settings[name], space[name], name)
        chance.assert_uniform(shares(made, space, name), str(space[name][2]), false_alarm=alarm)
    chance.assert_even([sum(s["batch_size"] == each for s in made) for each in choices], false_alarm=alarm)


@check("random_search", weight=1.5)
def test_random_search_draws_every_value_on_its_own(student: Student, rng: np.random.Generator) -> None:
    """random_search draws every setting anew, and each of its values on its own."""
    low = float(10 ** rng.uniform(-5, -3))
    space = {"rate": (low, 1e3 * low, "log"), "slope": (0.0, 2.0, "linear"), "noise": (0.5, 4.5, "linear")}
    made = draws(student, space, DRAWS, inputs.draw_seed(rng))
    each = {name: shares(made, space, name) for name in space}
    different = len(np.unique(each["slope"]))
    # float32 has 8 million numbers in this range: two of 400 draws may agree, a tenth of them never do.
    assert different > 0.9 * DRAWS, f"random_search: {DRAWS} settings hold only {different} different values."
    alarm = verify.FALSE_ALARM / 4
    for first, second in itertools.combinations(space, 2):
        chance.assert_unrelated(
            each[first], each[second], "two ranges of the same settings", false_alarm=alarm
        )
    chance.assert_unrelated(each["rate"][0::2], each["rate"][1::2], "settings in a row", false_alarm=alarm)


@check("random_search", weight=1)
def test_random_search_takes_its_random_numbers_from_rng(student: Student, rng: np.random.Generator) -> None:
    """random_search gives the same settings for the same seed, and others for another seed."""
    space = inputs.draw_space(rng, [3, 4]) | {"rate": (1e-4, 1e-1, "log")}
    seed, other = inputs.draw_seed(rng), inputs.draw_seed(rng)
    first, again, different = (draws(student, space, 6, s) for s in (seed, seed, other))
    assert first == again, "random_search: two calls with the same seed give different settings."
    assert first != different, "random_search: another seed gives the same settings."


@check("random_search", weight=0.5)
def test_random_search_leaves_its_argument_alone(student: Student, rng: np.random.Generator) -> None:
    """random_search does not change the space that it is given."""
    space = inputs.draw_space(rng, [3, 2]) | {"rate": (1e-4, 1e-1, "log")}
    given = space, 4, Rng(inputs.draw_seed(rng))
    seen = student.observe("random_search", *given)
    verify.as_list(seen.value, 4, "random_search: the result")
    verify.assert_unchanged(seen, given, names=("space", "n"))


def draws(student: Student, space: dict[str, Any], n: int, seed: int) -> list[dict[str, Any]]:
    """Call random_search: n settings with the names of the space."""
    reply = verify.as_list(student.call("random_search", space, n, Rng(seed)), n, "random_search: the result")
    return [
        calls.as_settings(each, list(space), f"random_search: result[{number}]")
        for number, each in enumerate(reply)
    ]


def assert_inside(value: Any, options: Any, name: str) -> None:
    """Fail unless *value* is one of a list of choices, or a float inside of a range."""
    if isinstance(options, list):
        right = value in [calls.plain(each, name) for each in options]
        assert right, f"random_search: a value of {name} is none of the choices in its list."
        return
    low, high, scale = options
    inside = isinstance(value, float) and low <= value * (1 + 1e-6) and value * (1 - 1e-6) <= high
    inside = inside or (isinstance(value, float) and low <= value <= high)
    assert inside, f'random_search: a value of {name}, a range with "{scale}", lies outside of that range.'
    assert value != round(value), (
        f'random_search: a value of {name} is a whole number; a range with "{scale}" gives any float.'
    )


def shares(made: list[dict[str, Any]], space: dict[str, Any], name: str) -> FloatArray:
    """Return how far each draw lies from the low to the high end of its range, on its scale."""
    low, high, scale = space[name]
    values = [verify.as_number(settings[name], f"random_search: {name}") for settings in made]
    if scale == "log":
        return np.array([math.log(max(v, 1e-300) / low) / math.log(high / low) for v in values])
    return np.array([(v - low) / (high - low) for v in values])


# --- sgd_step ---------------------------------------------------------------------------------------------

SHAPES = ((4, 3), (5,), (1,), (1, 6), (2, 3, 4))
# float32: a parameter of order 1 is rounded by 6e-8, and 1 - beta2**t in float32 by up to 5e-5 of itself.
# The mistakes are of another size: the least of the catalogue changes a step by several percent.
STEP_RTOL = 1e-4


@check("sgd_step", weight=2)
def test_sgd_step_goes_against_the_gradient(student: Student, rng: np.random.Generator) -> None:
    """sgd_step moves every parameter against its gradient, by the learning rate times the gradient."""
    for shape in SHAPES:
        step = inputs.draw_step(rng, shape)
        answer = student.call("sgd_step", Tensor(step.param), Tensor(step.grad), step.learning_rate)
        (right,) = inputs.right_step(reference.sgd_step, step.param, step.grad, step.learning_rate)
        verify.assert_close(answer, right, "param", rtol=STEP_RTOL)


@check("sgd_step", weight=1)
def test_sgd_step_stays_where_the_gradient_is_zero(student: Student, rng: np.random.Generator) -> None:
    """sgd_step leaves a parameter where its gradient is zero, and walks on from where it is given."""
    step = inputs.draw_step(rng, (3, 4))
    grad = step.grad * (rng.random(step.grad.shape) < 0.5)
    param = step.param
    for _ in range(3):
        answer = student.call("sgd_step", Tensor(param), Tensor(grad), step.learning_rate)
        param = verify.as_array(answer, grad.shape, "param")
    right = step.param - 3 * step.learning_rate * grad
    verify.assert_close(param, right, "param after three steps", rtol=STEP_RTOL)


@check("sgd_step", weight=0.5)
def test_sgd_step_leaves_its_arguments_alone(student: Student, rng: np.random.Generator) -> None:
    """sgd_step changes neither the parameter nor the gradient that it is given."""
    step = inputs.draw_step(rng, (3, 4))
    given = Tensor(step.param), Tensor(step.grad), step.learning_rate
    seen = student.observe("sgd_step", *given)
    verify.as_array(seen.value, (3, 4), "param")
    verify.assert_unchanged(seen, given, names=("param", "grad"))


# --- rmsprop_step -----------------------------------------------------------------------------------------


@check("rmsprop_step", weight=2)
def test_rmsprop_step_divides_by_the_running_root(student: Student, rng: np.random.Generator) -> None:
    """rmsprop_step updates the running mean of the squares first, and divides the gradient by its root."""
    for shape in SHAPES:
        step, decay = inputs.draw_step(rng, shape), float(rng.uniform(0.5, 0.8))
        assert_rmsprop(student, step, step.square, decay=decay)


@check("rmsprop_step", weight=1.5)
def test_rmsprop_step_follows_its_path_from_zeros(student: Student, rng: np.random.Generator) -> None:
    """rmsprop_step walks several steps from a state of zeros, with decay 0.9 where none is given."""
    param, state = inputs.draw_array(rng, (3, 4)), np.zeros((3, 4))
    for _ in range(4):
        step = inputs.draw_step(rng, (3, 4))._replace(param=param)
        param, state = assert_rmsprop(student, step, state)


@check("rmsprop_step", weight=1)
def test_rmsprop_step_uses_eps(student: Student, rng: np.random.Generator) -> None:
    """rmsprop_step adds eps, inside of the root or outside, and so survives a gradient of zero."""
    step = inputs.draw_step(rng, (3, 4))
    grad, still = step.grad * (np.arange(12).reshape(3, 4) % 3 > 0), np.zeros((3, 4))
    assert_rmsprop(student, step._replace(grad=grad), still)
    assert_rmsprop(student, step, step.square, eps=float(rng.uniform(0.3, 0.9)))


@check("rmsprop_step", weight=0.5)
def test_rmsprop_step_leaves_its_arguments_alone(student: Student, rng: np.random.Generator) -> None:
    """rmsprop_step changes neither the parameter nor the gradient nor the state that it is given."""
    step = inputs.draw_step(rng, (3, 4))
    given = Tensor(step.param), Tensor(step.grad), Tensor(step.square), step.learning_rate
    seen = student.observe("rmsprop_step", *given)
    verify.as_tuple(seen.value, 2, "rmsprop_step (param, state)")
    verify.assert_unchanged(seen, given, names=("param", "grad", "state"))


def assert_rmsprop(
    student: Student, step: inputs.Step, state: FloatArray, **named: Any
) -> tuple[FloatArray, FloatArray]:
    """Fail unless rmsprop_step takes the right step, with eps in either place; return the right answer."""
    given = Tensor(step.param), Tensor(step.grad), Tensor(state), step.learning_rate
    reply = verify.as_tuple(student.call("rmsprop_step", *given, **named), 2, "rmsprop_step (param, state)")
    right, new = inputs.right_step(
        reference.rmsprop_step, step.param, step.grad, state, step.learning_rate, **named
    )
    verify.assert_close(reply[1], new, "state", rtol=STEP_RTOL)
    inside = step.param - step.learning_rate * step.grad / np.sqrt(new + named.get("eps", 1e-8))
    calls.assert_one_of(reply[0], (right, inside), "param", rtol=STEP_RTOL)
    return right, new


# --- adam_step --------------------------------------------------------------------------------------------


@check("adam_step", weight=2)
def test_adam_step_divides_the_mean_by_the_root(student: Student, rng: np.random.Generator) -> None:
    """adam_step updates both running means, corrects both, and divides the one by the other's root."""
    for shape in SHAPES:
        step = inputs.draw_step(rng, shape)
        beta1, beta2 = float(rng.uniform(0.5, 0.8)), float(rng.uniform(0.85, 0.95))
        assert_adam(student, step, int(rng.integers(2, 6)), beta1=beta1, beta2=beta2)


@check("adam_step", weight=1.5)
def test_adam_step_corrects_the_first_steps(student: Student, rng: np.random.Generator) -> None:
    """adam_step walks its first steps from zeros, corrected by t, with betas 0.9 and 0.999 by default."""
    param, mean, square = inputs.draw_array(rng, (3, 4)), np.zeros((3, 4)), np.zeros((3, 4))
    for t in range(1, 5):
        step = inputs.draw_step(rng, (3, 4))._replace(param=param, mean=mean, square=square)
        param, mean, square = assert_adam(student, step, t)


@check("adam_step", weight=1)
def test_adam_step_uses_eps_and_forgets_the_correction(student: Student, rng: np.random.Generator) -> None:
    """adam_step survives a gradient of zero, adds the eps that it is given, and is right for a large t."""
    step = inputs.draw_step(rng, (3, 4))
    still = np.zeros((3, 4))
    grad = step.grad * (np.arange(12).reshape(3, 4) % 3 > 0)
    assert_adam(student, step._replace(grad=grad, mean=still, square=still), 1)
    assert_adam(student, step, int(rng.integers(10_000, 100_000)))
    assert_adam(student, step, int(rng.integers(2, 6)), eps=float(rng.uniform(0.3, 0.9)))


@check("adam_step", weight=0.5)
def test_adam_step_leaves_its_arguments_alone(student: Student, rng: np.random.Generator) -> None:
    """adam_step changes neither the parameter nor the gradient nor the running means that it is given."""
    step = inputs.draw_step(rng, (3, 4))
    given = *(Tensor(each) for each in step[:4]), 3, step.learning_rate
    seen = student.observe("adam_step", *given)
    verify.as_tuple(seen.value, 3, "adam_step (param, m, v)")
    verify.assert_unchanged(seen, given, names=("param", "grad", "m", "v", "t"))


def assert_adam(
    student: Student, step: inputs.Step, t: int, **named: Any
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Fail unless adam_step takes the right step number *t*; return the right answer."""
    given = *(Tensor(each) for each in step[:4]), t, step.learning_rate
    reply = verify.as_tuple(student.call("adam_step", *given, **named), 3, "adam_step (param, m, v)")
    right, mean, square = inputs.right_step(reference.adam_step, *step[:4], t, step.learning_rate, **named)
    # v starts out a thousandth of the squared gradient: it is small as a whole.
    for name, answer, expected in (("m", reply[1], mean), ("v", reply[2], square)):
        scale = float(np.sqrt(np.mean(expected**2)))
        verify.assert_close(answer, expected, name, rtol=STEP_RTOL, scale=scale)
    # As in the paper's faster form, eps may also come before the correction, or stand inside of the root.
    beta1, beta2, eps = named.get("beta1", 0.9), named.get("beta2", 0.999), named.get("eps", 1e-8)
    m_hat, v_hat = mean / (1 - beta1**t), square / (1 - beta2**t)
    faster = m_hat * np.sqrt(1 - beta2**t) / (np.sqrt(square) + eps)
    others = (step.param - step.learning_rate * way for way in (m_hat / np.sqrt(v_hat + eps), faster))
    calls.assert_one_of(reply[0], (right, *others), "param", rtol=STEP_RTOL)
    return right, mean, square


# --- build_model ------------------------------------------------------------------------------------------


@check("build_model", weight=2)
def test_build_model_computes_the_logits(student: Student, rng: np.random.Generator) -> None:
    """build_model makes a net of the sizes and the activation asked for, with logits at its end."""
    for activation in rng.permutation(list(nets.ACTIVATIONS)).tolist():
        sizes = inputs.draw_sizes(rng, int(rng.integers(3, 5)), 4, 12)
        assert_net(student, rng, sizes, activation, 20)


@check("build_model", weight=1)
def test_build_model_takes_shallow_nets_and_single_units(student: Student, rng: np.random.Generator) -> None:
    """build_model works without a hidden layer, with one, with single units, and for one row."""
    for activation in nets.ACTIVATIONS:
        for sizes in ([int(rng.integers(3, 7)), 4], [5, int(rng.integers(6, 9)), 3], [1, 1, 1]):
            assert_net(student, rng, sizes, activation, int(rng.choice([1, 12])))


@check("build_model", weight=1)
def test_build_model_starts_from_random_weights(student: Student, rng: np.random.Generator) -> None:
    """build_model gives every unit weights of its own to start from."""
    sizes = inputs.draw_sizes(rng, 2, 6, 12)
    for number, (W, _) in enumerate(assert_net(student, rng, sizes, "tanh", 10), start=1):
        equal = W.size - len(np.unique(W))
        assert not equal, (
            f"build_model: {equal} of the {W.size} weights of layer {number} are equal to others."
        )


def assert_net(
    student: Student, rng: np.random.Generator, sizes: list[int], activation: str, rows: int
) -> nets.Layers:
    """Fail unless build_model makes the net asked for; return its parameters."""
    model = student.call("build_model", sizes, activation, opaque="all")
    X = 3.0 * rng.normal(size=(rows, sizes[0]))  # far into the bend of every activation
    return nets.layers_of(student, model, sizes, activation, X, "build_model")


# --- tune -------------------------------------------------------------------------------------------------

TRAINING_ROWS, HELD_OUT_ROWS = 1000, 1000
BUDGET = 3
# Seconds for a search on a hundred rows, which takes a tenth of a second. The checks below train, but nothing
# in them hangs on how far the training came: a right tune never fails them, and they are not tried again.
PATIENCE = 30.0
# Labels by the toss of a ten-sided die: with 24 rows for validation, a tenth of 240, an accuracy of 0.6 or
# more comes by chance once in 1e9 trainings; a net that is asked about rows it trained on gets most of them.
NOISE_ROWS, NO_ACCIDENT = 240, 0.6
# With 40 rows for validation, a tenth of 400, the accuracy of a net that is right half the time has standard
# deviation 0.08, so 0.3 is more than three of them, and it is tried twice.
HONEST_ROWS, HONEST = 400, 0.3


@goal(
    "the accuracy of the tuned model on held-out digits",
    chance=0.1,
    hint="Which learning rates, sizes and numbers of epochs did your search choose from?",
)
def held_out_accuracy(student: Student, rng: np.random.Generator) -> Run:
    """Tune on digits that no student has, and let the parameters of the winner read others."""
    (X, y), (X_held, y_held) = inputs.draw_digits(rng, TRAINING_ROWS, HELD_OUT_ROWS)
    found = calls.tuned_by(student, X, y, BUDGET, inputs.draw_seed(rng))
    logits = calls.logits_of_model(student, found.model, np.concatenate([X_held, X]))
    right = np.argmax(logits, axis=1) == np.concatenate([y_held, y])
    return Run(float(np.mean(right[:HELD_OUT_ROWS])), on_training=float(np.mean(right[HELD_OUT_ROWS:])))


@check("tune", weight=2, trains=30, device="gpu")
def test_tune_finds_a_net_that_reads_digits(student: Student, rng: np.random.Generator) -> None:
    """tune finds a net that reads digits which it never saw."""
    held_out_accuracy.check(student, rng)


@check("tune", weight=2)
def test_tune_keeps_its_budget(student: Student, rng: np.random.Generator) -> None:
    """tune trains at most as many nets as its budget allows, each made by build_model."""
    for budget in (1, int(rng.integers(3, 5))):
        ((X, y),) = inputs.draw_digits(rng, 80)
        given = Tensor(X), Tensor(y), budget, inputs.draw_seed(rng)
        seen = student.observe("tune", *given, count=("build_model",), seconds=PATIENCE)
        found, built = calls.tuned(seen.value), seen.calls.get("build_model", 0)
        assert built, "tune never calls build_model: every net that it trains is made by build_model."
        most = max(built, len(found.history))
        assert most <= budget, (
            f"tune: with a budget of {budget}, {len(found.history)} trainings stand in the history and "
            f"build_model was called {built} times."
        )


@check("tune", weight=1.5)
def test_tune_returns_the_best_of_its_history(student: Student, rng: np.random.Generator) -> None:
    """tune tries different settings and returns those with the highest validation accuracy, and their net."""
    # On labels by lot, what a net knows by heart and what it guesses of new rows have nothing to do with each
    # other: who takes any other than the best of six is right by chance in about one of four searches.
    X, y = inputs.draw_noise(rng, 120)
    for _ in range(4):
        found = calls.tuned_by(student, X, y, 6, inputs.draw_seed(rng), PATIENCE)
        settings = [{k: v for k, v in each.items() if k != "val_accuracy"} for each in found.history]
        alike = len(settings) > 1 and all(each == settings[0] for each in settings)
        assert not alike, "tune: all trainings of the history have the same hyperparameters."
        reached, highest = found.best["val_accuracy"], max(found.accuracies)
        assert reached >= highest - 1e-6, (
            f"tune: best has a validation accuracy of {reached:.3f}, and another training of the history "
            f"has {highest:.3f}."
        )
        winners = [
            each for each, a in zip(settings, found.accuracies, strict=True) if abs(a - reached) < 1e-6
        ]
        known = any(all(found.best.get(k, v) == v for k, v in each.items()) for each in winners)
        assert known, "tune: the settings of best are those of no training with its accuracy."


@check("tune", weight=1.5)
def test_tune_validates_on_rows_that_it_did_not_train_on(student: Student, rng: np.random.Generator) -> None:
    """tune measures val_accuracy on rows that the net was not trained on."""
    X, y = inputs.draw_noise(rng, NOISE_ROWS)
    found = calls.tuned_by(student, X, y, 2, inputs.draw_seed(rng), PATIENCE)
    highest = max(found.accuracies)
    assert highest < NO_ACCIDENT, (
        f"tune: on labels that were drawn by lot it claims a validation accuracy of {highest:.2f}. On new "
        "rows nobody can do better than 0.10: the net was asked about rows that it had learned by heart."
    )


@check("tune", weight=1.5, retry=True)
def test_tune_claims_what_its_net_reaches(student: Student, rng: np.random.Generator) -> None:
    """tune's val_accuracy is what its net reaches, within what a few validation rows can tell."""
    (X, y), (X_held, y_held) = inputs.draw_digits(rng, HONEST_ROWS, HELD_OUT_ROWS)
    found = calls.tuned_by(student, X, y, 2, inputs.draw_seed(rng), PATIENCE)
    logits = calls.logits_of_model(student, found.model, X_held)
    reached, claimed = verify.accuracy(np.argmax(logits, axis=1), y_held), found.best["val_accuracy"]
    if abs(claimed - reached) > HONEST:
        raise CheckFailure(
            f"tune: best has a validation accuracy of {claimed:.2f}, and its net reads {reached:.2f} of "
            f"{HELD_OUT_ROWS} digits that it never saw.",
            hint="Measure val_accuracy by the labels that best['model'] gives the validation rows.",
        )


@check("tune", weight=1)
def test_tune_hangs_on_its_seed_alone(student: Student, rng: np.random.Generator) -> None:
    """tune finds the same again for the same seed, and another net for another seed."""
    ((X, y),) = inputs.draw_digits(rng, 80)
    seed, other = inputs.draw_seed(rng), inputs.draw_seed(rng)
    logits = []
    for s in (seed, seed, other):
        found = calls.tuned_by(student, X, y, 2, s, PATIENCE)
        student.call(found.model, method="eval")
        reply = student.call(found.model, Tensor(X[:20]))
        logits.append(verify.as_array(reply, (20, 10), "tune: the model's logits"))
    first, again, different = logits
    assert np.allclose(first, again, rtol=1e-3, atol=1e-3), (
        "tune: two calls with the same seed find nets that differ: something is drawn that no seed governs."
    )
    assert not np.allclose(first, different, rtol=1e-3, atol=1e-3), "tune: another seed gives the same net."


@check("tune", weight=0.5)
def test_tune_leaves_its_arguments_alone(student: Student, rng: np.random.Generator) -> None:
    """tune changes neither X nor y."""
    ((X, y),) = inputs.draw_digits(rng, 60)
    given = Tensor(X), Tensor(y), 1, inputs.draw_seed(rng)
    seen = student.observe("tune", *given, seconds=PATIENCE)
    calls.tuned(seen.value)
    verify.assert_unchanged(seen, given, names=("X", "y"))
