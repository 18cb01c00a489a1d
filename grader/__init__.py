"""
Grades a deep-learning course: a student's notebook runs behind a wall, hidden checks call it from outside.

The package map is the path of a submission:

    submission → sandbox → checks (with verify) → score → feedback → gradebook (preprocessors)

`pipeline.grade()` is that path as code: read it first.
"""
