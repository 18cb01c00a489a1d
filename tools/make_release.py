"""Write release/ anew from source/, with the real `nbgrader generate_assignment`: `make release`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from grader.release import generate

COURSE = Path(__file__).resolve().parent.parent


def main() -> None:
    """Release the assignments named, or all of source/; what is no longer there leaves release/ too."""
    assignments = sorted({path.parent.name for path in (COURSE / "source").glob("*/*.ipynb")})
    for assignment in sys.argv[1:] or assignments:
        with tempfile.TemporaryDirectory() as scratch:
            released = generate(COURSE, assignment, Path(scratch))
            target = COURSE / "release" / assignment
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(released, target)
        sys.stdout.write(f"release/{assignment}\n")
    for folder in (COURSE / "release").iterdir():
        if folder.is_dir() and folder.name not in assignments:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
