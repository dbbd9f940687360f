"""Environments with one thing wrong each: at least one of our checks must reject every one of them."""

# pyright: reportIncompatibleMethodOverride=false, reportOperatorIssue=false, reportCallIssue=false
# pyright: reportArgumentType=false

from dataclasses import replace

import numpy as np
import pytest

from ualign_env import BatchedGame, Population, ualign_v0
from ualign_env.envs.gymnasium.vector import SeatsVectorEnv
from ualign_env.testing.environments import CHECKS, InTurn, Seats


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
        self.games._draws = replace(self.games.draws, numbers=0 * self.games.draws.numbers)
        return super().step(actions)


class UserInTheObservation(ualign_v0.parallel_env):
    def _observation(self, agent):
        return super()._observation(agent) + np.float32(1e-3 * self.games.draws.types.item())


class UserInTheInfo(ualign_v0.parallel_env):
    def reset(self, seed=None, options=None):
        observations, infos = super().reset(seed, options)
        return observations, {agent: {"user": self.games.draws.types.item()} for agent in infos}


class AliasedObservation(ualign_v0.parallel_env):
    def _observation(self, agent):
        self._array = getattr(self, "_array", super()._observation(agent))
        self._array[:] = super()._observation(agent)
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
            self._draws = replace(self.draws, types=users)
        else:
            self._draws = replace(self.draws, prompts=self.rng.choice(2, size=1, p=[0.3, 0.7]))
        return self.draws.prompts.copy()


class TiesBetweenResponses(ualign_v0.parallel_env):
    """Ties are broken between different responses first, then between their copies."""

    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        self.rng = np.random.default_rng(0)

    def step(self, actions):
        users = self.scenario.populations[self._prompt]
        assert isinstance(users, Population)
        ranks = users.ranks[self.games.draws.types.item()]
        best = min(ranks[action] for action in actions.values())
        chosen = self.rng.choice(sorted({action for action in actions.values() if ranks[action] == best}))
        winner = self.rng.choice([agent for agent, action in actions.items() if action == chosen])
        observations, rewards, *rest = super().step(actions)
        return observations, {agent: float(agent == winner) for agent in rewards}, *rest


class UserInTheState(ualign_v0.parallel_env):
    def state(self):
        return super().state() + np.float32(1e-3 * self.games.draws.types.item())


class Truncates(ualign_v0.parallel_env):
    def step(self, actions):
        observations, rewards, terminations, truncations, infos = super().step(actions)
        return observations, rewards, truncations, terminations, infos


class _LeakingTurns(ualign_v0.env):
    """Whose turn it is sees what was submitted before."""

    def observe(self, agent):
        return super().observe(agent) + np.float32(sum(map(sum, self._submitted)))


class _EarlyRewards(ualign_v0.env):
    """The first player is paid before the game is over."""

    def step(self, action):
        super().step(action)
        if self._submitted:
            self._cumulative_rewards[self.agent_selection] += 0.5


class _TiesToTheFirstSeat(SeatsVectorEnv):
    def step(self, actions):
        self.game._draws = replace(self.game.draws, numbers=0 * self.game.draws.numbers)
        return super().step(actions)


class _SharedBuffer(SeatsVectorEnv):
    """Observations are written into the same array at every step."""

    def _next(self, seed):
        seen, infos = super()._next(seed)
        self._buffer = getattr(self, "_buffer", seen)
        self._buffer[:] = seen
        return self._buffer, infos


def leaking_turns(scenario, players):
    return InTurn(_LeakingTurns(scenario, players))


def early_rewards(scenario, players):
    return InTurn(_EarlyRewards(scenario, players))


def vector_ties_to_the_first(scenario, players):
    return Seats(_TiesToTheFirstSeat(players, scenario, players))


def shared_buffer(scenario, players):
    return Seats(_SharedBuffer(players, scenario, players))


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
    TiesBetweenResponses: "win_rates_are_exact",
    UserInTheState: "nothing_leaks",
    Truncates: "games_end_after_a_step",
    leaking_turns: "nothing_leaks",
    early_rewards: "one_winner",
    vector_ties_to_the_first: "ties_are_uniform",
    shared_buffer: "objects_are_fresh",
}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_is_rejected(mutant):
    with pytest.raises(AssertionError):
        CHECKS[MUTANTS[mutant]](mutant)
