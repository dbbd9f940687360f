"""DPO from comparisons."""

from collections.abc import Iterator

import ualign_env as ua
from ualign_agents import bradley_terry
from ualign_agents.arrays import softmax, uniform_logits
from ualign_agents.comparisons import Comparisons

_TEMPERATURE = 0.1


@ua.agent(information="pairs")
def dpo(task: ua.Task) -> Iterator[ua.SharedPolicy]:
    """DPO from comparisons of uniform samples: its loss's minimum, the reference tilted by Bradley-Terry rewards.

    Source: Rafailov et al., "Direct Preference Optimization", 2023.
    """
    counted = Comparisons(task)
    for _ in counted.growing():
        logits = uniform_logits(task)
        for x, users in enumerate(task.scenario.populations):
            n = users.n_responses
            logits[x, :n] += bradley_terry.fit(counted.wins[x, :n, :n]) / _TEMPERATURE
        yield ua.SharedPolicy(softmax(logits))
