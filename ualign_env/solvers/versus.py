"""The game between a model that chooses k responses together and an opponent that chooses l: its value and equilibrium.

Axes: M multisets of the model's k responses, L of the opponent's l.

Both sides draw their multiset as a whole, from any distribution: two players, constant sum 1. So the value is that of a
linear program, and where the multisets are too many, double oracle solves growing parts of the game until neither side
has a better multiset outside.

Source: McMahan, Gordon and Blum, "Planning in the presence of cost functions controlled by an adversary", 2003 (double
oracle).
"""

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog

from ualign_env import _checks
from ualign_env._checks import Floats
from ualign_env.payoffs import TooLargeError, about
from ualign_env.population import Population
from ualign_env.solvers.result import ConvergenceWarning
from ualign_env.versus import kernels
from ualign_env.versus.best_responses import BestResponses, can_be_proven, multisets, n_multisets, respond
from ualign_env.versus.kernels import Sets
from ualign_env.versus.models import MAX_L, JointOutputs, number_of_responses

Method = Literal["auto", "linear-program", "double-oracle"]

_MAX_MATRIX = 1_000_000  # entries of a linear program that is solved unasked
_LARGEST_MATRIX = 20_000_000  # entries of one that is solved at all
_MAX_STEPS = 1_000


@dataclass(frozen=True, eq=False)
class VersusEquilibrium:
    """An equilibrium of the k-against-l game, with its certificate.

    Attributes:
        k: number of responses of the model.
        l: number of responses of the opponent.
        value: chance that one of the model's responses is picked if both play their strategy.
        robust_win_rate: the same against the best multiset of the opponent: what the model's strategy guarantees.
        gap: the certificate: what both sides together could gain by other multisets; computed from the strategies.
        model_sets: `[M, k]` the model's multisets with positive probability.
        model_chances: `[M]` their probabilities.
        opponent_sets: `[L, l]` the opponent's.
        opponent_chances: `[L]` their probabilities.
        head_room: for l = 1, by how much the value exceeds k / (k + 1), the most that k samples of one policy reach:
            what a model can gain by choosing its responses together. None for l > 1.
        method: the method used.
        iterations: linear programs solved.
        seconds: wall-clock time.
        converged: whether `gap` is at most the tolerance.
    """

    k: int
    l: int
    value: float
    robust_win_rate: float
    gap: float
    model_sets: npt.NDArray[np.int64]
    model_chances: Floats
    opponent_sets: npt.NDArray[np.int64]
    opponent_chances: Floats
    head_room: float | None
    method: str
    iterations: int
    seconds: float
    converged: bool


def solve_versus(
    population: Population,
    k: int,
    l: int,
    *,
    method: Method = "auto",
    tolerance: float = 1e-6,
) -> VersusEquilibrium:
    """Returns an equilibrium of the game of k responses against l, each side choosing its own together.

    Args:
        population: U user types over N responses.
        k: number of responses of the model, from 1 to 500.
        l: number of responses of the opponent, from 1 to 500.
        method: `"linear-program"` over all multisets, or `"double-oracle"`, which meets only those that matter;
            `"auto"` takes the first where there are few.
        tolerance: gap to reach.

    Raises:
        ValueError: if k, l, the method or the tolerance doesn't fit.
        TooLargeError: if there are too many multisets for the linear program (with their number).

    Warns:
        ConvergenceWarning: if the gap is larger than the tolerance.
    """
    start = time.perf_counter()
    if not isinstance(population, Population):
        raise ValueError(f"population is {population!r:.200}, but must be a Population")
    k, l = _checks.count("k", k, 1, MAX_L), number_of_responses(l)
    if method not in get_args(Method):
        raise _checks.unknown("method", str(method), get_args(Method))
    tolerance = _checks.positive("tolerance", tolerance)
    n = population.n_responses
    entries = n_multisets(n, k) * n_multisets(n, l)
    if method == "auto":
        method = "linear-program" if entries <= _MAX_MATRIX else "double-oracle"
    if method == "linear-program":
        if entries > _LARGEST_MATRIX:
            raise TooLargeError(
                f"the linear program would have {about(entries)} pairs of multisets, but at most {_LARGEST_MATRIX:,} "
                'are tried; use method="double-oracle"'
            )
        model, opponent = _linear_program(population, multisets(n, k), multisets(n, l))
        iterations = 1
    else:
        steps = islice(double_oracle(population, k, l, tolerance / 2), _MAX_STEPS)
        *_, (iterations, (model, opponent, _)) = enumerate(steps, start=1)
    value = 1 - float(model.chances @ _matrix(model, opponent) @ opponent.chances)
    best_opponent, best_model = _proven(model, respond(model, l)), _proven(opponent, respond(opponent, k))
    gap = best_opponent.upper_bound + best_model.upper_bound - 1
    if gap > tolerance:
        sought = "" if best_opponent.optimal and best_model.optimal else "; best responses were not all proven"
        warnings.warn(
            f"{method} reached a gap of {gap:.2g} on {population!r}, not {tolerance:g}{sought}",
            ConvergenceWarning,
            stacklevel=2,
        )
    return VersusEquilibrium(
        k=k,
        l=l,
        value=value,
        robust_win_rate=1 - best_opponent.upper_bound,
        gap=max(gap, 0.0),
        model_sets=model.sets,
        model_chances=model.chances,
        opponent_sets=opponent.sets,
        opponent_chances=opponent.chances,
        head_room=value - k / (k + 1) if l == 1 else None,
        method=method,
        iterations=iterations,
        seconds=time.perf_counter() - start,
        converged=gap <= tolerance,
    )


def double_oracle(
    population: Population, k: int, l: int, tolerance: float = 0.0
) -> Iterator[tuple[JointOutputs, JointOutputs, float]]:
    """Yields both sides' strategies and their gap, as each side's best multisets against the other are added.

    Stops when the gap is at most the tolerance, or neither side has a multiset to add. Best responses that were sought
    greedily don't end it: then they are sought once more, exactly where that is possible.
    """
    favourite = population.plurality()
    sets, others = np.full((1, k), favourite), np.full((1, l), favourite)
    while True:
        model, opponent = _linear_program(population, sets, others)
        answers = respond(opponent, k), respond(model, l)
        more = _with(sets, answers[0]), _with(others, answers[1])
        gap = answers[0].value + answers[1].value - 1
        if gap <= tolerance or (len(sets), len(others)) == tuple(map(len, more)):
            answers = _proven(opponent, answers[0]), _proven(model, answers[1])
            more = _with(sets, answers[0]), _with(others, answers[1])
            gap = answers[0].value + answers[1].value - 1
        yield model, opponent, gap
        if gap <= tolerance or (len(sets), len(others)) == tuple(map(len, more)):
            return
        sets, others = more


def _proven(model: JointOutputs, found: BestResponses) -> BestResponses:
    """Returns the best multiset, where possible with a proof: by an integer program if it was sought greedily."""
    l = len(found.responses)
    if found.optimal or not can_be_proven(model, l):
        return found
    exact = respond(model, l, "milp")
    best = max(found, exact, key=lambda one: one.value)
    return replace(best, upper_bound=min(found.upper_bound, exact.upper_bound), optimal=exact.optimal)


def _with(sets: Sets, best: BestResponses) -> Sets:
    """Returns the multisets with one more, if it is new."""
    return sets if (sets == best.responses).all(axis=1).any() else np.vstack([sets, best.responses])


def _linear_program(population: Population, sets: Sets, others: Sets) -> tuple[JointOutputs, JointOutputs]:
    """Returns both sides' optimal distributions over some multisets."""
    rows, columns = matrix_game(kernels.matrix(population.ranks, population.weights, sets, others))
    return _strategy(population, sets, rows), _strategy(population, others, columns)


def matrix_game(losses: Floats) -> tuple[Floats, Floats]:
    """Returns optimal strategies of the row player, who pays, and of the column player, who gets `[M, L]` losses."""
    rows, columns = losses.shape
    # the row player's worst loss v is minimised; the duals are the column player's strategy
    result = linprog(
        np.append(np.zeros(rows), 1.0),
        A_ub=np.column_stack([losses.T, -np.ones(columns)]),
        b_ub=np.zeros(columns),
        A_eq=np.append(np.ones(rows), 0.0)[None, :],
        b_eq=np.ones(1),
        bounds=[(0, None)] * rows + [(None, None)],
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if not result.success:
        raise RuntimeError(f"the linear program of {rows} x {columns} multisets was not solved: {result.message}")
    return _normalised(result.x[:rows]), _normalised(-result.ineqlin.marginals)


def _normalised(weights: Floats) -> Floats:
    kept = np.where(weights > 1e-12, weights, 0)
    return kept / kept.sum()


def _strategy(population: Population, sets: Sets, weights: Floats) -> JointOutputs:
    return JointOutputs(population, sets[weights > 0], weights[weights > 0])


def _matrix(model: JointOutputs, opponent: JointOutputs) -> Floats:
    population = model.population
    return kernels.matrix(population.ranks, population.weights, model.sets, opponent.sets)
