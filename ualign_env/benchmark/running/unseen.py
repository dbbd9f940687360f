"""Prompts that are held out: what was learned is kept, look by look, and asked about them once learning is over.

An agent is told nothing of such prompts, and its process no more than what is seen of them, when it has ended.

Axes: P prompts, N responses.
"""

import copy
import pickle
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ualign_env.benchmark.hidden import HiddenUsers
from ualign_env.policies.tables import PolicyTable
from ualign_env.policies.tabulate import read
from ualign_env.scenario import Scenario


def kept(policy: Any) -> Any:
    """Returns a copy of what is a function of what is seen of prompts; None of what is of its own prompts alone.

    Modules, and models that have one as their policy, are copied with their weights; plain functions are kept as they
    are, and must not change.
    """
    module = getattr(policy, "policy", None)
    function = module if hasattr(module, "state_dict") else policy
    if not callable(function):
        return None
    for copied in (copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))):  # noqa: S301
        try:
            return copied(function)
        except Exception:  # noqa: S112  # tensors in a graph are pickled and not copied, local classes the other way
            continue
    return None


def message_of(held_out: Scenario) -> dict[str, Any]:
    """Returns what is told of held-out prompts: what is seen of them, and how many responses each has."""
    return {
        "sizes": np.array([users.n_responses for users in held_out.populations]),
        "features": held_out.features,
        "observe": held_out.observe,
        "responses": held_out.response_features,
    }


def scenario_of(message: dict[str, Any]) -> Scenario:
    """Returns prompts of which nothing is known but what a message says."""
    sizes, responses = message["sizes"].tolist(), message["responses"]
    return Scenario(
        [HiddenUsers(n, x) for x, n in enumerate(sizes)],
        features=message["features"],
        observe=message["observe"],
        response_features=[table[:n] for table, n in zip(responses, sizes, strict=True)] if responses.size else None,
    )


def answers(learned: Sequence[Any], prompts: Scenario, k: int) -> Iterator[tuple[int, PolicyTable | str]]:
    """Yields what functions that were kept do on prompts, each by its place; or why one has none to give, and ends."""
    for look, function in enumerate(learned):
        if function is None:
            continue
        try:
            found = read(function, prompts, k)
        except Exception:  # of whatever library
            yield look, f"what it learned cannot be asked about prompts held out\n{traceback.format_exc()}"
            return
        yield look, found
