"""Every message that crosses the wall, as a declared type; whatever does not decode into one is refused."""

from __future__ import annotations

from typing import Literal

import msgspec

from .nodes import Generator, Node

__all__ = [
    "Answer",
    "AnswerError",
    "Asked",
    "Call",
    "CellDone",
    "Display",
    "ErrorOutput",
    "Failed",
    "Forked",
    "Has",
    "HasReply",
    "Output",
    "Ready",
    "Reply",
    "Report",
    "Request",
    "Returned",
    "RunCell",
    "SeedAll",
    "Setup",
    "StandIn",
    "Start",
    "Stream",
    "Unplain",
    "Warm",
]


# --- outputs of cells, as nbformat knows them ---------------------------------------------------------


class Stream(msgspec.Struct, frozen=True, tag="stream", tag_field="output_type"):
    """Text that was printed."""

    name: Literal["stdout", "stderr"]
    text: str


class Display(msgspec.Struct, frozen=True, tag="display_data", tag_field="output_type"):
    """A rich display, by MIME type; binary data as base64."""

    data: dict[str, str]
    metadata: dict[str, str] = {}


class Result(msgspec.Struct, frozen=True, tag="execute_result", tag_field="output_type"):
    """The value of a cell's last expression."""

    data: dict[str, str]
    execution_count: int
    metadata: dict[str, str] = {}


class ErrorOutput(msgspec.Struct, frozen=True, tag="error", tag_field="output_type"):
    """The exception that ended the cell."""

    ename: str
    evalue: str
    traceback: list[str]


Output = Stream | Display | Result | ErrorOutput


# --- to the student's process -------------------------------------------------------------------------


class RunCell(msgspec.Struct, frozen=True, tag="run"):
    """Run one cell; *label* is what a traceback calls it, *output_bytes* what it may still print and draw."""

    number: int
    source: str
    label: str
    output_bytes: int


class Call(msgspec.Struct, frozen=True, tag="call"):
    """
    Call the global *name*, or the held object *handle* where it is not None.

    Args:
        number: is repeated in the replies.
        method: call this attribute of it instead of itself; empty for itself.
        batch: the positional arguments of each call; one reply comes back for each.
        kwargs: name → value; the same for each call.
        opaque: indices of the returned tuple that stay there; [-1]: all of the return value.
        observe: send the arguments back too, as they are afterwards.
        count: names whose calls are counted meanwhile.
        release: held objects that nobody needs any more.
    """

    number: int
    name: str
    handle: int | None
    method: str
    batch: list[list[Node]]
    kwargs: dict[str, Node]
    opaque: list[int]
    observe: bool
    count: list[str]
    release: list[int]


class StandIn(msgspec.Struct, frozen=True, tag="stand_in"):
    """Put proxies in the place of these globals; everything that had one before gets its own back."""

    number: int
    names: list[str]


class Has(msgspec.Struct, frozen=True, tag="has"):
    """Ask whether *name* is something callable."""

    number: int
    name: str


class SeedAll(msgspec.Struct, frozen=True, tag="seed"):
    """Seed what draws without a generator of its own: random, NumPy's legacy generator, PyTorch."""

    number: int
    seed: int


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """What the trusted function gave for an Asked; *generators*: how it left the generators it was given."""

    value: Node
    generators: list[Generator]


class AnswerError(msgspec.Struct, frozen=True, tag="answer_error"):
    """The trusted function, or its guard, refused the arguments of an Asked."""

    kind: str
    text: str


Request = RunCell | Call | StandIn | Has | SeedAll | Answer | AnswerError


# --- from the student's process -----------------------------------------------------------------------


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The first frame of a fork, before any cell: the doors are closed; else why they could not be."""

    problem: str = ""


class CellDone(msgspec.Struct, frozen=True, tag="cell_done"):
    """A cell ended; *error* is one line, empty if all went well."""

    number: int
    outputs: list[Output]
    error: str


class Returned(msgspec.Struct, frozen=True, tag="returned"):
    """A call's value, and where it was observed its arguments afterwards and the counts."""

    number: int
    value: Node
    args_after: list[Node] = []
    kwargs_after: dict[str, Node] = {}
    calls: dict[str, int] = {}


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """
    A call raised, or there is nothing to call.

    Args:
        kind: the exception's type name; "missing" or "not callable" where nothing was called.
        unwritten: it is a NotImplementedError; *where* names the function that raised it.
    """

    number: int
    kind: str
    text: str
    traceback: str
    unwritten: bool = False
    where: str = ""


class Unplain(msgspec.Struct, frozen=True, tag="unplain"):
    """A call returned what can't cross: *what* completes "forward returned ..."; *too_large*: by its size."""

    number: int
    what: str
    too_large: bool = False


class HasReply(msgspec.Struct, frozen=True, tag="has_reply"):
    """Answers Has, StandIn and SeedAll."""

    number: int
    found: bool


class Asked(msgspec.Struct, frozen=True, tag="asked"):
    """The student's code calls a stand-in."""

    name: str
    args: list[Node]
    kwargs: dict[str, Node]


Reply = Ready | CellDone | Returned | Failed | Unplain | HasReply | Asked


# --- between the trusted side and the zygote or the keeper of a fork ----------------------------------


class Setup(msgspec.Struct, frozen=True, tag="setup"):
    """
    The zygote's first message.

    Args:
        imports: top-level packages to import before any fork, since the notebook may use them.
        allowed: every top-level name that a cell may import, beside the standard library.
        walled: whether bubblewrap stands around it; False for isolation "none".
    """

    imports: list[str]
    allowed: list[str]
    walled: bool


class Start(msgspec.Struct, frozen=True, tag="start"):
    """
    Fork a student's process. Three descriptors come with it: its channel, its keeper's control, and the
    packed files of the course that stand beside the notebook.
    """

    memory_bytes: int
    processes: int
    open_files: int
    scratch_bytes: int
    frame_bytes: int
    order_bytes: int
    gpu: bool
    seccomp: bytes


class Warm(msgspec.Struct, frozen=True, tag="warm"):
    """The zygote is ready to fork; else what went wrong."""

    problem: str = ""


class Forked(msgspec.Struct, frozen=True, tag="forked"):
    """The zygote forked; else what went wrong."""

    problem: str = ""


class Report(msgspec.Struct, frozen=True, tag="report"):
    """
    The keeper's last word: the student's process and all that it started are gone.

    Args:
        cause: "memory", "processes", "told" (it was asked to end it), or "died".
        exit_code: the exit code; negative: the signal that ended it.
    """

    cause: str
    exit_code: int
