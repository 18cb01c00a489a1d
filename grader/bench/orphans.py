"""
Processes that outlive the one that started them.

Linux gives an orphan to the nearest ancestor that has asked for it. With this process as that ancestor,
whatever a run of nbgrader leaves behind is below it, and nothing of anybody else's.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from pathlib import Path

from grader.errors import ConfigError

__all__ = ["adopt", "below", "command_of", "end", "left"]

PR_SET_CHILD_SUBREAPER = 36
LOOK_SECONDS = 0.02


def adopt() -> None:
    """
    Have orphans of this process's descendants come to this process.

    Raises:
        ConfigError: the system can't (it is not Linux).
    """
    if not Path("/proc/self/task").is_dir() or ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise ConfigError("This measurement needs Linux: it looks for processes that were left behind.")


def below(pid: int) -> list[int]:
    """Return every process that descends from *pid*, itself not."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        for children in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            # It may have ended by now, and its children with it.
            with contextlib.suppress(OSError):
                waiting += (more := [int(word) for word in children.read_text().split()])
                found += more
    return found


def left(patience: float) -> tuple[list[int], float]:
    """
    Wait until no process is left below this one; none that it started itself may still be running.

    Args:
        patience: seconds to wait at most.

    Returns:
        Those that are left then, and the seconds that it took.
    """
    began = time.monotonic()
    while True:
        _bury()
        found = below(os.getpid())
        seconds = time.monotonic() - began
        if not found or seconds > patience:
            return found, seconds
        time.sleep(LOOK_SECONDS)


def end(pids: list[int]) -> None:
    """End processes that should not be there any more."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    time.sleep(LOOK_SECONDS)
    _bury()


def command_of(pid: int) -> str:
    """Return the command line of a process; empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def _bury() -> None:
    """Take the exit codes of adopted processes, which else stay as zombies."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
