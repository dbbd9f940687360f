"""Fine-tunes a tiny language model on what users pick among its own answers: no rewards, no reinforcement learning.

It says k + 1 answers to a prompt, a user picks one, and the model is trained to say that. In expectation this is the
gradient of self-play in the (k+1)-player game, and needs no more than picks, but it is noisy: it has no baseline, and
one answer of k + 1 has a say. Beside it stand the same picks with the average 1 / (k + 1) taken off, which unlearns
what was not picked, and rewards for all answers of a group, as GRPO has them (trl_grpo.py); all else is the same.

Run: pip install '.[llm]' && python examples/picked_finetuning.py
"""

import time
from typing import Any

import numpy as np
import torch

import ualign_env as ua
from ualign_agents.language import Language

SCENARIO, K, TABLES = "mallows/responses:9/phi:0.3;0.8/prompts:6", 4, 4  # tables of k + 1 answers a prompt and step
scenario = ua.load_scenario(SCENARIO)
language, prompts = Language(scenario, length=2), scenario.n_prompts
judged = [np.asarray(who.scores()) for who in scenario.populations]  # [U, N], for rewards alone


def picked(shown: np.ndarray, users: Any) -> np.ndarray:
    """Returns `[P, G]` a one for each answer that a user picks at its table of k + 1, of G answers to each prompt."""
    picks = users.pick(shown.reshape(-1, K + 1), np.repeat(np.arange(prompts), TABLES))
    return np.eye(K + 1)[picks].reshape(shown.shape)


def centred(shown: np.ndarray, users: Any) -> np.ndarray:
    """Returns the same, less the average."""
    return picked(shown, users) - 1 / (K + 1)


def rewarded(shown: np.ndarray, _: Any) -> np.ndarray:
    """Returns `[P, G]` how likely each answer is picked among itself and k others of its group, above the average."""
    groups = zip(judged, scenario.populations, shown, strict=True)
    return np.array([ua.group_rewards(one[:, said], K, who.weights) for one, who, said in groups]) - 1 / (K + 1)


def train(weigh, samples: int) -> tuple[float, float]:
    """Returns the robust win rate of a model trained on so many of its answers, and the seconds it took."""
    model, users, started = language.model(seed=0), ua.Task(scenario, K, seed=0).users(), time.perf_counter()
    steps = samples // (prompts * TABLES * (K + 1))
    optimiser = torch.optim.Adam((one for one in model.parameters() if one.requires_grad), lr=3e-3)
    falling = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / steps)
    for step in range(steps):
        logits = language.log_chances(model)  # of all answers: with a model this small they need not be sampled
        chances = logits.exp()
        shown = chances.detach().multinomial(TABLES * (K + 1), replacement=True)
        weights = torch.as_tensor(weigh(shown.numpy(), users), dtype=torch.float32)
        bonus = 0.1 * 0.03 ** max(0.0, (step / steps - 0.3) / 0.7)
        loss = -(weights * logits.gather(1, shown)).mean() + bonus * (chances * logits).sum(1).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        falling.step()
    return ua.robust_win_rate(SCENARIO, language.policy(model), K), time.perf_counter() - started


torch.set_num_threads(1)
print(f"robust win rate of {K / (K + 1)} at k = {K}; NLHF has {ua.score(SCENARIO, 'nlhf', K).robust_win_rate:.4f}")
print(f"{'answers':>8}{'fine-tuned on picks':>22}{'less the average':>20}{'rewards':>20}")
for samples in (45_000, 300_000):
    found = (train(weigh, samples) for weigh in (picked, centred, rewarded))
    cells = [f"{rate:.4f} in {seconds:4.1f} s" for rate, seconds in found]
    print(f"{samples:>8,}{cells[0]:>22}{cells[1]:>20}{cells[2]:>20}")
