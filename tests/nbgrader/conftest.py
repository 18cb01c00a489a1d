"""Fixtures of the tests that drive the real nbgrader."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from scratch_course import REPOSITORY, Course, FakeSandbox, Marker, source_notebook
from small_term import graded_term

from grader import pipeline


@pytest.fixture(scope="session")
def released_course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    root = tmp_path_factory.mktemp("course")
    shutil.copy(REPOSITORY / "nbgrader_config.py", root)
    source = root / "source/tiny/numbers.ipynb"
    source.parent.mkdir(parents=True)
    nbformat.write(source_notebook(), source)
    course = Course(root)
    result = course.api().generate_assignment("tiny")
    assert result["success"], result
    return course


@pytest.fixture
def course(released_course: Course, tmp_path: Path, marker: Marker) -> Course:
    """A fresh copy of a course that has been released, graded by the marker."""
    del marker
    root = tmp_path / "course"
    shutil.copytree(released_course.root, root)
    return Course(root)


@pytest.fixture(scope="session")
def graded_term_once(released_course: Course, tmp_path_factory: pytest.TempPathFactory) -> Course:
    return graded_term(released_course, tmp_path_factory.mktemp("term") / "course")


@pytest.fixture
def term(graded_term_once: Course, tmp_path: Path) -> Course:
    """A fresh copy of a course with a graded class."""
    shutil.copytree(graded_term_once.root, tmp_path / "course")
    return Course(tmp_path / "course")


@pytest.fixture
def marker(monkeypatch: pytest.MonkeyPatch) -> Marker:
    """What grades in place of the wall and the checks."""
    marker = Marker()
    monkeypatch.setattr(pipeline, "grade", marker.grade)
    monkeypatch.setattr(pipeline, "digest", marker.digest)
    monkeypatch.setattr(pipeline, "sandbox_of", FakeSandbox)
    monkeypatch.setattr(FakeSandbox, "tested", 0)
    monkeypatch.setattr(FakeSandbox, "trouble", None)
    return marker


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Keep nbgrader's log out of the next test."""
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)
