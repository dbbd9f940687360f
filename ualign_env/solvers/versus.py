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
from ualign_env._checks import TooLargeError, about
from ualign_env._limits import MAX_PAIRS
from ualign_env._multisets import multisets, n_multisets
from ualign_env._result import Result
from ualign_env._text import counted
from ualign_env._types import Floats, Ints
from ualign_env.policies.tables import JointPolicy, PolicyTable
from ualign_env.policies.tabulate import read, reads
from ualign_env.scenario import Scenario
from ualign_env.solvers.best_responses import BestResponses, can_be_proven, respond
from ualign_env.solvers.result import ConvergenceWarning
from ualign_env.specs import ScenarioLike, one_prompt, users_of
from ualign_env.users import Contest, Users, warm_up

Method = Literal["auto", "linear-program", "double-oracle"]

_MAX_MATRIX = 1_000_000  # entries of a linear program that is solved unasked
_MAX_STEPS = 1_000


@dataclass(frozen=True, eq=False)
class VersusEquilibrium(Result):
    """An equilibrium of the k-against-l game on one prompt, with its certificate.

    Attributes:
        scenario: name of the scenario.
        prompt: name of the prompt.
        responses: names of its responses.
        k: number of responses of the model.
        l: number of responses of the opponent.
        value: chance that one of the model's responses is picked if both play their strategy.
        robust_win_rate: the same against the best multiset of the opponent: what the model's strategy guarantees.
        certificate: what both sides together could gain by other multisets; computed from the strategies.
        model_sets: `[M, k]` the model's multisets with positive probability.
        model_chances: `[M]` their probabilities.
        opponent_sets: `[L, l]` the opponent's.
        opponent_chances: `[L]` their probabilities.
        head_room: for l = 1, by how much the value exceeds k / (k + 1), the most that k samples of one policy reach:
            what a model can gain by choosing its responses together. None for l > 1.
        method: the method used.
        iterations: linear programs solved.
        seconds: wall-clock time of the method; loops were compiled before.
        tolerance: what was asked for.
        converged: whether the certificate is at most the tolerance.
        proven: whether both sides' best responses were proven to be the best.
    """

    scenario: str
    prompt: str
    responses: tuple[str, ...]
    k: int
    l: int
    value: float
    robust_win_rate: float
    certificate: float
    model_sets: Ints
    model_chances: Floats
    opponent_sets: Ints
    opponent_chances: Floats
    head_room: float | None
    method: str
    iterations: int
    seconds: float
    tolerance: float
    converged: bool
    proven: bool

    @property
    def advice(self) -> str | None:
        """What to do where the tolerance was missed."""
        if self.converged:
            return None
        sought = (
            "" if self.proven else "; best responses were not all proven, which fewer responses or users would allow"
        )
        return (
            f"{self.method} reached a certificate of {self.certificate:.2g} on {self.prompt!r}, not "
            f"{self.tolerance:g}{sought}"
        )

    def summary(self) -> str:
        """Returns the value, the certificate and the method."""
        text = (
            f"{counted(self.k, 'response')} against {self.l} on {self.scenario}, {self.prompt}: value "
            f"{self.value:.6f}, certificate {self.certificate:.1e}, by {self.method} in {self.seconds:.3g} s"
        )
        return f"{text}\nnot converged: {self.advice}" if self.advice else text


def solve_versus(
    scenario: ScenarioLike,
    k: int,
    l: int,
    *,
    method: Method = "auto",
    tolerance: float = 1e-6,
    prompt: int | str | None = None,
) -> VersusEquilibrium:
    """Returns an equilibrium of the game of k responses against l, each side choosing its own together.

    Args:
        scenario: a scenario, its spec, or users.
        k: number of responses of the model, from 1 to 500.
        l: number of responses of the opponent, from 1 to 500.
        method: `"linear-program"` over all multisets, or `"double-oracle"`, which meets only those that matter;
            `"auto"` takes the first where there are few.
        tolerance: certificate to reach.
        prompt: index of the prompt, or its name; needed where the scenario has several.

    Raises:
        ValueError: if k, l, the method or the tolerance doesn't fit.
        TooLargeError: if there are too many multisets for the linear program (with their number).

    Warns:
        ConvergenceWarning: if the certificate is larger than the tolerance.
    """
    loaded, x = one_prompt(scenario, prompt)
    users = loaded.populations[x]
    k, l = _checks.number_of_responses(k, "k"), _checks.number_of_responses(l)
    _checks.one_of("method", method, get_args(Method))
    tolerance = _checks.positive("tolerance", tolerance)
    n = users.n_responses
    entries = n_multisets(n, k) * n_multisets(n, l)
    if method == "auto":
        method = "linear-program" if entries <= _MAX_MATRIX else "double-oracle"
    if method == "linear-program" and entries > MAX_PAIRS:
        raise TooLargeError(
            f"the linear program would have {about(entries)} pairs of multisets, but at most {MAX_PAIRS:,} "
            'are tried; use method="double-oracle"'
        )
    warm_up(users, "double oracle", _solve_tiny)
    start = time.perf_counter()
    if method == "linear-program":
        model, opponent = _linear_program(users, multisets(n, k), multisets(n, l))
        iterations = 1
    else:
        steps = islice(_double_oracle(users, k, l, tolerance / 2), _MAX_STEPS)
        *_, (iterations, last) = enumerate(steps, start=1)
        model, opponent = last.model, last.opponent
    losses = users.matrix(model.sets[0], opponent.sets[0])
    value = 1 - float(model.chances[0] @ losses @ opponent.chances[0])
    best_opponent = _proven(_contest(model, users), respond(_contest(model, users), l))
    best_model = _proven(_contest(opponent, users), respond(_contest(opponent, users), k))
    certificate = best_opponent.upper_bound + best_model.upper_bound - 1
    result = VersusEquilibrium(
        scenario=loaded.name,
        prompt=loaded.prompts[x],
        responses=users.responses,
        k=k,
        l=l,
        value=value,
        robust_win_rate=1 - best_opponent.upper_bound,
        certificate=max(certificate, 0.0),
        model_sets=model.sets[0],
        model_chances=model.chances[0],
        opponent_sets=opponent.sets[0],
        opponent_chances=opponent.chances[0],
        head_room=value - k / (k + 1) if l == 1 else None,
        method=method,
        iterations=iterations,
        seconds=time.perf_counter() - start,
        tolerance=tolerance,
        converged=certificate <= tolerance,
        proven=best_opponent.optimal and best_model.optimal,
    )
    if result.advice:
        warnings.warn(result.advice, ConvergenceWarning, stacklevel=2)
    return result


def _solve_tiny(tiny: Users) -> None:
    for _ in _double_oracle(tiny, 2, 2, 1e-6):
        continue


@dataclass(frozen=True, eq=False)
class DoubleOracleStep:
    """Both sides' strategies in the part of a game on one prompt that double oracle has solved so far.

    Attributes:
        model: how the model chooses its k responses together.
        opponent: how the opponent chooses its l.
        certificate: what both together could gain by the multisets found against these strategies.
    """

    model: JointPolicy
    opponent: JointPolicy
    certificate: float


def double_oracle(
    scenario: ScenarioLike, k: int, l: int, tolerance: float = 0.0, *, prompt: int | str | None = None
) -> Iterator[DoubleOracleStep]:
    """Returns both sides' strategies and their certificate, as each side's best multisets against the other are added.

    Stops when the certificate is at most the tolerance, or neither side has a multiset to add. Best responses that were
    sought greedily don't end it: then they are sought once more, exactly where that is possible.

    Args:
        scenario: a scenario, its spec, or users.
        k: number of responses of the model, from 1 to 500.
        l: number of responses of the opponent, from 1 to 500.
        tolerance: certificate to stop at.
        prompt: index of the prompt, or its name; needed where the scenario has several.

    Raises:
        ValueError: if an argument is out of range.
    """
    tolerance = _checks.real("tolerance", tolerance, 0, 1)
    k, l = _checks.number_of_responses(k, "k"), _checks.number_of_responses(l)
    return _double_oracle(users_of(scenario, prompt), k, l, tolerance)


def _double_oracle(users: Users, k: int, l: int, tolerance: float) -> Iterator[DoubleOracleStep]:
    favourite = users.plurality()
    sets, others = np.full((1, k), favourite), np.full((1, l), favourite)
    while True:
        model, opponent = _linear_program(users, sets, others)
        contests = _contest(opponent, users), _contest(model, users)
        answers = respond(contests[0], k), respond(contests[1], l)
        more = _with(sets, answers[0]), _with(others, answers[1])
        certificate = answers[0].value + answers[1].value - 1
        if certificate <= tolerance or (len(sets), len(others)) == tuple(map(len, more)):
            answers = _proven(contests[0], answers[0]), _proven(contests[1], answers[1])
            more = _with(sets, answers[0]), _with(others, answers[1])
            certificate = answers[0].value + answers[1].value - 1
        yield DoubleOracleStep(model, opponent, certificate)
        if certificate <= tolerance or (len(sets), len(others)) == tuple(map(len, more)):
            return
        sets, others = more


def _proven(contest: Contest, found: BestResponses) -> BestResponses:
    """Returns the best multiset, where possible with a proof: by an integer program if it was sought greedily."""
    l = len(found.responses)
    if found.optimal or not can_be_proven(contest, l):
        return found
    exact = respond(contest, l, "milp")
    best = max(found, exact, key=lambda one: one.value)
    return replace(best, upper_bound=min(found.upper_bound, exact.upper_bound), optimal=exact.optimal)


def _with(sets: Ints, best: BestResponses) -> Ints:
    """Returns the multisets with one more, if it is new."""
    return sets if (sets == best.responses).all(axis=1).any() else np.vstack([sets, best.responses])


def _contest(strategy: JointPolicy, users: Users) -> Contest:
    """Returns what the other side meets."""
    return users.against_sets(strategy.sets[0], strategy.chances[0])


def _linear_program(users: Users, sets: Ints, others: Ints) -> tuple[JointPolicy, JointPolicy]:
    """Returns both sides' optimal distributions over some multisets."""
    solved = _matrix_game(users.matrix(sets, others))
    n = users.n_responses
    return _strategy(sets, solved.row_strategy, n), _strategy(others, solved.column_strategy, n)


def _strategy(sets: Ints, weights: Floats, n: int) -> JointPolicy:
    return JointPolicy((sets[weights > 0],), (weights[weights > 0],), n)


@dataclass(frozen=True, eq=False)
class MatrixEquilibrium(Result):
    """An equilibrium of a zero-sum matrix game, with its certificate.

    Attributes:
        row_strategy: `[M]` how the row player, who pays, plays.
        column_strategy: `[L]` how the column player plays, who is paid.
        value: what is paid.
        certificate: what both players together could gain by deviating, computed from the strategies.
    """

    row_strategy: Floats
    column_strategy: Floats
    value: float
    certificate: float

    def summary(self) -> str:
        """Returns the value and the certificate."""
        shape = self.row_strategy.size, self.column_strategy.size
        return f"equilibrium of {shape[0]} x {shape[1]}: value {self.value:.6f}, certificate {self.certificate:.1e}"


@reads
def _(policy: VersusEquilibrium, scenario: Scenario, k: int) -> PolicyTable:
    """Reads the model's side, on one prompt, by the names of its responses."""
    sets = policy.model_sets
    if scenario.n_prompts == 1 and (known := scenario.populations[0].responses) != policy.responses:
        shown = [policy.responses[y] for y in sets.ravel()]
        if unknown := set(shown) - set(known):
            raise _checks.unknown(f"response to {scenario.prompts[0]!r:.100}", min(unknown), known)
        sets = np.array([known.index(name) for name in shown]).reshape(sets.shape)
    return read(JointPolicy((sets,), (policy.model_chances,), scenario.n_responses), scenario, k)


def matrix_game(losses: npt.ArrayLike) -> MatrixEquilibrium:
    """Returns an equilibrium of a zero-sum game in which the row player pays the column player, by a linear program.

    Args:
        losses: `[M, L]` what is paid.

    Raises:
        ValueError: if there is no such table of finite numbers.
    """
    table = _checks.real_array("losses", losses, 2)
    if not table.size:
        raise ValueError(f"losses have shape {table.shape}, but must have at least a row and a column")
    # the linear program's tolerances are absolute: it sees losses from 0 to 1
    unit = np.abs(table).max() or 1.0
    low, spread = (table / unit).min(), np.ptp(table / unit) or 1.0
    found = _matrix_game((table / unit - low) / spread)
    return replace(
        found, value=float((found.value * spread + low) * unit), certificate=float(found.certificate * spread * unit)
    )


def _matrix_game(losses: Floats) -> MatrixEquilibrium:
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
        raise RuntimeError(f"the linear program of {rows} x {columns} was not solved: {result.message}")
    row, column = _normalised(result.x[:rows]), _normalised(-result.ineqlin.marginals)
    certificate = float((row @ losses).max() - (losses @ column).min())
    return MatrixEquilibrium(row, column, float(row @ losses @ column), max(0.0, certificate))


def _normalised(weights: Floats) -> Floats:
    kept = np.where(weights > 1e-12, weights, 0)
    return kept / kept.sum()
