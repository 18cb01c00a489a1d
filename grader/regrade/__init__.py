"""
Grading again what was graded, after a check has changed: look first, ask, then write.

    command.py     the line through all of it: read this first
    course.py      nbgrader's settings and gradebook, as `nbgrader autograde` finds them
    rehearsal.py   phase 1: grades everything behind the wall and writes nothing
    movement.py    what would change: one notebook's record, and its points in the gradebook
    tables.py      what the instructor sees before the question
    writing.py     phase 2: the records, the audit, then nbgrader's own walk with these records

A run that is killed while it writes is made good by the next one; see grader.unfinished.
"""
