"""Self-play by PPO of TorchRL on the PettingZoo environment, all players sharing one policy.

Run: pip install '.[torchrl]' && python examples/torchrl_self_play.py
"""

import warnings

import numpy as np
import pettingzoo
import torch
from tensordict.nn import InteractionType, TensorDictModule
from torch.distributions import Categorical
from torchrl.envs import PettingZooWrapper
from torchrl.modules import MultiAgentMLP, ProbabilisticActor
from torchrl.objectives import ClipPPOLoss

import ualign_env as ua

SCENARIO, K, ROUNDS, EPISODES = "german-goals", 2, 256, 30

torch.manual_seed(0)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TorchRL is tested with an older version of PettingZoo
    game = pettingzoo.make("parallel", "ualign/alignment-v0", scenario=SCENARIO, players=K + 1, rounds=ROUNDS)
    environment = PettingZooWrapper(game, categorical_actions=True)
environment.set_seed(0)
users = ua.load_scenario(SCENARIO).populations[0]
width = environment.observation_spec["player", "observation"].shape[-1]


def network(n_outputs: int) -> MultiAgentMLP:
    """Returns a linear map that all players share."""
    return MultiAgentMLP(width, n_outputs, K + 1, centralized=False, share_params=True, depth=0)


logits = TensorDictModule(network(users.n_responses), [("player", "observation")], [("player", "logits")])
actor = ProbabilisticActor(
    logits,
    in_keys=[("player", "logits")],
    out_keys=[("player", "action")],
    distribution_class=Categorical,
    return_log_prob=True,
    default_interaction_type=InteractionType.RANDOM,  # otherwise TorchRL plays the most likely response
)
critic = TensorDictModule(network(1), [("player", "observation")], [("player", "state_value")])
loss = ClipPPOLoss(actor, critic, entropy_coeff=0.01, critic_coeff=0.5, loss_critic_type="l2")
loss.set_keys(
    action=("player", "action"),
    value=("player", "state_value"),
    sample_log_prob=("player", "action_log_prob"),
    reward=("player", "reward"),
    done=("player", "done"),
    terminated=("player", "terminated"),
)
optimizer = torch.optim.Adam(loss.parameters(), lr=0.02)


def policy(seen: np.ndarray) -> np.ndarray:
    """Returns the probabilities of all responses to a prompt, as any player's network gives them."""
    with torch.no_grad():
        return logits.module(torch.as_tensor(seen).expand(K + 1, -1))[0].softmax(-1).numpy()


for episode in range(1, EPISODES + 1):
    with torch.no_grad():
        data = environment.rollout(ROUNDS, actor)
        # games are independent: the reward alone says how good a response was
        data["value_target"] = data["next", "player", "reward"]
        data["advantage"] = data["value_target"] - critic(data)["player", "state_value"]
    for _ in range(4):
        terms = loss(data)
        total = terms["loss_objective"] + terms["loss_critic"] + terms["loss_entropy"]
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    if episode % 10 == 0:
        print(ua.score(SCENARIO, policy, K))
