"""Runs on a Ray cluster: the same children, inside Ray's tasks; results come back to the driver, which alone writes."""

import threading
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from ualign_env.benchmark.budget import Spent
from ualign_env.benchmark.plan import Run
from ualign_env.benchmark.results import RunResult
from ualign_env.benchmark.running.executors import Executor
from ualign_env.benchmark.running.judge import Judge
from ualign_env.benchmark.running.learning import End
from ualign_env.benchmark.running.starting import Nursery
from ualign_env.benchmark.running.workers import Worker

LOCAL = "local"
_RETRIES = 3  # of a run whose worker is gone: runs depend on nothing but themselves
_MEMORY = 80_000_000  # bytes of Ray's own store: results are small


class Ray(Executor):
    """Makes runs on a Ray cluster, one a processor."""

    def __init__(self, address: str = LOCAL) -> None:
        """Takes the address of a cluster, `"local"` for one of this machine's own, or `"auto"` for a running one.

        Raises:
            ValueError: if Ray is not installed.
        """
        try:
            import ray
        except ModuleNotFoundError:
            raise ValueError("runs on a Ray cluster need ray: pip install 'ualign-env[ray]'") from None
        self._ray: Any = ray
        self.address = address

    def results(self, runs: Sequence[Run]) -> Iterator[RunResult]:
        if not runs:
            return
        ray, own = self._ray, not self._ray.is_initialized()
        if own:
            more = {"object_store_memory": _MEMORY} if self.address == LOCAL else {}
            ray.init(
                address=None if self.address == LOCAL else self.address,
                include_dashboard=False if self.address == LOCAL else None,
                log_to_driver=False,
                **more,
            )
        make = ray.remote(max_retries=_RETRIES, num_cpus=1)(one_run)
        waiting = {make.remote(run): run for run in runs}
        try:
            while waiting:
                ready, _ = ray.wait(list(waiting), num_returns=1)
                for reference in ready:
                    run = waiting.pop(reference)
                    try:
                        found = RunResult.from_dict(ray.get(reference))
                    except ray.exceptions.WorkerCrashedError as error:  # each time that it was tried
                        found = Judge(run).result(End("died", str(error), Spent()), enforced=True, limits={})
                    except ray.exceptions.RayError as error:
                        raise ValueError(f"the Ray cluster failed, what is finished is kept: {error}") from None
                    yield found
        finally:
            for reference in waiting:
                ray.cancel(reference, force=True)
            if own:
                ray.shutdown()


def one_run(run: Run) -> dict[str, Any]:
    """Makes a run in a worker of Ray, and returns its result as plain values."""
    return _worker().run(run).to_dict()


@cache
def _worker() -> Worker:
    """Returns the worker of this process, whose nursery stays for the next run."""
    return Worker(Nursery(), threading.Event())
