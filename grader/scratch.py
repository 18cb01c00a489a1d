"""The real nbgrader at work in a scratch course, without touching the real one or the user's own settings."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["environment", "nbgrader_command"]


def nbgrader_command(folder: Path, step: str, *arguments: str) -> list[str]:
    """
    Return the command line for one step of nbgrader in *folder*.

    Folder and gradebook are named outright: otherwise a setting in the user's Jupyter configuration could
    lead to the real gradebook.
    """
    root = folder.resolve()
    return [
        *(sys.executable, "-m", "nbgrader", *step.split(), *arguments),
        f"--CourseDirectory.root={root}",
        f"--CourseDirectory.db_url=sqlite:///{root}/gradebook.db",
    ]


def environment(folder: Path) -> dict[str, str]:
    """Return the environment for it: this one, but for what nbgrader would find elsewhere."""
    # nbgrader looks for its neighbour alembic on the PATH, also where no virtual environment is activated.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return os.environ | {"PATH": path, "JUPYTER_CONFIG_DIR": str(folder.resolve() / ".jupyter")}
