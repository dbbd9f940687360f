"""Deep self-play: PPO of Stable-Baselines3, all players sharing one network."""

from collections.abc import Iterator

import gymnasium
import torch
from sb3_contrib import MaskablePPO
from stable_baselines3 import PPO

import ualign_env as ua

_GAMES = 256  # at a time
_LAYERS = [256, 256]  # of networks that see features; from numbers, weights alone make any policy
_ROUNDS = 8  # between two updates

# the first optimiser that is made imports much of torch: better now than while the clock runs
torch.optim.Adam([torch.zeros(1)])


@ua.agent(information="picks")
def ppo(task: ua.Task) -> Iterator[PPO | MaskablePPO]:
    """PPO self-play (Stable-Baselines3), the last iterate.

    Source: Schulman et al., "Proximal policy optimization algorithms", 2017.
    """
    players = task.players
    games = gymnasium.make_vec("ualign/Seats-v0", num_envs=_GAMES * players, scenario=task.scenario, players=players)
    algorithm = PPO if task.scenario.legal.all() else MaskablePPO
    model = algorithm(
        "MlpPolicy",
        ua.SB3VecEnv(games),
        learning_rate=3e-3,
        n_steps=_ROUNDS,
        batch_size=_GAMES * players * _ROUNDS // 4,
        n_epochs=4,
        gamma=0.0,  # games are independent
        gae_lambda=0.0,
        ent_coef=0.01,
        policy_kwargs={"net_arch": [] if task.scenario.observe == "number" else _LAYERS},
        seed=task.seed % 2**32,
        device="cpu",
    )
    threads = torch.get_num_threads()
    while True:
        torch.set_num_threads(1)  # the network is small
        try:
            model.learn(_GAMES * players * _ROUNDS, reset_num_timesteps=False)
        finally:
            torch.set_num_threads(threads)
        yield model
