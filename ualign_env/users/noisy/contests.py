"""Contests for users who choose noisily: samples of a policy, a response of each of k policies, or multisets.

Axes: U user types, N responses, T policies of a mixture, M multisets, k responses of the model, l of the opponent;
R chains and Q nodes of a block.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ualign_env._types import Floats, Ints
from ualign_env.users.contest import Contest
from ualign_env.users.noisy import kernel
from ualign_env.users.noisy.quadrature import Block

if TYPE_CHECKING:
    from ualign_env.users.noisy.population import NoisyUsers


@dataclass(frozen=True, eq=False)
class NoisyContest(Contest):
    """What all contests have in common.

    Attributes:
        population: the users.
    """

    population: "NoisyUsers"

    @property
    def users(self) -> "NoisyUsers":
        return self.population

    @property
    @abstractmethod
    def slots(self) -> int:
        """How many responses the model shows."""

    @abstractmethod
    def shown(self, block: Block) -> Floats:
        """Returns `[R, Q]`: the chance that everything shown is below each node."""

    def values(self, sets: Ints) -> Floats:
        rows = np.asarray(sets, np.int64)

        def work(block: Block) -> Floats:
            shown, out = self.shown(block) * block.shares, np.empty(len(rows))
            for part in block.parts(rows):
                out[part] = np.tensordot(shown, block.tops(rows[part])[1], axes=2)
            return out

        return self.population.quadrature.sum(self.slots + rows.shape[1], work)


@dataclass(frozen=True, eq=False)
class SampleContest(NoisyContest):
    """k samples of one policy, which is drawn from a mixture.

    Attributes:
        policies: `[T, N]` distributions.
        mixture: `[T]` chances of the policies.
        k: number of samples.
    """

    policies: Floats
    mixture: Floats
    k: int

    @property
    def slots(self) -> int:
        return self.k

    def shown(self, block: Block) -> Floats:
        each = [block.all_below(policy, self.k) for policy in self.policies]
        return np.tensordot(self.mixture, each, axes=1)

    def payoffs(self) -> Floats:
        users = self.population
        return kernel.payoffs(users.chains, users.law, users.weights, self.policies, self.mixture, self.k)


@dataclass(frozen=True, eq=False)
class OutputContest(NoisyContest):
    """One response of each of k policies.

    Attributes:
        policies: `[k, N]` distributions.
    """

    policies: Floats

    @property
    def slots(self) -> int:
        return len(self.policies)

    def shown(self, block: Block) -> Floats:
        return np.prod(block.below @ self.policies.T, axis=2)


@dataclass(frozen=True, eq=False)
class SetContest(NoisyContest):
    """A multiset of k responses, drawn as a whole.

    Attributes:
        sets: `[M, k]` response indices.
        chances: `[M]` distribution.
    """

    sets: Ints
    chances: Floats

    @property
    def slots(self) -> int:
        return self.sets.shape[1]

    def shown(self, block: Block) -> Floats:
        parts = block.parts(self.sets)
        return np.sum([block.tops(self.sets[part])[0] @ self.chances[part] for part in parts], axis=0)
