"""The rules of the environments, in which chance has its part: seeds are fixed, so that a check fails always or never.

Axes: K players.
"""

from collections.abc import Callable
from itertools import combinations, permutations
from typing import Any

import numpy as np
from scipy.stats import chisquare

from ualign_env.payoffs import choice_shares
from ualign_env.scenario import Scenario
from ualign_env.testing._require import require
from ualign_env.users import Population

#: Makes an environment, with PettingZoo's parallel interface, of a scenario and a number of players.
Make = Callable[[Scenario, int], Any]

#: Chance that a correct environment fails a statistical check. Checks give seeds, so that it fails always or never.
ALPHA = 1e-4


def check_parallel_env(make: Make) -> None:
    """Holds an environment with PettingZoo's parallel interface against the rules.

    Args:
        make: called as `make(scenario, players)`; games must be one step long, observations those of the scenario, and
            rewards what one user picked.

    Raises:
        AssertionError: if it breaks a rule; the failing check's name, in the traceback, says which.
    """
    for check in CHECKS.values():
        check(make)


def check_aec_env(make: Make) -> None:
    """Holds an environment with PettingZoo's AEC interface against the rules, as `check_parallel_env` does.

    Args:
        make: called with a scenario and a number of players, returns a new environment in which players move in turn.

    Raises:
        AssertionError: with what it broke.
    """
    check_parallel_env(lambda scenario, players: InTurn(make(scenario, players)))


def check_seats_env(make: Make) -> None:
    """Holds a Gymnasium vector environment of one game against the rules; its sub-environments are the game's seats.

    Args:
        make: called with a scenario and a number of players, returns a new vector environment with as many
            sub-environments, each a seat of the one game, as `gymnasium.make_vec("ualign/Seats-v0")` has them.

    Raises:
        AssertionError: with what it broke.
    """
    check_parallel_env(lambda scenario, players: Seats(make(scenario, players)))


def hoeffding(games: int, comparisons: int) -> float:
    """Returns how far means of numbers from 0 to 1 may be from what they should be, over all comparisons."""
    return float(np.sqrt(np.log(2 * comparisons / ALPHA) / (2 * games)))


_RNG = np.random.default_rng(0)
#: Two prompts of unequal probability; ten users with strict preferences over four responses each.
STRICT = Scenario(
    [Population.from_rankings([_RNG.permutation(4) for _ in range(10)], _RNG.integers(1, 9, 10)) for _ in range(2)],
    probabilities=[0.3, 0.7],
)
#: The same with one prompt, so that nothing but users differs between games.
ONE_PROMPT = Scenario(STRICT.populations[:1])
#: Users who are indifferent between some responses.
TIED = Scenario([Population.from_scores(_RNG.integers(0, 2, (6, 4)), _RNG.integers(1, 9, 6))])


def play(env: Any, actions: np.ndarray, seed: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Returns `[games]` prompts and `[games, K]` rewards; the seed goes to the first reset only."""
    prompts, rewards = [], []
    for row in actions:
        observations, _ = env.reset(seed=seed)
        seed = None
        prompts.append(int(np.argmax(observations["player_0"])))
        rewards.append(list(env.step(dict(zip(env.possible_agents, row.tolist(), strict=True)))[1].values()))
    return np.array(prompts), np.array(rewards)


def random_responses(games: int, players: int) -> np.ndarray:
    """Returns `[games, K]` random responses."""
    return np.random.default_rng(1).integers(0, 4, (games, players))


def one_winner(make: Make) -> None:
    """One player earns 1 and the others 0."""
    for scenario in (STRICT, TIED):
        rewards = play(make(scenario, 4), random_responses(1000, 4), seed=0)[1]
        require(np.isin(rewards, (0, 1)).all(), "rewards must be 0 or 1")
        np.testing.assert_array_equal(rewards.sum(axis=1), 1)


def seats_are_alike(make: Make) -> None:
    """Where no two responses are tied, whoever permutes the seats permutes the rewards."""
    shown = np.tile([0, 1, 2], (500, 1))
    expected = play(make(STRICT, 3), shown, seed=0)[1]
    for order in map(list, permutations(range(3))):
        np.testing.assert_array_equal(play(make(STRICT, 3), shown[:, order], seed=0)[1], expected[:, order])


def ties_are_uniform(make: Make) -> None:
    """Equal responses win equally often, wherever they are shown."""
    wins = play(make(STRICT, 3), np.zeros((6000, 3), int), seed=0)[1].sum(axis=0)
    require(chisquare(wins).pvalue > ALPHA / 2, f"three equal responses won {wins} times")
    # two of the three show the same response: each wins half of what it wins
    wins = play(make(STRICT, 3), np.tile([2, 1, 2], (6000, 1)), seed=0)[1].sum(axis=0)
    require(chisquare(wins[[0, 2]]).pvalue > ALPHA / 2, f"two equal responses won {wins[[0, 2]]} times")


def win_rates_are_exact(make: Make) -> None:
    """Responses win, and prompts come, as often as they should."""
    games = 20_000
    shows = [(STRICT, [0, 1, 2]), (STRICT, [3, 3, 1]), (TIED, [0, 1, 3]), (TIED, [0, 0, 3]), (TIED, [3, 0, 0])]
    bound = hoeffding(games, comparisons=5 * len(shows))
    for scenario, shown in shows:
        prompts, rewards = play(make(scenario, 3), np.tile(shown, (games, 1)), seed=0)
        chances = [choice_shares(population, shown) for population in scenario.populations]
        np.testing.assert_allclose(rewards.mean(axis=0), scenario.probabilities @ chances, rtol=0, atol=bound)
        frequencies = np.bincount(prompts, minlength=scenario.n_prompts) / games
        np.testing.assert_allclose(frequencies, scenario.probabilities, rtol=0, atol=bound)


def nothing_leaks(make: Make) -> None:
    """Observations, states and infos tell the prompt and nothing else."""
    env = make(STRICT, 3)
    for row in random_responses(500, 3):
        observations, infos = env.reset()
        shown = dict(zip(env.possible_agents, row.tolist(), strict=True))
        prompt = int(np.argmax(observations["player_0"]))
        for seen in (*observations.values(), env.state()):
            np.testing.assert_array_equal(seen, STRICT.observations[prompt])
        after, _, _, _, after_infos = env.step(shown)
        for seen in (*after.values(), env.state()):
            np.testing.assert_array_equal(seen, STRICT.observations[int(np.argmax(seen))])
        require(all(info == {} for info in (*infos.values(), *after_infos.values())), "infos must be empty")


def games_end_after_a_step(make: Make) -> None:
    """Games are terminated after a step, never truncated."""
    env = make(STRICT, 3)
    for row in random_responses(5, 3):
        env.reset()
        _, _, terminations, truncations, _ = env.step(dict(zip(env.possible_agents, row.tolist(), strict=True)))
        require(list(terminations.values()) == [True] * 3, f"terminations are {terminations}")
        require(list(truncations.values()) == [False] * 3, f"truncations are {truncations}")


def objects_are_fresh(make: Make) -> None:
    """What an environment returned is never written to again."""
    env = make(STRICT, 3)
    arrays, dictionaries = [], []
    for row in random_responses(3, 3):
        observations, infos = env.reset()
        after = env.step(dict(zip(env.possible_agents, row.tolist(), strict=True)))
        arrays += [*observations.values(), *after[0].values()]
        dictionaries += [observations, infos, *infos.values(), *after, *after[4].values()]
    require(
        not any(np.shares_memory(one, other) for one, other in combinations(arrays, 2)), "observations share memory"
    )
    require(len(set(map(id, dictionaries))) == len(dictionaries), "a dictionary was returned twice")
    for array in arrays:
        array[:] = -1
    require(all(seen.min() >= 0 for seen in env.reset()[0].values()), "who writes to an observation changes later ones")


def equal_seeds_give_equal_games(make: Make) -> None:
    """A seed decides everything, in a new environment and in a used one."""
    shown = random_responses(1000, 3)
    first = make(STRICT, 3)
    one, other, again = play(first, shown, 7), play(make(STRICT, 3), shown, 7), play(first, shown, 7)
    for left, right in zip((*one, *one), (*other, *again), strict=True):
        np.testing.assert_array_equal(left, right)


def different_seeds_give_different_games(make: Make) -> None:
    """Prompts and users both follow the seed, and without one they are new each time."""
    shown = np.tile([0, 1, 2], (1000, 1))
    for seeds in ((0, 1), (None, None)):
        one, other = (play(make(STRICT, 3), shown, seed)[0] for seed in seeds)
        require(0.2 < (one != other).mean() < 0.8, "prompts do not follow the seed")
        one, other = (play(make(ONE_PROMPT, 3), shown, seed)[1] for seed in seeds)
        require((one != other).any(axis=1).mean() > 0.2, "users do not follow the seed")


def games_go_on(make: Make) -> None:
    """Without a seed, a reset continues the random numbers."""
    shown = np.tile([0, 1, 2], (200, 1))
    env = make(STRICT, 3)
    first, second = play(env, shown, 0), play(env, shown, None)
    for one, other in zip(first, second, strict=True):
        require((one != other).any(), "without a seed, a reset started the random numbers anew")
    require(len(np.unique(first[0])) == 2, "a prompt never came")


#: The rules by name.
CHECKS: dict[str, Callable[[Make], None]] = {
    check.__name__: check
    for check in (
        equal_seeds_give_equal_games,  # first: what others find may only be a seed that is ignored
        different_seeds_give_different_games,
        games_go_on,
        one_winner,
        seats_are_alike,
        ties_are_uniform,
        win_rates_are_exact,
        nothing_leaks,
        games_end_after_a_step,
        objects_are_fresh,
    )
}


class InTurn:
    """An AEC environment with the parallel interface; whose turn it is sees no more than at the start."""

    def __init__(self, env: Any) -> None:
        """Wraps it."""
        self.env = env
        self.possible_agents = env.possible_agents
        self.state = env.state

    def reset(self, seed: int | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begins an episode."""
        self.env.reset(seed=seed)
        self._expected = {agent: self.env.observe(agent).copy() for agent in self.possible_agents}
        return {agent: self.env.observe(agent) for agent in self.possible_agents}, dict(self.env.infos)

    def step(self, actions: dict[str, int]) -> tuple[dict[str, Any], ...]:
        """Plays all turns of a game."""
        for agent in self.possible_agents:
            require(self.env.agent_selection == agent, f"it is {self.env.agent_selection}'s turn, not {agent}'s")
            seen, reward, terminated, truncated, info = self.env.last()
            np.testing.assert_array_equal(seen, self._expected[agent])
            require(
                (reward, terminated, truncated, info) == (0, False, False, {}),
                "a player learned something before the end",
            )
            self.env.step(actions[agent])
        after = [{}, {}, {}, {}, {}]
        while self.env.agents:
            agent = self.env.agent_selection
            for values, value in zip(after, self.env.last(), strict=True):
                values[agent] = value
            self.env.step(None)
        return tuple({agent: values[agent] for agent in self.possible_agents} for values in after)


class Seats:
    """A native vector environment, its sub-environments being the seats of one game, with the parallel interface.

    A step of it begins the next game, whose observations it returns; a reset here only repeats them.
    """

    def __init__(self, env: Any) -> None:
        """Wraps it."""
        self.env = env
        self.possible_agents = [f"player_{i}" for i in range(env.num_envs)]
        self._next: np.ndarray | None = None

    def reset(self, seed: int | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Returns the observations of the game that has begun, or begins one."""
        if seed is None and self._next is not None:
            return self._each(self._next.copy()), {}
        seen, infos = self.env.reset(seed=seed)
        self._next = seen.copy()
        return self._each(seen), {"player_0": infos}

    def state(self) -> np.ndarray:
        """Returns what the first seat sees."""
        return np.empty(0) if self._next is None else self._next[0]

    def step(self, actions: dict[str, int]) -> tuple[dict[str, Any], ...]:
        """Plays a game."""
        seen, rewards, terminations, truncations, infos = self.env.step(np.array(list(actions.values())))
        self._next = seen.copy()
        ends = self._each(terminations), self._each(truncations)
        return self._each(seen), self._each(rewards), *ends, {"player_0": infos}

    def _each(self, rows: np.ndarray) -> dict[str, Any]:
        return dict(zip(self.possible_agents, rows, strict=True))
