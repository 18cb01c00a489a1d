"""The command line: arguments → config → pipeline → a table and an exit code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader import pipeline
from grader.calibrate import LEAST_SEEDS, calibrate
from grader.config import Config
from grader.errors import GraderError
from grader.pool.settings import cores
from grader.records import CheckResult, Grade, Verdict
from grader.submission import read_submission
from grader.terminal import plain
from grader.validate import Finding, validate

__all__ = ["main"]

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
console = Console()

SIGNS = {
    Verdict.PASSED: "[green]✓ passed[/]",
    Verdict.FAILED: "[red]✗ failed[/]",
    Verdict.LIMIT_HIT: "[red]✗ limit[/]",
    Verdict.SKIPPED: "[yellow]– skipped[/]",
    Verdict.GRADER_ERROR: "[bold magenta]! grader error[/]",
}

CourseOption = Annotated[
    Path | None, typer.Option(help="The course folder; by default the nearest with an nbgrader_config.py.")
]

IsolationOption = Annotated[
    Literal["wall", "none"],
    typer.Option(help="none: without a wall, on a system that has none; for your own notebooks only."),
]

DeviceOption = Annotated[
    Literal["auto", "cpu", "cuda"],
    typer.Option(help="What trainings run on; auto: a GPU where there is one."),
]

DigitsOption = Annotated[str, typer.Option(help="Own digits for training checks; see docs/trainings.md.")]


@app.command("validate")
def validate_command(
    assignment: Annotated[str | None, typer.Argument(help="Such as backprop; all, by default.")] = None,
    course: CourseOption = None,
    isolation: IsolationOption = "wall",
    digits: DigitsOption = "",
    device: DeviceOption = "auto",
    jobs: Annotated[int, typer.Option(min=1, help="Notebooks to prove side by side.")] = cores(),
) -> None:
    """Prove the hidden checks: solutions pass, stubs and misconceptions don't, nothing leaks."""
    folder = course or pipeline.course_of(Path.cwd())
    config = Config(folder, isolation=isolation, digits=digits, device=device)
    findings = []
    with console.status("proving the checks; a notebook takes a minute or two"):
        for finding in validate(assignment, config, jobs):
            findings.append(finding)
            console.print(_line_of(finding), soft_wrap=True)
    console.print(_table_of(findings))
    if any(finding.problems for finding in findings):
        raise typer.Exit(1)


@app.command("calibrate")
def calibrate_command(
    assignment: Annotated[str, typer.Argument(help="Such as backprop.")],
    notebook: Annotated[str | None, typer.Option(help="One of its notebooks; all, by default.")] = None,
    seeds: Annotated[
        int, typer.Option(min=LEAST_SEEDS, help="Trainings of the reference, for each goal.")
    ] = 30,
    course: CourseOption = None,
    digits: DigitsOption = "",
    device: DeviceOption = "auto",
    jobs: Annotated[int, typer.Option(min=1, help="Trainings side by side.")] = cores(),
) -> None:
    """Train the reference over seeds on this device, and derive the thresholds of training checks."""
    config = Config(course or pipeline.course_of(Path.cwd()), digits=digits, device=device)
    with console.status("training the reference"):
        for row in calibrate(assignment, notebook, seeds, jobs, config):
            console.print(
                f"{row.notebook}: {row.goal} ({row.data}, {row.device}): mean {row.mean:g}, sd {row.sd:g}, "
                f"worst {row.worst:g}, n {row.n}, k {row.k:g}: threshold {row.threshold:g}, told "
                f"{row.told:g}; {row.seconds:.1f} s each",
                soft_wrap=True,
            )


@app.command("check")
def check_command(
    notebook: Annotated[Path, typer.Argument(help="The notebook to grade; nothing is written.")],
    student: Annotated[str, typer.Option(help="Whose inputs to draw.")] = "nobody",
    course: CourseOption = None,
    isolation: IsolationOption = "wall",
    digits: DigitsOption = "",
    device: DeviceOption = "auto",
) -> None:
    """Grade one notebook as nbgrader would, without the gradebook, and show why."""
    folder = course or pipeline.course_of(notebook)
    config = Config(folder, isolation=isolation, digits=digits, device=device)
    submission = read_submission(notebook, student, config)
    with pipeline.sandbox_of(config) as sandbox:
        sandbox.self_test()
        grade = pipeline.grade(submission, config, sandbox)
    _show(grade)
    if grade.points is None:
        raise typer.Exit(2)


@app.command("regrade")
def regrade_command(
    assignment: Annotated[
        str, typer.Argument(help="Such as backprop; it was graded, and a check has changed.")
    ],
    check: Annotated[
        str,
        typer.Option(metavar="NAME", help="Replace this check's results only: its name, or notebook/name."),
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Write without asking.")] = False,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it stands in the audit.")] = "",
    course: CourseOption = None,
    student: Annotated[str, typer.Option(metavar="ID", help="This student only; everyone, by default.")] = "",
) -> None:
    """Grade again what was graded: shows every score that would move, and asks before it writes."""
    from grader.regrade.command import regrade  # noqa: PLC0415 - nbgrader takes seconds to import

    folder = course or pipeline.course_of(Path.cwd())
    status = regrade(folder, assignment, console, check=check, student=student, reason=reason, agreed=yes)
    raise typer.Exit(status)


@app.command("report")
def report_command(
    assignment: Annotated[str, typer.Argument(help="Such as backprop; it was graded.")],
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write; by default reports/ASSIGNMENT.html.")
    ] = None,
    course: CourseOption = None,
) -> None:
    """Write the class report: one HTML page of points, checks, misconceptions, and who needs a person."""
    from grader.report import write_report  # noqa: PLC0415 - nbgrader takes seconds to import

    path = write_report(course or pipeline.course_of(Path.cwd()), assignment, output)
    console.print(f"Written: {path}", soft_wrap=True, markup=False, highlight=False)


def _line_of(finding: Finding) -> Text:
    sign = "[red]✗[/]" if finding.problems else "[green]✓[/]"
    line = Text.from_markup(sign).append(f" {finding.notebook}: {finding.proof} ({finding.tried})")
    return Text("\n").join([line, *(plain(f"    {problem}") for problem in finding.problems)])


def _table_of(findings: list[Finding]) -> Table:
    table = Table(title="grader validate")
    for column in ("notebook", "what was shown", "cases", "wrong"):
        table.add_column(column, justify="right" if column in {"cases", "wrong"} else "left")
    for finding in findings:
        wrong = f"[red]{len(finding.problems)}[/]" if finding.problems else "[green]0[/]"
        table.add_row(finding.notebook, finding.proof, str(finding.tried), wrong)
    return table


def _show(grade: Grade) -> None:
    table = Table(
        title=plain(f"{grade.assignment}/{grade.notebook}, inputs of {grade.student_id}"), show_lines=True
    )
    for column in ("blank", "points", "check", "verdict", "what was found"):
        table.add_column(column)
    for score in grade.scores:
        blank = score.grade_id.removeprefix("check_")
        points = "a person must look" if score.points is None else f"{score.points:g}"
        shown = f"{points} / {score.max_points:g}"
        for result in [r for r in grade.results if r.blank == blank]:
            table.add_row(
                blank, shown, plain(result.title), SIGNS[result.verdict], plain(_finding_of(result))
            )
            blank = shown = ""
    console.print(table)
    for run in grade.runs:
        if run.error:
            console.print(plain(f"cell {run.index}: {run.error}"))
    total = "needs a person" if grade.points is None else f"{grade.points:g}"
    console.print(f"[bold]{total} / {grade.max_points:g}[/] points in {grade.seconds:.1f} s")
    if not grade.scores:
        console.print("It has no check cells: a person grades it, in the formgrader.")
    if grade.provenance.isolation != "wall":
        console.print("[bold red]Graded without a wall: this result is for authors only.[/]")


def _finding_of(result: CheckResult) -> str:
    misconception = f"{result.misconception}: {result.explanation}" if result.misconception else ""
    return "\n".join(part for part in (result.message, misconception, result.hint, result.note) if part)


def main() -> None:
    """Run the command line; a mistake of the user is one clear line and exit status 2."""
    try:
        app()
    except GraderError as error:
        print(f"grader: {error}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
