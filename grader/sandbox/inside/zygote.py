"""
The warm process behind the wall: it has imported everything, and forks a student's process on demand.

It runs no student code itself and has a single thread, so that a fork is a whole process.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import os
import signal
import socket
import sys
from typing import Any, NamedTuple

import msgspec

from . import jail
from .beside import Beside
from .channel import Channel
from .child import Child
from .imports import Gate
from .keeper import keep
from .messages import Forked, Ready, Setup, Start, Warm
from .shell import Shell

__all__ = ["main"]

ORDER_BYTES = 1024 * 1024
# What a library imports only when it is first used: every fork would take that second again.
LAZY = {"torch": ("torch._dynamo", "torch.utils.data")}


class _Warm(NamedTuple):
    """What every fork has."""

    walled: bool
    shell: Shell
    gate: Gate


def main(descriptor: int) -> None:
    """
    Warm up, then fork for each order until the trusted side closes the control socket.

    Args:
        descriptor: the control socket, inherited.
    """
    control = socket.socket(fileno=descriptor)
    setup = msgspec.msgpack.decode(control.recv(ORDER_BYTES), type=Setup)
    try:
        warm = _warm_up(setup)
    except (ImportError, OSError) as error:
        control.sendall(msgspec.msgpack.encode(Warm(f"{type(error).__name__}: {error}")))
        return
    control.sendall(msgspec.msgpack.encode(Warm()))
    # The kernel reaps the keepers: nobody waits for them here.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        order, descriptors, _, _ = socket.recv_fds(control, ORDER_BYTES, 3)
        if not order:
            os._exit(0)
        start = msgspec.msgpack.decode(order, type=Start)
        if _fork(control) == 0:
            control.close()
            _become_keeper(start, warm, *descriptors)
        for passed in descriptors:
            os.close(passed)


def _warm_up(setup: Setup) -> _Warm:
    pictures = "matplotlib" in setup.imports
    for name in setup.imports:
        importlib.import_module(name)
        for lazy in LAZY.get(name, ()):
            with contextlib.suppress(ImportError):  # another release may have another name for it
                importlib.import_module(lazy)
    if "torch" in setup.imports:
        _convert_once()
    shell = Shell(pictures)
    if pictures:
        _draw_once()
    gate = Gate(setup.imports, setup.allowed)
    sys.meta_path.insert(0, gate)
    gc.collect()
    gc.freeze()  # a collection in the fork would touch, and so copy, every page
    return _Warm(setup.walled, shell, gate)


def _draw_once() -> None:
    """Draw a small picture, so that fonts and lazy imports are warm in every fork."""
    pyplot = importlib.import_module("matplotlib.pyplot")  # only where the notebook may
    figure = pyplot.figure()
    figure.add_subplot().set_title("$x^2$")
    figure.savefig(io.BytesIO(), format="png", bbox_inches="tight")
    pyplot.close(figure)


def _convert_once() -> None:
    """Compute in float16, before which PyTorch reads what the processor can do; a fork may not look."""
    torch: Any = importlib.import_module("torch")  # only where the notebook may
    with contextlib.suppress(RuntimeError):  # it may not be able to tell here either
        torch.zeros(1).half().float()


def _fork(control: socket.socket) -> int:
    try:
        pid = os.fork()
    except OSError as error:
        control.sendall(msgspec.msgpack.encode(Forked(f"fork: {error}")))
        return -1
    if pid:
        control.sendall(msgspec.msgpack.encode(Forked()))
    return pid


def _become_keeper(start: Start, warm: _Warm, channel: int, orders: int, beside: int) -> None:
    """Fork the student's process into new namespaces and watch it; never returns."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if warm.walled:
            jail.new_user_and_pids()
        else:
            jail.adopt_orphans()
        pid = os.fork()
        if pid == 0:
            _become_student(start, warm, channel, beside)
        os.close(channel)
        os.close(beside)
        with socket.socket(fileno=orders) as control:
            keep(control, pid, start, warm.walled)
        code = 0
    except OSError as error:
        _refuse(channel, f"{error}")
    finally:
        os._exit(code)


def _become_student(start: Start, warm: _Warm, channel: int, packed: int) -> None:
    code = 1
    try:
        channel, packed = jail.quiet_descriptors(channel, packed)
        line = Channel(socket.socket(fileno=channel), start.order_bytes)
        beside = Beside(packed)
        if warm.walled:
            jail.close_the_doors(start, beside)
        else:
            jail.limit_loosely(start, beside)
        if beside.modules:
            # Last, so that no file of this name hides a package.
            sys.path.append(os.getcwd())  # noqa: PTH109 - a text
            warm.gate.let_in(beside.modules)
        Child(line, warm.shell, start.frame_bytes).serve()
    except OSError as error:
        _refuse(channel, f"{error}")
    finally:
        os._exit(code)


def _refuse(descriptor: int, problem: str) -> None:
    """Say on the student's channel, in place of Ready, why no cell may run."""
    with contextlib.suppress(OSError):  # then the channel's end says it
        Channel(socket.socket(fileno=os.dup(descriptor)), 0).send(msgspec.msgpack.encode(Ready(problem)), [])
