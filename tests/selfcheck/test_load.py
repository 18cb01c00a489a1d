"""Many students at once, and a service that is killed meanwhile: everybody gets one answer, in fair order."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
from small_service import Service, book, file_of, service_of, set_up

STUDENTS = [f"s{number:03}" for number in range(200)]


def begun(course: Path) -> list[str]:
    """Return whose notebooks the workers began, in order."""
    return [line.split()[0] for line in (course / "begun.txt").read_text().splitlines()]


def send(service: Service, student: str, data: bytes, key: str = "only") -> int:
    """Send a notebook as the call from a notebook does: with the same key, again and again until it is in."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            status, told = service.ask(f"of-{student}", data, key=key)
        except (OSError, ValueError):
            time.sleep(0.3)
            continue
        assert status == 202, told
        return int(told["number"])
    raise AssertionError(f"{student} could not send anything")


def test_two_hundred_students_at_once_are_all_answered(course: Path, hub: str) -> None:
    """With the wall, the checks, and nothing in their place."""
    papers = book()
    right, wrong = file_of(papers.fill()), file_of(papers.fill(left_empty=papers.blanks[:1]))
    data = [wrong if place % 2 else right for place in range(len(STUDENTS))]
    with service_of(course, hub) as service, ThreadPoolExecutor(len(STUDENTS)) as crowd:
        numbers = list(crowd.map(lambda pair: send(service, *pair), zip(STUDENTS, data, strict=True)))
        pairs = zip(STUDENTS, numbers, strict=True)
        answers = list(crowd.map(lambda pair: service.answer(f"of-{pair[0]}", pair[1], 300), pairs))
    outcomes = [{blank["outcome"] for blank in answer["blanks"]} for answer in answers]
    assert [found == {"passed"} for found in outcomes] == [True, False] * (len(STUDENTS) // 2)
    assert "stopped" not in set().union(*outcomes)
    with sqlite3.connect(course / "selfcheck.db") as database:
        rows = database.execute("SELECT student, state, tries FROM jobs ORDER BY ended").fetchall()
    database.close()
    assert Counter(row[0] for row in rows) == Counter(STUDENTS)
    assert {row[1:] for row in rows} == {("done", 1)}


def test_one_who_asks_often_does_not_hold_up_the_others(course: Path, hub: str) -> None:
    data = file_of(book().fill())
    with service_of(course, hub, stub=True, BUSY_SECONDS="0.2") as service:
        greedy = [send(service, "greedy", data, f"key {number}") for number in range(8)]
        others = [(student, send(service, student, data)) for student in STUDENTS[:8]]
        for student, number in [("greedy", greedy[-1]), *others]:
            service.answer(f"of-{student}", number)
    order = begun(course)
    last = max(place for place, student in enumerate(order) if student != "greedy")
    # The others' single requests are one round; of greedy's, at most those that began before they came.
    assert order[last:].count("greedy") >= 5
    assert order.count("greedy") == 8


def test_a_service_that_is_killed_loses_no_request_and_answers_each_once(course: Path, hub: str) -> None:
    data = file_of(book().fill())
    service = Service(course, hub, stub=True, BUSY_SECONDS="0.05")
    service.start()
    try:
        with ThreadPoolExecutor(30) as crowd:
            sent = [crowd.submit(send, service, student, data) for student in STUDENTS[:60]]
            for seconds in (0.5, 1.0):  # the first while they send, the second while it grades
                time.sleep(seconds)
                service.kill()
                service.start()
            numbers = [each.result() for each in sent]
            pairs = zip(STUDENTS, numbers, strict=False)
            answers = list(crowd.map(lambda pair: service.answer(f"of-{pair[0]}", pair[1]), pairs))
    finally:
        service.stop()
    assert len(answers) == 60
    assert all(not answer["failed"] for answer in answers)
    with sqlite3.connect(course / "selfcheck.db") as database:
        rows = database.execute("SELECT student, state, submission, tries FROM jobs").fetchall()
    database.close()
    assert Counter(row[0] for row in rows) == Counter(STUDENTS[:60])
    assert {(row[1], row[2]) for row in rows} == {("done", None)}
    # What was begun twice is what was being graded at a kill: two at a time, two kills.
    assert 0 < sum(row[3] - 1 for row in rows) <= 4
    # Begun again, it met the same inputs.
    assert len(set((course / "begun.txt").read_text().splitlines())) == 60


def test_real_workers_that_go_with_a_killed_service_leave_no_request_behind(course: Path, hub: str) -> None:
    papers = book()
    wrong = file_of(papers.fill(left_empty=papers.blanks[:1]))
    right = file_of(papers.fill())
    service = Service(course, hub)
    service.start()
    try:
        students = STUDENTS[:8]
        with ThreadPoolExecutor(8) as crowd:
            data = [right if place % 2 else wrong for place in range(8)]
            numbers = list(crowd.map(lambda pair: send(service, *pair), zip(students, data, strict=True)))
            service.answer("of-s000", numbers[0])  # the workers are warm, and at the next
            service.kill()
            service.start()
            pairs = zip(students, numbers, strict=True)
            answers = list(crowd.map(lambda pair: service.answer(f"of-{pair[0]}", pair[1]), pairs))
    finally:
        assert service.stop() == 0
    worst = [{blank["outcome"] for blank in answer["blanks"]} for answer in answers]
    assert [outcomes == {"passed"} for outcomes in worst] == [False, True] * 4
    assert "stopped" not in set().union(*worst)
    running = (" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))
    assert not [line for line in running if str(course) in line]


def test_requests_wait_in_the_queue_of_a_service_that_is_ended_and_started_again(
    course: Path, hub: str
) -> None:
    data = file_of(book().fill())
    set_up(course, "c.SelfCheck.jobs = 1")
    with service_of(course, hub, stub=True, BUSY_SECONDS="1") as service:
        numbers = [send(service, student, data) for student in STUDENTS[:4]]
        began = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - began < 5
    with service_of(course, hub, stub=True) as service:
        for student, number in zip(STUDENTS, numbers, strict=False):
            assert not service.answer(f"of-{student}", number)["failed"]
