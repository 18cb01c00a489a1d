"""A course that is released, and the service that checks its notebooks."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.apps import NbGraderAPI
from traitlets.config import PyFileConfigLoader

from grader.demo.papers import Book

REPOSITORY = Path(__file__).parents[2]
PREFIX = "/services/self-check/"
ASSIGNMENT = NOTEBOOK = "activations"
NAME = f"{ASSIGNMENT}/{NOTEBOOK}"
STUB = Path(__file__).parent / "stub_service.py"
UP_SECONDS = 60


def make_course(root: Path, exchange: Path) -> Path:
    """Make a course with one assignment, which is released; another one, `l2`, is not."""
    root.mkdir()
    exchange.mkdir()
    exchange.chmod(0o777)
    shutil.copy(REPOSITORY / "nbgrader_config.py", root)
    set_up(root, f"c.Exchange.root = {str(exchange)!r}")
    for name in (ASSIGNMENT, "l2"):
        shutil.copytree(REPOSITORY / "source" / name, root / "source" / name)
    for name in (ASSIGNMENT, "l2"):
        result = api(root).generate_assignment(name)
        assert result["success"], result
    result = api(root).release_assignment(ASSIGNMENT)
    assert result["success"], result
    return root


def set_up(course: Path, line: str) -> None:
    """Add a setting to the course's own."""
    with (course / "nbgrader_config.py").open("a") as file:
        file.write(f"\n{line}\n")


def api(course: Path) -> NbGraderAPI:
    """Return nbgrader's Python interface of a course."""
    config = PyFileConfigLoader("nbgrader_config.py", path=str(course)).load_config()
    config.CourseDirectory.root = str(course)
    return NbGraderAPI(config=config)


def book() -> Book:
    """Return what fills the assignment's notebook."""
    source = REPOSITORY / "source" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    return Book(ASSIGNMENT, NOTEBOOK, source, REPOSITORY / "release" / ASSIGNMENT / source.name)


def file_of(notebook: nbformat.NotebookNode) -> bytes:
    """Return a notebook as it is sent."""
    return bytes(nbformat.writes(notebook).encode())


class Service:
    """The service of a course; it can be killed and started again, at the same address."""

    def __init__(self, course: Path, hub: str, *, stub: bool = False, **environment: str) -> None:
        self.course = course
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}{PREFIX}"
        self._command = [str(STUB), str(self.port)] if stub else ["-m", "grader.selfcheck"]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
        self._environment = kept | {
            "JUPYTERHUB_API_TOKEN": "of-the-service",
            "JUPYTERHUB_API_URL": f"{hub}/hub/api",
            "JUPYTERHUB_HOST": hub,
            "JUPYTERHUB_BASE_URL": "/",
            "JUPYTERHUB_CLIENT_ID": "service-self-check",
            "JUPYTERHUB_OAUTH_CALLBACK_URL": f"{self.address}oauth_callback",
            "JUPYTERHUB_OAUTH_ACCESS_SCOPES": '["access:services!service=self-check"]',
            "JUPYTERHUB_SERVICE_NAME": "self-check",
            "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
            "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{self.port}",
            **environment,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.course.parent / "service.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self._command],
                cwd=self.course,
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + UP_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.1)
        raise AssertionError(f"the service did not come up:\n{self.log()[-3000:]}")

    def kill(self) -> None:
        """Kill it in the middle of whatever it does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def stop(self) -> int:
        """End it as the hub does; return its exit status."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.terminate()
        return self._process.wait(30)

    def wait(self) -> int:
        """Wait until it ends by itself; return its exit status."""
        assert self._process is not None
        return self._process.wait(30)

    def log(self) -> str:
        """Return what it said."""
        return (self.course.parent / "service.log").read_text()

    def ask(self, token: str, data: bytes, name: str = NAME, key: str = "") -> tuple[int, Any]:
        """Send a notebook; return status and reply."""
        query = urllib.parse.urlencode({"notebook": name, "key": key})
        return self.call(token, f"api/checks?{query}", data)

    def call(self, token: str, path: str, data: bytes | None = None) -> tuple[int, Any]:
        """Call the API with a token; return status and reply."""
        headers = {"Authorization": f"token {token}"} if token else {}
        request = urllib.request.Request(self.address + path, data, headers)  # noqa: S310 - our own service
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def answer(self, token: str, number: int, seconds: float = 120) -> Any:
        """Wait for the answer of a request."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, http.client.HTTPException):
                status, told = self.call(token, f"api/checks/{number}")
                assert status == 200, told
                if told["state"] == "done":
                    return told["answer"]
            time.sleep(0.2)
        raise AssertionError(f"no answer within {seconds} s:\n{self.log()[-3000:]}")


@contextlib.contextmanager
def service_of(course: Path, hub: str, *, stub: bool = False, **environment: str) -> Iterator[Service]:
    """Run the service as long as the context lasts."""
    service = Service(course, hub, stub=stub, **environment)
    service.start()
    try:
        yield service
    finally:
        service.stop()
