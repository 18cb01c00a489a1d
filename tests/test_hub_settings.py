"""The hub's configuration, as JupyterHub reads it: who is in the course, by the system's groups."""

from __future__ import annotations

import asyncio
import grp
import os
import pwd
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from traitlets.config import PyFileConfigLoader

DEPLOY = Path(__file__).parents[1] / "deploy"
# A system user with a group of its own, in whose list of members it does not stand.
SOMEBODY, ANOTHER = "games", "daemon"


@pytest.fixture
def authenticator(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Who says who comes in, where the students' group is that of SOMEBODY."""
    for name in [name for name in os.environ if name.startswith("HUB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HUB_STUDENTS", SOMEBODY)
    monkeypatch.setenv("HUB_INSTRUCTORS", ANOTHER)
    monkeypatch.setenv("HUB_GRADER", ANOTHER)
    config = PyFileConfigLoader("jupyterhub_config.py", path=str(DEPLOY)).load_config()
    return config.JupyterHub.authenticator_class()


def test_who_has_the_students_group_as_their_first_comes_in(authenticator: Any) -> None:
    assert grp.getgrgid(pwd.getpwnam(SOMEBODY).pw_gid).gr_mem == []
    assert authenticator.check_allowed(SOMEBODY)
    assert not authenticator.check_allowed("nobody")
    assert not authenticator.check_allowed("no-such-user")


def test_nobody_comes_in_as_the_account_that_grades(authenticator: Any) -> None:
    assert grp.getgrnam(ANOTHER).gr_gid == pwd.getpwnam(ANOTHER).pw_gid  # so it is in the instructors' group
    assert not authenticator.check_allowed(ANOTHER)


@pytest.mark.parametrize(("name", "groups"), [(SOMEBODY, ["nbgrader-deep-learning"]), ("nobody", [])])
def test_the_groups_are_looked_up_again_between_two_logins(
    authenticator: Any, name: str, groups: list[str]
) -> None:
    assert asyncio.run(authenticator.refresh_user(SimpleNamespace(name=name))) == {"groups": groups}
