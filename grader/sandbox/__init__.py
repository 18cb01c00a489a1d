"""
The wall: a submission's notebook runs in a forked process that has no rights; only data come back.

    wall.py        Sandbox: keeps the warm processes, starts submissions
    student.py     Student: what a check calls
    calling.py     one call: arguments out, replies in; failures.py: its messages
    standin.py     a call's stand-ins; bounds.py: their clock and memory
    notebook.py    the cells, run in order, and run again in a new process when one was lost
    process.py     the trusted end of a forked process; zygote.py: of the warm one
    bubblewrap.py  what the file system behind the wall contains; packages.py: which packages;
                   released.py: which of the course's files beside the notebook
    syscalls.py    which system calls are refused
    selftest.py    the proof that it stands
    inside/        everything that runs behind the wall, and the messages that both sides share
"""

from grader.sandbox.student import Student as Student
from grader.sandbox.values import Call as Call
from grader.sandbox.values import Handle as Handle
from grader.sandbox.values import Observation as Observation
from grader.sandbox.values import Rng as Rng
from grader.sandbox.values import Shown as Shown
from grader.sandbox.values import Tensor as Tensor
from grader.sandbox.values import Value as Value
from grader.sandbox.wall import Sandbox as Sandbox

__all__ = ["Call", "Handle", "Observation", "Rng", "Sandbox", "Shown", "Student", "Tensor", "Value"]
