"""Proving a notebook of written answers, which has no hidden checks and which people grade."""

from __future__ import annotations

import tempfile
from pathlib import Path

import nbformat

from grader import pipeline
from grader.checks import catalogue
from grader.config import Config
from grader.release import generate, hidden_text_in
from grader.sandbox import Sandbox
from grader.submission import from_notebook

__all__ = ["prove_written", "written_notebooks"]


def written_notebooks(course: Path) -> list[tuple[str, str]]:
    """Return (assignment, notebook) of everything in source/ that has no check module, sorted."""
    paths = (course / "source").glob("*/*.ipynb")
    return sorted({(path.parent.name, path.stem) for path in paths} - set(catalogue.known()))


def prove_written(
    assignment: str, notebook: str, config: Config, sandbox: Sandbox
) -> dict[str, tuple[str, ...]]:
    """
    Show that a notebook gives no points by itself, asks a person for them, and hides what is expected.

    Args:
        assignment: such as "ethics".
        notebook: such as "ethics".
        config: the course.
        sandbox: a standing wall.

    Returns:
        What was to be shown → a sentence for each thing that is wrong.
    """
    released, source = (
        nbformat.read(config.course / step / assignment / f"{notebook}.ipynb", as_version=4)
        for step in ("release", "source")
    )
    return {
        "the release equals the source, hides the rest": _release(assignment, notebook, config),
        "every answer has points, for a person to give": _answers(source),
        "source and release run, and earn nothing": tuple(
            problem
            for text in (source, released)
            for problem in _runs(text, assignment, notebook, config, sandbox)
        ),
    }


def _release(assignment: str, notebook: str, config: Config) -> tuple[str, ...]:
    name = f"{notebook}.ipynb"
    path = config.course / "release" / assignment / name
    source = nbformat.read(config.course / "source" / assignment / name, as_version=4)
    problems = hidden_text_in(nbformat.read(path, as_version=4), source)
    with tempfile.TemporaryDirectory() as scratch:
        generated = generate(config.course, assignment, Path(scratch)) / name
        if generated.read_bytes() != path.read_bytes():
            problems.append("release/ differs from what source/ generates: run `make release`")
    return tuple(problems)


def _answers(source: nbformat.NotebookNode) -> tuple[str, ...]:
    answers = [cell for cell in source.cells if cell.metadata.get("nbgrader", {}).get("solution")]
    if not answers:
        return ("it has no answer cell, and no checks: nothing in it can be graded",)
    return tuple(
        f"the answer {cell.metadata.nbgrader.grade_id} has no points"
        for cell in answers
        if not (cell.metadata.nbgrader.get("grade") and cell.metadata.nbgrader.get("points"))
    )


def _runs(
    text: nbformat.NotebookNode, assignment: str, notebook: str, config: Config, sandbox: Sandbox
) -> list[str]:
    grade = pipeline.grade(from_notebook(text, "seed-1", assignment, notebook), config, sandbox)
    problems = [f"cell {run.index}: {run.error}" for run in grade.runs if run.error]
    return problems + [f"{score.grade_id} has a score" for score in grade.scores]
