"""`make demo`: release, hand in, autograde, give feedback, compare with what must come out."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from rich.console import Console

from grader.demo.marks import Mark, problems_of_all, read_marks
from grader.demo.papers import CORE, Student
from grader.demo.roster import SCRIPT_MARKER, simulated_class
from grader.demo.scratch import Scratch
from grader.demo.table import show
from grader.errors import GraderError
from grader.pipeline import course_of

__all__ = ["main"]

FOLDER = Path("build") / "demo"
PRINTED_WIDTH = 140  # of a log file; on a terminal, as wide as that is


def main() -> int:
    """Run the demo; 0 where every score is as expected."""
    console = Console(width=None if sys.stdout.isatty() else PRINTED_WIDTH)
    course = course_of(Path.cwd())
    scratch = Scratch(course, course / FOLDER, core=_options().core)
    try:
        students, marks = _grade(scratch, console)
    except GraderError as error:
        console.print(f"[bold red]{type(error).__name__}[/]: {error}", markup=True, highlight=False)
        return 2
    found = problems_of_all(marks)
    show(marks, found, console)
    return _verdict(scratch, students, marks, found, console)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m grader.demo", description=__doc__)
    parser.add_argument("--core", action="store_true", help=f"only {', '.join(CORE)}")
    return parser.parse_args()


def _grade(scratch: Scratch, console: Console) -> tuple[tuple[Student, ...], list[Mark]]:
    started = time.perf_counter()

    def told(text: str) -> None:
        console.print(f"[dim]{time.perf_counter() - started:5.0f} s[/]  {text}", highlight=False)

    told(f"a scratch course in {FOLDER}/; nbgrader generate_assignment {', '.join(scratch.assignments)}")
    scratch.lay_out()
    students = simulated_class(scratch.books(), scratch.course, scratch.by_hand())
    scratch.hand_in(students)
    for assignment in scratch.assignments:
        papers = [p for s in students for p in s.papers if p.assignment == assignment]
        told(f"nbgrader autograde {assignment} ({sum(p.content is not None for p in papers)} notebooks)")
        scratch.autograde(assignment)
    told("nbgrader generate_feedback")
    scratch.give_feedback(scratch.assignments)
    told("reading the gradebook and the records")
    return students, read_marks(scratch.folder, students)


def _verdict(
    scratch: Scratch,
    students: tuple[Student, ...],
    marks: list[Mark],
    found: list[list[str]],
    console: Console,
) -> int:
    pairs = zip(marks, found, strict=True)
    wrong = [f"{mark.student}, {mark.paper.notebook}: {text}" for mark, texts in pairs for text in texts]
    wrong += [*_problems_of_pages(scratch, students), *scratch.failures]
    console.print(f"{len(students)} students, {len(marks)} notebooks.")
    console.print(f"Feedback pages: {FOLDER}/feedback/<student>/<assignment>/<notebook>.html", markup=False)
    console.print(f"Records: {FOLDER}/records/; all that nbgrader said: {scratch.log}", markup=False)
    if not wrong:
        console.print("[bold green]Every score is as expected.[/]")
        return 0
    console.print(f"[bold red]{len(wrong)} differences from what was expected:[/]")
    for line in wrong:
        console.print(f"  {line}", markup=False, highlight=False)
    return 1


def _problems_of_pages(scratch: Scratch, students: tuple[Student, ...]) -> list[str]:
    """Return what is wrong with the feedback: a missing page, or a student's script that could run."""
    found = []
    for student in students:
        for paper in student.papers:
            page = scratch.folder / "feedback" / student.name / paper.assignment / f"{paper.notebook}.html"
            if paper.content is not None and not page.is_file():
                found.append(f"{student.name}, {paper.notebook}: there is no feedback page")
            elif page.is_file() and f"<script>document.title = '{SCRIPT_MARKER}'" in page.read_text():
                found.append(f"{student.name}, {paper.notebook}: the feedback page has the student's script")
    return found


if __name__ == "__main__":
    sys.exit(main())
