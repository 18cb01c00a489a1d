"""
A simulated class, graded for real: `make demo`.

Every student of the class hands in notebooks whose score is known beforehand, from what was done to which
blank. The real nbgrader grades them in a scratch copy of the course; a score that differs is a fault of the
grader and makes the demo fail.
"""
