"""The system calls that a student's process is refused, compiled to a program for the kernel's seccomp."""

from __future__ import annotations

import errno
import functools
import tempfile

import pyseccomp

__all__ = ["seccomp_program"]

# Refused with EPERM: what NumPy, matplotlib and PyTorch never need, and what breaks out of sandboxes do.
REFUSED = """
    unshare setns mount umount umount2 pivot_root chroot move_mount open_tree fsopen fsconfig fsmount fspick
    mount_setattr swapon swapoff quotactl quotactl_fd nfsservctl
    ptrace process_vm_readv process_vm_writev process_madvise process_mrelease pidfd_getfd pidfd_open
    pidfd_send_signal kcmp
    bpf perf_event_open keyctl add_key request_key userfaultfd memfd_create memfd_secret
    kexec_load kexec_file_load init_module finit_module delete_module create_module query_module
    iopl ioperm modify_ldt vm86 vm86old personality reboot acct syslog lookup_dcookie
    settimeofday clock_settime clock_adjtime adjtimex sethostname setdomainname vhangup
    open_by_handle_at name_to_handle_at fanotify_init fanotify_mark inotify_init inotify_init1
    shmget shmat shmctl shmdt msgget msgsnd msgrcv msgctl semget semop semctl semtimedop
    mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr
    socket socketpair connect bind listen accept accept4
    mbind set_mempolicy migrate_pages move_pages mknod mknodat remap_file_pages uselib ustat sysfs
    sendmsg recvmsg sendmmsg recvmmsg getsockopt setsockopt flock sync syncfs splice vmsplice tee seccomp
    io_setup io_submit io_getevents io_pgetevents io_cancel io_destroy
"""
# Refused as if the kernel did not know them, so that callers take their older way.
UNKNOWN = "clone3 io_uring_setup io_uring_enter io_uring_register"

NEW_NAMESPACES = (
    0x00000080,
    0x00020000,
    0x02000000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
SHARED_ANONYMOUS = 0x01 | 0x20  # MAP_SHARED | MAP_ANONYMOUS
TIOCSTI, TIOCLINUX, TIOCSETD = 0x5412, 0x541C, 0x5423
# Locks and leases on the files that all submissions see would tell one of them what another one does:
# F_GETLK, F_SETLK, F_SETLKW, the same for open files, F_SETLEASE, F_NOTIFY.
TELLTALE_FCNTL = (5, 6, 7, 36, 37, 38, 1024, 1026)
PR_SET_SECCOMP = 22
MSG_OOB = 1
SET_USER_ID, SET_GROUP_ID = 0o4000, 0o2000

# From here on the numbers are the same on all machines, and the C library has a way without each of them.
# Of these only close_range, openat2, faccessat2, epoll_pwait2, futex_waitv and fchmodat2 stay.
FIRST_RECENT, LAST = 424, 600
HARMLESS_RECENT = {436, 437, 439, 441, 449, 452}


@functools.cache
def seccomp_program() -> bytes:
    """
    Return the filter as an array of `struct sock_filter`.

    A call that is not refused is allowed; a call of a foreign architecture (32 bit) kills the process.
    """
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    rules.set_attr(pyseccomp.Attr.ACT_BADARCH, pyseccomp.KILL_PROCESS)
    no = pyseccomp.ERRNO(errno.EPERM)
    unknown = pyseccomp.ERRNO(errno.ENOSYS)
    for name in REFUSED.split():
        _refuse(rules, no, name)
    for name in UNKNOWN.split():
        _refuse(rules, unknown, name)
    for number in range(FIRST_RECENT, LAST):
        if number not in HARMLESS_RECENT:
            _refuse(rules, unknown, number)
    _refuse_by_argument(rules)
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def _refuse(rules: pyseccomp.SyscallFilter, action: int, call: str | int) -> None:
    try:
        number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, call) if isinstance(call, str) else call
        if number >= 0:  # a negative one does not exist on this architecture
            rules.add_rule(action, number)
    except (OSError, ValueError):
        pass  # a name that is newer than this libseccomp: the numbers above cover it; or a second rule


def _refuse_by_argument(rules: pyseccomp.SyscallFilter) -> None:
    masked = pyseccomp.MASKED_EQ
    no = pyseccomp.ERRNO(errno.EPERM)
    for flag in NEW_NAMESPACES:
        rules.add_rule(no, "clone", pyseccomp.Arg(0, masked, flag, flag))
    # Shared memory that no process has touched yet is counted to nobody; what is shared lies in the scratch.
    rules.add_rule(no, "mmap", pyseccomp.Arg(3, masked, SHARED_ANONYMOUS, SHARED_ANONYMOUS))
    for order in TELLTALE_FCNTL:
        rules.add_rule(no, "fcntl", pyseccomp.Arg(1, masked, 0xFFFFFFFF, order))
    rules.add_rule(no, "prctl", pyseccomp.Arg(0, masked, 0xFFFFFFFF, PR_SET_SECCOMP))
    for call in ("sendto", "recvfrom"):
        rules.add_rule(no, call, pyseccomp.Arg(3, masked, MSG_OOB, MSG_OOB))
    for request in (TIOCSTI, TIOCLINUX, TIOCSETD):
        rules.add_rule(no, "ioctl", pyseccomp.Arg(1, masked, 0xFFFFFFFF, request))
    for bit in (SET_USER_ID, SET_GROUP_ID):
        rules.add_rule(no, "chmod", pyseccomp.Arg(1, masked, bit, bit))
        rules.add_rule(no, "fchmod", pyseccomp.Arg(1, masked, bit, bit))
        rules.add_rule(no, "fchmodat", pyseccomp.Arg(2, masked, bit, bit))
