"""What can be seen and reached from behind the wall: nothing of this machine."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest
from boxed import NUMPY, TIGHT, notebook

import grader
from grader.config import Limits
from grader.errors import ConfigError, LimitHit, WallError
from grader.sandbox import Sandbox, bubblewrap, wall
from grader.sandbox.syscalls import seccomp_program


def test_the_wall_proves_itself(box):
    box.self_test()


def test_the_file_system_has_only_what_is_listed(start):
    student = start("import os\ndef look(path): return sorted(os.listdir(path))")
    assert set(student.call("look", "/")) <= {
        *("dev", "etc", "lib", "lib64", "packages", "proc", "tmp", "usr", "wall"),
        Path(bubblewrap.interpreter()).parts[1],
    }
    assert student.call("look", "/etc") == ["ld.so.cache"]
    assert student.call("look", "/wall") == ["inside"]
    assert student.call("look", "/proc") == []
    assert "torch" not in student.call("look", "/packages")
    assert not [name for name in student.call("look", "/packages") if "grader" in name or "scipy" in name]


def test_there_is_no_device_by_which_submissions_meet_or_hide_memory(start):
    student = start(
        "import os\ndef look(): return sorted(os.listdir('/dev'))\n"
        "def use(): return len(os.urandom(8)), len(open('/dev/urandom', 'rb').read(8)), "
        "open('/dev/null', 'w').write('x')"
    )
    assert student.call("look") == ["null", "random", "shm", "urandom"]
    assert student.call("use") == (8, 8, 1)


def test_the_course_the_home_and_the_checks_are_not_there(start):
    student = start("import os\ndef there(paths): return [p for p in paths if os.path.lexists(p)]")
    repository = Path(wall.__file__).parents[2]
    paths = [repository, repository / "grader", Path.cwd(), Path("/home"), Path("/etc/passwd"), Path("/var")]
    paths += [Path(wall.__file__), *(Path(folder) / "checks" for folder in grader.__path__)]
    assert student.call("there", [str(path) for path in paths]) == []


def test_hidden_files_cannot_be_found_by_walking(start):
    student = start(
        "import os\ndef walk():\n    found = []\n    for folder, _, files in os.walk('/'):\n"
        "        found += [os.path.join(folder, f) for f in files if 'misconception' in f or f == "
        "'gradebook.db']\n"
        "    return found"
    )
    assert student.call("walk") == []


def test_no_secret_is_in_the_environment(monkeypatch):
    monkeypatch.setenv("COURSE_SECRET", "xyzzy")
    cell = "import os\ndef environment(): return dict(os.environ)"
    with Sandbox(TIGHT) as box, box.start(notebook(cell), NUMPY) as student:
        environment = student.call("environment")
    assert environment.keys() == {*bubblewrap.environment(None), "PWD"}


def test_nothing_outside_the_scratch_can_be_written(start):
    student = start(
        "import os\ndef write(paths):\n    done = []\n    for p in paths:\n"
        "        try: open(p + '/x', 'w'); done.append(p)\n"
        "        except OSError: pass\n    return done\n"
        "def folders(): return [f for f, _, _ in os.walk('/') if not f.startswith(('/tmp', "
        "'/dev/shm'))][:3000]"
    )
    scratch = ["/tmp", "/dev/shm"]  # noqa: S108 - names inside the wall
    assert student.call("write", student.call("folders")) == []
    assert student.call("write", scratch) == scratch


def test_no_process_of_the_machine_is_seen_or_signalled(start):
    student = start(
        "import os\ndef look():\n    alive = []\n    for pid in range(2, 5000):\n"
        "        try: os.kill(pid, 0); alive.append(pid)\n"
        "        except OSError: pass\n    return os.getpid(), os.getppid(), alive"
    )
    assert student.call("look") == (1, 0, [])


REFUSALS = (errno.EPERM, errno.ENOENT, errno.ENOSYS, errno.EACCES, errno.EINVAL)
CALLS = {
    "a socket": "import socket; socket.socket()",
    "a pair of sockets": "import socket; socket.socketpair()",
    "a name look-up": "import socket; socket.create_connection(('127.0.0.1', 80))",
    "becoming root": "import os; os.setuid(0)",
    "a user namespace": "check(libc.unshare(0x10000000))",
    "a mount": "check(libc.mount(b'none', b'/tmp', b'tmpfs', 0, None))",
    "an unmount": "check(libc.umount2(b'/proc', 2))",
    "tracing": "check(libc.ptrace(0, 0, 0, 0))",
    "reading another memory": "check(libc.process_vm_readv(1, None, 0, None, 0, 0))",
    "a BPF program": "check(libc.syscall(321, 0, 0, 0))",
    "performance counters": "check(libc.syscall(298, 0, 0, 0, 0, 0))",
    "the kernel's keys": "check(libc.syscall(250, 0, 0, 0, 0, 0))",
    "an io_uring": "check(libc.syscall(425, 1, 0))",
    "a fault handler": "check(libc.syscall(323, 0))",
    "memory as a file": "import os; os.memfd_create('x')",
    "another root": "import os; os.chroot('/tmp')",
    "a device": "import os, stat; os.mknod('/tmp/x', 0o600 | stat.S_IFCHR, os.makedev(1, 3))",
    "a set-uid file": "import os; open('x', 'w').close(); os.chmod('x', 0o4755)",
    "shared memory of System V": "check(libc.shmget(0, 4096, 0o1600))",
    "another personality": "check(libc.personality(0x0400000))",
    "the host's name": "import socket; socket.sethostname('x')",
    "the clock": "import time; time.clock_settime(0, 0)",
    "a process's descriptor": "import os; os.pidfd_open(1)",
    "a file by handle": "check(libc.open_by_handle_at(0, None, 0))",
    "a message with a descriptor": "check(libc.sendmsg(3, None, 0))",
    "an option of the channel": "check(libc.setsockopt(3, 1, 7, None, 0))",
    "urgent data": "check(libc.send(3, b'x', 1, 1))",
    "a lock that others see": "import fcntl; fcntl.flock(open(os.__file__), fcntl.LOCK_SH)",
    "a record lock that others see": "import fcntl; fcntl.lockf(open(os.__file__), fcntl.LOCK_SH)",
    "a lease": "import fcntl; fcntl.fcntl(open(os.__file__), 1024, 0)",
    "news of a folder": "import fcntl; fcntl.fcntl(os.open('/usr', 0), 1026, 1)",
    "a terminal's discipline": "import fcntl; fcntl.ioctl(0, 0x5423, b'0000')",
    "its own filter": "check(libc.prctl(22, 2, None, 0, 0))",
    "pages as a pipe": "check(libc.vmsplice(3, None, 0, 0))",
    "an old asynchronous queue": "check(libc.syscall(206, 8, 0))",
    "writing all disks": "check(libc.syscall(306, 0))",
    "a system call of the future": "check(libc.syscall(599))",
    "a shell": "import subprocess; subprocess.check_output('id', shell=True)",
}


@pytest.mark.parametrize("name", CALLS)
def test_the_kernel_refuses(start, name):
    student = start(
        "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "def check(result):\n"
        "    if result == -1: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))\n"
        f"def attempt():\n    try:\n        {CALLS[name]}\n    except OSError as error:\n"
        f"        return error.errno\n    return 0"
    )
    assert student.call("attempt") in REFUSALS


def test_calls_of_a_foreign_architecture_end_the_process(start):
    student = start("import ctypes\ndef attempt(): return ctypes.CDLL(None).syscall(0x40000000 | 39)")
    with pytest.raises(LimitHit, match="signal 31"):
        student.call("attempt")


def test_the_filter_is_of_the_size_that_the_kernel_takes():
    assert 0 < len(seccomp_program()) // 8 <= 4096


def test_a_missing_bubblewrap_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with Sandbox(Limits()) as box, pytest.raises(WallError, match="apt-get install bubblewrap"):
        box.self_test()


def test_refused_namespaces_are_named_with_their_settings(monkeypatch, tmp_path):
    false = tmp_path / "bwrap"
    false.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    false.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with Sandbox(Limits()) as box, pytest.raises(WallError, match="unprivileged_userns"):
        box.self_test()


def test_a_bubblewrap_that_builds_no_wall_is_found_out(monkeypatch, tmp_path):
    false = tmp_path / "bwrap"
    false.write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n')
    false.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with Sandbox(Limits()) as box, pytest.raises(WallError):
        box.self_test()


def test_an_unknown_isolation_is_refused():
    with pytest.raises(ConfigError, match=r'may be "wall" or "none"'):
        Sandbox(Limits(), isolation="some")


def test_an_import_that_is_not_installed_is_the_courses_error(box):
    with pytest.raises(ConfigError, match="pip install not-there-at-all"):
        box.start(notebook("1"), ("numpy", "not-there-at-all"))
