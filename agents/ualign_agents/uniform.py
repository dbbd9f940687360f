"""A policy that needs no learning."""

from collections.abc import Iterator

from ualign_env import SharedPolicy
from ualign_env.baselines import baseline
from ualign_env.benchmark.tasks import Task


def uniform(task: Task) -> Iterator[SharedPolicy]:
    """Every response equally often."""
    yield SharedPolicy(baseline(task.scenario, "uniform"))
