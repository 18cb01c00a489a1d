"""Points, flags, penalties and manual grades, as they reach nbgrader's gradebook."""

from __future__ import annotations

from scratch_course import Course


def test_partial_credit_reaches_the_gradebook_exactly(course: Course) -> None:
    course.submit("anna", course.solved(double="1/3", half="1/3"))
    result = course.autograde()
    assert result["success"], result
    assert course.grades("anna")["check_double"] == (4 / 3, False)
    assert course.grades("anna")["check_half"] == (1.0, False)
