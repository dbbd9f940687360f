"""Nash-MD, for every k."""

from collections.abc import Iterator

import ualign_env as ua
from ualign_agents.arrays import scaled_payoffs, softmax, uniform_logits

_STEP = 0.5
_TEMPERATURE = 0.2  # of the distance to the reference, for payoffs in units of their mean
_ROUNDS = 100  # after which the reference is what has been learned


@ua.agent(random=False)
def nash_md(task: ua.Task) -> Iterator[ua.SharedPolicy]:
    """Nash-MD: mirror descent against a mixture of the policy and a reference, which follows now and then.

    With a reference that stays it comes to the equilibrium of the regularised game; one that is moved to what was
    learned, as in the proximal point method, leads on to an equilibrium of the game.

    Source: Munos et al., "Nash Learning from Human Feedback", ICML 2024; for k above 1: payoffs against k samples.
    """
    payoffs, logits = scaled_payoffs(task), uniform_logits(task)
    reference = logits
    towards = _STEP * _TEMPERATURE
    while True:
        for _ in range(_ROUNDS):
            yield ua.SharedPolicy(softmax(logits))
            mixed = (1 - towards) * _finite(logits) + towards * _finite(reference)
            mixed[~task.scenario.legal] = -float("inf")
            logits = mixed + _STEP * payoffs(softmax(mixed))
            logits -= logits.max(axis=1, keepdims=True)
        reference = logits


def _finite(logits):
    """Returns logarithms without infinity, which times 0 is no number."""
    return logits.clip(-1e300)
