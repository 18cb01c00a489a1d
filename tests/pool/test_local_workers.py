"""Grading ahead on this machine: order, room, workers that die, and runs that are cut off."""

from __future__ import annotations

import contextlib
import os
import random
import signal
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import msgspec
import pytest
from small_class import (
    ASSIGNMENT,
    Nbgrader,
    alive,
    below,
    graded_here,
    lay_out,
    notebooks,
    slowed,
    submissions,
    submit,
    timeless,
    wait_for,
)

from grader import archive
from grader.config import Config
from grader.errors import ConfigError
from grader.pool.ahead import Ahead, Lost, Stopped
from grader.pool.local import LocalWorkers
from grader.records import Cell, CellScore, Grade, Provenance, Submission

MOST_SECONDS = 120.0


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
    coming = (paper(number) for number in range(20))
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
        # Three for each worker and one; those that were taken make room for as many.
        assert [each.student_id for each, _ in workers.sent] == [
            paper(each).student_id for each in range(7 + number)
        ]


def test_what_has_its_record_is_not_sent(tmp_path: Path) -> None:
    workers = Slow()
    ahead = ahead_of(workers, tmp_path, known=frozenset(range(0, 20, 2)))
    assert ahead.take(paper(0)) is None
    assert [each.student_id for each, _ in workers.sent] == [
        paper(each).student_id for each in range(1, 15, 2)
    ]


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


def test_a_lost_submission_is_sent_once_more_and_then_left_to_the_walk(tmp_path: Path) -> None:
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
    assert ahead.take(paper(1)) is None
    assert [each.student_id for each, _ in workers.sent].count(paper(1).student_id) == 2


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


# --- real processes ---------------------------------------------------------------------------------


@pytest.fixture
def workers(config: Config) -> Iterator[LocalWorkers]:
    made = LocalWorkers(config, 2)
    yield made
    made.close()


def pids_of(workers: LocalWorkers) -> list[int]:
    return list(workers._pool._processes)


def test_processes_grade_as_this_one_does_and_all_are_gone_afterwards(
    workers: LocalWorkers, config: Config, expected: dict[str, Grade]
) -> None:
    before = below(os.getpid())
    ahead = Ahead(workers, iter(submissions(config)), config, lambda _: False)
    for each in submissions(config):
        grade = ahead.take(each)
        assert grade is not None
        assert timeless(grade) == timeless(expected[each.student_id])
        path = archive.record_path(config.course, each.student_id, ASSIGNMENT, ASSIGNMENT)
        wait_for(lambda: archive.load(path) == grade)  # noqa: B023 - it is done at once
    started = below(os.getpid()) - before
    assert len(started) > 4  # two workers, and their walls
    ahead.close()
    wait_for(lambda: not [pid for pid in started if alive(pid) and not _tracks(pid)], 20)


def _tracks(pid: int) -> bool:
    """Say whether it is multiprocessing's own, which ends with this process."""
    with contextlib.suppress(OSError):
        return b"resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def test_a_killed_process_costs_no_grade(
    workers: LocalWorkers, config: Config, expected: dict[str, Grade]
) -> None:
    ahead = Ahead(workers, iter(submissions(config)), config, lambda _: False)
    first, *others = submissions(config)
    assert ahead.take(first) is not None
    os.kill(pids_of(workers)[0], signal.SIGKILL)
    for each in others:
        grade = ahead.take(each)
        assert grade is not None
        assert timeless(grade) == timeless(expected[each.student_id])
    ahead.close()


def test_a_worker_in_the_middle_of_a_submission_ends_when_told(tmp_path: Path) -> None:
    slow = lay_out(tmp_path / "course", {"ada": slowed(notebooks()["ada"], "import time\ntime.sleep(25)")})
    before = below(os.getpid())
    workers = LocalWorkers(slow, 1)
    workers.submit(submissions(slow)[0])
    wait_for(lambda: len(below(os.getpid()) - before) > 3)
    started = below(os.getpid()) - before
    workers.close()
    wait_for(lambda: not [pid for pid in started if alive(pid) and not _tracks(pid)], 10)


# --- nbgrader, cut off ------------------------------------------------------------------------------


@pytest.fixture
def nbgrader(tmp_path: Path) -> Nbgrader:
    """A class of six in a course of its own, released; the last one's notebook takes its time."""
    papers = notebooks()
    papers["fay"] = slowed(papers["ada"])
    config = lay_out(tmp_path / "course", papers)
    nbgrader = Nbgrader(config.course, "--GraderPool.jobs=2")
    code, said = nbgrader.run("generate_assignment", ASSIGNMENT)
    assert code == 0, said
    return nbgrader


def points(nbgrader: Nbgrader) -> dict[str, float]:
    return {
        student: sum(value or 0.0 for value in cells.values()) for student, cells in nbgrader.scores().items()
    }


def expected_points(nbgrader: Nbgrader) -> dict[str, float | None]:
    return {student: grade.points for student, grade in graded_here(Config(nbgrader.root)).items()}


def records(nbgrader: Nbgrader) -> int:
    return len(list((nbgrader.root / "records" / ASSIGNMENT).glob("*/*.json")))


def test_ctrl_c_leaves_a_summary_no_process_and_the_rest_to_a_second_run(nbgrader: Nbgrader) -> None:
    run = nbgrader.start("autograde", ASSIGNMENT)
    wait_for(lambda: records(nbgrader) >= 1, MOST_SECONDS)
    started = below(run.pid)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does: to all of them
    _, said = run.communicate(timeout=MOST_SECONDS)
    assert run.returncode != 0
    assert "Stopped: " in said
    assert "of 6 notebooks graded" in said
    assert "the same command goes on where it stopped" in said
    wait_for(lambda: not [pid for pid in started if alive(pid)], 20)
    code, said = nbgrader.run("autograde", ASSIGNMENT)
    assert code == 0, said
    assert points(nbgrader) == expected_points(nbgrader)


def test_a_run_that_is_killed_at_any_moment_is_made_good_by_a_second_one(nbgrader: Nbgrader) -> None:
    rng = random.Random(7)
    for _ in range(3):
        begun = records(nbgrader)
        run = nbgrader.start("autograde", ASSIGNMENT)
        wait_for(lambda: len(below(run.pid)) > 2 or run.poll() is not None, MOST_SECONDS)  # noqa: B023
        with contextlib.suppress(AssertionError):
            wait_for(lambda: records(nbgrader) > begun or run.poll() is not None, rng.uniform(0.5, 6.0))  # noqa: B023
        started = below(run.pid)
        run.kill()
        run.communicate(timeout=MOST_SECONDS)
        wait_for(lambda: not [pid for pid in started if alive(pid)], 20)  # noqa: B023
    code, said = nbgrader.run("autograde", ASSIGNMENT)
    assert code == 0, said
    assert points(nbgrader) == expected_points(nbgrader)
    assert not list(nbgrader.root.glob("records/*/*/.unfinished"))


def test_a_file_handed_in_while_it_waits_is_graded_as_it_is_at_its_turn(nbgrader: Nbgrader) -> None:
    submit(nbgrader.root, "ada", slowed(notebooks()["ada"]))  # the first; meanwhile the others are read
    run = nbgrader.start("autograde", ASSIGNMENT)
    wait_for((nbgrader.root / "records" / ASSIGNMENT / "dot" / f"{ASSIGNMENT}.json").exists, MOST_SECONDS)
    path = submit(nbgrader.root, "dot", notebooks()["ada"])  # was empty; now it is solved
    _, said = run.communicate(timeout=MOST_SECONDS)
    assert run.returncode == 0, said
    assert path.exists()
    assert points(nbgrader)["dot"] == expected_points(nbgrader)["dot"] == 30.0
