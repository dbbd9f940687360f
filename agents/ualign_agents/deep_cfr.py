"""Deep CFR by OpenSpiel."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from open_spiel.python.policy import tabular_policy_from_callable
from open_spiel.python.pytorch.deep_cfr import DeepCFRSolver

import ualign_env as ua

_FIRST = 2  # iterations

torch.optim.Adam([torch.zeros(1)])  # imports much of torch: better now than while the clock runs


@ua.agent(information="tree")
def deep_cfr(task: ua.Task) -> Iterator[ua.GamePolicy]:
    """Deep CFR (OpenSpiel, PyTorch), one policy network for all players.

    Source: Brown et al., "Deep counterfactual regret minimization", 2019.
    """
    np.random.seed(task.seed % 2**32)  # noqa: NPY002  # OpenSpiel draws from it
    game = ua.cached_game(task.game(), max_states=20_000)
    iterations = _FIRST
    while True:  # runs of doubling lengths: OpenSpiel's start anew each time, which doubles the cost
        # without sizes of batches it would learn from memory that nobody has written
        memory: dict[str, Any] = {"batch_size_advantage": 32, "batch_size_strategy": 32, "memory_capacity": 20_000}
        solver = DeepCFRSolver(
            game,
            (32,),
            (32,),
            num_iterations=iterations,
            num_traversals=20,
            policy_network_train_steps=200,
            advantage_network_train_steps=50,
            seed=task.seed % 2**31,
            **memory,
        )
        solver.solve()
        table = tabular_policy_from_callable(game, solver.action_probabilities)
        table.action_probability_array /= table.action_probability_array.sum(axis=1, keepdims=True)
        yield ua.GamePolicy(game, table)
        iterations *= 2
