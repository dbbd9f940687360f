"""Self-play on comparisons of own samples: SPPO and Nash-MD."""

from collections.abc import Iterator

import numpy as np

import ualign_env as ua
from ualign_agents.arrays import averaged, sample, softmax, tally, uniform_logits

_PAIRS = 256  # at a time
_STEP = 0.5
_SLOWER = 100  # updates after which steps begin to shrink, as one over the square root of their number
_FLOOR = 1e-3  # responses rarer than this are updated as if they were not
_TEMPERATURE = 0.05  # of Nash-MD's distance to the uniform policy


@ua.agent(information="pairs")
def sppo(task: ua.Task) -> Iterator[ua.SharedPolicy]:
    """SPPO on comparisons of own samples: multiplicative weights by estimated win rates, averaged.

    Source: Wu et al., "Self-Play Preference Optimization for Language Model Alignment", 2024.
    """
    for average in averaged(_iterates(task, temperature=0.0)):
        yield ua.SharedPolicy(average)


@ua.agent(information="pairs")
def nash_md(task: ua.Task) -> Iterator[ua.SharedPolicy]:
    """Nash-MD on comparisons: own samples against those of a mixture with the uniform policy, the last iterate.

    Source: Munos et al., "Nash Learning from Human Feedback", ICML 2024.
    """
    for policy in _iterates(task, temperature=_TEMPERATURE):
        yield ua.SharedPolicy(policy)


def _iterates(task: ua.Task, temperature: float) -> Iterator[np.ndarray]:
    users, rng = task.users(), task.rng()
    logits, legal, chances = uniform_logits(task), task.scenario.legal, task.scenario.probabilities
    time = 0
    while True:
        step = _STEP / np.sqrt(1 + time / _SLOWER)
        mixed = np.where(legal, (1 - step * temperature) * np.where(legal, logits, 0), -np.inf)
        policy, opponent = softmax(logits), softmax(mixed)
        yield policy
        prompts = rng.choice(len(chances), size=max(1, min(_PAIRS, users.plays_left)), p=chances)
        mine, theirs = (sample(one, prompts, 1, rng)[:, 0] for one in (policy, opponent))
        won = users.pick(np.stack([mine, theirs], axis=1), prompts) == 0
        # what a win rate has above one half, for each response that was sampled
        gains = tally(prompts, mine, logits.shape, won - 0.5)
        shown = np.bincount(prompts, minlength=len(logits))[:, None]
        logits = mixed + step * 2 * gains / np.maximum(shown * np.maximum(policy, _FLOOR), 1)
        logits -= logits.max(axis=1, keepdims=True)
        time += 1
