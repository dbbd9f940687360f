"""Policies that need no learning: what alignment and social choice offer as answers to disagreement.

Importing this module teaches `tabulate` to read their names.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ualign_env import _checks
from ualign_env._types import Floats
from ualign_env.policies.tables import PolicyTable, SharedPolicy
from ualign_env.policies.tabulate import reads
from ualign_env.scenario import Scenario
from ualign_env.solvers.maximal_lottery import maximal_lottery
from ualign_env.solvers.nash_welfare import nash_welfare
from ualign_env.users import Users


@dataclass(frozen=True)
class Baseline:
    """A policy with a name.

    Attributes:
        label: what pictures call it.
        summary: what it is, in a line.
        policy: its `[N]` policy for some users.
        source: whose idea it is.
        known: whether enough is known of some users.
    """

    label: str
    summary: str
    policy: Callable[[Users], Floats]
    source: str
    known: Callable[[Users], bool] = lambda _: True


def _all_on(users: Users, response: int) -> Floats:
    return np.eye(1, users.n_responses, response)[0]


def _favourites_known(users: Users) -> bool:
    return users.knows(users.n_responses)


#: Every baseline by its name; each of them competes in the benchmark, too.
BASELINES = {
    "nlhf": Baseline(
        "NLHF (maximal lottery)",
        "Nash learning from human feedback: the maximal lottery, of several that of greatest entropy.",
        maximal_lottery,
        'R. Munos et al., "Nash learning from human feedback", ICML 2024; P. C. Fishburn, "Probabilistic social choice '
        'based on simple voting comparisons", Review of Economic Studies 1984.',
    ),
    "borda": Baseline(
        "Borda winner (RLHF)",
        "The response with the highest mean rank, as reward-model training (RLHF) finds it.",
        lambda users: _all_on(users, users.borda()),
        "J.-C. de Borda, Memoire sur les elections au scrutin, 1784; that reward models find it: A. Siththaranjan, "
        'C. Laidlaw & D. Hadfield-Menell, "Distributional preference learning", ICLR 2024.',
    ),
    "plurality": Baseline(
        "plurality winner",
        "The response that most users like best.",
        lambda users: _all_on(users, users.plurality()),
        "nobody's: the rule of most elections.",
        known=_favourites_known,
    ),
    "random-dictatorship": Baseline(
        "random dictatorship",
        "The favourite of a random user.",
        lambda users: users.favourites(),
        'A. Gibbard, "Manipulation of schemes that mix voting with chance", Econometrica 1977.',
        known=_favourites_known,
    ),
    "nash-welfare": Baseline(
        "maximum Nash welfare",
        "What equilibria tend to as k grows: the greatest mean logarithm of what a user likes.",
        lambda users: nash_welfare(users).policy,
        "J. F. Nash, Econometrica 1950; H. Moulin, Fair Division and Collective Welfare, 2003.",
        known=lambda users: users.drawn(np.zeros(1, np.int64)).attractions() is not None,  # of one user, not of all
    ),
    "uniform": Baseline(
        "uniform",
        "Every response equally often.",
        lambda users: np.full(users.n_responses, 1 / users.n_responses),
        "nobody's.",
    ),
}


def possible(scenario: Scenario) -> list[str]:
    """Returns the baselines for which enough is known of the users."""
    return [name for name, one in BASELINES.items() if all(map(one.known, scenario.populations))]


def baseline(scenario: Scenario, name: str) -> Floats:
    """Returns a baseline's policy on every prompt.

    Args:
        scenario: P prompts with up to N responses.
        name: a key of `BASELINES`.

    Returns:
        `[P, N]` policy, 0 beyond a prompt's own responses.

    Raises:
        ValueError: if the name is unknown.
    """
    if name not in BASELINES:
        raise _checks.unknown("policy", name, BASELINES)
    out = np.zeros((scenario.n_prompts, scenario.n_responses))
    for x, users in enumerate(scenario.populations):
        out[x, : users.n_responses] = BASELINES[name].policy(users)
    return out


@reads
def _(policy: str, scenario: Scenario, k: int) -> PolicyTable:  # noqa: ARG001
    return SharedPolicy(baseline(scenario, policy))
