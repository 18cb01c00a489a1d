"""Otter-Grader in a virtual environment of its own, since its requirements are not this project's."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from grader.errors import ConfigError

__all__ = ["CONSTRAINTS", "install", "otter_command", "variables"]

CONSTRAINTS = Path(__file__).with_name("otter-constraints.txt")
# What `otter run` needs for these notebooks, no more; every release is pinned.
WANTED = ("otter-grader", "ipykernel", "numpy", "matplotlib")
INSTALL_SECONDS = 900.0  # a slow index


def install(folder: Path, log: Path) -> None:
    """
    Make the environment, unless it is there and its pins are as they were.

    Raises:
        ConfigError: Python or pip can't.
    """
    stamp = folder / "pins.sha256"
    digest = hashlib.sha256(CONSTRAINTS.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == digest:
        return
    shutil.rmtree(folder, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(folder)], log)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--constraint", str(CONSTRAINTS), *WANTED], log)
    stamp.write_text(digest)


def otter_command(folder: Path, step: str, *arguments: str) -> list[str]:
    """Return the command line for one step of Otter, from the environment in *folder*."""
    return [str(folder.resolve() / "bin" / "otter"), step, *arguments]


def variables(folder: Path) -> dict[str, str]:
    """Return the environment variables for it: its own Python first, nobody's Jupyter settings."""
    root = folder.resolve()
    path = os.pathsep.join([str(root / "bin"), os.environ.get("PATH", os.defpath)])
    kept = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    return kept | {"PATH": path, "VIRTUAL_ENV": str(root), "JUPYTER_CONFIG_DIR": str(root / ".jupyter")}


def _run(command: list[str], log: Path) -> None:
    with log.open("ab") as output:
        try:
            status = subprocess.run(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=INSTALL_SECONDS,
                check=False,
            ).returncode
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ConfigError(
                f"Otter-Grader can't be installed: {error}. What was said is in {log}."
            ) from None
    if status != 0:
        raise ConfigError(
            f"Otter-Grader can't be installed: `{' '.join(command)}` failed; what it said is in {log}."
        )
