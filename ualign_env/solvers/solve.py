"""`solve`: the symmetric equilibrium of a population or scenario, with a certificate.

Axes: P prompts, N responses.
"""

import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from ualign_env import _checks, payoffs
from ualign_env._checks import Floats
from ualign_env.policies import SharedPolicy, tabulate
from ualign_env.population import Population
from ualign_env.scenario import Scenario
from ualign_env.solvers.active_set import active_set
from ualign_env.solvers.interior_point import interior_point
from ualign_env.solvers.mirror_descent import self_play, softmax, uniform_logits
from ualign_env.solvers.proximal import magnetic_self_play
from ualign_env.solvers.regularised import regularised_equilibrium, unchecked_gap
from ualign_env.solvers.result import ConvergenceWarning, Equilibrium, Run
from ualign_env.specs import as_scenario

_METHODS = ("auto", "interior-point", "active-set", "mirror-descent", "proximal", "newton")
_REGULARISED = ("auto", "newton", "proximal")
_SMALL = 100  # responses up to which the interior-point method takes all of them at once
_NEWTON_STEPS = 500
_DYNAMICS_STEPS = 100_000


def solve(
    target: Scenario | Population | str,
    k: int,
    *,
    tolerance: float = 1e-10,
    method: str = "auto",
    temperature: float = 0.0,
    reference: npt.ArrayLike | None = None,
    max_iterations: int | None = None,
) -> Equilibrium:
    """Computes the symmetric equilibrium of the (k+1)-player alignment game.

    With strict rankings and k >= 2 it is unique; for k = 1 it is a maximal lottery.

    Args:
        target: a scenario, its spec, or the population of its only prompt.
        k: number of samples of the policy that are shown, from 1 to 1,000,000.
        tolerance: the exploitability to reach on every prompt (with a temperature: the gap of the regularised game).
        method: `"interior-point"`, `"active-set"` (the same on few responses, for many), `"mirror-descent"` or
            `"proximal"` (learning dynamics), or `"auto"`, one of the first two; with a temperature `"newton"`
            (`"auto"`) or `"proximal"`.
        temperature: weight of a KL divergence from `reference` that every player's payoff is reduced by.
        reference: `[N]` or `[P, N]` policy (default: uniform); only with a temperature.
        max_iterations: limit on the steps for each prompt (default: 500, or 100,000 for the dynamics).

    Returns:
        The policy, `[N]` for a population and `[P, N]` otherwise, and its certificate, computed from it.

    Raises:
        ValueError: if an argument is out of range or unknown.

    Warns:
        ConvergenceWarning: if the certificate is above the tolerance; the result says so too.
    """
    scenario, k = as_scenario(target), _checks.number_of_outputs(k)
    tolerance = _checks.positive("tolerance", tolerance)
    temperature = _checks.real("temperature", temperature, 0, np.finfo(float).max)
    if method not in _METHODS:
        raise _checks.unknown("method", str(method), _METHODS)
    if reference is not None and not temperature:
        raise ValueError("a reference policy needs a temperature above 0")
    if temperature and method not in _REGULARISED:
        raise ValueError(f"method {method!r} knows no temperature; use one of {', '.join(_REGULARISED)}")
    if method == "newton" and not temperature:
        raise ValueError("method 'newton' needs a temperature above 0")
    if max_iterations is not None:
        max_iterations = _checks.count("max_iterations", max_iterations, 1)
    prior = _reference(scenario, reference)

    start = time.perf_counter()
    policy = np.zeros((scenario.n_prompts, scenario.n_responses))
    gaps, iterations, used = np.zeros(scenario.n_prompts), 0, set()
    with _one_blas_thread():
        for x, population in enumerate(scenario.populations):
            own = slice(population.n_responses)
            if temperature:
                name = "proximal" if method == "proximal" else "newton"
                run = _regularised(name, population, k, temperature, prior[x, own], tolerance, max_iterations)
                gaps[x] = unchecked_gap(population, run.policy, k, temperature, prior[x, own])
            else:
                name = _automatic(population) if method == "auto" else method
                run = _unregularised(name, population, k, tolerance, max_iterations)
                gaps[x] = max(0.0, payoffs.deviation_payoffs(population, run.policy, k).max() - 1 / (k + 1))
            policy[x, own] = run.policy
            iterations += run.iterations
            used.add(name)
    seconds = time.perf_counter() - start

    policy.flags.writeable = False
    conceded = float(scenario.probabilities @ SharedPolicy(policy).deviation_payoffs(scenario, k).max(axis=1))
    result = Equilibrium(
        policy=policy[0] if isinstance(target, Population) else policy,
        k=k,
        exploitability=max(0.0, conceded - 1 / (k + 1)),
        robust_win_rate=1 - conceded,
        support_size=int(np.count_nonzero(policy)),
        iterations=iterations,
        method="+".join(sorted(used)),
        seconds=seconds,
        tolerance=tolerance,
        converged=bool(gaps.max() <= tolerance),
        temperature=temperature,
        gap=float(gaps.max()),
    )
    if not result.converged:
        worst = scenario.prompts[int(gaps.argmax())]
        warnings.warn(
            f"{result.method} stopped {result.gap:.1e} from the equilibrium of {worst!r}, above the tolerance of "
            f"{tolerance:.1e}, after {iterations} steps; try more max_iterations, another method, or, where rounding "
            "is all that is left, a larger tolerance",
            ConvergenceWarning,
            stacklevel=2,
        )
    return result


def _automatic(population: Population) -> str:
    return "interior-point" if population.n_responses <= _SMALL else "active-set"


def _unregularised(name: str, population: Population, k: int, tolerance: float, max_iterations: int | None) -> Run:
    if name == "interior-point":
        return interior_point(population, k, tolerance, max_iterations or _NEWTON_STEPS)
    if name == "active-set":
        return active_set(population, k, tolerance, max_iterations or _NEWTON_STEPS)
    dynamics = {"mirror-descent": self_play, "proximal": magnetic_self_play}[name](Scenario([population]), k)
    gains = ((iterate.policy[0], iterate.payoffs.max() - 1 / (k + 1)) for iterate in dynamics)
    return _first_within(gains, tolerance, max_iterations or _DYNAMICS_STEPS)


def _first_within(gains: Iterator[tuple[Floats, float]], tolerance: float, max_iterations: int) -> Run:
    """Returns the first policy with a gain of at most `tolerance`, or the best of `max_iterations`."""
    best, least = np.empty(0), np.inf
    for steps, (policy, gain) in enumerate(gains):
        if gain < least:
            best, least = policy, gain
        if least <= tolerance or steps == max_iterations:
            return Run(best, steps)
    raise AssertionError("self-play has no end")


def _regularised(
    name: str,
    population: Population,
    k: int,
    temperature: float,
    reference: Floats,
    tolerance: float,
    max_iterations: int | None,
) -> Run:
    if name == "newton":
        limit = max_iterations or _NEWTON_STEPS
        return regularised_equilibrium(population, k, temperature, reference, tolerance, limit)
    dynamics = magnetic_self_play(
        Scenario([population]), k, temperature=temperature, reference=reference[None], magnet_every=None
    )
    policies = (iterate.policy[0] for iterate in dynamics)
    gains = ((policy, unchecked_gap(population, policy, k, temperature, reference)) for policy in policies)
    return _first_within(gains, tolerance, max_iterations or _DYNAMICS_STEPS)


def regularised_gap(
    target: Scenario | Population | str,
    policy: npt.ArrayLike,
    k: int,
    temperature: float,
    reference: npt.ArrayLike | None = None,
) -> float:
    """Returns what a player can gain by deviating where each pays `temperature * KL(own policy || reference)`.

    Args:
        target: a scenario, its spec, or the population of its only prompt.
        policy: `[N]` or `[P, N]` policy that all players play.
        k: number of samples that a response competes with.
        temperature: weight of the KL divergence, positive.
        reference: `[N]` or `[P, N]` policy (default: uniform).

    Returns:
        The gain on the prompt where it is largest: 0 at the regularised equilibrium and only there, infinite for a
        policy that does what the reference never does.

    Raises:
        ValueError: if an argument is out of range or is no policy.
    """
    scenario, k = as_scenario(target), _checks.number_of_outputs(k)
    temperature = _checks.positive("temperature", temperature)
    table, prior = _policy("policy", policy, scenario), _reference(scenario, reference)
    gaps = []
    for x, population in enumerate(scenario.populations):
        own = slice(population.n_responses)
        gaps.append(unchecked_gap(population, table[x, own], k, temperature, prior[x, own]))
    return max(gaps)


def _reference(scenario: Scenario, reference: npt.ArrayLike | None) -> Floats:
    """Returns `[P, N]` the reference policy, uniform unless given."""
    return softmax(uniform_logits(scenario)) if reference is None else _policy("reference", reference, scenario)


def _policy(name: str, value: npt.ArrayLike, scenario: Scenario) -> Floats:
    learned = tabulate(value, scenario, 1)
    if not isinstance(learned, SharedPolicy):
        raise ValueError(f"the {name} must be one policy, [N] or [P, N]")
    return learned.probabilities


_blas_lock = threading.Lock()
_blas_users = 0
_blas_limit: Any = None


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Keeps BLAS to one thread: its idle threads would spin on the cores that the kernels use.

    The limit is the process's, so the first of several solves at a time sets it and the last one lifts it.
    """
    global _blas_users, _blas_limit
    with _blas_lock:
        if _blas_users == 0:
            _blas_limit = _blas_controller().limit(limits=1, user_api="blas")
        _blas_users += 1
    try:
        yield
    finally:
        with _blas_lock:
            _blas_users -= 1
            if _blas_users == 0:
                _blas_limit.restore_original_limits()


@cache
def _blas_controller() -> ThreadpoolController:
    return ThreadpoolController()
