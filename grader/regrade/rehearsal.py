"""
Phase 1: nbgrader's walk without its consequences.

Submissions are found and read as autograde does, graded behind the wall, and compared with what is there.
Nothing is written.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from pathlib import Path

from nbgrader.apps.baseapp import NbGrader

from grader import archive, pipeline
from grader.checks import catalogue
from grader.converter import CourseExporter
from grader.errors import ConfigError, GraderError, WallError
from grader.pool.ahead import Ahead, Stopped
from grader.pool.progress import ClassProgress
from grader.pool.settings import GraderPool
from grader.records import Grade, Submission, Verdict
from grader.regrade.course import points_of, students_of
from grader.regrade.movement import Change, Left, change_of, merged
from grader.run import Run
from grader.walk import CourseAutograde

__all__ = ["Rehearsal"]

File = tuple[str, str]  # path of a notebook, student


class Rehearsal(CourseAutograde):
    """
    Grades again what was graded, in memory.

    Args:
        app: the course, its assignment chosen.
        only_student: whose submission; empty: everyone's.
        only_check: a check, as name or notebook/name; empty: all of them.
        log: where lines of progress go if there is no terminal.
    """

    def __init__(self, app: NbGrader, only_student: str, only_check: str, log: logging.Logger) -> None:
        super().__init__(coursedir=app.coursedir, parent=app)
        self.changes: list[Change] = []
        self.kept: dict[tuple[str, str], str] = {}  # student and notebook that stay → fingerprint
        self.left: list[Left] = []
        self.graded = 0
        self._app = app
        self._student = only_student
        self._check = only_check.rpartition("/")[2]
        self._of = only_check.rpartition("/")[0]
        self._progress_log = log

    def convert_notebooks(self) -> None:
        """Grade everything again and keep what would change."""
        if not isinstance(self.exporter, CourseExporter):
            raise ConfigError("nbgrader_config.py must name grader.converter.CourseExporter; see docs.")
        run = self._begin()
        with_check = self._notebooks_with_the_check(run)
        files = [file for file in self._files() if Path(file[0]).stem in with_check]
        pool = GraderPool(parent=self)
        progress = ClassProgress(len(files), self._progress_log, pool.line_seconds)
        workers = pool.workers(run.config, len(files)) if files else None
        found, ahead_of_it = itertools.tee(self._submissions(files, run))
        coming = (submission for submission in ahead_of_it if submission is not None)
        # Records are written once the instructor has agreed, not as results arrive.
        ahead = Ahead(workers, coming, None, self._is_known) if workers is not None else None
        try:
            unneeded = not files or (workers is not None and workers.elsewhere)
            with run.walled(elsewhere=unneeded), progress.shown():
                for submission in found:
                    if submission is not None:
                        self._consider(submission, run, ahead)
                    progress.advance(len(self.left))
        except Stopped as stop:
            raise GraderError(f"Nothing was changed: {stop}") from None
        finally:
            if workers is not None:
                workers.close()

    def _notebooks_with_the_check(self, run: Run) -> frozenset[str]:
        """
        Return the notebooks that are to be graded again.

        Raises:
            ConfigError: none has a check of that name, neither today nor in a record.
        """
        assignment = self.coursedir.assignment_id
        notebooks = self._known_notebooks(assignment)
        if not self._check:
            return notebooks
        names = {each: catalogue.check_names(assignment, each) for each in notebooks}
        found = self._that_have_it(names)
        if not found:  # it may be gone since
            for path in (run.config.course / archive.FOLDER / assignment).glob("*/*.json"):
                grade = archive.load(path) if path.stem in notebooks else None
                if grade is not None:
                    recorded = (result.name for result in grade.results)
                    names[path.stem] = list(dict.fromkeys([*names[path.stem], *recorded]))
            found = self._that_have_it(names)
        if not found:
            known = ", ".join(f"{each}/{name}" for each in sorted(names) for name in names[each])
            asked = f"{self._of}/{self._check}" if self._of else self._check
            raise ConfigError(f"{assignment} has no check {asked!r}. Known: {known}.")
        return found

    def _that_have_it(self, names: dict[str, list[str]]) -> frozenset[str]:
        of = {self._of} if self._of else set(names)
        return frozenset(each for each in names if each in of and self._check in names[each])

    def _files(self) -> Iterator[File]:
        """Give the notebooks of all submissions that can be walked through; note the others."""
        assignment = self.coursedir.assignment_id
        students = set()
        for folder in sorted(self.assignments):
            names = self._names_of(folder)
            if names is None:
                self.left.append(Left(folder, "", "has a name that nbgrader can't read"))
                continue
            _, student = names
            students.add(student)
            files = sorted(self.assignments[folder])
            if self._student in ("", student) and not self._leave(assignment, student, files):
                known = self._known_notebooks(assignment)
                yield from ((file, student) for file in files if Path(file).stem in known)
        graded = students_of(self._app)
        if self._student and self._student not in {*students, *graded}:
            raise ConfigError(f"{assignment} has no submission of a student {self._student!r}.")
        for student in graded:
            if student not in students and self._student in ("", student):
                reason = "was graded, but its submitted folder has no notebook any more"
                self.left.append(Left(student, "", reason))

    def _leave(self, assignment: str, student: str, files: list[str]) -> bool:
        reason = self._why_untouched(assignment, student, files)
        if reason:
            self.left.append(Left(student, "", reason))
        return bool(reason)

    def _why_untouched(self, assignment: str, student: str, files: list[str]) -> str:
        """Return why a whole submission stays as it is; empty where it does not."""
        if student in self.coursedir.student_id_exclude.split(","):
            return "is excluded by the setting CourseDirectory.student_id_exclude"
        trouble = self._trouble(assignment, student, files)
        if trouble:
            return f"can't be read: {trouble}"
        folder = Path(self._format_dest(assignment, student))
        grade_it = f"grade it: nbgrader autograde {assignment} --student {student}"
        if self._marker(assignment, student).exists():
            return f"its grading was cut off; {grade_it}"
        if self._is_due(assignment, student, files):
            so_far = "was handed in again since it was graded" if folder.exists() else "is not graded yet"
            return f"{so_far}; {grade_it}"
        there = {Path(file).name for file in files}
        names = {f"{name}.ipynb" for name in self._known_notebooks(assignment)}
        gone = sorted(name for name in names - there if (folder / name).exists())
        return f"was graded with {', '.join(gone)}, which it does not hold any more" if gone else ""

    def _submissions(self, files: list[File], run: Run) -> Iterator[Submission | None]:
        """Read the notebooks; one that stays as it is gives None and is noted."""
        assignment = self.coursedir.assignment_id
        for file, student in files:
            name = Path(file).stem
            submission = None
            try:
                submission = self.exporter.read_ahead(file, student, assignment, name)
                refusal = f"can't be read: {self.exporter.forget(file)}"
                reason = refusal if submission is None else self._why_left(submission, run)
            except Exception as error:  # noqa: BLE001 - a bug of ours must not hide who comes after
                reason = f"needs a person, the grader failed: {type(error).__name__}: {error}"
            if reason:
                self.left.append(Left(student, name, reason))
            yield None if reason else submission

    def _why_left(self, submission: Submission, run: Run) -> str:
        names = submission.student_id, submission.assignment, submission.notebook
        old = archive.load(archive.record_path(run.config.course, *names))
        graded = Path(self._format_dest(names[1], names[0])) / f"{names[2]}.ipynb"
        again = f"nbgrader autograde {names[1]} --student {names[0]} --force"
        if not graded.exists():
            return f"is not graded yet: {again}"
        if old is None or not old.provenance.seed:
            if old is not None and any(r.verdict is Verdict.FAILED for r in old.results):
                return f"could not be read when it was graded, and can be now: {again}"
            return "has no record to put one check's result into: regrade it whole" if self._check else ""
        if old.provenance.seed != pipeline.submission_seed(submission, run.config).hex():
            return f"is not the file that was graded, or the course's secret is another: {again}"
        return ""

    def _consider(self, submission: Submission, run: Run, ahead: Ahead | None) -> None:
        """Grade one notebook and keep what would change; a failure of ours changes nothing."""
        names = submission.student_id, submission.assignment, submission.notebook
        old = archive.load(archive.record_path(run.config.course, *names))
        try:
            new = self._grade(submission, run, ahead)
        except WallError:
            raise
        except GraderError as error:
            self.left.append(Left(names[0], names[2], f"needs a person, the grader failed: {error}"))
            return
        except Exception as error:  # noqa: BLE001 - a bug of ours must not cost the next student
            text = f"needs a person, the grader failed: {type(error).__name__}: {error}"
            self.left.append(Left(names[0], names[2], text))
            return
        self.graded += 1
        if self._check and old is not None and new.provenance.digest != old.provenance.digest:
            new = merged(submission, old, new, self._check)
        found = change_of(submission, old, new, points_of(self._app, names[0], names[2]))
        if isinstance(found, Left):
            self.left.append(found)
        elif found.is_due:
            self.changes.append(found)
        else:  # its grade, with a notebook's outputs in it, need not be kept
            self.kept[names[0], names[2]] = found.submission

    def _grade(self, submission: Submission, run: Run, ahead: Ahead | None) -> Grade:
        grade = ahead.take(submission) if ahead is not None else None
        grade = grade or pipeline.recorded(submission, run.config)
        return grade or pipeline.grade(submission, run.config, run.sandbox)
