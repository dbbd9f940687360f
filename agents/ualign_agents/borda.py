"""A policy that needs no learning."""

from collections.abc import Iterator

from ualign_env import SharedPolicy
from ualign_env.baselines import baseline
from ualign_env.benchmark.tasks import Task


def borda(task: Task) -> Iterator[SharedPolicy]:
    """The Borda winner, which a reward model (RLHF) would choose."""
    yield SharedPolicy(baseline(task.scenario, "borda"))
