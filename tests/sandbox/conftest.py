"""Real sandboxes: one for all tests of a run, since a warm process takes a second to start."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from boxed import NUMPY, TIGHT, notebook

from grader.config import Limits
from grader.sandbox import Sandbox, Student

Start = Callable[..., Student]


@pytest.fixture(scope="session")
def box() -> Iterator[Sandbox]:
    with Sandbox(TIGHT) as sandbox:
        yield sandbox


@pytest.fixture
def start(box: Sandbox) -> Iterator[Start]:
    """Start a notebook of the given cells, with tight limits; ends it after the test."""
    students: list[Student] = []

    def begin(*sources: str, names: tuple[str, ...] = (), limits: Limits = TIGHT) -> Student:
        students.append(box.start(notebook(*sources, names=names), NUMPY, limits))
        return students[-1]

    yield begin
    for student in students:
        student.close()
