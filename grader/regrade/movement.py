"""What another grading changes: one notebook's record, and its points in the gradebook."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import msgspec

from grader import score
from grader.audit import CheckChange
from grader.checks.settling import settled, unsettled
from grader.records import CheckResult, Grade, Submission, Verdict
from grader.regrade.course import Points
from grader.score import PREFIX
from grader.unfinished import fingerprint

__all__ = ["Change", "Left", "Move", "change_of", "merged"]

ADDRESS = re.compile(r"0x[0-9a-f]+")  # of an object in an exception's text: another in each process


class Left(msgspec.Struct, frozen=True):
    """What stays as it is, and why; *notebook* is empty where it is the whole submission."""

    student_id: str
    notebook: str
    reason: str


class Move(msgspec.Struct, frozen=True):
    """
    A check cell whose automatic points become others.

    Args:
        grade_id: the check cell.
        before: in the gradebook; None where there are none.
        after: what they become.
        max_points: what the cell is worth.
        manual: points given by hand, which stay what counts; None where there are none.
        checks: the checks whose results are others.
    """

    grade_id: str
    before: float | None
    after: float
    max_points: float
    manual: float | None
    checks: tuple[CheckChange, ...]

    @property
    def lowers(self) -> bool:
        """Whether the student loses by it."""
        return self.before is not None and self.after < self.before


class Change(msgspec.Struct, frozen=True):
    """
    What becomes of one notebook.

    Args:
        grade: its record.
        is_new: whether this record differs from the one that is there.
        submission: the fingerprint of what was graded.
        digest_before: of the record that is there; empty where there is none.
        moves: the cells whose points change.
    """

    grade: Grade
    is_new: bool
    submission: str
    digest_before: str
    moves: tuple[Move, ...]

    @property
    def is_due(self) -> bool:
        """Whether anything is to be written."""
        return self.is_new or bool(self.moves)


def merged(submission: Submission, old: Grade, new: Grade, only: str) -> Grade:
    """
    Return the old record with the results of one check taken from the new one.

    Its digest is that of no grading, so nobody takes the record for one by the checks of today.

    Args:
        submission: what was graded.
        old: the record that is there.
        new: what the checks of today find.
        only: the check's name.
    """
    fresh = {result.blank: result for result in unsettled(new.results) if result.name == only}
    results = []
    for result in unsettled(old.results):
        if result.name != only:
            results.append(result)
        elif result.blank in fresh:  # else the check is gone
            results.append(fresh.pop(result.blank))
    counting = settled([*results, *fresh.values()])
    text = "\n".join([old.provenance.digest, new.provenance.digest, only])
    digest = hashlib.sha256(text.encode()).hexdigest()
    return msgspec.structs.replace(
        old,
        scores=score.total(submission.cells, counting),
        results=counting,
        provenance=msgspec.structs.replace(new.provenance, digest=digest),
    )


def change_of(submission: Submission, old: Grade | None, new: Grade, points: Points) -> Change | Left:
    """
    Compare a new grade with the record and the gradebook.

    Args:
        submission: what was graded.
        old: the record that is there, if there is one.
        new: what would take its place.
        points: what the gradebook has.

    Returns:
        Left, where the grader itself failed or a cell would lose its points to a person's judgement.
    """
    trouble = sorted({r.message for r in new.results if r.verdict is Verdict.GRADER_ERROR})
    if trouble:
        reason = f"needs a person, the grader failed: {' '.join(trouble)}"
        return Left(new.student_id, new.notebook, reason)
    moves = []
    for cell in new.scores:
        before, manual = points.get(cell.grade_id, (None, None))
        if cell.points is None and before is not None:
            reason = f"needs a person: nothing checks {cell.grade_id} any more"
            return Left(new.student_id, new.notebook, reason)
        if cell.points is not None and cell.points != before:
            checks = _changed_checks(cell.grade_id, old, new)
            moves.append(Move(cell.grade_id, before, cell.points, cell.max_points, manual, checks))
    is_new = old is None or old.scores != new.scores or _told(old.results) != _told(new.results)
    return Change(
        grade=new if is_new or old is None else old,
        is_new=is_new,
        submission=fingerprint(submission),
        digest_before=old.provenance.digest if old else "",
        moves=tuple(moves),
    )


def _changed_checks(grade_id: str, old: Grade | None, new: Grade) -> tuple[CheckChange, ...]:
    blank = grade_id.removeprefix(PREFIX)
    before = {r.name: r for r in (old.results if old else ()) if r.blank == blank}
    after = {r.name: r for r in new.results if r.blank == blank}
    changed = [
        CheckChange(
            name,
            before[name].verdict.value if name in before else "",
            after[name].verdict.value if name in after else "",
            _hash(before.get(name)),
            _hash(after.get(name)),
        )
        for name in dict.fromkeys([*before, *after])
    ]
    return tuple(change for change in changed if change.hash_before != change.hash_after)


def _hash(result: CheckResult | None) -> str:
    """Return a hash of a result without what differs each time; empty where there is none."""
    return hashlib.sha256(_told([result])[0].encode()).hexdigest() if result else ""


def _told(results: Sequence[CheckResult]) -> list[str]:
    """Return what was found, without the seconds and the like, which differ each time."""
    plain = [
        msgspec.structs.replace(result, weight=float(result.weight), seconds=0.0, picture="")
        for result in results
    ]
    return [ADDRESS.sub("0x", msgspec.json.encode(result).decode()) for result in plain]
