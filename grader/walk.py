"""nbgrader's walk over the submissions: which are due, which are graded, and what is left to a person."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import Autograde, BaseConverter, NbGraderException
from nbgrader.utils import parse_utc
from sqlalchemy.exc import OperationalError

from grader import archive, pipeline, unfinished
from grader.config import Config
from grader.errors import ConfigError, SubmissionError, WallError
from grader.gradebook import try_gradebook
from grader.intake import read_bytes
from grader.pool.ahead import Ahead, Stopped, Workers
from grader.pool.progress import ClassProgress
from grader.pool.settings import GraderPool
from grader.records import Submission
from grader.run import Run

__all__ = ["CourseAutograde"]

# What nbgrader's own exchange writes beside the notebooks; nothing else of the folder is looked at.
TIMESTAMP = "timestamp.txt"
EXCHANGE_FILES = (TIMESTAMP, "submission_secret.txt")
EXCHANGE_FILE_BYTES = 4096
AS_HANDED_IN = "nbgrader.preprocessors.LimitOutput"  # nbconvert needs one preprocessor; there is no output
GOES_ON = "What is graded stays; the same command goes on where it stopped."
BEGINS_ANEW = "What is graded stays; with --force the same command begins anew."


class _ExchangeFilesOnly(BaseConverter):  # type: ignore[misc]
    """Copies what nbgrader's exchange wrote, and no file of the student's."""

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        source = Path(self._format_source(assignment_id, student_id))
        destination = Path(self._format_dest(assignment_id, student_id))
        destination.mkdir(parents=True, exist_ok=True)
        for name in EXCHANGE_FILES:
            if os.path.lexists(source / name):
                target = destination / name
                target.unlink(missing_ok=True)
                target.write_bytes(read_bytes(source / name, EXCHANGE_FILE_BYTES))


class CourseAutograde(Autograde, _ExchangeFilesOnly):  # type: ignore[misc]
    """nbgrader's Autograde, for hostile folders: one bad submission costs itself only, and says why."""

    notebooks: list[str]  # paths of the submission at hand; kept by nbgrader
    _registered: list[object] | None = None  # what the exporter runs
    _whole_is_due = False  # the submission at hand: each of its notebooks is to be graded

    def convert_notebooks(self) -> None:
        """Grade every submission that is due, behind one wall."""
        pool = GraderPool(parent=self)
        run, due, workers = self._prepared(pool)
        run.progress = ClassProgress(len(due), self.log, pool.line_seconds)
        try:
            with run.walled(elsewhere=workers is not None and workers.elsewhere), run.progress.shown():
                if workers is not None:
                    run.ahead = Ahead(workers, self._read_ahead(due), run.config, self._is_known)
                super().convert_notebooks()
            self.log.info("%s", run.progress.line())
        except (ConfigError, WallError) as error:
            raise self._refused(error) from None
        except KeyboardInterrupt:
            self.log.error("Stopped: %s. %s", run.progress.line(), self._what_is_next)  # noqa: TRY400
            raise
        except Stopped as stop:
            self.log.error("Stopped: %s. %s %s", run.progress.line(), stop, self._what_is_next)  # noqa: TRY400
            raise NbGraderException(f"Stopped: {stop}") from None
        finally:
            if workers is not None:
                workers.close()
            for failure in run.failures:
                self.log.error("%s", failure)
        if run.failures:
            raise NbGraderException(f"{len(run.failures)} submissions need a person; see the messages above.")

    @property
    def _what_is_next(self) -> str:
        return BEGINS_ANEW if self.force else GOES_ON

    def _prepared(self, pool: GraderPool) -> tuple[Run, list[tuple[str, str, str]], Workers | None]:
        """Return the run, what is due in it, and who grades that ahead; nothing is touched before."""
        try:
            run = self._begin()
            due = self._due()
            return run, due, pool.workers(run.config, len(due))
        except ConfigError as error:
            raise self._refused(error) from None

    def _refused(self, error: ConfigError | WallError) -> NbGraderException:
        """Say why nothing was graded; return what ends nbgrader without a traceback."""
        self.log.error("Nothing was graded: %s", error)
        return NbGraderException(f"Nothing was graded: {error}")

    def _begin(self) -> Run:
        """Begin a run: the course's settings, and an assignment that the gradebook knows."""
        try_gradebook(self.coursedir.db_url, self.coursedir.course_id)
        exporter = self.exporter
        config = Config(
            Path(self.coursedir.root),
            isolation=exporter.isolation,
            digits=exporter.digits,
            device=exporter.device,
        )
        run = Run(config, force=self.force)
        exporter.run = run
        assignment = self.coursedir.assignment_id
        # What is wrong with the course is told before anything is touched, and not once for each student.
        pipeline.try_course(config, assignment, sorted(self._known_notebooks(assignment)))
        return run

    def _due(self) -> list[tuple[str, str, str]]:
        """Return (file, student, assignment) of every notebook that the walk will come to, in its order."""
        found = []
        for folder in sorted(self.assignments):
            names = self._names_of(folder)
            if names is None:
                continue  # the walk says so
            files = sorted(self.assignments[folder])
            if self._is_due(*names, files):
                known = self._known_notebooks(names[0])
                found += [(file, names[1], names[0]) for file in files if Path(file).stem in known]
        return found

    def _names_of(self, folder: str) -> tuple[str, str] | None:
        """Return (assignment, student) of a submitted folder; None where nbgrader can't tell, either."""
        pattern = self._format_source("(?P<assignment_id>.*)", "(?P<student_id>.*)", escape=True)
        match = re.match(pattern, folder)
        return (match["assignment_id"], match["student_id"]) if match else None

    def _is_due(self, assignment_id: str, student_id: str, files: list[str]) -> bool:
        """Say what init_destination will, without its consequences."""
        if student_id in self.coursedir.student_id_exclude.split(","):
            return False
        if self._trouble(assignment_id, student_id, files):
            return False
        folder = Path(self._format_dest(assignment_id, student_id))
        if self.force or self._marker(assignment_id, student_id).exists() or not folder.exists():
            return True
        if self._is_part and not all((folder / Path(file).name).exists() for file in files):
            return True
        return self.is_newer(assignment_id, student_id)

    @property
    def _is_part(self) -> bool:
        """Whether only some notebooks of each submission are walked through (`--notebook`)."""
        return bool(self.coursedir.notebook_id != "*")

    def is_newer(self, assignment_id: str, student_id: str) -> bool:
        """Whether a submission was handed in after the one that was graded."""
        names = assignment_id, student_id
        folders = self._format_source(*names), self._format_dest(*names)
        if _timestamp_trouble(Path(folders[0], TIMESTAMP)):
            return False  # which is told where the submission is looked at
        handed_in, graded = (self.coursedir.get_existing_timestamp(folder) for folder in folders)
        return None not in (handed_in, graded) and bool(handed_in > graded)

    def _read_ahead(self, due: list[tuple[str, str, str]]) -> Iterator[Submission]:
        for file, student, assignment in due:
            try:
                submission = self.exporter.read_ahead(file, student, assignment, Path(file).stem)
            except Exception:  # noqa: BLE001, S112 - it comes up again, and is told, when the walk is at this file
                continue
            if submission is not None:
                yield submission

    def _is_known(self, submission: Submission) -> bool:
        run = self.exporter.run
        if unfinished.final(submission, run.config, force=run.force) is not None:
            return True
        return not run.force and pipeline.recorded(submission, run.config) is not None

    def _marker(self, assignment_id: str, student_id: str) -> Path:
        """Return the file that is there while a submission is being graded; see grader.unfinished."""
        return unfinished.marker_of(self.exporter.run.config.course, student_id, assignment_id)

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        """Say whether a submission is to be graded; one that can't be is named, and left as it is."""
        run = self.exporter.run
        name = f"{student_id}/{assignment_id}"
        if run.wall_error is not None:
            run.fail(name, f"was not graded: {run.wall_error}")
            return False
        trouble = self._trouble(assignment_id, student_id, self.notebooks)
        if trouble:
            run.fail(name, f"was not graded: {trouble}")
            return False
        if student_id in self.coursedir.student_id_exclude.split(","):
            return False
        marker = self._marker(assignment_id, student_id)
        was_cut_off = marker.exists()
        self._whole_is_due = was_cut_off or self.is_newer(assignment_id, student_id)
        if was_cut_off and not self.force:  # forced, nbgrader itself removes what it will write
            self.log.warning("%s: its grading was cut off; it is made good.", name)
            self._remove_graded(assignment_id, student_id)
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()  # before nbgrader removes what is there
        due: bool = super().init_destination(assignment_id, student_id)
        if not due:
            marker.unlink()
        return due

    def _remove_graded(self, assignment_id: str, student_id: str) -> None:
        """Remove what will be written, so that nbgrader takes the submission for one that is not graded."""
        folder = Path(self._format_dest(assignment_id, student_id))
        if not self._is_part:
            shutil.rmtree(folder, ignore_errors=True)
            return
        for file in self.notebooks:
            (folder / Path(file).name).unlink(missing_ok=True)

    def set_permissions(self, assignment_id: str, student_id: str) -> None:
        """Set them, as the last step of a submission: now it is graded, unless a part of it is still due."""
        super().set_permissions(assignment_id, student_id)
        if not self._leaves_a_rest(assignment_id, student_id):
            self._marker(assignment_id, student_id).unlink(missing_ok=True)

    def _leaves_a_rest(self, assignment_id: str, student_id: str) -> bool:
        """Whether notebooks that are due were not chosen for this walk: the next one makes them good."""
        if not (self._is_part and self._whole_is_due):
            return False
        folder = Path(self._format_source(assignment_id, student_id))
        others = self._known_notebooks(assignment_id) - {Path(file).stem for file in self.notebooks}
        return any((folder / f"{name}.ipynb").exists() for name in others)

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """
        Prepare a submission: unknown notebooks are left out, records of notebooks that are gone are
        removed.
        """
        known = self._known_notebooks(assignment_id)
        extra = [Path(path).name for path in self.notebooks if Path(path).stem not in known]
        if extra:
            self.log.warning(
                "%s/%s: not a notebook of this assignment, left out: %s",
                student_id,
                assignment_id,
                _listed(extra),
            )
        self.notebooks = [path for path in self.notebooks if Path(path).stem in known]
        super().init_assignment(assignment_id, student_id)
        folder = Path(self._format_source(assignment_id, student_id))
        for name in known:
            if not os.path.lexists(folder / f"{name}.ipynb"):
                path = archive.record_path(self.exporter.run.config.course, student_id, assignment_id, name)
                path.unlink(missing_ok=True)

    def convert_single_notebook(self, notebook_filename: str) -> None:
        """Grade one notebook; where that fails, leave its points empty and flag them."""
        run = self.exporter.run
        try:
            self._convert(notebook_filename, [*self.sanitize_preprocessors, *self.autograde_preprocessors])
        except OperationalError:
            raise  # the gradebook itself: nbgrader stops the run and says what to do
        except WallError as error:
            run.wall_error = error
            self._leave_to_a_person(notebook_filename, f"was not graded: {error}")
        except Exception as error:  # a bug of ours must not cost the next student
            self.log.exception("The grader failed on %s.", notebook_filename)
            self._leave_to_a_person(
                notebook_filename, f"needs a person, the grader failed: {type(error).__name__}: {error}"
            )

    def _convert(self, notebook_filename: str, preprocessors: list[object]) -> None:
        """
        Convert a notebook in one pass.

        nbgrader makes two, of which the first writes the sanitised file and the second reads it again. Here
        nothing happens between them, and each costs copies, validation and a file.
        """
        if self._registered != preprocessors:
            self.exporter._preprocessors = []
            for preprocessor in preprocessors:
                self.exporter.register_preprocessor(preprocessor)
            self._registered = preprocessors
        BaseConverter.convert_single_notebook(self, notebook_filename)

    def _leave_to_a_person(self, notebook_filename: str, reason: str) -> None:
        names = self.init_single_notebook_resources(notebook_filename)["nbgrader"]
        student, assignment, notebook = names["student"], names["assignment"], names["notebook"]
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
            for grade in gradebook.find_submission_notebook(notebook, assignment, student).grades:
                grade.auto_score = None
                grade.needs_manual_grade = True
            gradebook.db.commit()
        try:  # the person opens it in the formgrader
            self._convert(notebook_filename, [AS_HANDED_IN])
        except Exception:
            self.log.exception("%s can't be shown in the formgrader, either.", notebook_filename)
        self.exporter.run.fail(f"{student}/{assignment}/{notebook}", reason)

    def _known_notebooks(self, assignment_id: str) -> frozenset[str]:
        known: dict[str, frozenset[str]] = self.exporter.run.known
        if assignment_id not in known:
            with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
                try:
                    assignment = gradebook.find_assignment(assignment_id)
                except MissingEntry:
                    message = (  # without --force nbgrader passes over what has a folder in release/
                        f"The gradebook does not know the assignment {assignment_id!r}. Release it first: "
                        f"nbgrader generate_assignment {assignment_id} --force"
                    )
                    self.log.error(message)  # noqa: TRY400 - no fault in our code
                    raise NbGraderException(message) from None
                known[assignment_id] = frozenset(notebook.name for notebook in assignment.notebooks)
        return known[assignment_id]

    def _trouble(self, assignment_id: str, student_id: str, files: list[str]) -> str:
        """Return why a submitted folder is not touched; empty where it may be."""
        folder = Path(self._format_source(assignment_id, student_id))
        submitted = Path(self.coursedir.root, self.coursedir.submitted_directory)
        inside = [path for path in (folder, *folder.parents) if submitted in path.parents]
        if any(path.is_symlink() for path in inside or [folder]):
            return f"{folder} is a link. Put the submission itself there."
        if not _is_text(student_id):
            return "the name of its folder is not UTF-8. Rename the folder to the student's id."
        if self.coursedir.notebook_id == "*":
            known = self._known_notebooks(assignment_id)
            names = [Path(path).name for path in files]
            if not known & {Path(name).stem for name in names}:
                return (
                    f"it has none of this assignment's notebooks ({', '.join(sorted(known))}), only "
                    f"{_listed(names)}. Rename the file if it is one of them."
                )
        return _timestamp_trouble(folder / TIMESTAMP)


def _timestamp_trouble(path: Path) -> str:
    if not os.path.lexists(path):
        return ""
    try:
        text = read_bytes(path, EXCHANGE_FILE_BYTES).decode().strip()
        if text:
            parse_utc(text)
    except SubmissionError as error:
        return f"{TIMESTAMP}: {error}"
    except Exception:  # noqa: BLE001 - what the date parser raises is not documented
        return f"{TIMESTAMP} is not a date. Correct it, or delete it if the time does not matter."
    return ""


def _is_text(name: str) -> bool:
    """Whether a name in the file system can be written down; some zip files have others."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _listed(names: list[str], most: int = 5) -> str:
    shown = ", ".join(repr(name) for name in sorted(names)[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
