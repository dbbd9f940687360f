"""`solve`: the symmetric equilibrium of a population or scenario, with a certificate.

Axes: P prompts, N responses.
"""

import time
import warnings

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
from ualign_env.solvers.regularised import regularised_equilibrium, regularised_gap
from ualign_env.solvers.result import ConvergenceWarning, Equilibrium, Run
from ualign_env.specs import as_scenario

_METHODS = ("auto", "interior-point", "active-set", "mirror-descent", "proximal")
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
            `"proximal"` (learning dynamics), or `"auto"`, one of the first two.
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
        raise _checks.unknown("method", method, _METHODS)
    if reference is not None and not temperature:
        raise ValueError("a reference policy needs a temperature above 0")
    if temperature and method not in ("auto", "proximal"):
        raise ValueError(f"method {method!r} knows no temperature; use 'auto' or 'proximal'")
    if max_iterations is not None:
        max_iterations = _checks.count("max_iterations", max_iterations, 1)
    prior = _reference(scenario, reference)

    start = time.perf_counter()
    policy = np.zeros((scenario.n_prompts, scenario.n_responses))
    gaps, iterations, used = np.zeros(scenario.n_prompts), 0, set()
    with ThreadpoolController().limit(limits=1, user_api="blas"):  # its threads would wait for those of the kernels
        for x, population in enumerate(scenario.populations):
            own = slice(population.n_responses)
            if temperature:
                name = "newton" if method == "auto" else method
                run = _regularised(name, population, k, temperature, prior[x, own], tolerance, max_iterations)
                gaps[x] = regularised_gap(population, run.policy, k, temperature, prior[x, own])
            else:
                name = _automatic(population) if method == "auto" else method
                run = _unregularised(name, population, k, tolerance, max_iterations)
                gaps[x] = max(0.0, payoffs.deviation_payoffs(population, run.policy, k).max() - 1 / (k + 1))
            policy[x, own] = run.policy
            iterations += run.iterations
            used.add(name)
    seconds = time.perf_counter() - start

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
        gap=float(scenario.probabilities @ gaps),
    )
    if not result.converged:
        warnings.warn(
            f"{result.method} stopped after {iterations} steps at {gaps.max():.1e}, above the tolerance of "
            f"{tolerance:.1e}; try more max_iterations, a larger tolerance or another method",
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
    for steps, iterate in enumerate(dynamics):
        done = iterate.payoffs.max() - 1 / (k + 1) <= tolerance
        if done or steps == (max_iterations or _DYNAMICS_STEPS):
            return Run(iterate.policy[0], steps)
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
    options = {"temperature": temperature, "reference": reference[None], "magnet_every": None}
    for steps, iterate in enumerate(magnetic_self_play(Scenario([population]), k, **options)):
        policy = iterate.policy[0]
        done = regularised_gap(population, policy, k, temperature, reference) <= tolerance
        if done or steps == (max_iterations or _DYNAMICS_STEPS):
            return Run(policy, steps)
    raise AssertionError("self-play has no end")


def _reference(scenario: Scenario, reference: npt.ArrayLike | None) -> Floats:
    """Returns `[P, N]` the reference policy, uniform unless given."""
    if reference is None:
        return softmax(uniform_logits(scenario))
    learned = tabulate(reference, scenario, 1)
    if not isinstance(learned, SharedPolicy):
        raise ValueError("the reference must be one policy, [N] or [P, N]")
    return learned.probabilities
