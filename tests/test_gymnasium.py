"""The Gymnasium environments, single and vectorised."""

import pickle
import subprocess
import sys
from collections import Counter
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

from ualign_env import (
    Mixture,
    Population,
    Scenario,
    best_responses,
    deviation_payoffs,
    exploitability,
    load_scenario,
    register_scenario,
    robust_win_rate,
    ualign_v0,
    ualign_versus_v0,
    win_rate,
)
from ualign_env.simulation.batch import BatchedExploiter
from ualign_env.testing.environments import CHECKS, STRICT, Seats, hoeffding

EXPLOITER, SELF_PLAY, SEATS = (f"ualign_env:ualign/{name}-v0" for name in ("Exploiter", "SelfPlay", "Seats"))
SETTINGS = [{}, {"scenario": "impartial/responses:8/users:10/prompts:16", "feedback": "expected"}]


@pytest.mark.parametrize("name", [EXPLOITER, SELF_PLAY])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_faramas_checks(name, settings, capsys):
    check_env(gym.make(name, **settings).unwrapped)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", CHECKS)
def test_semantics_of_seats(name):
    CHECKS[name](lambda scenario, k: Seats(gym.make_vec(SEATS, num_envs=k, scenario=scenario, players=k)))


@pytest.mark.parametrize("name", [EXPLOITER, SEATS])
def test_vector_environments_are_those_of_gymnasium(name):
    envs = gym.make_vec(name, num_envs=6, scenario=STRICT)
    assert envs.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
    seen, infos = envs.reset(seed=0)
    for _ in range(20):
        assert envs.observation_space.contains(seen)
        assert infos == {}
        seen, rewards, terminations, truncations, infos = envs.step(envs.action_space.sample())
        assert (rewards.shape, rewards.dtype) == ((6,), np.float64)
        assert terminations.tolist() == [True] * 6
        assert truncations.tolist() == [False] * 6
    envs.close()


@pytest.mark.parametrize("name", [EXPLOITER, SEATS])
def test_vector_environments_return_fresh_arrays(name):
    envs = gym.make_vec(name, num_envs=6, scenario=STRICT)
    kept = [envs.reset(seed=0)[0]]
    for _ in range(5):
        kept += envs.step(np.zeros(6, int))[:4]
    before = [array.copy() for array in kept]
    for _ in range(5):
        envs.step(np.ones(6, int))
    for array, expected in zip(kept, before, strict=True):
        np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize("feedback", ["pick", "expected"])
def test_exploiters_are_the_same_alone_and_together(feedback):
    settings = {"scenario": STRICT, "k": 3, "feedback": feedback}
    env, envs = gym.make(EXPLOITER, **settings), gym.make_vec(EXPLOITER, num_envs=5, **settings)
    together, _ = envs.reset(seed=3)
    for i, response in enumerate(np.random.default_rng(0).integers(0, 4, 100).tolist()):
        alone, _ = env.reset(seed=3 if i == 0 else None)
        np.testing.assert_array_equal(alone, together[0])
        together, rewards, *_ = envs.step([response] * 5)
        assert env.step(response)[1] == rewards[0]


def test_the_best_response_earns_the_exploitability():
    policy = [[0.4, 0.1, 0.2, 0.3]] * 2
    for k in (1, 4, 10_000):
        env: Any = gym.make(EXPLOITER, scenario=STRICT, k=k, policy=policy, feedback="expected").unwrapped
        payoffs = env.game.payoffs
        best = STRICT.probabilities @ payoffs.max(axis=1)
        np.testing.assert_allclose(best, 1 / (k + 1) + exploitability(STRICT, policy, k), rtol=0, atol=1e-12)
        np.testing.assert_allclose(best, 1 - robust_win_rate(STRICT, policy, k), rtol=0, atol=1e-12)
        earned = Counter()
        for i in range(50):
            seen, _ = env.reset(seed=i)
            prompt = int(seen.argmax())
            earned[prompt] += env.step(int(payoffs[prompt].argmax()))[1] == payoffs[prompt].max()
        assert earned.total() == 50


def test_exploiters_with_several_responses():
    policy = [[0.4, 0.1, 0.2, 0.3]] * 2
    settings = {"scenario": STRICT, "k": 3, "policy": policy, "l": 2}
    check_env(gym.make(EXPLOITER, **settings).unwrapped)
    envs: Any = gym.make_vec(EXPLOITER, num_envs=4000, feedback="expected", **settings)
    assert envs.single_action_space == gym.spaces.MultiDiscrete([4, 4])
    seen, _ = envs.reset(seed=0)
    actions = envs.action_space.sample()
    rewards = envs.step(actions)[1]
    for prompt, shown, reward in zip(seen.argmax(axis=1)[:100], actions, rewards, strict=False):
        assert reward == pytest.approx(1 - win_rate(STRICT.populations[prompt], policy[0], 3, shown), abs=1e-12)
    best = np.array([best_responses(p, policy[0], 3, 2).responses for p in STRICT.populations])
    seen, _ = envs.reset(seed=1)
    earned = envs.step(best[seen.argmax(axis=1)])[1]
    assert STRICT.probabilities @ [earned[seen[:, x] == 1].mean() for x in (0, 1)] == pytest.approx(
        1 - robust_win_rate(STRICT, policy, 3, 2)
    )
    picks: Any = gym.make_vec(EXPLOITER, num_envs=100_000, **settings)
    seen, _ = picks.reset(seed=2)
    won = picks.step(best[seen.argmax(axis=1)])[1]
    assert abs(won.mean() - (1 - robust_win_rate(STRICT, policy, 3, 2))) < hoeffding(100_000, 2)
    env: Any = gym.make(EXPLOITER, render_mode="ansi", **settings).unwrapped
    assert env.reset(seed=0)[0].shape == (2,)
    assert env.action_masks().shape == (8,)
    for wrong, message in (
        ([0, 4], "response 1: response 4 to"),
        ([0], "must be integers of shape"),
        ([0.0, 1.0], "float64"),
    ):
        with pytest.raises(ValueError, match=message):
            env.step(wrong)
    env.step([0, 3])
    assert "exploiter  0 + 3" in env.render()


def test_picks_come_as_often_as_the_payoffs_say():
    n = 200_000
    for policy in ("uniform", "nlhf", Mixture([[[0.5, 0.5, 0, 0]] * 2, [[0, 0, 0, 1]] * 2], [0.3, 0.7])):
        game = BatchedExploiter(STRICT, 2, policy, n)
        prompts = game.reset(0)
        rewards = game.step(np.full(n, 2))
        assert set(rewards) <= {0.0, 1.0}
        for prompt in (0, 1):
            here = rewards[prompts == prompt]
            bound = hoeffding(here.size, comparisons=6)
            np.testing.assert_allclose(here.mean(), game.payoffs[prompt, 2], rtol=0, atol=bound)


def test_policies_of_each_output_and_of_each_player():
    outputs = np.random.default_rng(0).dirichlet(np.ones(4), (2, 2))
    users = STRICT.populations[0]
    two, one = [[0.2, 0.8, 0, 0], [0, 0, 1, 0]], [0.1, 0.4, 0.5, 0]
    assert BatchedExploiter(STRICT, 2, outputs).payoffs.shape == (2, 4)
    # k = 2: two policies are the outputs; three are players, of whose average two samples are shown
    of_outputs = BatchedExploiter(users, 2, np.array(two)[:, None]).payoffs[0]
    of_players = BatchedExploiter(users, 2, np.array([*two, [0.1, 0.4, 0.5, 0]])[:, None]).payoffs[0]
    mean = np.mean([*two, one], axis=0)
    np.testing.assert_allclose(of_players, deviation_payoffs(users, mean, 2), rtol=0, atol=1e-12)
    assert not np.allclose(of_outputs, deviation_payoffs(users, np.mean(two, axis=0), 2))


def test_single_self_play_meets_its_own_last_responses():
    users = Population.from_rankings([[0, 1, 2]])
    env = gym.make(SELF_PLAY, scenario=users, players=3, render_mode="ansi")

    def turn(response):
        env.reset()
        return env.step(response)[1]

    env.reset(seed=0)
    env.step(2)
    assert turn(2) in (0, 1)
    assert turn(1) == 1  # against 2 and 2
    assert turn(2) == 0  # against 1 and 2
    assert turn(0) == 1
    assert turn(1) == 0  # against 0 and 2
    assert "player_0  1\n  player_1  0  picked\n  player_2  2\n  by a user with 0 > 1 > 2" in str(env.render())


def test_single_self_play_forgets_with_a_seed():
    env = gym.make(SELF_PLAY, scenario=STRICT, players=4).unwrapped

    def rewards():
        earned = [env.step(response % 4)[1] for response in range(1) if env.reset(seed=5)]
        return earned + [env.step(response % 4)[1] for response in range(50) if env.reset()]

    first = rewards()
    for _ in range(7):
        env.reset()
        env.step(3)
    assert rewards() == first


def test_self_play_memory_holds_only_what_a_prompt_has(unequal_scenario):
    for seed in range(30):
        env = gym.make(SELF_PLAY, scenario=unequal_scenario, players=3).unwrapped
        env.reset(seed=seed)
        assert env.step(0)[1] in (0, 1)


@pytest.mark.parametrize(("name", "vector"), [(EXPLOITER, EXPLOITER), (SELF_PLAY, SEATS)])
def test_masks(name, vector, unequal_scenario):
    masks = np.array([[1, 1, 1], [1, 0, 0], [1, 1, 0]])
    env: Any = gym.make(name, scenario=unequal_scenario).unwrapped
    for _ in range(20):
        seen, info = env.reset()
        assert info["action_mask"].tolist() == env.action_masks().astype(int).tolist() == masks[seen.argmax()].tolist()
        assert env.step(env.action_space.sample(info["action_mask"]))[4]["action_mask"].dtype == np.int8
    envs: Any = gym.make_vec(vector, num_envs=30, scenario=unequal_scenario)
    seen, infos = envs.reset(seed=0)
    for _ in range(3):
        np.testing.assert_array_equal(infos["action_mask"], masks[seen.argmax(axis=1)])
        np.testing.assert_array_equal(envs.action_masks(), infos["action_mask"])
        assert infos["_action_mask"].all()
        seen, *_, infos = envs.step(np.zeros(30, int))


@pytest.mark.parametrize("name", [EXPLOITER, SELF_PLAY])
def test_pickled_environments_go_on_alike(name):
    env = gym.make(name, scenario=STRICT).unwrapped
    env.reset(seed=0)
    env.step(0)
    env.spec = None
    twin = pickle.loads(pickle.dumps(env))
    for response in (0, 1, 2, 3) * 5:
        np.testing.assert_array_equal(env.reset()[0], twin.reset()[0])
        assert env.step(response)[1] == twin.step(response)[1]


def test_rendering(capsys):
    env = gym.make(EXPLOITER, k=3, policy="nlhf", feedback="expected", render_mode="human")
    env.reset(seed=0)
    env.step(0)
    assert capsys.readouterr().out == "prompt 0\n  exploiter  maintain order  picked with probability 0.4682\n"
    env = gym.make(EXPLOITER, scenario=Population.from_rankings([[0, 1]]), policy=[1, 0], render_mode="ansi")
    env.reset()
    env.step(1)
    assert env.render() == "prompt 0\n  exploiter  1  not picked"


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        (EXPLOITER, {"k": 0}, "k is 0"),
        (EXPLOITER, {"l": 0}, "l is 0"),
        (EXPLOITER, {"policy": "nhlf"}, "unknown policy 'nhlf'; did you mean 'nlhf'"),
        (EXPLOITER, {"policy": [0.5, 0.5]}, "policy has 2 entries, but the scenario has 4 responses"),
        (EXPLOITER, {"policy": [0.5, 0.5, 0.5, 0.5]}, "policy sums to 2"),
        (EXPLOITER, {"policy": np.full((5, 1, 4), 0.25), "k": 2}, "policy has 5 policies, but k is 2"),
        (EXPLOITER, {"feedback": "picks"}, "unknown feedback 'picks'"),
        (SELF_PLAY, {"players": 1}, "players is 1"),
        (SEATS, {"players": 1}, "players is 1"),
    ],
)
def test_wrong_settings(name, settings, message):
    for make in [gym.make] * (name != SEATS) + [gym.make_vec] * (name != SELF_PLAY):
        with pytest.raises(ValueError, match=message):
            make(name, **settings)


def test_one_id_is_one_environment_however_it_is_vectorised():
    """A sub-environment of SelfPlay is a game of its own; seats of one game have an id of their own, and only there."""
    single = gym.make(SELF_PLAY, scenario=STRICT, players=3)
    for mode in (None, "sync"):
        envs = gym.make_vec(SELF_PLAY, num_envs=4, vectorization_mode=mode, scenario=STRICT, players=3)
        assert envs.num_envs == 4
        assert envs.single_action_space == single.action_space
        envs.reset(seed=0)
        wins = [envs.step(np.zeros(4, int))[1].sum() for _ in range(50)]
        assert set(wins) > {1, 2}  # not one for three seats
    seats = gym.make_vec(SEATS, num_envs=3, scenario=STRICT, players=3)
    seats.reset(seed=0)
    assert seats.step(np.zeros(3, int))[1].sum() == 1
    with pytest.raises(ValueError, match=r"fills all seats of a game: gymnasium\.make_vec"):
        gym.make(SEATS)


def test_wrong_render_mode_and_number_of_environments():
    with pytest.raises(ValueError, match="unknown render mode 'depth'"), pytest.warns(UserWarning, match="render"):
        gym.make(SELF_PLAY, render_mode="depth")
    with pytest.raises(ValueError, match="num_envs is 7, but must be a multiple of the 3 players"):
        gym.make_vec(SEATS, num_envs=7)
    with pytest.raises(ValueError, match="render_mode is 'ansi', but many games at a time are not rendered"):
        gym.make_vec(SEATS, num_envs=3, render_mode="ansi")
    with pytest.raises(ValueError, match="num_envs is 0"):
        gym.make_vec(EXPLOITER, num_envs=0)


@pytest.mark.parametrize("name", [EXPLOITER, SELF_PLAY])
def test_wrong_use_of_single_environments(name):
    env: Any = gym.make(name).unwrapped
    for use, message in (
        (env.render, "has not been reset"),
        (env.action_masks, "has not been reset"),
        (lambda: env.step(0), "over: call reset"),
    ):
        with pytest.raises(ValueError, match=message):
            use()
    env.reset(seed=0)
    for action, message in (
        (4, "response 4 to 'prompt 0'"),
        (-1, "response -1"),
        (1.0, "the action is 1.0"),
        (None, "the action is None"),
    ):
        with pytest.raises(ValueError, match=message):
            env.step(action)
    env.step(np.int64(0))
    with pytest.raises(ValueError, match="over: call reset"):
        env.step(0)
    with pytest.raises(ValueError, match="seed is -1"):
        env.reset(seed=-1)
    np.testing.assert_array_equal(env.reset(seed=np.int64(5))[0], env.reset(seed=5)[0])


@pytest.mark.parametrize("name", [EXPLOITER, SEATS])
def test_wrong_use_of_vector_environments(name):
    envs: Any = gym.make_vec(name, num_envs=6)
    with pytest.raises(ValueError, match="has not been reset"):
        envs.action_masks()
    with pytest.raises(ValueError, match="over: call reset"):
        envs.step(np.zeros(6, int))
    envs.reset(seed=0)
    for actions, message in (
        (np.zeros(5, int), "actions"),
        (np.zeros((2, 3), int), "actions"),
        (np.zeros(6), "actions are float64"),
        ([0, 0, 0, 0, 4, 0], "response 4 to 'prompt 0'"),
    ):
        with pytest.raises(ValueError, match=message):
            envs.step(actions)
    envs.step(np.zeros(6, int))


def test_features_are_observed():
    scenario = Scenario(STRICT.populations, features=[[0.5], [-7.0]])
    envs = gym.make_vec(SEATS, num_envs=30, scenario=scenario)
    seen, _ = envs.reset(seed=0)
    np.testing.assert_array_equal(seen[:, 2], np.where(seen[:, 0] == 1, 0.5, -7))
    assert envs.observation_space.contains(seen)


def test_a_hundred_thousand_games_at_once():
    envs = gym.make_vec(SEATS, num_envs=300_000, scenario=load_scenario("german-goals"))
    envs.reset(seed=0)
    assert envs.step(np.tile([0, 1, 2], 100_000))[1].sum() == 100_000


@pytest.mark.parametrize("name", [EXPLOITER, SEATS])
@pytest.mark.parametrize("mode", AutoresetMode)
def test_autoreset_modes(name, mode):
    settings = {"scenario": "cycle/prompts:3", "feedback": "expected"}
    same: Any = gym.make_vec(name, num_envs=12, **settings)  # pyright: ignore[reportArgumentType]
    envs: Any = gym.make_vec(name, num_envs=12, autoreset_mode=mode.value, **settings)  # pyright: ignore[reportArgumentType]
    assert envs.metadata["autoreset_mode"] == mode
    actions = np.arange(12) % 3
    shown, _ = same.reset(seed=5)
    np.testing.assert_array_equal(envs.reset(seed=5)[0], shown)
    for _ in range(10):
        following, earned, *_ = same.step(actions)
        seen, rewards, ended, cut, _ = envs.step(actions)
        np.testing.assert_array_equal(rewards, earned)
        assert ended.all()
        assert not cut.any()
        if mode == AutoresetMode.NEXT_STEP:
            np.testing.assert_array_equal(seen, shown)
            seen, rewards, ended, cut, _ = envs.step(np.full(12, -1))  # which nobody looks at
            assert not rewards.any()
            assert not ended.any()
            assert not cut.any()
        elif mode == AutoresetMode.DISABLED:
            np.testing.assert_array_equal(seen, shown)
            with pytest.raises(ValueError, match="the games are over: call reset"):
                envs.step(actions)
            with pytest.raises(ValueError, match=r"(?s)reset_mask is .*, but all 12 environments are reset together"):
                envs.reset(options={"reset_mask": np.arange(12) > 0})
            seen, _ = envs.reset(options={"reset_mask": ended})
        np.testing.assert_array_equal(seen, following)
        shown = following


def test_unknown_autoreset_modes():
    with pytest.raises(ValueError, match="autoreset_mode is 'never', but must be one of"):
        gym.make_vec(SEATS, num_envs=3, autoreset_mode="never")


@pytest.mark.parametrize("name", [EXPLOITER, SELF_PLAY])
def test_masks_on_request(name):
    env = gym.make(name, scenario="cycle", action_mask=True)
    _, info = env.reset(seed=0)
    assert info["action_mask"].tolist() == [1, 1, 1]
    assert env.step(0)[4]["action_mask"].dtype == np.int8
    assert "action_mask" not in gym.make(name, scenario="cycle").reset()[1]


@pytest.mark.parametrize("name", [EXPLOITER, SEATS])
def test_masks_of_many_on_request(name):
    envs = gym.make_vec(name, num_envs=3, scenario="cycle", action_mask=True)
    _, infos = envs.reset(seed=0)
    np.testing.assert_array_equal(infos["action_mask"], np.ones((3, 3)))
    assert infos["_action_mask"].all()
    assert gym.make_vec(name, num_envs=3, scenario="cycle").reset()[1] == {}


@pytest.mark.parametrize("name", [EXPLOITER, SELF_PLAY])
def test_specs_make_the_same_environment_in_another_process(name, unequal_scenario):
    register_scenario("known-here-alone", unequal_scenario)
    for scenario in (unequal_scenario, "known-here-alone", "cycle", unequal_scenario.populations[0]):
        env = gym.make(name, scenario=scenario)
        assert env.spec is not None
        text = env.spec.to_json()
        code = (
            "import sys, gymnasium as gym; from gymnasium.envs.registration import EnvSpec; import ualign_env\n"
            "env = gym.make(EnvSpec.from_json(sys.stdin.read())); env.reset(seed=3); print(env.step(0)[1:4])"
        )
        made = subprocess.run([sys.executable, "-c", code], input=text, capture_output=True, text=True, check=True)
        env.reset(seed=3)
        assert made.stdout == f"{env.step(0)[1:4]}\n"


def test_specs_of_policies_and_modes():
    policy = np.array([[0.5, 0.25, 0.25, 0.0]])
    envs: Any = gym.make_vec(EXPLOITER, num_envs=2, policy=policy, autoreset_mode=AutoresetMode.NEXT_STEP)
    assert envs.spec.kwargs["policy"] == policy.tolist()
    again: Any = gym.make_vec(EnvSpec.from_json(envs.spec.to_json()), num_envs=2, vectorization_mode=None)
    assert again.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    np.testing.assert_array_equal(again.unwrapped.game.payoffs, envs.unwrapped.game.payoffs)


def test_masked_actions_are_no_responses():
    envs: Any = gym.make_vec(SEATS, num_envs=3)
    envs.reset(seed=0)
    with pytest.raises(ValueError, match="actions has masked entries"):
        envs.step(np.ma.array([0, 1, 2], mask=[False, True, False]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ualign_v0.env(k=2), "unknown argument of AECAlignment 'k'; .*known: .*; players is k \\+ 1"),
        (lambda: gym.make("ualign/SelfPlay-v0", player=3), "argument of SelfPlay 'player'; did you mean 'players'"),
        (lambda: gym.make("ualign/Exploiter-v0", players=3), "argument of Exploiter 'players'.*; k is players - 1"),
        (lambda: gym.make_vec("ualign/Seats-v0", num_envs=3, scenarios="cycle"), "did you mean 'scenario'"),
        (lambda: ualign_versus_v0.parallel_env(zzz=1), "argument of ParallelVersus 'zzz'; known: .*k, l,"),
    ],
)
def test_unknown_keywords_are_told_what_there_is(make, message):
    with pytest.raises(TypeError, match=message):
        make()
