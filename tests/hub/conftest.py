"""
One hub for all tests of this folder: made by the command that operators use, ended and removed as they do it.

HUB_TESTS=yes runs them, HUB_TESTS=keep keeps what was installed; else they are skipped. They want a run of
pytest of their own, since browser and hub stay open to its end.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from course_hub import SCREENSHOTS, Hub, Person, free_port

from grader.errors import ConfigError
from grader.hub import accounts
from grader.hub.__main__ import DEMO_STUDENTS
from grader.hub.installation import python_for_all
from grader.hub.layout import Layout
from grader.hub.running import LOG

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
ROOT = Path(os.environ.get("HUB_TEST_ROOT", "/srv/dl-course-tests"))
PREFIX = "dlt-"
# In HUB_TESTS: leave the environments for the next time, since they take a minute or two to install.
KEEP = "keep"
HOUR = 3600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip where there can be no hub."""
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    missing = what_is_missing()
    for item in here:
        if missing and "hub" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.skip(reason=missing))


def what_is_missing() -> str:
    """Say why the hub's tests don't run here; empty if they do."""
    if os.environ.get("HUB_TESTS") not in {"yes", KEEP}:
        return "takes some minutes and makes system users: make hub-test"
    if os.geteuid() != 0:
        return "needs root, which makes the hub's system users"
    if CHROMIUM is None:
        return "needs Chromium: apt install chromium"
    if shutil.which("useradd") is None or shutil.which("chpasswd") is None:
        return "needs useradd and chpasswd: apt install passwd"
    try:
        python_for_all()
    except ConfigError as error:
        return str(error)
    return ""


def command(*arguments: str, port: int = 0) -> tuple[list[str], dict[str, str]]:
    """Return the hub's command and its environment."""
    settings = {"HUB_ROOT": str(ROOT), "HUB_PREFIX": PREFIX, "HUB_PORT": str(port), "COLUMNS": "160"}
    return [sys.executable, "-m", "grader.hub", *arguments], os.environ | settings


@pytest.fixture(scope="session")
def hub() -> Iterator[Hub]:
    """Make the hub from nothing but what is installed, run it, and end it; nothing of it may be left."""
    shutil.rmtree(SCREENSHOTS, ignore_errors=True)
    SCREENSHOTS.mkdir(parents=True)
    layout = Layout(ROOT, prefix=PREFIX, students=DEMO_STUDENTS)
    line, environment = command("clean", "--keep-installed")
    if ROOT.exists():
        subprocess.run(line, env=environment, check=True, capture_output=True)
    line, environment = command("--only-install")
    subprocess.run(line, env=environment, check=True, timeout=HOUR)
    port = free_port()
    line, environment = command(port=port)
    process = subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = ""
    while "hub-clean" not in told:
        more = process.stdout.readline()
        assert more, f"the hub did not come up: {told}"
        told += more
    try:
        yield Hub(f"http://127.0.0.1:{port}", layout, accounts.passwords(layout))
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=90)
        shutil.copy(layout.state / LOG, SCREENSHOTS)
    assert process.returncode == 0
    assert left_running(layout) == []
    line, environment = command("clean", *["--keep-installed"] * (os.environ.get("HUB_TESTS") == KEEP))
    subprocess.run(line, env=environment, check=True, capture_output=True)
    assert accounts.own_accounts(layout) == []


def left_running(layout: Layout) -> list[str]:
    """Return the command lines of what still runs of the hub."""
    uids = {user.pw_uid for user in accounts.own_accounts(layout)}
    left = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # one that has just ended
            line = " ".join(process.cmdline())
            if process.uids().real in uids or str(layout.root) in line:
                left.append(line)
    return left


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as tool:
        chromium = tool.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def person(hub: Hub, browser: Any) -> Iterator[Callable[[str], Person]]:
    """Give people by name, each at a browser of their own in which they have logged in."""
    people: dict[str, Person] = {}

    def called(name: str) -> Person:
        if name not in people:
            someone = Person(hub, browser, hub.layout.prefix + name)
            teaches = name == "instructor"
            someone.log_in("/services/deep-learning/formgrader" if teaches else "/hub/login")
            people[name] = someone
            someone.page.wait_for_url("**/formgrader/**" if teaches else "**/lab**")
            if not teaches:
                someone.page.wait_for_selector("#jupyterlab-splash", state="detached")
        return people[name]

    yield called
    for someone in people.values():
        someone.context.close()
