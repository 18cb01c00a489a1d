"""What is sent ahead of the walk, how much of it, and what becomes of results."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

import msgspec
import pytest

from grader import archive
from grader.config import Config
from grader.errors import ConfigError, GraderError
from grader.pool.ahead import Ahead, Lost, Stopped
from grader.records import Cell, CellScore, Grade, Provenance, Submission


class Slow:
    """Workers whose grades the test hands out."""

    slots = 2
    elsewhere = False

    def __init__(self) -> None:
        self.sent: list[tuple[Submission, Future[Grade]]] = []
        self.closed = False

    def submit(self, submission: Submission) -> Future[Grade]:
        """Take it, and wait for the test."""
        self.sent.append((submission, Future()))
        return self.sent[-1][1]

    def close(self) -> None:
        """Note it."""
        self.closed = True


def paper(number: int, notebook: str = "n") -> Submission:
    return Submission(f"student-{number:02}", "tiny", notebook, ())


def a_grade(submission: Submission, points: float | None = 1.0) -> Grade:
    scores = (CellScore("check_f", points, 1.0),)
    names = (submission.student_id, submission.assignment, submission.notebook)
    return Grade(*names, scores, (), (), Provenance("", "", "wall", "cpu", {}), 0.0)


def ahead_of(workers: Slow, course: Path, *, known: frozenset[int] = frozenset()) -> Ahead:
    coming = (paper(number) for number in range(100))
    passed = {paper(number).student_id for number in known}
    return Ahead(workers, coming, Config(course), lambda each: each.student_id in passed)


def answer(workers: Slow, outcome: BaseException | None = None) -> None:
    """Settle everything that was sent and is not settled."""
    for submission, future in workers.sent:
        if not future.done():
            if outcome is None:
                future.set_result(a_grade(submission))
            else:
                future.set_exception(outcome)


def test_submissions_are_sent_in_the_order_of_the_walk_and_only_so_many(tmp_path: Path) -> None:
    workers = Slow()
    ahead = ahead_of(workers, tmp_path)
    ahead._fill()
    for number in range(3):
        workers.sent[number][1].set_result(a_grade(paper(number)))
        assert ahead.take(paper(number)) == a_grade(paper(number))
        # Sixteen for each worker; those that were taken make room for as many.
        assert [each.student_id for each, _ in workers.sent] == [
            paper(each).student_id for each in range(32 + number)
        ]


def test_what_has_its_record_is_not_sent(tmp_path: Path) -> None:
    workers = Slow()
    ahead = ahead_of(workers, tmp_path, known=frozenset(range(0, 20, 2)))
    assert ahead.take(paper(0)) is None
    assert [each.student_id for each, _ in workers.sent] == [
        paper(each).student_id for each in [*range(1, 20, 2), *range(20, 42)]
    ]


def test_a_class_that_has_its_records_is_not_read_into_memory_at_once(tmp_path: Path) -> None:
    workers = Slow()
    coming = (paper(number) for number in range(100))
    ahead = Ahead(workers, coming, Config(tmp_path), lambda _: True)
    for number in range(60):
        assert ahead.take(paper(number)) is None
    following = next(coming)
    assert 60 <= int(following.student_id.removeprefix("student-")) <= 60 + 32


def test_a_record_is_written_as_soon_as_its_result_is_there(tmp_path: Path) -> None:
    workers = Slow()
    ahead = ahead_of(workers, tmp_path, known=frozenset({0}))
    ahead.take(paper(0))
    third = workers.sent[2]
    third[1].set_result(a_grade(third[0]))
    path = archive.record_path(tmp_path, third[0].student_id, "tiny", "n")
    assert archive.load(path) == a_grade(third[0])
    fourth = workers.sent[3]
    fourth[1].set_result(a_grade(fourth[0], points=None))
    assert not archive.record_path(tmp_path, fourth[0].student_id, "tiny", "n").exists()


def test_a_file_that_has_changed_since_is_graded_as_it_is_now(tmp_path: Path) -> None:
    workers = Slow()
    ahead = ahead_of(workers, tmp_path, known=frozenset({0}))
    ahead.take(paper(0))
    old, old_future = workers.sent[0]
    new = msgspec.structs.replace(old, cells=(_cell("x = 2"),))
    submit_before = workers.submit

    def at_once(submission: Submission) -> Future[Grade]:
        future = submit_before(submission)
        if submission == new:
            future.set_result(a_grade(new, points=0.5))
        return future

    workers.submit = at_once  # type: ignore[method-assign]
    grade = ahead.take(new)
    assert grade is not None
    assert grade.points == 0.5
    assert old_future.cancelled()
    path = archive.record_path(tmp_path, new.student_id, "tiny", "n")
    assert archive.load(path) == grade


def test_a_result_that_nobody_wants_any_more_is_no_record(tmp_path: Path) -> None:
    workers = Slow()
    ahead = ahead_of(workers, tmp_path, known=frozenset({0}))
    ahead.take(paper(0))
    old, future = workers.sent[0]
    assert future.set_running_or_notify_cancel()  # too late to be cancelled
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ahead, "_wait", lambda _: None)
        ahead.take(msgspec.structs.replace(old, cells=(_cell("x = 2"),)))
    future.set_result(a_grade(old))
    assert not archive.record_path(tmp_path, old.student_id, "tiny", "n").exists()


def test_a_submission_that_ends_its_workers_is_left_to_a_person(tmp_path: Path) -> None:
    workers = Slow()
    ahead = ahead_of(workers, tmp_path, known=frozenset({0}))
    ahead.take(paper(0))
    answer(workers, Lost("it died"))
    before = workers.submit

    def lost_again(submission: Submission) -> Future[Grade]:
        future = before(submission)
        future.set_exception(Lost("it died"))
        return future

    workers.submit = lost_again  # type: ignore[method-assign]
    with pytest.raises(GraderError, match="ended, 3 times"):  # never in this process, which it would end, too
        ahead.take(paper(1))
    assert [each.student_id for each, _ in workers.sent].count(paper(1).student_id) == 3


def test_what_is_wrong_with_one_submission_is_told_at_its_turn(tmp_path: Path) -> None:
    workers = Slow()

    def known(submission: Submission) -> bool:
        if submission == paper(2):
            raise ConfigError("no checks")
        return submission == paper(0)

    ahead = Ahead(workers, (paper(number) for number in range(4)), Config(tmp_path), known)
    assert ahead.take(paper(0)) is None
    workers.sent[1][1].set_exception(ConfigError("no checks"))
    workers.sent[0][1].set_result(a_grade(paper(1)))
    assert ahead.take(paper(1)) == a_grade(paper(1))
    with pytest.raises(ConfigError, match="no checks"):
        ahead.take(paper(2))


def test_what_cannot_be_sent_costs_only_itself(tmp_path: Path) -> None:
    unheard_of = UnicodeEncodeError("utf-8", "\udce9", 0, 1, "surrogates not allowed")

    class Picky(Slow):
        def submit(self, submission: Submission) -> Future[Grade]:
            if submission == paper(2):
                raise unheard_of
            future = super().submit(submission)
            future.set_result(a_grade(submission))
            return future

    def known(submission: Submission) -> bool:
        if submission == paper(1):
            raise unheard_of
        return False

    ahead = Ahead(Picky(), (paper(number) for number in range(5)), Config(tmp_path), known)
    assert [ahead.take(paper(number)) for number in range(5)] == [
        None if number == 2 else a_grade(paper(number)) for number in range(5)
    ]


def test_a_stop_is_no_exception_that_the_walk_could_pass_over(tmp_path: Path) -> None:
    workers = Slow()
    ahead = ahead_of(workers, tmp_path, known=frozenset({0}))
    ahead.take(paper(0))
    answer(workers, Stopped("the scheduler is gone"))
    with pytest.raises(Stopped):
        ahead.take(paper(1))
    assert not issubclass(Stopped, Exception)


def _cell(source: str) -> Cell:
    return Cell(0, "code", source, runs=True)
