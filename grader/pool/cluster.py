"""Workers of a Dask cluster: as many submissions are on their way as there are workers, each counted once."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import Any
from uuid import uuid4

import msgspec
from distributed.scheduler import KilledWorker

from grader import pipeline
from grader.config import Config
from grader.errors import ConfigError, GraderError
from grader.pool import remote
from grader.pool.ahead import Stopped
from grader.pool.clusters import Cluster
from grader.pool.staff import GPU, Staff
from grader.records import Grade, Submission

__all__ = ["ClusterWorkers"]

LOOK_SECONDS = 1.0  # between two looks at which workers are there
ANSWER_SECONDS = 10.0  # for the scheduler to say so
GATHER_SECONDS = 60.0  # for a result to come from its worker
MARGIN_SECONDS = 300.0  # beyond twice a notebook's own limit; who takes longer hangs
HANGS = 2  # of one submission; then a person looks

_log = logging.getLogger(__name__)


class _Task:
    """One submission on its way."""

    def __init__(self, submission: Submission, job: remote.Job, *, trains: bool) -> None:
        self.submission = submission
        self.job = job
        self.trains = trains  # would profit from a GPU
        self.grade: Future[Grade] = Future()
        self.sent: Any = None  # Dask's future; one that is no longer this one has nothing to say
        self.sent_at = 0.0
        self.only: frozenset[str] = frozenset()  # workers it was sent to; empty: any
        self.wants_gpu = False
        self.hangs = 0


class ClusterWorkers:
    """
    Workers of a Dask cluster.

    Each worker is given one submission at a time: if it dies, no other one is suspected, and a worker that
    comes later has work at once.

    Args:
        config: the course.
        cluster: the connection; closed with this.
        gpu_share: how much of the resource GPU a training takes, where workers declare that resource.
        patience: seconds without any worker, before the run stops.
    """

    elsewhere = True

    def __init__(self, config: Config, cluster: Cluster, gpu_share: float, patience: float) -> None:
        self._config = config
        self._cluster = cluster
        self._client = cluster.client
        self._package = pipeline.package_digest()
        self._lock = threading.RLock()
        self._waiting: deque[_Task] = deque()
        self._flying: set[_Task] = set()
        self._staff = Staff(cluster.name, gpu_share, patience)
        self._trains = False
        self._stopped = ""
        self._over = threading.Event()
        self._look()
        self._watcher = threading.Thread(target=self._watch, daemon=True, name="watch of the cluster")
        self._watcher.start()

    @property
    def slots(self) -> int:
        """How many submissions can be graded at the same time."""
        return max(len(self._staff.usable), self._cluster.size, 1)

    def submit(self, submission: Submission) -> Future[Grade]:
        """Start grading; the future raises GraderError if it fails, Stopped if the cluster can't go on."""
        try:
            job = remote.job_of(submission, self._config, with_files=False)
            trains = self._config.device != "cpu" and pipeline.prefers_gpu(submission)
        except Exception as error:  # noqa: BLE001 - it belongs to this submission, not to who asks now
            broken: Future[Grade] = Future()
            broken.set_exception(error)
            return broken
        task = _Task(submission, job, trains=trains)
        with self._lock:
            self._trains = self._trains or trains
            self._waiting.append(task)
            if self._stopped:
                self._stop(self._stopped)
        self._dispatch()
        return task.grade

    def close(self) -> None:
        """Give up what is running: a worker ends the submission at hand, and nobody hears of it."""
        self._over.set()
        with self._lock:
            tasks, self._flying = list(self._flying), set()
            self._waiting.clear()
        for task in tasks:
            task.sent.release()
        self._watcher.join(ANSWER_SECONDS)
        self._cluster.close()

    # --- on the way there ---------------------------------------------------------------------------

    def _dispatch(self) -> None:
        """Send as much as the workers can take, in the order of the walk."""
        with self._lock:
            if self._over.is_set() or self._client.status != "running":
                return
            for task in list(self._waiting):
                if task.grade.cancelled():
                    self._waiting.remove(task)
                elif self._has_room(task):
                    self._waiting.remove(task)
                    self._send(task)

    def _has_room(self, task: _Task) -> bool:
        with_gpu = self._staff.with_gpu
        task.wants_gpu = task.trains and bool(with_gpu)
        if task.wants_gpu and sum(each.wants_gpu for each in self._flying) >= len(with_gpu):
            return False
        return len(self._flying) < len(self._staff.usable)

    def _send(self, task: _Task) -> None:
        where: dict[str, Any] = {}
        task.only = self._staff.usable if self._staff.any_refused else frozenset()
        if task.only:
            where["workers"] = sorted(task.only)
        if task.wants_gpu:
            where["resources"] = {GPU: self._staff.gpu_share}
        job = msgspec.msgpack.encode(task.job)
        # Never a key that was used before: Dask would give its result again.
        key = f"grade-{uuid4().hex}"
        task.sent = self._client.submit(
            remote.grade_remotely, self._package, job, key=key, pure=False, **where
        )
        task.sent_at = time.monotonic()
        self._flying.add(task)
        task.sent.add_done_callback(partial(self._arrived, task))

    def _again(self, task: _Task) -> None:
        """Put a task back to the front; what its first sending may still bring is not heard."""
        with self._lock:
            if task in self._flying:
                self._flying.remove(task)
                self._waiting.appendleft(task)
                before, task.sent = task.sent, None
                before.release()

    # --- on the way back ----------------------------------------------------------------------------

    def _arrived(self, task: _Task, sent: Any) -> None:
        """Take what a worker answered; called in Dask's thread."""
        if task.sent is not sent or self._over.is_set():
            return
        try:
            reply = msgspec.msgpack.decode(sent.result(timeout=GATHER_SECONDS), type=remote.Reply)
        except (CancelledError, TimeoutError):  # the scheduler or the way to it was lost: when it is back
            self._again(task)
        except KilledWorker as error:
            message = (
                f"Its worker ended while grading it, {error.allowed_failures + 1} times; the last was "
                f"{error.last_worker.address}. The workers' logs say why: often the nanny's memory limit."
            )
            self._settle(task, GraderError(message))
        except Exception as error:  # noqa: BLE001 - not the grader's: it answers with a Reply
            self._stop(
                f"A submission could not be sent, run or fetched: {type(error).__name__}: {error}. The "
                "scheduler, the workers and this machine need the same environment."
            )
        else:
            self._heed(task, reply)
        self._dispatch()

    def _heed(self, task: _Task, reply: remote.Reply) -> None:
        match reply:
            case remote.Graded(grade):
                self._settle(task, grade)
            case remote.Failed(worker, message, trace):
                if trace:
                    _log.error("On %s: %s", worker, trace)
                self._settle(task, GraderError(f"{message} (on {worker})"))
            case remote.Refused(worker, reason):
                self._refuse(worker, reason)
                self._again(task)
            case remote.Lacking():
                try:
                    task.job = remote.job_of(task.submission, self._config, with_files=True)
                except ConfigError as error:
                    self._settle(task, error)
                self._again(task)

    def _refuse(self, worker: str, reason: str) -> None:
        with self._lock:
            news = self._staff.refuse(worker, reason)
        if news:
            _log.error("The worker %s is not used: %s", worker, reason)

    def _settle(self, task: _Task, outcome: Grade | BaseException) -> None:
        """Give the outcome to who waits for it, once."""
        with self._lock:
            if task not in self._flying:
                return
            self._flying.remove(task)
            task.sent.release()
        if not task.grade.set_running_or_notify_cancel():
            return
        if isinstance(outcome, Grade):
            task.grade.set_result(outcome)
        else:
            task.grade.set_exception(outcome)

    # --- whether it can go on -----------------------------------------------------------------------

    def _watch(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            self._look()
            self._take_back()
            with self._lock:
                lost = self._client.status == "closed"
                problem = self._staff.unreachable if lost else self._staff.problem(trains=self._trains)
            if problem:
                self._stop(problem)
                return
            self._dispatch()

    def _look(self) -> None:
        """Ask the scheduler which workers are there."""
        try:
            seen = self._client.sync(
                self._client.scheduler.identity, n_workers=-1, callback_timeout=ANSWER_SECONDS
            )
        except Exception:  # noqa: BLE001 - whatever it is, there is no answer
            return
        with self._lock:
            self._staff.told(seen["workers"])

    def _take_back(self) -> None:
        """Take back what waits for workers that are gone, and what hangs."""
        most = 2 * self._config.limits.notebook_seconds + MARGIN_SECONDS
        with self._lock:
            for task in list(self._flying):
                late = time.monotonic() - task.sent_at > most
                task.hangs += late
                if task.hangs >= HANGS:
                    self._settle(task, GraderError(f"Not graded within {most:.0f} s, {HANGS} times."))
                elif late or self._can_go_nowhere(task):
                    self._again(task)

    def _can_go_nowhere(self, task: _Task) -> bool:
        gone = bool(task.only) and not task.only & self._staff.usable
        return gone or (task.wants_gpu and not self._staff.with_gpu)

    def _stop(self, problem: str) -> None:
        """End all waiting with *problem*; what is graded is in its records."""
        with self._lock:
            self._stopped = problem
            tasks = [*self._flying, *self._waiting]
            self._flying.clear()
            self._waiting.clear()
        for task in tasks:
            if task.grade.set_running_or_notify_cancel():
                task.grade.set_exception(Stopped(problem))
