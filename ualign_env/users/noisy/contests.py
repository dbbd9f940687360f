"""Contests for users who choose noisily.

Axes: N responses, T policies of a mixture, M multisets, k responses of the model, l of the opponent; R chains and Q
nodes of a block.
"""

from collections.abc import Callable
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
    """Whatever a model shows: all that is asked of it is how likely all of it is below some nodes.

    Attributes:
        population: the users.
        slots: how many responses the model shows.
        shown: returns `[R, Q]` of a block: the chance that everything shown is below each node.
    """

    population: "NoisyUsers"
    slots: int
    shown: Callable[[Block], Floats]

    @property
    def users(self) -> "NoisyUsers":
        return self.population

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
    """k samples of one of `[T, N]` policies, each drawn by its chance in `[T]`: single responses have a faster way."""

    policies: Floats
    mixture: Floats

    def payoffs(self) -> Floats:
        users = self.population
        return kernel.payoffs(users.chains, users.law, users.weights, self.policies, self.mixture, self.slots)
