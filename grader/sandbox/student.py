"""A student's functions, called through the wall."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal

import msgspec

from grader.errors import CheckFailure, LimitHit, UnreadableReply
from grader.records import CellRun
from grader.sandbox.calling import Caller, Order
from grader.sandbox.notebook import RunningNotebook
from grader.sandbox.values import Call, Handle, Observation, Rng, Shown, Value

__all__ = ["Student"]

Opaque = Sequence[int] | Literal["all"]
WHOLE = [-1]  # as indices of a message


class Student:
    """
    One submission's process behind the wall, its notebook run.

    Values that cross: None, bool, int, float, complex, str, list, tuple, dict with str or int keys, NumPy
    arrays of numbers, Rng (arguments only) and Handle. Everything else that a function returns becomes a
    Handle. Arguments are fresh copies at each call.

    Args:
        notebook: the submission's process, not yet started.
        device: what its trainings run on.

    `right` names the blanks whose main checks have passed so far, `flawless` those that lost nothing; the
    judge keeps both. A backward may be judged by a student's own forward only where that is not among them:
    a forward that is right can be held to the true gradient, and one that is right only while its own checks
    look earns nothing by it. `shown` is what the check at hand tells even where it passes. `device` is what
    the student's trainings run on: "cpu", or the GPU's name.
    """

    def __init__(self, notebook: RunningNotebook, device: str = "cpu") -> None:
        self.device = device
        self.shown = Shown()
        self.log: list[Call] = []
        self.right: frozenset[str] = frozenset()
        self.flawless: frozenset[str] = frozenset()
        self._notebook = notebook
        self._caller = Caller(notebook)
        self._deadline: float | None = None  # of the check at hand, where all of its calls share a budget
        self._budget = 0.0
        notebook.process()

    def __enter__(self) -> Student:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process and wait until everything that it started is gone."""
        self._notebook.close()

    @property
    def runs(self) -> tuple[CellRun, ...]:
        """What each cell did when it first ran; a cell that had to be stopped says so."""
        return tuple(self._notebook.runs[index] for index in sorted(self._notebook.runs))

    @property
    def restarts(self) -> int:
        """How often the notebook had to be run again in a new process."""
        return self._notebook.forks - 1

    def call(
        self,
        name: str | Handle,
        *args: Value,
        opaque: Opaque = (),
        seconds: float | None = None,
        method: str = "",
        **kwargs: Value,
    ) -> Value:
        """
        Call the student's global *name*, or a callable Handle.

        Args:
            name: what to call.
            *args: its arguments; Rng and Handle among them.
            opaque: indices of the returned tuple that stay on the student's side and come back as a
                Handle; "all": the whole value does.
            seconds: wall time; None: the limit's default, or what is left of the check's budget.
            method: of a Handle, to be called in its place: "state_dict" of a model.
            **kwargs: its keyword arguments.

        Raises:
            NotWritten, StudentRaised, LimitHit, UnreadableReply: what the student reads.
        """
        order = Order(name, [args], kwargs, _indices(opaque), seconds, method=method)
        return self._logged(order)[0].value

    def call_many(
        self,
        name: str | Handle,
        batch: Sequence[Sequence[Value]],
        *,
        opaque: Opaque = (),
        seconds: float | None = None,
    ) -> list[Value]:
        """Call *name* with each list of arguments, in one message; *seconds* is for all of them together."""
        return [each.value for each in self._logged(Order(name, batch, {}, _indices(opaque), seconds))]

    def observe(
        self,
        name: str | Handle,
        *args: Value,
        opaque: Opaque = (),
        count: Sequence[str] = (),
        seconds: float | None = None,
        **kwargs: Value,
    ) -> Observation:
        """Call *name*; tell also the arguments afterwards, and how often the names in *count* were called."""
        return self._logged(Order(name, [args], kwargs, _indices(opaque), seconds, True, count))[0]

    def seed(self, seed: int) -> None:
        """Seed what draws without a generator of its own there: random, NumPy's legacy generator, PyTorch."""
        self._caller.seed(seed)

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Meanwhile let all calls together take *seconds* of wall time."""
        self._deadline, self._budget = time.monotonic() + seconds, seconds
        try:
            yield
        finally:
            self._deadline = None

    def rng(self, seed: int) -> Handle:
        """Return a numpy.random.Generator that lives on the student's side, for calls that share one."""
        return self.keep(Rng(seed))

    def keep(self, value: Value) -> Handle:
        """Send *value* there and leave it: what several calls share, or is made larger there."""
        handle = next(self._caller.call(Order("", [(value,)], opaque=WHOLE))).value
        if not isinstance(handle, Handle):
            raise UnreadableReply("A value could not be kept in the student's process.")
        return handle

    def has(self, name: str) -> bool:
        """Return whether the notebook defines something callable of that name."""
        return self._caller.has(name)

    @contextlib.contextmanager
    def standing_in(self, functions: Mapping[str, Callable[..., Any]]) -> Iterator[None]:
        """Meanwhile answer the student's own calls of these names by trusted functions, on this side."""
        before = self._caller.stand_ins
        self._caller.stand_ins = {**before, **functions}
        try:
            yield
        finally:
            self._caller.stand_ins = before

    def _logged(self, order: Order) -> list[Observation]:
        """Make the calls; log each, or the failure that ended them."""
        found: list[Observation] = []
        order = self._in_budget(order)
        if not self.log:
            self._caller.forget()  # who cleared it has let go of the values
        try:
            for observation in self._caller.call(order):
                found.append(observation)
                self.log.append(Call(order.name, observation.value))
        except CheckFailure as failure:
            self.log.append(Call(order.name, failure))
            raise
        return found

    def _in_budget(self, order: Order) -> Order:
        """Let the calls of a check that trains share its budget, whichever of them takes the most."""
        if self._deadline is None:
            return order
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise LimitHit(f"The trainings of this check took more than {self._budget:g} s.", "time")
        return msgspec.structs.replace(order, seconds=left)


def _indices(opaque: Opaque) -> list[int]:
    return WHOLE if opaque == "all" else [int(each) for each in opaque]
