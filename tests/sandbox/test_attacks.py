"""Attacks, as specimens: each costs the call at hand, none reaches the trusted side or leaves anything."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

import msgspec
import numpy as np
import pytest
from boxed import descendants, gone, notebook

from grader.errors import CheckFailure, LimitHit, StudentRaised, UnreadableReply


@dataclass
class Attack:
    """The body of a function `attack`, and what its call must end with."""

    body: str
    limit: str = ""  # of a LimitHit
    error: type[CheckFailure] = LimitHit
    restarts: int | None = 1  # None: it depends on the moment
    seconds: float = 5.0


ATTACKS = {
    # ending the process
    "exits at once": Attack("import os; os._exit(0)", "died"),
    "kills itself": Attack(
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL); return 1", "", error=None, restarts=0
    ),
    "kills process 1": Attack("import os; os.kill(1, 9); os.kill(-1, 9)", "", StudentRaised, 0),
    "raises SystemExit": Attack("import sys; sys.exit(0)", "", StudentRaised, 0),
    "raises KeyboardInterrupt": Attack("raise KeyboardInterrupt", "", StudentRaised, 0),
    "raises GeneratorExit": Attack("raise GeneratorExit", "", StudentRaised, 0),
    "crashes": Attack("import ctypes; ctypes.string_at(0)", "died"),
    "aborts": Attack("import os; os.abort()", "died"),
    "replaces the process": Attack(
        "import os, sys; os.execv(sys.executable, [sys.executable, '-c', 'pass'])", "died"
    ),
    # hanging
    "loops for ever": Attack("while True: pass", "time", restarts=0),
    "sleeps for ever": Attack("import time; time.sleep(1000)", "time", restarts=0),
    "swallows the interrupt": Attack(
        "import time\n    while True:\n        try: time.sleep(0.05)\n        except BaseException: pass",
        "time",
    ),
    "ignores the interrupt": Attack(
        "import signal\n    signal.signal(signal.SIGINT, signal.SIG_IGN)\n    while True: pass", "time"
    ),
    "blocks all signals": Attack(
        "import signal\n    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))\n    while True: pass",
        "time",
    ),
    "hangs in C": Attack("import itertools; sum(itertools.repeat(0))", "time"),
    "matches for ever": Attack("import re; re.match('(a+)+$', 'a' * 60 + 'b')", "time", restarts=None),
    "keeps the interpreter's lock": Attack(
        "import ctypes; ctypes.PyDLL(None).sleep(9)", "time", restarts=None
    ),
    "waits for a lock": Attack(
        "import threading; l = threading.Lock(); l.acquire(); l.acquire()", "time", restarts=0
    ),
    "stops itself": Attack(
        "import os, signal; os.kill(os.getpid(), signal.SIGSTOP); import time; time.sleep(9)",
        "time",
        restarts=0,
    ),
    "makes an endless exception text": Attack(
        "class E(Exception):\n        def __str__(self):\n            while True: pass\n    raise E",
        "time",
        restarts=None,
    ),
    "raises from __str__": Attack(
        "class E(Exception):\n        def __str__(self): raise SystemExit\n    raise E", "", StudentRaised, 0
    ),
    # the process's own machinery
    "recurses for ever": Attack("attack()", "", StudentRaised, 0),
    "recurses without a limit": Attack(
        "import sys; sys.setrecursionlimit(10**9); attack()", restarts=None, seconds=1.0
    ),
    "breaks builtins": Attack(
        "import builtins\n    for name in ('len', 'isinstance', 'type', 'print', 'id', 'tuple', 'list'):\n"
        "        setattr(builtins, name, None)\n    return [1]",
        "",
        CheckFailure,
        None,
    ),
    "replaces the streams": Attack(
        "import sys; sys.stdout = sys.stderr = sys.stdin = None; print('x'); return 1", error=None, restarts=0
    ),
    "leaves code for the end": Attack("import atexit, os; atexit.register(print); os._exit(0)", "died"),
    "spins in a destructor": Attack(
        "class D:\n        def __del__(self):\n            while True: pass\n    D()", "time", restarts=None
    ),
    # the channel
    "closes all descriptors": Attack("import os; os.closerange(0, 256); return 1", "died"),
    "floods the channel": Attack("import os\n    while True: os.write(3, b'x' * 65536)", "", UnreadableReply),
    "announces a huge frame": Attack(
        "import os; os.write(3, b'\\xff' * 8); import time; time.sleep(9)", "", UnreadableReply
    ),
    "sends half a frame": Attack(
        "import os; os.write(3, b'\\x09\\0\\0\\0\\0\\0\\0\\0abc'); import time; time.sleep(9)", "time"
    ),
    "sends a broken message": Attack(
        "import os; os.write(3, b'\\x03\\0\\0\\0\\0\\0\\0\\0abc'); return 1", "", UnreadableReply
    ),
    "sends an empty frame": Attack("import os; os.write(3, bytes(8)); return 1", "", UnreadableReply),
    "answers another call": Attack(
        "import os, msgspec; m = msgspec.msgpack.encode({'type': 'returned', 'number': 99, 'value': 1})\n"
        "    os.write(3, len(m).to_bytes(4, 'little') + bytes(4) + m); return 1",
        "",
        UnreadableReply,
    ),
    "asks for a stand-in that is not there": Attack(
        "import os, msgspec; m = msgspec.msgpack.encode({'type': 'asked', 'name': 'x', 'args': [], "
        "'kwargs': {}})\n"
        "    os.write(3, len(m).to_bytes(4, 'little') + bytes(4) + m); return 1",
        "",
        UnreadableReply,
    ),
    "eats the trusted side's frames": Attack(
        "import os, threading\n    def eat():\n        while True: os.read(3, 9)\n"
        "    for _ in range(4): threading.Thread(target=eat, daemon=True).start()\n    return 1",
        error=None,
        restarts=None,
        seconds=1.0,
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_costs_the_call_at_hand_and_nothing_else(start, name):
    attack = ATTACKS[name]
    student = start(f"def attack():\n    {attack.body}\n", "def honest(x):\n    return x + 1")
    began = time.monotonic()
    seconds = 0.4 if attack.limit == "time" else attack.seconds
    if attack.error is None:
        student.call("attack", seconds=seconds)
    else:
        with pytest.raises(attack.error) as caught:
            student.call("attack", seconds=seconds)
        if attack.limit:
            assert caught.value.limit == attack.limit
    assert time.monotonic() - began < 15.0  # on a busy machine; alone it is below two
    assert answers_in_the_end(student)
    if attack.restarts is not None:
        assert student.restarts == attack.restarts
    student.close()


def answers_in_the_end(student) -> bool:
    """Whether an honest function is answered, at the latest after the process that was harmed is lost."""
    for _ in range(2):
        try:
            return student.call("honest", 1, seconds=1.5) == 2
        except CheckFailure:
            continue
    return False


FORGED = {
    "an array without bytes": ["a", "float64", [1000]],
    "an array of 10^30 elements": ["a", "float64", [10**10, 10**10, 10**10]],
    "a negative shape": ["a", "float64", [-1]],
    "an object array": ["a", "object", [0]],
    "an array of too many dimensions": ["a", "float64", [1] * 65],
    "an unknown kind of node": ["z", 1],
    "a dict without values": ["d", ["a", "b"], [1]],
    "a seed from the wrong side": ["r", 1],
    "a generator out of place": ["g", "0", "0", 0, 0],
    "an integer of a million digits": ["i", "f" * 1_000_000],
    "an integer that is none": ["i", "zz"],
    "bytes": b"xyz",
    "a date": msgspec.msgpack.Ext(-1, b"\0" * 4),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_value_is_unreadable(start, name):
    node = msgspec.msgpack.encode({"type": "returned", "number": 2, "value": FORGED[name]})
    frame = len(node).to_bytes(4, "little") + bytes(4) + node
    student = start(
        "import os, time\ndef attack(frame):\n    os.write(3, bytes(frame))\n    time.sleep(9)\n"
        "def honest(x): return x + 1"
    )
    student._notebook._number = 1  # the forger guesses the next number
    with pytest.raises(UnreadableReply):
        student.call("attack", np.frombuffer(frame, "uint8"), seconds=2)
    assert student.call("honest", 1) == 2


def test_values_nested_beyond_any_depth_are_unreadable(start):
    student = start(
        "import os, time\ndef attack(number):\n"
        "    node = b'\\x92\\xa1l\\x91' * 300_000 + b'\\xc0'\n"
        "    m = b'\\x83\\xa4type\\xa8returned\\xa6number' + bytes([number]) + b'\\xa5value' + node\n"
        "    f = len(m).to_bytes(4, 'little') + bytes(4) + m\n"
        "    while f: f = f[os.write(3, f):]\n    time.sleep(9)\n"
    )
    with pytest.raises(UnreadableReply):
        student.call("attack", 2, seconds=4)


def test_background_threads_and_daemons_end_with_the_notebook(start):
    before = set(descendants())
    student = start(
        "import os, threading, time\n"
        "threading.Thread(target=lambda: time.sleep(1000), daemon=False).start()\n"
        "for _ in range(3):\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "        if os.fork() == 0:\n"
        "            time.sleep(1000)\n"
        "        os._exit(0)\n",
        "def f(): return 1",
    )
    assert student.call("f") == 1
    assert len(set(descendants()) - before) >= 5
    student.close()
    assert gone(before)


def test_a_signal_to_the_process_group_reaches_no_keeper(box):
    # kill(0) knows no namespaces: whoever is in the group is hit, if it is of the same user.
    killer = "import os\ndef attack():\n    os.kill(0, 9)\ndef honest(x): return x + 1"
    with box.start(notebook(killer), ("numpy",)) as student, box.start(notebook(killer), ("numpy",)) as other:
        for _ in range(10):
            student.call("attack")
            assert student.call("honest", 1) == 2
            assert other.call("honest", 1) == 2
        assert student.restarts == other.restarts == 0


def test_a_fork_that_returns_into_the_loop_cannot_answer_twice(start):
    student = start(
        "import os\ndef attack():\n    os.fork()\n    return os.getpid()\ndef honest(x): return x + 1"
    )
    with contextlib.suppress(UnreadableReply, LimitHit):  # whichever of the two writes first
        assert isinstance(student.call("attack"), int)
    for _ in range(3):
        with contextlib.suppress(UnreadableReply, LimitHit):
            assert student.call("honest", 1) == 2


def test_a_batch_that_is_late_does_not_answer_for_the_next_call(start):
    student = start(
        "import time\ndef nap(x):\n    time.sleep(0.02)\n    return x\ndef honest(x): return x + 1"
    )
    for _ in range(3):
        with pytest.raises(LimitHit):
            student.call_many("nap", [(n,) for n in range(1000)], seconds=0.21)
        assert student.call("honest", 1) == 2
    assert student.restarts == 0


def test_an_interrupt_never_reaches_the_next_call(start):
    student = start("import time\ndef nap(s): time.sleep(s)\ndef honest(x): return x + 1")
    for n in range(15):
        with contextlib.suppress(LimitHit):
            student.call("nap", 0.03 + n / 10_000, seconds=0.03)
        assert student.call("honest", 1) == 2
    assert student.restarts == 0
