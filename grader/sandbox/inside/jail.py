"""
Giving up rights, by system calls: what a fork does before the first cell, so that nothing is left to misuse.

Order matters: namespaces first (they give the rights to mount), then mounts, then limits, then every
capability goes, then seccomp shuts the doors that are left.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import signal
import sys
import tempfile
from pathlib import Path

from .beside import Beside
from .messages import Start

__all__ = [
    "DRIVER",
    "SCRATCH",
    "adopt_orphans",
    "close_the_doors",
    "hide_memory",
    "leave_root",
    "limit_loosely",
    "new_user_and_pids",
    "quiet_descriptors",
]

NOBODY = 65534  # what a zygote started by root becomes; owns no file and is in no group
STUDENT_UID = 1000  # what the student's process sees as its own uid; outside it is the zygote's

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND = 1, 2, 4, 32, 4096
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = (
    1,
    4,
    22,
    24,
    38,
    47,
)
PR_SET_CHILD_SUBREAPER = 36
PR_CAP_AMBIENT_CLEAR_ALL = 4
SECCOMP_MODE_FILTER = 2
CAPABILITY_VERSION = 0x20080522
FILTER_BYTES = 8  # sizeof(struct sock_filter)
SCRATCH = "/tmp"  # noqa: S108 - its name inside the wall only
DRIVER = "/driver"  # where the zygote sees what /proc tells of the GPU's driver
STACK_BYTES = 8 * 1024 * 1024
LOCKED_BYTES = 64 * 1024
SCRATCH_FILES = 4096  # inodes of the scratch: they cost kernel memory too
PENDING_SIGNALS = 256
# Addresses beyond the warm process's and the memory limit: the stacks and arenas of threads take some hundred
# MiB. Each GiB that is mapped and only read costs 2 MiB of page tables.
ADDRESSES = 4 * 1024**3

libc = ctypes.CDLL(None, use_errno=True)


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("program", ctypes.c_void_p))


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _prctl(option: int, value: int, pointer: ctypes.c_void_p | None = None) -> int:
    third = pointer if pointer is not None else ctypes.c_ulong(0)
    return int(libc.prctl(option, ctypes.c_ulong(value), third, ctypes.c_ulong(0), ctypes.c_ulong(0)))


def leave_root() -> None:
    """Become nobody, if this is root: no student code ever runs as the uid that mounted the wall."""
    if os.geteuid() != 0:
        return
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def hide_memory() -> None:
    """Make this process's memory unreadable for others of its uid (it is not dumpable)."""
    _checked(_prctl(PR_SET_DUMPABLE, 0), "prctl(PR_SET_DUMPABLE)")


def new_user_and_pids() -> None:
    """
    Enter a new user namespace; the next fork becomes process 1 of a new PID namespace.

    Raises:
        OSError: the kernel or its settings refuse user namespaces.
    """
    uid, gid = os.geteuid(), os.getegid()
    # The maps in /proc/self belong to root while a process is not dumpable.
    _checked(_prctl(PR_SET_DUMPABLE, 1), "prctl(PR_SET_DUMPABLE)")
    _checked(libc.unshare(CLONE_NEWUSER | CLONE_NEWPID), "unshare(user, pid)")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{STUDENT_UID} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{STUDENT_UID} {gid} 1")
    hide_memory()


def adopt_orphans() -> None:
    """Become the parent of daemons below, where no PID namespace holds them; Linux only."""
    if sys.platform == "linux":
        _checked(_prctl(PR_SET_CHILD_SUBREAPER, 1), "prctl(PR_SET_CHILD_SUBREAPER)")


def quiet_descriptors(*keep: int) -> range:
    """Put *keep* on the descriptors from 3 on, nothing on 0 to 2, and close all others; return the places."""
    null = os.open(os.devnull, os.O_RDWR)
    # First out of the way: one of them may lie where another one is to go.
    high = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 3 + len(keep)) for descriptor in keep]
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    kept = range(3, 3 + len(keep))
    for descriptor, place in zip(high, kept, strict=True):
        os.dup2(descriptor, place)
    os.closerange(kept.stop, min(os.sysconf("SC_OPEN_MAX"), 65536))
    return kept


def close_the_doors(start: Start, beside: Beside) -> None:
    """
    Take every right from this process, which is process 1 of its PID namespace.

    Args:
        start: its limits.
        beside: the course's files; they come into its scratch, on top of what that may hold.

    Raises:
        OSError: one of the steps failed; no cell may run then.
    """
    # kill(0) goes to the whole process group, namespaces or not; the keepers are in the one that this leaves.
    os.setsid()
    # The keeper is the parent: without it nobody would watch.
    _checked(_prctl(PR_SET_PDEATHSIG, signal.SIGKILL), "prctl(PR_SET_PDEATHSIG)")
    # Read before /proc is covered: the limit is meant beyond what the warm process has already.
    warm = _warm_bytes("VmData"), _warm_bytes("VmSize")
    _checked(
        libc.unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET), "unshare(mount, ipc, net)"
    )
    # A real /proc can't be mounted where bubblewrap ran as root, and nothing in a notebook needs one.
    if start.gpu and Path(DRIVER).is_dir():
        _cover_proc_for_the_driver()
    else:
        _mount("tmpfs", "/proc", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, "size=4k,nr_inodes=1,mode=555")
    size, inodes = start.scratch_bytes + beside.bytes, SCRATCH_FILES + beside.inodes
    options = f"size={size},nr_inodes={inodes},mode=700"
    _mount("tmpfs", SCRATCH, "tmpfs", MS_NOSUID | MS_NODEV, options)
    _mount(SCRATCH, "/dev/shm", "", MS_BIND, "")  # noqa: S108 - one folder, one cap
    os.chdir(SCRATCH)
    beside.unpack(Path(SCRATCH))
    _limit_resources(start, warm)
    _drop_capabilities()
    _checked(_prctl(PR_SET_NO_NEW_PRIVS, 1), "prctl(PR_SET_NO_NEW_PRIVS)")
    # The keeper may read how much memory is shared. Nobody else sees this process, and it has no secret.
    _checked(_prctl(PR_SET_DUMPABLE, 1), "prctl(PR_SET_DUMPABLE)")
    _load_filter(start.seccomp)


def _cover_proc_for_the_driver() -> None:
    """Leave nothing of /proc but what the GPU's driver tells of itself."""
    flags = MS_NOSUID | MS_NODEV
    _mount("tmpfs", "/proc", "tmpfs", flags, "size=16k,nr_inodes=8,mode=755")
    place = Path("/proc/driver/nvidia")
    place.mkdir(parents=True)
    _mount(DRIVER, str(place), "", MS_BIND, "")
    _mount("tmpfs", "/proc", "tmpfs", flags | MS_REMOUNT | MS_RDONLY, "")


def limit_loosely(start: Start, beside: Beside) -> None:
    """Do what is possible without a wall (isolation "none"): an own folder and session, a few limits."""
    os.setsid()
    os.chdir(tempfile.mkdtemp(prefix="fork-"))
    beside.unpack(Path.cwd())
    for which, value in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, start.scratch_bytes)):
        resource.setrlimit(which, (value, value))


def _limit_resources(start: Start, warm: tuple[int, int]) -> None:
    """Set the limits of one process; soft and hard alike, so that they can't be raised again."""
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: start.open_files,
        resource.RLIMIT_FSIZE: start.scratch_bytes,
        resource.RLIMIT_STACK: STACK_BYTES,
        resource.RLIMIT_MEMLOCK: LOCKED_BYTES,
        # The keeper counts too: it is of the same uid in the same user namespace.
        resource.RLIMIT_NPROC: start.processes + 1,
    }
    # CUDA lays out one space of addresses for the machine's memory and all cards: a limit on it ends the
    # first call. There the keeper alone watches the memory.
    data, addresses = (0, 0) if start.gpu else warm
    if data:
        # Private writable memory: a large array fails with a MemoryError before the keeper has to kill.
        limits[resource.RLIMIT_DATA] = data + start.memory_bytes
    if addresses:
        limits[resource.RLIMIT_AS] = addresses + start.memory_bytes + ADDRESSES
    for name in ("RLIMIT_MSGQUEUE", "RLIMIT_RTPRIO"):
        if hasattr(resource, name):
            limits[getattr(resource, name)] = 0
    if hasattr(resource, "RLIMIT_SIGPENDING"):
        limits[resource.RLIMIT_SIGPENDING] = PENDING_SIGNALS
    for which, value in limits.items():
        hard = resource.getrlimit(which)[1]
        lowest = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (lowest, lowest))


def _warm_bytes(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0


def _mount(source: str, target: str, kind: str, flags: int, options: str) -> None:
    result = libc.mount(
        source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode() or None
    )
    _checked(result, f"mount {target}")


def _drop_capabilities() -> None:
    capability = 0
    while _prctl(PR_CAPBSET_DROP, capability) == 0:
        capability += 1
    _checked(_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL), "prctl(PR_CAP_AMBIENT)")
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    _checked(libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")


def _load_filter(program: bytes) -> None:
    code = ctypes.create_string_buffer(program, len(program))
    count = len(program) // FILTER_BYTES
    filter_ = _Filter(count, ctypes.cast(code, ctypes.c_void_p))
    pointer = ctypes.cast(ctypes.pointer(filter_), ctypes.c_void_p)
    _checked(_prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, pointer), "prctl(PR_SET_SECCOMP)")
