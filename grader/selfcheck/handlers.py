"""The page: who comes in, what they see, what they send."""

from __future__ import annotations

import hashlib
import secrets
import time
from http import HTTPStatus
from typing import Any

import msgspec
from jupyterhub.services.auth import HubOAuthCallbackHandler, HubOAuthenticated, UserNotAllowed
from tornado.web import HTTPError, RequestHandler

from grader.errors import SubmissionError
from grader.selfcheck import pages
from grader.selfcheck.course import OpenCourse
from grader.selfcheck.grading import Grading
from grader.selfcheck.jobs import Job, LimitReached, Request
from grader.selfcheck.queue import Queue
from grader.selfcheck.settings import SelfCheck

__all__ = ["Callback", "CheckPage", "Desk", "FrontPage", "Ours", "StaticFile"]

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class Desk(msgspec.Struct, frozen=True):
    """What the handlers share."""

    course: OpenCourse
    queue: Queue
    grading: Grading
    settings: SelfCheck

    def take_in(self, student: str, named: str, data: bytes, key: str) -> Job:
        """
        Take a request in.

        Args:
            student: who asks.
            named: assignment/notebook.
            data: the file.
            key: of this request; the same key and file again are the same request.

        Raises:
            SubmissionError: the file, or what it is said to be, can't be checked.
            LimitReached: the student has asked as often as they may.
        """
        now = time.time()
        assignment, _, notebook = named.partition("/")
        submission = self.course.submission(student, assignment, notebook, data, now)
        content = msgspec.json.encode(submission)
        # Another file is another request, even from a form whose key a browser has kept.
        whole = hashlib.sha256((key or new_key()).encode() + content).hexdigest()
        job = self.queue.ask(Request(student, assignment, notebook, whole, content), now)
        self.grading.wake()
        return job


def new_key() -> str:
    """Return the key of a request that nobody else has."""
    return secrets.token_urlsafe(16)


class Ours(HubOAuthenticated, RequestHandler):  # type: ignore[misc]
    """A handler for the course's people, whom the hub names."""

    @property
    def desk(self) -> Desk:
        """What the handlers share."""
        found: Desk = self.settings["desk"]
        return found

    @property
    def student(self) -> str:
        """The account of whoever asks."""
        return str(self.current_user["name"])

    def set_default_headers(self) -> None:
        """Let no other page in, and nothing stay behind."""
        for name, value in HEADERS.items():
            self.set_header(name, value)

    async def prepare(self) -> None:
        """Ask the hub who it is; without waiting for it, others are served meanwhile."""
        model: dict[str, Any] | None = await self.hub_auth.get_user(self, sync=False)
        if model is None:
            self.who_is_it()
            return
        try:
            self.check_hub_user(model)
        except UserNotAllowed:
            raise HTTPError(HTTPStatus.FORBIDDEN) from None
        course = self.desk.course.course_id
        groups = {f"nbgrader-{course}", f"formgrade-{course}"}
        if model.get("kind") != "user" or not groups & set(model.get("groups", ())):
            raise HTTPError(HTTPStatus.FORBIDDEN)
        self.current_user = model

    def who_is_it(self) -> None:
        """Send a browser to the hub's login; what was sent without one is refused."""
        self.current_user = None
        if self.request.method != "GET":
            raise HTTPError(HTTPStatus.FORBIDDEN)
        self.redirect(self.get_login_url())

    def write_error(self, status_code: int, **_: object) -> None:
        """Say on a page what is wrong."""
        self.finish(pages.error(self.hub_auth.base_url, status_code))


class FrontPage(Ours):
    """What can be asked for, the form, and the student's last requests."""

    def get(self) -> None:
        """Show the page."""
        self._show()

    def post(self) -> None:
        """Take a file in, and go where its answer will stand."""
        files = self.request.files.get("file", [])
        if not files or not files[0]["body"]:
            self._show("Choose the notebook's file first.", HTTPStatus.BAD_REQUEST)
            return
        named = self.get_body_argument("notebook", "")
        try:
            job = self.desk.take_in(self.student, named, files[0]["body"], self.get_body_argument("key", ""))
        except SubmissionError as error:
            self._show(str(error), HTTPStatus.BAD_REQUEST)
        except LimitReached as reached:
            self._show(pages.limit_line(reached.allowance, time.time()), HTTPStatus.TOO_MANY_REQUESTS)
        else:
            self.redirect(f"{self.hub_auth.base_url}checks/{job.number}", status=HTTPStatus.SEE_OTHER)

    def _show(self, trouble: str = "", status: HTTPStatus = HTTPStatus.OK) -> None:
        now = time.time()
        offers = [
            pages.Offer(
                each, each.due_for(self.student), self.desk.queue.allowance(self.student, each.name, now)
            )
            for each in self.desk.course.open_to(self.student, now)
        ]
        self.set_status(status)
        self.finish(
            pages.front(
                base=self.hub_auth.base_url,
                student=self.student,
                offers=offers,
                latest=self.desk.queue.latest(self.student),
                settings=self.desk.settings,
                trouble=trouble,
                key=new_key(),
                xsrf=self.xsrf_token,
                now=now,
            )
        )


class CheckPage(Ours):
    """One request: how far it is, and its answer."""

    def get(self, number: str) -> None:
        """Show it; that of somebody else is not there."""
        job = self.desk.queue.find(int(number), self.student)
        if job is None:
            raise HTTPError(HTTPStatus.NOT_FOUND)
        allowance = self.desk.queue.allowance(self.student, job.assignment, time.time())
        self.finish(
            pages.check(
                base=self.hub_auth.base_url,
                student=self.student,
                job=job,
                allowance=allowance,
                xsrf=self.xsrf_token,
                now=time.time(),
            )
        )


class StaticFile(RequestHandler):
    """The style sheet and the script, which are everybody's."""

    def get(self, name: str) -> None:
        """Send it."""
        self.set_header("Content-Type", pages.STATIC[name])
        self.set_header("Cache-Control", "max-age=600")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.finish(pages.static(name))


class Callback(HubOAuthCallbackHandler):  # type: ignore[misc]
    """Where the hub sends somebody who has logged in."""
