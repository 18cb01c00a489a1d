"""Which workers of a cluster can be used, and whether there are any."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["GPU", "Staff"]

GPU = "GPU"  # the resource, as `dask worker --resources "GPU=1"` declares it
SILENT_SECONDS = 60.0  # of the scheduler, before the run stops
REFUSED_SECONDS = 5.0  # with refused workers only, before the run stops


class Staff:
    """
    The workers, as the scheduler last told; events in, answers out, nothing is asked or sent here.

    Args:
        name: the scheduler's address, for messages.
        gpu_share: how much of the resource GPU a training takes, where workers declare that resource.
        patience: seconds without any worker, before the run stops.
        clock: seconds that never go back.
    """

    def __init__(
        self, name: str, gpu_share: float, patience: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name = name
        self._patience = patience
        self._clock = clock
        self.gpu_share = gpu_share
        self._gpu: dict[str, float] = {}  # address → how much of the resource it has
        self._refused: dict[str, str] = {}  # address → why
        self._heard_at = self._staffed_at = clock()

    @property
    def usable(self) -> frozenset[str]:
        """The workers that are there and have not refused."""
        return frozenset(self._gpu) - frozenset(self._refused)

    @property
    def with_gpu(self) -> frozenset[str]:
        """Those of them that declare enough of the resource for a training."""
        return frozenset(each for each in self.usable if self._gpu[each] >= self.gpu_share)

    @property
    def any_refused(self) -> bool:
        """Whether one of those that are there has refused."""
        return bool(self._refused)

    def told(self, workers: Mapping[str, Mapping[str, Any]]) -> None:
        """Hear from the scheduler which workers are there: address → what Dask knows of it."""
        self._heard_at = self._clock()
        self._gpu = {
            address: float(each.get("resources", {}).get(GPU, 0.0)) for address, each in workers.items()
        }
        # Who is gone is not refused any more: repaired, it may come back under its address.
        self._refused = {worker: why for worker, why in self._refused.items() if worker in workers}
        if self.usable:
            self._staffed_at = self._heard_at

    def refuse(self, worker: str, reason: str) -> bool:
        """Use a worker no more; say whether that is news."""
        news = worker not in self._refused
        self._refused[worker] = reason
        return news

    def problem(self, *, trains: bool) -> str:
        """Return why the run can't go on; empty while it can. *trains*: some of its notebooks train."""
        now = self._clock()
        unstaffed = 0.0 if self.usable else now - self._staffed_at
        if now - self._heard_at > SILENT_SECONDS:
            return self.unreachable
        if self._refused and unstaffed > REFUSED_SECONDS:
            worker, reason = next(iter(self._refused.items()))
            return f"None of the {len(self._refused)} workers there can grade. {worker}: {reason}"
        if unstaffed > self._patience:
            return (
                f"The Dask scheduler at {self._name} has had no worker for {unstaffed:.0f} s. Start some: "
                f"dask worker {self._name} --nthreads 1"
            )
        most = max((self._gpu[each] for each in self.usable), default=0.0)
        if trains and 0 < most < self.gpu_share:
            return (
                f"The workers declare GPU={most:g} at most, and a training takes {self.gpu_share:g}. Lower "
                "GraderPool.gpu_share, or start them with more."
            )
        return ""

    @property
    def unreachable(self) -> str:
        """What to say when the scheduler is lost."""
        return f"The Dask scheduler at {self._name} can't be reached any more. Start it and its workers."
