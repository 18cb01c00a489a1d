"""`grader regrade`: what changes is shown, asked for, written once, and told to the audit."""

from __future__ import annotations

import io
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer
from nbgrader.api import Gradebook
from rich.console import Console
from scratch_course import REPOSITORY, Course, FakeSandbox, Marker, by_id

from grader import archive, pipeline, unfinished
from grader.audit import Entry, audit_path, system_user
from grader.checks import catalogue
from grader.config import Config
from grader.converter import CourseExporter
from grader.errors import ConfigError, GraderError, WallError
from grader.records import Grade, Submission, Verdict
from grader.regrade import writing
from grader.regrade.command import regrade
from grader.score import total

PASSED, FAILED = Verdict.PASSED, Verdict.FAILED


class Corrected(Marker):
    """A marker whose checks can be corrected: *verdicts* says what they find now."""

    def __init__(self) -> None:
        super().__init__()
        self.verdicts: dict[tuple[str, str], Verdict] = {}

    def grade(self, submission: Submission, config: Config, sandbox: object, *_: object) -> Grade:
        """Stand in for pipeline.grade."""
        grade = super().grade(submission, config, sandbox)
        results = tuple(
            msgspec.structs.replace(r, verdict=self.verdicts.get((r.blank, r.name), r.verdict))
            for r in grade.results
        )
        provenance = msgspec.structs.replace(
            grade.provenance, seed=pipeline.submission_seed(submission, config).hex()
        )
        scores = total(submission.cells, results)
        return msgspec.structs.replace(grade, results=results, scores=scores, provenance=provenance)

    def digest(self, submission: Submission, config: Config, *_: object, **__: object) -> str:
        """Stand in for pipeline.digest."""
        corrected = sorted((*names, verdict.value) for names, verdict in self.verdicts.items())
        return str(hash((submission.cells, config.isolation, tuple(corrected))))


@pytest.fixture
def marker(monkeypatch: pytest.MonkeyPatch) -> Corrected:
    """What grades in place of the wall and the checks, in this file."""
    marker = Corrected()
    monkeypatch.setattr(pipeline, "grade", marker.grade)
    monkeypatch.setattr(pipeline, "digest", marker.digest)
    monkeypatch.setattr(pipeline, "imports_of", lambda _: ("numpy",))
    monkeypatch.setattr(pipeline, "sandbox_of", FakeSandbox)
    monkeypatch.setattr(FakeSandbox, "tested", 0)
    monkeypatch.setattr(FakeSandbox, "trouble", None)
    return marker


@pytest.fixture
def course(course: Course) -> Course:
    """The same course, set to grade in this process."""
    configure(course, "c.GraderPool.jobs = 1")
    return course


def configure(course: Course, line: str) -> None:
    path = course.root / "nbgrader_config.py"
    path.write_text(f"{path.read_text()}\n{line}\n")


def again(course: Course, *, agreed: bool = True, **options: Any) -> tuple[int, str]:
    """Regrade; return the exit status and what was shown."""
    shown = io.StringIO()
    status = regrade(course.root, "tiny", Console(file=shown, width=200), agreed=agreed, **options)
    return status, shown.getvalue()


def audit(course: Course) -> list[Entry]:
    path = audit_path(course.root)
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [msgspec.json.decode(line, type=Entry) for line in lines]


def record(course: Course, student: str) -> Grade:
    grade = archive.load(archive.record_path(course.root, student, "tiny", "numbers"))
    assert grade is not None
    return grade


def files_of(course: Course) -> dict[str, bytes]:
    return {
        str(path.relative_to(course.root)): path.read_bytes()
        for path in sorted(course.root.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def graded(course: Course, marker: Corrected, **shares: str) -> None:
    """Hand in one notebook for each student, whose function half earns this share, and grade them."""
    for student, half in shares.items():
        course.submit(student, course.solved(double="1/2", half=half))
    result = course.autograde()
    assert result["success"], result
    marker.seen.clear()


def test_a_corrected_check_raises_scores_and_gradebook_page_and_record_agree(
    course: Course, marker: Corrected
) -> None:
    graded(course, marker, anna="1/2", bert="1/1")
    before = record(course, "anna").provenance.digest
    marker.verdicts["half", "test_b"] = PASSED
    status, shown = again(course, reason="test_b asked for a sorted list")
    assert status == 0
    assert "higher: anna numbers half: 1.5 -> 3 / 3" in shown
    assert "1 score of 1 student, none of them lower" in shown
    assert "bert" not in shown
    assert course.grades("anna") == {
        "check_double": (2.0, False),
        "check_half": (3.0, False),
        "why": (0, False),
    }
    outputs = by_id(course.autograded("anna"), "check_half").outputs
    assert [output.data["text/plain"] for output in outputs] == ["3.0"]
    assert record(course, "anna").points == 5.0
    (line,) = audit(course)
    assert (line.student_id, line.assignment, line.notebook) == ("anna", "tiny", "numbers")
    assert (line.grade_id, line.before, line.after, line.max_points) == ("check_half", 1.5, 3.0, 3.0)
    assert (line.who, line.why) == (system_user(), "test_b asked for a sorted list")
    assert line.when.endswith("+00:00")
    assert (line.digest_before, line.digest_after) == (before, record(course, "anna").provenance.digest)
    assert [(c.name, c.before, c.after) for c in line.checks] == [("test_b", "failed", "passed")]
    assert line.checks[0].hash_before != line.checks[0].hash_after
    assert [submission.student_id for submission in marker.seen] == ["anna", "bert"]  # each of them once


def test_a_check_corrected_downward_is_never_silent(
    course: Course, marker: Corrected, monkeypatch: pytest.MonkeyPatch
) -> None:
    graded(course, marker, anna="1/2", bert="1/2")
    marker.verdicts |= {("half", "test_a"): FAILED, ("double", "test_b"): PASSED}
    asked: list[str] = []

    def no(question: str) -> bool:
        asked.append(question)
        return False

    monkeypatch.setattr(typer, "confirm", no)
    there = files_of(course)
    status, shown = again(course, agreed=False)
    assert status == 1
    assert asked == ["Write it: 4 scores of 2 students, 2 of them LOWER?"]
    lines = [line for line in shown.splitlines() if ": anna" in line or ": bert" in line]
    assert lines == [
        "higher: anna numbers double: 2 -> 4 / 4",
        "higher: bert numbers double: 2 -> 4 / 4",
        "lower: anna numbers half: 1.5 -> 0 / 3",
        "lower: bert numbers half: 1.5 -> 0 / 3",
    ]
    assert "Nothing was written" in shown
    assert files_of(course) == there
    monkeypatch.setattr(typer, "confirm", lambda _: True)
    status, shown = again(course, agreed=False)
    assert status == 0
    assert course.grades("bert")["check_half"] == (0.0, False)
    assert len(audit(course)) == 4


def test_where_nobody_can_answer_nothing_is_written(
    course: Course, marker: Corrected, monkeypatch: pytest.MonkeyPatch
) -> None:
    graded(course, marker, anna="1/2")
    marker.verdicts["half", "test_b"] = PASSED
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    status, _ = again(course, agreed=False)
    assert status == 1
    assert course.grades("anna")["check_half"] == (1.5, False)
    assert audit(course) == []


def test_where_nothing_changed_nothing_is_written_and_no_one_is_asked(
    course: Course, marker: Corrected, monkeypatch: pytest.MonkeyPatch
) -> None:
    graded(course, marker, anna="1/2")
    monkeypatch.setattr(typer, "confirm", lambda _: pytest.fail("asked"))
    there = files_of(course)
    assert again(course, agreed=False) == (0, "1 notebook was graded again, and nothing changes.\n")
    marker.verdicts["half", "test_c"] = PASSED  # another package, the same results
    assert again(course, agreed=False)[0] == 0
    assert len(marker.seen) == 1  # a record of equal checks is not graded again
    assert files_of(course) == there


def test_feedback_that_says_something_else_is_written_without_a_line_in_the_audit(
    course: Course, marker: Corrected
) -> None:
    graded(course, marker, anna="1/2")
    marker.message = "p is half of what it should be."
    marker.verdicts["half", "test_c"] = PASSED
    status, shown = again(course)
    assert status == 0
    assert "the feedback alone of 1 notebook, whose points stay" in shown
    assert marker.message in course.feedback("anna")
    assert audit(course) == []


def test_a_manual_score_stays_and_is_flagged(course: Course, marker: Corrected) -> None:
    graded(course, marker, anna="1/2", bert="1/1")
    for student in ("anna", "bert"):
        with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
            grade = gradebook.find_grade("check_half", "numbers", "tiny", student)
            grade.manual_score, grade.needs_manual_grade = 2.5, False
            gradebook.db.commit()
    marker.verdicts["half", "test_b"] = PASSED
    _, shown = again(course)
    assert "anna numbers half: 1.5 -> 3 / 3 (2.5 given by hand stays)" in shown
    assert audit(course)[0].manual == 2.5
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
        grade = gradebook.find_grade("check_half", "numbers", "tiny", "anna")
        assert (grade.manual_score, grade.auto_score, grade.score) == (2.5, 3.0, 2.5)
        assert grade.needs_manual_grade
    assert course.grades("bert")["check_half"] == (3.0, False)  # nothing of hers moved: nobody need look


def test_a_late_penalty_is_worked_out_anew_from_the_timestamps(course: Course, marker: Corrected) -> None:
    (course.root / "ten_percent_late.py").write_text(
        "from nbgrader.plugins import BasePlugin\n"
        "class TenPercent(BasePlugin):\n"
        "    def late_submission_penalty(self, student_id, score, total_seconds_late):\n"
        "        return score / 10\n"
    )
    configure(course, 'c.AssignLatePenalties.plugin_class = "ten_percent_late.TenPercent"')
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
        gradebook.update_or_create_assignment("tiny", duedate="2026-01-10 12:00:00 UTC")
    stamp = course.submit("late", course.solved(half="1/2")).with_name("timestamp.txt")
    stamp.write_text("2026-01-11 12:00:00 UTC")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(course.root)
        course.autograde()
        assert penalty(course) == pytest.approx(0.55)
        marker.verdicts["half", "test_b"] = PASSED
        again(course)
    assert penalty(course) == pytest.approx(0.7)


def penalty(course: Course) -> float | None:
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
        found: float | None = gradebook.find_submission_notebook(
            "numbers", "tiny", "late"
        ).late_submission_penalty
        return found


def test_one_check_alone_leaves_every_other_result_as_it_is_recorded(
    course: Course, marker: Corrected
) -> None:
    graded(course, marker, anna="1/2", bert="1/1")
    before = record(course, "anna")
    marker.message = "another text"
    marker.verdicts |= {("half", "test_b"): PASSED, ("half", "test_a"): FAILED, ("double", "test_a"): FAILED}
    status, _ = again(course, check="test_b")
    assert status == 0
    after = record(course, "anna")
    was = {(r.blank, r.name): (r.verdict, r.message) for r in before.results}
    now = {(r.blank, r.name): (r.verdict, r.message) for r in after.results}
    changed = {key for key in was if was[key] != now[key]}
    assert changed == {("half", "test_b"), ("double", "test_b")}  # both blanks have a check of this name
    assert now["double", "test_b"][1] == "another text"
    assert course.grades("anna")["check_half"] == (3.0, False)
    assert course.grades("anna")["check_double"] == (2.0, False)
    assert course.grades("bert")["check_half"] == (3.0, False)
    assert after.runs == before.runs
    (line,) = audit(course)
    assert line.only_check == "test_b"
    # Of no one grading: it is never taken for a record by the checks of today.
    assert after.provenance.digest not in {before.provenance.digest, line.digest_before}
    assert again(course, check="numbers/test_b")[1].endswith("nothing changes.\n")


def test_an_unknown_check_student_or_assignment_is_one_clear_error(course: Course, marker: Corrected) -> None:
    graded(course, marker, anna="1/2")
    with pytest.raises(ConfigError, match=r"no check 'test_x'\. Known: numbers/test_a, numbers/test_b\."):
        again(course, check="test_x")
    with pytest.raises(ConfigError, match="no submission of a student 'carl'"):
        again(course, student="carl")
    with pytest.raises(ConfigError, match=r"no assignment 'tin'\. Known: tiny\."):
        regrade(course.root, "tin", Console(file=io.StringIO()))
    (course.root / "gradebook.db").unlink()
    with pytest.raises(ConfigError, match="There is no gradebook"):
        again(course)
    assert not (course.root / "gradebook.db").exists()


def test_a_configuration_that_raises_stops_it(course: Course) -> None:
    configure(course, "raise RuntimeError('half a configuration')")
    with pytest.raises(ConfigError, match="half a configuration"):
        again(course)


def test_one_student_alone(course: Course, marker: Corrected) -> None:
    graded(course, marker, anna="1/2", bert="1/2")
    marker.verdicts["half", "test_b"] = PASSED
    again(course, student="bert")
    assert course.grades("anna")["check_half"] == (1.5, False)
    assert course.grades("bert")["check_half"] == (3.0, False)
    assert [submission.student_id for submission in marker.seen] == ["bert"]


def test_what_stays_as_it_is_is_listed_with_the_reason(course: Course, marker: Corrected) -> None:
    shares = dict.fromkeys(("anna", "changed", "cut", "gone", "later", "broken"), "1/2")
    graded(course, marker, **shares)
    course.submit("empty", b"")
    course.autograde("empty")
    course.submit("new", course.solved())
    course.submit("two\nlines", course.solved())
    course.submit("changed", course.solved(half="1/1"))
    unfinished.marker_of(course.root, "cut", "tiny").touch()
    shutil.rmtree(course.folder("gone"))
    (course.folder("later", "autograded") / "timestamp.txt").write_text("2026-01-09 12:00:00 UTC")
    (course.folder("later") / "timestamp.txt").write_text("2026-01-10 12:00:00 UTC")
    marker.fails_on["broken"] = RuntimeError("[bold]a bug[/bold]\x1b[2J of ours")
    marker.verdicts["half", "test_b"] = PASSED
    before = {student: course.grades(student) for student in (*shares, "empty")}
    status, shown = again(course)
    assert status == 0
    shown = shown.replace(str(course.root), "")
    told = dict(line.strip().split(": ", 1) for line in shown.splitlines() if line.startswith("  "))
    assert {name: reason.split(";")[0].split(":")[0] for name, reason in told.items()} == {
        "broken/numbers": "needs a person, the grader failed",
        "changed/numbers": "is not the file that was graded, or the course's secret is another",
        "cut": "its grading was cut off",
        "empty/numbers": "can't be read",
        "gone": "was graded, but its submitted folder has no notebook any more",
        "later": "was handed in again since it was graded",
        "new": "is not graded yet",
        "/submitted/two\N{REPLACEMENT CHARACTER}lines/tiny": "has a name that nbgrader can't read",
    }
    assert "[bold]a bug[/bold]\N{REPLACEMENT CHARACTER}[2J of ours" in shown
    assert course.grades("anna")["check_half"] == (3.0, False)
    assert {student: course.grades(student) for student in before if student != "anna"} == {
        student: grades for student, grades in before.items() if student != "anna"
    }


def test_a_notebook_that_needs_a_person_does_not_hold_up_the_students_other_one(
    course: Course, marker: Corrected
) -> None:
    second = course.root / "source/tiny/second.ipynb"
    second.write_text((course.root / "source/tiny/numbers.ipynb").read_text())
    assert course.api().generate_assignment("tiny", force=True)["success"]
    course.submit("anna", course.solved(half="1/2"))
    course.submit("anna", course.solved(half="1/2"), "second")
    course.autograde()
    page = (course.folder("anna", "autograded") / "second.ipynb").read_bytes()
    inner = marker.grade

    def failing(submission: Submission, config: Config, sandbox: object) -> Grade:
        if submission.notebook == "second":
            raise RuntimeError("a bug of ours")
        return inner(submission, config, sandbox)

    marker.verdicts["half", "test_b"] = PASSED
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "grade", failing)
        _, shown = again(course)
    assert "anna/second: needs a person, the grader failed: RuntimeError: a bug of ours" in shown
    assert course.grades("anna")["check_half"] == (3.0, False)
    assert (course.folder("anna", "autograded") / "second.ipynb").read_bytes() == page
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
        grade = gradebook.find_grade("check_half", "second", "tiny", "anna")
        assert (grade.auto_score, grade.needs_manual_grade) == (1.5, False)


def test_without_a_wall_nothing_is_graded(course: Course, marker: Corrected) -> None:
    graded(course, marker, anna="1/2")
    marker.verdicts["half", "test_b"] = PASSED
    FakeSandbox.trouble = WallError("bubblewrap is missing")
    with pytest.raises(GraderError, match="bubblewrap is missing"):
        again(course)
    assert course.grades("anna")["check_half"] == (1.5, False)


def killed(course: Course, at: str, **options: Any) -> None:
    """Regrade in a process that dies at a step of nbgrader's walk, without a chance to tidy up."""
    child = os.fork()
    if child == 0:
        setattr(writing.Carrying, at, lambda *_: os._exit(9))
        again(course, **options)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@pytest.mark.parametrize("at", ["convert_notebooks", "convert_single_notebook", "set_permissions"])
@pytest.mark.parametrize("by", ["autograde", "regrade"])
def test_a_kill_while_it_writes_is_made_good_by_the_next_run(
    course: Course, marker: Corrected, at: str, by: str
) -> None:
    graded(course, marker, anna="1/2", bert="1/1")
    marker.verdicts |= {("half", "test_b"): PASSED, ("double", "test_a"): FAILED}
    killed(course, at, check="test_b")  # of which a grading by all checks of today would make less
    if by == "autograde":
        result = course.autograde()
        assert result["success"], result
    else:
        status, shown = again(course, check="test_b")
        assert status == 0
        assert "anna: an earlier regrade was cut off here; it is written now." in shown
        assert "nothing changes" in shown
    assert course.grades("anna")["check_half"] == (3.0, False)
    assert course.grades("anna")["check_double"] == (2.0, False)
    outputs = by_id(course.autograded("anna"), "check_half").outputs
    assert [output.data["text/plain"] for output in outputs] == ["3.0"]
    assert record(course, "anna").points == 5.0
    assert [line.grade_id for line in audit(course)] == ["check_half"]
    assert not list((course.root / "records").rglob(".unfinished"))


def with_a_second_notebook(course: Course, **shares: str) -> None:
    """Add a notebook to the assignment, and hand in both, graded."""
    second = course.root / "source/tiny/second.ipynb"
    second.write_text((course.root / "source/tiny/numbers.ipynb").read_text())
    assert course.api().generate_assignment("tiny", force=True)["success"]
    for student, half in shares.items():
        for name in ("numbers", "second"):
            course.submit(student, course.solved(double="1/2", half=half), name)
    result = course.autograde()
    assert result["success"], result


def points_in_second(course: Course, student: str) -> dict[str, float | None]:
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
        notebook = gradebook.find_submission_notebook("second", "tiny", student)
        return {grade.name: grade.auto_score for grade in notebook.grades}


def test_what_nobody_agreed_on_stays_when_autograde_makes_a_cut_off_regrade_good(
    course: Course, marker: Corrected
) -> None:
    with_a_second_notebook(course, anna="1/2")
    before = points_in_second(course, "anna")
    marker.verdicts |= {("half", "test_b"): PASSED, ("double", "test_a"): FAILED}
    killed(course, "convert_single_notebook", check="numbers/test_b")
    marker.seen.clear()
    result = course.autograde()
    assert result["success"], result
    assert course.grades("anna")["check_half"] == (3.0, False)
    assert course.grades("anna")["check_double"] == (2.0, False)
    assert points_in_second(course, "anna") == before
    assert not marker.seen
    assert {path.name for path in course.folder("anna", "autograded").glob("*.ipynb")} == {
        "numbers.ipynb",
        "second.ipynb",
    }
    assert not list((course.root / "records").rglob(".unfinished"))


def test_a_part_of_a_cut_off_submission_leaves_the_rest_due(course: Course) -> None:
    with_a_second_notebook(course, anna="1/2")
    graded_second = course.folder("anna", "autograded") / "second.ipynb"
    mark = unfinished.marker_of(course.root, "anna", "tiny")
    mark.touch()
    graded_second.with_name("numbers.ipynb").unlink()
    result = course.autograde(CourseDirectory={"notebook_id": "numbers"})
    assert result["success"], result
    assert graded_second.exists()
    assert mark.exists()
    assert course.autograde()["success"]
    assert graded_second.exists()
    assert not mark.exists()


def newer_than_graded(course: Course, student: str) -> None:
    """Date what *student* has handed in a day after what was graded."""
    for step, day in (("autograded", 9), ("submitted", 10)):
        (course.folder(student, step) / "timestamp.txt").write_text(f"2026-01-{day:02} 12:00:00 UTC")


def test_a_part_of_newer_work_leaves_the_rest_due(course: Course) -> None:
    with_a_second_notebook(course, anna="1/2")
    newer_than_graded(course, "anna")
    for name in ("numbers", "second"):
        course.submit("anna", course.solved(), name)
    result = course.autograde(CourseDirectory={"notebook_id": "numbers"})
    assert result["success"], result
    assert course.grades("anna")["check_half"] == (3.0, False)
    assert points_in_second(course, "anna")["check_half"] == 1.5
    assert course.autograde()["success"]
    assert points_in_second(course, "anna")["check_half"] == 3.0


def test_work_handed_in_while_the_question_stands_is_not_touched(
    course: Course, marker: Corrected, monkeypatch: pytest.MonkeyPatch
) -> None:
    graded(course, marker, anna="1/2", bert="1/2", cyd="1/2")
    marker.verdicts["half", "test_b"] = PASSED

    def meanwhile(_: str) -> bool:
        course.submit("anna", course.solved())
        newer_than_graded(course, "anna")
        with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
            gradebook.find_grade("check_half", "numbers", "tiny", "bert").manual_score = 2.0
            gradebook.db.commit()
        return True

    monkeypatch.setattr("grader.regrade.command._confirmed", meanwhile)
    status, shown = again(course, agreed=False)
    assert status == 1
    assert "anna: was handed in again meanwhile; grade it: nbgrader autograde tiny --student anna" in shown
    assert "bert: was graded meanwhile" in shown
    assert "Written: 1 score of 1 student" in shown
    assert [line.student_id for line in audit(course)] == ["cyd"]
    assert course.grades("cyd")["check_half"] == (3.0, False)
    assert course.grades("anna")["check_double"] == (2.0, False)
    assert not list((course.root / "records").rglob(".unfinished"))
    assert course.autograde()["success"]
    assert course.grades("anna")["check_double"] == (4.0, False)


def test_work_handed_in_after_a_regrade_was_cut_off_is_left_to_autograde(
    course: Course, marker: Corrected
) -> None:
    graded(course, marker, anna="1/2")
    marker.verdicts["half", "test_b"] = PASSED
    killed(course, "convert_notebooks")
    course.submit("anna", course.solved())
    newer_than_graded(course, "anna")
    _, shown = again(course)
    assert "anna: an earlier" not in shown
    assert course.grades("anna")["check_double"] == (2.0, False)
    assert course.autograde()["success"]
    assert course.grades("anna")["check_double"] == (4.0, False)
    assert not list((course.root / "records").rglob(".unfinished"))


def test_a_file_that_brings_the_reader_down_hides_nobody_behind_it(
    course: Course, marker: Corrected, monkeypatch: pytest.MonkeyPatch
) -> None:
    graded(course, marker, anna="1/2", bert="1/2", cyd="1/2")
    marker.verdicts["half", "test_b"] = PASSED
    inner = CourseExporter.read_ahead

    def fragile(self: CourseExporter, filename: str, student: str, *names: str) -> Submission | None:
        if student == "bert":
            raise ValueError("a bug of ours")
        return inner(self, filename, student, *names)

    monkeypatch.setattr(CourseExporter, "read_ahead", fragile)
    _, shown = again(course)
    assert "bert/numbers: needs a person, the grader failed: ValueError: a bug of ours" in shown
    assert [course.grades(student)["check_half"][0] for student in ("anna", "bert", "cyd")] == [3.0, 1.5, 3.0]


def test_what_was_cut_off_and_cannot_be_brought_to_an_end_holds_nobody_up(
    course: Course, marker: Corrected
) -> None:
    graded(course, marker, anna="1/2", bert="1/2")
    marker.verdicts["half", "test_b"] = PASSED
    killed(course, "convert_notebooks")
    course.folder("anna").rename(course.root / "elsewhere")
    course.folder("anna").symlink_to(course.root / "elsewhere")
    status, shown = again(course)
    assert status == 0
    assert "bert: an earlier regrade was cut off here; it is written now." in shown
    assert "anna: an earlier" not in shown
    assert "anna: can't be read: " in shown
    assert course.grades("bert")["check_half"] == (3.0, False)
    assert course.grades("anna")["check_half"] == (1.5, False)


def test_a_kill_before_the_writing_leaves_everything_as_it_was(course: Course, marker: Corrected) -> None:
    graded(course, marker, anna="1/2")
    there = files_of(course)
    marker.verdicts["half", "test_b"] = PASSED
    child = os.fork()
    if child == 0:
        FakeSandbox.close = lambda *_: os._exit(9)  # type: ignore[assignment,method-assign]
        again(course)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert files_of(course) == there


def test_the_audit_is_only_added_to_by_the_courses_people(course: Course, marker: Corrected) -> None:
    graded(course, marker, anna="1/2")
    marker.verdicts["half", "test_b"] = PASSED
    before = os.umask(0o077)
    try:
        again(course)
    finally:
        os.umask(before)
    path = audit_path(course.root)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    first = path.read_bytes()
    path.write_bytes(first + b'{"when": "cut o')  # a colleague's machine lost power
    marker.verdicts["half", "test_b"] = FAILED
    again(course)
    lines = path.read_bytes().splitlines()
    assert lines[0] + b"\n" == first
    assert len(lines) == 3
    assert msgspec.json.decode(lines[2], type=Entry).after == 1.5


def test_on_a_terminal_students_names_are_text(course: Course, marker: Corrected) -> None:
    name = "e[ve\u202e:smile:"
    graded(course, marker, **{name: "1/2"})
    marker.verdicts["half", "test_b"] = PASSED
    shown = io.StringIO()
    console = Console(file=shown, width=200, force_terminal=True, color_system=None)
    assert regrade(course.root, "tiny", console, agreed=True) == 0
    assert "e[ve\N{REPLACEMENT CHARACTER}:smile:" in shown.getvalue()
    assert Path(course.folder(name, "autograded")).is_dir()


WRONG_CHECK = '''

from grader.errors import CheckFailure


@check("relu", weight=50)
def test_relu_is_what_nobody_asked_for(student: Student, rng: np.random.Generator) -> None:
    """Relu is what nobody asked for."""
    raise CheckFailure("relu is not what nobody asked for.")
'''


def real_course(root: Path) -> Course:
    """Lay out one assignment of the course, and hand in two right notebooks."""
    shutil.copytree(REPOSITORY / "source/activations", root / "source/activations")
    shutil.copy(REPOSITORY / "nbgrader_config.py", root)
    course = Course(root)
    assert course.api().generate_assignment("activations")["success"]
    for student in ("anna", "bert"):
        folder = root / "submitted" / student / "activations"
        folder.mkdir(parents=True)
        shutil.copy(root / "source/activations/activations.ipynb", folder)
    return course


def relu_points(course: Course) -> list[float]:
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
        names = ("check_relu", "activations", "activations")
        return [gradebook.find_grade(*names, student).auto_score for student in ("anna", "bert")]


def command(course: Course, *options: str, answer: str = "") -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "grader", "regrade", "activations", "--course", str(course.root)]
    return subprocess.run(
        [*words, *options], check=False, capture_output=True, text=True, input=answer, timeout=300
    )


def test_the_command_behind_the_real_wall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong check takes all of relu's points; without it, one student's come back whole, one's by name."""
    course = real_course(tmp_path / "course")
    checks = catalogue.find("activations", "activations")
    wrong = tmp_path / "test_activations.py"
    wrong.write_text(checks.path.read_text() + WRONG_CHECK)
    with monkeypatch.context() as patch:
        patch.setattr(catalogue, "find", lambda *_: msgspec.structs.replace(checks, path=wrong))
        digest = pipeline.digest
        patch.setattr(pipeline, "digest", lambda *a, **k: f"{digest(*a, **k)} with the wrong check")
        result = course.api().autograde("activations", "*")
    assert result["success"], result
    assert relu_points(course) == [0.0, 0.0]

    refused = command(course, answer="n\n")
    assert refused.returncode == 1, refused.stderr
    assert "Write it: 2 scores of 2 students, none of them lower? [y/N]" in refused.stdout
    assert relu_points(course) == [0.0, 0.0]
    assert not audit_path(course.root).exists()

    configure(course, "c.GraderPool.jobs = 1")
    named = command(
        course, "--check", "test_relu_is_what_nobody_asked_for", "--student", "bert", answer="y\n"
    )
    assert named.returncode == 0, named.stderr
    most = relu_points(course)[1]
    assert relu_points(course) == [0.0, most]
    assert f"higher: bert activations relu: 0 -> {most:g} / {most:g}" in named.stdout

    whole = command(course, "--yes", "--reason", "a wrong check")
    assert whole.returncode == 0, whole.stderr
    assert "bert" not in whole.stdout  # by today's checks the same
    assert relu_points(course) == [most, most]
    assert [(line.student_id, line.after, line.why) for line in audit(course)] == [
        ("bert", most, ""),
        ("anna", most, "a wrong check"),
    ]
