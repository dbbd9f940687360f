"""Neural fictitious self-play by OpenSpiel."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from open_spiel.python.pytorch.nfsp import MODE, NFSP
from open_spiel.python.rl_agent_policy import JointRLAgentPolicy
from open_spiel.python.rl_environment import Environment

import ualign_env as ua

_EPISODES = 32  # a step

torch.optim.Adam([torch.zeros(1)])  # imports much of torch: better now than while the clock runs


@ua.agent(information="tree")
def nfsp(task: ua.Task) -> Iterator[ua.GamePolicy]:
    """NFSP (OpenSpiel, PyTorch), average policies, one for each player.

    Source: Heinrich & Silver, "Deep reinforcement learning from self-play in imperfect-information games", 2016.
    """
    game = task.game()
    environment = Environment(game)
    size = environment.observation_spec()["info_state"][0]
    actions: Any = environment.action_spec()["num_actions"]
    settings: dict[str, Any] = {"batch_size": 64, "min_buffer_size_to_learn": 64, "replay_buffer_capacity": 10_000}
    seeds = task.rng().integers(2**31, size=task.players + 1).tolist()
    learners = [NFSP(i, size, actions, [32], 10_000, 0.2, seed=seeds[i], **settings) for i in range(task.players)]
    torch.manual_seed(seeds[-1])  # once more: learners seed what all of them draw from
    np.random.seed(seeds[-1])  # noqa: NPY002
    policy = JointRLAgentPolicy(game, dict(enumerate(learners)), environment.use_observation)
    while True:
        for learner in learners:
            learner._mode = MODE.BEST_RESPONSE  # the mode of an episode is drawn as one begins
        for _ in range(_EPISODES):
            step = environment.reset()
            while not step.last():
                step = environment.step([learners[step.current_player()].step(step).action])
            for learner in learners:
                learner.step(step)
        for learner in learners:
            learner._mode = MODE.AVERAGE_POLICY
        yield ua.GamePolicy(game, policy)
