"""What shows k responses: samples of a policy, one response of each of k policies, or a multiset drawn as a whole.

Axes: U user types, N responses, T policies of a mixture, M multisets, k responses of the model, l of the opponent.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ualign_env import _checks
from ualign_env._checks import Floats
from ualign_env.population import Population
from ualign_env.versus import kernels
from ualign_env.versus.kernels import Sets

#: Largest l: beyond, chances of ties would underflow.
MAX_L = 500

_MAX_TIERS = 50_000_000  # numbers in memory at once
_MAX_SAMPLES = 2_000  # drawn by both sides together: quadrature takes time that grows with their number


@dataclass(frozen=True, eq=False)
class Model(ABC):
    """A model that shows k responses to the users of a population.

    Attributes:
        population: U user types over N responses.
    """

    population: Population

    @abstractmethod
    def tiers(self, rows: slice, l: int) -> Floats:
        """Returns `[U', N, l]`: the tiers of some users, see `kernels`."""

    def gains(self, best: Sets, held: Sets, copies: int) -> Floats:
        """Returns `[copies, N]`: what a first copy of each response would add to a multiset, and what a second.

        Args:
            best: `[U]` rank of the multiset's best response, N where it is empty.
            held: `[U]` how many of its responses have that rank.
            copies: 1 or 2.
        """
        n = self.population.n_responses
        total = np.zeros((copies, n))
        most = int(held.max()) + copies
        for rows in self._ranges(n * most):
            tiers = self.tiers(rows, most)
            ranks, weights = self.population.ranks[rows], self.population.weights[rows]
            total += kernels.tier_gains(ranks, weights, tiers, best[rows], held[rows], copies)
        return total

    def values(self, sets: Sets) -> Floats:
        """Returns `[M]`: the chance that the opponent is picked with the responses of each row of `[M, l]`."""
        total = np.zeros(len(sets))
        for rows in self._ranges(self.population.n_responses * sets.shape[1]):
            tiers = self.tiers(rows, sets.shape[1])
            ranks, weights = self.population.ranks[rows], self.population.weights[rows]
            total += kernels.add_set_values(ranks, weights, tiers, sets)
        return total

    def value(self, responses: npt.ArrayLike) -> float:
        """Returns the chance that the opponent is picked with `[l]` responses."""
        return float(self.values(np.asarray(responses, np.int64)[None, :])[0])

    def _ranges(self, numbers: int) -> list[slice]:
        """Returns ranges of users whose tiers, of so many numbers each, fit into memory."""
        step = max(1, _MAX_TIERS // numbers)
        return [slice(first, first + step) for first in range(0, self.population.n_types, step)]


@dataclass(frozen=True, eq=False)
class Samples(Model):
    """k samples of one policy, which is drawn from a mixture.

    Attributes:
        policies: `[T, N]` distributions.
        mixture: `[T]` chances of the policies.
        k: number of samples.
    """

    policies: Floats
    mixture: Floats
    k: int

    def tiers(self, rows: slice, l: int) -> Floats:  # noqa: D102
        return kernels.sample_tiers(self.population.ranks[rows], self.policies, self.mixture, self.k, l)

    def gains(self, best: Sets, held: Sets, copies: int) -> Floats:  # noqa: D102
        users = self.population
        return kernels.sample_gains(users.ranks, users.weights, self.policies, self.mixture, self.k, best, held, copies)

    def values(self, sets: Sets) -> Floats:  # noqa: D102
        if len(sets) < 10 * sets.shape[1]:  # tiers of all ranks would be more work
            return np.array([self.value(row) for row in sets])
        return super().values(sets)

    def value(self, responses: npt.ArrayLike) -> float:  # noqa: D102
        users, shown = self.population, np.asarray(responses, np.int64)
        return kernels.sample_value(users.ranks, users.weights, self.policies, self.mixture, self.k, shown)


@dataclass(frozen=True, eq=False)
class Outputs(Model):
    """One response of each of k policies.

    Attributes:
        policies: `[k, N]` distributions.
    """

    policies: Floats

    def tiers(self, rows: slice, l: int) -> Floats:  # noqa: D102
        return kernels.profile_tiers(self.population.ranks[rows], self.policies, l)


@dataclass(frozen=True, eq=False)
class JointOutputs(Model):
    """A multiset of k responses, drawn as a whole.

    Attributes:
        sets: `[M, k]` response indices.
        chances: `[M]` distribution.
    """

    sets: Sets
    chances: Floats

    def tiers(self, rows: slice, l: int) -> Floats:  # noqa: D102
        return kernels.set_tiers(self.population.ranks[rows], self.sets, self.chances, l)


def samples(population: Population, policy: npt.ArrayLike, k: int) -> Samples:
    """Returns k samples of a policy `[N]` as a model."""
    own = _distribution("policy", policy, population)
    return Samples(population, own[None, :], np.ones(1), _checks.number_of_outputs(k))


def win_rate(
    population: Population,
    policy: npt.ArrayLike,
    k: int,
    opponent: int | npt.ArrayLike,
    l: int | None = None,
) -> float:
    """Returns the chance that one of k samples of a policy is picked against a given opponent.

    Args:
        population: U user types over N responses.
        policy: `[N]` distribution.
        k: number of samples, from 1 to 1,000,000.
        opponent: a response, several (integers, with repetitions), or with `l` an `[N]` distribution.
        l: number of samples of the opponent's distribution; both sides together draw at most 2,000.

    Raises:
        ValueError: if the policy, k, the opponent or l don't fit.
    """
    model = samples(population, policy, k)
    if l is None:
        return 1 - model.value(_responses(opponent, population))
    drawn = _checks.count("l", l, 1)
    if model.k + drawn > _MAX_SAMPLES:
        raise ValueError(f"k + l is {model.k + drawn}, but two distributions are sampled at most {_MAX_SAMPLES} times")
    other = _distribution("opponent", opponent, population)
    own = model.policies[0]
    return 1 - kernels.sampled_chance(population.ranks, population.weights, own, model.k, other, drawn)


def number_of_responses(l: object, name: str = "l") -> int:
    """Returns l, the number of the opponent's responses, as an int from 1 to 500."""
    return _checks.count(name, l, 1, MAX_L)


def _distribution(name: str, value: npt.ArrayLike, population: Population) -> Floats:
    if not isinstance(population, Population):
        raise ValueError(f"population is {population!r:.200}, but must be a Population")
    n = population.n_responses
    return _checks.distributions(name, value, (n,), f"the population has {n} responses")


def _responses(value: npt.ArrayLike, population: Population) -> Sets:
    """Returns from 1 to 500 response indices."""
    shown = np.atleast_1d(_checks.number_array("opponent", value))
    if shown.dtype.kind not in "iu" or shown.ndim != 1 or not 0 < shown.size <= MAX_L:
        raise ValueError(
            f"opponent is {value!r:.200}, but must be from 1 to {MAX_L} response indices, or with l a distribution"
        )
    if shown.min() < 0 or shown.max() >= population.n_responses:
        raise ValueError(f"opponent is {value!r:.200}, but the population has {population.n_responses} responses")
    return shown.astype(np.int64)
