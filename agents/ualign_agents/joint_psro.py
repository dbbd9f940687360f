"""Policy-space response oracles by OpenSpiel on the game of k responses against l."""

import io
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any

import numpy as np
from open_spiel.python.algorithms.psro_v2.best_response_oracle import BestResponseOracle
from open_spiel.python.algorithms.psro_v2.psro_v2 import PSROSolver

import ualign_env as ua


@ua.agent(information="tree", random=False, joint=True)
def joint_psro(task: ua.Task) -> Iterator[ua.JointPolicy]:
    """PSRO (OpenSpiel, Python), Nash meta-strategies, exact best responses and payoffs, k responses against l.

    Source: Lanctot et al., "A unified game-theoretic approach to multiagent reinforcement learning", 2017.
    """
    with redirect_stdout(io.StringIO()):  # the solver announces its settings
        solver = _ExactPSRO(task)
    yield solver.learned()
    while any(solver.added):
        solver.iteration()
        yield solver.learned()


class _ExactPSRO(PSROSolver):
    """PSRO whose empirical game is computed, not estimated from episodes."""

    def __init__(self, task: ua.Task) -> None:
        self._task = task
        self._joint: list[list[ua.JointPolicy]] = [[], []]
        self.added = [1, 1]
        super().__init__(
            ua.cached_game(task.versus_game(), max_states=200_000),
            BestResponseOracle(best_response_backend="py"),
            sims_per_entry=1,
            training_strategy_selector="probabilistic",  # of no consequence for exact best responses
            meta_strategy_method=_nash,  # pyright: ignore[reportArgumentType]
        )

    def learned(self) -> ua.JointPolicy:
        """Returns the model's policies, mixed by the meta-strategy."""
        weights = self._meta_strategy_probabilities[0]
        sets, chances = [], []
        for x in range(self._task.scenario.n_prompts):
            rows = np.vstack([policy.sets[x] for policy in self._joint[0]])
            shares = np.concatenate([w * p.chances[x] for w, p in zip(weights, self._joint[0], strict=True)])
            different, place = np.unique(rows, axis=0, return_inverse=True)
            sets.append(different)
            chances.append(np.bincount(place.reshape(-1), weights=shares))
        return ua.JointPolicy(tuple(sets), tuple(chances), self._task.scenario.n_responses)

    def update_empirical_gamestate(self, seed: int | None = None) -> list[np.ndarray]:  # noqa: ARG002
        """Returns `[2, S, S']`: both players' expected returns for every pair of policies; copies are left out."""
        for player in (0, 1):
            self.added[player] = 0
            for policy in self._new_policies[player]:
                joint = ua.joint_policy(self._task.scenario, ua.GamePolicy(self._game, policy), player)
                if not any(_equal(joint, known) for known in self._joint[player]):
                    self._joint[player].append(joint)
                    self._policies[player] = [*self._policies[player], policy]
                    self.added[player] += 1
        losses = np.array([[self._loss(mine, theirs) for theirs in self._joint[1]] for mine in self._joint[0]])
        self._meta_games = [1 - losses, losses]
        return self._meta_games

    def _loss(self, model: ua.JointPolicy, opponent: ua.JointPolicy) -> float:
        """Returns the chance that the opponent is picked."""
        scenario = self._task.scenario
        total = 0.0
        for x, users in enumerate(scenario.populations):
            chances = users.matrix(model.sets[x], opponent.sets[x])
            total += scenario.probabilities[x] * (model.chances[x] @ chances @ opponent.chances[x])
        return total


def _equal(one: ua.JointPolicy, other: ua.JointPolicy) -> bool:
    pairs = zip((*one.sets, *one.chances), (*other.sets, *other.chances), strict=True)
    return all(np.array_equal(left, right) for left, right in pairs)


def _nash(solver: Any, return_joint: bool = False) -> Any:
    """Returns both players' equilibrium strategies of the empirical game, in the form that the solver wants."""
    solved = ua.matrix_game(solver.get_meta_game()[1])
    strategies = [solved.row_strategy, solved.column_strategy]
    return (strategies, np.outer(*strategies)) if return_joint else strategies
