"""
The hidden checks' verdict before the deadline: a service of the hub, `python -m grader.selfcheck`.

A notebook that a student sends is put together, graded and judged as after the deadline, on inputs that no
grading meets; what goes back is pass or fail and known misunderstandings, never anything measured.

    settings.py   SelfCheck: how often, how long, how many at once
    course.py     what may be asked for: released, not yet due; a sent file → Submission
    jobs.py       what is asked and answered
    queue.py      the queue and the limit, in a database of their own
    grading.py    from the queue to the workers, and back
    verdict.py    a grade → what may be told of it
    handlers.py   the page; api.py: the call from a notebook; pages.py: their HTML
"""
