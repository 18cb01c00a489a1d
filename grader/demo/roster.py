"""The simulated class: who is in it, what each hands in, and what that must be worth."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from grader.demo import mischief
from grader.demo.papers import CORE, Book, Loss, Paper, Student, written

__all__ = ["SCRIPT_MARKER", "simulated_class"]

SCRIPT_MARKER = "the-script-ran"
SLUG_LENGTH = 34
LATE = "2026-06-02 09:00:00 UTC"

# What stands in a blank decides what it loses, so the expectations below are written beside the deeds:
# nothing is copied from a grading.


# Of a notebook whose checks train, each style takes seconds; `grader validate` tries all of them.
TRAINED_STYLES = 2
ANSWER = "Those in the pictures own neither the data nor the model; whoever trains it should have to ask."


def simulated_class(
    books: Mapping[str, Book], course: Path, by_hand: Iterable[Path] = ()
) -> tuple[Student, ...]:
    """
    Make up the class.

    Args:
        books: every notebook with hidden checks, by its name.
        by_hand: every released notebook that a person grades.
        course: the real course folder, which one of the students looks for.
    """
    everyone = [
        Student("right-solution", "the solution in every notebook", tuple(b.paper() for b in books.values())),
        *_in_writing(by_hand),
        *_right_in_other_styles(books),
        *_mistaken(books),
        *_unfinished(books),
        *_breaking(books["activations"]),
        *_cheating(books, course),
        *_odd_files(books),
    ]
    return _merged(everyone)


def _right_in_other_styles(books: Mapping[str, Book]) -> Iterator[Student]:
    """Styles of every notebook; a style that several notebooks have is one student's."""
    for book in books.values():
        names = list(book.checks.styles)
        for name in names[:TRAINED_STYLES] if book.trains and book.assignment not in CORE else names:
            yield Student(f"right-{_slug(name)}", f"right: {name}", (book.styled(name),))


def _in_writing(notebooks: Iterable[Path]) -> Iterator[Student]:
    papers = tuple(written(path.parent.name, path, ANSWER) for path in notebooks)
    if papers:
        yield Student("written-answer", "answered in words, for a person to grade", papers)


def _mistaken(books: Mapping[str, Book]) -> Iterator[Student]:
    """One misconception for every blank; `grader validate` tries them all."""
    for book in books.values():
        for place, blank in enumerate(book.blanks):
            names = [
                name
                for name, group in book.checks.misconceptions.items()
                if any(variant.blank == blank and variant.explanation for variant in group)
            ]
            # Not always the first one: the lists of all blanks begin with the same kind of mistake.
            name = names[place % len(names)]
            yield Student(_slug(name), f"misconception: {name}", (book.mistaken(name),))


def _unfinished(books: Mapping[str, Book]) -> Iterator[Student]:
    stubs = tuple(
        book.paper(book.fill(left_empty=book.blanks), dict.fromkeys(book.blanks, Loss.ALL))
        for book in books.values()
    )
    yield Student("untouched-stub", "handed in as it was released", stubs)
    halves = tuple(_half_finished(book) for book in books.values() if book.assignment == "backprop")
    yield Student("half-finished", "stopped in the middle of each notebook", halves)
    shallow = books["shallow_net"]
    backprop = [book for book in books.values() if book.assignment == "backprop"]
    absent = [book.worthless(None) for book in backprop if book is not shallow]
    yield Student("missing-notebook", "handed in one of three notebooks", (shallow.paper(), *absent))


def _half_finished(book: Book) -> Paper:
    rest = book.blanks[len(book.blanks) // 2 :]
    return book.paper(book.fill(left_empty=rest), dict.fromkeys(rest, Loss.ALL))


def _breaking(book: Book) -> Iterator[Student]:
    """Code that breaks; it costs the blank it stands in, and no other."""
    deeds = {
        "syntax-error": ("a cell that is not Python", "tanh", mischief.syntax_error),
        "exception": ("a function that raises", "relu", mischief.raises),
        "infinite-loop": ("a function that never returns", "collapse", mischief.endless),
        "memory-hog": ("a function that takes all memory", "softmax", mischief.hoards),
        "exit-zero": ("a function that calls os._exit(0)", "sigmoid", mischief.exits),
    }
    for name, (story, blank, deed) in deeds.items():
        text = deed(book.signature(blank))
        yield Student(name, story, (book.paper(book.fill({blank: text}), {blank: Loss.ALL}),))


def _cheating(books: Mapping[str, Book], course: Path) -> Iterator[Student]:
    book, shallow = books["activations"], books["shallow_net"]
    nothing = dict.fromkeys(book.blanks, Loss.ALL)

    edited = book.fill(left_empty=book.blanks)
    mischief.check_cells_edited(edited)
    yield Student("check-cells-edited", "empty blanks, checks that say True", (book.paper(edited, nothing),))

    deleted = book.fill()
    mischief.check_cells_deleted(deleted)
    yield Student("check-cells-deleted", "right, but threw the checks away", (book.paper(deleted),))

    signature = book.signature("sigmoid")
    search = mischief.reads_the_machine(str(course), signature, book.solution("sigmoid"))
    paper = book.paper(book.fill({"sigmoid": search}), {"sigmoid": Loss.ALL})
    yield Student("reads-hidden-checks", "looks for the hidden checks and the gradebook", (paper,))

    paper = shallow.paper(shallow.fill({"backward": mischief.numerical_backward()}), {"backward": Loss.ALL})
    yield Student("numerical-backward", "differentiates by differences instead of deriving", (paper,))

    scripted = book.fill()
    mischief.with_script(scripted, SCRIPT_MARKER)
    yield Student("script-in-output", "right, with script in text and output", (book.paper(scripted),))

    loud = b"raise SystemExit('shadowed')\n"
    shadows = {"numpy.py": loud, "conftest.py": loud, "pytest.py": b"\x00"}
    shadowed = msgspec.structs.replace(book.paper(), beside=shadows, links={"shortcut": "/etc/passwd"})
    yield Student("shadow-modules", "right, with a numpy.py and a link beside it", (shadowed,))


def _odd_files(books: Mapping[str, Book]) -> Iterator[Student]:
    book, late = books["activations"], books["l2"]
    whole = book.paper().content or b""
    yield Student("empty-file", "a file of no bytes", (book.worthless(b""),))
    half = book.worthless(whole[: len(whole) // 2])
    yield Student("broken-file", "a file cut off in the middle", (half,))
    yield Student("late", "right, a day late", (msgspec.structs.replace(late.paper(), handed_in=LATE),))


def _slug(name: str) -> str:
    words = re.findall(r"[a-z0-9]+", name.lower().replace("'", ""))
    while len("-".join(words)) > SLUG_LENGTH:
        words.pop()
    return "-".join(words)


def _merged(everyone: list[Student]) -> tuple[Student, ...]:
    """Let students of the same name be one, as long as their papers differ; later ones get a number."""
    found: dict[str, Student] = {}
    for student in everyone:
        taken = {paper.notebook for paper in found[student.name].papers} if student.name in found else set()
        if student.name not in found:
            found[student.name] = student
        elif not taken & {paper.notebook for paper in student.papers}:
            papers = found[student.name].papers + student.papers
            found[student.name] = msgspec.structs.replace(found[student.name], papers=papers)
        else:
            again = msgspec.structs.replace(student, name=f"{student.name}-{len(found)}")
            found[again.name] = again
    return tuple(found.values())
