"""Environments with one thing wrong each: at least one of our checks must reject every one of them."""

# pyright: reportIncompatibleMethodOverride=false, reportOperatorIssue=false, reportCallIssue=false
# pyright: reportArgumentType=false

from dataclasses import replace

import numpy as np
import pytest
from environment_checks import CHECKS

from ualign_env import BatchedGame, ualign_v0


class TwoWinners(ualign_v0.parallel_env):
    def step(self, actions):
        observations, rewards, *rest = super().step(actions)
        second = max(rewards, key=lambda agent: (rewards[agent] == 0, agent))
        return observations, rewards | {second: 1.0}, *rest


class SeatBias(ualign_v0.parallel_env):
    """One win in ten goes to the first player."""

    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        self.rng = np.random.default_rng(0)

    def step(self, actions):
        observations, rewards, *rest = super().step(actions)
        if self.rng.random() < 0.1:
            rewards = {agent: float(agent == "player_0") for agent in rewards}
        return observations, rewards, *rest


class TiesToTheFirst(ualign_v0.parallel_env):
    def step(self, actions):
        self.games.draws.ties[:] = 0
        return super().step(actions)


class UserInTheObservation(ualign_v0.parallel_env):
    def _observation(self):
        return super()._observation() + np.float32(1e-3 * self.games.draws.users.item())


class UserInTheInfo(ualign_v0.parallel_env):
    def reset(self, seed=None, options=None):
        observations, infos = super().reset(seed, options)
        return observations, {agent: {"user": self.games.draws.users.item()} for agent in infos}


class AliasedObservation(ualign_v0.parallel_env):
    def _observation(self):
        self._array = getattr(self, "_array", super()._observation())
        self._array[:] = super()._observation()
        return self._array


class SharedInfo(ualign_v0.parallel_env):
    def reset(self, seed=None, options=None):
        observations, infos = super().reset(seed, options)
        shared = {}
        return observations, dict.fromkeys(infos, shared)


class AlwaysSeedZero(ualign_v0.parallel_env):
    def reset(self, seed=None, options=None):
        return super().reset(0 if seed is None else seed, options)


class SeedIgnored(ualign_v0.parallel_env):
    def reset(self, seed=None, options=None):  # noqa: ARG002
        return super().reset(None, options)


class _Fixed(BatchedGame):
    """Games in which the users or the prompts come from a generator that no seed reaches."""

    fixed: str

    def reset(self, seed=None):
        if not hasattr(self, "rng"):
            self.rng = np.random.default_rng(0)
        super().reset(seed)
        if self.fixed == "users":
            weights = self.scenario.populations[self.draws.prompts.item()].weights
            users = self.rng.choice(weights.size, size=1, p=weights)
            self.draws = replace(self.draws, users=users)
        else:
            self.draws = replace(self.draws, prompts=self.rng.choice(2, size=1, p=[0.3, 0.7]))
        return self.draws.prompts.copy()


class UserIgnoresSeed(ualign_v0.parallel_env):
    def __init__(self, scenario, players):
        super().__init__(scenario, players)
        self.games = _Fixed(scenario, players)
        self.games.fixed = "users"


class PromptIgnoresSeed(ualign_v0.parallel_env):
    def __init__(self, scenario, players):
        super().__init__(scenario, players)
        if self.scenario.n_prompts > 1:
            self.games = _Fixed(scenario, players)
            self.games.fixed = "prompts"


MUTANTS = {
    TwoWinners: "one_winner",
    SeatBias: "seats_are_alike",
    TiesToTheFirst: "ties_are_uniform",
    UserInTheObservation: "nothing_leaks",
    UserInTheInfo: "nothing_leaks",
    AliasedObservation: "objects_are_fresh",
    SharedInfo: "objects_are_fresh",
    AlwaysSeedZero: "games_go_on",
    SeedIgnored: "equal_seeds_give_equal_games",
    UserIgnoresSeed: "different_seeds_give_different_games",
    PromptIgnoresSeed: "different_seeds_give_different_games",
}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_is_rejected(mutant):
    with pytest.raises(AssertionError):
        CHECKS[MUTANTS[mutant]](mutant)
