"""Ways to a cluster: the address of one that runs, processes here, Slurm, a Dask gateway."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from dask import config as dask_config
from distributed import Client, LocalCluster

from grader.errors import ConfigError

__all__ = ["Cluster", "open_cluster"]

CONNECT_SECONDS = 30.0  # also to come back to a scheduler that was lost
CLOSE_SECONDS = 10.0
LOOPBACK = "127.0.0.1"


class Cluster(msgspec.Struct):
    """
    A connection to a cluster.

    Args:
        name: for messages: the scheduler's address.
        client: Dask's own.
        made: what this run has started, and ends; None where the cluster was there before.
        size: how many workers were asked for; 0 where that is not ours to say.
    """

    name: str
    client: Any
    made: Any = None
    size: int = 0

    def close(self) -> None:
        """Leave the cluster; end it if this run has started it."""
        with contextlib.suppress(Exception):  # it may be gone: then there is nothing to leave
            self.client.close(timeout=CLOSE_SECONDS)
        if self.made is not None:
            with contextlib.suppress(Exception):
                self.made.close()


def open_cluster(
    scheduler: str, size: int, cores: int, slurm: Mapping[str, Any], gateway: Mapping[str, Any]
) -> Cluster:
    """
    Connect to a cluster, or start one.

    Args:
        scheduler: "local", "slurm", "gateway", or the address of a running scheduler.
        size: how many workers to start; 0: one for each core here, and an error elsewhere.
        cores: of this machine.
        slurm: arguments of dask_jobqueue.SLURMCluster.
        gateway: arguments of dask_gateway.Gateway; its "options" are those of the new cluster.

    Raises:
        ConfigError: it can't be reached or started; the message says what to do.
    """
    if scheduler == "local":
        return _of(_local(size or cores), size or cores)
    if scheduler in ("slurm", "gateway"):
        if not size:
            raise ConfigError(
                f'scheduler is "{scheduler}": say in GraderPool.jobs how many workers to start.'
            )
        made = _slurm(slurm) if scheduler == "slurm" else _gateway(gateway)
        made.scale(size)
        return _of(made, size)
    if "://" not in scheduler:
        raise ConfigError(
            f'GraderPool.scheduler is {scheduler!r}; it may be empty, "local", "slurm", "gateway", or the '
            'address of a running scheduler such as "tcp://host:8786".'
        )
    client = _started(
        lambda: Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False),
        f"The Dask scheduler at {scheduler} can't be reached",
        "Start it with `dask scheduler`, or correct GraderPool.scheduler.",
    )
    return Cluster(scheduler, client)


def _of(made: Any, size: int) -> Cluster:
    client = _started(
        lambda: Client(made, timeout=CONNECT_SECONDS, set_as_default=False),
        "The cluster was started and can't be reached",
        "Look at its scheduler's log.",
    )
    return Cluster(made.scheduler_address, client, made, size)


def _local(size: int) -> Any:
    # With keys that live as long as it: every user of this machine reaches its loopback, such as students of
    # its hub, and who reaches a scheduler runs programs as its owner.
    settings: dict[str, Any] = {"host": f"tls://{LOOPBACK}", "security": True, "dashboard_address": None}
    # Dask's profiler keeps trees of the call stacks that it samples; pytest's are deep, and a worker grew by
    # half a mebibyte with each notebook.
    with dask_config.set({"distributed.worker.profile.enabled": False}):
        return _started(
            lambda: LocalCluster(n_workers=size, threads_per_worker=1, processes=True, **settings),
            "Dask could not start its processes here",
            "Leave GraderPool.scheduler empty to grade without Dask.",
        )


def _slurm(settings: Mapping[str, Any]) -> Any:
    try:
        from dask_jobqueue import SLURMCluster  # noqa: PLC0415 - only where it is asked for
    except ImportError:
        raise _missing("slurm", "dask-jobqueue") from None
    # A process for each core, with one thread: a process grades one submission at a time.
    plain = {"cores": 1, "memory": "4GiB", "processes": settings.get("cores", 1)}
    return _started(
        lambda: SLURMCluster(**(plain | dict(settings))),
        "The Slurm cluster could not be started",
        "GraderPool.slurm holds the arguments of dask_jobqueue.SLURMCluster.",
    )


def _gateway(settings: Mapping[str, Any]) -> Any:
    try:
        from dask_gateway import Gateway  # noqa: PLC0415 - only where it is asked for
    except ImportError:
        raise _missing("gateway", "dask-gateway") from None
    plain = {name: value for name, value in settings.items() if name != "options"}
    return _started(
        lambda: Gateway(**plain).new_cluster(shutdown_on_close=True, **settings.get("options", {})),
        "The gateway did not start a cluster",
        'GraderPool.gateway holds the arguments of dask_gateway.Gateway; its "options", the cluster\'s.',
    )


def _missing(scheduler: str, package: str) -> ConfigError:
    return ConfigError(f'scheduler is "{scheduler}", which needs {package}: pip install {package}')


def _started(start: Callable[[], Any], trouble: str, advice: str) -> Any:
    try:
        return start()
    except Exception as error:
        raise ConfigError(f"{trouble}: {type(error).__name__}: {error}. {advice}") from error
