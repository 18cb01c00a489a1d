"""A released course, a stub of the hub, and the service between them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_service import Service, make_course, service_of, set_up
from stub_hub import stub_hub


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with a released assignment."""
    folder = tmp_path_factory.mktemp("released")
    return make_course(folder / "course", folder / "exchange")


@pytest.fixture
def course(released: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change; the exchange is the same."""
    shutil.copytree(released, tmp_path / "course")
    return tmp_path / "course"


@pytest.fixture(scope="session")
def hub() -> Iterator[str]:
    """The address of a stub of the hub."""
    with stub_hub() as address:
        yield address


@pytest.fixture(scope="module")
def service(released: Path, hub: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The whole service, wall and checks included; the limit is of each student, so tests have their own."""
    course = tmp_path_factory.mktemp("whole") / "course"
    shutil.copytree(released, course)
    set_up(course, "c.SelfCheck.limit = 3")
    with service_of(course, hub) as running:
        yield running
