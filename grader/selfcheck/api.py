"""The call from a notebook: the same as the page, in JSON, with the token of the student's server."""

from __future__ import annotations

import time
from http import HTTPStatus

import msgspec
from tornado.web import HTTPError

from grader.errors import SubmissionError
from grader.selfcheck import pages
from grader.selfcheck.handlers import Ours
from grader.selfcheck.jobs import Allowance, Answer, Job, LimitReached, State

__all__ = ["CheckCall", "ChecksCall"]


class Offered(msgspec.Struct, frozen=True):
    """What can be asked for: assignment/notebook, and how often."""

    name: str
    allowance: Allowance


class Told(msgspec.Struct, frozen=True):
    """
    A request as a program sees it.

    Args:
        number: which.
        name: assignment/notebook.
        state: how far it is.
        position: in the queue; 0 where it does not wait.
        ask_again_seconds: when to look again.
        allowance: how often more the student may ask.
        answer: None until it is done.
    """

    number: int
    name: str
    state: State
    position: int
    ask_again_seconds: float
    allowance: Allowance
    answer: Answer | None


class Call(Ours):
    """A handler whose errors are JSON, and who sends nobody to a login."""

    def who_is_it(self) -> None:
        """Refuse: a program can't log in."""
        self.current_user = None
        raise HTTPError(HTTPStatus.FORBIDDEN)

    def write_error(self, status_code: int, **_: object) -> None:
        """Say in JSON what is wrong."""
        self.tell({"error": " ".join(pages.ERRORS.get(status_code, pages.OTHER_ERROR))})

    def tell(self, value: object) -> None:
        """Answer with *value*."""
        self.set_header("Content-Type", "application/json")
        self.finish(msgspec.json.encode(value))

    def tell_job(self, job: Job) -> None:
        """Answer with a request as it stands."""
        allowance = self.desk.queue.allowance(self.student, job.assignment, time.time())
        name = f"{job.assignment}/{job.notebook}"
        seconds = pages.look_again_seconds(job)
        self.tell(Told(job.number, name, job.state, job.position, seconds, allowance, job.answer))


class ChecksCall(Call):
    """What can be asked for, and asking."""

    def get(self) -> None:
        """Tell what is open to the student."""
        now = time.time()
        self.tell(
            [
                Offered(f"{each.name}/{notebook}", self.desk.queue.allowance(self.student, each.name, now))
                for each in self.desk.course.open_to(self.student, now)
                for notebook in each.notebooks
            ]
        )

    def post(self) -> None:
        """Take a notebook in: the body is the file, its name and a key stand in the address."""
        named = self.get_query_argument("notebook", "")
        key = self.get_query_argument("key", "")
        try:
            job = self.desk.take_in(self.student, named, self.request.body, key)
        except SubmissionError as error:
            self.set_status(HTTPStatus.BAD_REQUEST)
            self.tell({"error": str(error)})
        except LimitReached as reached:
            now = time.time()
            free_at = reached.allowance.free_at or now
            self.set_status(HTTPStatus.TOO_MANY_REQUESTS)
            self.set_header("Retry-After", str(max(1, round(free_at - now))))
            self.tell({"error": pages.limit_line(reached.allowance, now)})
        else:
            self.set_status(HTTPStatus.ACCEPTED)
            self.tell_job(job)


class CheckCall(Call):
    """One request."""

    def get(self, number: str) -> None:
        """Tell how far it is; that of somebody else is not there."""
        job = self.desk.queue.find(int(number), self.student)
        if job is None:
            raise HTTPError(HTTPStatus.NOT_FOUND)
        self.tell_job(job)
