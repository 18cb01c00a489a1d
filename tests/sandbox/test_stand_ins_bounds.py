"""What a student can make the trusted side do: answer, for the call's time, within a memory limit."""

from __future__ import annotations

import contextlib
import resource
import threading
import time

import msgspec
import numpy as np
import pytest
from boxed import TIGHT

from grader.errors import LimitHit, StudentRaised, UnreadableReply

RELAY = "def helper(x): return x\ndef relay(*args): return helper(*args)\ndef honest(x): return x + 1\n"
FLOOD = """
import os, struct, sys, time
sys.path.append("/wall")
from inside.messages import Asked, HasReply
import msgspec
def flood(message, readers):
    head = msgspec.msgpack.encode(message)
    block = (struct.pack("<II", len(head), 0) + head) * 2000
    if os.fork() == 0:
        while True:
            view = memoryview(block)
            while view: view = view[os.write(3, view):]
    while readers: os.read(3, 1 << 20)
    time.sleep(60)
def asked(): flood(Asked("helper", [], {}), True)
def unread(): flood(Asked("helper", [], {}), False)
def stale(): flood(HasReply(0, True), True)
def honest(x): return x + 1
"""


def ended_in_time(student, name: str, error=LimitHit) -> None:
    began = time.monotonic()
    with pytest.raises(error):
        student.call(name, seconds=0.5)
    assert time.monotonic() - began < 4.0
    # A process that answers the interrupt lives on, and with it what floods the channel: one more call.
    with contextlib.suppress(UnreadableReply, LimitHit):
        student.call("honest", 1, seconds=0.5)
    assert student.call("honest", 1) == 2


@pytest.mark.parametrize("name", ["asked", "unread"])
def test_a_flood_of_calls_of_a_stand_in_ends_with_the_call(start, name):
    student = start(FLOOD)
    with student.standing_in({"helper": lambda: 1}):
        ended_in_time(student, name)


def test_a_flood_of_late_replies_ends_with_the_call(start):
    ended_in_time(start(FLOOD), "stale")


def test_calls_of_a_stand_in_that_nobody_placed_end_the_process(start):
    ended_in_time(start(FLOOD), "asked", UnreadableReply)


def test_a_stand_in_is_ended_at_the_deadline(start):
    def endless(_: object) -> None:
        while True:
            time.sleep(0)

    student = start(RELAY)
    with student.standing_in({"helper": endless}):
        ended = time.monotonic() + 0.5
        with pytest.raises(LimitHit, match=r"relay was stopped after 0\.5 s"):
            student.call("relay", 1, seconds=0.5)
        assert time.monotonic() - ended < 1.0
    assert student.call("honest", 1) == 2
    assert student.restarts == 0
    assert not [thread for thread in threading.enumerate() if "stand-in" in thread.name]


def test_the_time_of_stand_ins_is_the_notebooks(start):
    student = start(RELAY, limits=msgspec.structs.replace(TIGHT, notebook_seconds=1.0))
    with student.standing_in({"helper": lambda _: time.sleep(0.7)}):
        student.call("relay", 1)
        with pytest.raises(LimitHit, match="has used all of its 1 s"):
            student.call("relay", 1)


def test_a_stand_in_that_takes_too_much_memory_is_refused(start):
    before = resource.getrlimit(resource.RLIMIT_DATA)
    student = start(RELAY)
    with student.standing_in({"helper": lambda x: np.ones((x, 10**6)).sum()}):
        with pytest.raises(LimitHit) as caught:
            student.call("relay", 1000)
        assert student.call("relay", 1) == 10**6
    assert caught.value.limit == "memory"
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


@pytest.mark.parametrize(
    "args",
    [
        "np.ones((9000, 1)), np.ones((1, 9000))",
        "{'W1': np.ones((9000, 1)), 'W2': [[1.0]] * 9000}",
        "np.array([10**9] * 100)",
        "np.ones((100, 1, 100, 1)), np.ones((100, 1, 100))",
        "[np.ones((2, 2))] * 10_000",
    ],
)
def test_arguments_whose_product_would_be_huge_are_refused(start, args):
    student = start(f"import numpy as np\ndef helper(*x): return 1\ndef attack(): return helper({args})")
    with student.standing_in({"helper": lambda *_: 2}), pytest.raises(StudentRaised, match="was given"):
        student.call("attack")


def test_arguments_of_the_sizes_that_checks_use_are_taken(start):
    student = start(
        "import numpy as np\ndef helper(*x): return 1\n"
        "def digits(): return helper(np.ones((1000, 64)), np.ones((128, 64)), np.ones((10, 128)), "
        "[64, 128, 10])\n"
        "def rows(): return helper(np.ones((2200, 5)), np.zeros(2200, int), 1000, 0.1)"
    )
    with student.standing_in({"helper": lambda *_: 2}):
        assert student.call("digits") == student.call("rows") == 2


@pytest.mark.parametrize("error", [UnboundLocalError, RuntimeError, OSError, BufferError, Warning])
def test_whatever_a_stand_in_raises_is_the_students_error(start, error):
    def raises(_: object) -> None:
        raise error("odd")

    student = start(RELAY)
    with student.standing_in({"helper": raises}), pytest.raises(StudentRaised) as caught:
        student.call("relay", 1)
    assert caught.value.kind == error.__name__


def test_what_a_stand_in_returns_and_cannot_cross_is_the_students_error(start):
    student = start(
        "import numpy as np\ndef helper(x): return x\ndef attack(): return helper(np.random.default_rng(0))"
    )
    with student.standing_in({"helper": lambda x: x}), pytest.raises(StudentRaised, match="cross the wall"):
        student.call("attack")
