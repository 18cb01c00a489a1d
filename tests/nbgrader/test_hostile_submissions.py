"""Submissions that are broken or meant to do harm: each costs itself only, and says why."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell
from scratch_course import Course, Marker, answer, by_id, locked

from grader.intake import MAX_CELLS

Change = Callable[[nbformat.NotebookNode], Any]


def as_json(notebook: nbformat.NotebookNode, **changed: Any) -> bytes:
    return json.dumps(json.loads(nbformat.writes(notebook)) | changed).encode()


def in_format_3(notebook: nbformat.NotebookNode) -> bytes:
    cells = []
    for cell in json.loads(nbformat.writes(notebook))["cells"]:
        cells.append(cell | {"input": cell.pop("source"), "language": "python"})
    sheet = {"cells": [{"cell_type": "heading", "level": 2, "source": ["A heading"]}, *cells]}
    return json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [sheet]}).encode()


UNREADABLE = {
    "empty": (b"", "The file is empty."),
    "blank": (b" \n ", "The file is empty."),
    "text": (b"I could not save it, sorry", "The file is damaged"),
    "cut_off": (b'{"nbformat": 4, "cells": [', "The file is damaged"),
    "not_text": (b"\x93NUMPY\x01\x00\xff\xfe", "The file is damaged"),
    "surrogate": (b'{"nbformat": 4, "cells": [{"source": "\\ud800"}]}', "The file is damaged"),
    "other_json": (b"[1, 2]", "The file is not a notebook"),
    "no_format": (b'{"cells": []}', "The file is not a notebook"),
    "odd_cells": (b'{"nbformat": 4, "cells": {"a": 1}}', "The file is not a notebook"),
    "odd_source": (b'{"nbformat": 4, "cells": [{"source": [1]}]}', "The file is not a notebook"),
    "deep": (b'{"nbformat": 4, "cells": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", "The file"),
    "format_5": (b'{"nbformat": 5, "nbformat_minor": 2, "cells": []}', "The notebook is in format 5.2"),
    "format_2": (b'{"nbformat": 2, "worksheets": []}', "The notebook is in format 2.0"),
    "huge": (b'{"nbformat": 4, "cells": [' + b" " * 2**24 + b"]}", "The file is too large: 16.0 MiB"),
    "many_cells": (
        b'{"nbformat": 4, "cells": [' + b",".join([b"{}"] * (MAX_CELLS + 1)) + b"]}",
        "The notebook has 1001 cells",
    ),
}


def test_a_file_that_cannot_be_read_earns_nothing_and_says_why(course: Course, marker: Marker) -> None:
    for name, (data, _) in UNREADABLE.items():
        course.submit(name, data)
    course.submit("anna", course.solved())
    result = course.autograde()
    assert result["success"], result
    assert [submission.student_id for submission in marker.seen] == ["anna"]
    assert course.grades("anna")["check_double"] == (4.0, False)
    for name, (data, message) in UNREADABLE.items():
        assert course.grades(name) == {
            "check_double": (0.0, False),
            "check_half": (0.0, False),
            "why": (0.0, False),
        }, name
        assert message in course.feedback(name)
        assert f"{name}/tiny/numbers.ipynb can't be read and earns nothing: {message}" in result["log"]
        assert (course.folder(name) / "numbers.ipynb").read_bytes() == data


def test_what_is_not_a_plain_file_is_not_opened(course: Course, marker: Marker) -> None:
    course.submit("anna", course.solved())
    kinds: dict[str, Callable[[Path], object]] = {
        "link_to_source": lambda path: path.symlink_to(course.root / "source/tiny/numbers.ipynb"),
        "link_to_anna": lambda path: path.symlink_to(course.folder("anna") / "numbers.ipynb"),
        "link_to_device": lambda path: path.symlink_to("/dev/zero"),
        "broken_link": lambda path: path.symlink_to("/nowhere"),
        "pipe": os.mkfifo,
        "folder": Path.mkdir,
    }
    for name, make in kinds.items():
        course.folder(name).mkdir(parents=True)
        make(course.folder(name) / "numbers.ipynb")
    result = course.autograde()
    assert result["success"], result
    assert len(marker.seen) == 1
    for name in kinds:
        assert course.grades(name)["check_double"] == (0.0, False), name
        told = "is a link" if "link" in name else "is not a file"
        assert told in course.feedback(name), name


def test_no_other_file_of_a_submission_is_copied_or_followed(course: Course) -> None:
    folder = course.submit("mallory", course.solved()).parent
    (folder / "passwd").symlink_to("/etc/passwd")
    (folder / "solutions").symlink_to(course.root / "source")
    (folder / "zero").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe")
    for name in (
        "numpy.py",
        "pytest.py",
        "conftest.py",
        "sitecustomize.py",
        "nbgrader_config.py",
        "page.html",
    ):
        (folder / name).write_text("raise SystemExit('ran')")
    (folder / ".jupyter").mkdir()
    (folder / ".jupyter" / "nbgrader_config.py").write_text("raise SystemExit('ran')")
    (folder / "[odd] *?\n\u202ename").write_text("x")
    (folder / "many").mkdir()
    for number in range(3000):
        (folder / "many" / str(number)).touch()
    (folder / "timestamp.txt").write_text("2026-01-09 12:00:00 UTC")
    result = course.autograde()
    assert result["success"], result
    assert course.grades("mallory")["check_double"] == (4.0, False)
    course.feedback("mallory")
    copied = sorted(path.name for path in course.folder("mallory", "autograded").rglob("*"))
    assert copied == ["numbers.ipynb", "timestamp.txt"]
    assert not list(course.folder("mallory", "feedback").rglob("*.py"))


@pytest.mark.parametrize("what", ["link", "student_link", "pipe_as_timestamp", "bad_timestamp", "wrong_name"])
def test_a_folder_that_cannot_be_trusted_is_left_alone_and_named(course: Course, what: str) -> None:
    course.submit("anna", course.solved())
    folder = course.folder("bert")
    if what == "link":
        folder.parent.mkdir(parents=True)
        folder.symlink_to(course.folder("anna"))
        told = "is a link. Put the submission itself there."
    elif what == "student_link":
        folder.parent.symlink_to(course.folder("anna").parent)
        told = "is a link. Put the submission itself there."
    elif what == "pipe_as_timestamp":
        course.submit("bert", course.solved())
        os.mkfifo(folder / "timestamp.txt")
        told = "timestamp.txt: It is not a file"
    elif what == "bad_timestamp":
        course.submit("bert", course.solved())
        (folder / "timestamp.txt").write_text("yesterday, I think")
        told = "timestamp.txt is not a date."
    else:
        course.submit("bert", course.solved(), "numbers (1)")
        told = "it has none of this assignment's notebooks (numbers), only 'numbers (1).ipynb'."
    result = course.autograde()
    assert not result["success"]
    assert "bert/tiny: was not graded: " in result["log"]
    assert told in result["log"]
    assert "Traceback" not in result["log"]
    assert course.grades("anna")["check_double"] == (4.0, False)
    assert not course.folder("bert", "autograded").exists()


def test_an_unknown_notebook_beside_the_right_one_is_left_out(course: Course) -> None:
    course.submit("anna", course.solved())
    course.submit("anna", b"not json", "scratch")
    result = course.autograde()
    assert result["success"], result
    assert "anna/tiny: not a notebook of this assignment, left out: 'scratch.ipynb'" in result["log"]


def drop(name: str) -> Change:
    return lambda notebook: notebook.cells.remove(by_id(notebook, name))


def double_cell(name: str, source: str, at: int) -> Change:
    def change(notebook: nbformat.NotebookNode) -> None:
        copy = nbformat.from_dict(by_id(notebook, name))
        copy.source, copy.id = source, "copy"
        notebook.cells.insert(at if at >= 0 else len(notebook.cells), copy)

    return change


def edit(name: str, **changed: Any) -> Change:
    return lambda notebook: by_id(notebook, name).update(changed)


def claim(name: str, **changed: Any) -> Change:
    return lambda notebook: by_id(notebook, name).metadata["nbgrader"].update(changed)


CHANGES: dict[str, tuple[Change, str]] = {
    "check_deleted": (drop("check_double"), "The cell check_double was missing; it was put back."),
    "first_cell_deleted": (drop("given_imports"), "The cell given_imports was missing; it was put back."),
    "check_edited": (
        edit("check_double", source="4.0"),
        "The locked cell check_double was changed; it was put back as it was.",
    ),
    "check_retyped": (
        edit("check_double", cell_type="markdown"),
        "The cell check_double had become markdown; it was turned back into code.",
    ),
    "blank_retyped": (
        edit("double", cell_type="raw"),
        "The cell double had become raw; it was turned back into code.",
    ),
    "check_twice": (
        double_cell("check_double", "4.0", -1),
        "The cell check_double is there 2 times; the first one counts.",
    ),
    "check_renamed": (claim("check_double", grade_id="mine"), "The cell check_double was missing"),
    "another_kernel": (
        lambda notebook: notebook.metadata.update({"kernelspec": {"name": "ir", "language": "R"}}),
        "The notebook says that it is written for 'R'; it was run as Python.",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_was_changed_is_put_right_and_told(course: Course, marker: Marker, name: str) -> None:
    change, told = CHANGES[name]
    notebook = course.solved()
    change(notebook)
    course.submit("anna", as_json(notebook))
    result = course.autograde()
    assert result["success"], result
    assert course.grades("anna")["check_double"] == (4.0, False)
    assert course.grades("anna")["check_half"] == (3.0, False)
    assert told in course.feedback("anna")
    checks = [cell for cell in marker.seen[0].cells if cell.is_check]
    assert [(cell.grade_id, cell.source, cell.points) for cell in checks] == [
        ("check_double", "assert double(1) == 2", 4.0),
        ("check_half", "assert half(2) == 1", 3.0),
    ]


LIES: dict[str, Change] = {
    "more_points": claim("check_double", points=400),
    "negative_points": claim("check_double", points=-4),
    "points_in_words": claim("check_double", points="all"),
    "not_locked": claim("check_double", locked=False),
    "not_graded": claim("check_double", grade=False),
    "a_solution": claim("check_double", solution=True),
    "old_schema": claim("check_double", schema_version=1),
    "future_schema": claim("check_double", schema_version=99),
    "a_list": lambda notebook: by_id(notebook, "check_double").metadata.update({"nbgrader": [1]}),
    "a_number_as_name": claim("check_double", grade_id=7),
    "tags": lambda notebook: by_id(notebook, "double").metadata.update(
        {"tags": ["skip-execution", "raises-exception", "remove-cell"]}
    ),
    "own_check": lambda notebook: notebook.cells.append(locked("check_extra", "1000", 1000)),
    "own_picture": lambda notebook: notebook.cells.append(locked("picture_own", "hidden = 1")),
    "own_hand_graded": lambda notebook: notebook.cells.append(answer("bonus", "please", 50, "markdown")),
    "a_task": claim("check_double", task=True),
    "odd_id": lambda notebook: notebook.cells[0].update(id="<b>" * 99),
    "a_minor_from_the_future": lambda notebook: notebook.update(nbformat_minor=99),
    "odd_attachments": lambda notebook: notebook.cells[0].update(
        attachments={"a": {"image/png": "<script>"}}
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_metadata_asks_for_nothing_and_gets_nothing(course: Course, marker: Marker, name: str) -> None:
    notebook = course.solved(double="1/2")
    LIES[name](notebook)
    course.submit("mallory", as_json(notebook))
    result = course.autograde()
    assert result["success"], result
    assert course.grades("mallory") == {
        "check_double": (2.0, False),
        "check_half": (3.0, False),
        "why": (0.0, False),
    }
    cells = marker.seen[0].cells
    assert sum(cell.points for cell in cells) == 7
    assert all(cell.runs for cell in cells if cell.kind == "code" and not cell.grade_id)
    kept = {key for cell in course.autograded("mallory").cells for key in cell.metadata}
    assert kept == {"nbgrader"}


def test_the_picture_is_not_run_and_a_students_own_cell_is(course: Course, marker: Marker) -> None:
    notebook = course.solved()
    notebook.cells.insert(1, new_code_cell("mine = 1"))
    course.submit("anna", notebook)
    course.autograde()
    runs = {cell.source: cell.runs for cell in marker.seen[0].cells}
    assert runs["mine = 1"]
    assert not runs["raise SystemExit('a picture')"]


def test_an_answer_that_stands_twice_is_run_in_the_students_order(course: Course, marker: Marker) -> None:
    notebook = course.solved(double="1/4")
    double_cell("double", "def double(x): return x + x  # double earns 1/1", -1)(notebook)
    course.submit("anna", notebook)
    course.autograde()
    assert course.grades("anna")["check_double"] == (4.0, False)
    assert [cell.runs for cell in marker.seen[0].cells if "def double" in cell.source] == [True, True]


def test_a_function_in_another_cell_counts_and_the_deleted_blank_does_not_come_back(
    course: Course, marker: Marker
) -> None:
    notebook = course.solved()
    source = by_id(notebook, "double").source
    drop("double")(notebook)
    notebook.cells.insert(0, new_code_cell(source))
    course.submit("anna", notebook)
    course.autograde()
    assert course.grades("anna")["check_double"] == (4.0, False)
    assert sum("def double" in cell.source for cell in marker.seen[0].cells) == 1


def test_an_old_notebook_format_is_read(course: Course) -> None:
    course.submit("anna", in_format_3(course.solved(half="1/3")))
    course.autograde()
    assert course.grades("anna")["check_half"] == (1.0, False)
    assert "old notebook format 3" in course.feedback("anna")


def test_a_byte_order_mark_is_no_fault(course: Course) -> None:
    course.submit("anna", b"\xef\xbb\xbf" + as_json(course.solved()))
    course.autograde()
    assert course.grades("anna")["check_half"] == (3.0, False)


def test_a_missing_notebook_earns_nothing(course: Course) -> None:
    second = course.root / "source/tiny/second.ipynb"
    second.write_text((course.root / "source/tiny/numbers.ipynb").read_text())
    assert course.api().generate_assignment("tiny", force=True)["success"]
    course.submit("bert", course.solved(), "second")
    result = course.autograde("bert")
    assert result["success"], result
    assert course.grades("bert")["check_double"] == (0, False)
    assert "No submitted file" in result["log"]


def test_nothing_of_the_students_outputs_reaches_the_graded_notebook(course: Course) -> None:
    notebook = course.solved()
    by_id(notebook, "check_double").outputs = [
        nbformat.v4.new_output("execute_result", data={"text/plain": "400", "text/html": "<b>full marks</b>"})
    ]
    notebook.cells.append(new_markdown_cell("end"))
    course.submit("mallory", notebook)
    course.autograde()
    outputs = by_id(course.autograded("mallory"), "check_double").outputs
    assert [output.data["text/plain"] for output in outputs if output.output_type == "execute_result"] == [
        "4.0"
    ]
