"""Memory, processes, files, output: each limit bites, by its own name, and the next call works."""

from __future__ import annotations

import time

import msgspec
import pytest
from boxed import TIGHT, descendants, gone

from grader.errors import LimitHit, StudentRaised

HONEST = "\ndef honest(x): return x + 1\n"


def hit(student, name="attack", seconds=5.0) -> LimitHit:
    with pytest.raises(LimitHit) as caught:
        student.call(name, seconds=seconds)
    assert student.call("honest", 1) == 2
    return caught.value


def test_an_array_that_is_too_large_is_a_memory_limit_and_the_process_lives(start):
    student = start("import numpy as np\ndef attack(): return np.ones(10**9).sum()" + HONEST)
    failure = hit(student)
    assert failure.limit == "memory"
    assert failure.message == "attack asked for more than the 96 MiB of memory that it may use."
    assert student.restarts == 0


def test_a_function_may_catch_the_memory_error_itself(start):
    student = start(
        "import numpy as np\ndef attack():\n    try:\n        np.ones(10**9)\n    except MemoryError:\n"
        "        return 'small'"
    )
    assert student.call("attack") == "small"


def test_a_list_that_grows_for_ever_is_a_memory_limit(start):
    student = start("def attack():\n    kept = []\n    while True: kept.append(bytearray(2**20))" + HONEST)
    assert hit(student).limit == "memory"


def test_memory_of_many_processes_counts_together(start):
    student = start(
        "import os, time\ndef attack():\n    for _ in range(6):\n        if os.fork() == 0:\n"
        "            kept = b'x' * 30 * 2**20\n            time.sleep(30)\n    time.sleep(30)" + HONEST
    )
    failure = hit(student)
    assert failure.limit == "memory"
    assert failure.message == "attack was stopped: it used more than 96 MiB of memory."
    assert student.restarts == 1


def test_forks_that_share_their_memory_are_not_counted_twice(start):
    student = start(
        "import os, time\nkept = b'x' * 40 * 2**20\ndef attack():\n    children = []\n"
        "    for _ in range(8):\n"
        "        pid = os.fork()\n        if pid == 0:\n            time.sleep(0.6)\n"
        "            os._exit(0)\n"
        "        children.append(pid)\n    return [os.waitpid(pid, 0)[1] for pid in children]"
    )
    assert student.call("attack") == [0] * 8


def test_shared_memory_that_nobody_holds_cannot_be_made(start):
    student = start("import mmap\ndef attack(): return len(mmap.mmap(-1, 2**20))")
    with pytest.raises(StudentRaised, match="PermissionError"):
        student.call("attack")


TABLES = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
def attack(gibibytes):
    size = gibibytes * 2**30
    start = libc.mmap(None, size, 1, 0x4022, -1, 0)  # PROT_READ, private, anonymous, no reserve
    if start == 2**64 - 1: return "refused"
    libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), 15)  # no huge pages
    for at in range(start, start + size, 2**21): ctypes.c_char.from_address(at).value
    return "mapped"
"""


def test_addresses_that_would_cost_page_tables_are_limited(start):
    student = start(TABLES)
    assert student.call("attack", 200) == "refused"
    assert student.call("attack", 2) == "mapped"


def test_page_tables_count_as_memory(start):
    many = (
        "\nimport os, time\ndef crowd():\n    for _ in range(13):\n"
        "        if os.fork() == 0: print(attack(4)); time.sleep(9)\n    time.sleep(9)\n"
    )
    assert hit(start(TABLES + many + HONEST), "crowd").limit == "memory"


def test_shared_memory_in_the_scratch_is_capped_with_it(start):
    student = start(
        "import os\ndef attack():\n    for name in ('/tmp/a', '/dev/shm/b'):\n"
        "        with open(name, 'wb') as f: f.write(bytes(3 * 2**20))"
    )
    with pytest.raises(StudentRaised, match=r"OSError: \[Errno 28\] No space left"):
        student.call("attack")


def test_multiprocessing_locks_and_pools_work_within_the_limits(start):
    student = start(
        "import multiprocessing\ndef double(x): return 2 * x\n"
        "def attack():\n"
        "    with multiprocessing.get_context('fork').Pool(2) as pool: return pool.map(double, [1, 2])"
    )
    assert student.call("attack") == [2, 4]


def test_a_fork_bomb_fails_to_grow(start):
    before = set(descendants())
    student = start(
        "import os\ndef attack():\n    while True:\n        try: os.fork()\n        except OSError: pass"
        + HONEST
    )
    with pytest.raises(LimitHit) as caught:
        student.call("attack", seconds=0.5)
    assert caught.value.limit in ("time", "processes", "memory")
    assert len(set(descendants()) - before) <= TIGHT.processes + 2
    assert student.call("honest", 1) == 2
    student.close()
    assert gone(before)


def test_processes_beyond_the_limit_cannot_be_started(start):
    student = start(
        "import os, time\ndef attack():\n    made = 0\n    try:\n        while True:\n"
        "            if os.fork() == 0: time.sleep(60)\n            made += 1\n"
        "    except BlockingIOError:\n        return made"
    )
    assert 4 <= student.call("attack") <= TIGHT.processes


def test_threads_beyond_the_limit_cannot_be_started(start):
    student = start(
        "import threading, time\ndef attack():\n    for _ in range(1000):\n"
        "        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()" + HONEST
    )
    with pytest.raises(StudentRaised, match="can't start new thread"):
        student.call("attack")
    assert student.call("honest", 1) == 2


def test_open_files_are_limited(start):
    student = start("def attack():\n    kept = [open('/dev/null') for _ in range(1000)]" + HONEST)
    with pytest.raises(StudentRaised, match="Too many open files"):
        student.call("attack")
    assert student.call("honest", 1) == 2


def test_many_small_files_are_limited_too(start):
    student = start("def attack():\n    for i in range(100_000): open(str(i), 'w').close()")
    with pytest.raises(StudentRaised, match="No space left"):
        student.call("attack")


def test_the_scratch_is_private_and_new_for_each_process(start):
    first = start("import os\ndef write(): open('mine', 'w').write('x'); return os.listdir('/tmp')")
    second = start("import os\ndef look(): return os.listdir('/tmp')")
    assert first.call("write") == ["mine"]
    assert second.call("look") == []


def test_printing_without_end_costs_time_and_not_memory(start):
    student = start("def attack():\n    while True: print('x' * 10_000)" + HONEST)
    assert hit(student, seconds=0.4).limit == "time"


def test_limits_cannot_be_raised_again(start):
    student = start(
        "import resource\ndef attack():\n    for name in ('NPROC', 'DATA', 'NOFILE', 'FSIZE', 'CORE'):\n"
        "        which = getattr(resource, 'RLIMIT_' + name)\n        try:\n"
        "            resource.setrlimit(which, (resource.RLIM_INFINITY,) * 2)\n"
        "        except (ValueError, OSError):\n"
        "            continue\n        return name"
    )
    assert student.call("attack") is None


def test_the_time_of_a_call_can_be_set_for_it(start):
    student = start(
        "import time\ndef nap(s): time.sleep(s); return 1",
        limits=msgspec.structs.replace(TIGHT, call_seconds=0.2),
    )
    began = time.monotonic()
    with pytest.raises(LimitHit, match=r"^nap was stopped after 0\.2 s\.$"):
        student.call("nap", 5)
    assert time.monotonic() - began < 1.5
    assert student.call("nap", 0.4, seconds=2) == 1
