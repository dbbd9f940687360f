"""Runs agents on tasks within a time budget."""

import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Literal

import numpy as np

from ualign_env.benchmark.agents import Agent
from ualign_env.benchmark.tasks import Task
from ualign_env.envs.batch import BatchedGame
from ualign_env.payoffs import TooLargeError
from ualign_env.policies import tabulate
from ualign_env.scoring import Scorecard, score
from ualign_env.solvers.versus import solve_versus
from ualign_env.specs import load_scenario

_FIRST_LOOK = 0.01  # seconds of learning before the first point of a trace
_SOLVED = 1e-10  # NashConv below which more learning would show nothing

Status = Literal["learned", "unsupported", "failed", "interrupted"]


@dataclass(frozen=True)
class TracePoint:
    """A look at an agent while it learns: seconds and steps so far, robust win rate and NashConv (None: undefined)."""

    seconds: float
    steps: int
    robust_win_rate: float
    nash_conv: float | None


@dataclass(frozen=True)
class Result:
    """What an agent achieved on a task.

    Attributes:
        agent: its name.
        scenario: its name.
        k: number of responses shown.
        l: number of responses of the opponent.
        seed: the task's seed.
        seconds: time spent learning, without scoring.
        steps: how often the agent yielded a policy.
        scorecard: metrics of the last policy, None where there is none.
        status: `"learned"`; `"unsupported"` where the agent met a TooLargeError; `"failed"` where it
            broke off; `"interrupted"` where the user did.
        error: why it is not `"learned"`, None if it is.
        policy: `[P][N]` how often the last policy shows each response, None where there is none.
        trace: looks taken while it learned.
    """

    agent: str
    scenario: str
    k: int
    l: int
    seed: int
    seconds: float
    steps: int
    scorecard: Scorecard | None
    status: Status
    error: str | None
    policy: list[list[float]] | None
    trace: tuple[TracePoint, ...]

    def to_dict(self) -> dict[str, Any]:
        """Returns the result as plain Python values, ready for JSON."""
        return asdict(self)


def run(name: str, agent: Agent, task: Task, seconds: float, *, look_growth: float = 2.0) -> Result:
    """Lets an agent learn a task until its time is up, it stops, or it has solved the game.

    Time is checked between the agent's steps, so that one long step can exceed the budget. An exception or an
    interruption ends the run and is noted in the result; what was learned before it is scored.

    Args:
        name: the agent's name in the result.
        agent: the agent.
        task: the task.
        seconds: time budget.
        look_growth: each look for the trace is taken at this multiple of the time of the one before.
    """
    _compile_kernels()
    elapsed, steps, look = 0.0, 0, _FIRST_LOOK
    policy, card, error = None, None, None
    status: Status = "learned"
    trace: list[TracePoint] = []
    try:
        for spent, policy in _timed(agent, task):
            elapsed += spent
            steps += 1
            card = None
            done = elapsed >= seconds
            if done or elapsed >= look:
                card = score(task.scenario, policy, task.k, opponents=task.l, curve=())
                trace.append(TracePoint(elapsed, steps, card.robust_win_rate, card.nash_conv))
                look = look_growth * elapsed
            if done or (card and _error(card) < _SOLVED):
                break
        if not steps:
            status, error = "failed", "the agent yielded no policy"
        else:
            card = score(task.scenario, policy, task.k, opponents=task.l)
    except KeyboardInterrupt:
        status, error = "interrupted", f"interrupted after {steps} steps"
    except (Exception, SystemExit) as exception:  # one agent's failure must not lose the others' results
        refused = isinstance(exception, TooLargeError)
        status = "unsupported" if refused else "failed"
        error = str(exception) if refused else "".join(traceback.format_exception(exception))
    if steps and error:
        with suppress(ValueError):  # where the last policy is what failed, there is nothing to score
            card = score(task.scenario, policy, task.k, opponents=task.l)
    learned = tabulate(policy, task.scenario, task.k).average().tolist() if card else None
    return Result(
        name, task.scenario.name, task.k, task.l, task.seed, elapsed, steps, card, status, error, learned, tuple(trace)
    )


@cache
def _compile_kernels() -> None:
    """Runs the compiled loops once, so that no agent's time includes loading them."""
    scenario = load_scenario("cycle")
    score(scenario, np.full(3, 1 / 3), 20)
    score(scenario, np.full((3, 1, 3), 1 / 3), 2)
    scenario.populations[0].pairwise()
    games = BatchedGame(scenario)
    games.reset()
    games.step([[0, 1, 2]])
    solve_versus(scenario.populations[0], 2, 2, method="double-oracle")


def _timed(agent: Agent, task: Task) -> Iterator[tuple[float, Any]]:
    """Yields the agent's policies with the time that each took to learn."""
    start = time.perf_counter()
    for policy in agent(task):
        yield time.perf_counter() - start, policy
        start = time.perf_counter()


def _error(card: Scorecard) -> float:
    """Returns how far from an equilibrium a policy is known to be; infinity where no scorecard tells."""
    if card.nash_conv is not None:
        return card.nash_conv
    # what outputs that were chosen together fall short of is not known from their score
    return card.gap if card.opponents == 1 and card.gap >= 0 else np.inf
