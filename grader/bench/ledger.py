"""The file that keeps what was measured, one line for each graded class, as soon as it was graded."""

from __future__ import annotations

from pathlib import Path

import msgspec

from grader.errors import ConfigError

__all__ = ["Key", "Ledger", "Measurement"]

Key = tuple[str, str, int, int]


class Measurement(msgspec.Struct, frozen=True):
    """
    One class, graded once by one contender.

    Args:
        assignment: such as "backprop".
        contender: such as "stock".
        students: size of the class; each hands in all notebooks of the assignment.
        notebooks: of the assignment.
        workers: processes that grade at the same time.
        wall_seconds: start to exit, start-up included.
        cpu_seconds: user and system time of all processes.
        cpu_complete: whether processes that nobody waited for are among them.
        peak_bytes: largest sum of proportional set sizes of all processes, at any sample.
        machine: processor and cores.
        versions: of Python, nbgrader and what else the seconds depend on.
        date: day and time of the start, UTC.
    """

    assignment: str
    contender: str
    students: int
    notebooks: int
    workers: int
    wall_seconds: float
    cpu_seconds: float
    cpu_complete: bool
    peak_bytes: int
    machine: str
    versions: dict[str, str]
    date: str

    @property
    def key(self) -> Key:
        """Return what was measured, whenever that was."""
        return self.assignment, self.contender, self.workers, self.students


class Ledger:
    """
    The measurements of one machine.

    Args:
        path: the file, JSON lines; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[Key, Measurement]:
        """
        Return the latest measurement of each kind.

        Raises:
            ConfigError: a line can't be read.
        """
        found: dict[Key, Measurement] = {}
        lines = self.path.read_bytes().splitlines() if self.path.exists() else []
        for number, line in enumerate(lines, start=1):
            try:
                measurement = msgspec.json.decode(line, type=Measurement)
            except msgspec.MsgspecError as error:
                raise ConfigError(
                    f"Line {number} of {self.path} is no measurement ({error}). Remove the line."
                ) from None
            found[measurement.key] = measurement
        return found

    def add(self, measurement: Measurement) -> None:
        """Write the measurement below the others."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write(msgspec.json.encode(measurement) + b"\n")
