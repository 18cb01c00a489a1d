"""What the tests share that drive the real nbgrader."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# What nbgrader and the packages below it warn of in their own code.
THEIRS = ("ignore::sqlalchemy.exc.SAWarning", "ignore::ResourceWarning", "ignore::UserWarning:nbconvert.*")
WITH_NBGRADER = [Path(__file__).parent / folder for folder in ("nbgrader", "selfcheck")]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Pass over the warnings of nbgrader's own code in the tests of these folders."""
    for item in items:
        if any(folder in item.path.parents for folder in WITH_NBGRADER):
            for warning in THEIRS:
                item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture(scope="session", autouse=True)
def _alembic_on_the_path() -> Iterator[None]:
    """Let nbgrader find the program `alembic`, which it starts by name for a new gradebook."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        yield
