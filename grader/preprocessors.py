"""
Step 6: nbgrader's door. Calls pipeline.grade() where nbgrader would execute the notebook, saves its points,
and says on the feedback page where a person has set others.

`nbgrader autograde`, the formgrader's button and NbGraderAPI come in here, by way of nbgrader_config.py and
grader/converter.py. No verdict is made here, and nothing is read from a cell's outputs: stock nbgrader gives
nought for a line on stderr and full marks for a value that is not a number.
"""

from __future__ import annotations

from typing import TypeVar

from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.api import Comment, Gradebook, MissingEntry
from nbgrader.api import Grade as GradebookEntry
from nbgrader.preprocessors import GetGrades, NbGraderPreprocessor
from sqlalchemy.orm import joinedload

from grader import archive, pipeline, unfinished
from grader.errors import GraderError, WallError
from grader.feedback import check_cell_outputs, manual_score_output
from grader.harmless import clean_outputs
from grader.records import CellScore, CheckResult, Grade, Provenance, Submission, Verdict
from grader.run import Run
from grader.score import PREFIX
from grader.submission import from_notebook

__all__ = ["GradeNotebook", "SavePoints", "TellScores"]

Resources = dict[str, dict[str, object]]
POINTS = "points_of_check_cells"
NO_RESPONSE = "No response."  # nbgrader's own words; its formgrader shows them
Entry = TypeVar("Entry", GradebookEntry, Comment)


class GradeNotebook(NbGraderPreprocessor):  # type: ignore[misc]
    """
    Stands in place of nbgrader's Execute: grades the notebook behind the wall and writes the feedback into
    it.
    """

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """Grade *nb*, whose nbgrader metadata is the course's own by now."""
        names = resources["nbgrader"]
        submission = from_notebook(
            nb, str(names["student"]), str(names["assignment"]), str(names["notebook"])
        )
        grade = self._grade(submission, self.parent.run)
        for run in grade.runs:
            nb.cells[run.index].outputs = clean_outputs(run.outputs)
        outputs = {score.grade_id: check_cell_outputs(grade, score) for score in grade.scores}
        for cell in submission.cells:
            if cell.is_check:
                nb.cells[cell.index].outputs = outputs.get(cell.grade_id, [])
        names[POINTS] = {score.grade_id: score.points for score in grade.scores}
        return nb, resources

    def _grade(self, submission: Submission, run: Run) -> Grade:
        """Grade, or take the record of an equal grading; a failure of ours becomes a grade without points."""
        if self.parent.refusal:
            grade = _without_points(submission, run, Verdict.FAILED, self.parent.refusal)
        else:
            try:
                grade = self._known(submission, run) or pipeline.grade(submission, run.config, run.sandbox)
            except WallError:
                raise
            except GraderError as error:
                grade = _without_points(submission, run, Verdict.GRADER_ERROR, str(error))
            except Exception as error:  # a bug of ours must not cost the next student
                self.log.exception("The grader failed on %s.", _name_of(submission))
                grade = _without_points(
                    submission, run, Verdict.GRADER_ERROR, f"{type(error).__name__}: {error}"
                )
        archive.save(grade, run.config.course)
        if run.progress is not None:
            run.progress.advance(len(run.failures))
        for reason in sorted({r.message for r in grade.results if r.verdict is Verdict.GRADER_ERROR}):
            run.fail(_name_of(submission), f"needs a person, the grader failed: {reason}")
        return grade

    def _known(self, submission: Submission, run: Run) -> Grade | None:
        """Return the grade of this very submission, where it is recorded or was worked out ahead."""
        if run.ahead is not None:
            grade = run.ahead.take(submission)  # none for what is known
            if grade is not None:
                return grade
        final = unfinished.final(submission, run.config, force=run.force)
        if final is not None or run.force:
            return final
        known = pipeline.recorded(submission, run.config)
        if known is not None:
            self.log.info(
                "%s: nothing has changed since it was graded; its record is used.", _name_of(submission)
            )
        return known


class SavePoints(NbGraderPreprocessor):  # type: ignore[misc]
    """
    Saves our points; a check cell without points is left empty and flagged. Hand-graded cells stay
    nbgrader's.

    In place of nbgrader's SaveAutoGrades, which asks the gradebook for each cell by itself and saves each by
    itself: here a notebook is two questions, and its points are saved together or not at all.
    """

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """Save the points and nbgrader's own comments of *nb*."""
        names = resources["nbgrader"]
        points = names[POINTS]
        if not isinstance(points, dict):
            raise TypeError(f"{POINTS} must be set by GradeNotebook; are both in autograde_preprocessors?")
        with Gradebook(names["db_url"]) as gradebook:
            submitted = gradebook.find_submission_notebook(
                names["notebook"], names["assignment"], names["student"]
            )
            grades = _by_name(gradebook, GradebookEntry, submitted.id)
            comments = _by_name(gradebook, Comment, submitted.id)
            for cell in nb.cells:
                if utils.is_grade(cell):
                    self._score(cell, grades, points)
                if utils.is_solution(cell) or utils.is_task(cell):
                    _entry(comments, cell).auto_comment = NO_RESPONSE if _is_untouched(cell) else None
            gradebook.db.commit()
        return nb, resources

    def _score(self, cell: NotebookNode, grades: dict[str, GradebookEntry], points: dict[str, float]) -> None:
        grade = _entry(grades, cell)
        if _is_check(cell):
            grade.auto_score = points.get(grade.name)
        else:
            grade.auto_score, _ = utils.determine_grade(cell, self.log)
        # As nbgrader does: a manual score stays, and a person is asked whether it still holds.
        grade.needs_manual_grade = grade.auto_score is None or grade.manual_score is not None


class TellScores(GetGrades):  # type: ignore[misc]
    """
    Gives the feedback page its points and comments, and says where a person has set a check cell's points.

    The cell's outputs are from the autograding and still tell the points of the checks, which count no more.
    """

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """Do what nbgrader does, and put a line above the outputs of each check cell with a manual score."""
        nb, resources = super().preprocess(nb, resources)
        names = resources["nbgrader"]
        with Gradebook(names["db_url"]) as gradebook:
            submitted = gradebook.find_submission_notebook(
                names["notebook"], names["assignment"], names["student"]
            )
            grades = _by_name(gradebook, GradebookEntry, submitted.id)
            for cell in nb.cells:
                if not (utils.is_grade(cell) and _is_check(cell)):
                    continue
                grade = _entry(grades, cell)
                if grade.manual_score is not None:
                    cell.outputs.insert(0, manual_score_output(grade.manual_score, grade.max_score))
        return nb, resources


def _is_check(cell: NotebookNode) -> bool:
    """Whether hidden checks give the points of a cell that has points, rather than a person."""
    return bool(cell.cell_type == "code" and not utils.is_solution(cell))


def _by_name(gradebook: Gradebook, kind: type[Entry], notebook_id: str) -> dict[str, Entry]:
    """Return the grades or comments of a submitted notebook: name of the cell → entry."""
    entries = gradebook.db.query(kind).options(joinedload(kind.cell)).filter(kind.notebook_id == notebook_id)
    return {entry.cell.name: entry for entry in entries}


def _entry(entries: dict[str, Entry], cell: NotebookNode) -> Entry:
    name = cell.metadata["nbgrader"]["grade_id"]
    if name not in entries:
        raise MissingEntry(f"The gradebook has no entry of the cell {name!r} for this submission.")
    return entries[name]


def _is_untouched(cell: NotebookNode) -> bool:
    given = cell.metadata["nbgrader"].get("checksum")
    return bool(given == utils.compute_checksum(cell) and not utils.is_task(cell))


def _name_of(submission: Submission) -> str:
    return f"{submission.student_id}/{submission.assignment}/{submission.notebook}"


def _without_points(submission: Submission, run: Run, verdict: Verdict, message: str) -> Grade:
    """
    Return the grade of a notebook that was not judged.

    Args:
        submission: its check cells are known, if nothing else.
        run: the nbgrader run.
        verdict: FAILED where the file can't be read (the student's part: nought); GRADER_ERROR where we
            failed (ours: no points, and a person looks).
        message: why.
    """
    earned = 0.0 if verdict is Verdict.FAILED else None
    checks = [cell for cell in submission.cells if cell.is_check]
    title = "The notebook can be read." if verdict is Verdict.FAILED else "All checks of this part"
    return Grade(
        student_id=submission.student_id,
        assignment=submission.assignment,
        notebook=submission.notebook,
        scores=tuple(CellScore(cell.grade_id, earned, cell.points) for cell in checks),
        results=tuple(
            CheckResult(
                name="read" if verdict is Verdict.FAILED else "grade",
                title=title,
                blank=cell.grade_id.removeprefix(PREFIX),
                weight=1.0,
                verdict=verdict,
                message=message,
            )
            for cell in checks
        ),
        runs=(),
        provenance=Provenance("", "", run.config.isolation, "none", pipeline.versions()),
        seconds=0.0,
    )
