"""
Hidden checks of the notebook activations.

The contract asks for entries up to 1000 of sigmoid, tanh, relu and softmax; the derivatives are judged where
every honest formula is finite.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from grader import verify
from grader.checks import Notebook, check
from grader.checks.activations import reference_activations as reference
from grader.errors import CheckFailure
from grader.sandbox import Student

NOTEBOOK = Notebook(
    blanks=(
        "collapse",
        "sigmoid",
        "sigmoid_grad",
        "tanh",
        "tanh_grad",
        "relu",
        "relu_grad",
        "leaky_relu",
        "leaky_relu_grad",
        "softmax",
    ),
    helpers={
        "sigmoid_grad": ("sigmoid",),
        "tanh": ("sigmoid",),
        "tanh_grad": ("tanh", "sigmoid", "sigmoid_grad"),
        "relu_grad": ("relu",),
        "leaky_relu": ("relu",),
        "leaky_relu_grad": ("leaky_relu", "relu", "relu_grad"),
    },
)

FloatArray = NDArray[np.float64]
Elementwise = Callable[[FloatArray], FloatArray]

# Pre-activations as a net has them: order 1, some far out on the flat sides. Up to 20 in absolute value even
# a formula that divides two exponentials of z has not overflowed, in float32 neither (e^20 squared is 2e17).
SPREAD, FAR = 2.0, 20.0
LARGEST = 1000.0  # the contract's bound
AT_KINK = "An entry is exactly zero here: any slope from 0 to 1 is right at the kink."


def batches(rng: np.random.Generator) -> list[FloatArray]:
    """One array of each kind of shape: one entry, a vector, rows, one row, one column, images."""
    a, b, c = (int(size) for size in rng.integers(2, 7, size=3))
    shapes = [(1,), (a * b,), (a, b), (1, b), (a, 1), (a, b, c)]
    return [np.clip(SPREAD * rng.standard_normal(shape), -FAR, FAR) for shape in shapes]


def far_out(rng: np.random.Generator) -> FloatArray:
    """Entries of both signs up to the contract's bound, and some of order 1 among them."""
    sizes = np.concatenate([rng.uniform(20.0, LARGEST, 20), rng.uniform(0.1, 3.0, 8), [LARGEST, LARGEST]])
    signs = np.concatenate([rng.choice([-1.0, 1.0], 28), [-1.0, 1.0]])
    return np.asarray(rng.permutation(sizes * signs).reshape(5, 6))


def assert_values(student: Student, name: str, right: Elementwise, batch: list[FloatArray]) -> None:
    """Fail unless the student's function gives *right* of every array, in its shape."""
    for z in batch:
        verify.assert_close(student.call(name, z), right(z), f"{name}(z)")


def assert_pure(student: Student, name: str, z: FloatArray, *more: float) -> None:
    """Fail if a call changes z, or gives nothing of z's shape."""
    seen = student.observe(name, z, *more)
    verify.as_array(seen.value, z.shape, f"{name}(z)")
    verify.assert_unchanged(seen, (z, *more), names=("z", "slope"))


def assert_derived(student: Student, name: str, rng: np.random.Generator) -> None:
    """Fail if a smooth derivative has a difference quotient's rounding: the forbidden road earns nothing."""
    verify.assert_no_quotient_noise(student.call(name, verify.quotient_probe(rng)), name)


def assert_sharp(student: Student, name: str, rng: np.random.Generator, *slope: float) -> None:
    """
    Fail if a kinked derivative is a difference quotient: right far from the kink only, or not quite one.

    A step h of 1e-7 or more reaches over the kink from 1.5e-8 ... 1e-7 (nearer, np.isclose may see
    a zero); a smaller h leaves errors of 1e-16/h, above 1e-10, where a written-down slope is exactly one.
    """
    far, near = rng.uniform(0.5, 2.5, 8), rng.uniform(1.5e-8, 1e-7, 8)
    z = np.concatenate([far, -far, near, -near])
    answer = verify.as_array(student.call(name, z, *slope), z.shape, f"{name}(z)")
    error = np.abs(answer - reference.leaky_relu_grad(z, *(slope or (0.0,))))
    if np.all(error[:16] < 1e-5) and (np.any(error[16:] > 1e-5) or np.any(error[:8] > 1e-10)):
        raise CheckFailure(
            f"The answer of {name} looks like a difference quotient: it is right at most points, but not "
            "right beside z = 0, or not exactly one on the positive side.",
            hint="Derive the slope of each side and write it down; a numerical gradient is for checking it.",
        )


# --- collapse ---------------------------------------------------------------------------------------------


def draw_stack(rng: np.random.Generator, sizes: list[int]) -> tuple[list[FloatArray], list[FloatArray]]:
    """Weights and biases of a stack of linear layers; *sizes* includes the input."""
    pairs = list(itertools.pairwise(sizes))
    weights = [rng.standard_normal((n_out, n_in)) / np.sqrt(n_in) for n_in, n_out in pairs]
    return weights, [rng.standard_normal(n_out) for _, n_out in pairs]


def assert_collapses(student: Student, weights: list[FloatArray], biases: list[FloatArray]) -> None:
    """Fail unless the student's W and b are those of the whole stack."""
    right_W, right_b = reference.collapse(weights, biases)
    W, b = verify.as_tuple(student.call("collapse", weights, biases), 2, "collapse (W, b)")
    verify.assert_close(W, right_W, "W")
    verify.assert_close(b, right_b, "b")


@check("collapse", weight=3)
def test_collapse_gives_the_one_layer_that_equals_the_stack(
    student: Student, rng: np.random.Generator
) -> None:
    """collapse gives the one layer that equals a stack of two to five layers of any sizes."""
    for depth in rng.permutation([2, 3, 4, 5]):
        # Neighbours differ in size, so that a product in the wrong order can't even be formed.
        sizes = [int(size) for size in rng.permutation(np.arange(2, 9))[: depth + 1]]
        assert_collapses(student, *draw_stack(rng, sizes))


@check("collapse", weight=1)
def test_collapse_works_for_square_layers(student: Student, rng: np.random.Generator) -> None:
    """collapse puts the later layer on the left, also where the sizes do not force it to."""
    size = int(rng.integers(2, 6))
    assert_collapses(student, *draw_stack(rng, [size] * 4))


@check("collapse", weight=1)
def test_collapse_works_for_one_layer_and_for_one_unit(student: Student, rng: np.random.Generator) -> None:
    """collapse works for a single layer, and for layers of one unit."""
    n_in, n_out = (int(size) for size in rng.integers(2, 7, size=2))
    assert_collapses(student, *draw_stack(rng, [n_in, n_out]))
    assert_collapses(student, *draw_stack(rng, [1, 1]))
    assert_collapses(student, *draw_stack(rng, [n_in, 1, n_out, 1]))


@check("collapse", weight=0.5)
def test_collapse_leaves_its_arguments_as_they_are(student: Student, rng: np.random.Generator) -> None:
    """collapse leaves the lists and the arrays in them as they are."""
    weights, biases = draw_stack(rng, [3, 3, 3])
    seen = student.observe("collapse", weights, biases)
    W, b = verify.as_tuple(seen.value, 2, "collapse (W, b)")
    verify.as_array(W, (3, 3), "W")
    verify.as_array(b, (3,), "b")
    verify.assert_unchanged(seen, (weights, biases), names=("weights", "biases"))


# --- sigmoid ----------------------------------------------------------------------------------------------


@check("sigmoid", weight=3)
def test_sigmoid_is_right_at_every_entry(student: Student, rng: np.random.Generator) -> None:
    """sigmoid is right at every entry, for arrays of any shape."""
    assert_values(student, "sigmoid", reference.sigmoid, batches(rng))


@check("sigmoid", weight=2)
def test_sigmoid_survives_large_entries(student: Student, rng: np.random.Generator) -> None:
    """sigmoid stays finite and right for entries up to 1000 in absolute value."""
    assert_values(student, "sigmoid", reference.sigmoid, [far_out(rng)])


@check("sigmoid", weight=0.5)
def test_sigmoid_leaves_z_as_it_is(student: Student, rng: np.random.Generator) -> None:
    """sigmoid leaves its argument as it is."""
    assert_pure(student, "sigmoid", batches(rng)[2])


@check("sigmoid_grad", weight=4)
def test_sigmoid_grad_is_right_at_every_entry(student: Student, rng: np.random.Generator) -> None:
    """sigmoid_grad is the slope of the sigmoid at z, for arrays of any shape."""
    assert_values(student, "sigmoid_grad", reference.sigmoid_grad, batches(rng))
    assert_derived(student, "sigmoid_grad", rng)


@check("sigmoid_grad", weight=1)
def test_sigmoid_grad_is_right_on_the_flat_sides(student: Student, rng: np.random.Generator) -> None:
    """sigmoid_grad dies out on both sides, for z and -z alike."""
    z = rng.uniform(5.0, FAR, size=(2, 7)) * np.array([[-1.0], [1.0]])
    assert_values(student, "sigmoid_grad", reference.sigmoid_grad, [z])
    assert_derived(student, "sigmoid_grad", rng)


@check("sigmoid_grad", weight=0.5)
def test_sigmoid_grad_leaves_z_as_it_is(student: Student, rng: np.random.Generator) -> None:
    """sigmoid_grad leaves its argument as it is."""
    assert_pure(student, "sigmoid_grad", batches(rng)[2])
    assert_derived(student, "sigmoid_grad", rng)


# --- tanh -------------------------------------------------------------------------------------------------


@check("tanh", weight=3)
def test_tanh_is_right_at_every_entry(student: Student, rng: np.random.Generator) -> None:
    """tanh is right at every entry, for arrays of any shape."""
    assert_values(student, "tanh", reference.tanh, batches(rng))


@check("tanh", weight=2)
def test_tanh_survives_large_entries(student: Student, rng: np.random.Generator) -> None:
    """tanh stays finite and right for entries up to 1000 in absolute value."""
    assert_values(student, "tanh", reference.tanh, [far_out(rng)])


@check("tanh", weight=0.5)
def test_tanh_leaves_z_as_it_is(student: Student, rng: np.random.Generator) -> None:
    """tanh leaves its argument as it is."""
    assert_pure(student, "tanh", batches(rng)[2])


@check("tanh_grad", weight=4)
def test_tanh_grad_is_right_at_every_entry(student: Student, rng: np.random.Generator) -> None:
    """tanh_grad is the slope of tanh at z, for arrays of any shape."""
    assert_values(student, "tanh_grad", reference.tanh_grad, batches(rng))
    assert_derived(student, "tanh_grad", rng)


@check("tanh_grad", weight=1)
def test_tanh_grad_is_right_on_the_flat_sides(student: Student, rng: np.random.Generator) -> None:
    """tanh_grad dies out on both sides, for z and -z alike."""
    z = rng.uniform(3.0, FAR, size=(2, 7)) * np.array([[-1.0], [1.0]])
    assert_values(student, "tanh_grad", reference.tanh_grad, [z])
    assert_derived(student, "tanh_grad", rng)


@check("tanh_grad", weight=0.5)
def test_tanh_grad_leaves_z_as_it_is(student: Student, rng: np.random.Generator) -> None:
    """tanh_grad leaves its argument as it is."""
    assert_pure(student, "tanh_grad", batches(rng)[2])
    assert_derived(student, "tanh_grad", rng)


# --- relu -------------------------------------------------------------------------------------------------


def with_zeros(rng: np.random.Generator) -> FloatArray:
    """Rows with exact zeros among them, where the ReLUs have their kink."""
    z = SPREAD * rng.standard_normal((5, 6))
    z[rng.random(z.shape) < 0.2] = 0.0
    z[rng.integers(5), rng.integers(6)] = 0.0
    return z


@check("relu", weight=3)
def test_relu_is_right_at_every_entry(student: Student, rng: np.random.Generator) -> None:
    """relu is right at every entry, for arrays of any shape."""
    assert_values(student, "relu", reference.relu, [*batches(rng), with_zeros(rng)])


@check("relu", weight=1)
def test_relu_survives_large_entries(student: Student, rng: np.random.Generator) -> None:
    """relu stays right for entries up to 1000 in absolute value."""
    assert_values(student, "relu", reference.relu, [far_out(rng)])


@check("relu", weight=1)
def test_relu_leaves_z_as_it_is(student: Student, rng: np.random.Generator) -> None:
    """relu leaves its argument as it is: the way back needs to know which entries were negative."""
    assert_pure(student, "relu", batches(rng)[2])


@check("relu_grad", weight=4)
def test_relu_grad_is_right_at_every_entry(student: Student, rng: np.random.Generator) -> None:
    """relu_grad is the slope of ReLU at z, however large z is, for arrays of any shape."""
    assert_values(student, "relu_grad", reference.relu_grad, [*batches(rng), far_out(rng)])
    assert_sharp(student, "relu_grad", rng)


@check("relu_grad", weight=1)
def test_relu_grad_at_the_kink_is_a_slope_between_the_two_sides(
    student: Student, rng: np.random.Generator
) -> None:
    """relu_grad at the kink gives a slope from 0 to 1, and is right beside it."""
    z = with_zeros(rng)
    low, high = (z > 0).astype(float), (z >= 0).astype(float)
    verify.assert_between(student.call("relu_grad", z), low, high, "relu_grad(z)", hint=AT_KINK)
    assert_sharp(student, "relu_grad", rng)


@check("relu_grad", weight=1)
def test_relu_grad_leaves_z_as_it_is(student: Student, rng: np.random.Generator) -> None:
    """relu_grad leaves its argument as it is."""
    assert_pure(student, "relu_grad", batches(rng)[2])
    assert_sharp(student, "relu_grad", rng)


# --- leaky_relu -------------------------------------------------------------------------------------------


@check("leaky_relu", weight=3)
def test_leaky_relu_is_right_at_every_entry(student: Student, rng: np.random.Generator) -> None:
    """leaky_relu is right at every entry, for any slope and arrays of any shape."""
    for z in [*batches(rng), with_zeros(rng), far_out(rng)]:
        slope = float(rng.uniform(0.05, 0.9))
        verify.assert_close(
            student.call("leaky_relu", z, slope), reference.leaky_relu(z, slope), "leaky_relu(z, slope)"
        )


@check("leaky_relu", weight=1)
def test_leaky_relu_takes_its_slope_by_name_or_by_default(student: Student, rng: np.random.Generator) -> None:
    """leaky_relu takes its slope by name, uses 0.01 where none is given, and works for 0 and 1."""
    z = batches(rng)[2]
    verify.assert_close(student.call("leaky_relu", z), reference.leaky_relu(z), "leaky_relu(z)")
    for slope in (0.0, 1.0):
        verify.assert_close(
            student.call("leaky_relu", z, slope=slope),
            reference.leaky_relu(z, slope),
            f"leaky_relu(z, slope={slope:g})",
        )


@check("leaky_relu", weight=0.5)
def test_leaky_relu_leaves_z_as_it_is(student: Student, rng: np.random.Generator) -> None:
    """leaky_relu leaves its argument as it is."""
    assert_pure(student, "leaky_relu", batches(rng)[2], 0.1)


@check("leaky_relu_grad", weight=4)
def test_leaky_relu_grad_is_right_at_every_entry(student: Student, rng: np.random.Generator) -> None:
    """leaky_relu_grad is the slope of the leaky ReLU at z, for any slope and arrays of any shape."""
    for z in [*batches(rng), far_out(rng)]:
        slope = float(rng.uniform(0.05, 0.9))
        verify.assert_close(
            student.call("leaky_relu_grad", z, slope),
            reference.leaky_relu_grad(z, slope),
            "leaky_relu_grad(z, slope)",
        )
    assert_sharp(student, "leaky_relu_grad", rng, 0.1)


@check("leaky_relu_grad", weight=1)
def test_leaky_relu_grad_at_the_kink_and_by_default(student: Student, rng: np.random.Generator) -> None:
    """leaky_relu_grad uses 0.01 where no slope is given, and gives a slope from 0 to 1 at the kink."""
    z = with_zeros(rng)
    low = np.where(z > 0, 1.0, np.where(z < 0, 0.01, 0.0))
    high = np.where(z < 0, 0.01, 1.0)
    verify.assert_between(student.call("leaky_relu_grad", z), low, high, "leaky_relu_grad(z)", hint=AT_KINK)
    assert_sharp(student, "leaky_relu_grad", rng, 0.1)


@check("leaky_relu_grad", weight=0.5)
def test_leaky_relu_grad_leaves_z_as_it_is(student: Student, rng: np.random.Generator) -> None:
    """leaky_relu_grad leaves its argument as it is."""
    assert_pure(student, "leaky_relu_grad", batches(rng)[2], 0.1)
    assert_sharp(student, "leaky_relu_grad", rng, 0.1)


# --- softmax ----------------------------------------------------------------------------------------------


@check("softmax", weight=3)
def test_softmax_gives_the_probabilities_of_each_row(student: Student, rng: np.random.Generator) -> None:
    """softmax gives the probabilities of each row, for any number of rows and classes."""
    m, C = (int(size) for size in rng.permutation(np.arange(2, 9))[:2])
    assert_values(
        student,
        "softmax",
        reference.softmax,
        [SPREAD * rng.standard_normal(shape) for shape in [(m, C), (C, m), (m, m), (1, C), (m, 1), (m, 2)]],
    )


@check("softmax", weight=2)
def test_softmax_survives_large_logits(student: Student, rng: np.random.Generator) -> None:
    """softmax stays finite and right for logits up to 1000, also where rows differ that much."""
    m, C = (int(size) for size in rng.integers(3, 8, size=2))
    levels = rng.permutation(np.linspace(-990.0, 990.0, m))[:, np.newaxis]
    shifted = levels + SPREAD * rng.standard_normal((m, C))
    spread = rng.uniform(-LARGEST, LARGEST, size=(m, C))
    assert_values(student, "softmax", reference.softmax, [shifted, spread])


@check("softmax", weight=0.5)
def test_softmax_leaves_z_as_it_is(student: Student, rng: np.random.Generator) -> None:
    """softmax leaves its argument as it is."""
    assert_pure(student, "softmax", batches(rng)[2])
