"""nbgrader's settings and gradebook of a course, as `nbgrader autograde` in its folder would find them."""

from __future__ import annotations

import sys
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps.baseapp import NbGrader

from grader.errors import ConfigError
from grader.gradebook import SQLITE, try_gradebook

__all__ = ["Points", "open_course", "open_settings", "points_of", "students_of"]

# grade_id → automatic and manual points of a graded cell; None where there are none
Points = dict[str, tuple[float | None, float | None]]


class _CourseApp(NbGrader):  # type: ignore[misc]
    """nbgrader's settings, read from the course's folder and the user's, wherever one stands."""

    load_cwd_config = False
    raise_config_file_errors = True  # nbgrader itself passes over a file that raises, and loses the wall

    def init_syspath(self) -> None:
        """Do nothing: open_settings names the folder."""


def open_settings(course: Path) -> NbGrader:
    """
    Read a course's settings for nbgrader.

    Raises:
        ConfigError: they can't be read, or there is no gradebook yet, or it can't be opened.
    """
    root = course.resolve()
    if not (root / "nbgrader_config.py").is_file():
        raise ConfigError(f"{course} is no course folder: it has no nbgrader_config.py. Name it by --course.")
    if str(root) not in sys.path:  # a hub's service comes here again and again
        sys.path.insert(0, str(root))  # plugins of the course, as nbgrader finds them
    app = _CourseApp(log_level="ERROR")
    try:
        app.initialize([f"--CourseDirectory.root={root}"])
    except Exception as error:
        raise ConfigError(f"{root / 'nbgrader_config.py'}: {type(error).__name__}: {error}") from error
    url = app.coursedir.db_url
    if url.startswith(SQLITE) and not Path(url.removeprefix(SQLITE)).is_file():
        raise ConfigError(f"There is no gradebook {url.removeprefix(SQLITE)}: nothing was graded yet.")
    try_gradebook(url, app.coursedir.course_id)
    return app


def open_course(course: Path, assignment: str) -> NbGrader:
    """
    Read a course's settings for nbgrader, and look for the assignment in its gradebook.

    Raises:
        ConfigError: the settings can't be read, or there is nothing of this assignment to grade again.
    """
    app = open_settings(course)
    with Gradebook(app.coursedir.db_url, app.coursedir.course_id) as gradebook:
        known = sorted(each.name for each in gradebook.assignments)
    if assignment not in known:
        raise ConfigError(f"The gradebook knows no assignment {assignment!r}. Known: {', '.join(known)}.")
    app.coursedir.assignment_id = assignment
    return app


def points_of(app: NbGrader, student_id: str, notebook: str) -> Points:
    """Return the points of a notebook's graded cells; empty where the gradebook has none of it."""
    assignment = app.coursedir.assignment_id
    with Gradebook(app.coursedir.db_url, app.coursedir.course_id) as gradebook:
        try:
            found = gradebook.find_submission_notebook(notebook, assignment, student_id)
        except MissingEntry:
            return {}
        return {grade.name: (grade.auto_score, grade.manual_score) for grade in found.grades}


def students_of(app: NbGrader) -> list[str]:
    """Return who has a submission of the assignment in the gradebook."""
    with Gradebook(app.coursedir.db_url, app.coursedir.course_id) as gradebook:
        submissions = gradebook.assignment_submissions(app.coursedir.assignment_id)
        return sorted(submission.student_id for submission in submissions)
