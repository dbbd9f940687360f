"""Complete games per second: K = 4 players, N = 8 responses, 16 prompts, 10 user types; a user picks in each.

`pytest tests/benchmarks/test_environment_speed.py --benchmark-enable -s` prints the lines of the README's table.
Targets: parallel 70,000, AEC 35,000; vectorised 3 million with 64 games at a time, 10 million with 1,024, 15 million
with 65,536. Beside them: OpenSpiel's `rl_environment`, PettingZoo's conversion to AEC, Gymnasium's SyncVectorEnv.
"""

import gymnasium as gym
import numpy as np
import pytest
from open_spiel.python.rl_environment import Environment
from pettingzoo.utils.conversions import parallel_to_aec

from ualign_env import load_game, load_scenario, ualign_v0

SCENARIO = load_scenario("impartial/responses:8/users:10/prompts:16")
PLAYERS = 4
GAMES = 1000  # a round of the environments that play one at a time
ACTIONS = np.random.default_rng(0).integers(0, 8, (GAMES, PLAYERS))


def in_parallel():
    env = ualign_v0.parallel_env(SCENARIO, PLAYERS)
    actions = [dict(zip(env.possible_agents, row.tolist(), strict=True)) for row in ACTIONS]

    def games():
        for row in actions:
            env.reset()
            env.step(row)

    return games


def in_turn(env):
    def games():
        for row in ACTIONS.tolist():
            actions = iter(row)
            env.reset()
            for _ in env.agent_iter():
                _, _, terminated, _, _ = env.last()
                env.step(None if terminated else next(actions))

    return games


def rl_environment():
    env = Environment(load_game(SCENARIO, PLAYERS))

    def games():
        for row in ACTIONS.tolist():
            env.reset()
            env.step(row)

    return games


# peers are indented
ONE_AT_A_TIME = {
    "ualign_v0.parallel_env": in_parallel,
    "ualign_v0.env": lambda: in_turn(ualign_v0.env(SCENARIO, PLAYERS)),
    "  parallel_to_aec": lambda: in_turn(parallel_to_aec(ualign_v0.parallel_env(SCENARIO, PLAYERS))),
    "  OpenSpiel's rl_environment": rl_environment,
}
SEATS = {f"Seats-v0, {games:,} games at a time": games for games in (64, 1024, 65536)}
EXPLOITERS = {f"Exploiter-v0, {games:,} games at a time": (games, "vector_entry_point") for games in (64, 1024)} | {
    f"  Gymnasium's SyncVectorEnv, {games:,}": (games, "sync") for games in (64, 1024)
}


@pytest.mark.parametrize("form", ONE_AT_A_TIME)
def test_one_game_at_a_time(benchmark, form):
    games = ONE_AT_A_TIME[form]()
    benchmark.group = "one game at a time"
    benchmark(games)
    _note_speed(benchmark, form, GAMES)


@pytest.mark.parametrize("name", SEATS)
def test_vectorised_self_play(benchmark, name):
    games = SEATS[name]
    envs = gym.make_vec("ualign/Seats-v0", num_envs=games * PLAYERS, scenario=SCENARIO, players=PLAYERS)
    actions = np.random.default_rng(0).integers(0, 8, games * PLAYERS)
    envs.reset(seed=0)
    benchmark.group = f"{games} games at a time"
    benchmark(envs.step, actions)
    _note_speed(benchmark, name, games)


@pytest.mark.parametrize("name", EXPLOITERS)
def test_vectorised_exploiter(benchmark, name):
    games, mode = EXPLOITERS[name]
    settings = {"scenario": SCENARIO, "k": PLAYERS - 1}
    envs = gym.make_vec("ualign/Exploiter-v0", num_envs=games, vectorization_mode=mode, **settings)
    actions = np.random.default_rng(0).integers(0, 8, games)
    envs.reset(seed=0)
    benchmark.group = f"{games} games at a time"
    benchmark(envs.step, actions)
    # SyncVectorEnv spends every second step on resets
    _note_speed(benchmark, name, games / 2 if mode == "sync" else games)


def _note_speed(benchmark, name, games):
    if benchmark.stats:  # None where benchmarks are disabled
        benchmark.extra_info["games_per_second"] = round(games / benchmark.stats.stats.median)
        print(f"\n{name:<35}{benchmark.extra_info['games_per_second']:>12,}")
