"""The step-free map."""

from collections.abc import Iterator

import ualign_env as ua
from ualign_agents.arrays import scaled_payoffs, softmax, uniform_logits


@ua.agent(random=False)
def replicator(task: ua.Task) -> Iterator[ua.SharedPolicy]:
    """Discrete replicator dynamics: a response's share is multiplied by k + 1 times its payoff; no step size.

    The payoffs of k + 1 samples of one policy average to 1 / (k + 1), so that the shares still sum to 1. It is what
    fine-tuning on what users picked among k + 1 own samples does in expectation.

    Source: Taylor & Jonker, "Evolutionary stable strategies and game dynamics", 1978.
    """
    payoffs, policy = scaled_payoffs(task), softmax(uniform_logits(task))
    while True:
        yield ua.SharedPolicy(policy)
        policy = policy * payoffs(policy)
        policy /= policy.sum(axis=1, keepdims=True)  # undivided, rounding would grow k + 1 times a step
