"""Policy gradient of a network that sees prompts, from what users pick."""

from collections.abc import Iterator

import numpy as np
import torch

import ualign_env as ua
from ualign_agents.arrays import sample
from ualign_agents.networks import Learner, Network

_GAMES = 1_000  # between two updates
_BONUS = 0.01  # weight of the policy's entropy


@ua.agent(information="picks")
def network_policy_gradient(task: ua.Task) -> Iterator[Network]:
    """Policy gradient self-play of a network that sees prompts, on sampled games, the average of its weights.

    Source: R. J. Williams, "Simple statistical gradient-following algorithms", 1992.
    """
    learner, users, rng, players = Learner(task), task.users(), task.rng(), task.players
    chances = task.scenario.probabilities
    while True:
        size = max(1, min(_GAMES, users.plays_left))
        prompts = rng.choice(len(chances), size=size, p=chances)

        def loss(logits: torch.Tensor, prompts: np.ndarray = prompts) -> torch.Tensor:
            logs = logits.log_softmax(dim=1)
            policy = logs.detach().double().exp().numpy()
            shown = sample(policy / policy.sum(axis=1, keepdims=True), np.arange(len(policy)), players, rng)
            # a player's mean reward is 1 / K in every game, so this baseline is exact
            gains = np.full(shown.shape, -1.0)
            gains[np.arange(len(shown)), users.pick(shown, prompts)] += players
            said = logs.gather(1, torch.as_tensor(shown))
            entropy = -(logs.exp() * logs.clamp(min=-100)).sum(dim=1).mean()
            return -(said * torch.as_tensor(gains, dtype=said.dtype)).mean() - _BONUS * entropy

        learner.update(torch.as_tensor(prompts), loss)
        yield learner.average
