"""Which workers of a cluster are used, and when a run gives up: events in, answers out."""

from __future__ import annotations

import pytest

from grader.pool.staff import Staff

PLAIN = {"nthreads": 1, "resources": {}}
WITH_GPU = {"nthreads": 1, "resources": {"GPU": 0.5}}


class Clock:
    """Seconds that pass when the test says so."""

    now = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def staff(clock: Clock) -> Staff:
    return Staff("tcp://s:1", gpu_share=0.25, patience=60.0, clock=clock)


def test_trainings_may_go_to_who_declares_enough_of_a_gpu(staff: Staff) -> None:
    staff.told({"a": PLAIN, "b": WITH_GPU, "c": {"resources": {"GPU": 0.1}}})
    assert staff.usable == {"a", "b", "c"}
    assert staff.with_gpu == {"b"}
    assert staff.problem(trains=True) == ""


def test_a_gpu_that_is_too_small_for_any_training_is_told_if_there_is_one(staff: Staff) -> None:
    staff.told({"a": PLAIN, "c": {"resources": {"GPU": 0.1}}})
    assert staff.problem(trains=False) == ""
    assert "declare GPU=0.1 at most, and a training takes 0.25" in staff.problem(trains=True)
    staff.told({"a": PLAIN})
    assert staff.problem(trains=True) == ""


def test_who_refused_is_not_used_until_it_is_started_anew(staff: Staff) -> None:
    staff.told({"a": PLAIN, "b": WITH_GPU})
    assert staff.refuse("b", "another package")
    assert not staff.refuse("b", "another package")
    assert staff.usable == {"a"}
    assert staff.with_gpu == frozenset()
    staff.told({"a": PLAIN})
    staff.told({"a": PLAIN, "b": WITH_GPU})
    assert staff.usable == {"a", "b"}


def test_refused_workers_only_stop_the_run_soon(staff: Staff, clock: Clock) -> None:
    staff.told({"b": PLAIN})
    staff.refuse("b", "another package")
    assert staff.problem(trains=False) == ""
    clock.now += 6.0
    staff.told({"b": PLAIN})
    assert staff.problem(trains=False) == "None of the 1 workers there can grade. b: another package"


def test_without_workers_the_run_is_patient(staff: Staff, clock: Clock) -> None:
    staff.told({})
    clock.now += 59.0
    staff.told({})
    assert staff.problem(trains=False) == ""
    clock.now += 2.0
    staff.told({})
    assert "has had no worker for 61 s" in staff.problem(trains=False)
    staff.told({"a": PLAIN})
    assert staff.problem(trains=False) == ""


def test_a_scheduler_that_says_nothing_is_lost(staff: Staff, clock: Clock) -> None:
    staff.told({"a": PLAIN})
    clock.now += 61.0
    assert "can't be reached any more" in staff.problem(trains=False)
