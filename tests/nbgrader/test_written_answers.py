"""A notebook of written answers, graded by hand: it has no hidden checks, and nothing of it is made up."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from scratch_course import REPOSITORY, Course, by_id

from grader import archive, pipeline
from grader.errors import ConfigError
from grader.records import Cell, Submission

QUESTIONS = ("ethics_ownership", "ethics_withdrawn")


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A scratch course with the assignment of written answers."""
    root = tmp_path_factory.mktemp("written") / "course"
    shutil.copytree(REPOSITORY / "source/ethics", root / "source/ethics")
    shutil.copy(REPOSITORY / "nbgrader_config.py", root)
    course = Course(root)
    result = course.api().generate_assignment("ethics")
    assert result["success"], result
    return course


@pytest.fixture
def graded(released: Course, tmp_path: Path) -> Course:
    """One student has answered the first question, another none; both are autograded behind the real wall."""
    shutil.copytree(released.root, tmp_path / "course")
    course = Course(tmp_path / "course")
    for student in ("answered", "untouched"):
        notebook = nbformat.read(course.root / "release/ethics/ethics.ipynb", as_version=4)
        if student == "answered":
            by_id(notebook, QUESTIONS[0]).source = "The photographers own the pictures, the firm the weights."
        path = course.root / "submitted" / student / "ethics/ethics.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)
    autograde(course)
    return course


def autograde(course: Course) -> None:
    result = course.api().autograde("ethics", "*", force=True)
    assert result["success"], result


def grades(course: Course, student: str) -> dict[str, tuple[float | None, float | None, bool]]:
    """Return grade_id → (automatic points, points by hand, whether a person must look)."""
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
        notebook = gradebook.find_submission_notebook("ethics", "ethics", student)
        return {g.name: (g.auto_score, g.manual_score, g.needs_manual_grade) for g in notebook.grades}


def grade_by_hand(course: Course, points: float) -> None:
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
        grade = gradebook.find_grade(QUESTIONS[0], "ethics", "ethics", "answered")
        grade.manual_score = points
        grade.needs_manual_grade = False
        gradebook.db.commit()


def test_the_release_asks_and_does_not_answer(released: Course) -> None:
    notebook = nbformat.read(released.root / "release/ethics/ethics.ipynb", as_version=4)
    for question in QUESTIONS:
        assert by_id(notebook, question).source == "*Write your answer here, in place of this line.*"


def test_a_written_answer_waits_for_a_person_and_an_empty_one_does_not(graded: Course) -> None:
    assert grades(graded, "answered")[QUESTIONS[0]] == (None, None, True)
    assert grades(graded, "answered")[QUESTIONS[1]] == (0, None, False)
    assert grades(graded, "untouched") == dict.fromkeys(QUESTIONS, (0, None, False))


def test_points_given_by_hand_survive_another_autograding(graded: Course) -> None:
    grade_by_hand(graded, 4.5)
    autograde(graded)
    _, by_hand, asked_again = grades(graded, "answered")[QUESTIONS[0]]
    assert by_hand == 4.5
    assert asked_again


def test_its_code_is_run_and_its_record_has_no_points(graded: Course) -> None:
    notebook = nbformat.read(graded.root / "autograded/answered/ethics/ethics.ipynb", as_version=4)
    (output,) = by_id(notebook, "given_b_variable").outputs
    assert "B = 136.9   share = 26.0% or 100.0%" in output["text"]
    grade = archive.load(archive.record_path(graded.root, "answered", "ethics", "ethics"))
    assert grade is not None
    assert (grade.scores, grade.results, grade.max_points) == ((), (), 0)
    assert not [run.error for run in grade.runs if run.error]


def test_the_feedback_shows_the_answer_and_its_points(graded: Course) -> None:
    grade_by_hand(graded, 4.5)
    result = graded.api().generate_feedback("ethics", "answered", force=True)
    assert result["success"], result
    page = (graded.root / "feedback/answered/ethics/ethics.html").read_text()
    assert "The photographers own the pictures" in page
    assert "4.5" in page
    assert "What a full answer has in it" not in page


def test_a_notebook_with_check_cells_but_no_checks_is_an_error() -> None:
    cells = (Cell(0, "code", "assert f(1) == 2", "check_f", 3.0, is_check=True),)
    submission = Submission("anna", "ethics", "ethics", cells)
    with pytest.raises(ConfigError, match="No checks for ethics/ethics"):
        pipeline.checks_of(submission)
    assert pipeline.checks_of(Submission("anna", "ethics", "ethics", ())) is None
    assert pipeline.checks_of(Submission("anna", "l2", "l2", ())) is not None
