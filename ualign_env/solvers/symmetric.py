"""`solve`: the symmetric equilibrium of a population or scenario, with a certificate.

Axes: P prompts, N responses.
"""

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ualign_env import _checks
from ualign_env._threads import one_blas_thread
from ualign_env._types import Floats
from ualign_env.policies.named import by_names
from ualign_env.policies.tables import PolicyTable
from ualign_env.policies.tabulate import read, reads, single_policy
from ualign_env.scenario import Scenario
from ualign_env.solvers import regularised
from ualign_env.solvers.active_set import active_set
from ualign_env.solvers.interior_point import interior_point
from ualign_env.solvers.maximal_lottery import search
from ualign_env.solvers.mirror_descent import iterates, softmax, uniform_logits
from ualign_env.solvers.proximal import magnetic_self_play
from ualign_env.solvers.result import ConvergenceWarning, Equilibrium, Run, all_known
from ualign_env.specs import ScenarioLike, as_scenario
from ualign_env.users import Users, warm_up

METHODS = ("auto", "maximal-lottery", "interior-point", "active-set", "mirror-descent", "proximal", "newton")
_REGULARISED = ("auto", "newton", "proximal")
_SMALL = 100  # responses up to which the interior-point method takes all of them at once
_NEWTON_STEPS = 500
_DYNAMICS_STEPS = 100_000


def solve(
    scenario: ScenarioLike,
    k: int,
    *,
    tolerance: float = 1e-10,
    method: str = "auto",
    temperature: float = 0.0,
    reference: Any = None,
    max_iterations: int | None = None,
) -> Equilibrium:
    """Computes the symmetric equilibrium of the (k+1)-player alignment game.

    With strict rankings and k >= 2 it is unique. For k = 1 it is a maximal lottery: of several the one of greatest
    entropy, unless a method is named that may find another.

    Args:
        scenario: a scenario, its spec, or the population of its only prompt.
        k: number of samples of the policy that are shown, from 1 to 1,000,000.
        tolerance: the exploitability to reach on every prompt (with a temperature: that of the regularised game).
        method: `"maximal-lottery"` (k = 1), `"interior-point"`, `"active-set"` (the same on few responses, for many),
            `"mirror-descent"` or `"proximal"` (learning dynamics), or `"auto"`, one of the first three; with a
            temperature `"newton"` (`"auto"`) or `"proximal"`.
        temperature: weight of a KL divergence from `reference` that every player's payoff is reduced by.
        reference: one policy, anything that `tabulate` takes (default: uniform); only with a temperature.
        max_iterations: limit on the steps for each prompt (default: 500, or 100,000 for the dynamics).

    Returns:
        The policy, `[N]` for users alone and `[P, N]` otherwise, and its certificate, computed from it.

    Raises:
        ValueError: if an argument is out of range or unknown.

    Warns:
        ConvergenceWarning: if the certificate is above the tolerance; the result says so too.
    """
    loaded, k = as_scenario(scenario), _checks.number_of_outputs(k)
    tolerance = _checks.positive("tolerance", tolerance)
    temperature = _checks.scale("temperature", temperature, high=1e300, zero=True)
    _checks.one_of("method", method, METHODS)
    if reference is not None and not temperature:
        raise ValueError("a reference policy needs a temperature above 0")
    if temperature and method not in _REGULARISED:
        raise ValueError(f"method {method!r} knows no temperature; use one of {', '.join(_REGULARISED)}")
    if method == "newton" and not temperature:
        raise ValueError("method 'newton' needs a temperature above 0")
    if method == "maximal-lottery" and k > 1:
        raise ValueError(f"method 'maximal-lottery' is for k = 1, not for k = {k}")
    if max_iterations is not None:
        max_iterations = _checks.count("max_iterations", max_iterations, 1)
    prior = _reference(loaded, reference, k)

    policy = np.zeros((loaded.n_prompts, loaded.n_responses))
    conceded, certificates = np.zeros(loaded.n_prompts), np.zeros(loaded.n_prompts)
    iterations, seconds, used, unique = 0, 0.0, set(), set()
    with one_blas_thread():
        for x, users in enumerate(loaded.populations):
            own = slice(users.n_responses)
            game = _Game(users, k, temperature, prior[x, own])
            name = game.method(method)
            _warm_up(game, name)
            start = time.perf_counter()
            run = game.run(name, tolerance, max_iterations)
            policy[x, own] = run.policy
            payoffs = users.payoffs(run.policy, k)
            conceded[x] = payoffs.max()
            certificates[x] = game.certificate(run.policy, payoffs)
            seconds += time.perf_counter() - start
            iterations += run.iterations
            used.add(name)
            unique.add(run.unique)

    policy.flags.writeable = False
    rate = float(loaded.probabilities @ conceded)
    result = Equilibrium(
        scenario=loaded.name,
        prompts=loaded.prompts,
        responses=tuple(users.responses for users in loaded.populations),
        policy=policy[0] if isinstance(scenario, Users) else policy,
        k=k,
        exploitability=max(0.0, rate - 1 / (k + 1)),
        robust_win_rate=1 - rate,
        support_size=int(np.count_nonzero(policy)),
        iterations=iterations,
        method="+".join(sorted(used)),
        seconds=seconds,
        tolerance=tolerance,
        converged=bool(certificates.max() <= tolerance),
        temperature=temperature,
        certificate=float(certificates.max()),
        certificate_prompt=loaded.prompts[int(certificates.argmax())],
        unique=all_known(unique),
    )
    if result.advice:
        warnings.warn(result.advice, ConvergenceWarning, stacklevel=2)
    return result


@dataclass(frozen=True)
class _Game:
    """The game of one prompt; with a temperature above 0 regularised towards a reference policy."""

    users: Users
    k: int
    temperature: float
    reference: Floats

    def method(self, asked: str) -> str:
        """Returns the method to take."""
        if self.temperature:
            return "proximal" if asked == "proximal" else "newton"
        if asked == "auto" and self.k == 1:
            return "maximal-lottery"
        if asked == "auto":
            return "interior-point" if self.users.n_responses <= _SMALL else "active-set"
        return asked

    def run(self, method: str, tolerance: float, max_iterations: int | None) -> Run:
        """Returns a policy whose certificate is at most `tolerance`, or the best of so many iterations."""
        users, k = self.users, self.k
        if method == "maximal-lottery":
            found = search(users, max_iterations or _NEWTON_STEPS).lotteries
            policy = found.policy.copy()  # a locked array would have loops of its own
            return Run(policy, found.iterations, found.unique)
        run = self._run(method, tolerance, max_iterations)
        return replace(run, unique=True if self.temperature or (k > 1 and users.strict) else None)

    def _run(self, method: str, tolerance: float, max_iterations: int | None) -> Run:
        users, k = self.users, self.k
        if method == "interior-point":
            return interior_point(users, k, tolerance, max_iterations or _NEWTON_STEPS)
        if method == "active-set":
            return active_set(users, k, tolerance, max_iterations or _NEWTON_STEPS)
        if method == "newton":
            limit = max_iterations or _NEWTON_STEPS
            return regularised.equilibrium(users, k, self.temperature, self.reference, tolerance, limit)
        alone = Scenario([users])
        if self.temperature:
            steps = magnetic_self_play(
                alone, k, temperature=self.temperature, reference=self.reference[None], magnet_every=None
            )
        else:
            steps = {"mirror-descent": iterates, "proximal": magnetic_self_play}[method](alone, k)
        found = ((one.policy[0], self.certificate(one.policy[0], one.payoffs[0])) for one in steps)
        return _first_within(found, tolerance, max_iterations or _DYNAMICS_STEPS)

    def certificate(self, policy: Floats, payoffs: Floats) -> float:
        """Returns what a player can gain by deviating from a policy with these payoffs."""
        if self.temperature:
            return regularised.gain(payoffs, policy, self.temperature, self.reference)
        return max(0.0, float(payoffs.max()) - 1 / (self.k + 1))


def _warm_up(game: _Game, method: str) -> None:
    """Runs a method on a tiny game first, so that the time it takes includes no compilation."""

    def run(tiny: Users) -> None:
        reference = np.full(tiny.n_responses, 1 / tiny.n_responses)
        for k in filter(lambda k: tiny.knows(k + 1), (1, 20)):
            _Game(tiny, k, game.temperature, reference).run(method, 1e-10, 1)

    warm_up(game.users, f"solve by {method}, temperature {bool(game.temperature)}", run)


def _first_within(found: Iterator[tuple[Floats, float]], tolerance: float, max_iterations: int) -> Run:
    """Returns the first policy with a certificate of at most `tolerance`, or the best of `max_iterations`."""
    best, least = np.empty(0), np.inf
    for steps, (policy, certificate) in enumerate(found):
        if certificate < least:
            best, least = policy, certificate
        if least <= tolerance or steps == max_iterations:
            return Run(best, steps)
    raise AssertionError("self-play has no end")


def regularised_exploitability(
    scenario: ScenarioLike,
    policy: Any,
    k: int,
    temperature: float,
    reference: Any = None,
) -> float:
    """Returns what a player can gain by deviating where each pays `temperature * KL(own policy || reference)`.

    Args:
        scenario: a scenario, its spec, or the population of its only prompt.
        policy: one policy that all players play, anything that `tabulate` takes.
        k: number of samples that a response competes with.
        temperature: weight of the KL divergence, positive.
        reference: one policy (default: uniform).

    Returns:
        The gain on the prompt where it is largest: 0 at the regularised equilibrium and only there, infinite for a
        policy that does what the reference never does.

    Raises:
        ValueError: if an argument is out of range or is no policy.
    """
    loaded, k = as_scenario(scenario), _checks.number_of_outputs(k)
    temperature = _checks.scale("temperature", temperature, high=1e300)
    table, prior = single_policy("policy", policy, loaded, k), _reference(loaded, reference, k)
    gains = []
    for x, users in enumerate(loaded.populations):
        own = np.ascontiguousarray(table[x, : users.n_responses])
        gains.append(regularised.gain(users.payoffs(own, k), own, temperature, prior[x, : users.n_responses]))
    return max(gains)


@reads
def _(policy: Equilibrium, scenario: Scenario, k: int) -> PolicyTable:
    rows = np.atleast_2d(policy.policy)
    return read(by_names(scenario, policy.prompts, policy.responses, rows), scenario, k)


def _reference(scenario: Scenario, reference: Any, k: int) -> Floats:
    """Returns `[P, N]` the reference policy, uniform unless given."""
    if reference is None:
        return softmax(uniform_logits(scenario))
    return single_policy("reference", reference, scenario, k)
