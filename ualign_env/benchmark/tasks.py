"""What an agent is given."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ualign_env import _checks
from ualign_env.scenario import Scenario
from ualign_env.specs import as_scenario

if TYPE_CHECKING:
    import pyspiel


@dataclass(frozen=True)
class Task:
    """An alignment game to learn.

    Agents that play the symmetric game of k + 1 players learn one policy, of which k samples are shown. With l above 1
    these are scored against l responses all the same. Joint agents play the k-against-l game.

    Attributes:
        scenario: the prompts and their users; made from a spec or users where they are given.
        k: number of responses that the learned policy shows; the game has k + 1 players.
        seed: all of an agent's randomness.
        l: number of responses of the opponent.
    """

    scenario: Scenario
    k: int
    seed: int = 0
    l: int = 1

    def __post_init__(self) -> None:
        own = {
            "scenario": as_scenario(self.scenario),
            "k": _checks.number_of_outputs(self.k),
            "seed": _checks.count("seed", self.seed, 0),
            "l": _checks.number_of_responses(self.l),
        }
        for name, value in own.items():
            object.__setattr__(self, name, value)

    def game(self, *, turn_based: bool = True, anonymous: bool = False) -> "pyspiel.Game":
        """Returns the task as an OpenSpiel game; see `load_game`."""
        from ualign_env.envs.open_spiel.games import load_game

        return load_game(self.scenario, self.k + 1, turn_based=turn_based, anonymous=anonymous)

    def versus_game(self, *, by_response: bool = True) -> "pyspiel.Game":
        """Returns the task as the OpenSpiel game of k responses against l; see `load_versus_game`."""
        from ualign_env.envs.open_spiel.versus import load_versus_game

        return load_versus_game(self.scenario, self.k, self.l, by_response=by_response)

    def rng(self) -> np.random.Generator:
        """Returns a generator that starts at the task's seed."""
        return np.random.default_rng(self.seed)
