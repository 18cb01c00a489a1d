"""Making the course on a hub, which may be cut off at any step."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from grader.errors import ConfigError
from grader.hub import Layout, course


def test_a_course_whose_making_was_cut_off_is_made_anew_and_a_whole_one_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    layout = Layout(tmp_path, account=pwd.getpwuid(os.getuid()).pw_name)
    layout.state.mkdir(parents=True)
    steps: list[str] = []

    def nbgrader(_: Layout, *arguments: str) -> None:
        steps.append(arguments[0])
        if len(steps) == 1:
            raise ConfigError("The password is wrong.")

    monkeypatch.setattr(course, "nbgrader", nbgrader)
    with pytest.raises(ConfigError):
        course.make_course(layout)
    (layout.course / "half").touch()
    course.make_course(layout)
    assert not (layout.course / "half").exists()
    assert (layout.course / "source" / "backprop").is_dir()
    assert steps[-1] == "release_assignment"
    (layout.course / "theirs").touch()
    course.make_course(layout)
    assert (layout.course / "theirs").exists()
    assert steps[-1] == "release_assignment"
