"""The queue: fair, limited, and the same after the service has ended."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.errors import ConfigError
from grader.selfcheck.jobs import Answer, BlankVerdict, Job, LimitReached, Outcome, Request, State
from grader.selfcheck.queue import Queue

HOUR = 3600.0
PASSED = Answer((BlankVerdict("double", Outcome.PASSED, ()),))
OURS = Answer((BlankVerdict("double", Outcome.OURS, ()),))


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    queue = Queue(tmp_path / "selfcheck.db", limit=3, window_seconds=HOUR)
    yield queue
    queue.close()


def ask(queue: Queue, student: str, now: float = 0.0, key: str = "", assignment: str = "tiny") -> Job:
    request = Request(student, assignment, "numbers", key or f"{student}-{assignment}-{now}", b"a notebook")
    return queue.ask(request, now)


def served(queue: Queue) -> list[str]:
    """Take and answer all that waits; return whose it was, in order."""
    students = []
    while taken := queue.take():
        students.append(taken[0].student)
        queue.finish(taken[0].number, PASSED, 1.0)
    return students


def test_who_asks_once_comes_before_the_second_request_of_others(queue: Queue) -> None:
    for now in (1, 2, 3):
        ask(queue, "ada", now)
    ask(queue, "bob", 4)
    ask(queue, "cyd", 5)
    ask(queue, "bob", 6)
    assert served(queue) == ["ada", "bob", "cyd", "ada", "bob", "ada"]


def test_a_newcomer_has_no_credit_for_the_time_in_which_they_did_not_ask(queue: Queue) -> None:
    for now in (1, 2, 3):
        ask(queue, "ada", now)
    served(queue)
    ask(queue, "ada", 4, assignment="other")
    ask(queue, "new", 5)
    ask(queue, "new", 6)
    # The newcomer's first comes before ada's fourth; but not the second as well.
    assert served(queue) == ["new", "ada", "new"]


def test_of_each_student_one_request_is_graded_at_a_time(queue: Queue) -> None:
    first = ask(queue, "ada", 1)
    second = ask(queue, "ada", 2)
    assert queue.take() == (queue.find(first.number, "ada"), b"a notebook")
    assert queue.take() is None
    queue.finish(first.number, PASSED, 3.0)
    taken = queue.take()
    assert taken is not None
    assert taken[0].number == second.number


def test_the_position_counts_who_is_before(queue: Queue) -> None:
    jobs = [ask(queue, student, 1) for student in ("ada", "bob", "cyd")]
    assert [job.position for job in jobs] == [1, 2, 3]
    queue.take()
    found = [queue.find(job.number, job.student) for job in jobs]
    assert [job.position for job in found if job] == [0, 1, 2]


def test_the_limit_is_of_a_student_an_assignment_and_a_window(queue: Queue) -> None:
    for now in (10, 20, 30):
        ask(queue, "ada", now)
    with pytest.raises(LimitReached) as reached:
        ask(queue, "ada", 40)
    assert reached.value.allowance.left == 0
    assert reached.value.allowance.free_at == 10 + HOUR
    ask(queue, "bob", 40)
    ask(queue, "ada", 40, assignment="other")
    with pytest.raises(LimitReached):
        ask(queue, "ada", 9 + HOUR)
    ask(queue, "ada", 11 + HOUR)
    assert queue.allowance("ada", "tiny", 11 + HOUR).free_at == 20 + HOUR


def test_what_was_refused_or_failed_by_our_fault_is_not_counted(queue: Queue) -> None:
    for now in (1, 2, 3):
        job = ask(queue, "ada", now)
        queue.take()
        queue.finish(job.number, OURS if now == 2 else PASSED, 4.0)
    ask(queue, "ada", 5)
    for _ in range(3):
        with pytest.raises(LimitReached):
            ask(queue, "ada", 6)
    assert queue.allowance("ada", "tiny", 2.5 + HOUR).left == 1


def test_a_check_that_fails_by_our_fault_gives_nobody_requests_without_end(queue: Queue) -> None:
    for now in range(1, 7):
        job = ask(queue, "ada", now)
        queue.take()
        queue.finish(job.number, OURS, now + 0.5)
        assert queue.allowance("ada", "tiny", now + 0.5).left == min(3, 6 - now)
    with pytest.raises(LimitReached) as reached:
        ask(queue, "ada", 8)
    assert reached.value.allowance.free_at == 1 + HOUR
    ask(queue, "ada", 1.5 + HOUR)


def test_the_same_key_is_the_same_request_and_only_for_its_student(queue: Queue) -> None:
    first = ask(queue, "ada", 1, key="same")
    assert ask(queue, "ada", 2, key="same").number == first.number
    assert queue.allowance("ada", "tiny", 2).left == 2
    assert ask(queue, "bob", 3, key="same").number != first.number


def test_a_restart_keeps_the_order_and_grades_again_what_was_running(tmp_path: Path) -> None:
    path = tmp_path / "selfcheck.db"
    queue = Queue(path, 3, HOUR)
    numbers = [ask(queue, student, 1).number for student in ("ada", "bob", "cyd")]
    queue.take()
    queue.close()
    again = Queue(path, 3, HOUR)
    assert again.recover() == 1
    assert served(again) == ["ada", "bob", "cyd"]
    found = again.find(numbers[0], "ada")
    assert found is not None
    assert (found.state, found.tries, found.answer) == (State.DONE, 2, PASSED)
    assert again.allowance("ada", "tiny", 2).left == 2
    again.close()


def test_a_request_is_answered_once(queue: Queue) -> None:
    number = ask(queue, "ada", 1).number
    assert queue.finish(number, PASSED, 2.0) is False  # nobody has taken it
    queue.take()
    assert queue.finish(number, PASSED, 3.0) is True
    assert queue.finish(number, OURS, 4.0) is False
    found = queue.find(number, "ada")
    assert found is not None
    assert found.answer == PASSED


def test_a_notebook_is_gone_once_it_is_graded(queue: Queue, tmp_path: Path) -> None:
    text = "what ada has written " * 50
    queue.ask(Request("ada", "tiny", "numbers", "key", text.encode()), 1.0)
    queue.take()
    queue.finish(1, PASSED, 2.0)
    queue.close()
    assert b"what ada has written" not in (tmp_path / "selfcheck.db").read_bytes()
    queue.__init__(tmp_path / "selfcheck.db", 3, HOUR)  # type: ignore[misc] # the fixture closes it


def test_old_results_go_and_what_a_limit_still_counts_stays(queue: Queue) -> None:
    for now in (0.0, HOUR):
        job = ask(queue, "ada", now)
        queue.take()
        queue.finish(job.number, PASSED, now + 1)
    waiting = ask(queue, "ada", HOUR + 1)
    assert queue.purge(60.0, HOUR + 120) == 1
    assert [job.number for job in queue.latest("ada")] == [waiting.number, 2]


def test_a_full_disk_refuses_a_request_and_no_later_one(queue: Queue) -> None:
    ask(queue, "ada", 1)
    database = queue._database
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError, match="disk is full"):
        queue.ask(Request("bob", "tiny", "numbers", "key", b"0" * 100_000), 2.0)
    database.execute("PRAGMA max_page_count = 100000")
    ask(queue, "bob", 3)
    assert served(queue) == ["ada", "bob"]


def test_nobody_else_finds_a_request(queue: Queue) -> None:
    number = ask(queue, "ada", 1).number
    assert queue.find(number, "bob") is None
    assert queue.latest("bob") == []


def test_the_database_is_its_owners_and_one_services(queue: Queue, tmp_path: Path) -> None:
    ask(queue, "ada", 1)
    files = sorted(tmp_path.iterdir())
    assert {file.name for file in files} >= {"selfcheck.db", "selfcheck.db-wal", "selfcheck.lock"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    with pytest.raises(ConfigError, match=r"selfcheck\.db is used by another self-check service"):
        Queue(tmp_path / "selfcheck.db", 3, HOUR)
    with sqlite3.connect(f"file:{tmp_path / 'selfcheck.db'}?mode=ro", uri=True) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()
