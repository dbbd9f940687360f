"""PPO in one file, in the style of CleanRL: self-play on many games at a time, nothing between you and the update.

A sub-environment is one player's seat in a game; all seats share the network, so that it plays the symmetric game with
itself. Episodes have one step, hence no returns, no bootstrapping and no GAE: the reward is the return.

Run: pip install '.[torch]' && python examples/cleanrl_ppo.py
"""

from typing import Any

import gymnasium as gym
import torch
from torch import nn
from torch.distributions import Categorical

import ualign_env as ua

SCENARIO, K, GAMES, UPDATES = "mallows/responses:6/phi:0.6/users:50/prompts:4", 3, 1024, 300
EPOCHS, CLIP, VALUE, ENTROPY, RATE = 4, 0.2, 0.5, 0.01, 1e-2

torch.manual_seed(0)
torch.set_num_threads(1)
games: Any = gym.make_vec("ualign_env:ualign/Seats-v0", num_envs=GAMES * (K + 1), scenario=SCENARIO, players=K + 1)


class Agent(nn.Module):
    """A policy and a critic, each linear in what is seen of a prompt."""

    def __init__(self, seen: int, responses: int) -> None:
        super().__init__()
        self.actor = nn.Linear(seen, responses)  # where `score` looks for logits
        self.critic = nn.Linear(seen, 1)


agent = Agent(games.single_observation_space.shape[0], games.single_action_space.n)
optimizer = torch.optim.Adam(agent.parameters(), RATE)

seen, _ = games.reset(seed=0)
for update in range(UPDATES):
    optimizer.param_groups[0]["lr"] = RATE * (1 - update / UPDATES)
    observations = torch.as_tensor(seen)
    with torch.no_grad():
        played = Categorical(logits=agent.actor(observations))
        actions = played.sample()
        before = played.log_prob(actions)
    seen, rewards, _, _, _ = games.step(actions.numpy())
    returns = torch.as_tensor(rewards, dtype=torch.float32)
    for _ in range(EPOCHS):
        policy, values = Categorical(logits=agent.actor(observations)), agent.critic(observations)[:, 0]
        advantages = returns - values.detach()
        ratio = (policy.log_prob(actions) - before).exp()
        gain = torch.min(ratio * advantages, ratio.clamp(1 - CLIP, 1 + CLIP) * advantages).mean()
        loss = -gain + VALUE * (values - returns).square().mean() - ENTROPY * policy.entropy().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if (update + 1) % 100 == 0:
        print(f"{GAMES * (update + 1):,} games:", ua.score(SCENARIO, agent, K).summary())
