"""Turn what a student returned, which may be anything, into what a check asks for, or say what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from grader.errors import CheckFailure
from grader.verify.wording import share_of

__all__ = [
    "FloatArray",
    "Kind",
    "as_array",
    "as_list",
    "as_number",
    "as_params",
    "as_tuple",
]

FloatArray = npt.NDArray[np.float64]
Kind = Literal["float", "int", "bool-or-int", "whole"]

MAX_NESTING = 16  # lists in lists; NumPy itself gives up at 64, and no blank needs more than 4
LARGEST = 1e100  # the square of a number beyond 1e154 overflows, and no blank's answer comes near
MAX_ENTRIES = 100_000  # of a list whose length is the student's choice
MAX_NAMES = 6  # of a dict's keys, in a message
MAX_NAME_LENGTH = 24

KINDS_WANTED: dict[str, str] = {
    "int": "integers",
    "bool-or-int": "integers or booleans",
    "whole": "whole numbers",
}


def as_array(value: object, shape: tuple[int, ...], name: str, *, kind: Kind = "float") -> npt.NDArray[Any]:
    """
    Convert what a student returned to an array of exactly *shape*.

    Axes of length 1 may be missing or too many ((m, 1) for (m,), a Python float for (1,) or ()), but not
    moved: (3, 1) is not (1, 3). Lists and tuples become arrays; bool, integer and float32 are fine where
    "float" is asked for.

    Args:
        value: anything that can come through the wall.
        shape: the shape that the check needs; () for a scalar.
        name: how the student knows it, such as "p" or "forward: p".
        kind: "float": any real numbers, finite → float64. "int": an integer dtype → int64. "bool-or-int":
            the same, or booleans. "whole": any dtype, as long as the values are whole → int64.

    Returns:
        A fresh array of *shape*, float64 or int64.

    Raises:
        CheckFailure: and nothing else, whatever *value* is.
    """
    array = _fit(_plain_array(value, name), shape, name)
    _check_kind(array, kind, name)
    with np.errstate(all="ignore"):
        numbers = array.astype(np.float64)
    _check_finite(numbers, name)
    if kind == "float":
        return numbers
    if kind == "whole" and not np.array_equal(numbers, np.rint(numbers)):
        raise CheckFailure(
            f"{name} must hold whole numbers; {share_of(numbers != np.rint(numbers))} are not."
        )
    with np.errstate(all="ignore"):
        return array.astype(np.int64)


def as_number(value: object, name: str) -> float:
    """
    Convert a returned scalar to a finite float; a 0-d array, shape (1,) and shape (1, 1) count as one.

    Raises:
        CheckFailure: *value* is not one finite real number.
    """
    array = _plain_array(value, name)
    if array.size != 1:
        raise CheckFailure(f"{name} must be a single number; it has shape {array.shape}.")
    return float(as_array(array.reshape(()), (), name))


def as_tuple(value: object, count: int, name: str) -> tuple[Any, ...]:
    """
    Check that *count* values came back, as a tuple or list; what they are is not looked at.

    Args:
        value: anything that can come through the wall.
        count: how many values are asked for.
        name: the function, with what it should return: "forward (p, cache)".

    Raises:
        CheckFailure: something else came back.
    """
    if not isinstance(value, (tuple, list)):
        raise CheckFailure(f"{name} must return {count} values; it returned {in_words(value)}.")
    if len(value) != count:
        raise CheckFailure(f"{name} must return {count} values; it returned {len(value)}.")
    return tuple(value)


def as_list(value: object, count: int | None, name: str) -> list[Any]:
    """
    Check that a list of *count* entries came back (None: any number); tuples and 1-d arrays are fine.

    Raises:
        CheckFailure: something else came back.
    """
    if not isinstance(value, (list, tuple)) and not (isinstance(value, np.ndarray) and value.ndim >= 1):
        raise CheckFailure(f"{name} must be a list; it is {in_words(value)}.")
    # Before the entries are listed: an array of no columns has any number of rows, at no cost to its sender.
    if count is not None and len(value) != count:
        raise CheckFailure(f"{name} must have {count} entries; it has {len(value)}.")
    if len(value) > MAX_ENTRIES:
        raise CheckFailure(f"{name} has {len(value)} entries, more than {MAX_ENTRIES}.")
    return list(value)


def as_params(value: object, shapes: Mapping[str, tuple[int, ...]], name: str) -> dict[str, FloatArray]:
    """
    Convert a returned dict of parameters or gradients to finite float64 arrays of *shapes*.

    Further keys are left out without complaint: a gradient dict may well carry `dZ1` too.

    Args:
        value: anything that can come through the wall.
        shapes: key → shape; all of these keys must be there.
        name: the dict, such as "params" or "grads".

    Raises:
        CheckFailure: not a dict, a key is missing, or an entry is not such an array.
    """
    if not isinstance(value, dict):
        raise CheckFailure(f"{name} must be a dict with the keys {_names(shapes)}; it is {in_words(value)}.")
    missing = [key for key in shapes if key not in value]
    if missing:
        extra = [key for key in value if key not in shapes]
        found = f" (it has {_names(extra)} instead)" if extra else ""
        raise CheckFailure(f"{name} lacks {_names(missing)}{found}.")
    return {key: as_array(value[key], shape, key) for key, shape in shapes.items()}


def in_words(value: object) -> str:
    """Describe what came back, without its content."""
    if value is None:
        return "None (is there a return?)"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__} of {len(value)}"
    for types, words in (
        ((bool, np.bool_), "a bool"),
        ((int, float, np.integer, np.floating), "a single number"),
        ((complex, np.complexfloating), "a complex number"),
        ((str, bytes), "text"),
        ((dict,), "a dict"),
    ):
        if isinstance(value, types):
            return words
    return "a function or another object that is not plain data"


def _plain_array(value: object, name: str) -> npt.NDArray[Any]:
    """Return *value* as an array of a real dtype, any shape; CheckFailure for everything else."""
    if isinstance(value, (list, tuple)):
        _check_nested(value, name)
    elif not isinstance(value, (np.ndarray, np.generic, bool, int, float, complex)):
        raise CheckFailure(f"{name} must be numbers; it is {in_words(value)}.")
    try:
        with np.errstate(all="ignore"):
            array = np.asarray(value)
    except (ValueError, TypeError, OverflowError, RecursionError, MemoryError):
        raise CheckFailure(f"{name} is a list whose parts differ in length: it can't be an array.") from None
    if array.dtype.kind == "c":
        raise CheckFailure(f"{name} holds complex numbers; it must be real.")
    if array.dtype.kind == "O" and isinstance(value, (list, tuple, int)):
        raise CheckFailure(f"{name} holds numbers too large for float64.")
    if array.dtype.kind not in "biuf":
        raise CheckFailure(
            f"{name} must hold real numbers; its dtype is {str(array.dtype)[:MAX_NAME_LENGTH]}."
        )
    return array


def _check_nested(value: Sequence[object], name: str) -> None:
    """Fail unless nested lists hold numbers only; iterative, so that depth can't exhaust the stack."""
    pending: list[tuple[object, int]] = [(value, 1)]
    while pending:
        part, depth = pending.pop()
        if isinstance(part, (list, tuple)):
            if depth > MAX_NESTING:
                raise CheckFailure(f"{name} is nested more than {MAX_NESTING} lists deep.")
            pending.extend((entry, depth + 1) for entry in part)
        elif not isinstance(part, (float, int, np.ndarray, np.generic, complex)):
            raise CheckFailure(f"{name} must hold numbers; one entry is {in_words(part)}.")


def _fit(array: npt.NDArray[Any], shape: tuple[int, ...], name: str) -> npt.NDArray[Any]:
    """Return *array* in *shape* if they differ only by axes of length 1: too many, or too few."""
    if array.shape == shape:
        return array
    if _by_dropping_ones(array.shape, shape) or _by_dropping_ones(shape, array.shape):
        return array.reshape(shape)
    remark = ""
    if array.ndim >= 2 and array.shape[::-1] == shape:
        remark = ": it is transposed"
    raise CheckFailure(f"{name} has shape {_shape(array.shape)}, expected {shape}{remark}.")


def _by_dropping_ones(long: tuple[int, ...], short: tuple[int, ...]) -> bool:
    """Whether *short* is *long* without some of its ones."""
    rest = list(short)
    for size in long:
        if rest and size == rest[0]:
            rest.pop(0)
        elif size != 1:
            return False
    return not rest


def _check_kind(array: npt.NDArray[Any], kind: Kind, name: str) -> None:
    allowed = {"float": "biuf", "int": "iu", "bool-or-int": "biu", "whole": "biuf"}[kind]
    if array.dtype.kind not in allowed:
        raise CheckFailure(
            f"{name} must hold {KINDS_WANTED[kind]}; its dtype is {array.dtype}.",
            hint="`.astype(int)` turns an array of booleans or floats into one of integers.",
        )


def _check_finite(numbers: FloatArray, name: str) -> None:
    finite = np.isfinite(numbers)
    if finite.all():
        if numbers.size and float(np.max(np.abs(numbers))) > LARGEST:
            raise CheckFailure(f"{name} has entries beyond {LARGEST:.0e}: it diverged.")
        return
    what = "NaN" if np.isnan(numbers).any() else "infinite"
    if numbers.size == 1:
        raise CheckFailure(f"{name} is {what}.")
    raise CheckFailure(f"{name} is not finite in {share_of(~finite)} ({what}).")


def _shape(shape: tuple[int, ...]) -> str:
    """A shape for a message; a hostile one has 64 axes."""
    return str(shape) if len(shape) <= 6 else f"with {len(shape)} axes"


def _names(keys: Sequence[object] | Mapping[str, object]) -> str:
    """List keys for a message: a few of them, cut short, since the student chose them."""
    shown = [repr(key)[:MAX_NAME_LENGTH] if isinstance(key, str) else "a key that is no text" for key in keys]
    more = f" and {len(shown) - MAX_NAMES} more" if len(shown) > MAX_NAMES else ""
    return ", ".join(shown[:MAX_NAMES]) + more
