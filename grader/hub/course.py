"""The course on the hub: its folder, the exchange, a gradebook, and a first assignment that is released."""

from __future__ import annotations

import os
import shutil
import subprocess

from grader.errors import ConfigError
from grader.hub.accounts import chown_tree
from grader.hub.layout import CHECKOUT, Layout

__all__ = ["make_course", "nbgrader"]

SETTINGS = CHECKOUT / "deploy" / "settings"


def make_course(layout: Layout) -> None:
    """
    Bring the settings up to date, and make the course and its exchange unless they are there.

    A course whose making was cut off is made anew.

    Args:
        layout: the hub; its accounts and environments exist.

    Raises:
        ConfigError: a step of nbgrader failed.
    """
    shutil.copy(CHECKOUT / "deploy" / "jupyterhub_config.py", layout.root)
    shutil.rmtree(layout.root / "settings", ignore_errors=True)
    shutil.copytree(SETTINGS, layout.root / "settings", ignore=shutil.ignore_patterns("__pycache__"))
    _make_exchange(layout)
    cut_off = layout.state / "course-half-made"
    if layout.course.exists() and not cut_off.exists():
        return
    cut_off.touch()
    shutil.rmtree(layout.course, ignore_errors=True)
    layout.course.mkdir(mode=0o700)
    shutil.copy(CHECKOUT / "nbgrader_config.py", layout.course)
    for assignment in sorted((CHECKOUT / "source").iterdir()):
        shutil.copytree(assignment, layout.course / "source" / assignment.name)
    if not layout.account:
        chown_tree(layout.course, layout.grader)
    for account in layout.student_accounts:
        name = account.removeprefix(layout.prefix).capitalize()
        nbgrader(layout, "db", "student", "add", account, f"--first-name={name}", "--last-name=Demo")
    for assignment_id in layout.assignments:
        # What an earlier try has left in the gradebook and in the exchange is replaced.
        nbgrader(layout, "generate_assignment", "--force", assignment_id)
        nbgrader(layout, "release_assignment", "--force", assignment_id)
    cut_off.unlink()


def nbgrader(layout: Layout, *arguments: str) -> None:
    """
    Run one step of nbgrader in the course folder, as the account that grades.

    Raises:
        ConfigError: it failed.
    """
    settings = [layout.course, layout.root / "settings/formgrader", layout.root / "settings/everybody"]
    as_root = not layout.account
    done = subprocess.run(  # noqa: S603
        [layout.staff / "bin/nbgrader", *arguments],
        cwd=layout.course,
        env={
            "PATH": f"{layout.staff}/bin:{os.defpath}",
            "HOME": str(layout.home(layout.grader)),
            "LANG": "C.UTF-8",
            "JUPYTER_CONFIG_PATH": os.pathsep.join(str(folder) for folder in settings),
            "HUB_COURSE": layout.course_id,
            "HUB_COURSE_FOLDER": str(layout.course),
            "HUB_EXCHANGE": str(layout.exchange),
            "HUB_GRADEBOOK": os.environ.get("HUB_GRADEBOOK", f"sqlite:///{layout.course}/gradebook.db"),
        },
        user=layout.grader if as_root else None,
        group=layout.grader if as_root else None,
        extra_groups=[layout.instructors_group] if as_root else None,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ConfigError(f"`nbgrader {' '.join(arguments)}` failed:\n{done.stderr[-2000:].strip()}")


def _make_exchange(layout: Layout) -> None:
    layout.exchange.mkdir(exist_ok=True)
    # Everybody may write, as nbgrader insists; sticky, so that nobody can move a course's folder out of the
    # way and put one in its place that shows them what others hand in.
    layout.exchange.chmod(0o1777)
