"""Runs agents on tasks within a time budget."""

import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ualign_env import _checks
from ualign_env._checks import TooLargeError
from ualign_env._result import Result
from ualign_env.benchmark.agents import Agent, load_agent
from ualign_env.benchmark.tasks import Task
from ualign_env.benchmark.warm_up import warm_up_everything
from ualign_env.scoring.scorecard import Evaluation, Scorecard, evaluate

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
class RunResult(Result):
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

    def summary(self) -> str:
        """Returns the agent, its score and its time."""
        found = self.error or "no policy" if self.scorecard is None else self.scorecard.summary()
        return f"{self.agent} on {self.scenario}: {found}, {self.steps} steps in {self.seconds:.2f} s"


def run(
    agent: str | Agent, task: Task, seconds: float = 2.0, *, name: str | None = None, look_growth: float = 2.0
) -> RunResult:
    """Lets an agent learn a task until its time is up, it stops, or it has solved the game.

    Time is checked between the agent's steps, so that one long step can exceed the budget. An exception or an
    interruption ends the run and is noted in the result; what was learned before it is scored.

    Args:
        agent: an agent's name, such as `"cfr-plus"`, or a generator function that takes a `Task` and yields what it has
            learned so far, anything that `tabulate` takes, as often as it likes.
        task: the task.
        seconds: time budget.
        name: the agent's name in the result (default: its own).
        look_growth: each look for the trace is taken at this multiple of the time of the one before.

    Raises:
        ValueError: if there is no such agent, or an argument is none of these.
    """
    if name is not None and not isinstance(name, str):
        raise ValueError(f"name is {name!r:.200}, but must be a string")
    if isinstance(agent, str):
        name, agent = name or agent, load_agent(agent)
    if not callable(agent):
        raise ValueError(f"agent is {agent!r:.200}, but must be the name of one or a generator function")
    if not isinstance(task, Task):
        raise ValueError(f"task is {task!r:.200}, but must be a Task")
    label = name or getattr(agent, "__name__", type(agent).__name__)
    seconds, look_growth = _checks.positive("seconds", seconds), _checks.positive("look_growth", look_growth)
    for users in task.scenario.populations:
        warm_up_everything(users)
    elapsed, steps, look = 0.0, 0, _FIRST_LOOK
    policy, error = None, None
    found: Evaluation | None = None
    card: Scorecard | None = None
    learned: list[list[float]] | None = None
    status: Status = "learned"
    trace: list[TracePoint] = []
    try:
        for spent, policy in _timed(agent, task):
            elapsed += spent
            steps += 1
            found = None
            done = elapsed >= seconds
            if done or elapsed >= look:
                found = evaluate(task.scenario, policy, task.k, task.l)
                trace.append(TracePoint(elapsed, steps, found.rate, found.nash_conv_of_profile))
                look = look_growth * elapsed
                done = done or _error(found) < _SOLVED
            if done:
                break
        if not steps:
            status, error = "failed", "the agent yielded no policy"
        else:
            card, learned = _scored(found, policy, task)
    except KeyboardInterrupt:
        status, error = "interrupted", f"interrupted after {steps} steps"
    except (Exception, SystemExit) as exception:  # one agent's failure must not lose the others' results
        refused = isinstance(exception, TooLargeError)
        status = "unsupported" if refused else "failed"
        error = str(exception) if refused else "".join(traceback.format_exception(exception))
    if steps and error:
        with suppress(Exception, KeyboardInterrupt):  # where the last policy is what failed, there is nothing to score
            card, learned = _scored(found, policy, task)
    return RunResult(
        label, task.scenario.name, task.k, task.l, task.seed, elapsed, steps, card, status, error, learned, tuple(trace)
    )


def _scored(found: Evaluation | None, policy: Any, task: Task) -> tuple[Scorecard, list[list[float]]]:
    """Returns the last policy's scorecard and how often it shows each response, read anew only if it hasn't been."""
    found = found or evaluate(task.scenario, policy, task.k, task.l)
    return found.scorecard(), found.learned.average().tolist()


def _timed(agent: Agent, task: Task) -> Iterator[tuple[float, Any]]:
    """Yields the agent's policies with the time that each took to learn."""
    start = time.perf_counter()
    for policy in agent(task):
        yield time.perf_counter() - start, policy
        start = time.perf_counter()


def _error(found: Evaluation) -> float:
    """Returns how far from an equilibrium a policy is known to be; infinity where no score tells."""
    if found.nash_conv_of_profile is not None:
        return found.nash_conv_of_profile
    # what outputs that were chosen together fall short of is not known from their score
    return found.shortfall if found.l == 1 and found.shortfall >= 0 else np.inf


def run_all(
    tasks: Iterable[Task],
    agents: Mapping[str, Agent],
    seconds: float,
    *,
    starting: Callable[[str, Task], None] | None = None,
) -> Iterator[RunResult]:
    """Lets all agents learn all tasks, one after the other, and yields each result; an interruption ends it.

    Args:
        tasks: the tasks.
        agents: the agents by their names.
        seconds: time budget of each run.
        starting: called with the agent's name and the task before each run.
    """
    for task in tasks:
        for name, agent in agents.items():
            if starting:
                starting(name, task)
            result = run(agent, task, seconds, name=name)
            yield result
            if result.status == "interrupted":
                return
