"""
Length-prefixed frames over a stream socket, for both sides of the wall.

A frame is an 8-byte prefix (length of the header, length of the body), the header (one msgpack message)
and the body (the bytes of its arrays, one after another). Both lengths are checked before anything more
is read, so nobody can make the other side allocate more than the limit.
"""

from __future__ import annotations

import select
import socket
import struct
import time

__all__ = ["HEADER_BYTES", "BadFrame", "Channel", "Closed", "Late"]

PREFIX = struct.Struct("<II")
HEADER_BYTES = 8 * 1024 * 1024  # text and nested values; arrays travel in the body
READ_AHEAD = 64 * 1024


class Closed(Exception):  # noqa: N818 - an event
    """The other side is gone."""


class Late(Exception):  # noqa: N818 - an event
    """The deadline passed."""


class BadFrame(Exception):  # noqa: N818 - a verdict on bytes
    """The bytes are not a frame, or it is larger than allowed."""


class Channel:
    """
    One end of a stream socket that carries frames.

    Args:
        sock: a connected stream socket; the channel owns it.
        body_bytes: the largest body that is accepted.
    """

    def __init__(self, sock: socket.socket, body_bytes: int) -> None:
        self._sock = sock
        self._body_bytes = body_bytes
        self._buffer = bytearray(READ_AHEAD)
        self._start = 0
        self._end = 0

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    def send(self, header: bytes, body: list[memoryview], deadline: float | None = None) -> None:
        """
        Send one frame.

        Args:
            header: one encoded message.
            body: the arrays' bytes in order.
            deadline: on the monotonic clock; None waits for ever.

        Raises:
            Closed, Late: as they say. After Late the stream is broken: end the process.
        """
        length = sum(part.nbytes for part in body)
        frame = b"".join([PREFIX.pack(len(header), length), header, *body])
        self._limit(deadline)
        try:
            self._sock.sendall(frame)
        except TimeoutError:
            raise Late from None
        except OSError:
            raise Closed from None

    def wait(self) -> None:
        """Wait until there is something to receive."""
        if self._start == self._end:
            select.select([self._sock], [], [])

    def receive(self, deadline: float | None = None) -> tuple[bytes, bytes]:
        """
        Read one frame and return its header and body.

        Raises:
            Closed, Late, BadFrame: as they say; what arrived before Late is kept for the next call.
        """
        # Before the buffer is looked at: whoever sends without end would keep it full, and the clock unread.
        self._limit(deadline)
        self._fill(PREFIX.size, deadline)
        header_length, body_length = PREFIX.unpack_from(self._buffer, self._start)
        if header_length > HEADER_BYTES or body_length > self._body_bytes:
            raise BadFrame(f"a frame of {header_length} + {body_length} bytes")
        self._fill(PREFIX.size + header_length + body_length, deadline)
        middle = self._start + PREFIX.size + header_length
        header = bytes(self._buffer[self._start + PREFIX.size : middle])
        body = bytes(memoryview(self._buffer)[middle : middle + body_length])
        self._start = middle + body_length
        if self._start == self._end:
            self._reset()
        return header, body

    def _reset(self) -> None:
        self._start = self._end = 0
        if len(self._buffer) > READ_AHEAD:
            self._buffer = bytearray(READ_AHEAD)

    def _fill(self, count: int, deadline: float | None) -> None:
        """Read until *count* bytes stand in the buffer from its start."""
        if self._start + count > len(self._buffer):
            waiting = self._buffer[self._start : self._end]
            # A little room beyond the frame, or each pipelined small frame would be moved on its own.
            self._buffer = bytearray(max(count, READ_AHEAD))
            self._buffer[: len(waiting)] = waiting
            self._start, self._end = 0, len(waiting)
        view = memoryview(self._buffer)
        while self._end - self._start < count:
            self._limit(deadline)
            try:
                got = self._sock.recv_into(view[self._end :])
            except TimeoutError:
                raise Late from None
            except OSError:
                raise Closed from None
            if got == 0:
                raise Closed
            self._end += got

    def _limit(self, deadline: float | None) -> None:
        if deadline is None:
            if self._sock.gettimeout() is not None:
                self._sock.settimeout(None)
            return
        left = deadline - time.monotonic()
        if left <= 0:
            raise Late
        self._sock.settimeout(left)
