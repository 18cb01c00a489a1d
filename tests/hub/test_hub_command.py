"""The command behind `make hub`: what it refuses, and what it leaves alone."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest
from course_hub import Hub, free_port

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, which makes system users")


def hub_command(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "grader.hub", *arguments],
        env=os.environ | {"HUB_PORT": str(free_port())} | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_without_root_one_message_says_what_is_missing_and_what_goes(hub: Hub) -> None:
    done = subprocess.run(
        [hub.layout.staff / "bin/python", "-m", "grader.hub"],
        user=hub.layout.grader,
        group=hub.layout.grader,
        extra_groups=[hub.layout.instructors_group],
        cwd="/",
        env={"PATH": os.defpath, "USER": hub.layout.grader},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"needs root, and you are {hub.layout.grader}" in done.stderr
    assert "make hub-single" in done.stderr
    assert "Traceback" not in done.stderr


def test_only_a_hubs_folder_is_removed(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("five years of work")
    done = hub_command("clean", HUB_ROOT=str(tmp_path))
    assert done.returncode == 1
    assert "nothing was removed" in done.stderr
    assert (tmp_path / "thesis.txt").exists()


@as_root
def test_a_hub_is_made_in_an_empty_folder_only(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("five years of work")
    done = hub_command(HUB_ROOT=str(tmp_path), HUB_PREFIX="dlx-")
    assert done.returncode == 1
    assert "is not empty and not a hub's" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@as_root
def test_a_system_user_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    subprocess.run(["useradd", "--no-create-home", "dlx-grader"], check=True)
    try:
        before = pwd.getpwnam("dlx-grader")
        done = hub_command(HUB_ROOT=str(tmp_path / "hub"), HUB_PREFIX="dlx-")
        assert done.returncode == 1
        assert "dlx-grader" in done.stderr
        assert "HUB_PREFIX=other-" in done.stderr
        hub_command("clean", HUB_ROOT=str(tmp_path / "hub"), HUB_PREFIX="dlx-")
        assert pwd.getpwnam("dlx-grader") == before
        assert not [group for group in grp.getgrall() if group.gr_name == "dlx-students"]
    finally:
        subprocess.run(["userdel", "dlx-grader"], check=True)


@as_root
def test_a_port_that_is_taken_is_named(hub: Hub) -> None:
    port = hub.address.rsplit(":", 1)[1]
    done = hub_command(HUB_ROOT=str(hub.layout.root), HUB_PREFIX=hub.layout.prefix, HUB_PORT=port)
    assert done.returncode == 1
    assert f"Port {port} is taken" in done.stderr
