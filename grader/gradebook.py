"""Whether nbgrader's gradebook can be opened, told in one line where it can't."""

from __future__ import annotations

from nbgrader.api import Gradebook
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from grader.errors import ConfigError

__all__ = ["SQLITE", "try_gradebook"]

SQLITE = "sqlite:///"
OF_A_FILE = (
    "Is it a gradebook of nbgrader's, and may you write to it? If it is damaged, put a backup in its place."
)
OF_A_SERVER = (
    "Is its server running, and are address, name and password right? The driver for PostgreSQL comes with "
    "pip install '.[postgres]'."
)


def try_gradebook(url: str, course_id: str) -> None:
    """
    Open the gradebook once, and close it.

    Raises:
        ConfigError: it can't be opened; the message hides the password that *url* may have.
    """
    known = "that CourseDirectory.db_url names"
    try:
        known = make_url(url).render_as_string()  # with *** for the password
        Gradebook(url, course_id).close()
    except (SQLAlchemyError, ImportError) as error:
        why = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        ask = OF_A_FILE if url.startswith(SQLITE) else OF_A_SERVER
        raise ConfigError(f"The gradebook {known} can't be opened: {why}. {ask}") from None
