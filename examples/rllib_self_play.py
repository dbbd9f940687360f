"""Self-play by PPO of RLlib on the PettingZoo environment, all players sharing one policy.

Run: pip install '.[torch]' 'ray[rllib]' && python examples/rllib_self_play.py
"""

import logging

import pettingzoo
import ray
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig
from ray.rllib.env.wrappers.pettingzoo_env import ParallelPettingZooEnv
from ray.tune.registry import register_env

import ualign_env as ua

SCENARIO, K, ROUNDS, ITERATIONS = "german-goals", 2, 64, 6


def make(_: dict) -> ParallelPettingZooEnv:
    """Makes the environment, an episode of which is many games."""
    return ParallelPettingZooEnv(
        pettingzoo.make("parallel", "ualign/alignment-v0", scenario=SCENARIO, players=K + 1, rounds=ROUNDS)
    )


logging.disable(logging.WARNING)  # RLlib warns of its own defaults
ray.init(num_cpus=1, logging_level=logging.ERROR, log_to_driver=False, include_dashboard=False)
register_env("alignment", make)
config = (
    PPOConfig()
    .environment("alignment")
    .framework("torch")
    .env_runners(num_env_runners=0)
    .multi_agent(policies={"shared"}, policy_mapping_fn=lambda *_, **__: "shared")
    .rl_module(model_config=DefaultModelConfig(fcnet_hiddens=[16]))
    .training(
        gamma=0.0,  # games are independent: the future says nothing about a response
        lambda_=0.0,
        lr=1e-2,
        entropy_coeff=0.01,
        train_batch_size_per_learner=512,
        minibatch_size=512,
        num_epochs=8,
    )
    .debugging(seed=0)
)
algorithm = config.build_algo()
for _ in range(ITERATIONS):
    algorithm.train()
print(ua.score(SCENARIO, algorithm.get_module("shared"), K).summary())
algorithm.stop()
ray.shutdown()
