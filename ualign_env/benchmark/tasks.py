"""What an agent is given."""

from dataclasses import dataclass

import numpy as np
import pyspiel

from ualign_env.envs.open_spiel_games import load_game
from ualign_env.scenario import Scenario


@dataclass(frozen=True)
class Task:
    """An alignment game to learn.

    Attributes:
        scenario: the prompts and their users.
        k: number of responses that the learned policy shows; the game has k + 1 players.
        seed: all of an agent's randomness.
    """

    scenario: Scenario
    k: int
    seed: int = 0

    def game(self, *, turn_based: bool = True, anonymous: bool = False) -> pyspiel.Game:
        """Returns the task as an OpenSpiel game; see `load_game`."""
        return load_game(self.scenario, self.k + 1, turn_based=turn_based, anonymous=anonymous)

    def rng(self) -> np.random.Generator:
        """Returns a generator that starts at the task's seed."""
        return np.random.default_rng(self.seed)
