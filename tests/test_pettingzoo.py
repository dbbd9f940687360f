"""The PettingZoo environments: Farama's checks, our own, and what they say about wrong use."""

import copy
import pickle
import warnings

import cloudpickle
import numpy as np
import pettingzoo
import pytest
from gymnasium import spaces
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, seed_test
from pettingzoo.utils.conversions import parallel_to_aec

from ualign_env import BatchedGame, Population, Scenario, choice_shares, load_scenario, ualign_v0, ualign_versus_v0
from ualign_env._multisets import multisets
from ualign_env.testing.environments import CHECKS, STRICT, TIED, InTurn, hoeffding, play, random_responses

SETTINGS = [
    {},
    {"rounds": 5},
    {"scenario": "impartial/responses:8/users:10/prompts:16", "players": 4},
    {"scenario": "mallows/responses:3/phi:0.5/prompts:2", "players": 2, "feedback": "expected", "rounds": 2},
    {"scenario": Scenario([Population.from_scores([[0]])])},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_faramas_checks(settings):
    api_test(ualign_v0.env(**settings), num_cycles=50)
    parallel_api_test(ualign_v0.parallel_env(**settings), num_cycles=50)
    seed_test(lambda: ualign_v0.env(**settings), num_cycles=50)
    parallel_seed_test(lambda: ualign_v0.parallel_env(**settings), num_cycles=50)


def test_faramas_checks_with_action_masks(unequal_scenario):
    with warnings.catch_warnings():
        # the check names the environments of PettingZoo that may have masks
        warnings.filterwarnings("ignore", "Observation is not a NumPy array")
        warnings.filterwarnings("ignore", "Observation space for each agent probably should be")
        api_test(ualign_v0.env(unequal_scenario), num_cycles=50)
    parallel_api_test(ualign_v0.parallel_env(unequal_scenario, rounds=20), num_cycles=50)
    seed_test(lambda: ualign_v0.env(unequal_scenario), num_cycles=50)


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("form", ["parallel", "aec"])
def test_semantics(form, name):
    def make(scenario, players):
        if form == "parallel":
            return ualign_v0.parallel_env(scenario, players)
        return InTurn(ualign_v0.env(scenario, players))

    CHECKS[name](make)


def test_made_by_name():
    if not hasattr(pettingzoo, "make"):
        pytest.skip("PettingZoo before 1.27 has no registry")
    settings = {"scenario": "cycle", "players": 5, "rounds": 2}
    for name in ("ualign/alignment-v0", "ualign-v0"):
        parallel, aec = (pettingzoo.make(form, name, **settings) for form in ("parallel", "aec"))
        assert isinstance(parallel, pettingzoo.ParallelEnv)
        assert isinstance(aec, pettingzoo.AECEnv)
        for env in (parallel, aec):
            assert env.possible_agents == [f"player_{i}" for i in range(5)]
            assert str(env) == "ualign_v0"


def test_spaces():
    env = ualign_v0.parallel_env("impartial/responses:6/users:9/prompts:3")
    assert env.observation_space("player_1") == spaces.Box(0, 1, (3,), np.float32)
    assert env.action_space("player_1") == spaces.Discrete(6)
    assert env.action_space("player_0") is not env.action_space("player_1")
    env.reset(seed=0)
    assert env.state() in env.state_space


def test_players_see_features_of_the_prompt():
    scenario = Scenario(STRICT.populations, features=[[0.5, -2.0], [3.0, 0.0]])
    env = ualign_v0.parallel_env(scenario)
    assert env.observation_space("player_0") == spaces.Box(
        np.array([0, 0, 0, -2], np.float32), np.array([1, 1, 3, 1], np.float32)
    )
    for _ in range(20):
        for seen in env.reset()[0].values():
            assert seen.tolist() in ([1, 0, 0.5, -2], [0, 1, 3, 0])
            assert seen in env.observation_space("player_0")


def test_masks_say_which_responses_the_prompt_has(unequal_scenario):
    env = ualign_v0.parallel_env(unequal_scenario)
    seen = set()
    for _ in range(100):
        first = env.reset()[0]["player_0"]
        prompt = int(first["observation"].argmax())
        seen.add(prompt)
        assert first["action_mask"].tolist() == [[1, 1, 1], [1, 0, 0], [1, 1, 0]][prompt]
        assert first in env.observation_space("player_0")
    assert seen == {0, 1, 2}


def test_masks_on_request():
    for env in (ualign_v0.parallel_env("cycle", action_mask=True), ualign_versus_v0.parallel_env(action_mask=True)):
        seen, _ = env.reset(seed=0)
        for agent in env.agents:
            assert seen[agent]["action_mask"].all()
            assert seen[agent]["action_mask"].shape == (env.action_space(agent).n,)
            assert seen[agent] in env.observation_space(agent)
        parallel_api_test(env, num_cycles=20)


@pytest.mark.parametrize("make", [ualign_v0.parallel_env, lambda *a, **k: InTurn(ualign_v0.env(*a, **k))])
def test_expected_feedback_is_the_chance_of_being_picked(make):
    env = make(STRICT, 3, feedback="expected")
    shown = random_responses(200, 3)
    prompts, rewards = play(env, shown, seed=0)
    for prompt, slots, earned in zip(prompts, shown, rewards, strict=True):
        np.testing.assert_array_equal(earned, choice_shares(STRICT.populations[prompt], slots))


def test_rounds_are_games_of_their_own():
    env = ualign_v0.parallel_env(STRICT, 3, rounds=40)
    observations, _ = env.reset(seed=3)
    single = ualign_v0.parallel_env(STRICT, 3)
    for i, row in enumerate(random_responses(40, 3)):
        actions = dict(zip(env.possible_agents, row.tolist(), strict=True))
        expected, _ = single.reset(seed=3 if i == 0 else None)
        np.testing.assert_equal(observations, expected)
        observations, rewards, terminations, truncations, _ = env.step(actions)
        assert rewards == single.step(actions)[1]
        assert set(terminations.values()) == {i == 39}
        assert set(truncations.values()) == {False}
        assert env.agents == ([] if i == 39 else env.possible_agents)


def test_rounds_in_turn_are_those_at_once():
    env, other = ualign_v0.env(STRICT, 3, rounds=20), ualign_v0.parallel_env(STRICT, 3, rounds=20)
    env.reset(seed=1)
    seen, _ = other.reset(seed=1)
    expected = dict.fromkeys(env.possible_agents, 0.0)
    for row in random_responses(20, 3):
        for agent, action in zip(env.possible_agents, row.tolist(), strict=True):
            observation, reward, *_ = env.last()
            np.testing.assert_array_equal(observation, seen[agent])
            assert reward == expected[agent]
            env.step(action)
        seen, expected, *_ = other.step(dict(zip(env.possible_agents, row.tolist(), strict=True)))
        assert env.rewards == expected
    assert all(env.terminations.values())


def test_conversion_by_pettingzoo_gives_the_same_games():
    one, other = InTurn(ualign_v0.env(STRICT, 3)), InTurn(parallel_to_aec(ualign_v0.parallel_env(STRICT, 3)))
    for left, right in zip(play(one, random_responses(50, 3), 0), play(other, random_responses(50, 3), 0), strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("make", [ualign_v0.parallel_env, ualign_v0.env])
def test_copies_go_on_alike_once_seeded_and_differ_before(make):
    env = make(STRICT, 3)
    wrap = (lambda e: e) if make is ualign_v0.parallel_env else InTurn
    shown = random_responses(300, 3)
    env.reset()
    one, other = cloudpickle.loads(cloudpickle.dumps(env)), pickle.loads(pickle.dumps(env))
    assert (play(wrap(one), shown, None)[0] != play(wrap(other), shown, None)[0]).any()
    play(wrap(env), shown, 5)
    for duplicate in (copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
        original = copy.deepcopy(env)
        for left, right in zip(play(wrap(duplicate), shown, None), play(wrap(original), shown, None), strict=True):
            np.testing.assert_array_equal(left, right)


def test_rendering_tells_what_was_shown_and_picked_and_by_whom(capsys):
    users = Population.from_scores([[2, 1, 1]], responses=["brief", "long", "odd"])
    scenario = Scenario([users], prompts=["Why?"])
    env = ualign_v0.parallel_env(scenario, players=2, render_mode="human")
    env.reset(seed=0)
    env.step({"player_0": 1, "player_1": 0})
    assert capsys.readouterr().out == (
        "Why?\n  player_0  long\n  player_1  brief  picked\n  by a user with brief > long = odd (100.0% of users)\n"
    )
    aec = ualign_v0.env(scenario, players=2, feedback="expected", render_mode="ansi")
    aec.reset()
    assert aec.render() == "Why?"
    aec.step(1)
    aec.step(2)
    assert aec.render() == (
        "Why?\n  player_0  long  picked with probability 0.5000\n  player_1  odd   picked with probability 0.5000"
    )
    assert capsys.readouterr().out == ""


def test_rendering_lists_no_more_than_the_users_first_ten_responses():
    env = ualign_v0.parallel_env("impartial/responses:30/users:9", render_mode="ansi")
    env.reset(seed=0)
    env.step(dict.fromkeys(env.agents, 0))
    assert str(env.render()).splitlines()[-1].count(">") == 10


def test_rendering_without_a_mode_warns():
    env = ualign_v0.parallel_env()
    env.reset()
    with pytest.warns(UserWarning, match="nothing is rendered without a render mode"):
        env.render()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"players": 1}, "players is 1, but must be an integer of at least 2"),
        ({"players": 2.0}, "players is 2.0"),
        ({"feedback": "picks"}, "unknown feedback 'picks'; did you mean 'pick'"),
        ({"feedback": None}, "unknown feedback 'None'"),
        ({"rounds": 0}, "rounds is 0, but must be an integer from 1"),
        ({"render_mode": "depth"}, "unknown render mode 'depth'; known: ansi, human, rgb_array"),
        ({"scenario": "german-goal"}, "did you mean 'german-goals'"),
    ],
)
@pytest.mark.parametrize("make", [ualign_v0.parallel_env, ualign_v0.env])
def test_wrong_settings(make, settings, message):
    with pytest.raises(ValueError, match=message):
        make(**settings)


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ({"player_0": 0, "player_1": 4}, "player_1: response 4 to 'prompt 0', but it has 4 responses, from 0 to 3"),
        ({"player_0": -1, "player_1": 0}, "player_0: response -1"),
        ({"player_0": 1.0, "player_1": 0}, "player_0: the action is 1.0, but must be an integer"),
        ({"player_0": None, "player_1": 0}, "player_0: the action is None"),
        ({"player_0": True, "player_1": 0}, "player_0: the action is True"),
        ({"player_0": np.array([0, 1]), "player_1": 0}, "player_0: the action is array"),
        ({"player_0": 0}, r"missing \['player_1'\], extra \[\]"),
        ({"player_0": 0, "player_1": 0, "player_2": 0}, r"missing \[\], extra \['player_2'\]"),
        ({"player_0": 0, "player_7": 0}, r"missing \['player_1'\], extra \['player_7'\]"),
    ],
)
def test_wrong_actions_at_once(actions, message):
    env = ualign_v0.parallel_env(players=2)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=message):
        env.step(actions)
    # nothing is lost: the game goes on
    assert sum(env.step({"player_0": np.int32(0), "player_1": np.array(3)})[1].values()) == 1


@pytest.mark.parametrize("action", [4, -1, 1.5, None, "0"])
def test_wrong_actions_in_turn(action):
    env = ualign_v0.env(players=2)
    env.reset(seed=0)
    env.step(0)
    with pytest.raises(ValueError, match="player_1: "):
        env.step(action)
    env.step(1)
    assert sum(env.rewards.values()) == 1
    with pytest.raises(ValueError, match="only valid action is None"):
        env.step(0)


def test_masked_actions_are_no_responses(unequal_scenario):
    env = ualign_v0.parallel_env(unequal_scenario, players=2, rounds=50)
    env.reset(seed=0)
    while env.agents and env.state()[1] == 0:
        env.step({"player_0": 0, "player_1": 0})
    with pytest.raises(ValueError, match="player_1: response 1 to 'prompt 1', but it has 1 response, from 0 to 0"):
        env.step({"player_0": 0, "player_1": 1})


@pytest.mark.parametrize("make", [ualign_v0.parallel_env, ualign_v0.env])
def test_out_of_order(make):
    env = make(players=2)
    wrapped = env if make is ualign_v0.parallel_env else InTurn(env)
    action = {"player_0": 0, "player_1": 0} if make is ualign_v0.parallel_env else 0
    with pytest.raises(ValueError, match=r"over or has not begun: call reset\(\) first"):
        env.step(action)
    if make is ualign_v0.env:
        with pytest.raises(ValueError, match="over or has not begun"):
            env.last()
    for use in (env.render, env.state):
        with pytest.raises(ValueError, match="has not been reset"):
            use()
    wrapped.reset()
    wrapped.step({"player_0": 0, "player_1": 0})
    with pytest.raises(ValueError, match="over or has not begun"):
        env.step(action)
    for use in (env.observation_space, env.action_space):
        with pytest.raises(ValueError, match="unknown agent 'player_2'; did you mean"):
            use("player_2")
    for seed in (-1, 1.5, "0"):
        with pytest.raises(ValueError, match="seed is"):
            env.reset(seed=seed)
        assert env.agents == []
    if make is ualign_v0.parallel_env:
        env.reset(seed=np.int64(3))
        for actions in (None, [0, 0]):
            with pytest.raises(ValueError, match="must be a dictionary from agents to responses"):
                env.step(actions)


def test_ten_thousand_responses_side_by_side():
    env = ualign_v0.parallel_env(load_scenario("cycle"), players=10_001)
    env.reset(seed=0)
    assert sum(env.step(dict.fromkeys(env.agents, 1))[1].values()) == 1


VERSUS = [{}, {"k": 3, "l": 2, "rounds": 3}, {"k": 1, "l": 3, "scenario": "cycle/prompts:3", "feedback": "expected"}]


@pytest.mark.parametrize("settings", VERSUS, ids=str)
def test_faramas_checks_of_versus(settings):
    api_test(ualign_versus_v0.env(**settings), num_cycles=50)
    parallel_api_test(ualign_versus_v0.parallel_env(**settings), num_cycles=50)
    seed_test(lambda: ualign_versus_v0.env(**settings), num_cycles=50)
    parallel_seed_test(lambda: ualign_versus_v0.parallel_env(**settings), num_cycles=50)


@pytest.mark.parametrize("feedback", ["pick", "expected"])
def test_versus_is_the_game_of_all_slots(feedback):
    k, l = 2, 3
    parallel = ualign_versus_v0.parallel_env(STRICT, k, l, feedback)
    turns = InTurn(ualign_versus_v0.env(STRICT, k, l, feedback))
    symmetric = BatchedGame(STRICT, k + l, feedback=feedback)
    mine, theirs = multisets(4, k), multisets(4, l)
    rng = np.random.default_rng(0)
    for i in range(300):
        seed = 9 if i == 0 else None
        a, b = int(rng.integers(len(mine))), int(rng.integers(len(theirs)))
        seen, _ = parallel.reset(seed=seed)
        prompt = symmetric.reset(seed).item()
        turns.reset(seed=seed)
        assert seen["model_0"].argmax() == prompt
        slots = symmetric.step([[*mine[a], *theirs[b]]])[0]
        actions = {"model_0": a, "opponent_0": b}
        rewards = parallel.step(actions)[1]
        assert rewards == turns.step(actions)[1]
        assert rewards["model_0"] + rewards["opponent_0"] == 1
        np.testing.assert_allclose(list(rewards.values()), [slots[:k].sum(), slots[k:].sum()], rtol=0, atol=1e-15)


def test_versus_win_rates_are_exact():
    games = 20_000
    env = ualign_versus_v0.parallel_env(TIED, 2, 2)
    mine, theirs = [0, 3], [1, 1]
    actions = {
        "model_0": multisets(4, 2).tolist().index(mine),
        "opponent_0": multisets(4, 2).tolist().index(theirs),
    }
    won = 0.0
    for i in range(games):
        env.reset(seed=0 if i == 0 else None)
        won += env.step(actions)[1]["model_0"]
    expected = choice_shares(TIED.populations[0], mine + theirs)[:2].sum()
    assert abs(won / games - expected) < hoeffding(games, comparisons=1)


def test_versus_masks_and_names(unequal_scenario):
    env = ualign_versus_v0.parallel_env(unequal_scenario, 2, 1, render_mode="ansi")
    assert env.action_space("model_0") == spaces.Discrete(6)
    assert env.action_space("opponent_0") == spaces.Discrete(3)
    for _ in range(30):
        seen, _ = env.reset()
        prompt = int(seen["model_0"]["observation"].argmax())
        assert seen["model_0"] in env.observation_space("model_0")
        assert seen["model_0"]["action_mask"].sum() == [6, 1, 3][prompt]
        assert seen["opponent_0"]["action_mask"].sum() == [3, 1, 2][prompt]
        if prompt == 1:
            with pytest.raises(ValueError, match="model_0: action 1 at 'prompt 1', but it has 1 multisets of 2"):
                env.step({"model_0": 1, "opponent_0": 0})
        env.step({"model_0": 0, "opponent_0": 0})
    lines = str(env.render()).splitlines()
    assert lines[1].startswith("  model_0     0 + 0")
    parallel_api_test(ualign_versus_v0.parallel_env(unequal_scenario, 2, 2, rounds=20), num_cycles=50)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k": 0}, "k is 0, but must be an integer of at least 1"),
        ({"l": 0}, "l is 0"),
        ({"k": 10_000, "l": 2}, r"k \+ l is 10,002, but at most 10,001 responses can be shown"),
        ({"k": 60}, r"model_0 would have 7\.39e9 multisets of 60 responses as actions"),
    ],
)
def test_wrong_settings_of_versus(settings, message):
    with pytest.raises(ValueError, match=message):
        ualign_versus_v0.env("impartial/responses:9", **settings)


def test_versus_is_made_by_name():
    if not hasattr(pettingzoo, "make"):
        pytest.skip("PettingZoo before 1.27 has no registry")
    for name in ("ualign/versus-v0", "ualign-versus-v0"):
        assert pettingzoo.make("parallel", name, k=3).possible_agents == ["model_0", "opponent_0"]
        assert str(pettingzoo.make("aec", name)) == "ualign_versus_v0"
