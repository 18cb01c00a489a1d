"""
A stand-in for `Student` that runs trusted functions in this process.

For trying a check while writing it, and for the diagnosis: which misconception would have answered so?
Never for a student's code.
"""

from __future__ import annotations

import contextlib
import copy
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from grader.errors import CheckFailure, NotWritten, StudentRaised, UnreadableReply
from grader.records import CellRun
from grader.sandbox import Call, Handle, Observation, Rng, Shown, Tensor
from grader.sandbox.inside.tensors import array_of, tensor_of

__all__ = ["LocalStudent"]

FORK = 0  # the number of the "process" that handles live in: it is never lost


class LocalStudent:
    """
    Answers the calls of a check with *functions*; see `grader.sandbox.Student` for each method.

    Args:
        functions: the namespace that the calls are looked up in, and that the functions are bound to, so
            that a stand-in or a count reaches the calls which they make of each other.
    """

    runs: tuple[CellRun, ...] = ()
    restarts = 0

    def __init__(self, functions: dict[str, Any]) -> None:
        self.functions = functions
        self.device = "cpu"
        self.shown = Shown()
        self.log: list[Call] = []
        self.right: frozenset[str] = frozenset()
        self.flawless: frozenset[str] = frozenset()
        self._objects: dict[int, object] = {}
        self._released: list[int] = []  # every handle tells when it goes; here nobody needs to know

    def has(self, name: str) -> bool:
        """Whether something callable of that name exists."""
        return callable(self.functions.get(name))

    def rng(self, seed: int) -> Handle:
        """Make a generator that several calls can share."""
        return self.keep(Rng(seed))

    def keep(self, value: Any) -> Handle:
        """Keep *value* as it arrives at a function."""
        return self._keep(self._arrived(value))

    def seed(self, seed: int) -> None:
        """Seed what draws without a generator of its own, as on the student's side."""
        random.seed(seed)
        np.random.seed(seed)
        torch: Any = sys.modules.get("torch")
        if torch is not None:
            torch.manual_seed(seed)
            torch.set_num_threads(1)  # as there; with more, small nets take 4 times as long on a busy machine

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:  # noqa: ARG002 - trusted code needs no limit
        """Let trusted code take its time."""
        yield

    def call(
        self,
        name: str | Handle,
        *args: Any,
        opaque: Sequence[int] | str = (),
        seconds: float | None = None,
        method: str = "",
        **kwargs: Any,
    ) -> Any:
        """Call a function by name or handle."""
        if method and isinstance(name, Handle):
            name = self._keep(getattr(self._of(name), method, None))
        return self.observe(name, *args, opaque=opaque, seconds=seconds, **kwargs).value

    def call_many(
        self,
        name: str,
        calls: Sequence[Sequence[Any]],
        *,
        opaque: Sequence[int] | str = (),
        seconds: float | None = None,
    ) -> list[Any]:
        """Call a function once for each list of arguments."""
        return [self.call(name, *args, opaque=opaque, seconds=seconds) for args in calls]

    def observe(
        self,
        name: str | Handle,
        *args: Any,
        opaque: Sequence[int] | str = (),
        count: Sequence[str] = (),
        seconds: float | None = None,  # noqa: ARG002 - trusted code needs no limit
        **kwargs: Any,
    ) -> Observation:
        """Call a function and tell what happened around the call."""
        label = name if isinstance(name, str) else name.type_name
        started = time.perf_counter()
        try:
            observation = self._observe(name, label, args, kwargs, opaque, count, started)
        except CheckFailure as failure:
            self.log.append(Call(label, failure))
            raise
        self.log.append(Call(label, observation.value))
        return observation

    @contextlib.contextmanager
    def standing_in(self, references: Mapping[str, Callable[..., object]]) -> Iterator[None]:
        """Put *references* in the place of functions of the same names, meanwhile."""
        before = {name: self.functions[name] for name in references if name in self.functions}
        self.functions.update(references)
        try:
            yield
        finally:
            self.functions.update(before)

    def _observe(
        self,
        name: str | Handle,
        label: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        opaque: Sequence[int] | str,
        count: Sequence[str],
        started: float,
    ) -> Observation:
        function = self._of(name) if isinstance(name, Handle) else self.functions.get(name)
        if not callable(function):
            raise NotWritten(f"{label} is not defined.")
        given, given_by_name = self._arrived(args), self._arrived(kwargs)
        with self._counting(count) as calls:
            try:
                with np.errstate(all="ignore"):
                    returned = function(*given, **given_by_name)
            except NotImplementedError:
                raise NotWritten(f"{label} is not written yet.") from None
            except Exception as error:  # noqa: BLE001 - whatever the wrong implementation raises
                kind = type(error).__name__
                raise StudentRaised(f"{label} raised {kind}: {error}", kind) from None
        return Observation(
            value=self._returned(returned, opaque, label),
            args_after=tuple(
                before if isinstance(before, Handle | Rng) else self._plain(after, label)
                for before, after in zip(args, given, strict=True)
            ),
            kwargs_after={name: self._plain(after, label) for name, after in given_by_name.items()},
            calls=dict(calls),
            seconds=time.perf_counter() - started,
        )

    @contextlib.contextmanager
    def _counting(self, names: Sequence[str]) -> Iterator[dict[str, int]]:
        calls = dict.fromkeys(names, 0)

        def counted(name: str, function: Callable[..., object]) -> Callable[..., object]:
            def wrapper(*args: object, **kwargs: object) -> object:
                calls[name] += 1
                return function(*args, **kwargs)

            return wrapper

        with self.standing_in({n: counted(n, self.functions[n]) for n in names if self.has(n)}):
            yield calls

    def _arrived(self, value: Any) -> Any:
        if isinstance(value, Handle):
            return self._of(value)
        if isinstance(value, Rng):
            return np.random.default_rng(value.seed)
        if isinstance(value, Tensor):
            return tensor_of(value.array.copy())
        if isinstance(value, dict):
            return {key: self._arrived(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self._arrived(item) for item in value)
        return copy.deepcopy(value)

    def _returned(self, value: Any, opaque: Sequence[int] | str, label: str) -> Any:
        if opaque == "all":
            return self._keep(value)
        if opaque and isinstance(value, list | tuple):
            return tuple(
                self._keep(item) if index in opaque else self._plain(item, label)
                for index, item in enumerate(value)
            )
        return self._plain(value, label)

    def _plain(self, value: Any, label: str) -> Any:
        if value is None or isinstance(value, bool | int | float | complex | str):
            return value
        if isinstance(value, np.generic):
            return value.item() if value.dtype.kind in "biufc" else str(value)
        if isinstance(value, np.ndarray):
            if value.dtype.kind not in "biufc":
                raise UnreadableReply(f"{label} returned an array of {value.dtype}.")
            return np.array(value)
        if isinstance(value, dict):
            return {key: self._plain(item, label) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self._plain(item, label) for item in value)
        array = array_of(value)
        return self._keep(value) if array is None else np.array(array)

    def _keep(self, value: object) -> Handle:
        number = len(self._objects) + 1
        self._objects[number] = value
        return Handle(number, type(value).__name__, callable(value), FORK, self._released)

    def _of(self, handle: Handle) -> Any:
        return self._objects.get(handle.number_in(FORK) or 0)
