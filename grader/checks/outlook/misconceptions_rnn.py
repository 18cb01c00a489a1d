"""Known wrong ways to write the blanks of rnn, each with the idea that it misses."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.checks import misconception
from grader.checks.outlook.reference_rnn import step, step_backward, unroll

# --- step -------------------------------------------------------------------------------------------------


@misconception(
    "step",
    "the bias left out",
    """The bias is missing from the sum. Every unit has one: it says how the unit leans when nothing comes in
    and nothing is remembered.""",
)
def step_without_bias(x: Any, h: Any, params: Any) -> Any:
    h_new = np.tanh(x @ params["Wx"].T + h @ params["Wh"].T)
    return h_new, (x, h, h_new, params)


@misconception(
    "step",
    "no tanh",
    """The new state is the plain weighted sum. Without a bend, all time steps together are one linear map,
    and a state that is fed back again and again can grow without any bound.""",
)
def step_linear(x: Any, h: Any, params: Any) -> Any:
    h_new = x @ params["Wx"].T + h @ params["Wh"].T + params["b"]
    return h_new, (x, h, h_new, params)


@misconception(
    "step",
    "a sigmoid for the tanh",
    """The new state went through a sigmoid, so it is never negative. The step of this notebook has a tanh:
    between -1 and 1, and 0 where the sum is 0.""",
)
def step_sigmoid(x: Any, h: Any, params: Any) -> Any:
    z = x @ params["Wx"].T + h @ params["Wh"].T + params["b"]
    h_new = 1 / (1 + np.exp(-z))
    return h_new, (x, h, h_new, params)


@misconception(
    "step",
    "the state before plays no part",
    """The new state hangs on the new input alone. Then the net has no memory: whatever came earlier, this
    step gives the same. Where does the state before come in?""",
)
def step_forgetful(x: Any, h: Any, params: Any) -> Any:
    h_new = np.tanh(x @ params["Wx"].T + params["b"])
    return h_new, (x, h, h_new, params)


@misconception(
    "step",
    "Wh not transposed",
    """Wh multiplies the state as it stands. It is square, so nothing complains; but row j of Wh has the
    weights with which unit j listens to the others, and these must meet the state entry by entry, as
    those of Wx meet x.""",
)
def step_not_transposed(x: Any, h: Any, params: Any) -> Any:
    h_new = np.tanh(x @ params["Wx"].T + h @ params["Wh"] + params["b"])
    return h_new, (x, h, h_new, params)


@misconception(
    "step",
    "the new state added to the old",
    """The result of the tanh is added to the state before. Such a step exists in other nets; in this one the
    old state acts through Wh alone, and the new one stays between -1 and 1.""",
)
def step_added(x: Any, h: Any, params: Any) -> Any:
    h_new = np.tanh(x @ params["Wx"].T + h @ params["Wh"].T + params["b"])
    return h + h_new, (x, h, h_new, params)


@misconception(
    "step",
    "the state overwritten",
    """The result is right, but the new state was written into the array of the old one. The caller still
    needs the old state: on the way back, the gradient of Wh is made of it. Make a new array.""",
)
def step_in_place(x: Any, h: Any, params: Any) -> Any:
    before = h.copy()
    h[:] = np.tanh(x @ params["Wx"].T + h @ params["Wh"].T + params["b"])
    return h, (x, before, h.copy(), params)


# --- step_backward ----------------------------------------------------------------------------------------


@misconception(
    "step_backward",
    "the derivative of tanh forgotten",
    """The gradient of the state goes straight into the matrix products, as if the step were linear. It has
    to pass the tanh first: how much does h move if z moves a little?""",
)
def back_without_tanh(dh: Any, cache: Any) -> Any:
    x, h_prev, _, params = cache
    return dh @ params["Wx"], dh @ params["Wh"], dh.T @ x, dh.T @ h_prev, dh.sum(axis=0)


# The step that belongs to it is right.
@misconception("step", "remembers only the last step", "")
def step_global(x: Any, h: Any, params: Any) -> Any:
    h_new = np.tanh(x @ params["Wx"].T + h @ params["Wh"].T + params["b"])
    globals()["LAST_STEP"] = (x, h, h_new, params)
    return h_new, globals()["LAST_STEP"]


@misconception(
    "step_backward",
    "remembers only the last step",
    """What a step keeps for its way back belongs in the cache that it returns. Kept in one global place it is
    overwritten by the next step, and back through time every step takes itself for the last one.""",
)
def back_global(dh: Any, cache: Any) -> Any:
    x, h_prev, h_new, params = globals()["LAST_STEP"]
    dz = np.resize(dh, h_new.shape) * (1 - h_new**2)
    return dz @ params["Wx"], dz @ params["Wh"], dz.T @ x, dz.T @ h_prev, dz.sum(axis=0)


@misconception(
    "step_backward",
    "the sum z in place of the state in 1 - h²",
    """The derivative of tanh is 1 - tanh(z)², and you have put z itself where tanh(z) belongs. That becomes
    negative for z beyond 1; tanh never falls. Which number did the step hand out?""",
)
def back_with_sum(dh: Any, cache: Any) -> Any:
    x, h_prev, _, params = cache
    z = x @ params["Wx"].T + h_prev @ params["Wh"].T + params["b"]
    dz = dh * (1 - z**2)
    return dz @ params["Wx"], dz @ params["Wh"], dz.T @ x, dz.T @ h_prev, dz.sum(axis=0)


@misconception(
    "step_backward",
    "the state before in 1 - h²",
    """The derivative of tanh is taken at the state before the step. The tanh that the gradient passes is the
    one that made the *new* state: its slope is 1 minus the square of that.""",
)
def back_with_old_state(dh: Any, cache: Any) -> Any:
    x, h_prev, _, params = cache
    dz = dh * (1 - h_prev**2)
    return dz @ params["Wx"], dz @ params["Wh"], dz.T @ x, dz.T @ h_prev, dz.sum(axis=0)


@misconception(
    "step_backward",
    "1 - h in place of 1 - h²",
    """The slope of tanh is written as 1 - h. At h = -1, where tanh is flat, that would be 2. Check a formula
    at the ends: the slope must be 1 for h = 0 and 0 for h = 1 and for h = -1.""",
)
def back_not_squared(dh: Any, cache: Any) -> Any:
    x, h_prev, h_new, params = cache
    dz = dh * (1 - h_new)
    return dz @ params["Wx"], dz @ params["Wh"], dz.T @ x, dz.T @ h_prev, dz.sum(axis=0)


@misconception(
    "step_backward",
    "the derivative of the sigmoid",
    """The slope is written as h(1 - h): that is the sigmoid's. At h = 0, where tanh is steepest, it gives 0.
    What is the derivative of tanh, in terms of its value?""",
)
def back_sigmoid(dh: Any, cache: Any) -> Any:
    x, h_prev, h_new, params = cache
    dz = dh * h_new * (1 - h_new)
    return dz @ params["Wx"], dz @ params["Wh"], dz.T @ x, dz.T @ h_prev, dz.sum(axis=0)


@misconception(
    "step_backward",
    "dWh with the new state",
    """dWh is made of the state after the step. Look which state Wh multiplied on the way up: the one before.
    A weight's gradient is what came back, times what the weight was multiplied with.""",
)
def back_new_state_for_weights(dh: Any, cache: Any) -> Any:
    x, _, h_new, params = cache
    dz = dh * (1 - h_new**2)
    return dz @ params["Wx"], dz @ params["Wh"], dz.T @ x, dz.T @ h_new, dz.sum(axis=0)


@misconception(
    "step_backward",
    "dWh transposed",
    """dWh is transposed. It is square, so its shape does not tell. Entry [j, k] belongs to the weight with
    which unit j listens to the old state of unit k: which of the two factors gives the row?""",
)
def back_transposed(dh: Any, cache: Any) -> Any:
    x, h_prev, h_new, params = cache
    dz = dh * (1 - h_new**2)
    return dz @ params["Wx"], dz @ params["Wh"], dz.T @ x, h_prev.T @ dz, dz.sum(axis=0)


@misconception(
    "step_backward",
    "Wh transposed on the way back, too",
    """The gradient of the state before is multiplied by Wh.T, as on the way up. On the way back, the state
    of unit k collects from all the units that listened to it: the sum runs over the rows of Wh.""",
)
def back_with_wh_transposed(dh: Any, cache: Any) -> Any:
    x, h_prev, h_new, params = cache
    dz = dh * (1 - h_new**2)
    return dz @ params["Wx"], dz @ params["Wh"].T, dz.T @ x, dz.T @ h_prev, dz.sum(axis=0)


@misconception(
    "step_backward",
    "the tanh passed for the inputs only",
    """dx and dh_prev went through the tanh, and the gradients of the weights and biases did not. All five
    hang on the loss by way of z: there is one dz, and everything is made of it.""",
)
def back_half_through_tanh(dh: Any, cache: Any) -> Any:
    x, h_prev, h_new, params = cache
    dz = dh * (1 - h_new**2)
    return dz @ params["Wx"], dz @ params["Wh"], dh.T @ x, dh.T @ h_prev, dh.sum(axis=0)


@misconception(
    "step_backward",
    "the 1/m once more",
    """The gradients of the parameters are divided by the number of rows. The 1/m of the mean entered at the
    loss, and dh has it already; here the rows are only added up.""",
)
def back_mean_again(dh: Any, cache: Any) -> Any:
    x, h_prev, h_new, params = cache
    dz = dh * (1 - h_new**2)
    m = len(dz)
    return dz @ params["Wx"], dz @ params["Wh"], dz.T @ x / m, dz.T @ h_prev / m, dz.sum(axis=0) / m


@misconception(
    "step_backward",
    "db as a mean",
    """db is the mean of the rows of dz. A bias touches every row, and the chain rule adds up over all that
    it touches: a sum. The mean over the rows is in dh already.""",
)
def back_mean_db(dh: Any, cache: Any) -> Any:
    x, h_prev, h_new, params = cache
    dz = dh * (1 - h_new**2)
    return dz @ params["Wx"], dz @ params["Wh"], dz.T @ x, dz.T @ h_prev, dz.mean(axis=0)


@misconception(
    "step_backward",
    "dx and dh_prev exchanged",
    """The gradients are right, but not in the order that was asked for: dx first, then dh_prev, then those
    of the parameters, dWx, dWh and db.""",
)
def back_other_order(dh: Any, cache: Any) -> Any:
    x, h_prev, h_new, params = cache
    dz = dh * (1 - h_new**2)
    return dz @ params["Wh"], dz @ params["Wx"], dz.T @ h_prev, dz.T @ x, dz.sum(axis=0)


@misconception(
    "step_backward",
    "dh overwritten",
    """The results are right, but dz was written into the caller's dh. Whoever adds something to dh
    afterwards finds another array there. Make a new one.""",
)
def back_in_place(dh: Any, cache: Any) -> Any:
    x, h_prev, h_new, params = cache
    dh *= 1 - h_new**2
    return dh @ params["Wx"], dh @ params["Wh"], dh.T @ x, dh.T @ h_prev, dh.sum(axis=0)


@misconception(
    "step_backward",
    "a step differentiated numerically",
    """The gradients are differences of two steps, one pair for each number. That is the right tool for a
    check and a hopeless one for learning: derive them, and all of them cost about as much as two steps.""",
)
def back_numerical(dh: Any, cache: Any) -> Any:
    x, h_prev, _, params = cache
    theta = {"x": x, "h_prev": h_prev, **params}
    grads = []
    for name in ("x", "h_prev", "Wx", "Wh", "b"):
        grad = np.zeros_like(theta[name])
        for index in np.ndindex(grad.shape):
            sides = []
            for h in (1e-5, -1e-5):
                moved = theta[name].copy()
                moved[index] += h
                now = {**theta, name: moved}
                sides.append(np.sum(dh * step(now["x"], now["h_prev"], now)[0]))
            grad[index] = (sides[0] - sides[1]) / 2e-5
        grads.append(grad)
    return tuple(grads)


# --- unroll -----------------------------------------------------------------------------------------------


@misconception(
    "unroll",
    "every step begins at h0",
    """Every step starts from the first state, so no step knows of the one before. The thread of a recurrent
    net is that the state which one step hands out is the state which the next one takes.""",
)
def unroll_without_thread(X: Any, h0: Any, params: Any) -> Any:
    steps = [step(X[:, t], h0, params) for t in range(X.shape[1])]
    return np.stack([h for h, _ in steps], axis=1), [cache for _, cache in steps]


@misconception(
    "unroll",
    "always from zero",
    """The first step starts from zeros, whatever h0 is handed in. Zero is a usual choice for h0, but it is
    the caller's: a long text is read in pieces, and each goes on from where the last one ended.""",
)
def unroll_from_zero(X: Any, h0: Any, params: Any) -> Any:
    h, states, caches = np.zeros_like(h0), [], []
    for t in range(X.shape[1]):
        h, cache = step(X[:, t], h, params)
        states.append(h)
        caches.append(cache)
    return np.stack(states, axis=1), caches


@misconception(
    "unroll",
    "the state before each step",
    """H[:, t] is the state before step t: it begins with h0 and lacks the last state, which knows the most.
    It is to be the state *after* step t, so that it has seen X[:, t].""",
)
def unroll_one_late(X: Any, h0: Any, params: Any) -> Any:
    h, states, caches = h0, [], []
    for t in range(X.shape[1]):
        states.append(h)
        h, cache = step(X[:, t], h, params)
        caches.append(cache)
    return np.stack(states, axis=1), caches


@misconception(
    "unroll",
    "time as the first axis",
    """The states are stacked with time first. A batch has rows first in this course: H has shape (m, T,
    n_h), as X has (m, T, n_x). Along which axis do the states of different times lie?""",
)
def unroll_time_first(X: Any, h0: Any, params: Any) -> Any:
    h, states, caches = h0, [], []
    for t in range(X.shape[1]):
        h, cache = step(X[:, t], h, params)
        states.append(h)
        caches.append(cache)
    return np.stack(states), caches


@misconception(
    "unroll",
    "only the last state",
    """One state came back, that of the last step. Many tasks look at all of them (the next letter of every
    letter, say): return the states of all time steps.""",
)
def unroll_last_only(X: Any, h0: Any, params: Any) -> Any:
    h, caches = h0, []
    for t in range(X.shape[1]):
        h, cache = step(X[:, t], h, params)
        caches.append(cache)
    return h, caches


@misconception(
    "unroll",
    "read from the end",
    """The sequence is read from its last entry to its first. Time runs along the second axis of X, from 0 to
    T - 1; only the gradients go the other way.""",
)
def unroll_from_the_end(X: Any, h0: Any, params: Any) -> Any:
    h, caches = h0, []
    states: list[Any] = []
    for t in reversed(range(X.shape[1])):
        h, cache = step(X[:, t], h, params)
        states.insert(0, h)
        caches.append(cache)
    return np.stack(states, axis=1), caches


@misconception(
    "unroll",
    "the first input again and again",
    """Every step is given the same input, the first one. What comes in at time t is X[:, t]: all rows, one
    moment.""",
)
def unroll_same_input(X: Any, h0: Any, params: Any) -> Any:
    h, states, caches = h0, [], []
    for _ in range(X.shape[1]):
        h, cache = step(X[:, 0], h, params)
        states.append(h)
        caches.append(cache)
    return np.stack(states, axis=1), caches


# --- unroll_backward --------------------------------------------------------------------------------------


@misconception(
    "unroll_backward",
    "nothing arrives from the future",
    """Every step gets only what the loss says about its own state. But a state also acts through all that
    come after it: what step t + 1 hands back for the state before it belongs to the gradient at t.""",
)
def bptt_without_future(dH: Any, caches: Any) -> Any:
    T = dH.shape[1]
    back = [step_backward(dH[:, t], caches[t]) for t in range(T)]
    return {
        "dX": np.stack([g[0] for g in back], axis=1),
        "dh0": back[0][1],
        "dWx": sum(g[2] for g in back),
        "dWh": sum(g[3] for g in back),
        "db": sum(g[4] for g in back),
    }


@misconception(
    "unroll_backward",
    "only the last state counts",
    """The gradient starts at the last state and is carried back; what the loss says about the states before
    is lost. dH has an entry for every time: at each step the two arrive together and are added.""",
)
def bptt_last_only(dH: Any, caches: Any) -> Any:
    T = dH.shape[1]
    dh = dH[:, -1]
    back: list[Any] = []
    for t in reversed(range(T)):
        back.insert(0, step_backward(dh, caches[t]))
        dh = back[0][1]
    return {
        "dX": np.stack([g[0] for g in back], axis=1),
        "dh0": dh,
        "dWx": sum(g[2] for g in back),
        "dWh": sum(g[3] for g in back),
        "db": sum(g[4] for g in back),
    }


@misconception(
    "unroll_backward",
    "overwritten in place of added up",
    """dWx, dWh and db are those of the step that came last on the way back; each step overwrote the one
    before. All steps use the same weights, so a weight acts at every time, and its gradient is the sum.""",
)
def bptt_overwritten(dH: Any, caches: Any) -> Any:
    m, T, n_h = dH.shape
    dh = np.zeros((m, n_h))
    dxs: list[Any] = []
    for t in reversed(range(T)):
        dx, dh, dWx, dWh, db = step_backward(dH[:, t] + dh, caches[t])
        dxs.insert(0, dx)
    return {"dX": np.stack(dxs, axis=1), "dh0": dh, "dWx": dWx, "dWh": dWh, "db": db}


@misconception(
    "unroll_backward",
    "the weights of the last time step only",
    """dWx, dWh and db are those of the last time step alone. The same weights were used at every step before
    it too, and each use adds its part.""",
)
def bptt_weights_of_the_last_step(dH: Any, caches: Any) -> Any:
    m, T, n_h = dH.shape
    dh = np.zeros((m, n_h))
    back: list[Any] = []
    for t in reversed(range(T)):
        back.insert(0, step_backward(dH[:, t] + dh, caches[t]))
        dh = back[0][1]
    dWx, dWh, db = back[-1][2:]
    return {"dX": np.stack([g[0] for g in back], axis=1), "dh0": dh, "dWx": dWx, "dWh": dWh, "db": db}


@misconception(
    "unroll_backward",
    "forward in time",
    """The steps are gone through from the first to the last, as on the way up. Information comes from the
    loss: what step t needs from step t + 1 is there only if step t + 1 was first.""",
)
def bptt_forward_in_time(dH: Any, caches: Any) -> Any:
    m, T, n_h = dH.shape
    dh = np.zeros((m, n_h))
    back: list[Any] = []
    for t in range(T):
        back.append(step_backward(dH[:, t] + dh, caches[t]))
        dh = back[t][1]
    return {
        "dX": np.stack([g[0] for g in back], axis=1),
        "dh0": dh,
        "dWx": sum(g[2] for g in back),
        "dWh": sum(g[3] for g in back),
        "db": sum(g[4] for g in back),
    }


@misconception(
    "unroll_backward",
    "a mean over time",
    """The gradients of the parameters are divided by the number of time steps. Whether the loss is a mean
    over time is the loss's business, and then dH has it already. Here the parts of the steps are only
    added up.""",
)
def bptt_mean_over_time(dH: Any, caches: Any) -> Any:
    m, T, n_h = dH.shape
    dh = np.zeros((m, n_h))
    back: list[Any] = []
    for t in reversed(range(T)):
        back.insert(0, step_backward(dH[:, t] + dh, caches[t]))
        dh = back[0][1]
    return {
        "dX": np.stack([g[0] for g in back], axis=1),
        "dh0": dh,
        "dWx": sum(g[2] for g in back) / T,
        "dWh": sum(g[3] for g in back) / T,
        "db": sum(g[4] for g in back) / T,
    }


@misconception(
    "unroll_backward",
    "the mean over the rows once more",
    """The gradients of the parameters are divided by the number of rows. dH has the 1/m of the mean already,
    and all that is made of it inherits it.""",
)
def bptt_mean_over_rows(dH: Any, caches: Any) -> Any:
    m, T, n_h = dH.shape
    dh = np.zeros((m, n_h))
    back: list[Any] = []
    for t in reversed(range(T)):
        back.insert(0, step_backward(dH[:, t] + dh, caches[t]))
        dh = back[0][1]
    return {
        "dX": np.stack([g[0] for g in back], axis=1),
        "dh0": dh,
        "dWx": sum(g[2] for g in back) / m,
        "dWh": sum(g[3] for g in back) / m,
        "db": sum(g[4] for g in back) / m,
    }


@misconception(
    "unroll_backward",
    "dX in the order of the way back",
    """dX holds the right numbers in reversed time: the steps are gone through from the last to the first,
    and their dx were put down in that order. Entry t of dX belongs to entry t of X.""",
)
def bptt_reversed_dx(dH: Any, caches: Any) -> Any:
    m, T, n_h = dH.shape
    dh = np.zeros((m, n_h))
    back: list[Any] = []
    for t in reversed(range(T)):
        back.append(step_backward(dH[:, t] + dh, caches[t]))
        dh = back[-1][1]
    return {
        "dX": np.stack([g[0] for g in back], axis=1),
        "dh0": dh,
        "dWx": sum(g[2] for g in back),
        "dWh": sum(g[3] for g in back),
        "db": sum(g[4] for g in back),
    }


@misconception(
    "unroll_backward",
    "dh0 one step short",
    """What you return as dh0 is the gradient of the state *after* the first step. One step remains to be
    gone back: h0 is what that step started from.""",
)
def bptt_dh0_one_short(dH: Any, caches: Any) -> Any:
    m, T, n_h = dH.shape
    dh = np.zeros((m, n_h))
    back: list[Any] = []
    for t in reversed(range(T)):
        total = dH[:, t] + dh
        back.insert(0, step_backward(total, caches[t]))
        dh = back[0][1]
    return {
        "dX": np.stack([g[0] for g in back], axis=1),
        "dh0": total,
        "dWx": sum(g[2] for g in back),
        "dWh": sum(g[3] for g in back),
        "db": sum(g[4] for g in back),
    }


@misconception(
    "unroll_backward",
    "the future counted again and again",
    """The gradients that come back from all later steps are added up as they are. Each of them has passed
    only its own step: what step t + 1 hands back contains all that came later, already carried to the
    right place.""",
)
def bptt_future_piled_up(dH: Any, caches: Any) -> Any:
    m, T, n_h = dH.shape
    dh = np.zeros((m, n_h))
    back: list[Any] = []
    for t in reversed(range(T)):
        back.insert(0, step_backward(dH[:, t] + dh, caches[t]))
        dh = dh + back[0][1]
    return {
        "dX": np.stack([g[0] for g in back], axis=1),
        "dh0": dh,
        "dWx": sum(g[2] for g in back),
        "dWh": sum(g[3] for g in back),
        "db": sum(g[4] for g in back),
    }


@misconception(
    "unroll_backward",
    "back by one step only",
    """From the loss at each time the gradient goes back through one further step and no more. A state acts
    on *all* later ones: what is carried back must contain what was carried to there.""",
)
def bptt_one_step_back(dH: Any, caches: Any) -> Any:
    m, T, n_h = dH.shape
    dh = np.zeros((m, n_h))
    back: list[Any] = []
    for t in reversed(range(T)):
        back.insert(0, step_backward(dH[:, t] + dh, caches[t]))
        dh = step_backward(dH[:, t], caches[t])[1]
    return {
        "dX": np.stack([g[0] for g in back], axis=1),
        "dh0": dh,
        "dWx": sum(g[2] for g in back),
        "dWh": sum(g[3] for g in back),
        "db": sum(g[4] for g in back),
    }


@misconception(
    "unroll_backward",
    "dH overwritten",
    """The results are right, but what came from the future was added into the caller's dH. Whoever uses dH
    afterwards finds another array there. Make a new one.""",
)
def bptt_in_place(dH: Any, caches: Any) -> Any:
    m, T, n_h = dH.shape
    dh = np.zeros((m, n_h))
    back: list[Any] = []
    for t in reversed(range(T)):
        dH[:, t] += dh
        back.insert(0, step_backward(dH[:, t], caches[t]))
        dh = back[0][1]
    return {
        "dX": np.stack([g[0] for g in back], axis=1),
        "dh0": dh,
        "dWx": sum(g[2] for g in back),
        "dWh": sum(g[3] for g in back),
        "db": sum(g[4] for g in back),
    }


@misconception(
    "unroll_backward",
    "an unrolled net differentiated numerically",
    """The gradients are differences of two runs of the whole sequence, one pair for each number. That is the
    right tool for a check and a hopeless one for learning; backpropagation goes back once for all of
    them.""",
)
def bptt_numerical(dH: Any, caches: Any) -> Any:
    X, params = np.stack([cache[0] for cache in caches], axis=1), caches[0][3]
    theta, grads = {"X": X, "h0": caches[0][1], **params}, {}
    for name in ("X", "h0", "Wx", "Wh", "b"):
        grad = np.zeros_like(theta[name])
        for index in np.ndindex(grad.shape):
            sides = []
            for h in (1e-5, -1e-5):
                moved = theta[name].copy()
                moved[index] += h
                now = {**theta, name: moved}
                sides.append(np.sum(dH * unroll(now["X"], now["h0"], now)[0]))
            grad[index] = (sides[0] - sides[1]) / 2e-5
        grads["d" + name] = grad
    return grads
