"""What the buttons of the page call, and the page with the buttons."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader
from jupyter_server.utils import url_path_join
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.server_extensions.formgrader import handlers as stock
from nbgrader.server_extensions.formgrader.base import (
    BaseApiHandler,
    BaseHandler,
    check_notebook_dir,
    check_xsrf,
)
from tornado import web

from grader.errors import ConfigError
from grader.formgrader.class_run import ClassRun
from grader.report import class_report

__all__ = ["load"]

HERE = Path(__file__).parent
THEIRS = FileSystemLoader([stock.template_path])
PAGES = Environment(
    loader=ChoiceLoader([FileSystemLoader([str(HERE)]), PrefixLoader({"nbgrader": THEIRS}), THEIRS]),
    autoescape=True,
)
# The report runs nothing and fetches nothing, and what students wrote can't make it.
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
RUN = "grader_class_run"  # in the server's settings: one run at a time, as there is one gradebook


class SubmissionsPage(stock.ManageSubmissionsHandler):  # type: ignore[misc]
    """nbgrader's page of an assignment's submissions, with the button in place of its hint."""

    def render(self, name: str, **values: Any) -> str:
        """Render our template, which extends nbgrader's of the same name."""
        return PAGES.get_template(name).render(**values)


class ReportPage(BaseHandler):  # type: ignore[misc]
    """The class report of an assignment, as it is now."""

    @web.authenticated
    @check_notebook_dir
    async def get(self, assignment: str) -> None:
        """Show it; 404 and the reason where nothing is graded yet."""
        try:
            # Reads a record for each notebook: seconds for a large class, which others don't wait for.
            page = await asyncio.to_thread(class_report, Path(self.coursedir.root), assignment)
        except ConfigError as error:
            self.set_status(404)
            values = {"assignment_id": assignment, "base_url": self.base_url, "reason": str(error)}
            self.write(PAGES.get_template("no_report.tpl").render(**values))
            return
        self.set_header("Content-Security-Policy", REPORT_POLICY)
        self.set_header("Cache-Control", "no-store")
        self.write(page)


class ClassHandler(BaseApiHandler):  # type: ignore[misc]
    """Starts, shows and stops a run over a class."""

    @web.authenticated
    @check_xsrf
    @check_notebook_dir
    def post(self, assignment: str) -> None:
        """Start a run; 409 where one is going on, 404 where the assignment is unknown."""
        run: ClassRun | None = self.settings.get(RUN)
        if run is not None and run.state().running:
            self._refuse(409, f"{run.assignment} is being graded. Wait till it is done, or stop it.")
            return
        try:
            with Gradebook(self.db_url, self.coursedir.course_id) as gradebook:
                gradebook.find_assignment(assignment)
        except MissingEntry:
            self._refuse(404, f"The gradebook does not know the assignment {assignment!r}. Release it first.")
            return
        again = self.get_body_argument("again", "false") == "true"
        self.settings[RUN] = ClassRun(Path(self.coursedir.root), assignment, again=again)
        self._tell(assignment)

    @web.authenticated
    @check_notebook_dir
    def get(self, assignment: str) -> None:
        """Tell how far the last run of this assignment is; 404 where there was none."""
        self._tell(assignment)

    @web.authenticated
    @check_xsrf
    @check_notebook_dir
    def delete(self, assignment: str) -> None:
        """Stop the run of this assignment."""
        run: ClassRun | None = self.settings.get(RUN)
        if run is not None and run.assignment == assignment:
            run.stop()
        self._tell(assignment)

    def _tell(self, assignment: str) -> None:
        run: ClassRun | None = self.settings.get(RUN)
        if run is None or run.assignment != assignment:
            self._refuse(404, f"{assignment} was not graded from this page.")
            return
        self.set_header("Content-Type", "application/json")
        self.finish(msgspec.json.encode(run.state()))

    def _refuse(self, status: int, reason: str) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(msgspec.json.encode({"message": reason}))


def load(server: Any) -> None:
    """
    Add the buttons to a Jupyter server.

    Extensions are loaded in the order of their names and the first handler of an address answers, so ours
    comes before nbgrader's; whether it still does, a test asks a real server.
    """

    def at(path: str) -> str:
        return str(url_path_join(server.web_app.settings["base_url"], path))

    server.web_app.add_handlers(
        ".*$",
        [
            (at(r"/formgrader/manage_submissions/([^/]+)/?"), SubmissionsPage),
            (at(r"/formgrader/class_report/([^/]+)/?"), ReportPage),
            (at(r"/formgrader/api/class/([^/]+)/autograde"), ClassHandler),
        ],
    )
