"""Scores what an agent has learned, look by look: the only place where a run meets the users' payoffs.

Axes: P prompts, N responses, T policies of a mixture.
"""

import math
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np

from ualign_env._checks import TooLargeError, about
from ualign_env._multisets import n_multisets
from ualign_env._result import plain
from ualign_env._types import Floats
from ualign_env.benchmark.budget import Spent
from ualign_env.benchmark.machine import machine
from ualign_env.benchmark.plan import Run
from ualign_env.benchmark.results import Look, RunResult
from ualign_env.benchmark.running.learning import End, Verdict
from ualign_env.benchmark.running.warm_up import warm_up_everything
from ualign_env.policies.tables import JointPolicy, Mixture, Outputs, PolicyTable, SharedPolicy
from ualign_env.policies.tabulate import read
from ualign_env.scenario import Scenario
from ualign_env.scoring.scorecard import Scorecard, optimal_rate
from ualign_env.scoring.scored_policy import ScoredPolicy
from ualign_env.solvers.versus import solve_versus

_SOLVED = 1e-11  # a shortfall below which more learning would show nothing
_LEFT_OUT = (
    "scenario", "best_responses", "prompt_win_rates", "group_win_rates", "group_robust_win_rates", "certificate",
    "advice",
)  # fmt: skip
_MAX_PAIRS = 10_000_000  # of multisets, in games whose value is computed
_TEXT = 4000  # characters of an error or output that are kept


class Judge:
    """Scores one run."""

    def __init__(self, run: Run) -> None:
        """Prepares to score; what a run's users are like is known here alone."""
        self._run, self._task = run, run.task
        for users in self._task.scenario.populations:
            warm_up_everything(users)
        self._known: dict[bytes, Floats] = {}
        self.refusal: str | None = None  # why the run cannot be scored
        self._unseen: dict[int, ScoredPolicy] = {}  # by looks
        self._silent: str | None = None  # why nothing was said of prompts held out
        self._looks: list[Look] = []
        self._final: tuple[int, ScoredPolicy, PolicyTable] | None = None
        self.optimum = optimal_rate(self._task.k, self._task.l)
        if self._task.scenario.held_out and (self._task.l > 1 or run.agent.declared.joint):
            self.refusal = "of prompts held out, samples are scored against single responses alone"
            return
        together = self._task.k + self._task.l
        if not all(users.knows(together) for users in self._task.scenario.populations):
            self.refusal = f"what users pick among {together} responses is not known"
            return
        try:
            self.optimum = optimum(self._task.scenario, self._task.k, self._task.l, run.agent.declared.joint)
        except TooLargeError as error:
            if not run.agent.declared.joint:
                return  # samples are held against what those of an equilibrium guarantee
            self.refusal = f"the value of the game is out of reach: {error}"

    def look(self, spent: Spent, given: Any) -> Verdict:
        """Scores what has been learned, and says whether there is more to learn.

        Raises:
            ValueError: if it is no policy.
        """
        begin = time.thread_time()
        table = read(given, self._task.scenario, self._task.k)
        if isinstance(table, Outputs | JointPolicy) and self._task.k > 1 and not self._run.agent.declared.joint:
            raise ValueError(
                f"a {type(table).__name__} chooses {self._task.k} responses together, which only agents do that are "
                "declared with joint=True"
            )
        learned: PolicyTable = table
        if isinstance(table, Mixture):
            learned = _RememberedMixture(table.policies, table.weights, self._task.k, self._known)
        found = ScoredPolicy(self._task.scenario, learned, self._task.k, self._task.l)
        shortfall = float(max(0.0, self.optimum - found.rate)) if self._exact(found) else self.optimum - found.rate
        seconds = time.thread_time() - begin
        budget = self._run.budget
        if spent.of(budget.unit) <= budget.amount:
            self._final = len(self._looks), found, table
        conv = found.nash_conv_of_profile
        self._looks.append(Look(**vars(spent), shortfall=shortfall, nash_conv=conv, score_seconds=seconds))
        return Verdict(shortfall > _SOLVED, seconds)

    def unseen(self, look: int, given: Any) -> None:
        """Scores what had been learned at a look on the prompts held out, or notes why nothing can be said of them.

        Raises:
            ValueError: if it is no policy.
        """
        held_out = self._task.scenario.held_out
        if held_out is None or not 0 <= look < len(self._looks):
            raise ValueError(f"there is no look {look} of prompts held out")
        if isinstance(given, str):
            self._silent = given
            return
        table = read(given, held_out, self._task.k)
        if isinstance(table, Outputs | JointPolicy) and self._task.k > 1:
            raise ValueError(f"a {type(table).__name__} chooses {self._task.k} responses together")
        self._unseen[look] = ScoredPolicy(held_out, table, self._task.k, self._task.l)

    def ended(self, end: End) -> End:
        """Returns how a run ended, in the light of what was said of prompts held out."""
        return end if self._silent is None else replace(end, status="failed", error=self._silent)

    def _trace(self) -> tuple[Look, ...]:
        """Returns the looks; where prompts are held out, what counts is what was learned of these."""
        if self._task.scenario.held_out is None:
            return tuple(self._looks)
        found = []
        for i, look in enumerate(self._looks):
            rate = self._unseen[i].rate if i in self._unseen else 0.0
            found.append(replace(look, shortfall=max(0.0, self.optimum - rate), trained=look.shortfall))
        return tuple(found)

    def _exact(self, found: ScoredPolicy) -> bool:
        """Returns whether what exceeds the optimum is rounding."""
        return self._task.l == 1 and isinstance(found.learned, SharedPolicy | Mixture)

    def result(self, end: End, *, enforced: bool, limits: dict[str, float | None]) -> RunResult:
        """Returns the result of the run."""
        run, task, declared = self._run, self._task, self._run.agent.declared
        begin = time.thread_time()
        card = learned = digest = kind = held_out = None
        if self._final is not None:
            found = self._final[1]
            card = _kept(found.scorecard())
            table = self._final[2]
            if self._final[0] in self._unseen:
                held_out = _kept(self._unseen[self._final[0]].scorecard())
            learned, digest, kind = found.learned.average().tolist(), table.digest(), type(table).__name__
        scoring = sum(look.score_seconds for look in self._looks) + time.thread_time() - begin
        return RunResult(
            agent=run.agent.name,
            version=declared.version,
            information=declared.information,
            random=declared.random,
            joint=declared.joint,
            enforced=enforced,
            package=run.agent.package,
            place=run.agent.place,
            suite=run.suite,
            task=run.name,
            spec=task.scenario.name,
            scenario_digest=task.scenario.digest,
            k=task.k,
            l=task.l,
            seed=task.seed,
            unit=run.budget.unit,
            budget=run.budget.amount,
            digest=run.digest,
            status=end.status,
            error=None if end.error is None else end.error[-_TEXT:],
            optimum=self.optimum,
            trace=self._trace(),
            final=None if self._final is None else self._final[0],
            scorecard=card,
            table=kind,
            policy=learned,
            policy_digest=digest,
            cpu=end.spent.cpu,
            wall=end.spent.wall,
            steps=end.spent.steps,
            plays=end.spent.plays,
            longest_step=end.longest_step,
            max_rss_mb=end.max_rss_mb,
            score_seconds=scoring,
            output=end.output[-_TEXT:],
            limits=limits,
            machine=machine(),
            finished=datetime.now(UTC).isoformat(),
            held_out=held_out,
        )


def _kept(card: Scorecard) -> dict[str, Any]:
    return {name: value for name, value in plain(card).items() if name not in _LEFT_OUT}


@lru_cache(maxsize=256)
def optimum(scenario: Scenario, k: int, l: int, joint: bool) -> float:
    """Returns the robust win rate that shortfalls are counted from.

    For samples of a policy against single responses it is k/(k+1); for k responses that are chosen together, or against
    several, the value of the game of k against l. Where that is out of reach, samples are held against what those of an
    equilibrium guarantee, (k + 1 - l) / (k + 1), which some exceed.

    Raises:
        TooLargeError: if that game is too large to be solved.
    """
    if l == 1 and not joint:
        return optimal_rate(k)
    pairs = math.prod(n_multisets(scenario.n_responses, size) for size in (k, l))
    if pairs > _MAX_PAIRS:
        raise TooLargeError(
            f"{about(pairs)} pairs of multisets of {k} and {l} of {scenario.n_responses} responses, but at most "
            f"{_MAX_PAIRS:,} are solved"
        )
    values = [solve_versus(scenario, k, l, tolerance=1e-9, prompt=x).value for x in range(scenario.n_prompts)]
    return float(scenario.probabilities @ values)


@dataclass(frozen=True, eq=False)
class _RememberedMixture(Mixture):
    """A mixture against k samples, each of whose policies is met once, however many mixtures it is in."""

    k: int
    known: dict[bytes, Floats]

    def payoffs(self, scenario: Scenario, k: int) -> Floats:
        known = self.known
        if k != self.k:
            return super().payoffs(scenario, k)
        policies, weights = np.asarray(self.policies, np.float64), np.asarray(self.weights, np.float64)
        keys = [policy.tobytes() for policy in policies]
        found = {
            key: known[key] if key in known else SharedPolicy(policy).payoffs(scenario, k)
            for key, policy in zip(keys, policies, strict=True)
        }
        known.clear()  # of what is in no mixture any more
        known.update(found)
        total = np.tensordot(weights / weights.sum(), np.array([found[key] for key in keys]), axes=1)
        return np.asarray(total, np.float64)
