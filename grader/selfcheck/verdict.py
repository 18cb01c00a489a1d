"""
A grade → what a student may be told of it before the deadline.

Whatever a student's function writes, prints or raises may hold the hidden inputs that it was given. So
nothing of it goes back: only outcomes, the texts of our own catalogue, and words of fixed lists.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from grader.records import CellRun, CheckResult, Grade, Submission, Verdict
from grader.score import blank_of
from grader.selfcheck.jobs import Answer, BlankVerdict, CheckVerdict, Misunderstanding, Outcome

__all__ = ["answer_of"]

OUTCOMES = {
    Verdict.PASSED: Outcome.PASSED,
    Verdict.FAILED: Outcome.FAILED,
    Verdict.LIMIT_HIT: Outcome.LIMIT,
    Verdict.SKIPPED: Outcome.OPEN,
    Verdict.GRADER_ERROR: Outcome.OURS,
}
WORST_FIRST = (Outcome.OURS, Outcome.LIMIT, Outcome.FAILED, Outcome.OPEN)
# Python's own, those that honest mistakes raise. A longer list would let a function say more by its choice.
ERRORS = frozenset(
    {
        *("AssertionError", "AttributeError", "ImportError", "IndentationError", "IndexError", "KeyError"),
        *("ModuleNotFoundError", "NameError", "NotImplementedError", "OverflowError", "RecursionError"),
        *("RuntimeError", "SyntaxError", "TypeError", "UnboundLocalError", "ValueError", "ZeroDivisionError"),
    }
)
RAISED = re.compile(r"(\w+) raised (\w+)")
CLIENT = "selfcheck"  # the module that a notebook asks with; it is not there behind the wall


def answer_of(submission: Submission, grade: Grade) -> Answer:
    """Return what the student is told: a verdict for each blank of the notebook."""
    blanks = [blank_of(cell) for cell in submission.cells if cell.is_check]
    verdicts = (_blank_verdict(blank, grade.results) for blank in blanks)
    stumbles = (_stumble(run, submission) for run in grade.runs)
    return Answer(tuple(verdicts), tuple(line for line in stumbles if line))


def _blank_verdict(blank: str, results: Sequence[CheckResult]) -> BlankVerdict:
    own = [result for result in results if result.blank == blank]
    names = {result.blank for result in results}
    checks = tuple(
        CheckVerdict(result.title, OUTCOMES[result.verdict], _note(result, names)) for result in own
    )
    found = {
        result.misconception: result.explanation
        for result in own
        if result.verdict is Verdict.FAILED and result.misconception
    }
    return BlankVerdict(
        blank, _worst(checks), checks, tuple(Misunderstanding(name, text) for name, text in found.items())
    )


def _worst(checks: Sequence[CheckVerdict]) -> Outcome:
    found = {check.outcome for check in checks}
    if not found:
        return Outcome.OURS  # a check cell without checks is left to a person in grading, too
    return next((outcome for outcome in WORST_FIRST if outcome in found), Outcome.PASSED)


def _note(result: CheckResult, blanks: set[str]) -> str:
    """Return what can be said of a failure in words that hold nothing of its inputs."""
    if result.verdict is not Verdict.FAILED:
        return ""
    if result.message == f"{result.blank} is not written yet.":
        return "not written yet"
    if result.message.startswith(f"{result.blank} is not defined"):
        return "not defined"
    found = RAISED.match(result.message)
    if found and found[1] in blanks and found[2] in ERRORS:
        return f"{found[1]} raised {found[2]}"
    return ""


def _stumble(run: CellRun, submission: Submission) -> str:
    """Return which cell raised what; empty where it did not, or only asked for a self-check."""
    cell = submission.cells[run.index]
    kind = run.error.partition(":")[0]
    if not run.error or (kind in {"ImportError", "ModuleNotFoundError"} and CLIENT in cell.source):
        return ""
    name = f"the cell {cell.grade_id}" if cell.grade_id else f"cell {run.index + 1}"
    if run.error.startswith("stopped"):
        return f"{name} was stopped"
    return f"{name} raised {kind if kind in ERRORS else 'an exception'}"
