"""Self-play by PPO of Tianshou: a learner against its own last responses, in many sub-environments.

Run: pip install '.[torch]' tianshou && python examples/tianshou_self_play.py
"""

from typing import Any

import gymnasium as gym
import torch
from tianshou.algorithm.modelfree.ppo import PPO
from tianshou.algorithm.modelfree.reinforce import ProbabilisticActorPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv
from tianshou.trainer import OnPolicyTrainerParams
from tianshou.utils.net.common import Net
from tianshou.utils.net.discrete import DiscreteActor, DiscreteCritic
from torch.distributions import Categorical

import ualign_env as ua

SCENARIO, K, ENVIRONMENTS, GAMES = "german-goals", 2, 16, 48_000


def make() -> gym.Env:
    """Makes one environment, in which the other players show what the learner showed last."""
    return gym.make("ualign_env:ualign/SelfPlay-v0", scenario=SCENARIO, players=K + 1)


torch.manual_seed(0)
torch.set_num_threads(1)
one: Any = make()
games = DummyVectorEnv([make] * ENVIRONMENTS)
games.seed(0)
width, responses = one.observation_space.shape[0], one.action_space.n
actor = DiscreteActor(
    preprocess_net=Net(state_shape=width, hidden_sizes=[16]), action_shape=responses, softmax_output=False
)
critic = DiscreteCritic(preprocess_net=Net(state_shape=width, hidden_sizes=[16]))
algorithm = PPO(
    policy=ProbabilisticActorPolicy(
        actor=actor,
        dist_fn=lambda logits: Categorical(logits=logits),
        action_space=one.action_space,
        action_scaling=False,
    ),
    critic=critic,
    optim=AdamOptimizerFactory(lr=3e-3),
    gamma=0.0,  # games are independent: the future says nothing about a response
    gae_lambda=0.0,
    ent_coef=0.01,
)
algorithm.run_training(
    OnPolicyTrainerParams(
        training_collector=Collector(algorithm, games, VectorReplayBuffer(4096, ENVIRONMENTS)),
        max_epochs=1,
        epoch_num_steps=GAMES,
        collection_step_num_env_steps=2048,
        batch_size=1024,
        update_step_num_repetitions=4,
        verbose=False,
        show_progress=False,
    )
)
print(ua.score(SCENARIO, algorithm.policy, K).summary())
