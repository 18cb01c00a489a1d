"""A small class, and what its grades are without any pool."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_class import graded_here, lay_out, notebooks

from grader.config import Config
from grader.records import Grade

# What nbgrader and Dask warn of in their own code.
THEIRS = (
    "ignore::sqlalchemy.exc.SAWarning",
    "ignore::ResourceWarning",
    "ignore:Port .* is already in use",
    "ignore::pytest.PytestUnhandledThreadExceptionWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            for warning in THEIRS:
                item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A course whose class of five has handed in."""
    return lay_out(tmp_path_factory.mktemp("class") / "course", notebooks())


@pytest.fixture(scope="session")
def expected(config: Config) -> dict[str, Grade]:
    """The grades of the class, worked out in this process."""
    return graded_here(config)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Leave the log as it was."""
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)
