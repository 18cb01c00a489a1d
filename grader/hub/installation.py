"""What the hub runs on: two environments, which differ in what students may see, and the proxy."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from grader.errors import ConfigError
from grader.hub.layout import CHECKOUT, Layout

__all__ = ["install", "python_for_all"]

# What students work with; HUB_STUDENT_PACKAGES adds to it, torch for the notebooks that need it.
STUDENT_PACKAGES = ("jupyterhub", "jupyterlab", "matplotlib", "nbgrader", "numpy")
CONSTRAINTS = CHECKOUT / "constraints.txt"
PROXY = CHECKOUT / "deploy" / "proxy"
FOR_STUDENTS = CHECKOUT / "deploy" / "student"  # modules that notebooks may import on the hub
STAMP = ".installed-for-the-hub"

Tell = Callable[[str], None]


def install(layout: Layout, more_for_students: tuple[str, ...], tell: Tell) -> None:
    """
    Make the environments and the proxy, as far as they are not there and up to date.

    Args:
        layout: the hub; its instructors' group exists, if it has system users.
        more_for_students: further packages of the students' environment.
        tell: is told what takes long.

    Raises:
        ConfigError: no usable interpreter is there, or pip or npm failed.
    """
    python = Path(sys.executable) if layout.account else python_for_all()
    students = (*STUDENT_PACKAGES, *more_for_students)
    if _is_due(layout.student, CONSTRAINTS.read_text(), *students):
        tell(f"Installing the students' environment in {layout.student}; that takes a minute.")
        _environment(python, layout.student, students)
        _note(layout.student, CONSTRAINTS.read_text(), *students)
    for module in FOR_STUDENTS.glob("*.py"):
        copied = shutil.copy(module, next(layout.student.glob("lib/python3*/site-packages")))
        Path(copied).chmod(0o644)  # whatever this shell's umask was at the checkout
    package = _digest_of_package()
    if _is_due(layout.staff, CONSTRAINTS.read_text(), package):
        tell(f"Installing the instructors' environment in {layout.staff}; that takes two minutes.")
        with tempfile.TemporaryDirectory() as scratch:
            _environment(
                python, layout.staff, (_copy_of_package(Path(scratch, "grader")) + "[hub,logins,postgres]",)
            )
        _note(layout.staff, CONSTRAINTS.read_text(), package)
    if not layout.account:
        # The checks are in there: the instructors' group reads it, and nobody else.
        shutil.chown(layout.staff, group=layout.instructors_group)
        layout.staff.chmod(0o750)
    lock = (PROXY / "package-lock.json").read_text()
    if _is_due(layout.proxy, lock):
        _proxy(layout)
        _note(layout.proxy, lock)


def _is_due(folder: Path, *depends: str) -> bool:
    stamp = folder / STAMP
    return not stamp.exists() or stamp.read_text() != _digest(depends)


def _note(folder: Path, *depends: str) -> None:
    (folder / STAMP).write_text(_digest(depends))


def _digest(texts: tuple[str, ...]) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _digest_of_package() -> str:
    digest = hashlib.sha256()
    for path in sorted((CHECKOUT / "grader").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(CHECKOUT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _copy_of_package(folder: Path) -> str:
    """Copy what the package is built from to *folder*; built in place, it would take build/ along."""
    folder.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, folder)
    shutil.copytree(CHECKOUT / "grader", folder / "grader", ignore=shutil.ignore_patterns("__pycache__"))
    return str(folder)


def python_for_all() -> Path:
    """
    Return an interpreter that every user of the system can run: this one's, or the system's own.

    Raises:
        ConfigError: there is none, or none with venv.
    """
    for python in (Path(sys.base_prefix, "bin", "python3"), Path("/usr/bin/python3")):
        if python.exists() and _is_open(python.resolve()) and _version_fits(python):
            return python
    raise ConfigError(
        "The students' servers need a Python 3.11 or later that every user can run. "
        f"{sys.base_prefix} lies in a folder that others can't enter, and /usr/bin/python3 is too old or "
        "has no venv. Install the system's own: apt-get install python3 python3-venv"
    )


def _is_open(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


def _version_fits(python: Path) -> bool:
    question = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"
    asked = subprocess.run([python, "-c", question], capture_output=True, check=False)  # noqa: S603
    return asked.returncode == 0


def _environment(python: Path, folder: Path, requirements: tuple[str, ...]) -> None:
    if not (folder / "bin/pip").exists():
        _run([str(python), "-m", "venv", "--clear", str(folder)], "making a virtual environment")
    pip = [str(folder / "bin/pip"), "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--constraint", str(CONSTRAINTS), *requirements], f"installing into {folder}")


def _proxy(layout: Layout) -> None:
    layout.proxy.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(PROXY / name, layout.proxy)
    # node's own npm, from the environment: the system may have an older one, or none.
    npm = [str(layout.staff / "bin/npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    _run([*npm, "--no-update-notifier"], "installing the proxy", cwd=layout.proxy)


def _run(command: list[str], doing: str, cwd: Path | None = None) -> None:
    path = os.pathsep.join([str(Path(command[0]).parent), os.environ.get("PATH", os.defpath)])
    done = subprocess.run(  # noqa: S603
        command,
        cwd=cwd,
        env=os.environ | {"PATH": path},
        umask=0o022,  # others are to read it, whatever this shell's umask is
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ConfigError(
            f"{doing} failed; it needs a network, or registries that pip and npm are set to. "
            f"{Path(command[0]).name} said:\n{done.stderr[-2000:].strip()}"
        )
