"""
Step 1: a submitted notebook → Submission.

What nbgrader knows of a notebook, its *template*, decides what each cell is; a student's file only names the
cells. So metadata can't turn a student's cell into a check cell, hide one, or change its points, and a locked
cell that was edited, retyped or deleted is put back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import nbformat

from grader.config import Config
from grader.errors import ConfigError, SubmissionError
from grader.intake import Document, Draft, read_document
from grader.records import Cell, Submission

__all__ = ["TemplateCell", "from_notebook", "notebook_of", "read_submission", "restore", "template_of"]

PICTURE = "picture_"
METADATA_VERSION = 3  # of nbgrader's cell metadata


class TemplateCell(msgspec.Struct, frozen=True):
    """
    A cell that nbgrader knows.

    Args:
        grade_id: its name.
        kind: "code" or "markdown".
        source: its text as released; unused where the student writes the cell.
        points: what it is worth, if it is graded.
        grade: whether it is graded.
        solution: whether the student writes it.
        locked: whether its text is put back.
        task: whether it is a task: text of the course, graded by hand.
        checksum: nbgrader's, of the released cell.
    """

    grade_id: str
    kind: str
    source: str
    points: float = 0.0
    grade: bool = False
    solution: bool = False
    locked: bool = False
    task: bool = False
    checksum: str = ""

    @property
    def is_given(self) -> bool:
        """Whether the text is the course's, not the student's; by nbgrader's own rule."""
        return not self.solution and (self.grade or self.locked or self.task)


def read_submission(path: Path, student_id: str, config: Config) -> Submission:
    """
    Read a student's notebook outside nbgrader; the locked cells come from source/.

    Args:
        path: the file; its folder is named like the assignment, or its name belongs to one assignment only.
        student_id: whose it is.
        config: the course.

    Raises:
        ConfigError: the course has no such notebook.
        SubmissionError: the file can't be read as a notebook; the message names it.
    """
    try:
        document = read_document(path, config.notebook_bytes)
    except SubmissionError as error:
        raise SubmissionError(f"{path}: {error}") from None
    source = _source_of(path, config.course)
    notebook, _ = restore(document, template_of(nbformat.read(source, as_version=4)))
    return from_notebook(notebook, student_id, source.parent.name, source.stem)


def from_notebook(notebook: nbformat.NotebookNode, student_id: str, assignment: str, name: str) -> Submission:
    """
    Take a notebook whose nbgrader metadata can be trusted: a source, a release, or what restore() gives.

    Check cells are scored, not run: their public asserts prove nothing here, and would only repeat what a
    slow or endless function costs.
    """
    cells = tuple(_cell(index, cell) for index, cell in enumerate(notebook.cells))
    return Submission(student_id=student_id, assignment=assignment, notebook=name, cells=cells)


def template_of(notebook: nbformat.NotebookNode) -> tuple[TemplateCell, ...]:
    """Return what a source or released notebook says of its cells, in its order."""
    found = []
    for cell in notebook.cells:
        metadata = cell.metadata.get("nbgrader", {})
        if metadata.get("grade_id"):
            found.append(
                TemplateCell(
                    grade_id=metadata["grade_id"],
                    kind=cell.cell_type,
                    source=cell.source,
                    points=float(metadata.get("points", 0)),
                    grade=bool(metadata.get("grade")),
                    solution=bool(metadata.get("solution")),
                    locked=bool(metadata.get("locked")),
                    task=bool(metadata.get("task")),
                )
            )
    return tuple(found)


def restore(
    document: Document, template: Sequence[TemplateCell]
) -> tuple[nbformat.NotebookNode, tuple[str, ...]]:
    """
    Put a submitted notebook together anew: the student's text, the course's metadata and locked cells.

    Of cells that share a name, the last is the student's answer and the first is the locked cell, which
    stands where later cells need it; the others are run as ordinary cells. A deleted locked cell comes back
    after its neighbour, so a check cell can't be deleted: its points belong to the function, not to the
    cell. A deleted solution cell does not: its stub could hide the function that the student wrote
    elsewhere.

    Args:
        document: the cells as handed in.
        template: what nbgrader knows, in the notebook's order.

    Returns:
        The notebook, without outputs, and one sentence for each thing that had to be put right.
    """
    carriers, notes = _carriers(document.cells, template)
    cells = [_student_node(draft) for draft in document.cells]
    for known in template:
        if known.grade_id in carriers:
            at = carriers[known.grade_id]
            notes += _differences(known, document.cells[at])
            cells[at] = _known_node(known, document.cells[at])
    missing = [t for t in template if t.grade_id not in carriers]
    notes += [f"The cell {t.grade_id} was missing; it was put back." for t in missing if _comes_back(t)]
    notes += [f"The cell {t.grade_id} is missing." for t in missing if not _comes_back(t)]
    return notebook_of(_with_missing(cells, template)), (*document.notes, *notes)


def notebook_of(cells: Iterable[nbformat.NotebookNode]) -> nbformat.NotebookNode:
    """Return a notebook of *cells* whose own metadata is the course's."""
    numbered = list(cells)
    for index, cell in enumerate(numbered):
        cell.id = f"cell-{index}"
    metadata = {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    whole = {"cells": [], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    notebook = nbformat.from_dict(whole)  # new_notebook validates, and so does who writes it
    notebook.cells = numbered
    return notebook


def _source_of(path: Path, course: Path) -> Path:
    named = course / "source" / path.resolve().parent.name / path.name
    if named.is_file():
        return named
    found = sorted(course.glob("source/*/*.ipynb"))
    same = [source for source in found if source.name == path.name]
    if len(same) == 1:
        return same[0]
    known = ", ".join(f"{source.parent.name}/{source.stem}" for source in found)
    if not known:
        raise ConfigError(f"{course} is no course: source/ has no notebook. Name another: --course FOLDER.")
    raise ConfigError(f"{path}: the course has no notebook of this name. Known: {known}.")


def _cell(index: int, cell: nbformat.NotebookNode) -> Cell:
    metadata = cell.metadata.get("nbgrader", {})
    grade_id = str(metadata.get("grade_id", ""))
    given = not metadata.get("solution")
    is_check = bool(cell.cell_type == "code" and metadata.get("grade") and given)
    is_picture = bool(metadata.get("locked") and given and grade_id.startswith(PICTURE))
    return Cell(
        index=index,
        kind=cell.cell_type,
        source=cell.source,
        grade_id=grade_id,
        points=float(metadata.get("points", 0.0)) if is_check else 0.0,
        is_check=is_check,
        runs=cell.cell_type == "code" and not is_check and not is_picture,
    )


def _carriers(drafts: Sequence[Draft], template: Sequence[TemplateCell]) -> tuple[dict[str, int], list[str]]:
    """Return which cell each known name belongs to, and a note for each name that stands twice."""
    places: dict[str, list[int]] = {}
    for index, draft in enumerate(drafts):
        places.setdefault(draft.grade_id, []).append(index)
    carriers, notes = {}, []
    for known in template:
        found = places.get(known.grade_id, [])
        if found:
            carriers[known.grade_id] = found[0] if known.is_given else found[-1]
        if len(found) > 1:
            which = "first" if known.is_given else "last"
            notes.append(f"The cell {known.grade_id} is there {len(found)} times; the {which} one counts.")
    return carriers, notes


def _differences(known: TemplateCell, draft: Draft) -> list[str]:
    if draft.kind != known.kind:
        return [f"The cell {known.grade_id} had become {draft.kind}; it was turned back into {known.kind}."]
    if known.is_given and draft.source.strip() != known.source.strip():
        return [f"The locked cell {known.grade_id} was changed; it was put back as it was."]
    return []


def _comes_back(known: TemplateCell) -> bool:
    return known.is_given or known.grade


def _known_node(known: TemplateCell, draft: Draft | None) -> nbformat.NotebookNode:
    source = known.source if draft is None or known.is_given else draft.source
    node = _node(known.kind, source)
    node.metadata["nbgrader"] = nbformat.from_dict(
        {
            "cell_type": known.kind,
            "checksum": known.checksum,
            "grade": known.grade,
            "grade_id": known.grade_id,
            "locked": known.is_given or known.locked,
            "schema_version": METADATA_VERSION,
            "solution": known.solution,
            "task": known.task,
        }
        | ({"points": known.points} if known.grade or known.task else {})
    )
    if draft is not None and not known.is_given and known.kind == "markdown" and draft.attachments:
        node.attachments = nbformat.from_dict(draft.attachments)
    return node


def _student_node(draft: Draft) -> nbformat.NotebookNode:
    node = _node(draft.kind, draft.source)
    if draft.attachments:
        node.attachments = nbformat.from_dict(draft.attachments)
    return node


def _node(kind: str, source: str) -> nbformat.NotebookNode:
    # Not by nbformat.v4.new_code_cell and the like, which take a millisecond each to validate what is new.
    code: dict[str, object] = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return nbformat.from_dict({"id": "cell", "cell_type": kind, "metadata": {}, "source": source} | code)


def _with_missing(
    cells: list[nbformat.NotebookNode], template: Sequence[TemplateCell]
) -> list[nbformat.NotebookNode]:
    result, after = list(cells), -1
    for known in template:
        places = [
            i
            for i, c in enumerate(result)
            if c.metadata.get("nbgrader", {}).get("grade_id") == known.grade_id
        ]
        if places:
            after = places[0]
        elif _comes_back(known):
            after += 1
            result.insert(after, _known_node(known, None))
    return result
