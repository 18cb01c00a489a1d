"""The trusted end of a zygote: start it behind the wall, have it fork, end it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import msgspec

from grader.config import Limits
from grader.errors import WallError
from grader.sandbox import bubblewrap
from grader.sandbox.devices import Gpu
from grader.sandbox.inside.messages import Forked, Setup, Start, Warm
from grader.sandbox.packages import Packages
from grader.sandbox.process import Process
from grader.sandbox.syscalls import seccomp_program

__all__ = ["Zygote"]

WARM_UP_SECONDS = 60.0  # importing PyTorch from a cold disk
FORK_SECONDS = 30.0  # a machine that swaps
CLOSE_SECONDS = 5.0
KIND = socket.SOCK_SEQPACKET if sys.platform == "linux" else socket.SOCK_STREAM

ADVICE = (
    "Unprivileged user namespaces seem to be switched off. Settings that do so: "
    "kernel.unprivileged_userns_clone=0, user.max_user_namespaces=0, or (Ubuntu 23.10 and later) "
    "kernel.apparmor_restrict_unprivileged_userns=1: set it to 0 with sysctl, or give bwrap an AppArmor "
    "profile with the rule userns. In a container, ask for a seccomp profile that allows unshare and mount. "
    'isolation "none" grades without a wall; it is for authors only.'
)


class Zygote:
    """
    A warm process for one list of imports.

    Args:
        packages: what the notebook may import.
        isolation: "wall" or "none".
        gpu: what its forks may train on; None: the CPU.

    Raises:
        WallError: it could not be started.
    """

    def __init__(self, packages: Packages, isolation: str, gpu: Gpu | None = None) -> None:
        self._gpu = gpu
        self._walled = isolation == "wall"
        self._owner = os.getpid()
        self._lock = threading.Lock()
        # Without a wall there is no private scratch: one folder here stands in for all of them.
        self._folder = None if self._walled else tempfile.TemporaryDirectory(prefix="scratch-")
        self._control, inherited = socket.socketpair(socket.AF_UNIX, KIND)
        try:
            self._process = self._start(packages, inherited.fileno())
        except BaseException:
            self._control.close()
            raise
        finally:
            inherited.close()
        setup = Setup(list(packages.imports), list(packages.allowed), self._walled)
        try:
            self._control.settimeout(WARM_UP_SECONDS)
            self._control.sendall(msgspec.msgpack.encode(setup))
            warm = self._hear()
        except OSError:
            warm = b""
        self._check_warm(warm)

    @property
    def alive(self) -> bool:
        """Whether it can fork, as far as is known."""
        return self._process.poll() is None

    def fork(self, limits: Limits, beside: int) -> Process:
        """
        Fork a process for one submission; its first frame says whether the doors are closed.

        Args:
            limits: its limits.
            beside: a descriptor of the packed files that it finds in its folder.

        Raises:
            WallError: the zygote is gone, or could not fork.
        """
        channel, inside = socket.socketpair()
        control, orders = socket.socketpair(socket.AF_UNIX, KIND)
        start = Start(
            limits.memory_bytes,
            limits.processes,
            limits.open_files,
            limits.scratch_bytes,
            limits.frame_bytes,
            limits.order_bytes,
            self._gpu is not None,
            seccomp_program() if self._walled else b"",
        )
        problem = "it did not answer"
        with inside, orders, self._lock, contextlib.suppress(OSError, msgspec.MsgspecError):
            self._control.settimeout(FORK_SECONDS)
            socket.send_fds(
                self._control, [msgspec.msgpack.encode(start)], [inside.fileno(), orders.fileno(), beside]
            )
            problem = msgspec.msgpack.decode(self._hear(), type=Forked).problem
        if problem:
            channel.close()
            control.close()
            raise WallError(f"The warm process could not start a student's process: {problem}")
        return Process(channel, control, limits)

    def uids(self) -> set[int]:
        """Return the real user ids of every process behind the wall."""
        parents = {}
        for status in Path("/proc").glob("[0-9]*/status"):
            with contextlib.suppress(OSError):
                fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
                parents[int(fields["Pid"])] = (int(fields["PPid"]), int(fields["Uid"].split()[0]))
        inside = {self._process.pid}
        for _ in parents:
            inside |= {pid for pid, (parent, _) in parents.items() if parent in inside}
        # bwrap itself stays outside, to wait for what it started.
        return {parents[pid][1] for pid in inside - {self._process.pid}}

    def close(self) -> None:
        """End the zygote and with it everything behind its wall; in a forked copy, do nothing."""
        self._control.close()
        if os.getpid() != self._owner:
            return
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()
        if self._folder is not None:
            self._folder.cleanup()

    def _start(self, packages: Packages, descriptor: int) -> subprocess.Popen[bytes]:
        if self._folder is None:
            # The kernel ties "dies with its parent" to the parent's thread, and a worker thread may end long
            # before its Sandbox. There the end of the control socket ends the zygote.
            main = threading.current_thread() is threading.main_thread()
            arguments = bubblewrap.command(packages, descriptor, main, self._gpu)
            folder, environment = "/", {"PATH": os.defpath}
        else:
            code = bubblewrap.bootstrap(False, str(bubblewrap.INSIDE.parent), "")
            arguments = [sys.executable, "-P", "-c", code, str(descriptor)]
            folder = self._folder.name
            own = {"PATH": os.defpath, "HOME": folder, "TMPDIR": folder}
            environment = {**bubblewrap.environment(self._gpu), **own}
        return subprocess.Popen(  # noqa: S603 - the arguments are ours
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=[descriptor],
            env=environment,
            cwd=folder,
        )

    def _hear(self) -> bytes:
        return self._control.recv(65536)

    def _check_warm(self, warm: bytes) -> None:
        if warm:
            problem = msgspec.msgpack.decode(warm, type=Warm).problem
            if not problem:
                return
            self.close()
            raise WallError(f"The warm process behind the wall could not start: {problem}")
        self._control.close()
        try:
            said = self._process.communicate(timeout=CLOSE_SECONDS)[1].decode(errors="replace").strip()
        except subprocess.TimeoutExpired:
            self._process.kill()
            said = "it took too long"
        self.close()
        advice = f" {ADVICE}" if "namespace" in said or "ermission" in said or "permitted" in said else ""
        raise WallError(f"The wall could not be built: {said[-1000:]}{advice}")
