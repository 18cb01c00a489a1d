"""The way in: `python -m grader.selfcheck`, started by the hub in the course's folder; see deploy/."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from tornado.httpserver import HTTPServer
from tornado.web import Application, RedirectHandler, RequestHandler

from grader import pipeline, secret
from grader.config import Config
from grader.errors import ConfigError, GraderError
from grader.pool.folder import clear_away
from grader.pool.local import LocalWorkers
from grader.regrade.course import open_settings
from grader.selfcheck.api import CheckCall, ChecksCall
from grader.selfcheck.course import OpenCourse
from grader.selfcheck.grading import Grading, SeededWorkers
from grader.selfcheck.handlers import Callback, CheckPage, Desk, FrontPage, StaticFile
from grader.selfcheck.queue import Queue
from grader.selfcheck.settings import SelfCheck

__all__ = ["main", "serve"]

DATABASE = "selfcheck.db"
NICENESS = 5  # a class that is graded at the same time goes first, but not so far that time limits lie
SPARE_BYTES = 12 * 2**20  # beyond the largest file, so that too large ones get an answer that says so


def _self_test(config: Config) -> None:
    with pipeline.sandbox_of(config) as sandbox:
        sandbox.self_test()


async def serve(
    course: Path,
    prefix: str,
    address: tuple[str, int],
    workers_of: Callable[[Config, int], SeededWorkers] = LocalWorkers,
    self_test: Callable[[Config], None] = _self_test,
) -> None:
    """
    Serve until a signal says to end; what is in the queue then stays there.

    Args:
        course: the course folder.
        prefix: the path that the service has at the hub, such as "/services/self-check/".
        address: host and port to listen on.
        workers_of: makes those who grade, so many as the settings say.
        self_test: raises WallError where nothing may be graded.

    Raises:
        ConfigError: the course's settings can't be read, or another service or program is there.
    """
    app = open_settings(course)
    settings = SelfCheck(config=app.config)
    open_course = OpenCourse(app, settings)
    config = open_course.config
    queue = Queue(config.course / DATABASE, settings.limit, settings.window_seconds)
    workers = workers_of(config, settings.jobs)
    grading = Grading(queue, workers, config, lambda: self_test(config), settings.keep_seconds)
    size = settings.file_bytes + SPARE_BYTES
    application = _application(Desk(open_course, queue, grading, settings), prefix, config)
    server = HTTPServer(application, max_body_size=size, max_buffer_size=size)
    try:
        _listen(server, address)
        task = asyncio.create_task(grading.run())
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task  # for ever, or until a signal
    finally:
        server.stop()
        workers.close()
        queue.close()


def _listen(server: HTTPServer, address: tuple[str, int]) -> None:
    try:
        server.listen(address[1], address[0])
    except OSError as error:
        raise ConfigError(
            f"{address[0]}:{address[1]} can't be listened on: {error.strerror}. If another program does, it "
            "gets what students send, and their tokens: find it (ss -ltnp), end it, and start the hub anew; "
            "or name another port in HUB_INNER_PORTS."
        ) from None


def _application(desk: Desk, prefix: str, config: Config) -> Application:
    routes: list[tuple[str, type[RequestHandler]]] = [
        ("", FrontPage),
        (r"checks/(\d{1,15})", CheckPage),
        ("api/checks", ChecksCall),
        (r"api/checks/(\d{1,15})", CheckCall),
        ("oauth_callback", Callback),
        (r"static/(style\.css|page\.js)", StaticFile),
    ]
    # Not drawn anew at each start: a page that is open when the service is restarted can still be sent.
    key = secret.read_or_create(config.course)
    cookies = hashlib.blake2b(b"cookies of the self-check", key=key, digest_size=32).digest()
    handlers = [(prefix + route, handler) for route, handler in routes]
    bare = (re.escape(prefix.rstrip("/")), RedirectHandler, {"url": prefix, "permanent": False})
    return Application([*handlers, bare], desk=desk, cookie_secret=cookies)


def _address() -> tuple[str, int]:
    url = urlsplit(os.environ.get("JUPYTERHUB_SERVICE_URL", ""))
    if not url.hostname or not url.port:
        raise ConfigError(
            "JUPYTERHUB_SERVICE_URL is not set: this is a service that a JupyterHub starts, as "
            "deploy/jupyterhub_config.py has it. To try it out: make hub"
        )
    return url.hostname, url.port


def main() -> None:
    """Run the service; a mistake of the user is one clear line and exit status 2."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("tornado.access").setLevel(logging.WARNING)  # pages that look again ask every second
    try:
        address = _address()
        prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "/")
        os.nice(NICENESS)
        clear_away()
        asyncio.run(serve(Path.cwd(), prefix, address))
    except GraderError as error:
        sys.stderr.write(f"self-check: {error}\n")
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
