"""Did the training work? Thresholds that are derived from honest runs, and why a run missed its threshold."""

from __future__ import annotations

import functools
import math
import statistics

import numpy as np
import numpy.typing as npt

from grader.errors import CheckFailure
from grader.verify.pictures import learning_curve_picture
from grader.verify.values import FloatArray, as_array, as_list

__all__ = ["accuracy", "as_losses", "assert_reaches", "figure", "threshold", "tolerance_factor"]


@functools.lru_cache(maxsize=64)
def tolerance_factor(n: int, confidence: float = 0.95, coverage: float = 0.999) -> float:
    """
    One-sided normal tolerance factor k: mean - k*sd lies below a share *coverage* of all runs.

    With probability *confidence* over the n calibration runs, if the results are normally distributed.

    Args:
        n: calibration runs, at least 2.
        confidence: probability that the bound holds.
        coverage: share of honest runs that lie above it.

    Returns:
        k; 5.20 for n = 10, 4.32 for 20, 4.02 for 30, 3.77 for 50 (0.95, 0.999).

    Source: k = t / sqrt(n), t the *confidence* quantile of Student's t with n - 1 degrees of freedom and
        noncentrality z*sqrt(n), z the normal quantile of *coverage*; NIST/SEMATECH e-Handbook, 7.2.6.3.
    """
    if n < 2:
        raise ValueError(f"A tolerance factor needs at least 2 runs, not {n}.")
    z = statistics.NormalDist().inv_cdf(coverage)
    low, high = z, z + 200.0
    for _ in range(60):
        middle = (low + high) / 2
        if _noncentral_t_cdf(middle * math.sqrt(n), n - 1, z * math.sqrt(n)) < confidence:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def threshold(mean: float, sd: float, n: int, *, confidence: float = 0.95, coverage: float = 0.999) -> float:
    """
    Return the least result that a training check asks for, from *n* runs of the reference.

    Args:
        mean: of the runs' results (accuracy, in 0 … 1).
        sd: their standard deviation, with n - 1 in the denominator.
        n: how many runs, each with its own seed; at least 30.
        confidence: see `tolerance_factor`.
        coverage: share of honest runs that pass; 0.999 means that one in a thousand would fail.

    Returns:
        mean - k*sd. For a result that must stay *below* a bound, give -mean and take the negative.
    """
    return mean - tolerance_factor(n, confidence, coverage) * sd


def accuracy(predicted: object, labels: npt.ArrayLike, name: str = "predict") -> float:
    """
    Share of rows whose predicted label is right.

    Args:
        predicted: raw, as the student returned it; booleans and whole floats are fine.
        labels: the right labels, shape (m,).
        name: the blank.

    Raises:
        CheckFailure: *predicted* is not (m,) whole numbers.
    """
    right = np.asarray(labels)
    return float(np.mean(as_array(predicted, right.shape, name, kind="whole") == right))


def as_losses(value: object, count: int | None, name: str = "losses") -> FloatArray:
    """
    Convert a returned list of losses to shape (count,); entries may be NaN or infinite: the curve tells.

    Raises:
        CheckFailure: not a list of *count* numbers.
    """
    entries = as_list(value, count, name)
    losses = np.full(len(entries), np.nan)
    for i, entry in enumerate(entries):
        if isinstance(entry, float) and not math.isfinite(entry):
            losses[i] = entry
            continue
        array = np.asarray(entry) if isinstance(entry, (np.ndarray, np.generic)) else None
        if array is not None and array.size == 1 and array.dtype.kind == "f" and not np.isfinite(array).all():
            losses[i] = float(array.reshape(()))
            continue
        losses[i] = float(as_array(entry, (), f"{name}[{i}]"))
    return losses


def assert_reaches(
    reached: float,
    threshold: float,
    name: str = "the accuracy on held-out rows",
    *,
    losses: object = None,
    on_training: float | None = None,
    chance: float | None = None,
    below: bool = False,
    percent: bool = True,
    hint: str = "",
) -> tuple[str, str]:
    """
    Fail unless a training run reached its threshold; says what the learning curve shows, and draws it.

    Args:
        reached: what was measured, such as an accuracy in 0 … 1; a NaN fails.
        threshold: from `threshold`.
        name: what was measured, in words.
        losses: raw, as the student's `fit` returned them; ignored where they are no list of numbers.
        on_training: the same figure on the rows that it was trained with; None: not measured. Where that one
            is good, the message says that what was learnt does not carry over.
        chance: what guessing would reach; where the result is within 0.03 of it, the message says so.
        below: the result must not exceed the threshold, rather than reach it.
        percent: whether the result reads as a percentage.
        hint: shown where the curve suggests nothing.

    Returns:
        Where it passes: the figure and the threshold in words, and the learning curve as an SVG document or
        an empty text.

    Raises:
        CheckFailure: with the learning curve as a picture, if there are losses.
    """
    shown, bound = figure(reached, percent=percent), figure(threshold, percent=percent)
    asked = "at most" if below else "at least"
    message = f"{name[:1].upper()}{name[1:]} is {shown}; {asked} {bound} is needed."
    curve = _readable(losses)
    picture = learning_curve_picture(curve) if curve.size > 1 else ""
    passed = reached <= threshold if below else reached >= threshold
    if passed:
        return message, picture
    with np.errstate(all="ignore"):
        seen, advice = _diagnosis(curve)
    learnt = on_training is not None and (on_training <= threshold if below else on_training >= threshold)
    if not seen and learnt:
        seen, advice = (
            f"On the rows that it was trained with it is {figure(on_training or 0.0, percent=percent)}: "
            "what was learnt does not carry over to new rows.",
            "That is overfitting: fewer parameters, fewer epochs, dropout or a penalty.",
        )
    if not seen and chance is not None and abs(reached - chance) <= 0.03:
        seen, advice = (
            "That is no better than guessing.",
            "Does predict use the trained parameters, on the right axis?",
        )
    raise CheckFailure(f"{message} {seen}".strip(), hint=advice or hint, picture=picture)


def figure(value: float, *, percent: bool) -> str:
    """Return a figure as people read it: "97.2 %", or three significant digits."""
    return f"{100 * value:.1f} %" if percent else f"{value:.3g}"


def _readable(losses: object) -> FloatArray:
    if losses is None:
        return np.zeros(0)
    try:
        return as_losses(losses, None)
    except CheckFailure:
        return np.zeros(0)  # a check of its own says so


def _diagnosis(losses: FloatArray) -> tuple[str, str]:
    """Say what is certain from the curve alone; nothing where it looks sound."""
    if losses.size < 2:
        return "", ""
    finite = np.isfinite(losses)
    if not finite.all():
        step = int(np.argmin(finite)) + 1
        return (
            f"The loss is not finite from step {step} of {losses.size} on.",
            "An overflow in exp, a log of zero, or steps that grow: look at the first bad step.",
        )
    first, last = float(losses[0]), float(losses[-1])
    if np.ptp(losses) <= 1e-9 * max(1.0, abs(first)):
        return (
            "The loss is the same at every step: nothing is learnt.",
            "Are the updated parameters used in the next step?",
        )
    if last > first and float(np.mean(np.diff(losses) > 0)) > 0.9:
        return (
            f"The loss rises, from {first:.3g} to {last:.3g}.",
            "Which way does the update go, against the gradient?",
        )
    if last > first:
        return (
            f"The loss ends higher than it began ({first:.3g} to {last:.3g}).",
            "Are the steps too large, or is a gradient wrong?",
        )
    return "", ""


def _noncentral_t_cdf(t: float, degrees: int, noncentrality: float) -> float:
    """
    P(T <= t) = E[normal_cdf(t*S - noncentrality)], S**2 a chi-square over its *degrees* of freedom.

    By the trapezoid rule over log S, which converges fast for so smooth an integrand; importing SciPy would
    take longer than all of this.
    """
    # log S has density proportional to exp(degrees*x - degrees*exp(2x)/2): a bell of width
    # 1/sqrt(2*degrees) with a left tail exp(degrees*x).
    bell = 12.0 / math.sqrt(2.0 * degrees)
    x = np.linspace(-max(bell, 40.0 / degrees), min(bell, 3.0), 801)
    log_density = degrees * x - degrees * np.exp(2 * x) / 2
    weight = np.exp(log_density - log_density.max())
    normal = np.array([0.5 * math.erfc(-(t * s - noncentrality) / math.sqrt(2.0)) for s in np.exp(x)])
    return float(np.sum(weight * normal) / np.sum(weight))
