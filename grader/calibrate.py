"""
Where the thresholds of training checks come from: `grader calibrate`.

The notebook's reference is trained over many seeds, measured by the goals of its checks just as a student
is, and the spread of the figures gives the threshold that honest runs miss less than once in a thousand.
"""

from __future__ import annotations

import datetime
import os
import platform
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path

import msgspec
import numpy as np

from grader.checks import catalogue, thresholds
from grader.checks.digits import find_digits
from grader.checks.local import LocalStudent
from grader.checks.thresholds import Threshold
from grader.checks.training import Goal, goals_of
from grader.config import Config
from grader.errors import ConfigError
from grader.sandbox.bubblewrap import ONE_THREAD
from grader.sandbox.devices import VISIBLE, find_gpu
from grader.verify import threshold, tolerance_factor

__all__ = ["LEAST_SEEDS", "calibrate"]

LEAST_SEEDS = 30
TOLD = 0.25  # of the way from the threshold to the mean: what the student is asked for is a little stricter
LIBRARIES = ("numpy", "torch")


class Order(msgspec.Struct, frozen=True):
    """One goal of one notebook, to be run once; *digits* as in Config."""

    assignment: str
    notebook: str
    goal: str
    course: Path
    digits: str


class Measured(msgspec.Struct, frozen=True):
    """One run of the reference: its figure, wall time in seconds, the data's name and the device's."""

    reached: float
    seconds: float
    data: str
    device: str


def calibrate(
    assignment: str, notebook: str | None, seeds: int, jobs: int, config: Config
) -> Iterator[Threshold]:
    """
    Measure every goal of an assignment on this device, and put its rows into the committed table.

    Args:
        assignment: such as "backprop".
        notebook: one of its notebooks; None: all.
        seeds: runs of the reference for each goal, at least 30.
        jobs: processes, of one thread each.
        config: the course, where fetched digits lie; whose digits, and which device.

    Yields:
        The rows, as they get done and are written.

    Raises:
        ConfigError: no such assignment or notebook, none of its checks trains, or too few seeds.
    """
    if seeds < LEAST_SEEDS:
        raise ConfigError(f"A threshold needs at least {LEAST_SEEDS} seeds, not {seeds}.")
    names = [pair for pair in catalogue.known() if pair[0] == assignment and notebook in (None, pair[1])]
    goals = [(*name, goal) for name in names for goal in goals_of(*name)]
    if not goals:
        known = ", ".join("/".join(name) for name in catalogue.known() if goals_of(*name))
        raise ConfigError(f"No check of {assignment}/{notebook or '*'} trains. Trainings: {known}.")
    wanted = dict(ONE_THREAD)  # as behind the wall
    if find_gpu(config.device) is None:
        wanted[VISIBLE] = ""
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            for owner, book, goal in goals:
                order = Order(owner, book, goal.what, config.course, config.digits)
                runs = list(pool.map(run_once, [order] * seeds, range(seeds)))
                row = _row(order, goal, runs)
                thresholds.write([row])
                yield row
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def run_once(order: Order, seed: int) -> Measured:
    """Train the reference once; both its data and its unseeded draws hang on *seed* alone."""
    checks = catalogue.find(order.assignment, order.notebook)
    goal = next(goal for goal in goals_of(order.assignment, order.notebook) if goal.what == order.goal)
    digits = find_digits(order.course, order.digits) if goal.takes_digits else None
    student = LocalStudent(checks.namespace())
    student.seed(seed)
    began = time.perf_counter()
    run = goal.run(student, np.random.default_rng([2026, seed]), digits)  # type: ignore[arg-type]
    seconds = time.perf_counter() - began
    return Measured(
        run.reached, seconds, digits.name if digits else thresholds.DRAWN, _device(checks.spec.imports)
    )


def _row(order: Order, goal: Goal, runs: Sequence[Measured]) -> Threshold:
    figures = np.array([run.reached for run in runs])
    if not np.isfinite(figures).all():
        raise ConfigError(
            f"The reference of {order.assignment}/{order.notebook} reached no finite {goal.what}."
        )
    n, mean, sd = len(figures), float(figures.mean()), float(figures.std(ddof=1))
    k = tolerance_factor(n, coverage=goal.coverage)
    side = -1.0 if goal.below else 1.0
    bound = side * threshold(side * mean, sd, n, coverage=goal.coverage)
    return Threshold(
        assignment=order.assignment,
        notebook=order.notebook,
        goal=goal.what,
        data=runs[0].data,
        device=runs[0].device,
        threshold=_rounded(bound),
        told=_rounded(bound + TOLD * (mean - bound)),
        mean=_rounded(mean),
        sd=_rounded(sd),
        n=n,
        k=_rounded(k),
        coverage=goal.coverage,
        worst=_rounded(float(figures.max() if goal.below else figures.min())),
        seconds=_rounded(float(np.mean([run.seconds for run in runs]))),
        versions={"python": platform.python_version()} | {name: metadata.version(name) for name in LIBRARIES},
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )


def _rounded(value: float) -> float:
    """Keep four significant digits: more than the sampling error of 30 seeds leaves certain."""
    return float(f"{value:.4g}")


def _device(imports: tuple[str, ...]) -> str:
    if "torch" not in imports:
        return "cpu"
    import torch  # noqa: PLC0415 - seconds to load; only notebooks that train with it need it

    return str(torch.cuda.get_device_name()) if torch.cuda.is_available() else "cpu"
