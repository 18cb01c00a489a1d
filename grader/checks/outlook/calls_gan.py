"""Calls of the blanks of gan, their answers turned into arrays."""

from __future__ import annotations

import numpy as np

from grader import verify
from grader.checks.outlook.inputs_gan import FloatArray
from grader.errors import CheckFailure
from grader.sandbox import Handle, Rng, Student

__all__ = ["as_function", "assert_not_copied", "drawn", "pair_of_grads", "trained"]

# A network's answer never hits a number of the data but by the rounding to float32, once in thousands.
MOST_COPIES = 0.01


def pair_of_grads(value: object, d_real: FloatArray, d_fake: FloatArray) -> dict[str, FloatArray]:
    """Turn what discriminator_grads returned into a dict of two arrays."""
    dd_real, dd_fake = verify.as_tuple(value, 2, "discriminator_grads (dd_real, dd_fake)")
    return {
        "dd_real": verify.as_array(dd_real, d_real.shape, "dd_real"),
        "dd_fake": verify.as_array(dd_fake, d_fake.shape, "dd_fake"),
    }


def trained(student: Student, data: FloatArray, steps: int, seed: int) -> Handle:
    """Call fit; return the sample function as a handle."""
    return as_function(student.call("fit", data, steps, Rng(seed)))


def as_function(value: object) -> Handle:
    """Return what fit gave back; fail unless it is a function."""
    if isinstance(value, Handle) and value.callable:
        return value
    nothing = " It returned None: is there a return?" if value is None else ""
    raise CheckFailure(
        f"fit must return the function sample(n, rng); what it returned can't be called.{nothing}",
        hint="Define sample inside of fit, and return it without calling it.",
    )


def drawn(student: Student, sample: Handle, n: int, source: Rng | Handle) -> FloatArray:
    """Call the sample function; return its n numbers."""
    return verify.as_array(student.call(sample, n, source), (n,), "sample(n, rng)")


def assert_not_copied(samples: FloatArray, data: FloatArray) -> None:
    """Fail if samples are numbers of the data again."""
    share = float(np.mean(np.isin(samples, data)))
    if share > MOST_COPIES:
        raise CheckFailure(
            f"{100 * share:.0f} % of the samples are numbers of the data: they are copied, not generated.",
            hint="A sample is noise that went through the generator; the data only teach the discriminator.",
        )
