"""What is told: outcomes and fixed texts, and nothing that a student's function could have written."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from small_service import book

from grader import pipeline
from grader.config import Config
from grader.records import Cell, CellRun, CheckResult, Grade, Provenance, Submission, Verdict
from grader.selfcheck.grading import seed_for
from grader.selfcheck.jobs import Outcome
from grader.selfcheck.verdict import answer_of
from grader.submission import from_notebook

SECRET = "4.7188"  # noqa: S105 - stands for a hidden input


def submission(*blanks: str) -> Submission:
    cells = []
    for blank in blanks:
        cells.append(Cell(len(cells), "code", f"def {blank}(x): ...", blank, runs=True))
        cells.append(Cell(len(cells), "code", "", f"check_{blank}", 1.0, is_check=True))
    cells.append(Cell(len(cells), "code", "from selfcheck import check; check('numbers')", runs=True))
    return Submission("ada", "tiny", "numbers", tuple(cells))


def graded(of: Submission, *results: CheckResult, runs: tuple[CellRun, ...] = ()) -> Grade:
    origin = Provenance("", "", "wall", "cpu", {})
    return Grade(of.student_id, of.assignment, of.notebook, (), results, runs, origin, 0.0)


def result(blank: str, verdict: Verdict, message: str = "") -> CheckResult:
    return CheckResult("test_it", f"{blank} is right", blank, 1.0, verdict, message=message)


def test_nothing_that_was_measured_or_written_is_told() -> None:
    of = submission("double")
    loud = msgspec.structs.replace(
        result("double", Verdict.FAILED, f"p is {SECRET} at every entry"),
        hint=f"{SECRET}?",
        note=SECRET,
        picture=f"<svg>{SECRET}</svg>",
        misconception="the sum",
        explanation="A mean divides.",
    )
    run = CellRun(0, ({"output_type": "stream", "text": SECRET},), error=f"ValueError: {SECRET}")
    answer = answer_of(of, graded(of, loud, runs=(run,)))
    told = msgspec.json.encode(answer).decode()
    assert SECRET not in told
    assert answer.blanks[0].misunderstandings[0].explanation == "A mean divides."
    assert answer.stumbles == ("the cell double raised ValueError",)


@pytest.mark.parametrize(
    ("message", "note"),
    [
        ("double raised ValueError: 4.7188", "double raised ValueError"),
        ("double raised X4_7188: boo", ""),
        ("double raised KeyboardInterrupt", ""),
        ("x4_7188 raised ValueError", ""),
        ("double is not written yet.", "not written yet"),
        ("double is not defined: its cell raised NameError: 4.7188", "not defined"),
        ("double returned 4.7188", ""),
    ],
)
def test_of_an_exception_only_a_known_name_is_told(message: str, note: str) -> None:
    of = submission("double")
    answer = answer_of(of, graded(of, result("double", Verdict.FAILED, message)))
    assert answer.blanks[0].checks[0].note == note


def test_a_cell_that_raised_something_of_its_own_is_told_without_its_name() -> None:
    of = submission("double")
    runs = (CellRun(0, error="N4_7188: 4.7188"), CellRun(2, error="ModuleNotFoundError: selfcheck"))
    assert answer_of(of, graded(of, runs=runs)).stumbles == ("the cell double raised an exception",)
    slow = (CellRun(0, error="stopped after 30 s"),)
    assert answer_of(of, graded(of, runs=slow)).stumbles == ("the cell double was stopped",)


def test_a_blank_is_what_the_worst_of_its_checks_is() -> None:
    of = submission("a", "b", "c", "d", "e", "f")
    grade = graded(
        of,
        *(result("a", Verdict.PASSED), result("a", Verdict.PASSED)),
        *(result("b", Verdict.PASSED), result("b", Verdict.FAILED), result("b", Verdict.SKIPPED)),
        *(result("c", Verdict.FAILED), result("c", Verdict.LIMIT_HIT)),
        *(result("d", Verdict.PASSED), result("d", Verdict.SKIPPED)),
        *(result("e", Verdict.FAILED), result("e", Verdict.GRADER_ERROR, "Traceback: our/file.py")),
    )
    answer = answer_of(of, grade)
    outcomes = [blank.outcome for blank in answer.blanks]
    passed, failed, limit, opened, ours = Outcome
    assert outcomes == [passed, failed, limit, opened, ours, ours]
    assert not answer.counts
    assert "our/file" not in msgspec.json.encode(answer).decode()


def test_the_inputs_are_of_no_grading_and_of_no_other_request(tmp_path: Path) -> None:
    config = Config(tmp_path)
    of = from_notebook(book().fill(), "ada", "activations", "activations")
    requests = ((1, 0.5), (2, 0.5), (1, 7.0))  # the last after the database was lost
    seeds = {pipeline.submission_seed(of, config), *(seed_for(of, *request, config) for request in requests)}
    other = msgspec.structs.replace(of, student_id="bob")
    seeds |= {pipeline.submission_seed(other, config), seed_for(other, 1, 0.5, config)}
    assert len(seeds) == 6
    assert seed_for(of, 1, 0.5, config) in seeds  # the same again after a restart
