"""A policy that needs no learning."""

from collections.abc import Iterator

from ualign_env import SharedPolicy
from ualign_env.baselines import baseline
from ualign_env.benchmark.tasks import Task


def random_dictatorship(task: Task) -> Iterator[SharedPolicy]:
    """The favourite of a random user."""
    yield SharedPolicy(baseline(task.scenario, "favourites"))
