"""The game by brute force, straight from its definition, and random populations to try it on.

Nothing here uses the package's kernels: users are plain score tables, and every tuple of responses is enumerated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from ualign_env import Population, load_scenario

#: Rounding of sums of a few thousand probabilities.
ATOL = 1e-12


def population(spec: str) -> Population:
    """Returns the users of a scenario's first prompt, who have rankings."""
    users = load_scenario(spec).populations[0]
    assert isinstance(users, Population)
    return users


DATA = Path(__file__).parents[2] / "shared" / "data"


@dataclass(frozen=True)
class Users:
    """Users as they were given: `scores[u][y]` (higher is better) and weights that sum to 1."""

    scores: tuple[tuple[int, ...], ...]
    weights: tuple[float, ...]

    @property
    def n_responses(self) -> int:
        return len(self.scores[0])

    def population(self) -> Population:
        return Population.from_scores(self.scores, self.weights)


def shares(users: Users, slots: Sequence[int]) -> np.ndarray:
    """Returns the chance that each slot is picked: uniform among a user's most preferred slots."""
    chances = np.zeros(len(slots))
    for scores, weight in zip(users.scores, users.weights, strict=True):
        best = max(scores[y] for y in slots)
        picked = [i for i, y in enumerate(slots) if scores[y] == best]
        for i in picked:
            chances[i] += weight / len(picked)
    return chances


def shares_first_wins(users: Users, slots: Sequence[int]) -> np.ndarray:
    """A wrong choice rule: the first of tied slots gets everything."""
    chances = np.zeros(len(slots))
    for scores, weight in zip(users.scores, users.weights, strict=True):
        chances[int(np.argmax([scores[y] for y in slots]))] += weight
    return chances


def deviation_payoffs(users: Users, competitors: Sequence[np.ndarray], rule=shares) -> np.ndarray:
    """Returns `[N]`: the chance of each response against one draw from each competitor, over all tuples."""
    n = users.n_responses
    out = np.zeros(n)
    for tuple_ in product(range(n), repeat=len(competitors)):
        chance = float(np.prod([policy[y] for policy, y in zip(competitors, tuple_, strict=True)]))
        if chance:
            out += [chance * rule(users, (y, *tuple_))[0] for y in range(n)]
    return out


def distributions(n: int) -> st.SearchStrategy[np.ndarray]:
    """Distributions over n responses, with zeros and with entries of every magnitude."""
    entry = st.one_of(st.just(0.0), st.floats(0.01, 1), st.floats(1e-18, 1e-6))
    return st.lists(entry, min_size=n, max_size=n).filter(lambda x: sum(x) > 0.01).map(lambda x: np.array(x) / sum(x))


@st.composite
def users(draw: st.DrawFn, max_responses: int = 4, max_users: int = 4, min_responses: int = 1) -> Users:
    """A few users with ties, equal users and users of weight zero."""
    n = draw(st.integers(min_responses, max_responses))
    row = st.tuples(*[st.integers(0, 3)] * n)
    scores = draw(st.lists(row, min_size=1, max_size=max_users))
    weights = draw(
        st.lists(st.integers(0, 5), min_size=len(scores), max_size=len(scores)).filter(lambda ws: sum(ws) > 0)
    )
    return Users(tuple(scores), tuple(w / sum(weights) for w in weights))


@st.composite
def strict_users(draw: st.DrawFn, max_responses: int = 6, max_users: int = 6) -> Users:
    """A few users with strict rankings."""
    n = draw(st.integers(2, max_responses))
    scores = draw(st.lists(st.permutations(range(n)).map(tuple), min_size=1, max_size=max_users))
    return Users(tuple(scores), (1 / len(scores),) * len(scores))
