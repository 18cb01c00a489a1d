"""The settings of the self-check, in the course's nbgrader_config.py."""

from __future__ import annotations

from traitlets import Bool, Float, Int
from traitlets.config import Configurable

__all__ = ["SelfCheck"]


class SelfCheck(Configurable):  # type: ignore[misc]
    """How often, how long and how many."""

    limit = Int(
        10, min=1, help="Self-checks that a student may ask for in an assignment, within the window."
    ).tag(config=True)
    window_hours = Float(24.0, min=0.001, help="The window of the limit, in hours.").tag(config=True)
    after_deadline = Bool(
        False, help="Whether self-checks go on after an assignment is due, for those who practise."
    ).tag(config=True)
    keep_days = Float(30.0, min=0.0, help="Days that a result is kept.").tag(config=True)
    jobs = Int(2, min=1, help="Self-checks that are graded at the same time.").tag(config=True)
    mebibytes = Float(4.0, min=0.01, help="The largest file that can be sent.").tag(config=True)

    @property
    def window_seconds(self) -> float:
        """The window of the limit."""
        return float(self.window_hours * 3600)

    @property
    def keep_seconds(self) -> float:
        """How long a result is kept."""
        return float(self.keep_days * 24 * 3600)

    @property
    def file_bytes(self) -> int:
        """The largest file that can be sent."""
        return int(self.mebibytes * 2**20)
