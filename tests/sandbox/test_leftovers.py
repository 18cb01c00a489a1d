"""Nothing is left: no process, zombie, mount or descriptor, however the trusted side ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from boxed import TIGHT, descendants, gone, notebook

from grader.errors import CheckFailure, WallError
from grader.sandbox import Sandbox

BARE = ("numpy",)  # a warm process without matplotlib starts in half the time
ROUGH = (
    "import os, time\n"
    "def die(): os._exit(1)\n"
    "def daemon():\n    if os.fork() == 0:\n        os.setsid()\n        time.sleep(100)\n    return 1\n"
    "def f(x): return x\n"
)


def things() -> dict[str, object]:
    """Return everything that a sandbox might leave behind."""
    return {
        "mounts": Path("/proc/self/mountinfo").read_text(),
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "threads": threading.active_count(),
    }


def test_a_closed_sandbox_leaves_nothing():
    before, processes = things(), set(descendants())
    with Sandbox(TIGHT) as box:
        box.start(notebook("1"), BARE).close()
        time.sleep(0.05)
        own = set(descendants())  # bubblewrap and the warm process
        for _ in range(3):
            with box.start(notebook(ROUGH), BARE) as student:
                student.call("daemon")
                with pytest.raises(CheckFailure):
                    student.call("die")
                student.call("f", 1)
        assert gone(own)
    assert gone(processes)
    assert things() == before


def test_many_submissions_leave_no_zombie_and_no_descriptor(box):
    with box.start(notebook("def f(x): return x"), BARE) as student:
        student.call("f", 1)
    before, processes = things(), set(descendants())
    for _ in range(10):
        with box.start(notebook("def f(x): return x"), BARE) as student:
            student.call("f", 1)
    assert gone(processes)
    assert things() == before


PROGRAM = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
from boxed import TIGHT, notebook
from grader.sandbox import Sandbox
import threading

def work():
    global student
    box = Sandbox(TIGHT)
    student = box.start(notebook("import os, time\\nif os.fork() == 0: time.sleep(100)"), ("numpy",))
    print("ready", flush=True)

if {{threaded}}:
    thread = threading.Thread(target=work)
    thread.start(); thread.join()
    assert student.has("open") or True
else:
    work()
time.sleep(100)
"""


@pytest.mark.parametrize("threaded", [False, True])
def test_a_killed_grader_takes_everything_with_it(threaded):
    processes = set(descendants())
    grader = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.replace("{threaded}", str(threaded))], stdout=subprocess.PIPE
    )
    assert grader.stdout is not None
    assert grader.stdout.readline() == b"ready\n"
    below = set(descendants()) - processes - {grader.pid}
    assert len(below) >= 4
    grader.send_signal(signal.SIGKILL)
    grader.wait()
    grader.stdout.close()
    end = time.monotonic() + 3
    while time.monotonic() < end and any(Path(f"/proc/{pid}").exists() for pid in below):
        time.sleep(0.02)
    assert not [pid for pid in below if Path(f"/proc/{pid}").exists()]


def test_a_sandbox_made_in_a_thread_outlives_the_thread():
    boxes: list[Sandbox] = []

    def make() -> None:
        boxes.append(Sandbox(TIGHT))
        boxes[0].start(notebook("1"), BARE).close()

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    with boxes[0] as box, box.start(notebook("def f(): return 1"), BARE) as student:
        assert student.call("f") == 1


def test_several_threads_may_share_a_sandbox(box):
    results: list[object] = []

    def work(number: int) -> None:
        with box.start(notebook("def f(x): return x * x"), BARE) as student:
            results.append(student.call_many("f", [(number,)] * 20)[-1])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [0, 1, 4, 9]


def test_two_submissions_do_not_see_each_other(box):
    spy = (
        "import os\n"
        "def look(): return os.listdir('/proc'), os.listdir('.'), [p for p in range(2, 3000) if alive(p)]\n"
        "def alive(pid):\n    try: os.kill(pid, 0)\n    except OSError: return False\n    return True\n"
    )
    with box.start(notebook("open('secret', 'w').write('x')\ndef f(): return 1"), BARE) as other:
        with box.start(notebook(spy), BARE) as student:
            assert student.call("look") == ([], [], [])
        assert other.call("f") == 1


def test_a_lost_warm_process_is_replaced():
    with Sandbox(TIGHT) as box:
        box.start(notebook("1"), BARE).close()
        for zygote in box._zygotes.values():
            zygote._process.kill()
            zygote._process.wait()
        with box.start(notebook("def f(): return 1"), BARE) as student:
            assert student.call("f") == 1


def test_a_forked_worker_is_told_to_make_its_own_sandbox(box):
    box.start(notebook("1"), BARE).close()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            box.start(notebook("1"), BARE)
        except WallError as error:
            os.write(writer, str(error).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        assert "make one in each worker" in pipe.read()
    os.waitpid(pid, 0)
    with box.start(notebook("def f(): return 1"), BARE) as student:
        assert student.call("f") == 1
