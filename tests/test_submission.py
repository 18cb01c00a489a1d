"""From a submitted file to a Submission, without nbgrader."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grader import archive
from grader.config import Config
from grader.errors import ConfigError, SubmissionError
from grader.submission import from_notebook, read_submission


def cell(grade_id: str, source: str, **metadata: object) -> nbformat.NotebookNode:
    made = new_code_cell(source)
    plain = {"grade": False, "solution": False, "locked": False, "schema_version": 3}
    made.metadata["nbgrader"] = plain | {"grade_id": grade_id} | metadata
    return made


@pytest.fixture
def course(tmp_path: Path) -> Path:
    notebook = new_notebook(
        cells=[
            cell("given_imports", "import numpy as np", locked=True),
            cell("forward", "def forward(): return 1", solution=True),
            cell("check_forward", "assert forward()", grade=True, locked=True, points=4),
            cell("picture_forward", "forward()", locked=True),
        ]
    )
    path = tmp_path / "source/backprop/shallow_net.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)
    return tmp_path


def hand_in(course: Path, *cells: nbformat.NotebookNode, folder: str = "submitted/anna/backprop") -> Path:
    path = course / folder / "shallow_net.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(new_notebook(cells=list(cells))))
    return path


def test_only_code_that_is_neither_check_nor_picture_runs(course: Path) -> None:
    source = nbformat.read(course / "source/backprop/shallow_net.ipynb", as_version=4)
    source.cells += [new_markdown_cell("text"), new_code_cell("mine = 1")]
    submission = from_notebook(source, "anna", "backprop", "shallow_net")
    assert [c.runs for c in submission.cells] == [True, True, False, False, False, True]
    assert [c.is_check for c in submission.cells] == [False, False, True, False, False, False]
    assert [c.points for c in submission.cells] == [0, 0, 4, 0, 0, 0]
    assert [c.index for c in submission.cells] == list(range(6))


def test_locked_cells_come_from_the_source(course: Path) -> None:
    path = hand_in(course, cell("forward", "def forward(): return 2", solution=True))
    submission = read_submission(path, "anna", Config(course=course))
    assert [(c.grade_id, c.source) for c in submission.cells] == [
        ("given_imports", "import numpy as np"),
        ("forward", "def forward(): return 2"),
        ("check_forward", "assert forward()"),
        ("picture_forward", "forward()"),
    ]
    assert (submission.assignment, submission.notebook) == ("backprop", "shallow_net")


def test_a_missing_blank_is_not_filled_with_the_solution(course: Path) -> None:
    submission = read_submission(hand_in(course), "anna", Config(course=course))
    assert not any("return 1" in c.source for c in submission.cells)


def test_the_assignment_is_known_by_the_file_name_alone_where_that_is_clear(course: Path) -> None:
    path = hand_in(course, folder="downloads")
    assert read_submission(path, "anna", Config(course=course)).assignment == "backprop"


def test_a_notebook_of_another_course_is_named(course: Path) -> None:
    path = hand_in(course).rename(course / "other.ipynb")
    with pytest.raises(ConfigError, match=r"no notebook of this name. Known: backprop/shallow_net"):
        read_submission(path, "anna", Config(course=course))


def test_the_size_limit_is_the_courses(course: Path) -> None:
    path = hand_in(course)
    with pytest.raises(SubmissionError, match="The file is too large"):
        read_submission(path, "anna", Config(course=course, notebook_bytes=10))


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0b"])
def test_a_record_never_leaves_its_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be the name of a file"):
        archive.record_path(tmp_path, name, "backprop", "shallow_net")


def test_a_damaged_record_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"student_id": 3}')
    assert archive.load(tmp_path / "x.json") is None
    assert archive.load(tmp_path / "absent.json") is None
