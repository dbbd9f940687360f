"""Contests for users with rankings: samples of a policy, a response of each of k policies, or multisets, against l.

Axes: U user types, N responses, T policies of a mixture, M multisets, k responses of the model, l of the opponent.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ualign_env._types import Floats, Ints
from ualign_env.users.base import Users
from ualign_env.users.contest import Contest
from ualign_env.users.rankings import best_shown, loops, program, set_loops
from ualign_env.users.rankings.guards import Ranks

_MAX_TIERS = 50_000_000  # numbers in memory at once


@dataclass(frozen=True, eq=False)
class RankingContest(Contest):
    """What all contests have in common: values from tiers, see `set_loops`.

    Attributes:
        population: the users.
        ranks: `[U, N]` their ranks.
        weights: `[U]` their weights.
    """

    population: Users
    ranks: Ranks
    weights: Floats

    @property
    def users(self) -> Users:
        return self.population

    @abstractmethod
    def tiers(self, rows: slice, l: int) -> Floats:
        """Returns `[U', N, l]`: the tiers of some users."""

    def values(self, sets: Ints) -> Floats:
        total = np.zeros(len(sets))
        for rows in self._ranges(self.population.n_responses * sets.shape[1]):
            tiers = self.tiers(rows, sets.shape[1])
            total += set_loops.add_set_values(self.ranks[rows], self.weights[rows], tiers, sets)
        return total

    @abstractmethod
    def _best_shown(self) -> Floats:
        """Returns `[2]`: the chance that a favourite is shown, and the mean utility of the best that is."""

    @cached_property
    def _shown(self) -> Floats:
        return self._best_shown()

    def favourite_shown(self) -> float:
        return float(self._shown[0])

    def best_utility(self) -> float:
        return float(self._shown[1])

    def gains(self, held: Sequence[int], copies: int) -> Floats:
        best, tied = self._best(held)
        total = np.zeros((copies, self.population.n_responses))
        most = int(tied.max()) + copies
        for rows in self._ranges(self.population.n_responses * most):
            tiers = self.tiers(rows, most)
            ranks, weights = self.ranks[rows], self.weights[rows]
            total += set_loops.tier_gains(ranks, weights, tiers, best[rows], tied[rows], copies)
        return total

    def _best(self, held: Sequence[int]) -> tuple[Ints, Ints]:
        """Returns `[U]` the rank of the multiset's best response, N where it is empty, and how many have it."""
        best, tied = np.full(len(self.ranks), self.ranks.shape[1]), np.zeros(len(self.ranks), np.int64)
        for y in held:
            rank = self.ranks[:, y].astype(np.int64)
            tied = np.where(rank < best, 1, tied + (rank == best))
            best = np.minimum(best, rank)
        return best, tied

    def _ranges(self, numbers: int) -> list[slice]:
        """Returns ranges of users whose tiers, of so many numbers each, fit into memory."""
        step = max(1, _MAX_TIERS // numbers)
        return [slice(first, first + step) for first in range(0, self.population.n_types, step)]

    def program_size(self, l: int) -> int:
        return self.population.n_types * self.population.n_responses**2 * l

    def best_by_program(self, l: int, seconds: float) -> tuple[tuple[int, ...] | None, float]:
        return program.best(self.tiers(slice(None), l), self.ranks, self.weights, seconds)


@dataclass(frozen=True, eq=False)
class SampleContest(RankingContest):
    """k samples of one policy, which is drawn from a mixture.

    Attributes:
        policies: `[T, N]` distributions.
        mixture: `[T]` chances of the policies.
        k: number of samples.
    """

    policies: Floats
    mixture: Floats
    k: int

    def payoffs(self) -> Floats:
        return loops.deviation_payoffs(self.ranks, self.weights, self.policies, self.mixture, self.k)

    def _best_shown(self) -> Floats:
        return best_shown.of_samples(self.ranks, self.weights, self.policies, self.mixture, self.k)

    def tiers(self, rows: slice, l: int) -> Floats:
        return set_loops.sample_tiers(self.ranks[rows], self.policies, self.mixture, self.k, l)

    def gains(self, held: Sequence[int], copies: int) -> Floats:
        users = (self.ranks, self.weights)
        return set_loops.sample_gains(*users, self.policies, self.mixture, self.k, *self._best(held), copies)

    def values(self, sets: Ints) -> Floats:
        if len(sets) < 10 * sets.shape[1]:  # tiers of all ranks would be more work
            return np.array([self.value(row) for row in sets])
        return super().values(sets)

    def value(self, responses: npt.ArrayLike) -> float:
        users, shown = (self.ranks, self.weights), np.asarray(responses, np.int64)
        return set_loops.sample_value(*users, self.policies, self.mixture, self.k, shown)


@dataclass(frozen=True, eq=False)
class OutputContest(RankingContest):
    """One response of each of k policies.

    Attributes:
        policies: `[k, N]` distributions.
    """

    policies: Floats

    def payoffs(self) -> Floats:
        # of k + 1 players the last one's own policy does not matter to what her responses earn
        players = np.vstack([self.policies, self.policies[:1]])
        return loops.leave_one_out_payoffs(self.ranks, self.weights, players)[-1]

    def _best_shown(self) -> Floats:
        return best_shown.of_outputs(self.ranks, self.weights, self.policies)

    def tiers(self, rows: slice, l: int) -> Floats:
        return set_loops.output_tiers(self.ranks[rows], self.policies, l)


@dataclass(frozen=True, eq=False)
class SetContest(RankingContest):
    """A multiset of k responses, drawn as a whole.

    Attributes:
        sets: `[M, k]` response indices.
        chances: `[M]` distribution.
    """

    sets: Ints
    chances: Floats

    def _best_shown(self) -> Floats:
        return best_shown.of_sets(self.ranks, self.weights, self.sets, self.chances)

    def tiers(self, rows: slice, l: int) -> Floats:
        return set_loops.set_tiers(self.ranks[rows], self.sets, self.chances, l)
