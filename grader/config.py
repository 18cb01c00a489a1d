"""Every setting: its default, its unit, its reason. Built once, at a way in, and passed as an argument."""

from __future__ import annotations

from pathlib import Path

import msgspec

__all__ = ["Config", "Limits"]

MEBIBYTE = 1024 * 1024


class Limits(msgspec.Struct, frozen=True):
    """
    What one submitted notebook may use.

    Args:
        notebook_seconds: wall time of everything, restarts included.
        cell_seconds: wall time of one cell.
        call_seconds: wall time of one call of a student's function, unless the check asks for more.
        memory_bytes: resident and shared memory of the whole process tree, beyond the warm process's own.
        processes: processes and threads alive at once.
        open_files: file descriptors a process.
        scratch_bytes: the private scratch folder, which lies in memory.
        output_bytes: what the notebook may print and draw, all cells together.
        frame_bytes: one message from the student's side of the wall.
        order_bytes: one message to it: the digits of a training, say.
    """

    notebook_seconds: float = 300.0
    cell_seconds: float = 30.0
    call_seconds: float = 10.0
    memory_bytes: int = 1024 * MEBIBYTE
    processes: int = 64
    open_files: int = 128
    scratch_bytes: int = 64 * MEBIBYTE
    output_bytes: int = 4 * MEBIBYTE
    frame_bytes: int = 32 * MEBIBYTE
    order_bytes: int = 128 * MEBIBYTE


class Config(msgspec.Struct, frozen=True):
    """
    How this course is graded.

    Args:
        course: the course folder: source/, release/, the gradebook and the secret stand here.
        limits: what one notebook may use.
        isolation: "wall", or "none" for authors on systems that have no wall; marks every result.
        notebook_bytes: the largest submitted file that is read; outputs are what makes notebooks large.
        device: what trainings run on: "auto" (a GPU where there is one), "cpu", or "cuda" (it must be there).
        digits: the instructor's own digits for training checks, a folder of IDX files or an .npz file, seen
            from the course folder; empty: all of MNIST if `make data` fetched it, else the small part.
    """

    course: Path
    limits: Limits = Limits()
    isolation: str = "wall"
    notebook_bytes: int = 16 * MEBIBYTE
    device: str = "auto"
    digits: str = ""
