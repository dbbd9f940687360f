"""What a population is like, and whether anything can be learned from it: facts, simple policies, and a verdict.

Axes: P prompts, N responses, S numbers of responses shown, M responses in the picture.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ualign_env import _checks
from ualign_env._result import Result
from ualign_env._text import counted, counted_between, short
from ualign_env._types import Floats
from ualign_env.policies.tables import SharedPolicy
from ualign_env.scenario import Scenario
from ualign_env.scoring.facts import PromptFacts, prompt_facts
from ualign_env.scoring.scorecard import optimal_rate
from ualign_env.scoring.scored_policy import evaluate, known_sizes
from ualign_env.solvers.baselines import BASELINES, baseline, possible
from ualign_env.solvers.best_lottery import best_on_face
from ualign_env.solvers.maximal_lottery import Found, search
from ualign_env.solvers.symmetric import solve
from ualign_env.specs import ScenarioLike, as_scenario, load_scenario, one_prompt, other_readings, split_path
from ualign_env.users import TIED, Users

#: The numbers of responses of an inspection's curves, and those of its table and verdict.
SIZES, SHOWN = (1, 2, 4, 8, 16, 32, 64), (2, 4, 8)

_PICTURED = 20
_FEW = 20  # prompts up to which curves have all sizes
_COMPARED_AT = 3  # k of the equilibria by which two readings of a file are compared
_POINT = 0.01
_OF_GROUPS = ("nlhf", "random-dictatorship")  # whose rates are told for each group, beside the equilibrium's
_MANY = 0.05  # share of users who tell nothing apart, from which on it is said


@dataclass(frozen=True, eq=False)
class Pictured:
    """The prompt that a picture shows: the one on which NLHF is farthest from the optimum.

    Attributes:
        prompt: its name.
        responses: M names, the best by Borda count first, of many the first ones.
        pairwise: `[M, M]` the chance that a user prefers the row to the column, ties counted half.
        favourites: `[M]` the share of users whose favourite each is; NaN where it is not known.
    """

    prompt: str
    responses: tuple[str, ...]
    pairwise: Floats
    favourites: Floats


@dataclass(frozen=True, eq=False)
class Inspection(Result):
    """What a scenario is like, and how far simple policies are from k/(k+1).

    Attributes:
        scenario: its name.
        notes: what was left out or changed when it was read.
        prompts: facts on each of the P prompts.
        sizes: the S numbers of responses shown.
        optimum: k / (k + 1) for each.
        rates: for each simple policy, its robust win rate for each; `"nlhf, best"` is the best maximal lottery for each
            k, where NLHF is not unique.
        limits: for each simple policy, what its rate tends to with k (see `Scorecard.u_alignment_limit`).
        group_rates: for each named group of users, the robust win rate of `nlhf`, `random-dictatorship` and the
            `equilibrium` of its k among its users alone, at the largest of 2, 4 and 8 that is known: against the one
            response that most of the group pick instead, averaged over the prompts that it has judged. The group that
            NLHF serves worst comes first.
        other_readings: how far the equilibrium for k = 3 moves, in total variation, averaged over prompts, where what
            is arguable in the reading of a file is answered otherwise.
        unreadable: such answers with which nothing can be read, and why.
        verdict: what follows, in sentences.
        pictured: what the picture shows.
    """

    scenario: str
    notes: tuple[str, ...]
    prompts: tuple[PromptFacts, ...]
    sizes: tuple[int, ...]
    optimum: tuple[float, ...]
    rates: dict[str, tuple[float, ...]]
    limits: dict[str, float | None]
    group_rates: dict[str, dict[str, float]]
    other_readings: dict[str, float]
    unreadable: dict[str, str]
    verdict: tuple[str, ...]
    pictured: Pictured

    @property
    def largest_shown(self) -> int:
        """The k of the rates of groups and of the verdict: the largest of 2, 4 and 8 that is known."""
        return _last(self.sizes)

    def summary(self) -> str:
        """Returns the verdict, under the scenario's size."""
        counts = []
        for noun in ("user", "response"):
            found = [getattr(one, f"{noun}s") for one in self.prompts]
            counts.append(counted_between(min(found), max(found), noun))
        many = f"{len(self.prompts)} prompts, " if len(self.prompts) > 1 else ""
        size = f"{many}{', '.join(counts)}"
        return "\n".join([f"{self.scenario}: {size}", *self.verdict])


def inspect_scenario(
    scenario: ScenarioLike, sizes: Iterable[int] | None = None, *, prompt: int | str | None = None
) -> Inspection:
    """Returns what a scenario is like: ties, majorities, lotteries, favourites, simple policies, and a verdict.

    Args:
        scenario: a scenario, its spec, a path, or the users of its only prompt. Of a file, the other ways of reading
            what is arguable in it are compared.
        sizes: the k for which simple policies are scored, each from 1 to 1,000,000, beside 2, 4 and 8 (default: powers
            of two up to 64; of more than 20 prompts, none).
        prompt: index of a prompt, or its name, to inspect it alone (default: all).

    Raises:
        ValueError: if the scenario cannot be read, or an argument is out of range.
    """
    return inspected(as_scenario(scenario), other_readings(scenario), sizes, prompt)


def inspected(
    whole: Scenario, readings: dict[str, str], sizes: Iterable[int] | None = None, prompt: int | str | None = None
) -> Inspection:
    """Returns `inspect_scenario` of what was loaded, with specs of other readings of its file by what differs."""
    loaded = whole if prompt is None else whole.alone(one_prompt(whole, prompt)[1])
    if sizes is None:
        sizes = SIZES if loaded.n_prompts <= _FEW else ()
    ks = sorted({_checks.number_of_outputs(k) for k in _checks.several("sizes", sizes)} | set(SHOWN))
    ks = tuple(known_sizes(loaded, ks)) or (1,)
    searches = [search(users) for users in loaded.populations]
    policies = {"nlhf": np.zeros(loaded.legal.shape)}
    policies |= {name: baseline(loaded, name) for name in possible(loaded) if name != "nlhf"}
    for row, found in zip(policies["nlhf"], searches, strict=True):
        row[: found.lotteries.policy.size] = found.lotteries.policy
    rates = {name: tuple(evaluate(loaded, table, k).rate for k in ks) for name, table in policies.items()}
    if any(found.lotteries.unique is False for found in searches):
        rates["nlhf, best"] = _best_lotteries(loaded, searches, ks)
    limits = {name: evaluate(loaded, table, 1).u_alignment_limit for name, table in policies.items()}
    facts = tuple(prompt_facts(loaded, x, found.lotteries) for x, found in enumerate(searches))
    others, unreadable = _other_readings(loaded, readings, one_alone=loaded is not whole)
    return Inspection(
        scenario=loaded.name,
        notes=loaded.notes,
        prompts=facts,
        sizes=ks,
        optimum=tuple(map(optimal_rate, ks)),
        rates=rates,
        limits=limits,
        group_rates=_group_rates(loaded, {name: policies[name] for name in _OF_GROUPS if name in policies}, _last(ks)),
        other_readings=others,
        unreadable=unreadable,
        verdict=tuple(_verdict(loaded, facts, ks, rates, limits)),
        pictured=_pictured(loaded, policies["nlhf"], ks[-1]),
    )


def _last(sizes: Sequence[int]) -> int:
    """Returns the largest size that is always shown."""
    return max((k for k in sizes if k in SHOWN), default=sizes[-1])


def _group_rates(scenario: Scenario, policies: dict[str, Floats], k: int) -> dict[str, dict[str, float]]:
    """Returns for each named group of users the robust win rates among them of policies, and of the equilibrium."""
    if not any(scenario.groups):
        return {}
    rates = {name: evaluate(scenario, table, k).group_robust_win_rates for name, table in policies.items()}
    rates["equilibrium"] = evaluate(scenario, solve(scenario, k), k).group_robust_win_rates
    worst_first = sorted(rates["nlhf"], key=rates["nlhf"].__getitem__)
    return {name: {policy: found[name] for policy, found in rates.items()} for name in worst_first}


def _best_lotteries(scenario: Scenario, searches: list[Found], sizes: Sequence[int]) -> tuple[float, ...]:
    """Returns what the best maximal lottery for each k reaches, where there are several."""
    rates, done = np.zeros((scenario.n_prompts, len(sizes))), dict[Users, Floats]()
    for x, (users, found) in enumerate(zip(scenario.populations, searches, strict=True)):
        if users not in done:  # of few users, many prompts are alike
            done[users] = np.array([best_on_face(users, k, found).robust_win_rate for k in sizes])
        rates[x] = done[users]
    return tuple((scenario.probabilities @ rates).tolist())


def _other_readings(
    loaded: Scenario, readings: dict[str, str], *, one_alone: bool
) -> tuple[dict[str, float], dict[str, str]]:
    """Returns how far the equilibrium moves where a file is read in another way, and why it cannot be."""
    found, reasons = {}, {}
    for what, spec in readings.items():
        try:
            other = load_scenario(spec)
        except ValueError as error:
            path = split_path(spec)[0] or spec  # whose folders may be many, and hide the reason
            reasons[what] = short(str(error).replace(path, os.path.basename(path)), 200)
            continue
        common = [x for x, prompt in enumerate(other.prompts) if prompt in loaded.prompts]
        if not common:
            reasons[what] = "no prompt is left in both"
            continue
        other = other.part(common) if one_alone else other
        if other != loaded and known_sizes(loaded, [_COMPARED_AT]) and known_sizes(other, [_COMPARED_AT]):
            found[what] = _distance(loaded, other)
    return found, reasons


def _distance(one: Scenario, other: Scenario) -> float:
    """Returns the mean total variation of two scenarios' equilibria, over the prompts that both have."""
    others = dict(zip(other.prompts, other.populations, strict=True))
    distances, chances = [], []
    for prompt, users, chance in zip(one.prompts, one.populations, one.probabilities, strict=True):
        if prompt in others:
            first, second = _equilibrium(users), _equilibrium(others[prompt])
            distances.append(sum(abs(first.get(y, 0.0) - second.get(y, 0.0)) for y in {*first, *second}) / 2)
            chances.append(chance)
    return float(np.average(distances, weights=chances))


def _equilibrium(users: Users) -> dict[str, float]:
    """Returns how likely each response is."""
    return dict(zip(users.responses, solve(users, _COMPARED_AT).policy.tolist(), strict=True))


def _verdict(
    scenario: Scenario,
    facts: Sequence[PromptFacts],
    sizes: Sequence[int],
    rates: dict[str, tuple[float, ...]],
    limits: dict[str, float | None],
) -> list[str]:
    """Returns what follows, in sentences."""
    k = _last(sizes)
    if k == 1:
        return ["only pairwise preferences are known, which say nothing of more than one response shown"]
    lost = {name: optimal_rate(k) - values[sizes.index(k)] for name, values in rates.items()}
    said = _gaps(lost, k)
    limit = limits["nlhf"]
    if limit is not None and limit > 1 - TIED:
        said.append("NLHF is U-aligned: no response pleases anybody better than everything that it ever shows")
    elif limit is not None:
        said.append(
            f"NLHF is not U-aligned: however many it shows, {1 - limit:.1%} of the users like one and the same other "
            "response better"
        )
    indifferent = scenario.probabilities @ np.array([one.indifferent or 0.0 for one in facts])
    if indifferent >= _MANY:
        said.append(f"{indifferent:.0%} of the users tell nothing apart, and pull every policy towards k/(k+1)")
    return said


def _gaps(lost: dict[str, float], k: int) -> list[str]:
    """Returns what simple policies lack for the optimum, in points."""
    for policies, who in ((lost, "policy"), ({**lost, "uniform": 0.0}, "policy but the uniform one")):
        if max(policies.values()) < 2 * _POINT:
            return [f"every {who} is near the optimum at k = {k}: this population separates nothing"]
    points = {name: round(value / _POINT) for name, value in lost.items()}
    room = round((optimal_rate(k) - 1 / 2) / _POINT)
    said = f"NLHF wastes {points['nlhf'] or 'none'} of {room} percentage points that samples could win at k = {k}"
    if points.get("nlhf, best", points["nlhf"]) != points["nlhf"]:
        said += f"; the best of its several lotteries wastes {points['nlhf, best']}"
    near = min(filter(BASELINES.__contains__, lost), key=lost.__getitem__)
    gap = f"{counted(points[near], 'point')} below" if points[near] else "as good as"
    return [said, f"of the simple policies, {near} comes closest: {gap} the optimum {optimal_rate(k):.3f} at k = {k}"]


def _pictured(scenario: Scenario, nlhf: Floats, k: int) -> Pictured:
    """Returns the prompt on which NLHF is farthest from the optimum."""
    x = int(SharedPolicy(nlhf).payoffs(scenario, k).max(axis=1).argmax())
    users = scenario.populations[x]
    margins = users.pairwise()
    order = np.argsort(-margins.sum(axis=1), kind="stable")[:_PICTURED]
    known = users.knows(users.n_responses)
    favourites = users.favourites()[order] if known else np.full(order.size, np.nan)
    names = tuple(users.responses[y] for y in order)
    return Pictured(scenario.prompts[x], names, margins[np.ix_(order, order)], favourites)
