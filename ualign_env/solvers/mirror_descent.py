"""Self-play by entropic mirror descent (multiplicative weights): the paper's learning dynamics.

Axes: P prompts, N responses.
"""

from collections.abc import Iterator

import numpy as np

from ualign_env import _checks
from ualign_env._checks import Floats
from ualign_env.policies import SharedPolicy
from ualign_env.scenario import Scenario


def self_play(scenario: Scenario, k: int, step: float = 1.0) -> Iterator[Floats]:
    """Yields the policies of self-play without end, from the uniform one on.

    After each, the weight of a response is multiplied by `exp(step * (k + 1) * payoff)`, where its payoff is its chance
    of being picked against k samples of the policy. The mean payoff of a policy is 1 / (k + 1), so that the scaled
    payoffs have mean 1 for every k, and a step of about 1 is neither slow nor so large that self-play cycles.

    Args:
        scenario: P prompts with up to N responses.
        k: number of samples that a response competes with.
        step: step size, positive.

    Yields:
        `[P, N]` policies, 0 beyond a prompt's own responses.

    Source: Cai & Zheng, "Asymptotic Universal Alignment", ICML 2026 (arXiv 2601.08777).
    """
    k = _checks.number_of_outputs(k)
    if not 0 < step < np.inf:
        raise ValueError(f"step is {step}, but must be positive and finite")
    sizes = np.array([[population.n_responses] for population in scenario.populations])
    logits = np.where(np.arange(scenario.n_responses) < sizes, 0.0, -np.inf)
    while True:
        policy = np.exp(logits)
        policy /= policy.sum(axis=1, keepdims=True)
        yield policy
        logits += step * (k + 1) * SharedPolicy(policy).deviation_payoffs(scenario, k)
        logits -= logits.max(axis=1, keepdims=True)
