"""The U-alignment metrics of a policy, one by one or all together; what they are, `scorecard` says."""

import warnings
from collections.abc import Iterable
from typing import Any

from ualign_env.policies.tables import Mixture
from ualign_env.scoring.scorecard import Scorecard, sought
from ualign_env.scoring.scored_policy import evaluate
from ualign_env.specs import ScenarioLike


def robust_win_rate(scenario: ScenarioLike, policy: Any, k: int, l: int = 1) -> float:
    """Returns the chance that one of a policy's k responses is picked against the worst opponent.

    Args:
        scenario: a scenario, its spec, or the population of its only prompt.
        policy: anything that `tabulate` takes. Of k + 1 players with policies of their own, the k responses are
            samples of the average policy.
        k: number of responses shown.
        l: number of responses of the opponent, from 1 to 500.

    Raises:
        ValueError: if the policy doesn't fit the scenario and k.

    Warns:
        UserWarning: if, with many users and responses, the worst l responses could only be sought greedily; `score`
            tells how much worse they can be.
    """
    found = evaluate(scenario, policy, k, l)
    if not found.opponents.proven:
        warnings.warn(sought(found.l, found.opponents.method, found.proven_rate, found.rate), stacklevel=2)
    return found.rate


def exploitability(scenario: ScenarioLike, policy: Any, k: int) -> float:
    """Returns the mean of what a player of the (k+1)-player game could gain by deviating; 0 at an equilibrium.

    For a shared policy or a mixture it is `k / (k + 1) - robust_win_rate`.

    Args:
        scenario: a scenario, its spec, or the population of its only prompt.
        policy: anything that `tabulate` takes, but for k outputs with different policies.
        k: number of responses shown; the game has k + 1 players.

    Raises:
        ValueError: if the policy doesn't fit the scenario and k, or is not a profile of the game.
    """
    found = evaluate(scenario, policy, k)
    if isinstance(found.learned, Mixture):
        return found.shortfall
    return found.nash_conv / (k + 1)


def nash_conv(scenario: ScenarioLike, policy: Any, k: int) -> float:
    """Returns the sum of what the k + 1 players could gain by deviating, as OpenSpiel's `nash_conv` does.

    Args:
        scenario: a scenario, its spec, or the population of its only prompt.
        policy: anything that `tabulate` takes, but for mixtures and k outputs with different policies.
        k: number of responses shown; the game has k + 1 players.

    Raises:
        ValueError: if the policy doesn't fit the scenario and k, or is not a profile of the game.
    """
    return evaluate(scenario, policy, k).nash_conv


def score(
    scenario: ScenarioLike,
    policy: Any,
    k: int,
    *,
    l: int = 1,
    player: int | None = None,
    curve: Iterable[int] | None = None,
) -> Scorecard:
    """Returns the U-alignment metrics of a policy.

    Args:
        scenario: a scenario, its spec, or the population of its only prompt.
        policy: anything that `tabulate` takes: arrays, OpenSpiel policies, callables, mixtures.
        k: number of responses shown.
        l: number of responses of the opponent, from 1 to 500. NashConv is always that of the symmetric game, in which
            everybody submits one.
        player: whose policy is scored, where it is one of several players; see `tabulate`.
        curve: the k' of the scorecard's curve (default: the powers of two up to 64, or up to k where that is larger).
            For policies that differ between players or outputs it is the curve of their average.

    Raises:
        ValueError: if the policy doesn't fit the scenario and k.
    """
    return evaluate(scenario, policy, k, l, player).scorecard(curve)
