"""Families of results over k, and over k and l: what pictures draw.

Axes: P prompts, N responses, S numbers of responses shown.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ualign_env import _checks
from ualign_env._result import Result
from ualign_env._text import short
from ualign_env._types import Floats
from ualign_env.scenario import Scenario
from ualign_env.scoring.metrics import score
from ualign_env.scoring.scorecard import optimal_rate
from ualign_env.scoring.scored_policy import evaluate
from ualign_env.solvers.baselines import BASELINES, baseline, possible
from ualign_env.solvers.maximal_lottery import maximal_lotteries
from ualign_env.solvers.nash_welfare import nash_welfare
from ualign_env.solvers.result import all_known
from ualign_env.solvers.symmetric import solve
from ualign_env.solvers.versus import solve_versus
from ualign_env.specs import ScenarioLike, as_scenario, one_prompt

#: The numbers of responses that curves show unless told otherwise.
POWERS = (1, 2, 4, 8, 16, 32, 64)

_TOLERANCE = 1e-10  # of an equilibrium


class OfEquilibria(Result):
    """What holds the certificates of several equilibria."""

    certificates: tuple[float, ...]

    @property
    def certificate(self) -> float:
        """The largest certificate of an equilibrium."""
        return max(self.certificates)

    @property
    def advice(self) -> str | None:
        """What to do where an equilibrium missed the tolerance."""
        if self.certificate <= _TOLERANCE:
            return None
        return f"an equilibrium is off by {self.certificate:.1e}: `solve` has other methods and more iterations"


@dataclass(frozen=True, eq=False)
class Curve(OfEquilibria):
    """Robust win rates against k.

    Attributes:
        scenario: name of the scenario.
        sizes: the S different k, in order.
        optimum: k / (k + 1) for each.
        equilibria: the rate of each k's own equilibrium.
        certificates: of the equilibria.
        temperature: of the regularised equilibria, 0 where there are none.
        regularised: the rate of each k's equilibrium at the temperature; empty where there is none.
        baselines: for each baseline's name, its rate for each k.
        nlhf_unique: whether NLHF, the maximal lottery of greatest entropy, is the only maximal lottery on every prompt;
            None where it was not found out.
        policies: for each name of a policy of your own, its rate for each k.
    """

    scenario: str
    sizes: tuple[int, ...]
    optimum: tuple[float, ...]
    equilibria: tuple[float, ...]
    certificates: tuple[float, ...]
    temperature: float
    regularised: tuple[float, ...]
    baselines: dict[str, tuple[float, ...]]
    nlhf_unique: bool | None
    policies: dict[str, tuple[float, ...]]

    def summary(self) -> str:
        """Returns the rates of all lines, a column for each k."""
        lines = [("k", [str(k) for k in self.sizes])]
        named = {"optimum": self.optimum, "equilibrium": self.equilibria, **self.policies, **self.baselines}
        if self.regularised:
            named["regularised"] = self.regularised
        lines += [(short(name, 19), [f"{rate:.4f}" for rate in rates]) for name, rates in named.items()]
        text = "\n".join(f"{name:<20}{''.join(f'{cell:>9}' for cell in cells)}" for name, cells in lines)
        return text if self.nlhf_unique is not False else f"{text}\nnlhf: of several, the lottery of greatest entropy"


def win_rate_curve(
    scenario: ScenarioLike,
    sizes: Iterable[int] = POWERS,
    *,
    temperature: float = 0.0,
    policies: Mapping[str, Any] | None = None,
) -> Curve:
    """Returns the robust win rate against k: the optimum, the equilibrium of each k, baselines, and policies.

    Args:
        scenario: a scenario, its spec, or the population of its only prompt.
        sizes: the k to compute, each from 1 to 1,000,000.
        temperature: with one above 0, also the equilibrium of the game regularised towards the uniform policy.
        policies: for each name a policy whose samples are shown, anything that `tabulate` takes.

    Raises:
        ValueError: if an argument is out of range, or a policy doesn't fit the scenario.
    """
    loaded, ks = as_scenario(scenario), _sizes(sizes)
    named = {} if policies is None else policies
    if not isinstance(named, Mapping):
        raise ValueError(f"policies is {type(policies).__name__}, but must map names to policies")
    for name in named:
        if _checks.text("name of a policy", name) in {"k", "optimum", "equilibrium", "regularised", *BASELINES}:
            raise ValueError(f"a policy is named {name!r}, but that is another line of the curve: choose another")
    own = {name: _rates(loaded, policy, ks) for name, policy in named.items()}
    equilibria = [solve(loaded, k) for k in ks]
    heated = [solve(loaded, k, temperature=temperature) for k in ks] if temperature else []
    tables = {name: baseline(loaded, name) for name in possible(loaded)}
    return Curve(
        scenario=loaded.name,
        sizes=ks,
        optimum=tuple(map(optimal_rate, ks)),
        equilibria=tuple(one.robust_win_rate for one in equilibria),
        certificates=tuple(one.certificate for one in equilibria),
        temperature=temperature,
        regularised=tuple(one.robust_win_rate for one in heated),
        baselines={name: _rates(loaded, table, ks) for name, table in tables.items()},
        nlhf_unique=all_known(maximal_lotteries(users).unique for users in loaded.populations),
        policies=own,
    )


def _rates(scenario: Scenario, policy: Any, sizes: tuple[int, ...]) -> tuple[float, ...]:
    """Returns the robust win rate of k samples of a policy for each k."""
    return tuple(rate for _, rate in evaluate(scenario, policy, 1).curve(sizes))


@dataclass(frozen=True, eq=False)
class Family(OfEquilibria):
    """How the equilibrium of one prompt moves with k, from the maximal lottery to that of maximum Nash welfare.

    Attributes:
        scenario: name of the scenario.
        prompt: name of the prompt.
        responses: N names.
        sizes: the S different k, in order.
        policies: `[S, N]` the equilibria.
        certificates: of the equilibria.
        limit: `[N]` the limit for large k, the lottery of maximum Nash welfare.
        limit_certificate: by how much its mean logarithm may fall short of the maximum.
        favourites: `[N]` the favourite of a random user, which is the limit where each user has one for certain.
    """

    scenario: str
    prompt: str
    responses: tuple[str, ...]
    sizes: tuple[int, ...]
    policies: Floats
    certificates: tuple[float, ...]
    limit: Floats
    limit_certificate: float
    favourites: Floats

    def summary(self) -> str:
        """Returns the likeliest responses of each k."""
        lines = []
        rows = *self.policies, self.limit, self.favourites
        for k, policy in zip((*self.sizes, "limit", "favourites"), rows, strict=True):
            likeliest = [y for y in np.argsort(-policy, kind="stable")[:5] if policy[y] > 0]
            lines.append(f"{k:<10} " + ", ".join(f"{short(self.responses[y])} {policy[y]:.4f}" for y in likeliest))
        return "\n".join(lines)


def equilibrium_family(
    scenario: ScenarioLike, sizes: Iterable[int] = POWERS, *, prompt: int | str | None = None
) -> Family:
    """Returns the equilibria of a prompt for several k.

    Args:
        scenario: a scenario, its spec, or users.
        sizes: the k to compute, each from 1 to 1,000,000.
        prompt: index of the prompt, or its name; needed where the scenario has several.

    Raises:
        ValueError: if an argument is out of range.
    """
    (loaded, x), ks = one_prompt(scenario, prompt), _sizes(sizes)
    users = loaded.populations[x]
    equilibria, limit = [solve(users, k) for k in ks], nash_welfare(users)
    return Family(
        scenario=loaded.name,
        prompt=loaded.prompts[x],
        responses=users.responses,
        sizes=ks,
        policies=np.array([one.policy for one in equilibria]),
        certificates=tuple(one.certificate for one in equilibria),
        limit=limit.policy,
        limit_certificate=limit.certificate,
        favourites=users.favourites(),
    )


@dataclass(frozen=True, eq=False)
class VersusMap(Result):
    """Games of k responses against l, for all k and l up to some.

    Attributes:
        scenario: name of the scenario.
        together: `[k, l]` the value of the game in which both sides choose their responses together.
        sampled: `[k, l]` the robust win rate of k samples of the (k+1)-player equilibrium.
        together_converged: `[k, l]` whether the value's certificate is within the tolerance.
        sampled_proven: `[k, l]` whether the worst opponent is proven to be the worst.
        certificate: the largest of a value.
        tolerance: what was asked for.
    """

    scenario: str
    together: Floats
    sampled: Floats
    together_converged: npt.NDArray[np.bool_]
    sampled_proven: npt.NDArray[np.bool_]
    certificate: float
    tolerance: float

    @property
    def advice(self) -> str | None:
        """What to do where a value or a rate is not certain."""
        missed, sought = int((~self.together_converged).sum()), int((~self.sampled_proven).sum())
        if not missed + sought:
            return None
        return (
            f"{missed} values missed the tolerance of {self.tolerance:g} and {sought} rates are against opponents that "
            "were sought greedily: a larger tolerance, fewer responses, or `solve_versus` one by one tell more"
        )

    def summary(self) -> str:
        """Returns both tables, a row for each k."""
        lines = []
        for title, table in (("chosen together", self.together), ("samples of the equilibrium", self.sampled)):
            lines.append(f"{title}: rows k = 1, 2, ..., columns l = 1, 2, ...")
            lines += ["".join(f"{rate:9.4f}" for rate in row) for row in table]
        return "\n".join(lines)


def versus_map(scenario: ScenarioLike, largest_k: int, largest_l: int, *, tolerance: float = 1e-6) -> VersusMap:
    """Returns the values of all games of up to so many responses, and what samples of equilibria reach in them.

    Args:
        scenario: a scenario, its spec, or the population of its only prompt.
        largest_k: k goes from 1 to this.
        largest_l: l goes from 1 to this.
        tolerance: certificate to reach.

    Raises:
        ValueError: if an argument is out of range.
    """
    loaded = as_scenario(scenario)
    shape = _checks.count("largest_k", largest_k, 1, _checks.MAX_L), _checks.number_of_responses(largest_l, "largest_l")
    together, sampled, certificates = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    converged, proven = np.zeros(shape, bool), np.zeros(shape, bool)
    for k in range(1, shape[0] + 1):
        policy = solve(loaded, k).policy
        for l in range(1, shape[1] + 1):
            games = [solve_versus(loaded, k, l, tolerance=tolerance, prompt=x) for x in range(loaded.n_prompts)]
            card = score(loaded, policy, k, l=l, curve=())
            own = k - 1, l - 1
            together[own] = loaded.probabilities @ [game.value for game in games]
            certificates[own] = max(game.certificate for game in games)
            converged[own] = all(game.converged for game in games)
            sampled[own], proven[own] = card.robust_win_rate, card.proven
    return VersusMap(loaded.name, together, sampled, converged, proven, float(certificates.max()), tolerance)


def _sizes(sizes: Iterable[int]) -> tuple[int, ...]:
    """Returns the different k in order."""
    found = tuple(sorted({_checks.number_of_outputs(k) for k in _checks.several("sizes", sizes)}))
    if not found:
        raise ValueError("sizes are empty, but must be at least one k")
    return found
