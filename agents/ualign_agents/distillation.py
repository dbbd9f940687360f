"""Distillation: a network that sees prompts imitates their exact equilibria."""

from collections.abc import Iterator

import numpy as np
import torch

import ualign_env as ua
from ualign_agents.networks import Network, learned, preferences


@ua.agent()
def distillation(task: ua.Task) -> Iterator[Network]:
    """Distillation of each prompt's exact equilibrium into a network, by cross-entropy.

    Source: Hinton, Vinyals & Dean, "Distilling the knowledge in a neural network", 2015.
    """
    equilibria = torch.as_tensor(ua.solve(task.scenario, task.k).policy.astype(np.float32))
    payoffs = ua.DifferentiablePayoffs(task.scenario, task.k)
    yield from learned(
        task,
        lambda logits, prompts: -(equilibria[prompts] * logits.log_softmax(dim=1)).sum(dim=1).mean(),
        lambda policies, prompts: -payoffs(policies, prompts).max(dim=1).values.mean(),
        preferences(task),
    )
