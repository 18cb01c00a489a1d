"""The trusted end of one student's process: frames with a deadline, orders to its keeper, its end."""

from __future__ import annotations

import select
import socket
import time
from typing import Any

import msgspec

from grader.config import Limits
from grader.sandbox.inside.channel import BadFrame, Channel, Closed, Late
from grader.sandbox.inside.keeper import INTERRUPT, KILL
from grader.sandbox.inside.messages import Asked, Reply, Report, Request

__all__ = ["BadFrame", "Ended", "Late", "Process"]

GRACE_SECONDS = 1.0  # between the interrupt and the end
FAREWELL_SECONDS = 10.0  # for the kernel to end all processes and free their memory
HEADER_WEIGHT = 8  # bytes that a header of small values becomes, to one of its own


class Ended(Exception):  # noqa: N818 - an event
    """The process is gone; *cause* as in Report."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.cause)
        self.cause = report.cause
        self.exit_code = report.exit_code


class Process:
    """
    One forked process of a student.

    Args:
        channel: the socket to the process.
        control: the socket to its keeper.
        limits: the frame limit is used here.

    `received` is about what the replies so far would take in memory, in bytes, were they all kept.
    """

    def __init__(self, channel: socket.socket, control: socket.socket, limits: Limits) -> None:
        self._channel = Channel(channel, limits.frame_bytes)
        self._control = control
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(Reply)
        self._report: Report | None = None
        self.received = 0

    @property
    def alive(self) -> bool:
        """Whether the process can still be asked, as far as is known."""
        return self._report is None

    def send(self, request: Request, body: list[memoryview], deadline: float) -> None:
        """
        Send one request.

        Args:
            request: the message.
            body: its arrays' bytes.
            deadline: on the monotonic clock. A process that has not read it then is ended.

        Raises:
            Late: the deadline passed.
            Ended: the process is gone.
        """
        try:
            self._channel.send(self._encoder.encode(request), body, deadline)
        except Closed:
            raise Ended(self.end(KILL)) from None
        except Late:
            self.end(KILL)
            raise

    def check(self, deadline: float) -> None:
        """Raise Late, as receive does, if the deadline passed."""
        if time.monotonic() >= deadline:
            self._interrupt()
            raise Late

    def receive(self, deadline: float) -> tuple[Any, bytes]:
        """
        Wait for one reply and the bytes of its arrays.

        Args:
            deadline: on the monotonic clock. At the deadline the process is interrupted, and ended
                if that does not bring it back.

        Raises:
            Late: the deadline passed; the process may live on, see `alive`.
            Ended: the process is gone.
            BadFrame: it sent what is no reply, and was ended for it.
        """
        try:
            header, body = self._channel.receive(deadline)
        except Closed:
            raise Ended(self.end(b"")) from None
        except Late:
            self._interrupt()
            raise
        except BadFrame:
            self.end(KILL)
            raise
        self.received += len(body) + HEADER_WEIGHT * len(header)
        try:
            return self._decoder.decode(header), body
        except (ValueError, RecursionError) as error:
            self.end(KILL)
            raise BadFrame(f"{error}") from error

    def end(self, order: bytes = KILL) -> Report:
        """
        End the process, wait until all that it started is gone, and close both sockets.

        Args:
            order: KILL, or nothing where the channel's end says that it is ending by itself.
        """
        if self._report is None:
            self._channel.close()
            self._report = self._farewell(order)
            self._control.close()
        return self._report

    def _interrupt(self) -> None:
        """Interrupt the process; end it unless it comes back at once. Its late reply is thrown away."""
        try:
            self._control.settimeout(GRACE_SECONDS)
            self._control.send(INTERRUPT)
            self._await_return(time.monotonic() + GRACE_SECONDS)
            if self._control.recv(4096) != INTERRUPT:  # the keeper's receipt
                self.end(KILL)
        except (Closed, Late, BadFrame, OSError, ValueError, RecursionError):
            self.end(KILL)

    def _await_return(self, deadline: float) -> None:
        """Read until a reply that ends a request; a stand-in's call is not answered any more."""
        while isinstance(self._decoder.decode(self._channel.receive(deadline)[0]), Asked):
            pass

    def _farewell(self, order: bytes) -> Report:
        try:
            # A channel's end without the process's (it closed the descriptor) must not hold us up.
            ended = not order and select.select([self._control], [], [], GRACE_SECONDS)[0]
            if not ended:
                self._control.send(KILL)
            self._control.settimeout(FAREWELL_SECONDS)
            last_word = INTERRUPT
            while last_word == INTERRUPT:  # a receipt that nobody waited for
                last_word = self._control.recv(4096)
            self._control.recv(1)  # its end: the keeper is gone too
            return msgspec.msgpack.decode(last_word, type=Report)
        except (OSError, msgspec.MsgspecError):
            return Report("died", 0)
