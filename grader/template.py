"""What the gradebook knows of a notebook: the template that each submitted file is put together by."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbgrader.api import Gradebook
from nbgrader.nbgraderformat import MetadataValidator, SchemaTooNewError, SchemaTooOldError, ValidationError

from grader.errors import ConfigError
from grader.intake import Document
from grader.submission import TemplateCell, restore, template_of

__all__ = ["template_in"]


def template_in(
    db_url: str, course_id: str, course: Path, assignment: str, name: str
) -> tuple[TemplateCell, ...]:
    """
    Return the cells as the gradebook knows them, in the order of source/ (the gradebook keeps none).

    Args:
        db_url: the gradebook.
        course_id: nbgrader's name of the course.
        course: its folder.
        assignment: such as "backprop".
        name: the notebook's, without its ending.

    Raises:
        ConfigError: nbgrader could not work with these cells.
        MissingEntry: the gradebook has no such notebook.
    """
    source = course / "source" / assignment / f"{name}.ipynb"
    order: list[str] = []
    if source.is_file():
        order = [cell.grade_id for cell in template_of(nbformat.read(source, as_version=4))]
    with Gradebook(db_url, course_id) as gradebook:
        notebook = gradebook.find_notebook(name, assignment)
        points = {cell.name: float(cell.max_score) for cell in [*notebook.grade_cells, *notebook.task_cells]}
        graded = {cell.name for cell in notebook.grade_cells}
        solutions = {cell.name for cell in notebook.solution_cells}
        tasks = {cell.name for cell in notebook.task_cells}
        cells = [
            TemplateCell(
                grade_id=cell.name,
                kind=cell.cell_type,
                source=cell.source,
                points=points.get(cell.name, 0.0),
                grade=cell.name in graded,
                solution=cell.name in solutions,
                locked=bool(cell.locked),
                task=cell.name in tasks,
                checksum=cell.checksum or "",
            )
            for cell in notebook.source_cells
        ]
    places = {grade_id: place for place, grade_id in enumerate(order)}
    template = tuple(sorted(cells, key=lambda cell: places.get(cell.grade_id, len(places))))
    _check_metadata(template, f"{assignment}/{name}")
    return template


def _check_metadata(template: tuple[TemplateCell, ...], name: str) -> None:
    """
    Check, once for all submissions, what nbgrader checks in each: all of them get the course's metadata.

    Raises:
        ConfigError: nbgrader could not work with them.
    """
    notebook, _ = restore(Document(()), template)
    try:
        MetadataValidator().validate_nb(notebook)
    except (ValidationError, SchemaTooOldError, SchemaTooNewError) as error:
        raise ConfigError(
            f"The gradebook's cells of {name} are not what nbgrader can grade: {error}. Correct the notebook "
            "in source/ and release it again: nbgrader generate_assignment"
        ) from None
