"""Policy-space response oracles by OpenSpiel."""

import io
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from open_spiel.python.algorithms.psro_v2.best_response_oracle import BestResponseOracle
from open_spiel.python.algorithms.psro_v2.psro_v2 import PSROSolver

import ualign_env as ua

# Of the projected replicator dynamics that solve the empirical game. Payoffs have mean 1 / (k + 1), so that this step
# times k + 1 means the same for every k.
_PRD_STEP = 0.5
_PRD_ITERATIONS = 500
_PRD_AVERAGED = 100
_MAX_PROFILES = 2_000_000  # of the empirical game


@ua.agent(information="tree", random=False)
def psro(task: ua.Task) -> Iterator[ua.SharedPolicy]:
    """PSRO (OpenSpiel, Python), symmetric, exact best responses and payoffs, projected replicator dynamics.

    Source: Lanctot et al., "A unified game-theoretic approach to multiagent reinforcement learning", 2017.
    """
    with redirect_stdout(io.StringIO()):  # the solver announces its settings
        solver = _ExactPSRO(task)
    yield solver.learned()
    while solver.can_grow():
        solver.iteration()
        yield solver.learned()


class _ExactPSRO(PSROSolver):
    """PSRO with one population of policies for all players and the exact empirical game.

    OpenSpiel's own symmetric empirical game is estimated from episodes, and with more than two players it adds up
    profiles with repeated policies too often or too seldom.
    """

    def __init__(self, task: ua.Task) -> None:
        self._task = task
        self._tables = WeakKeyDictionary[Any, np.ndarray]()
        self._against: dict[tuple[int, ...], np.ndarray] = {}
        super().__init__(
            # players share policies, which takes information states without the player in them; with them, or with
            # the oracle in C++, best responses to the other players' copies are wrong
            ua.cached_game(task.game(anonymous=True), max_states=200_000),
            BestResponseOracle(best_response_backend="py"),
            sims_per_entry=1,
            symmetric_game=True,
            sample_from_marginals=True,
            training_strategy_selector="top_k_probabilities",  # of no consequence for exact best responses
            meta_strategy_method="prd",
            prd_iterations=_PRD_ITERATIONS,
            prd_dt=_PRD_STEP * (task.k + 1),
            average_over_last_n_strategies=_PRD_AVERAGED,
        )

    def learned(self) -> ua.SharedPolicy:
        """Returns the population's policies, mixed by the meta-strategy."""
        tables = [self._table(policy) for policy in self._policies[0]]
        return ua.SharedPolicy(np.tensordot(self._meta_strategy_probabilities[0], tables, axes=1))

    def can_grow(self) -> bool:
        """Returns whether the last best response was new, and the empirical game is not too large for another."""
        return bool(self._new_policies[0]) and (len(self._policies[0]) + 1) ** (self._task.k + 1) <= _MAX_PROFILES

    def update_agents(self) -> None:
        """Adds a best response, unless the population has it: a copy would only blow up the empirical game."""
        super().update_agents()
        known = [self._table(policy) for policy in self._policies[0]]
        new = [p for p in self._new_policies[0] if not any(np.array_equal(self._table(p), table) for table in known)]
        self._new_policies = [new]

    def update_empirical_gamestate(self, seed: int | None = None) -> list[np.ndarray]:  # noqa: ARG002
        """Returns K arrays `[S, ..., S]`: each player's expected return for every profile of the S policies."""
        self._policies = [self._policies[0] + self._new_policies[0]]
        tables = np.array([self._table(policy) for policy in self._policies[0]])
        weighted = tables * self._task.scenario.probabilities[:, None]
        players = self._task.k + 1
        shape = (len(tables),) * players
        profiles = np.sort(np.indices(shape[1:]).reshape(players - 1, -1), axis=0)
        others, place = np.unique(profiles, axis=1, return_inverse=True)
        returns = np.array([(weighted * self._payoffs_against(tuple(c))).sum(axis=(1, 2)) for c in others.T.tolist()])
        first = returns[place].T.reshape(shape)
        self._meta_games = [np.moveaxis(first, 0, player) for player in range(players)]
        return self._meta_games

    def _payoffs_against(self, others: tuple[int, ...]) -> np.ndarray:
        """Returns `[P, N]`: what each response earns against k policies of the population."""
        if others not in self._against:
            profile = np.array([self._table(self._policies[0][i]) for i in others])
            self._against[others] = ua.deviation_payoffs(self._task.scenario, ua.Outputs(profile), self._task.k)
        return self._against[others]

    def _table(self, policy: Any) -> np.ndarray:
        """Returns `[P, N]`."""
        if policy not in self._tables:
            learned = ua.tabulate(self._task.scenario, ua.GamePolicy(self._game, policy), self._task.k)
            self._tables[policy] = learned.average()
        return self._tables[policy]
