"""The settings of grading ahead."""

from __future__ import annotations

import os

from traitlets import Dict, Float, Int, Unicode
from traitlets.config import Configurable

from grader.config import Config
from grader.errors import ConfigError
from grader.pool.ahead import Workers
from grader.pool.folder import clear_away
from grader.pool.local import LocalWorkers

__all__ = ["GraderPool", "cores"]


class GraderPool(Configurable):  # type: ignore[misc]
    """How submissions are graded ahead of nbgrader's walk: in processes here, or on a cluster."""

    jobs = Int(
        0,
        min=0,
        help="Processes that grade at the same time; 0: one for each core. 1: nbgrader's own process grades. "
        "With a scheduler: workers to start, where it is this run that starts them.",
    ).tag(config=True)
    scheduler = Unicode(
        "",
        help='A Dask cluster: the address of a running scheduler, such as "tcp://host:8786"; "local", '
        '"slurm" or "gateway": one that is started for this run. Empty: processes here, without Dask. See '
        "docs/operators.md.",
    ).tag(config=True)
    slurm = Dict(help='With scheduler "slurm": arguments of dask_jobqueue.SLURMCluster.').tag(config=True)
    gateway = Dict(
        help='With scheduler "gateway": arguments of dask_gateway.Gateway; its "options" are the cluster\'s.'
    ).tag(config=True)
    gpu_share = Float(
        0.25, min=0.0, help="How much of the resource GPU a training takes, where Dask workers declare it."
    ).tag(config=True)
    patience = Float(
        300.0,
        min=1.0,
        help="Seconds that a run waits while its cluster has no worker; raise it where queues are long.",
    ).tag(config=True)
    line_seconds = Float(
        30.0, min=0.1, help="Seconds between two lines of progress, where there is no terminal for a bar."
    ).tag(config=True)

    def workers(self, config: Config, count: int) -> Workers | None:
        """
        Return who grades *count* submissions ahead; None where the walk itself had better do so.

        Args:
            config: the course.
            count: notebooks that are due.

        Raises:
            ConfigError: the cluster can't be reached or started.
        """
        clear_away()
        if self.scheduler:
            return self._of_cluster(config) if count else None
        slots = min(self.jobs or cores(), count)
        return LocalWorkers(config, slots) if slots > 1 else None

    def _of_cluster(self, config: Config) -> Workers:
        try:
            # Dask is an option, and importing it takes half a second.
            from grader.pool.cluster import ClusterWorkers  # noqa: PLC0415
            from grader.pool.clusters import open_cluster  # noqa: PLC0415
        except ImportError as error:
            raise ConfigError(
                f"GraderPool.scheduler is {self.scheduler!r}, which needs Dask; {error.name} is missing. "
                "Run, where the package's pyproject.toml lies: pip install -c constraints.txt -e '.[cluster]'"
            ) from None
        cluster = open_cluster(self.scheduler, self.jobs, cores(), self.slurm, self.gateway)
        try:
            return ClusterWorkers(config, cluster, self.gpu_share, self.patience)
        except BaseException:
            cluster.close()
            raise


def cores() -> int:
    """Return the cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
