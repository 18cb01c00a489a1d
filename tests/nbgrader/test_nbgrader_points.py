"""Points, flags, penalties and manual grades, as they reach nbgrader's gradebook."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from nbgrader.utils import determine_grade
from scratch_course import Course, FakeSandbox, Marker, by_id

from grader import archive
from grader.errors import ConfigError, WallError
from grader.records import Verdict


def late_penalty(course: Course, student: str) -> float | None:
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
        penalty: float | None = gradebook.find_submission_notebook(
            "numbers", "tiny", student
        ).late_submission_penalty
        return penalty


def test_partial_credit_reaches_the_gradebook_exactly(course: Course) -> None:
    course.submit("anna", course.solved(double="1/3", half="1/3"))
    result = course.autograde()
    assert result["success"], result
    assert course.grades("anna")["check_double"] == (4 / 3, False)
    assert course.grades("anna")["check_half"] == (1.0, False)


def test_stock_nbgrader_reads_the_same_number_from_the_cell(course: Course) -> None:
    course.submit("anna", course.solved(double="1/3", half="0/1"))
    course.autograde()
    notebook = course.autograded("anna")
    assert determine_grade(by_id(notebook, "check_double")) == (4 / 3, 4.0)
    assert determine_grade(by_id(notebook, "check_half")) == (0.0, 3.0)


def test_a_hand_graded_cell_stays_nbgraders(course: Course) -> None:
    course.submit("untouched", course.solved())
    answered = course.solved()
    by_id(answered, "why").source = "Because."
    course.submit("answered", answered)
    course.autograde()
    assert course.grades("untouched")["why"] == (0, False)
    assert course.grades("answered")["why"] == (None, True)


def test_what_a_cell_prints_on_stderr_costs_nothing(course: Course, marker: Marker) -> None:
    marker.outputs = ({"output_type": "stream", "name": "stderr", "text": "a warning"},)
    course.submit("anna", course.solved())
    course.autograde()
    assert course.grades("anna")["check_double"] == (4.0, False)


def test_a_failure_of_the_grader_leaves_the_points_empty_and_flagged(course: Course, marker: Marker) -> None:
    marker.fails_on["bert"] = RuntimeError("a bug of ours")
    for student in ("anna", "bert", "carl"):
        course.submit(student, course.solved())
    result = course.autograde()
    assert not result["success"]
    assert (
        "bert/tiny/numbers: needs a person, the grader failed: RuntimeError: a bug of ours" in result["log"]
    )
    assert course.grades("bert")["check_double"] == (None, True)
    assert course.grades("bert")["check_half"] == (None, True)
    for student in ("anna", "carl"):
        assert course.grades(student)["check_double"] == (4.0, False)
    shown = course.feedback("bert")
    assert "could not be graded automatically" in shown
    assert "a bug of ours" not in shown


def test_a_mistake_of_the_instructor_is_told_without_a_traceback(course: Course, marker: Marker) -> None:
    marker.fails_on["anna"] = ConfigError("No checks for 'tiny/numbers'.")
    course.submit("anna", course.solved())
    result = course.autograde()
    assert "No checks for 'tiny/numbers'." in result["log"]
    assert "Traceback" not in result["log"]
    assert course.grades("anna")["check_double"] == (None, True)


def test_a_check_cell_without_checks_is_left_to_a_person(course: Course, marker: Marker) -> None:
    marker.blanks_without_checks = {"half"}
    course.submit("anna", course.solved())
    course.autograde()
    assert course.grades("anna")["check_double"] == (4.0, False)
    assert course.grades("anna")["check_half"] == (None, True)


def test_without_a_wall_nothing_is_graded_and_old_grades_stay(course: Course) -> None:
    course.submit("anna", course.solved())
    course.autograde()
    FakeSandbox.trouble = WallError("bubblewrap is missing: apt install bubblewrap")
    course.submit("bert", course.solved())
    result = course.autograde(force=True)
    assert not result["success"]
    assert "Nothing was graded: bubblewrap is missing: apt install bubblewrap" in result["log"]
    assert "Traceback" not in result["log"]
    assert course.grades("anna")["check_double"] == (4.0, False)
    assert course.autograded("anna")
    assert not course.folder("bert", "autograded").exists()


def test_a_wall_that_falls_on_the_way_ends_the_grading(course: Course, marker: Marker) -> None:
    marker.fails_on["bert"] = WallError("the warm process is gone")
    for student in ("anna", "bert", "carl"):
        course.submit(student, course.solved())
    result = course.autograde()
    assert course.grades("anna")["check_double"] == (4.0, False)
    assert course.grades("bert")["check_double"] == (None, True)
    assert "carl/tiny: was not graded: the warm process is gone" in result["log"]
    assert [submission.student_id for submission in marker.seen] == ["anna", "bert"]


def test_one_wall_serves_a_whole_run(course: Course) -> None:
    for student in ("anna", "bert", "carl"):
        course.submit(student, course.solved())
    course.autograde()
    assert FakeSandbox.tested == 1


def test_a_late_submission_is_penalised_by_nbgraders_own_plugin(course: Course, tmp_path: Path) -> None:
    plugin = tmp_path / "ten_percent_late.py"
    plugin.write_text(
        "from nbgrader.plugins import BasePlugin\n"
        "class TenPercent(BasePlugin):\n"
        "    def late_submission_penalty(self, student_id, score, total_seconds_late):\n"
        "        return score / 10\n"
    )
    with (
        pytest.MonkeyPatch.context() as patch,
        Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook,
    ):
        patch.syspath_prepend(tmp_path)
        gradebook.update_or_create_assignment("tiny", duedate="2026-01-10 12:00:00 UTC")
        course.submit("late", course.solved()).with_name("timestamp.txt").write_text(
            "2026-01-11 12:00:00 UTC"
        )
        course.submit("early", course.solved()).with_name("timestamp.txt").write_text(
            "2026-01-09 12:00:00 UTC"
        )
        course.autograde(AssignLatePenalties={"plugin_class": "ten_percent_late.TenPercent"})
    assert late_penalty(course, "late") == pytest.approx(0.7)
    assert late_penalty(course, "early") is None


def test_a_manual_score_survives_grading_anew_and_is_flagged(course: Course) -> None:
    course.submit("anna", course.solved(half="0/1"))
    course.autograde()
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
        grade = gradebook.find_grade("check_half", "numbers", "tiny", "anna")
        grade.manual_score, grade.needs_manual_grade = 2.5, False
        gradebook.db.commit()
    course.autograde(force=True)
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
        grade = gradebook.find_grade("check_half", "numbers", "tiny", "anna")
        assert (grade.manual_score, grade.auto_score, grade.score) == (2.5, 0, 2.5)
        assert grade.needs_manual_grade


def test_feedback_says_which_points_a_person_has_set(course: Course) -> None:
    course.submit("anna", course.solved(half="0/1"))
    course.autograde()
    assert "Set by your instructor" not in course.feedback("anna")
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
        gradebook.find_grade("check_half", "numbers", "tiny", "anna").manual_score = 2.5
        gradebook.db.commit()
    page = course.feedback("anna")
    assert page.count("Set by your instructor: 2.5 of 3 points") == 1
    # It stands in the cell of its own check, before what that check found.
    assert page.index("<code>double</code>") < page.index("Set by your") < page.index("<code>half</code>")
    assert "Set by your instructor" not in json.dumps(course.autograded("anna"))  # made anew for each page


def test_a_damaged_gradebook_stops_the_run_before_anything_is_touched(course: Course) -> None:
    course.submit("anna", course.solved())
    (course.root / "gradebook.db").write_bytes(b"no database " * 100)
    result = course.autograde()
    assert not result["success"]
    assert "gradebook.db can't be opened: file is not a database" in result["log"]
    assert "put a backup in its place" in result["log"]
    assert "Traceback" not in result["log"]
    assert not course.folder("anna", "autograded").exists()


def test_a_mistake_of_the_course_stops_the_run_before_anything_is_touched(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    course.submit("anna", course.solved())
    course.autograde()
    before = course.grades("anna")
    (course.root / ".grader_secret").chmod(0o644)
    result = course.autograde(force=True)
    assert not result["success"]
    assert "Nothing was graded: " in result["log"]
    assert "Run: chmod 600" in result["log"]
    (course.root / ".grader_secret").chmod(0o600)

    def refuse(_: FakeSandbox) -> None:
        raise ConfigError("device must be auto, cpu or cuda")

    monkeypatch.setattr(FakeSandbox, "self_test", refuse)
    result = course.autograde(force=True)
    assert not result["success"]
    assert "Nothing was graded: device must be auto, cpu or cuda" in result["log"]
    assert "Traceback" not in result["log"]
    assert course.grades("anna") == before


def test_a_newer_submission_is_graded_anew_and_an_old_one_is_not(course: Course, marker: Marker) -> None:
    stamp = course.submit("anna", course.solved(half="0/1")).with_name("timestamp.txt")
    stamp.write_text("2026-01-09 12:00:00 UTC")
    course.autograde()
    course.autograde()
    assert len(marker.seen) == 1
    course.submit("anna", course.solved())
    stamp.write_text("2026-01-10 12:00:00 UTC")
    course.autograde()
    assert course.grades("anna")["check_half"] == (3.0, False)
    assert len(marker.seen) == 2


def test_an_unchanged_submission_is_not_graded_twice_unless_forced(course: Course, marker: Marker) -> None:
    stamp = course.submit("anna", course.solved(half="1/3")).with_name("timestamp.txt")
    stamp.write_text("2026-01-09 12:00:00 UTC")
    course.autograde()
    stamp.write_text("2026-01-10 12:00:00 UTC")
    result = course.autograde()
    assert len(marker.seen) == 1
    assert "anna/tiny/numbers: nothing has changed" in result["log"]
    assert course.grades("anna")["check_half"] == (1.0, False)
    assert "mean over one row" in course.feedback("anna")
    course.autograde(force=True)
    assert len(marker.seen) == 2


def test_the_record_holds_the_whole_grade_and_leaks_into_no_feedback(course: Course) -> None:
    course.submit("anna", course.solved(half="1/3"))
    course.autograde()
    course.feedback("anna")
    path = archive.record_path(course.root, "anna", "tiny", "numbers")
    grade = archive.load(path)
    assert grade is not None
    assert grade.points == 5.0
    assert {result.verdict for result in grade.results} == {Verdict.PASSED, Verdict.FAILED}
    assert json.loads(path.read_text())["student_id"] == "anna"
    written = [
        file.name for step in ("autograded", "feedback") for file in course.folder("anna", step).iterdir()
    ]
    assert sorted(written) == ["numbers.html", "numbers.ipynb"]
    assert not list(path.parent.glob(".*"))


def test_an_assignment_that_was_never_released_is_told_what_to_do(course: Course) -> None:
    path = course.root / "submitted/anna/nosuch/numbers.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    result = course.api().autograde("nosuch", "*")
    assert not result["success"]
    assert "The gradebook does not know the assignment 'nosuch'" in result["log"]
    assert "nbgrader generate_assignment nosuch --force" in result["log"]
    assert "Traceback" not in result["log"]
