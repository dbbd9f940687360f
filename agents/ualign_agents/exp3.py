"""Exp3-IX in self-play."""

from collections.abc import Iterator

import numpy as np

import ualign_env as ua
from ualign_agents.arrays import sample, softmax, tally, uniform_logits

_SHARE = 100  # plays between two updates, as a share of those before: one in so many


@ua.agent(information="picks")
def exp3(task: ua.Task) -> Iterator[ua.SharedPolicy]:
    """Exp3-IX self-play on what users pick, the average of the iterates, weighted by plays.

    Every player is a bandit who sees her own reward; k + 1 of them share the table. Rewards are centred at 1 / (k + 1),
    what they are on average, which makes estimates less noisy than losses between 0 and 1, of which Neu's bound is:
    in trials the exploitability of the average was below sqrt(2 N ln N / ((k + 1) T)) after T plays.

    Source: Neu, "Explore no more: improved high-probability regret bounds for non-stochastic bandits", 2015.
    """
    total = 0.0
    for policy, games in _iterates(task):
        total = total + games * policy
        yield ua.SharedPolicy(total / total.sum(axis=1, keepdims=True))


def _iterates(task: ua.Task) -> Iterator[tuple[np.ndarray, int]]:
    """Yields policies, and how many games were played with each."""
    users, rng, players = task.users(), task.rng(), task.players
    earned = np.zeros(task.scenario.legal.shape)
    played = np.zeros((len(earned), 1))
    sizes = task.scenario.legal.sum(axis=1, keepdims=True)
    chances = task.scenario.probabilities
    while True:
        rate = np.sqrt(2 * players * np.log(np.maximum(sizes, 2)) / (sizes * np.maximum(played, 1)))
        policy = softmax(uniform_logits(task) + rate * earned)
        games = min(max(1, int(played.sum()) // _SHARE), max(1, users.plays_left))
        prompts = rng.choice(len(chances), size=games, p=chances)
        actions = sample(policy, prompts, players, rng)
        winners = users.pick(actions, prompts)
        gains = np.full(actions.shape, -1 / players)
        gains[np.arange(games), winners] += 1
        earned += tally(prompts, actions, earned.shape, gains) / (players * (policy + rate / 2))
        played += np.bincount(prompts, minlength=len(played))[:, None]
        yield policy, games
