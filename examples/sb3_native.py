"""Self-play by PPO of Stable-Baselines3 on 256 games at a time, each step a new game.

Run: pip install '.[sb3]' && python examples/sb3_native.py
"""

import gymnasium as gym
import torch
from stable_baselines3 import PPO

import ualign_env as ua

torch.set_num_threads(1)  # the network is small

SCENARIO, K, GAMES = "german-goals", 2, 256

# a sub-environment is one player's seat in a game, and all players share the policy
games = gym.make_vec("ualign_env:ualign/Seats-v0", num_envs=GAMES * (K + 1), scenario=SCENARIO, players=K + 1)

model = PPO(
    "MlpPolicy",
    ua.SB3VecEnv(games),
    learning_rate=3e-3,
    n_steps=8,
    batch_size=GAMES * (K + 1) * 2,
    n_epochs=4,
    gamma=0.0,  # games are independent: the future says nothing about a response
    gae_lambda=0.0,
    ent_coef=0.01,
    policy_kwargs={"net_arch": []},
    seed=0,
    device="cpu",
)
model.learn(400_000)

# how much could one player gain against the learned policy? the best response earns 1/(k + 1) + exploitability
exploiters = gym.make_vec("ualign/Exploiter-v0", num_envs=100_000, scenario=SCENARIO, k=K, policy=model)
exploiters.reset(seed=0)
earned = [exploiters.step([response] * 100_000)[1].mean() for response in range(4)]
print("exploiters earn", ", ".join(f"{mean:.3f}" for mean in earned), f"where 1/(k + 1) is {1 / (K + 1):.3f}")
print(ua.score(SCENARIO, model, K))  # of the stochastic policy: its most likely response would be no equilibrium
