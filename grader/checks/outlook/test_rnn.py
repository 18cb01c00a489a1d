"""Hidden checks of the notebook rnn."""

from __future__ import annotations

import numpy as np

from grader import verify
from grader.checks import Notebook, check
from grader.checks.outlook import calls_rnn as calls
from grader.checks.outlook import inputs_rnn as inputs
from grader.checks.outlook import reference_rnn as reference
from grader.sandbox import Student

NOTEBOOK = Notebook(
    blanks=("step", "step_backward", "unroll", "unroll_backward"),
    helpers={"unroll": ("step",), "unroll_backward": ("step", "step_backward")},
    needs={"step_backward": ("step",), "unroll_backward": ("unroll",)},
)


# --- step -------------------------------------------------------------------------------------------------


@check("step", weight=2)
def test_step_mixes_input_and_state(student: Student, rng: np.random.Generator) -> None:
    """step gives tanh of what comes in, the state before and the bias, each by its own weights."""
    for _ in range(2):
        x, h, params, _ = inputs.draw_step(rng, *inputs.draw_sizes(rng, 3))
        h_new, _ = calls.call_step(student, x, h, params)
        verify.assert_close(h_new, reference.step(x, h, params)[0], "h")


@check("step")
def test_step_takes_any_sizes(student: Student, rng: np.random.Generator) -> None:
    """step works for one row, one input and one unit, and for as many inputs as units."""
    for m, _, n_x, n_h in inputs.EDGES:
        x, h, params, _ = inputs.draw_step(rng, m, n_x, n_h)
        h_new, _ = calls.call_step(student, x, h, params)
        verify.assert_close(h_new, reference.step(x, h, params)[0], "h")


@check("step", weight=0.5)
def test_step_leaves_its_arguments_alone(student: Student, rng: np.random.Generator) -> None:
    """step leaves x, the state before and the parameters unchanged."""
    *given, dh = inputs.draw_step(rng, 4, 3, 5)
    seen = student.observe("step", *given, opaque=(1,))
    verify.as_array(verify.as_tuple(seen.value, 2, "step (h, cache)")[0], dh.shape, "h")
    verify.assert_unchanged(seen, given, names=("x", "h", "params"))


# --- step_backward ----------------------------------------------------------------------------------------


@check("step_backward", weight=2)
def test_step_backward_hands_back_what_came_in(student: Student, rng: np.random.Generator) -> None:
    """step_backward gives dx and dh_prev, the gradients of what went into the step, and derives them."""
    calls.check_step_derived(student, rng)
    given = inputs.draw_step(rng, *inputs.draw_sizes(rng, 3))
    calls.check_steps(student, rng, [given], ("dx", "dh_prev"))


@check("step_backward", weight=2)
def test_step_backward_gives_the_gradients_of_the_weights(student: Student, rng: np.random.Generator) -> None:
    """step_backward gives dWx and dWh, the gradients of the weights, and derives them."""
    calls.check_step_derived(student, rng)
    given = inputs.draw_step(rng, *inputs.draw_sizes(rng, 3))
    calls.check_steps(student, rng, [given], ("dWx", "dWh"))


@check("step_backward")
def test_step_backward_gives_the_gradient_of_the_biases(student: Student, rng: np.random.Generator) -> None:
    """step_backward gives db, the gradient of the biases, summed over the rows."""
    given = inputs.draw_step(rng, *inputs.draw_sizes(rng, 3))
    calls.check_steps(student, rng, [given], ("db",))


@check("step_backward")
def test_step_backward_takes_any_sizes(student: Student, rng: np.random.Generator) -> None:
    """step_backward works for one row, one input and one unit, and for as many inputs as units."""
    for m, _, n_x, n_h in inputs.EDGES:
        calls.check_steps(student, rng, [inputs.draw_step(rng, m, n_x, n_h)], calls.STEP_GRADIENTS)


@check("step_backward")
def test_step_backward_uses_the_cache_it_is_given(student: Student, rng: np.random.Generator) -> None:
    """step_backward belongs to the step whose cache it is given, also if another ran in between."""
    pair = [inputs.draw_step(rng, *inputs.draw_sizes(rng, 3)) for _ in range(2)]
    calls.check_steps(student, rng, pair, calls.STEP_GRADIENTS)


@check("step_backward", weight=0.5)
def test_step_backward_leaves_dh_alone(student: Student, rng: np.random.Generator) -> None:
    """step_backward leaves dh unchanged."""
    x, h, params, dh = inputs.draw_step(rng, 4, 3, 5)
    seen = student.observe("step_backward", dh, calls.call_step(student, x, h, params)[1])
    calls.gradients_of_step(seen.value)
    verify.assert_unchanged(seen, (dh,), names=("dh",))


# --- unroll -----------------------------------------------------------------------------------------------


@check("unroll", weight=3)
def test_unroll_gives_the_state_after_every_step(student: Student, rng: np.random.Generator) -> None:
    """unroll gives the state after every time step, each made from the one before."""
    for _ in range(2):
        X, h0, params, _ = inputs.draw_sequences(rng, *inputs.draw_sizes(rng, 4))
        H, _ = calls.call_unroll(student, X, h0, params)
        verify.assert_close(H, reference.unroll(X, h0, params)[0], "H")


@check("unroll")
def test_unroll_takes_any_sizes(student: Student, rng: np.random.Generator) -> None:
    """unroll works for one row, one time step, one input and one unit."""
    for sizes in inputs.EDGES:
        X, h0, params, _ = inputs.draw_sequences(rng, *sizes)
        H, _ = calls.call_unroll(student, X, h0, params)
        verify.assert_close(H, reference.unroll(X, h0, params)[0], "H")


@check("unroll")
def test_unroll_takes_long_sequences(student: Student, rng: np.random.Generator) -> None:
    """unroll goes through sequences of many time steps."""
    X, h0, params, _ = inputs.draw_sequences(rng, 2, int(rng.integers(40, 60)), 3, 4)
    H, _ = calls.call_unroll(student, X, h0, params)
    verify.assert_close(H, reference.unroll(X, h0, params)[0], "H")


@check("unroll", weight=0.5)
def test_unroll_leaves_its_arguments_alone(student: Student, rng: np.random.Generator) -> None:
    """unroll leaves X, the first state and the parameters unchanged."""
    *given, dH = inputs.draw_sequences(rng, 3, 4, 2, 5)
    seen = student.observe("unroll", *given, opaque=(1,))
    verify.as_array(verify.as_tuple(seen.value, 2, "unroll (H, caches)")[0], dH.shape, "H")
    verify.assert_unchanged(seen, given, names=("X", "h0", "params"))


# --- unroll_backward --------------------------------------------------------------------------------------


@check("unroll_backward", weight=3)
def test_unroll_backward_gives_the_gradients_of_the_parameters(
    student: Student, rng: np.random.Generator
) -> None:
    """unroll_backward gives dWx, dWh and db, added up over all time steps, and derives them."""
    calls.check_unroll_derived(student, rng)
    given = inputs.draw_sequences(rng, *inputs.draw_sizes(rng, 4))
    calls.check_unrolls(student, rng, [given], ("dWx", "dWh", "db"))


@check("unroll_backward", weight=3)
def test_unroll_backward_gives_the_gradients_of_what_came_in(
    student: Student, rng: np.random.Generator
) -> None:
    """unroll_backward gives dX at every time, and dh0, the gradient of the first state, and derives them."""
    calls.check_unroll_derived(student, rng)
    given = inputs.draw_sequences(rng, *inputs.draw_sizes(rng, 4))
    calls.check_unrolls(student, rng, [given], ("dX", "dh0"))


@check("unroll_backward")
def test_unroll_backward_reaches_back_from_the_last_state(student: Student, rng: np.random.Generator) -> None:
    """unroll_backward carries the gradient back to the start from a loss of the last state alone."""
    X, h0, params, dH = inputs.draw_sequences(rng, *inputs.draw_sizes(rng, 4))
    dH[:, :-1] = 0.0
    given = inputs.Sequences(X, h0, params, dH)
    calls.check_unrolls(student, rng, [given], calls.SEQUENCE_GRADIENTS)


@check("unroll_backward")
def test_unroll_backward_takes_any_sizes(student: Student, rng: np.random.Generator) -> None:
    """unroll_backward works for one row, one time step, one input and one unit."""
    for sizes in inputs.EDGES:
        calls.check_unrolls(student, rng, [inputs.draw_sequences(rng, *sizes)], calls.SEQUENCE_GRADIENTS)


@check("unroll_backward")
def test_unroll_backward_takes_any_cache_that_unroll_made(student: Student, rng: np.random.Generator) -> None:
    """unroll_backward uses the caches that it is given, and not those of the last unroll."""
    pair = [inputs.draw_sequences(rng, 3, 4, 2, 5) for _ in range(2)]
    calls.check_unrolls(student, rng, pair, calls.SEQUENCE_GRADIENTS)


@check("unroll_backward", weight=0.5)
def test_unroll_backward_leaves_dh_alone(student: Student, rng: np.random.Generator) -> None:
    """unroll_backward leaves dH unchanged."""
    X, h0, params, dH = inputs.draw_sequences(rng, 3, 4, 2, 5)
    seen = student.observe("unroll_backward", dH, calls.call_unroll(student, X, h0, params)[1])
    shapes = {"dX": X.shape, "dh0": h0.shape, **{f"d{name}": value.shape for name, value in params.items()}}
    verify.as_params(seen.value, shapes, "grads")
    verify.assert_unchanged(seen, (dH,), names=("dH",))
