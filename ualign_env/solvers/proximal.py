"""Magnetic mirror descent: self-play that is drawn towards a reference policy, which may follow it.

With a fixed magnet the last iterate converges to the equilibrium of the game regularised by it. Moving the magnet to
the present policy now and then (the proximal point method) leads to an equilibrium of the game itself, for k = 1 too,
where plain mirror descent circles.

Axes: P prompts, N responses.
"""

from collections.abc import Iterator

import numpy as np

from ualign_env import _checks
from ualign_env._types import Floats
from ualign_env.policies.tables import SharedPolicy
from ualign_env.scenario import Scenario
from ualign_env.solvers.mirror_descent import Iterate, SelfPlay, record, softmax, uniform_logits
from ualign_env.specs import ScenarioLike, as_scenario


def magnetic_self_play(
    scenario: Scenario,
    k: int,
    step: float = 1.0,
    *,
    temperature: float | None = None,
    reference: Floats | None = None,
    magnet_every: int | None = 100,
) -> Iterator[Iterate]:
    """Yields magnetic self-play without end, from the reference policy on.

    A step is `log pi <- (log pi + eta g + eta temperature log magnet) / (1 + eta temperature)`, normalised, with
    `eta = (k + 1) step` as for plain self-play.

    Args:
        scenario: P prompts with up to N responses.
        k: number of samples that a response competes with.
        step: step size, positive.
        temperature: weight of the KL divergence from the magnet, positive (default: 0.1 / (k + 1), a tenth of the mean
            payoff).
        reference: `[P, N]` first magnet (default: uniform).
        magnet_every: number of steps after which the magnet moves to the present policy; None keeps it.

    Source: Sokota et al., "A Unified Approach to Reinforcement Learning, Quantal Response Equilibria, and Two-Player
    Zero-Sum Games", 2023; proximal point: Rockafellar, 1976.
    """
    k, step = _checks.number_of_outputs(k), _checks.scale("step", step)
    if temperature is None:
        temperature = 0.1 / (k + 1)
    pull = (k + 1) * step * _checks.scale("temperature", temperature)
    if magnet_every is not None:
        magnet_every = _checks.count("magnet_every", magnet_every, 1)
    if reference is None:
        magnet = uniform_logits(scenario)
    else:
        with np.errstate(divide="ignore"):
            magnet = np.log(reference)
    logits = magnet
    steps = 0
    while True:
        policy = softmax(logits)
        payoffs = SharedPolicy(policy).payoffs(scenario, k)
        yield Iterate(policy, payoffs)
        logits = (logits + step * (k + 1) * payoffs + pull * magnet) / (1 + pull)
        logits = logits - logits.max(axis=1, keepdims=True)
        steps += 1
        if magnet_every is not None and steps % magnet_every == 0:
            magnet = logits


def proximal(
    scenario: ScenarioLike,
    k: int,
    *,
    steps: int = 1000,
    step: float = 1.0,
    temperature: float | None = None,
    magnet_every: int | None = 100,
) -> SelfPlay:
    """Runs magnetic self-play from the uniform policy and records how exploitable its iterates are.

    Args:
        scenario: a scenario, its spec, or the population of its only prompt.
        k: number of samples that a response competes with.
        steps: T, the number of iterates.
        step: step size, positive.
        temperature: weight of the KL divergence from the magnet, positive (default: 0.1 / (k + 1), a tenth of the mean
            payoff).
        magnet_every: number of steps after which the magnet moves to the present policy; None keeps it.

    Raises:
        ValueError: if an argument is out of range.
    """
    scenario, k, steps = as_scenario(scenario), _checks.number_of_outputs(k), _checks.count("steps", steps, 1)
    dynamics = magnetic_self_play(scenario, k, step, temperature=temperature, magnet_every=magnet_every)
    return record(dynamics, scenario, k, steps)
