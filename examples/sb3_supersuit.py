"""Self-play by PPO of Stable-Baselines3: SuperSuit turns the PettingZoo environment into one that it can train on.

Run: pip install '.[sb3]' && python examples/sb3_supersuit.py
"""

import pettingzoo
import supersuit
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.utils import set_random_seed

import ualign_env as ua

torch.set_num_threads(1)  # the network is small

SCENARIO, K = "german-goals", 2

# rounds: one-shot games in an episode; a trainer wastes time where every step is a reset
game = pettingzoo.make("parallel", "ualign/alignment-v0", scenario=SCENARIO, players=K + 1, rounds=128)
seats = supersuit.pettingzoo_env_to_vec_env_v1(game)  # all players share one policy
environment = supersuit.concat_vec_envs_v1(seats, 16, base_class="stable_baselines3")
set_random_seed(0)  # PPO(seed=0) does not work: SuperSuit's environments have no seed()
environment.venv.reset(seed=0)  # pyright: ignore[reportAttributeAccessIssue]

model = PPO(
    "MlpPolicy",
    environment,
    learning_rate=3e-3,
    n_steps=128,
    batch_size=1536,
    n_epochs=4,
    gamma=0.0,  # games are independent: the future says nothing about a response
    gae_lambda=0.0,
    ent_coef=0.01,
    policy_kwargs={"net_arch": []},
    device="cpu",
)
model.learn(200_000)

goals = ua.load_scenario(SCENARIO).populations[0].responses
chances = ua.tabulate(ua.load_scenario(SCENARIO), model, K).average()[0]
print(", ".join(f"{goal}: {chance:.3f}" for goal, chance in zip(goals, chances, strict=True)))
print(ua.score(SCENARIO, model, K))  # of the stochastic policy: its most likely response would be no equilibrium
