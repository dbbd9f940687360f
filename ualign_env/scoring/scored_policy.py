"""A policy that was read once, of which every metric can be asked, and is computed once.

Axes: P prompts, N responses, K players.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ualign_env import _checks
from ualign_env._types import Floats
from ualign_env.policies.tables import JointPolicy, Mixture, Outputs, Players, PolicyTable, SharedPolicy
from ualign_env.policies.tabulate import read
from ualign_env.scenario import Scenario
from ualign_env.scoring.scorecard import Scorecard, optimal_rate
from ualign_env.solvers.best_responses import respond
from ualign_env.specs import ScenarioLike, as_scenario
from ualign_env.users import Contest

_AS_BAD = 1e-9  # opponents whose payoffs differ by less from the worst are as bad


def known_sizes(scenario: Scenario, sizes: Iterable[int]) -> list[int]:
    """Returns those k for which what is known of the users determines payoffs."""
    return [k for k in sizes if all(users.knows(k + 1) for users in scenario.populations)]


def evaluate(scenario: ScenarioLike, policy: Any, k: int, l: int = 1, player: int | None = None) -> "ScoredPolicy":
    """Returns a policy, read once, of which every metric can be asked."""
    loaded, k, l = as_scenario(scenario), _checks.number_of_outputs(k), _checks.number_of_responses(l)
    return ScoredPolicy(loaded, read(policy, loaded, k, player), k, l)


@dataclass(frozen=True)
class _Opponents:
    """The worst opponents found: P multisets, the `[P]` rates against them, and what no opponent undercuts."""

    responses: tuple[tuple[int, ...], ...]
    rates: Floats
    proven_rates: Floats
    method: str
    proven: bool


@dataclass(frozen=True, eq=False)
class ScoredPolicy:
    """A policy that was read once, with every metric computed once, when it is first asked for."""

    scenario: Scenario
    learned: PolicyTable
    k: int
    l: int

    @cached_property
    def contests(self) -> list[Contest]:
        """What an opponent meets on each of the P prompts."""
        return [self.learned.contest(users, x, self.k) for x, users in enumerate(self.scenario.populations)]

    @cached_property
    def payoffs(self) -> Floats:
        """`[P, N]` the chance that each response alone is picked."""
        return self.learned.payoffs(self.scenario, self.k)

    @cached_property
    def opponents(self) -> _Opponents:
        """The worst ones, with l responses."""
        if self.l == 1:
            rates = np.maximum(0.0, 1 - self.payoffs.max(axis=1))  # sums of chances may exceed 1
            worst = tuple((int(y),) for y in self.payoffs.argmax(axis=1))
            return _Opponents(worst, rates, rates, "closed form", True)
        found = [respond(contest, self.l) for contest in self.contests]
        return _Opponents(
            tuple(best.responses for best in found),
            np.maximum(0.0, [1 - best.value for best in found]),
            np.maximum(0.0, [1 - best.upper_bound for best in found]),
            max((best.method for best in found), key=("enumeration", "milp", "greedy").index),
            all(best.optimal for best in found),
        )

    @cached_property
    def rate(self) -> float:
        """The robust win rate."""
        return float(self.scenario.probabilities @ self.opponents.rates)

    @property
    def proven_rate(self) -> float:
        """What no opponent undercuts."""
        return float(self.scenario.probabilities @ self.opponents.proven_rates)

    @property
    def shortfall(self) -> float:
        """What the rate lacks; against single responses, samples of one policy cannot exceed the optimum."""
        short = optimal_rate(self.k, self.l) - self.rate
        return max(0.0, short) if self.l == 1 and isinstance(self.learned, SharedPolicy | Mixture) else short

    @cached_property
    def players_payoffs(self) -> Floats:
        """`[K, P, N]` what each response would earn each player against the others; K is 0 without players."""
        if isinstance(self.learned, Players):
            return self.learned.leave_one_out_payoffs(self.scenario)
        return np.zeros((0, *self.scenario.legal.shape))

    @cached_property
    def nash_conv(self) -> float:
        """The sum over players of the best response's advantage over the player's own policy."""
        if isinstance(self.learned, SharedPolicy):
            conceded = self.scenario.probabilities @ self.payoffs.max(axis=1)
            return max(0.0, (self.k + 1) * float(conceded - 1 / (self.k + 1)))
        if isinstance(self.learned, Players):
            own = (self.learned.probabilities * self.players_payoffs).sum(axis=2)
            gains = self.players_payoffs.max(axis=2) - own
            return max(0.0, float((gains @ self.scenario.probabilities).sum()))
        reason = {
            Mixture: "a mixture correlates the players and has no NashConv; see exploitability and robust_win_rate",
            Outputs: f"{self.k} outputs with different policies are no profile of the game of {self.k + 1} players: "
            "only their win rate exists",
            JointPolicy: "responses that are chosen together are no policy of a player: only their win rate exists",
        }
        raise ValueError(reason[type(self.learned)])

    @property
    def nash_conv_of_profile(self) -> float | None:
        """NashConv, None where the policy is none of the game's profiles."""
        return self.nash_conv if isinstance(self.learned, SharedPolicy | Players) else None

    @property
    def leave_one_out_win_rate(self) -> float:
        """The mean over players of the robust win rate of all the others."""
        return float(((1 - self.players_payoffs.max(axis=2)) @ self.scenario.probabilities).mean())

    @property
    def u_alignment_limit(self) -> float | None:
        """What the rate against single responses tends to with ever more samples; see `Scorecard`."""
        sampled = self.learned.sampled()
        if isinstance(sampled, SharedPolicy):
            weights, policies = np.ones(1), sampled.probabilities[None]
        else:
            weights = np.asarray(sampled.weights, np.float64)
            weights, policies = weights / weights.sum(), np.asarray(sampled.policies)
        lost = []
        for x, users in enumerate(self.scenario.populations):
            shown = policies[:, x, : users.n_responses] > 0
            supports, which = np.unique(shown, axis=0, return_inverse=True)
            rows = [users.beyond(support) for support in supports]
            if any(row is None for row in rows):
                return None
            lost.append(np.max(np.bincount(which.ravel(), weights) @ np.array(rows, np.float64)))
        return 1 - float(self.scenario.probabilities @ lost)

    def _mean(self, values: Iterable[float | None]) -> float | None:
        """Returns the mean of a number for each prompt, None where one is not known."""
        found = list(values)
        known = [value for value in found if value is not None]
        return float(self.scenario.probabilities @ np.array(known)) if len(known) == len(found) else None

    @cached_property
    def _left_to_groups(self) -> list[dict[str, tuple[float, float]]]:
        """What is left to each group of each prompt's users: by the worst opponent of all users, and by its own worst.

        Groups are the scenario's, or else the users with the same favourite. Of several worst opponents of all users,
        the one that is worst for the group counts.
        """
        found = []
        for x, (named, users) in enumerate(zip(self.scenario.groups, self.scenario.populations, strict=True)):
            left = {}
            for name, members in (named or users.by_favourite()).items():
                contest = self.learned.contest(members, x, self.k)
                if self.l > 1:
                    own = common = contest.values(np.array([self.opponents.responses[x]]))
                else:
                    own = contest.payoffs()
                    common = own[self.payoffs[x, : own.size] >= self.payoffs[x].max() - _AS_BAD]
                left[name] = _left(common), _left(own)
            found.append(left)
        return found

    @property
    def group_win_rates(self) -> tuple[dict[str, float], ...]:
        """The win rate of each group of each prompt, against that worst opponent that is worst for it."""
        return tuple({name: common for name, (common, _) in left.items()} for left in self._left_to_groups)

    @property
    def group_robust_win_rates(self) -> dict[str, float]:
        """The robust win rate of each group among its own users, over the prompts on which there is the group."""
        rates, chances, named = dict[str, float](), dict[str, float](), any(self.scenario.groups)
        for x, chance in enumerate(self.scenario.probabilities.tolist()):
            if self.l > 1 or (named and not self.scenario.groups[x]):
                continue
            for name, (_, own) in self._left_to_groups[x].items():
                rates[name] = rates.get(name, 0.0) + chance * own
                chances[name] = chances.get(name, 0.0) + chance
        return {name: rate / chances[name] for name, rate in rates.items()}

    def curve(self, sizes: Iterable[int]) -> tuple[tuple[int, float], ...]:
        """Returns pairs (k', robust win rate of k' samples)."""
        sampled = self.learned.sampled()
        same = type(sampled) is type(self.learned) or isinstance(self.learned, Players)
        points = []
        for k in sizes:
            again = self if same and k == self.k else ScoredPolicy(self.scenario, sampled, k, self.l)
            points.append((k, again.rate))
        return tuple(points)

    def scorecard(self, curve: Iterable[int] | None = None) -> Scorecard:
        """Returns all metrics; see `score`."""
        sizes = known_sizes(self.scenario, [2**i for i in range(max(64, self.k).bit_length())])
        sizes = sizes if curve is None else _checks.several("curve", curve)
        found, probabilities = self.opponents, self.scenario.probabilities
        average = self.learned.average()
        entropy = float(probabilities @ _entropies(average))
        players = isinstance(self.learned, Players)
        groups = self.group_win_rates
        named = [(x, name) for x, rates in enumerate(groups) for name in rates]
        worst = min(named, key=lambda one: groups[one[0]][one[1]], default=None)
        return Scorecard(
            scenario=self.scenario.name,
            k=self.k,
            l=self.l,
            robust_win_rate=self.rate,
            proven_rate=self.proven_rate,
            proven=found.proven,
            opponent_method=found.method,
            optimal_rate=optimal_rate(self.k, self.l),
            shortfall=self.shortfall,
            nash_conv=self.nash_conv_of_profile,
            leave_one_out_win_rate=self.leave_one_out_win_rate if players else None,
            best_responses=found.responses,
            prompt_win_rates=tuple(found.rates.tolist()),
            worst_prompt=int(found.rates.argmin()),
            entropy=entropy,
            effective_responses=float(np.exp(entropy)),
            distinct_responses=float(probabilities @ self.learned.distinct(self.k)),
            u_alignment_limit=self.u_alignment_limit,
            favourite_shown=self._mean(contest.favourite_shown() for contest in self.contests),
            best_utility=self._mean(contest.best_utility() for contest in self.contests),
            group_win_rates=groups,
            group_robust_win_rates=self.group_robust_win_rates,
            worst_group=None if worst is None else (worst[0], worst[1]),
            worst_group_win_rate=None if worst is None else groups[worst[0]][worst[1]],
            curve=self.curve(map(_checks.number_of_outputs, sizes)),
        )


def _entropies(probabilities: Floats) -> Floats:
    """Returns `[P]` Shannon entropies in nats."""
    logarithms = np.log(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    return -(probabilities * logarithms).sum(axis=1)


def _left(lost: Floats) -> float:
    """Returns what the worst of several opponents leaves."""
    return max(0.0, 1 - float(lost.max()))
