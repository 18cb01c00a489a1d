"""Calls through the wall: arguments out, replies in, stand-ins answered, everything judged by its type."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from grader.config import MEBIBYTE
from grader.errors import LimitHit, UnreadableReply
from grader.sandbox.failures import failure_of, lost
from grader.sandbox.inside import messages
from grader.sandbox.inside.messages import Asked, HasReply, Returned
from grader.sandbox.inside.nodes import Generator, Held, Node, Seed
from grader.sandbox.inside.values import Decoder, Encoder, NotPlain
from grader.sandbox.notebook import RunningNotebook
from grader.sandbox.process import BadFrame, Ended, Late, Process
from grader.sandbox.standin import StandIns, Unasked
from grader.sandbox.values import Handle, Observation, Rng, Tensor, Value

__all__ = ["Caller", "Order"]

REPLY_BYTES = 256 * MEBIBYTE  # of all replies that a check keeps: eight of the largest


class Order(msgspec.Struct, frozen=True):
    """
    What to call, and how.

    Args:
        target: a global's name, or a Handle.
        method: of the Handle, to be called in its place; empty for itself.
        batch: the positional arguments of each call.
        kwargs: the same for each call.
        opaque: indices that stay there; [-1] for the whole value.
        seconds: for all calls together; None: the limit's default.
        observe: tell the arguments afterwards.
        count: names whose calls are counted.
    """

    target: str | Handle
    batch: Sequence[Sequence[Value]]
    kwargs: Mapping[str, Value] = {}
    opaque: Sequence[int] = ()
    seconds: float | None = None
    observe: bool = False
    count: Sequence[str] = ()
    method: str = ""

    @property
    def name(self) -> str:
        """What messages call it."""
        if isinstance(self.target, str):
            return self.target
        return f"{self.method} of what was returned" if self.method else "the returned function"


class Caller:
    """
    Makes the calls of one submission, whichever of its processes is alive.

    Args:
        notebook: the submission's process.
    """

    def __init__(self, notebook: RunningNotebook) -> None:
        self._notebook = notebook
        self._released: list[int] = []
        self._kept = 0  # bytes of replies since `forget`
        self._stand_ins = StandIns({}, notebook.limits.frame_bytes)
        self._placed: tuple[int, tuple[str, ...]] = (0, ())  # fork and names that have their proxies

    def call(self, order: Order) -> Iterator[Observation]:
        """
        Make the calls of *order*, and yield what each gave.

        Raises:
            NotWritten, StudentRaised, LimitHit, UnreadableReply: the first failure ends them.
        """
        process = self._ready()
        allowed = order.seconds if order.seconds is not None else self._notebook.limits.call_seconds
        deadline = time.monotonic() + allowed
        number = self._notebook.number()
        request, body = self._request(order, number)
        try:
            self._notebook.send(process, request, body, deadline)
            for args in order.batch:
                began = time.monotonic()
                self._stand_ins.begin()
                before = process.received
                reply, parts = self._reply(process, number, deadline)
                self._keep(order, process, process.received - before)
                if not isinstance(reply, Returned) or reply.number != number:
                    failure = failure_of(reply, order.name, number, self._notebook)
                    raise failure or BadFrame("no answer to the request")
                yield self._observation(order, args, reply, parts, time.monotonic() - began)
        except (Ended, Late, BadFrame) as problem:
            if isinstance(problem, BadFrame):
                with self._notebook.charged():
                    process.end()
            raise lost(order.name, problem, self._notebook, allowed) from None
        finally:
            self._stand_ins.end()

    def seed(self, seed: int) -> None:
        """Seed what draws without a generator of its own."""
        process = self._ready()
        try:
            self._ask(process, messages.SeedAll(self._notebook.number(), seed))
        except (Ended, Late, BadFrame) as problem:
            raise lost("The notebook", problem, self._notebook, self._notebook.limits.call_seconds) from None

    def has(self, name: str) -> bool:
        """Ask whether *name* is something callable."""
        process = self._ready()
        try:
            return self._ask(process, messages.Has(self._notebook.number(), name))
        except (Ended, Late, BadFrame) as problem:
            raise lost(name, problem, self._notebook, self._notebook.limits.call_seconds) from None

    def forget(self) -> None:
        """Count what is returned from nought: nobody holds the values any more."""
        self._kept = 0

    @property
    def stand_ins(self) -> Mapping[str, Callable[..., Any]]:
        """The functions that stand in now; set it to change them, from the next call on."""
        return self._stand_ins.functions

    @stand_ins.setter
    def stand_ins(self, functions: Mapping[str, Callable[..., Any]]) -> None:
        self._stand_ins = StandIns(functions, self._notebook.limits.frame_bytes)

    def _ready(self) -> Process:
        """Return a living process with the stand-ins in place; the notebook runs again if one was lost."""
        if self._notebook.seconds_left <= 0:
            allowed = self._notebook.limits.notebook_seconds
            raise LimitHit(f"The notebook has used all of its {allowed:g} s.", "time")
        process = self._notebook.process()
        names = tuple(self._stand_ins.functions)
        wanted = (self._notebook.forks, names)
        if wanted != self._placed and (names or self._placed[0] == self._notebook.forks):
            try:
                self._ask(process, messages.StandIn(self._notebook.number(), list(names)))
            except (Ended, Late, BadFrame) as problem:
                raise lost("The notebook", problem, self._notebook, 0) from None
        self._placed = wanted
        return process

    def _ask(self, process: Process, request: messages.Has | messages.StandIn | messages.SeedAll) -> bool:
        deadline = time.monotonic() + self._notebook.limits.call_seconds
        self._notebook.send(process, request, [], deadline)
        reply, _ = self._notebook.exchange(process, deadline)
        if isinstance(reply, HasReply) and reply.number == request.number:
            return reply.found
        process.end()
        raise BadFrame("no answer to the question")

    def _request(self, order: Order, number: int) -> tuple[messages.Call, list[memoryview]]:
        encoder = Encoder(lambda value: self._outgoing(value, encoder), self._notebook.limits.order_bytes)
        try:
            batch = [[encoder.encode(each) for each in args] for args in order.batch]
            kwargs = {name: encoder.encode(each) for name, each in order.kwargs.items()}
        except NotPlain as problem:
            # Only what a student returned earlier can be so odd: a check's own data are plain.
            raise UnreadableReply(f"{order.name} was to be given {problem}, which can't be sent.") from None
        handle = None if isinstance(order.target, str) else self._number(order.target)
        name = order.target if isinstance(order.target, str) else ""
        release, self._released[:] = self._released[:], []
        request = messages.Call(
            number,
            name,
            handle,
            order.method,
            batch,
            kwargs,
            list(order.opaque),
            order.observe,
            list(order.count),
            release,
        )
        return request, encoder.body

    def _reply(self, process: Process, number: int, deadline: float) -> tuple[Any, bytes]:
        """Wait for a reply; meanwhile answer the student's calls of stand-ins."""
        while True:
            reply, parts = self._notebook.exchange(process, deadline)
            if getattr(reply, "number", number) < number:
                continue  # the rest of an earlier message's calls, which was late
            if not isinstance(reply, Asked):
                return reply, parts
            try:
                with self._notebook.charged():
                    answer, body = self._stand_ins.answer(reply, parts, self._notebook.soonest(deadline))
            except Unasked as problem:
                raise BadFrame(f"{problem}") from None
            except BaseException:
                process.end()  # it waits for an answer that will not come
                raise
            with self._notebook.charged():
                # A late answer is not sent: the interrupt comes in its place.
                process.check(self._notebook.soonest(deadline))
            self._notebook.send(process, answer, body, deadline)

    def _keep(self, order: Order, process: Process, size: int) -> None:
        """Count a reply that will be kept in the log; there is an end to that, whatever else stands in it."""
        self._kept += size
        if self._kept > REPLY_BYTES:
            process.end()  # it may be about to send the rest of a batch
            allowed = REPLY_BYTES // MEBIBYTE
            raise LimitHit(
                f"{order.name} and what was called before it returned over {allowed} MiB.", "output"
            )

    def _observation(
        self, order: Order, args: Sequence[Value], reply: Returned, parts: bytes, seconds: float
    ) -> Observation:
        decoder = Decoder(parts, self._incoming)
        try:
            value = decoder.decode(reply.value)
            after = [decoder.decode(node) for node in reply.args_after]
            named = {name: decoder.decode(node) for name, node in reply.kwargs_after.items()}
        except NotPlain as problem:
            raise BadFrame(f"{problem}") from None
        if order.observe and (len(after) != len(args) or named.keys() != order.kwargs.keys()):
            raise BadFrame("other arguments than were given")
        kept = tuple(_same(before, now) for before, now in zip(args, after, strict=False))
        kept_named = {name: _same(order.kwargs[name], now) for name, now in named.items()}
        calls = {name: reply.calls.get(name, 0) for name in order.count}
        return Observation(value, kept, kept_named, calls, seconds)

    def _outgoing(self, value: Any, encoder: Encoder) -> Node:
        if isinstance(value, Tensor):
            return encoder.tensor(value.array)
        if isinstance(value, Handle):
            return Held(self._number(value))
        if isinstance(value, Rng):
            return Seed(value.seed)
        raise TypeError(f"A {type(value).__name__} can't be given to a student's function.")

    def _incoming(self, node: Held | Seed | Generator) -> Handle:
        if not isinstance(node, Held):
            raise NotPlain("a value of the wrong side")
        return Handle(node.id, node.type_name[:200], node.callable, self._notebook.forks, self._released)

    def _number(self, handle: Handle) -> int:
        number = handle.number_in(self._notebook.forks)
        if number is None:
            raise LimitHit(
                "What an earlier call returned was lost: the Python process ended meanwhile.", "died"
            )
        return number


def _same(before: Value, after: Value) -> Value:
    return before if isinstance(before, (Handle, Rng)) else after
