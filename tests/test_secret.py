"""The course secret: made once, kept from others, and never replaced in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.errors import ConfigError
from grader.secret import read_or_create


def test_the_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    secret = read_or_create(tmp_path)
    assert len(secret) == 32
    assert read_or_create(tmp_path) == secret
    assert (tmp_path / ".grader_secret").stat().st_mode & 0o777 == 0o600


def test_a_secret_that_everybody_can_read_is_refused_with_the_command(tmp_path: Path) -> None:
    read_or_create(tmp_path)
    (tmp_path / ".grader_secret").chmod(0o644)
    with pytest.raises(ConfigError, match=r"Run: chmod 600 .*/\.grader_secret"):
        read_or_create(tmp_path)


@pytest.mark.parametrize("text", ["", "d0" * 31, "no hexadecimal digits"])
def test_a_damaged_secret_is_not_replaced(text: str, tmp_path: Path) -> None:
    path = tmp_path / ".grader_secret"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="must hold 64 hexadecimal digits"):
        read_or_create(tmp_path)
    assert path.read_text() == text


def test_a_course_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent/\.grader_secret, .* can't be used: No such file"):
        read_or_create(tmp_path / "absent")
