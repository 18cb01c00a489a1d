"""Turn what a student returned, which may be anything plain, into the type that a check asks for, or fail politely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from grader.errors import CheckFailure

__all__ = [
    "FloatArray",
    "Kind",
    "as_array",
    "as_list",
    "as_number",
    "as_params",
    "as_tuple",
    "assert_unchanged",
]

FloatArray = npt.NDArray[np.float64]
Kind = Literal["float", "int", "bool-or-int", "whole"]

MAX_NESTING = 16  # lists in lists; NumPy itself gives up at 64, and no blank needs more than 4
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
        raise CheckFailure(f"{name} must hold whole numbers; {_share(numbers != np.rint(numbers))} are not.")
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
        name: the function and what it should return, such as "forward must return 2 values (p, cache)" is
            said by the name "forward (p, cache)".

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
    if isinstance(value, np.ndarray) and value.ndim >= 1:
        value = list(value)
    if not isinstance(value, (list, tuple)):
        raise CheckFailure(f"{name} must be a list; it is {in_words(value)}.")
    if count is not None and len(value) != count:
        raise CheckFailure(f"{name} must have {count} entries; it has {len(value)}.")
    return list(value)


def as_params(value: object, shapes: Mapping[str, tuple[int, ...]], name: str) -> dict[str, FloatArray]:
    """
    Convert a returned dict of parameters or gradients to finite float64 arrays of *shapes*.

    Further keys are left out without complaint: a gradient dict may well carry `dZ1` too.

    Args:
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


class Observed(Protocol):
    """What `assert_unchanged` reads of an Observation (grader.sandbox)."""

    @property
    def args_after(self) -> tuple[Any, ...]:
        """The positional arguments as they are after the call."""

    @property
    def kwargs_after(self) -> Mapping[str, Any]:
        """The keyword arguments as they are after the call."""


def assert_unchanged(
    observation: Observed,
    args: Sequence[object],
    kwargs: Mapping[str, object] | None = None,
    names: Sequence[str] = (),
) -> None:
    """
    Fail if the call changed one of its arguments: arrays are compared bit for bit, containers entry by entry.

    What is neither data nor a container of it (a handle, a generator) may change as it likes.

    Args:
        observation: what `student.observe` returned.
        args: the positional arguments as they were sent.
        kwargs: the keyword arguments as they were sent.
        names: the positional arguments' names, for the message.

    Raises:
        CheckFailure: an argument is not what it was.
    """
    labels = [*names, *(f"argument {i + 1}" for i in range(len(names), len(args)))]
    before = [*zip(labels, args, strict=False), *(kwargs or {}).items()]
    after = [*observation.args_after, *((observation.kwargs_after or {}).get(key) for key in kwargs or {})]
    for (label, sent), left in zip(before, after, strict=False):
        changed = _changed(sent, left, label)
        if changed:
            raise CheckFailure(
                f"The function changes its argument {changed}.",
                hint="`a += …`, `a[…] = …` and `out=` write into the caller's array. Compute a new one, or copy first.",
            )


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
    """Return *array* in *shape* if they differ by axes of length 1 that are only too many, or only missing."""
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
        return
    what = "NaN" if np.isnan(numbers).any() else "infinite"
    if numbers.size == 1:
        raise CheckFailure(f"{name} is {what}.")
    raise CheckFailure(f"{name} is not finite in {_share(~finite)} ({what}).")


def _share(mask: npt.NDArray[np.bool_]) -> str:
    return f"{int(mask.sum())} of {mask.size} entries"


def _shape(shape: tuple[int, ...]) -> str:
    """A shape for a message; a hostile one has 64 axes."""
    return str(shape) if len(shape) <= 6 else f"with {len(shape)} axes"


def _names(keys: Sequence[object] | Mapping[str, object]) -> str:
    """List keys for a message: a few of them, cut short, since the student chose them."""
    shown = [repr(key)[:MAX_NAME_LENGTH] if isinstance(key, str) else "a key that is no text" for key in keys]
    more = f" and {len(shown) - MAX_NAMES} more" if len(shown) > MAX_NAMES else ""
    return ", ".join(shown[:MAX_NAMES]) + more


def _changed(sent: object, left: object, label: str) -> str:
    """Return which part of an argument changed, in words; empty where nothing did."""
    if isinstance(sent, np.ndarray):
        return _changed_array(sent, left, label)
    if isinstance(sent, Mapping):
        if not isinstance(left, Mapping) or set(map(str, left)) != set(map(str, sent)):
            return f"{label} (its keys are not the same after the call)"
        return _first(_changed(sent[key], left.get(key), f"{label}[{key!r}]") for key in sent)
    if isinstance(sent, (list, tuple)):
        if not isinstance(left, (list, tuple)) or len(left) != len(sent):
            return f"{label} (its length is not the same after the call)"
        parts = zip(sent, left, strict=True)
        return _first(_changed(a, b, f"{label}[{i}]") for i, (a, b) in enumerate(parts))
    return ""


def _changed_array(sent: npt.NDArray[Any], left: object, label: str) -> str:
    if not isinstance(left, np.ndarray) or left.shape != sent.shape or left.dtype != sent.dtype:
        return f"{label} (its shape or dtype is not the same after the call)"
    if sent.tobytes() == left.tobytes():
        return ""
    width = sent.dtype.itemsize
    old = np.frombuffer(sent.tobytes(), np.uint8).reshape(-1, width)
    new = np.frombuffer(left.tobytes(), np.uint8).reshape(-1, width)
    return f"{label}: {int((old != new).any(axis=1).sum())} of {sent.size} entries differ after the call"


def _first(found: Any) -> str:
    return next((words for words in found if words), "")
