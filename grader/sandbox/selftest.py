"""The proof, from inside a real fork, that the wall stands; without it nothing is graded."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path

from grader.config import MEBIBYTE, Limits
from grader.errors import CheckFailure, LimitHit, WallError
from grader.records import Cell, Submission
from grader.sandbox.bubblewrap import bound
from grader.sandbox.student import Student

__all__ = ["prove"]

# Tight, so that a hole shows within milliseconds.
LIMITS = Limits(call_seconds=10.0, memory_bytes=32 * MEBIBYTE, scratch_bytes=MEBIBYTE, processes=16)
HOME_ENTRIES = 50  # of the home folder that are looked for; one that is visible is enough

PROBE = '''
import ctypes, importlib.machinery, os, socket, time

def attempts():
    """Return what succeeded and must not."""
    found = []
    def holds(what, action, *arguments):
        try:
            action(*arguments)
        except (OSError, ImportError, MemoryError):
            return
        found.append(what)
    for family in ("AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK", "AF_PACKET"):
        holds(f"a socket of {family} can be opened", socket.socket, getattr(socket, family))
    for folder in ("/", "/dev", "/usr", "/packages", "/wall/inside", "/proc", os.path.dirname(os.__file__)):
        holds(f"{folder} can be written", open, os.path.join(folder, "probe"), "w")
    for name in ("grader", "nbgrader", "pytest"):
        if importlib.machinery.PathFinder.find_spec(name):
            found.append(f"the package {name} can be imported")
    holds("it can become root", os.setuid, 0)
    holds("it sees other processes", os.kill, -1, 0)
    if os.getpid() != 1 or os.listdir("/proc") or os.getuid() == 0:
        found.append("it is not alone in its process namespace, or is root there")
    if set(os.listdir("/dev")) - {"null", "random", "shm", "urandom"}:
        found.append("it has devices that submissions could share")
    if ctypes.CDLL(None).unshare(0x10000000) == 0:
        found.append("it can make user namespaces")
    return found

def visible(paths):
    return [path for path in paths if os.path.lexists(path)]

def scratch():
    with open("probe", "w") as file:
        return file.write("x")

def balloon():
    return len(bytearray(256 * 1024 * 1024))

def crowd():
    for _ in range(4):
        if os.fork() == 0:
            kept = b"x" * (16 * 1024 * 1024)
            time.sleep(20)
            os._exit(0)
    time.sleep(20)
'''


def prove(start: Callable[[Submission, Limits], Student], uids: Callable[[], Iterable[int]]) -> None:
    """
    Try to get out of a fork, and demand that every attempt fails.

    Args:
        start: starts a submission with given limits.
        uids: the real user ids of everything that runs behind the wall.

    Raises:
        WallError: an attempt succeeded, or the wall can't be built.
    """
    cells = (Cell(index=0, kind="code", source=PROBE, runs=True),)
    with start(Submission("self-test", "", "", cells), LIMITS) as student:
        try:
            holes = list(student.call("attempts"))
            holes += [f"{path} is visible" for path in student.call("visible", _not_to_be_seen())]
            if student.call("scratch") != 1:
                holes.append("the scratch folder can't be written")
        except CheckFailure as failure:
            raise WallError(f"The wall's self-test did not run: {failure.message}") from failure
        if 0 in uids():
            holes.append("a process behind it runs as root")
        holes += _unlimited(student, "balloon", "one process can take more memory than allowed")
        holes += _unlimited(student, "crowd", "many processes together can take more memory than allowed")
    if holes:
        raise WallError(
            f"The wall does not hold, and nothing is graded: {'; '.join(holes)}. "
            "Is another bwrap first in the PATH, or an old kernel (below 5.14) in use? See docs/wall.md."
        )


def _unlimited(student: Student, name: str, hole: str) -> list[str]:
    try:
        student.call(name)
    except LimitHit as hit:
        if hit.limit == "memory":
            return []
        return [f"{hole} ({hit.message})"]
    except CheckFailure as failure:
        return [f"{hole} ({failure.message})"]
    return [hole]


def _not_to_be_seen() -> list[str]:
    """Return paths of this machine that must not exist behind the wall."""
    package = Path(__file__).parents[1]
    paths = [Path.cwd(), package, package / "checks", package.parent / "source"]
    paths += [
        Path(name) for name in ("/home", "/etc/passwd", "/etc/shadow", "/var", "/run", "/sys", "/bin/sh")
    ]
    with contextlib.suppress(OSError, RuntimeError):  # no home folder, or one that is not ours to read
        paths += sorted(Path.home().iterdir())[:HOME_ENTRIES]
    allowed = bound()
    return [str(path) for path in paths if not any(each.is_relative_to(path) for each in allowed)]
