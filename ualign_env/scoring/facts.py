"""Facts about the users of a prompt: ties, majorities, Condorcet sets, lotteries, favourites.

Axes: N responses.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ualign_env.scenario import Scenario
from ualign_env.solvers.maximal_lottery import MaximalLotteries
from ualign_env.users import TIED, Users, has_cycle

_LEVELS = (1, 2, 3)  # sizes of Condorcet sets
_WORK = 500_000_000  # ranks that are looked at for Condorcet sets of a size; beyond, they are sought greedily
_LISTED = 10  # favourites


@dataclass(frozen=True)
class PromptFacts:
    """What the users of one prompt are like.

    Attributes:
        prompt: its name.
        users: respondents.
        types: different preferences among them.
        responses: N.
        tied_pairs: mean share of the pairs of responses that a user ties; None where it is not known.
        indifferent: share of the users who tell no responses apart; None where it is not known.
        condorcet_winner: the response that a majority prefers to each other one; None where there is none.
        cycle: whether majorities have a cycle, in which each response beats the next.
        smith_set: the smallest set of responses of which each beats every response outside by a majority.
        condorcet_levels: for sizes 1, 2, 3: the least share of users that some response outside of a set of so many
            responses pleases better than all of the set, with that set's responses. Sets are sought greedily where
            there are too many, and the share is then an upper bound.
        lottery_support: the responses that the maximal lottery of greatest entropy plays.
        lottery_unique: whether it is the only maximal lottery; None where it was not found out.
        favourites: the share of users whose favourite each response is, the largest first, at most 10.
        groups: how many users each named group has.
    """

    prompt: str
    users: int
    types: int
    responses: int
    tied_pairs: float | None
    indifferent: float | None
    condorcet_winner: str | None
    cycle: bool
    smith_set: tuple[str, ...]
    condorcet_levels: tuple[tuple[float, tuple[str, ...]], ...]
    lottery_support: tuple[str, ...]
    lottery_unique: bool | None
    favourites: tuple[tuple[str, float], ...]
    groups: dict[str, int]


def prompt_facts(scenario: Scenario, x: int, lotteries: MaximalLotteries) -> PromptFacts:
    """Returns what the users of a prompt are like."""
    users = scenario.populations[x]
    named = users.responses
    margins = users.pairwise()
    beats = margins - margins.T > TIED
    winner = users.condorcet_winner()
    tied, indifferent = users.indifference() or (None, None)
    favourites = users.favourites() if users.knows(users.n_responses) else np.zeros(0)
    order = np.argsort(-favourites, kind="stable")[:_LISTED]
    return PromptFacts(
        prompt=scenario.prompts[x],
        users=users.n_users,
        types=users.n_types,
        responses=users.n_responses,
        tied_pairs=tied,
        indifferent=indifferent,
        condorcet_winner=None if winner is None else named[winner],
        cycle=has_cycle(beats),
        smith_set=tuple(named[y] for y in smith_set(beats)),
        condorcet_levels=tuple((share, tuple(named[y] for y in chosen)) for share, chosen in condorcet_levels(users)),
        lottery_support=tuple(named[y] for y in np.flatnonzero(lotteries.policy)),
        lottery_unique=lotteries.unique,
        favourites=tuple((named[y], float(favourites[y])) for y in order if favourites[y] > 0),
        groups={name: members.n_users for name, members in scenario.groups[x].items()},
    )


def smith_set(beats: np.ndarray) -> list[int]:
    """Returns the smallest set of responses of which each beats every response outside.

    Args:
        beats: `[N, N]` whether a majority prefers the row to the column.

    Source: J. H. Smith, "Aggregation of Preferences with Variable Electorate", 1973.
    """
    # whoever is not beaten by a member must be one: begin with the fewest defeats, and add until nobody is missing
    members = np.zeros(len(beats), bool)
    members[beats.sum(axis=1).argmax()] = True
    while True:
        missing = ~members & ~beats[members].all(axis=0)
        if not missing.any():
            return np.flatnonzero(members).tolist()
        members |= missing


def condorcet_levels(users: Users) -> list[tuple[float, tuple[int, ...]]]:
    """Returns for sizes 1, 2, 3 the least share of users that a response pleases better than all of a set, and a set.

    Sets are enumerated where there are not too many, and sought greedily otherwise. Empty where users have no orders by
    which a response pleases them better than several, or nobody knows them.

    Source: E. Elkind, J. Lang & A. Saffidine, "Condorcet Winning Sets", 2015.
    """
    if users.scores() is None:
        return []
    n, found = users.n_responses, []
    shown = np.zeros(n, bool)
    chosen: tuple[int, ...] = ()
    for size in _LEVELS[: n - 1]:
        if math.comb(n, size) * users.n_types * n <= _WORK:
            sets: Iterable[tuple[int, ...]] = combinations(range(n), size)
        else:
            sets = [tuple(sorted({*chosen, y})) for y in range(n) if y not in chosen]
        best, level = chosen, math.inf
        for one in sets:
            shown[:] = False
            shown[list(one)] = True
            share = users.beyond(shown)
            if share is None:
                return []
            if share.max() < level - TIED:
                best, level = one, float(share.max())
        chosen = best
        found.append((level, chosen))
    return found
