"""Self-play by entropic mirror descent (multiplicative weights): the paper's learning dynamics.

Axes: P prompts, N responses.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from ualign_env import _checks
from ualign_env._checks import TooLargeError, about
from ualign_env._limits import MAX_NUMBERS
from ualign_env._result import Result
from ualign_env._text import counted
from ualign_env._types import Floats, Ints
from ualign_env.policies.tables import Mixture, SharedPolicy
from ualign_env.scenario import Scenario
from ualign_env.specs import ScenarioLike, as_scenario


@dataclass(frozen=True, eq=False)
class Iterate:
    """A step of self-play.

    Attributes:
        policy: `[P, N]` the policy that everybody plays, 0 beyond a prompt's own responses.
        payoffs: `[P, N]` the chance that each response is picked against k samples of it.
    """

    policy: Floats
    payoffs: Floats


def self_play(scenario: ScenarioLike, k: int, step: float = 1.0, *, optimistic: bool = False) -> Iterator[Iterate]:
    """Returns self-play without end, from the uniform policy on.

    After each iterate, the weight of a response is multiplied by `exp(step * (k + 1) * payoff)`. The mean payoff of a
    policy is 1 / (k + 1), so that the scaled payoffs have mean 1 for every k. For k >= 2 the last iterate converges
    with steps of about 1, and cycles with much larger ones. For k = 1 it circles around equilibria of several responses
    at any step, and only the average converges; the optimistic variant, which counts the last payoffs twice and takes
    the ones before back, converges there too.

    Args:
        scenario: a scenario, its spec, or the population of its only prompt.
        k: number of samples that a response competes with.
        step: step size, positive.
        optimistic: whether to extrapolate payoffs.

    Raises:
        ValueError: if an argument is out of range.

    Source: Cai & Zheng, "Asymptotic Universal Alignment", ICML 2026 (arXiv 2601.08777); optimism: Rakhlin & Sridharan,
    "Online Learning with Predictable Sequences", 2013.
    """
    return iterates(
        as_scenario(scenario), _checks.number_of_outputs(k), _checks.scale("step", step), optimistic=optimistic
    )


def iterates(scenario: Scenario, k: int, step: float = 1.0, *, optimistic: bool = False) -> Iterator[Iterate]:
    """Yields `self_play` of what has been checked."""
    logits = uniform_logits(scenario)
    before = np.zeros_like(logits)
    while True:
        policy = softmax(logits)
        payoffs = SharedPolicy(policy).payoffs(scenario, k)
        yield Iterate(policy, payoffs)
        logits += step * (k + 1) * (2 * payoffs - before if optimistic else payoffs)
        logits -= logits.max(axis=1, keepdims=True)
        before = payoffs


@dataclass(frozen=True, eq=False)
class SelfPlay(Result):
    """What T steps of self-play have learned, and how it came about.

    Attributes:
        last: `[P, N]` the last iterate.
        average: `[P, N]` the mean of the iterates.
        mixture: an iterate drawn at random, then k samples of it: what the regret bound speaks of.
        steps: `[C]` the steps at which the following were recorded, evenly spaced in the logarithm.
        last_exploitability: `[C]` of the iterate.
        average_exploitability: `[C]` of the mean of the iterates so far; at most that of their mixture.
        mixture_exploitability: `[C]` of the mixture of the iterates so far, their average regret.
        regret_bound: `[C]` on the average regret of multiplicative weights; NaN for optimistic and magnetic self-play.
    """

    last: Floats
    average: Floats
    mixture: Mixture
    steps: Ints
    last_exploitability: Floats
    average_exploitability: Floats
    mixture_exploitability: Floats
    regret_bound: Floats

    def summary(self) -> str:
        """Returns how exploitable the three readings of the run are at its end."""
        ends = self.last_exploitability[-1], self.average_exploitability[-1], self.mixture_exploitability[-1]
        return (
            f"self-play of {counted(self.steps[-1], 'step')}: exploitability of the last iterate {ends[0]:.1e}, of the "
            f"average {ends[1]:.1e}, of the mixture {ends[2]:.1e}"
        )


def mirror_descent(
    scenario: ScenarioLike,
    k: int,
    *,
    steps: int = 1000,
    step: float | None = 1.0,
    optimistic: bool = False,
) -> SelfPlay:
    """Runs entropic mirror-descent self-play and records how exploitable its iterates are.

    Args:
        scenario: a scenario, its spec, or the population of its only prompt.
        k: number of samples that a response competes with.
        steps: T, the number of iterates, all of which the mixture keeps: `T P N` numbers.
        step: step size, as in `self_play`; None takes the one that minimises the regret bound for T steps, with which
            the mixture's exploitability is at most `sqrt(log(N) / (2 T))`.
        optimistic: whether to extrapolate payoffs.

    Raises:
        ValueError: if an argument is out of range.
    """
    scenario, k, steps = as_scenario(scenario), _checks.number_of_outputs(k), _checks.count("steps", steps, 1)
    entropy = float(scenario.probabilities @ np.log([p.n_responses for p in scenario.populations]))
    if step is None:
        step = max(np.sqrt(8 * entropy / steps), 1e-6) / (k + 1)
    step = _checks.scale("step", step)
    run = record(iterates(scenario, k, step, optimistic=optimistic), scenario, k, steps)
    if optimistic:
        return run
    eta = step * (k + 1)  # the step on payoffs in [0, 1]
    return replace(run, regret_bound=entropy / (eta * run.steps) + eta / 8)


def record(dynamics: Iterator[Iterate], scenario: Scenario, k: int, steps: int) -> SelfPlay:
    """Runs a dynamic for a number of steps and records its exploitability on the way."""
    numbers = steps * scenario.n_prompts * scenario.n_responses
    if numbers > MAX_NUMBERS:
        raise TooLargeError(
            f"{about(steps)} iterates of {scenario.n_prompts} prompts and {scenario.n_responses} responses are "
            f"{about(numbers)} numbers, but at most {MAX_NUMBERS:,} are kept: use self_play, which keeps none"
        )
    recorded = np.unique(np.geomspace(1, steps, 60).round().astype(np.int64))
    policies = np.empty((steps, scenario.n_prompts, scenario.n_responses))
    total_policy, total_payoffs = np.zeros(policies.shape[1:]), np.zeros(policies.shape[1:])
    traces = []
    for t, iterate in enumerate(islice(dynamics, steps), start=1):
        policies[t - 1] = iterate.policy
        total_policy += iterate.policy
        total_payoffs += iterate.payoffs
        if t in recorded:
            average = SharedPolicy(total_policy / t).payoffs(scenario, k)
            three = (iterate.payoffs, average, total_payoffs / t)
            traces.append([scenario.probabilities @ payoffs.max(axis=1) - 1 / (k + 1) for payoffs in three])
    last, mean, mixture = np.maximum(np.array(traces), 0).T
    return SelfPlay(
        last=policies[-1],
        average=total_policy / steps,
        mixture=Mixture(policies, np.full(steps, 1 / steps)),
        steps=recorded,
        last_exploitability=last,
        average_exploitability=mean,
        mixture_exploitability=mixture,
        regret_bound=np.full(recorded.size, np.nan),
    )


def uniform_logits(scenario: Scenario) -> Floats:
    """Returns `[P, N]` logarithms of the uniform policy, up to a constant: -inf beyond a prompt's own responses."""
    sizes = np.array([[population.n_responses] for population in scenario.populations])
    return np.where(np.arange(scenario.n_responses) < sizes, 0.0, -np.inf)


def softmax(logits: Floats) -> Floats:
    """Returns `[P, N]` distributions with the given logarithms, up to constants."""
    policy = np.exp(logits - logits.max(axis=1, keepdims=True))
    return policy / policy.sum(axis=1, keepdims=True)
