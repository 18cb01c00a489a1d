"""The student's process after the doors are closed: run cells, answer calls, until the channel ends."""

from __future__ import annotations

import os
import random
import signal
import sys
from types import FrameType
from typing import Any

import msgspec
import numpy as np

from .calls import Calls
from .channel import Channel, Closed
from .messages import Call, CellDone, Failed, Has, HasReply, Ready, Reply, Request, RunCell, SeedAll, StandIn
from .shell import Shell

__all__ = ["Child"]


class Child:
    """
    Serves the trusted side's requests, one after the other.

    Args:
        channel: the only way out.
        shell: the warm shell.
        frame_bytes: the largest body of a reply.
    """

    def __init__(self, channel: Channel, shell: Shell, frame_bytes: int) -> None:
        self._channel = channel
        self._shell = shell
        self._decode = msgspec.msgpack.Decoder(Request)
        self._encode = msgspec.msgpack.Encoder()
        self._calls = Calls(self._ask, shell.names, frame_bytes)
        self._running = False
        self._late = False

    def serve(self) -> None:
        """Answer requests until the trusted side closes the channel."""
        self._shell.take_streams()
        _seed_all(0)
        self._send(Ready(), [])
        while True:
            request, body = self._receive()
            self._answer(request, body)

    def _answer(self, request: Any, body: bytes) -> None:
        if isinstance(request, RunCell):
            self._run_cell(request)
        elif isinstance(request, Call):
            self._run_calls(request, body)
        elif isinstance(request, StandIn):
            self._calls.stand_in(request.names)
            self._send(HasReply(request.number, True), [])
        elif isinstance(request, Has):
            found = callable(self._shell.names.get(request.name))
            self._send(HasReply(request.number, found), [])
        elif isinstance(request, SeedAll):
            _seed_all(request.seed)
            self._send(HasReply(request.number, True), [])

    def _run_cell(self, request: RunCell) -> None:
        self._begin()
        try:
            outputs, error = self._shell.run(request.source, request.label, request.output_bytes)
        finally:
            self._running = False
        self._send(CellDone(request.number, outputs, error), [])

    def _run_calls(self, request: Call, body: bytes) -> None:
        self._begin()
        try:
            for reply, parts in self._calls.answer(request, body):
                self._running = False  # an interrupt must not tear the frame
                self._send(reply, parts)
                if self._late:
                    break
                self._running = True
        except KeyboardInterrupt:
            # It came between two calls, and the trusted side waits for a reply of some kind.
            self._send(Failed(request.number, "KeyboardInterrupt", "", ""), [])
        finally:
            self._running = False

    def _begin(self) -> None:
        # Anew each time, since the last cell may have set a handler of its own.
        signal.signal(signal.SIGINT, self._interrupted)
        self._late = False
        self._running = True

    def _interrupted(self, signum: int, frame: FrameType | None) -> None:
        """Raise KeyboardInterrupt, but only in the student's code: a late one must not tear a frame."""
        del signum, frame
        self._late = True
        if self._running:
            self._running = False
            raise KeyboardInterrupt

    def _ask(self, message: Reply, body: list[memoryview]) -> tuple[Any, bytes]:
        """Send the call of a stand-in and return the trusted side's answer."""
        if self._late:
            raise KeyboardInterrupt  # nobody answers any more
        self._running = False
        self._send(message, body)
        if self._late:
            raise KeyboardInterrupt
        self._running = True  # while it waits, an interrupt ends it; while it reads, it would tear the frame
        self._channel.wait()
        self._running = False
        answer = self._receive()
        self._running = True
        return answer

    def _send(self, message: Reply, body: list[memoryview]) -> None:
        try:
            self._channel.send(self._encode.encode(message), body)
        except Closed:
            os._exit(0)

    def _receive(self) -> tuple[Any, bytes]:
        try:
            header, body = self._channel.receive()
        except Closed:
            # No clean-up of the student's (atexit, finally) after the trusted side is gone.
            os._exit(0)
        return self._decode.decode(header), body


def _seed_all(seed: int) -> None:
    """
    Seed what draws without a generator of its own: same notebook, same grade.

    PyTorch only where the notebook may have it: the zygote imported it then, and drew nothing.
    """
    random.seed(seed)
    np.random.seed(seed)  # the legacy generator is what notebooks without a seed use
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(seed)
        if os.environ.get("CUBLAS_WORKSPACE_CONFIG"):  # on a GPU sums may come in any order, unless asked
            torch.use_deterministic_algorithms(True, warn_only=True)
