"""
The marker of a submission whose grading has begun and is not over.

nbgrader takes a submission for graded once its folder in autograded/ is there. If a run is killed after that
and before the points are in the gradebook, they would never come. So a file `.unfinished` stands beside the
student's records meanwhile: whoever comes next, `nbgrader autograde` or `grader regrade`, makes it good.

An empty marker says: grade again. One with names says that the records of these notebooks are final, and only
the gradebook and the graded notebooks have yet to be made like them.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from grader import archive, pipeline
from grader.config import Config
from grader.records import Grade, Submission
from grader.whole import write_whole

__all__ = ["agree", "agreed_in", "final", "fingerprint", "marker_of"]

NAME = ".unfinished"


def marker_of(course: Path, student_id: str, assignment: str) -> Path:
    """Return where the marker of a submission stands, if its grading is not over."""
    return archive.record_path(course, student_id, assignment, "x").with_name(NAME)


def fingerprint(submission: Submission) -> str:
    """Return what tells a notebook as it was read from any other, as SHA-256."""
    return hashlib.sha256(msgspec.json.encode(submission)).hexdigest()


def agree(course: Path, student_id: str, assignment: str, notebooks: dict[str, str]) -> None:
    """
    Note that records are final, so that nothing is graded to bring the gradebook up to them.

    Args:
        course: the course folder.
        student_id: whose submission.
        assignment: of which assignment.
        notebooks: name → fingerprint of the notebook that the record is of.
    """
    marker = marker_of(course, student_id, assignment)
    marker.parent.mkdir(parents=True, exist_ok=True)
    write_whole(marker, msgspec.json.encode(notebooks), 0o666)


def final(submission: Submission, config: Config, *, force: bool) -> Grade | None:
    """
    Return the record of a submission that a cut-off regrade has settled; None where it has to be graded.

    The walk makes the whole submission good. A notebook that was agreed on has its final record, if it is
    that very one. The others keep their points, since nobody has agreed to other ones, if they are the
    recorded ones and grading anew (*force*) is not asked for.
    """
    names = submission.student_id, submission.assignment
    notebooks = _read(marker_of(config.course, *names))
    if not notebooks:
        return None
    mark = notebooks.get(submission.notebook)
    if mark is None and force:
        return None
    grade = archive.load(archive.record_path(config.course, *names, submission.notebook))
    if mark is not None:
        return grade if mark == fingerprint(submission) else None
    if grade is None or grade.points is None:
        return None
    return grade if grade.provenance.seed == pipeline.submission_seed(submission, config).hex() else None


def agreed_in(course: Path, assignment: str) -> dict[str, frozenset[str]]:
    """Return student → notebooks with a final record that was not carried over: a run was cut off."""
    folder = marker_of(course, "x", assignment).parents[1]
    found = {path.parent.name: frozenset(_read(path)) for path in folder.glob(f"*/{NAME}")}
    return {student: notebooks for student, notebooks in sorted(found.items()) if notebooks}


def _read(marker: Path) -> dict[str, str]:
    try:
        return msgspec.json.decode(marker.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError):
        return {}  # there is none, or an empty one
