"""How well a k-output policy serves users who disagree: the U-alignment metrics.

Axes: P prompts, N responses, K players.

The opponent submits one response to a prompt that it, too, sees. A policy is (k, f)-robust if it is picked with
probability f against every opponent; k samples of one policy reach at most f = k / (k + 1), exactly at the symmetric
Nash equilibria of the (k+1)-player game. Against l responses, these reach at least (k + 1 - l) / (k + 1).

Source: Cai & Zheng, "Asymptotic Universal Alignment", ICML 2026 (arXiv 2601.08777).
"""

import warnings
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ualign_env import _checks
from ualign_env._checks import Floats
from ualign_env.policies import JointPolicy, Profile, SharedPolicy, Tabular, tabulate
from ualign_env.population import Population
from ualign_env.scenario import Scenario
from ualign_env.specs import as_scenario
from ualign_env.versus.best_responses import respond
from ualign_env.versus.models import number_of_responses


@dataclass(frozen=True)
class Scorecard:
    """What a policy achieves against the worst opponent.

    Attributes:
        scenario: name of the scenario.
        k: number of responses shown by the policy.
        opponents: l, the number of responses of the opponent.
        robust_win_rate: chance that one of the k is picked against the worst opponent found.
        proven_rate: what no opponent undercuts: `robust_win_rate` itself, unless the worst was sought greedily.
        opponent_method: how the worst opponent was found: `"closed form"` for l = 1, or by `"enumeration"`, `"milp"` or
            `"greedy"`; the least certain of these, where it differs between prompts.
        optimal_rate: (k + 1 - l) / (k + 1), what k samples of every equilibrium guarantee: for l = 1 the best that k
            samples of one policy can do on any population, for larger l a bound that some exceed.
        gap: `optimal_rate - robust_win_rate`; for l = 1 below 0 only for k outputs that are no samples of one policy.
        nash_conv: sum of what the k + 1 players could gain by deviating, as OpenSpiel defines it. None where the
            policy is none of the game's profiles: k different outputs, a mixture (which correlates the players), or
            outputs that are chosen together.
        leave_one_out_win_rate: for k + 1 players with policies of their own, the mean over players of the robust win
            rate of the other k; `robust_win_rate` is then that of k samples of the players' average policy.
        best_responses: the worst opponent's l responses to each of the P prompts.
        prompt_win_rates: the robust win rate on each of the P prompts.
        worst_prompt: index of the prompt with the lowest one.
        entropy: mean entropy in nats of the (average) policy over the prompts.
        effective_responses: `exp(entropy)`, the number of equally likely responses of that entropy.
        curve: pairs (k', robust win rate of k' samples) for k' = 1, 2, 4, ...
    """

    scenario: str
    k: int
    opponents: int
    robust_win_rate: float
    proven_rate: float
    opponent_method: str
    optimal_rate: float
    gap: float
    nash_conv: float | None
    leave_one_out_win_rate: float | None
    best_responses: tuple[tuple[int, ...], ...]
    prompt_win_rates: tuple[float, ...]
    worst_prompt: int
    entropy: float
    effective_responses: float
    curve: tuple[tuple[int, float], ...]

    def __str__(self) -> str:
        against = f" against {self.opponents} responses" if self.opponents > 1 else ""
        nash_conv = "" if self.nash_conv is None else f", NashConv {self.nash_conv:.2g}"
        return (
            f"robust win rate {self.robust_win_rate:.4f} of {self.optimal_rate:.4f} at k = {self.k}{against}{nash_conv}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns the metrics as plain Python values, ready for JSON."""
        return asdict(self)


def robust_win_rate(target: Scenario | Population | str, policy: Any, k: int, opponents: int = 1) -> float:
    """Returns the chance that one of a policy's k responses is picked against the worst opponent.

    Args:
        target: a scenario, its spec, or the population of its only prompt.
        policy: anything that `tabulate` takes. Of k + 1 players with policies of their own, the k responses are
            samples of the average policy.
        k: number of responses shown.
        opponents: l, the number of responses of the opponent, from 1 to 500.

    Raises:
        ValueError: if the policy doesn't fit the scenario and k.

    Warns:
        UserWarning: if, with many users and responses, the worst l responses could only be sought greedily; `score`
            tells how much worse they can be.
    """
    scenario, k = as_scenario(target), _checks.number_of_outputs(k)
    found = _worst_opponents(scenario, tabulate(policy, scenario, k), k, number_of_responses(opponents, "opponents"))
    rate, proven = (float(scenario.probabilities @ rates) for rates in (found.rates, found.proven))
    if not found.optimal:
        warnings.warn(
            f"the worst {opponents} responses were sought by {found.method}: the rate is in [{proven:.4f}, {rate:.4f}]",
            stacklevel=2,
        )
    return rate


def exploitability(target: Scenario | Population | str, policy: Any, k: int) -> float:
    """Returns the mean of what a player of the (k+1)-player game could gain by deviating; 0 at an equilibrium.

    For a shared policy or a mixture it is `k / (k + 1) - robust_win_rate`.

    Args:
        target: a scenario, its spec, or the population of its only prompt.
        policy: anything that `tabulate` takes, but for k outputs with different policies.
        k: number of responses shown; the game has k + 1 players.

    Raises:
        ValueError: if the policy doesn't fit the scenario and k, or is not a profile of the game.
    """
    scenario, k = as_scenario(target), _checks.number_of_outputs(k)
    learned = tabulate(policy, scenario, k)
    if isinstance(learned, Profile):
        return _profile_nash_conv(scenario, learned, k) / (k + 1)
    if isinstance(learned, JointPolicy):
        raise ValueError("responses that are chosen together are no policy of a player: only their win rate exists")
    rates = _worst_opponents(scenario, learned, k, 1).rates
    return max(0.0, float(k / (k + 1) - scenario.probabilities @ rates))


def nash_conv(target: Scenario | Population | str, policy: Any, k: int) -> float:
    """Returns the sum of what the k + 1 players could gain by deviating, as OpenSpiel's `nash_conv` does.

    Args:
        target: a scenario, its spec, or the population of its only prompt.
        policy: anything that `tabulate` takes, but for mixtures and k outputs with different policies.
        k: number of responses shown; the game has k + 1 players.

    Raises:
        ValueError: if the policy doesn't fit the scenario and k, or is not a profile of the game.
    """
    scenario, k = as_scenario(target), _checks.number_of_outputs(k)
    learned = tabulate(policy, scenario, k)
    if isinstance(learned, Profile):
        return _profile_nash_conv(scenario, learned, k)
    if isinstance(learned, SharedPolicy):
        return (k + 1) * exploitability(scenario, learned.probabilities, k)
    raise ValueError("policies that correlate the players have no NashConv; see exploitability and robust_win_rate")


def score(
    scenario: Scenario | Population | str,
    policy: Any,
    k: int,
    *,
    opponents: int = 1,
    curve: Iterable[int] | None = None,
) -> Scorecard:
    """Returns the U-alignment metrics of a policy.

    Args:
        scenario: a scenario, its spec, or the population of its only prompt.
        policy: anything that `tabulate` takes: arrays, OpenSpiel policies, callables, mixtures.
        k: number of responses shown.
        opponents: l, the number of responses of the opponent, from 1 to 500. NashConv is always that of the symmetric
            game, in which everybody submits one.
        curve: the k' of the scorecard's curve (default: the powers of two up to 64, or up to k where that is larger).
            For policies that differ between players or outputs it is the curve of their average.

    Raises:
        ValueError: if the policy doesn't fit the scenario and k.
    """
    scenario, k = as_scenario(scenario), _checks.number_of_outputs(k)
    learned = tabulate(policy, scenario, k)
    l = number_of_responses(opponents, "opponents")
    found = _worst_opponents(scenario, learned, k, l)
    rate = float(scenario.probabilities @ found.rates)
    optimal = max(0, k + 1 - l) / (k + 1)
    gap = optimal - rate
    average = learned.average()
    entropy = float(scenario.probabilities @ _entropies(average))
    sizes = [2**i for i in range(max(64, k).bit_length())] if curve is None else curve
    game = learned if isinstance(learned, Profile) and len(learned.probabilities) == k + 1 else None
    return Scorecard(
        scenario=scenario.name,
        k=k,
        opponents=l,
        robust_win_rate=rate,
        proven_rate=float(scenario.probabilities @ found.proven),
        opponent_method=found.method,
        optimal_rate=optimal,
        gap=gap
        if l > 1 or isinstance(learned, Profile | JointPolicy)
        else max(0.0, gap),  # product policies cannot do better
        nash_conv=nash_conv(scenario, learned, k) if game or isinstance(learned, SharedPolicy) else None,
        leave_one_out_win_rate=_leave_one_out_win_rate(scenario, game) if game else None,
        best_responses=found.responses,
        prompt_win_rates=tuple(found.rates.tolist()),
        worst_prompt=int(found.rates.argmin()),
        entropy=entropy,
        effective_responses=float(np.exp(entropy)),
        curve=_curve(scenario, learned, sizes, l),
    )


@dataclass(frozen=True)
class _Opponents:
    """The worst opponents found: P multisets, the `[P]` rates against them, and what no opponent undercuts."""

    responses: tuple[tuple[int, ...], ...]
    rates: Floats
    proven: Floats
    method: str
    optimal: bool


def _worst_opponents(scenario: Scenario, learned: Tabular, k: int, l: int) -> _Opponents:
    if l == 1:
        payoffs = learned.deviation_payoffs(scenario, k)
        rates = 1 - payoffs.max(axis=1)
        return _Opponents(tuple((int(y),) for y in payoffs.argmax(axis=1)), rates, rates, "closed form", True)
    found = [respond(learned.model(scenario, x, k), l) for x in range(scenario.n_prompts)]
    return _Opponents(
        tuple(best.responses for best in found),
        np.array([1 - best.value for best in found]),
        np.array([1 - best.upper_bound for best in found]),
        max((best.method for best in found), key=("enumeration", "milp", "greedy").index),
        all(best.optimal for best in found),
    )


def _curve(scenario: Scenario, learned: Tabular, sizes: Iterable[int], l: int) -> tuple[tuple[int, float], ...]:
    """Returns pairs (k', robust win rate of k' samples)."""
    sampled = SharedPolicy(learned.average()) if isinstance(learned, Profile | JointPolicy) else learned
    return tuple(
        (k, float(scenario.probabilities @ _worst_opponents(scenario, sampled, k, l).rates))
        for k in map(_checks.number_of_outputs, sizes)
    )


def _profile_nash_conv(scenario: Scenario, profile: Profile, k: int) -> float:
    """Returns the sum over players of the best response's advantage over the player's own policy."""
    policies = profile.probabilities
    if len(policies) != k + 1:
        raise ValueError(f"the game has {k + 1} players, but the profile has {len(policies)}: only its win rate exists")
    payoffs = profile.leave_one_out_payoffs(scenario)
    gains = payoffs.max(axis=2) - (policies * payoffs).sum(axis=2)
    return max(0.0, float((gains @ scenario.probabilities).sum()))


def _leave_one_out_win_rate(scenario: Scenario, profile: Profile) -> float:
    """Returns the mean over players of the robust win rate of all the others."""
    payoffs = profile.leave_one_out_payoffs(scenario)
    return float(((1 - payoffs.max(axis=2)) @ scenario.probabilities).mean())


def _entropies(probabilities: Floats) -> Floats:
    """Returns `[P]` Shannon entropies in nats."""
    logarithms = np.log(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    return -(probabilities * logarithms).sum(axis=1)
