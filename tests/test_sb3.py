"""Stable-Baselines3: its policies as arrays, the native batch as its vector environment, and self-play that works."""

import subprocess
import sys
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from ualign_env import Population, Scenario, exploitability, greedy, load_scenario, score, tabulate, ualign_v0
from ualign_env.testing.environments import STRICT

torch = pytest.importorskip("torch")
pytest.importorskip("stable_baselines3")
pytest.importorskip("sb3_contrib")
supersuit = pytest.importorskip("supersuit")

from sb3_contrib import MaskablePPO  # noqa: E402
from stable_baselines3 import A2C, DQN, PPO  # noqa: E402
from stable_baselines3.common.env_util import make_vec_env  # noqa: E402
from stable_baselines3.common.utils import set_random_seed  # noqa: E402
from stable_baselines3.common.vec_env import VecNormalize  # noqa: E402

from ualign_env import SB3VecEnv  # noqa: E402

LEARNING = {
    "learning_rate": 3e-3,
    "n_epochs": 4,
    "gamma": 0.0,
    "gae_lambda": 0.0,
    "ent_coef": 0.01,
    "policy_kwargs": {"net_arch": []},
    "device": "cpu",
}


def seats(scenario, k, games=256):
    """Returns the native batch of self-play."""
    settings = {"scenario": scenario, "players": k + 1}
    return SB3VecEnv(gym.make_vec("ualign_env:ualign/Seats-v0", num_envs=games * (k + 1), **settings))


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("k", [1, 3])
def test_ppo_finds_consensus(k, seed):
    scenario = Scenario([Population.from_rankings([[2, 0, 3, 1]])])
    env = seats(scenario, k)
    model = PPO("MlpPolicy", env, n_steps=8, batch_size=2 * env.num_envs, seed=seed, **LEARNING)
    model.learn(160 * 8 * env.num_envs)
    assert exploitability(scenario, model, k) < 0.005


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("k", [2, 3])
def test_ppo_learns_german_goals(k, seed):
    env = seats("german-goals", k)
    model = PPO("MlpPolicy", env, n_steps=8, batch_size=2 * env.num_envs, seed=seed, **LEARNING)
    model.learn(40 * 8 * env.num_envs)
    assert exploitability("german-goals", model, k) < 0.05


def test_ppo_learns_german_goals_through_supersuit():
    game = ualign_v0.parallel_env("german-goals", players=3, rounds=128)
    env = supersuit.concat_vec_envs_v1(supersuit.pettingzoo_env_to_vec_env_v1(game), 8, base_class="stable_baselines3")
    set_random_seed(0)
    getattr(env, "venv").reset(seed=0)  # noqa: B009
    model = PPO("MlpPolicy", env, n_steps=128, batch_size=768, **LEARNING)
    model.learn(100_000)
    assert exploitability("german-goals", model, 2) < 0.05


def test_single_agent_ppo_learns_by_playing_its_own_past():
    env = gym.make("ualign/SelfPlay-v0", scenario="german-goals", players=3)
    model = PPO("MlpPolicy", env, n_steps=1024, batch_size=256, seed=0, **LEARNING)
    model.learn(20_000)
    assert exploitability("german-goals", model, 2) < 0.05


def test_exploiters_find_the_best_response():
    envs: Any = gym.make_vec("ualign/Exploiter-v0", num_envs=256, scenario="german-goals", k=3, policy="nlhf")
    model = PPO("MlpPolicy", SB3VecEnv(envs), n_steps=8, batch_size=512, seed=0, **LEARNING)
    model.learn(40 * 8 * 256)
    payoffs = envs.unwrapped.game.payoffs[0]
    assert tabulate(load_scenario("german-goals"), model, 3).average()[0].argmax() == payoffs.argmax()


def test_masked_ppo_learns_prompts_of_different_sizes(unequal_scenario):
    env = seats(unequal_scenario, 2)
    model = MaskablePPO("MlpPolicy", env, n_steps=8, batch_size=2 * env.num_envs, seed=0, **LEARNING)
    model.learn(40 * 8 * env.num_envs)
    assert exploitability(unequal_scenario, model, 2) < 0.05


def test_unmasked_ppo_is_stopped_at_prompts_of_different_sizes(unequal_scenario):
    env = seats(unequal_scenario, 2, games=16)
    with pytest.raises(ValueError, match="but it has"):
        PPO("MlpPolicy", env, n_steps=8, batch_size=48, device="cpu").learn(1000)


@pytest.mark.parametrize("algorithm", [PPO, A2C])
def test_the_stochastic_policy_is_read(algorithm):
    model = algorithm("MlpPolicy", gym.make("ualign/SelfPlay-v0", scenario=STRICT), seed=0, device="cpu")
    with torch.no_grad():  # far from uniform, and different on both prompts
        model.policy.action_net.weight.mul_(200)
    table = tabulate(STRICT, model, 2).average()
    assert np.abs(table - 0.25).max() > 0.1
    assert np.abs(table[0] - table[1]).max() > 0.1
    for prompt in (0, 1):
        seen = np.repeat(STRICT.observations[[prompt]], 20_000, axis=0)
        drawn, _ = model.predict(seen, deterministic=False)
        np.testing.assert_allclose(np.bincount(drawn, minlength=4) / 20_000, table[prompt], atol=0.02)
    np.testing.assert_array_equal(tabulate(STRICT, model.policy, 2).average(), table)
    assert score(STRICT, model, 2).nash_conv is not None


def test_observations_with_masks_are_read(unequal_scenario):
    game = ualign_v0.parallel_env(unequal_scenario, rounds=16)
    env = supersuit.concat_vec_envs_v1(supersuit.pettingzoo_env_to_vec_env_v1(game), 1, base_class="stable_baselines3")
    model = MaskablePPO("MultiInputPolicy", env, device="cpu")
    table = tabulate(unequal_scenario, model, 2).average()
    assert ((table > 0) == unequal_scenario.legal).all()


def test_models_that_have_no_such_policy():
    env = gym.make("ualign/SelfPlay-v0", scenario=STRICT)
    with pytest.raises(ValueError, match="has no distribution of responses given the observation alone"):
        tabulate(STRICT, DQN("MlpPolicy", env, device="cpu", buffer_size=10), 2)
    model = PPO("MlpPolicy", env, device="cpu")
    with pytest.raises(ValueError, match=r"the model's actions are Discrete\(4\), but the scenario has 3 responses"):
        tabulate(load_scenario("cycle/prompts:2"), model, 2)
    with pytest.raises(ValueError, match=r"the model observes Box.*, but the scenario shows Box\(0.0, 1.0, \(3,\)"):
        tabulate(load_scenario("impartial/responses:4/prompts:3"), model, 2)


@pytest.mark.parametrize("scenario", [STRICT, load_scenario("impartial/responses:3/prompts:2")])
def test_dqn_is_scored_by_what_it_deems_best(scenario):
    env = gym.make("ualign/SelfPlay-v0", scenario=scenario)
    model = DQN("MlpPolicy", env, device="cpu", buffer_size=100, learning_starts=10)
    model.learn(64)
    modes = [int(model.predict(seen, deterministic=True)[0]) for seen in scenario.observations]
    expected = np.eye(scenario.n_responses)[modes]
    for policy in (model, model.policy, lambda seen: expected[int(seen.argmax())]):
        np.testing.assert_array_equal(tabulate(scenario, greedy(policy), 2).average(), expected)
    assert score(scenario, greedy(model), 2) == score(scenario, expected, 2)
    with pytest.raises(ValueError, match=r"greedy\(model\) is what it does without drawing"):
        score(scenario, model, 2)


def test_greedy_of_policies_that_draw(unequal_scenario):
    env = gym.make_vec("ualign/Seats-v0", num_envs=3, scenario=unequal_scenario)
    model = MaskablePPO("MlpPolicy", SB3VecEnv(env), device="cpu", n_steps=8, batch_size=8)
    modes = tabulate(unequal_scenario, model, 2).average().argmax(axis=1)
    np.testing.assert_array_equal(tabulate(unequal_scenario, greedy(model), 2).average(), np.eye(3)[modes])


def test_made_by_name():
    PPO("MlpPolicy", "ualign/SelfPlay-v0", n_steps=64, device="cpu").learn(64)
    make_vec_env("ualign/Exploiter-v0", 4).reset()


def test_observations_of_other_spaces():
    cart_pole = PPO("MlpPolicy", "CartPole-v1", device="cpu")
    with pytest.raises(ValueError, match="the model observes"):
        tabulate(load_scenario("impartial/responses:2/users:9/prompts:4"), cart_pole, 2)


def test_the_native_batch_as_a_vecenv(unequal_scenario):
    env = seats(unequal_scenario, 1, games=2)
    env.seed(3)
    first = env.reset()
    seen, rewards, dones, infos = env.step(np.zeros(4, int))
    assert (rewards.sum(), dones.all(), infos) == (2, True, [{}] * 4)
    env.seed(3)
    np.testing.assert_array_equal(env.reset(), first)
    np.testing.assert_array_equal(env.step(np.zeros(4, int))[0], seen)
    masks = env.env_method("action_masks", indices=[1, 3])
    own: Any = env.envs
    np.testing.assert_array_equal(masks, own.action_masks()[[1, 3]])
    assert env.get_attr("num_envs", 0) == [4]
    wrapped = SB3VecEnv(gym.wrappers.vector.RecordEpisodeStatistics(own))
    assert len(wrapped.env_method("action_masks")) == 4
    assert env.env_is_wrapped(gym.Wrapper) == [False] * 4
    env.set_attr("note", 1)
    assert env.get_attr("note") == [1] * 4
    with pytest.raises(ValueError, match="share their attributes"):
        env.set_attr("note", 2, indices=[0])
    env.close()


def test_other_vector_environments():
    envs = gym.make_vec("CartPole-v1", num_envs=2, vectorization_mode="sync")
    with pytest.raises(ValueError, match=r"CartPole-v1.* is no vector environment of ualign/Seats-v0"):
        SB3VecEnv(envs)


def test_normalised_observations_are_shown_as_they_were_while_learning():
    env = VecNormalize(seats(STRICT, 2, games=16))
    model = PPO("MlpPolicy", env, n_steps=8, batch_size=96, seed=0, device="cpu")
    model.learn(5_000)
    with torch.no_grad():
        seen = torch.as_tensor(env.normalize_obs(STRICT.observations.copy()))
        distribution: Any = model.policy.get_distribution(seen)
        expected = distribution.distribution.probs
    np.testing.assert_allclose(tabulate(STRICT, model, 2).average(), expected, rtol=1e-5)
    assert not np.allclose(tabulate(STRICT, model.policy, 2).average(), expected, rtol=1e-3)


def test_policies_are_read_alike_whatever_was_read_before():
    code = (
        "import gymnasium as gym, numpy as np, torch, ualign_env as ua\n"
        "from stable_baselines3 import PPO\n"
        "model = PPO('MlpPolicy', gym.make('ualign/SelfPlay-v0'), device='cpu')\n"
        "scenario = ua.load_scenario('german-goals')\n"
        "ua.tabulate(scenario, torch.nn.Linear(2, 4), 2)\n"
        "tables = [ua.tabulate(scenario, x, 2).average() for x in (model.policy, model)]\n"
        "np.testing.assert_array_equal(*tables)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
