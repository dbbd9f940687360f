"""A policy that needs no learning."""

from collections.abc import Iterator

from ualign_env import SharedPolicy
from ualign_env.baselines import baseline
from ualign_env.benchmark.tasks import Task


def nlhf(task: Task) -> Iterator[SharedPolicy]:
    """Nash learning from human feedback: the equilibrium for k = 1, a maximal lottery."""
    yield SharedPolicy(baseline(task.scenario, "nlhf"))
