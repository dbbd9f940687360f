"""Scenarios known from the literature, without randomness; several prompts have their responses in rotated order."""

import numpy as np

from ualign_env import _checks
from ualign_env.scenario import Scenario
from ualign_env.sources._prompts import check_size, rotated
from ualign_env.users import Population

_GERMAN_GOALS = ("maintain order", "more say", "fight prices", "free speech")

# best to worst: respondents
_GERMAN_COUNTS = {
    "1234": 137, "1243": 29, "1324": 309, "1342": 255, "1423": 52, "1432": 93,
    "2134": 48, "2143": 23, "2314": 61, "2341": 55, "2413": 33, "2431": 59,
    "3124": 330, "3142": 294, "3214": 117, "3241": 69, "3412": 70, "3421": 34,
    "4123": 21, "4132": 30, "4213": 29, "4231": 52, "4312": 35, "4321": 27,
}  # fmt: skip


def german_goals(*, prompts: int = 1) -> Scenario:
    """2262 Germans rank four political goals: real preferences without a dominant favourite.

    Source: S. H. Barnes & M. Kaase, Political Action (1979); M. A. Croon, in New Developments in Psychological
    Choice Modeling (1989).
    """
    rankings = [[int(goal) - 1 for goal in order] for order in _GERMAN_COUNTS]
    return rotated(Population.from_rankings(rankings, list(_GERMAN_COUNTS.values()), _GERMAN_GOALS), prompts)


def condorcet_1785(*, prompts: int = 1) -> Scenario:
    """Condorcet's 60 voters of 1785: majorities in a cycle, a over b over c over a.

    Source: M. de Condorcet, Essai sur l'application de l'analyse, 1785, as given by H. P. Young, American Political
    Science Review 1988.
    """
    return _elected({"abc": 23, "bca": 17, "bac": 2, "cab": 10, "cba": 8}, prompts)


def borda_1784(*, prompts: int = 1) -> Scenario:
    """Borda's 21 voters of 1784: the favourite of the most, a, loses to either of the others.

    Source: J.-C. de Borda, Memoire sur les elections au scrutin, 1784, as given by D. Black, The Theory of Committees
    and Elections, 1958.
    """
    return _elected({"abc": 1, "acb": 7, "bca": 7, "cba": 6}, prompts)


def five_winners(*, prompts: int = 1) -> Scenario:
    """55 voters with five winners: by plurality a, runoff b, elimination c, Borda count d, and Condorcet's rule e.

    Source: J. Malkevitch, "Mathematical theory of elections", Annals of the New York Academy of Sciences 1990.
    """
    return _elected({"adecb": 18, "bedca": 12, "cbeda": 10, "dceba": 9, "ebdca": 4, "ecdba": 2}, prompts)


def _elected(counts: dict[str, int], prompts: int) -> Scenario:
    """Returns the scenario of an election: voters of each ranking, which is written as letters, best first."""
    names = sorted(next(iter(counts)))
    rankings = [[names.index(letter) for letter in order] for order in counts]
    return rotated(Population.from_rankings(rankings, list(counts.values()), names), prompts)


def cycle(*, responses: int = 3, prompts: int = 1) -> Scenario:
    """A Condorcet cycle: the rotations of one ranking, equally often. The equilibrium is uniform for every k.

    Source: M. de Condorcet, Essai sur l'application de l'analyse, 1785.
    """
    n = _checks.count("responses", responses, 1)
    check_size(prompts, n * n)
    return rotated(Population.from_rankings((np.arange(n)[:, None] + np.arange(n)) % n), prompts)


def two_groups(*, responses: int = 2, majority: float = 0.6, prompts: int = 1) -> Scenario:
    """Two groups with opposite rankings; a share of `majority` likes response 0 best.

    Source: ours.
    """
    n = _checks.count("responses", responses, 1)
    check_size(prompts, 2 * n)
    order = np.arange(n)
    majority = _checks.real("majority", majority, 0, 1)
    return rotated(Population.from_rankings([order, order[::-1]], [majority, 1 - majority]), prompts)


def majority_trap(*, responses: int = 4, majority: float = 0.51, prompts: int = 1) -> Scenario:
    """Response 0 is a bare majority's favourite and everybody else's last choice.

    NLHF (k = 1) collapses to it and stays at the majority's share, however many samples it shows. Within both groups
    the other responses are ranked in rotations, equally often.

    Source: ours.
    """
    n = _checks.count("responses", responses, 2)
    check_size(prompts, 2 * n * n)
    majority = _checks.real("majority", majority, 0.5, 1)
    others = 1 + (np.arange(n - 1)[:, None] + np.arange(n - 1)) % (n - 1)
    first, last = np.insert(others, 0, 0, axis=1), np.insert(others, n - 1, 0, axis=1)
    users = Population.from_rankings(np.vstack([first, last]), np.repeat([majority, 1 - majority], n - 1))
    return rotated(users, prompts)
