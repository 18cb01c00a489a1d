"""A small term: one graded assignment, and students in every state that a gradebook knows."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from scratch_course import Course, FakeSandbox, Marker, by_id

from grader import pipeline

WORTH = 9.0  # points of `tiny`: 4, 3, and 2 by hand
FORMULA = "=HYPERLINK(1)"
# id → last name, first name, email, the LMS's own number
PEOPLE = {
    "ada": ("Lovelace", "Ada", "ada@example.org", "101"),
    "bob": ("Bobson, Jr.", 'Bob "B"', "bob@example.org", "102"),
    "cyd": ("Çelik", "Cyd", "cyd@example.org", "103"),
    "dee": ("Dee", "Dee", "dee@example.org", "104"),
    "eve": ("Eve", "Eve", "eve@example.org", "105"),
    "fay": (FORMULA, "+Fay", "fay@example.org", "106"),
    "gus": ("Gus", "Gus", "gus@example.org", "107"),
}


def graded_term(released: Course, root: Path) -> Course:
    """
    Grade a class in a copy of *released* at *root*.

    ada has 7; bob a third of 4, and 3; cyd has written an answer that waits; dee handed nothing in; eve
    handed in and is not graded; fay has 7, of which a late penalty takes 1.5; the grader failed on gus.
    """
    shutil.copytree(released.root, root)
    course = Course(root)
    for student, double in {"ada": "1/1", "bob": "1/3", "cyd": "1/1", "fay": "1/1", "gus": "1/1"}.items():
        notebook = course.solved(double=double)
        if student == "cyd":
            by_id(notebook, "why").source = "Because."
        course.submit(student, notebook)
    with pytest.MonkeyPatch.context() as patch:
        marker = Marker()
        marker.fails_on["gus"] = ValueError("the disk is <full>")
        patch.setattr(pipeline, "grade", marker.grade)
        patch.setattr(pipeline, "digest", marker.digest)
        patch.setattr(pipeline, "sandbox_of", FakeSandbox)
        course.autograde()
    course.submit("eve", course.solved())
    with opened(course) as gradebook:
        for student, (last, first, email, number) in PEOPLE.items():
            names = {"last_name": last, "first_name": first, "email": email, "lms_user_id": number}
            gradebook.update_or_create_student(student, **names)
        gradebook.find_submission_notebook("numbers", "tiny", "fay").late_submission_penalty = 1.5
        gradebook.db.commit()
    return course


def opened(course: Course) -> Gradebook:
    """Open the course's gradebook."""
    return Gradebook(f"sqlite:///{course.root}/gradebook.db")
