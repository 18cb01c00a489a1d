"""What a large class hands in: honest work, a quarter broken or hostile, each with what it must earn."""

from __future__ import annotations

import itertools
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import nbformat

from grader.demo import mischief
from grader.demo.papers import Book, Loss, Paper

__all__ = ["HandedIn", "Kind", "kinds", "mix"]

SEED = 20260601
TOO_LARGE = 17 * 2**20  # bytes; grader.config.Config.notebook_bytes is less
SCRIPT = "the-script-ran"


def _as_it_is(folder: Path) -> None:
    """Leave what was handed in as it is."""


class Kind(msgspec.Struct, frozen=True):
    """
    One kind of submission.

    Args:
        name: for the table.
        share: how many of a thousand.
        papers: one of them after the other, for ever.
        hostile: whether it is broken or meant to do harm.
        flagged: whether a person must be asked, and nothing graded.
        seconds: what one takes a worker on an idle core, for the estimate.
        spoil: what is done to the folder that was handed in.
    """

    name: str
    share: int
    papers: Iterator[Paper]
    hostile: bool = True
    flagged: bool = False
    seconds: float = 0.3
    spoil: Callable[[Path], None] = _as_it_is


class HandedIn(msgspec.Struct, frozen=True):
    """What one student has handed in."""

    student: str
    kind: Kind
    paper: Paper


def kinds(book: Book, course: Path) -> list[Kind]:
    """
    Return every kind of submission of the notebook `activations`.

    Args:
        book: the notebook.
        course: the real course folder, which some of them look for.
    """
    return [*_honest(book), *_broken_code(book), *_cheating(book, course), *_rough(book), *_odd_files(book)]


def mix(every: list[Kind], students: int) -> list[HandedIn]:
    """
    Make up a class, the same each time: every kind by its share, but at least once where there is room.

    Returns:
        The class by name of student, the kinds in no order.
    """
    if students < len(every):
        chosen = [every[place * len(every) // students] for place in range(students)]
    else:
        rest, total = students - len(every), sum(kind.share for kind in every)
        ends = list(itertools.accumulate(kind.share for kind in every))
        points = [(place + 0.5) * total / rest for place in range(rest)]
        chosen = every + [next(k for k, end in zip(every, ends, strict=True) if at < end) for at in points]
    random.Random(SEED).shuffle(chosen)
    return [HandedIn(f"student-{n:04}", kind, next(kind.papers)) for n, kind in enumerate(chosen)]


def _honest(book: Book) -> Iterator[Kind]:
    half = book.blanks[len(book.blanks) // 2 :]
    mistakes = [name for name, group in book.checks.misconceptions.items() if group[0].explanation]
    right = itertools.repeat(book.paper())
    styled = itertools.cycle([book.styled(name) for name in book.checks.styles])
    mistaken = itertools.cycle([book.mistaken(name) for name in mistakes])
    yield Kind("right", 160, right, hostile=False)
    yield Kind("right, in an unusual style", 160, styled, hostile=False, seconds=0.4)
    yield Kind("a known misconception", 320, mistaken, hostile=False, seconds=0.5)
    yield Kind("as it was released", 50, _losing(book, left_empty=book.blanks), hostile=False)
    yield Kind("half finished", 60, _losing(book, left_empty=half), hostile=False)


def _broken_code(book: Book) -> Iterator[Kind]:
    yield Kind("a cell that is not Python", 20, _deed(book, "tanh", mischief.syntax_error))
    yield Kind("a function that raises", 20, _deed(book, "relu", mischief.raises))
    yield Kind("a function that never returns", 8, _deed(book, "collapse", mischief.endless), seconds=21.0)
    yield Kind("a function that takes all memory", 10, _deed(book, "softmax", mischief.hoards), seconds=4.0)
    yield Kind("a function that ends its process", 12, _deed(book, "sigmoid", mischief.exits), seconds=0.6)


def _rough(book: Book) -> Iterator[Kind]:
    yield Kind("a fork bomb", 12, _deed(book, "tanh", mischief.forks), seconds=2.0)
    yield Kind("kills what it can reach", 12, _deed(book, "relu", mischief.kills), seconds=0.6)
    yield Kind("leaves a daemon behind", 12, _with_cell(book, mischief.leaves_a_daemon()))
    yield Kind("fills the disk", 12, _with_cell(book, mischief.fills_the_disk()), seconds=0.5)
    yield Kind("floods its output", 12, _with_cell(book, mischief.floods()), seconds=1.0)


def _cheating(book: Book, course: Path) -> Iterator[Kind]:
    edited = book.fill(left_empty=book.blanks)
    mischief.check_cells_edited(edited)
    mischief.with_cell(edited, """print('{"check_sigmoid": 100, "points": 100}')""")
    nothing = dict.fromkeys(book.blanks, Loss.ALL)
    yield Kind("empty, with forged checks and results", 12, itertools.repeat(book.paper(edited, nothing)))

    deleted = book.fill()
    mischief.check_cells_deleted(deleted)
    yield Kind("right, the checks deleted", 12, itertools.repeat(book.paper(deleted)))

    search = mischief.reads_the_machine(str(course), book.signature("sigmoid"), book.solution("sigmoid"))
    spying = book.paper(book.fill({"sigmoid": search}), {"sigmoid": Loss.ALL})
    yield Kind("looks for the hidden checks", 12, itertools.repeat(spying))

    scripted = book.fill()
    mischief.with_script(scripted, SCRIPT)
    yield Kind("right, with script in its output", 12, itertools.repeat(book.paper(scripted)))

    loud = b"raise SystemExit('shadowed')\n"
    shadows = {"numpy.py": loud, "conftest.py": loud, "pytest.py": b"\x00"}
    shadowed = msgspec.structs.replace(book.paper(), beside=shadows, links={"shortcut": "/etc/passwd"})
    yield Kind("right, with modules and a link beside it", 12, itertools.repeat(shadowed))


def _odd_files(book: Book) -> Iterator[Kind]:
    whole = book.paper().content or b""
    garbage = random.Random(SEED).randbytes(20_000)
    deep = b'{"nbformat": 4, "cells": ' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    files = {
        "an empty file": b"",
        "a file cut off in the middle": whole[: len(whole) // 2],
        "binary garbage": garbage,
        "JSON too deep to read": deep,
    }
    for name, content in files.items():
        yield Kind(name, 8, itertools.repeat(book.worthless(content)), seconds=0.0)
    file = f"{book.notebook}.ipynb"
    absent = book.worthless(None)
    linked = msgspec.structs.replace(absent, links={file: "/etc/passwd"})
    yield Kind("a link in place of the file", 8, itertools.repeat(linked), seconds=0.0)

    def piped(folder: Path) -> None:
        os.mkfifo(folder / file)

    def oversized(folder: Path) -> None:
        os.truncate(folder / file, TOO_LARGE)

    def renamed(folder: Path) -> None:
        (folder / file).rename(folder / f"{book.notebook} (1).ipynb")

    yield Kind("a pipe in place of the file", 6, itertools.repeat(absent), seconds=0.0, spoil=piped)
    worthless = itertools.repeat(book.worthless(whole))
    yield Kind("a file too large", 6, worthless, seconds=0.0, spoil=oversized)

    right = itertools.repeat(book.paper())
    undated = itertools.repeat(msgspec.structs.replace(book.paper(), handed_in="yesterday, I think"))
    for name, papers, spoil in (
        ("a folder that is a link", right, _linked_elsewhere),
        ("a timestamp that is no date", undated, _as_it_is),
        ("a file of another name", right, renamed),
    ):
        yield Kind(name, 5, papers, flagged=True, seconds=0.0, spoil=spoil)


def _linked_elsewhere(folder: Path) -> None:
    elsewhere = folder.parent / "elsewhere"
    shutil.move(folder, elsewhere)
    folder.symlink_to(elsewhere)


def _losing(book: Book, left_empty: tuple[str, ...]) -> Iterator[Paper]:
    lost = dict.fromkeys(left_empty, Loss.ALL)
    return itertools.repeat(book.paper(book.fill(left_empty=left_empty), lost))


def _deed(book: Book, blank: str, deed: Callable[[str], str]) -> Iterator[Paper]:
    """Return a notebook that is right but for one blank, which costs that blank alone."""
    text = deed(book.signature(blank))
    return itertools.repeat(book.paper(book.fill({blank: text}), {blank: Loss.ALL}))


def _with_cell(book: Book, source: str) -> Iterator[Paper]:
    """Return a right notebook with a cell at its end, which costs nothing."""
    notebook: nbformat.NotebookNode = book.fill()
    mischief.with_cell(notebook, source)
    return itertools.repeat(book.paper(notebook))
