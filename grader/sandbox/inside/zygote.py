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

import msgspec

from . import jail
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


def main(descriptor: int) -> None:
    """
    Warm up, then fork for each order until the trusted side closes the control socket.

    Args:
        descriptor: the control socket, inherited.
    """
    control = socket.socket(fileno=descriptor)
    setup = msgspec.msgpack.decode(control.recv(ORDER_BYTES), type=Setup)
    try:
        shell = _warm_up(setup)
    except (ImportError, OSError) as error:
        control.sendall(msgspec.msgpack.encode(Warm(f"{type(error).__name__}: {error}")))
        return
    control.sendall(msgspec.msgpack.encode(Warm()))
    # The kernel reaps the keepers: nobody waits for them here.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        order, descriptors, _, _ = socket.recv_fds(control, ORDER_BYTES, 2)
        if not order:
            os._exit(0)
        start = msgspec.msgpack.decode(order, type=Start)
        channel, orders = descriptors
        if _fork(control) == 0:
            control.close()
            _become_keeper(start, setup, channel, orders, shell)
        os.close(channel)
        os.close(orders)


def _warm_up(setup: Setup) -> Shell:
    pictures = "matplotlib" in setup.imports
    for name in setup.imports:
        importlib.import_module(name)
        for lazy in LAZY.get(name, ()):
            with contextlib.suppress(ImportError):  # another release may have another name for it
                importlib.import_module(lazy)
    shell = Shell(pictures)
    if pictures:
        _draw_once()
    sys.meta_path.insert(0, Gate(setup.imports, setup.allowed))
    gc.collect()
    gc.freeze()  # a collection in the fork would touch, and so copy, every page
    return shell


def _draw_once() -> None:
    """Draw a small picture, so that fonts and lazy imports are warm in every fork."""
    pyplot = importlib.import_module("matplotlib.pyplot")  # only where the notebook may
    figure = pyplot.figure()
    figure.add_subplot().set_title("$x^2$")
    figure.savefig(io.BytesIO(), format="png", bbox_inches="tight")
    pyplot.close(figure)


def _fork(control: socket.socket) -> int:
    try:
        pid = os.fork()
    except OSError as error:
        control.sendall(msgspec.msgpack.encode(Forked(f"fork: {error}")))
        return -1
    if pid:
        control.sendall(msgspec.msgpack.encode(Forked()))
    return pid


def _become_keeper(start: Start, setup: Setup, channel: int, orders: int, shell: Shell) -> None:
    """Fork the student's process into new namespaces and watch it; never returns."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if setup.walled:
            jail.new_user_and_pids()
        else:
            jail.adopt_orphans()
        pid = os.fork()
        if pid == 0:
            _become_student(start, setup, channel, shell)
        os.close(channel)
        with socket.socket(fileno=orders) as control:
            keep(control, pid, start, setup.walled)
        code = 0
    except OSError as error:
        _refuse(channel, f"{error}")
    finally:
        os._exit(code)


def _become_student(start: Start, setup: Setup, channel: int, shell: Shell) -> None:
    code = 1
    try:
        channel = jail.quiet_descriptors(channel)
        line = Channel(socket.socket(fileno=channel), start.order_bytes)
        if setup.walled:
            jail.close_the_doors(start)
        else:
            jail.limit_loosely(start)
        Child(line, shell, start.frame_bytes).serve()
    except OSError as error:
        _refuse(channel, f"{error}")
    finally:
        os._exit(code)


def _refuse(descriptor: int, problem: str) -> None:
    """Say on the student's channel, in place of Ready, why no cell may run."""
    with contextlib.suppress(OSError):  # then the channel's end says it
        Channel(socket.socket(fileno=os.dup(descriptor)), 0).send(msgspec.msgpack.encode(Ready(problem)), [])
