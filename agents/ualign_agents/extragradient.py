"""Self-play by extragradient steps."""

from collections.abc import Iterator

import ualign_env as ua
from ualign_agents.arrays import scaled_payoffs, softmax, uniform_logits

_STEP = 0.5


@ua.agent(random=False)
def extragradient(task: ua.Task) -> Iterator[ua.SharedPolicy]:
    """Extragradient self-play: half a step to look ahead, and a whole one by the payoffs that were found there.

    Source: Korpelevich, "The extragradient method", 1976; Nemirovski, "Prox-method", 2004 (its entropic form).
    """
    payoffs, logits = scaled_payoffs(task), uniform_logits(task)
    while True:
        policy = softmax(logits)
        yield ua.SharedPolicy(policy)
        ahead = softmax(logits + _STEP * payoffs(policy))
        logits = logits + _STEP * payoffs(ahead)
        logits -= logits.max(axis=1, keepdims=True)
